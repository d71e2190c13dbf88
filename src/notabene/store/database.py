"""Connections and statements: the one place where SQLite and PostgreSQL differ."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import weakref
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateIndex, CreateTable

from notabene.errors import MissingDependencyError, TransportError, UsageError
from notabene.store.patience import asking, is_over
from notabene.store.tables import POSTGRES_STORAGE, metadata

BUSY_SECONDS = 10.0
STEPS = 20_000
"""Steps of SQLite's machine between two looks at the clock: about a millisecond."""
BROKEN_OFF = ("interrupted", "statement timeout")
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "temp_store=MEMORY",
    "cache_size=-32768",
    "mmap_size=268435456",
)
ASKED_LOCK = 0x6E6F7461
"""PostgreSQL advisory lock: shared by those who write runs, alone for who adds a column."""

_ARRAYS = {"BIGINT": "int8", "INTEGER": "int8", "SMALLINT": "int2", "TEXT": "text"}
_ARRAYS |= {"DOUBLE PRECISION": "float8", "DOUBLE": "float8", "BYTEA": "bytea"}


def connect(url: str) -> sa.Engine:
    """An engine for a SQLAlchemy URL.

    Raises:
        UsageError: It is no URL of SQLite or PostgreSQL.
        MissingDependencyError: The driver is not installed.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise UsageError(f"{url!r} is no address of a database") from None
    if parsed.get_backend_name() == "sqlite":
        return _connect_sqlite(parsed)
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        try:
            return sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=8
            )
        except ImportError as error:
            raise MissingDependencyError(
                "PostgreSQL needs psycopg, which is not installed",
                hint="pip install 'notabene[postgres]'",
            ) from error
    raise UsageError(
        f"a store in {parsed.get_backend_name()} is not supported; use SQLite or PostgreSQL"
    )


def _connect_sqlite(url: sa.URL) -> sa.Engine:
    memory = url.database in (None, "", ":memory:")
    options: dict[str, Any] = {"poolclass": StaticPool} if memory else {"pool_size": 4}
    engine = sa.create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        **options,
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()
        connection.set_progress_handler(is_over, STEPS)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class Database:
    """A database with our tables.

    Args:
        engine: From :func:`connect`.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self.postgres = self.dialect == "postgresql"
        self._writer = engine.execution_options(writes=True)
        # Few who read close what they opened. Not in a forked child: the files are its parent's.
        weakref.finalize(self, _let_go, engine, os.getpid())

    def create(self) -> None:
        """Make what is not there yet.

        Raises:
            TransportError: The database cannot be reached.
        """
        with self.read() as connection:
            if sa.inspect(connection).has_table("mark"):  # the last one that is made
                return
        with self.write() as connection:
            if self.postgres:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (ASKED_LOCK,))
            for statement in _definitions(self.postgres):
                connection.exec_driver_sql(statement)

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that may write; others wait for it.

        Raises:
            TransportError: The database cannot be reached, or is busy for too long.
        """
        with _reported(), self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database.

        Raises:
            TransportError: The database cannot be reached, or the question takes longer than
                :mod:`notabene.store.patience` allows.
        """
        with _reported(), asking() as seconds, self.engine.connect() as connection:
            if self.postgres:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                if seconds and self.postgres:
                    wanted = f"SET LOCAL statement_timeout = {round(seconds * 1000)}"
                    connection.exec_driver_sql(wanted)
                yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def put(
        self,
        connection: sa.Connection,
        table: sa.Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
        *,
        conflict: str = "",
        keep: tuple[str, ...] = (),
    ) -> None:
        """Insert rows, each a tuple in the order of ``columns``.

        Args:
            connection: A transaction that may write.
            table: Where to.
            columns: Names.
            rows: None is well.
            conflict: What to do with a row whose key is there: empty for an error,
                ``nothing``, ``update``, or the condition of an update in SQL, where
                ``excluded`` is the new row and the table's name the old one.
            keep: Columns that an update leaves as they are.
        """
        if not rows:
            return
        sql = _insert(self.postgres, table, tuple(columns), conflict, keep)
        if any("\0" in value for row in rows for value in row if isinstance(value, str)):
            rows = [tuple(plain(v) if isinstance(v, str) else v for v in row) for row in rows]
        if self.postgres:
            connection.exec_driver_sql(sql, tuple(list(c) for c in zip(*rows, strict=True)))
        else:
            connection.exec_driver_sql(sql, list(rows))

    def rows_of(self, connection: sa.Connection, sql: str, values: Collection[Any]) -> list[Any]:
        """Rows of a query that asks for many values of one column, in no order.

        Written as text, since building a statement takes longer than running it.

        Args:
            connection: A transaction.
            sql: The query; ``AMONG`` stands behind the column: ``... WHERE n AMONG``.
            values: Numbers or texts, however many.
        """
        if not values:
            return []
        if self.postgres:
            kind = "text" if isinstance(next(iter(values)), str) else "int8"
            sql, given = sql.replace("AMONG", f"= ANY(%s::{kind}[])"), list(values)
            return plain_rows(connection.exec_driver_sql(sql, (given,)))
        sql = sql.replace("AMONG", "IN (SELECT value FROM json_each(?))")
        listed = msgspec.json.encode(list(values)).decode()
        return plain_rows(connection.exec_driver_sql(sql, (listed,)))


