"""From what a store holds of a run to what it answers with; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from notabene.model.entities import (
    Alert,
    ArtifactEdge,
    Conclusion,
    Health,
    MetricSummary,
    Note,
    RunInfo,
)
from notabene.query.fields import LOST_AFTER
from notabene.store.state import Cell, Cells, Writer, Writers
from notabene.store.summary import Table

SYSTEM = "system/"
"""Metrics of the machine; they are no part of a run's summary."""


class End(NamedTuple):
    """How a run stands."""

    status: Literal["running", "finished", "failed", "stopped", "killed"]
    ended: int = 0
    exit_code: int | None = None
    reason: str = ""
    traceback: str = ""
    last_lines: str = ""


class _Ending(NamedTuple):
    """How one writer ended; sorts by time."""

    time: int
    rank: int
    writer: str
    status: Any
    exit_code: int | None
    reason: str
    traceback: str = ""
    last_lines: str = ""


def replaced(writers: Writers) -> set[str]:
    """Writers whom a later one stands in for."""
    return {old for writer in writers.all for old in writer.replaces if old != writer.id}


def deciding(writers: Writers) -> list[Writer]:
    """Writers whose end decides the status: main and ranks that nobody replaced."""
    gone = replaced(writers)
    current = [w for w in writers.all if w.started and w.id not in gone]
    main = [w for w in current if w.role in ("main", "rank")]
    return main or [w for w in current if w.role != "desk"]


def end_of(cells: Cells, writers: Writers) -> End:
    """Status, end and reason of a run (without "lost", which only a clock can tell)."""
    current = deciding(writers)
    whole = cells.attrs.get("seen")
    begun = max((w.started for w in current), default=0)
    if whole is not None and whole.time < begun:
        whole = None  # said of the run before it was resumed
    endings = [_ending(writer, whole) for writer in current]
    known = sorted(e for e in endings if e is not None)
    if len(known) < len(endings):
        return End("running")
    if not known:
        return (
            End("running") if whole is None else End(whole.value[0], whole.time, *whole.value[1:])
        )
    bad = [e for e in known if e.status != "finished"]
    alone = len({e.rank for e in known}) == 1
    # Of a program and the `notabene run` around it, the one that knows the exit code tells more.
    told = [e for e in bad if e.exit_code is not None] if alone else []
    decides = [*told, *bad, known[-1]][0]
    status, reason = decides.status, decides.reason
    if bad and not alone:
        status = status if status == "stopped" else "failed"
        reason = f"rank {decides.rank}: {reason or decides.status}"
    code = decides.exit_code
    ended = known[-1].time
    return End(status, ended, code, reason, decides.traceback, decides.last_lines)


def _ending(writer: Writer, whole: Cell | None) -> _Ending | None:
    """The writer's own word, else what others saw of it, else what was seen of the run."""
    if writer.ended:
        time, status, code, reason, traceback, lines = writer.ended[:6]
        return _Ending(time, writer.rank, writer.id, status, code, reason, traceback, lines)
    if writer.seen:
        time, _, _, status, code, reason = writer.seen
    elif whole is not None:
        time, (status, code, reason) = whole.time, whole.value
    else:
        return None
    if time - writer.newest > LOST_AFTER:
        time = writer.newest  # found dead much later: it ended when it was last heard of
    return _Ending(time, writer.rank, writer.id, status, code, reason)


class Times(NamedTuple):
    """When things happened in a run, µs."""

    created: int
    started: int
    updated: int
    duration: float


def times_of(writers: Writers, end: End) -> Times:
    """When things happened in a run."""
    own = [w for w in writers.all if w.role != "desk"]
    starts = [w.started for w in own if w.started]
    newest = max((w.newest for w in own), default=0)
    started = min(starts, default=writers.created)
    created = writers.created or started or newest
    until = _measured(deciding(writers)) or end.ended if end.ended else newest
    duration = max(0, until - started) / 1e6 if started else 0.0
    return Times(created, started, max(newest, writers.newest), duration)


def _measured(current: list[Writer]) -> int:
    """The end of a run by clocks that nobody sets; 0 where not all writers told it."""
    told = [w.started + w.ended[6] for w in current if len(w.ended) > 6 and w.ended[6]]
    return max(told, default=0) if len(told) == len(current) else 0


def text_attr(cells: Cells, name: str) -> str:
    """A text cell, or an empty text."""
    cell = cells.attrs.get(name)
    return "" if cell is None else cell.value


