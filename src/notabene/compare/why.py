"""Why do two runs differ? First answered from the runs that exist.

For each difference between the two, other pairs of runs are looked for that differ in it alone:
what happened to the metric there is what this difference does. Where no such pair exists, the
answer is "cannot tell", and the reruns that would separate the differences are named.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from notabene.model.canonical import digest_json
from notabene.proof.fingerprint import Tables, is_seed
from notabene.proof.repeats import Manifest
from notabene.proof.versus import Difference, environment, own_config

Told = Literal["effect", "no-effect", "cannot-tell"]


class Cause(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One difference, and what is known of its effect.

    Attributes:
        kind, item, a, b: The difference.
        told: ``effect``: runs that differ in it alone differ in the metric; ``no-effect``: they do
            not; ``cannot-tell``: there are no such runs.
        pairs: Pairs of runs that differ in it alone, and as these two do.
        effect: Mean change of the metric from ``a`` to ``b``, and ``spread``: its standard
            deviation over the pairs; None of a single pair.
        command: What would tell, where it cannot be told.
    """

    kind: str = msgspec.field(name="class")
    item: str
    a: Any = None
    b: Any = None
    told: Told = "cannot-tell"
    pairs: list[tuple[str, str]] = []
    effect: float | None = None
    spread: float | None = None
    command: str = ""


class Why(msgspec.Struct, kw_only=True):
    """The answer.

    Attributes:
        a, b: Ids of the runs.
        metric: What is explained, with its values.
        first_step: Where they part; None: not at all.
        causes: Those with an effect first.
        answer: In one sentence.
    """

    a: str
    b: str
    metric: str = ""
    value_a: float | None = None
    value_b: float | None = None
    first_step: int | None = None
    causes: list[Cause] = []
    answer: str = ""


def from_runs(
    differs: Sequence[Difference],
    metric: str,
    runs: Iterable[tuple[Manifest, Tables]],
    base: str,
) -> list[Cause]:
    """What is known of each difference.

    Args:
        differs: Between the two runs.
        metric: Whose change counts.
        runs: All runs of the script, with what went into them.
        base: Id of the first run, for commands.
    """
    known: list[_Known] = []
    codes: dict[str, str] = {}
    for manifest, tables in runs:
        value = _number(manifest.results.get(metric))
        if manifest.status == "finished" and value is not None:
            known.append(_Known(manifest.run, value, _inputs(tables)))
            codes |= {entry["sha"][:16]: entry["code"] for entry in tables.code.values()}
    causes = [_cause(one, known, codes, base) for one in differs]
    rank = {"effect": 0, "cannot-tell": 1, "no-effect": 2}
    return sorted(causes, key=lambda one: (rank[one.told], -abs(one.effect or 0.0)))


class _Known(NamedTuple):
    """A run that ended well, with its result and all that went into it."""

    run: str
    value: float
    inputs: dict[str, Any]


def _inputs(tables: Tables) -> dict[str, Any]:
    """All that went into a run, by the names that differences have."""
    found: dict[str, Any] = {}
    for name, value in tables.defaults.items():
        found[f"{'seed' if is_seed(name) else 'argument'} {name}"] = value
    found.update({f"argument {name}": value for name, value in tables.arguments.items()})
    found.update({f"seed {name}": value for name, value in tables.seeds.items()})
    for name, value in own_config(tables).items():
        kind = "seed" if is_seed(name.rpartition(".")[2]) else "config"
        found.setdefault(f"{kind} {name}", value)
    found.update({f"data {name}": value for name, value in tables.data.items()})
    for path, entry in tables.code.items():
        found[f"code {path}"] = entry["code"]
        found[f"rest {path}"] = entry.get("without_constants", entry["code"])
    for path, constants in tables.constants.items():
        found.update({f"constant {path}:{name}": one[0] for name, one in constants.items()})
    # As differences between environments are named.
    for one in environment({}, tables.environment):
        found[f"environment {one.item}"] = one.b
    return found


