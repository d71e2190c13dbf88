"""Why do two runs differ? First answered from the runs that exist.

For each difference between the two, other pairs of runs are looked for that differ in it alone:
what happened to the metric there is what this difference does. Where no such pair exists, the
answer is "cannot tell", and the reruns that would separate the differences are named.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from notabene.model.canonical import digest_json
from notabene.proof.fingerprint import Tables
from notabene.proof.repeats import Manifest
from notabene.proof.versus import Difference

Told = Literal["effect", "no-effect", "cannot-tell"]


class Cause(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One difference, and what is known of its effect.

    Attributes:
        kind, item, a, b: The difference.
        told: ``effect``: runs that differ in it alone differ in the metric; ``no-effect``: they do
            not; ``cannot-tell``: there are no such runs.
        pairs: Pairs of runs that differ in it alone.
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
    known = [
        (manifest, _inputs(tables))
        for manifest, tables in runs
        if manifest.status == "finished" and _number(manifest.results.get(metric)) is not None
    ]
    causes = [_cause(one, metric, known, base) for one in differs]
    rank = {"effect": 0, "cannot-tell": 1, "no-effect": 2}
    return sorted(causes, key=lambda one: (rank[one.told], -abs(one.effect or 0.0)))


def _inputs(tables: Tables) -> dict[str, Any]:
    """All that went into a run, by the names that differences have."""
    found: dict[str, Any] = {}
    defaults = {f"argument {k}": v for k, v in tables.defaults.items()}
    found.update(defaults)
    found.update({f"argument {name}": value for name, value in tables.arguments.items()})
    found.update({f"seed {name}": value for name, value in tables.seeds.items()})
    found.update({f"data {name}": value for name, value in tables.data.items()})
    for path, entry in tables.code.items():
        found[f"code {path}"] = entry["code"]
    found["environment"] = digest_json(tables.environment)
    return found


def _name(one: Difference) -> str:
    if one.kind == "constant" or (one.kind == "seed" and one.where):
        return f"code {one.where.rpartition(':')[0]}"
    return "environment" if one.kind == "environment" else f"{one.kind} {one.item}"


def _cause(
    one: Difference,
    metric: str,
    known: Sequence[tuple[Manifest, Mapping[str, Any]]],
    base: str,
) -> Cause:
    name = _name(one)
    groups: dict[str, list[tuple[Any, Manifest]]] = {}
    for manifest, inputs in known:
        rest = digest_json({key: value for key, value in inputs.items() if key != name})
        groups.setdefault(rest, []).append((inputs.get(name), manifest))
    pairs: list[tuple[str, str]] = []
    changes: list[float] = []
    for members in groups.values():
        values = {repr(value) for value, _ in members}
        if len(values) < 2:
            continue
        first = members[0]
        for other in members[1:]:
            if repr(other[0]) != repr(first[0]):
                pairs.append((first[1].run, other[1].run))
                change = other[1].results[metric] - first[1].results[metric]
                forward = repr(other[0]) == repr(one.b) or repr(first[0]) == repr(one.a)
                changes.append(change if forward else -change)
    found = Cause(kind=one.kind, item=one.item, a=one.a, b=one.b, pairs=pairs[:20])
    if not changes:
        found.command = _command(one, base)
        return found
    found.effect = statistics.fmean(changes)
    found.spread = statistics.stdev(changes) if len(changes) > 1 else None
    found.told = "effect" if any(changes) else "no-effect"
    return found


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
    return f"cannot tell: {len(open_ones)} inputs changed together ({names})"


def _signed(one: Cause) -> str:
    spread = f" ± {one.spread:.2g}" if one.spread is not None else ""
    return f"{one.effect:+.3g}{spread}, {len(one.pairs)} pair{'s' * (len(one.pairs) != 1)}"
