"""Tables of runs for pandas, Polars and Arrow."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from notabene.api.frames import Column, cells_of_csv, iso, safe_cell
from notabene.errors import MissingDependencyError, QueryError, UsageError

WANTED = [
    "id",
    "project",
    "name",
    "status",
    "created",
    "duration",
    "params.lr",
    "params.mixed",
    "params.opt",
    "params.wide",
    "tags.team",
    "metrics.acc",
    "metrics.val/loss",
]


@pytest.fixture
def three(lab):
    """Three runs that have different keys and types."""
    lab.run("r0", params={"lr": 0.1, "opt": "adam", "mixed": 1, "wide": True}, tags={"team": "a"})
    lab.run("r1", params={"lr": 1, "mixed": "two"}, values={"acc": [0.1, 0.7]})
    lab.run(
        "r2",
        params={"opt": "sgd", "mixed": [1, 2], "wide": None},
        values={"acc": [0.9, 0.8], "val/loss": [math.inf, 2.0]},
    )


class TestPandas:
    """pandas."""

    def test_columns_and_types(self, three, any_api):
        """Each key is a column; numbers are numbers, times are times, absent is NaN or None."""
        pytest.importorskip("pandas")
        frame = any_api.runs(order_by="created").to_pandas()
        assert list(frame.columns) == WANTED
        assert frame["id"].tolist() == ["r0", "r1", "r2"]
        assert frame["params.lr"].dtype == np.float64
        assert frame["params.lr"].tolist()[:2] == [0.1, 1.0]
        assert math.isnan(frame["params.lr"][2])
        assert frame["metrics.acc"].tolist()[1:] == [0.7, 0.8]
        assert str(frame["created"].dtype).startswith("datetime64")
        assert str(frame["created"].dt.tz) == "UTC"
        assert frame["created"][0].value // 1000 == any_api.run("r0").created
        assert frame["params.mixed"].tolist() == ["1", "two", "[1, 2]"]
        assert frame["params.opt"].tolist()[::2] == ["adam", "sgd"]
        assert frame["params.opt"].isna().tolist() == [False, True, False]

    def test_statistics(self, three, any_api):
        """Other statistics of each metric come when asked for, beside or instead of the last."""
        pytest.importorskip("pandas")
        runs = any_api.runs(order_by="created")
        frame = runs.to_pandas(stats=("last", "min", "max"))
        names = [name for name in frame.columns if name.startswith("metrics.acc")]
        assert names == ["metrics.acc", "metrics.acc.min", "metrics.acc.max"]
        assert frame["metrics.acc.max"].tolist()[1:] == [0.7, 0.9]
        assert frame["metrics.val/loss.max"].tolist()[2] == 2.0
        assert "metrics.acc" not in runs.to_pandas(stats=("mean",)).columns
        with pytest.raises(UsageError, match="'median'"):
            runs.to_pandas(stats=("median",))

    def test_chosen_columns(self, three, any_api):
        """Columns can be named as in a search, in the order wanted."""
        pytest.importorskip("pandas")
        frame = any_api.runs(order_by="created").to_pandas(
            ["metrics.acc.max", "params.lr", 'metrics."val/loss"', "name", "params.none", "points"]
        )
        assert list(frame.columns) == [
            "metrics.acc.max",
            "params.lr",
            "metrics.val/loss",
            "name",
            "params.none",
            "points",
        ]
        assert frame["points"].tolist() == [0, 2, 4]
        assert frame["params.none"].isna().all()
        with pytest.raises(QueryError):
            any_api.runs().to_pandas(["nonsense.lr"])

    @pytest.mark.parametrize("column", ["", "name, status", "-name", "name desc"])
    def test_a_column_is_one_field(self, three, api, column):
        """A column that is no field, or more than one, is refused; none is left out silently."""
        with pytest.raises(QueryError):
            api.runs().to_columns(["id", column])

    def test_one_statistic_as_a_text(self, three, api):
        """A single statistic needs no list around it."""
        assert "metrics.acc.max" in api.runs().to_columns(stats="max")

    def test_a_limit_holds(self, three, api):
        """A table of some runs has some rows, in their order."""
        pytest.importorskip("pandas")
        assert api.runs(limit=2).to_pandas()["id"].tolist() == ["r2", "r1"]
        assert api.runs()[1:].to_pandas()["id"].tolist() == ["r1", "r0"]

    def test_no_runs_at_all(self, api):
        """An empty search gives an empty frame."""
        pytest.importorskip("pandas")
        assert len(api.runs().to_pandas()) == 0


def test_polars(three, any_api):
    """Polars gets typed columns with nulls where values are absent."""
    polars = pytest.importorskip("polars")
    frame = any_api.runs(order_by="created").to_polars()
    assert frame.columns == WANTED
    assert frame["params.wide"].dtype == polars.Boolean
    assert frame["params.wide"].to_list() == [True, None, None]
    assert frame["params.lr"].to_list()[:2] == [0.1, 1.0]
    assert frame["created"].dtype == polars.Datetime("us", "UTC")
    assert frame["params.mixed"].to_list() == ["1", "two", "[1, 2]"]
    assert frame["metrics.acc"].to_list()[1:] == [0.7, 0.8]


def test_arrow(three, any_api):
    """Arrow gets typed columns with nulls where values are absent."""
    arrow = pytest.importorskip("pyarrow")
    table = any_api.runs(order_by="created").to_arrow()
    assert table.column_names == WANTED
    assert table.schema.field("created").type == arrow.timestamp("us", tz="UTC")
    assert table["params.opt"].to_pylist() == ["adam", None, "sgd"]
    assert table["metrics.val/loss"].to_pylist()[2] == 2.0


def test_a_time_that_is_not_there(lab, api):
    """A run at work has no end: not the year 1970, in none of the libraries."""
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    lab.run("r1", status=None)
    lab.run("r2")
    runs = api.runs(order_by="created")
    assert runs.to_pandas(["ended"])["ended"].isna().tolist() == [True, False]
    assert runs.to_polars(["ended"])["ended"].is_null().to_list() == [True, False]
    assert runs.to_arrow(["ended"])["ended"].is_null().to_pylist() == [True, False]


@pytest.mark.parametrize(
    ("method", "module", "extra"),
    [
        ("to_pandas", "pandas", "pandas"),
        ("to_polars", "polars", "polars"),
        ("to_arrow", "pyarrow", "arrow"),
    ],
)
def test_a_missing_library_is_told_with_the_line_that_installs_it(
    api, monkeypatch, method, module, extra
):
    """Without the library the call says what to install."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError) as caught:
        getattr(api.runs(), method)()
    assert module in caught.value.message
    assert caught.value.hint == f"pip install 'notabene[{extra}]'"


