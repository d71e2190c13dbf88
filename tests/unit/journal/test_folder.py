"""The layout of a store folder."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from notabene.errors import FormatError, NotFoundError, UsageError
from notabene.journal.folder import StoreFolder, artifact_folder

JULY = 1_750_000_000_000_000 + 30 * 86_400_000_000


@pytest.fixture
def store(tmp_path):
    """A new store."""
    return StoreFolder.open(tmp_path / "store", create=True)


def test_a_store_is_made_once_and_found_again(tmp_path, store):
    """Its own id stays, and git does not see it."""
    assert StoreFolder.open(tmp_path / "store").store_id == store.store_id
    assert (tmp_path / "store" / ".gitignore").read_text() == "*\n"


def test_many_may_make_one_store_at_once(tmp_path):
    """All of them get the same store."""
    found, ready = [], threading.Barrier(8)

    def make():
        ready.wait()
        found.append(StoreFolder.open(tmp_path / "a" / "b", create=True).store_id)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert sorted(os.listdir(tmp_path / "a" / "b")) == [".gitignore", "format"]


def test_what_cannot_be_a_store_is_refused(tmp_path):
    """A file, a folder with other things in it, and nothing at all, each in one sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        StoreFolder.open(tmp_path / "file", create=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="not empty"):
        StoreFolder.open(tmp_path / "full", create=True)
    assert os.listdir(tmp_path / "full") == ["thesis.tex"]
    with pytest.raises(NotFoundError, match="no notabene store"):
        StoreFolder.open(tmp_path / "missing")


@pytest.mark.parametrize("text", ["", "junk", "[]", '{"format": 1}', '{"format": "x", "id": "y"}'])
def test_a_damaged_format_file_is_said(store, text):
    """The sentence names the file and how to mend it."""
    (store.root / "format").write_text(text)
    with pytest.raises(FormatError, match="damaged") as caught:
        StoreFolder.open(store.root)
    assert "write" in caught.value.hint


def test_a_newer_store_is_refused(store):
    """A store of a newer version is not touched."""
    (store.root / "format").write_text('{"format": 99, "id": "x"}')
    with pytest.raises(FormatError, match="format 99"):
        StoreFolder.open(store.root, create=True)


def test_a_store_that_lost_its_format_file_is_taken_again(store):
    """Runs that are there are not strangers."""
    store.new_run_dir("run1", JULY)
    (store.root / "format").unlink()
    again = StoreFolder.open(store.root, create=True)
    assert again.find_run_dir("run1") is not None


def test_runs_lie_in_their_month(store):
    """The month is that of the beginning, in UTC, and a run is found in whichever month."""
    path = store.new_run_dir("run1", JULY)
    assert path == store.runs / "2025-07" / "run1"
    store.new_run_dir("run0", 0)
    assert store.months() == ["2025-07", "1970-01"]
    assert store.find_run_dir("run1") == path
    assert store.find_run_dir("run2") is None
    assert [p.name for p in store.run_dirs()] == ["run1", "run0"]
    with pytest.raises(FileExistsError):
        store.new_run_dir("run1", 0)


def test_runs_in_the_trash_are_found_where_asked(store):
    """Only who asks for the trash gets it."""
    path = store.trash / "runs" / "run1"
    path.mkdir(parents=True)
    assert store.find_run_dir("run1") is None
    assert store.find_run_dir("run1", trash=True) == path


def test_markers_come_and_go(store):
    """A run is live as long as one of its writers is."""
    assert store.live_runs() == {}
    store.mark_live("run1", "w2")
    store.mark_live("run1", "w1")
    assert store.live_runs() == {"run1": ["w1", "w2"]}
    store.unmark_live("run1", "w1")
    store.unmark_live("run1", "w1")
    assert store.live_runs() == {"run1": ["w2"]}
    store.unmark_live("run1", "w2")
    assert store.live_runs() == {}


def test_markers_may_tell_of_an_end(store, monkeypatch):
    """A writer that joined a run leaves word for an hour, which counts as no writer at work."""
    store.mark_live("run1", "w1")
    store.mark_live("run1", "w2")
    store.unmark_live("run1", "w1", tell=True)
    assert store.live_runs() == {"run1": ["w2"]}
    assert list(store.marked_runs()[1]) == ["run1"]
    store.unmark_live("run1", "w2", tell=True)
    store.clear_ended()
    live, ended = store.marked_runs()
    assert (live, list(ended)) == ({}, ["run1"])
    monkeypatch.setattr("notabene.journal.folder.ENDED_FOR", -1)
    store.clear_ended()
    assert store.marked_runs() == ({}, {})
    assert list(store.live.iterdir()) == []


def test_a_store_is_whole_without_a_convenience(tmp_path, monkeypatch):
    """Where the line for git cannot be written the store is made all the same."""

    def refuse(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert StoreFolder.open(tmp_path / "store", create=True).run_dirs() is not None
    assert os.listdir(tmp_path / "store") == ["format"]


def test_markers_never_fail(store):
    """A store that cannot be written to loses its markers and nothing else."""
    store.live.write_text("in the way")
    store.mark_live("run1", "w1")
    store.unmark_live("run1", "w1")
    store.unmark_live("run1", "w1", tell=True)
    assert store.live_runs() == {}


def test_a_desk_journal_names_host_and_process(store):
    """Its name has nothing of a path in it."""
    path = store.desk_journal("w1")
    assert path.parent == store.desk
    assert path.name.endswith(f"-{os.getpid()}-w1.journal")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("model", "model"),
        ("a-b_c.9", "a-b_c.9"),
        ("Model", "model~"),
        ("../../etc/passwd", "------etc-passwd~"),
        (".hidden", "-hidden~"),
        ("dot.", "dot-~"),
        ("", "~"),
        ("é" * 100, "-" * 40 + "~"),
        ("x" * 61, "x" * 40 + "~"),
    ],
)
def test_names_of_artifacts_are_no_paths(name, folder):
    """Plain names stay readable; all others get a digest and nothing a file system minds."""
    found = artifact_folder(name)
    assert found.startswith(folder)
    assert len(found) == len(folder) + (16 if folder.endswith("~") else 0)
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.~")


def test_names_that_differ_have_folders_that_differ():
    """Also on a file system that does not tell upper from lower case."""
    names = ["model", "Model", "MODEL", "modèl", "model ", "model/"]
    assert len({artifact_folder(n).lower() for n in names}) == len(names)
