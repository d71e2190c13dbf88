"""Projects at a glance, and the fields that their runs have."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from notabene._ids import now_us
from notabene.api import Api
from notabene.model.entities import MetricSummary, Project, RunInfo
from notabene.model.records import JSON
from notabene.query.ast import Expr, Field, Order, Test, all_of
from notabene.query.fields import ATTRIBUTES, type_of
from notabene.query.text import write_field

DAY = 86_400_000_000
DAYS = 30
DISTINCT = 1000
SAMPLE = 20
LONGEST = 250
"""Characters of a sample value."""

ENDED_BADLY = ("failed", "killed", "lost")


class Headline(msgspec.Struct, frozen=True):
    """The best value of the metric that a project is about.

    Attributes:
        key: The metric: the first by name that has a goal, on validation data if there is one.
        goal: ``min`` or ``max``.
        value: The best value.
        run: Id of the run that has it.
        run_name: Its name.
    """

    key: str
    goal: str
    value: float
    run: str
    run_name: str


class ProjectCard(Project, frozen=True):
    """A project, and what moved in it.

    Attributes:
        failed_recent: Runs that ended badly within the last 24 hours.
        activity: Runs that began on each of the last 30 days (UTC), the oldest day first.
        headline: The best value of its headline metric.
    """

    failed_recent: int = 0
    activity: tuple[int, ...] = ()
    headline: Headline | None = None


class Sample(msgspec.Struct, frozen=True):
    """A value, and how many runs have it."""

    value: JSON
    count: int


class FieldCard(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be asked for or shown.

    Attributes:
        field: As the search language writes it: ``params.lr``, ``metrics."val/acc"``.
        kind: ``attribute``, ``param``, ``metric``, ``tag``, ``summary`` or ``fact``.
        key: The key as it was logged.
        type: ``number``, ``text``, ``bool``, ``time``, ``choice``, ``duration`` or ``any``.
        runs: How many runs have it.
        distinct: How many different values, counted up to 1,000; 0 for metrics.
        sample: The most frequent values.
        goal: Of a metric.
        unit: Of a metric.
    """

    field: str
    kind: str
    key: str
    type: str
    runs: int
    distinct: int = 0
    sample: list[Sample] = []
    goal: str = ""
    unit: str = ""


def today() -> int:
    """Number of the day, so that what counts days is computed anew with each."""
    return now_us() // DAY


def cards(api: Api) -> list[ProjectCard]:
    """All projects with what moved in them."""
    moved = _moved(api)
    return [
        ProjectCard(**msgspec.structs.asdict(project), **moved.get(project.name, {}))
        for project in api.projects()
    ]


def _moved(api: Api) -> dict[str, dict[str, Any]]:
    fields = [Field("attribute", name) for name in ("project", "status", "created", "ended")]
    found = api.store.runs(archived=None).columns(fields)
    projects, statuses, created, ended = (found[field].tolist() for field in fields)
    now = now_us()
    out: dict[str, dict[str, Any]] = {}
    for project, status, began, end in zip(projects, statuses, created, ended, strict=True):
        one = out.setdefault(project, {"failed_recent": 0, "activity": [0] * DAYS})
        ago = now // DAY - began // DAY
        if 0 <= ago < DAYS:
            one["activity"][DAYS - 1 - ago] += 1
        if status in ENDED_BADLY and (end or now) > now - DAY:
            one["failed_recent"] += 1
    for project, one in out.items():
        one["activity"] = tuple(one["activity"])
        one["headline"] = headline(api, project)
    return out


def headline(api: Api, project: str) -> Headline | None:
    """The best value of the project's headline metric, as its newest runs define it."""
    within = Test(Field("attribute", "project"), "in", (project,))
    goals: dict[str, str] = {}
    for info in api.store.runs(within, archived=None).page(20):
        for key, metric in info.metrics.items():
            if metric.goal:
                goals.setdefault(key, metric.goal)
    if not goals:
        return None
    key = min(goals, key=lambda name: (goals[name] != "max", "val" not in name, name))
    field = Field("metric", key, goals[key])
    there = Test(field, "null", negated=True)
    order = (Order(field, descending=goals[key] == "max"),)
    best = api.store.runs(all_of(within, there), order, archived=None).page(1)
    if not best or key not in best[0].metrics:
        return None
    value = float(getattr(best[0].metrics[key], goals[key]))
    if not math.isfinite(value):
        return None
    return Headline(key, goals[key], value, best[0].id, best[0].name)