def number_attr(cells: Cells, name: str) -> int:
    """A whole number, or 0."""
    cell = cells.attrs.get(name)
    return 0 if cell is None else int(cell.value)


def flag_attr(cells: Cells, name: str) -> bool:
    """A yes-or-no cell."""
    cell = cells.attrs.get(name)
    return cell is not None and bool(cell.value)


def present(cells: Mapping[str, Cell]) -> dict[str, Any]:
    """Values that were not taken away, by key in order."""
    return {key: cells[key].value for key in sorted(cells) if not cells[key].gone}


def facts_of(cells: Cells) -> dict[str, Any]:
    """All facts that rank 0 captured; of each part those that came last."""
    latest: dict[str, Cell] = {}
    for name, cell in cells.facts.items():
        number, _, part = name.partition(":")
        if int(number) in cells.others:
            continue
        old = latest.get(part)
        if old is None or _order(old) < _order(cell):
            latest[part] = cell
    out: dict[str, Any] = {}
    for part in sorted(latest):
        out.update(latest[part].value[1])
    return out


def _order(cell: Cell) -> tuple[int, str, int]:
    return cell.time, cell.value[0], cell.seq


def first_writer(writers: Writers) -> Writer | None:
    """The one that says where and by whom the run was made."""
    own = [w for w in writers.all if w.started]
    return min(own, key=lambda w: (w.rank, w.started, w.id), default=None)


def ranks_of(writers: Writers) -> int:
    """How many ranks the run has, or was meant to have."""
    own = [w for w in writers.all if w.role in ("main", "rank")]
    return max(1, len({w.rank for w in own}), *(w.world for w in own), 1)


# -- metrics -------------------------------------------------------------------------------


class Definitions:
    """What was said of how metrics are to be read, wildcards included."""

    def __init__(self, cells: Cells) -> None:
        self._exact: dict[str, dict[str, str]] = {}
        self._prefix: list[tuple[str, str, str]] = []
        for name, cell in cells.defs.items():
            field, _, key = name.partition(":")
            if key.endswith("*"):
                self._prefix.append((key[:-1], field, cell.value))
            else:
                self._exact.setdefault(key, {})[field] = cell.value
        self._prefix.sort(key=lambda item: len(item[0]))

    def of(self, key: str) -> dict[str, str]:
        """``x``, ``goal``, ``unit``, ``summary`` of a metric, as far as defined.

        What names the key itself stands above wildcards, longer ones above shorter ones.
        """
        if not self._prefix:
            return self._exact.get(key, {})
        found = {field: value for start, field, value in self._prefix if key.startswith(start)}
        return {**found, **self._exact.get(key, {})}


def summaries_of(table: Table, names: Sequence[str], defs: Definitions) -> dict[str, MetricSummary]:
    """Entities of all metrics of a run.

    Args:
        table: Statistics.
        names: Name of each row's key.
        defs: How they are to be read.
    """
    columns = {name: table.rows[name].tolist() for name in table.rows.dtype.names or ()}
    means = table.means().tolist()
    out: dict[str, MetricSummary] = {}
    for i in sorted(range(len(names)), key=names.__getitem__):
        key = names[i]
        extra: dict[str, Any] = defs.of(key)
        out[key] = MetricSummary(
            key=key,
            n=columns["n"][i],
            last=columns["last"][i],
            last_step=columns["last_step"][i],
            last_time=columns["last_time"][i],
            min=columns["min"][i],
            min_step=columns["min_step"][i],
            max=columns["max"][i],
            max_step=columns["max_step"][i],
            mean=means[i],
            first=columns["first"][i],
            first_step=columns["first_step"][i],
            nan=columns["nan"][i],
            posinf=columns["posinf"][i],
            neginf=columns["neginf"][i],
            **extra,
        )
    return out


def summary_of(cells: Cells, metrics: Mapping[str, MetricSummary]) -> dict[str, Any]:
    """One value a key: set by the user, else what the metric's rule chooses."""
    out = {
        key: metric.value
        for key, metric in metrics.items()
        if metric.summary != "none" and not key.startswith(SYSTEM)
    }
    out.update(present(cells.summary))
    return dict(sorted(out.items()))


# -- the whole -----------------------------------------------------------------------------


