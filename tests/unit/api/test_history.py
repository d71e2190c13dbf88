"""Series in a reader's hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from notabene.errors import NotFoundError, UsageError
from notabene.testing.scribe import START

ODD = [1.5, math.nan, -0.0, math.inf, -math.inf, 5e-324, 1e308]


def bits(values):
    """The bits of floats, so that NaN and minus zero can be compared."""
    return np.asarray(values, np.float64).view(np.uint64).tolist()


class TestPoints:
    """Points as they were logged."""

    def test_every_bit_comes_back(self, lab, any_api):
        """NaN, the infinities, minus zero and the smallest numbers come back to the bit."""
        lab.run("r1", values={"x": ODD})
        found = any_api.history("r1", "x")
        assert bits(found.values) == bits(ODD)
        assert found.steps.dtype == found.times.dtype == np.int64
        assert found.values.dtype == np.float64
        assert len(found) == len(ODD)

    def test_steps_are_sorted(self, lab, any_api):
        """Steps that went back come sorted; of equal steps the later call comes later."""
        scribe = lab.scribe("r1")
        for step, value in ((5, 1.0), (2, 2.0), (5, 3.0), (0, 4.0)):
            scribe.row({"x": value}, step)
        lab.save(scribe.finish())
        found = any_api.history("r1", "x")
        assert list(found) == [(0, 4.0), (2, 2.0), (5, 1.0), (5, 3.0)]

    def test_several_keys_are_a_mapping(self, lab, any_api):
        """One key gives a history; several, or none for all, a mapping of them."""
        lab.run("r1", values={"a": [1.0, 2.0], "b": [3.0, 4.0]})
        assert any_api.history("r1", "a").key == "a"
        found = any_api.history("r1", "a", "b")
        assert {key: h.values.tolist() for key, h in found.items()} == {
            "a": [1.0, 2.0],
            "b": [3.0, 4.0],
        }
        assert list(any_api.history("r1")) == ["a", "b"]
        assert any_api.run("r1").history("a").values.tolist() == [1.0, 2.0]

    def test_a_range(self, lab, any_api):
        """Both ends of a range belong to it."""
        lab.run("r1", values={"a": [float(i) for i in range(10)]})
        assert any_api.history("r1", "a", start=3, end=5).steps.tolist() == [3, 4, 5]
        with pytest.raises(NotFoundError, match="no points in this range"):
            any_api.history("r1", "a", start=30)

    def test_other_axes(self, lab, any_api):
        """x is time in µs, seconds since the start, or another metric."""
        lab.run("r1", values={"a": [1.0, 2.0, 3.0], "epoch": [0.5, 0.7, 0.9]})
        by_time = any_api.history("r1", "a", x="time")
        assert by_time.x.tolist() == by_time.times.tolist()
        relative = any_api.history("r1", "a", x="relative")
        assert relative.x.tolist() == pytest.approx((by_time.times - START - 86_400_001_000) / 1e6)
        epoch = any_api.history("r1", "a", x="epoch")
        assert list(epoch) == [(0.5, 1.0), (0.7, 2.0), (0.9, 3.0)]
        assert epoch.axis == "epoch"

    def test_an_empty_series_names_near_ones(self, lab, any_api):
        """A metric that is not there is told with near names."""
        lab.run("r1", values={"val/loss": [1.0], "train/loss": [1.0]})
        with pytest.raises(NotFoundError) as caught:
            any_api.history("r1", "val/los")
        assert "'val/loss'" in caught.value.hint
        lab.run("r2")
        with pytest.raises(NotFoundError, match="no metric 'loss'") as caught:
            any_api.history("r2", "loss")
        assert caught.value.hint == "it has no metrics"

    @pytest.mark.parametrize(
        "wrong",
        [{"samples": 0}, {"samples": -3}, {"start": 5, "end": 3}, {"rank": "median"}],
    )
    def test_wrong_calls(self, lab, api, wrong):
        """Impossible arguments are refused in words."""
        lab.run("r1", values={"a": [1.0]})
        with pytest.raises(UsageError, match="=") as caught:
            api.history("r1", "a", **wrong)
        assert str(next(iter(wrong.values()))) in str(caught.value)


class TestBuckets:
    """Statistics per bucket."""

    def test_buckets_hold_what_the_points_are(self, lab, any_api):
        """Each bucket's min, max, mean, last and count are those of the points in it."""
        values = [float((i * 7919) % 1000) for i in range(1000)]
        lab.run("r1", values={"a": values})
        found = any_api.history("r1", "a", samples=50)
        assert 25 <= len(found) <= 50
        assert found.width == 32
        for at in range(len(found)):
            begin = at * 32
            mine = values[begin : begin + 32]
            assert (found.min[at], found.max[at]) == (min(mine), max(mine))
            assert found.mean[at] == pytest.approx(sum(mine) / len(mine))
            assert (found.last[at], found.count[at]) == (mine[-1], len(mine))
        assert found.steps[0] == 31
        assert found.steps[-1] == 999

    def test_one_bucket_where_steps_lie_on_both_sides_of_zero(self, lab, any_api):
        """Buckets end at 0, so a range around it has two at least; asking for one gives these."""
        scribe = lab.scribe("r1")
        for step in range(-50, 50):
            scribe.row({"a": float(step)}, step)
        lab.save(scribe.finish())
        assert any_api.history("r1", "a", samples=1).count.tolist() == [50, 50]
        found = any_api.history("r1", "a", start=-5, end=2, samples=1)
        assert found.count.sum() >= 8
        assert any_api.grid(["r1"], "a", buckets=1).count.tolist() == [[[50, 50]]]

    @pytest.mark.parametrize("x", ["step", "time", "relative", "b"])
    def test_a_range_may_end_at_infinity(self, lab, any_api, x):
        """Infinity is the open end on its own side; on the other side nothing is left."""
        values = [float(i) for i in range(100)]
        lab.run("r1", values={"a": values, "b": values})
        whole = any_api.history("r1", "a", x=x, start=-math.inf, end=math.inf)
        assert whole.values.tolist() == values
        some = any_api.history("r1", "a", x=x, start=-math.inf, samples=10)
        assert (some.count.sum(), some.count.max() < 100) == (100, True)
        for nothing in ({"start": math.inf}, {"end": -math.inf}, {"start": 1e300}):
            with pytest.raises(NotFoundError, match="no points in this range"):
                any_api.history("r1", "a", x=x, **nothing)

    def test_an_axis_with_infinities(self, lab, any_api):
        """Where the metric of the x axis is not finite there is no place, and no bucket."""
        axis = [(math.inf, -math.inf, math.nan, float(i))[i % 4] for i in range(100)]
        lab.run("r1", values={"a": [float(i) for i in range(100)], "b": axis})
        assert any_api.history("r1", "a", x="b").values.tolist() == list(range(3, 100, 4))
        assert any_api.history("r1", "a", x="b", samples=5).count.tolist() == [5] * 5
        assert any_api.grid(["r1"], "a", x="b", buckets=5).count.tolist() == [[[5] * 5]]

    def test_few_points_come_as_they_are(self, lab, any_api):
        """A series with no more points than samples comes as points, without buckets."""
        lab.run("r1", values={"a": [1.0, 2.0]})
        found = any_api.history("r1", "a", samples=50)
        assert found.values.tolist() == [1.0, 2.0]
        assert found.min is None
        assert found.count is None

    def test_to_pandas(self, lab, api):
        """As a frame it has step, UTC time and value; in buckets the statistics as well."""
        pytest.importorskip("pandas")
        lab.run("r1", values={"a": [float(i) for i in range(100)]})
        frame = api.history("r1", "a").to_pandas()
        assert list(frame.columns) == ["step", "time", "value"]
        assert frame["value"].tolist() == [float(i) for i in range(100)]
        assert str(frame["time"].dt.tz) == "UTC"
        assert frame["time"].iloc[0].value // 1000 == api.history("r1", "a").times[0]
        buckets = api.history("r1", "a", samples=10).to_pandas()
        assert list(buckets.columns) == ["step", "value", "min", "max", "mean", "count"]

    def test_to_dict(self, lab, api):
        """As plain values it can go into JSON."""
        lab.run("r1", values={"a": [1.0, 2.0]})
        found = api.history("r1", "a").to_dict()
        assert found["steps"] == [0, 1]
        assert found["values"] == [1.0, 2.0]
        assert "min" not in found


