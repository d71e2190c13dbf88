"""The tables, the same for SQLite and PostgreSQL.

Every key of what belongs to a run begins with the run, so that a distributed database can
spread them as they are. Times are µs since 1970 UTC, ids of runs, writers and keys are
small numbers inside; texts are compared by their bytes (``COLLATE "C"`` on PostgreSQL).

``run`` is slim, so that it can be scanned; ``body`` holds what a page of runs is built from.
What is searched by key lies in ``cell`` (params, tags, summary values, captured facts) and
``metric`` (statistics). These two are filled on demand: a row of ``asked`` names a key that
somebody has filtered or sorted by, and from then on every run with that key has its row
there, kept up to date in the transaction that changes the run. Eager rows would make 80 % of
the cost of ingest (measured: 2.1 s against 0.5 s for 20,000 runs of 20 metrics).

Numbers: NaN is ``NULL`` with flag 1, since SQLite knows no NaN and PostgreSQL sorts it last;
the infinities are stored as such, with flag 2 and 3.
"""

from __future__ import annotations

from enum import IntEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

SCHEMA = 5
"""Version of these tables. A local index of another version is made anew."""


class Kind(IntEnum):
    """What a row of ``cell``, or of ``asked``, is about."""

    PARAM = 1
    TAG = 2
    SUMMARY = 3
    """Summary values set by the user."""
    FACT = 4
    """Captured facts: ``git.commit``, ``env.python`` ..."""
    METRIC = 5
    """Only in ``asked``: rows of ``metric``."""


class Flag(IntEnum):
    """What ``num`` and ``text`` of a cell hold."""

    NUMBER = 0
    NAN = 1
    POSINF = 2
    NEGINF = 3
    TEXT = 4
    BOOL = 5
    """``num`` is 0 or 1, ``text`` is ``false`` or ``true``."""
    OTHER = 6
    """None, a list or a mapping: ``num`` is NULL, ``text`` is its JSON."""


Text = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Small = sa.SmallInteger()
Real: sa.Double[float] = sa.Double()
Blob = sa.LargeBinary()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=False, server_default="")


def _int(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, Int, nullable=False, server_default=str(default))


metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

run = sa.Table(
    "run",
    metadata,
    sa.Column("n", Int, primary_key=True, autoincrement=False),
    sa.Column("id", Text, nullable=False, unique=True),
    _text("project"),
    _text("name"),
    _text("status"),  # running, finished, failed, stopped, killed; lost is computed
    _int("alive"),  # newest sign of life
    _int("created"),
    _int("started"),
    _int("ended"),  # 0 while it runs
    _int("updated"),
    sa.Column("duration", Real, nullable=False, server_default="0"),  # seconds
    _text("user"),
    _text("host"),
    _text("grp"),
    _text("parent"),
    _text("source"),
    _text("hypothesis"),
    _text("conclusion"),
    _text("verdict"),
    _text("reason"),
    sa.Column("exit_code", Int),
    sa.Column("archived", Small, nullable=False, server_default="0"),
    sa.Column("deleted", Small, nullable=False, server_default="0"),
    _int("points"),
    _int("ranks", 1),
    _int("number"),
    _int("version"),  # of the change feed
    sa.Index("run_created", "created"),
    sa.Index("run_project_created", "project", "created"),
    sa.Index("run_started", "started"),
    sa.Index("run_name", "name"),
    sa.Index("run_duration", "duration"),
    sa.Index("run_version", "version"),
    sa.Index(
        "run_running",
        "alive",
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    ),
    sa.Index(
        "run_parent",
        "parent",
        sqlite_where=sa.text("parent <> ''"),
        postgresql_where=sa.text("parent <> ''"),
    ),
    sa.Index(
        "run_grp",
        "grp",
        sqlite_where=sa.text("grp <> ''"),
        postgresql_where=sa.text("grp <> ''"),
    ),
)

