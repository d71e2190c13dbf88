"""The store in a SQL database: PostgreSQL as the truth of a server, SQLite as a local index."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from notabene.errors import NotFoundError
from notabene.journal.reader import Batch
from notabene.model.entities import (
    ArtifactEdge,
    ArtifactVersion,
    Change,
    LoggedValue,
    Note,
    Project,
    RunInfo,
)
from notabene.model.records import JSON
from notabene.query.ast import Expr, Field, Order, Test
from notabene.store import shelf
from notabene.store import tables as t
from notabene.store.base import Capture, ChangeSet, RunSet, Series, Window
from notabene.store.pieces import Piece
from notabene.store.resolve import resolve
from notabene.store.runset import SqlRunSet, restricted
from notabene.store.series import Place, answer
from notabene.store.sqlbase import SqlBase
from notabene.store.state import (
    Cells,
    Work,
    decode_keysets,
    decode_writers,
)
from notabene.store.transaction import (
    PIECE_COLUMNS,
    SqlTransaction,
    pieces_of,
)


class SqlStore(SqlBase):
    """A :class:`notabene.store.base.Store` in a SQL database."""

    # -- writing ---------------------------------------------------------------------------

    def apply(self, batches: Iterable[Batch], *, seen: int = 0) -> None:
        """Take in frames of journals; see the protocol."""
        listed = list(batches)
        if listed:
            with self.writing() as connection:
                self.apply_within(connection, listed, seen)

    # -- runs ------------------------------------------------------------------------------

    def changes(self, cursor: str = "") -> ChangeSet:
        """What changed since a cursor; see the protocol."""
        epoch, _, after = cursor.partition(":")
        with self.reading() as connection:
            horizon = self._horizon(connection)
            here = f"{self.epoch}:{horizon}"
            if not cursor:
                return ChangeSet(here, reload=False)
            if epoch != self.epoch or not after.isdigit():
                return ChangeSet(here, reload=True)
            return ChangeSet(here, False, tuple(_changes(connection, int(after))))

    def _horizon(self, connection: sa.Connection) -> int:
        """All changes of this version and before are to be seen by whoever asks now."""
        if self.database.postgres:
            # Transactions may end in another order than they began: before this all ended.
            sql = "SELECT txid_snapshot_xmin(txid_current_snapshot()) - 1"
            return int(connection.exec_driver_sql(sql).scalar_one())
        query = sa.select(t.meta.c.value).where(t.meta.c.key == "version")
        return int(connection.execute(query).scalar_one())

    def projects(self) -> list[Project]:
        """All projects by name; see the protocol."""
        with self.reading() as connection:
            return shelf.projects(connection)

    def run(self, ref: str) -> RunInfo:
        """The run that a reference names; see the protocol."""
        with self.reading() as connection:
            found = self.infos(connection, [self._number(connection, ref)])
        return found[0]

    def _number(self, connection: sa.Connection, ref: str) -> int:
        """Number of the run that a reference names."""
        exact = sa.select(t.run.c.n).where(t.run.c.id == ref)
        n = connection.execute(exact).scalar()
        return n if n is not None else resolve(ref, shelf.candidates(connection, ref))

    def runs(
        self,
        where: Expr | None = None,
        order: Sequence[Order] = (),
        *,
        deleted: bool | None = False,
        archived: bool | None = False,
    ) -> RunSet:
        """The runs that fit a search; see the protocol."""
        return SqlRunSet(self, restricted(where, deleted, archived), tuple(order))

    def find(self, fact: str, value: JSON) -> list[RunInfo]:
        """Runs with a captured fact of this value; see the protocol."""
        wanted = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        return self.runs(Test(Field("fact", fact), "in", (wanted,)), archived=None).page()

    # -- what belongs to a run -------------------------------------------------------------

    def series(
        self, runs: Sequence[str], keys: Sequence[str], window: Window | None = None
    ) -> list[Series]:
        """Metrics of runs on one grid; see the protocol."""
        with self.reading() as connection:
            return answer(Reading(self, connection), runs, keys, window or Window())

    def values(self, run: str, keys: Sequence[str] = ()) -> list[LoggedValue]:
        """Logged values that are no numbers; see the protocol."""
        with self.reading() as connection:
            work = Reading(self, connection).works([run])[run]
            return shelf.values(connection, work, keys)

    def snapshot(self, run: str) -> list[Capture]:
        """All that was captured around a run; see the protocol."""
        with self.reading() as connection:
            work = Reading(self, connection).works([run])[run]
            return shelf.captures(connection, work)

    # -- artifacts and projects ------------------------------------------------------------

    def artifact(self, ref: str) -> ArtifactVersion:
        """The version that a reference names; see the protocol."""
        with self.reading() as connection:
            return shelf.artifact(connection, ref)

    def artifacts(self, name: str = "", *, deleted: bool = False) -> list[ArtifactVersion]:
        """Versions by name and number; see the protocol."""
        with self.reading() as connection:
            return shelf.artifacts(connection, name, deleted=deleted)

    def links(
        self, *, run: str = "", artifact: str = "", version: int | None = None
    ) -> list[ArtifactEdge]:
        """Which runs made or read which versions; see the protocol."""
        with self.reading() as connection:
            return shelf.links(connection, run, artifact, version)

    def notes(self, project: str) -> list[Note]:
        """The diary of a project; see the protocol."""
        with self.reading() as connection:
            return shelf.notes(connection, project)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self.database.close()


class Reading:
    """What series are made of, within one read; see :mod:`notabene.store.series`.

    Args:
        store: The store.
        connection: A transaction.
    """

    def __init__(self, store: SqlStore, connection: sa.Connection) -> None:
        self._store = store
        self._connection = connection
        self._within = SqlTransaction(
            store.database, connection, store.names, store.read_piece, keep=False
        )
        self.pieces = self._within.pieces
        self.first_piece = self._within.first_piece
        self.read = store.read_piece

    def works(self, runs: Collection[str]) -> dict[str, Work]:
        """Writers and key sets of runs.

        Raises:
            NotFoundError: One of them is not there.
        """
        sql = (
            "SELECT r.id, r.n, b.writers, b.keysets "
            "FROM run r JOIN body b ON b.run = r.n WHERE r.id AMONG"
        )
        rows = self._store.database.rows_of(self._connection, sql, list(runs))
        found = {
            run: Work(run, Cells(), decode_writers(writers), decode_keysets(keysets), n=n)
            for run, n, writers, keysets in rows
        }
        for run in runs:
            if run not in found:
                raise NotFoundError(f"there is no run {run!r}")
        return found

    def key_ids(self, names: Collection[str]) -> dict[str, int]:
        """Ids of those keys that any run has."""
        sql = 'SELECT name, id FROM "key" WHERE name AMONG'
        rows = self._store.database.rows_of(self._connection, sql, list(names))
        return {row[0]: row[1] for row in rows}

    def in_range(
        self, places: Sequence[Place], low: int | None, high: int | None
    ) -> dict[Place, list[Piece]]:
        """Pieces of key sets that may hold steps in a range, in order of their first row."""
        found: dict[Place, list[Piece]] = {}
        for at in range(0, len(places), 250):
            for row in self._rows_in(places[at : at + 250], low, high):
                found.setdefault((row[0], row[1], row[2]), []).append(row[1:])
        return {place: pieces_of(rows) for place, rows in found.items()}

    def _rows_in(self, places: Sequence[Place], low: int | None, high: int | None) -> list[Any]:
        # As text, since building the statement would take longer than running it. SQLite takes
        # the tables of a CROSS JOIN in the order in which they are written.
        wanted = ", ".join(f"({n}, {writer}, {keyset})" for n, writer, keyset in places)
        columns = ", ".join(f'p."{name}"' for name in ("run", *PIECE_COLUMNS))
        join = "JOIN" if self._store.database.postgres else "CROSS JOIN"
        sql = (  # numbers and names of our own, no word of a user's
            f"WITH wanted(run, writer, keyset) AS (VALUES {wanted}) "  # noqa: S608
            f"SELECT {columns} FROM wanted w "
            f"{join} points p ON p.run = w.run AND p.writer = w.writer AND p.keyset = w.keyset "
        )
        if low is not None:
            sql += f"AND (p.high IS NULL OR p.high >= {low}) "
        if high is not None:
            sql += f"AND (p.low IS NULL OR p.low <= {high}) "
        sql += "ORDER BY p.run, p.writer, p.keyset, p.first, p.part"
        return list(self._connection.exec_driver_sql(sql).all())

    def read_pyramid(self, run: str, piece: Piece) -> bytes | memoryview:
        """The statistics per bucket of a piece that has some."""
        if piece.pyramid is not None:
            return piece.pyramid
        place = Piece(
            piece.writer,
            piece.keyset,
            0,
            0,
            0,
            0,
            None,
            None,
            piece.encoding,
            piece.file,
            piece.pyramid_start,
            piece.pyramid_size,
        )
        return self._store.read_piece(run, place)


def _changes(connection: sa.Connection, after: int) -> Iterator[Change]:
    r, a, m = t.run.c, t.artifact.c, t.mark.c
    projects: dict[str, int] = {}
    artifacts: dict[str, int] = {}
    runs = sa.select(r.id, r.project, r.version).where(r.version > after)
    for run, project, version in connection.execute(runs):
        yield Change(kind="run", id=run, version=version)
        projects[project] = max(projects.get(project, 0), version)
    versions = sa.select(a.name, a.feed).where(a.feed > after)
    for name, feed in connection.execute(versions):
        artifacts[name] = max(artifacts.get(name, 0), feed)
    marks = sa.select(m.kind, m.scope, m.feed).where(m.feed > after)
    for kind, scope, feed in connection.execute(marks):
        if kind == "gone":
            yield Change(kind="run", id=scope, version=feed)
            continue
        into = projects if kind == "note" else artifacts
        into[scope] = max(into.get(scope, 0), feed)
    for project, version in sorted(projects.items()):
        yield Change(kind="project", id=project, version=version)
    for name, feed in sorted(artifacts.items()):
        yield Change(kind="artifact", id=name, version=feed)