class TestRanks:
    """Several processes of one run."""

    @pytest.fixture
    def ranks(self, lab):
        """A run of three ranks that log the same steps."""
        for rank, values in ((0, [1.0, 4.0]), (1, [2.0, math.nan]), (2, [6.0, 5.0])):
            scribe = lab.scribe("r1", rank=rank, time=START + rank)
            lab.run(scribe=scribe, values={"a": values})

    def test_one_rank(self, ranks, any_api):
        """The lowest rank stands unless another is named."""
        assert any_api.history("r1", "a").values.tolist() == [1.0, 4.0]
        assert any_api.history("r1", "a", rank=2).values.tolist() == [6.0, 5.0]
        assert any_api.history("r1", "a", rank=2).rank == 2
        with pytest.raises(NotFoundError, match="rank 7"):
            any_api.history("r1", "a", rank=7)

    @pytest.mark.parametrize(
        ("rank", "expected"), [("mean", [3.0, 4.5]), ("min", [1.0, 4.0]), ("max", [6.0, 5.0])]
    )
    def test_a_statistic_over_ranks(self, ranks, any_api, rank, expected):
        """Mean, min and max over the ranks are of the finite values at each step."""
        found = any_api.history("r1", "a", rank=rank)
        assert found.values.tolist() == expected
        assert found.steps.tolist() == [0, 1]
        assert found.rank == -1


