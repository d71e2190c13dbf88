"""Summary: what is set is reported and stands above what was logged."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from notabene.errors import NotabeneError, UsageError
from notabene.tracking.summary import Summary


@pytest.fixture
def changes() -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    """What the summary reported."""
    return []


@pytest.fixture
def summary(changes: list[Any]) -> Summary:
    """A summary of a run that logged loss = 0.25."""
    return Summary(lookup={"loss": 0.25}.get, on_change=lambda *what: changes.append(what))


def test_what_is_set_is_reported(summary: Summary, changes: list[Any]):
    """Items, attributes and update() report JSON, one change a call."""
    summary["best"] = np.float32(0.5)
    summary.note = "good"
    summary.update({"val": {"acc": 1, "f1": 2}}, done=True)
    assert changes == [
        ({"best": 0.5}, ()),
        ({"note": "good"}, ()),
        ({"val/acc": 1, "val/f1": 2, "done": True}, ()),
    ]
    assert summary.as_dict() == {
        "best": 0.5, "note": "good", "val/acc": 1, "val/f1": 2, "done": True,
    }  # fmt: skip


def test_reading_falls_back_to_what_was_logged(summary: Summary):
    """A metric's last value is read where nothing was set; what is set stands above it."""
    assert summary["loss"] == summary.loss == 0.25
    assert "loss" not in summary
    assert summary.get("loss") == 0.25
    summary["loss"] = 0.1
    assert summary["loss"] == 0.1
    del summary["loss"]
    assert summary["loss"] == 0.25


def test_it_is_a_mapping_of_what_was_set(summary: Summary):
    """Length and iteration are about the values that were set."""
    summary.update({"a": 1, "b": [1, 2]})
    assert len(summary) == 2
    assert dict(summary) == {"a": 1, "b": [1, 2]}
    assert repr(summary) == "Summary({'a': 1, 'b': [1, 2]})"


def test_deleting_is_reported(summary: Summary, changes: list[Any]):
    """A value that is taken away is reported gone; what was never set cannot be."""
    summary["a"] = 1
    del summary["a"]
    assert changes[-1] == ({}, ("a",))
    with pytest.raises(KeyError):
        del summary["loss"]


def test_what_is_missing(summary: Summary):
    """A name that was neither set nor logged is a KeyError or an AttributeError of ours."""
    with pytest.raises(KeyError, match="the summary has no 'x'") as caught:
        summary["x"]
    assert isinstance(caught.value, NotabeneError)
    with pytest.raises(AttributeError, match="neither set nor logged"):
        _ = summary.x
    assert getattr(summary, "_x", None) is None
    assert Summary().get("loss") is None


def test_names_are_fit_to_be_stored(summary: Summary, changes: list[Any]):
    """A name of 10,000 characters is read back by itself and reported shortened, also when gone."""
    name = "x" * 10_000
    summary[name] = 1
    assert summary[name] == 1
    del summary[name]
    (stored,) = changes[0][0]
    assert len(stored) <= 250
    assert changes[1] == ({}, (stored,))


@pytest.mark.parametrize("name", ["update", "get", "_x"])
def test_names_of_methods_are_items(summary: Summary, name: str):
    """A value called like a method is set as an item; the attribute says so."""
    with pytest.raises(UsageError, match="summary\\['"):
        setattr(summary, name, 1)
    summary[name] = 1
    assert summary[name] == 1


@pytest.mark.parametrize("wrong", [3, [1], "a"])
def test_update_takes_names_and_values(summary: Summary, changes: list[Any], wrong: object):
    """Anything else is refused, and nothing is changed."""
    with pytest.raises(UsageError):
        summary.update(wrong)
    assert changes == []


def test_odd_values_are_kept(summary: Summary, changes: list[Any]):
    """NaN stays NaN, an empty mapping says nothing, a long list is cut to what a record holds."""
    summary.update({"nan": math.nan, "empty": {}, "rows": list(range(100_000))})
    cells = changes[0][0]
    assert math.isnan(cells["nan"])
    assert isinstance(cells["rows"], str)
    assert len(cells["rows"]) < 70_000


def test_pickles_stand_alone(summary: Summary, changes: list[Any]):
    """A pickle has the values that were set and reports to nobody."""
    summary["a"] = 1
    copied = pickle.loads(pickle.dumps(summary))
    copied["a"] = 2
    assert summary["a"] == 1
    assert len(changes) == 1
