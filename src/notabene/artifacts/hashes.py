"""What was hashed before: digests of files by their size, times and number, for one user.

A file with the same device, number, size, time of change of content and time of change of
state (which no program can set back) is taken to have the same content. It is a cache: losing
it costs reading files once more.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from notabene._ids import now_us

LIMIT = 2_000_000
"""Rows that are kept; beyond these, the oldest are forgotten."""

SETTLED = 2_000_000_000
"""Nanoseconds that must lie between a file's last change and its reading: a later change within
the same tick of the file system's clock would not be seen."""

BATCH = 1000
BATCH_BYTES = 1 << 30
"""What is learned is written after so many files, or bytes that were read."""

_SCHEMA = """
create table if not exists file (
    dev integer, ino integer, size integer, mtime integer, ctime integer, digest blob,
    primary key (dev, ino)
)
"""
_FIND = "select digest from file where dev=? and ino=? and size=? and mtime=? and ctime=?"
_KEEP = "insert or replace into file values (?, ?, ?, ?, ?, ?)"
# A replaced row gets a new number, so numbers tell the age.
_FORGET = "delete from file where rowid <= (select max(rowid) from file) - ?"


class HashCache:
    """Digests of files that were read before. Threads may share it; a forked child opens its own.

    Args:
        path: The cache's file, on a local disk; made when first needed. Whatever is wrong with
            it, the cache is only empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._waiting: list[tuple[int | bytes, ...]] = []
        self._bytes = 0
        self._broken = False

    def __enter__(self) -> HashCache:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def get(self, stat: os.stat_result) -> str | None:
        """The digest of the file with this status, if it was read before and has not changed."""
        with self._mine(), contextlib.suppress(sqlite3.Error):
            if (database := self._open()) is not None:
                row = database.execute(_FIND, _key(stat)).fetchone()
                return row[0].hex() if row else None
        return None

    def keep(self, stat: os.stat_result, digest: str) -> None:
        """Remember a digest, unless the file changed so lately that a change could hide."""
        changed = max(stat.st_mtime_ns, stat.st_ctime_ns)
        if now_us() * 1000 - changed < SETTLED:
            return
        with self._mine():
            self._waiting.append((*_key(stat), bytes.fromhex(digest)))
            self._bytes += stat.st_size
            if len(self._waiting) >= BATCH or self._bytes >= BATCH_BYTES:
                self._write()

    def flush(self) -> None:
        """Write what was learned."""
        with self._mine():
            self._write()

    def close(self) -> None:
        """Write what was learned and let go of the file. It may be used again afterwards."""
        with self._mine():
            self._write()
            database, self._database = self._database, None
            if database is not None:
                with contextlib.suppress(sqlite3.Error):
                    database.close()

    @contextlib.contextmanager
    def _mine(self) -> Iterator[None]:
        if self._pid != os.getpid():
            # The parent's connection is not ours to use nor to close, and a thread that is not
            # here may hold the lock.
            self._inherited = self._database
            self._begin()
        with self._lock:
            yield

    def _open(self) -> sqlite3.Connection | None:
        if self._database is None and not self._broken:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._database = sqlite3.connect(self.path, timeout=1, check_same_thread=False)
                self._database.execute("pragma synchronous=off")
                self._database.execute(_SCHEMA)
            except (sqlite3.Error, OSError) as error:
                self._give_up(error)
        return self._database

    def _write(self) -> None:
        rows, self._waiting, self._bytes = self._waiting, [], 0
        if rows and (database := self._open()) is not None:
            try:
                with database:
                    database.executemany(_KEEP, rows)
                    database.execute(_FORGET, (LIMIT,))
            except sqlite3.Error as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Go on without the cache; a damaged one makes room for a new one next time."""
        self._broken = True
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None
        damaged = isinstance(error, sqlite3.DatabaseError)
        if damaged and not isinstance(error, sqlite3.OperationalError):
            with contextlib.suppress(OSError):
                self.path.unlink()


def _key(stat: os.stat_result) -> tuple[int, ...]:
    # Some file systems number files with 64 bits; SQLite's integers have a sign.
    cut = (1 << 63) - 1
    return (
        stat.st_dev & cut,
        stat.st_ino & cut,
        stat.st_size,
        stat.st_mtime_ns,
        stat.st_ctime_ns,
    )
