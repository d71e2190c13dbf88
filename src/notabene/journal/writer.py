"""One writer of one run: ring in front, journal behind, a thread that carries over.

    log() → Ring.row → (writer's thread, each 0.25 s) take → Encoder → JournalFile.append
                                            (sync thread, each 5 s)   → JournalFile.sync

The calling thread never waits for the disk as long as the ring has room; when 64 MiB wait it
waits as long as the writer's thread makes progress, and then counts what it cannot keep.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from notabene.errors import NotabeneError
from notabene.journal.chain import DATA_AT, RingMeta, Segment
from notabene.journal.drain import Drained, Encoder, first_seq, take
from notabene.journal.file import JournalFile
from notabene.journal.ring import Ring, RingFullError, WideRowError
from notabene.journal.segment import Header
from notabene.journal.sync import SYNC_EVERY, Syncer
from notabene.model.records import AnyRecord, Heartbeat, Summarised

TICK = 0.25
BEAT_EVERY = 30.0
HURRY = 16 << 20
"""Waiting bytes above which rows are copied to the journal as they are, without encoding."""
PATIENCE = 1.0
"""Seconds without progress of the journal after which a full ring holds up no call any more."""
CLOSE_WITHIN = 5.0
SYNC_WITHIN = 2.0
"""Seconds that the end of a run waits for the disk to confirm."""
STATS_PER_RECORD = 256
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ESTALE})
SURPRISES = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    NotabeneError,
    OSError,
    RuntimeError,
    RingFullError,
    TypeError,
    ValueError,
    Warning,
)
"""What must not end the writer's thread, since all carrying over would end with it."""

Warn = Callable[[str, str], None]


