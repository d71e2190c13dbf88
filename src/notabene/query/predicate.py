"""Tree to Python function: what a query means, and the measure that the SQL is held against."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, Final

from notabene.model.entities import MetricSummary, RunInfo
from notabene.query import fields, patterns, times
from notabene.query.ast import NEWEST_FIRST, And, Expr, Field, Moment, Not, Order, Test, Value
from notabene.query.values import PYTHON_BOOLS, Cell, Flag, cell_of, number_cell, text_cell

Predicate = Callable[[RunInfo], bool]
Reader = Callable[[RunInfo], Cell | None]
Fits = Callable[[Cell], bool]

NUMBERS: Final = 0
TEXTS: Final = 1
NANS: Final = 2
ABSENT: Final = 3
"""The order in which values come, ascending and descending alike."""


def compile(expr: Expr, now: int, *, zone: tzinfo | None = None) -> Predicate:
    """A function that tells whether a run matches.

    Args:
        expr: What :func:`notabene.query.parser.parse` made.
        now: The present, µs since 1970 UTC: what ``today`` and ``7d ago`` count from.
        zone: Where days begin; None for the zone of this machine.
    """
    if isinstance(expr, Test):
        return _test(expr, now, zone)
    if isinstance(expr, Not):
        inner = compile(expr.item, now, zone=zone)
        return lambda run: not inner(run)
    parts = [compile(item, now, zone=zone) for item in expr.items]
    if isinstance(expr, And):
        return lambda run: all(part(run) for part in parts)
    return lambda run: any(part(run) for part in parts)


def sort_key(order: Sequence[Order] = ()) -> Callable[[RunInfo], tuple[object, ...]]:
    """A key for ``sorted`` and ``heapq.merge``: the given fields, then newest first, then id."""
    keys = [*order]
    if all(key.field != NEWEST_FIRST.field for key in keys):
        keys.append(NEWEST_FIRST)
    parts = [_sort_part(key) for key in keys]
    return lambda run: (*(item for part in parts for item in part(run)), run.id)


# -- reading a run ---------------------------------------------------------------------------------


def reader(field: Field) -> Reader:
    """A function that reads one value of a run in the form that values are compared in."""
    name = field.name
    if field.kind == "metric":
        return _metric(name, field.stat)
    if field.kind == "param":
        return lambda run: cell_of(run.params.get(name))
    if field.kind == "tag":
        return lambda run: cell_of(run.tags.get(name))
    if field.kind == "summary":
        return lambda run: cell_of(run.summary.get(name))
    if field.kind == "fact":
        return lambda run: cell_of(run.facts.get(name))
    return _attribute(name)


def _metric(key: str, stat: str) -> Reader:
    choose = STATISTICS[stat]

    def read(run: RunInfo) -> Cell | None:
        metric = run.metrics.get(key)
        value = None if metric is None else choose(metric)
        return None if value is None else number_cell(float(value))

    return read


def _finite(metric: MetricSummary, value: float) -> float | None:
    """What is said of the finite values; None where there is none."""
    return value if math.isfinite(metric.min) and math.isfinite(value) else None


STATISTICS: dict[str, Callable[[MetricSummary], float | None]] = {
    "last": lambda m: m.last,
    "first": lambda m: m.first,
    "min": lambda m: _finite(m, m.min),
    "max": lambda m: _finite(m, m.max),
    "mean": lambda m: _finite(m, m.mean),
    "best": lambda m: _finite(m, m.best),
    "n": lambda m: m.n,
    "nan": lambda m: m.nan,
    "inf": lambda m: m.posinf + m.neginf,
    "last_step": lambda m: m.last_step,
    "min_step": lambda m: _finite(m, m.min_step),
    "max_step": lambda m: _finite(m, m.max_step),
}
"""How each statistic is read."""


def _attribute(name: str) -> Reader:
    kind = fields.BY_NAME[name].type
    if name in {"conclusion", "verdict"}:
        part = "text" if name == "conclusion" else "verdict"
        return lambda run: _text(getattr(run.conclusion, part, ""))
    if kind in {"text", "choice"}:
        return lambda run: _text(getattr(run, name))
    if kind == "time":
        return lambda run: _time(getattr(run, name))
    return lambda run: cell_of(getattr(run, name))


def _text(text: str) -> Cell | None:
    return text_cell(text) if text else None


def _time(stamp: int) -> Cell | None:
    # Exact: a float of 53 bits would do for µs, but need not be relied on.
    return Cell(stamp, Flag.NUMBER, "") if stamp else None


# -- comparing -------------------------------------------------------------------------------------


def _test(test: Test, now: int, zone: tzinfo | None) -> Predicate:
    negated = test.negated
    if test.field.kind in {"input", "output"}:
        return _edges(test, now, zone)
    read = reader(test.field)
    if test.op == "null":
        return lambda run: (read(run) is None) != negated
    fitting = fits(test, now, zone)

    def matches(run: RunInfo) -> bool:
        cell = read(run)
        return cell is not None and fitting(cell) != negated

    return matches


def _edges(test: Test, now: int, zone: tzinfo | None) -> Predicate:
    """Of several artifacts one must fit; ``is null`` asks whether there is none."""
    direction, name, negated = test.field.kind, test.field.name, test.negated
    fitting = (lambda _: True) if test.op == "null" else fits(test, now, zone)
    wanted = test.op == "null" or not negated

    def matches(run: RunInfo) -> bool:
        cells = (_text(getattr(e, name)) for e in run.artifacts if e.direction == direction)
        return any(cell is not None and fitting(cell) == wanted for cell in cells)

    if test.op == "null" and not negated:
        return lambda run: not matches(run)
    return matches


def fits(test: Test, now: int, zone: tzinfo | None) -> Fits:
    """A function that tells whether a value fits, before any negation."""
    if test.op in {"like", "ilike"}:
        pattern = patterns.pieces(str(test.values[0]), fold=test.op == "ilike")
        matches = patterns.matcher(pattern)
        return lambda cell: matches(cell.text)
    options = [_compare(test, value, now, zone) for value in test.values]
    return options[0] if len(options) == 1 else lambda cell: any(option(cell) for option in options)


def _compare(test: Test, value: Value, now: int, zone: tzinfo | None) -> Fits:
    if fields.type_of(test.field) == "time" and isinstance(value, Moment | float):
        return _within(*times.window(test.op, value, now, zone))
    if isinstance(value, bool):
        return lambda cell: test.op == "in" and cell.flag == Flag.BOOL and cell.num == value
    if isinstance(value, float):
        return _compare_number(test.op, value)
    if isinstance(value, str):
        return _compare_text(test.op, value)
    return lambda _: False  # a moment, of what is no time


def _within(start: int | None, end: int | None) -> Fits:
    low = -math.inf if start is None else start
    high = math.inf if end is None else end
    return lambda cell: cell.num is not None and low <= cell.num < high


def _compare_number(op: str, value: float) -> Fits:
    if math.isnan(value):
        # "= nan" asks whether it is NaN; nothing is less or greater.
        return lambda cell: op == "in" and cell.flag == Flag.NAN
    holds = COMPARISONS[op]
    return lambda cell: cell.num is not None and holds(cell.num, value)


def _compare_text(op: str, value: str) -> Fits:
    holds, json = COMPARISONS[op], PYTHON_BOOLS.get(value)
    if op != "in" or json is None:
        return lambda cell: holds(cell.text, value)
    return lambda cell: cell.text == value or (cell.flag == Flag.BOOL and cell.text == json)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "in": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""What the operators do with two numbers, or two texts: compared by code points."""


# -- sorting ---------------------------------------------------------------------------------------


class Backwards:
    """A text that is less than those it comes after."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Backwards) and self.text == other.text

    def __lt__(self, other: Backwards) -> bool:
        return other.text < self.text

    def __hash__(self) -> int:
        return hash(self.text)


def _sort_part(key: Order) -> Callable[[RunInfo], tuple[object, ...]]:
    read, down = reader(key.field), key.descending

    def part(run: RunInfo) -> tuple[object, ...]:
        cell = read(run)
        if cell is None:
            return ABSENT, 0
        if cell.num is not None:
            return NUMBERS, -cell.num if down else cell.num
        if cell.flag == Flag.NAN:
            return NANS, 0
        return TEXTS, Backwards(cell.text) if down else cell.text

    return part