body = sa.Table(
    "body",
    metadata,
    sa.Column("run", Int, primary_key=True, autoincrement=False),
    sa.Column("cells", Blob, nullable=False),  # projection.Cells
    sa.Column("writers", Blob, nullable=False),  # projection.Writers
    sa.Column("keysets", Blob, nullable=False),  # projection.Keysets
    sa.Column("stats", Blob, nullable=False),  # summary.Table: statistics of all metrics
)

ghost = sa.Table(  # edits of runs that are not here (yet, or any more)
    "ghost",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("cells", Blob, nullable=False),
    sa.Column("writers", Blob, nullable=False),
)

cell = sa.Table(
    "cell",
    metadata,
    sa.Column("run", Int, primary_key=True, autoincrement=False),
    sa.Column("kind", Small, primary_key=True, autoincrement=False),
    sa.Column("key", Text, primary_key=True),
    sa.Column("num", Real),
    sa.Column("flag", Small, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Index("cell_num", "kind", "key", "num", "run"),
    # Texts by their beginning, since an entry of an index must be small: query.sql.CUT.
    sa.Index(
        "cell_text", "kind", "key", sa.func.substr(sa.text('"text"'), 1, sa.text("200")), "run"
    ),
    sqlite_with_rowid=False,
)

metric = sa.Table(
    "metric",
    metadata,
    sa.Column("run", Int, primary_key=True, autoincrement=False),
    sa.Column("key", Text, primary_key=True),
    sa.Column("last", Real),
    sa.Column("last_flag", Small, nullable=False),
    sa.Column("min", Real),  # min, max, mean: over finite values, NULL where there is none
    sa.Column("max", Real),
    sa.Column("mean", Real),
    sa.Column("first", Real),
    sa.Column("first_flag", Small, nullable=False),
    sa.Column("best", Real),  # by the goal; NULL without one
    sa.Column("n", Int, nullable=False),
    sa.Column("nan", Int, nullable=False),
    sa.Column("posinf", Int, nullable=False),
    sa.Column("neginf", Int, nullable=False),
    sa.Column("last_step", Int, nullable=False),
    sa.Column("min_step", Int),
    sa.Column("max_step", Int),
    sa.Index("metric_last", "key", "last", "run"),
    sa.Index("metric_min", "key", "min", "run"),
    sa.Index("metric_max", "key", "max", "run"),
    sqlite_with_rowid=False,
)

asked = sa.Table(
    "asked",
    metadata,
    sa.Column("kind", Small, primary_key=True, autoincrement=False),
    sa.Column("key", Text, primary_key=True),
    sqlite_with_rowid=False,
)

key = sa.Table(
    "key",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    sa.Column("name", Text, nullable=False, unique=True),
)

stat = sa.Table(  # statistics of one writer up to its newest summary
    "stat",
    metadata,
    sa.Column("run", Int, primary_key=True, autoincrement=False),
    sa.Column("writer", Int, primary_key=True, autoincrement=False),
    sa.Column("data", Blob, nullable=False),
    sqlite_with_rowid=False,
)

points = sa.Table(
    "points",
    metadata,
    sa.Column("run", Int, primary_key=True, autoincrement=False),
    sa.Column("writer", Int, primary_key=True, autoincrement=False),  # its number in the run
    sa.Column("keyset", Int, primary_key=True, autoincrement=False),
    sa.Column("first", Int, primary_key=True, autoincrement=False),  # rows outside first..last
    sa.Column("part", Int, primary_key=True, autoincrement=False),  # do not count
    sa.Column("last", Int, nullable=False),
    sa.Column("rows", Int, nullable=False),
    sa.Column("low", Int),  # least and largest step, NULL where not known
    sa.Column("high", Int),
    sa.Column("encoding", Small, nullable=False),
    sa.Column("file", Text, nullable=False),  # in the run's folder; empty: the data is here
    sa.Column("start", Int, nullable=False),
    sa.Column("size", Int, nullable=False),
    sa.Column("pyramid_start", Int, nullable=False),
    sa.Column("pyramid_size", Int, nullable=False),
    sa.Column("crc", Int, nullable=False),  # CRC-32 of the bytes in the file, 0 if there is none
    sa.Column("pyramid_crc", Int, nullable=False),
    sa.Column("data", Blob),
    sa.Column("pyramid", Blob),
    sqlite_with_rowid=False,
)

value = sa.Table(  # what was logged and is no number
    "value",
    metadata,
    sa.Column("run", Int, primary_key=True, autoincrement=False),
    sa.Column("writer", Int, primary_key=True, autoincrement=False),
    sa.Column("seq", Int, primary_key=True, autoincrement=False),
    sa.Column("key", Text, nullable=False),
    sa.Column("step", Int, nullable=False),
    sa.Column("time", Int, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("value", Blob, nullable=False),
    sa.Index("value_key", "run", "key", "step"),
)

capture = sa.Table(
    "capture",
    metadata,
    sa.Column("run", Int, primary_key=True, autoincrement=False),
    sa.Column("part", Text, primary_key=True),
    sa.Column("writer", Int, primary_key=True, autoincrement=False),
    sa.Column("time", Int, nullable=False),
    sa.Column("seq", Int, nullable=False),
    sa.Column("data", Blob, nullable=False),
)

edge = sa.Table(
    "edge",
    metadata,
    sa.Column("run", Int, primary_key=True, autoincrement=False),
    sa.Column("direction", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("version", Int, primary_key=True, autoincrement=False),
    sa.Column("role", Text, primary_key=True),
    sa.Column("digest", Text, nullable=False),
    sa.Column("time", Int, nullable=False),
    sa.Index("edge_artifact", "name", "version"),
)

artifact = sa.Table(
    "artifact",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("version", Int, primary_key=True, autoincrement=False),
    sa.Column("time", Int, nullable=False),  # time, writer, seq: the earliest record stands
    sa.Column("writer", Text, nullable=False),
    sa.Column("seq", Int, nullable=False),
    sa.Column("run", Text, nullable=False),
    sa.Column("type", Text, nullable=False),
    sa.Column("digest", Text, nullable=False),
    sa.Column("size", Int, nullable=False),
    sa.Column("files", Int, nullable=False),
    sa.Column("description", Text, nullable=False),
    sa.Column("metadata", Blob, nullable=False),
    sa.Column("feed", Int, nullable=False),
    sa.Index("artifact_digest", "digest"),
    sa.Index("artifact_feed", "feed"),
)

file = sa.Table(  # how far each journal has been read
    "file",
    metadata,
    sa.Column("run", Text, primary_key=True),  # run id; empty for desk journals
    sa.Column("name", Text, primary_key=True),
    sa.Column("position", Int, nullable=False),
    sa.Column("size", Int, nullable=False),
    sa.Column("mtime", Int, nullable=False),
    sa.Column("note", Text, nullable=False),  # what is wrong with it, if anything
    # Folders of runs, which have no name, by month: asked for when one came or went.
    sa.Index("file_folder", "note", "run", sqlite_where=sa.text("name = ''")),
)

mark = sa.Table(  # cells that belong to no run: the newest by (time, writer, seq) stands
    "mark",
    metadata,
    sa.Column("kind", Text, primary_key=True),  # alias, deleted, logged, note
    sa.Column("scope", Text, primary_key=True),  # artifact's or project's name
    sa.Column("key", Text, primary_key=True),  # alias, version or note id
    sa.Column("time", Int, nullable=False),
    sa.Column("writer", Text, nullable=False),
    sa.Column("seq", Int, nullable=False),
    sa.Column("begun", Int, nullable=False),  # the earliest time of all its records
    sa.Column("value", Blob, nullable=False),
    sa.Column("feed", Int, nullable=False),
    sa.Index("mark_feed", "feed"),
)

POSTGRES_STORAGE = tuple(
    f"ALTER TABLE {name} SET (toast_tuple_target = 8160), "
    + ", ".join(f"ALTER COLUMN {column} SET STORAGE EXTERNAL" for column in columns)
    for name, columns in (("points", ("data", "pyramid")), ("body", ("cells", "stats")))
)
"""Blocks are compressed already, and small enough to lie in the row: without this PostgreSQL
would try to compress each, and move it to another table."""
