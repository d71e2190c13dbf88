"""Import: a bundle's runs into a store, verified as a whole before anything is placed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from notabene._ids import now_us
from notabene.api.archive import HEAD, Progress, staging, unpack
from notabene.api.bundle import FORMAT, Alias, Head, Packed, Shelf
from notabene.api.rewrite import Renaming, header_run, rewrite_journal
from notabene.api.sameness import Sameness, compare, content, spans_of
from notabene.artifacts.base import check_digest
from notabene.artifacts.cells import Stamp, write_cell
from notabene.artifacts.files import create_once, storage_error
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.versions import NONE, VersionFile, Versions, logged_key
from notabene.errors import ConflictError, FormatError, UsageError
from notabene.journal.desk import desk_journal
from notabene.journal.file import sync_folder
from notabene.journal.folder import JOURNAL, RECOVERED, SEALED, StoreFolder, artifact_folder
from notabene.journal.reader import JournalReader
from notabene.model.canonical import digest_bytes
from notabene.model.records import AliasMoved, ArtifactDeleted, Entry, NoteWritten, ViewSaved
from notabene.model.refs import check_alias, check_artifact_name, check_run_id

_MONTH = re.compile(r"\d{4}-\d{2}\Z")
_NUMBER = re.compile(r"v([1-9][0-9]{0,8})\Z")
S = TypeVar("S", bound=msgspec.Struct)


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did.

    Attributes:
        imported: Ids of the runs that are new here.
        updated: Ids of the runs of which records came that were not here.
        skipped: Ids of the runs that were here already.
        renamed: New ids of runs whose id was taken.
        artifacts: Versions that are new here, as ``name:v3``.
        renumbered: What versions are called here whose number was taken.
        blobs: How much content is new here.
    """

    imported: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    renamed: dict[str, str] = {}
    artifacts: tuple[str, ...] = ()
    renumbered: dict[str, str] = {}
    blobs: int = 0


