"""Recovery: what a dead writer's ring held comes home, once, whoever does it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from notabene.journal import mounts as mounts_module
from notabene.journal import recover as module
from notabene.journal import ring as ring_module
from notabene.journal.folder import StoreFolder
from notabene.journal.reader import JournalReader
from notabene.journal.recover import (
    bring_home,
    is_orphan,
    open_orphan,
    project,
    recover,
    ring_folder,
    sweep,
)
from notabene.journal.segment import Header, read_header
from notabene.journal.verify import records, verify
from notabene.journal.writer import Writer
from notabene.model.records import NoteWritten, WriterFinished

HEADER = Header(file_id=b"", kind="run", writers=("w1",), ranks=(4,), run="run1", host="h", pid=1)


@pytest.fixture
def store(tmp_path):
    """A store."""
    return StoreFolder.open(tmp_path / "store", create=True)


@pytest.fixture
def run_dir(store):
    """Folder of a run in it."""
    return store.new_run_dir("run1", 0)


@pytest.fixture
def small(monkeypatch):
    """Segments are small."""
    monkeypatch.setattr(ring_module, "FIRST_SEGMENT", 4096)
    monkeypatch.setattr(ring_module, "LARGEST_SEGMENT", 4096)


def begin(folder, name="w1", **options):
    """A writer that only writes when it is told to."""
    given = {
        "ring_places": [folder], "spill": [], "define": tuple, "warn": lambda *_: None, **options
    }  # fmt: skip
    header = msgspec.structs.replace(HEADER, writers=(name,))
    return Writer(folder / f"{name}.journal", header, **given)


def die(writer):
    """Leave everything as a kill would."""
    writer.ring.close(unlink=False)
    writer.file.close()


def rows_in(*paths):
    """``{sequence: (step, values)}`` of the rows in journals."""
    found = {}
    for path in paths:
        for r in records(path, points=True):
            if "values" in r:
                found[r["seq"]] = r["step"], r["values"]
    return found


def kinds_in(path):
    """``(writer, record type)`` of the records in a journal."""
    return [(r["writer"], r["record"]) for r in records(path)]


def test_a_living_owners_ring_is_left_alone(run_dir):
    """While the owner holds its mark nobody gets the ring."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    assert open_orphan(run_dir, "w1") is None
    assert not is_orphan(run_dir, "w1")
    die(writer)
    assert is_orphan(run_dir, "w1")
    assert is_orphan(run_dir, "w1")


@pytest.mark.parametrize("reserve", [True, False])
def test_what_the_journal_lacks_comes_home(run_dir, monkeypatch, reserve):
    """Rows beyond the journal are in the recovered file, with the end; the ring is gone."""
    monkeypatch.setattr("notabene.journal.chain.can_reserve", lambda _place: reserve)
    writer = begin(run_dir)
    for i in range(10):
        writer.ring.row({"a": float(i)}, i)
    assert writer.flush()
    for i in range(10, 25):
        writer.ring.row({"a": float(i), "b": 0.5}, i)
    writer.ring.record(NoteWritten(id="n", text="x"))
    die(writer)
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    assert path == run_dir / "w1.recovered"
    assert sorted(os.listdir(run_dir)) == ["w1.journal", "w1.recovered"]
    assert [step for _, (step, _) in sorted(rows_in(path).items())] == list(range(10, 25))
    assert [step for _, (step, _) in sorted(rows_in(run_dir / "w1.journal", path).items())] == (
        list(range(25))
    )
    assert kinds_in(path) == [
        ("w1", "keys-defined"), ("w1", "note-written"), ("w1-end", "status-seen"),
    ]  # fmt: skip
    header, _ = read_header(path)
    assert (header.kind, header.run, header.ranks) == ("recovered", "run1", (4, 4))
    assert verify(path).good


