"""Why two runs differ, told from the runs that exist."""

from __future__ import annotations

import pytest

from notabene.compare.why import Cause, Why, from_runs, sentence
from notabene.model.evidence import FileRead, Option, Parameters
from notabene.proof.versus import differences
from tests.unit.proof.making import data_of, evidence_of, manifest_of, tables_of


class Runs:
    """Runs of one script, each with its result."""

    def __init__(self) -> None:
        self.all: dict = {}
        self.options: list[Option] = []

    def add(self, name, acc, text="LR = 1\n", *, status="finished", packages=None, **given):
        """A run with its command line; ``data`` is the content of a file."""
        data = data_of(*(FileRead(path="a.csv", digest=d * 64) for d in given.pop("data", "a")))
        arguments = {key: str(value) for key, value in given.items()}
        tables = tables_of(
            evidence_of(
                text,
                data=data,
                parameters=Parameters(arguments=arguments, options=self.options),
                environment={"packages": packages or {}},
            )
        )
        manifest = manifest_of(name, results={"acc": acc}, status=status)
        self.all[name] = (manifest, tables)

    def causes(self, a, b):
        """What is known of each difference between two runs."""
        found = differences(self.all[a][1], self.all[b][1])
        return from_runs(found, "acc", self.all.values(), a)

    def told(self, a, b):
        """Item, what is told, effect and number of pairs."""
        return [(c.item, c.told, c.effect, len(c.pairs)) for c in self.causes(a, b)]

    def answer(self, a, b):
        """The sentence."""
        x, y = (self.all[name][0].results["acc"] for name in (a, b))
        return sentence(Why(a=a, b=b, value_a=x, value_b=y, causes=self.causes(a, b), first_step=0))


@pytest.fixture
def runs() -> Runs:
    """No runs yet."""
    return Runs()


def test_one_difference(runs):
    """Two runs that differ in one thing are a pair themselves."""
    runs.add("1", 0.5, lr=1)
    runs.add("2", 0.75, lr=2)
    assert runs.told("1", "2") == [("lr", "effect", 0.25, 1)]
    assert runs.told("2", "1") == [("lr", "effect", -0.25, 1)]
    assert runs.answer("1", "2") == "lr (1 → 2) is all that differs"


def test_other_pairs_tell_two_differences_apart(runs):
    """Runs that differ in one of the two alone say what it does."""
    runs.add("1", 0.5, lr=1, wd=0)
    runs.add("2", 0.75, lr=2, wd=1)
    runs.add("3", 0.75, lr=2, wd=0)
    assert runs.told("1", "2") == [("lr", "effect", 0.25, 1), ("wd", "no-effect", 0.0, 1)]
    assert runs.answer("1", "2") == (
        "lr (+0.25, 1 pair); nothing else that differs has had an effect"
    )


def test_two_factors(runs):
    """Where both have an effect both are told, the larger first."""
    runs.add("1", 0.0, lr=1, wd=0)
    runs.add("2", 0.75, lr=2, wd=1)
    runs.add("3", 0.5, lr=2, wd=0)
    runs.add("4", 0.125, lr=1, wd=1)
    told = runs.told("1", "2")
    assert [(item, pairs) for item, _, _, pairs in told] == [("lr", 2), ("wd", 2)]
    assert told[0][2] == pytest.approx((0.5 + 0.625) / 2)
    assert runs.causes("1", "2")[0].spread > 0
    assert "lr (+0.562 ± 0.088, 2 pairs), wd (+0.188" in runs.answer("1", "2")


def test_differences_that_came_together(runs):
    """Without runs in between nothing is guessed; the rerun that would tell is named."""
    runs.add("000000run1", 0.5, lr=1, wd=0)
    runs.add("2", 0.75, lr=2, wd=1)
    assert [(c.told, c.effect, c.command) for c in runs.causes("000000run1", "2")] == [
        ("cannot-tell", None, "notabene rerun 00run1 --set lr=2"),
        ("cannot-tell", None, "notabene rerun 00run1 --set wd=1"),
    ]
    assert runs.answer("000000run1", "2") == "cannot tell: 2 inputs changed together (lr, wd)"


def test_what_is_left(runs):
    """One that had an effect, or all but one that had none, leave the rest."""
    runs.add("1", 0.5, lr=1, wd=0, p=0)
    runs.add("2", 0.75, lr=2, wd=1, p=1)
    runs.add("3", 0.5, lr=2, wd=0, p=0)
    assert runs.answer("1", "2") == "cannot tell: 2 inputs changed together (p, wd)"
    runs.add("4", 0.5, lr=1, wd=1, p=0)
    assert runs.answer("1", "2") == "p is left: nothing else that differs has had an effect"
    runs.add("5", 0.5, lr=1, wd=0, p=1)
    assert runs.answer("1", "2") == (
        "none of what differs has had an effect alone: together, or by chance"
    )


def test_an_effect_beside_what_cannot_be_told(runs):
    """What is sure is said, and that more is open."""
    runs.add("1", 0.5, lr=1, wd=0)
    runs.add("2", 0.75, lr=2, wd=1)
    runs.add("3", 0.5, lr=1, wd=7)
    runs.add("4", 0.625, lr=2, wd=7)
    assert runs.answer("1", "2") == (
        "lr (+0.125, 1 pair) had an effect before; 1 more changed together and cannot be told apart"
    )


