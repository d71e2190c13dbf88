"""Histograms: every value is counted once, whatever it is and wherever it comes from."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.errors import UsageError
from notabene.model.values import HistogramValue, read_as
from notabene.tracking.media_histogram import Histogram

BIG = sys.float_info.max


def stored(histogram: Histogram) -> HistogramValue:
    """What is recorded of a histogram."""
    encoded = histogram.encode()
    assert (encoded.kind, encoded.blobs) == ("histogram", ())
    return read_as(HistogramValue, encoded.value)


@given(st.lists(st.floats(), max_size=30), st.integers(1, 9))
def test_every_value_is_counted(values: list[float], bins: int):
    """Counts and what is not finite add up to all, and edges rise around all finite values."""
    value = stored(Histogram(values, bins=bins))
    finite = [v for v in values if math.isfinite(v)]
    assert value.n == len(values)
    assert sum(value.counts) == len(finite)
    assert value.nan + value.posinf + value.neginf == len(values) - len(finite)
    assert [float(v) for v in value.values] == pytest.approx(values, nan_ok=True, rel=0)
    if finite:
        assert len(value.counts) == bins
        assert len(value.edges) == bins + 1
        assert all(a < b for a, b in zip(value.edges, value.edges[1:], strict=False))
        assert value.edges[0] <= min(finite) == value.min
        assert value.edges[-1] >= max(finite) == value.max


@given(st.lists(st.floats(), max_size=30), st.integers(1, 9))
def test_lists_and_arrays_count_alike(values: list[float], bins: int):
    """The counts and edges of an array are those of the list of its values."""
    of_list, of_array = (
        stored(Histogram(values, bins=bins)),
        stored(Histogram(np.array(values), bins=bins)),
    )
    for field in ("counts", "edges", "n", "min", "max", "nan", "posinf", "neginf"):
        assert getattr(of_list, field) == getattr(of_array, field), field


def test_counts_are_those_of_numpy():
    """On ordinary data the counts are what numpy.histogram counts."""
    values = np.random.default_rng(1).normal(size=10_000)
    value = stored(Histogram(values))
    counts, edges = np.histogram(values, bins=64)
    assert np.abs(np.array(value.counts) - counts).sum() <= 2  # a value on an edge may fall beside
    np.testing.assert_allclose(value.edges, edges, rtol=1e-12)
    assert value.mean == pytest.approx(values.mean())
    assert value.std == pytest.approx(values.std())
    assert value.values == ()


def test_mean_and_spread_of_lists():
    """Mean and deviation of a list are over its finite values."""
    value = stored(Histogram([1.0, 2.0, 3.0, math.nan]))
    assert (value.mean, value.std) == pytest.approx((2.0, math.sqrt(2 / 3)))


@pytest.mark.parametrize(
    "values",
    [[3.0] * 5, [0.0], [1e300, 1e300], [5e-324, 0.0], [-BIG, BIG], [BIG], [1.0, 1.0 + 2**-52]],
    ids=["same", "zero", "large", "tiny", "whole-range", "largest", "neighbours"],
)
def test_narrow_and_wide_ranges(values: list[float]):
    """One value, values side by side and the whole range of float64 all fall into their bins."""
    for given_ in (values, np.array(values)):
        value = stored(Histogram(given_, bins=64))
        assert sum(value.counts) == len(values)
        assert all(math.isfinite(edge) for edge in value.edges)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(6).reshape(2, 3), np.arange(6, dtype=np.uint8), [np.float32(v) for v in range(6)],
        range(6), (v for v in range(6)), np.arange(6, dtype=np.float16),
    ],
    ids=["matrix", "uint8", "scalars", "range", "generator", "float16"],
)  # fmt: skip
def test_numbers_in_any_form(values: Any):
    """Arrays of any shape and type and any sequence of numbers are counted."""
    value = stored(Histogram(values, bins=6))
    assert value.counts == (1, 1, 1, 1, 1, 1)
    assert value.values == (0, 1, 2, 3, 4, 5)


def test_tensors():
    """Tensors of torch are counted, with a gradient and in any width."""
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([0.0, 1.0, float("nan")], dtype=torch.bfloat16, requires_grad=True)
    value = stored(Histogram(tensor, bins=2))
    assert (value.counts, value.nan) == ((1, 1), 1)


def test_long_lists_are_counted_by_numpy():
    """A list too long for plain Python gives the same counts."""
    values = [float(i % 100) for i in range(20_000)]
    assert stored(Histogram(values, bins=100)).counts == (200,) * 100


def test_counts_of_ones_own():
    """np_histogram takes what numpy.histogram gives, weighted counts too."""
    value = stored(Histogram(np_histogram=np.histogram([1, 2, 2, 3], bins=3)))
    assert value.counts == (1, 2, 1)
    assert value.n == 4
    value = stored(Histogram(np_histogram=([0.5, 2], [0, 1, 2])))
    assert value.counts == (0.5, 2)
    assert value.edges == (0.0, 1.0, 2.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "one of them"),
        ({"values": [1], "np_histogram": ([1], [0, 1])}, "one of them"),
        ({"values": "abc"}, "not str"),
        ({"values": ["a"]}, "not list"),
        ({"values": 3}, "not int"),
        ({"values": [1], "bins": 0}, "bins=0"),
        ({"values": [1], "bins": 5000}, "bins=5000"),
        ({"values": [1], "bins": True}, "bins=True"),
        ({"np_histogram": ([1, 2], [0, 1])}, "2 counts and 2 edges"),
        ({"np_histogram": ([], [0])}, "0 counts"),
        ({"np_histogram": 5}, "takes \\(counts, edges\\)"),
        ({"np_histogram": ([1], [1, 1])}, "must be finite numbers that rise"),
        ({"np_histogram": ([1], [0, math.inf])}, "must be finite numbers that rise"),
        ({"np_histogram": ([-1], [0, 1])}, "from 0 on"),
        ({"np_histogram": ([math.nan], [0, 1])}, "from 0 on"),
    ],
)
def test_what_is_no_histogram(arguments: dict[str, Any], said: str):
    """Wrong arguments are refused at once, saying which."""
    with pytest.raises(UsageError, match=said):
        Histogram(**arguments)
