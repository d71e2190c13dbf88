"""The files of a ring: the mark of its owner, and segments that follow each other.

    <writer>.ring       the mark: lost[128] · head; the owner holds ``flock`` on it for life
    <writer>.ring.<n>   a segment: head, zeros to 512 · slot*
    head = magic[8] "nbring\\0\\1" · u32 n · u32 crc · meta[n] (MessagePack, see RingMeta)
    lost = u64 rows · u64 points · i64 first · i64 last · reason (UTF-8, zeros to 128)

A segment lies in one of three ways, the same bytes in each:

* mapped, with its space reserved first: a sparse map on a full disk would be a SIGBUS;
* written by ``os.pwrite`` once per call, where space cannot be reserved (copy-on-write file
  systems, macOS);
* in memory only, where no local file can be had: killed means lost, and the run says so.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import mmap
import os
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from notabene.errors import FormatError
from notabene.journal.mounts import can_reserve

MAGIC = b"nbring\0\1"
RING = ".ring"
DATA_AT = 512
"""Where the slots of a segment begin."""
META_AT = 128
"""Where the head of a mark begins."""
LARGEST_PATH = 4096

_HEAD = struct.Struct("<8sII")
_LOST = struct.Struct("<QQqq")
_EXCLUSIVE = os.O_RDWR | os.O_CREAT | os.O_EXCL
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class RingMeta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose ring it is. Stands in the mark and in the head of every segment."""

    writer: str
    run: str = ""
    host: str = ""
    boot: str = ""
    pid: int = 0
    index: int = 0
    """Number of the segment."""
    base: int = 1
    """No slot in the segment has a smaller sequence."""
    places: tuple[str, ...] = ()
    """In the mark: folders where segments may lie."""
    inode: int = 0
    """In the mark: its own; another one tells a copy of the folder from the original."""
    journal: str = ""
    """In the mark: the journal that the ring is for."""


class Lost(msgspec.Struct):
    """Rows that found no room, counted."""

    rows: int = 0
    points: int = 0
    first: int = 0
    """Time of the first loss, µs."""
    last: int = 0
    reason: str = ""

    def encode(self) -> bytes:
        """The first :data:`META_AT` bytes of a mark."""
        reason = self.reason.encode()[: META_AT - _LOST.size]
        numbers = _LOST.pack(self.rows, self.points, self.first, self.last)
        return (numbers + reason).ljust(META_AT, b"\0")

    @classmethod
    def decode(cls, data: bytes) -> Lost:
        """The inverse of :meth:`encode`."""
        reason = data[_LOST.size : META_AT].rstrip(b"\0").decode(errors="ignore")
        rows, points, first, last = _LOST.unpack_from(data)
        return cls(rows, points, first, last, reason)


def encode_meta(meta: RingMeta) -> bytes:
    """A head."""
    body = msgspec.msgpack.encode(meta)
    return _HEAD.pack(MAGIC, len(body), zlib.crc32(body)) + body


def decode_meta(data: bytes) -> RingMeta:
    """The inverse of :func:`encode_meta`.

    Raises:
        FormatError: The bytes are no head of a ring's file.
    """
    if len(data) < _HEAD.size or data[:8] != MAGIC:
        raise FormatError("this is no file of a ring")
    _, size, crc = _HEAD.unpack_from(data)
    body = data[_HEAD.size : _HEAD.size + size]
    if len(body) != size or zlib.crc32(body) != crc:
        raise FormatError("the head of this file of a ring is damaged")
    return msgspec.msgpack.decode(body, type=RingMeta)


def lock(fd: int, *, tries: int = 1) -> None:
    """Take the lock of a mark.

    Raises:
        OSError: Somebody else holds it, or the file system (or system) has no such locks.
    """
    try:
        import fcntl
    except ImportError:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)) from None
    for left in reversed(range(tries)):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not left:
                raise
            time.sleep(0.002)
        else:
            return


class Segment:
    """One file (or piece of memory) of a ring.

    Attributes:
        path: Its file; None when it is in memory only.
        buffer: Its bytes; writable.
        size: How many.
        read: Up to where the journal holds it.
        end: Where its last slot ends, once a next segment was begun.
        next: That segment.
        flush: What to call with a range that was written; None where nothing need be done.
        safe: Whether what is in it outlives the process.
    """

    __slots__ = (
        "_fd",
        "_flushed",
        "buffer",
        "end",
        "flush",
        "next",
        "path",
        "read",
        "safe",
        "size",
    )

    def __init__(self, path: Path | None, fd: int, buffer: Any, size: int) -> None:
        self.path = path
        self.buffer = buffer
        self.size = size
        self.read = DATA_AT
        self.end: int | None = None
        self.next: Segment | None = None
        self.flush: Callable[[int, int], None] | None = None if fd < 0 else self._write_through
        self.safe = path is not None
        self._fd = fd
        self._flushed = 0

    def _write_through(self, start: int, end: int) -> None:
        """Write a range to the file; never fails: what it could not write it tries again."""
        start = min(start, self._flushed)
        try:
            view = memoryview(self.buffer)[start:end]
            while view:
                view = view[os.pwrite(self._fd, view, end - len(view)) :]
        except OSError:
            self._flushed = start
            self.safe = False
        else:
            self._flushed = max(self._flushed, end)
            self.safe = True

    def drop(self, *, unlink: bool) -> None:
        """Let go of the file; with ``unlink`` it is gone for good."""
        if self.path is not None and unlink:
            with contextlib.suppress(OSError):
                self.path.unlink()
        if self._fd >= 0:
            self.flush = None
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1
        if isinstance(self.buffer, mmap.mmap):
            with contextlib.suppress(BufferError):  # another thread is reading it
                self.buffer.close()


