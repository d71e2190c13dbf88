"""What can be asked of a store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast, overload

import msgspec

from notabene.api import given
from notabene.api.artifacts import ArtifactView, Direction, Lineage, Node, lineage_of
from notabene.api.consoles import Follower, read_console
from notabene.api.diary import DiaryEntry, diary_of
from notabene.api.door import Door, RunRef
from notabene.api.history import (
    Grid,
    History,
    Rank,
    grid_of,
    history_of,
    nearest,
    window_of,
)
from notabene.api.runs import Runs, RunView
from notabene.artifacts.base import open_blob
from notabene.capture.playback import Line
from notabene.errors import NotabeneError, NotFoundError, UsageError
from notabene.model.entities import ArtifactVersion, LoggedValue, Project
from notabene.model.records import JSON
from notabene.query import parse, parse_order
from notabene.query.ast import Expr, Field, Test, all_of


class Reading(Door):
    """The questions of :class:`notabene.Api`."""

    # -- runs ------------------------------------------------------------------------------

    def projects(self) -> list[Project]:
        """All projects by name, with their counts; runs in the trash do not count."""
        self._fresh()
        return self.store.projects()

    def run(self, ref: RunRef) -> RunView:
        """One run.

        Args:
            ref: Its id, the last six or more characters of it or a beginning that no other has,
                its name, ``project/name``, ``@last``, or ``project/@last``.

        Raises:
            NotFoundError: There is none; the hint names near ones.
            RefError: Several have that name; the hint says what to type.
        """
        return RunView(self, self._info(ref))

    def run_dir(self, ref: RunRef) -> Path:
        """The folder of a run, which may lie in the trash.

        Raises:
            NotFoundError: There is no such run, or its folder was purged.
        """
        return self._place(self._info(ref))

    def runs(
        self,
        where: str | Expr = "",
        *,
        project: str | None = None,
        order_by: str | Iterable[str] = "-created",
        limit: int | None = None,
        archived: bool = False,
        deleted: bool = False,
    ) -> Runs:
        """The runs that a search finds; nothing is read before it is needed.

        Args:
            where: The search: ``params.lr < 0.01 and metrics."val/acc".max > 0.9``.
            project: Only of this project.
            order_by: Fields to sort by, ``-`` before what descends: ``-metrics.acc.max, created``.
            limit: At most so many.
            archived: Also what was put aside.
            deleted: What is in the trash, and nothing else.

        Raises:
            QueryError: The search or the order cannot be understood; says where.
        """
        limit = None if limit is None else given.whole(limit, "limit")
        expr = where if isinstance(where, Expr | None) else parse(given.text(where, "where"))
        if project is not None:
            name = given.text(project, "project")
            expr = all_of(Test(Field("attribute", "project"), "in", (name,)), expr)
        order = parse_order(given.texts(order_by, "order_by"))
        self._fresh()
        found = self.store.runs(
            expr, order, deleted=deleted, archived=None if archived or deleted else False
        )
        return Runs(self, found, limit=limit)

    # -- series ----------------------------------------------------------------------------

    @overload
    def history(
        self,
        run: RunRef,
        key: str,
        /,
        *,
        samples: int | None = None,
        x: str = "step",
        start: float | None = None,
        end: float | None = None,
        rank: Rank = 0,
    ) -> History: ...
    @overload
    def history(
        self,
        run: RunRef,
        /,
        *keys: str,
        samples: int | None = None,
        x: str = "step",
        start: float | None = None,
        end: float | None = None,
        rank: Rank = 0,
    ) -> dict[str, History]: ...
    def history(
        self,
        run: RunRef,
        /,
        *keys: str,
        samples: int | None = None,
        x: str = "step",
        start: float | None = None,
        end: float | None = None,
        rank: Rank = 0,
    ) -> History | dict[str, History]:
        """Points of one metric, or of several by name; without names of all.

        Args:
            run: The run, or a reference to it.
            keys: Names of metrics. One gives a :class:`History`, else a dict of them.
            samples: About so many buckets with ``min``, ``max``, ``mean``, ``last``, ``count``
                instead of all points; a series with fewer points comes as points. Over steps
                the buckets at both ends are whole, and may reach beyond ``start`` and ``end``.
            x: ``step``, ``time`` (µs), ``relative`` (seconds since the start) or another metric.
            start: Least x; None for the first.
            end: Largest x; None for the last.
            rank: Whose points: 0 is the lowest rank that logged the metric; ``mean``, ``min``
                or ``max`` is taken over all ranks at each x.

        Raises:
            NotFoundError: The run has no such metric, or no point in that range.
            UsageError: An argument is not possible.
        """
        window = window_of(x, samples, start, end, rank)
        given.texts(keys, "keys")
        if not keys:
            info = self._info(run)
            return history_of(self.store, info.id, tuple(info.metrics), window, rank)
        found = self._by_id([run], lambda ids: history_of(self.store, ids[0], keys, window, rank))
        return found[keys[0]] if len(keys) == 1 else found

    def grid(
        self,
        runs: Iterable[RunRef],
        keys: str | Sequence[str],
        *,
        buckets: int = 1000,
        x: str = "step",
        start: float | None = None,
        end: float | None = None,
        rank: Rank = 0,
    ) -> Grid:
        """Metrics of several runs in the same buckets.

        Args:
            runs: The runs.
            keys: Names of metrics; runs need not have all.
            buckets: About how many.
            x: As for :meth:`history`.
            start: Least x.
            end: Largest x.
            rank: A rank; ``mean``, ``min`` or ``max`` takes all ranks together.

        Raises:
            UsageError: An argument is not possible.
        """
        names = list(dict.fromkeys(given.texts(keys, "keys")))
        window = window_of(x, buckets, start, end, rank)
        return self._by_id(
            runs, lambda ids: grid_of(self.store, list(dict.fromkeys(ids)), names, window)
        )

    # -- what belongs to a run -------------------------------------------------------------

    def keys(self, run: RunRef) -> list[str]:
        """Names of a run's metrics, in order."""
        return sorted(self._info(run).metrics)

    def values(self, run: RunRef, key: str | None = None) -> list[LoggedValue]:
        """Logged images, tables, texts ..., by key, step and time.

        Raises:
            NotFoundError: Nothing was logged under this key.
        """
        info = self._info(run)
        found = self.store.values(info.id, [] if key is None else [given.text(key, "key")])
        if key is not None and not found:
            known = {value.key for value in self.store.values(info.id)}
            hint = nearest(key, known, "values that are no numbers")
            raise NotFoundError(f"run {info.name!r} has no value {key!r}", hint=hint)
        return found

    def captured(self, run: RunRef, *, rank: int | None = None) -> dict[str, dict[str, JSON]]:
        """What surrounded the run, by part: ``code``, ``environment``, ``hardware`` ...

        Args:
            run: The run.
            rank: Of which rank; None for the lowest that recorded a part.
        """
        found: dict[str, dict[str, JSON]] = {}
        for capture in self.store.snapshot(self._info(run).id):
            if rank is None or capture.rank == rank:
                found.setdefault(capture.part, capture.data)
        return {part: self._whole(data) for part, data in found.items()}

    def _whole(self, data: dict[str, JSON]) -> dict[str, JSON]:
        """A part of a record that was too long for one."""
        if list(data) != ["whole"]:
            return data
        try:
            return msgspec.json.decode(self.blob(str(data["whole"])), type=dict[str, Any])
        except (NotabeneError, msgspec.MsgspecError) as error:
            return {"failed": f"it cannot be read: {error}"}

    def console(
        self,
        run: RunRef,
        *,
        tail: int | None = None,
        rank: int | None = None,
        writer: str | None = None,
    ) -> list[Line]:
        """Lines that the run printed: each has ``time`` (µs), ``stream``, ``text``, ``plain``.

        Args:
            run: The run.
            tail: Only the last so many.
            rank: Of which rank; None for the lowest that printed.
            writer: Of which process alone.
        """
        tail = None if tail is None else given.whole(tail, "tail")
        return read_console(self.run_dir(run), tail=tail, rank=rank, writer=writer)

    def follow_console(self, run: RunRef, *, tail: int = 20, rank: int | None = None) -> Follower:
        """The console while it grows: ``read()`` gives what is new."""
        return Follower(self.run_dir(run), tail=tail, rank=rank)

    def blob(self, digest: str) -> bytes:
        """Content by its SHA-256, verified.

        Raises:
            NotFoundError: It is not here.
            IntegrityError: It is damaged.
        """
        return self.blobs.read(digest)

    def open_blob(self, digest: str) -> BinaryIO:
        """The same as a stream, verified when its end is read."""
        return open_blob(self.blobs, digest)

    # -- artifacts -------------------------------------------------------------------------

    def artifacts(
        self, name: str | None = None, type: str | None = None, *, deleted: bool = False
    ) -> list[ArtifactVersion]:
        """Versions by name, the newest first.

        Args:
            name: Only of this artifact.
            type: Only of this type.
            deleted: Also those in the trash.
        """
        names = self.versions.names() if name is None else (name,)
        found = [v for n in names for v in self.versions.list(n, deleted=deleted)]
        return [version for version in found if type in (None, version.type)]

    def artifact(self, ref: str) -> ArtifactView:
        """The version that ``name``, ``name:v3`` or ``name:alias`` names.

        Raises:
            NotFoundError: There is none.
            RefError: The reference has another form.
        """
        return ArtifactView(self, self.versions.resolve(ref))

    def lineage(self, ref: str | RunView, *, direction: Direction = "both") -> Lineage:
        """What a run or a version came from (``up``) and what came of it (``down``).

        Args:
            ref: A run, or ``artifact:name:v3``; ``name:v3`` as well where no run is called so.
            direction: ``up``, ``down`` or ``both``.

        Raises:
            NotFoundError: There is no such run or version.
        """
        if direction not in ("up", "down", "both"):
            raise UsageError(f"direction={direction!r} is unknown; allowed are up, down, both")
        self._fresh()
        return lineage_of(self.store, self._node(ref), direction)

    def _node(self, ref: str | RunView) -> Node:
        if isinstance(ref, str) and ref.startswith("artifact:"):
            return _node_of(self.versions.resolve(ref))
        try:
            info = self._info(ref)
        except NotFoundError:
            try:
                return _node_of(self.versions.resolve(cast("str", ref)))
            except NotFoundError:
                pass
            raise
        return Node("run", info.id, info.name, info.status)

    # -- projects --------------------------------------------------------------------------

    def diary(self, project: str) -> list[DiaryEntry]:
        """The laboratory notebook of a project: hypotheses, runs, notes, conclusions by time.

        Raises:
            NotFoundError: There is no such project.
        """
        self._fresh()
        notes = self.store.notes(given.text(project, "project"))
        entries = diary_of((view.info for view in self.runs(project=project, archived=True)), notes)
        if not entries:
            known = [p.name for p in self.store.projects()]
            hint = nearest(project, known, "projects yet")
            raise NotFoundError(f"there is no project {project!r}", hint=hint)
        return entries


def _node_of(version: ArtifactVersion) -> Node:
    kind: Literal["artifact"] = "artifact"
    return Node(kind, version.ref, version.name, version.type)
