"""Rules of stores: points and buckets."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Sequence

import numpy as np
import pytest

from notabene.errors import NotFoundError, UsageError
from notabene.store.base import Buckets, Points, Store, Window
from notabene.testing.scribe import START, Encoding, Scribe

ODD = (0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3)


def points_of(store: Store, run: str, key: str, window: Window | None = None) -> Points:
    """The points of one series."""
    (series,) = store.series([run], [key], window)
    assert series.points is not None
    return series.points


def bits(values: Sequence[float]) -> list[bytes]:
    """Numbers as their bytes, so that NaN equals itself and -0.0 does not equal 0.0."""
    return [struct.pack("<d", value) for value in values]


class SeriesRules:
    """Rows to series."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store; the backend's fixture replaces this one."""
        raise NotImplementedError

    @pytest.mark.parametrize("encoding", ["block", "rows", "packed"])
    def test_every_bit_comes_back(self, store: Store, encoding: Encoding) -> None:
        """Steps, times and values of any kind come back to the bit, however they travelled."""
        payload = struct.unpack("<d", struct.pack("<Q", 0x7FF8DEADBEEF0001))[0]
        values = [*ODD, payload]
        scribe = Scribe("run1", encoding=encoding).start()
        times = []
        for step, value in enumerate(values):
            scribe.row({"x": value, "y": -value}, step * 2**40 - 7)
            times.append(scribe.time)
        store.apply(scribe.finish().batches())
        points = points_of(store, "run1", "x")
        assert bits(points.values.tolist()) == bits(values)
        assert points.steps.tolist() == [step * 2**40 - 7 for step in range(len(values))]
        assert points.times.tolist() == times
        assert bits(points_of(store, "run1", "y").values.tolist()) == bits([-v for v in values])

    def test_points_are_sorted_by_step_and_time(self, store: Store) -> None:
        """Steps may go backwards and repeat; equal steps come in the order of their times."""
        scribe = Scribe("run1").start()
        for value, step in enumerate([5, 6, 2, 5, 3]):
            scribe.row({"x": float(value)}, step)
            if step == 6:
                scribe.cut()
        store.apply(scribe.finish().batches())
        points = points_of(store, "run1", "x")
        assert points.steps.tolist() == [2, 3, 5, 5, 6]
        assert points.values.tolist() == [2.0, 4.0, 0.0, 3.0, 1.0]

    def test_a_key_in_several_key_sets(self, store: Store) -> None:
        """A key that is logged in different company is one series."""
        scribe = Scribe("run1").start()
        for step in range(30):
            row = {"x": float(step)}
            if step % 3 == 0:
                row["rare"] = 1.0
            if step % 5 == 0:
                row = {"z": 0.0, **row}
            scribe.row(row, step)
        store.apply(scribe.finish().batches())
        assert points_of(store, "run1", "x").values.tolist() == [float(s) for s in range(30)]
        assert points_of(store, "run1", "rare").steps.tolist() == list(range(0, 30, 3))

    def test_ranges(self, store: Store) -> None:
        """A range is closed at both ends; an empty one gives no points."""
        scribe = Scribe("run1").start()
        for step in range(50):
            scribe.row({"x": float(step)}, step * 2)
            if step % 10 == 9:
                scribe.cut()
        store.apply(scribe.finish().batches())
        points = points_of(store, "run1", "x", Window(low=10, high=20.5))
        assert points.steps.tolist() == [10, 12, 14, 16, 18, 20]
        (empty,) = store.series(["run1"], ["x"], Window(low=11, high=11))
        assert empty.points is None
        assert empty.buckets is None

    def test_several_runs_and_keys(self, store: Store) -> None:
        """Series come in the order asked for; a key that a run has not is left out."""
        for run in ("a", "b"):
            scribe = Scribe(run).start().row({"x": 1.0, f"only-{run}": 2.0}, 0)
            store.apply(scribe.finish().batches())
        found = store.series(["b", "a"], ["only-a", "x", "nothing"])
        assert [(s.run, s.key) for s in found] == [("b", "x"), ("a", "only-a"), ("a", "x")]
        with pytest.raises(NotFoundError):
            store.series(["a", "absent"], ["x"])

    def test_few_points_come_as_they_are(self, store: Store) -> None:
        """A series with no more points than buckets comes as points, a longer one as buckets."""
        scribe = Scribe("run1").start()
        for step in range(100):
            scribe.row({"x": 1.0, "y": 2.0} if step < 8 else {"x": 1.0}, step)
        store.apply(scribe.finish().batches())
        long, short = store.series(["run1"], ["x", "y"], Window(buckets=10))
        assert long.points is None
        assert long.buckets is not None
        assert long.buckets.start.tolist() == [16.0 * i for i in range(7)]
        assert long.width == 16.0
        assert short.points is not None
        assert short.width == 0

    @pytest.mark.parametrize("window", [Window(buckets=20), Window(buckets=9, low=100, high=700)])
    def test_buckets_say_what_the_points_say(self, store: Store, window: Window) -> None:
        """Each bucket's statistics are those of its points."""
        rng = random.Random(3)  # noqa: S311 - nothing is kept secret by it
        scribe = Scribe("run1").start()
        rows = []
        for index in range(1000):
            value = rng.choice(ODD) if rng.random() < 0.05 else rng.gauss(0, 1)
            value = 2.0 if abs(value) > 1e300 and math.isfinite(value) else value
            step = index - 3 * (index % 7 == 0)
            rows.append((step, scribe.time + 1000, value))
            scribe.row({"x": value}, step)
            if rng.random() < 0.02:
                scribe.cut()
        store.apply(scribe.finish().batches())
        (series,) = store.series(["run1"], ["x"], window)
        assert series.buckets is not None
        check_buckets(series.buckets, rows, series.width, window)

    def test_one_grid_for_all(self, store: Store) -> None:
        """Series of different lengths share the width and the bounds of their buckets."""
        for run, count in (("a", 100), ("b", 900)):
            scribe = Scribe(run).start()
            for step in range(count):
                scribe.row({"x": float(step)}, step)
            store.apply(scribe.finish().batches())
        first, second = store.series(["a", "b"], ["x"], Window(buckets=50))
        assert first.buckets is not None
        assert second.buckets is not None
        assert first.width == second.width == 32.0
        assert set(first.buckets.start) <= set(second.buckets.start)

    def test_time_as_axis(self, store: Store) -> None:
        """Points lie at their times, or at the seconds since the run's start."""
        scribe = Scribe("run1").start()
        for step in range(10):
            scribe.time += 1_000_000
            scribe.row({"x": float(step)}, step)
        store.apply(scribe.finish().batches())
        absolute = points_of(store, "run1", "x", Window(x="time"))
        assert absolute.x.tolist() == absolute.times.tolist()
        relative = points_of(store, "run1", "x", Window(x="relative", low=3.0, high=6.0))
        assert relative.values.tolist() == [2.0, 3.0, 4.0]
        (series,) = store.series(["run1"], ["x"], Window(x="relative", buckets=3))
        assert series.buckets is not None
        assert series.buckets.count.sum() == 10

    def test_another_metric_as_axis(self, store: Store) -> None:
        """Points lie at the value of another metric at the same step; others are left out."""
        scribe = Scribe("run1").start()
        for step in range(6):
            scribe.row({"loss": float(step)}, step)
        for step in (1, 3, 5, 9):
            scribe.row({"epoch": 10.0 - step}, step)
        store.apply(scribe.finish().batches())
        points = points_of(store, "run1", "loss", Window(x="metric:epoch"))
        assert points.x.tolist() == [5.0, 7.0, 9.0]
        assert points.values.tolist() == [5.0, 3.0, 1.0]
        assert points.steps.tolist() == [5, 3, 1]
        (none,) = store.series(["run1"], ["loss"], Window(x="metric:absent"))
        assert none.points is None
        with pytest.raises(UsageError):
            store.series(["run1"], ["loss"], Window(x="moon"))

    def test_ranks(self, store: Store) -> None:
        """The lowest rank is shown, or all ranks together as statistics of each step."""
        for rank in (1, 0):
            scribe = Scribe("run1", rank=rank, time=START + rank).start()
            for step in range(4):
                scribe.row({"x": float(10 * rank + step), f"of{rank}": 1.0}, step)
            store.apply(scribe.finish().batches())
        assert points_of(store, "run1", "x").values.tolist() == [0.0, 1.0, 2.0, 3.0]
        assert store.series(["run1"], ["of1"])[0].rank == 1
        (both,) = store.series(["run1"], ["x"], Window(ranks="all", buckets=100))
        assert both.rank == -1
        assert both.buckets is not None
        assert both.buckets.min.tolist() == [0.0, 1.0, 2.0, 3.0]
        assert both.buckets.max.tolist() == [10.0, 11.0, 12.0, 13.0]
        assert both.buckets.mean.tolist() == [5.0, 6.0, 7.0, 8.0]
        assert both.buckets.count.tolist() == [2, 2, 2, 2]

    def test_a_live_run_grows(self, store: Store) -> None:
        """What came since the last look is there at the next, in points and in summaries."""
        scribe = Scribe("run1").start()
        for look in range(5):
            for step in range(look * 10, look * 10 + 10):
                scribe.row({"x": float(step)}, step)
            if look == 2:
                scribe.summarise()
            store.apply(scribe.new())
            last = look * 10 + 9
            assert points_of(store, "run1", "x").steps.tolist() == list(range(last + 1))
            metric = store.run("run1").metrics["x"]
            assert (metric.n, metric.last, metric.max) == (last + 1, float(last), float(last))
            assert metric.mean == pytest.approx(last / 2)

    def test_very_wide_runs(self, store: Store) -> None:
        """A run with thousands of keys is stored, summarised and read by key."""
        keys = [f"layer/{i}/gradient" for i in range(9000)]
        scribe = Scribe("run1").start()
        for step in range(10):
            scribe.row({key: step + i / 8 for i, key in enumerate(keys)}, step)
        store.apply(scribe.finish().batches())
        run = store.run("run1")
        assert (len(run.metrics), run.points) == (9000, 90_000)
        assert run.metrics[keys[8999]].last == 9 + 8999 / 8
        points = points_of(store, "run1", keys[4321])
        assert points.values.tolist() == [step + 4321 / 8 for step in range(10)]


