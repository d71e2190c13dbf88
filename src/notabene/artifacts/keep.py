"""Which versions may go: all but the last n, or all but the best k."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from notabene.errors import UsageError
from notabene.model.entities import ArtifactVersion


def surplus(
    versions: Iterable[ArtifactVersion],
    *,
    last: int | None = None,
    best: int | None = None,
    values: Mapping[int, float] | None = None,
    goal: Literal["min", "max"] = "min",
    used: Collection[int] = (),
) -> tuple[ArtifactVersion, ...]:
    """The versions of one name that are not among those to keep, the oldest first.

    Kept whatever the numbers say: versions with an alias (``latest`` is one), versions in use,
    and, where only the best are asked for, versions that have no value yet.

    Args:
        versions: The live versions of a name.
        last: Keep this many of the newest.
        best: Keep this many of the best; with ``last`` a version stays that is either.
        values: The metric by version number. NaN is worse than any number.
        goal: Whether small or large values are good.
        used: Numbers of versions that something needs, say as the input of a run.

    Raises:
        UsageError: Neither ``last`` nor ``best`` is given, or one is below 1 (``last`` may be
            0 beside ``best``); or the goal is unknown.
    """
    if goal not in ("min", "max"):
        # Taken for either of the two, it could cost the best versions.
        raise UsageError(f"goal={goal!r} is unknown; allowed are min, max")
    if last is None and best is None:
        raise UsageError("say how many versions to keep: last=n, best=k, or both")
    for name, number in (("last", last), ("best", best)):
        if number is not None and number < (0 if name == "last" and best is not None else 1):
            raise UsageError(f"{name}={number} would keep nothing; at least 1 must stay")
    ordered = sorted(versions, key=lambda v: v.version)
    keep = {v.version for v in ordered if v.aliases or v.version in used}
    if last:
        keep |= {v.version for v in ordered[-last:]}
    if best is not None:
        values = values or {}
        rated = [v.version for v in ordered if v.version in values]
        rated.sort(key=lambda n: _rank(values[n], goal))
        keep |= set(rated[:best]) | {v.version for v in ordered if v.version not in values}
    return tuple(v for v in ordered if v.version not in keep)


def _rank(value: float, goal: str) -> tuple[bool, float]:
    if math.isnan(value):
        return True, 0.0
    return False, value if goal == "min" else -value
