"""The index of a store folder: a cache in SQLite on a local disk, never the truth.

It lies under the user's cache folder, named by the store's path, and is made anew without a
word when it is damaged, of another schema, or of another store. Where no local disk can be
had it lives in memory.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from notabene.errors import FormatError, TransportError
from notabene.journal.folder import JOURNAL, RECOVERED, StoreFolder
from notabene.journal.mounts import is_local
from notabene.model.canonical import digest_bytes
from notabene.settings import cache_folder
from notabene.store import tables as t
from notabene.store.compaction import compact
from notabene.store.database import Database, connect
from notabene.store.files import Files
from notabene.store.ingest import Ingest
from notabene.store.seal import Sealed, empty_trash, seal_run
from notabene.store.sql import SqlStore
from notabene.store.verify import CheckReport, RebuildReport, check_index

JOIN_SECONDS = 0.1
"""Seconds of a look that may go into joining small pieces."""
WAIT = 1.0
"""Seconds to wait for another process that is taking in what is new."""
OPEN_WITHIN = 10.0
"""Seconds to wait for another process that is making the index."""


def index_path(root: Path, cache: Path | None = None) -> Path | None:
    """Where the index of a store lies; None if only memory is left.

    Args:
        root: The store.
        cache: Folder for caches; by default the user's.
    """
    place = (cache or cache_folder()) / "index"
    name = digest_bytes(os.path.realpath(root).encode("utf-8", "surrogateescape"))[:24]
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    if not is_local(place) or not os.access(place, os.W_OK):
        return None
    return place / f"{name}.sqlite"


class LocalStore(SqlStore):
    """The index of a store folder, kept up to date by whoever asks.

    Args:
        folder: The store.
        path: Where the index lies; None for memory.
    """

    def __init__(self, folder: StoreFolder, path: Path | None) -> None:
        self.folder = folder
        self.index_path = path
        self.files = Files(folder)
        self._looking = threading.Lock()
        self._spoilt: set[str] = set()
        # Alone: an index that another process is just making looks like a damaged one.
        with self._alone_for(OPEN_WITHIN):
            self._fresh = _outdated(path, folder.store_id)
            super().__init__(_database(path), self.files.read)
            with self.writing() as connection:
                rows = [("store", folder.store_id)]
                self.database.put(connection, t.meta, ("key", "value"), rows, conflict="update")
        self._ingest = Ingest(folder, self, self.files)

    def refresh(self, *, full: bool = False, runs: Sequence[str] = (), wait: float = WAIT) -> bool:
        """Take in what is new in the store.

        One process does it at a time; who comes second waits for the first, but not long.

        Args:
            full: Look at all runs, also at those that seem to have ended.
            runs: Look at these runs in any case.
            wait: Seconds to wait for another process.

        Returns:
            Whether the look was taken here; False where another process is at it for longer.
        """
        with self._looking, self._alone_for(wait) as mine:
            if mine:
                try:
                    self._ingest.look(full=full, runs=runs)
                except (sa.exc.DatabaseError, FormatError) as error:
                    if not _is_damage(error):
                        raise
                    self._start_anew()
                    self._ingest.look(full=True)
                compact(self, JOIN_SECONDS)
            return mine

    @contextlib.contextmanager
    def _alone_for(self, wait: float) -> Iterator[bool]:
        """Try to become the one process that writes; says whether that came to be."""
        if self.index_path is None:
            yield True
            return
        import fcntl

        path = self.index_path.with_suffix(".lock")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + wait
        try:
            mine = False
            while True:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    mine = True
                if mine or time.monotonic() >= end:
                    break
                time.sleep(0.02)
            yield mine
        finally:
            os.close(fd)

    def _start_anew(self) -> None:
        """Throw the index away and begin with an empty one."""
        self.database.close()
        self.files.close()
        if self.index_path is not None:
            remove_index(self.index_path)
        SqlStore.__init__(self, _database(self.index_path), self.files.read)
        self._ingest = Ingest(self.folder, self, self.files)
        with self.writing() as connection:
            rows = [("store", self.folder.store_id)]
            self.database.put(connection, t.meta, ("key", "value"), rows, conflict="update")

    def rebuild(self) -> RebuildReport:
        """Make the index anew from the journals.

        Raises:
            TransportError: Another process is at work on it.
        """
        begun = time.monotonic()
        with self._looking, self._alone_for(10.0) as mine:
            if not mine:
                raise TransportError("another process is at work on the index", hint="try again")
            self._start_anew()
            self._ingest.look(full=True)
        with self.reading() as connection:
            query = sa.select(sa.func.count(), sa.func.sum(t.run.c.points))
            runs, points = connection.execute(query).one()
        return RebuildReport(runs=runs, points=int(points or 0), seconds=time.monotonic() - begun)

    def seal(self, *, budget: float = 0.2) -> list[Sealed]:
        """Compact runs that have ended, the oldest first, as many as the time allows.

        Args:
            budget: Seconds.

        Returns:
            What was done.
        """
        end = time.monotonic() + budget
        done: list[Sealed] = []
        for run in self._unsealed():
            path = self.folder.find_run_dir(run)
            if time.monotonic() > end:
                break
            if path is None or run in self._spoilt:
                continue
            try:
                sealed = seal_run(self.folder, path, run, deadline=end)
            except (OSError, FormatError):
                self._spoilt.add(run)  # what is wrong with it, ``check`` tells
                continue
            if sealed is not None:
                done.append(sealed)
        if done:
            empty_trash(self.folder)
            self.refresh(runs=[sealed.run for sealed in done])
        return done

    def _unsealed(self) -> list[str]:
        """Runs that have ended and whose journals lie as they were written."""
        f, r = t.file.c, t.run.c
        journals = sa.or_(f.name.endswith(JOURNAL), f.name.endswith(RECOVERED))
        query = (
            sa.select(r.id)
            .where(r.status != "running", r.deleted == 0)
            .where(sa.exists().where(f.run == r.id, journals))
            .where(~sa.exists().where(f.run == r.id, f.name != "", f.note != ""))
            .order_by(r.n)
        )
        with self.reading() as connection:
            return list(connection.execute(query).scalars())

    def check(self) -> CheckReport:
        """Verify the index against the journals, and summaries against their points."""
        anew = LocalStore(self.folder, None)
        try:
            anew.refresh(full=True)
            self.refresh(full=True)
            return check_index(self, anew)
        finally:
            anew.close()

    def close(self) -> None:
        """Close the index and all files."""
        super().close()
        self.files.close()


def remove_index(path: Path) -> None:
    """Remove an index, if it is there."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _database(path: Path | None) -> Database:
    return Database(connect("sqlite://" if path is None else f"sqlite:///{path}"))


def _outdated(path: Path | None, store_id: str) -> bool:
    """Remove an index that cannot be used: damaged, or of another schema or store."""
    if path is None or not path.exists():
        return True
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as connection:
            found = dict(connection.execute("SELECT key, value FROM meta"))
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return False
        found = {}
    except sqlite3.DatabaseError:
        found = {}
    if found.get("schema") == str(t.SCHEMA) and found.get("store", store_id) == store_id:
        return False
    remove_index(path)
    return True


def _is_damage(error: Exception) -> bool:
    if isinstance(error, FormatError):
        return "index" in str(error)
    text = str(error).lower()
    return any(word in text for word in ("malformed", "not a database", "no such table", "corrupt"))
