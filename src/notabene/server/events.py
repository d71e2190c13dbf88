"""What happened in runs beside their curves: alerts, notes, resumes, and ends that are no success.

Each has the step the run was at, so that it can be marked on any chart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from notabene.api import History
from notabene.errors import NotabeneError
from notabene.model.entities import RunInfo
from notabene.query.ast import Field, Test
from notabene.server.notebook import Notebook
from notabene.store.words import resumes_of

RUNS = 50
"""Runs whose events can be asked for at once."""

EACH = 200
"""Events of one run, the newest."""

TEXT = 300
"""Characters of a note or an alert."""

BAD = frozenset({"failed", "killed", "stopped", "lost"})

Kind = Literal["alert", "note", "resumed", "ended"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in a run.

    Attributes:
        run: Its id.
        kind: ``alert``, ``note``, ``resumed`` or ``ended`` (only where it did not finish well).
        time: When, µs since 1970 UTC.
        relative: Seconds since the run began.
        step: The step the run was at; null where no metric tells.
        level: Of an alert: ``info``, ``warning`` or ``error``.
        text: What was said, in one line.
    """

    run: str
    kind: Kind
    time: int
    relative: float
    step: float | None
    level: str = ""
    text: str = ""


def events_of(notebook: Notebook, runs: Sequence[str]) -> list[Event]:
    """Events of some runs, run by run in order of time; unknown ones are left out."""
    notebook.api.look()
    wanted = Test(Field("attribute", "id"), "in", tuple(runs))
    found = notebook.api.store.runs(wanted, deleted=None, archived=None).page(len(runs))
    infos = {info.id: info for info in found}
    begun = resumes_of(notebook.api.store, [run for run in runs if run in infos])
    out: list[Event] = []
    for run in runs:
        if run in infos:
            out += _of_run(notebook, infos[run], begun.get(run, ()))
    return out


def _of_run(notebook: Notebook, info: RunInfo, resumes: Sequence[int]) -> Iterator[Event]:
    found = sorted(_plain(info, resumes), key=lambda event: event[1])[-EACH:]
    if not found:
        return
    steps = _steps(notebook, info, [time for _, time, _, _ in found])
    start = info.started or info.created
    for (kind, time, level, text), step in zip(found, steps, strict=True):
        line = " ".join(text.split())[:TEXT]
        past = max(0, time - start) / 1e6
        yield Event(
            run=info.id, kind=kind, time=time, relative=past, step=step, level=level, text=line
        )


def _plain(info: RunInfo, resumes: Sequence[int]) -> Iterator[tuple[Kind, int, str, str]]:
    for alert in info.alerts:
        yield "alert", alert.time, alert.level, f"{alert.title} {alert.text}".strip()
    for note in info.notes:
        # What was written after the end belongs to no place on a curve but its last.
        yield "note", min(note.time, info.ended or note.time), "", note.text
    for time in resumes:
        yield "resumed", time, "", ""
    if info.status in BAD:
        end = info.ended or info.updated
        yield "ended", end, "", f"{info.status}{f': {info.reason}' if info.reason else ''}"


def _steps(notebook: Notebook, info: RunInfo, times: Sequence[int]) -> Sequence[float | None]:
    """The steps that a run was at, told from the metric that tells it best with few points."""
    metrics = [m for m in info.metrics.values() if not m.key.startswith("system/") and m.n > 1]
    last = max((m.last_step for m in metrics), default=None)
    nothing: list[float | None] = [None] * len(times)
    if last is None:
        return nothing
    if min(times) >= info.updated:
        return [float(last)] * len(times)
    rich = [m for m in metrics if m.n >= 200] or metrics
    chosen = min(rich, key=lambda m: (m.n < 200, m.n if m.n >= 200 else -m.n, m.key))
    try:
        found: Any = notebook.api.history(info.id, chosen.key)
    except NotabeneError:
        return nothing
    assert isinstance(found, History)
    if not len(found.times):
        return nothing
    order = np.argsort(found.times, kind="stable")
    known = found.times[order].astype(np.float64), found.steps[order].astype(np.float64)
    return [
        float(last) if time >= known[0][-1] else float(np.round(np.interp(time, *known)))
        for time in times
    ]