def run_info(
    run_id: str,
    cells: Cells,
    writers: Writers,
    table: Table,
    names: Sequence[str],
    now: int,
) -> RunInfo:
    """All that is known of a run, as of ``now`` (µs)."""
    end = end_of(cells, writers)
    times = times_of(writers, end)
    maker = first_writer(writers)
    lost = end.status == "running" and writers.alive < now - LOST_AFTER
    metrics = summaries_of(table, names, Definitions(cells))
    return RunInfo(
        id=run_id,
        project=text_attr(cells, "project"),
        name=text_attr(cells, "name"),
        status="lost" if lost else end.status,
        created=times.created,
        started=times.started,
        ended=end.ended,
        updated=times.updated,
        duration=times.duration,
        user=text_attr(cells, "user") or (maker.user if maker else ""),
        host=maker.host if maker else "",
        group=text_attr(cells, "group"),
        parent=text_attr(cells, "parent"),
        source=text_attr(cells, "source"),
        hypothesis=text_attr(cells, "hypothesis"),
        conclusion=_conclusion(cells),
        tags=present(cells.tags),
        params=present(cells.params),
        metrics=metrics,
        summary=summary_of(cells, metrics),
        facts=facts_of(cells),
        notes=notes_of(run_id, cells),
        alerts=_alerts(cells),
        health=_health(cells),
        artifacts=edges_of(run_id, cells),
        exit_code=end.exit_code,
        reason=end.reason,
        traceback=end.traceback,
        last_lines=end.last_lines,
        points=writers.points,
        ranks=ranks_of(writers),
        archived=flag_attr(cells, "archived"),
        deleted=flag_attr(cells, "deleted"),
        cost_cpu=sum(w.cpu for w in writers.all) / 1e6,
        number=number_attr(cells, "number"),
    )


def _conclusion(cells: Cells) -> Conclusion | None:
    cell = cells.attrs.get("conclusion")
    if cell is None:
        return None
    text, verdict, author = cell.value
    if not text and not verdict:
        return None  # taken back
    return Conclusion(text=text, verdict=verdict, author=author, time=cell.time)


def notes_of(run_id: str, cells: Cells) -> tuple[Note, ...]:
    """Notes in order of time; those taken back are not among them."""
    found = [
        Note(id=key, text=cell.value[0], author=cell.value[1], time=cell.value[2], run=run_id)
        for key, cell in cells.notes.items()
        if cell.value[0]
    ]
    return tuple(sorted(found, key=lambda note: (note.time, note.id)))


def _alerts(cells: Cells) -> tuple[Alert, ...]:
    found = [
        Alert(id=key, title=c.value[0], text=c.value[1], level=c.value[2], time=c.time)
        for key, c in cells.alerts.items()
    ]
    return tuple(sorted(found, key=lambda alert: (alert.time, alert.id)))


def _health(cells: Cells) -> tuple[Health, ...]:
    found = [
        Health(code=code, message=cell.value[0], count=cell.value[1], time=cell.time)
        for code, cell in cells.health.items()
    ]
    for reason, (rows, points, size, _, last) in cells.gaps.items():
        what = f"{points:,} points in {rows:,} rows" if points or rows else f"{size:,} bytes"
        message = f"{what} could not be kept: {reason}"
        found.append(Health(code="gap", message=message, count=max(1, rows), time=last))
    return tuple(sorted(found, key=lambda item: (item.time, item.code, item.message)))


def edges_of(run_id: str, cells: Cells) -> tuple[ArtifactEdge, ...]:
    """Versions of artifacts that the run made or read, in order of time."""
    found = [
        ArtifactEdge(
            run=run_id,
            direction=direction,
            name=name,
            version=version,
            digest=digest,
            time=time,
            role=role,
        )
        for time, _, _, digest, direction, name, version, role in cells.edges.values()
    ]
    return tuple(sorted(found, key=lambda e: (e.time, e.direction, e.name, e.version, e.role)))


# -- numbers for columns -------------------------------------------------------------------


def flagged(value: float) -> tuple[float | None, int]:
    """A number as ``(num, flag)`` of a cell; see :class:`notabene.store.tables.Flag`."""
    if math.isfinite(value):
        return value, 0
    if math.isnan(value):
        return None, 1
    return value, 2 if value > 0 else 3


def finite_or_none(value: float) -> float | None:
    """None for NaN, which stands for "there is none" in statistics over finite values."""
    return None if np.isnan(value) else value