def test_only_these_two_values_count(runs):
    """What another value did is no effect of this one."""
    runs.add("1", 0.5, lr=1, wd=0)
    runs.add("2", 0.75, lr=2, wd=1)
    runs.add("3", 99.0, lr=50, wd=0)
    runs.add("4", 0.625, lr=2, wd=0)
    assert runs.told("1", "2")[0] == ("lr", "effect", 0.125, 1)


@pytest.mark.parametrize("status", ["failed", "running", "killed"])
def test_runs_that_did_not_finish(runs, status):
    """They say nothing about an effect."""
    runs.add("1", 0.5, lr=1, wd=0)
    runs.add("2", 0.75, lr=2, wd=1)
    runs.add("3", 0.75, lr=2, wd=0, status=status)
    assert {told for _, told, _, _ in runs.told("1", "2")} == {"cannot-tell"}


@pytest.mark.parametrize("value", [None, True, "0.5", float("nan"), float("inf")])
def test_results_that_are_no_numbers(runs, value):
    """A run without the metric is no member of a pair."""
    runs.add("1", 0.5, lr=1)
    runs.add("2", value, lr=2)
    assert runs.told("1", "2") == [("lr", "cannot-tell", None, 0)]


@pytest.mark.parametrize(
    ("a", "b", "item"),
    [
        ({"text": "LR = 1\n"}, {"text": "LR = 2\n"}, "LR"),
        ({"text": "f()\n"}, {"text": "g()\n"}, "train.py"),
        ({"data": "a"}, {"data": "b"}, "a.csv"),
        ({"packages": {"numpy": "1"}}, {"packages": {"numpy": "2"}}, "package numpy"),
        ({"seed": 1}, {"seed": 2}, "seed"),
        ({"text": "SEED = 1\n"}, {"text": "SEED = 2\n"}, "SEED"),
    ],
)
def test_effects_have_the_right_sign(runs, a, b, item):
    """Whatever differs, the effect is the change from the first to the second."""
    runs.add("1", 0.5, **a)
    runs.add("2", 0.75, **b)
    assert runs.told("1", "2") == [(item, "effect", 0.25, 1)]
    assert runs.told("2", "1") == [(item, "effect", -0.25, 1)]


def test_constants_are_told_apart(runs):
    """Two values of one file that changed together, and a run with one of them alone."""
    runs.add("1", 0.5, "LR = 1\nWD = 1\n")
    runs.add("2", 0.75, "LR = 2\nWD = 2\n")
    assert {told for _, told, _, _ in runs.told("1", "2")} == {"cannot-tell"}
    runs.add("3", 0.75, "LR = 2\nWD = 1\n")
    assert runs.told("1", "2") == [("LR", "effect", 0.25, 1), ("WD", "no-effect", 0.0, 1)]


def test_packages_are_told_apart(runs):
    """Two packages that changed together cannot be told apart."""
    runs.add("1", 0.5, packages={"numpy": "1", "scipy": "1"})
    runs.add("2", 0.75, packages={"numpy": "2", "scipy": "2"})
    assert {told for _, told, _, _ in runs.told("1", "2")} == {"cannot-tell"}


def test_comments_are_no_other_code(runs):
    """Runs whose sources differ from these in a comment are members of pairs as well."""
    runs.add("1", 0.5, "f()\n", lr=1)
    runs.add("2", 0.75, "g()\n", lr=2)
    runs.add("3", 0.625, "# a comment\ng()\n", lr=1)
    assert ("train.py", "effect", 0.125, 1) in runs.told("1", "2")
    assert ("lr", "effect", 0.125, 1) in runs.told("1", "2")


def test_a_seed_at_its_default(runs):
    """Naming the default seed changes nothing."""
    runs.options = [Option(source="argparse", name="seed", value=0, default=0)]
    runs.add("1", 0.5)
    runs.add("2", 0.75, seed=2)
    runs.add("3", 0.5, seed=0)
    assert runs.told("1", "2") == [("seed", "effect", 0.25, 2)]


def test_nothing_differs(runs):
    """Where nothing recorded differs, that is the answer; where the results do not, that."""
    runs.add("1", 0.5)
    runs.add("2", 0.75)
    assert runs.answer("1", "2").startswith("nothing that is recorded differs")
    assert sentence(Why(a="1", b="2", value_a=1, value_b=1)) == "the results do not differ"


def test_commands_name_what_can_be_set():
    """A variable or a file cannot be set on the command line; an argument that went cannot."""
    differs = differences(
        tables_of(evidence_of(parameters=Parameters(arguments={"old": "1"}))),
        tables_of(evidence_of("x()\n")),
    )
    assert [cause.command for cause in from_runs(differs, "acc", [], "a")] == ["", ""]


def test_effects_are_signed():
    """A gain has a plus."""
    causes = [
        Cause(kind="argument", item="x", told="effect", effect=0.5, pairs=[("a", "b")]),
        Cause(kind="argument", item="y", told="no-effect", effect=0.0),
    ]
    told = sentence(Why(a="1", b="2", value_a=1, value_b=2, causes=causes))
    assert told == "x (+0.5, 1 pair); nothing else that differs has had an effect"
