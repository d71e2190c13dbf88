"""Verbs that keep the store in order: init, db, gc."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from notabene.cli.render import (
    common,
    counted,
    figure,
    print_json,
    print_table,
    say,
    size,
    took,
    with_api,
)
from notabene.errors import UsageError

if TYPE_CHECKING:
    from notabene.api import Api


@click.command()
@click.argument("folder", type=click.Path(file_okay=False), default=".")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def init(folder: str, as_json: bool) -> None:
    """Make a store of its own for the project in FOLDER (in FOLDER/.notabene)."""
    from notabene.journal.folder import StoreFolder
    from notabene.settings import STORE_NAME

    top = Path(folder)
    if not top.is_dir():
        raise UsageError(f"{folder} is no folder")
    root = top.resolve() / STORE_NAME
    there = (root / "format").exists()
    StoreFolder.open(root, create=True)
    if as_json:
        print_json({"store": str(root), "made": not there})
    else:
        say(f"{root} {'was there already' if there else 'made'}; runs begun below {top} go there")
        say("git clean -fdx would delete it; without this folder, runs go to ~/.notabene")


@click.group()
def db() -> None:
    """The index: a cache over the journals, on this machine's disk."""


@db.command("path")
@common
@with_api
def db_path(api: Api, as_json: bool) -> None:
    """Where the index and the store lie."""
    form = {"store": str(api.store_path), "index": api.index_path or "in memory"}
    if as_json:
        print_json(form)
    else:
        print_table(("", ""), [(key, str(value)) for key, value in form.items()])


@db.command()
@common
@with_api
def check(api: Api, as_json: bool) -> int:
    """Verify the index against the journals, and summaries against their points."""
    report = api.check()
    if as_json:
        print_json(report)
    else:
        for problem in report.problems:
            say(problem)
        say(
            f"{counted(report.runs, 'run')}, {counted(report.points, 'point')}: "
            + ("good" if report.good else "bad")
        )
    return 0 if report.good else 1


@db.command()
@common
@with_api
def rebuild(api: Api, as_json: bool) -> None:
    """Make the index anew from the journals."""
    report = api.rebuild()
    if as_json:
        print_json(report)
    else:
        what = f"{counted(report.runs, 'run')}, {counted(report.points, 'point')}"
        say(f"{what} in {took(report.seconds)}")


@click.command()
@click.option("--apply", "really", is_flag=True, help="Do it; without, only say what would go.")
@click.option("--undo", is_flag=True, help="Bring back what the last gc removed.")
@click.option("--purge", is_flag=True, help="Empty the trash of what is older than 30 days.")
@click.option("--alone", is_flag=True, help="No other store uses the folder of NOTABENE_ARTIFACTS.")
@common
@with_api
def gc(api: Api, really: bool, undo: bool, purge: bool, alone: bool, as_json: bool) -> None:
    """Remove content that no run and no artifact refers to any more.

    What goes lies in the trash for 30 days and can be brought back with --undo. Where the content
    lies outside of the store (NOTABENE_ARTIFACTS), --apply needs --alone.
    """
    report = api.gc(apply=really, undo=undo, purge=purge, alone=alone)
    if as_json:
        print_json(report)
        return
    if undo:
        say(f"{counted(report.count, 'piece')} of content brought back, {size(report.bytes)}")
        return
    word = "went to the trash" if really else "would go (use --apply)"
    if purge:
        word = "deleted for good" if really else "would be deleted for good (use --apply)"
    say(f"{counted(report.count, 'piece')} of content, {size(report.bytes)}, {word}")
    for reason, count in report.kept.items():
        say(f"  kept: {figure(count)} {reason}")
