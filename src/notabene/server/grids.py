"""Series of many runs on one x grid, and the bytes in which they travel.

Buckets are 2^k wide and anchored at 0, on every axis, so that what was drawn does not change
when more comes: only the last bucket of a live run does. Where few points are asked for they
come as they are.

    answer  = u32 length of the header (little-endian) · header (JSON, padded with spaces so
              that the data begins at a multiple of 8) · data
    data    = x (float64) · for each series its statistics, n values each, one after the other
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from notabene.errors import FormatError, TransportError
from notabene.journal.block import F64, I64
from notabene.model.entities import RunInfo
from notabene.model.values import json_number
from notabene.query.ast import Field, Test
from notabene.server.smoothing import Smoothing, smooth_at
from notabene.store import pyramid
from notabene.store.base import Points, Series, Store, Window
from notabene.store.pyramid import Cells
from notabene.store.series import METRIC

MEDIA_TYPE = "application/vnd.notabene.series"
BUCKETS = 4000
AXES = ("step", "time", "relative")

Stat = Literal["min", "max", "last", "mean", "count"]


class SeriesQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which series, and how they are cut.

    Attributes:
        runs: Ids of runs.
        keys: Names of metrics; runs need not have all.
        x: ``step``, ``time`` (µs), ``relative`` (seconds since the run's start) or a metric.
        low: Least x; null for the first.
        high: Largest x; null for the last.
        buckets: Into about how many the range is cut.
        width: Width of a bucket as an earlier answer had it, for what is new of a live chart;
            null to choose it by the range.
        stats: What is told of each bucket.
        smoothing: How a further statistic ``smooth`` is made; null for none.
        ranks: ``first`` for the lowest rank that logged a metric, ``all`` for all together, or
            the number of one.
        exact: float64 instead of float32.
    """

    runs: list[str]
    keys: list[str]
    x: str = "step"
    low: float | None = None
    high: float | None = None
    buckets: Annotated[int, msgspec.Meta(ge=1, le=BUCKETS)] = 1000
    width: Annotated[float, msgspec.Meta(gt=0)] | None = None
    stats: tuple[Stat, ...] = ("min", "max", "last", "mean", "count")
    smoothing: Smoothing | None = None
    ranks: Annotated[int, msgspec.Meta(ge=0)] | Literal["first", "all"] = "first"
    exact: bool = False


class _Line(NamedTuple):
    """One series, cut; ``cells.bucket`` is the number of the bucket, or of the point's x."""

    run: str
    key: str
    rank: int
    cells: Cells
    smooth: F64 | None
    fresh: float
    """The least x from which on a later answer may differ."""


def answer(store: Store, asked: SeriesQuestion, running: set[str], until: float) -> bytes:
    """The bytes for a question.

    Args:
        store: Where the points are.
        asked: The question.
        running: Which of its runs still log.
        until: Monotonic time after which it is broken off.

    Raises:
        NotFoundError: There is no such run.
        UsageError: The axis is none.
        FormatError: All of the runs are damaged; of some, the header tells.
        TransportError: It takes too long.
    """
    runs, keys = list(dict.fromkeys(asked.runs)), list(dict.fromkeys(asked.keys))
    damaged: dict[str, str] = {}
    try:
        lines, width = _lines(store, asked, runs, keys, until)
    except FormatError:
        damaged = _damaged(store, asked, runs, keys, until)
        good = [run for run in runs if run not in damaged]
        if not good:
            raise
        lines, width = _lines(store, asked, good, keys, until)
    x, places = _grid(lines, width)
    return _pack(asked, lines, x, places, width, running, damaged)


def _lines(
    store: Store, asked: SeriesQuestion, runs: list[str], keys: list[str], until: float
) -> tuple[list[_Line], float]:
    """All series, cut, and the width of the buckets they are cut into."""
    lines: list[_Line] = []
    if asked.x == "step":
        found = _over_steps(store, asked, runs, keys)
        width = _width(found, asked)
    else:
        # The store cuts other axes by the range they span now; ours is fixed for good.
        found, width = [], _width_of_others(store, asked, runs, keys)
    by_run: dict[str, list[Series]] = {}
    for series in found:
        by_run.setdefault(series.run, []).append(series)
    # One run after the other: all raw points of a hundred runs would not fit into memory.
    for run in runs:
        if time.monotonic() > until:
            raise TransportError(
                "the question took too long", hint="ask for fewer runs or keys at once"
            )
        raw = _raw(store, asked, run, keys)
        mine = by_run.get(run, []) if asked.x == "step" else _cut_out(raw.values(), asked)
        lines += [_line(series, width, asked, raw) for series in mine if _there(series)]
    return lines, width


def _damaged(
    store: Store, asked: SeriesQuestion, runs: list[str], keys: list[str], until: float
) -> dict[str, str]:
    """Which runs cannot be read, and why: the others are shown all the same."""
    damaged = {}
    for run in runs:
        try:
            _lines(store, asked, [run], keys, until)
        except FormatError as error:
            damaged[run] = str(error)
    return damaged


