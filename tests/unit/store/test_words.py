"""What was written about runs, asked of stores of each kind: the same answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from notabene.model.records import AlertRaised, Concluded, NoteWritten, RunDeleted
from notabene.store.base import Store
from notabene.store.database import Database, connect
from notabene.store.memory import MemoryStore
from notabene.store.sql import SqlStore
from notabene.store.words import run_notes, words_of
from notabene.testing.scribe import Scribe


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store with three runs: one with words, one without, one in the trash."""
    made: Store = MemoryStore()
    if request.param == "sqlite":
        made = SqlStore(Database(connect(f"sqlite:///{tmp_path / 'store.sqlite'}")))
    spoke = Scribe("spoke").start("p", name="spoke")
    spoke.record(NoteWritten(id="n1", text="too warm", author="ada"))
    spoke.record(AlertRaised(id="a1", title="loss is NaN", level="error"))
    spoke.record(Concluded(text="it does not work", verdict="refuted"))
    silent = Scribe("silent").start("p", name="silent").row({"loss": 1.0}, 0)
    gone = Scribe("gone").start("p", name="gone")
    gone.record(NoteWritten(id="n2", text="never mind")).record(RunDeleted())
    for scribe in (spoke, silent, gone):
        made.apply(scribe.batches())
    yield made
    made.close()


def test_words_of_a_project(store: Store) -> None:
    """Notes, alerts and the conclusion of the run that has them."""
    found = {run: words for run, words in words_of(store, "p") if words.notes}
    words = found["spoke"]
    assert [note.text for note in words.notes] == ["too warm"]
    assert [alert.title for alert in words.alerts] == ["loss is NaN"]
    assert words.conclusion is not None
    assert words.conclusion.verdict == "refuted"
    assert "silent" not in found


def test_words_of_another_project(store: Store) -> None:
    """Nothing of this one."""
    assert [run for run, _ in words_of(store, "q")] == []


def test_notes_on_runs(store: Store) -> None:
    """With project and name of their run; those of runs in the trash are left out."""
    assert [(p, name, note.text) for p, name, note in run_notes(store)] == [
        ("p", "spoke", "too warm")
    ]
    assert run_notes(store, "q") == []
