"""The diary of a project, from the columns of its table and what was written about its runs."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from notabene.api.diary import DiaryEntry, diary_of
from notabene.api.history import nearest
from notabene.errors import NotFoundError
from notabene.model.entities import Alert, Conclusion, Note, RunInfo
from notabene.server.notebook import Notebook
from notabene.store.words import words_of

FIELDS = (
    "id", "name", "number", "created", "started", "ended", "status", "user", "reason",
    "hypothesis",
)  # fmt: skip


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


def told(notebook: Notebook, project: str) -> list[Told]:
    """The runs of a project, put aside or not, with what was written about each."""
    columns = notebook.api.runs(project=project, archived=True).table(FIELDS)
    rows = zip(*(_plain(column.values) for column in columns), strict=True)
    runs = [Told(**dict(zip(FIELDS, row, strict=True))) for row in rows]
    by_id = {run.id: run for run in runs}
    for run_id, words in words_of(notebook.api.store, project):
        if known := by_id.get(run_id):
            known.notes, known.alerts = words.notes, words.alerts
            known.conclusion = words.conclusion
    return runs


def _plain(values: Any) -> list[Any]:
    listed = values if isinstance(values, list) else values.tolist()
    return ["" if value is None else value for value in listed]


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