def _there(series: Series) -> bool:
    return series.points is not None or series.buckets is not None


def _axis(x: str) -> str:
    return x if x in AXES or x.startswith(METRIC) else f"{METRIC}{x}"


def _window(asked: SeriesQuestion, **changes: Any) -> Window:
    window = Window(x=_axis(asked.x), low=asked.low, high=asked.high, ranks=asked.ranks)
    return msgspec.structs.replace(window, **changes)


def _over_steps(
    store: Store, asked: SeriesQuestion, runs: list[str], keys: list[str]
) -> list[Series]:
    low = asked.low
    if asked.width and low is not None:
        low = math.floor(low / asked.width) * asked.width
    return store.series(runs, keys, _window(asked, low=low, buckets=asked.buckets))


def _raw(store: Store, asked: SeriesQuestion, run: str, keys: list[str]) -> dict[str, Series]:
    """Points by key, where these are needed: up to the end of the range, since smoothing looks
    back beyond its beginning."""
    if asked.x == "step" and asked.smoothing is None:
        return {}
    found = store.series([run], keys, _window(asked, low=None))
    return {series.key: series for series in found if series.points is not None}


def _cut_out(found: Iterable[Series], asked: SeriesQuestion) -> list[Series]:
    """The part of points that lies in the range."""
    out = []
    for series in found:
        p = series.points
        assert p is not None
        begin = 0 if asked.low is None else int(np.searchsorted(p.x, asked.low))
        part = slice(begin, None)
        if begin < len(p.x):
            cut = Points(p.x[part], p.steps[part], p.times[part], p.values[part])
            out.append(msgspec.structs.replace(series, points=cut))
    return out


# -- one grid ------------------------------------------------------------------------------


def _width(found: Sequence[Series], asked: SeriesQuestion) -> float:
    """Width of the buckets over steps; 0 where the points themselves are few enough."""
    stored = max((series.width for series in found), default=0.0)
    points = [series.points for series in found if series.points is not None]
    if asked.width:
        return max(asked.width, stored, 1.0)
    if stored or not points:
        return stored if stored > 1 else 0.0  # buckets of one step are the points
    union: npt.NDArray[Any] = np.zeros(0)
    for x in _different([one.x for one in points]):
        union = np.union1d(union, x)
        if len(union) > 2 * asked.buckets:
            low = min(float(p.x[0]) for p in points)
            high = max(float(p.x[-1]) for p in points)
            return max(1.0, _power(low, high, asked.buckets))
    return 0.0


def _width_of_others(
    store: Store, asked: SeriesQuestion, runs: list[str], keys: list[str]
) -> float:
    """The same over other axes, by what the summaries of the runs say."""
    if asked.width:
        return asked.width
    wanted = Test(Field("attribute", "id"), "in", tuple(runs))
    infos = store.runs(wanted, deleted=None, archived=None).page() if runs else []
    spans = [span for info in infos if (span := _span(info, asked.x, keys)) is not None]
    points = sum(info.metrics[key].n for info in infos for key in keys if key in info.metrics)
    if points <= asked.buckets and asked.ranks != "all":
        return 0.0
    low = min((low for low, _ in spans), default=0.0) if asked.low is None else asked.low
    high = max((high for _, high in spans), default=0.0) if asked.high is None else asked.high
    return _power(low, high, asked.buckets)


def _span(info: RunInfo, x: str, keys: list[str]) -> tuple[float, float] | None:
    """From where to where a run reaches on an axis."""
    if x in AXES:
        ends = [info.metrics[key].last_time for key in keys if key in info.metrics]
        start, end = info.started or info.created, max(ends, default=info.updated)
        return (start, end) if x == "time" else (0.0, (end - start) / 1e6)
    axis = info.metrics.get(x.removeprefix(METRIC))
    return (axis.min, axis.max) if axis is not None and math.isfinite(axis.min) else None


