"""Projects at a glance, and the keys that their runs have."""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec

from notabene._ids import now_us
from notabene.api import Api
from notabene.model.entities import Project
from notabene.query.ast import Field, Order, Test, all_of

DAY = 86_400_000_000
DAYS = 30
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