def test_very_large_integers_are_numbers(lab, api):
    """An integer beyond what a column holds is the nearest float, others stay as they are."""
    lab.run("r0", params={"big": 1 << 62, "bigger": (1 << 64) - 1})
    columns = api.runs().to_columns()
    assert columns["params.big"] == [1 << 62]
    assert columns["params.bigger"].tolist() == [2.0**64]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("@cmd", "'@cmd"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("\tx", "'\tx"),
        ("-0.5", "-0.5"),
        ("adam", "adam"),
        ("", ""),
    ],
)
def test_a_formula_becomes_a_text(text, expected):
    """What a spreadsheet would run as a formula gets a quote before it; numbers stay."""
    assert safe_cell(text) == expected


def test_cells_of_csv():
    """Absent values are empty cells, times are ISO 8601."""
    assert cells_of_csv(Column("a", "float", np.array([1.5, math.nan]))) == [1.5, ""]
    assert cells_of_csv(Column("t", "time", np.array([0, 1_000_001]))) == [
        None,
        "1970-01-01T00:00:01.000001Z",
    ]
    assert cells_of_csv(Column("s", "text", ["=x", None])) == ["'=x", None]


def test_iso_keeps_microseconds():
    """Times are exact to the microsecond also far from now."""
    assert iso(4_102_444_800_000_001) == "2100-01-01T00:00:00.000001Z"
    assert iso(0) is None
