"""``notabene why``: what made two runs come out differently."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from notabene.cli.render import (
    common,
    counted,
    figure,
    hint,
    print_json,
    print_table,
    say,
    took,
    with_api,
)
from notabene.errors import UsageError

if TYPE_CHECKING:
    from notabene.api import Api
    from notabene.compare.why import Cause, Why


@click.command()
@click.argument("a")
@click.argument("b", default="@last")
@click.option("--metric", help="What is to be explained; default: what parts first.")
@click.option("--rerun", is_flag=True, help="Find out by reruns with differences swapped.")
@click.option("--budget", help="At most so much work for reruns: 20m, 2h.")
@common
@with_api
def why(
    api: Api, a: str, b: str, metric: str | None, rerun: bool, budget: str | None, as_json: bool
) -> None:
    """Why do A and B differ? From the runs that exist; with --rerun by swapping differences."""
    found = api.why(a, b, metric=metric)
    if not rerun:
        if as_json:
            print_json(found)
        else:
            _tell(found)
        return
    answer = _by_reruns(api, found, _seconds(budget), as_json=as_json)
    if as_json:
        print_json({"why": found, "reruns": answer})
        return
    say()
    say(answer.answer, bold=True)
    if answer.set_aside:
        say(f"  set aside: {', '.join(answer.set_aside)}")


def _by_reruns(api: Api, found: Why, budget: float | None, *, as_json: bool) -> Any:
    from notabene.reproduce.swaps import Swaps, price_of

    parted = [p for p in api.partings(found.a, found.b) if p.first_divergent_step is not None]
    if not parted:
        raise UsageError("the results of the two runs are the same: there is nothing to explain")
    parted.sort(key=lambda one: (one.first_divergent_step, one.metric))
    target = next((one for one in parted if one.metric == found.metric), parted[0])
    quiet = (lambda _: None) if as_json else say
    items = api.diff(found.a, found.b).differences
    swaps = Swaps(api, api.record(found.a), api.record(found.b), items, target, quiet)
    step = target.first_divergent_step or 0
    price = price_of(api, found.a, step, len(swaps.items))
    text = (
        f"at most {counted(price.reruns, 'rerun')} up to step {step}, about {took(price.seconds)}"
    )
    (hint if as_json else say)(text)
    if budget is not None and price.seconds > budget:
        raise UsageError(f"{text}: more than the budget", hint="give a larger --budget")
    return swaps.find()


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    if match is None:
        raise UsageError(f"--budget {text!r} is not possible; it takes 90s, 20m, 2h or 1d")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def _tell(found: Why) -> None:
    if found.metric:
        parts = "" if found.first_step is None else f", parts at step {found.first_step}"
        values = f"{_number(found.value_a)} → {_number(found.value_b)}"
        say(f"{found.metric}  {values}{parts}")
    say(found.answer, bold=True)
    if not found.causes:
        return
    print_table(
        ("CLASS", "ITEM", "A", "B", "EFFECT ELSEWHERE", "PAIRS"),
        [_row(one) for one in found.causes],
    )
    for one in found.causes:
        if one.command and len(found.causes) > 1:
            say(f"  {one.command}")
    if len(found.causes) > 1:
        say(f"  notabene why {found.a[-6:]} {found.b[-6:]} --rerun")


def _row(one: Cause) -> tuple[str, ...]:
    if one.told == "cannot-tell":
        effect = "cannot tell"
    elif one.told == "no-effect":
        effect = "none"
    else:
        spread = f" ± {one.spread:.2g}" if one.spread is not None else ""
        effect = f"{one.effect:+.3g}{spread}"
    a, b = (str(value)[:24] for value in (one.a, one.b))
    return one.kind, one.item, a, b, effect, str(len(one.pairs) or "-")


def _number(value: float | None) -> str:
    return "-" if value is None else figure(value)