# -- fields ------------------------------------------------------------------------------------


class _Tally:
    """Values of one field over all runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.values: Counter[Any] = Counter()
        self.types: set[str] = set()
        self.metric: MetricSummary | None = None

    def add(self, value: JSON) -> None:
        """Count a value of one run."""
        self.runs += 1
        self.types.add(_type(value))
        plain = value if isinstance(value, str | int | float | bool) or value is None else None
        shown = plain if plain is not None or value is None else msgspec.json.encode(value).decode()
        if isinstance(shown, str):
            shown = shown[:LONGEST]
        # True and 1 are equal in Python, and are not in a config.
        key = (type(shown).__name__, shown)
        if key in self.values or len(self.values) < DISTINCT:
            self.values[key] += 1


def _type(value: JSON) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "any"


def fields_of(api: Api, project: str, where: Expr, *, archived: bool) -> list[FieldCard]:
    """All fields of the runs that fit, attributes first."""
    api.look()
    tallies: dict[Field, _Tally] = {}
    for info in _runs(api, project, where, archived=archived):
        for field, value in _values(info):
            tallies.setdefault(field, _Tally()).add(value)
        for key, metric in info.metrics.items():
            tally = tallies.setdefault(Field("metric", key), _Tally())
            tally.runs += 1
            if tally.metric is None or metric.goal:
                tally.metric = metric
    order = ("attribute", "param", "metric", "tag", "summary", "fact")
    found = sorted(tallies, key=lambda f: (order.index(f.kind), f.name))
    names = [a.name for a in ATTRIBUTES]
    attributes = [f for n in names for f in found if f.kind == "attribute" and f.name == n]
    return [
        _card(f, tallies[f]) for f in (*attributes, *(f for f in found if f.kind != "attribute"))
    ]


def _runs(api: Api, project: str, where: Expr, *, archived: bool) -> Iterable[RunInfo]:
    parts = [where]
    if project:
        parts.insert(0, Test(Field("attribute", "project"), "in", (project,)))
    return api.store.runs(all_of(*parts), archived=None if archived else False)


def _values(info: RunInfo) -> Iterator[tuple[Field, JSON]]:
    for attribute in ATTRIBUTES:
        name = attribute.name
        if name in ("conclusion", "verdict"):
            part = "text" if name == "conclusion" else "verdict"
            value = getattr(info.conclusion, part, "")
        else:
            value = getattr(info, name)
        if value not in ("", None):
            yield Field("attribute", name), value
    for key, value in info.params.items():
        yield Field("param", key), value
    for key, value in info.tags.items():
        yield Field("tag", key), value
    for key, value in info.summary.items():
        if key not in info.metrics:
            yield Field("summary", key), value
    for key, value in info.facts.items():
        yield Field("fact", key), value


def _card(field: Field, tally: _Tally) -> FieldCard:
    name = write_field(field)
    if field.kind == "metric":
        metric = tally.metric
        return FieldCard(
            field=name,
            kind="metric",
            key=field.name,
            type="number",
            runs=tally.runs,
            goal=metric.goal if metric else "",
            unit=metric.unit if metric else "",
        )
    types = tally.types - {"any"} or {"any"}
    kind = str(type_of(field)) if field.kind == "attribute" else types.pop()
    few = tally.values.most_common(SAMPLE)
    return FieldCard(
        field=name,
        kind=field.kind,
        key=field.name,
        type="any" if types and field.kind != "attribute" else kind,
        runs=tally.runs,
        distinct=len(tally.values),
        sample=[Sample(value, count) for (_, value), count in few],
    )


def keys_of(api: Api, project: str) -> dict[str, list[str]]:
    """Keys by the kind of the field, for completion; of the newest 500 runs."""
    api.look()
    within = Test(Field("attribute", "project"), "in", (project,)) if project else None
    found: dict[str, dict[str, None]] = {}
    begun = time.monotonic()
    for info in api.store.runs(within, archived=None).page(500):
        for kind in ("param", "metric", "tag", "summary", "fact"):
            mapping = getattr(info, {"param": "params", "metric": "metrics", "tag": "tags",
                                     "summary": "summary", "fact": "facts"}[kind])  # fmt: skip
            found.setdefault(kind, {}).update(dict.fromkeys(mapping))
        if time.monotonic() - begun > 1:
            break
    return {kind: sorted(names) for kind, names in found.items()}
