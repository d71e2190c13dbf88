"""One writer of one run: from the call to the journal, and what it says when it cannot."""

from __future__ import annotations

import errno
import os
import threading
import time

import pytest

from notabene.errors import UsageError
from notabene.journal import ring as ring_module
from notabene.journal import writer as module
from notabene.journal.block import Block
from notabene.journal.chain import Lost
from notabene.journal.reader import JournalReader
from notabene.journal.segment import Header, read_header
from notabene.journal.stats import unpack
from notabene.journal.verify import rows_of
from notabene.journal.writer import Writer
from notabene.model.records import (
    GapNoted,
    Heartbeat,
    KeysDefined,
    NoteWritten,
    Summarised,
    WriterFinished,
)

HEADER = Header(file_id=b"", kind="run", writers=("w1",), run="run1", host="h", pid=1)


class Warnings(list):
    """What a writer said."""

    def __call__(self, code, text):
        self.append((code, text))

    def codes(self):
        """Codes in order."""
        return [code for code, _ in self]


@pytest.fixture
def said():
    """What writers say in this test."""
    return Warnings()


@pytest.fixture
def make(tmp_path, said, monkeypatch):
    """Make a writer of the run in ``tmp_path``; closed after the test."""
    monkeypatch.setattr(module, "TICK", 0.01)
    made = []

    def go(*, start=True, **options):
        given = {"ring_places": [tmp_path], "spill": [], "define": tuple, "warn": said, **options}
        writer = Writer(tmp_path / "w1.journal", HEADER, **given)
        made.append(writer)
        if start:
            writer.start()
        return writer

    yield go
    for writer in made:
        writer.close(timeout=5)


def found_in(folder):
    """``(entries, rows)`` of all journals in a folder: rows as ``(seq, step, {key: value})``."""
    entries, rows = [], []
    for path in sorted(folder.glob("*.journal")):
        reader = JournalReader(path)
        for batch in reader.all():
            entries += batch.entries
            for points in batch.points:
                for seq, keys, step, _, values in rows_of(points, batch):
                    rows.append((seq, step, dict(zip(keys, values, strict=True))))
        assert reader.damage is None
    return entries, sorted(rows)


def records_of(folder, kind):
    """Records of one type in the journals."""
    return [e.record for e in found_in(folder)[0] if isinstance(e.record, kind)]


def failing(monkeypatch, number, *, name="write", upto=10**9):
    """Make a call about journals fail; returns a list whose first item switches that off."""
    real, left = getattr(os, name), [upto]

    def call(fd, *args):
        path = os.readlink(f"/proc/self/fd/{fd}")
        if left[0] and path.endswith(".journal"):
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        return real(fd, *args)

    monkeypatch.setattr(os, name, call)
    return left


def until(what, seconds=10):
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


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


# -- disks that refuse ---------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EINVAL])
def test_a_disk_that_refuses_for_a_while_costs_nothing(make, tmp_path, said, monkeypatch, number):
    """Rows wait in the ring; when the disk takes them again all are there, and it was said once."""
    writer = make()
    left = failing(monkeypatch, number)
    for i in range(200):
        writer.row({"a": float(i)}, i)
    until(lambda: left[0] < 10**9 - 2)
    assert not writer.flush(0.05)
    left[0] = 0
    assert writer.close()
    assert [step for _, step, _ in found_in(tmp_path)[1]] == list(range(200))
    assert said.codes() == ["write"]


def test_a_place_that_becomes_read_only_is_left(make, tmp_path, said, monkeypatch):
    """The journal goes on in the next place, and that is announced with its path."""
    writer = make(spill=[tmp_path / "spill"])
    writer.row({"a": 0.0}, 0)
    writer.flush()
    failing(monkeypatch, errno.EROFS, upto=1)
    writer.row({"a": 1.0}, 1)
    assert writer.close()
    assert [step for _, step, _ in found_in(tmp_path / "spill")[1]] == [1]
    assert said.codes() == ["write", "moved"]
    assert str(tmp_path / "spill") in said[1][1]


@pytest.mark.parametrize("fault", ["sync", "place"])
def test_further_files_can_be_read_alone(make, tmp_path, monkeypatch, fault):
    """A file that the journal went on in names the key sets that were defined before it."""
    writer = make(spill=[tmp_path / "spill"])
    for i in range(100):
        writer.row({"a": 0.5} if i % 2 else {"b": 0.5, "c": 1.0}, i)
    writer.flush()
    writer.file.sync()
    if fault == "sync":
        failing(monkeypatch, errno.EIO, name="fdatasync", upto=1)
        with pytest.raises(OSError):
            writer.file.sync()
        writer.file.sync()
    else:
        failing(monkeypatch, errno.EROFS, upto=1)
    for i in range(100, 140):
        writer.row({"a": 0.5} if i % 2 else {"b": 0.5, "c": 1.0}, i)
    assert writer.close()
    (tmp_path / "w1.journal").unlink()
    rows = found_in(tmp_path / "spill" if fault == "place" else tmp_path)[1]
    assert [step for _, step, _ in rows] == list(range(100, 140))
    assert [data for _, _, data in rows[:2]] == [{"b": 0.5, "c": 1.0}, {"a": 0.5}]


