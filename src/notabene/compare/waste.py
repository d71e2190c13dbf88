"""How much work came to nothing, and why: told by cause, never by person."""

from __future__ import annotations

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from notabene.compare.repeated import Group

WEEK_US = 7 * 86_400_000_000


class Cause(msgspec.Struct, kw_only=True):
    """Runs that ended for one cause.

    Attributes:
        name: ``ValueError``, ``out of memory``, ``killed``, ``stopped`` ...
        runs: Their ids.
        seconds: What they took together.
        median: Seconds until the end, the median.
    """

    name: str
    runs: list[str]
    seconds: float
    median: float


class Waste(msgspec.Struct, kw_only=True):
    """A project's balance.

    Attributes:
        project: Empty for all.
        runs: How many, by status.
        seconds: What they took, by status.
        failures: Runs that did not complete, by cause, the costliest first.
        repeats: Groups of runs that were the same, see :class:`~notabene.compare.repeated.Group`.
        repeated_seconds: What the repeats took.
        after_divergence: Runs that went on after a metric had become NaN or infinite:
            ``{"run", "metric", "step", "seconds"}``.
        diverged_seconds: What they took after that.
        weeks: ``{"week": µs, "runs", "seconds", "not_completed", "repeated"}``, the oldest first.
    """

    project: str = ""
    runs: dict[str, int] = {}
    seconds: dict[str, float] = {}
    failures: list[Cause] = []
    repeats: list[Group] = []
    repeated_seconds: float = 0.0
    after_divergence: list[dict[str, Any]] = []
    diverged_seconds: float = 0.0
    weeks: list[dict[str, Any]] = []


def waste_of(project: str, views: Iterable[Any], groups: list[Group]) -> Waste:
    """Count.

    Args:
        project: Its name.
        views: Its runs.
        groups: Of its repeats.
    """
    found = Waste(project=project, runs={}, seconds={}, repeats=[], after_divergence=[])
    causes: dict[str, list[Any]] = defaultdict(list)
    weeks: dict[int, dict[str, Any]] = {}
    repeated = {run for group in groups if group.kind == "duplicate" for run in group.runs[1:]}
    for view in views:
        seconds = max(0.0, float(view.duration or 0.0))
        found.runs[view.status] = found.runs.get(view.status, 0) + 1
        found.seconds[view.status] = found.seconds.get(view.status, 0.0) + seconds
        not_completed = view.status in ("failed", "killed", "lost", "stopped")
        if not_completed:
            causes[cause_of(view)].append(view)
        _divergence(found, view, seconds)
        week = weeks.setdefault(
            view.created // WEEK_US * WEEK_US,
            {"week": 0, "runs": 0, "seconds": 0.0, "not_completed": 0.0, "repeated": 0.0},
        )
        week["week"] = view.created // WEEK_US * WEEK_US
        week["runs"] += 1
        week["seconds"] += seconds
        week["not_completed"] += seconds if not_completed else 0.0
        week["repeated"] += seconds if view.id in repeated else 0.0
    found.failures = sorted(
        (_cause(name, runs) for name, runs in causes.items()), key=lambda one: -one.seconds
    )
    found.repeats = [group for group in groups if group.kind == "duplicate"]
    found.repeated_seconds = sum(group.seconds for group in found.repeats)
    found.weeks = [weeks[week] for week in sorted(weeks)]
    return found


def _cause(name: str, views: list[Any]) -> Cause:
    times = [max(0.0, float(view.duration or 0.0)) for view in views]
    return Cause(
        name=name,
        runs=[view.id for view in views],
        seconds=sum(times),
        median=statistics.median(times),
    )


_MEMORY = re.compile(r"out of memory|OutOfMemory|MemoryError|OOM|Cannot allocate", re.IGNORECASE)
_DISK = re.compile(r"No space left|Disk quota|ENOSPC")
_NETWORK = re.compile(r"(?i)ConnectionError|Timeout|NCCL|Connection (reset|refused)|ssl\.")
_CODE = frozenset(
    "NameError AttributeError ImportError ModuleNotFoundError SyntaxError TypeError KeyError "
    "IndexError UnboundLocalError IndentationError NotImplementedError".split()
)


def cause_of(view: Any) -> str:
    """Why a run did not complete, in a word or two that others share."""
    text = f"{view.reason} {view.traceback[-2000:] if view.traceback else ''}"
    if view.status in ("stopped", "killed", "lost"):
        return {"stopped": "stopped by somebody", "killed": "killed", "lost": "lost"}[view.status]
    for pattern, name in ((_MEMORY, "out of memory"), (_DISK, "disk full"), (_NETWORK, "network")):
        if pattern.search(text):
            return name
    kind = re.match(r"([A-Za-z_][\w.]*)", view.reason or "")
    word = kind[1].rpartition(".")[2] if kind else ""
    if word in _CODE:
        return f"{word} (a mistake in the code)"
    if (view.reason or "").startswith("exit code"):
        return str(view.reason)
    return word or "not said"


def _divergence(found: Waste, view: Any, seconds: float) -> None:
    """Time after a metric was no number any more: its share of the points, of the time."""
    worst: tuple[float, str, int] = (0.0, "", 0)
    for key, stats in view.metrics.items():
        bad = stats.nan + stats.posinf + stats.neginf
        # One NaN in between is no divergence: a metric that ends as no number is.
        diverged = bad and stats.n and not math.isfinite(stats.last)
        if diverged and not key.startswith("system/"):
            worst = max(worst, (bad / stats.n, key, stats.last_step))
    share, key, step = worst
    if share:
        found.after_divergence.append(
            {"run": view.id, "metric": key, "step": step, "seconds": share * seconds}
        )
        found.diverged_seconds += share * seconds
