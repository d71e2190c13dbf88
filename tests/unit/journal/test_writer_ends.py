"""What a writer does where the disk refuses, and at its end."""

from __future__ import annotations

import errno
import os
import threading
import time

import pytest

from notabene.journal import ring as ring_module
from notabene.journal import writer as module
from notabene.journal.chain import Lost
from notabene.model.records import GapNoted, WriterFinished
from tests.unit.journal.journals import failing, found_in, records_of, until

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


def test_flush_waits_no_longer_for_a_disk_that_has_refused_for_a_while(make, monkeypatch):
    """Once the disk has said no for as long as our patience, asking it once more is enough."""
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    writer = make()
    left = failing(monkeypatch, errno.ENOSPC)
    writer.row({"a": 1.0}, 0)
    begun = time.monotonic()
    assert not writer.flush(60)
    assert time.monotonic() - begun < 30
    left[0] = 0
    assert writer.flush()


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