def check_buckets(
    buckets: Buckets, rows: list[tuple[int, int, float]], width: float, window: Window
) -> None:
    """Hold buckets against the points ``(step, time, value)`` they are made of."""
    size = int(width)
    low = -(2**62) if window.low is None else math.floor(window.low / size) * size
    high = 2**62 if window.high is None else (math.floor(window.high / size) + 1) * size
    wanted: dict[int, list[tuple[int, int, float]]] = {}
    for row in sorted(rows):
        if low <= row[0] < high:
            wanted.setdefault(row[0] // size * size, []).append(row)
    assert buckets.start.tolist() == [float(start) for start in sorted(wanted)]
    assert len(wanted) <= window.buckets + 1
    for index, start in enumerate(sorted(wanted)):
        steps = [step for step, _, _ in wanted[start]]
        values = np.array([value for _, _, value in wanted[start]])
        finite = values[np.isfinite(values)]
        assert (buckets.first[index], buckets.last[index]) == (min(steps), max(steps))
        assert buckets.count[index] == len(values)
        assert buckets.nan[index] == np.isnan(values).sum()
        assert buckets.posinf[index] == (values == np.inf).sum()
        assert buckets.neginf[index] == (values == -np.inf).sum()
        assert buckets.value[index] == values[-1] or math.isnan(values[-1])
        if len(finite):
            assert buckets.min[index] == pytest.approx(finite.min(), rel=1e-6)
            assert buckets.max[index] == pytest.approx(finite.max(), rel=1e-6)
            assert buckets.min[index] <= finite.min()
            assert buckets.max[index] >= finite.max()
            assert buckets.mean[index] == pytest.approx(finite.mean(), rel=1e-9, abs=1e-12)
        else:
            assert math.isnan(buckets.min[index])
            assert math.isnan(buckets.mean[index])
