"""Which content a run's records refer to: what an export takes along and a collection spares.

Read from the journals themselves, not from the index: also values that a resumed run replaced,
captures that a later one stands for, and records of newer versions count.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from notabene.artifacts.base import BlobStore
from notabene.errors import FormatError, IntegrityError, NotFoundError
from notabene.journal.folder import JOURNAL, RECOVERED, SEALED
from notabene.journal.reader import JournalReader
from notabene.model.canonical import DIGEST_LENGTH
from notabene.model.records import (
    ArtifactLogged,
    ArtifactUsed,
    Captured,
    Heartbeat,
    KeysDefined,
    Summarised,
    encode_record,
)

# Records name content in many places (values, captures, those of versions to come): what only
# looks like a digest costs nothing, what is overlooked would be lost.
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_LISTS = ("whole", "files_kept")
"""What in a captured part names a list: all of the part, and the files of its sets."""
_LIST = re.compile(rb'"files_kept":"([0-9a-f]{64})"')
_NAMELESS = (Summarised, KeysDefined, Heartbeat)


class Referenced(msgspec.Struct):
    """What records refer to.

    Attributes:
        content: Digests of all kinds, those of manifests among them.
        manifests: Digests of the manifests of artifacts.
        versions: ``(name, version)`` of artifacts that were made or read.
        made: Those of them that were made.
        lists: Digests of content that refers to content in turn; see :func:`follow_lists`.
    """

    content: set[str] = msgspec.field(default_factory=set)
    manifests: set[str] = msgspec.field(default_factory=set)
    versions: set[tuple[str, int]] = msgspec.field(default_factory=set)
    made: set[tuple[str, int]] = msgspec.field(default_factory=set)
    lists: set[str] = msgspec.field(default_factory=set)


def journal_files(run_dir: Path) -> list[Path]:
    """The files of a run's folder that hold records, in order of their names."""
    try:
        names = sorted(run_dir.iterdir())
    except FileNotFoundError:
        return []
    return [
        path
        for path in names
        if not path.name.startswith(".")
        and (path.suffix in (JOURNAL, RECOVERED) or path.name == SEALED)
    ]


def referenced_by(run_dir: Path, into: Referenced, *, strict: bool = False) -> None:
    """Add what a run's records refer to.

    Args:
        run_dir: Folder of the run.
        into: Where to add it.
        strict: Damage in the middle of a journal is an error: who removes what nothing refers to
            must have read everything.

    Raises:
        FormatError: A journal is damaged or of a newer format, and ``strict`` is set.
    """
    done: set[str] = set()
    # Again until nothing is new: a run that is sealed meanwhile has its records in another file.
    while paths := [path for path in journal_files(run_dir) if path.name not in done]:
        for path in paths:
            done.add(path.name)
            try:
                _read(path, into, strict=strict)
            except FileNotFoundError:
                continue
            except FormatError:
                if strict:
                    raise


def follow_lists(into: Referenced, blobs: BlobStore, *, strict: bool = False) -> None:
    """Add what is referred to by parts of records that were too long for the records themselves.

    Args:
        into: What records refer to; added to.
        blobs: Where those parts lie. What is not there is passed over.
        strict: A damaged one is an error.

    Raises:
        FormatError: One is damaged, and ``strict`` is set.
    """
    done: set[str] = set()
    while waiting := into.lists - done:
        done |= waiting
        for digest in waiting:
            try:
                content = blobs.read(digest)
            except NotFoundError:
                continue
            except IntegrityError as error:
                if strict:
                    raise FormatError(
                        f"content {digest} is damaged, so that it cannot be told what it refers to",
                        hint="delete the run that it belongs to, or copy it from a backup",
                    ) from error
                continue
            into.content.update(found.decode() for found in _DIGEST.findall(content))
            into.lists.update(found.decode() for found in _LIST.findall(content))


def _read(path: Path, into: Referenced, *, strict: bool) -> None:
    reader = JournalReader(path)
    while batches := reader.read():
        for batch in batches:
            for entry in batch.entries:
                record = entry.record
                if isinstance(record, _NAMELESS):
                    continue
                if isinstance(record, ArtifactLogged | ArtifactUsed):
                    into.manifests.add(record.digest)
                    into.versions.add((record.name, record.version))
                    if isinstance(record, ArtifactLogged):
                        into.made.add((record.name, record.version))
                if isinstance(record, Captured):
                    named = (str(record.data.get(name, "")) for name in _LISTS)
                    into.lists.update(digest for digest in named if len(digest) == DIGEST_LENGTH)
                into.content.update(
                    digest.decode() for digest in _DIGEST.findall(encode_record(record))
                )
    if strict and reader.damage is not None and not reader.damage.torn:
        raise FormatError(
            f"the journal {path} is damaged at byte {reader.damage.offset:,}, so that it cannot "
            "be told what it refers to",
            hint=f"notabene journal repair {path}",
        )
