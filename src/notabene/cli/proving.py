"""``notabene check``, ``diff`` and ``repeats``: what a run rests on, and what came before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from notabene.cli.render import (
    common,
    counted,
    figure,
    print_json,
    print_table,
    say,
    with_api,
)

if TYPE_CHECKING:
    from notabene.api import Api
    from notabene.compare.diff import Diff
    from notabene.proof.findings import Finding

_MARKS = {"gap": ("✗", "red"), "risk": ("!", "yellow"), "note": ("·", "")}
_PROOFS = {
    "untested": "not tested by a rerun",
    "steps": "proven by a rerun of its first steps",
    "proven": "proven by a rerun, bit for bit",
    "differs": "a rerun came out differently",
}


@click.command()
@click.argument("run", default="@last")
@common
@with_api
def check(api: Api, run: str, as_json: bool) -> int:
    """Is the record of RUN complete, and is it proven? Ends with 1 where there are gaps."""
    found = api.check_run(run)
    if as_json:
        print_json(found)
        return 0 if found.record == "complete" else 1
    view = api.run(run)
    gaps = [one for one in found.findings if one.severity != "note"]
    state = "record complete" if not gaps else f"{counted(len(gaps), 'gap')} in the record"
    say(f"{view.name}  ", bold=True, end="")
    say(state, colour="red" if gaps else "green", end="")
    say(f"  {_PROOFS.get(found.proof, found.proof)}")
    for one in found.findings:
        _tell(one)
    for line in _held(api, run):
        say(f"  ✓ {line}", colour="green")
    return 1 if gaps else 0


def _tell(one: Finding) -> None:
    mark, colour = _MARKS[one.severity]
    say(f"  {mark} ", colour=colour, end="")
    where = f"  {one.where}" if one.where else ""
    kept = "  (recorded)" if one.recorded else ""
    since = f"  since {one.run[-6:]}" if one.run else ""
    say(f"{one.kind}  {one.what}{where}{kept}{since}")
    if one.fix:
        say(f"      → {one.fix}")


def _held(api: Api, run: str) -> list[str]:
    """What the record holds, in a few words each."""
    record = api.record(run)
    held: list[str] = []
    data = [one for one in record.data.read if one.digest]
    if data or record.data.sets:
        files = len(data) + sum(int(one["files"]) for one in record.data.sets)
        size = sum(one.size for one in data) + sum(int(one["size"]) for one in record.data.sets)
        held.append(f"data  {counted(files, 'file')}, {size:,} bytes, by content")
    kept = [one for one in record.sources.files if one.digest]
    if kept:
        held.append(f"code  {counted(len(kept), 'file')} kept")
    packages = record.environment.get("packages")
    if packages:
        held.append(f"environment  {counted(len(packages), 'package')}")
    if record.randomness.hash and not record.randomness.hash.startswith("random"):
        held.append("hash seed  recorded")
    return held


@click.command()
@click.argument("a")
@click.argument("b", default="@last")
@click.option("--code", "with_code", is_flag=True, help="Print how the sources differ as well.")
@click.option("--all", "everything", is_flag=True, help="Also what cannot explain the results.")
@common
@with_api
def diff(api: Api, a: str, b: str, with_code: bool, everything: bool, as_json: bool) -> None:
    """What differs between two runs, the likeliest explanation of their results first."""
    found = api.diff(a, b)
    if as_json:
        print_json(found)
        return
    _results(found)
    shown = [one for one in found.differences if everything or one.explains != "no"]
    rows = []
    for rank, one in enumerate(shown, 1):
        note = f"{one.explains}, {one.note}" if one.note else one.explains
        rows.append((str(rank), one.kind, one.item, _value(one.a), _value(one.b), one.where, note))
    names = [api.run(run).name for run in (found.a, found.b)]
    if rows:
        print_table(("", "CLASS", "ITEM", *names, "WHERE", "EXPLAINS"), rows)
    else:
        say("nothing that is recorded differs in what could explain the results")
    left = len(found.differences) - len(shown)
    if left:
        say(f"{counted(left, 'difference')} that cannot explain anything: --all")
    if with_code:
        _code(api, found)


def _results(found: Diff) -> None:
    parted = [one for one in found.results if one.first_divergent_step is not None]
    if not found.results:
        say("neither run has metrics to compare")
    elif not parted:
        values = sum(one.compared for one in found.results)
        say(f"the results are the same, bit for bit: {counted(values, 'value')}")
    else:
        first = parted[0]
        for one in parted[:5]:
            say(f"{one.metric}: {_number(one.a)} → {_number(one.b)}", end="")
            say(f", parts at step {one.first_divergent_step}")
        if len(parted) > 5:
            say(f"and {counted(len(parted) - 5, 'more metric')}")
        if first.first_a is not None and first.first_b is not None:
            say(f"first: {first.first_a!r} and {first.first_b!r}", end="")
            say(f" (relative {first.relative:.1e})")
    say()


def _code(api: Api, found: Diff) -> None:
    from notabene.compare.diff import text_diff

    one, other = api.side(found.a), api.side(found.b)
    for path in sorted({*one.texts, *other.texts}):
        lines = text_diff(one, other, path)
        for line in lines:
            colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            say(line, colour=colour)


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict | list):
        return str(value)[:40]
    return figure(value)[:40]


def _number(value: float | None) -> str:
    return "-" if value is None else figure(value)
