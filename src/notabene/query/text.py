"""Tree to text: a query that :func:`notabene.query.parser.parse` reads as the same tree."""

from __future__ import annotations

import re
from collections.abc import Iterable

from notabene.query import fields
from notabene.query.ast import And, Expr, Field, Moment, Not, Or, Order, Test, Value

_SIMPLE = re.compile(r"[\w/:@+\-]+(?:\.[\w/:@+\-]+)*\Z")
_FACTS = {p.name for p in fields.PREFIXES if p.kind == "fact"} - {fields.FULL_NAME}
_ALWAYS, _NEVER = "id is not null", "id is null"


def write(expr: Expr) -> str:
    """The tree as a query; empty for the one that all runs match."""
    return "" if expr == And() else _write(expr)


def write_order(order: Iterable[Order]) -> str:
    """The keys to sort by, as :func:`notabene.query.parser.parse_order` reads them."""
    return ", ".join(f"{'-' if key.descending else ''}{write_field(key.field)}" for key in order)


def write_field(field: Field) -> str:
    """A field as it stands in a query: ``metrics."val/acc.max".min``."""
    if field.kind == "attribute":
        return field.name
    prefix, name = fields.BY_KIND[field.kind].name, field.name
    if field.kind == "fact":
        prefix, _, name = field.name.partition(".")
        if prefix not in _FACTS or not name:
            prefix, name = fields.FULL_NAME, field.name
    last = name.rpartition(".")[2]
    if not _SIMPLE.match(name) or (field.kind == "metric" and last in fields.STATISTICS):
        name = '"' + name.replace('"', '""') + '"'
    return f"{prefix}.{name}" + (f".{field.stat}" if field.stat not in {"", "last"} else "")


def write_value(value: Value) -> str:
    """A value as it stands in a query: ``0.1``, ``true``, ``'it''s'``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    text = value.text if isinstance(value, Moment) else value
    return "'" + text.replace("'", "''") + "'"


def _write(expr: Expr) -> str:
    if isinstance(expr, Test):
        return _test(expr)
    if isinstance(expr, Not):
        inner = _write(expr.item)
        return f"not {inner}" if isinstance(expr.item, Test) else f"not ({inner})"
    if not expr.items:
        return _ALWAYS if isinstance(expr, And) else _NEVER
    word = " and " if isinstance(expr, And) else " or "
    return word.join(
        f"({_write(item)})" if isinstance(item, And | Or) else _write(item) for item in expr.items
    )


def _test(test: Test) -> str:
    name = write_field(test.field)
    if test.op == "null":
        return f"{name} is {'not ' if test.negated else ''}null"
    if test.op == "in" and len(test.values) != 1:
        if not test.values:
            return f"{name} is not null" if test.negated else _NEVER
        listed = ", ".join(write_value(value) for value in test.values)
        return f"{name} {'not ' if test.negated else ''}in ({listed})"
    value = write_value(test.values[0])
    if test.op == "in":
        return f"{name} {'!=' if test.negated else '='} {value}"
    return f"{name} {'not ' if test.negated else ''}{test.op} {value}"
