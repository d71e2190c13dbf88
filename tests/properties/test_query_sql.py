"""The Python predicate, the SQL of both dialects and every plan select the same runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notabene.model.entities import RunInfo
from notabene.query import plan, predicate, sql
from notabene.query.ast import Expr, Order
from notabene.query.parser import parse, parse_order
from notabene.query.text import write, write_order
from tests.properties.query_cases import NOW, TABLES, expressions, fill, orders, run_sets

shared = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sa.Connection]:
    """An empty index in memory."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        TABLES[0].metadata.create_all(connection, tables=list(TABLES))
        yield connection
    engine.dispose()


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[sa.Connection]:
    """An empty schema on a real server."""
    engine = sa.create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE SCHEMA query_cases")
        connection.exec_driver_sql("SET search_path TO query_cases")
        TABLES[0].metadata.create_all(connection, tables=list(TABLES))
        yield connection
        connection.rollback()
    engine.dispose()


def meant(runs: list[RunInfo], expr: Expr, order: tuple[Order, ...]) -> list[str]:
    """Ids of the runs that match, in order, as the predicate says."""
    matches = predicate.compile(expr, NOW)
    key = predicate.sort_key(order)
    return [run.id for run in sorted(filter(matches, runs), key=key)]


Asked = tuple[Expr, tuple[Order, ...]]
asked = st.lists(st.tuples(expressions(), orders()), min_size=6, max_size=12)


def agree(connection: sa.Connection, runs: list[RunInfo], queries: list[Asked]) -> None:
    """Hold every way to SQL against the predicate, for several queries over the same runs."""
    ids = fill(connection, runs)
    for expr, order in queries:
        agree_on(connection, ids, runs, expr, order)


def agree_on(
    connection: sa.Connection,
    ids: dict[int, str],
    runs: list[RunInfo],
    expr: Expr,
    order: tuple[Order, ...],
) -> None:
    """Hold every way to SQL against the predicate."""
    dialect: sql.Dialect = connection.dialect.name  # type: ignore[assignment]
    expected = meant(runs, expr, order)

    def execute(statement: str, params: sql.Params) -> list[tuple[int, ...]]:
        return [tuple(row) for row in connection.execute(sa.text(statement), params)]

    where, params = sql.compile(expr, dialect, NOW)
    found = execute(f"SELECT r.n FROM run r WHERE {where}", params)
    assert sorted(ids[n] for (n,) in found) == sorted(expected)
    joins, terms, params = sql.compile_order(order, dialect, NOW)
    rows = execute(f"SELECT r.n FROM run r {joins} ORDER BY {terms}", params)
    assert [ids[n] for (n,) in rows if ids[n] in expected] == expected

    planner = plan.Planner(expr, sql.complete(order), dialect, NOW, None)
    ways = [[planner.scan("exists")], [planner.scan("in")], planner.walk()]
    ways += [
        [planner.drive(part)]
        for part in planner.parts
        if plan.source(part, sql.Writer(dialect, NOW, None))
    ]
    for way in filter(None, ways):
        rows = [row for statement in way for row in execute(*statement)]
        assert [ids[n] for (n,) in rows] == expected, way

    for limit, offset in ((2, 0), (2, 1), (3, 4), (None, 0), (None, 2)):
        page = plan.search(
            expr, order, execute, dialect=dialect, now=NOW, limit=limit, offset=offset
        )
        end = None if limit is None else offset + limit
        assert [ids[n] for n in page] == expected[offset:end]
    assert plan.count(expr, execute, dialect=dialect, now=NOW) == len(expected)


@shared
@given(runs=run_sets, queries=asked)
def test_sqlite_agrees(sqlite: sa.Connection, runs: list[RunInfo], queries: list[Asked]) -> None:
    """On SQLite, any query finds the runs that its predicate accepts, in the same order."""
    agree(sqlite, runs, queries)


@pytest.mark.postgres
@shared
@given(runs=run_sets, queries=asked)
def test_postgres_agrees(
    postgres: sa.Connection, runs: list[RunInfo], queries: list[Asked]
) -> None:
    """On PostgreSQL, any query finds the runs that its predicate accepts, in the same order."""
    agree(postgres, runs, queries)


@given(expr=expressions(), order=orders())
def test_written_down_and_read_again(expr: Expr, order: tuple[Order, ...]) -> None:
    """A tree written as text is read as the same tree."""
    assert repr(parse(write(expr))) == repr(expr)
    assert parse_order(write_order(order)) == order


@given(st.text() | st.text("()'\"`<>=!.,%-+ \nandorparmsl.x019eé"))
def test_any_text_parses_or_is_refused(text: str) -> None:
    """No text makes the parser fail in any other way than by an error with a column."""
    from notabene.errors import QueryError

    try:
        expr = parse(text)
    except QueryError as error:
        refused = error
    else:
        assert repr(parse(write(expr))) == repr(expr)
        return
    assert 0 <= refused.position <= len(text)
    assert "\n" not in refused.text
