"""Series on one grid: points or buckets of several runs and metrics over a shared x axis.

Over steps, buckets are 2^k wide and anchored at 0; where a sealed block brings a pyramid that
is at least as fine, nothing is decoded. Other axes decode. Everything here works on pieces;
stores only say where these are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from notabene.errors import UsageError
from notabene.journal.block import F64, I64
from notabene.store import pyramid
from notabene.store.base import Buckets, Points, Series, Window
from notabene.store.counting import Cuts, Source, cuts_of, ids_of
from notabene.store.pieces import Column, Piece, Rows, decode, decode_column, join, rises
from notabene.store.pyramid import Cells
from notabene.store.state import Work

METRIC = "metric:"

FAR = 1 << 62
"""Ends of a range beyond this, infinity too, are taken for it: an index holds 64 bits."""
SMALL_ROWS = 256
SMALL_BYTES = 1 << 16
"""Pieces up to so many rows and bytes are decoded whole, where several of their keys are wanted."""

Place = tuple[int, int, int]
"""Number of the run, of the writer, and id of the key set."""


class SeriesSource(Source, Protocol):
    """What a store offers for series."""

    def works(self, runs: Collection[str]) -> dict[str, Work]:
        """Writers and key sets of runs.

        Raises:
            NotFoundError: One of them is not there.
        """
        ...

    def key_ids(self, names: Collection[str]) -> dict[str, int]:
        """Ids of those keys that any run has."""
        ...

    def in_range(
        self, places: Sequence[Place], low: int | None, high: int | None
    ) -> dict[Place, list[Piece]]:
        """Pieces of key sets that may hold steps in a range, in order of their first row."""
        ...

    def read_pyramid(self, run: str, piece: Piece) -> bytes | memoryview:
        """The statistics per bucket of a piece that has some."""
        ...


class _Part(NamedTuple):
    """A piece of one series, and what of it is shown."""

    piece: Piece
    column: int
    before: int | None
    """Only steps below this, where a resumed run replaced the rest."""


class _Line(NamedTuple):
    """One series of the answer, before anything is decoded."""

    work: Work
    key: str
    rank: int
    parts: list[_Part]


class _Opened:
    """A source that decodes a small piece once for all the keys that are asked for.

    Args:
        source: What there is.
        several: Whether more than one key is asked for.
    """

    def __init__(self, source: SeriesSource, *, several: bool) -> None:
        self.source = source
        self._several = several
        self._run = ""
        self._rows: dict[int, tuple[Piece, Rows]] = {}

    def column(self, run: str, part: _Part, *, times: bool) -> Column:
        """The column of a piece."""
        piece = part.piece
        if run != self._run:
            self._run = run
            self._rows.clear()
        known = self._rows.get(id(piece))
        if known is not None:
            rows = known[1]
        else:
            data = piece.data if piece.data is not None else self.source.read(run, piece)
            if not self._several or piece.rows > SMALL_ROWS or piece.size > SMALL_BYTES:
                return decode_column(piece, data, part.column, times=times)
            rows = decode(piece, data)
            self._rows[id(piece)] = piece, rows
        values = np.ascontiguousarray(rows.values[:, part.column])
        return Column(rows.steps, rows.times, values)


def answer(
    source: SeriesSource, runs: Sequence[str], keys: Sequence[str], window: Window
) -> list[Series]:
    """The series of :meth:`notabene.store.base.Store.series`."""
    lines = _lines(source, runs, keys, window)
    opened = _Opened(source, several=len(keys) > 1)
    if window.x == "step":
        return _over_steps(opened, lines, window)
    return _over_other(opened, lines, window, runs)


def _step_range(window: Window) -> tuple[int | None, int | None]:
    if window.x != "step":
        return None, None
    low = None if window.low is None else int(np.ceil(np.clip(window.low, -FAR, FAR)))
    high = None if window.high is None else int(np.floor(np.clip(window.high, -FAR, FAR)))
    return low, high


def _whole(low: int | None, high: int | None, k: int) -> tuple[int | None, int | None]:
    """The range of the whole buckets at both ends, so that none changes when the range moves."""
    begin = None if low is None else (low >> k) << k
    return begin, None if high is None else (((high >> k) + 1) << k) - 1


def _coarsest(low: int, high: int, buckets: int) -> int:
    """The least k at which a range has at most so many buckets of 2^k steps.

    A range on both sides of 0 has two at least: one of them ends there, however wide it is.
    """
    least = 2 if low < 0 <= high else 1
    k = 0
    while (high >> k) - (low >> k) + 1 > max(buckets, least):
        k += 1
    return k


# -- what there is -------------------------------------------------------------------------


def _lines(
    source: SeriesSource, runs: Sequence[str], keys: Sequence[str], window: Window
) -> list[_Line]:
    works = source.works(runs)
    ids = source.key_ids(keys)
    chosen: list[tuple[Work, str, int, list[tuple[Place, int]]]] = []
    for run in runs:
        places = _places(works[run], {ids[key]: key for key in keys if key in ids})
        for key in keys:
            if places.get(key):
                rank, mine = _of_rank(works[run], places[key], window)
                chosen.append((works[run], key, rank, mine))
    wanted = list(dict.fromkeys(place for *_, mine in chosen for place, _ in mine))
    pieces = _pieces(source, wanted, window)
    cuts = {
        run: cuts_of(work, source)
        for run, work in works.items()
        if not window.hidden and any(writer.replaces for writer in work.writers.all)
    }
    lines = []
    for work, key, rank, mine in chosen:
        parts: list[_Part] = []
        for place, column in mine:
            before = cuts.get(work.id, {}).get(place[1], {}).get(ids[key])
            found = pieces.get(place, ())
            parts += [_Part(piece, column, before) for piece in found]
        lines.append(_Line(work, key, rank, parts))
    return lines


def _pieces(
    source: SeriesSource, wanted: Sequence[Place], window: Window
) -> dict[Place, list[Piece]]:
    """What may hold points of the range, and of the buckets that reach beyond it."""
    low, high = _step_range(window)
    if not window.buckets or (low is None and high is None):
        return source.in_range(wanted, low, high)
    if low is not None and high is not None:
        k = _coarsest(low, high, window.buckets)
        return source.in_range(wanted, *_whole(low, high, k))
    # With one end open, how wide buckets can be shows when the points are known.
    found = source.in_range(wanted, low, high)
    begin, end = _span([piece for pieces in found.values() for piece in pieces])
    begin, end = begin if low is None else low, end if high is None else high
    whole = _whole(low, high, _coarsest(begin, max(begin, end), window.buckets))
    return found if whole == (low, high) else source.in_range(wanted, *whole)


def _span(pieces: Sequence[Piece]) -> tuple[int, int]:
    """The steps that pieces hold together, as far as that is known."""
    begin = min((p.low if p.low is not None else 0 for p in pieces), default=0)
    end = max((p.high if p.high is not None else 0 for p in pieces), default=0)
    return begin, end


def _places(work: Work, wanted: dict[int, str]) -> dict[str, list[tuple[Place, int]]]:
    """Where the keys of a run are found: key set and column, in order of the writers' ids."""
    out: dict[str, list[tuple[Place, int]]] = {}
    order = sorted(work.keysets, key=lambda number: work.writers.all[number].id)
    for number in order:
        for keyset in sorted(work.keysets[number]):
            if keyset not in work.writers.all[number].tops:
                continue
            ids = ids_of(work, number, keyset)
            for key, name in wanted.items():
                for column in np.flatnonzero(ids == key).tolist():
                    out.setdefault(name, []).append(((work.n, number, keyset), column))
    return out


