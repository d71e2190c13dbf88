"""``notabene tail`` and ``notabene wait``: runs that are at work now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from notabene.cli.jsonable import jsonable
from notabene.cli.render import (
    common,
    encode_json,
    figure,
    hint,
    print_fields,
    print_json,
    say,
    with_api,
)
from notabene.errors import NotFoundError

if TYPE_CHECKING:
    from notabene.api import Api, RunView

PAUSE = 0.5
TIME_IS_UP = 124


@click.command()
@click.argument("run", default="@last")
@click.option("-n", "--lines", default=20, show_default=True, help="Lines to begin with.")
@click.option("-m", "--metric", "metrics", multiple=True, help="Follow numbers, not the console.")
@click.option("--no-follow", is_flag=True, help="Print what is there and end.")
@common
@with_api
def tail(
    api: Api, run: str, lines: int, metrics: tuple[str, ...], no_follow: bool, as_json: bool
) -> None:
    """Follow a run's console, or its metrics, until it ends.

    With --json one document a line.
    """
    view = api.run(run)
    if metrics:
        _follow_metrics(api, view, metrics, lines, no_follow=no_follow, as_json=as_json)
    else:
        _follow_console(api, view, lines, no_follow=no_follow, as_json=as_json)
    if not no_follow:
        hint(f"{view.name} is {api.run(view.id).status}")


def _document(form: dict[str, Any]) -> None:
    """One JSON document a line, at once: whoever follows reads line by line."""
    say(encode_json(form, indent=-1))


def _over(api: Api, run_id: str) -> bool:
    return bool(api.run(run_id).status != "running")


def _follow_console(api: Api, view: RunView, lines: int, *, no_follow: bool, as_json: bool) -> None:
    follower = api.follow_console(view, tail=lines)
    while True:
        over = no_follow or _over(api, view.id)
        for line in follower.read():
            if as_json:
                _document(line._asdict())
            else:
                say(line.text, styled=True)
        if over:
            return
        time.sleep(PAUSE)
        api.refresh()


def _follow_metrics(
    api: Api,
    view: RunView,
    metrics: tuple[str, ...],
    lines: int,
    *,
    no_follow: bool,
    as_json: bool,
) -> None:
    seen: dict[str, int] = {}
    while True:
        over = no_follow or _over(api, view.id)
        for key in metrics:
            try:
                found = api.history(view.id, key)
            except NotFoundError:
                if over:
                    raise
                continue
            begin = seen.get(key, max(0, len(found.steps) - lines))
            for step, value in zip(found.steps[begin:], found.values[begin:], strict=True):
                if as_json:
                    _document({"key": key, "step": int(step), "value": float(value)})
                else:
                    say(f"{key}  {int(step):>8,}  {figure(float(value))}")
            seen[key] = len(found.steps)
        if over:
            return
        time.sleep(PAUSE)
        api.refresh()


@click.command()
@click.argument("run", default="@last")
@click.option("--until", default="", help="A query; default is that the run has ended.")
@click.option("--timeout", type=float, help="Give up after so many seconds (exit code 124).")
@click.option("--fields", help="Print only these, separated by commas.")
@common
@with_api
def wait(
    api: Api, run: str, until: str, timeout: float | None, fields: str | None, as_json: bool
) -> int:
    """Wait until a run has ended, or until it matches a query.

    Ends with 0 when the query holds (without one: when the run finished), with 1 when the run
    ended otherwise, with 124 when the time is up.
    """
    from notabene._ids import now_us
    from notabene.query import parse
    from notabene.query.predicate import compile as compile_predicate

    condition = parse(until) if until else None
    end = None if timeout is None else time.monotonic() + timeout
    run_id = api.run(run).id
    while True:
        view = api.run(run_id)
        over = view.status != "running"
        good = view.status == "finished"
        if condition is not None:
            good = compile_predicate(condition, now_us())(view.info)
        if good or over:
            if as_json:
                print_json(view.to_dict(), fields)
            elif fields:
                print_fields([jsonable(view.to_dict())], fields)
            else:
                say(f"{view.name} is {view.status}")
            return 0 if good else 1
        if end is not None and time.monotonic() >= end:
            hint(f"{view.name} is still {view.status} after {timeout:g} s")
            return TIME_IS_UP
        time.sleep(PAUSE)
        api.refresh()
