"""Histograms: counts per bin, with what is not finite counted beside them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from notabene.errors import UsageError
from notabene.model.values import Encoded, HistogramValue, json_number
from notabene.tracking.arrays import as_number, shape_of, to_numpy
from notabene.tracking.media_base import Media

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = list[float] | npt.NDArray[np.float64]

MAX_BINS = 1024
FEW = 64
"""So many values are kept one by one as well: a histogram of three numbers says little."""

_MANY = 10_000
"""Longer lists are worth loading numpy for."""


class Histogram(Media):
    """A distribution of numbers, in bins of equal width from the least to the largest.

    Args:
        values: Array, tensor or sequence of numbers, of any shape. NaN and the infinities are
            counted, and no part of the bins.
        bins: How many, 1 to 1,024.
        np_histogram: Instead of values: ``(counts, edges)`` as ``numpy.histogram`` gives them.

    Raises:
        UsageError: The values are no numbers, or counts and edges do not fit.
    """

    kind = "histogram"

    def __init__(
        self,
        values: Any = None,
        *,
        bins: int = 64,
        np_histogram: tuple[Any, Any] | None = None,
    ) -> None:
        self._values: Values = []
        self._bins = bins
        self._given: HistogramValue | None = None
        if (values is None) == (np_histogram is None):
            raise UsageError("a histogram is made from values or from np_histogram, one of them")
        if np_histogram is not None:
            self._given = _given(np_histogram)
            return
        if type(bins) is not int or not 1 <= bins <= MAX_BINS:
            raise UsageError(
                f"bins={bins!r} is not allowed; a histogram has 1 to {MAX_BINS:,} bins"
            )
        self._values = _numbers(values)

    def encode(self) -> Encoded:
        """All inline."""
        if self._given is not None:
            return self._given.encoded()
        values = self._values
        few = tuple(json_number(float(v)) for v in values) if len(values) <= FEW else ()
        if isinstance(values, list):
            found = _of_list(values, self._bins)
        else:
            found = _of_array(values, self._bins)
        return msgspec.structs.replace(found, n=len(values), values=few).encoded()


def _numbers(values: Any) -> Values:
    """Numbers in a flat list or array of float64.

    Raises:
        UsageError: They are no numbers.
    """
    if shape_of(values) is not None:
        array = to_numpy(values)
        if array is not None:
            return array.astype("<f8").reshape(-1)
    elif isinstance(values, Iterable) and not isinstance(values, str | bytes):
        numbers = [as_number(value) for value in values]
        known = [number for number in numbers if number is not None]
        if len(known) == len(numbers):
            return known if len(known) <= _MANY else _array(known)
    raise UsageError(
        f"a histogram takes an array or a sequence of numbers, not {type(values).__name__}"
    )


def _array(numbers: list[float]) -> npt.NDArray[np.float64]:
    import numpy as np

    return np.array(numbers)


def _given(np_histogram: tuple[Any, Any]) -> HistogramValue:
    try:
        counts, edges = (list(_numbers(part)) for part in np_histogram)
    except (TypeError, ValueError):
        raise UsageError("np_histogram takes (counts, edges), as numpy.histogram gives") from None
    if len(edges) != len(counts) + 1 or not 1 <= len(counts) <= MAX_BINS:
        raise UsageError(
            f"np_histogram has {len(counts):,} counts and {len(edges):,} edges; 1 to {MAX_BINS:,} "
            "counts are allowed, and one edge more"
        )
    if not _rise(edges) or not all(map(math.isfinite, (edges[0], edges[-1]))):
        raise UsageError("the edges of a histogram must be finite numbers that rise")
    if not all(0 <= count < math.inf for count in counts):
        raise UsageError("the counts of a histogram must be finite numbers from 0 on")
    whole = tuple(int(c) if c == int(c) else float(c) for c in counts)
    return HistogramValue(counts=whole, edges=tuple(map(float, edges)), n=round(sum(whole)))


def _rise(edges: Sequence[float]) -> bool:
    return all(a < b for a, b in pairwise(edges))


def _edges(low: float, high: float, bins: int) -> tuple[float, ...]:
    """Edges of bins of equal width over a range; wider, where the range is too narrow."""
    most = sys.float_info.max
    edges: tuple[float, ...] = ()
    for room in (0.0, max(0.5, abs(low) * 1e-3, abs(high) * 1e-3)):
        first, last = max(low - room, -most), min(high + room, most)
        # In halves, since the range of float64 is twice as wide as its largest number.
        half = last / 2 - first / 2
        inner = (2 * (first / 2 + half * (i / bins)) for i in range(1, bins))
        edges = (first, *inner, last)
        if _rise(edges):
            break
    return edges


def _of_list(values: list[float], bins: int) -> HistogramValue:
    """Counts without numpy: the same as :func:`_of_array` gives."""
    finite = [v for v in values if math.isfinite(v)]
    nan, count = sum(map(math.isnan, values)), len(finite)
    infinite = values.count(math.inf), values.count(-math.inf)
    if not finite:
        return _described([], (), (math.nan,) * 4, (nan, *infinite))
    low, high = min(finite), max(finite)
    edges, counts = _edges(low, high, bins), [0] * bins
    start, half = edges[0] / 2, edges[-1] / 2 - edges[0] / 2
    for value in finite:
        counts[min(int((value / 2 - start) / half * bins), bins - 1)] += 1
    # The sum of the largest numbers' shares may come out above them.
    mean = min(high, max(low, 2 * math.fsum(v / 2 / count for v in finite)))
    spread = math.hypot(*((v - mean) / math.sqrt(count) for v in finite))
    return _described(counts, edges, (low, high, mean, spread), (nan, *infinite))


def _of_array(values: npt.NDArray[np.float64], bins: int) -> HistogramValue:
    import numpy as np

    finite = values[np.isfinite(values)]
    infinite = int((values == np.inf).sum()), int((values == -np.inf).sum())
    nan, count = int(np.isnan(values).sum()), finite.size
    if not count:
        return _described([], (), (math.nan,) * 4, (nan, *infinite))
    low, high = float(finite.min()), float(finite.max())
    edges = _edges(low, high, bins)
    start, half = edges[0] / 2, edges[-1] / 2 - edges[0] / 2
    places = np.minimum(((finite / 2 - start) / half * bins).astype(np.int64), bins - 1)
    with np.errstate(over="ignore"):
        mean = min(high, max(low, float((finite / count).sum())))
        spread = float(np.linalg.norm((finite - mean) / math.sqrt(count)))
    counts = np.bincount(places, minlength=bins).tolist()
    return _described(counts, edges, (low, high, mean, spread), (nan, *infinite))


def _described(
    counts: list[int],
    edges: tuple[float, ...],
    facts: tuple[float, ...],
    others: tuple[int, int, int],
) -> HistogramValue:
    low, high, mean, std = (fact if math.isfinite(fact) else None for fact in facts)
    nan, posinf, neginf = others
    return HistogramValue(
        counts=tuple(counts),
        edges=edges,
        min=low,
        max=high,
        mean=mean,
        std=std,
        nan=nan,
        posinf=posinf,
        neginf=neginf,
    )
