"""The ring: what log() put is there, whoever interrupted it."""

from __future__ import annotations

import gc
import math
import os
import signal
import struct
import sys
import threading
import time

import pytest

from notabene.errors import UsageError
from notabene.journal import ring as module
from notabene.journal.chain import DATA_AT, META_AT, Lost, RingMeta
from notabene.journal.ring import MAX_RECORD, MAX_STEP, Ring, RingFullError, WideRowError
from notabene.journal.rows import record_of, row_of, slots
from notabene.model.records import GapNoted, KeysDefined, NoteWritten, decode_record


@pytest.fixture
def ring(tmp_path):
    """A ring in a folder of its own."""
    found = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    yield found
    found.close(unlink=True)


@pytest.fixture
def small(monkeypatch):
    """Segments are small, so that they change all the time."""
    monkeypatch.setattr(module, "FIRST_SEGMENT", 4096)
    monkeypatch.setattr(module, "LARGEST_SEGMENT", 4096)


def all_slots(ring):
    """``(seq, keyset, payload)`` of every slot in all segments; the payload of rows is a row."""
    found = []
    for segment in ring.segments():
        view = memoryview(segment.buffer)[: ring.end_of(segment)]
        for slot in slots(view, DATA_AT):
            what = row_of(view, slot) if slot.keyset else record_of(view, slot)
            found.append((slot.seq, slot.keyset, what))
        view.release()
    return found


def rows_of(ring):
    """``(step, values)`` of all rows in the order of their slots."""
    return [(row[0], row[2]) for _, keyset, row in all_slots(ring) if keyset]


def records_of(ring):
    """All records in the order of their slots."""
    return [decode_record(what[1]) for _, keyset, what in all_slots(ring) if not keyset]


def test_rows_and_records_come_in_order(ring):
    """Sequences count up from the base without a gap, and key sets stand before their rows."""
    ring.row({"a": 1.5}, 0)
    ring.record(NoteWritten(id="n", text="x"))
    ring.row({"a": 2.5}, None)
    ring.row({"a": 1, "b": True}, 7)
    found = all_slots(ring)
    assert [seq for seq, _, _ in found] == [1, 2, 3, 4, 5, 6]
    assert [keyset for _, keyset, _ in found] == [0, 1, 0, 1, 0, 2]
    assert rows_of(ring) == [(0, (1.5,)), (1, (2.5,)), (7, (1.0, 1.0))]
    assert records_of(ring)[0] == KeysDefined(id=1, keys=("a",))


def test_time_strictly_rises_whatever_the_clock_does(ring, monkeypatch):
    """A clock that stands, or jumps by hours and days, never gives two slots one time."""
    clock = iter([5_000_000, 5_000_000, 1_000, 90_000_000_000, 2_000, 2_000, 95_000_000_000])
    monkeypatch.setattr(module, "time_ns", lambda: next(clock))
    for _ in range(6):
        ring.row({"a": 0.0}, None)
    times = [row[1] if keyset else row[0] for _, keyset, row in all_slots(ring)]
    assert times == [5_000, 5_001, 5_002, 90_000_000, 90_000_001, 90_000_002, 95_000_000]


def test_steps_count_on_from_the_largest(ring):
    """Without a step a row gets one above the largest; a step may go back."""
    for step in (None, None, 10, 3, None):
        ring.row({"a": 0.0}, step)
    assert [step for step, _ in rows_of(ring)] == [0, 1, 10, 3, 11]
    ring.see_step(20)
    assert ring.next_step() == 21


def test_a_row_aside_does_not_move_the_step(ring):
    """System metrics have steps of their own."""
    ring.row({"a": 0.0}, 4)
    ring.row_aside({"cpu": 1.0}, 1000)
    ring.row({"a": 0.0}, None)
    assert [step for step, _ in rows_of(ring)] == [4, 1000, 5]


@pytest.mark.parametrize("value", ["text", None, [1.0], 10**400, object()])
@pytest.mark.parametrize("keys", [("a",), ("a", "b")])
def test_a_row_that_cannot_be_packed_leaves_nothing(ring, value, keys):
    """Sequence, step and space are as before, and no shorter slot meets the rest of the row."""
    ring.row(dict.fromkeys(keys, 1.0), 5)
    before = ring.seq, ring.step
    with pytest.raises((struct.error, TypeError, OverflowError)):
        ring.row({key: value if key == keys[-1] else 2.0 for key in keys}, None)
    assert (ring.seq, ring.step) == before
    ring.record(NoteWritten(id="", text=""))
    ring.row(dict.fromkeys(keys, 3.0), None)
    assert rows_of(ring) == [(5, (1.0,) * len(keys)), (6, (3.0,) * len(keys))]


