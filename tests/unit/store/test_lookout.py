"""What a look at a store costs: as much with a thousand runs as with ten."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from notabene.journal.folder import StoreFolder
from notabene.store import lookout
from notabene.store.local import LocalStore
from notabene.testing.scribe import Scribe

MONTH = "2023-11"
CALLS = ("listdir", "scandir", "stat", "open")


@pytest.fixture
def folder(tmp_path: Path) -> StoreFolder:
    """An empty store."""
    return StoreFolder.open(tmp_path / "store", create=True)


@pytest.fixture
def store(folder: StoreFolder, tmp_path: Path) -> Iterator[LocalStore]:
    """Its index."""
    store = LocalStore(folder, tmp_path / "index.sqlite")
    yield store
    store.close()


def add(folder: StoreFolder, run: str) -> None:
    """A run that has ended."""
    Scribe(run).start("p").row({"loss": 1.0}, 0).finish().save(folder.runs / MONTH / run)


def settle(store: LocalStore, folder: StoreFolder) -> None:
    """Let the times of the folders count as old, and take in what is there."""
    for path in (*folder.runs.iterdir(), folder.desk):
        if path.exists():
            os.utime(path, ns=(10**18, path.stat().st_mtime_ns - 10**10))
    store.refresh()
    store.refresh()


@contextmanager
def counted(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts calls of the system, names that they give, and steps of the database's machine."""
    found: Counter[str] = Counter()
    over = False

    def step() -> None:
        found["steps"] += not over

    def watch(connection, *_) -> None:
        connection.set_progress_handler(step, 10)

    sa.event.listen(store.database.engine, "checkout", watch)
    with monkeypatch.context() as patch:
        for name in CALLS:
            real = getattr(os, name)

            def call(*args, _real=real, _name=name, **more):
                found[_name] += 1
                given = _real(*args, **more)
                found["names"] += len(given) if _name == "listdir" else 0
                return given

            patch.setattr(os, name, call)
        yield found
    over = True  # connections keep what they were told to do
    sa.event.remove(store.database.engine, "checkout", watch)


