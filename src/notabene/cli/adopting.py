"""``notabene adopt``: all runs below a folder, whoever wrote them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notabene.cli.progress import bar
from notabene.cli.render import common, counted, print_json, print_table, say, size, store_of, took

if TYPE_CHECKING:
    from notabene.importers import AdoptedRun, Adoption

SHOWN = 25
WHYS = 10
FATES = {
    "new": "imported",
    "more": "completed",
    "same": "already there",
    "empty": "without content",
    "trash": "in the trash here",
    "failed": "not readable",
}
NAMES = {
    "wandb": "W&B",
    "mlflow": "MLflow",
    "tensorboard": "TensorBoard",
    "csv": "Lightning CSV",
    "trainer": "HF Trainer",
    "hydra": "Hydra",
}


@click.command()
@click.argument("folder", type=click.Path())
@click.option("-p", "--project", default="", help="Project for all runs.")
@click.option("-y", "--yes", is_flag=True, help="Import without asking.")
@click.option("--dry-run", is_flag=True, help="Only say what is there.")
@common
def adopt(
    folder: str, project: str, yes: bool, dry_run: bool, store: str | None, as_json: bool
) -> None:
    """Find all runs below a folder, and take them in.

    Looks for event files of TensorBoard, stores of MLflow, folders of W&B, outputs of Hydra,
    checkpoints of Hugging Face's Trainer and CSV logs of Lightning. What several tools saw of
    one run becomes one run; checkpoints are linked by digest, not copied. Doing it again adds
    only what is new.
    """
    from notabene.api import Api

    with Api.make(store_of(store)) as api, ExitStack() as stack:
        bars: list[Callable[[int, int], None]] = []

        def wanted(found: Adoption) -> bool:
            if not as_json:
                _show(found)
            if dry_run or not found.runs or not (yes or _asked(found, as_json=as_json)):
                return False
            size_in_all = sum(run.size for run in found.runs)
            bars.append(stack.enter_context(bar(Path(folder).name, size_in_all)))
            shown.extend(found.notes)
            return True

        shown: list[str] = []
        done = api.adopt(
            folder, project=project, ask=wanted, progress=lambda part, of: bars[0](part, of)
        )
    if as_json:
        print_json(done)
    elif bars:
        _tell(done, shown)
    elif done.runs and not dry_run and not sys.stdin.isatty():
        say("nothing was imported: say --yes to take them in")


def _asked(found: Adoption, *, as_json: bool) -> bool:
    if as_json or not sys.stdin.isatty():
        return False
    fresh = sum(not run.here for run in found.runs)
    what = counted(fresh, "new run") if fresh else f"what is new of {len(found.runs):,} runs"
    return click.confirm(f"Import {what}?", err=True)


def _show(found: Adoption) -> None:
    """A line per tool and place, then which runs are one."""
    say(f"{found.root}: {counted(found.files, 'file')} in {counted(found.folders, 'folder')}")
    groups: dict[tuple[str, str], list[AdoptedRun]] = {}
    for run in found.runs:
        for kind, where in zip(run.kinds, [*run.where, ""], strict=False):
            if where:
                groups.setdefault((kind, _top(kind, where)), []).append(run)
    rows = [
        (
            NAMES.get(kind, kind),
            where,
            f"{len(runs):,}",
            _points(kind, runs),
            size(sum(run.size for run in runs)),
            _here(runs),
        )
        for (kind, where), runs in groups.items()
    ]
    if rows:
        head = ("KIND", "WHERE", "RUNS", "POINTS", "SIZE", "HERE")
        print_table(head, rows[:SHOWN], right=(2, 3, 4))
        if len(rows) > SHOWN:
            say(f"and {counted(len(rows) - SHOWN, 'more place')}")
    else:
        say("no runs found")
    _joined(found)
    for note in found.notes:
        say(f"note: {note}", colour="yellow")


def _top(kind: str, where: str) -> str:
    """The place that the runs of a tool share."""
    if kind == "mlflow":
        return where
    return where.rpartition("/")[0] or "."


def _points(kind: str, runs: list[AdoptedRun]) -> str:
    del kind
    known = [run.points for run in runs if run.points >= 0]
    return f"{sum(known):,}" if len(known) == len(runs) else ""


def _here(runs: list[AdoptedRun]) -> str:
    here = sum(run.here for run in runs)
    return "no" if not here else "yes" if here == len(runs) else f"{here:,} of {len(runs):,}"


def _joined(found: Adoption) -> None:
    joined = [run for run in found.runs if run.why]
    if joined:
        say(f"{counted(len(joined), 'run')} seen in several places, each to be one run:")
    for run in joined[:WHYS]:
        say(f"  {run.name}: {' + '.join(NAMES.get(kind, kind) for kind in run.kinds)}")
        for why in run.why:
            kind, _, reason = why.partition(": ")
            say(f"    {NAMES.get(kind, kind)}: {reason}")
    if len(joined) > WHYS:
        say(f"  and {len(joined) - WHYS:,} more")
    models = sum(run.models for run in found.runs)
    if models:
        say(f"{counted(models, 'file')} of models to be linked where they are")


def _tell(done: Adoption, shown: list[str]) -> None:
    """What became of them."""
    fates = Counter(run.fate for run in done.runs if run.fate)
    words = [f"{counted(fates[fate], 'run')} {word}" for fate, word in FATES.items() if fates[fate]]
    reports = done.reports
    added = [
        counted(number, word)
        for word in ("point", "value", "artifact")
        if (number := sum(getattr(run, f"{word}s") for r in reports for run in r.runs))
    ]
    cpu = sum(report.cpu for report in reports)
    more = f": {', '.join(added)}" if added else ""
    say(f"{', '.join(words) or 'nothing imported'}{more} ({took(cpu)} CPU)")
    for note in done.notes:
        if note not in shown:
            say(f"note: {note}")
    missed: Counter[str] = Counter()
    for report in reports:
        missed.update({what: runs for what, (_, runs) in report.missed().items()})
    for what, runs in missed.items():
        say(f"note: {what} (in {counted(runs, 'run')})", colour="yellow")
