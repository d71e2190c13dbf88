"""The laboratory notebook of a project: what was asked, tried, noted and found, in time order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from notabene.model.entities import Entity, Note, RunInfo

Kind = Literal["hypothesis", "run", "note", "alert", "ended", "conclusion"]
_ORDER = ("run", "hypothesis", "note", "alert", "ended", "conclusion")


class DiaryEntry(Entity, frozen=True):
    """One line of a project's diary.

    Attributes:
        time: When, µs since 1970 UTC.
        kind: ``run`` (it began), ``hypothesis``, ``note``, ``alert``, ``ended``, ``conclusion``.
        text: What was written; for ``run`` and ``ended`` a sentence made of the record.
        author: Who wrote it.
        run: Id of the run; empty for notes on the project.
        run_name: Its name.
        verdict: Of a conclusion: ``supported``, ``refuted``, ``unclear`` or empty.
        status: Of the run, for ``ended``.
        id: Of the note or alert; empty for all else.
        level: Of an alert: ``info``, ``warning`` or ``error``.
        title: Of an alert.
        number: Number of the run in its project; 0 for notes on the project.
    """

    time: int
    kind: Kind
    text: str
    author: str = ""
    run: str = ""
    run_name: str = ""
    verdict: str = ""
    status: str = ""
    id: str = ""
    level: str = ""
    title: str = ""
    number: int = 0


def diary_of(runs: Iterable[RunInfo], notes: Iterable[Note]) -> list[DiaryEntry]:
    """The diary of runs and of notes without a run."""
    entries = [
        DiaryEntry(time=note.time, kind="note", text=note.text, author=note.author, id=note.id)
        for note in notes
    ]
    for run in runs:
        entries += _of_run(run)
    return sorted(entries, key=lambda e: (e.time, _ORDER.index(e.kind), e.run, e.text))


def _of_run(run: RunInfo) -> Iterator[DiaryEntry]:
    def entry(time: int, kind: Kind, text: str, **more: Any) -> DiaryEntry:
        about: Any = {"run": run.id, "run_name": run.name, "number": run.number}
        return DiaryEntry(time=time, kind=kind, text=text, **about, **more)

    began = run.started or run.created
    yield entry(began, "run", "began", author=run.user)
    if run.hypothesis:
        yield entry(began, "hypothesis", run.hypothesis, author=run.user)
    for note in run.notes:
        yield entry(note.time, "note", note.text, author=note.author, id=note.id)
    for alert in run.alerts:
        text = f"{alert.level}: {alert.title} {alert.text}".strip()
        more = {"id": alert.id, "level": alert.level, "title": alert.title}
        yield entry(alert.time, "alert", text, **more)
    if run.ended:
        reason = f": {run.reason}" if run.reason else ""
        yield entry(run.ended, "ended", f"{run.status}{reason}", status=run.status)
    if run.conclusion is not None:
        made = run.conclusion
        yield entry(made.time, "conclusion", made.text, author=made.author, verdict=made.verdict)
