"""Journals of a store folder into an index: what is new since the last look, and nothing else.

A look ("tick") reads the names in ``live/``, the times of the month folders and of the desk,
and the sizes of the journals of runs that are at work (:mod:`notabene.store.lookout`);
everything else was read before. A full scan looks at every run's folder; it is due at the first
look and each ten minutes, for what slips through (a clock that was set back, a folder copied
with its times).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from notabene._ids import now_us
from notabene.errors import FormatError
from notabene.journal.folder import JOURNAL, RECOVERED, SEALED, StoreFolder
from notabene.journal.reader import CHUNK, Batch, JournalReader, Keysets
from notabene.journal.recover import open_orphan, project, ring_folder, sweep
from notabene.store import tables as t
from notabene.store.files import Files, sealed_name
from notabene.store.lookout import TRASH, Lookout, names
from notabene.store.relocate import relocate
from notabene.store.sqlbase import SqlBase

SWEEP_EVERY = 10_000_000
DESK_RECENT = 3600 * 10**9
"""ns for which a desk journal is looked at after it grew last."""
RUNS_AT_ONCE = 500
EMPTY_FOR = 60_000_000
"""µs for which the folder of a run may be empty: what began it may be slow, or dead."""
UNREAD = -1
"""Noted as the size of a file that the system does not let us read: it is tried again."""
FOLDER = ""
"""Name under which ``file`` keeps a run's folder: its mtime, and its month as the note."""


class Found(msgspec.Struct):
    """A journal to be read.

    Attributes:
        run: Id of the run; empty for a desk journal.
        path: The file.
        size: Its size when it was found.
        mtime: When it changed last, ns.
        start: Where to begin.
    """

    run: str
    path: Path
    size: int
    mtime: int
    start: int


class _Known(msgspec.Struct):
    position: int
    size: int
    mtime: int
    note: str


Look = tuple[list[Found], tuple[Any, ...] | None]
"""Journals of a run with something new, and the row of its folder where that changed."""


