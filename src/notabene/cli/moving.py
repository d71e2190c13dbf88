"""``notabene export``: runs as one file, and out to tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notabene.artifacts.files import storage_error
from notabene.cli.progress import bar
from notabene.cli.render import common, counted, print_json, say, size, with_api
from notabene.errors import UsageError

if TYPE_CHECKING:
    from notabene.api import Api
    from notabene.api.runs import RunView


@click.command()
@click.argument("runs", nargs=-1)
@click.option("-p", "--project", help="All runs of a project.")
@click.option("-w", "--where", default="", help="Choose runs by a query.")
@click.option("-o", "--output", type=click.Path(), help="File to write; a crate: folder or zip.")
@click.option("--parquet", "form", flag_value="parquet", help="Points as a Parquet table.")
@click.option("--ro-crate", "form", flag_value="ro-crate", help="One run as an RO-Crate.")
@click.option("--card", "form", flag_value="card", help="One run as a model card in Markdown.")
@click.option("--csv", "form", flag_value="csv", help="Points as a CSV table.")
@click.option(
    "--inputs",
    is_flag=True,
    help="Also the artifacts that the runs read, not only those they made.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@common
@with_api
def export(
    api: Api,
    runs: tuple[str, ...],
    project: str | None,
    where: str,
    output: str | None,
    form: str | None,
    inputs: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write runs to one file that notabene import takes back, equal.

    With a project as a whole goes its diary.
    """
    if not runs and not project and not where:
        raise UsageError("no run is named", hint="name runs, or use --project or --where")
    if inputs and form:
        raise UsageError(f"--inputs is for files of notabene; a {form} table holds no artifacts")
    views = [api.run(ref) for ref in runs]
    if project or where:
        views += list(api.runs(where, project=project, archived=True))
    if not views:
        raise UsageError("no run matches, so there is nothing to export")
    stem = runs[0] if len(runs) == 1 and not project else (project or "runs")
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in stem).strip("-.") or "runs"
    if form in ("ro-crate", "card"):
        _document(api, views, form, Path(output) if output else None, name, overwrite, as_json)
        return
    suffix = {"parquet": ".parquet", "csv": ".csv"}.get(form or "", ".notabene")
    path = Path(output or name)
    path = path if path.suffix and output else path.with_name(path.name + suffix)
    if path.exists() and not overwrite:
        raise UsageError(f"{path} is there already", hint="use --overwrite or another --output")
    done: object
    if form == "parquet":
        done = api.export_parquet(views, path, overwrite=overwrite)
    elif form == "csv":
        done = api.export_csv(views, path, overwrite=overwrite)
    else:
        with bar(path.name, 1 << 40) as progress:
            whole = project and not runs and not where
            done = api.export(
                f"project:{project}" if whole else views,
                path,
                inputs=inputs,
                overwrite=overwrite,
                progress=progress,
            )
    count = path.stat().st_size
    if as_json:
        print_json({"path": str(path), "runs": len(views), "bytes": count, "detail": done})
    else:
        say(f"{path}: {counted(len(views), 'run')}, {size(count)}")


def _document(
    api: Api,
    views: list[RunView],
    form: str,
    output: Path | None,
    name: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """A document about one run."""
    if len(views) != 1:
        raise UsageError(f"--{form} is for one run, and {len(views)} are named")
    path = output or Path(f"{name}-crate" if form == "ro-crate" else f"{name}-card.md")
    if os.path.lexists(path) and not overwrite:
        raise UsageError(f"{path} is there already", hint="use --overwrite or another --output")
    if form == "ro-crate":
        done = api.export_crate(views[0], path, overwrite=overwrite)
        if as_json:
            print_json(done)
            return
        say(f"{path}: {counted(done.files, 'file')} of {views[0].name}")
        for gone in done.missing[:8]:
            say(f"  not kept, by its digest only: {gone}")
        return
    text = api.model_card(views[0])
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise storage_error(error, f"write {path}") from None
    if as_json:
        print_json({"path": str(path), "bytes": len(text.encode())})
    else:
        say(f"{path}: {text.count('not recorded')} fields are not recorded")
