"""What a chart of a live run costs: what is new, not what is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from notabene._ids import now_us
from notabene.journal.folder import StoreFolder
from notabene.store import compaction, series
from notabene.store.base import Window
from notabene.store.local import LocalStore
from notabene.testing.scribe import Scribe

STEPS = 100


@pytest.fixture
def folder(tmp_path: Path) -> StoreFolder:
    """A store with a run at work that has written each row by itself."""
    folder = StoreFolder.open(tmp_path / "store", create=True)
    scribe = Scribe("live", time=now_us()).start("p")
    for step in range(STEPS):
        scribe.row({"loss": 1 / (step + 1), "acc": float(step)}, step).cut()
    scribe.save(folder.runs / "2023-11" / "live")
    folder.mark_live("live", scribe.id)
    return folder


@pytest.fixture
def store(folder: StoreFolder) -> Iterator[LocalStore]:
    """Its index, with all pieces as they were written."""
    store = LocalStore(folder, None)
    store.refresh()
    yield store
    store.close()


def pieces(store: LocalStore) -> int:
    """How many pieces the store holds."""
    with store.reading() as connection:
        found: int = connection.exec_driver_sql("SELECT count(*) FROM points").scalar_one()
        return found


def values(store: LocalStore, **window: float) -> list[float]:
    """Values of the metric in a window."""
    (found,) = store.series(["live"], ["loss"], Window(**window))
    if found.buckets is not None:
        return found.buckets.value.tolist()
    assert found.points is not None
    return found.points.values.tolist()


@pytest.mark.parametrize(
    ("window", "most"),
    [
        ({"low": 95.0, "buckets": 200}, 5),
        ({"low": 95.0, "buckets": 2}, 8),
        ({"high": 4.0, "buckets": 200}, 5),
        ({"low": 95.0}, 5),
    ],
)
def test_a_range_with_an_open_end_reads_no_more_than_it_shows(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, window: dict[str, float], most: int
) -> None:
    """What is new of a live chart is found without the points before it."""
    monkeypatch.setattr(compaction, "MANY", 1000)
    real, decoded = series.decode_column, []

    def counted(*args: object, **options: object) -> object:
        decoded.append(args)
        return real(*args, **options)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(series, "decode_column", counted)
    found = values(store, **window)
    assert len(decoded) <= most
    closed = {"low": 0.0, "high": STEPS - 1.0, **window}
    assert found == values(store, **closed)


def test_small_pieces_are_joined(store: LocalStore) -> None:
    """A run that writes row by row is kept in few pieces, with all its points."""
    before = values(store)
    assert before == [1 / (step + 1) for step in range(STEPS)]
    compaction.compact(store, 10.0)
    assert pieces(store) <= STEPS // compaction.MANY + compaction.MANY
    assert np.array_equal(values(store), before)
    assert values(store, low=10.0, high=12.0) == before[10:13]


def test_large_pieces_are_not_read_to_join_small_ones(
    folder: StoreFolder, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Joining costs what is small, however long the run is."""
    compaction.compact(store, 10.0)
    scribe = Scribe("live", writer="w2", time=now_us(), rank=1).start("p")
    for step in range(5000):
        scribe.row({"loss": float(step)}, step)
    scribe.cut()
    for step in range(5000, 5000 + compaction.MANY):
        scribe.row({"loss": float(step)}, step).cut()
    scribe.save(folder.runs / "2023-11" / "live")
    real, rows = compaction.decode, []

    def counted(piece: object, data: object) -> object:
        found = real(piece, data)  # type: ignore[arg-type]  # handed on as they came
        rows.append(len(found.steps))
        return found

    monkeypatch.setattr(compaction, "decode", counted)
    store.refresh()
    compaction.compact(store, 10.0)
    assert rows == [1] * compaction.MANY
    (found,) = store.series(["live"], ["loss"], Window(ranks=1))
    assert found.points is not None
    assert found.points.values.tolist() == [float(step) for step in range(5000 + compaction.MANY)]
