"""Projects, what can be asked in them, their diary, and the search over everything."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from notabene.api import DiaryEntry
from notabene.errors import NotFoundError, QueryError, UsageError
from notabene.model.entities import Note
from notabene.query.completion import complete as complete_where
from notabene.query.completion import complete_order
from notabene.query.parser import parse, parse_order
from notabene.server import fieldcards, findings, overview, written
from notabene.server.answers import Page
from notabene.server.notebook import Notebook
from notabene.server.requests import Limit, Offset, Where, read, read_search, short_name, write
from notabene.server.routes.edits import NoteText


@read("/projects", "content", summary="All projects")
def list_projects(notebook: Notebook) -> Page[overview.ProjectCard]:
    """By name, with what moved lately and the best value of the headline metric."""
    items = notebook.kept(("projects", overview.today()), lambda: overview.cards(notebook.api))
    return Page(items=items, total=len(items), limit=len(items), offset=0)


@read("/projects/fields", "content", summary="What can be asked or shown")
def list_fields(
    notebook: Notebook, *, project: str = "", where: Where = "", archived: bool = False
) -> Page[fieldcards.FieldCard]:
    """Params, metrics, tags, summary values, facts and attributes of the runs that fit."""
    tree = read_search(where)
    key = ("fields", project, where, archived)
    items = notebook.kept(
        key, lambda: fieldcards.fields_of(notebook.api, project, tree, archived=archived)
    )
    return Page(items=items, total=len(items), limit=len(items), offset=0)


class Suggested(msgspec.Struct, frozen=True):
    """What may be typed.

    Attributes:
        text: What to put there.
        start: Column of its first character.
        doc: One line that explains it, or an empty text.
    """

    text: str
    start: int
    doc: str = ""


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong with a query.

    Attributes:
        message: What, in one sentence.
        hint: What may help.
        position: Column of the word it is about.
    """

    message: str
    hint: str
    position: int


class Completion(msgspec.Struct, frozen=True):
    """What may stand at the cursor, and whether the query can be asked as it is."""

    suggestions: list[Suggested]
    error: Trouble | None


@read("/complete", "content", summary="Complete a query")
def complete(
    notebook: Notebook,
    *,
    text: str = "",
    cursor: int | None = None,
    project: str = "",
    what: Literal["where", "order"] = "where",
) -> Completion:
    """Suggestions for the query bar; a query that is wrong is an answer, not an error."""
    if len(text) > 20_000:
        raise UsageError(f"the search has {len(text):,} characters; 20,000 are allowed")
    keys = notebook.kept(("keys", project), lambda: overview.keys_of(notebook.api, project))
    at = None if cursor is None else max(0, min(cursor, len(text)))
    found = (complete_where if what == "where" else complete_order)(text, at, keys)
    trouble = None
    try:
        parse(text) if what == "where" else parse_order(text)
    except QueryError as error:
        trouble = Trouble(error.message, error.hint, error.position)
    except RecursionError:
        trouble = Trouble("the query is nested too deeply", "", 0)
    return Completion([Suggested(*one) for one in found], trouble)


@read("/search", "content", summary="Find anything by its name")
def search(
    notebook: Notebook, *, q: str = "", project: str = "", limit: Limit = 50
) -> Page[findings.Hit]:
    """Runs, projects, metrics, params, tags, artifacts and notes; best first."""
    items = findings.search(notebook, short_name(q, "search"), project, limit)
    return Page(items=items, total=len(items), limit=limit, offset=0)


class DiaryPage(msgspec.Struct, kw_only=True):
    """A part of the diary.

    Attributes:
        items: The part.
        total: How many entries fit in all.
        limit: How many were asked for at most.
        offset: How many lie before them now.
        next: What to ask for the next part by; empty at the end.
        authors: Who wrote in the diary.
    """

    items: list[DiaryEntry]
    total: int
    limit: int
    offset: int
    next: str
    authors: list[str]


