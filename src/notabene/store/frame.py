"""Tables of runs by column: from packed rows straight to arrays, no object per run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from notabene.model.entities import RunInfo
from notabene.query import fields as known
from notabene.query.ast import Field, FieldKind
from notabene.query.fields import LOST_AFTER
from notabene.query.predicate import STATISTICS
from notabene.store.base import Columns
from notabene.store.info import Definitions, facts_of, summaries_of, summary_of
from notabene.store.state import Cell, Cells
from notabene.store.summary import Matrices, packed_ids, unpack

ATTRIBUTES = ("id", "project", "name", "status", "created", "duration")
"""Columns of every table that names none."""

KINDS: tuple[FieldKind, ...] = ("param", "tag", "metric")
"""Of these it has all that there is."""

_CELLS: tuple[FieldKind, ...] = ("param", "tag", "fact", "summary")
"""Kinds that lie in the cells of a run."""

_PLAIN_CELLS: dict[FieldKind, str] = {"param": "params", "tag": "tags", "summary": "summary"}
"""Those that are there as they were set."""

_COLUMN_OF = {"group": "grp"}
_TYPES: dict[str, Any] = {"time": np.int64, "duration": np.float64, "bool": np.bool_}
_INTEGERS = {"points", "ranks", "number"}
_PLAIN = {
    "last": ("last",),
    "first": ("first",),
    "min": ("min",),
    "max": ("max",),
    "n": ("n",),
    "nan": ("nan",),
    "inf": ("posinf", "neginf"),
    "last_step": ("last_step",),
    "min_step": ("min_step",),
    "max_step": ("max_step",),
}
"""Statistics that are a field, or a sum of fields, of the packed rows."""
TOGETHER = 512
"""Runs whose statistics are unpacked together."""

_FINITE = {"min_step": "min", "max_step": "max"}

Array = npt.NDArray[Any]


class Sheet(msgspec.Struct):
    """Runs in packed form, in order; what is not needed may be empty.

    Attributes:
        count: How many runs.
        attributes: Columns of the table ``run``.
        cells: Packed cells of each run.
        stats: Packed statistics of each run.
        ids: Ids of keys by name.
        names: Names of keys by id.
    """

    count: int
    attributes: dict[str, list[Any]]
    cells: list[bytes]
    stats: list[bytes]
    ids: dict[str, int]
    names: dict[int, str]


class Needs(msgspec.Struct, frozen=True):
    """Which columns of the database a table needs.

    Attributes:
        attributes: Columns of the table ``run``.
        cells: The cells of each run.
        stats: The statistics of each run.
    """

    attributes: tuple[str, ...]
    cells: bool
    stats: bool


def needs(fields: Sequence[Field] | None) -> Needs:
    """What has to be read for these columns."""
    if fields is None:
        fields = [Field("attribute", name) for name in ATTRIBUTES]
        cells = stats = True
    else:
        cells = any(f.kind in _CELLS or f.stat == "best" for f in fields)
        stats = any(f.kind in ("metric", "summary") for f in fields)
    names = {_COLUMN_OF.get(f.name, f.name) for f in fields if f.kind == "attribute"}
    if "status" in names:
        names.add("alive")
    return Needs(tuple(sorted(names)), cells, stats)


class _Facts(msgspec.Struct):
    facts: dict[str, Cell] = {}
    others: list[int] = []


_decode_facts = msgspec.msgpack.Decoder(_Facts).decode
_decode_cells = msgspec.msgpack.Decoder(Cells).decode


def build(
    sheet: Sheet,
    fields: Sequence[Field] | None,
    now: int,
    kinds: Sequence[FieldKind] = KINDS,
    stats: Sequence[str] = ("last",),
) -> Columns:
    """The columns that are asked for; see :meth:`notabene.store.base.RunSet.columns`."""
    out: Columns = {}
    if fields is None:
        for name in ATTRIBUTES:
            out[Field("attribute", name)] = attribute(sheet.attributes, name, now)
        plain = _plain_cells(sheet, kinds)
        for kind in kinds:
            if kind == "metric":
                out.update(_metrics(sheet, None, stats))
            else:
                out.update(plain[kind] if kind in plain else _by_key(kind, _READERS[kind](sheet)))
        return out
    wanted = list(fields)
    found: Columns = {}
    for of in _CELLS:
        keys = [field for field in wanted if field.kind == of]
        if keys and of in _PICKED:
            found.update(_picked(of, sheet, keys))
        elif keys:
            found.update(_by_key(of, _READERS[of](sheet), keys))
    found.update(_metrics(sheet, [field for field in wanted if field.kind == "metric"]))
    for field in wanted:
        if field.kind == "attribute":
            found[field] = attribute(sheet.attributes, field.name, now)
        out[field] = found.get(field, _nothing(sheet.count))
    return out


def _plain_cells(sheet: Sheet, kinds: Sequence[FieldKind]) -> dict[FieldKind, Columns]:
    """All params, tags and summary values, from one look at the cells of each run."""
    wanted = {kind: _PLAIN_CELLS[kind] for kind in kinds if kind in _PLAIN_CELLS}
    if not wanted:
        return {}
    found: dict[FieldKind, dict[str, list[Any]]] = {kind: {} for kind in wanted}
    decode = _part_decoder(tuple(wanted.values()))
    places = [(name, found[kind]) for kind, name in wanted.items()]
    for at, data in enumerate(sheet.cells):
        part = decode(data)
        for name, columns in places:
            for key, cell in getattr(part, name).items():
                if cell.gone:
                    continue
                if key not in columns:
                    columns[key] = [None] * sheet.count
                columns[key][at] = cell.value
    if "summary" in found:
        for key in _metric_names(sheet) & found["summary"].keys():
            del found["summary"][key]
    return {
        kind: {Field(kind, key): objects(columns[key]) for key in sorted(columns)}
        for kind, columns in found.items()
    }


@lru_cache(16)
def _part_decoder(names: tuple[str, ...]) -> Callable[[bytes], Any]:
    """Decodes some of the mappings of :class:`Cells`, and steps over the others."""
    fields = [
        (name, dict[str, Cell], msgspec.field(default_factory=dict[str, Cell])) for name in names
    ]
    return msgspec.msgpack.Decoder(msgspec.defstruct("Part", fields, gc=False)).decode


def _metric_names(sheet: Sheet) -> set[str]:
    ids = {number for packed in set(map(packed_ids, sheet.stats)) for number in _numbers(packed)}
    return {sheet.names[number] for number in ids}


def _numbers(packed: bytes) -> list[int]:
    numbers: list[int] = np.frombuffer(packed, "<u4").tolist()
    return numbers


def _nothing(count: int) -> Array:
    return np.full(count, None, object)


def objects(values: Sequence[Any]) -> Array:
    """An array of objects, whatever they are (also lists)."""
    out = np.empty(len(values), object)
    out[:] = values
    return out


def attribute(columns: dict[str, list[Any]], name: str, now: int) -> Array:
    """A column of the table ``run``, as users know it."""
    values = columns[_COLUMN_OF.get(name, name)]
    if name == "status":
        alive = columns["alive"]
        values = [
            "lost" if status == "running" and beat < now - LOST_AFTER else status
            for status, beat in zip(values, alive, strict=True)
        ]
    return _typed(name, values)


def _typed(name: str, values: Sequence[Any]) -> Array:
    kind = known.BY_NAME[name].type
    dtype = np.int64 if name in _INTEGERS else _TYPES.get(kind)
    return objects(values) if dtype is None else np.array(values, dtype)


# -- cells ---------------------------------------------------------------------------------


def _facts(sheet: Sheet) -> list[dict[str, Any]]:
    parts = [_decode_facts(data) for data in sheet.cells]
    return [facts_of(Cells(facts=part.facts, others=part.others)) for part in parts]


def _summaries(sheet: Sheet) -> list[dict[str, Any]]:
    out = []
    for packed, stats in zip(sheet.cells, sheet.stats, strict=True):
        cells, table = _decode_cells(packed), unpack(stats)
        names = [sheet.names[number] for number in table.ids.tolist()]
        out.append(summary_of(cells, summaries_of(table, names, Definitions(cells))))
    return out


_READERS: dict[str, Callable[[Sheet], list[dict[str, Any]]]] = {
    "fact": _facts,
    "summary": _summaries,
}


def _by_key(
    kind: FieldKind, rows: list[dict[str, Any]], fields: list[Field] | None = None
) -> Columns:
    if fields is None:
        fields = [Field(kind, key) for key in sorted({key for row in rows for key in row})]
    return {field: objects([row.get(field.name) for row in rows]) for field in fields}


_PICKED = {"param": "params", "tag": "tags"}


def _picked(kind: str, sheet: Sheet, fields: list[Field]) -> Columns:
    """Values of some keys, decoding only their cells."""
    name = _PICKED[kind]
    decode = _decoder(name, tuple(field.name for field in fields))
    columns: list[list[Any]] = [[] for _ in fields]
    for data in sheet.cells:
        cells = getattr(decode(data), name)
        for column, cell in zip(columns, msgspec.structs.astuple(cells), strict=True):
            column.append(None if cell is None or cell.gone else cell.value)
    return {field: objects(column) for field, column in zip(fields, columns, strict=True)}


@lru_cache(64)
def _decoder(name: str, keys: tuple[str, ...]) -> Callable[[bytes], Any]:
    own = {f"key{at}": key for at, key in enumerate(keys)}
    some = msgspec.defstruct("Some", [(key, Cell | None, None) for key in own], rename=own)
    whole = msgspec.defstruct("Whole", [(name, some, msgspec.field(default_factory=some))])
    return msgspec.msgpack.Decoder(whole).decode


# -- metrics -------------------------------------------------------------------------------


def _metrics(sheet: Sheet, fields: list[Field] | None, stats: Sequence[str] = ("last",)) -> Columns:
    """Statistics of metrics: runs with the same keys are unpacked together.

    Without fields it is these statistics of all metrics.
    """
    if fields is not None and not fields:
        return {}
    groups: dict[bytes, list[int]] = {}
    for place, data in enumerate(sheet.stats):
        groups.setdefault(packed_ids(data), []).append(place)
    out: dict[Field, Array] = {}
    count = sheet.count
    for packed, places in groups.items():
        at = {sheet.names[number]: index for index, number in enumerate(_numbers(packed))}
        chosen = fields
        if chosen is None:
            chosen = [Field("metric", key, stat) for key in at for stat in stats]
        here = [field for field in chosen if field.name in at]
        if here:
            _fill(sheet, out, here, [at[field.name] for field in here], places)
    if fields is None:
        order = {stat: place for place, stat in enumerate(stats)}
        return {f: out[f] for f in sorted(out, key=lambda f: (f.name, order[f.stat]))}
    return {field: out.get(field, np.full(count, np.nan)) for field in fields}


def _fill(
    sheet: Sheet,
    out: dict[Field, Array],
    fields: list[Field],
    columns: list[int],
    places: list[int],
) -> None:
    for field in fields:
        if field not in out:
            out[field] = np.full(len(sheet.stats), np.nan)
    # A few at a time, so that what they unpack to stays near.
    for begin in range(0, len(places), TOGETHER):
        some = places[begin : begin + TOGETHER]
        matrices, at = Matrices([sheet.stats[place] for place in some]), np.array(some)
        for field, column in zip(fields, columns, strict=True):
            out[field][at] = _statistic(sheet, matrices, field, column, some)


def _statistic(
    sheet: Sheet, matrices: Matrices, field: Field, column: int, places: list[int]
) -> Array:
    stat = field.stat or "last"
    if stat == "best":
        return _best(sheet, matrices, field.name, column, places)
    if stat == "mean":
        return _mean(matrices, column)
    first, *more = _PLAIN[stat]
    values = matrices.field(first)[:, column].astype(np.float64)
    for name in more:
        values += matrices.field(name)[:, column]
    if stat in _FINITE:
        values[np.isnan(matrices.field(_FINITE[stat])[:, column])] = np.nan
    return values


def _mean(matrices: Matrices, column: int) -> Array:
    odd = sum(matrices.field(name)[:, column] for name in ("nan", "posinf", "neginf"))
    finite = matrices.field("n")[:, column] - odd
    with np.errstate(all="ignore"):
        mean = matrices.field("sum")[:, column] / np.maximum(finite, 1)
    return np.where(finite > 0, mean, np.nan)


def _best(sheet: Sheet, matrices: Matrices, key: str, column: int, places: list[int]) -> Array:
    chosen = {name: matrices.field(name)[:, column] for name in ("min", "max")}
    nothing = np.full(len(places), np.nan)
    goals = [Definitions(_decode_cells(sheet.cells[p])).of(key).get("goal", "") for p in places]
    return np.array([chosen.get(goal, nothing)[i] for i, goal in enumerate(goals)])


# -- runs at hand --------------------------------------------------------------------------

_MAPPINGS: dict[str, str] = {
    "param": "params",
    "tag": "tags",
    "fact": "facts",
    "summary": "summary",
    "metric": "metrics",
}


def of_runs(
    runs: Sequence[RunInfo],
    fields: Sequence[Field] | None,
    kinds: Sequence[FieldKind] = KINDS,
    stats: Sequence[str] = ("last",),
) -> Columns:
    """The same table from entities."""
    if fields is None:
        fields = [Field("attribute", name) for name in ATTRIBUTES]
        for kind in kinds:
            each = stats if kind == "metric" else ("",)
            fields += [Field(kind, key, stat) for key in _keys(runs, kind) for stat in each]
    return {field: _of_runs(runs, field) for field in fields}


def _keys(runs: Sequence[RunInfo], kind: FieldKind) -> list[str]:
    keys = {key for run in runs for key in getattr(run, _MAPPINGS[kind])}
    if kind == "summary":
        keys -= {key for run in runs for key in run.metrics}
    return sorted(keys)


def _of_runs(runs: Sequence[RunInfo], field: Field) -> Array:
    name = field.name
    if field.kind == "attribute":
        return _typed(name, [_plain_attribute(run, name) for run in runs])
    if field.kind == "metric":
        choose = STATISTICS[field.stat or "last"]
        found = [choose(run.metrics[name]) if name in run.metrics else None for run in runs]
        return np.array([np.nan if value is None else value for value in found], np.float64)
    if field.kind not in _MAPPINGS:
        return _nothing(len(runs))
    return objects([getattr(run, _MAPPINGS[field.kind]).get(name) for run in runs])


def _plain_attribute(run: RunInfo, name: str) -> Any:
    if name in ("conclusion", "verdict"):
        part = "text" if name == "conclusion" else "verdict"
        return getattr(run.conclusion, part, "")
    return getattr(run, name)