def test_the_recovered_file_can_be_read_alone(run_dir):
    """It names the key sets that only the journal had named."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    writer.ring.row({"a": 1.5}, 1)
    die(writer)
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    (run_dir / "w1.journal").unlink()
    assert list(rows_in(path).values()) == [(1, {"a": 1.5})]


def test_many_segments_come_home(run_dir, small):
    """A chain of segments is read in the order of its slots; one that lies ready is nothing."""
    writer = begin(run_dir)
    for i in range(500):
        writer.ring.row({"a": float(i)} if i % 7 else {"b": float(i)}, i)
    while writer.ring._at < writer.ring._limit // 2:
        writer.ring.row({"a": 0.0}, None)
    writer.ring.prepare(1.0)
    assert len(list(run_dir.glob("w1.ring.*"))) == len(list(writer.ring.segments())) + 1
    last = writer.ring.step
    writer.ring._spare.drop(unlink=False)
    writer.ring._spare = None  # as at a kill: the segment that lies ready stays
    die(writer)
    assert len(list(run_dir.glob("w1.ring.*"))) >= 8
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    assert [step for _, (step, _) in sorted(rows_in(path).items())] == list(range(last + 1))
    assert list(run_dir.glob("w1.ring*")) == []


def test_segments_in_several_places_come_home(run_dir, tmp_path, small, monkeypatch):
    """A disk that filled up in mid-run left the rest of the chain elsewhere: it is found."""
    other = tmp_path / "other"
    other.mkdir()
    real, full = os.posix_fallocate, [False]

    def allocate(fd, at, size):
        if full[0] and "store" in os.readlink(f"/proc/self/fd/{fd}"):
            raise OSError(errno.ENOSPC, "full")
        real(fd, at, size)

    monkeypatch.setattr(os, "posix_fallocate", allocate)
    writer = begin(run_dir, ring_places=[run_dir, other])
    for i in range(400):
        full[0] = i > 150
        writer.ring.row({"a": float(i)}, i)
    assert list(other.iterdir())
    die(writer)
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    assert len(rows_in(path)) == 400
    assert list(other.iterdir()) == []


def test_a_torn_slot_is_left_out(run_dir):
    """The row that was being packed when the process died is not there; all others are."""
    writer = begin(run_dir)
    for i in range(3):
        writer.ring.row({"a": float(i)}, i)
    end = writer.ring._at
    writer.ring._buffer[end - 8 : end] = bytes(8)
    die(writer)
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    assert [step for step, _ in rows_in(path).values()] == [0, 1]


def test_rows_behind_a_gap_come_home(run_dir):
    """A call that was killed half way does not hide those that were completed after it began."""
    writer = begin(run_dir)
    for i in range(5):
        writer.ring.row({"a": float(i)}, i)
    at = writer.ring._at - 48 * 3
    writer.ring._buffer[at + 40 : at + 48] = bytes(8)
    die(writer)
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    assert [step for step, _ in rows_in(path).values()] == [0, 1, 3, 4]
    assert verify(path).good


def test_a_page_of_zeros_costs_what_stood_there(run_dir):
    """After a power failure pages of the ring may be zero: what stands around them comes home."""
    writer = begin(run_dir)
    for i in range(400):
        writer.ring.row({"a": float(i)}, i)
    writer.ring._buffer[8192:12288] = bytes(4096)
    die(writer)
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    steps = [step for step, _ in rows_in(path).values()]
    assert len(steps) > 400 - 88
    assert (steps[0], steps[-1]) == (0, 399)


def test_a_writer_that_had_finished_is_not_called_killed(run_dir):
    """The end that it wrote itself, in the journal or only in the ring, stands."""
    for flushed in (True, False):
        writer = begin(run_dir)
        writer.ring.record(WriterFinished(status="failed"))
        if flushed:
            writer.flush()
        die(writer)
        path = recover(open_orphan(run_dir, "w1"), run_dir)
        assert ("w1-end", "status-seen") not in kinds_in(path)
        for left in run_dir.iterdir():
            left.unlink()


def test_the_time_of_death_is_that_of_the_last_sign(run_dir, monkeypatch):
    """However late the death is found, its time is just after the last thing known."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    writer.ring.row({"a": 0.5}, 1)
    last = writer.ring.last_time
    die(writer)
    for segment in run_dir.glob("w1.ring.*"):
        os.utime(segment, (0, 0))
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    (seen,) = [r for r in records(path) if r["record"] == "status-seen"]
    assert seen["time"] == last + 1
    assert (seen["data"]["status"], seen["data"]["writer"]) == ("killed", "w1")


def test_rows_that_found_no_room_are_told_of(run_dir):
    """What the dead writer had counted as lost is in the record."""
    writer = begin(run_dir)
    writer.ring.count_lost(5, "the disk is full")
    die(writer)
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    (gap,) = [r for r in records(path) if r["record"] == "gap-noted"]
    lost = gap["data"]
    assert (lost["rows"], lost["points"], lost["reason"]) == (1, 5, "the disk is full")


