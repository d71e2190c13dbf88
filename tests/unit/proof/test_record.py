"""The record as one document: what is there, what is not, and why."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.model.evidence import Data, FileRead
from notabene.proof.record import SWITCHED_OFF, Record, flat, record_of


def test_parts_come_under_their_names():
    """Plain parts stay as they are, the others are told by their types."""
    parts = {
        "process": {"argv": ["train.py"]},
        "data": {"root": "/p", "read": [{"path": "a.csv", "digest": "d"}]},
    }
    record = record_of(parts, run="r1", config={"lr": 0.1})
    assert (record.run, record.config) == ("r1", {"lr": 0.1})
    assert record.process == {"argv": ["train.py"]}
    assert record.data == Data(root="/p", read=[FileRead(path="a.csv", digest="d")])


def test_parts_that_are_not_there_are_named():
    """What was not recorded is listed with the reason; notebooks and proofs are not expected."""
    assert set(record_of({}).not_recorded) == {
        "process", "code", "environment", "hardware", "sources", "data", "randomness",
        "parameters", "outside",
    }  # fmt: skip
    assert set(record_of({}).not_recorded.values()) == {SWITCHED_OFF}


def test_parts_that_failed_say_why():
    """A part that could not be captured, or is of another form, is one that is not there."""
    record = record_of({"hardware": {"failed": "no /proc"}, "data": {"read": 5}, "outside": {}})
    assert record.not_recorded["hardware"] == "no /proc"
    assert record.not_recorded["data"].startswith("what was recorded cannot be read")
    assert record.data == Data()
    assert "outside" not in record.not_recorded


def test_records_do_not_share_what_they_hold():
    """Filling one record leaves the next one empty."""
    one = record_of({"data": {"read": [{"path": "x"}]}})
    one.not_recorded["x"] = "y"
    one.data.missing.append(one.data.read[0])
    assert record_of({}).data == Data()
    assert "x" not in record_of({}).not_recorded


def test_the_document_survives_json():
    """Written and read again it is the same, and names its form first."""
    record = record_of({"data": {"read": [{"path": "x", "size": 3}]}}, run="r1")
    text = msgspec.json.encode(record)
    assert msgspec.json.decode(text, type=Record) == record
    assert Record().schema == "notabene-record/1"


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"optim": {"lr": 0.1, "b": {"c": 1}}}, {"optim.lr": 0.1, "optim.b.c": 1}),
        ({"sizes": [1, {"a": 2}]}, {"sizes": [1, {"a": 2}]}),
        ({"a": {}, "b": None}, {"a": {}, "b": None}),
        ({}, {}),
    ],
)
def test_flat(tree, told):
    """Trees become names with dots; lists, nothing and empty trees are values."""
    assert flat(tree) == told


NAMES = st.text("abc", min_size=1, max_size=3)
TREES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(NAMES, inner, min_size=1), max_leaves=12
)


@given(st.dictionaries(NAMES, TREES))
def test_flat_loses_nothing(tree):
    """Every leaf of a tree is found again along its name."""

    def leaf(name):
        found = tree
        for part in name.split("."):
            found = found[part]
        return found

    def count(value):
        return sum(map(count, value.values())) if isinstance(value, dict) else 1

    found = flat(tree)
    assert len(found) == count(tree)
    assert all(leaf(name) == value for name, value in found.items())
