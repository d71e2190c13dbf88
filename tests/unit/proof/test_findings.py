"""Findings: their order, their machine form, and what a complete record is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.proof.findings import CLASSES, UNFIXED, Finding, Severity, sort, state

SEVERITIES = get_args(Severity)
FINDINGS = st.builds(
    Finding,
    kind=st.sampled_from(sorted(CLASSES)),
    what=st.sampled_from(["one", "two"]),
    where=st.sampled_from(["", "a.py:1"]),
    severity=st.sampled_from(SEVERITIES),
)


@given(st.lists(FINDINGS))
def test_the_worst_comes_first(found):
    """Gaps come before risks before notes, and in the order of the classes within each."""
    order = list(CLASSES)
    ranks = [(SEVERITIES.index(one.severity), order.index(one.kind)) for one in sort(found)]
    assert ranks == sorted(ranks)


@given(st.lists(FINDINGS))
def test_each_is_told_once(found):
    """What is said twice of the same place is said once; nothing else is lost."""

    def keys(many):
        return [(one.kind, one.where, one.what) for one in many]

    assert len(keys(sort(found))) == len(set(keys(found)))
    assert set(keys(sort(found))) == set(keys(found))
    assert sort(sort(found)) == sort(found)


@given(st.lists(FINDINGS))
def test_a_record_without_gap_and_risk_is_complete(found):
    """Notes alone leave a record complete."""
    wanted = "complete" if {one.severity for one in found} <= {"note"} else "gaps"
    assert state(found) == wanted


def test_the_machine_form():
    """In JSON the kind is called class, and defaults are left out."""
    one = Finding(kind="env-read", what="reads $X", where="a.py:1", fix="log it")
    assert msgspec.to_builtins(one) == {
        "class": "env-read",
        "what": "reads $X",
        "where": "a.py:1",
        "fix": "log it",
    }
    told = {"class": "threads", "what": "w", "severity": "risk", "recorded": True, "run": "r"}
    assert msgspec.to_builtins(msgspec.convert(told, Finding)) == told


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_is_raised_and_documented(kind):
    """Each class stands in the reference, and some rule can tell it."""
    root = Path(__file__).resolve().parents[3]
    page = (root / "docs/reference/record.md").read_text("utf-8")
    assert f"| `{kind}` | {CLASSES[kind]} |" in page
    rules = [p for p in (root / "src/notabene/proof").glob("*.py") if p.name != "findings.py"]
    assert any(re.search(f'"{kind}"', path.read_text("utf-8")) for path in rules)


def test_what_leaves_a_result_open_is_a_class():
    """Each kind that keeps equal inputs from giving equal results exists."""
    assert set(CLASSES) > UNFIXED
