"""One writer of one run: from the call to the journal, and what it says when it cannot."""

from __future__ import annotations

import errno
import threading
import time

import pytest

from notabene.errors import UsageError
from notabene.journal import ring as ring_module
from notabene.journal import writer as module
from notabene.journal.block import Block
from notabene.journal.reader import JournalReader
from notabene.journal.segment import Header, read_header
from notabene.journal.stats import unpack
from notabene.journal.writer import Writer
from notabene.model.records import (
    Heartbeat,
    KeysDefined,
    NoteWritten,
    Summarised,
)
from tests.unit.journal.journals import failing, found_in, records_of, until

HEADER = Header(file_id=b"", kind="run", writers=("w1",), run="run1", host="h", pid=1)


def test_what_is_logged_is_read(make, tmp_path):
    """Rows and records are in the journal after the end, each once, and the ring is gone."""
    writer = make()
    for i in range(1000):
        writer.row({"a": i / 3, "b": float(i)}, i)
        if i % 100 == 0:
            writer.record(NoteWritten(id=str(i), text="x"))
    assert writer.close()
    entries, rows = found_in(tmp_path)
    assert [(step, data) for _, step, data in rows] == [
        (i, {"a": i / 3, "b": float(i)}) for i in range(1000)
    ]
    assert sorted([e.seq for e in entries] + [seq for seq, _, _ in rows]) == list(
        range(1, writer.ring.seq + 1)
    )
    assert writer.points == 2000
    assert [p.name for p in tmp_path.iterdir()] == ["w1.journal"]


def test_the_header_names_the_ring(make, tmp_path):
    """Who finds the journal finds the ring: beside it, or in a place of its own."""
    make().close()
    assert read_header(tmp_path / "w1.journal")[0].ring == "."
    (tmp_path / "w1.journal").unlink()
    (tmp_path / "away").mkdir()
    make(ring_places=[tmp_path / "away"])
    assert read_header(tmp_path / "w1.journal")[0].ring == str(tmp_path / "away")


def test_it_is_read_while_it_is_written(make, tmp_path):
    """Readers see what was logged without the writer doing anything for it."""
    writer = make()
    writer.row({"a": 0.5}, 0)
    until(lambda: found_in(tmp_path)[1] != [])


def test_two_writers_of_one_name(make, tmp_path):
    """The second is refused, and the first one's ring and journal are left alone."""
    writer = make()
    writer.row({"a": 0.5}, 0)
    with pytest.raises(FileExistsError):
        Writer(tmp_path / "w1.journal", HEADER, ring_places=[tmp_path], spill=[],
               define=tuple, warn=print)  # fmt: skip
    writer.row({"a": 1.5}, 1)
    assert writer.close()
    assert len(found_in(tmp_path)[1]) == 2


def test_flush_brings_all_home(make, tmp_path):
    """After flush everything logged before is in the journal."""
    writer = make()
    for i in range(500):
        writer.row({"a": 0.5}, i)
    assert writer.flush()
    assert len(found_in(tmp_path)[1]) == 500
    assert writer.last_value("a") == 0.5
    assert writer.last_value("b") is None


def test_wide_rows_are_split(make, tmp_path):
    """A row of too many keys becomes several with one step; all values are there."""
    writer = make()
    data = {f"k{i}": float(i) for i in range(10_000)}
    writer.row(data, None)
    writer.row({"a": 1.0}, None)
    assert writer.close()
    _, rows = found_in(tmp_path)
    together = {}
    for _, step, part in rows:
        if step == 0:
            together |= part
    assert together == data
    assert rows[-1][1:] == (1, {"a": 1.0})


def test_many_kinds_of_rows_are_split(make, tmp_path, monkeypatch):
    """Beyond the limit of key sets rows go out a key at a time, and nothing is lost."""
    monkeypatch.setattr(ring_module, "MAX_KEYSETS", 4)
    writer = make()
    for i in range(20):
        writer.row({"a": 1.0, f"x{i}": float(i), f"y{i}": -float(i)}, i)
    assert writer.close()
    together = {}
    for _, step, part in found_in(tmp_path)[1]:
        together.setdefault(step, {}).update(part)
    assert together == {i: {"a": 1.0, f"x{i}": float(i), f"y{i}": -float(i)} for i in range(20)}


def test_a_stamp_tells_the_records_identity(make, tmp_path):
    """Time, writer and sequence of a record are those that the journal has."""
    writer = make()
    stamp = writer.record_stamped(NoteWritten(id="a", text="b"))
    assert writer.close()
    (entry,) = [e for e in found_in(tmp_path)[0] if isinstance(e.record, NoteWritten)]
    assert stamp == (entry.time, entry.writer, entry.seq)


def test_a_record_too_large_is_refused(make):
    """A record that no journal takes is an error of the caller."""
    with pytest.raises(UsageError):
        make().record(NoteWritten(id="a", text="x" * (1 << 20)))


def test_ticks_are_called(make):
    """What goes on beside a run is called again and again, and ends with it."""
    writer, called = make(), []
    writer.ticks.append(lambda: called.append(threading.current_thread()))
    until(lambda: len(called) > 3)
    assert called[0] is not threading.current_thread()
    writer.close()