def test_recovery_can_be_killed_and_begun_anew(run_dir, monkeypatch):
    """At whatever call it dies, the next one comes to the same end."""
    calls = ("fsync", "link", "unlink", "open", "write")
    wanted = None
    for call in calls:
        for nth in range(1, 12):
            writer = begin(run_dir)
            for i in range(20):
                writer.ring.row({"a": float(i)}, i)
            die(writer)
            child = os.fork()
            if child == 0:
                try:
                    _die_at(call, nth)
                    recover(open_orphan(run_dir, "w1"), run_dir)
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            orphan = open_orphan(run_dir, "w1")
            if orphan is not None:
                assert recover(orphan, run_dir) == run_dir / "w1.recovered"
            assert sorted(p.name for p in run_dir.iterdir()) == ["w1.journal", "w1.recovered"]
            found = rows_in(run_dir / "w1.recovered")
            wanted = wanted or found
            assert found == wanted
            for left in run_dir.iterdir():
                left.unlink()


def _die_at(name, nth):
    """Kill this process at the n-th call."""
    real, left = getattr(os, name), [nth]

    def call(*args, **kwargs):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), 9)
        return real(*args, **kwargs)

    setattr(os, name, call)


MANY = """
import sys, time
from pathlib import Path
from notabene.journal.folder import StoreFolder
from notabene.journal.recover import sweep
while time.time() < float(sys.argv[2]):
    pass
print(*sweep(StoreFolder.open(sys.argv[1])))
"""


def test_several_may_try_at_once(store, run_dir):
    """Of many processes that sweep at one moment one does it, and no row comes twice."""
    import time

    writer = begin(run_dir)
    for i in range(1000):
        writer.ring.row({"a": float(i)}, i)
    store.mark_live("run1", "w1")
    die(writer)
    command = [sys.executable, "-c", MANY, str(store.root), str(time.time() + 1.5)]
    swept = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    told = [one.communicate(timeout=60)[0].strip() for one in swept]
    assert [one.returncode for one in swept] == [0, 0, 0, 0]
    assert str(run_dir / "w1.recovered") in told
    assert sorted(os.listdir(run_dir)) == ["w1.journal", "w1.recovered"]
    assert len(rows_in(run_dir / "w1.recovered")) == 1000
    assert store.live_runs() == {}


def test_a_store_that_may_only_be_read_is_projected(run_dir, monkeypatch):
    """The same batches, in memory; the ring stays, and the next one finds it."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    writer.ring.row({"a": 1.5}, 1)
    die(writer)

    def denied(*_args, **_kwargs):
        raise OSError(errno.EROFS, "read-only")

    real = open
    monkeypatch.setattr(
        "builtins.open", lambda p, m="r", *a: denied() if "x" in m else real(p, m, *a)
    )
    assert recover(open_orphan(run_dir, "w1"), run_dir) is None
    monkeypatch.undo()
    batches = project(open_orphan(run_dir, "w1"), run_dir)
    again = project(open_orphan(run_dir, "w1"), run_dir)
    assert batches == again
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    reader = JournalReader(path)
    assert [(b.writer, b.first, b.last, b.entries) for b in batches] == [
        (b.writer, b.first, b.last, b.entries) for b in reader.all()
    ]


@pytest.mark.parametrize("what", ["missing", "torn", "header", "middle"])
def test_a_ring_whose_journal_is_damaged(run_dir, what):
    """Whatever became of the journal, what the ring holds comes home."""
    writer = begin(run_dir)
    for i in range(10):
        writer.ring.row({"a": float(i)}, i)
        writer.flush()
    for i in range(10, 20):
        writer.ring.row({"a": float(i)}, i)
    die(writer)
    path = run_dir / "w1.journal"
    data = bytearray(path.read_bytes())
    if what == "missing":
        path.unlink()
    else:
        at = {"torn": len(data) - 3, "header": 20, "middle": len(data) // 2}[what]
        path.write_bytes(data[:at] if what == "torn" else data[:at] + b"\xff" + data[at + 1 :])
    found = recover(open_orphan(run_dir, "w1"), run_dir)
    steps = {step for step, _ in rows_in(found).values()}
    assert set(range(10, 20)) <= steps
    assert verify(found).good


def test_numbers_whose_names_are_gone_are_kept(run_dir, small):
    """With the journal and the first segments gone, rows come home under a name that says so."""
    writer = begin(run_dir)
    for i in range(200):
        writer.ring.row({"a": float(i)}, i)
    writer.flush()
    for i in range(200, 220):
        writer.ring.row({"a": float(i)}, i)
    die(writer)
    (run_dir / "w1.journal").unlink()
    path = recover(open_orphan(run_dir, "w1"), run_dir)
    assert rows_in(path)[221] == (219, {"unnamed/1.0": 219.0})


def test_other_files_of_the_run_are_not_in_the_way(run_dir):
    """Journals and rings of writers with a similar name, and junk, are left alone."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    die(writer)
    for name in ("w1.ring.bak", "w11.ring.0", "w1.other.journal", "w11.journal"):
        (run_dir / name).write_bytes(b"junk")
    assert recover(open_orphan(run_dir, "w1"), run_dir) is not None
    left = sorted(os.listdir(run_dir))
    assert [n for n in left if "journal" not in n] == ["w1.recovered", "w1.ring.bak", "w11.ring.0"]


