"""``notabene ls``: the table of runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from notabene.cli.jsonable import jsonable
from notabene.cli.render import (
    ago,
    common,
    figure,
    hint,
    is_terminal,
    listing,
    print_fields,
    print_json,
    print_table,
    status_style,
    took,
    width,
    with_api,
)

if TYPE_CHECKING:
    from notabene.api import Api, RunView

DEFAULT_LIMIT = 30
MOST_VALUES = 4
"""Config values and metrics that are shown where nobody chose."""
SHORT = 32
"""Characters of a config value that is shown without being asked for."""


@click.command()
@click.argument("query", required=False, default="")
@click.option("-p", "--project", help="Only this project.")
@click.option("-w", "--where", default="", help="The query, as an option.")
@click.option("-s", "--sort", default="-created", help="Fields to sort by, - for descending.")
@click.option("-a", "--all", "everything", is_flag=True, help="Archived runs as well; no limit.")
@click.option("--deleted", is_flag=True, help="What is in the trash.")
@click.option("--projects", is_flag=True, help="List projects instead of runs.")
@listing
@common
@with_api
def ls(
    api: Api,
    query: str,
    project: str | None,
    where: str,
    sort: str,
    everything: bool,
    deleted: bool,
    projects: bool,
    fields: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List runs, newest first.

    QUERY chooses: 'metrics.acc > 0.9 and params.lr < 0.01 and status = "finished"'.
    """
    if projects:
        _projects(api, fields, limit, as_json)
        return
    text = " and ".join(f"({part})" for part in (query, where) if part)
    if len([p for p in (query, where) if p]) == 1:
        text = query or where
    if limit is None:
        limit = 0 if everything or as_json else DEFAULT_LIMIT
    found = api.runs(
        text,
        project=project,
        order_by=sort,
        limit=limit or None,
        archived=everything,
        deleted=deleted,
    )
    views = list(found)
    if as_json:
        print_json([view.to_dict() for view in views], fields)
        return
    if not views:
        none = "the trash is empty" if deleted else "no runs yet; log one with notabene.init()"
        hint("no runs match" if text or project else none)
        return
    if fields:
        print_fields([jsonable(view.to_dict()) for view in views], fields)
    else:
        _table(views, one_project=bool(project))
    total = found.total
    if total > len(views):
        hint(f"showing {len(views)} of {total:,} runs; -n 0 shows all")


def _projects(api: Api, fields: str | None, limit: int | None, as_json: bool) -> None:
    projects = api.projects()[: limit or None]
    if as_json:
        print_json(projects, fields)
        return
    if fields:
        print_fields(jsonable(projects), fields)
        return
    print_table(
        ("PROJECT", "RUNS", "RUNNING", "LAST"),
        [(p.name, str(p.runs), str(p.running), ago(p.updated)) for p in projects],
        right=(1, 2),
    )


def _table(views: list[RunView], *, one_project: bool) -> None:
    columns: list[tuple[str, list[str], bool]] = [
        ("ID", [view.id[-6:] for view in views], False),
        ("NAME", [view.name for view in views], False),
        ("STATUS", [view.status for view in views], False),
        ("STARTED", [ago(view.started) for view in views], True),
        ("TOOK", [took(view.duration) for view in views], True),
    ]
    projects = {view.project for view in views}
    if len(projects) > 1 and not one_project:
        columns.insert(2, ("PROJECT", [view.project for view in views], False))
    columns += _chosen(views)
    columns = _fitted(columns)
    rights = [at for at, column in enumerate(columns) if column[2]]
    status = [title for title, _, _ in columns].index("STATUS")
    print_table(
        [title for title, _, _ in columns],
        list(zip(*(cells for _, cells, _ in columns), strict=True)),
        right=rights,
        styles={status: status_style},
    )


def _chosen(views: list[RunView]) -> list[tuple[str, list[str], bool]]:
    """The most common summary values, and the config values in which the runs differ."""
    metrics: Counter[str] = Counter()
    params: Counter[str] = Counter()
    for view in views:
        metrics.update(k for k, v in view.summary.items() if _plain(k, v))
        params.update(k for k, v in view.params.items() if _short(v))
    columns = [
        (key, [figure(view.summary.get(key)) for view in views], True)
        for key, _ in metrics.most_common(MOST_VALUES)
    ]
    differing = [
        key
        for key, _ in params.most_common(50)
        if len({figure(view.params[key]) for view in views if key in view.params}) > 1
        or len(views) == 1
    ]
    # ``lr`` and ``optim.lr`` tell more than ``input.x.dtype``: what lies deep comes after them.
    differing.sort(key=lambda key: max(0, key.count(".") - 1))
    return columns + [
        (key, [figure(view.params.get(key)) for view in views], True)
        for key in differing[:MOST_VALUES]
    ]


def _short(value: Any) -> bool:
    """What fits into a column: no digests, prompts and paths, no lists."""
    return not isinstance(value, list | dict) and len(str(value)) <= SHORT


def _plain(key: str, value: Any) -> bool:
    return not key.startswith("system/") and isinstance(value, int | float | str)


def _fitted(columns: list[tuple[str, list[str], bool]]) -> list[tuple[str, list[str], bool]]:
    """Leave out the last columns that do not fit the terminal; never id, name and status."""
    if not is_terminal():
        return columns
    from rich.cells import cell_len

    left, kept = width(), []
    for column in columns:
        wide = max(cell_len(column[0]), *(cell_len(cell) for cell in column[1])) + 2
        wide = min(wide, 26)
        if wide > left and column[0] not in ("ID", "NAME", "STATUS"):
            continue
        kept.append(column)
        left -= wide
    return kept