def _power(low: float, high: float, buckets: int) -> float:
    """The least power of two at which a range has at most so many buckets, and one more."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return 1.0
    width = 2.0 ** max(-1000, math.ceil(math.log2(span / buckets)))
    while math.floor(high / width) - math.floor(low / width) > buckets:
        width *= 2
    return width


def _line(series: Series, width: float, asked: SeriesQuestion, raw: dict[str, Series]) -> _Line:
    if series.buckets is not None:
        cells = _of_buckets(series, width)
    else:
        assert series.points is not None
        cells = _cut(series.points, width)
    smooth, fresh = None, float(cells.bucket[-1]) * width if width else float(cells.last[-1])
    points = raw[series.key].points if series.key in raw else None
    if asked.smoothing is not None and points is not None:
        at = np.searchsorted(points.x, cells.last, "right") - 1
        smooth = smooth_at(points.values, np.maximum(at, 0), asked.smoothing)
        reach = max(0, len(points.x) - 1 - asked.smoothing.ahead)
        fresh = min(fresh, float(points.x[reach]))
    return _Line(series.run, series.key, series.rank, cells, smooth, fresh)


def _of_buckets(series: Series, width: float) -> Cells:
    b = series.buckets
    assert b is not None
    finite = b.count - b.nan - b.posinf - b.neginf
    sums = np.where(finite > 0, b.mean * finite, 0.0)
    number: I64 = np.rint(b.start / series.width).astype(np.int64)
    cells = Cells(
        number,
        b.first,
        b.last,
        b.count,
        b.nan,
        b.posinf,
        b.neginf,
        b.min,
        b.max,
        sums,
        b.value,
    )
    shift = round(math.log2(width / series.width)) if width > series.width else 0
    return pyramid.merge_cells([cells], shift)


def _cut(points: Points, width: float) -> Cells:
    if width:
        number: I64 = np.floor(points.x / width).astype(np.int64)
    else:
        number = np.zeros(len(points.x), np.int64)
        np.cumsum(points.x[1:] != points.x[:-1], out=number[1:])
    return pyramid.cells_at(points.x, points.values, number)


def _different(arrays: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Each of several arrays once: runs of one kind log at the same steps, mostly."""
    return list({array.tobytes(): array for array in arrays}.values())


Places = npt.NDArray[np.intp] | slice
"""Where values lie on the x of all."""


def _grid(lines: Sequence[_Line], width: float) -> tuple[F64, list[Places]]:
    """The x of all series together, and where each one's buckets lie on it."""
    if width:
        own: list[npt.NDArray[Any]] = [line.cells.bucket for line in lines]
    else:
        own = [line.cells.last for line in lines]
    numbers = np.unique(np.concatenate(_different(own))) if own else np.zeros(0)
    places: list[Places] = [
        slice(None) if len(one) == len(numbers) else np.searchsorted(numbers, one) for one in own
    ]
    x = numbers * width if width else numbers
    return x.astype(np.float64), places


# -- bytes ---------------------------------------------------------------------------------


def _pack(
    asked: SeriesQuestion,
    lines: Sequence[_Line],
    x: F64,
    places: Sequence[Places],
    width: float,
    running: set[str],
    damaged: dict[str, str],
) -> bytes:
    runs, keys = list(dict.fromkeys(asked.runs)), list(dict.fromkeys(asked.keys))
    stats: list[str] = list(dict.fromkeys(asked.stats))
    if asked.smoothing is not None:
        stats.append("smooth")
    dtype = "<f8" if asked.exact else "<f4"
    numbers = [{name: at for at, name in enumerate(names)} for names in (runs, keys)]
    columns = np.full((len(lines), len(stats), len(x)), np.nan, dtype)
    at, described = x.nbytes, []
    with np.errstate(over="ignore"):
        for line, place, own in zip(lines, places, columns, strict=True):
            described.append(_described(line, numbers[0], numbers[1], at))
            for row, stat in enumerate(stats):
                own[row, place] = _statistic(line, stat)
            at += own.nbytes
    there = {(line.run, line.key) for line in lines}
    header = {
        "version": 1,
        "axis": asked.x,
        "width": width,
        "n": len(x),
        "x": {"dtype": "f8", "at": 0},
        "runs": runs,
        "keys": keys,
        "stats": stats,
        "dtype": dtype[1:],
        "series": described,
        "missing": [
            [r, k]
            for r, run in enumerate(runs)
            for k, key in enumerate(keys)
            if (run, key) not in there and run not in damaged
        ],
        "damaged": [[numbers[0][run], sentence] for run, sentence in damaged.items()],
        "from": min((line.fresh for line in lines if line.run in running), default=None),
    }
    text = msgspec.json.encode(header)
    text += b" " * (-(len(text) + 4) % 8)
    return b"".join((len(text).to_bytes(4, "little"), text, x.astype("<f8").data, columns.data))


def _described(line: _Line, runs: dict[str, int], keys: dict[str, int], at: int) -> dict[str, Any]:
    cells = line.cells
    return {
        "run": runs[line.run],
        "key": keys[line.key],
        "rank": line.rank,
        "points": int(cells.count.sum()),
        "at": at,
        "nan": int(cells.nan.sum()),
        "posinf": int(cells.posinf.sum()),
        "neginf": int(cells.neginf.sum()),
        "first_x": json_number(float(cells.first[0])),
        "last_x": json_number(float(cells.last[-1])),
    }


def _statistic(line: _Line, stat: str) -> npt.NDArray[Any]:
    cells = line.cells
    if stat == "smooth":
        return line.smooth if line.smooth is not None else np.full(len(cells.bucket), np.nan)
    if stat == "mean":
        return cells.means()
    column: npt.NDArray[Any] = {
        "min": cells.min,
        "max": cells.max,
        "last": cells.value,
        "count": cells.count,
    }[stat]
    return column
