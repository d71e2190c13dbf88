"""Smoothing of all raw points, so that it does not depend on how a chart was cut.

``ema`` is the exponential moving average that people know from TensorBoard and W&B: each point
weighs ``weight`` times less than the next, and the beginning is not drawn towards 0 (debiased).
``mean`` and ``median`` are taken over a window of points around each one. Points that are not
finite are skipped: they neither move the curve nor break it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from notabene.journal.block import F64

WINDOW = 10_001
"""Points of the widest window."""


class Smoothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a curve is made smooth.

    Attributes:
        kind: ``ema``, ``mean`` or ``median``.
        weight: For ``ema``: 0 leaves the curve as it is, 1 is the mean of all points so far.
        window: For ``mean`` and ``median``: over how many points.
    """

    kind: Literal["ema", "mean", "median"]
    weight: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.6
    window: Annotated[int, msgspec.Meta(ge=1, le=WINDOW)] = 11

    @property
    def ahead(self) -> int:
        """How many points after one decide about its smooth value."""
        return 0 if self.kind == "ema" else self.window // 2


def smooth_at(values: F64, at: npt.NDArray[np.intp], how: Smoothing) -> F64:
    """Smooth values at some of the points.

    Args:
        values: All points, in order, shape (n,).
        at: Indices of those wanted, shape (m,).
        how: Kind and strength.

    Returns:
        Shape (m,); NaN where no finite point is near.
    """
    if not len(values) or not len(at):
        return np.full(len(at), np.nan)
    if how.kind == "ema":
        return _ema(values, at, how.weight)
    return _window(values, at, how)


def _ema(values: F64, at: npt.NDArray[np.intp], weight: float) -> F64:
    """Debiased exponential moving average over the finite points."""
    finite = np.isfinite(values)
    # The curve at a point is that of the last finite point up to it.
    rank = np.cumsum(finite)[at] - 1
    curve = _debiased(values[finite], weight)
    if not len(curve):
        return np.full(len(at), np.nan)
    found: F64 = np.where(rank >= 0, curve[np.maximum(rank, 0)], np.nan)
    return found


def _debiased(values: F64, weight: float) -> F64:
    count = np.arange(1, len(values) + 1)
    if weight >= 1:
        return np.cumsum(values) / count
    if weight <= 0:
        return values
    curve: F64 = _recursive(values, weight) / -np.expm1(count * np.log(weight))
    return curve


def _recursive(values: F64, weight: float) -> F64:
    """``y[i] = weight * y[i - 1] + (1 - weight) * x[i]``, in steps that double their reach."""
    out = (1 - weight) * values
    lag, factor = 1, weight
    while lag < len(out) and factor > 0:
        out[lag:] += factor * out[:-lag]
        lag, factor = 2 * lag, factor * factor
    return out


def _window(values: F64, at: npt.NDArray[np.intp], how: Smoothing) -> F64:
    """Mean or median of the finite points in a window that is cut at both ends."""
    half = how.window // 2
    low = np.maximum(at - half, 0)
    high = np.minimum(at + (how.window - half), len(values))
    finite = np.isfinite(values)
    if how.kind == "mean":
        # Around the middle of the values, so that large ones do not swallow the small.
        middle = float(np.mean(values[finite])) if finite.any() else 0.0
        sums = np.concatenate(([0.0], np.cumsum(np.where(finite, values - middle, 0.0))))
        counts = np.concatenate(([0], np.cumsum(finite)))
        number = counts[high] - counts[low]
        with np.errstate(all="ignore"):
            mean = (sums[high] - sums[low]) / number + middle
        return np.where(number > 0, mean, np.nan)
    return _medians(np.where(finite, values, np.nan), low, high)


def _medians(values: F64, low: npt.NDArray[np.intp], high: npt.NDArray[np.intp]) -> F64:
    widest = int((high - low).max())
    out = np.full(len(low), np.nan)
    # A few million cells at a time, however wide the window is.
    many = max(1, 4_000_000 // widest)
    for begin in range(0, len(low), many):
        first, end = low[begin : begin + many], high[begin : begin + many]
        place = first[:, None] + np.arange(widest)
        cells = np.where(place < end[:, None], values[np.minimum(place, len(values) - 1)], np.nan)
        some = ~np.isnan(cells).all(axis=1)
        if some.any():
            out[begin : begin + many][some] = np.nanmedian(cells[some], axis=1)
    return out
