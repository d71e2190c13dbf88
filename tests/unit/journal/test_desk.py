"""The desk journal: edits by people, one file per process."""

from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from notabene._ids import now_us
from notabene.errors import AccessError, TransportError
from notabene.journal.desk import Desk, desk_journal, read_desk
from notabene.journal.file import JournalFile
from notabene.journal.folder import StoreFolder
from notabene.journal.reader import JournalReader
from notabene.journal.segment import read_header
from notabene.model.records import NoteWritten, RunDeleted, TagsChanged

A_DAY = 86_400_000_000


@pytest.fixture
def folder(tmp_path):
    """An empty store."""
    return StoreFolder.open(tmp_path / "store", create=True)


@pytest.fixture
def desk(folder):
    """The desk of that store."""
    made = Desk(folder)
    yield made
    made.close()


def tag(name: str) -> TagsChanged:
    """A record that sets one tag."""
    return TagsChanged(set={name: ""})


def test_nothing_is_made_before_the_first_edit(folder, desk):
    """A desk that writes nothing leaves no file and no folder."""
    assert desk.write([]) == []
    desk.close()
    assert not folder.desk.exists()


def test_edits_are_read_back(folder, desk):
    """What was written is read back with its run, identity and time, in order."""
    first = desk.write([("r1", tag("a")), ("", NoteWritten(id="n", text="x", project="p"))])
    second = desk.write([("r2", RunDeleted())])
    assert read_desk(folder) == [*first, *second]
    assert [entry.seq for entry in read_desk(folder)] == [1, 2, 3]
    assert [entry.run for entry in read_desk(folder)] == ["r1", "", "r2"]


def test_the_file_is_a_desk_journal_of_this_process(folder, desk):
    """The header says that it is a desk journal, and whose."""
    (entry,) = desk.write([("r", tag("a"))])
    (path,) = folder.desk.iterdir()
    header, _ = read_header(path)
    assert (header.kind, header.writers, header.pid) == ("desk", (entry.writer,), os.getpid())
    assert str(os.getpid()) in path.name


def test_an_edit_is_later_than_what_it_overrides(desk):
    """An edit gets a later time than the cell it overrides, also when the clock went back."""
    future = now_us() + A_DAY
    (entry,) = desk.write([("r", tag("a"))], after=future)
    (after,) = desk.write([("r", tag("b"))])
    assert future < entry.time < after.time


def test_an_edit_is_synced_before_the_call_returns(desk, monkeypatch):
    """Each edit is brought to the disk on its own."""
    synced = []
    real = JournalFile.sync
    monkeypatch.setattr(JournalFile, "sync", lambda file: (synced.append(1), real(file)))
    desk.write([("r", tag("a")), ("r", tag("b"))])
    desk.write([("r", tag("c"))])
    assert len(synced) == 2


def test_threads_share_a_desk(folder, desk):
    """Edits from several threads all arrive, each once, under sequences without gaps."""

    def edit(run: str) -> None:
        for n in range(20):
            desk.write([(run, tag(str(n)))])

    threads = [threading.Thread(target=edit, args=(f"r{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.seq for entry in read_desk(folder)) == list(range(1, 81))


def _edit_in_child(desk: Desk) -> None:
    desk.write([("child", tag("b"))])
    desk.close()


def test_a_forked_child_writes_a_journal_of_its_own(folder, desk):
    """After a fork parent and child go on with different writers, and nothing is lost."""
    desk.write([("parent", tag("a"))])
    child = multiprocessing.get_context("fork").Process(target=_edit_in_child, args=(desk,))
    child.start()
    child.join()
    desk.write([("parent", tag("c"))])
    found = read_desk(folder)
    assert child.exitcode == 0
    assert [entry.run for entry in found] == ["parent", "child", "parent"]
    assert found[0].writer == found[2].writer != found[1].writer


def test_edits_go_on_after_a_failed_sync(folder, desk, monkeypatch):
    """When the disk fails once, the edit goes to a new file, and counts once."""
    desk.write([("r", tag("a"))])
    fails = [OSError(5, "Input/output error")]
    real = os.fdatasync

    def sync(fd):
        if fails:
            raise fails.pop()
        real(fd)

    monkeypatch.setattr(os, "fdatasync", sync)
    desk.write([("r", tag("b"))])
    assert [next(iter(e.record.set)) for e in read_desk(folder)] == ["a", "b"]
    assert len(list(folder.desk.iterdir())) == 2


def test_a_full_disk_is_one_clear_error(desk, monkeypatch):
    """Where an edit cannot be kept, the caller hears it, and may try again."""
    desk.write([("r", tag("a"))])
    real = os.write

    def write(fd, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(TransportError, match="no space left"):
        desk.write([("r", tag("b"))])
    monkeypatch.setattr(os, "write", real)
    (entry,) = desk.write([("r", tag("c"))])
    assert entry.seq == 3


def test_a_store_that_may_only_be_read_refuses_edits(folder, desk, monkeypatch):
    """On a read-only store an edit is refused with an error that says so."""
    folder.desk.mkdir()
    real = os.open

    def refuse(path, *rest):
        if str(path).startswith(str(folder.desk)):
            raise OSError(30, "Read-only file system")
        return real(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(AccessError, match="read-only file system"):
        desk.write([("r", tag("a"))])


def test_a_damaged_desk_journal_hides_no_other(folder, desk):
    """A file that is no journal is passed over; the edits of other files are read."""
    desk.write([("r", tag("a"))])
    (folder.desk / "zzz.journal").write_bytes(b"nonsense")
    assert len(read_desk(folder)) == 1


def test_a_journal_made_of_records_reads_back(folder, desk, tmp_path):
    """Records of several writers in one file keep their identity; equal ones give equal bytes."""
    mine = desk.write([("r1", tag("a")), ("r2", tag("b"))])
    other = Desk(folder)
    theirs = other.write([("r1", tag("c"))])
    other.close()
    data = desk_journal([*theirs, *mine])
    assert data == desk_journal([*mine, *theirs])
    path = tmp_path / "import.journal"
    path.write_bytes(data)
    found = [entry for batch in JournalReader(path).all() for entry in batch.entries]
    assert sorted(found, key=lambda e: e.time) == [*mine, *theirs]
