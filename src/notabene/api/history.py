"""What series look like in a reader's hand: arrays of one metric, and several on one grid."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from notabene.api import given
from notabene.errors import NotFoundError, UsageError
from notabene.journal.block import F64, I64
from notabene.store import pyramid
from notabene.store.base import Buckets, Points, Series, Store, Window

Rank = int | Literal["mean", "min", "max"]
"""One rank, or a statistic over all of them at each step."""

AXES = ("step", "time", "relative")


class History(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One metric of one run: points, or statistics per bucket where samples were asked for.

    All arrays have the same length n and are in order of x, then time. For points, ``values``
    are what was logged, to the bit. For buckets, ``values`` is the last value of each, ``steps``
    or ``times`` are those of the axis and empty where the axis is another.

    Attributes:
        run: Id of the run.
        key: Name of the metric.
        rank: Whose points; -1 where all ranks are taken together.
        axis: ``step``, ``time``, ``relative`` (seconds since the run's start) or a metric.
        x: Place on that axis, shape (n,).
        steps: int64, shape (n,).
        times: int64 µs since 1970 UTC, shape (n,).
        values: float64, shape (n,).
        width: Width of a bucket in x; 0 for points.
        min: Least finite value of each bucket, NaN where there is none; None for points.
        max: Largest finite value, likewise. Both may be the next float32 outward.
        mean: Mean of the finite values, likewise.
        count: Points in each bucket; None for points.
    """

    run: str
    key: str
    rank: int = 0
    axis: str = "step"
    x: npt.NDArray[Any]
    steps: I64
    times: I64
    values: F64
    width: float = 0.0
    min: F64 | None = None
    max: F64 | None = None
    mean: F64 | None = None
    count: I64 | None = None

    @property
    def last(self) -> F64:
        """The last value of each bucket; for points the values themselves."""
        return self.values

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[int | float, float]]:
        """Pairs of x and value as Python numbers."""
        return iter(zip(self.x.tolist(), self.values.tolist(), strict=True))

    def to_pandas(self) -> Any:
        """A DataFrame with ``step``, ``time`` (UTC), ``value``; for buckets also statistics.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        from notabene.api.frames import pandas, pandas_time

        columns: dict[str, Any] = {}
        if self.axis not in ("step", "time"):
            columns[self.axis] = self.x
        if len(self.steps) == len(self.values):
            columns["step"] = self.steps
        if len(self.times) == len(self.values):
            columns["time"] = pandas_time(self.times)
        columns["value"] = self.values
        for name in ("min", "max", "mean", "count"):
            if getattr(self, name) is not None:
                columns[name] = getattr(self, name)
        return pandas().DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """Lists of plain numbers."""
        arrays = ("x", "steps", "times", "values", "min", "max", "mean", "count")
        out: dict[str, Any] = {"run": self.run, "key": self.key, "rank": self.rank}
        for name in arrays:
            array = getattr(self, name)
            if array is not None:
                out[name] = array.tolist()
        return out


class Grid(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Metrics of several runs, cut into the same buckets.

    Attributes:
        runs: Ids of the runs, r of them.
        keys: Names of the metrics, k of them.
        axis: What x is.
        x: Where each bucket begins, shape (n,).
        width: Width of a bucket; 0 where each x is that of single points.
        min, max, mean: Over the finite values of each bucket, shape (r, k, n), NaN where there
            are none.
        last: Last value of each bucket, shape (r, k, n), NaN where there is no point.
        count: Points in each bucket, shape (r, k, n).
    """

    runs: tuple[str, ...]
    keys: tuple[str, ...]
    axis: str
    x: F64
    width: float
    min: F64
    max: F64
    mean: F64
    last: F64
    count: I64


def history_of(
    store: Store, run: str, keys: Sequence[str], window: Window, rank: Rank
) -> dict[str, History]:
    """Histories of one run.

    Raises:
        NotFoundError: The run has no such metric.
    """
    found = {series.key: series for series in store.series([run], list(keys), window)}
    out = {}
    for key in keys:
        series = found.get(key)
        if series is None or (series.points is None and series.buckets is None):
            raise _absent(store, run, key, window)
        out[key] = _history(series, window.x, rank)
    return out


def window_of(
    x: str, samples: int | None, start: float | None, end: float | None, rank: Rank
) -> Window:
    """The store's form of what the caller wants.

    Raises:
        UsageError: A value is not possible.
    """
    samples = 0 if samples is None else given.whole(samples, "samples", least=1)
    start = None if start in (None, -np.inf) else given.number(start, "start")
    end = None if end in (None, np.inf) else given.number(end, "end")
    if rank not in ("mean", "min", "max"):
        if isinstance(rank, str):
            allowed = "a number, 'mean', 'min' or 'max'"
            raise UsageError(f"rank={rank!r} is unknown; {allowed} are allowed")
        given.whole(rank, "rank")
    if start is not None and end is not None and start > end:
        raise UsageError(f"start={start} lies after end={end}")
    axis = x if given.text(x, "x") in AXES or x.startswith("metric:") else f"metric:{x}"
    ranks: Any = "all" if isinstance(rank, str) else rank or "first"
    return Window(x=axis, low=start, high=end, buckets=samples, ranks=ranks)


