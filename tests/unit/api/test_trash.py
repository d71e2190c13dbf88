"""The trash for runs."""

from __future__ import annotations

import os

import pytest

from notabene.api.trash import bring_back, overdue, purge, put_away, size_of, tidy, trash_folder
from notabene.errors import AccessError, ConflictError

A_DAY = 86_400


@pytest.fixture
def run(lab):
    """A store with a run."""
    lab.run("r1")
    return lab.folder


def test_away_and_back(run):
    """A folder moves into the trash and back to its month; both may be repeated."""
    place = run.find_run_dir("r1")
    names = sorted(p.name for p in place.iterdir())
    put_away(run, "r1")
    put_away(run, "r1")
    assert run.find_run_dir("r1") is None
    assert sorted(p.name for p in (trash_folder(run) / "r1").iterdir()) == names
    assert bring_back(run, "r1", 1_700_000_000_000_000)
    assert bring_back(run, "r1", 1_700_000_000_000_000)
    assert run.find_run_dir("r1") == place
    assert sorted(p.name for p in place.iterdir()) == names


def test_nothing_to_bring_back(run):
    """A run that is nowhere cannot come back."""
    assert not bring_back(run, "r9", 0)
    put_away(run, "r9")


def test_something_in_the_way(run):
    """Two folders of one id are never mixed."""
    (trash_folder(run) / "r1").mkdir(parents=True)
    (trash_folder(run) / "r1" / "other").touch()
    with pytest.raises(ConflictError, match="in the way"):
        put_away(run, "r1")
    assert run.find_run_dir("r1") is not None


def test_a_store_that_may_only_be_read(run, monkeypatch):
    """A move that is not allowed is one clear error."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.rename", refuse)
    with pytest.raises(AccessError, match="permission denied"):
        put_away(run, "r1")


def test_tidy_finishes_what_was_broken_off(run, lab):
    """Runs that are deleted and still lie in ``runs`` go to the trash; others stay."""
    lab.run("r2")
    assert tidy(run, ["r1", "gone"]) == ["r1"]
    assert tidy(run, ["r1"]) == []
    assert run.find_run_dir("r2") is not None


def test_thirty_days(run, lab):
    """A run is due 30 days after it went to the trash, and not before."""
    lab.run("r2")
    for name in ("r1", "r2"):
        put_away(run, name)
    assert overdue(run) == []
    old = os.stat(trash_folder(run) / "r1").st_mtime - 31 * A_DAY
    os.utime(trash_folder(run) / "r1", (old, old))
    assert overdue(run) == ["r1"]
    assert overdue(run, days=0) == ["r1", "r2"]
    assert size_of(trash_folder(run) / "r1") > 100
    purge(run, ["r1", "never"])
    assert sorted(p.name for p in run.trash.rglob("*") if p.is_dir()) == ["r2", "runs"]


def test_the_days_count_from_the_deletion(run):
    """A run that was made long ago is not due when it is deleted."""
    place = run.find_run_dir("r1")
    os.utime(place, (0, 0))
    put_away(run, "r1")
    assert overdue(run) == []


def test_an_empty_trash(run):
    """A store without a trash has nothing that is due."""
    assert overdue(run, days=0) == []