@read("/diary", "content", summary="The laboratory notebook of a project")
def diary(
    notebook: Notebook,
    *,
    project: str,
    kinds: str = "",
    q: Annotated[str, Meta(description="Words that an entry bears, all of them.")] = "",
    who: Annotated[str, Meta(description="Only what this author wrote.")] = "",
    order: Literal["newest", "oldest"] = "newest",
    after: Annotated[str, Meta(description="`next` of the page before.")] = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> DiaryPage:
    """Hypotheses, runs, notes, alerts, ends and conclusions, newest first.

    A page goes on from `next` of the one before, wherever new entries came in meanwhile.
    """
    entries = notebook.kept(("diary", project), lambda: written.diary(notebook, project))
    wanted = frozenset(kind for kind in kinds.split(",") if kind)
    chosen = entries if order == "newest" else entries[::-1]
    chosen = _fitting(chosen, wanted, who, short_name(q, "search").casefold().split())
    begin = _place(chosen, after) + offset
    items = chosen[begin : begin + limit]
    rest = begin + len(items) < len(chosen)
    return DiaryPage(
        items=items,
        total=len(chosen),
        limit=limit,
        offset=begin,
        next=_cursor(chosen, begin + len(items)) if items and rest else "",
        authors=sorted({entry.author for entry in entries if entry.author}),
    )


def _fitting(
    entries: list[DiaryEntry], kinds: frozenset[str], who: str, words: list[str]
) -> list[DiaryEntry]:
    if kinds:
        entries = [entry for entry in entries if entry.kind in kinds]
    if who:
        entries = [entry for entry in entries if entry.author == who]
    for word in words:
        entries = [entry for entry in entries if word in _text(entry)]
    return entries


def _text(entry: DiaryEntry) -> str:
    parts = (entry.text, entry.run_name, entry.run, entry.author, entry.verdict, entry.status)
    return " ".join(parts).casefold()


def _cursor(entries: list[DiaryEntry], end: int) -> str:
    """The time of the last entry before a place, and how many of that time lie before it."""
    time = entries[end - 1].time
    begin = end
    while begin and entries[begin - 1].time == time:
        begin -= 1
    return f"{time}-{end - begin}"


def _place(entries: list[DiaryEntry], cursor: str) -> int:
    """Where a page goes on.

    Raises:
        UsageError: It is no cursor of ours.
    """
    if not cursor:
        return 0
    time, _, count = cursor.partition("-")
    if not (time.isdecimal() and count.isdecimal() and len(cursor) < 40):
        raise UsageError(f"{cursor[:40]!r} is no place in the diary", hint="take next of a page")
    sign = -1 if len(entries) > 1 and entries[0].time > entries[-1].time else 1
    key = sign * int(time)
    first = bisect_left(entries, key, key=lambda entry: sign * entry.time)
    last = bisect_right(entries, key, key=lambda entry: sign * entry.time)
    return min(first + int(count), last)


class ProjectNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note on a project."""

    project: str
    text: str


@write("/projects/notes", summary="Write a note on a project")
def note_project(notebook: Notebook, *, data: ProjectNote) -> Note:
    """Into the project's diary."""
    return _note(notebook, data.project, notebook.api.note_project(data.project, data.text))


@write("/projects/notes/{note:str}", "PUT", summary="Change a note on a project")
def change_project_note(notebook: Notebook, *, note: str, project: str, data: NoteText) -> Note:
    """The whole text anew."""
    _note(notebook, project, note)
    if not data.text.strip():
        raise UsageError("a note must not be empty", hint="DELETE takes it back")
    notebook.api.note_project(project, data.text, id=note)
    return _note(notebook, project, note)


@write("/projects/notes/{note:str}", "DELETE", summary="Take a note on a project back")
def delete_project_note(notebook: Notebook, *, note: str, project: str) -> Note:
    """Its record stays in the journal; the answer is what nobody is shown any more."""
    gone = _note(notebook, project, note)
    notebook.api.note_project(project, "", id=note)
    return gone


def _note(notebook: Notebook, project: str, note_id: str) -> Note:
    name = short_name(project, "project name").strip()
    for note in notebook.api.store.notes(name):
        if note.id == note_id:
            return note
    raise NotFoundError(f"project {name!r} has no note {note_id!r}")


HANDLERS = [
    list_projects,
    list_fields,
    complete,
    search,
    diary,
    note_project,
    change_project_note,
    delete_project_note,
]
