"""Running statistics: by row, by column, merged, packed, always the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from notabene.journal.stats import FIELDS, ROW_BYTES, KeyStats, RunningStats, merge, table, unpack

ODD = (math.nan, math.inf, -math.inf, -0.0)


def series(n, seed=0, odd=True):
    """Steps (some equal, some going back), rising times, values with odd ones among them."""
    rng = np.random.default_rng(seed)
    steps = np.sort(rng.integers(0, n, n))
    if n > 10:
        steps[n // 2 :] = np.roll(steps[n // 2 :], 3)
    times = np.cumsum(rng.integers(1, 100, n))
    values = rng.standard_normal((n, 3))
    if odd and n > 8:
        values[rng.integers(0, n, n // 4), 1] = rng.choice(ODD, n // 4)
        values[:, 2] = rng.choice(ODD[:3], n)
    return steps, times, values


def by_row(steps, times, values):
    """Statistics of three keys, a point at a time."""
    found = [KeyStats() for _ in range(3)]
    for step, time, row in zip(steps.tolist(), times.tolist(), values.tolist(), strict=True):
        for stats, value in zip(found, row, strict=True):
            stats.add(step, time, value)
    return found


def alike(a, b):
    """Whether two statistics are equal; sums within what the order of adding costs."""
    for name, _ in FIELDS:
        x, y = getattr(a, name), getattr(b, name)
        if name == "sum":
            assert math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-9), name
        else:
            assert x == y or (x != x and y != y), (name, x, y)
    return True


@pytest.mark.parametrize("n", [1, 2, 9, 500])
@pytest.mark.parametrize("odd", [False, True])
def test_columns_and_rows_count_alike(n, odd):
    """Taking points in by column, in pieces of any size, gives what one at a time gives."""
    steps, times, values = series(n, n, odd)
    wanted = by_row(steps, times, values)
    for piece in (1, 3, n):
        stats = RunningStats()
        for at in range(0, n, piece):
            part = slice(at, at + piece)
            stats.add_columns(("a", "b", "c"), steps[part], times[part], values[part])
        assert all(alike(stats.keys[k], w) for k, w in zip("abc", wanted, strict=True))


def test_writers_merge():
    """Statistics of parts taken together are those of the whole, in any order."""
    steps, times, values = series(300, 4)
    whole = by_row(steps, times, values)
    parts = [by_row(steps[at::3], times[at::3], values[at::3]) for at in range(3)]
    for key in range(3):
        for order in ((0, 1, 2), (2, 0, 1)):
            assert alike(merge([parts[i][key] for i in order] + [KeyStats()]), whole[key])


def test_packed_statistics_come_back():
    """Packed rows unpack to the same, singly and as a table."""
    stats = RunningStats()
    steps, times, values = series(50, 1)
    stats.add_columns(("a", "b", "c"), steps, times, values)
    keys, data = stats.pack_changed()
    assert keys == ("a", "b", "c")
    assert len(data) == 3 * ROW_BYTES
    assert all(alike(u, stats.keys[k]) for k, u in zip(keys, unpack(data), strict=True))
    rows = table(data)
    assert rows["n"].tolist() == [50, 50, 50]
    assert rows["last_step"].tolist() == [stats.keys[k].last_step for k in keys]


def test_only_what_changed_is_packed():
    """A key is packed again only when points came in since."""
    stats = RunningStats()
    assert not stats.changed()
    one = (np.array([1]), np.array([2]), np.array([[0.5]]))
    stats.add_columns(("a",), *one)
    stats.add_columns(("b",), *one)
    assert stats.pack_changed()[0] == ("a", "b")
    assert not stats.changed()
    stats.add_columns(("b",), *one)
    keys, data = stats.pack_changed()
    assert keys == ("b",)
    assert unpack(data)[0].n == 2


def test_nothing_finite_has_no_extremes():
    """Where no value is finite, least and greatest are NaN and the counts say why."""
    stats = RunningStats()
    values = np.array([[math.nan], [math.inf], [-math.inf], [math.inf]])
    stats.add_columns(("a",), np.arange(4), np.arange(1, 5), values)
    found = stats.keys["a"]
    assert math.isnan(found.min)
    assert math.isnan(found.max)
    assert (found.n, found.nan, found.posinf, found.neginf, found.sum) == (4, 1, 2, 1, 0.0)
    assert (found.first_step, found.last_step) == (0, 3)


def test_a_sum_may_overflow():
    """Sums beyond float64 become infinite, without a warning."""
    stats = RunningStats()
    stats.add_columns(("a",), np.arange(2), np.arange(2), np.array([[1.7e308], [1.7e308]]))
    assert stats.keys["a"].sum == math.inf