def test_a_full_ring_counts_what_it_cannot_keep(make, tmp_path, said, monkeypatch):
    """Rows beyond the ring's capacity are counted to the last one; the rest is kept."""
    monkeypatch.setattr(ring_module, "FIRST_SEGMENT", 8192)
    monkeypatch.setattr(ring_module, "LARGEST_SEGMENT", 8192)
    monkeypatch.setattr(ring_module, "CAPACITY", 32768)
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    writer = make()
    left = failing(monkeypatch, errno.ENOSPC)
    for i in range(2000):
        writer.row({"a": float(i)}, i)
    lost = writer.ring.lost
    assert lost > 1000
    kept = Lost.decode((tmp_path / "w1.ring").read_bytes())
    assert (kept.rows, kept.reason) == (lost, "the disk is full")
    left[0] = 0
    assert writer.close()
    rows = found_in(tmp_path)[1]
    (gap,) = records_of(tmp_path, GapNoted)
    assert (gap.rows, gap.points, gap.reason) == (lost, lost, "the disk is full")
    assert len(rows) + gap.rows == 2000
    assert set(said.codes()) == {"write", "gap"}


def test_a_full_ring_waits_for_a_disk_that_works(make, tmp_path, monkeypatch):
    """As long as the journal makes progress nothing is lost, however fast rows come."""
    monkeypatch.setattr(ring_module, "FIRST_SEGMENT", 8192)
    monkeypatch.setattr(ring_module, "LARGEST_SEGMENT", 8192)
    monkeypatch.setattr(ring_module, "CAPACITY", 16384)
    writer = make()
    for i in range(5000):
        writer.row({"a": float(i)}, i)
    assert writer.close()
    assert [step for _, step, _ in found_in(tmp_path)[1]] == list(range(5000))


def test_memory_only_is_said(make, said, monkeypatch):
    """A ring that would not outlive the process says so while something waits in it."""
    writer = make(ring_places=[])
    left = failing(monkeypatch, errno.ENOSPC)
    writer.row({"a": 0.0}, 0)
    until(lambda: "memory-ring" in said.codes())
    left[0] = 0
    assert writer.close()


def test_what_was_in_memory_only_and_cannot_be_written_is_said(make, said, monkeypatch):
    """The last resort: nothing keeps it, so a sentence says how much."""
    writer = make(ring_places=[])
    failing(monkeypatch, errno.ENOSPC)
    for i in range(10):
        writer.row({"a": 0.0}, i)
    assert not writer.close(timeout=1)
    assert "memory-ring" in said.codes()
    assert "11 rows and records are lost" in dict(said)["lost"]


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


# -- the end -------------------------------------------------------------------------------


def test_closing_twice_is_closing_once(make):
    """The second call says what the first one did."""
    writer = make()
    assert writer.close()
    assert writer.close()


def test_the_end_is_brought_to_the_disk(make, tmp_path, monkeypatch):
    """Closing asks the disk to confirm; where that is switched off it does not."""
    synced, real = [], os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(fd) or real(fd))
    make().close()
    assert len(synced) == 0  # nothing was written
    (tmp_path / "w1.journal").unlink()
    writer = make()
    writer.row({"a": 0.0}, 0)
    assert writer.close()
    assert len(synced) == 1
    (tmp_path / "w1.journal").unlink()
    writer = make()
    writer.row({"a": 0.0}, 0)
    assert writer.close(sync=False)
    assert len(synced) == 1


def test_a_failed_sync_at_the_end_is_made_good(make, tmp_path, monkeypatch):
    """Also the last sync, when it fails, has the frames rewritten and confirmed."""
    writer = make()
    writer.row({"a": 0.5}, 0)
    failing(monkeypatch, errno.EIO, name="fdatasync", upto=1)
    assert writer.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w1.1.journal", "w1.journal"]
    assert {step for _, step, _ in found_in(tmp_path)[1]} == {0}


def test_a_disk_that_hangs_is_not_waited_for(make, tmp_path, monkeypatch):
    """Closing comes back in its time; the ring stays, whole, for the next reader."""
    go, entered, real = threading.Event(), threading.Event(), os.write

    def hang(fd, data):
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".journal"):
            entered.set()
            assert go.wait(60)
        return real(fd, data)

    writer = make()
    monkeypatch.setattr(os, "write", hang)
    writer.row({"a": 0.5}, 0)
    assert entered.wait(10)
    begun = time.monotonic()
    assert not writer.flush(0.05)
    assert writer.last_value("a") in (None, 0.5)
    assert not writer.close(timeout=0.2)
    assert time.monotonic() - begun < 30
    assert (tmp_path / "w1.ring.0").exists()
    go.set()  # the disk comes back after all: what hung ends well
    writer._thread.join(30)
    assert [p.name for p in tmp_path.iterdir()] == ["w1.journal"]
    assert len(found_in(tmp_path)[1]) == 1


def test_an_end_without_a_lock_keeps_the_ring(make, tmp_path):
    """While a call hangs in the ring, closing carries over what it can and leaves the rest."""
    entered, go = threading.Event(), threading.Event()

    class Slow:
        def __float__(self):
            entered.set()
            assert go.wait(60)
            return 0.5

    writer = make()
    writer.row({"a": 1.0}, 0)
    thread = threading.Thread(target=writer.ring.row, args=({"a": Slow(), "b": 0.0}, 1))
    thread.start()
    assert entered.wait(10)
    assert not writer.close(timeout=5)
    assert (tmp_path / "w1.ring").exists()
    assert [step for _, step, _ in found_in(tmp_path)[1]] == [0]
    go.set()
    thread.join()
    writer.ring.close(unlink=False)


def test_a_forked_child_touches_nothing(make, tmp_path):
    """After abandon every method of the parent's writer comes back at once and does nothing."""
    writer = make()
    writer.row({"a": 0.5}, 0)
    with writer._busy, writer.ring.lock:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                writer.abandon()
                writer.last_value("a")
                code = writer.flush(1) + writer.close(timeout=1)
            finally:
                os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    writer.record(WriterFinished())
    assert writer.close()
    assert len(found_in(tmp_path)[1]) == 1


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
