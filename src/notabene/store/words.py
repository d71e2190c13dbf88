"""What people wrote about runs, read without reading all of the runs.

A run's document takes a tenth of a millisecond and more to put together, its metrics among it.
A diary and a search need a few words of each of very many runs: notes, alerts and conclusions of
those that have any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from notabene.model.entities import Alert, Conclusion, Note, View
from notabene.query.ast import Field, Test
from notabene.store import tables as t
from notabene.store.base import Store
from notabene.store.info import notes_of
from notabene.store.reading import Reading
from notabene.store.sqlbase import SqlBase
from notabene.store.state import Cell, Cells, decoder

NEWEST = 20_000
"""Runs whose notes are looked through, the newest first."""


class Words(msgspec.Struct):
    """What was written about one run."""

    notes: tuple[Note, ...] = ()
    alerts: tuple[Alert, ...] = ()
    conclusion: Conclusion | None = None


class _Cells(msgspec.Struct):
    """Of the cells of a run those that hold words; the others are not even decoded."""

    attrs: dict[str, Cell] = {}
    notes: dict[str, Cell] = {}
    alerts: dict[str, Cell] = {}


_decode = decoder(_Cells)
_NOTES, *_OTHERS = (msgspec.msgpack.encode(name) for name in ("notes", "alerts", "conclusion"))


def words_of(store: Store, project: str) -> Iterator[tuple[str, Words]]:
    """``(run, words)`` of the runs of a project that have any, put aside or not."""
    if not isinstance(store, SqlBase):
        for info in _infos(store, project):
            yield info.id, Words(info.notes, info.alerts, info.conclusion)
        return
    query = sa.select(t.run.c.id, t.body.c.cells).join(t.body, t.body.c.run == t.run.c.n)
    query = _having(store, query.where(t.run.c.project == project), _NOTES, *_OTHERS)
    with store.reading() as connection:
        rows: list[Any] = list(connection.execute(query))
    for run, cells in rows:
        if any(mark in cells for mark in (_NOTES, *_OTHERS)):
            yield run, _words(run, _decode(cells))


def _infos(store: Store, project: str = "") -> Sequence[Any]:
    where = Test(Field("attribute", "project"), "in", (project,)) if project else None
    found = store.runs(where, archived=None)
    return found.page(NEWEST)


def _having(store: SqlBase, query: sa.Select[Any], *marks: bytes) -> sa.Select[Any]:
    """Only runs in whose cells one of the names stands, where the database can tell."""
    if store.database.postgres:
        return query
    return query.where(sa.or_(*(sa.func.instr(t.body.c.cells, mark) > 0 for mark in marks)))


def _words(run: str, cells: _Cells) -> Words:
    alerts = [
        Alert(id=key, title=c.value[0], text=c.value[1], level=c.value[2], time=c.time)
        for key, c in cells.alerts.items()
    ]
    found = Words(
        notes=notes_of(run, Cells(notes=cells.notes)),
        alerts=tuple(sorted(alerts, key=lambda alert: (alert.time, alert.id))),
    )
    cell = cells.attrs.get("conclusion")
    if cell is not None and cell.value and (cell.value[0] or cell.value[1]):
        text, verdict, author = cell.value
        found.conclusion = Conclusion(text=text, verdict=verdict, author=author, time=cell.time)
    return found


def run_notes(store: Store, project: str = "") -> list[tuple[str, str, Note]]:
    """Notes on runs, each with the project and the name of its run; of the newest 20,000 runs."""
    if not isinstance(store, SqlBase):
        infos = _infos(store, project)
        return [(info.project, info.name, note) for info in infos for note in info.notes]
    r = t.run.c
    query = sa.select(r.id, r.project, r.name, t.body.c.cells)
    query = query.join(t.body, t.body.c.run == r.n).where(r.deleted == 0)
    query = query.where(r.project == project) if project else query
    query = _having(store, query, _NOTES).order_by(r.created.desc()).limit(NEWEST)
    with store.reading() as connection:
        rows: list[Any] = list(connection.execute(query))
    return [
        (of, name, note)
        for run, of, name, cells in rows
        if _NOTES in cells
        for note in notes_of(run, Cells(notes=_decode(cells).notes))
    ]


def resumes_of(store: Store, runs: Sequence[str]) -> dict[str, list[int]]:
    """When processes went on with runs that others had begun, µs, by run."""
    if not runs or not isinstance(store, SqlBase):
        return {}
    with store.reading() as connection:
        works = Reading(store, connection).works(runs)
    return {
        run: sorted({w.started for w in work.writers.all if w.replaces and w.started})
        for run, work in works.items()
    }


def deleted_view(store: Store, view: str) -> View | None:
    """A saved view that was taken back; None where there is none of this id, or it is there."""
    if not isinstance(store, SqlBase):
        return None
    m = t.mark.c
    query = sa.select(m.scope, m.begun, m.value).where(m.kind == "view", m.key == view)
    with store.reading() as connection:
        rows = connection.execute(query).all()
    for scope, begun, packed in rows:
        name, page, state, author, deleted = msgspec.msgpack.decode(packed)
        if deleted:
            return View(
                id=view,
                project=scope,
                name=name,
                page=page,
                state=state,
                author=author,
                created=begun,
            )
    return None
