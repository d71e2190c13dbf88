"""The Store protocol: one write door, and what can be asked.

What every store promises:

* **One door.** Everything is written by :meth:`Store.apply`. Deleting, renaming, tagging and
  aliasing are records, so they need no method.
* **Once.** A record counts once, however often and in whatever order it is applied: it is known
  by its writer and sequence. Cells that can change go by the largest ``(time, writer, seq)``.
* **Wholly.** A call of ``apply`` takes effect as one, or raises and has none.
* **Late is well.** Nothing is refused because it is late, unknown or comes before what it
  refers to.
* **Threads.** All methods may be called from any thread. After a fork, the child opens a store
  of its own.
* **Numbers.** NaN, ±Inf and every bit of a float64 come back as they were logged.

``testing.StoreSuite`` holds a backend to these rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Protocol, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from notabene.journal.block import F64, I64
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
from notabene.query.ast import Expr, Field, FieldKind, Order

Columns = dict[Field, npt.NDArray[np.generic]]
"""A table by column: float64 for metrics, int64 for times and counts, else objects."""


class ChangeSet(msgspec.Struct, frozen=True):
    """What changed since a cursor.

    Attributes:
        cursor: Where to go on.
        reload: The cursor is of another life of the store: read everything again.
        changes: At least what changed, in no order; something may be named twice.
    """

    cursor: str
    reload: bool
    changes: tuple[Change, ...] = ()


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Which points, and how many of them.

    Attributes:
        x: ``step``, ``time`` (µs), ``relative`` (seconds since the run's start), or a metric:
            ``metric:<key>``.
        low: Least x to show; None for the first.
        high: Largest x to show; None for the last.
        buckets: Into about how many the range is cut; 0 for the points themselves. A series
            that has no more points than this in the range comes as points anyway.
        ranks: ``first`` for the lowest rank that logged the key, ``all`` for all taken together,
            a number for that rank alone.
        hidden: Also points that a resumed run replaced.
    """

    x: str = "step"
    low: float | None = None
    high: float | None = None
    buckets: int = 0
    ranks: Literal["first", "all"] | int = "first"
    hidden: bool = False


class Points(msgspec.Struct, frozen=True, eq=False):
    """Points in order of (x, time): all of shape (n,), values float64 to the bit."""

    x: F64 | I64
    steps: I64
    times: I64
    values: F64


class Buckets(msgspec.Struct, frozen=True, eq=False):
    """Statistics per bucket that holds a point, in order of x; all of shape (n,).

    ``min``, ``max`` and ``mean`` are over finite values, NaN where there is none. Bounds that
    come from a stored pyramid may be the next float32 outward.
    """

    start: F64
    """Where the bucket begins; it is :attr:`Series.width` wide."""
    first: F64 | I64
    """Least x in it."""
    last: F64 | I64
    """Largest x in it."""
    count: I64
    nan: I64
    posinf: I64
    neginf: I64
    min: F64
    max: F64
    mean: F64
    value: F64
    """The last value in it."""


class Series(msgspec.Struct, frozen=True, eq=False):
    """One metric of one run, as points or as buckets; both are None where there is nothing.

    Attributes:
        run: Id of the run.
        key: Name of the metric.
        rank: Whose it is; -1 for all ranks together.
        width: Width of a bucket in x, the same for all series of one answer; 0 for points.
    """

    run: str
    key: str
    rank: int = 0
    width: float = 0
    points: Points | None = None
    buckets: Buckets | None = None


class Capture(msgspec.Struct, frozen=True):
    """One captured part of what surrounded a run.

    Attributes:
        part: ``code``, ``environment``, ...
        rank: Whose process.
        time: When, µs.
        data: What was found.
    """

    part: str
    rank: int
    time: int
    data: dict[str, JSON]