def _absent(store: Store, run: str, key: str, window: Window) -> NotFoundError:
    info = store.run(run)
    name = info.name or info.id
    if key in info.metrics:
        if isinstance(window.ranks, int):
            return NotFoundError(f"rank {window.ranks} of run {name!r} logged no {key!r}")
        axis = window.x.removeprefix("metric:")
        if window.x not in AXES and axis not in info.metrics:
            hint = nearest(axis, info.metrics)
            return NotFoundError(f"run {name!r} has no metric {axis!r} for the x axis", hint=hint)
        return NotFoundError(
            f"{key!r} of run {name!r} has no points in this range of {axis}",
            hint="leave out start= and end= to see all",
        )
    return NotFoundError(f"run {name!r} has no metric {key!r}", hint=nearest(key, info.metrics))


def nearest(word: str, words: Iterable[str], kind: str = "metrics") -> str:
    """A hint that names what may have been meant, or some of what there is."""
    known = sorted(words)
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
    near = near or [w for w in known if word.casefold() in w.casefold()][:3]
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    if not known:
        return f"it has no {kind}"
    more = f" and {len(known) - 8} more" if len(known) > 8 else ""
    return f"it has {', '.join(known[:8])}{more}"


def _history(series: Series, x: str, rank: Rank) -> History:
    axis = x.removeprefix("metric:")
    if series.buckets is not None:
        return _of_buckets(series, series.buckets, axis, rank)
    points = series.points
    assert points is not None
    if isinstance(rank, str):
        points = _over_ranks(points, rank)
    return History(
        run=series.run,
        key=series.key,
        rank=series.rank,
        axis=axis,
        x=points.x,
        steps=points.steps,
        times=points.times,
        values=points.values,
    )


def _of_buckets(series: Series, buckets: Buckets, axis: str, rank: Rank) -> History:
    none = np.zeros(0, np.int64)
    x = buckets.last
    values = buckets.value
    if isinstance(rank, str):
        values = {"mean": buckets.mean, "min": buckets.min, "max": buckets.max}[rank]
    return History(
        run=series.run,
        key=series.key,
        rank=series.rank,
        axis=axis,
        x=x,
        steps=x.astype(np.int64) if axis == "step" else none,
        times=x.astype(np.int64) if axis == "time" else none,
        values=values,
        width=series.width,
        min=buckets.min,
        max=buckets.max,
        mean=buckets.mean,
        count=buckets.count,
    )


def _over_ranks(points: Points, rank: str) -> Points:
    """One point per x: a statistic over the finite values of all ranks there."""
    number = np.cumsum(np.diff(points.x, prepend=points.x[0]) != 0)
    at = _statistics(points, number)
    values = {"mean": at.mean, "min": at.min, "max": at.max}[rank]
    ends = np.cumsum(at.points) - 1
    return Points(points.x[ends], points.steps[ends], points.times[ends], values)


# -- several on one grid -------------------------------------------------------------------


class _Statistics(NamedTuple):
    """Per bucket, in order; all of shape (b,)."""

    bucket: npt.NDArray[Any]
    """Its number, or its x where buckets have no width."""
    min: F64
    max: F64
    mean: F64
    last: F64
    points: I64


def _statistics(points: Points, number: npt.NDArray[Any]) -> _Statistics:
    cells = pyramid.cells_at(points.x, points.values, number)
    finite = cells.count - cells.nan - cells.posinf - cells.neginf
    with np.errstate(all="ignore"):
        mean = np.where(finite > 0, cells.sum / np.maximum(finite, 1), np.nan)
    return _Statistics(cells.bucket, cells.min, cells.max, mean, cells.value, cells.count)


def grid_of(store: Store, runs: Sequence[str], keys: Sequence[str], window: Window) -> Grid:
    """Metrics of several runs in the same buckets; see :class:`Grid`."""
    found = [s for s in store.series(list(runs), list(keys), window) if s.points or s.buckets]
    width = max((series.width for series in found), default=0.0)
    begin = 0.0 if window.x == "step" else _begin(found, window)
    parts = [_on_grid(series, width, begin, window.buckets) for series in found]
    numbers = np.unique(np.concatenate([part.bucket for part in parts] or [np.zeros(0)]))
    shape = (len(runs), len(keys), len(numbers))
    out = {name: np.full(shape, np.nan) for name in ("min", "max", "mean", "last")}
    count = np.zeros(shape, np.int64)
    for series, part in zip(found, parts, strict=True):
        row, column = runs.index(series.run), keys.index(series.key)
        at = np.searchsorted(numbers, part.bucket)
        for name, values in out.items():
            values[row, column, at] = getattr(part, name)
        count[row, column, at] = part.points
    return Grid(
        runs=tuple(runs),
        keys=tuple(keys),
        axis=window.x.removeprefix("metric:"),
        x=begin + numbers * width if width else numbers.astype(np.float64),
        width=width,
        count=count,
        **out,
    )


def _begin(found: Sequence[Series], window: Window) -> float:
    if window.low is not None:
        return window.low
    firsts = [float(series.points.x[0]) for series in found if series.points is not None]
    firsts += [float(series.buckets.first[0]) for series in found if series.buckets is not None]
    return min(firsts, default=0.0)


def _on_grid(series: Series, width: float, begin: float, buckets: int) -> _Statistics:
    if series.buckets is not None:
        b = series.buckets
        number = np.rint((b.start - begin) / width).astype(np.int64)
        return _Statistics(number, b.min, b.max, b.mean, b.value, b.count)
    points = series.points
    assert points is not None
    if width:
        number = np.floor((points.x - begin) / width).astype(np.int64)
        # The largest x of all lies on the edge of the last bucket.
        return _statistics(points, np.minimum(number, buckets - 1) if begin else number)
    part = _statistics(points, np.cumsum(np.diff(points.x, prepend=points.x[0]) != 0))
    return part._replace(bucket=np.unique(points.x))
