"""Runs as readers get them: one, or those that a search finds."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, Protocol, overload

import msgspec

from notabene.api import frames
from notabene.api.frames import iso
from notabene.api.history import History, Rank
from notabene.capture.playback import Line
from notabene.model.entities import LoggedValue, RunInfo
from notabene.model.records import JSON
from notabene.store.base import RunSet

PAGE = 500
SHOWN = 20
TIMES = ("created", "started", "ended", "updated")
_PLAIN = (
    "id", "name", "project", "status", "duration", "config", "summary", "tags", "user", "host",
    "group", "parent", "source", "hypothesis", "exit_code", "reason", "traceback", "last_lines",
    "points", "ranks", "number", "archived", "deleted", "cost_cpu",
)  # fmt: skip
_LISTS = ("notes", "alerts", "health", "artifacts")


class RunReader(Protocol):
    """Where a view asks for more: the Api."""

    def run(self, ref: str, /) -> RunView:
        """The run as it is now."""
        ...

    def history(
        self, run: str, /, *keys: str, samples: int | None = ..., x: str = ..., rank: Rank = ...
    ) -> History | dict[str, History]:
        """Its metrics."""
        ...

    def values(self, run: str, key: str | None = ..., /) -> list[LoggedValue]:
        """Its values that are no numbers."""
        ...

    def captured(self, run: str, /) -> dict[str, dict[str, JSON]]:
        """What surrounded it."""
        ...

    def console(self, run: str, /, *, tail: int | None = ..., rank: int | None = ...) -> list[Line]:
        """What it printed."""
        ...


class RunView:
    """A run as it was when it was asked for.

    All fields of :class:`~notabene.model.entities.RunInfo` are attributes: ``status``, ``config``
    (nested), ``params`` (by dotted path), ``summary``, ``metrics``, ``tags``, ``notes``,
    ``facts``, ``artifacts`` (what it read and made) ... Methods read further data when called.

    Attributes:
        info: The fields as one object.
    """

    __slots__ = ("_api", "info")

    def __init__(self, api: RunReader, info: RunInfo) -> None:
        self._api = api
        self.info = info

    @property
    def id(self) -> str:
        """The run's id."""
        return self.info.id

    @property
    def name(self) -> str:
        """The run's name."""
        return self.info.name

    @property
    def project(self) -> str:
        """The run's project."""
        return self.info.project

    @property
    def status(self) -> str:
        """running, finished, failed, stopped, killed or lost."""
        return self.info.status

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(object.__getattribute__(self, "info"), name)
        except AttributeError:
            raise AttributeError(f"a run has no attribute {name!r}") from None

    def __dir__(self) -> list[str]:
        own = [name for name in super().__dir__() if not name.startswith("_")]
        return sorted({*own, *RunInfo.__struct_fields__, "config"})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunView) and (self.id, self._api) == (other.id, other._api)

    def __hash__(self) -> int:
        return hash(self.id)

    def reload(self) -> RunView:
        """The run as it is now."""
        return self._api.run(self.id)

    def history(
        self, *keys: str, samples: int | None = None, x: str = "step", rank: Rank = 0
    ) -> History | dict[str, History]:
        """As :meth:`notabene.Api.history`."""
        return self._api.history(self.id, *keys, samples=samples, x=x, rank=rank)

    def values(self, key: str | None = None) -> list[LoggedValue]:
        """As :meth:`notabene.Api.values`."""
        return self._api.values(self.id, key)

    def captured(self) -> dict[str, dict[str, JSON]]:
        """As :meth:`notabene.Api.captured`."""
        return self._api.captured(self.id)

    def console(self, *, tail: int | None = None, rank: int | None = None) -> list[Line]:
        """As :meth:`notabene.Api.console`."""
        return self._api.console(self.id, tail=tail, rank=rank)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: each time as ISO 8601 (``created``) and in µs (``created_us``)."""
        info = self.info
        out: dict[str, Any] = {name: getattr(info, name) for name in _PLAIN}
        for name in TIMES:
            out[name] = iso(getattr(info, name))
            out[f"{name}_us"] = getattr(info, name)
        out["metrics"] = {
            key: {**msgspec.structs.asdict(metric), "best": metric.best}
            for key, metric in info.metrics.items()
        }
        for name in _LISTS:
            out[name] = [msgspec.structs.asdict(item) for item in getattr(info, name)]
        conclusion = info.conclusion
        out["conclusion"] = None if conclusion is None else msgspec.structs.asdict(conclusion)
        return out

    def __repr__(self) -> str:
        return f"<run {self.project}/{self.name} {self.id} {self.status}>"

    def _repr_html_(self) -> str:
        return _html(
            ("", ""),
            [
                ("run", f"{self.project}/{self.name}"),
                ("id", self.id),
                ("status", self.status),
                ("started", iso(self.info.started) or ""),
                *((key, _figure(value)) for key, value in self.info.summary.items()),
            ],
        )


class Runs(Sequence[RunView]):
    """The runs that a search finds, in order; nothing is read before it is needed.

    A sequence: iterate, ``len``, index, slice. A slice is again such a sequence.
    """

    def __init__(
        self, api: RunReader, found: RunSet, *, limit: int | None = None, offset: int = 0
    ) -> None:
        self._api = api
        self._found = found
        self._limit = limit
        self._offset = offset

    @property
    def total(self) -> int:
        """How many runs the search finds, whatever the limit."""
        return self._found.count()

    def __len__(self) -> int:
        left = max(0, self.total - self._offset)
        return left if self._limit is None else min(left, self._limit)

    def __bool__(self) -> bool:
        return bool(self._page(1, 0))

    def __iter__(self) -> Iterator[RunView]:
        if self._limit is None and not self._offset:
            for info in self._found:
                yield RunView(self._api, info)
            return
        at = 0
        while infos := self._page(PAGE, at):
            for info in infos:
                yield RunView(self._api, info)
            at += len(infos)

    def _page(self, count: int, at: int) -> list[RunInfo]:
        if self._limit is not None:
            count = min(count, self._limit - at)
        return self._found.page(count, self._offset + at) if count > 0 else []

    @overload
    def __getitem__(self, index: int) -> RunView: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RunView]: ...
    def __getitem__(self, index: int | slice) -> RunView | Sequence[RunView]:
        if isinstance(index, slice):
            return self._slice(index)
        index = operator.index(index)
        at = index + len(self) if index < 0 else index
        found = self._page(1, at) if at >= 0 else []
        if not found:
            raise IndexError(f"there is no run {index}; the search finds {len(self)}")
        return RunView(self._api, found[0])

    def _slice(self, index: slice) -> Sequence[RunView]:
        start, stop = index.start or 0, index.stop
        if index.step not in (None, 1) or start < 0 or (stop is not None and stop < 0):
            start, stop, step = index.indices(len(self))
            if step != 1:
                return [self[at] for at in range(start, stop, step)]
        ends = [n - start for n in (stop, self._limit) if n is not None]
        limit = max(0, min(ends)) if ends else None
        return Runs(self._api, self._found, limit=limit, offset=self._offset + start)

    @property
    def ids(self) -> list[str]:
        """Ids of the runs."""
        return self._found.ids(self._limit, self._offset)

    def to_records(self) -> list[dict[str, Any]]:
        """A mapping per run; see :meth:`RunView.to_dict`."""
        return [view.to_dict() for view in self]

    def to_pandas(
        self, columns: Iterable[str] | None = None, *, stats: Sequence[str] = ("last",)
    ) -> Any:
        """A pandas DataFrame, one row a run.

        Args:
            columns: Fields of the search language: ``name``, ``params.lr``,
                ``metrics."val/acc".max``, ``git.commit``. Default: id, project, name, status,
                created, duration, and all params, tags and metrics of these runs.
            stats: Which statistics of each metric, where no columns are named: ``last`` as
                ``metrics.loss``, others as ``metrics.loss.min``.

        Raises:
            QueryError: A column is no field.
            MissingDependencyError: pandas is not installed.
        """
        return frames.to_pandas(self.table(columns, stats))

    def to_polars(
        self, columns: Iterable[str] | None = None, *, stats: Sequence[str] = ("last",)
    ) -> Any:
        """A Polars DataFrame; see :meth:`to_pandas`.

        Raises:
            QueryError: A column is no field.
            MissingDependencyError: Polars is not installed.
        """
        return frames.to_polars(self.table(columns, stats))

    def to_arrow(
        self, columns: Iterable[str] | None = None, *, stats: Sequence[str] = ("last",)
    ) -> Any:
        """A pyarrow Table; see :meth:`to_pandas`.

        Raises:
            QueryError: A column is no field.
            MissingDependencyError: pyarrow is not installed.
        """
        return frames.to_arrow(self.table(columns, stats))

    def to_columns(
        self, columns: Iterable[str] | None = None, *, stats: Sequence[str] = ("last",)
    ) -> dict[str, Any]:
        """The same table as arrays, or lists where values are absent; see :meth:`to_pandas`.

        Raises:
            QueryError: A column is no field.
        """
        return {column.name: column.values for column in self.table(columns, stats)}

    def table(
        self, columns: Iterable[str] | None = None, stats: Sequence[str] = ("last",)
    ) -> list[frames.Column]:
        """The same table as typed columns."""
        if isinstance(columns, str):
            columns = [columns]
        return frames.read_columns(self._found, columns, stats, self._limit, self._offset)

    def __repr__(self) -> str:
        return f"<{len(self):,} runs>"

    def _repr_html_(self) -> str:
        views = list(self[:SHOWN])
        keys = list(dict.fromkeys(key for view in views for key in view.info.summary))[:6]
        rows = [
            (
                view.id[-6:],
                view.project,
                view.name,
                view.status,
                iso(view.info.created) or "",
                *(_figure(view.info.summary.get(key)) for key in keys),
            )
            for view in views
        ]
        more = len(self) - len(views)
        note = f"<p>and {more:,} more</p>" if more else ""
        return _html(("id", "project", "name", "status", "created", *keys), rows) + note


def _figure(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:200]


def _html(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(tag: str, cells: Iterable[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<table><thead>{line('th', head)}</thead><tbody>{body}</tbody></table>"