@runtime_checkable
class RunSet(Protocol):
    """The runs that a search finds, in order; nothing is read before it is asked for."""

    def count(self) -> int:
        """How many there are."""
        ...

    def page(self, limit: int | None = None, offset: int = 0) -> list[RunInfo]:
        """Some of them."""
        ...

    def __iter__(self) -> Iterator[RunInfo]:
        """All of them, read in pages; runs that come meanwhile may be missed."""
        ...

    def ids(self, limit: int | None = None, offset: int = 0) -> list[str]:
        """Their ids alone."""
        ...

    def columns(
        self,
        fields: Sequence[Field] | None = None,
        *,
        kinds: Sequence[FieldKind] = ("param", "tag", "metric"),
        stats: Sequence[str] = ("last",),
        limit: int | None = None,
        offset: int = 0,
    ) -> Columns:
        """Some of them as a table by column, without an object per run.

        Args:
            fields: Which columns; None for id, project, name, status, created, duration and
                everything of some kinds that one of the runs has.
            kinds: Of which kinds, where no columns are named; summary values only under names
                that are no metric's.
            stats: Which statistics of each metric, where no columns are named.
            limit: At most so many runs.
            offset: How many to leave out at the beginning.

        Returns:
            One array per field, all as long as there are runs. Absent is NaN for metrics and
            None for all else.
        """
        ...


@runtime_checkable
class Store(Protocol):
    """Records in, answers out. See the module's text for what all stores promise."""

    def apply(self, batches: Iterable[Batch], *, seen: int = 0) -> None:
        """Take in frames of journals.

        Args:
            batches: In any order, also ones that came before.
            seen: When they were noticed to be new, µs, where that is a sign of life; 0 if not.

        Raises:
            TransportError: The database cannot be reached; nothing was taken in.
        """
        ...

    def changes(self, cursor: str = "") -> ChangeSet:
        """What changed since a cursor; an empty cursor gives the present one and no changes."""
        ...

    def projects(self) -> list[Project]:
        """All projects by name, those in the trash left out of the counts."""
        ...

    def run(self, ref: str) -> RunInfo:
        """The run that a reference names (see :mod:`notabene.model.refs`).

        Raises:
            NotFoundError: No run has that id, beginning, ending or name.
            RefError: More than one run has it.
        """
        ...

    def runs(
        self,
        where: Expr | None = None,
        order: Sequence[Order] = (),
        *,
        deleted: bool | None = False,
        archived: bool | None = False,
    ) -> RunSet:
        """The runs that fit a search, newest first unless ``order`` says else.

        Args:
            where: The search; None for all.
            order: What to sort by.
            deleted: Only those in the trash, only those not, or (None) all. Not looked at
                where the search itself asks for ``deleted``.
            archived: The same for those put aside.
        """
        ...

    def series(
        self, runs: Sequence[str], keys: Sequence[str], window: Window | None = None
    ) -> list[Series]:
        """Metrics of runs on one grid: for each run each key that it has, in this order.

        Raises:
            NotFoundError: One of the run ids is not there.
        """
        ...

    def values(self, run: str, keys: Sequence[str] = ()) -> list[LoggedValue]:
        """Logged values that are no numbers, by key, step and time; all keys if none is given.

        Raises:
            NotFoundError: The run is not there.
        """
        ...

    def snapshot(self, run: str) -> list[Capture]:
        """All that was captured around a run, by part and rank.

        Raises:
            NotFoundError: The run is not there.
        """
        ...

    def artifact(self, ref: str) -> ArtifactVersion:
        """The version that ``name``, ``name:v3`` or ``name:alias`` names, also a deleted one.

        ``latest`` is the version that was logged last, new or again, of those not deleted; it is
        among the version's aliases.

        Raises:
            NotFoundError: There is none.
            RefError: It has another form.
        """
        ...

    def artifacts(self, name: str = "", *, deleted: bool = False) -> list[ArtifactVersion]:
        """Versions by name and number: all, or those of one name."""
        ...

    def links(
        self, *, run: str = "", artifact: str = "", version: int | None = None
    ) -> list[ArtifactEdge]:
        """Which runs made or read which versions, in order of time.

        Args:
            run: Of one run.
            artifact: Of one artifact ...
            version: ... or of one version of it.
        """
        ...

    def find(self, fact: str, value: JSON) -> list[RunInfo]:
        """Runs with a captured fact of this value (a fingerprint, a commit), newest first."""
        ...

    def notes(self, project: str) -> list[Note]:
        """The diary of a project: notes without a run, in order of time."""
        ...

    def views(self, project: str | None = None) -> list[View]:
        """Views that people saved, in order of time: all, or those of one project.

        The empty project has those of all projects together.
        """
        ...

    def close(self) -> None:
        """Let go of everything; a closed store answers nothing more."""
        ...
