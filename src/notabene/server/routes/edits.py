"""What people change: names, tags, notes, conclusions, the trash."""

from __future__ import annotations

from typing import Literal

import msgspec

from notabene.errors import NotabeneError, NotFoundError, UsageError
from notabene.model.entities import Note, RunInfo
from notabene.server.notebook import Notebook
from notabene.server.requests import PAGE, RunId, write


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what is sent: a name that is not known is a mistake, not ignored."""


class NewConclusion(Body, frozen=True):
    """What a run showed; an empty text without a verdict takes it back."""

    text: str
    verdict: Literal["", "supported", "refuted", "unclear"] = ""


class RunPatch(Body, frozen=True, kw_only=True):
    """Changes of a run; what is left out stays.

    Attributes:
        name: Another name.
        group: Another group; empty for none.
        project: Another project.
        archived: Put aside, or back.
        hypothesis: What the run is meant to show; empty takes it back.
        conclusion: What it showed.
    """

    name: str | None = None
    group: str | None = None
    project: str | None = None
    archived: bool | None = None
    hypothesis: str | None = None
    conclusion: NewConclusion | None = None


class TagsPatch(Body, frozen=True):
    """Tags to set, each with a value (empty for a plain tag), and names of tags to remove."""

    set: dict[str, str] = {}
    removed: list[str] = []


class NoteText(Body, frozen=True):
    """The text of a note."""

    text: str


class Bulk(Body, frozen=True, kw_only=True):
    """One change of many runs.

    Attributes:
        runs: Their ids.
        action: What to do.
        tags: For ``tag`` and ``untag``.
        group: For ``group``; empty for none.
    """

    runs: list[str]
    action: Literal["tag", "untag", "archive", "unarchive", "delete", "restore", "stop", "group"]
    tags: dict[str, str] | list[str] = {}
    group: str = ""


class Failed(msgspec.Struct, frozen=True):
    """A run that could not be changed, and why."""

    run: str
    error: dict[str, object]


class Done(msgspec.Struct, frozen=True):
    """What became of a change of many runs."""

    done: list[str]
    failed: list[Failed]


def _now(notebook: Notebook, run: str) -> RunInfo:
    return notebook.api.run(run).info


@write("/runs/{run:str}", "PATCH", summary="Change a run")
def change(notebook: Notebook, *, run: RunId, data: RunPatch) -> RunInfo:
    """Name, group, project, archived, hypothesis, conclusion."""
    api = notebook.api
    _now(notebook, run)
    if (data.name, data.group, data.project) != (None, None, None):
        api.rename(run, data.name, group=data.group, project=data.project)
    if data.archived is not None:
        api.archive(run, archived=data.archived)
    if data.hypothesis is not None:
        api.hypothesis(run, data.hypothesis)
    if data.conclusion == NewConclusion(""):
        api.withdraw_conclusion(run)
    elif data.conclusion is not None:
        api.conclude(run, data.conclusion.text, data.conclusion.verdict)
    return _now(notebook, run)


@write("/runs/{run:str}", "DELETE", summary="Move a run to the trash")
def delete(notebook: Notebook, *, run: RunId, force: bool = False) -> RunInfo:
    """Where it stays for 30 days; a run at work only with ``force``."""
    notebook.api.delete(run, force=force)
    return _now(notebook, run)


@write("/runs/{run:str}/restore", summary="Take a run out of the trash")
def restore(notebook: Notebook, *, run: RunId) -> RunInfo:
    """As it was."""
    notebook.api.restore(run)
    return _now(notebook, run)


@write("/runs/{run:str}/stop", summary="Ask a run to end")
def stop(notebook: Notebook, *, run: RunId) -> RunInfo:
    """As if by Ctrl-C; it looks every few seconds."""
    notebook.api.stop(run)
    return _now(notebook, run)


@write("/runs/{run:str}/tags", summary="Change a run's tags")
def tags(notebook: Notebook, *, run: RunId, data: TagsPatch) -> RunInfo:
    """Set some, remove others."""
    _now(notebook, run)
    if data.set:
        notebook.api.tag(run, data.set)
    gone = [name for name in data.removed if name not in data.set]
    if gone:
        notebook.api.untag(run, *gone)
    return _now(notebook, run)


@write("/runs/{run:str}/notes", summary="Write a note on a run")
def note(notebook: Notebook, *, run: RunId, data: NoteText) -> Note:
    """Markdown, if one likes."""
    return _note(notebook, run, notebook.api.note(run, data.text))


@write("/runs/{run:str}/notes/{note:str}", "PUT", summary="Change a note")
def change_note(notebook: Notebook, *, run: RunId, note: str, data: NoteText) -> Note:
    """The whole text anew."""
    _note(notebook, run, note)
    if not data.text.strip():
        raise UsageError("a note must not be empty", hint="DELETE takes it back")
    notebook.api.note(run, data.text, id=note)
    return _note(notebook, run, note)


@write("/runs/{run:str}/notes/{note:str}", "DELETE", summary="Take a note back")
def delete_note(notebook: Notebook, *, run: RunId, note: str) -> RunInfo:
    """Its record stays in the journal; nobody is shown it."""
    _note(notebook, run, note)
    notebook.api.note(run, "", id=note)
    return _now(notebook, run)


def _note(notebook: Notebook, run: str, note_id: str) -> Note:
    for note in _now(notebook, run).notes:
        if note.id == note_id:
            return note
    raise NotFoundError(f"run {run} has no note {note_id!r}")


@write("/runs/bulk", summary="Change many runs")
def bulk(notebook: Notebook, *, data: Bulk) -> Done:
    """Each by itself: what fails leaves the others done."""
    if len(data.runs) > PAGE:
        raise UsageError(f"{len(data.runs):,} runs are named; at most {PAGE:,} are allowed")
    if data.action in ("tag", "untag") and not data.tags:
        raise UsageError(f"the action {data.action!r} needs tags")
    done, failed = [], []
    for run in dict.fromkeys(data.runs):
        try:
            _act(notebook, run, data)
            done.append(run)
        except NotabeneError as error:
            failed.append(Failed(run, error.to_dict()))
    return Done(done, failed)


def _act(notebook: Notebook, run: str, data: Bulk) -> None:
    notebook.require(run)
    api = notebook.api
    if data.action == "tag":
        tags = data.tags if isinstance(data.tags, dict) else dict.fromkeys(data.tags, "")
        api.tag(run, tags)
    elif data.action == "untag":
        api.untag(run, *data.tags)
    elif data.action == "group":
        api.rename(run, group=data.group)
    elif data.action in ("archive", "unarchive"):
        api.archive(run, archived=data.action == "archive")
    else:
        {"delete": api.delete, "restore": api.restore, "stop": api.stop}[data.action](run)


HANDLERS = [change, delete, restore, stop, tags, note, change_note, delete_note, bulk]