def import_bundle(
    folder: StoreFolder,
    blobs: LocalBlobs,
    path: Path,
    *,
    new_ids: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Take in a bundle; see :meth:`notabene.Api.import_`."""
    with staging(folder.root) as place:
        digests = unpack(path, place, progress=progress)
        incoming = _Incoming(path, place, digests)
        try:
            return _Import(folder, blobs, incoming, new_ids=new_ids).place()
        except OSError as error:
            raise storage_error(error, f"import {path} into {folder.root}") from error


class _Incoming:
    """An unpacked bundle, checked: what it says of itself holds."""

    def __init__(self, path: Path, place: Path, digests: dict[str, str]) -> None:
        self.path, self.root = path, place
        head = msgspec.json.decode((place / HEAD).read_bytes())
        version = head.get("format", 0) if isinstance(head, dict) else 0
        if not isinstance(version, int) or version > FORMAT:
            raise FormatError(
                f"the bundle {path} has format {version}; this notabene reads up to {FORMAT}",
                hint="upgrade notabene",
            )
        self.head = self._json(HEAD, Head)
        self.shelf = self._json("artifacts.json", Shelf)
        self.blobs = sorted(name[6:] for name in digests if name.startswith("blobs/"))
        self.runs = {run.id: place / "runs" / str(i) for i, run in enumerate(self.head.runs)}
        self._check_runs()
        self._check_shelf()
        self.edits = self._edits()

    def _json(self, name: str, kind: type[S]) -> S:
        try:
            return msgspec.json.decode((self.root / name).read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError) as error:
            raise self._refused(f"its {name} cannot be read: {error}") from error

    def _refused(self, what: str) -> FormatError:
        return FormatError(f"the bundle {self.path} is refused as a whole: {what}")

    def _check_runs(self) -> None:
        for run in self.head.runs:
            try:
                check_run_id(run.id)
            except UsageError as error:
                raise self._refused(error.message) from error
            if run.month and not _MONTH.match(run.month):
                raise self._refused(f"{run.month!r} is no month")
        if len(self.runs) != len(self.head.runs):
            raise self._refused("it names a run twice")
        known = {place.name for place in self.runs.values()}
        there = self.root / "runs"
        for place in sorted(there.iterdir()) if there.is_dir() else ():
            if place.name not in known:
                raise self._refused(f"it holds files of a run {place.name} that it does not name")
        for run_id, place in self.runs.items():
            place.mkdir(parents=True, exist_ok=True)
            for file in place.iterdir():
                if is_journal(file) and self._run_of(file) not in (None, run_id):
                    raise self._refused(f"a journal of run {run_id} is of another run")

    def _run_of(self, file: Path) -> str | None:
        try:
            return header_run(file)
        except FormatError as error:
            raise self._refused(f"{file.name}: {error.message}") from error

    def _check_shelf(self) -> None:
        known = {(version.name, version.version) for version in self.shelf.versions}
        names = {name for name, _ in known}
        try:
            for version in self.shelf.versions:
                check_artifact_name(version.name)
                check_digest(version.digest)
                if version.version < 1:
                    raise self._refused(f"{version.name} has a version {version.version}")
            for alias in self.shelf.aliases:
                if alias.version is None or alias.alias != logged_key(alias.version):
                    check_alias(alias.alias)
                there = alias.version is None and alias.name in names
                if not there and (alias.name, alias.version) not in known:
                    raise self._refused(f"it moves an alias of {alias.name!r}, which is not in it")
                stamp = Stamp(alias.time, alias.writer, alias.seq)
                write_cell(self.root / "cells", alias.alias, NONE, stamp)  # says what is wrong
        except UsageError as error:
            raise self._refused(error.message) from error

    def _edits(self) -> list[Entry]:
        reader = JournalReader(self.root / "desk.journal")
        entries = [entry for batch in reader.all() for entry in batch.entries]
        names = {version.name for version in self.shelf.versions}
        for entry in entries:
            record = entry.record
            if isinstance(record, AliasMoved):
                mine = record.name in names
            elif isinstance(record, ArtifactDeleted):
                mine = False
            elif isinstance(record, ViewSaved) or (
                isinstance(record, NoteWritten) and record.project
            ):
                mine = record.project in self.head.projects
            else:
                mine = entry.run in self.runs
            if not mine:
                raise self._refused("it holds edits of what is not in it")
        return entries


def is_journal(path: Path) -> bool:
    """Whether a file of a run's folder holds records, by its name."""
    return path.suffix in (JOURNAL, RECOVERED) or path.name == SEALED


class _Import:
    def __init__(
        self, folder: StoreFolder, blobs: LocalBlobs, incoming: _Incoming, *, new_ids: bool
    ) -> None:
        self.folder, self.blobs, self.incoming = folder, blobs, incoming
        self.new_ids = new_ids
        self.versions = Versions(folder.artifacts)

    def place(self) -> Imported:
        """Place everything: content first, what refers to it after, so that nothing dangles."""
        numbers = self._numbers()
        moved = Renaming(versions={place: n for place, n in numbers.items() if place[1] != n})
        self._rewrite(moved)
        taken = Renaming(runs=self._taken())
        self._rewrite(taken)
        back = self._here_already(taken)
        self._rewrite(back)
        taken = Renaming(runs={old: n for old, n in taken.runs.items() if n not in back.runs})
        names = {run.id: taken.runs.get(run.id, run.id) for run in self.incoming.head.runs}
        fates = {name: self._fate(name, self.incoming.runs[run]) for run, name in names.items()}
        blobs = self._place_blobs()
        made = self._place_versions(numbers, taken)
        for run in self.incoming.head.runs:
            self._place_run(run, names[run.id], fates[names[run.id]])
        self._place_edits(Renaming(runs=taken.runs, versions=moved.versions))
        return Imported(
            imported=tuple(name for name, fate in fates.items() if fate == "new"),
            updated=tuple(name for name, fate in fates.items() if fate == "more"),
            skipped=tuple(name for name, fate in fates.items() if fate == "skip"),
            renamed=taken.runs,
            artifacts=made,
            renumbered={
                f"{name}:v{old}": f"{name}:v{new}" for (name, old), new in moved.versions.items()
            },
            blobs=blobs,
        )

    # -- deciding --------------------------------------------------------------------------

    def _numbers(self) -> dict[tuple[str, int], int]:
        """The number that each version of the bundle has here, or will have.

        Its own where that is free or has the same content, else that of the same content, else
        one that is free on both sides.
        """
        found: dict[tuple[str, int], int] = {}
        for name in sorted({version.name for version in self.incoming.shelf.versions}):
            mine = [v for v in self.incoming.shelf.versions if v.name == name]
            here = {v.version: v.digest for v in self.versions.list(name, deleted=True)}
            used = self._used(name)
            free = max([*used, *(v.version for v in mine)], default=0) + 1
            for version in mine:
                number = version.version
                same = [n for n, digest in here.items() if digest == version.digest]
                if number not in same and (number in used or same):
                    number = max(same, default=free)
                    free += number == free
                found[name, version.version] = number
        return found

    def _used(self, name: str) -> set[int]:
        place = self.folder.artifacts / artifact_folder(name)
        names = [path.name for path in place.iterdir()] if place.is_dir() else []
        return {int(match[1]) for n in names if (match := _NUMBER.match(n))}

    def _taken(self) -> dict[str, str]:
        """New ids for the runs whose id another run has here.

        Raises:
            ConflictError: There are such, and ``new_ids`` is not set.
        """
        taken: dict[str, str] = {}
        for run_id, staged in self.incoming.runs.items():
            here = self.folder.find_run_dir(run_id, trash=True)
            if here is not None and compare(here, staged) is Sameness.OTHER:
                # Made from the content, so that importing again finds it here.
                taken[run_id] = f"{run_id[:120]}-{content(staged, spans_of(staged))[:6]}"
        if taken and not self.new_ids:
            run_id = next(iter(taken))
            more = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
            raise ConflictError(
                f"there is another run with the id {run_id}{more} in {self.folder.root}",
                hint="import under new ids: new_ids=True, or --new-ids",
            )
        return taken

    def _here_already(self, taken: Renaming) -> Renaming:
        """Back to their own ids: runs that differ from those here by the new id of a parent only.

        They were imported before, and kept their id then.
        """
        back: dict[str, str] = {}
        for old, new in taken.runs.items():
            here = self.folder.find_run_dir(old, trash=True)
            if here and compare(here, self.incoming.runs[old]) is not Sameness.OTHER:
                back[new] = old
        return Renaming(runs=back)

    def _fate(self, run_id: str, staged: Path) -> str:
        here = self.folder.find_run_dir(run_id, trash=True)
        if here is None:
            return "new"
        return "skip" if compare(here, staged) is Sameness.WITHIN else "more"

    def _rewrite(self, renaming: Renaming) -> None:
        for staged in self.incoming.runs.values() if renaming else ():
            old = staged.with_name(f"{staged.name}-old")
            staged.rename(old)
            staged.mkdir()
            for path in old.iterdir():
                if is_journal(path):
                    rewrite_journal(path, staged / path.name, renaming)
                else:
                    path.replace(staged / path.name)
            shutil.rmtree(old)

    # -- placing ---------------------------------------------------------------------------

    def _place_blobs(self) -> int:
        new = 0
        for digest in self.incoming.blobs:
            if not self.blobs.has(digest):
                self.blobs.put_file(self.incoming.root / "blobs" / digest, move=True)
                new += 1
        self.blobs.touch(self.incoming.blobs)
        self.blobs.flush()
        return new

    def _place_versions(
        self, numbers: dict[tuple[str, int], int], renaming: Renaming
    ) -> tuple[str, ...]:
        made = []
        for version in self.incoming.shelf.versions:
            number = numbers[version.name, version.version]
            run = renaming.runs.get(version.run, version.run)
            here = msgspec.structs.replace(version, version=number, run=run)
            if self._place_version(here):
                made.append(f"{here.name}:v{number}")
        for alias in self.incoming.shelf.aliases:
            self._place_alias(alias, numbers)
        return tuple(made)

    def _place_version(self, version: VersionFile) -> bool:
        place = self.folder.artifacts / artifact_folder(version.name) / f"v{version.version}"
        place.parent.mkdir(parents=True, exist_ok=True)
        if create_once(place, msgspec.json.encode(version)):
            return True
        there = msgspec.json.decode(place.read_bytes(), type=VersionFile)
        if there.digest != version.digest:
            raise ConflictError(
                f"{version.name}:v{version.version} was made by somebody else just now",
                hint="import again",
            )
        if there.created < version.created:  # logged there after it was made here
            stamp = Stamp(version.created, version.writer or "0")
            write_cell(place.parent / "cells", logged_key(there.version), str(there.version), stamp)
        return False

    def _place_alias(self, alias: Alias, numbers: dict[tuple[str, int], int]) -> None:
        cells = self.folder.artifacts / artifact_folder(alias.name) / "cells"
        key, value = alias.alias, NONE
        if alias.version is not None:
            number = numbers[alias.name, alias.version]
            value = str(number)
            key = logged_key(number) if key == logged_key(alias.version) else key
        write_cell(cells, key, value, Stamp(alias.time, alias.writer, alias.seq))

    def _place_run(self, run: Packed, run_id: str, fate: str) -> None:
        staged = self.incoming.runs[run.id]
        if fate == "new":
            month = run.month or time.strftime("%Y-%m", time.gmtime(now_us() / 1e6))
            target = self.folder.runs / month / run_id
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.rename(target)
            sync_folder(target.parent)
            return
        here = self.folder.find_run_dir(run_id, trash=True)
        if fate == "more" and here is not None:
            for path in sorted(staged.iterdir()):
                _add_file(path, here)

    def _place_edits(self, renaming: Renaming) -> None:
        entries: Sequence[Entry] = [renaming.entry(entry) for entry in self.incoming.edits]
        if not entries:
            return
        data = desk_journal(entries)
        self.folder.desk.mkdir(parents=True, exist_ok=True)
        path = self.folder.desk / f"import-{digest_bytes(data)[:16]}{JOURNAL}"
        if create_once(path, data):
            # As old as what it says: a run at work takes no old request to stop for a new one.
            newest = max(entry.time for entry in entries) / 1e6
            os.utime(path, (newest, newest))
        sync_folder(self.folder.desk)


def _add_file(path: Path, here: Path) -> None:
    """Add a file to a run that is here: records beside what is there, the longer console."""
    target = here / path.name
    if is_journal(path) and target.exists():
        data = path.read_bytes()
        if target.read_bytes() == data:
            return
        # Records count once wherever they stand, so a second file of a writer does no harm.
        target = here / f"import-{digest_bytes(data)[:12]}{JOURNAL}"
    elif target.exists() and target.stat().st_size >= path.stat().st_size:
        return
    with contextlib.suppress(FileNotFoundError):
        path.replace(target)
