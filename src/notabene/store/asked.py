"""Columns on demand: values of a key as rows that can be searched, once somebody asked for it.

A run has hundreds of params, facts and metrics, of which a handful is ever filtered or sorted
by. Only for these are there rows in ``cell`` and ``metric``. The first search by a key reads
that key from the packed body of every run that has one; after that each change of a run keeps
its rows up to date in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from notabene.journal.stats import FIELDS
from notabene.model.entities import MetricSummary
from notabene.query.values import cell_of
from notabene.store import tables as t
from notabene.store.database import ASKED_LOCK, Database
from notabene.store.info import (
    Definitions,
    facts_of,
    finite_or_none,
    flagged,
    summaries_of,
    summary_of,
)
from notabene.store.names import Names
from notabene.store.state import Cell, Cells, decode_cells
from notabene.store.summary import Matrices, Table, packed_ids, unpack
from notabene.store.tables import Kind

if TYPE_CHECKING:
    from notabene.store.engine import Outcome

CELL_COLUMNS = ("run", "kind", "key", "num", "flag", "text")
METRIC_COLUMNS = tuple(column.name for column in t.metric.columns)
Asking = frozenset[tuple[int, str]]
AT_ONCE = 2000


class Asked:
    """The keys that have rows, within one transaction.

    Args:
        database: Where.
        connection: A transaction that may write.
    """

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._db = database
        self._connection = connection

    def keys(self) -> Asking:
        """All keys with rows, as ``(kind, key)``."""
        rows = self._connection.execute(sa.select(t.asked.c.kind, t.asked.c.key))
        return frozenset((kind, key) for kind, key in rows)

    def refresh(self, outcomes: Sequence[Outcome], names: Names, fresh: set[str]) -> None:
        """Bring the rows of runs that changed up to date."""
        asking = self.keys()
        if not asking:
            return
        stats = self._stats_of([o.work.n for o in outcomes if o.table is None])
        cells: list[tuple[Any, ...]] = []
        metrics: list[tuple[Any, ...]] = []
        for outcome in outcomes:
            work = outcome.work
            table = stats.get(work.n) if outcome.table is None else outcome.table
            if work.id not in fresh:
                for rows in (t.cell, t.metric):
                    self._connection.execute(rows.delete().where(rows.c.run == work.n))
            found = rows_of(work.n, work.cells, table or Table.empty(), names, asking)
            cells += found[0]
            metrics += found[1]
        self._put(cells, metrics)

    def add(self, wanted: Collection[tuple[int, str]], names: Names) -> None:
        """Make rows for keys that have none yet, of all runs."""
        if self._db.postgres:
            # Nobody may write a run between our look at it and the note that we looked.
            self._connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (ASKED_LOCK,))
        missing = frozenset(wanted) - self.keys()
        if not missing:
            return
        columns = ("kind", "key")
        self._db.put(self._connection, t.asked, columns, sorted(missing), conflict="nothing")
        last = 0
        while rows := self._bodies(last):
            last = rows[-1][0]
            self._add_runs(rows, missing, names)

    def _bodies(self, after: int) -> list[Any]:
        query = sa.select(t.body.c.run, t.body.c.cells, t.body.c.stats)
        query = query.where(t.body.c.run > after).order_by(t.body.c.run).limit(AT_ONCE)
        return list(self._connection.execute(query).all())

    def _add_runs(self, rows: Sequence[Any], missing: Asking, names: Names) -> None:
        kinds = {kind for kind, _ in missing}
        if Kind.METRIC in kinds or Kind.SUMMARY in kinds:
            names.load(self._connection, all_ids([stats for _, _, stats in rows]))
        cells: list[tuple[Any, ...]] = []
        if Kind.SUMMARY in kinds:
            for n, packed, stats in rows:
                wanted = frozenset(item for item in missing if item[0] == Kind.SUMMARY)
                cells += rows_of(n, decode_cells(packed), unpack(stats), names, wanted)[0]
        for kind in kinds & _PARTS.keys():
            cells += _cell_rows(kind, rows, [key for of, key in missing if of == kind])
        keys = [key for kind, key in missing if kind == Kind.METRIC]
        self._put(cells, _metric_rows(rows, keys, names) if keys else [])

    def _put(self, cells: list[tuple[Any, ...]], metrics: list[tuple[Any, ...]]) -> None:
        self._db.put(self._connection, t.cell, CELL_COLUMNS, cells)
        self._db.put(self._connection, t.metric, METRIC_COLUMNS, metrics)

    def _stats_of(self, runs: list[int]) -> dict[int, Table]:
        sql = "SELECT run, stats FROM body WHERE run AMONG"
        return {n: unpack(stats) for n, stats in self._db.rows_of(self._connection, sql, runs)}


class _Params(msgspec.Struct):
    params: dict[str, Cell] = {}


class _Tags(msgspec.Struct):
    tags: dict[str, Cell] = {}


class _Facts(msgspec.Struct):
    facts: dict[str, Cell] = {}
    others: list[int] = []


class _Defs(msgspec.Struct):
    defs: dict[str, Cell] = {}


_PARTS = {Kind.PARAM: _Params, Kind.TAG: _Tags, Kind.FACT: _Facts}
_decode_defs = msgspec.msgpack.Decoder(_Defs).decode


def _cell_rows(kind: int, rows: Sequence[Any], keys: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows of ``cell`` of many runs, decoding no more of each than it takes."""
    name = Kind(kind).name.lower() + "s"
    decode = msgspec.msgpack.Decoder(_PARTS[Kind(kind)]).decode
    out = []
    for n, packed, _ in rows:
        part = decode(packed)
        cells = Cells(**{name: getattr(part, name)}, others=getattr(part, "others", []))
        for key in keys:
            cell = cell_of(_value(kind, key, cells, {}))
            if cell is not None:
                out.append((n, int(kind), key, cell.num, int(cell.flag), cell.text))
    return out


