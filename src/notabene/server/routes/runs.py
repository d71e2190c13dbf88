"""Runs: lists, the table, one of them, and what it logged besides numbers."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from notabene.api import Runs
from notabene.errors import UsageError
from notabene.model.entities import LoggedValue, RunInfo
from notabene.model.records import JSON
from notabene.query.ast import And, Field, Test
from notabene.server import events, runtable
from notabene.server.answers import Page
from notabene.server.cells import CellPage, read_cells
from notabene.server.notebook import Notebook, slot
from notabene.server.requests import (
    TABLE,
    Limit,
    Offset,
    RunId,
    Where,
    listed,
    read,
    read_search,
)

Order = Annotated[str, Meta(description="Fields to sort by, `-` before what descends.")]


class RunItem(RunInfo, frozen=True, kw_only=True):
    """A run, and what it looks like.

    Attributes:
        slot: Its look, 0 to 31: colour is slot mod 8, dash is slot div 8.
    """

    slot: int


class RunDocument(RunItem, frozen=True, kw_only=True):
    """A run, and what its page needs besides.

    Attributes:
        config: The nested config.
    """

    config: dict[str, JSON]


def item_of(info: RunInfo) -> RunItem:
    """A run of a list."""
    fields = {name: getattr(info, name) for name in RunInfo.__struct_fields__}
    return RunItem(**fields, slot=slot(info))


def document_of(info: RunInfo) -> RunDocument:
    """The document of a run."""
    fields = {name: getattr(info, name) for name in RunInfo.__struct_fields__}
    return RunDocument(**fields, slot=slot(info), config=info.config)


def find(
    notebook: Notebook, project: str, where: str, order: str, *, archived: bool, deleted: bool
) -> Runs:
    """The runs that a request asks for.

    Raises:
        QueryError: The search or the order cannot be understood.
    """
    return notebook.api.runs(
        read_search(where),
        project=project or None,
        order_by=order,
        archived=archived,
        deleted=deleted,
    )


@read("/runs", "content", summary="Runs that a search finds")
def list_runs(
    notebook: Notebook,
    *,
    project: str = "",
    where: Where = "",
    order: Order = "-created",
    limit: Limit = 50,
    offset: Offset = 0,
    archived: bool = False,
    deleted: bool = False,
    ids: Annotated[str, Meta(description="Only these, wherever they are: `a,b`.")] = "",
) -> Page[RunItem]:
    """All that is known of each but series, values and captures."""
    if ids:
        wanted = listed(ids)
        notebook.api.look()
        found = notebook.api.store.runs(
            Test(Field("attribute", "id"), "in", tuple(wanted)), deleted=None, archived=None
        )
        infos = {info.id: info for info in found.page(len(wanted))}
        items = [item_of(infos[run]) for run in dict.fromkeys(wanted) if run in infos]
        return Page(
            items=items[offset : offset + limit], total=len(items), limit=limit, offset=offset
        )
    runs = find(notebook, project, where, order, archived=archived, deleted=deleted)
    items = [item_of(view.info) for view in runs[offset : offset + limit]] if limit else []
    return Page(items=items, total=runs.total, limit=limit, offset=offset)


@read("/runs/events", "content", summary="What happened in runs")
def happened(
    notebook: Notebook, *, ids: Annotated[str, Meta(description="Of these runs: `a,b`.")]
) -> Page[events.Event]:
    """Alerts, notes, resumes and bad ends, each with the step the run was at."""
    wanted = tuple(dict.fromkeys(listed(ids, events.RUNS)))
    items = notebook.kept(("events", wanted), lambda: events.events_of(notebook, wanted))
    return Page(items=items, total=len(items), limit=len(items), offset=0)


@read("/runs/table", "content", large=True, summary="Runs by column")
def table(
    notebook: Notebook,
    *,
    project: str = "",
    where: Where = "",
    order: Order = "-created",
    fields: Annotated[
        list[str] | None,
        Meta(description="Fields of the search language, `a,b` or repeated."),
    ] = None,
    limit: Annotated[int, Meta(ge=0, le=TABLE)] = 50,
    offset: Offset = 0,
    archived: bool = False,
    deleted: bool = False,
    constant: Annotated[bool, Meta(description="Also what is the same in all.")] = False,
) -> runtable.RunTable:
    """One array per field, for tables of any length."""
    wanted = runtable.read_fields(fields or [])
    runs = find(notebook, project, where, order, archived=archived, deleted=deleted)
    part = runs[offset : offset + limit]
    assert isinstance(part, Runs)
    own = runtable.read_fields(["id", "status", "number"])
    found = runtable.columns_of(part, [*own, *(f for f in wanted if f not in own)])
    by_name = {column.field: column for column in found}
    ids = by_name["id"].values
    same: list[runtable.Constant] = []
    if constant:
        key = ("constant", project, where, archived, deleted)
        same = notebook.kept(key, lambda: runtable.constants(runs))
    return runtable.RunTable(
        total=runs.total,
        total_all=_total(notebook, project, archived=archived, deleted=deleted),
        offset=offset,
        ids=ids,
        slots=runtable.slots_of(ids, by_name["number"].values),
        statuses=by_name["status"].values,
        columns=[by_name[text] for text, _ in wanted],
        constant=same,
    )


def _total(notebook: Notebook, project: str, *, archived: bool, deleted: bool) -> int:
    within = Test(Field("attribute", "project"), "in", (project,)) if project else And()
    put_aside = None if archived or deleted else False
    return notebook.api.store.runs(within, deleted=deleted, archived=put_aside).count()


@read("/runs/{run:str}", summary="One run")
def one(notebook: Notebook, *, run: RunId) -> RunDocument:
    """All that is known of it but series, values and captures."""
    return document_of(notebook.api.run(run).info)


class ValueKey(msgspec.Struct, frozen=True, kw_only=True):
    """What was logged under one key.

    Attributes:
        key: The key.
        kind: ``image``, ``table``, ``text`` ...; the newest where there are several.
        count: How many values.
        first_step: The step of the first.
        last_step: The step of the last.
    """

    key: str
    kind: str
    count: int
    first_step: int
    last_step: int


@read("/runs/{run:str}/values", summary="What a run logged besides numbers")
def values(
    notebook: Notebook,
    *,
    run: RunId,
    key: str | None = None,
    step: int | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page[ValueKey | LoggedValue]:
    """Without a key: what there is, by key. With a key: the values, by step."""
    found = notebook.api.values(run, key)
    items: list[Any]
    if key is None:
        items = _by_key(found)
    else:
        items = [value for value in found if step is None or value.step == step]
    total = len(items)
    return Page(items=items[offset : offset + limit], total=total, limit=limit, offset=offset)


def _by_key(found: list[LoggedValue]) -> list[ValueKey]:
    groups: dict[str, list[LoggedValue]] = {}
    for value in found:
        groups.setdefault(value.key, []).append(value)
    return [
        ValueKey(
            key=key,
            kind=group[-1].kind,
            count=len(group),
            first_step=group[0].step,
            last_step=group[-1].step,
        )
        for key, group in sorted(groups.items())
    ]


@read("/runs/{run:str}/table", summary="Rows of a logged table")
def cells(
    notebook: Notebook,
    *,
    run: RunId,
    key: str,
    step: int | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> CellPage:
    """Some rows of a table, column by column; without a step those of the newest."""
    found = [value for value in notebook.api.values(run, key) if step in (None, value.step)]
    tables = [value for value in found if value.kind == "table"]
    if not tables:
        kinds = sorted({value.kind for value in found})
        what = f"is {' and '.join(kinds)}, no table" if kinds else f"has no value at step {step}"
        raise UsageError(f"{key!r} {what}")
    return read_cells(notebook.api.blobs, tables[-1].value, offset, limit)


@read("/runs/{run:str}/captured", summary="What surrounded a run")
def captured(
    notebook: Notebook, *, run: RunId, rank: Annotated[int | None, Meta(ge=0)] = None
) -> dict[str, dict[str, JSON]]:
    """By part: code, environment, hardware ..."""
    return notebook.api.captured(run, rank=rank)


HANDLERS = [list_runs, happened, table, one, values, cells, captured]