def test_a_step_that_cannot_be_packed_is_forgotten(ring):
    """A step beyond 64 bits is refused and does not spoil the steps that follow."""
    ring.row({"a": 0.0}, 3)
    for step in (1 << 63, 1.5, "3"):
        with pytest.raises((struct.error, TypeError)):
            ring.row({"a": 0.0}, step)
    ring.row({"a": 0.0}, None)
    assert [step for step, _ in rows_of(ring)] == [3, 4]


def test_steps_end_at_the_largest_number(ring):
    """Beyond the largest step there is no next one: it is taken again."""
    ring.row({"a": 0.0}, MAX_STEP)
    with pytest.raises(struct.error):
        ring.row({"a": 0.0}, None)
    assert ring.next_step() == MAX_STEP


def test_odd_values_keep_their_bits(ring):
    """NaN, infinities, minus zero and subnormal numbers are stored as they are."""
    odd = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308)
    ring.row(dict(zip("abcdef", odd, strict=True)), 0)
    assert struct.pack("<6d", *rows_of(ring)[0][1]) == struct.pack("<6d", *odd)


# -- interruptions -------------------------------------------------------------------------


class Logs:
    """A value whose ``__float__`` logs before it answers, as deep as it is told."""

    def __init__(self, ring, deep=1):
        self.ring, self.deep = ring, deep

    def __float__(self):
        if self.deep > 1:
            self.ring.row({"inner": Logs(self.ring, self.deep - 1)}, None)
        self.ring.row({"inner": float(self.deep)}, None)
        return 0.5


def test_a_value_that_logs_takes_the_next_slot(ring):
    """A nested row stands behind the outer one, and both are whole."""
    ring.row({"outer": Logs(ring, deep=3)}, None)
    found = rows_of(ring)
    assert sorted(found) == sorted(set(found))
    assert [values for _, values in found].count((0.5,)) == 3
    assert sorted(v for _, (v,) in found if v != 0.5) == [1.0, 2.0, 3.0]
    assert [seq for seq, _, _ in all_slots(ring)] == list(range(1, ring.seq + 1))


def test_a_nested_row_survives_the_failure_of_the_outer(ring):
    """When the outer row fails after a nested one came in, its slot is filled with nothing."""

    class Fails(Logs):
        def __float__(self):
            super().__float__()
            raise ValueError

    with pytest.raises(struct.error):
        ring.row({"outer": Fails(ring), "more": 1.0}, None)
    ring.row({"after": 2.0}, None)
    assert [values for _, values in rows_of(ring)] == [(1.0,), (2.0,)]
    assert [seq for seq, _, _ in all_slots(ring)] == list(range(1, ring.seq + 1))


def test_a_nested_row_may_change_the_segment(tmp_path, small):
    """The outer row is whole in the old segment, the nested ones in the next."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)

    class LogsMuch:
        def __float__(self):
            for _ in range(200):
                ring.row({"inner": 1.0}, None)
            return 0.5

    ring.row({"outer": LogsMuch()}, None)
    assert len(list(ring.segments())) > 2
    assert [seq for seq, _, _ in all_slots(ring)] == list(range(1, ring.seq + 1))
    assert sorted(values for _, values in rows_of(ring)) == [(0.5,)] + [(1.0,)] * 200
    ring.close(unlink=True)


def interrupted(ring, seconds=0.6):
    """Rows that the main thread, a signal handler and finalisers logged, each for itself."""
    logged = {"main": 0, "handler": 0, "last": 0, "float": 0}

    def log(key):
        ring.row({key: float(logged[key])}, None)
        logged[key] += 1

    class Last:
        def __init__(self):
            self.me = self  # only the collector finds it

        def __del__(self):
            log("last")

    class Value:
        def __float__(self):
            log("float")
            return float(logged["main"])

    busy = []

    def handler(*_):
        if not busy:  # making a segment takes longer than the time to the next signal
            busy.append(True)
            log("handler")
            busy.clear()

    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
    threshold = gc.get_threshold()
    gc.collect()
    gc.freeze()  # what the tests around it hold is not looked at each time
    gc.set_threshold(20)
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            Last()
            if logged["main"] % 3:
                ring.row({"main": float(logged["main"])}, None)
            else:
                ring.row({"main": Value()}, None)
            logged["main"] += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        gc.set_threshold(*threshold)
        gc.collect()
        gc.unfreeze()
    return logged


def whole(ring, logged):
    """Whether every row that was logged stands in the ring once, in the order of its key."""
    keys = {
        record.id: record.keys[0] for record in records_of(ring) if isinstance(record, KeysDefined)
    }
    found = {key: [] for key in logged}
    for _, keyset, row in all_slots(ring):
        if keyset:
            if keyset not in keys:  # the record that names its keys was written over
                return False
            found[keys[keyset]].append(row[2][0])
    return found == {key: [float(i) for i in range(count)] for key, count in logged.items()}


def test_signals_and_finalisers_interrupt_nothing(tmp_path, small):
    """Handlers, finalisers and values that log, thousands of times: every row is there once."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    logged = interrupted(ring)
    assert min(logged.values()) > 20
    assert whole(ring, logged)
    ring.close(unlink=True)


