"""Experiments that were done more than once."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.compare.repeated import groups_of, mean_and_interval
from notabene.proof.repeats import Repeats
from tests.unit.proof.making import evidence_of, manifest_of, tables_of


def run(name, *, code="c", seed="1", **about):
    """A run of one experiment."""
    given = {
        "tables": {"code": code, "data": "d"},
        "effective": "e",
        "seeds": {"seed": seed},
        "took": 10.0,
        "results": {"acc": 0.5},
        "user": "ada",
    }
    return manifest_of(name, **{**given, **about})


def told(*runs):
    """Kind and members of each group."""
    return [(group.kind, group.runs) for group in groups_of(runs)]


def test_the_same_twice():
    """Runs whose inputs fix the result and are the same: all but the first were for nothing."""
    runs = [run("b", started=2, user="bob"), run("a", started=1), run("c", started=3, took=5.0)]
    (group,) = groups_of(runs)
    assert (group.kind, group.runs, group.seconds) == ("duplicate", ["a", "b", "c"], 15.0)
    assert (group.users, group.script, group.last) == (["ada", "bob"], "train.py", 3)
    assert (group.metric, group.mean, group.interval) == ("acc", 0.5, 0)


def test_other_seeds_are_on_purpose():
    """Runs that differ in the seed alone cost nothing."""
    runs = [run("a", seed="1", results={"acc": 1.0}), run("b", seed="2", results={"acc": 2.0})]
    (group,) = groups_of(runs)
    assert (group.kind, group.seconds, group.mean) == ("seeds", 0.0, 1.5)
    assert group.interval == pytest.approx(12.71 * math.sqrt(0.5) / math.sqrt(2))


def test_chance_makes_replicates():
    """Where the inputs do not fix the result, the same again is no duplicate."""
    assert told(run("a", fixed=False), run("b", fixed=False)) == [("seeds", ["a", "b"])]


def test_duplicates_among_seeds():
    """Two runs of one seed and one of another are both: a duplicate, and a group of seeds."""
    assert told(run("a", seed="1"), run("b", seed="1"), run("c", seed="2")) == [
        ("duplicate", ["a", "b"]),
        ("seeds", ["a", "b", "c"]),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"code": "other"},
        {"tables": {"code": "c", "data": "other"}},
        {"effective": "other"},
        {"script": "other.py"},
        {"status": "failed"},
        {"status": "running"},
        {"tables": {}},
    ],
)
def test_what_is_not_the_same(other):
    """Other code, data, arguments or scripts, and runs that did not finish, are no repeats."""
    assert told(run("a"), run("b", **other)) == []


def test_the_costliest_comes_first():
    """Groups are sorted by what they cost, then by how many runs they have."""
    cheap = [run(f"x{n}", code="x", took=1.0) for n in range(3)]
    dear = [run(f"y{n}", code="y", took=100.0) for n in range(2)]
    seeds = [run(f"z{n}", code="z", seed=str(n)) for n in range(9)]
    found = groups_of([*seeds, *cheap, *dear])
    assert [group.runs[0] for group in found] == ["y0", "x0", "z0"]


def test_results_that_are_no_numbers():
    """Texts, flags and NaN have no mean."""
    (group,) = groups_of([run("a", results={"note": "x"}), run("b", results={})])
    assert (group.metric, group.mean, group.interval) == ("", None, None)
    (group,) = groups_of([run("a", results={"acc": math.nan}), run("b", results={"acc": 2.0})])
    assert (group.mean, group.interval) == (2.0, None)


def test_comments_make_no_other_experiment(tmp_path):
    """Sources that differ in comments and layout alone are the same code."""
    repeats = Repeats(tmp_path, "train.py")
    for number, text in enumerate(["LR = 1\n", "# rate\nLR  =  1\n", "LR = 2\n"]):
        repeats.keep(run(f"r{number}", tables={}, started=number), tables_of(evidence_of(text)))
    assert told(*repeats.all()) == [("duplicate", ["r0", "r1"])]


def test_the_interval_is_students():
    """Half widths as the tables of Student's t give them."""
    assert mean_and_interval([3.0]) == (3.0, None)
    mean, half = mean_and_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert mean == 3
    assert half == pytest.approx(2.776 * math.sqrt(2.5) / math.sqrt(5))
    many = [0.0, 1.0] * 50
    assert mean_and_interval(many)[1] == pytest.approx(1.96 * 0.502519 / 10, rel=1e-4)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.floats(-1e6, 1e6))
def test_an_interval_moves_with_its_values(values, shift):
    """It is as wide wherever the values lie, and never negative."""
    mean, half = mean_and_interval(values)
    moved, same = mean_and_interval([value + shift for value in values])
    assert half >= 0
    assert moved == pytest.approx(mean + shift, abs=1e-3)
    assert same == pytest.approx(half, abs=1e-3)
