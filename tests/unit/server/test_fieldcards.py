"""What can be asked of runs, and what is the same in all of them."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from notabene.tracking.init import init

PROJECT = quote("vision/a b")


def cards(visitor, query=""):
    """The fields by their names."""
    found = visitor.json(f"/projects/fields?project={PROJECT}{query}")
    assert found["total"] == len(found["items"])
    return {item["field"]: item for item in found["items"]}


def test_fields_of_all_kinds(visitor):
    """Attributes, params, metrics and tags are counted over the runs that have them."""
    found = cards(visitor)
    assert found["status"]["sample"] == [{"value": "finished", "count": 2}]
    assert found["params.optim.lr"]["type"] == "number"
    assert found["params.optim.lr"]["distinct"] == 2
    assert found["params.same"]["sample"] == [{"value": 7, "count": 2}]
    assert found["params.layers"]["sample"] == [{"value": "[1,2]", "count": 2}]
    assert found["params.layers"]["type"] == "any"
    assert found["tags.team"]["distinct"] == 2
    assert found["tags.baseline"]["sample"] == [{"value": "", "count": 2}]
    metric = found["metrics.val/acc"]
    assert (metric["runs"], metric["goal"], metric["unit"]) == (2, "max", "%")
    assert found["metrics.odd"]["runs"] == 2  # NaN was logged, which is not nothing
    kinds = [card["kind"] for card in found.values()]
    assert kinds == sorted(kinds, key=["attribute", "param", "metric", "tag"].index)


def test_fields_of_some_runs(visitor):
    """A search leaves out the fields of runs that it does not find."""
    found = cards(visitor, "&where=" + quote("params.optim.lr > 0.05"))
    assert found["params.optim.lr"]["runs"] == 1
    assert cards(visitor, "&where=" + quote("name = 'nobody'")) == {}


def test_values_of_several_types(visitor, root):
    """True, 1 and "1" under one key are three values."""
    for value in (True, 1, 1, "1", None):
        with init("vision/a b", config={"mixed": value}, store=root, capture=False):
            pass
    found = cards(visitor)["params.mixed"]
    assert found["type"] == "any"
    assert found["runs"] == 4
    assert found["distinct"] == 3
    assert found["sample"][0] == {"value": 1, "count": 2}


def test_summary_values(visitor, root):
    """Summary values count where they do not follow from a metric."""
    with init("vision/a b", store=root, capture=False) as run:
        run.log({"loss": 1.0})
        run.summary["verdict"] = "good"
        run.summary["loss"] = 0.5
    found = cards(visitor)
    assert found["summary.verdict"]["runs"] == 1
    assert "summary.loss" not in found


@pytest.mark.parametrize("odd", [True, 7.5, [7], None])
def test_what_is_the_same_in_all(visitor, root, odd):
    """A field is constant while all runs that fit have it with one value."""

    def constant():
        target = f"/runs/table?project={PROJECT}&constant=true&limit=1"
        return {item["field"]: item["value"] for item in visitor.json(target)["constant"]}

    assert constant() == {"params.layers": [1, 2], "params.same": 7, "tags.baseline": ""}
    with init("vision/a b", config={"same": odd}, store=root, capture=False):
        pass
    assert constant() == {}


def test_what_differs_beyond_the_first_runs(visitor, root):
    """All runs count, not only those that are looked at first."""
    for at in range(25):
        with init("many", config={"a": int(at > 0), "b": 1}, store=root, capture=False):
            pass
    found = visitor.json("/runs/table?project=many&constant=true&limit=1")["constant"]
    assert found == [{"field": "params.b", "value": 1}]


def test_table_tells_nan_from_nothing(visitor, root):
    """What was never logged is null, a NaN that was logged is not."""
    fields = quote("name,metrics.odd,metrics.odd.min,metrics.loss,params.optim.lr")
    with init("vision/a b", name="none", store=root, capture=False):
        pass
    table = visitor.json(f"/runs/table?project={PROJECT}&fields={fields}&order=name")
    columns = {column["field"]: column["values"] for column in table["columns"]}
    assert columns["name"] == ["none", "run 0", "run 1"]
    assert columns["metrics.odd"] == [None, "NaN", "NaN"]
    assert columns["metrics.odd.min"] == [None, None, None]
    assert columns["metrics.loss"] == [None, 0.01, 1.01]
    assert columns["params.optim.lr"] == [None, 0.1, 0.01]