def _metric_rows(rows: Sequence[Any], keys: Sequence[str], names: Names) -> list[tuple[Any, ...]]:
    """Rows of ``metric`` of many runs; those with the same keys are unpacked together."""
    groups: dict[bytes, list[Any]] = {}
    for row in rows:
        groups.setdefault(packed_ids(row[2]), []).append(row)
    out: list[tuple[Any, ...]] = []
    for packed, members in groups.items():
        at = {names.names[i]: c for c, i in enumerate(np.frombuffer(packed, "<u4").tolist())}
        here = [key for key in keys if key in at]
        if here:
            matrices = Matrices([stats for _, _, stats in members])
            for key in here:
                out += _rows_of_key(members, matrices, at[key], key)
    return out


def _rows_of_key(
    members: Sequence[Any], matrices: Matrices, column: int, key: str
) -> Iterator[tuple[Any, ...]]:
    field = {name: matrices.field(name)[:, column] for name, _ in FIELDS}
    goals = [
        Definitions(Cells(defs=found)).of(key).get("goal") if found else None
        for found in (_decode_defs(cells).defs for _, cells, _ in members)
    ]
    low, high = _or_none(field["min"]), _or_none(field["max"])
    best = [
        {"min": least, "max": most}.get(goal or "")
        for goal, least, most in zip(goals, low, high, strict=True)
    ]
    finite = field["n"] - field["nan"] - field["posinf"] - field["neginf"]
    with np.errstate(all="ignore"):
        mean = np.where(finite > 0, field["sum"] / np.maximum(finite, 1), np.nan)
    nothing = np.isnan(field["min"])
    return zip(
        [n for n, _, _ in members],
        [key] * len(members),
        _or_none(field["last"]),
        _flags(field["last"]),
        low,
        high,
        _or_none(mean),
        _or_none(field["first"]),
        _flags(field["first"]),
        best,
        *(field[name].tolist() for name in ("n", "nan", "posinf", "neginf", "last_step")),
        *(_or_none(field[name], nothing) for name in ("min_step", "max_step")),
        strict=True,
    )


def _or_none(values: npt.NDArray[Any], nothing: npt.NDArray[np.bool_] | None = None) -> list[Any]:
    """Values as a list, None where there is none (by default: where they are NaN)."""
    nothing = np.isnan(values) if nothing is None else nothing
    if not nothing.any():
        return list(values.tolist())
    out = values.astype(object)
    out[nothing] = None
    return list(out.tolist())


def _flags(values: npt.NDArray[np.float64]) -> list[int]:
    flags = np.isnan(values) * int(t.Flag.NAN)
    flags += (values == np.inf) * int(t.Flag.POSINF) + (values == -np.inf) * int(t.Flag.NEGINF)
    return list(flags.tolist())


def all_ids(stats: Iterable[bytes]) -> list[int]:
    """Ids of the keys of packed statistics."""
    kinds = {packed_ids(data) for data in stats}
    return sorted({int(number) for ids in kinds for number in np.frombuffer(ids, "<u4")})


def rows_of(
    n: int, cells: Cells, table: Table, names: Names, asking: Asking
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Rows of ``cell`` and ``metric`` of one run, for the keys that are asked for."""
    found: list[tuple[Any, ...]] = []
    metrics: list[tuple[Any, ...]] = []
    summaries = _summaries(cells, table, names, asking)
    for kind, key in asking:
        if kind == Kind.METRIC:
            if key in summaries:
                metrics.append(_metric_row(n, summaries[key]))
        elif (cell := cell_of(_value(kind, key, cells, summaries))) is not None:
            found.append((n, int(kind), key, cell.num, int(cell.flag), cell.text))
    return found, metrics


def _summaries(
    cells: Cells, table: Table, names: Names, asking: Asking
) -> dict[str, MetricSummary]:
    wanted = [
        names.ids[key]
        for kind, key in asking
        if kind in (Kind.METRIC, Kind.SUMMARY) and key in names.ids
    ]
    part = table.take(np.isin(table.ids, wanted)) if wanted else Table.empty()
    if not len(part.ids):
        return {}
    part_names = [names.names[number] for number in part.ids.tolist()]
    return summaries_of(part, part_names, Definitions(cells))


def _value(kind: int, key: str, cells: Cells, summaries: dict[str, MetricSummary]) -> Any:
    if kind == Kind.FACT:
        return facts_of(cells).get(key)
    if kind == Kind.SUMMARY and key not in cells.summary:
        return summary_of(cells, summaries).get(key)
    of = {Kind.PARAM: cells.params, Kind.TAG: cells.tags, Kind.SUMMARY: cells.summary}
    cell = of[Kind(kind)].get(key)
    if cell is not None and not cell.gone:
        return cell.value
    return summary_of(cells, summaries).get(key) if kind == Kind.SUMMARY else None


def _metric_row(n: int, metric: MetricSummary) -> tuple[Any, ...]:
    last, last_flag = flagged(metric.last)
    first, first_flag = flagged(metric.first)
    return (
        n,
        metric.key,
        last,
        last_flag,
        finite_or_none(metric.min),
        finite_or_none(metric.max),
        finite_or_none(metric.mean),
        first,
        first_flag,
        finite_or_none(metric.best),
        metric.n,
        metric.nan,
        metric.posinf,
        metric.neginf,
        metric.last_step,
        None if np.isnan(metric.min) else metric.min_step,
        None if np.isnan(metric.max) else metric.max_step,
    )
