"""Smoothing held against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.server.smoothing import Smoothing, smooth_at

NAN = float("nan")
numbers = st.lists(
    st.floats(-1e6, 1e6) | st.sampled_from([NAN, float("inf"), float("-inf")]),
    min_size=1,
    max_size=400,
)


def plain_ema(values, weight):
    """The average of TensorBoard and W&B, one point after the other."""
    out, smooth, count = [], 0.0, 0
    for value in values:
        if np.isfinite(value):
            count += 1
            smooth = weight * smooth + (1 - weight) * value
            shown = smooth / (1 - weight**count)
        out.append(shown if count else NAN)
    return out


def plain_window(values, window, take):
    """A statistic of the finite points around each."""
    out = []
    for place in range(len(values)):
        low, high = max(0, place - window // 2), place + window - window // 2
        near = [value for value in values[low:high] if np.isfinite(value)]
        out.append(take(near) if near else NAN)
    return out


def everywhere(values, how):
    """The smooth curve at all points."""
    array = np.array(values, np.float64)
    return smooth_at(array, np.arange(len(array)), how)


@given(numbers, st.sampled_from([0.1, 0.6, 0.9, 0.99, 0.999]))
def test_ema(values, weight):
    """The vectorised average is that of the loop, gaps and all."""
    found = everywhere(values, Smoothing(kind="ema", weight=weight))
    assert np.allclose(found, plain_ema(values, weight), rtol=1e-6, atol=1e-4, equal_nan=True)


@given(numbers, st.integers(1, 40), st.sampled_from(["mean", "median"]))
def test_windows(values, window, kind):
    """Mean and median are over the finite points around each, cut at both ends."""
    found = everywhere(values, Smoothing(kind=kind, window=window))
    take = np.mean if kind == "mean" else np.median
    assert np.allclose(
        found, plain_window(values, window, take), rtol=1e-6, atol=1e-4, equal_nan=True
    )


def test_the_ends_of_the_scale():
    """Weight 0 is the curve itself, weight 1 the mean of all so far."""
    values = [4.0, 2.0, 6.0, NAN, 0.0]
    assert everywhere(values, Smoothing(kind="ema", weight=0)).tolist() == [4, 2, 6, 6, 0]
    assert everywhere(values, Smoothing(kind="ema", weight=1)).tolist() == [4, 3, 4, 4, 3]
    assert everywhere(values, Smoothing(kind="mean", window=1))[:3].tolist() == [4, 2, 6]


def test_a_constant_stays_constant():
    """No spike at the beginning, where other tools had one."""
    values = [3.0] * 1000
    for how in (
        Smoothing(kind="ema", weight=0.99),
        Smoothing(kind="mean", window=51),
        Smoothing(kind="median", window=51),
    ):
        assert np.allclose(everywhere(values, how), 3.0)


def test_only_where_it_is_asked():
    """Values at some places are those of the whole curve there."""
    values = np.sin(np.arange(5000) / 50)
    at = np.array([0, 1, 777, 4999])
    for kind in ("ema", "mean", "median"):
        how = Smoothing(kind=kind, weight=0.95, window=101)
        assert np.allclose(smooth_at(values, at, how), everywhere(values, how)[at])


@pytest.mark.parametrize("kind", ["ema", "mean", "median"])
def test_nothing_finite(kind):
    """No value where there is none, and none before the first."""
    how = Smoothing(kind=kind)
    assert np.isnan(everywhere([NAN, NAN], how)).all()
    assert len(smooth_at(np.zeros(0), np.zeros(0, np.intp), how)) == 0
    assert np.isnan(smooth_at(np.zeros(0), np.zeros(1, np.intp), how)).all()


def test_large_offsets_keep_small_changes():
    """A mean of values around 1e12 still shows their differences."""
    values = 1e12 + np.arange(100.0)
    found = everywhere(values, Smoothing(kind="mean", window=3))
    assert np.allclose(np.diff(found[1:-1]), 1.0)
