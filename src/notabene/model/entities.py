"""What is true: the things stores answer with, the same in Python, CLI JSON and REST.

Times are int64 microseconds since 1970-01-01 UTC, 0 where not known; durations are seconds.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from notabene.model.records import JSON, Level, Status, Verdict


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all entities: immutable, comparable, encodes to JSON by msgspec."""


class MetricSummary(Entity, frozen=True):
    """Statistics of one metric of one run (all ranks and writers together).

    ``min``, ``max`` and ``mean`` are over finite values and NaN where there is none; ``last``
    is the value at the largest step, the latest of several.
    """

    key: str
    n: int
    last: float
    last_step: int
    last_time: int
    min: float
    min_step: int
    max: float
    max_step: int
    mean: float
    first: float
    first_step: int
    nan: int = 0
    posinf: int = 0
    neginf: int = 0
    goal: Literal["", "min", "max"] = ""
    unit: str = ""
    x: str = ""
    summary: str = ""
    """The rule: last (when empty), min, max, mean, best, first or none."""

    @property
    def best(self) -> float:
        """The maximum where the goal is ``max``, the minimum where it is ``min``, else NaN."""
        return {"min": self.min, "max": self.max}.get(self.goal, math.nan)

    @property
    def value(self) -> float:
        """What the summary rule chooses."""
        return float(getattr(self, self.summary or "last", self.last))


class Note(Entity, frozen=True):
    """A note on a run or, where ``run`` is empty, on a project."""

    id: str
    text: str
    author: str
    time: int
    run: str = ""
    project: str = ""


class View(Entity, frozen=True):
    """What somebody wants to find again: a page of a project, as it was set up."""

    id: str
    project: str
    """Empty for a view of all projects."""
    name: str
    page: str
    """Which page it is of: ``runs``, ``charts`` ..."""
    state: str
    """What stands after ``?`` in its address; it never changes under one id."""
    author: str
    created: int


class Conclusion(Entity, frozen=True):
    """What a run showed."""

    text: str
    verdict: Verdict | Literal[""]
    author: str
    time: int


class Alert(Entity, frozen=True):
    """Something a run wants to be seen."""

    id: str
    title: str
    text: str
    level: Level
    time: int


class Health(Entity, frozen=True):
    """Something in a run's record that is not as it should be, counted."""

    code: str
    message: str
    count: int
    time: int


class ArtifactEdge(Entity, frozen=True):
    """A run made (``output``) or read (``input``) a version of an artifact."""

    run: str
    direction: Literal["input", "output"]
    name: str
    version: int
    digest: str
    time: int
    role: str = ""


class RunInfo(Entity, frozen=True):
    """All that is known of a run but its series, values and captures."""

    id: str
    project: str
    name: str
    status: Status
    created: int
    started: int
    ended: int
    """0 while it runs."""
    updated: int
    """Time of the newest record or point."""
    duration: float
    """Seconds from start to end, or to the newest sign of life."""
    user: str = ""
    host: str = ""
    group: str = ""
    parent: str = ""
    source: str = ""
    hypothesis: str = ""
    conclusion: Conclusion | None = None
    tags: dict[str, str] = {}
    params: dict[str, JSON] = {}
    """Config by dotted path."""
    metrics: dict[str, MetricSummary] = {}
    summary: dict[str, JSON] = {}
    """One value a key: set by the user, else what the metric's rule chooses."""
    facts: dict[str, JSON] = {}
    """What captures found and can be searched, by full name: ``git.commit``, ``env.python``."""
    notes: tuple[Note, ...] = ()
    alerts: tuple[Alert, ...] = ()
    health: tuple[Health, ...] = ()
    artifacts: tuple[ArtifactEdge, ...] = ()
    exit_code: int | None = None
    reason: str = ""
    traceback: str = ""
    last_lines: str = ""
    points: int = 0
    ranks: int = 1
    archived: bool = False
    deleted: bool = False
    cost_cpu: float = 0.0
    """CPU seconds that notabene took in the run's processes."""
    number: int = 0
    """Its number in the project it began in, given once; 0 of runs that have none."""

    @property
    def config(self) -> dict[str, JSON]:
        """The nested config."""
        return nest(self.params)


class Project(Entity, frozen=True):
    """A project and its counts."""

    name: str
    runs: int
    running: int
    created: int
    updated: int


class ArtifactVersion(Entity, frozen=True):
    """One version of a named artifact."""

    name: str
    version: int
    type: str
    digest: str
    size: int
    files: int
    created: int
    run: str = ""
    """The run that made it first."""
    aliases: tuple[str, ...] = ()
    metadata: dict[str, JSON] = {}
    description: str = ""
    deleted: bool = False

    @property
    def ref(self) -> str:
        """``name:v3``."""
        return f"{self.name}:v{self.version}"


class LoggedValue(Entity, frozen=True):
    """A value that is no number, at a step."""

    run: str
    key: str
    step: int
    time: int
    rank: int
    kind: str
    value: dict[str, JSON]


class Change(Entity, frozen=True):
    """One entry of the change feed: something with this kind and id has a newer version.

    Attributes:
        points: How many points a run has by now: one that only showed that it lives has as many
            as before. 0 for what is no run, and for a run that is gone.
    """

    kind: Literal["run", "project", "artifact"]
    id: str
    version: int
    points: int = 0


def nest(params: dict[str, JSON]) -> dict[str, JSON]:
    """``{"model.depth": 3}`` -> ``{"model": {"depth": 3}}``.

    Where a path is both a value and a folder, the value keeps the key ``""`` in the folder.
    """
    from notabene.model.refs import split_path

    out: dict[str, JSON] = {}
    for key in sorted(params):
        *parents, leaf = split_path(key)
        at = out
        for part in parents:
            below = at.get(part)
            if not isinstance(below, _Folder):
                below = _Folder() if below is None else _Folder({"": below})
                at[part] = below
            at = below
        at[leaf] = params[key]
    return out


class _Folder(dict[str, JSON]):
    """A dict made by :func:`nest`, told from one that is a config value."""
