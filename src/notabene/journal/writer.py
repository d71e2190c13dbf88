"""One writer of one run: ring in front, journal behind, a thread that carries over.

    log() → Ring.row → (writer's thread, each 0.25 s) take → Encoder → JournalFile.append
                                            (sync thread, each 5 s)   → JournalFile.sync

The calling thread never waits for the disk as long as the ring has room; when 64 MiB wait it
waits a moment for the writer's thread, and then counts what it cannot keep.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from notabene.journal.drain import Encoder, take
from notabene.journal.file import JournalFile
from notabene.journal.ring import Ring, RingFullError, Segment, SegmentMeta
from notabene.journal.segment import Header
from notabene.model.records import AnyRecord, GapNoted, Heartbeat, Summarised

TICK = 0.25
SYNC_EVERY = 5.0
BEAT_EVERY = 30.0
HURRY = 16 << 20
"""Waiting bytes above which rows are copied to the journal as they are, without encoding."""
PATIENCE = 1.0
"""Seconds that a full ring may hold up a call while the journal makes progress."""
CLOSE_WITHIN = 5.0
STATS_PER_RECORD = 256
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ESTALE})

Warn = Callable[[str, str], None]


class Writer:
    """Everything a process writes to one run goes through here.

    Threads: :meth:`row` and :meth:`record` from any; the rest from one thread at a time.
    Forks: the child calls :meth:`abandon` and makes a writer of its own.
    Crashes: what :meth:`row` returned for survives SIGKILL as long as the ring's disk does.

    Args:
        path: The journal to make; its folder exists.
        header: The journal's header; ``ring`` is filled in here.
        ring_places: Folders for the ring's segments, best first; none means memory only.
        spill: Folders where the journal may go on when its own cannot be written to.
        define: Names to store for a set of keys; raises UsageError for what is no name.
        warn: Called with a code and a sentence when something is not as it should be;
            from the writer's thread, at most once a minute per code.

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
    ) -> None:
        self.id = header.writers[0]
        self.run = header.run
        self.ticks: list[Callable[[], None]] = []
        """Called by the writer's thread about four times a second."""
        self.cpu_us = 0
        """CPU time of the writer's threads so far."""
        meta = SegmentMeta(
            writer=self.id,
            run=header.run,
            index=0,
            base=1,
            host=header.host,
            boot=header.boot,
            pid=header.pid,
            journal=str(path),
        )
        self.ring = Ring(ring_places, meta, define)
        where = self.ring.segments[0].path
        import msgspec

        header = msgspec.structs.replace(header, ring="" if where is None else str(where.parent))
        try:
            self.file = JournalFile(path, header, [path.parent, *spill])
        except OSError:
            self.ring.close(unlink=True)
            raise
        self._encoder = Encoder()
        self._warn = warn
        self._warned: dict[str, float] = {}
        self._wake = threading.Event()
        self._stop = False
        self._drain_lock = threading.Lock()
        self._drained = 0
        self._last_write = self._last_sync = self._last_stats = time.monotonic()
        self._sync_failures = 0
        self._progress = time.monotonic()
        self._thread: threading.Thread | None = None
        self._sync_thread: threading.Thread | None = None
        self._sync_wanted = threading.Event()
        self._sync_done = threading.Event()

    # -- writing ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start the writer's thread; where none can be had, calls write by themselves."""
        thread = threading.Thread(target=self._work, name="notabene-writer", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            self.warn("no-thread", "no thread could be started; logging writes as it goes")
        else:
            self._thread = thread

    def row(self, data: Mapping[str, Any], step: int | None) -> None:
        """Log one row of numbers at a step; None is one above the largest so far.

        Raises:
            struct.error, TypeError, OverflowError: A value is no number.
            UsageError: A key cannot be a name.
            WideRowError: The row has to be split.
        """
        try:
            self.ring.row(data, step)
        except RingFullError as error:
            self.row_when_full(data, step, str(error))
        if self._thread is None:
            self.flush(0)

    def record(self, record: AnyRecord) -> bool:
        """Write a record; False when it found no room and is counted as lost.

        Raises:
            UsageError: It is too large.
            TypeError: It holds something that is no JSON value.
        """
        try:
            self.ring.record(record)
        except RingFullError as error:
            if not self._wait_for_room():
                self.ring.count_lost(0, str(error))
                return False
            try:
                self.ring.record(record)
            except RingFullError:
                self.ring.count_lost(0, str(error))
                return False
        if self._thread is None:
            self.flush(0)
        return True

    def record_stamped(self, record: AnyRecord) -> tuple[int, str, int] | None:
        """Write a record and give its (time, writer, sequence); None when it was not kept."""
        with self.ring.lock:
            if not self.record(record):
                return None
            return self.ring.last_time, self.id, self.ring.seq

    def row_when_full(self, data: Mapping[str, Any], step: int | None, reason: str) -> None:
        """Wait a moment for room; then count the row as lost."""
        if self._wait_for_room():
            try:
                self.ring.row(data, step)
            except RingFullError:
                pass
            else:
                return
        self.ring.count_lost(len(data), reason)
        self.warn("gap", f"rows are being dropped and counted: {reason}")

    def _wait_for_room(self) -> bool:
        """Wait for the writer's thread while it makes progress; True when there may be room."""
        self._wake.set()
        while time.monotonic() - self._progress < PATIENCE:
            before = self._drained
            time.sleep(0.001)
            if self._drained != before:
                return True
        return False

    # -- the writer's thread ---------------------------------------------------------------

    def _work(self) -> None:
        while not self._stop:
            self._wake.wait(TICK)
            self._wake.clear()
            if self._stop:
                return
            self.tick()

    def tick(self) -> None:
        """One round of the writer's thread."""
        begun = time.thread_time_ns()
        for call in tuple(self.ticks):
            call()
        self._drain()
        self.ring.prepare()
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
                self.ring.record(Heartbeat(cpu_us=self.cpu_us))
        due = self.file.unsynced and now - self._last_sync >= SYNC_EVERY
        if due or self.file.unsynced > HURRY:
            self._last_sync = now
            self._ask_for_sync()

    def _put_stats(self) -> None:
        stats = self._encoder.stats
        if not (self._encoder.counting and stats.changed()):
            return
        with self._drain_lock:
            upto, (keys, data) = self._drained, stats.pack_changed()
        width = len(data) // max(1, len(keys))
        for at in range(0, len(keys), STATS_PER_RECORD):
            part = keys[at : at + STATS_PER_RECORD]
            packed = data[at * width : (at + len(part)) * width]
            with contextlib.suppress(RingFullError):
                self.ring.record(Summarised(keys=part, stats=packed, upto=upto))

    def _drain(self, *, fast: bool = False) -> bool:
        """Carry complete slots over to the journal; False when the disk refused."""
        with self._drain_lock:
            while self._pending():
                segment = self.ring.segments[0]
                if not self._drain_segment(segment, fast=fast or self.ring.waiting > HURRY):
                    return False
                if segment.end is None or segment.read < segment.end:
                    break
                self.ring.retire(segment)
        self._note_gap()
        return True

    def _pending(self) -> bool:
        ring = self.ring
        return bool(ring.segments) and (ring.seq > self._drained or len(ring.segments) > 1)

    def _drain_segment(self, segment: Segment, *, fast: bool) -> bool:
        data = memoryview(segment.buffer)
        try:
            while True:
                got = take(data, segment.read, self._drained + 1)
                if got.last < got.first:
                    return True
                body = self._encoder.body(got, fast=fast)
                if not self._append(got.first, got.last, body):
                    return False
                self._drained = got.last
                segment.read = got.end
                self._progress = self._last_write = time.monotonic()
        finally:
            data.release()

    def _append(self, first: int, last: int, body: bytes) -> bool:
        try:
            self.file.append(first, last, body)
        except OSError as error:
            self._write_failed(error)
            return False
        if self.file.moved_to is not None:
            self.warn("moved", f"the journal goes on in {self.file.moved_to}")
        return True

    def _write_failed(self, error: OSError) -> None:
        # The same rows are encoded again at the next try: do not count them twice.
        self._encoder.counting = False
        if error.errno in READ_ONLY:
            self.file.give_up_place()
        where = self.file.path.parent
        if error.errno in FULL:
            text = f"no space left to write to {where}; the newest data waits in memory"
            self.ring.lost_reason = "the disk is full"
        else:
            text = f"cannot write to {where} ({os.strerror(error.errno or 0)}); trying again"
        self.warn("write", text)

    def _note_gap(self) -> None:
        lost = self.ring.take_lost()
        if lost is None:
            return
        rows, points, first, last, reason = lost
        gap = GapNoted(reason=reason, rows=rows, points=points, first=first, last=last)
        try:
            self.ring.record(gap)
        except RingFullError:
            with self.ring.lock:
                self.ring.lost_rows += rows
                self.ring.lost_points += points
                self.ring.lost_first = first
                self.ring.lost_last = last

    def warn(self, code: str, text: str) -> None:
        """Pass a warning on, at most once a minute per code."""
        now = time.monotonic()
        if now - self._warned.get(code, -60.0) >= 60.0:
            self._warned[code] = now
            self._warn(code, text)

    # -- sync ------------------------------------------------------------------------------

    def _ask_for_sync(self) -> None:
        """Have the disk written in a thread of its own, since it may hang for minutes."""
        if self._sync_thread is None:
            thread = threading.Thread(target=self._sync_work, name="notabene-sync", daemon=True)
            try:
                thread.start()
            except (RuntimeError, MemoryError):
                self._sync()
                return
            self._sync_thread = thread
        self._sync_done.clear()
        self._sync_wanted.set()

    def _sync_work(self) -> None:
        while True:
            self._sync_wanted.wait()
            self._sync_wanted.clear()
            if self._stop and not self.file.unsynced:
                self._sync_done.set()
                return
            self._sync()
            self._sync_done.set()

    def _sync(self) -> None:
        try:
            self.file.sync()
        except OSError as error:
            self._sync_failures += 1
            self.warn(
                "sync",
                f"the disk does not confirm writes ({os.strerror(error.errno or 0)}): "
                "this run is not safe against power loss",
            )
        else:
            self._sync_failures = 0

    def last_value(self, key: str) -> float | None:
        """The value of a key that was logged last, or None."""
        self._drain()
        with self._drain_lock:
            return self._encoder.last_value(key)

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
        del timeout
        return self._drain()

    def close(self, *, timeout: float = CLOSE_WITHIN, sync: bool = True) -> bool:
        """Write what is left, bring it to the disk, remove the ring; at most ``timeout`` s.

        Returns:
            Whether the journal holds everything. If not, the ring stays where it is, and
            whoever opens the store next brings the rest home.
        """
        end = time.monotonic() + timeout
        self._stop = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
            if self._thread.is_alive():
                self.ring.close(unlink=False)
                return False
        # Summaries first, so that they stand in the journal with the last rows.
        done = self._drain(fast=self.ring.waiting > HURRY // 4)
        self._put_stats()
        done = self._drain() and done
        if sync and self.file.unsynced:
            self._ask_for_sync()
            self._sync_done.wait(max(0.0, min(2.0, end - time.monotonic())))
        self._sync_wanted.set()
        self.ring.close(unlink=done and self.ring.seq == self._drained)
        if done:
            self.file.close()
        return done

    def abandon(self) -> None:
        """In a forked child: drop everything without touching the parent's files."""
        self._stop = True
        self._thread = self._sync_thread = None
        self.ring.abandon()
        self.file.close()


