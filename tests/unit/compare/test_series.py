"""Where two series part: step by step, to the bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.compare.series import Curve, part, ulps

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def curve(*values, steps=None):
    """Values at steps 0, 1, 2 ..., or at those given."""
    at = np.arange(len(values)) if steps is None else np.array(steps)
    return Curve(at.astype(np.int64), np.array(values, dtype=np.float64))


@st.composite
def curves(draw):
    """Points in any order, steps that come again included."""
    points = draw(st.lists(st.tuples(st.integers(0, 12), FLOATS), max_size=20))
    return curve(*[v for _, v in points], steps=[s for s, _ in points])


@given(curves())
def test_a_curve_does_not_part_from_itself(one):
    """Whatever the values are, every one is the same as itself."""
    found = part("m", one, curve(*one.values, steps=one.steps))
    assert found.first_divergent_step is None
    assert found.compared == found.same == len(set(one.steps.tolist()))
    assert found.worst == 0


@given(curves(), curves(), st.none() | st.integers(0, 12))
def test_parting_is_the_same_from_both_sides(one, other, upto):
    """Exchanged curves part at the same step, by as much."""
    there, back = part("m", one, other, upto=upto), part("m", other, one, upto=upto)
    assert (there.first_divergent_step, there.compared, there.same, there.ulps) == (
        back.first_divergent_step, back.compared, back.same, back.ulps,
    )  # fmt: skip
    assert (there.worst, there.relative) == (back.worst, back.relative)
    assert repr((there.first_a, there.first_b)) == repr((back.first_b, back.first_a))


@given(curves(), curves())
def test_the_first_step_is_the_first(one, other):
    """Before it everything is the same; at it something is not."""
    step = part("m", one, other).first_divergent_step
    if step is None:
        return
    before = part("m", one, other, upto=step - 1)
    assert (before.first_divergent_step, before.same) == (None, before.compared)
    assert part("m", one, other, upto=step).first_divergent_step == step


def test_what_is_told_of_a_difference():
    """Counts, the values there, and the largest difference."""
    found = part("loss", curve(1, 2, 4, 8), curve(1, 2, 5, 6))
    assert (found.metric, found.a, found.b) == ("loss", 8, 6)
    assert (found.compared, found.same, found.first_divergent_step) == (4, 2, 2)
    assert (found.first_a, found.first_b, found.relative) == (4, 5, 0.2)
    assert (found.worst, found.worst_step) == (0.25, 3)


def test_nan_equals_nan():
    """Two NaN are the same, whatever bits they have; NaN and a number are not near at all."""
    odd = np.array([0x7FF8000000000001], dtype=np.int64).view(np.float64)[0]
    assert part("m", curve(math.nan, 1), curve(odd, 1)).same == 2
    found = part("m", curve(1, math.nan), curve(1, 2))
    assert (found.first_divergent_step, found.relative, found.ulps) == (1, math.inf, -1)


def test_zeros_of_both_signs():
    """-0.0 and 0.0 are not the same bits, and no distance apart."""
    found = part("m", curve(0.0), curve(-0.0))
    assert (found.first_divergent_step, found.same) == (0, 0)
    assert (found.relative, found.ulps, found.worst) == (0, 0, 0)


def test_the_last_bit():
    """The neighbour of a number is another one."""
    found = part("m", curve(1.0), curve(np.nextafter(1.0, 2)))
    assert (found.first_divergent_step, found.ulps) == (0, 1)
    assert 0 < found.relative < 1e-15


def test_late_points():
    """Order of logging is no matter; of several values of a step the last counts."""
    late = curve(30, 10, 99, 20, steps=[3, 1, 2, 2])
    found = part("m", late, curve(10, 20, 30, steps=[1, 2, 3]))
    assert (found.first_divergent_step, found.compared, found.same) == (None, 3, 3)
    assert found.a == found.b == 30


def test_steps_of_one_run_alone():
    """A step that one run lacks parts them there, and has one value."""
    found = part("m", curve(1, 2, 3), curve(1, 3, steps=[0, 2]))
    assert (found.first_divergent_step, found.first_a, found.first_b) == (1, 2, None)
    assert (found.compared, found.same) == (3, 2)
    shorter = part("m", curve(1, 2), curve(1, 2, 3))
    assert (shorter.first_divergent_step, shorter.first_a, shorter.first_b) == (2, None, 3)


@pytest.mark.parametrize("gone", [None, curve()])
def test_a_metric_of_one_run_alone(gone):
    """Its first step parts them; the values are those of the run that has it."""
    there = curve(5, 6, steps=[4, 7])
    one, other = part("m", there, gone), part("m", gone, there)
    assert (one.first_divergent_step, one.first_a, one.first_b) == (4, 5, None)
    assert (other.first_divergent_step, other.first_a, other.first_b) == (4, None, 5)
    assert (one.a, one.b, other.a, other.b) == (6, None, None, 6)
    assert (one.compared, one.same) == (2, 0)


def test_a_metric_of_neither_run():
    """There is nothing to compare, and nothing differs."""
    found = part("m", None, curve())
    assert (found.first_divergent_step, found.compared, found.a) == (None, 0, None)


def test_up_to_a_step():
    """Later steps do not count; those before the first point are none."""
    one, other = curve(1, 2, 3, 4), curve(1, 2, 9)
    assert part("m", one, other, upto=1).first_divergent_step is None
    assert part("m", one, other, upto=1).compared == 2
    assert part("m", one, other, upto=2).first_divergent_step == 2
    assert part("m", one, other, upto=-1).compared == 0


def test_infinite_values():
    """Equal infinities are the same; others are not near anything."""
    assert part("m", curve(math.inf), curve(math.inf)).same == 1
    for other in (-math.inf, 1e308):
        found = part("m", curve(math.inf), curve(other))
        assert (found.relative, found.worst, found.ulps) == (math.inf, math.inf, -1)


@given(FINITE)
def test_neighbours_are_one_apart(value):
    """One number to the next, across zero as well."""
    up = math.nextafter(value, math.inf)
    assert ulps(value, value) == 0
    if math.isfinite(up):
        assert ulps(value, up) == ulps(up, value) == 1


@given(FINITE, FINITE, FINITE)
def test_distances_add_up(a, b, c):
    """Of three numbers in order the distances of neighbours make the whole."""
    low, middle, high = sorted((a, b, c))
    parts = ulps(low, middle), ulps(middle, high)
    if -1 not in (*parts, ulps(low, high)):
        assert sum(parts) == ulps(low, high)


def test_distances_that_are_not_told():
    """Very many numbers in between, or no number at all."""
    assert ulps(1.0, -1.0) == ulps(math.nan, 1) == ulps(math.inf, 1) == -1
    assert ulps(5e-324, -5e-324) == 2
