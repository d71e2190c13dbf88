"""``notabene journal …``: look at journals, verify and repair them."""

from __future__ import annotations

from pathlib import Path

import click

from notabene.cli.jsonable import jsonable
from notabene.cli.render import common, encode_json, hint, print_json, say, store_of
from notabene.errors import NotFoundError


@click.group()
def journal() -> None:
    """The files that hold the truth: one per process that logged."""


def _paths(store: str | None, target: str) -> list[Path]:
    """Journals of a file, a folder, or a run."""
    from notabene.journal.folder import JOURNAL, RECOVERED, SEALED

    path = Path(target)
    if path.is_file():
        return [path]
    if not path.is_dir():
        from notabene.api import Api

        with Api(store_of(store)) as api:
            found = api.run_dir(target)
        if found is None:
            raise NotFoundError(f"there is no file, folder or run {target!r}")
        path = found
    names = [
        p
        for p in sorted(path.rglob("*"))
        if (p.suffix in (JOURNAL, RECOVERED) or p.name == SEALED) and p.is_file()
    ]
    if not names:
        raise NotFoundError(f"there is no journal in {path}")
    return names


@journal.command()
@click.argument("target")
@common
def verify(target: str, store: str | None, as_json: bool) -> int:
    """Check every frame of a journal (a file, a folder, or a run)."""
    from notabene.journal.verify import verify as check

    reports = [check(path) for path in _paths(store, target)]
    good = all(report.good for report in reports)
    if as_json:
        print_json([{"path": str(r.path), "good": r.good, **jsonable(r)} for r in reports])
        return 0 if good else 1
    for report in reports:
        say(report.sentence())
    return 0 if good else 1


@journal.command()
@click.argument("target")
@common
def repair(target: str, store: str | None, as_json: bool) -> int:
    """Save what verifies before and after the damage; the damaged file goes to the trash."""
    from notabene.journal.repair import repair as mend

    reports = [mend(path) for path in _paths(store, target)]
    if as_json:
        print_json(reports)
        return 0
    for report in reports:
        say(report.sentence())
    if any(report.repaired for report in reports):
        hint("notabene db rebuild reads it anew")
    return 0


@journal.command()
@click.argument("target")
@click.option("--points", is_flag=True, help="Rows of numbers as well.")
@common
def cat(target: str, points: bool, store: str | None, as_json: bool) -> int:
    """Print records as JSON lines; ends with 1 where damage hides some, and says which."""
    from notabene.journal.verify import records
    from notabene.journal.verify import verify as check

    del as_json  # it is JSON in any case, one document a line
    good = True
    for path in _paths(store, target):
        for row in records(path, points=points):
            say(encode_json(row, indent=-1))
        report = check(path)
        if not report.good:
            good = False
            hint(report.sentence())
    return 0 if good else 1
