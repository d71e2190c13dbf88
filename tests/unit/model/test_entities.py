"""What is true: the small amount of behaviour that entities have."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.model.entities import ArtifactVersion, MetricSummary, RunInfo, nest
from notabene.model.refs import join_path


def summary(**fields: object) -> MetricSummary:
    """A metric of three points: 3, 1, 2."""
    given_: dict[str, object] = {
        "key": "loss", "n": 3, "last": 2.0, "last_step": 2, "last_time": 9, "min": 1.0,
        "min_step": 1, "max": 3.0, "max_step": 0, "mean": 2.0, "first": 3.0, "first_step": 0,
    }  # fmt: skip
    return MetricSummary(**{**given_, **fields})  # type: ignore[arg-type]  # a test's shorthand


def test_best_follows_the_goal():
    """The best is the minimum or the maximum, and unknown without a goal."""
    assert summary(goal="min").best == 1.0
    assert summary(goal="max").best == 3.0
    assert math.isnan(summary().best)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("", 2.0),
        ("last", 2.0),
        ("min", 1.0),
        ("max", 3.0),
        ("mean", 2.0),
        ("first", 3.0),
        ("best", 1.0),
    ],
)
def test_the_rule_chooses_the_value(rule: str, value: float):
    """A metric's one value is what its summary rule names; the last by default."""
    assert summary(goal="min", summary=rule).value == value


def test_config_is_nested_params():
    """RunInfo.config has the params as they were nested."""
    run = RunInfo(
        id="r", project="p", name="n", status="running", created=0, started=0, ended=0, updated=0,
        duration=0.0, params={"model.depth": 3, "lr": 0.1, r"a\.b": 1},
    )  # fmt: skip
    assert run.config == {"lr": 0.1, "model": {"depth": 3}, "a.b": 1}


def test_a_value_that_is_also_a_folder_is_kept():
    """Where a path is both, the value has the empty name in the folder."""
    assert nest({"a": 1, "a.b": 2}) == {"a": {"": 1, "b": 2}}


def test_a_value_that_is_an_object_is_no_folder():
    """A JSON object stored as one value is not merged with cells below its path."""
    assert nest({"a": {"x": 1}, "a.b": 2}) == {"a": {"": {"x": 1}, "b": 2}}


NAMES = st.text(min_size=1, max_size=3)
TREES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3), max_leaves=8
)


def cells(tree: object, path: tuple[str, ...] = ()) -> dict[str, object]:
    """The tree's leaves by path."""
    if not isinstance(tree, dict):
        return {join_path(path): tree}
    return {k: v for name, part in tree.items() for k, v in cells(part, (*path, name)).items()}


@given(st.dictionaries(NAMES, TREES, max_size=3))
def test_nesting_undoes_flattening(tree: dict[str, object]):
    """Any tree of names comes back from its cells."""
    assert nest(cells(tree)) == tree


def test_a_version_names_itself():
    """An artifact version's reference is its name and number."""
    version = ArtifactVersion("data", 3, "dataset", "d" * 64, 1, 1, 0)
    assert version.ref == "data:v3"


def test_entities_are_values():
    """Entities are equal by content, cannot be changed, and come back from JSON."""
    one, other = summary(), summary()
    assert one == other
    with pytest.raises(AttributeError):
        one.n = 4  # type: ignore[misc]  # that is what is tested
    assert msgspec.json.decode(msgspec.json.encode(one), type=MetricSummary) == one
