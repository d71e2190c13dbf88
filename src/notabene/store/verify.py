"""Checks of an index: against the journals, and summaries against their points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from notabene.errors import FormatError, NotFoundError
from notabene.model.entities import RunInfo
from notabene.store import tables as t
from notabene.store.base import Store
from notabene.store.counting import cuts_of, ids_of, limits
from notabene.store.pieces import decode
from notabene.store.reading import Reading
from notabene.store.sql import SqlStore
from notabene.store.state import Work
from notabene.store.summary import Table, measure, merge, unpack

EXACT = ("n", "nan", "posinf", "neginf", "min", "max", "first", "first_step", "last", "last_step")
CLOSE = 1e-9
"""Relative difference that sums may have, since writers add them up in another order."""
LIVE = ("status", "updated", "duration")
"""What may change between two looks at a run that is at work."""


class CheckReport(msgspec.Struct):
    """What a check found.

    Attributes:
        runs: How many runs were looked at.
        points: How many points were decoded.
        problems: One sentence each.
        good: Whether there are none.
    """

    runs: int = 0
    points: int = 0
    problems: list[str] = []
    good: bool = True

    def add(self, problem: str) -> None:
        """Note a problem."""
        self.problems.append(problem)
        self.good = False


class RebuildReport(msgspec.Struct):
    """What a rebuild did.

    Attributes:
        runs: How many runs the index holds.
        points: How many points.
        seconds: How long it took.
    """

    runs: int
    points: int
    seconds: float


def check_index(store: SqlStore, anew: SqlStore) -> CheckReport:
    """Verify an index.

    Args:
        store: The index, just brought up to date.
        anew: Another, just made from the same journals.
    """
    report = CheckReport()
    for note in _damage(store):
        report.add(note)
    with store.reading() as connection:
        runs = list(connection.execute(sa.select(t.run.c.id).order_by(t.run.c.n)).scalars())
    for run in runs:
        report.runs += 1
        _check_points(store, run, report)
    _check_journals(store, anew, report)
    return report


def _damage(store: SqlStore) -> Iterator[str]:
    f = t.file.c
    query = sa.select(f.run, f.name, f.note).where(f.note != "", f.name != "")
    with store.reading() as connection:
        for run, name, note in connection.execute(query.order_by(f.run, f.name)):
            yield f"{name} of run {run} is {note}" if run else f"{name} of the desk is {note}"


# -- summaries against points --------------------------------------------------------------


def _check_points(store: SqlStore, run: str, report: CheckReport) -> None:
    with store.reading() as connection:
        reading = Reading(store, connection)
        work = reading.works([run])[run]
        query = sa.select(t.body.c.stats).where(t.body.c.run == work.n)
        stored = unpack(connection.execute(query).scalar_one())
        try:
            measured, points = measured_table(reading, work)
        except (FormatError, NotFoundError) as error:
            report.add(f"run {run}: {error}")
            return
    report.points += points
    if points != work.writers.points:
        report.add(f"run {run} has {points:,} points, the index says {work.writers.points:,}")
    if all(writer.measured for writer in work.writers.all):
        store.load_names(stored.ids.tolist())
        for problem in _differences(stored, measured, store.names.names):
            report.add(f"run {run}: {problem}")


def measured_table(reading: Reading, work: Work) -> tuple[Table, int]:
    """Statistics of a run's points that are shown, by decoding; and how many points it has."""
    cuts = cuts_of(work, reading)
    tables, points = [], 0
    order = sorted(range(len(work.writers.all)), key=lambda n: work.writers.all[n].id)
    for number in order:
        for keyset in work.writers.all[number].tops:
            ids = ids_of(work, number, keyset)
            limit = limits(ids, cuts.get(number, {}))
            for piece in reading.pieces(work.n, number, keyset, 0):
                rows = decode(piece, reading.read(work.id, piece))
                points += rows.values.size
                for step in np.unique(limit):
                    shown, columns = rows.steps < step, limit == step
                    if shown.any():
                        part = rows.take(shown)
                        part = part._replace(values=part.values[:, columns])
                        tables.append(measure(ids[columns], part))
            tables = [merge(tables)]
    return merge(tables), points


def _differences(stored: Table, measured: Table, names: dict[int, str]) -> Iterator[str]:
    if not np.array_equal(stored.ids, measured.ids):
        for number in sorted(set(stored.ids.tolist()) ^ set(measured.ids.tolist())):
            where = "its summary" if number in stored.ids else "its points"
            yield f"metric {names[number]!r} is only in {where}"
        return
    for name in EXACT:
        left, right = stored.rows[name], measured.rows[name]
        same = (left == right) | ((left != left) & (right != right))
        for at in np.flatnonzero(~same):
            yield (
                f"{name} of metric {names[int(stored.ids[at])]!r} is {left[at]} in its summary, "
                f"{right[at]} by its points"
            )
    left, right = stored.sums(), measured.sums()
    with np.errstate(all="ignore"):
        far = np.abs(left - right) > CLOSE * np.maximum(np.abs(left), np.abs(right)) + 1e-300
    for at in np.flatnonzero(far & np.isfinite(left) & np.isfinite(right)):
        yield f"the sum of metric {names[int(stored.ids[at])]!r} differs from its points"


# -- the index against the journals --------------------------------------------------------


def _check_journals(store: SqlStore, anew: SqlStore, report: CheckReport) -> None:
    mine, theirs = everything(store), everything(anew)
    for name in sorted(mine.keys() | theirs.keys()):
        if name not in theirs:
            report.add(f"{name} is in the index and not in the journals")
        elif name not in mine:
            report.add(f"{name} is in the journals and not in the index")
        elif mine[name] != theirs[name]:
            report.add(f"{name} is not in the index as it is in the journals")


def everything(store: Store) -> dict[str, Any]:
    """All answers of a store but its series, in a form that can be compared."""
    out: dict[str, Any] = {}
    for run in store.runs(deleted=None, archived=None):
        out[f"run {run.id}"] = _comparable(run)
        out[f"what was captured around run {run.id}"] = encoded(store.snapshot(run.id))
        out[f"the values of run {run.id}"] = encoded(store.values(run.id))
    for version in store.artifacts(deleted=True):
        out[f"artifact {version.ref}"] = encoded(version)
    out["the lineage"] = encoded(store.links())
    for project in store.projects():
        out[f"the diary of project {project.name}"] = encoded(store.notes(project.name))
    return out


def encoded(value: Any) -> bytes:
    """Bytes that are equal where values are, NaN included."""
    return msgspec.msgpack.encode(value)


def _comparable(run: RunInfo) -> bytes:
    if run.status in ("running", "lost"):
        same = {name: type(getattr(run, name))() for name in LIVE}
        run = msgspec.structs.replace(run, **same, points=0, metrics={}, summary={})
    return encoded(run)