class Chain:
    """Makes the files of one ring; safe to use from any thread.

    Args:
        places: Folders to try, best first.
        meta: Whose ring it is; ``base`` of the first segment.
    """

    def __init__(self, places: list[Path], meta: RingMeta) -> None:
        self.trouble = ""
        """Why the last file could not be made."""
        self._places = [(place, can_reserve(place)) for place in places]
        self._meta = meta
        self._numbers = itertools.count()
        self._mark_path: Path | None = None
        self._mark = -1
        self._set_mark()

    @property
    def folder(self) -> Path | None:
        """Where the mark lies; None when no place would take one."""
        return None if self._mark_path is None else self._mark_path.parent

    def _set_mark(self) -> None:
        places = tuple(str(place) for place, _ in self._places)
        for place, _ in self._places:
            path = place / f"{self._meta.writer}{RING}"
            fd = -1
            try:
                fd = os.open(path, _EXCLUSIVE, 0o600)
                # Who looks for orphans may hold it for a moment: it lets go of an empty one.
                lock(fd, tries=50)
                inode = os.fstat(fd).st_ino
                meta = msgspec.structs.replace(self._meta, places=places, inode=inode)
                data = Lost().encode() + encode_meta(meta)
                if os.write(fd, data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                self._failed(error, fd, path)
                continue
            self._mark, self._mark_path = fd, path
            return

    def make(self, size: int, base: int) -> Segment:
        """A segment of at least ``size`` bytes; in memory where no file can be had."""
        meta = msgspec.structs.replace(self._meta, index=next(self._numbers), base=base, journal="")
        head = encode_meta(meta)
        if len(head) > DATA_AT:
            raise FormatError("the names in the head of a ring are too long")
        places = [] if self._mark_path is None else self._places
        for place, reserve in places:
            path = place / f"{meta.writer}{RING}.{meta.index}"
            fd = -1
            try:
                fd = os.open(path, _EXCLUSIVE, 0o600)
                segment = _mapped(path, fd, size) if reserve else _written(path, fd, size, head)
            except OSError as error:
                self._failed(error, fd, path)
                continue
            except BaseException as error:  # Ctrl-C
                self._failed(error, fd, path)
                raise
            segment.buffer[: len(head)] = head
            return segment
        segment = Segment(None, -1, bytearray(size), size)
        segment.buffer[: len(head)] = head
        return segment

    def _failed(self, error: BaseException, fd: int, path: Path) -> None:
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
        if isinstance(error, OSError) and error.errno in _FULL:
            self.trouble = "the disk is full"

    def note_lost(self, lost: Lost) -> None:
        """Keep the count where it outlives the process; never fails."""
        if self._mark >= 0:
            with contextlib.suppress(OSError):
                os.pwrite(self._mark, lost.encode(), 0)

    def drop(self, *, unlink: bool) -> None:
        """Let go of the mark; with ``unlink`` it is gone for good.

        In a forked child this does not release the parent's lock: that ends with the last
        descriptor of the open file, which is the parent's.
        """
        if self._mark_path is not None and unlink:
            self._sweep()
            with contextlib.suppress(OSError):
                self._mark_path.unlink()
        if self._mark >= 0:
            with contextlib.suppress(OSError):
                os.close(self._mark)
            self._mark = -1

    def _sweep(self) -> None:
        """Remove segments that nobody knows of: Ctrl-C came while they were made."""
        prefix = f"{self._meta.writer}{RING}."
        for place, _ in self._places:
            with contextlib.suppress(OSError):
                for entry in os.scandir(place):
                    if entry.name.startswith(prefix):
                        os.unlink(entry.path)


def _mapped(path: Path, fd: int, size: int) -> Segment:
    os.posix_fallocate(fd, 0, size)
    # Populated here, mostly by the writer's thread, so that log() meets few page faults.
    buffer = mmap.mmap(fd, size, mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
    os.close(fd)
    return Segment(path, -1, buffer, size)


def _written(path: Path, fd: int, size: int, head: bytes) -> Segment:
    if os.pwrite(fd, head.ljust(DATA_AT, b"\0"), 0) != DATA_AT:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return Segment(path, fd, bytearray(size), size)