def _of_rank(
    work: Work, places: list[tuple[Place, int]], window: Window
) -> tuple[int, list[tuple[Place, int]]]:
    if window.ranks == "all":
        return -1, places
    ranks = [work.writers.all[number].rank for (_, number, _), _ in places]
    rank = min(ranks) if window.ranks == "first" else window.ranks
    return rank, [place for place, of in zip(places, ranks, strict=True) if of == rank]


# -- over steps ----------------------------------------------------------------------------


def _over_steps(source: _Opened, lines: list[_Line], window: Window) -> list[Series]:
    low, high = _step_range(window)
    k = _width(lines, low, high, window.buckets) if window.buckets else 0
    out = []
    for line in lines:
        rows = sum(part.piece.rows for part in line.parts)
        # Ranks taken together are a statistic of each step, however few they are.
        if window.buckets == 0 or (rows <= window.buckets and window.ranks != "all"):
            points = _points(source, line, low, high)
            out.append(Series(line.work.id, line.key, line.rank, 0, points))
        else:
            buckets = _buckets(source, line, low, high, k)
            out.append(Series(line.work.id, line.key, line.rank, float(1 << k), None, buckets))
    return out


def _width(lines: list[_Line], low: int | None, high: int | None, buckets: int) -> int:
    """The k of all buckets, by the range that holds points."""
    pieces = [part.piece for line in lines for part in line.parts]
    if not pieces:
        return 0
    begin, end = _span(pieces)
    begin = begin if low is None else max(begin, low)
    end = end if high is None else min(end, high)
    return _coarsest(begin, end, buckets)