class ReadsTooEarly(Ring):
    """A ring without the guard: it reads the place of the slot before it reads the clock."""

    def row(self, data, step):
        keys = tuple(data)
        try:
            pack, size, kind = self._keysets[keys]
        except KeyError:
            pack, size, kind = self._define(keys)
        with self.lock:
            while self._at + size > self._limit:
                self._next(size)
            at, seq, buffer = self._at, self.seq + 1, self._buffer
            now = max(time.time_ns() // 1000, self.last_time + 1)
            self.step += 1
            self.last_time, self.seq, self._at = now, seq, at + size
            pack(buffer, at, seq, kind, self.step, now, *data.values(), seq)


def test_a_ring_that_reads_its_place_too_early_is_caught(tmp_path):
    """Negative control: with the guard off, the test of interruptions fails."""
    for n in range(20):
        ring = ReadsTooEarly([tmp_path], RingMeta(writer=f"w{n}"), tuple)
        good = whole(ring, interrupted(ring, 0.4))
        ring.close(unlink=True)
        if not good:
            break
    assert not good


def ctrl_c(ring, call, times):
    """Do a call over and over, and interrupt it that often, at a different moment each time."""

    def handler(*_):
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, handler)
    try:
        for i in range(times):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + i % 100 * 1e-6)
                while True:
                    call()
            except KeyboardInterrupt:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@pytest.mark.parametrize("what", ["row", "record"])
def test_ctrl_c_leaves_no_gap_and_no_lock(tmp_path, monkeypatch, what):
    """An exception out of a handler, anywhere in a call, leaves a ring that goes on."""
    monkeypatch.setattr(module, "FIRST_SEGMENT", 48 << 20)
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    note = NoteWritten(id="a", text="b")
    calls = {
        "row": lambda: ring.row({"a": 1.0, "b": 2.0}, None),
        "record": lambda: ring.record(note),
    }
    ctrl_c(ring, calls[what], 1500)
    assert ring.seq > 1500
    assert [seq for seq, _, _ in all_slots(ring)] == list(range(1, ring.seq + 1))
    got = []
    thread = threading.Thread(target=lambda: got.append(ring.lock.acquire(timeout=1)))
    thread.start()
    thread.join()
    assert got == [True]
    ring.close(unlink=True)


