"""What runs rest on: their records, what is missing, how they differ, what was done twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from msgspec import Meta

from notabene.api.proofs import Check
from notabene.compare.diff import Diff
from notabene.compare.repeated import Group
from notabene.compare.waste import Waste
from notabene.compare.whence import Origin
from notabene.compare.why import Why
from notabene.errors import NotFoundError, UsageError
from notabene.proof.record import Record
from notabene.server import evidence, flows
from notabene.server.answers import Page
from notabene.server.evidence import whole
from notabene.server.notebook import Notebook
from notabene.server.requests import Limit, Name, Offset, RunId, read

T = TypeVar("T")

One = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", description="Id of the first run."),
]
Other = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", description="Id of the second run."),
]
Digest = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$", description="SHA-256 of content.")]
Source = Annotated[str, Meta(description="Of a source, in the project.", max_length=4000)]


def _pair(notebook: Notebook, what: str, a: str, b: str, make: Callable[[], T]) -> T:
    """Something about two runs that are there, computed once while the store is the same."""
    notebook.require(a)
    notebook.require(b)
    return notebook.kept((what, a, b), make)


@read("/runs/{run:str}/record", "content", large=True, summary="The record of a run")
def record(notebook: Notebook, *, run: RunId) -> Record:
    """All that was captured, as one document; `notabene show RUN --record --json`."""
    return whole(notebook.api.record(run))


@read("/runs/{run:str}/check", "content", summary="Whether the record of a run is complete")
def check(notebook: Notebook, *, run: RunId) -> Check:
    """Findings, worst first, and what reruns have proven; `notabene check RUN --json`."""
    return notebook.kept(("check", run), lambda: whole(notebook.api.check_run(run)))


@read("/diff", "content", summary="What differs between two runs")
def diff(notebook: Notebook, *, a: One, b: Other) -> Diff:
    """The best explanation of the results first; `notabene diff A B --json`."""
    return _pair(notebook, "diff", a, b, lambda: whole(notebook.api.diff(a, b)))


@read("/diff/sources", "content", summary="Sources that differ between two runs")
def sources(notebook: Notebook, *, a: One, b: Other) -> Page[evidence.SourceDiff]:
    """Those that mean something else first, then those that differ in layout alone."""
    api = notebook.api
    items = _pair(notebook, "sources", a, b, lambda: evidence.sources_of(api.side(a), api.side(b)))
    return Page(items=items, total=len(items), limit=len(items), offset=0)


@read("/diff/source", "content", summary="How one source differs between two runs")
def source(notebook: Notebook, *, a: One, b: Other, path: Source) -> evidence.SourceText:
    """As a unified diff; `notabene diff A B --code` prints all of them."""
    notebook.require(a)
    notebook.require(b)
    return evidence.source_of(notebook.api.side(a), notebook.api.side(b), path)


@read("/why", "content", summary="Why two runs differ, from the runs that exist")
def why(
    notebook: Notebook,
    *,
    a: One,
    b: Other,
    metric: Annotated[
        str, Meta(max_length=1000, description="What is to be explained; what parts first.")
    ] = "",
) -> Why:
    """Effects seen in pairs that differ in one thing alone; `notabene why A B --json`."""
    return _pair(
        notebook,
        f"why {metric}",
        a,
        b,
        lambda: whole(notebook.api.why(a, b, metric=metric or None)),
    )


@read("/repeats", "content", summary="Experiments that were done more than once")
def repeats(
    notebook: Notebook, *, project: str = "", limit: Limit = 1000, offset: Offset = 0
) -> Page[Group]:
    """The costliest first; `notabene repeats --json`."""
    found = notebook.kept(("repeats", project), lambda: notebook.api.repeated(project or None))
    items = whole(found[offset : offset + limit])
    return Page(items=items, total=len(found), limit=limit, offset=offset)


@read("/waste", "content", large=True, summary="How much work came to nothing")
def waste(notebook: Notebook, *, project: str = "") -> Waste:
    """By cause and week, never by person; `notabene stats PROJECT --json`."""
    return notebook.kept(("waste", project), lambda: whole(notebook.api.waste(project or None)))


@read("/whence", "content", summary="Where content came from")
def whence(
    notebook: Notebook,
    *,
    digest: Digest = "",
    ref: Annotated[str, Meta(max_length=1000, description="A version of an artifact.")] = "",
    path: Annotated[str, Meta(max_length=4000, description="A file in it.")] = "",
) -> Page[Origin]:
    """The run that wrote it, and the runs that its inputs came from; `notabene whence`."""
    wanted = _digest(notebook, digest, ref, path)
    items = whole(notebook.kept(("whence", wanted), lambda: notebook.api.origins(wanted)))
    if not items:
        raise NotFoundError(
            f"no run here wrote the content {wanted[:16]}",
            hint="it was changed since, or written by a program that was not recorded",
        )
    return Page(items=items, total=len(items), limit=len(items), offset=0)


@read("/lineage/content", "content", summary="What came from what, by content")
def by_content(
    notebook: Notebook,
    *,
    run: Name = "",
    digest: Digest = "",
    ref: Annotated[str, Meta(max_length=1000, description="A version of an artifact.")] = "",
    path: Annotated[str, Meta(max_length=4000, description="A file in it.")] = "",
) -> flows.Flows:
    """Files that were read and written around a run or a content, without a declaration."""
    wanted = "" if run else _digest(notebook, digest, ref, path)
    known = notebook.kept(("contents",), lambda: flows.contents_of(notebook))
    return flows.flows_of(known, run=run, digest=wanted)


def _digest(notebook: Notebook, digest: str, ref: str, path: str) -> str:
    """The content that is meant.

    Raises:
        UsageError: None is named.
    """
    if digest:
        return digest
    if not (ref and path):
        raise UsageError("no content is named", hint="give digest, or ref and path")
    version = notebook.api.versions.resolve(ref)
    return notebook.shelf.manifest(version.digest).file(path).digest


HANDLERS = [
    record,
    check,
    diff,
    sources,
    source,
    why,
    repeats,
    waste,
    whence,
    by_content,
]
