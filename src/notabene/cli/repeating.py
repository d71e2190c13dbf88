"""``notabene reproduce`` and ``notabene rerun``: a run again, from its record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from notabene.cli.render import common, counted, figure, hint, print_json, say, with_api
from notabene.errors import UsageError

if TYPE_CHECKING:
    from notabene.api import Api
    from notabene.reproduce.runner import Reproduction

_EXIT = {"bit-exact": 0, "within-tolerance": 0, "different": 1, "cannot": 3, "untested": 0}


@click.command()
@click.argument("run", default="@last")
@click.option("--steps", type=click.IntRange(min=1), help="Only the first so many steps.")
@click.option("--dry-run", is_flag=True, help="Only say what is there and what is missing.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of numeric libraries.")
@click.option("--allow-env", is_flag=True, help="Use the environment that is here.")
@click.option("--in", "folder", type=click.Path(path_type=Path), help="Folder to work in.")
@click.option("--tolerance", type=float, default=1e-6, show_default=True, help="Relative.")
@common
@with_api
def reproduce(
    api: Api,
    run: str,
    steps: int | None,
    dry_run: bool,
    threads: int | None,
    allow_env: bool,
    folder: Path | None,
    tolerance: float,
    as_json: bool,
) -> int:
    """Run RUN again from its record, and compare: the same bits, or the first step they part.

    Ends with 0 (the same, or within the tolerance), 1 (different) or 3 (cannot).
    """
    from notabene.reproduce.runner import Options, reproduce

    options = Options(
        steps=steps,
        dry_run=dry_run,
        threads=threads,
        allow_env=allow_env,
        folder=folder,
        tolerance=tolerance,
    )
    found = reproduce(api, run, options, (lambda _: None) if as_json else say)
    if not dry_run and found.run:
        _keep(api, found, steps)
    if as_json:
        print_json(found)
    else:
        _tell(api, found, dry_run=dry_run)
    return _EXIT[found.verdict]


def _keep(api: Api, found: Reproduction, steps: int | None) -> None:
    """The run knows from now on what was proven about it."""
    same = found.verdict in ("bit-exact", "within-tolerance")
    proof = ("steps" if steps else "proven") if same else "differs"
    data: dict[str, Any] = msgspec.to_builtins(found)
    data.pop("missing", None)
    if steps:
        data["steps"] = steps
    api.record_proof(found.original, proof, data)


def _tell(api: Api, found: Reproduction, *, dry_run: bool) -> None:
    name = api.run(found.original).name
    if found.verdict == "cannot":
        say("CANNOT  ", colour="red", bold=True, end="")
        say(f"{name} cannot be reproduced from its record:")
        for one in found.missing:
            seen = f", last seen in run {one.last_seen[-6:]}" if one.last_seen else ""
            say(f"  {one.what}  {one.item}: {one.why or 'not kept'}{seen}")
        return
    if dry_run:
        say(f"nothing is missing; notabene reproduce {found.original[-6:]} would run it again")
        return
    values = counted(found.compared, "value")
    if found.verdict == "bit-exact":
        say("BIT-EXACT  ", colour="green", bold=True, end="")
        say(f"{values} compared, the same bits. {name} is proven.")
        if found.cause:
            say(f"  {found.cause}")
        return
    first = found.first_difference or {}
    if found.verdict == "within-tolerance":
        say("WITHIN TOLERANCE  ", colour="green", bold=True, end="")
        say(f"{values} compared, worst relative difference {found.worst:.1e}")
    else:
        say("DIFFERENT  ", colour="red", bold=True, end="")
        say(f"{values} compared")
    if "metric" in first:
        recorded, now = (_number(first[key]) for key in ("recorded", "now"))
        say(
            f"  first at {first['metric']} step {first['step']}: {recorded} recorded, {now} now",
            end="",
        )
        say(f" (relative {first['relative']:.1e})")
    elif "file" in first:
        say(f"  first at {first['file']}: {first['recorded']} recorded, {first['now']} now")
    if found.cause:
        say(f"  likely: {found.cause}")


def _number(value: float | None) -> str:
    return "none" if value is None else repr(value)


@click.command()
@click.argument("run", default="@last")
@click.option("--set", "sets", multiple=True, help="lr=0.1: an option with another value.")
@click.option("--allow-env", is_flag=True, help="Use the environment that is here.")
@common
@with_api
def rerun(api: Api, run: str, sets: tuple[str, ...], allow_env: bool, as_json: bool) -> int:
    """Run RUN's record again, with changes: notabene rerun 7f3a --set lr=0.1"""
    from notabene.reproduce.runner import Options, reproduce

    changes: dict[str, str] = {}
    for word in sets:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise UsageError(f"--set {word!r} is not possible; it takes name=value")
        changes[name] = value
    options = Options(sets=changes, allow_env=allow_env)
    found = reproduce(api, run, options, (lambda _: None) if as_json else say)
    if as_json:
        print_json(found)
        return 3 if found.verdict == "cannot" else 0
    if found.verdict == "cannot":
        _tell(api, found, dry_run=False)
        return 3
    view = api.run(found.run)
    say(f"{view.name}  {view.status}")
    for key, value in list(view.summary.items())[:8]:
        before = api.run(found.original).summary.get(key)
        say(f"  {key}  {figure(before)} → {figure(value)}")
    hint(f"notabene diff {found.original[-6:]} {found.run[-6:]}")
    return 0
