"""Export: runs as one file, with all that belongs to them.

bundle.json                 format, and which runs and projects are in it
runs/<n>/<file>             the files of the n-th run's folder
desk.journal                what people wrote about them
artifacts.json              versions of artifacts that they made, and their aliases
blobs/<sha-256>             content they refer to
digests.json                digest and size of each of the above
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from notabene.api.archive import HEAD, MEMBERS, ArchiveWriter, Progress
from notabene.api.digests import Referenced, follow_lists, referenced_by
from notabene.artifacts.cells import read_cells
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.manifest import load_manifest
from notabene.artifacts.versions import NONE, PURGED, VersionFile
from notabene.errors import FormatError, IntegrityError, NotFoundError
from notabene.journal.desk import desk_journal, read_desk
from notabene.journal.folder import JOURNAL, RECOVERED, StoreFolder, artifact_folder
from notabene.journal.recover import open_orphan, recovered_bytes
from notabene.model.canonical import digest_chunks
from notabene.model.records import AliasMoved, ArtifactDeleted, Entry, NoteWritten, ViewSaved

FORMAT = 1
SUFFIX = ".notabene"
CHUNK = 1 << 20
AT_ONCE = 8 << 20
"""Content up to this many bytes is verified in memory; larger is read twice."""

SLACK = 1 << 20

File = tuple[str, int, Path | bytes]
"""Name, size, and place or content."""


class Packed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run in a bundle.

    Attributes:
        id: The run.
        month: The month folder it lay in, ``2024-05``.
    """

    id: str
    month: str


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``bundle.json`` says.

    Attributes:
        format: Version of the format.
        bytes: How many the other members have together, at most.
        runs: The runs, by the number of their folder.
        projects: Projects that are taken along as a whole.
        missing: Digests of content that could not be had.
    """

    format: int = FORMAT
    bytes: int = 0
    runs: tuple[Packed, ...] = ()
    projects: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Alias(msgspec.Struct, frozen=True):
    """An alias as it stands, and who moved it when; no version where it was taken away."""

    name: str
    alias: str
    version: int | None
    time: int
    writer: str
    seq: int


class Shelf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``artifacts.json`` says."""

    versions: tuple[VersionFile, ...] = ()
    aliases: tuple[Alias, ...] = ()


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export did.

    Attributes:
        path: The file.
        bytes: Its size.
        runs: Ids of the runs in it.
        artifacts: The versions in it, as ``name:v3``.
        blobs: How much content is in it.
        missing: Digests that records refer to and the store lacks or has damaged.
    """

    path: Path
    bytes: int
    runs: tuple[str, ...]
    artifacts: tuple[str, ...]
    blobs: int
    missing: tuple[str, ...]


class Bundle:
    """Gathers what goes into an export.

    Args:
        folder: The store.
        blobs: Its content.
        runs: Ids of the runs, in the order they get in the bundle.
        projects: Projects whose own notes are taken along.
        inputs: Also versions of artifacts that the runs read.
    """

    def __init__(
        self,
        folder: StoreFolder,
        blobs: LocalBlobs,
        runs: Sequence[str],
        projects: Sequence[str] = (),
        *,
        inputs: bool = False,
    ) -> None:
        self.folder, self.blobs = folder, blobs
        self.places: dict[str, Path] = {}
        for run in sorted(dict.fromkeys(runs)):
            place = folder.find_run_dir(run, trash=True)
            if place is None:
                raise NotFoundError(f"the folder of run {run} is not in {folder.root}")
            self.places[run] = place
        self.projects = tuple(sorted(set(projects)))
        self.referenced = Referenced()
        for place in self.places.values():
            referenced_by(place, self.referenced)
        follow_lists(self.referenced, blobs)
        self.shelf = self._shelf(inputs=inputs)
        self.edits = self._edits()
        self.content, self.missing = self._content()

    def _shelf(self, *, inputs: bool) -> Shelf:
        wanted = self.referenced.versions if inputs else self.referenced.made
        versions: list[VersionFile] = []
        aliases: list[Alias] = []
        for name in sorted({name for name, _ in wanted}):
            place = self.folder.artifacts / artifact_folder(name)
            cells = read_cells(place / "cells")
            numbers = {
                number
                for of, number in wanted
                if of == name and (f"v{number}" not in cells or cells[f"v{number}"].value != PURGED)
            }
            for number in sorted(numbers):
                with contextlib.suppress(OSError, msgspec.MsgspecError):
                    data = (place / f"v{number}").read_bytes()
                    versions.append(msgspec.json.decode(data, type=VersionFile))
            for key, cell in sorted(cells.items()):
                if cell.value in {NONE, *map(str, numbers)}:
                    version = int(cell.value) if cell.value.isdigit() else None
                    aliases.append(Alias(name, key, version, *cell.stamp))
        return Shelf(versions=tuple(versions), aliases=tuple(aliases))

    def _edits(self) -> list[Entry]:
        numbers = {(version.name, version.version) for version in self.shelf.versions}
        names = {name for name, _ in numbers}

        def belongs(entry: Entry) -> bool:
            record = entry.record
            if isinstance(record, AliasMoved):
                at = (record.name, record.version)
                return at in numbers or (record.version is None and record.name in names)
            if isinstance(record, ArtifactDeleted):
                return False  # a version in the trash arrives out of it
            if isinstance(record, ViewSaved):
                return record.project in self.projects
            if isinstance(record, NoteWritten) and record.project:
                return record.project in self.projects
            return entry.run in self.places

        return [entry for entry in read_desk(self.folder) if belongs(entry)]

    def _content(self) -> tuple[dict[str, int], tuple[str, ...]]:
        """Digest and size of what is taken along, and what records name but is not to be had."""
        wanted = dict.fromkeys(sorted(self.referenced.content - self.referenced.manifests), False)
        for version in self.shelf.versions:
            wanted[version.digest] = True
            with contextlib.suppress(NotFoundError, IntegrityError, FormatError):
                needed = load_manifest(self.blobs, version.digest).blobs()
                wanted.update(dict.fromkeys(needed, True))
        found, missing = {}, []
        for digest, certain in sorted(wanted.items()):
            try:
                found[digest] = self.blobs.size(digest)
            except NotFoundError:
                if certain:  # what only looks like a digest is not missed
                    missing.append(digest)
        return found, tuple(missing)

    def write(
        self, path: Path, *, overwrite: bool = False, progress: Progress | None = None
    ) -> Exported:
        """Write the file.

        Raises:
            ConflictError: It is there already, and ``overwrite`` is not set.
            AccessError, TransportError: It cannot be written.
        """
        path = path if path.suffix else path.with_name(path.name + SUFFIX)
        files = {run: list(self._files(place)) for run, place in self.places.items()}
        shelf, desk = _json(self.shelf), desk_journal(self.edits)
        of_runs = sum(size for members in files.values() for _, size, _ in members)
        total = sum(self.content.values()) + of_runs + len(shelf) + len(desk)
        missing = list(self.missing)
        with ArchiveWriter(path, overwrite=overwrite, progress=progress, total=total) as archive:
            good = [d for d in self.content if self._is_good(d, missing)]
            # A run that is sealed meanwhile may come twice.
            archive.add_bytes(HEAD, _json(self._head(total + of_runs, missing)))
            archive.add_bytes("artifacts.json", shelf)
            archive.add_bytes("desk.journal", desk)
            for number, run in enumerate(self.places):
                self._add_run(archive, number, files[run], self.places[run])
            for digest in good:
                archive.add(f"blobs/{digest}", self.content[digest], self.blobs.stream(digest))
            size = archive.finish()
        return Exported(
            path=path,
            bytes=size,
            runs=tuple(self.places),
            artifacts=tuple(f"{v.name}:v{v.version}" for v in self.shelf.versions),
            blobs=len(good),
            missing=tuple(missing),
        )

    def _head(self, most: int, missing: Iterable[str]) -> Head:
        packed = []
        for run, place in self.places.items():
            month = place.parent.name if place.parent.parent == self.folder.runs else ""
            packed.append(Packed(id=run, month=month))
        return Head(
            bytes=most + SLACK, runs=tuple(packed), projects=self.projects, missing=tuple(missing)
        )

    def _is_good(self, digest: str, missing: list[str]) -> bool:
        try:
            if self.content[digest] <= AT_ONCE:
                self.blobs.read(digest)
            elif digest_chunks(self.blobs.stream(digest)) != digest:
                raise IntegrityError(digest)
        except (NotFoundError, IntegrityError):
            missing.append(digest)
            return False
        return True

    # -- files of a run --------------------------------------------------------------------

    def _files(self, place: Path) -> Iterator[File]:
        """Name, size and place or content of each file that is taken along."""
        with os.scandir(place) as entries:
            names = sorted(e.name for e in entries if e.is_file(follow_symlinks=False))
        for name in names:
            if MEMBERS.fullmatch(f"runs/0/{name}"):
                yield name, (place / name).stat().st_size, place / name
        for name in names:
            writer = name.removesuffix(JOURNAL)
            if name.endswith(JOURNAL) and f"{writer}{RECOVERED}" not in names:
                data = _from_ring(place, writer)
                if data is not None:
                    yield f"{writer}{RECOVERED}", len(data), data

    def _add_run(self, archive: ArchiveWriter, number: int, files: list[File], place: Path) -> None:
        done = set()
        # Once more: a run that is sealed meanwhile has its records in a file that is new.
        for name, size, source in (*files, *self._files(place)):
            if name in done:
                continue
            done.add(name)
            if isinstance(source, bytes):
                archive.add_bytes(f"runs/{number}/{name}", source)
                continue
            with contextlib.suppress(FileNotFoundError), open(source, "rb") as file:
                archive.add(f"runs/{number}/{name}", size, _beginning(file, size))


def _beginning(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The first ``size`` bytes of a file; what is appended meanwhile is left out."""
    left = size
    while left and (chunk := file.read(min(left, CHUNK))):
        left -= len(chunk)
        yield chunk


def _from_ring(place: Path, writer: str) -> bytes | None:
    """What a dead writer's ring holds, where nobody could bring it home (a read-only store)."""
    orphan = open_orphan(place, writer)
    if orphan is None:
        return None
    try:
        return recovered_bytes(orphan, place)
    finally:
        orphan.release()


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1)
