"""The store in a SQL database: PostgreSQL as the truth of a server, SQLite as a local index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa

from notabene.journal.reader import Batch
from notabene.model.entities import (
    ArtifactEdge,
    ArtifactVersion,
    Change,
    LoggedValue,
    Note,
    Project,
    RunInfo,
    View,
)
from notabene.model.records import JSON
from notabene.query.ast import Expr, Field, Order, Test
from notabene.store import shelf
from notabene.store import tables as t
from notabene.store.base import Capture, ChangeSet, RunSet, Series, Window
from notabene.store.reading import Reading
from notabene.store.resolve import resolve
from notabene.store.runset import SqlRunSet, restricted
from notabene.store.series import answer
from notabene.store.sqlbase import SqlBase
from notabene.store.state import OF_PROJECTS


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

    def views(self, project: str | None = None) -> list[View]:
        """Views that people saved; see the protocol."""
        with self.reading() as connection:
            return shelf.views(connection, project)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self.database.close()


def _changes(connection: sa.Connection, after: int) -> Iterator[Change]:
    r, a, m = t.run.c, t.artifact.c, t.mark.c
    projects: dict[str, int] = {}
    artifacts: dict[str, int] = {}
    runs = sa.select(r.id, r.project, r.version, r.points).where(r.version > after)
    for run, project, version, points in connection.execute(runs):
        yield Change(kind="run", id=run, version=version, points=points)
        projects[project] = max(projects.get(project, 0), version)
    versions = sa.select(a.name, a.feed).where(a.feed > after)
    for name, feed in connection.execute(versions):
        artifacts[name] = max(artifacts.get(name, 0), feed)
    marks = sa.select(m.kind, m.scope, m.feed).where(m.feed > after)
    for kind, scope, feed in connection.execute(marks):
        if kind == "gone":
            yield Change(kind="run", id=scope, version=feed)
            continue
        into = projects if kind in OF_PROJECTS else artifacts
        into[scope] = max(into.get(scope, 0), feed)
    for project, version in sorted(projects.items()):
        yield Change(kind="project", id=project, version=version)
    for name, feed in sorted(artifacts.items()):
        yield Change(kind="artifact", id=name, version=feed)
