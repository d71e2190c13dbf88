"""The search over everything: a word is looked for in names, and what is found is ranked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal, NamedTuple

import msgspec

from notabene.query.ast import Field, Test, all_of
from notabene.server import overview
from notabene.server.notebook import Notebook
from notabene.store.words import run_notes

RUNS = 5000
"""Newest runs whose names are looked at."""

NOTES = 200
"""Characters of a note that are shown, around the first word that was looked for."""

PROJECTS = 50
"""Projects whose metrics, params and tags are looked through, the largest first."""

What = Literal["run", "project", "metric", "param", "tag", "artifact", "note"]
KINDS: tuple[What, ...] = ("metric", "param", "tag")


class Hit(msgspec.Struct, frozen=True):
    """Something that was found.

    Attributes:
        kind: ``run``, ``project``, ``metric``, ``param``, ``tag``, ``artifact`` or ``note``.
        id: What names it: a run's id, a project's name, a metric's key, ``name:v3`` ...
        title: What to show.
        subtitle: A line about it.
        project: Where it is; empty where it is in no one project.
        run: Id of the run it belongs to, or empty.
    """

    kind: What
    id: str
    title: str
    subtitle: str = ""
    project: str = ""
    run: str = ""


class _Scored(NamedTuple):
    score: float
    finding: Hit


def search(notebook: Notebook, text: str, project: str, limit: int) -> list[Hit]:
    """What bears all the words of a text in its name, the nearest first."""
    words = text.casefold().split()
    found = [scored for scored in _all(notebook, project, words) if scored.score > 0]
    found.sort(key=lambda scored: -scored.score)
    return [scored.finding for scored in found[:limit]]


def _all(notebook: Notebook, project: str, words: list[str]) -> Iterator[_Scored]:
    yield from _projects(notebook, project, words)
    yield from _runs(notebook, project, words)
    yield from _keys(notebook, project, words)
    yield from _artifacts(notebook, words)
    yield from _notes(notebook, project, words)


def score(words: list[str], *texts: str) -> float:
    """How well texts bear the words: 0 where one is missing, more where it begins or is all."""
    total = 0.0
    for word in words:
        best = 0.0
        for place, text in enumerate(texts):
            folded = text.casefold()
            at = folded.find(word)
            if at < 0:
                continue
            here = 1.0 + (at == 0) + (folded == word) + len(word) / (len(folded) + 1)
            best = max(best, here / (1 + place))
        if not best:
            return 0.0
        total += best
    return total or 0.1


def _projects(notebook: Notebook, project: str, words: list[str]) -> Iterator[_Scored]:
    for one in notebook.api.projects():
        if project in ("", one.name):
            finding = Hit("project", one.name, one.name, f"{one.runs:,} runs", one.name)
            yield _Scored(1.5 * score(words, one.name), finding)


def _runs(notebook: Notebook, project: str, words: list[str]) -> Iterator[_Scored]:
    fields = [Field("attribute", n) for n in ("id", "name", "project", "status", "group")]
    within = [Test(fields[2], "in", (project,))] if project else []
    found = notebook.api.store.runs(all_of(*within) if within else None, archived=None)
    table = found.columns(fields, limit=RUNS)
    columns = (table[field].tolist() for field in fields)
    for age, (run, name, of, status, group) in enumerate(zip(*columns, strict=True)):
        near = score(words, name, run, group, f"{of}/{name}")
        if near:
            newer = 0.2 / (1 + age / 100)
            finding = Hit("run", run, name, f"{of} · {status}", of, run)
            yield _Scored(near + newer, finding)


def _keys(notebook: Notebook, project: str, words: list[str]) -> Iterator[_Scored]:
    largest = sorted(notebook.api.projects(), key=lambda one: -one.runs)[:PROJECTS]
    found: dict[tuple[What, str], _Scored] = {}
    for name in [project] if project else [one.name for one in largest]:
        keys = notebook.kept(("keys", name), partial(overview.keys_of, notebook.api, name))
        for kind in KINDS:
            for key in keys.get(kind, ()):
                near = score(words, key)
                if near:  # a key of several projects leads to the one with most runs
                    what = Hit(kind, key, key, f"{name} · {kind}", name)
                    found.setdefault((kind, key), _Scored(near * 0.9, what))
    yield from found.values()


def _artifacts(notebook: Notebook, words: list[str]) -> Iterator[_Scored]:
    latest = {version.name: version for version in notebook.api.store.artifacts()}
    for version in latest.values():
        near = score(words, version.name, version.type, version.description)
        if near:
            finding = Hit("artifact", version.ref, version.name, version.type)
            yield _Scored(near, msgspec.structs.replace(finding, run=version.run))


def _notes(notebook: Notebook, project: str, words: list[str]) -> Iterator[_Scored]:
    names = [project] if project else [one.name for one in notebook.api.projects()]
    for name in names:
        for note in notebook.api.store.notes(name):
            near = score(words, note.text)
            if near and words:
                finding = Hit("note", note.id, _around(note.text, words), note.author, name)
                yield _Scored(near * 0.7, finding)
    if not words:
        return
    key = ("run notes", project)
    found = notebook.kept(key, lambda: run_notes(notebook.api.store, project))
    for of, run_name, note in found:
        near = score(words, note.text, run_name) if score(words[:1], note.text) else 0.0
        if near:
            said = f"{note.author} on {run_name}"
            finding = Hit("note", note.id, _around(note.text, words), said, of, note.run)
            yield _Scored(near * 0.7, finding)


def _around(text: str, words: list[str]) -> str:
    """The part of a note in which the first word stands, in one line."""
    line = " ".join(text.split())
    at = min((p for p in (line.casefold().find(w) for w in words) if p >= 0), default=0)
    begin = max(0, at - NOTES // 3) if len(line) > NOTES else 0
    return ("…" if begin else "") + line[begin : begin + NOTES]
