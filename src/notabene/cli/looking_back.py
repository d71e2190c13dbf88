"""``notabene repeats``, ``stats`` and ``whence``: over many runs, and back from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from notabene.cli.render import (
    ago,
    common,
    counted,
    figure,
    listing,
    print_json,
    print_table,
    say,
    took,
    with_api,
)

if TYPE_CHECKING:
    from notabene.api import Api
    from notabene.compare.waste import Waste
    from notabene.compare.whence import Origin


@click.command()
@click.option("-p", "--project", help="Only of this project.")
@listing
@common
@with_api
def repeats(
    api: Api, project: str | None, fields: str | None, limit: int | None, as_json: bool
) -> None:
    """Experiments that were done more than once: how often, what came out, what it cost."""
    groups = api.repeated(project)
    if limit:
        groups = groups[:limit]
    if as_json:
        print_json(groups, fields)
        return
    if not groups:
        say("nothing was done twice, as far as it is recorded")
        return
    rows = []
    for group in groups:
        result = "" if group.mean is None else f"{group.metric} {figure(group.mean)}"
        if group.interval and group.kind == "seeds":
            result += f" ± {group.interval:.2g}"
        rows.append(
            (
                "the same" if group.kind == "duplicate" else "but seeds",
                str(len(group.runs)),
                group.script,
                result,
                took(group.seconds) if group.seconds else "-",
                ago(group.last),
                ", ".join(
                    [*(run[-6:] for run in group.runs[:4]), *(["…"] if len(group.runs) > 4 else [])]
                ),
            )
        )
    print_table(("KIND", "RUNS", "SCRIPT", "RESULT", "REPEATED FOR", "LAST", "RUN IDS"), rows)


@click.command()
@click.argument("project", required=False)
@common
@with_api
def stats(api: Api, project: str | None, as_json: bool) -> None:
    """How much of the work of PROJECT came to an end, and what the rest went to."""
    found = api.waste(project)
    if as_json:
        print_json(found)
        return
    total = sum(found.seconds.values())
    runs = sum(found.runs.values())
    say(f"{project or 'all projects'}  ", bold=True, end="")
    say(f"{counted(runs, 'run')}, {took(total)} of work")
    _statuses(found, total)
    _causes(found)
    _repeated(found, total)
    if found.after_divergence:
        count = counted(len(found.after_divergence), "run")
        say(f"\n{count} went on after a metric had become NaN: {took(found.diverged_seconds)}")
        for one in found.after_divergence[:5]:
            say(f"  {one['run'][-6:]}  {one['metric']}  {took(one['seconds'])}")


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def _statuses(found: Waste, total: float) -> None:
    rows = [
        (status, str(found.runs[status]), took(seconds), _share(seconds, total))
        for status, seconds in sorted(found.seconds.items(), key=lambda item: -item[1])
    ]
    print_table(("STATUS", "RUNS", "TIME", "SHARE"), rows)


def _causes(found: Waste) -> None:
    if not found.failures:
        return
    say("\nDid not complete (stopping early may well be right):")
    rows = [
        (one.name, str(len(one.runs)), took(one.seconds), took(one.median), one.runs[-1][-6:])
        for one in found.failures
    ]
    print_table(("CAUSE", "RUNS", "TIME", "MEDIAN UNTIL THEN", "E.G."), rows)


def _repeated(found: Waste, total: float) -> None:
    if not found.repeats:
        return
    share = _share(found.repeated_seconds, total)
    say(f"\nRepeated with the same inputs: {took(found.repeated_seconds)} ({share})", end="")
    say("; notabene repeats lists them")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@common
@with_api
def whence(api: Api, file: Path, as_json: bool) -> None:
    """Where FILE came from: the run that wrote it, its code, its data, and what made those."""
    origins = api.whence(file)
    if as_json:
        print_json(origins)
        return
    say(str(file), bold=True)
    for origin in origins:
        _tell(origin)


def _tell(origin: Origin) -> None:
    pad = "  " * (origin.depth + 1)
    made = f" as {origin.made}" if origin.made else ""
    verb = "written by" if origin.depth == 0 else "made by"
    say(f"{pad}{verb} {origin.name} ({origin.run[-6:]}) of {origin.project}{made}")
    commit = str(origin.code.get("commit", ""))[:10]
    dirty = " with changes" if origin.code.get("dirty") else ""
    code = f", commit {commit}{dirty}" if commit else ""
    say(f"{pad}  code  {origin.code.get('script') or 'not recorded'}{code}")
    for one in origin.inputs[:20]:
        source = f"  ← run {one['from'][-6:]}" if one["from"] else ""
        digest = one["digest"][:12] or "no digest"
        say(f"{pad}  data  {one['path']}  {digest}{source}")
    if len(origin.inputs) > 20:
        say(f"{pad}  and {counted(len(origin.inputs) - 20, 'more file')}")
    if origin.others:
        others = ", ".join(run[-6:] for run in origin.others[:5])
        say(f"{pad}  the same content was written by {others} as well")
