"""Which versions may go."""

from __future__ import annotations

import math

import pytest

from notabene.artifacts.keep import surplus
from notabene.errors import UsageError
from notabene.model.entities import ArtifactVersion


def versions(*numbers: int, aliases: dict[int, tuple[str, ...]] | None = None):
    """Versions of these numbers, the newest first, as stores list them."""
    return [
        ArtifactVersion(
            name="m",
            version=n,
            type="model",
            digest="",
            size=0,
            files=0,
            created=n,
            aliases=(aliases or {}).get(n, ()),
        )
        for n in sorted(numbers, reverse=True)
    ]


def numbers(found) -> list[int]:
    """Numbers of versions."""
    return [v.version for v in found]


def test_the_last_stay():
    """All but the newest n may go, the oldest first."""
    assert numbers(surplus(versions(1, 2, 3, 4), last=2)) == [1, 2]
    assert numbers(surplus(versions(1, 2), last=5)) == []


@pytest.mark.parametrize(("goal", "gone"), [("min", [2, 4]), ("max", [1, 3])])
def test_the_best_stay(goal, gone):
    """All but the best k may go, by the metric's goal."""
    values = {1: 0.1, 2: 0.5, 3: 0.2, 4: 0.4}
    assert numbers(surplus(versions(1, 2, 3, 4), best=2, values=values, goal=goal)) == gone


def test_a_goal_that_is_none_is_refused():
    """A word for a goal that is not known is not taken for one of them: the best could go."""
    with pytest.raises(UsageError, match="allowed are min, max"):
        surplus(versions(1, 2), best=1, values={1: 0.1, 2: 0.9}, goal="maximize")


@pytest.mark.parametrize("goal", ["min", "max"])
def test_nan_is_never_best(goal):
    """A version whose metric is NaN goes first; infinities rank as numbers do."""
    values = {1: math.nan, 2: math.inf, 3: -math.inf}
    assert numbers(surplus(versions(1, 2, 3), best=2, values=values, goal=goal)) == [1]


def test_without_a_value_nothing_is_judged():
    """A version that has no value yet stays where the best are asked for."""
    assert numbers(surplus(versions(1, 2, 3), best=1, values={1: 1.0, 2: 2.0})) == [2]


def test_best_and_last_together():
    """With both, a version stays that is either."""
    values = {n: float(n) for n in range(1, 7)}
    assert numbers(surplus(versions(*values), best=1, last=2, values=values)) == [2, 3, 4]
    assert numbers(surplus(versions(*values), best=1, last=0, values=values)) == [2, 3, 4, 5, 6]


def test_what_has_a_name_or_a_use_stays():
    """Versions with an alias, and versions in use, always stay."""
    found = versions(1, 2, 3, 4, 5, aliases={1: ("prod",), 5: ("latest",)})
    assert numbers(surplus(found, last=1, used={3})) == [2, 4]


@pytest.mark.parametrize(
    "how", [{}, {"last": 0}, {"best": 0}, {"last": -1}, {"last": 0, "best": 0}]
)
def test_keeping_nothing_is_refused(how):
    """A rule that would keep nothing, or none at all, is refused."""
    with pytest.raises(UsageError):
        surplus(versions(1), **how)
