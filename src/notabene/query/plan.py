"""A page of runs, in order, at a cost that grows with the page and not with the store.

There are three ways to a page, and each is bad where another is good:

* **walk** the index of the first key to sort by and ask each run whether it matches: good when
  many do. Such an index holds runs with a number only, so the walk goes in pieces: numbers,
  then texts, then NaN, then runs without the field.
* **drive** from the index of the rarest condition and sort what it gives: good when few match.
* **scan** all runs, with the conditions answered from their indexes at once, and sort: the best
  of a bad lot when a page lies deep or a key has no index.

So up to five thousand index entries are counted for each condition first, and the costs compared
(µs per row measured on 100,000 runs of 20 params and 20 metrics). The databases cannot do that:
SQLite does not know how often a value occurs, and PostgreSQL knows it of the column as a whole,
not of one key in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

from notabene.query import fields, sql
from notabene.query.ast import And, Expr, Field, Or, Order, Test, conjuncts
from notabene.query.ast import fields as fields_of
from notabene.query.sql import Bundle, Dialect, Params, Writer, join, select
from notabene.query.values import Flag

Execute = Callable[[str, Params], Sequence[Sequence[Any]]]
"""Runs one statement: SQL with ``:name`` parameters, and their values; gives its rows."""

COUNTED = 5_000
COMMON = 0.1
"""Share of the runs that a condition is taken to hold for when counting stopped."""
WALK_US, DRIVE_US, SCAN_US, SORT_US = 4.0, 6.0, 0.9, 1.5
MAX_PROBES = 6

_INDEXED_STATS = {"last", "min", "max"}
_INDEXED_ATTRIBUTES = {"created", "started", "name", "duration"}
_DRIVING_ATTRIBUTES = {"id", "name", "project", "group", "parent"}


class Piece(NamedTuple):
    """A part of a walk: the condition on the indexed row, and the terms its index sorts by."""

    where: str
    terms: tuple[str, ...]


class Statement(NamedTuple):
    """One statement that gives ``r.n`` in order, without its limit."""

    sql: str
    params: Params

    def page(self, limit: int, offset: int) -> tuple[str, Params]:
        """The statement for some of its rows."""
        page = {"limit": limit, "offset": offset}
        return f"{self.sql} LIMIT :limit OFFSET :offset", {**self.params, **page}


def asks(expr: Expr, order: Iterable[Order] = ()) -> frozenset[tuple[int, str]]:
    """What stores must have in their tables of keys: (number of the kind, key)."""
    wanted = (*fields_of(expr), *(key.field for key in order))
    return frozenset(key for field in wanted if (key := fields.keyed(field)) is not None)


def search(
    expr: Expr,
    order: Sequence[Order],
    execute: Execute,
    *,
    dialect: Dialect,
    now: int,
    limit: int | None = None,
    offset: int = 0,
    zone: tzinfo | None = None,
) -> list[int]:
    """The numbers (``run.n``) of the runs that match, in order.

    Args:
        expr: What must hold; project, trash and archive are conditions like all others.
        order: Keys to sort by; newest first where they are equal, then by id.
        execute: Runs a statement.
        dialect: Whose SQL.
        now: The present, µs since 1970 UTC.
        limit: At most so many; None for all.
        offset: So many are left out at the beginning.
        zone: Where days begin; None for the zone of this machine.
    """
    planner = Planner(expr, sql.complete(order), dialect, now, zone)
    if limit is None:
        rows = execute(*planner.scan("in"))
        return [row[0] for row in rows[offset:]]
    found: list[int] = []
    for statement in planner.choose(execute, limit, offset):
        rows = execute(*statement.page(limit - len(found), offset))
        found += [row[0] for row in rows]
        if len(found) >= limit:
            break
        if rows or not offset:
            offset = 0
        else:
            ((skipped,),) = execute(select("count(*)", f"({statement.sql}) q"), statement.params)
            offset -= skipped
    return found


def count(
    expr: Expr, execute: Execute, *, dialect: Dialect, now: int, zone: tzinfo | None = None
) -> int:
    """How many runs match."""
    writer = Writer(dialect, now, zone)
    where = writer.where(expr, "in")
    ((number,),) = execute(select("count(*)", f"run r WHERE {where}"), writer.params)
    return int(number)


class Planner:
    """Writes the statements for one page and chooses among them."""

    def __init__(
        self, expr: Expr, order: tuple[Order, ...], dialect: Dialect, now: int, zone: tzinfo | None
    ) -> None:
        self.expr = expr
        self.order = order
        self.dialect: Dialect = dialect
        self.now = now
        self.zone = zone
        self.parts = sql.bundles(conjuncts(expr))

    def choose(self, execute: Execute, limit: int, offset: int) -> list[Statement]:
        """The statements to run one after the other until the page is full."""
        walk = self.walk()
        ((total,),) = execute("SELECT coalesce(max(n), 0) FROM run", {})
        counts = self._probe(execute)
        costs = [(self._scan_cost(total, counts), [self.scan("in")])]
        if walk:
            share = 1.0
            for number, _ in counts:
                share *= min(1.0, number / max(1, total)) if number < COUNTED else COMMON
            needed = (offset + limit) / max(share, 1e-9)
            costs.append((min(total, needed) * WALK_US, walk))
        rarest = min(counts, default=None)
        if rarest is not None and rarest[0] < COUNTED:
            costs.append((rarest[0] * DRIVE_US, [self.drive(self.parts[rarest[1]])]))
        return min(costs, key=lambda cost: cost[0])[1]

    def _probe(self, execute: Execute) -> list[tuple[int, int]]:
        """(Count up to a limit, number of the condition) for those that an index answers."""
        counts: list[tuple[int, int]] = []
        for number, part in enumerate(self.parts):
            writer = self._writer()
            queries = source(part, writer)
            if queries and len(counts) < MAX_PROBES:
                rows = select("run", f"({' UNION ALL '.join(queries)}) a LIMIT {COUNTED}")
                ((found,),) = execute(select("count(*)", f"({rows}) b"), writer.params)
                counts.append((found, number))
        return counts

    def _scan_cost(self, total: int, counts: list[tuple[int, int]]) -> float:
        matching = min((number for number, _ in counts), default=total)
        return total * SCAN_US + (total if matching == COUNTED else matching) * SORT_US

    # -- statements ----------------------------------------------------------------------------

    def scan(self, shape: sql.Shape) -> Statement:
        """All runs, sorted."""
        writer = self._writer()
        sorting = writer.sorting(self.order)
        where = writer.where(self.expr, shape)
        return _statement(writer, "run r", sorting.joins, where, sorting.terms)

    def drive(self, part: Bundle) -> Statement:
        """The runs that one condition gives from its index, sorted."""
        writer = self._writer()
        rows = " UNION ".join(source(part, writer))
        sorting = writer.sorting(self.order)
        # Of what is joined within an "or", the index may have answered a part only.
        exact = all(isinstance(item, Test) for item in part)
        others = tuple(
            item for other in self.parts if other is not part or not exact for item in other
        )
        where = writer.where(And(others))
        tables = f"({rows}) d {self._join()} run r ON r.n = d.run"
        return _statement(writer, tables, sorting.joins, where, sorting.terms)

    def walk(self) -> list[Statement]:
        """Along the index of the first key, in pieces; empty if it has none."""
        first, rest = self.order[0], self.order[1:]
        pieces = _pieces(first)
        statements = [self._piece(first.field, piece, rest) for piece in pieces]
        return [*statements, self._piece(first.field, None, rest)] if pieces else []

    def _piece(self, field: Field, piece: Piece | None, rest: Sequence[Order]) -> Statement:
        """One piece of a walk; None is the last one, of the runs without the field."""
        writer = self._writer()
        tables, home = "run r", ""
        if field.kind == "attribute":
            writer.walking = field.name
        elif piece is not None:
            table, home = writer.home(field, "s0")
            tables = f"{table} s0 {self._join()} run r ON r.n = s0.run"
        own = writer.where(Test(field, "null")) if piece is None else piece.where
        sorting = writer.sorting(rest, 1)
        where = join(home, own, writer.where(self.expr))
        terms = (*(piece.terms if piece else ()), *sorting.terms)
        return _statement(writer, tables, sorting.joins, where, terms)

    def _join(self) -> str:
        # SQLite takes the tables of a CROSS JOIN in the order in which they are written.
        return "CROSS JOIN" if self.dialect == "sqlite" else "JOIN"

    def _writer(self) -> Writer:
        return Writer(self.dialect, self.now, self.zone)


def _statement(
    writer: Writer, tables: str, joins: Sequence[str], where: str, terms: Sequence[str]
) -> Statement:
    tables = " ".join((tables, *joins))
    text = select("r.n", f"{tables} WHERE {where} ORDER BY {', '.join(terms)}")
    return Statement(text, writer.params)


def _pieces(key: Order) -> list[Piece]:
    """The pieces of a walk along the index of a key, but for the runs without the field."""
    field, down = key.field, " DESC" if key.descending else ""
    at = sql.place(field, "s0")
    if field.kind == "attribute":
        if field.name not in _INDEXED_ATTRIBUTES:
            return []
        return [Piece(at.there, (f"{at.num or at.text}{down}",))]
    if field.kind == "metric" and field.stat not in _INDEXED_STATS:
        return []
    texts = Piece(
        f"{at.flag} IN ({int(Flag.TEXT)}, {int(Flag.OTHER)})",
        (f"{at.cut}{down}", f"{at.text}{down}"),
    )
    if field.kind == "tag":
        return [texts]
    numbers = Piece(f"{at.num} IS NOT NULL", (f"{at.num}{down}",))
    nans = Piece(f"{at.num} IS NULL AND {at.flag} = {int(Flag.NAN)}", ())
    if field.kind != "metric":
        return [numbers, texts, nans]
    return [numbers, nans] if at.flag else [numbers]


def source(bundle: Bundle, writer: Writer) -> tuple[str, ...]:
    """Queries for column ``run`` that together give the runs for which a condition holds.

    Empty if no index answers it.
    """
    item = bundle[0]
    if isinstance(item, Or):
        parts = [source((part,), writer) for part in item.items]
        return tuple(query for part in parts for query in part) if all(parts) else ()
    if isinstance(item, And):
        inner = (source(part, writer) for part in sql.bundles(conjuncts(item)))
        return next(filter(None, inner), ())
    tests = [test for test in bundle if isinstance(test, Test)]
    if not any(map(_indexed, tests)):
        return ()
    if tests[0].field.kind == "attribute":
        return (select("r.n AS run", f"run r WHERE {writer.test(tests[0], 'exists')}"),)
    return (select("x.run", writer.rows(tests)),)


def _indexed(test: Test) -> bool:
    field = test.field
    if test.op == "null":
        return test.negated and field.kind in fields.CELL_KINDS
    if test.negated or test.op == "ilike":
        return False
    if field.kind == "attribute":
        return field.name in _DRIVING_ATTRIBUTES and test.op in {"in", "like"}
    return field.stat in _INDEXED_STATS or field.kind in {"param", "tag", "summary", "fact"}