def test_a_tick_that_fails_ends_nothing(make, tmp_path, said):
    """The thread goes on carrying over, and says what happened once."""

    def fails():
        raise ValueError("no")

    writer = make()
    writer.ticks.append(fails)
    until(lambda: said.codes() == ["writer"])
    writer.ticks.clear()
    writer.row({"a": 0.5}, 0)
    assert writer.close()
    assert len(found_in(tmp_path)[1]) == 1
    assert said.codes() == ["writer"]


@pytest.mark.parametrize("error", [UsageError("strict"), UserWarning("-W error")])
def test_warnings_as_errors_do_not_end_the_thread(make, tmp_path, monkeypatch, error):
    """A warning that raises is for the thread that logs, not for the one that carries over."""

    def raises(_code, _text):
        raise error

    writer = make(warn=raises)
    left = failing(monkeypatch, errno.ENOSPC)
    writer.row({"a": 0.5}, 0)
    until(lambda: left[0] < 10**9)
    left[0] = 0
    assert writer.close()
    assert len(found_in(tmp_path)[1]) == 1


def test_a_silent_run_gives_a_sign_of_life(make, tmp_path, monkeypatch):
    """When nothing was written for a while a heartbeat is."""
    monkeypatch.setattr(module, "BEAT_EVERY", 0.03)
    make()
    until(lambda: records_of(tmp_path, Heartbeat))


# -- statistics ----------------------------------------------------------------------------


def test_summaries_say_what_the_points_say(make, tmp_path, monkeypatch):
    """Every summary, at whatever time it came, counts exactly the rows up to its sequence."""
    monkeypatch.setattr(module, "BEAT_EVERY", 0.02)
    writer = make()
    for i in range(300):
        writer.row({"a": float(i), "b": -float(i)} if i % 3 else {"a": float(i)}, i)
        if i % 20 == 0:
            time.sleep(0.005)
    assert writer.close()
    summaries = records_of(tmp_path, Summarised)
    rows = found_in(tmp_path)[1]
    assert len(summaries) > 3
    for summary in summaries:
        for key, stats in zip(summary.keys, unpack(summary.stats), strict=True):
            mine = [data[key] for seq, _, data in rows if seq <= summary.upto and key in data]
            assert (stats.n, stats.min, stats.max) == (len(mine), min(mine), max(mine))
            assert stats.last == mine[-1]
    assert summaries[-1].upto >= rows[-1][0]


def test_summaries_never_claim_what_the_disk_refused(make, tmp_path, monkeypatch):
    """While a frame is refused nothing is summed up; after it is written it counts once."""
    monkeypatch.setattr(module, "BEAT_EVERY", 0.02)
    writer = make()
    writer.row({"a": 1.0}, 0)
    writer.flush()
    left = failing(monkeypatch, errno.ENOSPC)
    for i in range(50):
        writer.row({"a": 2.0}, i + 1)
        time.sleep(0.002)
    until(lambda: left[0] < 10**9 - 3)
    left[0] = 0
    for i in range(50):
        writer.row({"a": 3.0}, i + 51)
    assert writer.close()
    rows = found_in(tmp_path)[1]
    assert len(rows) == 101
    for summary in records_of(tmp_path, Summarised):
        (stats,) = unpack(summary.stats)
        assert stats.n == sum(seq <= summary.upto for seq, _, _ in rows)
    assert stats.n == 101
    assert writer.points == 101


def test_a_refused_frame_is_not_encoded_again(make, tmp_path, monkeypatch):
    """The same bytes are tried again; what comes meanwhile goes into a frame of its own."""
    writer = make(start=False)
    left = failing(monkeypatch, errno.ENOSPC)
    encoded, real = [], writer._encoder.body
    monkeypatch.setattr(
        writer._encoder, "body", lambda got, **k: encoded.append(got.first) or real(got, **k)
    )
    writer.row({"a": 1.0}, 0)
    for _ in range(5):
        writer._drain()
        writer.ring.row({"a": 2.0}, None)
    assert encoded == [1]
    left[0] = 0
    assert writer.close()
    assert len(found_in(tmp_path)[1]) == 6


# -- threads -------------------------------------------------------------------------------


@pytest.fixture
def no_threads(monkeypatch):
    """No thread can be started."""

    def start(_self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)


def test_without_threads_calls_write_by_themselves(make, tmp_path, said, no_threads):
    """Rows are in the journal as soon as they are logged, and nothing is lost at the end."""
    writer = make()
    assert said.codes() == ["no-thread"]
    for i in range(50):
        writer.log({"a": float(i)}, i)
    assert [step for _, step, _ in found_in(tmp_path)[1]] == list(range(50))
    writer.record(NoteWritten(id="a", text="b"))
    assert len(records_of(tmp_path, NoteWritten)) == 1
    assert writer.close()


