"""The runs that a search finds, as stores answer with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from notabene._ids import now_us
from notabene.model.entities import RunInfo
from notabene.query import plan
from notabene.query.ast import And, Expr, Field, FieldKind, Order, Test, all_of
from notabene.query.ast import fields as fields_of
from notabene.query.predicate import compile as compile_predicate
from notabene.query.predicate import sort_key
from notabene.store.asked import all_ids
from notabene.store.base import Columns
from notabene.store.database import plain, plain_rows
from notabene.store.frame import KINDS, Needs, Sheet, build, needs, of_runs

if TYPE_CHECKING:
    from notabene.store.sqlbase import SqlBase

PAGE = 500


def restricted(where: Expr | None, deleted: bool | None, archived: bool | None) -> Expr:
    """A search without the trash and what was put aside, unless it asks for them itself."""
    parts: list[Expr] = [] if where is None else [where]
    named = set() if where is None else {field.name for field in fields_of(where)}
    for name, wanted in (("deleted", deleted), ("archived", archived)):
        if wanted is not None and name not in named:
            parts.append(Test(Field("attribute", name), "in", (wanted,)))
    return all_of(*parts) if parts else And()


class SqlRunSet:
    """Runs in a SQL store; see :class:`notabene.store.base.RunSet`.

    Args:
        store: The store.
        where: The search.
        order: What to sort by.
    """

    def __init__(self, store: SqlBase, where: Expr, order: tuple[Order, ...]) -> None:
        self._store = store
        self._where = where
        self._order = order
        # One time for all, so that "today" and "lost" mean the same on each page.
        self._now = now_us()

    def count(self) -> int:
        """How many there are."""
        self._store.ask(plan.asks(self._where))
        dialect: Any = self._store.database.dialect
        with self._store.reading() as connection:
            return plan.count(self._where, _execute(connection), dialect=dialect, now=self._now)

    def _numbers(self, connection: sa.Connection, limit: int | None, offset: int) -> list[int]:
        dialect: Any = self._store.database.dialect
        return plan.search(
            self._where,
            self._order,
            _execute(connection),
            dialect=dialect,
            now=self._now,
            limit=limit,
            offset=offset,
        )

    def page(self, limit: int | None = None, offset: int = 0) -> list[RunInfo]:
        """Some of them."""
        self._store.ask(plan.asks(self._where, self._order))
        with self._store.reading() as connection:
            numbers = self._numbers(connection, limit, offset)
            return self._store.infos(connection, numbers)

    def __iter__(self) -> Iterator[RunInfo]:
        """All of them, read in pages."""
        self._store.ask(plan.asks(self._where, self._order))
        with self._store.reading() as connection:
            numbers = self._numbers(connection, None, 0)
        for at in range(0, len(numbers), PAGE):
            with self._store.reading() as connection:
                infos = self._store.infos(connection, numbers[at : at + PAGE])
            yield from infos

    def ids(self, limit: int | None = None, offset: int = 0) -> list[str]:
        """Their ids alone."""
        self._store.ask(plan.asks(self._where, self._order))
        with self._store.reading() as connection:
            numbers = self._numbers(connection, limit, offset)
            sql = "SELECT n, id FROM run WHERE n AMONG"
            rows = self._store.database.rows_of(connection, sql, numbers)
            known = {row[0]: row[1] for row in rows}
        return [known[n] for n in numbers]

    def columns(
        self,
        fields: Sequence[Field] | None = None,
        *,
        kinds: Sequence[FieldKind] = KINDS,
        stats: Sequence[str] = ("last",),
        limit: int | None = None,
        offset: int = 0,
    ) -> Columns:
        """Some of them as a table by column; see the protocol."""
        self._store.ask(plan.asks(self._where, self._order))
        with self._store.reading() as connection:
            numbers = self._numbers(connection, limit, offset)
            sheet = _sheet(self._store, connection, numbers, needs(fields))
        return build(sheet, fields, self._now, kinds, stats)


def _execute(connection: sa.Connection) -> Callable[[str, dict[str, Any]], Sequence[Sequence[Any]]]:
    def execute(sql: str, params: dict[str, Any]) -> Sequence[Sequence[Any]]:
        safe = {k: plain(v) if isinstance(v, str) else v for k, v in params.items()}
        return plain_rows(connection.execute(sa.text(sql), safe))

    return execute


def _sheet(
    store: SqlBase, connection: sa.Connection, numbers: Sequence[int], wanted: Needs
) -> Sheet:
    names = wanted.attributes
    blobs = [name for name in ("cells", "stats") if getattr(wanted, name)]
    columns = [*(f'r."{name}"' for name in names), *(f"b.{name}" for name in blobs)]
    tables = "run r JOIN body b ON b.run = r.n" if names and blobs else "run r"
    key = "r.n"
    if blobs and not names:
        tables, key = "body b", "b.run"
    sql = f"SELECT {', '.join([key, *columns])} FROM {tables} WHERE {key} AMONG"  # noqa: S608 - names of our own
    rows = store.database.rows_of(connection, sql, numbers)
    place = {row[0]: row for row in rows}
    values = list(zip(*(place[n] for n in numbers if n in place), strict=True))
    found = dict(zip(["n", *names, *blobs], values, strict=False))
    stats = found.get("stats", ())
    store.names.load(connection, all_ids(stats))
    return Sheet(
        len(found.get("n", ())),
        {name: list(found.get(name, ())) for name in names},
        list(found.get("cells", ())),
        list(stats),
        store.names.ids,
        store.names.names,
    )


class ListRunSet:
    """Runs at hand, searched by the predicate; see :class:`notabene.store.base.RunSet`.

    Args:
        load: Gives all runs as they are now.
        where: The search.
        order: What to sort by.
    """

    def __init__(
        self, load: Callable[[], list[RunInfo]], where: Expr, order: tuple[Order, ...]
    ) -> None:
        self._load = load
        self._where = where
        self._order = order
        self._now = now_us()

    def _found(self) -> list[RunInfo]:
        matches = compile_predicate(self._where, self._now)
        return sorted(filter(matches, self._load()), key=sort_key(self._order))

    def count(self) -> int:
        """How many there are."""
        return len(self._found())

    def page(self, limit: int | None = None, offset: int = 0) -> list[RunInfo]:
        """Some of them."""
        return self._found()[offset : None if limit is None else offset + limit]

    def __iter__(self) -> Iterator[RunInfo]:
        """All of them."""
        return iter(self._found())

    def ids(self, limit: int | None = None, offset: int = 0) -> list[str]:
        """Their ids alone."""
        return [run.id for run in self.page(limit, offset)]

    def columns(
        self,
        fields: Sequence[Field] | None = None,
        *,
        kinds: Sequence[FieldKind] = KINDS,
        stats: Sequence[str] = ("last",),
        limit: int | None = None,
        offset: int = 0,
    ) -> Columns:
        """Some of them as a table by column; see the protocol."""
        return of_runs(self.page(limit, offset), fields, kinds, stats)