def _points(source: _Opened, line: _Line, low: int | None, high: int | None) -> Points | None:
    columns = [_column(source, line.work.id, part, low, high) for part in line.parts]
    column = _joined([c for c in columns if len(c.steps)])
    if column is None:
        return None
    return Points(column.steps, column.steps, column.times, column.values)


def _column(
    source: _Opened,
    run: str,
    part: _Part,
    low: int | None = None,
    high: int | None = None,
    *,
    times: bool = True,
) -> Column:
    piece = part.piece
    if part.before is not None:
        high = part.before - 1 if high is None else min(high, part.before - 1)
    if high is not None and piece.low is not None and piece.low > high:
        none = np.zeros(0, np.int64)
        return Column(none, none, np.zeros(0))
    column = source.column(run, part, times=times)
    below = low is not None and (piece.low is None or piece.low < low)
    above = high is not None and (piece.high is None or piece.high > high)
    if not below and not above:
        return column
    steps = column.steps
    if rises(steps):
        begin = 0 if low is None else int(np.searchsorted(steps, low))
        end = len(steps) if high is None else int(np.searchsorted(steps, high, "right"))
        return column.take(slice(begin, end))
    mask = np.ones(len(steps), bool)
    if low is not None:
        mask &= steps >= low
    if high is not None:
        mask &= steps <= high
    return column.take(mask)


def _joined(columns: list[Column]) -> Column | None:
    """Columns as one, in order of (step, time); None where there is no point."""
    if not columns:
        return None
    one = join(columns)
    return one if rises(one.steps) else one.take(np.lexsort((one.times, one.steps)))


def _buckets(
    source: _Opened, line: _Line, low: int | None, high: int | None, k: int
) -> Buckets | None:
    begin, end = _whole(low, high, k)
    parts: dict[int, list[Cells]] = {}
    for part in line.parts:
        width, cells = _stored_cells(source, line.work.id, part, k) or (k, None)
        if cells is None:
            column = _column(source, line.work.id, part, begin, end, times=False)
            joined = _joined([column]) if len(column.steps) else None
            if joined is None:
                continue
            cells = pyramid.cells_at(joined.steps, joined.values, joined.steps >> k)
        parts.setdefault(width, []).append(cells)
    merged = [pyramid.merge_cells(some, k - width) for width, some in parts.items()]
    if not merged:
        return None
    cells = pyramid.merge_cells(merged)
    if begin is not None or end is not None:
        first = 0 if begin is None else int(np.searchsorted(cells.bucket, begin >> k))
        last = None if end is None else int(np.searchsorted(cells.bucket, end >> k, "right"))
        cells = cells.take(slice(first, last))
    return _shown(cells, float(1 << k), 0.0) if len(cells.bucket) else None


def _stored_cells(source: _Opened, run: str, part: _Part, k: int) -> tuple[int, Cells] | None:
    """From the piece's pyramid, or None where it has none that would do."""
    piece = part.piece
    if not piece.pyramid_size or piece.low is None or piece.high is None:
        return None
    if part.before is not None and piece.high >= part.before:
        return None
    if pyramid.base_width(piece.low, piece.high, piece.rows) > k:
        return None
    data = piece.pyramid if piece.pyramid is not None else source.source.read_pyramid(run, piece)
    width, cells = pyramid.decode(data, part.column)
    return (width, cells) if width <= k else None


def _shown(cells: Cells, width: float, begin: float) -> Buckets:
    return Buckets(
        (begin + cells.bucket * width).astype(np.float64, copy=False),
        cells.first,
        cells.last,
        cells.count,
        cells.nan,
        cells.posinf,
        cells.neginf,
        cells.min,
        cells.max,
        cells.means(),
        cells.value,
    )


