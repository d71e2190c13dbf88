"""All rules together: worst first, each once, nothing for a run in order."""

from __future__ import annotations

from notabene.model.evidence import (
    Draw,
    FileMissing,
    Generator,
    Randomness,
)
from notabene.proof.findings import state
from notabene.proof.rules import findings
from tests.unit.proof.making import data_of, evidence_of, options_of

TEXT = """\
import argparse, random, time
import notabene
p = argparse.ArgumentParser()
p.add_argument('--wd')
p.add_argument('--token')
random.shuffle(rows)
for row in rows:
    try:
        use(row)
    except ValueError:
        continue
"""


def faulty():
    """A run with something of each kind of rule."""
    return evidence_of(
        TEXT,
        parameters=options_of(wd=0.3),
        randomness=Randomness(
            generators=[Generator(name="random", used=True)],
            draws=[Draw(by="os", where="train.py:6")],
        ),
        data=data_of(missing=[FileMissing(path="last.ckpt")], unseen=["xgboost"]),
    )


def test_everything_is_told_worst_first():
    """Settings, chance, code and files each have a say; gaps come first and notes last."""
    told = findings(faulty())
    assert [(one.severity, one.kind) for one in told] == [
        ("gap", "unlogged-parameter"),
        ("gap", "unseeded-randomness"),
        ("gap", "os-entropy"),
        ("risk", "data-missing"),
        ("risk", "swallowed-exception"),
        ("note", "native-reads-not-observed"),
    ]
    assert state(told) == "gaps"


def test_each_has_one_fix():
    """Every finding says what to do."""
    assert all(one.fix and "\n" not in one.what + one.fix for one in findings(faulty()))


def test_the_same_evidence_gives_the_same_findings():
    """Asked twice, the answer is the same."""
    assert findings(faulty()) == findings(faulty())


def test_a_run_in_order():
    """Seeded, logged, with nothing missing: complete."""
    evidence = evidence_of(
        "import random\nrandom.seed(3)\nx = random.random()\n",
        logged={"wd": 0.3},
        parameters=options_of(wd=0.3),
        randomness=Randomness(hash="0", generators=[Generator(name="random")]),
    )
    assert findings(evidence) == []
    assert state([]) == "complete"
