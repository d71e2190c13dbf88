"""The table of runs by column, and what is the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from notabene.api import Runs
from notabene.api.frames import Column
from notabene.errors import UsageError
from notabene.model.records import JSON
from notabene.query.ast import Field
from notabene.query.parser import parse_order
from notabene.query.text import write_field
from notabene.server.notebook import slot_of

MOST_FIELDS = 500

FIRST = 20
"""Runs by which is found out what may be the same in all."""

KINDS = ("param", "tag", "fact")


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
    values = column.values
    if not isinstance(values, np.ndarray):
        return list(values)
    gone: npt.NDArray[np.bool_] | None = None
    if field.kind == "metric" and field.stat in ("", "last", "first"):
        gone = absent[field.name]
    elif column.kind == "float" and field.kind != "attribute":
        # Absent numbers are NaN in a column of numbers; null here.
        gone = np.isnan(values)
    if gone is not None and gone.any():
        values = values.astype(object)
        values[gone] = None
    listed: list[JSON] = values.tolist()
    return listed


def slots_of(ids: Sequence[str], numbers: Sequence[int]) -> list[int]:
    """The looks of runs."""
    return [slot_of(run, number) for run, number in zip(ids, numbers, strict=True)]


def constants(runs: Runs) -> list[Constant]:
    """Params, tags and facts that all the runs have, with one and the same value."""
    same: dict[tuple[str, str], Any] | None = None
    for view in runs[:FIRST]:
        here = {
            (kind, key): value
            for kind, mapping in _mappings(view.info)
            for key, value in mapping.items()
        }
        if same is None:
            same = here
        else:
            same = {place: v for place, v in same.items() if _same(v, here.get(place))}
    # What differs does so among the first few already, mostly; the rest is looked at by column.
    found = sorted((same or {}).items(), key=lambda item: (KINDS.index(item[0][0]), item[0]))
    texts = [write_field(Field(kind, key)) for (kind, key), _ in found]  # type: ignore[arg-type]  # the three kinds below
    table = runs.table(texts) if texts else []
    return [
        Constant(text, value)
        for text, (_, value), column in zip(texts, found, table, strict=True)
        if _one_value(column)
    ]


def _same(one: JSON, other: JSON) -> bool:
    return other is not None and msgspec.json.encode(one) == msgspec.json.encode(other)


def _one_value(column: Column) -> bool:
    values = column.values
    if isinstance(values, np.ndarray):
        return bool((values == values[0]).all())
    return values[0] is not None and values.count(values[0]) == len(values)


def _mappings(info: Any) -> tuple[tuple[str, dict[str, Any]], ...]:
    return (("param", info.params), ("tag", info.tags), ("fact", info.facts))
