"""Taking in what a store folder holds, whatever else lies there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notabene._ids import now_us
from notabene.errors import FormatError
from notabene.journal.folder import StoreFolder
from notabene.journal.reader import JournalReader
from notabene.store.local import LocalStore
from notabene.testing.scribe import Scribe


@pytest.fixture
def folder(tmp_path: Path) -> StoreFolder:
    """A store with two runs."""
    folder = StoreFolder.open(tmp_path / "store", create=True)
    for run in ("one", "two"):
        scribe = Scribe(run).start("p").row({"loss": 1.0}, 0).finish()
        scribe.save(folder.runs / "2023-11" / run)
    return folder


@pytest.fixture
def store(folder: StoreFolder) -> Iterator[LocalStore]:
    """Its index, still empty."""
    store = LocalStore(folder, None)
    yield store
    store.close()


def test_a_journal_that_may_not_be_read_is_tried_again(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another user keeps to himself hides no other run, and comes when it may be read."""
    real = JournalReader.read

    def refused(self: JournalReader):
        if self.path.parent.name == "one":
            raise PermissionError(13, "Permission denied")
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(JournalReader, "read", refused)
        store.refresh()
        assert [run.id for run in store.runs()] == ["two"]
        with store.reading() as connection:
            noted = store.damaged(connection, ["one"])
    assert "cannot be read: permission denied" in noted["one"][0].message
    store.refresh(full=True)
    assert {run.id for run in store.runs()} == {"one", "two"}
    with store.reading() as connection:
        assert store.damaged(connection, ["one"]) == {}


def test_folders_that_look_like_journals_are_passed_over(
    store: LocalStore, folder: StoreFolder
) -> None:
    """A folder of a journal's name is none."""
    (folder.runs / "2023-11" / "one" / "x.journal").mkdir()
    store.refresh()
    assert {run.id for run in store.runs()} == {"one", "two"}


def test_files_where_folders_should_be(store: LocalStore, folder: StoreFolder) -> None:
    """A file in place of the markers or the desk is as nothing; of the runs, it is told."""
    folder.live.write_text("in the way")
    folder.desk.write_text("in the way")
    store.refresh()
    assert store.runs().count() == 2
    folder.runs.rename(folder.root / "elsewhere")
    folder.runs.write_text("in the way")
    with pytest.raises(FormatError, match="is a file, where the store has its runs"):
        store.refresh()


@pytest.mark.parametrize("grows", [False, True])
def test_many_runs_at_work_take_as_many_questions_as_few(
    folder: StoreFolder, store: LocalStore, monkeypatch: pytest.MonkeyPatch, *, grows: bool
) -> None:
    """A look at runs that are being logged asks the index about all of them at once."""
    used: list[str] = []
    for kind in ("reading", "writing"):
        real = getattr(store, kind)

        def counted(kind: str = kind, real: Any = real) -> Any:
            used.append(kind)
            return real()

        monkeypatch.setattr(store, kind, counted)
    scribes: list[Scribe] = []
    taken: list[int] = []
    for many in (3, 30):
        while len(scribes) < many:
            run = f"run{len(scribes):02}"
            scribes.append(Scribe(run, time=now_us()).start("p", run).row({"loss": 1.0}, 0))
            scribes[-1].save(folder.runs / "2023-11" / run)
            folder.mark_live(run, scribes[-1].id)
        store.refresh()
        store.refresh()
        if grows:
            for scribe in scribes:
                scribe.row({"loss": 0.5}, 1).save(folder.runs / "2023-11" / scribe.run)
        used.clear()
        store.refresh()
        taken.append(len(used))
    # 27 more runs; now and then a look at the clock or at a folder is due beside.
    assert taken[1] < taken[0] + 9
    points = {run.id: run.points for run in store.runs() if run.id.startswith("run")}
    assert points == {scribe.run: 1 + grows + grows * (scribe in scribes[:3]) for scribe in scribes}
