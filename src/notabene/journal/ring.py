"""The ring: preallocated local memory that ``log()`` packs into; it survives SIGKILL.

A ring is a chain of segment files, each zeroed, mapped, and never reused. The calling thread
packs a slot (see :mod:`notabene.journal.rows`) and returns; no system call, no disk wait. The
writer's thread reads complete slots behind it and appends them to the journal. When a process
dies, what the journal does not hold yet is still in the segment files, because dirty pages of
a mapped file belong to the kernel; :mod:`notabene.journal.recover` brings it home.

A segment lies in one of three ways, the same bytes in each:

* mapped, with its space reserved first: a sparse map on a full disk would be a SIGBUS;
* written by ``os.pwrite`` once per call, where space cannot be reserved (copy-on-write file
  systems, macOS);
* in memory only, where no local file can be had: killed means lost, and the run says so.

    segment = magic[8] "nbring\\0\\1" · u32 n · u32 crc · meta[n] · zeros to 512 · slot*
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from operator import index
from pathlib import Path
from time import time_ns
from typing import Any

import msgspec

from notabene.errors import FormatError, UsageError
from notabene.journal.mounts import can_reserve
from notabene.journal.rows import ROW_BYTES, pack_record, record_size, row_struct
from notabene.model.records import AnyRecord, KeysDefined, encode_record

MAGIC = b"nbring\0\1"
DATA_AT = 512
FIRST_SEGMENT = 1 << 20
LARGEST_SEGMENT = 16 << 20
CAPACITY = 64 << 20
"""Bytes of all segments that wait for the disk; beyond it rows are counted, not kept."""
MAX_RECORD = 512 << 10
MAX_ROW_KEYS = 4096
"""Wider rows are split; rows of one step are one row when read."""
MAX_KEYSETS = 8192
"""Beyond so many different sets of keys, rows are split into one key each."""

_HEAD = struct.Struct("<8sII")


class SegmentMeta(msgspec.Struct, frozen=True, kw_only=True):
    """What the head of a segment says."""

    writer: str
    run: str
    index: int
    base: int
    """Sequence number of the first slot."""
    host: str
    boot: str
    pid: int
    journal: str
    """The journal this ring belongs to."""


class RingFullError(Exception):
    """There is no room left; the slot was not taken."""


class Segment:
    """One file (or piece of memory) of a ring."""

    __slots__ = ("buffer", "end", "fd", "flush", "path", "read", "size")

    def __init__(self, path: Path | None, fd: int, buffer: Any, size: int, *, mapped: bool) -> None:
        self.path = path
        self.fd = fd
        self.buffer = buffer
        self.size = size
        self.read = DATA_AT
        self.end: int | None = None
        """Where its last slot ends, once a next segment was begun."""
        self.flush: Callable[[int, int], None] | None = None
        if path is not None and not mapped:
            self.flush = self._pwrite

    def _pwrite(self, start: int, end: int) -> None:
        os.pwrite(self.fd, memoryview(self.buffer)[start:end], start)

    @property
    def safe(self) -> bool:
        """Whether what is in it outlives the process."""
        return self.path is not None

    def drop(self, *, unlink: bool) -> None:
        """Let go of the file; with ``unlink`` it is gone for good."""
        if self.path is not None and unlink:
            with contextlib.suppress(OSError):
                self.path.unlink()
        if self.fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self.fd)
            self.fd = -1
        if isinstance(self.buffer, mmap.mmap):
            with contextlib.suppress(BufferError):
                self.buffer.close()


def encode_meta(meta: SegmentMeta) -> bytes:
    """The first :data:`DATA_AT` bytes of a segment.

    Raises:
        FormatError: The names in it are too long for the head.
    """
    body = msgspec.msgpack.encode(meta)
    head = _HEAD.pack(MAGIC, len(body), zlib.crc32(body)) + body
    if len(head) > DATA_AT:
        raise FormatError("the names in the head of a ring are too long")
    return head.ljust(DATA_AT, b"\0")


def decode_meta(data: bytes) -> SegmentMeta:
    """The inverse of :func:`encode_meta`.

    Raises:
        FormatError: The bytes are no ring segment.
    """
    if len(data) < DATA_AT or data[:8] != MAGIC:
        raise FormatError("this is no ring segment")
    _, size, crc = _HEAD.unpack_from(data)
    body = data[_HEAD.size : _HEAD.size + size]
    if zlib.crc32(body) != crc:
        raise FormatError("the head of this ring segment is damaged")
    return msgspec.msgpack.decode(body, type=SegmentMeta)


class Ring:
    """Where ``log()`` puts its slots.

    One per writer. :meth:`row` and :meth:`record` may be called from any thread and from
    signal handlers and finalisers that interrupt them: space and sequence number are taken
    before packing, so a nested call takes the next slot. After ``fork`` the child must call
    :meth:`abandon` and make a ring of its own.

    Args:
        places: Folders to try for the segment files, best first.
        meta: Head of the first segment; ``base`` and ``index`` are counted on from it.
        define: Gives the names to store for a set of keys that comes for the first time;
            raises UsageError for keys that cannot be names.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_closed",
        "_define_names",
        "_flush",
        "_keysets",
        "_limit",
        "_made",
        "_meta",
        "_segment",
        "_spare",
        "last_time",
        "lock",
        "lost_first",
        "lost_last",
        "lost_points",
        "lost_reason",
        "lost_rows",
        "places",
        "segments",
        "seq",
        "step",
    )

    def __init__(
        self,
        places: list[Path],
        meta: SegmentMeta,
        define: Callable[[tuple[Any, ...]], tuple[str, ...]],
    ) -> None:
        self.places = places
        self.lock = threading.RLock()
        self.segments: deque[Segment] = deque()
        self.seq = meta.base - 1
        self.step = -1
        """Largest step logged so far in this process."""
        self.last_time = 0
        self.lost_rows = 0
        self.lost_points = 0
        self.lost_first = 0
        self.lost_last = 0
        self.lost_reason = ""
        self._meta = meta
        self._define_names = define
        self._keysets: dict[tuple[Any, ...], tuple[Callable[..., None], int, int]] = {}
        self._spare: Segment | None = None
        self._made = 0
        self._closed = False
        self._enter(self._make_segment(FIRST_SEGMENT))

    # -- the hot path ----------------------------------------------------------------------

    def row(self, data: Mapping[str, Any], step: int | None) -> None:
        """Pack one row of numbers; about a microsecond.

        Args:
            data: Numbers by key; anything with ``__float__`` is a number.
            step: The step, or None for one above the largest so far.

        Raises:
            RingFullError: No room; count it with :meth:`count_lost`.
            struct.error, TypeError, OverflowError: A value is no number; nothing was taken.
            UsageError: A key cannot be a name.
        """
        keys = tuple(data)
        with self.lock:
            try:
                pack, size, kind = self._keysets[keys]
            except KeyError:
                pack, size, kind = self._define(keys)
            at = self._at
            end = at + size
            if end > self._limit:
                self._next(size)
                at = self._at
                end = at + size
            now = time_ns() // 1000
            if now <= self.last_time:
                now = self.last_time + 1
            if step is None:
                step = self.step + 1
            if step > self.step:
                self.step = index(step)
            # From here to the packing nothing can interrupt that would see half of it.
            self.last_time = now
            seq = self.seq + 1
            self.seq = seq
            self._at = end
            buffer = self._buffer
            try:
                pack(buffer, at, seq, kind, step, now, *data.values(), seq)
            except BaseException:
                self._give_back(buffer, at, end, seq)
                raise
            if self._flush is not None:
                self._flush(at, end)

    def record(self, record: AnyRecord) -> int:
        """Put a record; returns its sequence number.

        Raises:
            RingFullError: No room.
            UsageError: The record has more than :data:`MAX_RECORD` bytes.
            TypeError: It holds something that is no JSON value.
        """
        data = encode_record(record)
        if len(data) > MAX_RECORD:
            raise UsageError(
                f"a record of {len(data):,} bytes is more than the {MAX_RECORD:,} that are allowed",
                hint="log large content as an artifact",
            )
        size = record_size(len(data))
        with self.lock:
            if self._at + size > self._limit:
                self._next(size)
            at, end = self._at, self._at + size
            now = max(time_ns() // 1000, self.last_time + 1)
            self.last_time = now
            seq = self.seq + 1
            self.seq = seq
            self._at = end
            self._buffer[at:end] = pack_record(seq, now, data)
            if self._flush is not None:
                self._flush(at, end)
            return seq

    # -- what happens seldom ---------------------------------------------------------------

    def _define(self, keys: tuple[Any, ...]) -> tuple[Callable[..., None], int, int]:
        names = self._define_names(keys)
        if len(keys) > MAX_ROW_KEYS or (len(self._keysets) >= MAX_KEYSETS and len(keys) > 1):
            raise WideRowError
        keyset = len(self._keysets) + 1
        self.record(KeysDefined(id=keyset, keys=names))
        kind = keyset | len(keys) << 32
        known = (row_struct(len(keys)).pack_into, ROW_BYTES + 8 * len(keys), kind)
        self._keysets[keys] = known
        return known

    def _give_back(self, buffer: Any, at: int, end: int, seq: int) -> None:
        """Undo a reservation whose values could not be packed."""
        if self._at == end and self.seq == seq and buffer is self._buffer:
            self._at = at
            self.seq = seq - 1
            # Half a row may stand there; a shorter slot after it must not meet its rest.
            buffer[at:end] = bytes(end - at)
        else:
            # A nested call came after it, so the place must be filled: a record of nothing.
            filler = pack_record(seq, self.last_time, b"\xc0".ljust(end - at - 32, b"\0"))
            buffer[at:end] = filler

    def row_aside(self, data: Mapping[str, Any], step: int) -> None:
        """Pack a row whose step is not the program's (system metrics)."""
        with self.lock:
            before = self.step
            try:
                self.row(data, step)
            finally:
                self.step = before

    def next_step(self) -> int:
        """Take one above the largest step so far."""
        with self.lock:
            self.step += 1
            return self.step

    def see_step(self, step: int) -> None:
        """Take notice of a step that was used elsewhere."""
        with self.lock:
            self.step = max(self.step, step)

    def count_lost(self, points: int, reason: str) -> None:
        """Count a row that found no room; never fails."""
        now = time_ns() // 1000
        with self.lock:
            self.lost_first = self.lost_first or now
            self.lost_last = now
            self.lost_rows += 1
            self.lost_points += points
            self.lost_reason = reason

    def take_lost(self) -> tuple[int, int, int, int, str] | None:
        """``(rows, points, first, last, reason)`` since the last call, or None."""
        with self.lock:
            if not self.lost_rows:
                return None
            lost = (
                self.lost_rows,
                self.lost_points,
                self.lost_first,
                self.lost_last,
                self.lost_reason,
            )
            self.lost_rows = self.lost_points = self.lost_first = self.lost_last = 0
            return lost

    @property
    def waiting(self) -> int:
        """Bytes that the journal does not hold yet."""
        return sum(
            (s.end if s.end is not None else self._at) - s.read for s in tuple(self.segments)
        )

    @property
    def safe(self) -> bool:
        """Whether all that waits would outlive the process."""
        return all(s.safe for s in tuple(self.segments))

    # -- segments --------------------------------------------------------------------------

    def _enter(self, segment: Segment) -> None:
        self.segments.append(segment)
        self._segment = segment
        self._buffer = segment.buffer
        self._flush = segment.flush
        self._at = DATA_AT
        self._limit = segment.size

    def _next(self, size: int) -> None:
        if self._closed:
            raise RingFullError("the run is closed")
        spare, self._spare = self._spare, None
        if spare is not None and size > spare.size - DATA_AT:
            spare.drop(unlink=True)
            spare = None
        if spare is None:
            spare = self._make_segment(max(self._wanted(), size + DATA_AT))
        else:
            self._write_head(spare)
        old, old_end = self._segment, self._at
        self._enter(spare)
        old.end = old_end

    def _wanted(self) -> int:
        return min(LARGEST_SEGMENT, FIRST_SEGMENT << min(4, max(0, self._made - 1)))

    def prepare(self) -> None:
        """Make the next segment ahead of need; called by the writer's thread."""
        if self._spare is None and not self._closed and self._at > self._limit // 2:
            with contextlib.suppress(RingFullError):
                self._spare = self._make_segment(self._wanted())

    def _make_segment(self, size: int) -> Segment:
        held = sum(s.size for s in tuple(self.segments))
        if held + size > CAPACITY:
            raise RingFullError("the disk does not keep up")
        index = self._made
        self._made += 1
        segment = None
        for place in self.places:
            segment = self._file_segment(place, index, size)
            if segment is not None:
                break
        if segment is None:
            segment = Segment(None, -1, bytearray(size), size, mapped=False)
        self._write_head(segment, index)
        return segment

    def _file_segment(self, place: Path, index: int, size: int) -> Segment | None:
        path = place / f"{self._meta.writer}.ring.{index}"
        fd = -1
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # Held for life: whoever gets this lock knows that the owner is dead.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if can_reserve(place):
                os.posix_fallocate(fd, 0, size)
                # Populated here, by the writer's thread, so that log() meets no page fault.
                buffer = mmap.mmap(fd, size, mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
                return Segment(path, fd, buffer, size, mapped=True)
            return Segment(path, fd, bytearray(size), size, mapped=False)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
                with contextlib.suppress(OSError):
                    path.unlink()
            if error.errno == errno.ENOSPC:
                self.lost_reason = "the disk is full"
            return None

    def _write_head(self, segment: Segment, index: int | None = None) -> None:
        if index is None and segment.path is not None:
            index = int(segment.path.suffix[1:])
        meta = msgspec.structs.replace(self._meta, index=index or 0, base=self.seq + 1)
        segment.buffer[:DATA_AT] = encode_meta(meta)
        if segment.flush is not None:
            with contextlib.suppress(OSError):
                segment.flush(0, DATA_AT)

    def retire(self, segment: Segment) -> None:
        """Remove a segment that the journal holds wholly."""
        if segment is self.segments[0] and segment is not self._segment:
            self.segments.popleft()
            segment.drop(unlink=True)

    def close(self, *, unlink: bool) -> None:
        """Take no more slots; with ``unlink`` the files go, since the journal has all."""
        with self.lock:
            self._closed = True
            self._limit = 0
        for segment in (*self.segments, *((self._spare,) if self._spare else ())):
            segment.drop(unlink=unlink)
        if self._spare is not None and not unlink and self._spare.path is not None:
            with contextlib.suppress(OSError):
                self._spare.path.unlink()
        self._spare = None

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without touching them.

        Closing does not release the parent's ``flock``: that ends with its last descriptor.
        """
        self.lock = threading.RLock()
        self._closed = True
        self._limit = 0
        for segment in (*self.segments, *((self._spare,) if self._spare else ())):
            segment.drop(unlink=False)
        self._spare = None
        self.segments.clear()


class WideRowError(Exception):
    """The row has too many keys, or is of too many kinds; split it."""
