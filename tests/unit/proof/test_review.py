"""A record looked through, by itself and beside the run before."""

from __future__ import annotations

import pytest

from notabene.model.evidence import FileRead, Generator, Randomness
from notabene.proof.repeats import Repeats
from notabene.proof.review import review
from tests.unit.proof.making import data_of, evidence_of, manifest_of, tables_of

A, B = "a" * 64, "b" * 64
UNSEEDED = "import random\nx = random.random()\n"


@pytest.fixture
def repeats(tmp_path) -> Repeats:
    """The files of a script."""
    return Repeats(tmp_path, "train.py")


def keep(repeats, evidence, run="before", **about):
    """A run that ended."""
    manifest = manifest_of(run, **{"started": 1, "results": {"loss": 0.5}, **about})
    repeats.keep(manifest, tables_of(evidence))
    return manifest


def seen(repeats, evidence, manifest=None):
    """The review of a run."""
    return review(evidence, tables_of(evidence), repeats, manifest)


def mine(loss=0.5):
    """The manifest of the run that is looked through."""
    return manifest_of("mine", started=2, results={"loss": loss})


def reading(digest, text="x = 1\n", **parts):
    """A run that read a file."""
    return evidence_of(text, data=data_of(FileRead(path="a.csv", digest=digest)), **parts)


def test_the_first_run_is_compared_with_none(repeats):
    """Without an earlier run, or a manifest, the record speaks for itself."""
    found = seen(repeats, reading(A), mine())
    assert (found.findings, found.before) == ([], None)
    keep(repeats, reading(B))
    assert seen(repeats, reading(A)).findings == []


def test_what_changed_is_told_with_the_run(repeats):
    """Findings of both kinds come together, worst first, those of the comparison with the run."""
    keep(repeats, reading(B))
    randomness = Randomness(hash="0", generators=[Generator(name="random", used=True)])
    found = seen(repeats, reading(A, UNSEEDED, randomness=randomness), mine())
    assert found.before.run == "before"
    assert [(one.kind, one.run) for one in found.findings] == [
        ("unseeded-randomness", ""),
        ("data-content", "before"),
    ]


def test_other_results_of_the_same_inputs(repeats):
    """Where nothing differs and nothing is open, other numbers are the finding."""
    keep(repeats, reading(A))
    (one,) = seen(repeats, reading(A), mine(loss=0.5000001)).findings
    assert (one.kind, one.run) == ("numeric-nondeterminism", "before")
    assert seen(repeats, reading(A), mine()).findings == []


def test_other_results_of_other_inputs(repeats):
    """Data that changed explains them."""
    keep(repeats, reading(B))
    found = seen(repeats, reading(A), mine(loss=0.9)).findings
    assert [one.kind for one in found] == ["data-content"]


def test_the_last_run_that_ended_well(repeats):
    """A failed run in between is not what is compared with."""
    keep(repeats, reading(A))
    keep(repeats, reading(B), "failed", started=1, status="failed")
    assert seen(repeats, reading(A), mine()).findings == []


def test_a_run_that_died_without_a_word(repeats):
    """Its inputs are not known: nothing can be told from it."""
    repeats.keep(manifest_of("dead", started=1, status="running"))
    found = seen(repeats, reading(A), mine())
    assert (found.findings, found.before) == ([], None)