class TestGrid:
    """Several runs in the same buckets."""

    def test_runs_share_buckets(self, lab, any_api):
        """Longer and shorter runs lie on one grid; where a run has no point there is NaN."""
        lab.run("long", values={"a": [float(i) for i in range(1000)]})
        lab.run("short", values={"a": [float(-i) for i in range(100)], "b": [1.0] * 100})
        grid = any_api.grid(["long", "short"], ["a", "b"], buckets=50)
        assert grid.runs == ("long", "short")
        assert grid.mean.shape == (2, 2, len(grid.x)) == (2, 2, 32)
        assert grid.x.tolist() == [32.0 * i for i in range(32)]
        assert grid.min[0, 0].tolist() == [32.0 * i for i in range(32)]
        assert grid.max[0, 0, 3] == 127.0
        assert grid.last[1, 0, 0] == -31.0
        assert grid.mean[1, 0, 0] == -15.5
        assert grid.count[1, 0].tolist() == [32, 32, 32, 4] + [0] * 28
        assert np.isnan(grid.mean[1, 0, 4:]).all()
        assert np.isnan(grid.last[0, 1]).all()

    def test_few_points_lie_at_their_steps(self, lab, any_api):
        """Where all runs have few points, each step is a place of the grid."""
        scribe = lab.scribe("r1")
        for step, value in ((0, 1.0), (10, 2.0), (10, 4.0)):
            scribe.row({"a": value}, step)
        lab.save(scribe.finish())
        lab.run("r2", values={"a": [7.0, 8.0]})
        grid = any_api.grid(any_api.runs(order_by="created"), "a")
        assert grid.width == 0
        assert grid.x.tolist() == [0.0, 1.0, 10.0]
        assert grid.last[:, 0].tolist()[0][::2] == [1.0, 4.0]
        assert grid.count[:, 0].tolist() == [[1, 0, 2], [1, 1, 0]]

    def test_relative_time(self, lab, any_api):
        """Runs of different days lie over each other by the seconds since their starts."""
        for name in ("r1", "r2"):
            lab.run(name, values={"a": [float(i) for i in range(200)]})
        grid = any_api.grid(["r1", "r2"], "a", buckets=20, x="relative")
        assert grid.count.sum(axis=2).tolist() == [[200], [200]]
        assert grid.last[0].tolist() == grid.last[1].tolist()
        assert len(grid.x) == 20
        assert grid.last[0, 0, -1] == 199.0

    def test_the_last_point_of_all_lies_in_the_last_bucket(self, lab, any_api):
        """Points and buckets meet on one grid, the largest x included."""
        lab.run("many", values={"a": [float(i) for i in range(200)]})
        few = lab.scribe("few").row({"a": 1.0}, 0)
        few.time += 500_000
        few.row({"a": 2.0}, 1)
        lab.save(few.finish())
        grid = any_api.grid(["many", "few"], "a", buckets=20, x="relative")
        assert len(grid.x) <= 20
        assert grid.count.sum(axis=2).tolist() == [[200], [2]]
        assert grid.last[1, 0, -1] == 2.0
        assert grid.x[-1] + grid.width == pytest.approx(
            any_api.history("few", "a", x="relative").x[-1]
        )

    def test_nothing_at_all(self, lab, any_api):
        """Runs without the metric give a grid without places."""
        lab.run("r1")
        assert any_api.grid(["r1"], ["a"]).mean.shape == (1, 1, 0)