def test_without_threads_a_call_may_be_interrupted_by_another(make, tmp_path, no_threads):
    """A row logged by a value of a row, while calls write by themselves, hangs nobody."""
    writer = make()

    class Value:
        def __float__(self):
            writer.row({"inner": 1.0}, None)
            return 0.5

    for _ in range(10):
        writer.row({"outer": Value()}, None)
    assert writer.close()
    assert len(found_in(tmp_path)[1]) == 20


def test_without_threads_a_full_ring_is_carried_over(make, tmp_path, no_threads, monkeypatch):
    """The shortest way past the writer also finds room."""
    monkeypatch.setattr(ring_module, "FIRST_SEGMENT", 8192)
    monkeypatch.setattr(ring_module, "LARGEST_SEGMENT", 8192)
    monkeypatch.setattr(ring_module, "CAPACITY", 16384)
    writer = make()
    for i in range(1000):
        try:
            writer.ring.row({"a": float(i)}, i)
        except ring_module.RingFullError as error:
            writer.row_when_full({"a": float(i)}, i, str(error))
    assert writer.close()
    assert [step for _, step, _ in found_in(tmp_path)[1]] == list(range(1000))


def test_with_threads_the_shortest_way_is_the_rings(make):
    """One call less on the way of every number."""
    writer = make()
    assert writer.log == writer.ring.row


def test_rows_logged_while_it_closes_are_there_or_refused(make, tmp_path, monkeypatch):
    """Another thread that logs during close: what its call returned for is in the journal."""
    for _ in range(10):
        writer = make()
        accepted = []

        def work(writer=writer, accepted=accepted):
            step = 0
            while True:
                try:
                    writer.ring.row({"a": 0.0}, step)
                except ring_module.RingFullError:
                    return
                accepted.append(step)
                step += 1

        thread = threading.Thread(target=work)
        thread.start()
        until(lambda accepted=accepted: len(accepted) > 10)
        assert writer.close()
        thread.join()
        assert [step for _, step, _ in found_in(tmp_path)[1]] == accepted
        (tmp_path / "w1.journal").unlink()


# -- holes ---------------------------------------------------------------------------------


def test_a_slot_that_nobody_fills_is_stepped_over(make, tmp_path):
    """A reservation that was never filled does not hold up what comes after it."""
    writer = make()
    writer.row({"a": 1.0}, 0)
    with writer.ring.lock:  # as two Ctrl-C in a row may leave it
        writer.ring.seq += 1
        writer.ring._at += 48
    writer.row({"a": 2.0}, 1)
    assert writer.flush()
    assert writer.close()
    assert [step for _, step, _ in found_in(tmp_path)[1]] == [0, 1]


def test_a_slot_that_nobody_fills_may_be_the_last(make, tmp_path, monkeypatch):
    """Neither at the end of a segment nor at the end of the run does it keep the ring."""
    monkeypatch.setattr(ring_module, "FIRST_SEGMENT", 4096)
    monkeypatch.setattr(ring_module, "LARGEST_SEGMENT", 4096)
    writer = make(start=False)
    while writer.ring._at + 2 * 48 <= writer.ring._limit:
        writer.ring.row({"a": 1.0}, None)
    writer.ring.seq += 1
    writer.ring._at += 48
    writer.ring.row({"a": 2.0}, None)
    writer.ring.seq += 1
    writer.ring._at += 48
    assert writer.close()
    assert found_in(tmp_path)[1][-1][2] == {"a": 2.0}
    assert list(tmp_path.glob("*.ring*")) == []


def test_a_slot_that_is_being_filled_is_waited_for(make, tmp_path):
    """A value that takes its time is no hole: its row comes before those after it."""
    entered, go = threading.Event(), threading.Event()

    class Slow:
        def __float__(self):
            entered.set()
            assert go.wait(30)
            return 0.5

    writer = make()
    thread = threading.Thread(target=writer.row, args=({"a": Slow(), "b": 1.0}, 0))
    thread.start()
    assert entered.wait(30)
    assert not writer.flush(0.1)
    go.set()
    thread.join()
    assert writer.close()
    assert found_in(tmp_path)[1][0][2] == {"a": 0.5, "b": 1.0}


def test_what_comes_meanwhile_waits(make, monkeypatch):
    """What is logged while a round is under way waits for the next: few frames, not many."""
    writer = make(start=False)
    writer.ring.row({"a": 0.0}, None)
    frames, real = [], writer.file.append

    def append(first, last, body):
        frames.append((first, last))
        writer.ring.row({"a": 0.0}, None)
        real(first, last, body)

    monkeypatch.setattr(writer.file, "append", append)
    assert writer.flush()
    monkeypatch.undo()
    assert frames == [(1, 2)]


def test_blocks_have_their_names(make, tmp_path):
    """Encoded rows come with the keys of their columns."""
    writer = make(start=False)
    for i in range(100):
        writer.ring.row({"a": float(i), "b": i / 3}, i)
    assert writer.close()
    (points,) = [p for b in JournalReader(tmp_path / "w1.journal").all() for p in b.points]
    assert (points.encoding, points.keys) == ("block", ("a", "b"))
    assert Block(points.data).column(0).tolist() == [float(i) for i in range(100)]
    assert records_of(tmp_path, KeysDefined) == [KeysDefined(id=1, keys=("a", "b"))]
