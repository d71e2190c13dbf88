"""Experiments that were done more than once."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from notabene.model.canonical import digest_json
from notabene.proof.fingerprint import is_seed
from notabene.proof.repeats import Manifest
from notabene.proof.telling import headline_key


class Group(msgspec.Struct, kw_only=True):
    """Runs with the same inputs.

    Attributes:
        kind: ``duplicate``: the inputs fix the result, so that all but one were for nothing;
            ``seeds``: they differ in the seed alone, or chance has a say: done on purpose.
        script: What was run.
        project: Where.
        runs: Ids, the oldest first.
        users: Who ran them.
        seconds: What all but the first took; 0 for seeds.
        metric: The most telling result; ``mean`` and ``interval`` (half the width of the 95 %
            interval of the mean, by Student's t) of its values.
        last: When the newest began, µs.
    """

    kind: Literal["duplicate", "seeds"]
    script: str
    project: str = ""
    runs: list[str]
    users: list[str]
    seconds: float = 0.0
    metric: str = ""
    mean: float | None = None
    interval: float | None = None
    last: int = 0


def groups_of(manifests: Iterable[Manifest]) -> list[Group]:
    """Groups of two and more, the costliest first; runs that did not finish do not count."""
    same: dict[str, list[Manifest]] = {}
    but_seed: dict[str, list[Manifest]] = {}
    for one in manifests:
        if one.status == "finished" and one.tables.get("code"):
            code = one.tables.get("meaning") or one.tables["code"]
            config, seeds = _config(one)
            # Runs of one program that log no config can only be told apart by their place in it.
            part = "" if one.config else one.nth or one.run
            inputs = [one.script, part, one.effective, config, code, one.tables.get("data", "")]
            but_seed.setdefault(digest_json(inputs), []).append(one)
            if one.fixed:
                exact = [inputs, one.seeds, seeds, one.tables.get("environment", "")]
                same.setdefault(digest_json(exact), []).append(one)
    found = [_group("duplicate", runs) for runs in same.values() if len(runs) > 1]
    told = {run for group in found for run in group.runs}
    found += [
        _group("seeds", runs)
        for runs in but_seed.values()
        if len(runs) > 1 and not {one.run for one in runs} <= told
    ]
    return sorted(found, key=lambda group: (-group.seconds, -len(group.runs), group.script))


def _config(one: Manifest) -> tuple[dict[str, str], dict[str, str]]:
    """What was logged, and seeds among it."""
    seeds = {k: v for k, v in one.config.items() if is_seed(k.rpartition(".")[2])}
    return {k: v for k, v in one.config.items() if k not in seeds}, seeds


def _group(kind: Literal["duplicate", "seeds"], runs: list[Manifest]) -> Group:
    runs = sorted(runs, key=lambda one: one.started)
    key = next((name for one in runs if (name := headline_key(one.results))), "")
    values = [float(one.results[key]) for one in runs if _is_number(one.results, key)]
    mean, interval = mean_and_interval(values) if values else (None, None)
    return Group(
        kind=kind,
        script=runs[0].script,
        project=runs[-1].project,
        runs=[one.run for one in runs],
        users=sorted({one.user for one in runs if one.user}),
        seconds=sum(one.took for one in runs[1:]) if kind == "duplicate" else 0.0,
        metric=key,
        mean=mean,
        interval=interval,
        last=runs[-1].started,
    )


def _is_number(results: Mapping[str, Any], key: str) -> bool:
    value = results.get(key)
    return isinstance(value, int | float) and math.isfinite(value)


_T95 = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042)  # fmt: skip
"""Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom; 1.96 beyond."""


def mean_and_interval(values: list[float]) -> tuple[float, float | None]:
    """Mean, and half the width of its 95 % interval; None of a single value."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None
    t = _T95[len(values) - 2] if len(values) - 2 < len(_T95) else 1.96
    return mean, t * statistics.stdev(values) / math.sqrt(len(values))
