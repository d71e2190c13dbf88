"""The table of runs by column, and what is the same in all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from notabene.api import Runs
from notabene.api.frames import Column
from notabene.errors import UsageError
from notabene.model.records import JSON
from notabene.query.ast import Field
from notabene.query.parser import parse_order
from notabene.query.text import write_field
from notabene.server.notebook import slot_of

MOST_FIELDS = 500


class TableColumn(msgspec.Struct, frozen=True):
    """A column of the table.

    Attributes:
        field: As it was asked for.
        kind: ``attribute``, ``param``, ``metric``, ``tag``, ``summary`` or ``fact``.
        type: ``float``, ``int``, ``bool``, ``text`` or ``time`` (µs since 1970 UTC).
        values: One per run; null where the run has no such field.
    """

    field: str
    kind: str
    type: str
    values: list[JSON]


class Constant(msgspec.Struct, frozen=True):
    """A field that has one value in all the runs that the search finds."""

    field: str
    value: JSON


class RunTable(msgspec.Struct, frozen=True, kw_only=True):
    """Runs by column.

    Attributes:
        total: How many runs the search finds.
        total_all: How many runs the project has, those put aside left out.
        offset: How many lie before the first one here.
        ids: Ids of the runs, in order.
        slots: The look of each: colour is slot mod 8, dash is slot div 8.
        statuses: ``running``, ``finished`` ...
        columns: The fields that were asked for.
        constant: Where it was asked for: params, tags and facts with one value in all matches.
    """

    total: int
    total_all: int
    offset: int
    ids: list[str]
    slots: list[int]
    statuses: list[str]
    columns: list[TableColumn]
    constant: list[Constant]


def read_fields(texts: Sequence[str]) -> list[tuple[str, Field]]:
    """Fields from ``a,b`` and from repeated parameters; each with the text it was asked by.

    Raises:
        QueryError: One is no field.
        UsageError: There are too many.
    """
    fields: dict[str, Field] = {}
    for text in texts:
        for order in parse_order(text) if text.strip() else ():
            fields.setdefault(write_field(order.field), order.field)
    if len(fields) > MOST_FIELDS:
        raise UsageError(f"{len(fields):,} fields were asked for; {MOST_FIELDS} are allowed")
    return list(fields.items())


def columns_of(runs: Runs, fields: Sequence[tuple[str, Field]]) -> list[TableColumn]:
    """The columns; what is absent is null, and a NaN that was logged is not."""
    counted = {f.name for _, f in fields if f.kind == "metric"}
    counts = [Field("metric", name, "n") for name in sorted(counted)]
    texts = [text for text, _ in fields] + [write_field(field) for field in counts]
    table = runs.table(texts) if texts else []
    absent = {
        field.name: np.isnan(np.asarray(column.values, np.float64))
        for field, column in zip(counts, table[len(fields) :], strict=True)
    }
    return [
        TableColumn(text, field.kind, column.kind, _values(field, column, absent))
        for (text, field), column in zip(fields, table, strict=False)
    ]


def _values(field: Field, column: Column, absent: dict[str, Any]) -> list[JSON]:
    values: list[JSON] = (
        column.values.tolist() if isinstance(column.values, np.ndarray) else list(column.values)
    )
    if field.kind == "metric":
        missing = absent[field.name]
        if field.stat in ("", "last", "first"):
            return [None if gone else v for v, gone in zip(values, missing, strict=True)]
        return [None if math.isnan(v) else v for v in values]
    if column.kind == "float" and field.kind != "attribute":
        # Absent numbers of params and the like are NaN in a column of numbers; null here.
        return [None if isinstance(v, float) and math.isnan(v) else v for v in values]
    return values


def slots_of(ids: Sequence[str], numbers: Sequence[int]) -> list[int]:
    """The looks of runs."""
    return [slot_of(run, number) for run, number in zip(ids, numbers, strict=True)]


def constants(runs: Runs) -> list[Constant]:
    """Params, tags and facts that all the runs have, with one and the same value."""
    same: dict[tuple[str, str], Any] | None = None
    for view in runs:
        here = {
            (kind, key): msgspec.json.encode(value)
            for kind, mapping in _mappings(view.info)
            for key, value in mapping.items()
        }
        if same is None:
            same = here
        else:
            same = {place: value for place, value in same.items() if here.get(place) == value}
        if not same:
            return []
    found = sorted((same or {}).items())
    order = {"param": 0, "tag": 1, "fact": 2}
    found.sort(key=lambda item: order[item[0][0]])
    return [
        Constant(write_field(Field(kind, key)), msgspec.json.decode(value))  # type: ignore[arg-type]  # the three kinds below
        for (kind, key), value in found
    ]


def _mappings(info: Any) -> tuple[tuple[str, dict[str, Any]], ...]:
    return (("param", info.params), ("tag", info.tags), ("fact", info.facts))