class Ingest:
    """Reads a store folder into an index.

    Args:
        folder: The store.
        store: The index.
        files: Its open files, to be told of folders that moved.
    """

    def __init__(self, folder: StoreFolder, store: SqlBase, files: Files) -> None:
        self._folder = folder
        self._store = store
        self._files = files
        self._lookout = Lookout(folder, store)
        self._fresh: list[Path] = []
        self._swept = 0
        self._waiting: list[tuple[Found, list[Batch], JournalReader]] = []
        self._weight = 0
        self._all_known: dict[str, dict[str, _Known]] | None = None
        self._ended: set[str] = set()
        self._pending_folders: list[tuple[Any, ...]] = []

    def look(self, *, full: bool = False, runs: Iterable[str] = ()) -> None:
        """Take in what is new.

        Args:
            full: Look at all runs, whether or not that is due.
            runs: Runs to look at in any case.
        """
        self._bring_home(now_us())
        try:
            full = self._lookout.begin(full=full, runs=runs)
            self._all_known = self._known_files() if full else None
            self._look_at_runs(full=full)
            self._look_at_desk(full=full)
            self._flush()
            self._all_known = None
            self._look_again_at_empty()
            self._lookout.end()
        except BaseException:
            self._lookout.forget()
            self._fresh = []
            raise

    def _look_at_runs(self, *, full: bool) -> None:
        seen: set[str] = set()
        for month in self._lookout.months():
            self._look_for_gone(month.went)
            seen.update(month.came)
            self._fresh += [] if full else [month.path / run for run in month.came]
            self._look_at([(run, month.path / run) for run in month.came], full=full)
        rest = [(run, path) for run, path in self._lookout.at_work() if run not in seen]
        self._look_at(rest, full=full)

    def _look_again_at_empty(self) -> None:
        """A folder that was seen before its run had written anything is as good as not seen.

        Else a run that begins and ends between two looks, the first of which came a moment too
        early, would not be found for a long time.
        """
        limit = now_us() - EMPTY_FOR
        fresh, self._fresh = self._fresh, []
        young = {path.name: path for path in fresh if _changed_us(path) > limit}
        names_of = list(young)
        for at in range(0, len(names_of), RUNS_AT_ONCE):
            some = names_of[at : at + RUNS_AT_ONCE]
            query = sa.select(t.run.c.id).where(t.run.c.id.in_(some))
            with self._store.reading() as connection:
                there = set(connection.execute(query).scalars())
            empty = [run for run in some if run not in there]
            if empty:
                f = t.file.c
                with self._store.writing() as connection:
                    where = (f.run.in_(empty), f.name == FOLDER)
                    connection.execute(t.file.delete().where(*where))
            for run in empty:
                self._lookout.missed(young[run])

    def _look_at(self, runs: Sequence[tuple[str, Path]], *, full: bool) -> None:
        """Look at runs, asking the index about many at once."""
        for at in range(0, len(runs), RUNS_AT_ONCE):
            some = runs[at : at + RUNS_AT_ONCE]
            if not full:
                self._all_known = self._known_files([run for run, _ in some])
            looks = [self._look_at_run(run, path, full=full) for run, path in some]
            grown = [found for found, _ in looks]
            keysets = self._store.keysets({f.run for one in grown for f in one if f.start})
            for one in grown:
                for found in one:
                    self._read(found, keysets.get(found.run, {}) if found.start else {})
            self._pending_folders += [folder for _, folder in looks if folder is not None]
            if not full:
                self._all_known = None

    # -- where to look ---------------------------------------------------------------------

    def _bring_home(self, now: int) -> None:
        if now - self._swept < SWEEP_EVERY:
            return
        self._swept = now
        with contextlib.suppress(OSError):
            sweep(self._folder)
        with contextlib.suppress(OSError):
            self._project_rings()

    def _project_rings(self) -> None:
        """Where nothing can be written, what dead writers left is shown without moving it.

        The store may be read-only, or its disk as full as it was when they died.
        """
        for run, writers in self._folder.live_runs().items():
            run_dir = self._folder.find_run_dir(run)
            for writer in writers if run_dir is not None else ():
                place = ring_folder(run_dir / f"{writer}{JOURNAL}") if run_dir else None
                orphan = None if place is None else open_orphan(place, writer)
                if orphan is not None and run_dir is not None:
                    with self._store.writing() as connection:
                        self._store.apply_within(connection, project(orphan, run_dir))

    def _look_for_gone(self, runs: Iterable[str]) -> None:
        """Runs whose folders are no longer where they were: moved, in the trash, or gone."""
        for run in runs:
            self._files.forget(run)
            place = self._folder.find_run_dir(run, trash=True)
            if place is None:
                self.drop(run)
                continue
            with self._store.writing() as connection:
                rows = [(run, FOLDER, 0, 0, 0, self._month_of(place))]
                self._put_files(connection, rows)

    def _month_of(self, place: Path) -> str:
        month = place.parent.name
        return TRASH if month == "runs" else month

    def drop(self, run: str) -> None:
        """Forget a run whose folder is gone for good; edits of it are kept."""
        with self._store.writing() as connection:
            n = connection.execute(sa.select(t.run.c.n).where(t.run.c.id == run)).scalar()
            connection.execute(t.file.delete().where(t.file.c.run == run))
            if n is None:
                return
            for table in (t.body, t.cell, t.metric, t.stat, t.points, t.value, t.capture, t.edge):
                connection.execute(table.delete().where(table.c.run == n))
            connection.execute(t.run.delete().where(t.run.c.n == n))
            self._store.note_gone(connection, run)

    # -- one run ---------------------------------------------------------------------------

    def _look_at_run(self, run: str, path: Path, *, full: bool) -> Look:
        """Take in what was sealed; gives the journals to be read, and the folder's new row."""
        try:
            entry = path.stat()
            known = self._known(run)
            folder = known.get(FOLDER)
            month = self._month_of(path)
            if (
                full
                and folder is not None
                and folder.mtime == entry.st_mtime_ns
                and folder.note == month
                and run in self._ended
            ):
                return [], None
            found = list(self._journals(run, path, known))
        except OSError:
            self._lookout.missed(path)
            return [], None
        self._forget_vanished(run, path, known)
        for item in found:
            if item.path.name == SEALED:
                self._flush()
                self._take_sealed(run, item)
        row = None
        if folder is None or (folder.mtime, folder.note) != (entry.st_mtime_ns, month):
            row = (run, FOLDER, 0, 0, entry.st_mtime_ns, month)
        return [item for item in found if item.path.name != SEALED], row

    def _forget_vanished(self, run: str, path: Path, known: dict[str, _Known]) -> None:
        """Files that were sealed away need not be remembered."""
        here = names(path)
        gone = [name for name in known if name != FOLDER and name not in here]
        if gone and SEALED in here:
            with self._store.writing() as connection:
                f = t.file.c
                connection.execute(t.file.delete().where(f.run == run, f.name.in_(gone)))

    def _known(self, run: str) -> dict[str, _Known]:
        """What was read of a run."""
        if self._all_known is not None:
            return self._all_known.get(run, {})
        return self._known_files([run]).get(run, {})

    def _known_files(self, runs: Sequence[str] | None = None) -> dict[str, dict[str, _Known]]:
        """What was read of some runs, or of all; then also which of them have ended."""
        f = t.file.c
        out: dict[str, dict[str, _Known]] = {}
        with self._store.reading() as connection:
            if runs is None:
                query = sa.select(f.run, f.name, f.position, f.size, f.mtime, f.note)
                rows: Iterable[Any] = connection.execute(query)
                ended = sa.select(t.run.c.id).where(t.run.c.status != "running")
                self._ended = set(connection.execute(ended).scalars())
            else:
                sql = 'SELECT run, name, position, size, mtime, note FROM "file" WHERE run AMONG'
                rows = self._store.database.rows_of(connection, sql, runs)
            for of, name, *rest in rows:
                out.setdefault(of, {})[name] = _Known(*rest)
        return out

    def _journals(self, run: str, path: Path, known: dict[str, _Known]) -> Iterator[Found]:
        """The files of a folder that have something new."""
        for entry in sorted(os.scandir(path), key=lambda e: e.name):
            name = entry.name
            if name.startswith(".") or not (name.endswith((JOURNAL, RECOVERED)) or name == SEALED):
                continue
            if not entry.is_file():
                continue
            stat = entry.stat()
            old = known.get(name)
            if old is not None and old.size == stat.st_size and old.mtime == stat.st_mtime_ns:
                continue
            start = 0 if old is None or old.position > stat.st_size else old.position
            yield Found(run, Path(entry.path), stat.st_size, stat.st_mtime_ns, start)

    # -- reading ---------------------------------------------------------------------------

    def _read(self, found: Found, keysets: Keysets) -> None:
        """Read a journal to its end; applies when enough has gathered."""
        reader = JournalReader(found.path, start=found.start, keysets=keysets)
        while True:
            try:
                batches = reader.read()
            except FileNotFoundError:
                return  # sealed or removed a moment ago
            except FormatError as error:
                self._put_aside(found, str(error))
                return
            except OSError as error:
                self._put_aside(found, f"cannot be read: {(error.strerror or '').lower()}", UNREAD)
                return
            if not batches and self._waiting_for(found):
                break
            self._waiting.append((found, batches, reader))
            self._weight += sum(len(p.data) for b in batches for p in b.points) + 1
            if self._weight > CHUNK or len(self._waiting) >= RUNS_AT_ONCE:
                self._flush()
            if not batches or reader.position >= found.size:
                break

    def _waiting_for(self, found: Found) -> bool:
        return bool(self._waiting) and self._waiting[-1][0] is found

    def _put_aside(self, found: Found, note: str, size: int | None = None) -> None:
        size = found.size if size is None else size
        with self._store.writing() as connection:
            row = (found.run, found.path.name, found.start, size, found.mtime, note)
            self._put_files(connection, [row])

    def _flush(self) -> None:
        """Apply what was read, and note how far, as one."""
        waiting, self._waiting, self._weight = self._waiting, [], 0
        folders, self._pending_folders = self._pending_folders, []
        if not waiting and not folders:
            return
        seen: dict[str, int] = {}
        rows: dict[tuple[str, str], tuple[Any, ...]] = {}
        batches: list[Batch] = []
        for found, read, reader in waiting:
            batches += read
            if read and found.run:
                seen[found.run] = max(seen.get(found.run, 0), min(found.mtime // 1000, now_us()))
            place = found.run, found.path.name
            rows[place] = (*place, reader.position, found.size, found.mtime, _damage(reader))
        with self._store.writing() as connection:
            if batches:
                self._store.apply_within(connection, batches, seen)
            self._put_files(connection, [*rows.values(), *folders])

    def _put_files(self, connection: sa.Connection, rows: list[tuple[Any, ...]]) -> None:
        columns = ("run", "name", "position", "size", "mtime", "note")
        self._store.database.put(connection, t.file, columns, rows, conflict="update")

    def _take_sealed(self, run: str, found: Found) -> None:
        """Read a sealed file, and have the points lie there from now on."""
        reader = JournalReader(found.path)
        try:
            batches = reader.all()
        except FormatError as error:
            self._put_aside(found, str(error))
            return
        except OSError as error:
            self._put_aside(found, f"cannot be read: {(error.strerror or '').lower()}", UNREAD)
            return
        if reader.header is None:
            return
        name = sealed_name(reader.header)
        placed = [_placed(batch, name) for batch in batches]
        with self._store.writing() as connection:
            self._store.apply_within(connection, placed, {run: found.mtime // 1000})
            relocate(self._store, connection, run, reader.header, placed)
            note = _damage(reader, whole=True)
            row = (run, SEALED, reader.position, found.size, found.mtime, note)
            self._put_files(connection, [row])

    # -- the desk --------------------------------------------------------------------------

    def _look_at_desk(self, *, full: bool) -> None:
        """New desk journals, and those that grew lately; the others only in a full scan."""
        everything = self._lookout.changed(self._folder.desk, "desk") is not None or full
        known = self._known("") if everything else self._recent_desk()
        recent = now_us() * 1000 - DESK_RECENT
        listed = names(self._folder.desk) if everything else known
        for name in sorted(listed):
            old = known.get(name)
            if not name.endswith(JOURNAL) or (old and not full and old.mtime < recent):
                continue
            path = self._folder.desk / name
            with contextlib.suppress(OSError):
                stat = path.stat()
                if old is None or old.size != stat.st_size:
                    start = 0 if old is None or old.position > stat.st_size else old.position
                    self._read(Found("", path, stat.st_size, stat.st_mtime_ns, start), {})

    def _recent_desk(self) -> dict[str, _Known]:
        f = t.file.c
        query = sa.select(f.name, f.position, f.size, f.mtime, f.note).where(f.run == "")
        query = query.where(f.mtime > now_us() * 1000 - DESK_RECENT)
        with self._store.reading() as connection:
            return {name: _Known(*rest) for name, *rest in connection.execute(query)}


def _placed(batch: Batch, name: str) -> Batch:
    points = tuple(msgspec.structs.replace(p, file=name) for p in batch.points)
    return msgspec.structs.replace(batch, points=points)


def _damage(reader: JournalReader, *, whole: bool = False) -> str:
    """What is wrong with a file; a torn end is only what a writer at work looks like, except of
    a file that appears as a whole."""
    damage = reader.damage
    if damage is None or (damage.torn and not whole):
        return ""
    return f"damaged at byte {damage.offset:,}: {damage.reason}"


def _changed_us(path: Path) -> int:
    """When a folder got or lost a name, µs; 0 where it is gone."""
    try:
        return path.stat().st_mtime_ns // 1000
    except OSError:
        return 0
