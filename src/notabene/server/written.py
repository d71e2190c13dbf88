"""What people wrote about the runs of a project: read without reading all of the runs.

A run's document takes a tenth of a millisecond and more to put together, its metrics among it.
The diary and the search need a few words of each of very many runs: the columns of the table,
and notes, alerts and conclusions of those runs that have any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec
import sqlalchemy as sa

from notabene.api.diary import DiaryEntry, diary_of
from notabene.api.history import nearest
from notabene.errors import NotFoundError
from notabene.model.entities import Alert, Conclusion, Note, RunInfo, View
from notabene.server.notebook import Notebook
from notabene.store import tables as t
from notabene.store.info import notes_of
from notabene.store.sqlbase import SqlBase
from notabene.store.state import Cell, Cells, decoder

FIELDS = (
    "id", "name", "number", "created", "started", "ended", "status", "user", "reason",
    "hypothesis",
)  # fmt: skip


class _Words(msgspec.Struct):
    """Of the cells of a run those that hold words; the others are not even decoded."""

    attrs: dict[str, Cell] = {}
    notes: dict[str, Cell] = {}
    alerts: dict[str, Cell] = {}


class Told(msgspec.Struct, kw_only=True):
    """What the diary tells of a run; named as in :class:`notabene.model.entities.RunInfo`."""

    id: str
    name: str
    number: int
    created: int
    started: int
    ended: int
    status: str
    user: str
    reason: str
    hypothesis: str
    notes: tuple[Note, ...] = ()
    alerts: tuple[Alert, ...] = ()
    conclusion: Conclusion | None = None


_decode = decoder(_Words)
_NOTES, *_OTHERS = (msgspec.msgpack.encode(name) for name in ("notes", "alerts", "conclusion"))

NEWEST = 20_000
"""Runs whose notes are looked through, the newest first."""


def told(notebook: Notebook, project: str) -> list[Told]:
    """The runs of a project, put aside or not, with what was written about each."""
    columns = notebook.api.runs(project=project, archived=True).table(FIELDS)
    rows = zip(*(_plain(column.values) for column in columns), strict=True)
    runs = [Told(**dict(zip(FIELDS, row, strict=True))) for row in rows]
    by_id = {run.id: run for run in runs}
    store = notebook.api.store
    if isinstance(store, SqlBase):
        for run, words in _words(store, project):
            if run in by_id:
                _fill(by_id[run], words)
    else:
        for view in notebook.api.runs(project=project, archived=True):
            known, info = by_id[view.id], view.info
            known.notes, known.alerts = info.notes, info.alerts
            known.conclusion = info.conclusion
    return runs


def _plain(values: Any) -> list[Any]:
    listed = values if isinstance(values, list) else values.tolist()
    return ["" if value is None else value for value in listed]


def _words(store: SqlBase, project: str) -> Iterator[tuple[str, _Words]]:
    query = sa.select(t.run.c.id, t.body.c.cells).join(t.body, t.body.c.run == t.run.c.n)
    query = _having(store, query.where(t.run.c.project == project), _NOTES, *_OTHERS)
    with store.reading() as connection:
        rows: list[Any] = list(connection.execute(query))
    for run, cells in rows:
        if any(mark in cells for mark in (_NOTES, *_OTHERS)):
            yield run, _decode(cells)


def _having(store: SqlBase, query: sa.Select[Any], *marks: bytes) -> sa.Select[Any]:
    """Only runs in whose cells one of the names stands, where the database can tell."""
    if store.database.postgres:
        return query
    return query.where(sa.or_(*(sa.func.instr(t.body.c.cells, mark) > 0 for mark in marks)))


def _fill(run: Told, words: _Words) -> None:
    run.notes = notes_of(run.id, Cells(notes=words.notes))
    alerts = [
        Alert(id=key, title=c.value[0], text=c.value[1], level=c.value[2], time=c.time)
        for key, c in words.alerts.items()
    ]
    run.alerts = tuple(sorted(alerts, key=lambda alert: (alert.time, alert.id)))
    cell = words.attrs.get("conclusion")
    if cell is not None and cell.value and (cell.value[0] or cell.value[1]):
        text, verdict, author = cell.value
        run.conclusion = Conclusion(text=text, verdict=verdict, author=author, time=cell.time)


def diary(notebook: Notebook, project: str) -> list[DiaryEntry]:
    """As :meth:`notabene.Api.diary`, the newest first.

    Raises:
        NotFoundError: There is no such project.
    """
    notes = notebook.api.store.notes(project)
    entries = diary_of(cast("list[RunInfo]", told(notebook, project)), notes)
    if not entries:
        known = [one.name for one in notebook.api.store.projects()]
        hint = nearest(project, known, "projects yet")
        raise NotFoundError(f"there is no project {project!r}", hint=hint)
    return entries[::-1]


def run_notes(notebook: Notebook, project: str = "") -> list[tuple[str, str, Note]]:
    """Notes on runs, each with the project and the name of its run."""
    store, r = notebook.api.store, t.run.c
    if not isinstance(store, SqlBase):
        views = notebook.api.runs(project=project or None, archived=True)
        return [(v.project, v.name, note) for v in views for note in v.info.notes]
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


def deleted_view(notebook: Notebook, view: str) -> View:
    """A saved view that was taken back.

    Raises:
        NotFoundError: There is none of this id, or it is there.
    """
    store = notebook.api.store
    if isinstance(store, SqlBase):
        m = t.mark.c
        query = sa.select(m.scope, m.begun, m.value).where(m.kind == "view", m.key == view)
        with store.reading() as connection:
            rows = connection.execute(query).all()
        for scope, begun, packed in rows:
            name, page, state, author, deleted = msgspec.msgpack.decode(packed)
            if deleted:
                return View(
                    id=view, project=scope, name=name, page=page, state=state, author=author,
                    created=begun,
                )  # fmt: skip
    raise NotFoundError(f"there is no deleted view {view!r}")
