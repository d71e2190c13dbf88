"""``notabene show`` and ``notabene diary``: one run, one project's notebook."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from notabene.cli.jsonable import jsonable
from notabene.cli.render import (
    STATUS_COLOURS,
    ago,
    common,
    counted,
    figure,
    listing,
    print_fields,
    print_json,
    print_table,
    say,
    size,
    took,
    when,
    with_api,
)

if TYPE_CHECKING:
    from notabene.api import Api, RunView


@click.command()
@click.argument("run", default="@last")
@click.option("--fields", help="Print only these, separated by commas.")
@click.option("--system", is_flag=True, help="System metrics as well.")
@click.option("--record", is_flag=True, help="Everything that was captured.")
@common
@with_api
def show(api: Api, run: str, fields: str | None, system: bool, record: bool, as_json: bool) -> None:
    """Show one run: RUN is an id, its last six characters, a name, or @last."""
    view = api.run(run)
    if as_json:
        print_json(api.record(run) if record else view.to_dict(), fields)
        return
    if fields:
        print_fields([jsonable(api.record(run) if record else view.to_dict())], fields)
        return
    _head(view)
    _thoughts(view)
    _config(view)
    _metrics(view, system=system)
    _failure(view)
    _edges(view)
    _circumstances(view, whole=record)
    if view.cost_cpu:
        say(f"\nnotabene used {took(view.cost_cpu)} CPU of {took(view.duration)}")


def _head(view: RunView) -> None:
    say(view.name, bold=True, end="  ")
    say(view.status, colour=STATUS_COLOURS.get(view.status, ""), end="")
    say(f"  {view.id} of {view.project}")
    ended = f", ended {when(view.ended)}" if view.ended else f", last sign {ago(view.updated)}"
    say(f"started {when(view.started)} ({ago(view.started)}){ended}, took {took(view.duration)}")
    about = [f"by {view.user}" if view.user else "", f"on {view.host}" if view.host else ""]
    about += [f"group {view.group}" if view.group else ""]
    about += [f"child of {view.parent[-6:]}" if view.parent else ""]
    about += [f"{view.ranks} ranks" if view.ranks > 1 else ""]
    about += ["archived" if view.archived else "", "in the trash" if view.deleted else ""]
    say("  ".join(word for word in about if word))
    if view.tags:
        say("tags  " + ", ".join(f"{k}={v}" if v else k for k, v in sorted(view.tags.items())))


def _thoughts(view: RunView) -> None:
    if view.hypothesis:
        say(f"\nhypothesis  {view.hypothesis}")
    if view.conclusion is not None:
        verdict = f" ({view.conclusion.verdict})" if view.conclusion.verdict else ""
        say(f"conclusion  {view.conclusion.text}{verdict}")
    for note in view.notes:
        who = f"{note.author}, " if note.author else ""
        say(f"note  {note.text}  ({who}{ago(note.time)})")
    for alert in view.alerts:
        say(f"alert  {alert.level}: {alert.title} {alert.text}".rstrip())


def _config(view: RunView) -> None:
    if not view.params:
        return
    say("\nconfig", bold=True)
    print_table(
        ("", ""), [(f"  {key}", figure(value)) for key, value in sorted(view.params.items())]
    )


def _metrics(view: RunView, *, system: bool) -> None:
    shown = {k: m for k, m in view.metrics.items() if system or not k.startswith("system/")}
    extra = {k: v for k, v in view.summary.items() if k not in view.metrics}
    if extra:
        say("\nsummary", bold=True)
        print_table(("", ""), [(f"  {key}", figure(value)) for key, value in sorted(extra.items())])
    if not shown:
        return
    say("\nmetrics", bold=True)
    rows = []
    for key, metric in sorted(shown.items()):
        odd = metric.nan + metric.posinf + metric.neginf
        rows.append(
            (
                f"  {key}",
                figure(metric.last),
                figure(None if math.isnan(metric.min) else metric.min),
                figure(None if math.isnan(metric.max) else metric.max),
                f"{metric.last_step:,}",
                f"{metric.n:,}",
                f"{odd:,} NaN/Inf" if odd else "",
            )
        )
    print_table(("", "LAST", "MIN", "MAX", "STEP", "POINTS", ""), rows, right=range(1, 6))


def _failure(view: RunView) -> None:
    if view.reason:
        known = view.exit_code is None or view.reason == f"exit code {view.exit_code}"
        code = "" if known else f" (exit code {view.exit_code})"
        say(f"\n{view.status}: {view.reason}{code}", colour=STATUS_COLOURS.get(view.status, ""))
    if view.status in ("failed", "killed", "stopped"):
        tail = view.traceback.strip().splitlines()[-12:]
        lines = view.last_lines.strip().splitlines() or [
            line.text for line in view.console(tail=12)
        ]
        for line in tail:
            say(f"  {line}")
        # The console ends with the same traceback, mostly: show what came before it.
        before = [line for line in lines if line not in tail]
        if before:
            say("last lines of the console")
            for line in before[-8:]:
                say(f"  {line}")
    for remark in view.health:
        times = f" ({remark.count} times)" if remark.count > 1 else ""
        say(f"remark  {remark.message}{times}")


def _edges(view: RunView) -> None:
    if view.artifacts:
        say("\nartifacts", bold=True)
        arrows = {"input": "read", "output": "made"}
        rows = [
            (f"  {arrows[e.direction]}", f"{e.name}:v{e.version}", e.role, e.digest[:12])
            for e in view.artifacts
        ]
        print_table(("", "", "", ""), rows)
    values: dict[tuple[str, str], int] = {}
    for value in view.values():
        values[value.key, value.kind] = values.get((value.key, value.kind), 0) + 1
    if values:
        say("\nvalues", bold=True)
        rows = [
            (f"  {key}", kind, counted(n, "step"), "") for (key, kind), n in sorted(values.items())
        ]
        print_table(("", "", "", ""), rows)


def _circumstances(view: RunView, *, whole: bool) -> None:
    captured = view.captured()
    if not captured:
        return
    say("\nrecord", bold=True)
    came = captured.get("import")
    if came:
        print_table(("", ""), [("  imported", f"from {came.get('from')}: {came.get('where')}")])
        for what, count in sorted((came.get("missed") or {}).items()):
            say(f"  {what}" + (f" ({count:,} times)" if count > 1 else ""))
    facts = view.facts
    if whole:
        rows = [(f"  {key}", figure(value)) for key, value in sorted(facts.items())]
        print_table(("", ""), rows)
        return
    chosen = (
        ("command", "process.command"),
        ("commit", "git.commit"),
        ("branch", "git.branch"),
        ("uncommitted", "git.dirty"),
        ("python", "env.python"),
        ("system", "env.os"),
        ("cpu", "host.cpu"),
        ("gpu", "gpu.name"),
    )
    rows = [(f"  {word}", figure(facts[key])) for word, key in chosen if facts.get(key)]
    code = captured.get("code", {})
    if not facts.get("git.commit") and code.get("kept"):
        rows.insert(0, ("  code", f"kept here ({size(code['kept'])}); no git needed"))
    print_table(("", ""), rows)


@click.command()
@click.argument("project", required=False)
@listing
@common
@with_api
def diary(
    api: Api, project: str | None, fields: str | None, limit: int | None, as_json: bool
) -> None:
    """The laboratory notebook of a project: hypotheses, runs, notes, conclusions in time order."""
    if project is None:
        project = api.run("@last").project
    entries = api.diary(project)
    entries = entries[-limit:] if limit else entries
    if as_json:
        print_json(entries, fields)
        return
    if fields:
        print_fields(jsonable(entries), fields)
        return
    day = ""
    for entry in entries:
        moment = when(entry.time)
        if moment[:10] != day:
            day = moment[:10]
            say(f"\n{day}", bold=True)
        name = f"{entry.run_name} " if entry.run_name else ""
        say(f"  {moment[11:16]}  {entry.kind:<11} {name}{entry.text}")
