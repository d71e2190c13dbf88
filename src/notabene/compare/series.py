"""Where two series of one metric part."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


class Curve(msgspec.Struct, frozen=True, eq=False):
    """One metric of one run: steps, and values to the bit; both of shape (n,)."""

    steps: I64
    values: F64


class Parting(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How one metric differs between two runs.

    Attributes:
        metric: Its name.
        a, b: The last values, those of the largest step; None where a run has none.
        same: Values that are the same to the bit, of ``compared``.
        first_divergent_step: None where nothing differs.
        first_a, first_b: The values there; None where one run has none.
        relative: Relative difference there.
        ulps: How many representable numbers lie between the two; -1: very many.
        worst: The largest relative difference, and ``worst_step``.
    """

    metric: str
    a: float | None = None
    b: float | None = None
    compared: int = 0
    same: int = 0
    first_divergent_step: int | None = None
    first_a: float | None = None
    first_b: float | None = None
    relative: float = 0.0
    ulps: int = 0
    worst: float = 0.0
    worst_step: int | None = None


def part(metric: str, a: Curve | None, b: Curve | None, *, upto: int | None = None) -> Parting:
    """Compare one metric, step by step and to the bit; NaN equals NaN.

    Args:
        metric: Its name.
        a, b: The curves; the last of several values of a step counts.
        upto: The last step that is compared.
    """
    one, other = _by_step(a, upto), _by_step(b, upto)
    found = Parting(metric=metric, a=_last(a), b=_last(b))
    if one is None or other is None:
        present = one if one is not None else other
        if present is not None:
            found.compared = len(present.steps)
            found.first_divergent_step = int(present.steps[0])
            found.first_a, found.first_b = (
                None if x is None else float(x.values[0]) for x in (one, other)
            )
        return found
    steps, at, bt = np.intersect1d(one.steps, other.steps, return_indices=True)
    va, vb = one.values[at], other.values[bt]
    equal = va.view(np.int64) == vb.view(np.int64)
    equal |= np.isnan(va) & np.isnan(vb)
    found.compared = len(np.union1d(one.steps, other.steps))
    found.same = int(equal.sum())
    alone = np.setxor1d(one.steps, other.steps)
    parted = steps[~equal]
    first = min((int(x[0]) for x in (alone, parted) if len(x)), default=None)
    found.first_divergent_step = first
    if first is None:
        return found
    _at_first(found, first, one, other)
    if len(parted):
        relative = _relative(va[~equal], vb[~equal])
        worst = int(np.nanargmax(relative)) if not np.isnan(relative).all() else 0
        found.worst, found.worst_step = float(relative[worst]), int(parted[worst])
    return found


def _at_first(found: Parting, step: int, one: Curve, other: Curve) -> None:
    found.first_a, found.first_b = _at(one, step), _at(other, step)
    if found.first_a is not None and found.first_b is not None:
        pair = np.array([found.first_a]), np.array([found.first_b])
        found.relative = float(_relative(*pair)[0])
        found.ulps = ulps(found.first_a, found.first_b)


def _at(curve: Curve, step: int) -> float | None:
    at = np.searchsorted(curve.steps, step)
    there = at < len(curve.steps) and curve.steps[at] == step
    return float(curve.values[at]) if there else None


def _by_step(curve: Curve | None, upto: int | None) -> Curve | None:
    """One value a step, in order of the steps."""
    if curve is None or not len(curve.steps):
        return None
    steps, last = np.unique(curve.steps[::-1], return_index=True)
    values = np.ascontiguousarray(curve.values[::-1][last])
    if upto is not None:
        steps, values = steps[steps <= upto], values[: int((steps <= upto).sum())]
    return Curve(steps, values) if len(steps) else None


def _last(curve: Curve | None) -> float | None:
    """The value at the largest step, the latest of several."""
    ordered = _by_step(curve, None)
    return None if ordered is None else float(ordered.values[-1])


def _relative(a: F64, b: F64) -> F64:
    with np.errstate(all="ignore"):
        scale = np.maximum(np.abs(a), np.abs(b))
        found: Any = np.abs(a - b) / np.where(scale > 0, scale, 1.0)
    # Where one is NaN or infinite and the other is not, nothing is near.
    return np.where(np.isfinite(found), found, np.inf)


def ulps(a: float, b: float) -> int:
    """Representable float64 numbers between two; -1 for more than 2**53, or NaN."""
    if not (math.isfinite(a) and math.isfinite(b)):
        return -1
    keys = [int(np.float64(x).view(np.int64)) for x in (a, b)]
    one, other = (key if key >= 0 else -(key & ((1 << 63) - 1)) for key in keys)
    return abs(one - other) if abs(one - other) < 1 << 53 else -1