class Writer:
    """Everything a process writes to one run goes through here.

    Threads: :meth:`row` and :meth:`record` from any; the rest from one thread at a time.
    Forks: the child calls :meth:`abandon` and makes a writer of its own.
    Crashes: what :meth:`row` returned for survives SIGKILL as long as the ring's disk does.

    Args:
        path: The journal to make; its folder exists.
        header: The journal's header; ``ring`` is filled in here.
        ring_places: Folders for the ring's files, best first; none means memory only.
        spill: Folders where the journal may go on when its own cannot be written to.
        define: Names to store for a set of keys; raises UsageError for what is no name.
        warn: Called with a code and a sentence when something is not as it should be;
            mostly from the writer's threads, at most once a minute per code.
        sync: Whether the disk is asked to confirm, every five seconds and at the end.

    Attributes:
        log: :meth:`row` by the shortest way: the ring's own method while a thread carries over.
        ticks: Called by the writer's thread about four times a second.
        cpu_us: CPU time of the writer's thread so far.

    Raises:
        FileExistsError: Another writer has this name.
        OSError: The journal cannot be made.
    """

    def __init__(
        self,
        path: Path,
        header: Header,
        *,
        ring_places: list[Path],
        spill: list[Path],
        define: Callable[[tuple[Any, ...]], tuple[str, ...]],
        warn: Warn,
        sync: bool = True,
    ) -> None:
        self.id = header.writers[0]
        self.run = header.run
        self.ticks: list[Callable[[], None]] = []
        self.cpu_us = 0
        meta = RingMeta(
            writer=self.id,
            run=header.run,
            host=header.host,
            boot=header.boot,
            pid=header.pid,
            journal=str(path.absolute()),
        )
        self.ring = Ring(ring_places, meta, define)
        where = self.ring.folder
        folder = "" if where is None else "." if where == path.parent else str(where)
        try:
            self.file = JournalFile(
                path, msgspec.structs.replace(header, ring=folder), [path.parent, *spill]
            )
        except OSError:
            self.ring.close(unlink=True)
            raise
        self.log: Callable[[Mapping[str, Any], int | None], None] = self.ring.row
        self._encoder = Encoder()
        self.file.preface = self._encoder.names
        self._warn = warn
        self._warned: dict[str, float] = {}
        self._syncer = Syncer(self.file, self.warn, every=SYNC_EVERY if sync else 0.0)
        # Handlers of signals wake the thread as well: put() may be interrupted by itself.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self.ring.on_next = self.wake
        self._stop = self._ended = self._closed = self._given_up = self._kept = False
        self._busy = threading.Lock()
        """Held by who carries over."""
        self._drained = 0
        self._unsent: tuple[int, int, bytes, int] | None = None
        """A frame that the disk refused: first, last, body, where its slots end."""
        self._last_write = self._last_stats = self._progress = time.monotonic()
        self._refused: tuple[float, float] | None = None
        """When the disk refused first and last, since it last took something."""
        self._thread: threading.Thread | None = None

    # -- writing ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start the writer's thread; where none can be had, calls write by themselves."""
        thread = threading.Thread(target=self._work, name="notabene-writer", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            self.log = self.row
            self.warn("no-thread", "no thread could be started; logging writes as it goes")
        else:
            self._thread = thread

    def row(self, data: Mapping[str, Any], step: int | None) -> None:
        """Log one row of numbers at a step; None is one above the largest so far.

        Raises:
            struct.error, TypeError, OverflowError: A value is no number.
            UsageError: A key cannot be a name.
        """
        try:
            self.ring.row(data, step)
        except WideRowError:
            self._row_in_halves(data, step)
        except RingFullError as error:
            self.row_when_full(data, step, str(error))
        if self._thread is None:
            self._drain(patience=0)

    def _row_in_halves(self, data: Mapping[str, Any], step: int | None) -> None:
        items = list(data.items())
        if step is None:
            step = self.ring.next_step()
        for half in (items[: len(items) // 2], items[len(items) // 2 :]):
            self.row(dict(half), step)

    def record(self, record: AnyRecord) -> bool:
        """Write a record; False when it found no room and is counted as lost.

        Raises:
            UsageError: It is too large.
            TypeError: It holds something that is no JSON value.
        """
        return self.record_stamped(record) is not None

    def record_stamped(self, record: AnyRecord) -> tuple[int, str, int] | None:
        """The same, and give its (time, writer, sequence); None when it was not kept."""
        while True:
            try:
                seq, at = self.ring.put(record)
            except RingFullError as error:
                if not self._wait_for_room():
                    self.ring.count_lost(0, str(error))
                    return None
            else:
                if self._thread is None:
                    self._drain(patience=0)
                return at, self.id, seq

    def row_when_full(self, data: Mapping[str, Any], step: int | None, reason: str) -> None:
        """Wait for room as long as the journal makes progress; then count the row as lost."""
        while self._wait_for_room():
            try:
                self.ring.row(data, step)
            except RingFullError as error:
                reason = str(error)
            else:
                return
        self.ring.count_lost(len(data), reason)
        self.warn("gap", f"rows are being dropped and counted: {reason}")

    def _wait_for_room(self) -> bool:
        """Wait a moment for the writer's thread; False when it makes no progress."""
        if self.ring.closed or time.monotonic() - self._progress >= PATIENCE:
            return False
        if self._thread is None:
            before = self._drained
            self._drain(patience=0)
            return self._drained != before
        self.wake()
        time.sleep(0.001)
        return True

    # -- the writer's thread ---------------------------------------------------------------

    def wake(self) -> None:
        """Have the writer's thread do its next round now."""
        self._wake.put(None)

    def _work(self) -> None:
        while not self._stop:
            with contextlib.suppress(Empty):
                self._wake.get(timeout=TICK)
                while True:
                    self._wake.get_nowait()
            self._surely(self.tick)
        self._surely(self._end)
        if self._given_up:
            self._let_go()

    def _surely(self, call: Callable[[], None]) -> None:
        try:
            call()
        except SURPRISES as error:
            self.warn("writer", f"carrying data over failed ({error!r}); trying again")

    def tick(self) -> None:
        """One round of the writer's thread."""
        begun = time.thread_time_ns()
        for call in tuple(self.ticks):
            call()
        self._drain()
        self.ring.prepare(TICK)
        self._keep_house()
        self.cpu_us += (time.thread_time_ns() - begun) // 1000

    def _keep_house(self) -> None:
        now = time.monotonic()
        if now - self._last_stats >= BEAT_EVERY:
            self._last_stats = now
            self._put_stats()
        if now - self._last_write >= BEAT_EVERY:
            self._last_write = now
            with contextlib.suppress(RingFullError):
                self.ring.record(Heartbeat(cpu_us=self.cpu_us), patience=TICK)
        if not self.ring.safe:
            self.warn(
                "memory-ring",
                "no local disk takes the newest data: it waits in memory, and is lost if this "
                "process is killed",
            )
        if self.file.removed:
            place = self.file.path.parent
            self.warn("removed", f"the run's folder {place} was removed: nothing of it is kept")
        self._syncer.look()

    def _put_stats(self) -> None:
        with self._busy:
            stats, upto = self._encoder.stats, self._drained
            # What the disk refused is counted already, but it does not stand in the journal.
            if self._unsent is not None or not (self._encoder.counting and stats.changed()):
                return
            keys, data = stats.pack_changed()
        width = len(data) // max(1, len(keys))
        for at in range(0, len(keys), STATS_PER_RECORD):
            part = keys[at : at + STATS_PER_RECORD]
            packed = data[at * width : (at + len(part)) * width]
            with contextlib.suppress(RingFullError):
                self.ring.record(Summarised(keys=part, stats=packed, upto=upto), patience=TICK)

    def _drain(self, *, patience: float = -1) -> bool:
        """Carry over to the journal what is complete by now.

        Returns:
            False when the disk refused, or when somebody else is at it for too long.
        """
        if not self._busy.acquire(timeout=patience):
            return False
        try:
            # What comes while we work waits for the next round: small frames cost much.
            upto = self.ring.seq
            while True:
                segment = self.ring.first
                if not self._drain_segment(segment, upto):
                    return False
                if segment.next is None or segment.read < self.ring.end_of(segment):
                    break
                self.ring.retire(segment)
        finally:
            self._busy.release()
        self.ring.note_gap(TICK)
        return True

    def _drain_segment(self, segment: Segment, upto: int) -> bool:
        data = memoryview(segment.buffer)
        fast = self.ring.waiting > (HURRY // 4 if self._stop else HURRY)
        try:
            while self._send(segment):
                if self._drained >= upto:
                    return True
                got = take(data[: self.ring.end_of(segment)], segment.read, self._drained + 1)
                if got.last < got.first:
                    got = self._over_hole(data, segment)
                if got.last < got.first:
                    return True
                self._unsent = got.first, got.last, self._encoder.body(got, fast=fast), got.end
            return False
        finally:
            data.release()

    def _over_hole(self, data: memoryview, segment: Segment) -> Drained:
        """Take what comes after a call that never filled its slot (two Ctrl-C in a row, say).

        While no call is under way, a slot that is not complete never will be.
        """
        ring, first = self.ring, self._drained + 1
        got = Drained(first, segment.read)
        if segment.read >= ring.end_of(segment):
            return got
        with contextlib.suppress(RingFullError), ring.idle(TICK):
            end = ring.end_of(segment)
            got = take(data[:end], segment.read, first, holes=True)
            if got.last < got.first:
                after = segment.next
                got.last = ring.seq if after is None else first_seq(after.buffer, DATA_AT) - 1
                got.end = end
        return got

    def _send(self, segment: Segment) -> bool:
        """Append the frame that is ready, if one is; False when the disk refuses it."""
        if self._unsent is None:
            return True
        first, last, body, end = self._unsent
        before = self.file.path
        try:
            self.file.append(first, last, body)
        except OSError as error:
            self._write_failed(error)
            return False
        self._unsent = self._refused = None
        self._drained, segment.read = last, end
        self._progress = self._last_write = time.monotonic()
        if self.file.path.parent != before.parent:
            self.warn("moved", f"the journal goes on in {self.file.path.parent}")
        return True

    def _write_failed(self, error: OSError) -> None:
        now = time.monotonic()
        self._refused = (self._refused or (now, now))[0], now
        where = self.file.path.parent
        reason = os.strerror(error.errno or 0)
        if error.errno in READ_ONLY:
            self.file.give_up_place()
        if error.errno in FULL:
            self.ring.trouble = "the disk is full"
            text = f"no space left to write to {where}; the newest data waits in the ring"
        else:
            self.ring.trouble = f"the disk refuses ({reason})"
            text = f"cannot write to {where} ({reason}); trying again"
        self.warn("write", text)

    def warn(self, code: str, text: str) -> None:
        """Pass a warning on, at most once a minute per code."""
        now = time.monotonic()
        if now - self._warned.get(code, -60.0) < 60.0:
            return
        self._warned[code] = now
        try:
            self._warn(code, text)
        except (NotabeneError, Warning):
            # Warnings as errors are for the thread that logs; ours has work to do.
            if threading.current_thread().name.startswith("notabene-"):
                return
            raise

    # -- looking ---------------------------------------------------------------------------

    def last_value(self, key: str) -> float | None:
        """The value of a key that was logged last, or None."""
        self.flush(PATIENCE)
        return self._encoder.last_value(key)

    def last_values(self) -> dict[str, float]:
        """The last value of each metric, by key; the rows are brought in first."""
        self.flush()
        return self._encoder.last_values()

    @property
    def points(self) -> int:
        """Points written to the journal so far."""
        return self._encoder.points

    # -- the end ---------------------------------------------------------------------------

    def flush(self, timeout: float = CLOSE_WITHIN) -> bool:
        """Bring all that was logged so far into the journal (not yet to the disk).

        Returns:
            Whether it is there; False when the disk refused or the time was up.
        """
        wanted = self.ring.seq
        if self._ended:
            return self._drained >= wanted
        if not self._has_thread():
            return self._drain(patience=timeout) and self._drained >= wanted
        begun = time.monotonic()
        pause = 0.0002
        while self._drained < wanted and not self._ended:
            first, last = self._refused or (begun, 0.0)
            if time.monotonic() >= begun + timeout or (last > begun and last - first >= PATIENCE):
                return False
            self.wake()
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        return self._drained >= wanted

    def _has_thread(self) -> bool:
        """Whether another thread carries over."""
        thread = self._thread
        return thread is not None and thread is not threading.current_thread() and thread.is_alive()

    def _end(self) -> None:
        """The last round: all that is left, with summaries, and no more after it."""
        if self._ended:
            return
        self._drain()
        self._put_stats()
        idle = self.ring.seal(TICK)
        self._kept = self._drain() and idle and self.ring.seq == self._drained
        self._ended = True

    def close(self, *, timeout: float = CLOSE_WITHIN, sync: bool = True) -> bool:
        """Write what is left, bring it to the disk, remove the ring; at most ``timeout`` s.

        Returns:
            Whether the journal holds everything. If not, the ring stays where it is, and
            whoever opens the store next brings the rest home.
        """
        if self._closed:
            return self._kept
        self._closed = self._stop = True
        end = time.monotonic() + timeout
        if self._has_thread():
            assert self._thread is not None
            self.wake()
            self._thread.join(timeout)
        if self._has_thread():
            # The disk hangs. Ring and lock are left to the thread, should it ever come back.
            self._given_up = True
            return False
        self._surely(self._end)
        if sync and self._syncer.every and self.file.unsynced:
            self._syncer.ask()
            self._syncer.wait(min(SYNC_WITHIN, end - time.monotonic()))
        self._let_go()
        return self._kept

    def _let_go(self) -> None:
        self._syncer.stop()
        self._say_what_is_lost()
        self.ring.close(unlink=self._kept)
        self.file.close()

    def _say_what_is_lost(self) -> None:
        if not self._kept and not self.ring.safe:
            rows = self.ring.seq - self._drained
            self.warn("lost", f"{rows:,} rows and records are lost: they were in memory only")

    def abandon(self) -> None:
        """In a forked child: drop everything without touching the parent's files."""
        self._stop = self._ended = self._closed = True
        self._thread = None
        self._busy = threading.Lock()
        self._syncer.abandon()
        self.ring.abandon()
        self.file.abandon()
