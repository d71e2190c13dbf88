"""What an answer says in one line."""

from __future__ import annotations

import math

import pytest

from notabene.proof.repeats import Answer
from notabene.proof.telling import ago, headline, headline_key, line_of, took
from notabene.proof.versus import Difference
from tests.unit.proof.making import manifest_of

DAY = 86_400_000_000
NOW = 1_800_000_000_000_000


def earlier(run="01abcdef61b0zz", **about):
    """A run of two days ago."""
    given = {
        "user": "ada",
        "started": NOW - 2 * DAY,
        "took": 11_520.0,
        "results": {"val/acc": 0.913},
    }
    return manifest_of(run, **{**given, **about})


def line(verdict, *, user="ada", differs=(), replicates=(), **about):
    """What is said."""
    answer = Answer(
        verdict=verdict,
        run=earlier(**about),
        differs=list(differs),
        replicates=list(replicates),
        running=about.get("status") == "running",
    )
    return line_of(answer, now_us=NOW, user=user)


def test_the_same():
    """When, by whom, with which result, how long it took, and what to do instead."""
    assert line("duplicate") == (
        "same as run 61b0zz (2 days ago, by you, val/acc 0.913, took 3 h 12 min); "
        "notabene run --reuse gives its results instead"
    )
    assert "by ada" in line("duplicate", user="bob")


def test_what_is_not_known_is_left_out():
    """Without user, results and length the line is a line still."""
    told = line("duplicate", user="bob", results={}, took=0.2) + line(
        "duplicate", results={}, took=0.0, user="bob"
    )
    assert "took" not in told
    bare = earlier(user="", results={}, took=0.0)
    answer = Answer(verdict="duplicate", run=bare)
    assert line_of(answer, now_us=NOW, user="x").startswith("same as run 61b0zz (2 days ago);")


def test_nothing_like_it():
    """A new run has no line."""
    assert line_of(Answer(), now_us=NOW, user="ada") == ""
    assert line("new") == ""


SEED = Difference(kind="seed", item="seed", a="1", b="2")


def test_another_seed():
    """The how many-th seed it is, and the mean and spread of those before."""
    runs = [earlier(results={"val/acc": value, "loss": 1}) for value in (0.91, 0.92, 0.93, 0.90)]
    assert line("seed", differs=[SEED], replicates=runs) == (
        "as run 61b0zz but seed 1 → 2 (the 5th seed: val/acc 0.915 ± 0.013)"
    )
    assert line("seed", differs=[SEED], replicates=runs[:1]) == (
        "as run 61b0zz but seed 1 → 2 (the 2nd seed: val/acc 0.91)"
    )


@pytest.mark.parametrize("result", [{}, {"converged": True}, {"acc": math.nan}, {"note": "x"}])
def test_seeds_without_numbers(result):
    """What is no number has no mean."""
    told = line("seed", differs=[SEED], replicates=[earlier(results=result)])
    assert told == "as run 61b0zz but seed 1 → 2 (the 2nd seed)"


@pytest.mark.parametrize(
    ("runs", "nth"),
    [(1, "2nd"), (2, "3rd"), (3, "4th"), (10, "11th"), (11, "12th"), (20, "21st"), (112, "113th")],
)
def test_ordinals(runs, nth):
    """Endings as English has them."""
    replicates = [earlier(results={}) for _ in range(runs)]
    assert f"(the {nth} seed)" in line("seed", differs=[SEED], replicates=replicates)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Difference(kind="data", item="./train.csv", a="a" * 64, b="b" * 64), "train.csv changed"),
        (Difference(kind="data", item="list data", a="a" * 64, b="b" * 64), "data changed"),
        (Difference(kind="data", item="x", a="a" * 64), "x is gone"),
        (Difference(kind="data", item="x", a="a" * 64, b="absent"), "x is gone"),
        (Difference(kind="data", item="x", a="absent", b="a" * 64), "x is there now"),
        (Difference(kind="code", item="train.py", a="1", b="2"), "train.py changed"),
        (Difference(kind="argument", item="lr", a="0.1", b="0.2"), "lr 0.1 → 0.2"),
        (Difference(kind="constant", item="LR", a=0.1, b=0.2), "LR 0.1 → 0.2"),
        (Difference(kind="environment", item="package numpy", a="1", b="2"), "numpy 1 → 2"),
        (Difference(kind="environment", item="package aiohttp", b="3.14"), "aiohttp none → 3.14"),
        (Difference(kind="argument", item="$TRAIN_LR", b="set"), "$TRAIN_LR is set now"),
        (Difference(kind="argument", item="$TRAIN_LR", a="1"), "$TRAIN_LR is not set now"),
        (
            Difference(kind="data", item="standard input", a="a" * 64, b="not read yet"),
            "standard input not read yet",
        ),
    ],
)
def test_each_difference(one, said):
    """Each kind is told in its own words."""
    assert line("near", differs=[one]) == (
        f"as run 61b0zz (2 days ago, by you, val/acc 0.913, took 3 h 12 min) but {said}"
    )


def test_a_line_stays_a_line():
    """At most three differences are told, long values are cut."""
    many = [Difference(kind="argument", item=f"a{n}", a="x" * 999, b="y") for n in range(9)]
    told = line("environment", differs=many)
    assert told.count("→") == 3
    assert len(told) < 400


def test_inputs_that_do_not_fix_the_result():
    """The first reason why is given; findings that leave the result fixed are none."""
    gaps = ["env-read a.py:1", "unseeded-randomness train.py:8", "os-entropy a.py:2"]
    assert line("not-fixed", gaps=gaps).endswith(
        "but they do not fix the result: unseeded-randomness train.py:8"
    )
    assert line("not-fixed", gaps=["hash-order "]).endswith("fix the result: hash-order")
    assert line("not-fixed").endswith("but they do not fix the result")


def test_running_now():
    """The same that goes on is said to go on; something else that goes on is not the same."""
    assert line("duplicate", status="running", started=NOW).startswith(
        "the same script with the same arguments is running now: run 61b0zz ("
    )
    one = Difference(kind="argument", item="lr", a="0.1", b="0.2")
    told = line("near", status="running", started=NOW, differs=[one], took=0.0, results={})
    assert "same arguments" not in told
    assert told.endswith("but lr 0.1 → 0.2")
    assert "running now" in told


@pytest.mark.parametrize(
    ("results", "key"),
    [
        ({"loss": 1, "val/acc": 0.5, "test/loss": 2}, "test/loss"),
        ({"train/acc": 1, "val/loss": 2, "eval/f1": 3}, "eval/f1"),
        ({"loss": 1, "accuracy": 0.5}, "accuracy"),
        ({"b": 1, "a": 2}, "a"),
        ({"done": True, "name": "x"}, ""),
        ({}, ""),
    ],
)
def test_the_most_telling_result(results, key):
    """Of test before validation, scores before losses; flags and texts are no results."""
    assert headline_key(results) == key
    assert headline(results) == (f"{key} {results[key]:.4g}" if key else "")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"),
     (86400, "1 day ago"), (-5, "just now"), (-90_000, "just now")],
)  # fmt: skip
def test_how_long_ago(seconds, said):
    """In the largest unit; another machine's clock may be ahead."""
    assert ago(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 00 min"),
     (11_520, "3 h 12 min")],
)  # fmt: skip
def test_how_long_it_took(seconds, said):
    """Seconds, minutes, hours."""
    assert took(seconds) == said