def test_a_mark_that_is_being_made_is_no_orphan(run_dir):
    """An empty mark belongs to an owner that is about to lock it."""
    (run_dir / "w1.ring").write_bytes(b"")
    assert open_orphan(run_dir, "w1") is None
    (run_dir / "w1.ring").write_bytes(b"junk" * 100)
    assert open_orphan(run_dir, "w1") is None


def test_a_mark_that_somebody_removed_meanwhile(run_dir, monkeypatch):
    """Who waited at the mark while another one recovered finds nothing to do."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    die(writer)
    real = module.lock

    def others_first(fd):
        monkeypatch.setattr(module, "lock", real)
        recover(open_orphan(run_dir, "w1"), run_dir)
        real(fd)

    monkeypatch.setattr(module, "lock", others_first)
    assert open_orphan(run_dir, "w1") is None


def test_a_copy_of_a_living_run_is_complete_and_apart(store, run_dir, tmp_path):
    """A store copied while a run writes gets what its ring held; the run loses nothing."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    writer.ring.row({"a": 1.5}, 1)
    store.mark_live("run1", "w1")
    shutil.copytree(store.root, tmp_path / "copy")
    writer.ring.row({"a": 2.5}, 2)
    other = StoreFolder.open(tmp_path / "copy")
    (path,) = sweep(other)
    assert [step for step, _ in rows_in(path).values()] == [1]
    assert sorted(os.listdir(path.parent)) == ["w1.journal", "w1.recovered"]
    assert (run_dir / "w1.ring.0").exists()
    assert writer.close()
    assert len(rows_in(run_dir / "w1.journal")) == 3


def test_a_copy_does_not_take_the_ring_of_its_original(store, run_dir, tmp_path):
    """A ring in ``$TMPDIR`` belongs to the run it was made for; a copy reads it and leaves it."""
    away = tmp_path / "away"
    away.mkdir()
    writer = begin(run_dir, ring_places=[away])
    writer.row({"a": 0.5}, 0)
    writer.ring.row({"a": 1.5}, 1)
    store.mark_live("run1", "w1")
    die(writer)
    shutil.copytree(store.root, tmp_path / "copy")
    (copied,) = sweep(StoreFolder.open(tmp_path / "copy"))
    assert [step for step, _ in rows_in(copied).values()] == [1]
    assert (away / "w1.ring").exists()
    (path,) = sweep(store)
    assert rows_in(path) == rows_in(copied)
    assert list(away.iterdir()) == []


def test_a_store_that_was_moved_takes_its_rings_along(store, run_dir, tmp_path):
    """Rings beside the journal are found wherever that lies now; those elsewhere are its own."""
    away = tmp_path / "away"
    away.mkdir()
    for writer in (begin(run_dir), begin(run_dir, name="w2", ring_places=[away])):
        writer.row({"a": 0.5}, 0)
        writer.ring.row({"a": 1.5}, 1)
        store.mark_live("run1", writer.id)
        die(writer)
    store.root.rename(tmp_path / "moved")
    assert len(sweep(StoreFolder.open(tmp_path / "moved"))) == 2
    assert list(away.iterdir()) == []


def test_a_segment_without_its_head_is_read(run_dir, small):
    """A page of zeros at its beginning costs the slots in it, not those behind."""
    writer = begin(run_dir)
    for i in range(300):
        writer.ring.row({"a": float(i)}, i)
    die(writer)
    path = run_dir / "w1.ring.1"
    path.write_bytes(bytes(1024) + path.read_bytes()[1024:])
    found = rows_in(recover(open_orphan(run_dir, "w1"), run_dir))
    assert 300 - 12 <= len(found) < 300
    assert list(run_dir.glob("w1.ring*")) == []