def test_ctrl_c_while_a_segment_is_made(tmp_path, small, monkeypatch):
    """The row was not taken; the next one is, and nothing of the interrupted try stays behind."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    real = os.posix_fallocate

    def interrupted_once(fd, at, size):
        monkeypatch.setattr(os, "posix_fallocate", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "posix_fallocate", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        while True:
            ring.row({"a": 0.0}, None)
    before = ring.seq, ring.step
    ring.row({"a": 0.0}, None)
    assert (ring.seq, ring.step) == (before[0] + 1, before[1] + 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w1.ring", "w1.ring.0", "w1.ring.2"]
    (tmp_path / "w1.ring.1").write_bytes(b"")  # as after Ctrl-C in the very moment of making it
    ring.close(unlink=True)
    assert list(tmp_path.iterdir()) == []


def test_threads_share_a_ring(tmp_path, small):
    """Rows of eight threads are all there, each thread's in its order."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(key):
        for i in range(500):
            ring.row({key: float(i)}, i)

    threads = [threading.Thread(target=work, args=(f"k{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    assert whole(ring, {f"k{n}": 500 for n in range(8)})
    ring.close(unlink=True)


def test_key_sets_defined_at_once_have_their_own_number(ring):
    """A nested call that defines a key set while another is being defined shares no number."""
    seen = []

    def define(keys):
        if keys == ("outer",) and not seen:
            seen.append(keys)
            ring.row({"inner": 1.0}, None)
        return keys

    ring._define_names = define
    real = ring.record

    ring.row({"outer": 2.0}, None)
    assert real is not None
    names = {r.id: r.keys[0] for r in records_of(ring)}
    assert [(names[k], row[2]) for _, k, row in all_slots(ring) if k] == [
        ("inner", (1.0,)),
        ("outer", (2.0,)),
    ]


# -- sizes ---------------------------------------------------------------------------------


def test_rows_too_wide_are_to_be_split(ring, monkeypatch):
    """Too many keys, too many kinds of rows, or names too long for one record: split it."""
    with pytest.raises(WideRowError):
        ring.row({f"k{i}": 0.0 for i in range(module.MAX_ROW_KEYS + 1)}, 0)
    with pytest.raises(WideRowError):
        ring.row({f"{'k' * 240}{i}": 0.0 for i in range(3000)}, 0)
    monkeypatch.setattr(module, "MAX_KEYSETS", 1)
    ring.row({"a": 0.0, "b": 0.0}, 0)
    with pytest.raises(WideRowError):
        ring.row({"a": 0.0, "c": 0.0}, 0)
    ring.row({"c": 0.0}, 0)
    assert len(rows_of(ring)) == 2


def test_a_row_of_the_widest_kind_fits(ring):
    """The widest row that is allowed comes back whole."""
    data = {f"k{i}": float(i) for i in range(module.MAX_ROW_KEYS)}
    ring.row(data, 0)
    assert rows_of(ring) == [(0, tuple(data.values()))]


def test_a_row_without_keys_is_a_step(ring):
    """An empty row has a step and no values."""
    ring.row({}, None)
    assert rows_of(ring) == [(0, ())]


def test_records_have_a_limit(tmp_path, small):
    """A record of the largest size fits, however large the segment; a larger one does not."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    room = MAX_RECORD - 100
    ring.record(NoteWritten(id="n", text="x" * room))
    assert len(records_of(ring)[0].text) == room
    with pytest.raises(UsageError, match="artifact"):
        ring.record(NoteWritten(id="n", text="x" * MAX_RECORD))
    assert ring.seq == 1
    ring.close(unlink=True)


def test_segments_grow_up_to_a_limit(tmp_path):
    """Segments double up to 4 MiB, and never hold more than the capacity together."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    data = {f"k{i}": 0.0 for i in range(4000)}
    with pytest.raises(RingFullError, match="does not keep up"):
        while True:
            ring.row(data, None)
    sizes = [s.size for s in ring.segments()]
    assert sizes[:4] == [1 << 20, 2 << 20, 4 << 20, 4 << 20]
    assert module.CAPACITY - (4 << 20) < sum(sizes) <= module.CAPACITY
    assert sum(f.stat().st_size for f in tmp_path.glob("w1.ring.*")) == sum(sizes)
    before = ring.step
    with pytest.raises(RingFullError):
        ring.row(data, None)
    assert ring.step == before
    ring.close(unlink=True)
    assert list(tmp_path.iterdir()) == []


def test_a_segment_is_made_ahead(tmp_path, small):
    """Once half of a segment is used the next one lies ready, and is the one that is taken."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    ring.prepare(1.0)
    assert len(list(tmp_path.glob("w1.ring.*"))) == 1
    while ring.seq < 60:
        ring.row({"a": 0.0}, None)
    ring.prepare(1.0)
    ring.prepare(1.0)
    assert len(list(tmp_path.glob("w1.ring.*"))) == 2
    while ring.seq < 120:
        ring.row({"a": 0.0}, None)
    assert len(list(tmp_path.glob("w1.ring.*"))) == 2
    assert len(list(ring.segments())) == 2
    ring.close(unlink=True)
    assert list(tmp_path.iterdir()) == []


def test_a_segment_is_not_made_ahead_while_a_call_keeps_the_lock(tmp_path, small):
    """The writer's thread does not wait for a call that hangs; it leaves nothing behind."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    while ring.seq < 60:
        ring.row({"a": 0.0}, None)
    with ring.lock:
        thread = threading.Thread(target=ring.prepare, args=(0.01,))
        thread.start()
        thread.join()
    assert len(list(tmp_path.glob("w1.ring.*"))) == 1
    ring.close(unlink=True)


def test_what_the_journal_holds_is_removed(tmp_path, small):
    """A segment that was read wholly goes; the one that is written to stays."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    while len(list(ring.segments())) < 3:
        ring.row({"a": 0.0}, None)
    first = ring.first
    ring.retire(first)
    ring.retire(first)
    assert not first.path.exists()
    assert len(list(ring.segments())) == 2
    for segment in tuple(ring.segments()):
        ring.retire(segment)
    assert len(list(ring.segments())) == 1
    ring.close(unlink=True)


def test_waiting_is_what_was_not_read(ring):
    """The bytes that wait are those between the last slot read and the last one put."""
    assert ring.waiting == 0
    ring.row({"a": 0.0}, None)
    before = ring.waiting
    ring.row({"a": 0.0}, None)
    assert ring.waiting == before + 48


# -- losses --------------------------------------------------------------------------------


def test_lost_rows_are_counted_and_noted(ring, tmp_path):
    """What found no room is counted where it outlives the process, and noted once."""
    ring.count_lost(3, "the disk is full")
    ring.count_lost(4, "the disk is full")
    assert ring.lost == 2
    kept = Lost.decode((tmp_path / "w1.ring").read_bytes())
    assert (kept.rows, kept.points, kept.reason) == (2, 7, "the disk is full")
    assert ring.note_gap(1.0)
    assert ring.note_gap(1.0)
    (gap,) = records_of(ring)
    assert isinstance(gap, GapNoted)
    assert (gap.rows, gap.points, gap.reason) == (2, 7, "the disk is full")
    assert 0 < gap.first <= gap.last
    assert Lost.decode((tmp_path / "w1.ring").read_bytes()) == Lost()


def test_a_gap_that_finds_no_room_is_kept(ring):
    """A count that cannot be noted yet is noted later."""
    ring.count_lost(3, "x")
    with ring.lock:
        found = []
        thread = threading.Thread(target=lambda: found.append(ring.note_gap(0.01)))
        thread.start()
        thread.join()
    assert found == [False]
    assert ring.lost == 1


# -- the end -------------------------------------------------------------------------------


def test_a_sealed_ring_takes_nothing(ring):
    """After the end rows and records are refused, and the step does not move."""
    ring.row({"a": 0.0}, None)
    assert ring.seal(1.0)
    with pytest.raises(RingFullError, match="closed"):
        ring.row({"a": 0.0}, None)
    with pytest.raises(RingFullError, match="closed"):
        ring.record(NoteWritten(id="a", text="b"))
    assert (ring.seq, ring.step) == (2, 0)


def test_sealing_does_not_wait_for_a_call_that_hangs(ring):
    """Who seals is told that a call is under way; the ring is closed all the same."""
    with ring.lock:
        found = []
        thread = threading.Thread(target=lambda: found.append(ring.seal(0.01)))
        thread.start()
        thread.join()
    assert found == [False]
    with pytest.raises(RingFullError):
        ring.row({"a": 0.0}, None)


def test_a_record_does_not_wait_longer_than_it_may(ring):
    """With a patience a record gives up where a call keeps the lock."""
    with ring.lock:
        found = []

        def put():
            try:
                ring.record(NoteWritten(id="a", text="b"), patience=0.01)
            except RingFullError as error:
                found.append(str(error))

        thread = threading.Thread(target=put)
        thread.start()
        thread.join()
    assert found == ["the ring is busy"]
    assert ring.record(NoteWritten(id="a", text="b"), patience=0.01) == 1


def test_a_ring_can_be_left_for_recovery(tmp_path):
    """Closed without unlink, mark and segments stay."""
    ring = Ring([tmp_path], RingMeta(writer="w1"), tuple)
    ring.row({"a": 0.0}, None)
    ring.close(unlink=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w1.ring", "w1.ring.0"]
    assert (tmp_path / "w1.ring").read_bytes()[META_AT:]


def test_a_forked_child_lets_go(ring, tmp_path):
    """The child drops its copies, the parent's lock and data stay."""
    ring.row({"a": 0.0}, None)
    with ring.lock:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                ring.abandon()
                ring.row({"a": 1.0}, None)
            except RingFullError:
                code = 0
            finally:
                os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    ring.row({"a": 2.0}, None)
    assert rows_of(ring) == [(0, (0.0,)), (1, (2.0,))]


def test_without_a_place_the_ring_is_memory(tmp_path):
    """Rows are there as ever, and the ring says that they are not safe."""
    ring = Ring([tmp_path / "missing"], RingMeta(writer="w1"), tuple)
    assert ring.safe
    ring.row({"a": 0.5}, None)
    assert not ring.safe
    assert ring.folder is None
    assert rows_of(ring) == [(0, (0.5,))]
    ring.close(unlink=True)
