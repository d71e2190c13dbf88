"""The ring: preallocated local memory that ``log()`` packs into; it survives SIGKILL.

A ring is a chain of segments (see :mod:`notabene.journal.chain`), each zeroed, mapped, and
never reused. The calling thread packs a slot (see :mod:`notabene.journal.rows`) and returns;
no system call, no disk wait. The writer's thread reads complete slots behind it and appends
them to the journal. When a process dies, what the journal does not hold yet is still in the
segment files, because dirty pages of a mapped file belong to the kernel;
:mod:`notabene.journal.recover` brings it home.

**Interruptions.** Signal handlers, finalisers and ``__float__`` of a value may log while a
call is being made, in the same thread. So space, sequence and time are taken in one stretch,
once the clock was asked, without a call, an allocation of a container or a jump back, where the
interpreter lets nothing else run; packing comes after it, and a nested call takes the next slot.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter, index
from pathlib import Path
from time import time_ns
from typing import Any

from notabene.errors import UsageError
from notabene.journal.chain import DATA_AT, Chain, Lost, RingMeta, Segment
from notabene.journal.rows import ROW_BYTES, pack_filler, pack_record, record_size, row_struct
from notabene.model.records import AnyRecord, GapNoted, KeysDefined, encode_record

FIRST_SEGMENT = 1 << 20
LARGEST_SEGMENT = 4 << 20
CAPACITY = 64 << 20
"""Bytes of all segments that wait for the disk; beyond it rows are counted, not kept."""
MAX_RECORD = 512 << 10
MAX_ROW_KEYS = 4096
"""Wider rows are split; rows of one step are one row when read."""
MAX_KEYSETS = 8192
"""Beyond so many different sets of keys, rows are split into one key each."""
MAX_NAMES = 400 << 10
"""Bytes of names in one key set; beyond it rows are split."""
MAX_STEP = (1 << 63) - 1

_ONE_VALUE = ROW_BYTES + 8


Flush = Callable[[int, int], None]


class RingFullError(Exception):
    """There is no room left; the slot was not taken."""


class WideRowError(Exception):
    """The row has too many keys, or is of too many kinds; split it."""


class Ring:
    """Where ``log()`` puts its slots.

    One per writer. :meth:`row` and :meth:`record` may be called from any thread, and from
    signal handlers and finalisers that interrupt them. After ``fork`` the child must call
    :meth:`abandon` and make a ring of its own.

    Args:
        places: Folders to try for the files, best first; none means memory only.
        meta: Whose ring it is; sequences begin at its ``base``.
        define: Gives the names to store for a set of keys that comes for the first time;
            raises UsageError for keys that cannot be names.

    Attributes:
        seq: Sequence number of the newest slot.
        step: Largest step logged so far in this process.
        last_time: Time of the newest slot, µs; the next one is later.
        closed: It takes no more slots.
        trouble: Why rows are lost, when they are.
    """

    __slots__ = (
        "_acquire",
        "_at",
        "_buffer",
        "_chain",
        "_define_names",
        "_flush",
        "_is_mine",
        "_keysets",
        "_last_keyset",
        "_limit",
        "_lost",
        "_release",
        "_segment",
        "_spare",
        "closed",
        "first",
        "last_time",
        "lock",
        "on_next",
        "seq",
        "step",
        "trouble",
    )

    def __init__(
        self,
        places: list[Path],
        meta: RingMeta,
        define: Callable[[tuple[Any, ...]], tuple[str, ...]],
    ) -> None:
        self._use(threading.RLock())
        self.seq = meta.base - 1
        self.step = -1
        self.last_time = 0
        self.closed = False
        self.trouble = ""
        self.on_next: Callable[[], None] = _nothing
        """Called when a segment is full and the next one was begun."""
        self._define_names = define
        self._keysets: dict[tuple[Any, ...], tuple[Callable[..., None], int, int]] = {}
        self._last_keyset = 0
        self._lost = Lost()
        self._spare: Segment | None = None
        self._chain = Chain(places, meta)
        first = self._chain.make(FIRST_SEGMENT, meta.base)
        self.first = self._segment = first
        """The oldest segment that is still there."""
        self._buffer: Any = first.buffer
        self._flush: Flush | None = first.flush
        self._at = DATA_AT
        self._limit = first.size

    def _use(self, lock: threading.RLock) -> None:
        self.lock = lock
        # A ``with`` costs twice as much as these two.
        self._acquire = self.lock.acquire
        self._release = self.lock.release
        self._is_mine: Callable[[], bool] = attrgetter("_is_owned")(self.lock)

    # -- the hot path ----------------------------------------------------------------------

    def row(self, data: Mapping[str, Any], step: int | None) -> None:
        """Pack one row of numbers; about a microsecond.

        Args:
            data: Numbers by key; anything with ``__float__`` is a number.
            step: The step, or None for one above the largest so far.

        Raises:
            RingFullError: No room; count it with :meth:`count_lost`.
            WideRowError: Split it.
            struct.error, TypeError, OverflowError: A value is no number; nothing was taken.
            UsageError: A key cannot be a name.
        """
        keys = tuple(data)
        try:
            pack, size, kind = self._keysets[keys]
        except KeyError:
            pack, size, kind = self._define(keys)
        try:
            self._acquire()
            before = self.step
            try:
                if step is None:
                    self.step = step = before + 1
                elif step > before:
                    self.step = step
                now = time_ns() // 1000
                at = self._at
                end = at + size
                if end > self._limit:
                    while self._at + size > self._limit:
                        self._next(size)
                    at = self._at
                    end = at + size
                # From here to ``try`` nothing else runs; see the module's docstring.
                if now <= self.last_time:
                    now = self.last_time + 1
                seq = self.seq + 1
                self.last_time = now
                self.seq = seq
                self._at = end
                buffer, flush = self._buffer, self._flush
                try:
                    if size == _ONE_VALUE:  # the commonest row, and unpacking would cost more
                        pack(buffer, at, seq, kind, step, now, data[keys[0]], seq)
                    else:
                        pack(buffer, at, seq, kind, step, now, *data.values(), seq)
                except BaseException:
                    self._give_back(buffer, flush, at, end, seq)
                    raise
                if flush is not None:
                    flush(at, end)
            except BaseException:
                if self.step is step:
                    self.step = before
                raise
        finally:
            # Cheaper than asking: Ctrl-C while waiting for the lock means it was never taken.
            try:  # noqa: SIM105
                self._release()
            except RuntimeError:
                pass

    def row_aside(self, data: Mapping[str, Any], step: int) -> None:
        """Pack a row whose step is not the program's (system metrics)."""
        with self.lock:
            before = self.step
            try:
                self.row(data, step)
            finally:
                self.step = before

    def record(self, record: AnyRecord, *, patience: float = -1) -> int:
        """Put a record; returns its sequence number. See :meth:`put`."""
        return self.put(record, patience=patience)[0]

    def put(self, record: AnyRecord, *, patience: float = -1) -> tuple[int, int]:
        """Put a record; returns its sequence number and its time.

        Args:
            record: What happened.
            patience: Seconds to wait for other calls to leave the ring; -1 is for ever.

        Raises:
            RingFullError: No room, or the patience was up.
            UsageError: The record has more than :data:`MAX_RECORD` bytes.
            TypeError: It holds something that is no JSON value.
        """
        data = encode_record(record)
        if len(data) > MAX_RECORD:
            raise UsageError(
                f"a record of {len(data):,} bytes is more than the {MAX_RECORD:,} that are allowed",
                hint="log large content as an artifact",
            )
        if patience < 0:
            with self.lock:
                return self._put(data)
        with self.idle(patience):
            return self._put(data)

    def _put(self, data: bytes) -> tuple[int, int]:
        size = record_size(len(data))
        now = time_ns() // 1000
        while self._at + size > self._limit:
            self._next(size)
        # From here to ``try`` nothing else runs; see the module's docstring.
        if now <= self.last_time:
            now = self.last_time + 1
        at = self._at
        end = at + size
        seq = self.seq + 1
        self.last_time = now
        self.seq = seq
        self._at = end
        buffer, flush = self._buffer, self._flush
        try:
            buffer[at:end] = pack_record(seq, now, data)
        except BaseException:
            self._give_back(buffer, flush, at, end, seq)
            raise
        if flush is not None:
            flush(at, end)
        return seq, now

    # -- what happens seldom ---------------------------------------------------------------

    @contextlib.contextmanager
    def idle(self, patience: float) -> Iterator[None]:
        """Keep calls out of the ring for a moment, once none is under way; for the writer.

        Raises:
            RingFullError: The patience was up. A call that was interrupted by a signal stays in
                the ring until the handler ends, and the handler may be waiting for us. Or the
                call that is under way is the one that we are called from.
        """
        if self._is_mine() or not self.lock.acquire(timeout=patience):
            raise RingFullError("the ring is busy")
        try:
            yield
        finally:
            self.lock.release()

    @contextlib.contextmanager
    def interrupted(self, patience: float) -> Iterator[None]:
        """For a signal handler that ends the process: let other threads into the ring.

        The call that the signal interrupted keeps the lock and stands still until the handler
        is done. So meanwhile the others may have another lock.
        """
        lock = self.lock
        if not lock.acquire(timeout=patience):
            yield
            return
        self._use(threading.RLock())
        try:
            yield
        finally:
            self._use(lock)
            lock.release()

    def _define(self, keys: tuple[Any, ...]) -> tuple[Callable[..., None], int, int]:
        if len(keys) > MAX_ROW_KEYS:
            raise WideRowError
        names = self._define_names(keys)
        many = len(self._keysets) >= MAX_KEYSETS or sum(map(len, names)) > MAX_NAMES
        if many and len(keys) > 1:
            raise WideRowError
        with self.lock:
            known = self._keysets.get(keys)
            if known is None:
                self._last_keyset = keyset = self._last_keyset + 1
                self.record(KeysDefined(id=keyset, keys=names))
                kind = keyset | len(keys) << 32
                known = (row_struct(len(keys)).pack_into, ROW_BYTES + 8 * len(keys), kind)
                self._keysets[keys] = known
        return known

    def _give_back(self, buffer: Any, flush: Flush | None, at: int, end: int, seq: int) -> None:
        """Undo a reservation whose values could not be packed."""
        zeros = bytes(end - at)
        if self._at == end and self.seq == seq and buffer is self._buffer:
            # Half a row may stand there; a shorter slot after it must not meet its rest.
            buffer[at:end] = zeros
            self._at = at
            self.seq = seq - 1
        else:
            # A nested call came after it, so the place must be filled.
            buffer[at:end] = pack_filler(seq, self.last_time, end - at)
            if flush is not None:
                flush(at, end)

    def next_step(self) -> int:
        """Take one above the largest step so far."""
        with self.lock:
            self.step = min(index(self.step) + 1, MAX_STEP)
            return self.step

    def knows(self, key: str) -> bool:
        """Whether a row with this key was put here."""
        return any(key in keys for keys in list(self._keysets))

    def see_step(self, step: int) -> None:
        """Take notice of a step that was used elsewhere."""
        with self.lock:
            self.step = max(self.step, step)

    # -- rows that found no room -----------------------------------------------------------

    def count_lost(self, points: int, reason: str) -> None:
        """Count a row that found no room; never fails. The count outlives the process."""
        now = time_ns() // 1000
        with self.lock:
            lost = self._lost
            lost.first = lost.first or now
            lost.last = now
            lost.rows += 1
            lost.points += points
            lost.reason = reason
            self._chain.note_lost(lost)

    @property
    def lost(self) -> int:
        """Rows counted as lost and not yet noted."""
        return self._lost.rows

    def note_gap(self, patience: float) -> bool:
        """Write what was counted as a record, if there is anything; False when it found no room."""
        if not self._lost.rows:
            return True
        try:
            with self.idle(patience):
                lost = self._lost
                self.record(
                    GapNoted(
                        reason=lost.reason,
                        rows=lost.rows,
                        points=lost.points,
                        first=lost.first,
                        last=lost.last,
                    )
                )
                self._lost = Lost()
                self._chain.note_lost(self._lost)
        except RingFullError:
            return False
        return True

    # -- segments --------------------------------------------------------------------------

    @property
    def folder(self) -> Path | None:
        """Where the ring's mark lies; None when it is in memory only."""
        return self._chain.folder

    def segments(self) -> Iterator[Segment]:
        """All segments that are still there, oldest first."""
        segment: Segment | None = self.first
        while segment is not None:
            yield segment
            segment = segment.next

    def end_of(self, segment: Segment) -> int:
        """Where the last slot of a segment ends by now."""
        return self._at if segment.end is None else segment.end

    @property
    def waiting(self) -> int:
        """Bytes that the journal does not hold yet."""
        return sum(max(0, self.end_of(s) - s.read) for s in self.segments())

    @property
    def safe(self) -> bool:
        """Whether all that waits would outlive the process."""
        return all(s.safe for s in self.segments() if self.end_of(s) > s.read)

    def _switch(self, segment: Segment) -> None:
        # From here on nothing else runs; see the module's docstring.
        old = self._segment
        old.end = self._at
        old.next = segment
        self._segment = segment
        self._buffer = segment.buffer
        self._flush = segment.flush
        self._at = DATA_AT
        self._limit = 0 if self.closed else segment.size

    def _next(self, size: int) -> None:
        """Begin the next segment; with the lock held, but a handler may come in between."""
        if self.closed:
            raise RingFullError("the run is closed")
        full = self._segment
        spare, self._spare = self._spare, None
        if spare is not None and size > spare.size - DATA_AT:
            spare.drop(unlink=True)
            spare = None
        if spare is None:
            spare = self._make(max(self._wanted(), size + DATA_AT))
        self._begin(spare, full)

    def _begin(self, spare: Segment, full: Segment) -> None:
        """Go on in a new segment, unless a handler did so while it was being made."""
        if self._segment is full and not self.closed:
            self._switch(spare)
            self.on_next()
        elif self._spare is None and not self.closed:
            self._spare = spare
        else:
            spare.drop(unlink=True)

    def _wanted(self) -> int:
        return min(LARGEST_SEGMENT, 2 * self._segment.size)

    def _make(self, size: int) -> Segment:
        spare = self._spare
        held = sum(s.size for s in self.segments()) + (0 if spare is None else spare.size)
        if held + size > CAPACITY:
            raise RingFullError(self.trouble or "the disk does not keep up")
        return self._chain.make(size, self.seq + 1)

    def prepare(self, patience: float) -> None:
        """Make the next segment ahead of need; called by the writer's thread."""
        begun = self._segment is not self.first or self._segment.size > FIRST_SEGMENT
        if self._spare is not None or not (begun or self._at > self._limit // 2):
            return
        with contextlib.suppress(RingFullError):
            spare = self._make(self._wanted())
            if not self._put_aside(spare, patience):
                spare.drop(unlink=True)

    def _put_aside(self, spare: Segment, patience: float) -> bool:
        if not self.lock.acquire(timeout=patience):
            return False
        try:
            if self._spare is not None or self.closed:
                return False
            self._spare = spare
            return True
        finally:
            self.lock.release()

    def retire(self, segment: Segment) -> None:
        """Remove the oldest segment, which the journal holds wholly."""
        if segment is self.first and segment.next is not None:
            self.first = segment.next
            segment.drop(unlink=True)

    # -- the end ---------------------------------------------------------------------------

    def seal(self, patience: float) -> bool:
        """Take no more slots.

        Returns:
            Whether no call is under way any more; False when the patience was up.
        """
        self.closed = True
        self._limit = 0
        try:
            with self.idle(patience):
                return True
        except RingFullError:
            return False

    def close(self, *, unlink: bool) -> None:
        """Let go of the files; with ``unlink`` they go, since the journal has all."""
        self.closed = True
        self._limit = 0
        for segment in self.segments():
            segment.drop(unlink=unlink)
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.drop(unlink=True)
        self._chain.drop(unlink=unlink)

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without touching them."""
        self._use(threading.RLock())
        self.closed = True
        self._limit = 0
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.drop(unlink=False)
        for segment in self.segments():
            segment.drop(unlink=False)
        self._chain.drop(unlink=False)


def _nothing() -> None:
    """What happens at the next segment when nobody wants to know."""