def _let_go(engine: sa.Engine, owner: int) -> None:
    if os.getpid() == owner:
        engine.dispose()


def plain_rows(result: sa.CursorResult[Any]) -> list[Any]:
    """All rows as tuples of the driver's, without an object of SQLAlchemy's around each."""
    rows = list(result.cursor.fetchall())
    result.close()
    return rows


@lru_cache(maxsize=256)
def _insert(
    postgres: bool, table: sa.Table, columns: tuple[str, ...], conflict: str, keep: tuple[str, ...]
) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    if postgres:
        arrays = ", ".join(f"%b::{_array_of(table.c[name])}[]" for name in columns)
        source = f"SELECT * FROM unnest({arrays})"  # noqa: S608 - no word of a user's
    else:
        source = f"VALUES ({', '.join('?' for _ in columns)})"
    sql = f'INSERT INTO "{table.name}" ({names}) {source}'
    if not conflict:
        return sql
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
    if conflict == "nothing":
        return f"{sql} ON CONFLICT ({keys}) DO NOTHING"
    fixed = {*keep, *(column.name for column in table.primary_key)}
    sets = ", ".join(f'"{c}" = excluded."{c}"' for c in columns if c not in fixed)
    where = "" if conflict == "update" else f" WHERE {conflict}"
    return f"{sql} ON CONFLICT ({keys}) DO UPDATE SET {sets}{where}"


@lru_cache(maxsize=2)
def _definitions(postgres: bool) -> tuple[str, ...]:
    """Statements that make all tables and indexes, where they are not there yet."""
    dialect = _DIALECTS[postgres]()
    out = ["CREATE SEQUENCE IF NOT EXISTS run_number"] if postgres else []
    for table in metadata.tables.values():
        out.append(str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        out += [
            str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect))
            for index in indexes
        ]
    return (*out, *POSTGRES_STORAGE) if postgres else tuple(out)


_DIALECTS: tuple[Any, Any] = (sqlite.dialect, postgresql.dialect)


def _array_of(column: sa.Column[Any]) -> str:
    return _ARRAYS[str(column.type.compile(_DIALECTS[True]())).partition(" COLLATE")[0]]


def plain(text: str) -> str:
    """A text that both databases can keep and compare: NUL becomes ``\\0``."""
    return text.replace("\0", "\\0")


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        if any(word in str(error.orig) for word in BROKEN_OFF):
            raise TransportError(
                "the question took too long for the database", hint="ask for less at once"
            ) from error
        raise TransportError(
            f"the database cannot be used now: {str(error.orig).strip()}", hint="try again"
        ) from error
