"""Tree to SQL text with named parameters, for SQLite and PostgreSQL.

The text refers to the run as ``r`` and holds nothing of what the user wrote: every value and
key is a parameter. It means exactly what :mod:`notabene.query.predicate` says, which takes care
in three places: a comparison is never NULL where ``not`` could see it, NaN is NULL with a flag,
and each dialect gets the pattern matching it can do (see :mod:`notabene.query.patterns`).

Conditions on keys come in two shapes with one meaning: ``EXISTS (...)`` is answered run by run,
``r.n IN (...)`` from an index at once. Which is quicker depends on how many runs are looked at,
so :mod:`notabene.query.plan` chooses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import tzinfo
from typing import Literal, NamedTuple

from notabene.model.records import STATUSES
from notabene.query import fields, patterns, times
from notabene.query.ast import NEWEST_FIRST, And, Expr, Field, Moment, Not, Order, Test, Value
from notabene.query.predicate import fits
from notabene.query.values import PYTHON_BOOLS, Flag, text_cell

Dialect = Literal["sqlite", "postgresql"]
Shape = Literal["exists", "in"]
Bundle = tuple[Expr, ...]
"""Tests that one row answers, since they are about one key; or any other single item."""
Params = dict[str, object]

CUT = 200
"""Texts are indexed by their first characters, since an entry of an index must be small."""

_COLUMNS = {"group": "r.grp", "user": 'r."user"'}
_NULLABLE = {"exit_code"}
_METRIC_COLUMNS = {
    "inf": "({0}.posinf + {0}.neginf)",
    # Where no value was finite there is no such step, whatever the column says.
    "min_step": "CASE WHEN {0}.min IS NOT NULL THEN {0}.min_step END",
    "max_step": "CASE WHEN {0}.max IS NOT NULL THEN {0}.max_step END",
}
_TOGETHER = ("project", "created")
_WITH_NAN = {"last", "first"}
_FINITE = {"min", "max", "mean", "best", "min_step", "max_step"}


class Place(NamedTuple):
    """Where SQL finds the value of a field.

    Attributes:
        num: Its number; empty if it has none.
        text: Its text; empty if it has none.
        flag: Its flag; empty if it has none.
        there: The condition that it is there; empty if a row is enough.
        cut: The indexed beginning of the text; empty if the text itself is, or nothing.
    """

    num: str = ""
    text: str = ""
    flag: str = ""
    there: str = ""
    cut: str = ""


class Sorting(NamedTuple):
    """A key to sort by: the joins it needs and the terms of ``ORDER BY``."""

    joins: tuple[str, ...]
    terms: tuple[str, ...]


def compile(
    expr: Expr, dialect: Dialect, now: int, *, zone: tzinfo | None = None
) -> tuple[str, Params]:
    """A condition for ``WHERE``, over the table ``run`` by the name of ``r``, and its parameters.

    Args:
        expr: What :func:`notabene.query.parser.parse` made.
        dialect: Whose SQL.
        now: The present, µs since 1970 UTC.
        zone: Where days begin; None for the zone of this machine.
    """
    writer = Writer(dialect, now, zone)
    return writer.where(expr), writer.params


def compile_order(order: Sequence[Order], dialect: Dialect, now: int) -> tuple[str, str, Params]:
    """Joins to put behind ``FROM run r``, the terms of ``ORDER BY``, and their parameters."""
    writer = Writer(dialect, now)
    sorting = writer.sorting(complete(order))
    return " ".join(sorting.joins), ", ".join(sorting.terms), writer.params


def complete(order: Sequence[Order]) -> tuple[Order, ...]:
    """The order with what decides between equals: newest first, then (not shown) the id."""
    if any(key.field == NEWEST_FIRST.field for key in order):
        return tuple(order)
    return (*order, NEWEST_FIRST)


def bundles(items: Sequence[Expr]) -> list[Bundle]:
    """The items with tests of one key brought together: a range is then one look-up."""
    found: dict[object, list[Expr]] = {}
    for number, item in enumerate(items):
        at: object = number
        if isinstance(item, Test) and (item.op != "null" or item.negated):
            at = fields.keyed(item.field) or number
        found.setdefault(at, []).append(item)
    return [tuple(bundle) for bundle in found.values()]


def place(field: Field, alias: str) -> Place:
    """Where the value of a field is, in the row of its table that has this alias."""
    name = field.name
    if field.kind == "attribute":
        return _attribute(name)
    if field.kind == "metric":
        column = _METRIC_COLUMNS.get(field.stat, "{0}." + field.stat).format(alias)
        flag = f"{column}_flag" if field.stat in _WITH_NAN else ""
        there = f"{column} IS NOT NULL" if field.stat in _FINITE else ""
        return Place(num=column, flag=flag, there=there)
    if field.kind in {"input", "output"}:
        return Place(text=f"{alias}.{name}", there=f"{alias}.{name} <> ''")
    return Place(
        num=f"{alias}.num",
        text=f"{alias}.text",
        flag=f"{alias}.flag",
        cut=f"substr({alias}.text, 1, {CUT})",
    )


def _attribute(name: str) -> Place:
    column = _COLUMNS.get(name, f"r.{name}")
    kind = fields.BY_NAME[name].type
    if kind in {"text", "choice"}:
        return Place(text=column, there=f"{column} <> ''")
    if kind == "time":
        return Place(num=column, there=f"{column} <> 0")
    return Place(num=column, there=f"{column} IS NOT NULL" if name in _NULLABLE else "")


def join(*conditions: str) -> str:
    """The conditions that are not empty, joined by AND."""
    return " AND ".join(c for c in conditions if c) or "TRUE"


def select(what: str, where_from: str) -> str:
    """A query. What goes in was written here: values and keys are parameters."""
    return f"SELECT {what} FROM {where_from}"  # noqa: S608


class Writer:
    """Writes one statement and collects its parameters.

    Args:
        dialect: Whose SQL.
        now: The present, µs since 1970 UTC.
        zone: Where days begin; None for the zone of this machine.
    """

    def __init__(self, dialect: Dialect, now: int, zone: tzinfo | None = None) -> None:
        self.dialect = dialect
        self.now = now
        self.zone = zone
        self.params: Params = {}
        self.walking = ""
        """The attribute whose index is walked."""

    def bind(self, value: object) -> str:
        """A parameter."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f":{name}"

    # -- conditions ----------------------------------------------------------------------------

    def where(self, expr: Expr, shape: Shape = "exists") -> str:
        """The condition that a run matches; never NULL."""
        if isinstance(expr, Test):
            return self.test(expr, shape)
        if isinstance(expr, Not):
            return f"NOT {self.where(expr.item, shape)}"
        if isinstance(expr, And):
            parts = [self.bundle(bundle, shape) for bundle in bundles(expr.items)]
            return f"({' AND '.join(parts)})" if parts else "TRUE"
        parts = [self.where(item, shape) for item in expr.items]
        return f"({' OR '.join(parts)})" if parts else "FALSE"

    def bundle(self, bundle: Bundle, shape: Shape) -> str:
        """The condition that all of a bundle holds; never NULL."""
        tests = [item for item in bundle if isinstance(item, Test)]
        return self.keyed(tests, shape) if len(tests) > 1 else self.where(bundle[0], shape)

    def test(self, test: Test, shape: Shape) -> str:
        """The condition that one comparison holds; never NULL."""
        if test.field == Field("attribute", "status") and test.op != "null":
            return self._status(test)
        if test.field.kind == "attribute":
            return f"({self._value(test, self._column(test.field.name))})"
        if test.op == "null" and not test.negated:
            return f"NOT {self.keyed([test], shape)}"
        return self.keyed([test], shape)

    def _column(self, name: str) -> Place:
        at = _attribute(name)
        # SQLite prefers the index of a condition to that of the order; "+" hides it. The order of
        # creation within a project has an index of its own.
        if self.dialect != "sqlite" or not self.walking or (name, self.walking) == _TOGETHER:
            return at
        return Place(*(part.replace("r.", "+r.") for part in at))

    def keyed(self, tests: Sequence[Test], shape: Shape) -> str:
        """The condition that a run has a row for which all the tests of one key hold."""
        rows = self.rows(tests)
        if shape == "exists":
            # PostgreSQL would make a join of it, and guesses badly how many rows have a key and
            # a value; an offset keeps it from that.
            fence = " OFFSET 0" if self.dialect == "postgresql" else ""
            return f"EXISTS ({select('1', f'{rows} AND x.run = r.n{fence}')})"
        return f"r.n IN ({select('x.run', rows)})"

    def rows(self, tests: Sequence[Test]) -> str:
        """Table and condition of the rows, by the name of ``x``, for which the tests hold.

        For ``is null`` the rows are those of the runs that have the field.
        """
        table, condition = self.home(tests[0].field, "x")
        values = [self._row(test) for test in tests]
        return f"{table} x WHERE {join(condition, *values)}"

    def _row(self, test: Test) -> str:
        at = place(test.field, "x")
        return at.there if test.op == "null" else self._value(test, at)

    def home(self, field: Field, alias: str) -> tuple[str, str]:
        """The table of a field, and the condition of its rows there."""
        if field.kind in {"input", "output"}:
            return "edge", f"{alias}.direction = {self.bind(field.kind)}"
        if field.kind == "metric":
            return "metric", f"{alias}.key = {self.bind(field.name)}"
        kind = fields.CELL_KINDS[field.kind]
        return "cell", f"{alias}.kind = {kind} AND {alias}.key = {self.bind(field.name)}"

    def _value(self, test: Test, at: Place) -> str:
        if test.op == "null":
            there = at.there or "TRUE"
            return there if test.negated else f"NOT ({there})"
        fits = self._fits(test, at)
        if test.negated:
            # Where the value is no number, the comparison is NULL: it does not hold.
            fits = f"NOT COALESCE(({fits}), FALSE)"
        return join(at.there, fits)

    def _fits(self, test: Test, at: Place) -> str:
        if test.op in {"like", "ilike"}:
            return self._like(str(test.values[0]), at, fold=test.op == "ilike")
        if fields.type_of(test.field) == "time":
            options = [self._within(test, value, at) for value in test.values]
        elif test.op == "in":
            options = self._equal(test.values, at)
        else:
            options = [self._ordered(test.op, test.values[0], at)]
        return f"({' OR '.join(options)})" if options else "FALSE"

    def _within(self, test: Test, value: Value, at: Place) -> str:
        if not isinstance(value, Moment | float):
            return "FALSE"
        start, end = times.window(test.op, value, self.now, self.zone)
        low = "" if start is None else f"{at.num} >= {self.bind(start)}"
        high = "" if end is None else f"{at.num} < {self.bind(end)}"
        return f"({join(low, high)})"

    def _equal(self, values: Sequence[Value], at: Place) -> list[str]:
        options: list[str] = []
        numbers: list[float] = []
        texts: list[str] = []
        for value in values:
            if isinstance(value, bool):
                options.append(self._is(value, at))
            elif isinstance(value, str):
                texts.append(value)
                if value in PYTHON_BOOLS and at.flag:
                    options.append(self._is(value == "True", at))
            elif isinstance(value, float):
                if not math.isnan(value):
                    numbers.append(value)
                elif at.flag:
                    options.append(f"{at.flag} = {int(Flag.NAN)}")
        if numbers and at.num:
            options.append(self._in(at.num, numbers))
        if texts and at.text:
            options.append(self._texts(texts, at))
        return options

    def _is(self, value: bool, at: Place) -> str:
        number = f"{at.num} = {int(value)}" if at.num else "FALSE"
        return f"({join(at.flag and f'{at.flag} = {int(Flag.BOOL)}', number)})"

    def _texts(self, texts: Sequence[str], at: Place) -> str:
        begins = list(dict.fromkeys(text[:CUT] for text in texts))
        indexed = self._in(at.cut, begins) if at.cut else ""
        # A text that is shorter than the indexed beginning is equal to it.
        short = at.cut and all(len(text) < CUT for text in texts)
        return join(indexed, "" if short else self._in(at.text, texts))

    def _in(self, column: str, values: Sequence[object]) -> str:
        return f"{column} IN ({', '.join(map(self.bind, values))})"

    def _ordered(self, op: str, value: Value, at: Place) -> str:
        if isinstance(value, str) and at.text:
            return f"{at.text} {op} {self.bind(value)}"
        if isinstance(value, float) and at.num and not math.isnan(value):
            return f"{at.num} {op} {self.bind(value)}"
        return "FALSE"

    def _like(self, pattern: str, at: Place, *, fold: bool) -> str:
        if not at.text:
            return "FALSE"
        parts = patterns.pieces(pattern, fold=fold)
        known = self._begins(patterns.prefix(parts)[:CUT], at.cut or at.text)
        if self.dialect == "sqlite":
            match = f"{at.text} GLOB {self.bind(patterns.glob(parts))}"
        elif fold:
            match = f"{at.text} ~ {self.bind(patterns.regex(parts))}"
        else:
            match = f"{at.text} LIKE {self.bind(patterns.like(parts))}"
        return join(known, match)

    def _begins(self, beginning: str, indexed: str) -> str:
        """The part of an index that a pattern with this beginning needs; empty if all of it."""
        if not beginning:
            return ""
        end = patterns.after(beginning)
        upper = "" if end is None else f"{indexed} < {self.bind(end)}"
        return join(f"{indexed} >= {self.bind(beginning)}", upper)

    def _status(self, test: Test) -> str:
        """Statuses are few: which of them fit is known here; ``lost`` is told by the clock."""
        fitting = fits(test, self.now, self.zone)
        wanted = {s for s in STATUSES if fitting(text_cell(s)) != test.negated}
        alive = f"r.alive >= {self.bind(self.now - fields.LOST_AFTER)}"
        stored = sorted(wanted - {"running", "lost"})
        running = {
            (): "",
            ("running",): f"(r.status = 'running' AND {alive})",
            ("lost",): f"(r.status = 'running' AND NOT {alive})",
            ("lost", "running"): "r.status = 'running'",
        }[tuple(sorted(wanted & {"running", "lost"}))]
        listed = ", ".join(f"'{status}'" for status in stored)
        options = [o for o in (running, f"r.status IN ({listed})" if listed else "") if o]
        return f"({' OR '.join(options)})" if options else "FALSE"

    # -- order ---------------------------------------------------------------------------------

    def sorting(self, order: Sequence[Order], start: int = 0) -> Sorting:
        """Joins and terms for several keys, and the id, which decides in the end.

        Args:
            order: The keys, with the last one that decides.
            start: Number of the first alias that is free.
        """
        joins: list[str] = []
        terms: list[str] = []
        for number, key in enumerate(order, start):
            alias = f"s{number}"
            if key.field.kind != "attribute":
                name, condition = self.home(key.field, alias)
                joins.append(f"LEFT JOIN {name} {alias} ON {alias}.run = r.n AND {condition}")
            terms += self._terms(key, alias)
        return Sorting(tuple(joins), (*terms, "r.id"))

    def _terms(self, key: Order, alias: str) -> list[str]:
        down = " DESC" if key.descending else ""
        if key.field == Field("attribute", "status"):
            lost = self.bind(self.now - fields.LOST_AFTER)
            return [
                f"CASE WHEN r.status = 'running' AND r.alive < {lost} "
                f"THEN 'lost' ELSE r.status END{down}"
            ]
        at = place(key.field, alias)
        # A time of 0 is absent, and comes last by itself where the latest come first.
        plain = key.descending and fields.type_of(key.field) == "time"
        group = "" if plain else _group(key.field, at, alias)
        terms = [group] if group else []
        if at.num:
            terms.append(f"{at.num}{down}")
        if at.text:
            text = f"CASE WHEN {at.num} IS NULL THEN {at.text} END" if at.num else at.text
            terms.append(f"{text}{down}")
        return terms


def _group(field: Field, at: Place, alias: str) -> str:
    """Numbers, texts, NaN, absent: a number that sorts these, empty where all are alike."""
    if field.kind == "attribute":
        return f"CASE WHEN {at.there} THEN 0 ELSE 3 END" if at.there else ""
    known = f"WHEN {at.num} IS NOT NULL THEN 0"
    if field.kind == "metric":
        nan = f"WHEN {alias}.run IS NOT NULL THEN 2" if at.flag else ""
        return f"CASE {known} {nan} ELSE 3 END"
    nan = f"WHEN {at.flag} = {int(Flag.NAN)} THEN 2"
    return f"CASE {known} {nan} WHEN {alias}.run IS NOT NULL THEN 1 ELSE 3 END"