def test_a_segment_that_cannot_be_read_is_not_removed(run_dir, monkeypatch):
    """Where the disk gives no answer the ring stays for another time."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    die(writer)
    real = open

    def bad(path, *args, **kwargs):
        if str(path).endswith("ring.0"):
            raise OSError(errno.EIO, "bad")
        return real(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", bad)
    assert open_orphan(run_dir, "w1") is None
    monkeypatch.undo()
    assert recover(open_orphan(run_dir, "w1"), run_dir) is not None


# -- where to look -------------------------------------------------------------------------


def test_the_journal_says_where_its_ring_is(run_dir, tmp_path):
    """The header names the folder; where there is no journal it is the run's own."""
    writer = begin(run_dir, ring_places=[tmp_path])
    assert ring_folder(run_dir / "w1.journal") == tmp_path
    assert read_header(run_dir / "w1.journal")[0].ring == str(tmp_path)
    assert ring_folder(run_dir / "w2.journal") == run_dir
    writer.close()
    (run_dir / "w3.journal").write_bytes(b"junk")
    assert ring_folder(run_dir / "w3.journal") is None


def test_a_ring_in_memory_has_no_place(run_dir):
    """There is nothing to look for."""
    writer = begin(run_dir, ring_places=[])
    assert ring_folder(run_dir / "w1.journal") is None
    writer.close()


def test_rings_of_other_machines_are_left_alone(store, run_dir, monkeypatch):
    """Over a network a lock says nothing about the owner: such rings are not looked at."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    die(writer)
    store.mark_live("run1", "w1")
    monkeypatch.setattr(mounts_module, "file_system", lambda _path: "nfs4")
    assert sweep(store) == []
    assert (run_dir / "w1.ring").exists()
    monkeypatch.undo()
    assert sweep(store) == [run_dir / "w1.recovered"]


def test_a_sweep_finds_the_dead_among_the_living(store, run_dir):
    """Orphans come home and lose their marker; a writer at work and an unknown run do not."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    store.mark_live("run1", "w1")
    store.mark_live("gone", "w9")
    assert sweep(store) == []
    die(writer)
    assert sweep(store) == [run_dir / "w1.recovered"]
    assert sweep(store) == []
    assert store.live_runs() == {"gone": ["w9"]}


def test_a_run_in_the_trash_is_swept_too(store, run_dir):
    """What was thrown away while it ran is complete when it is taken out again."""
    writer = begin(run_dir)
    writer.row({"a": 0.5}, 0)
    store.mark_live("run1", "w1")
    trash = store.trash / "runs"
    trash.mkdir(parents=True)
    moved = run_dir.rename(trash / "run1")
    die(writer)
    assert sweep(store) == [moved / "w1.recovered"]


# -- journals that went on elsewhere -------------------------------------------------------


@pytest.fixture
def private(monkeypatch, tmp_path):
    """The user's own folder in ``$TMPDIR``."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return mounts_module.private_folder(make=True)


def test_a_journal_that_went_on_elsewhere_comes_home(store, run_dir, private, monkeypatch):
    """Once its writer has ended, its file is moved into the run's folder."""
    writer = begin(run_dir, spill=[private / "run1"])
    writer.row({"a": 0.5}, 0)
    writer.flush()
    real = os.write
    away = [True]

    def read_only(fd, data):
        path = os.readlink(f"/proc/self/fd/{fd}")
        if away[0] and path.endswith(".journal") and "store" in path:
            raise OSError(errno.EROFS, "read-only")
        return real(fd, data)

    monkeypatch.setattr(os, "write", read_only)
    writer.row({"a": 1.5}, 1)
    writer.flush()
    writer.flush()
    spilled = private / "run1" / "w1.1.journal"
    assert spilled.exists()
    assert bring_home(store) == []  # at work
    assert writer.close()
    assert sweep(store) == [run_dir / "w1.1.journal"]
    assert len(rows_in(*run_dir.glob("*.journal"))) == 2
    assert list(private.iterdir()) == []
    assert bring_home(store) == []


def test_what_cannot_come_home_stays(store, run_dir, private):
    """A file of another run, or whose name is taken by another, is not touched."""
    for run, name in (("run1", "w1.1.journal"), ("other", "w2.1.journal")):
        (private / run).mkdir()
        writer = Writer(
            private / run / name, HEADER, ring_places=[], spill=[], define=tuple, warn=print
        )
        writer.row({"a": 0.5}, 0)
        writer.close()
    (run_dir / "w1.1.journal").write_bytes(b"something else")
    (private / "run1" / "junk.journal").write_bytes(b"junk")
    assert bring_home(store) == []
    assert (run_dir / "w1.1.journal").read_bytes() == b"something else"
    assert len(list(Path(private).rglob("*.journal"))) == 3