def _names(one: Difference) -> tuple[str, tuple[str, ...]]:
    """Under which name inputs hold what differs, and beginnings of names that go with it."""
    path = one.where.rpartition(":")[0]
    if one.kind == "constant" or (one.kind == "seed" and path):
        return f"constant {path}:{one.item}", (f"code {path}",)
    if one.kind == "code":
        return f"code {one.item}", (f"rest {one.item}", f"constant {one.item}:")
    return f"{one.kind} {one.item}", ()


def _cause(one: Difference, known: Sequence[_Known], codes: Mapping[str, str], base: str) -> Cause:
    name, others = _names(one)
    a, b = (codes.get(x, x) for x in (one.a, one.b)) if one.kind == "code" else (one.a, one.b)
    groups: dict[str, list[_Known]] = {}
    for run in known:
        rest = {
            key: value
            for key, value in run.inputs.items()
            if key != name and not key.startswith(others)
        }
        groups.setdefault(digest_json(rest), []).append(run)
    pairs = [pair for group in groups.values() for pair in _pairs(group, name, a, b)]
    found = Cause(kind=one.kind, item=one.item, a=one.a, b=one.b)
    if not pairs:
        found.command = _command(one, base)
        return found
    changes = [after.value - before.value for before, after in pairs]
    found.pairs = [(before.run, after.run) for before, after in pairs[:20]]
    found.effect = statistics.fmean(changes)
    found.spread = statistics.stdev(changes) if len(changes) > 1 else None
    found.told = "effect" if any(changes) else "no-effect"
    return found


def _pairs(group: Sequence[_Known], name: str, a: Any, b: Any) -> list[tuple[_Known, _Known]]:
    """Of runs that are the same but for one input, those that go from one value to the other."""
    before = [run for run in group if repr(run.inputs.get(name)) == repr(a)]
    after = [run for run in group if repr(run.inputs.get(name)) == repr(b)]
    if not before or not after:
        return []
    count = max(len(before), len(after))
    return [(before[at % len(before)], after[at % len(after)]) for at in range(count)]


def _command(one: Difference, base: str) -> str:
    if one.kind in ("argument", "seed") and not one.item.startswith("$") and one.b is not None:
        return f"notabene rerun {base[-6:]} --set {one.item}={one.b}"
    return ""


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def sentence(why: Why) -> str:
    """The answer in one sentence."""
    if why.first_step is None and why.value_a == why.value_b:
        return "the results do not differ"
    sure = [one for one in why.causes if one.told == "effect"]
    open_ones = [one for one in why.causes if one.told == "cannot-tell"]
    if not why.causes:
        return (
            "nothing that is recorded differs: chance, or something that is not in the record; "
            "notabene check shows what is not"
        )
    if len(why.causes) == 1:
        only = why.causes[0]
        return f"{only.item} ({only.a} → {only.b}) is all that differs"
    if sure and not open_ones:
        told = ", ".join(f"{one.item} ({_signed(one)})" for one in sure[:3])
        return f"{told}; nothing else that differs has had an effect"
    if sure:
        told = ", ".join(f"{one.item} ({_signed(one)})" for one in sure[:3])
        rest = f"{len(open_ones)} more changed together and cannot be told apart"
        return f"{told} had an effect before; {rest}"
    names = ", ".join(one.item for one in open_ones[:4])
    if not open_ones:
        return "none of what differs has had an effect alone: together, or by chance"
    if len(open_ones) == 1:
        return f"{names} is left: nothing else that differs has had an effect"
    return f"cannot tell: {len(open_ones)} inputs changed together ({names})"


def _signed(one: Cause) -> str:
    spread = f" ± {one.spread:.2g}" if one.spread is not None else ""
    return f"{one.effect:+.3g}{spread}, {len(one.pairs)} pair{'s' * (len(one.pairs) != 1)}"
