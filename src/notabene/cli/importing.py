"""``notabene import``: runs from a file of ours, or from what another tool wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from notabene.cli.progress import bar
from notabene.cli.render import (
    common,
    counted,
    print_json,
    print_table,
    say,
    size,
    store_of,
    took,
    when,
)
from notabene.errors import NotFoundError, UsageError
from notabene.importers import KINDS, is_url

if TYPE_CHECKING:
    from notabene.api import Api
    from notabene.importers import Report

OURS = "notabene"
BEGINNING = b"\x28\xb5\x2f\xfd"
"""How the files of ``notabene export`` begin."""
SHOWN = 20
FATES = {
    "new": ("imported", "to import"),
    "more": ("completed", "to look at again"),
    "same": ("already there", "already there"),
    "empty": ("without content", "without content"),
    "trash": ("in the trash here", "in the trash here"),
    "failed": ("not readable", "not readable"),
}


@click.command("import")
@click.argument("source", type=click.Path())
@click.option(
    "--from",
    "kind",
    type=click.Choice([OURS, *KINDS]),
    help="What it is, where that is not seen by looking.",
)
@click.option("-p", "--project", default="", help="Project for all runs of another tool.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=ROLE",
    help="Of a table: what a column is (run, step, time, metric, config, tag, ignore ...).",
)
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and write nothing.")
@click.option("--new-ids", is_flag=True, help="A run whose id another run has here gets a new one.")
@common
def import_(
    source: str,
    kind: str | None,
    project: str,
    mapping: tuple[str, ...],
    dry_run: bool,
    new_ids: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Take in runs: a file that notabene export wrote, or what another tool wrote.

    Event files of TensorBoard, stores of MLflow (a database, mlruns, http://host:5000), folders
    of W&B, exports of Neptune and tables (CSV, JSON lines, Parquet, spreadsheets) are known by
    looking at them. Doing it again adds only what is new; everything is verified before it is
    placed, and what cannot be carried over is named.
    """
    from notabene.api import Api

    url = is_url(source)
    path = Path(source)
    if not url and not path.exists():
        raise NotFoundError(f"there is nothing at {path}", hint="name a file or folder")
    if kind == OURS or (kind is None and not url and _is_ours(path)):
        for option, given in (("--project", project), ("--map", mapping), ("--dry-run", dry_run)):
            if given:
                raise UsageError(f"{option} is for files of other tools; {path} is one of notabene")
        with Api.make(store_of(store)) as api:
            _take_ours(api, path, new_ids=new_ids, as_json=as_json)
        return
    if new_ids:
        raise UsageError("--new-ids is for files of notabene export")
    with Api.make(store_of(store)) as api, bar(path.name, _weight(path)) as progress:
        report = api.import_from(
            source if url else path,
            kind=kind or "",
            project=project,
            mapping=_mapping(mapping),
            dry_run=dry_run,
            progress=progress,
        )
    if as_json:
        print_json(report)
    else:
        _show(report)


def _is_ours(path: Path) -> bool:
    if path.is_dir():
        return False
    if path.suffix == ".notabene":
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == BEGINNING
    except OSError:
        return False


def _weight(path: Path) -> int:
    """Bytes for the progress bar; of a folder not known before it is listed."""
    return path.stat().st_size if path.is_file() else 1 << 40


def _mapping(words: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for word in words:
        column, equals, role = word.rpartition("=")
        if not equals or not column or not role:
            raise UsageError(f"--map {word}: say --map column=role", hint="--map lr=config")
        found[column] = role
    return found


def _take_ours(api: Api, path: Path, *, new_ids: bool, as_json: bool) -> None:
    with bar(path.name, path.stat().st_size) as progress:
        done = api.import_(path, new_ids=new_ids, progress=progress)
    if as_json:
        print_json(done)
        return
    counts = [(len(done.updated), "completed"), (len(done.skipped), "already there")]
    more = "".join(f", {count} {word}" for count, word in counts if count)
    say(f"{counted(len(done.imported), 'run')} imported{more}")
    for old, new in (*done.renamed.items(), *done.renumbered.items()):
        say(f"  {old} is called {new} here")


def _show(report: Report) -> None:
    tense = 1 if report.dry_run else 0
    shown = [run for run in report.runs if run.fate != "same"] or report.runs
    if shown:
        rows = [
            (
                run.run[-6:],
                run.name,
                run.project,
                when(run.started),
                f"{run.points:,}" if run.points or not report.dry_run else "",
                size(run.size) if run.size else "",
                FATES[run.fate][tense],
            )
            for run in shown[:SHOWN]
        ]
        head = ("ID", "NAME", "PROJECT", "STARTED", "POINTS", "SIZE", "")
        print_table(head, rows, right=(4, 5))
        if len(shown) > SHOWN:
            say(f"and {counted(len(shown) - SHOWN, 'more run')}")
    counts = [
        f"{counted(count, 'run')} {words[tense]}"
        for fate, words in FATES.items()
        if (count := report.count(fate))  # type: ignore[arg-type]  # the keys are the fates
    ]
    added = [
        counted(number, word)
        for word in ("point", "value", "artifact")
        if (number := sum(getattr(run, f"{word}s") for run in report.runs)) and not report.dry_run
    ]
    say(
        f"{', '.join(counts) or 'no runs found'}"
        f"{': ' if added else ''}{', '.join(added)} ({took(report.cpu)} CPU)"
    )
    for note in report.notes:
        say(f"note: {note}")
    for what, (times, runs) in report.missed().items():
        often = f", {times:,} times" if times > runs else ""
        where = f" (in {counted(runs, 'run')}{often})" if len(report.runs) > 1 or often else ""
        say(f"note: {what}{where}", colour="yellow")
