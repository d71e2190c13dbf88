"""All packs of a store: look-up over them, and the one that this process appends to.

A process takes over a pack that another one of this machine has left unfilled (the lock says
so), hence there are about as many packs as there were processes at work at once, not as there
were runs. Packs of other machines are only read.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from notabene._ids import new_id, now_us
from notabene.artifacts.files import (
    BINARY,
    machine,
    sync_file,
    sync_folder,
    try_lock,
    write_all,
)
from notabene.artifacts.pack import (
    BLOB,
    INDEX,
    OVERHEAD,
    PACK,
    START,
    TOUCH,
    Index,
    Pack,
    Place,
    new_header,
    record_header,
)
from notabene.errors import FormatError

LIMIT = 128 << 20
"""Bytes above which a pack gets no more records."""

MAX_RECORDS = 1 << 16
"""Records above which a pack gets no more, which bounds what a writer holds in memory."""

INDEX_FROM = 1000
"""Records that a reader may have to read without an index."""

FOREIGN_AGE = 86_400
"""Seconds without a change after which another machine's pack counts as nobody's."""

TOUCH_EVERY = 3_600_000_000
"""A blob touched within this time (µs) is not touched again: what follows spares an hour more."""


Places = list[tuple[Pack, Place]]
"""Where a blob lies: several places where several processes stored it."""


class PackWriter:
    """The pack that this process appends to; holds it open and locked."""

    def __init__(self, pack: Pack, fd: int, size: int) -> None:
        self.pack, self.fd, self.size = pack, fd, size
        self.records = sum(1 for _ in pack.rows())
        self.unsynced: list[bytes] = []
        # Held while syncing, so that closing waits for it; appending does not.
        self.syncing = threading.Lock()

    @classmethod
    def take(cls, folder: Path) -> PackWriter:
        """Lock a pack of this machine that has room, or make a new one.

        Raises:
            OSError: The folder cannot be written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in os.listdir(folder):
            if name.startswith(f"{machine()}-") and name.endswith(PACK):
                with contextlib.suppress(OSError, FormatError):
                    path = folder / name
                    if path.stat().st_size < LIMIT and (writer := cls._take_over(path)):
                        return writer
        while True:
            path = folder / f"{machine()}-{new_id()}{PACK}"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | BINARY, 0o666)
            try:
                if try_lock(fd) is False:  # somebody took it over before it was ours
                    os.close(fd)
                    continue
                return cls._begin(path, fd)
            except OSError:
                os.close(fd)
                raise

    @classmethod
    def _begin(cls, path: Path, fd: int) -> PackWriter:
        header, file_id = new_header()
        write_all(fd, header)
        sync_folder(path.parent)
        pack = Pack(path)
        pack.file_id = file_id
        return cls(pack, fd, START)

    @classmethod
    def _take_over(cls, path: Path) -> PackWriter | None:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | BINARY)
        try:
            size = os.fstat(fd).st_size
            # It may have been put into the trash between the listing and the lock.
            if try_lock(fd) is True and os.stat(path).st_ino == os.fstat(fd).st_ino:
                size = os.fstat(fd).st_size
                if size < START:  # its maker was killed before it had a header
                    os.ftruncate(fd, 0)
                    return cls._begin(path, fd)
                pack = Pack(path)
                pack.refresh(size)
                if size > pack.seen:  # torn by a kill
                    os.ftruncate(fd, pack.seen)
                writer = cls(pack, fd, pack.seen)
                if writer.records < MAX_RECORDS:
                    return writer
        except (OSError, FormatError):
            os.close(fd)
            raise
        os.close(fd)
        return None

    @property
    def full(self) -> bool:
        """Whether the next record belongs into another pack."""
        return self.size >= LIMIT or self.records >= MAX_RECORDS or self.fd < 0

    def append(self, kind: int, digest: bytes, data: bytes, time: int) -> None:
        """Append one record, whole or not at all.

        Raises:
            OSError: The disk is full or fails; nothing of the record is left.
        """
        head = record_header(self.pack.file_id, kind, digest, len(data), time)
        try:
            write_all(self.fd, head + data)
        except OSError:
            try:
                os.ftruncate(self.fd, self.size)
            except OSError:
                self.abandon()  # its end is not where the next record would be looked for
            raise
        place = Place(self.size + OVERHEAD if kind == BLOB else 0, len(data), time)
        self.size += len(head) + len(data)
        self.pack.note(digest, place, self.size)
        self.records += 1
        self.unsynced.append(digest)

    def sync(self) -> None:
        """Make what was appended safe from power loss.

        Raises:
            OSError: It may be lost. It is forgotten here, so that it will be stored again.
        """
        with self.syncing:
            count = len(self.unsynced)
            if not count or self.fd < 0:
                return
            try:
                sync_file(self.fd)
            except OSError:
                for digest in self.unsynced:
                    self.pack.fresh.pop(digest, None)
                raise
            del self.unsynced[:count]

    def close(self) -> None:
        """Sync, write the index where it saves readers time, and let go.

        Raises:
            OSError: As of :meth:`sync`; the pack is let go all the same.
        """
        try:
            self.sync()
            upto = self.pack.index.upto if self.pack.index is not None else START
            if len(self.pack.fresh) >= INDEX_FROM or (self.full and upto < self.size):
                with contextlib.suppress(OSError):
                    rows = list(self.pack.merged().items())
                    Index.save(
                        self.pack.path.with_suffix(INDEX), self.pack.file_id, self.size, rows
                    )
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file without another word to it."""
        with self.syncing:
            fd, self.fd = self.fd, -1
            if fd >= 0:
                os.close(fd)


class Packs:
    """The packs in a folder. Threads may share it; after a fork the child gets its own writer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._packs: dict[str, Pack] = {}
        self._touched: dict[bytes, int] = {}
        self._loaded = False
        self._writer: PackWriter | None = None
        self._pid = os.getpid()
        self._mutex = threading.RLock()

    @property
    def _lock(self) -> threading.RLock:
        if self._pid != os.getpid():
            # In the parent a thread, which is not here, may hold the lock and the writer.
            self._pid, self._mutex = os.getpid(), threading.RLock()
            writer, self._writer = self._writer, None
            if writer is not None:
                with contextlib.suppress(OSError):
                    os.close(writer.fd)
        return self._mutex

    # -- reading ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Take in packs and records that others have added, and drop packs that are gone."""
        with self._lock:
            sizes: dict[str, int] = {}
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                for name in os.listdir(self.folder):
                    if name.endswith(PACK):
                        with contextlib.suppress(OSError):
                            sizes[name] = (self.folder / name).stat().st_size
            for name in self._packs.keys() - sizes.keys():
                del self._packs[name]
            for name, size in sizes.items():
                pack = self._packs.setdefault(name, Pack(self.folder / name))
                with contextlib.suppress(OSError, FormatError):
                    pack.refresh(size)
            self._loaded = True

    def find(self, digest: bytes, *, look: bool = True) -> Places:
        """Where a blob lies, or an empty list.

        Args:
            digest: The 32 bytes of it.
            look: Look for what others added where it is not known yet.
        """
        with self._lock:
            if not self._loaded:
                self.refresh()
                look = False
            found = self._find(digest)
            if not found and look:
                self.refresh()
                found = self._find(digest)
            return found

    def _find(self, digest: bytes) -> Places:
        places = ((pack, pack.find(digest)) for pack in self._packs.values())
        return [(pack, place) for pack, place in places if place is not None]

    def distrust(self, pack: Pack) -> None:
        """Read a pack anew, without its index: what it said proved wrong."""
        with self._lock, contextlib.suppress(OSError, FormatError):
            pack.forget()
            pack.refresh(pack.path.stat().st_size)

    def touched_since(self, time: int, digests: Iterable[bytes]) -> set[bytes]:
        """Those that some pack says were wanted at or after a time (µs)."""
        with self._lock:
            packs = list(self._packs.values())
            return {d for d in digests if any(pack.time(d) >= time for pack in packs)}

    def all(self) -> list[Pack]:
        """All packs, as last refreshed."""
        with self._lock:
            return list(self._packs.values())

    # -- writing ---------------------------------------------------------------------------

    def append(self, digest: bytes, data: bytes, time: int = 0, *, kind: int = BLOB) -> None:
        """Store a small blob, or note a touch.

        Args:
            digest: The 32 bytes of its digest.
            data: Its bytes; none for a touch.
            time: When it was last wanted, in µs; now by default.
            kind: ``BLOB`` or ``TOUCH``.

        Raises:
            OSError: The disk is full or fails; nothing of it is left.
        """
        with self._lock:
            self._ready().append(kind, digest, data, time or now_us())

    def touch(self, digest: bytes, known: int) -> None:
        """Note that a blob is wanted, unless that was noted within the last hour.

        Args:
            digest: The 32 bytes of its digest.
            known: When it was last known to be wanted, in µs.

        Raises:
            OSError: The disk is full or fails.
        """
        with self._lock:
            now = now_us()
            if now - max(known, self._touched.get(digest, 0)) < TOUCH_EVERY:
                return
            self._ready().append(TOUCH, digest, b"", now)
            self._touched[digest] = now

    def _ready(self) -> PackWriter:
        if self._writer is not None and self._writer.full:
            writer, self._writer = self._writer, None
            writer.close()
        if self._writer is None:
            self._writer = PackWriter.take(self.folder)
            self._packs[self._writer.pack.path.name] = self._writer.pack
        return self._writer

    def flush(self) -> None:
        """Make all that was appended safe from power loss.

        Raises:
            OSError: What was appended since the last flush may be lost; putting it again
                stores it again.
        """
        with self._lock:
            writer = self._writer
        if writer is not None:
            try:
                writer.sync()
            except OSError:
                # The system may have dropped the pages: never trust that file again.
                with self._lock:
                    if self._writer is writer:
                        self._writer = None
                    writer.abandon()
                raise

    def close(self) -> None:
        """Flush and let go."""
        with self._lock:
            writer, self._writer = self._writer, None
            self._touched.clear()
        if writer is not None:
            writer.close()

    # -- putting away ----------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[Pack | None]:
        """A pack that nobody writes to meanwhile; None where somebody does, or it is gone."""
        path = self.folder / name
        try:
            fd = os.open(path, os.O_RDWR | BINARY)
        except OSError:
            yield None
            return
        try:
            # Locks may not reach other machines: their packs must have been left alone for long.
            ours = name.startswith(f"{machine()}-")
            left = now_us() / 1e6 - os.fstat(fd).st_mtime > FOREIGN_AGE
            alone = (ours or left) and try_lock(fd) is not False and path.exists()
            with self._lock:
                self.refresh()
                pack = self._packs.get(name) if alone else None
            yield pack
        finally:
            os.close(fd)