# -- over something else -------------------------------------------------------------------


def _over_other(
    source: _Opened, lines: list[_Line], window: Window, runs: Sequence[str]
) -> list[Series]:
    found: list[tuple[_Line, Points | None]] = []
    axes: dict[str, Column | None] = {}
    if window.x.startswith(METRIC):
        axes = _axes(source, runs, window)
    elif window.x not in ("time", "relative"):
        raise UsageError(
            f"{window.x!r} is no x axis: step, time, relative, or metric:<key>",
        )
    for line in lines:
        column = _joined(
            [c for p in line.parts if len((c := _column(source, line.work.id, p)).steps)]
        )
        points = None if column is None else _at(line, column, window, axes)
        found.append((line, _within(points, window)))
    if not window.buckets:
        return [Series(f.work.id, f.key, f.rank, 0, points) for f, points in found]
    return _cut_evenly(found, window)


def _axes(source: _Opened, runs: Sequence[str], window: Window) -> dict[str, Column | None]:
    key = window.x.removeprefix(METRIC)
    lines = _lines(source.source, runs, [key], Window(ranks=window.ranks))
    return {
        line.work.id: _joined(
            [c for p in line.parts if len((c := _column(source, line.work.id, p)).steps)]
        )
        for line in lines
    }


def _at(
    line: _Line, column: Column, window: Window, axes: dict[str, Column | None]
) -> Points | None:
    """The points at their places on the x axis, in order of these."""
    x: npt.NDArray[Any]
    steps, times, values = column
    if window.x == "time":
        x = times
    elif window.x == "relative":
        x = (times - started(line.work)) / 1e6
    else:
        axis = axes.get(line.work.id)
        if axis is None:
            return None
        # The axis' value at the same step, the last one where there are several.
        at = np.searchsorted(axis.steps, steps, "right") - 1
        # What is not finite is no place on an axis, and would make every bucket endless.
        there = (at >= 0) & (axis.steps[at] == steps) & np.isfinite(axis.values[at])
        steps, times, values = steps[there], times[there], values[there]
        x = axis.values[at[there]]
    if not rises(x):
        order = np.lexsort((times, x))
        x, steps, times, values = x[order], steps[order], times[order], values[order]
    return Points(x, steps, times, values)


def started(work: Work) -> int:
    """When a run's first process began, µs."""
    starts: Iterable[int] = [w.started for w in work.writers.all if w.started]
    return min(starts, default=work.writers.created)


def _within(points: Points | None, window: Window) -> Points | None:
    if points is None:
        return None
    begin = 0 if window.low is None else int(np.searchsorted(points.x, window.low))
    end = len(points.x)
    if window.high is not None:
        end = int(np.searchsorted(points.x, window.high, "right"))
    if begin >= end:
        return None
    part = slice(begin, end)
    return Points(points.x[part], points.steps[part], points.times[part], points.values[part])


def _cut_evenly(found: list[tuple[_Line, Points | None]], window: Window) -> list[Series]:
    """Buckets of equal width over the range that all series span together."""
    spans = [(float(p.x[0]), float(p.x[-1])) for _, p in found if p is not None]
    low = min((begin for begin, _ in spans), default=0.0)
    high = max((end for _, end in spans), default=0.0)
    low = low if window.low is None else window.low
    high = high if window.high is None else window.high
    width = (high - low) / window.buckets or 1.0
    out = []
    for line, points in found:
        few = points is None or (len(points.x) <= window.buckets and window.ranks != "all")
        if points is None or few:
            out.append(Series(line.work.id, line.key, line.rank, 0, points))
            continue
        bucket: I64 = np.floor((points.x - low) / width).astype(np.int64)
        bucket = np.clip(bucket, 0, window.buckets - 1)
        cells = pyramid.cells_at(points.x, points.values, bucket)
        buckets = _shown(cells, width, low)
        out.append(Series(line.work.id, line.key, line.rank, width, None, buckets))
    return out


def history(points: Points | None) -> tuple[I64, I64, F64]:
    """``(steps, times, values)`` of points; empty arrays where there are none."""
    if points is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    return points.steps, points.times, points.values


def cuts_for(work: Work, source: Source) -> dict[int, Cuts]:
    """For each replaced writer the steps from which on its keys are hidden."""
    return cuts_of(work, source)