def costs(folder: StoreFolder, store: LocalStore, monkeypatch) -> dict[str, Counter[str]]:
    """What some looks cost: with nothing new, with a run that grows, with one that begins."""
    found: dict[str, Counter[str]] = {}
    settle(store, folder)
    with counted(store, monkeypatch) as found["nothing"]:
        store.refresh()
    grows = Scribe("grows", time=time.time_ns() // 1000).start("p").row({"loss": 1.0}, 0)
    grows.save(folder.runs / MONTH / "grows")
    folder.mark_live("grows", grows.id)
    settle(store, folder)
    assert store.run("grows").status == "running"
    grows.row({"loss": 0.5}, 1).save(folder.runs / MONTH / "grows")
    with counted(store, monkeypatch) as found["grows"]:
        store.refresh()
    assert store.run("grows").metrics["loss"].n == 2
    begins = Scribe("begins", time=time.time_ns() // 1000).start("p").row({"loss": 1.0}, 0)
    begins.save(folder.runs / MONTH / "begins")
    folder.mark_live("begins", begins.id)
    with counted(store, monkeypatch) as found["begins"]:
        store.refresh()
    assert store.run("begins").status == "running"
    return found


def test_a_look_costs_the_same_with_many_runs(
    folder: StoreFolder, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """System calls, names read and the database's work do not grow with the number of runs."""
    for n in range(10):
        add(folder, f"few{n}")
    few = costs(folder, store, monkeypatch)
    for n in range(600):
        add(folder, f"many{n}")
    for run in ("grows", "begins"):
        for writer in folder.live_runs()[run]:
            folder.unmark_live(run, writer)
        for path in (folder.runs / MONTH / run).iterdir():
            path.unlink()
        (folder.runs / MONTH / run).rmdir()
    settle(store, folder)
    many = costs(folder, store, monkeypatch)
    if (folder.runs / MONTH).stat().st_nlink == 1:  # where folders are not counted, it lists
        del few["begins"]
    for what, before in few.items():
        after = many[what]
        assert [after[name] for name in CALLS] == [before[name] for name in CALLS], what
        assert after["names"] <= before["names"], what
        assert after["steps"] <= before["steps"] * 1.2 + 20, what


def test_a_run_that_began_and_ended_between_two_looks_is_found(
    folder: StoreFolder, store: LocalStore
) -> None:
    """The count of a month's folders tells of a run that no mark tells of."""
    add(folder, "first")
    settle(store, folder)
    add(folder, "second")
    store.refresh()
    begins = Scribe("begins", time=time.time_ns() // 1000).start("p")
    begins.save(folder.runs / MONTH / "begins")
    folder.mark_live("begins", begins.id)
    add(folder, "short")
    store.refresh()
    assert {run.id for run in store.runs()} == {"first", "second", "begins", "short"}


def test_a_run_resumed_between_two_looks_is_seen(folder: StoreFolder, store: LocalStore) -> None:
    """A writer that joined a run and ended while nobody looked leaves word of it."""
    for run in ("first", "second"):
        add(folder, run)
    settle(store, folder)
    for loss in (0.5, 0.25):  # the second one finds the word of the first
        more = Scribe("first", time=time.time_ns() // 1000).start("p").row({"loss": loss}, 1)
        more.finish().save(folder.runs / MONTH / "first")
        folder.mark_live("first", more.id)
        folder.unmark_live("first", more.id, tell=True)
        store.refresh()
        assert store.run("first").metrics["loss"].value == loss
    assert folder.live_runs() == {}


def test_where_folders_are_not_counted_names_are_read(
    folder: StoreFolder, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that says 1 link for every folder costs a listing, and hides nothing."""
    add(folder, "first")
    settle(store, folder)
    real = lookout.Lookout.changed

    def one_link(self, path, name):
        found = real(self, path, name)
        return found and os.stat_result([*found[:3], 1, *found[4:]])

    monkeypatch.setattr(lookout.Lookout, "changed", one_link)
    for n in range(3):
        run = f"begins{n}"
        begins = Scribe(run, time=time.time_ns() // 1000).start("p")
        begins.save(folder.runs / MONTH / run)
        folder.mark_live(run, begins.id)
        add(folder, f"short{n}")
        store.refresh()
    assert store.runs().count() == 7


def test_a_look_that_fails_is_made_again(
    folder: StoreFolder, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a look listed and could not take in is looked at the next time."""
    add(folder, "first")
    settle(store, folder)
    add(folder, "second")
    with monkeypatch.context() as patch:
        patch.setattr(store, "apply_within", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.refresh()
    store.refresh()
    assert {run.id for run in store.runs()} == {"first", "second"}


def test_a_run_that_went_is_forgotten(folder: StoreFolder, store: LocalStore) -> None:
    """A folder that was removed by hand is missed at the next look; its month lists others."""
    for run in ("first", "second"):
        add(folder, run)
    settle(store, folder)
    place = folder.runs / MONTH / "first"
    next(place.iterdir()).unlink()
    place.rmdir()
    store.refresh()
    assert [run.id for run in store.runs()] == ["second"]


def test_a_coarse_clock_is_waited_for(folder: StoreFolder, store: LocalStore) -> None:
    """Where times have no fraction, one of a second ago does not prove that nothing came since."""
    add(folder, "first")
    settle(store, folder)
    month = folder.runs / MONTH
    now = time.time_ns() // 10**9 * 10**9
    os.utime(month, ns=(now, now))
    store.refresh()
    add(folder, "second")
    os.utime(month, ns=(now, now))
    store.refresh()
    assert store.runs().count() == 2


def test_a_run_that_is_seen_before_it_has_written(folder: StoreFolder, store: LocalStore) -> None:
    """It begins a moment after a look and ends before the next one: it is found all the same."""
    add(folder, "other")
    store.refresh()
    settle(store, folder)
    place = folder.runs / MONTH / "early"
    place.mkdir()
    os.utime(place.parent, ns=(10**18, 10**18))  # a folder whose time counts as old
    store.refresh()
    Scribe("early").start("p").row({"loss": 1.0}, 0).finish().save(place)
    store.refresh()
    assert store.run("early").status == "finished"
