"""Runs as tables for other programs."""

from __future__ import annotations

import csv
import math
import struct
import sys

import pytest

from notabene.errors import ConflictError, MissingDependencyError, UsageError
from notabene.testing.scribe import START

ODD = [1.5, math.nan, -0.0, math.inf, 0.1 + 0.2]


def bits(value):
    """The bits of a float; all NaN alike."""
    return b"nan" if math.isnan(value) else struct.pack("<d", value)


@pytest.fixture
def some(lab):
    """A run with odd values, one of two ranks, and one with a dangerous name."""
    lab.run("r1", values={"a": ODD}, params={"lr": 0.1, "cmd": "=1+1"})
    for rank in (0, 1):
        scribe = lab.scribe("r2", rank=rank, time=START + 10)
        lab.run(scribe=scribe, values={"b": [float(rank)]})
    lab.run("r3", name="@SUM(1+1)", tags={"-x": "+y"})


def test_csv(some, any_api, tmp_path):
    """Points stand in long form and read back to the bit; runs in a table beside."""
    done = any_api.export_csv(any_api.runs(order_by="created"), tmp_path / "out")
    assert (done.points, done.runs) == (tmp_path / "out.csv", tmp_path / "out-runs.csv")
    with open(done.points, newline="") as file:
        rows = list(csv.DictReader(file))
    assert done.count == len(rows) == 7
    mine = [row for row in rows if row["run"] == "r1"]
    assert [bits(float(row["value"])) for row in mine] == [bits(value) for value in ODD]
    assert [int(row["step"]) for row in mine] == [0, 1, 2, 3, 4]
    assert mine[0]["time"].endswith("Z")
    theirs = [(row["key"], row["rank"], row["value"]) for row in rows if row["run"] == "r2"]
    assert theirs == [("b", "0", "0.0"), ("b", "1", "1.0")]
    with open(done.runs, newline="") as file:
        table = {row["id"]: row for row in csv.DictReader(file)}
    assert table["r1"]["params.lr"] == "0.1"
    assert table["r1"]["metrics.a"] == repr(0.1 + 0.2)
    assert table["r1"]["params.cmd"] == "'=1+1"
    assert table["r3"]["name"] == "'@SUM(1+1)"
    assert table["r3"]["tags.-x"] == "'+y"
    assert table["r3"]["metrics.a"] == ""


def test_parquet(some, any_api, tmp_path):
    """The same as Parquet, with types."""
    parquet = pytest.importorskip("pyarrow.parquet")
    done = any_api.export_parquet(any_api.runs(order_by="created"), tmp_path / "out.parquet")
    assert done.runs == tmp_path / "out-runs.parquet"
    table = parquet.read_table(done.points)
    assert done.count == table.num_rows == 7
    assert table.column_names == ["run", "key", "step", "time", "value", "rank"]
    rows = table.to_pylist()
    assert [bits(row["value"]) for row in rows if row["run"] == "r1"] == [bits(v) for v in ODD]
    assert [(r["rank"], r["value"]) for r in rows if r["run"] == "r2"] == [(0, 0.0), (1, 1.0)]
    moment = any_api.history("r1", "a").times[0]
    assert table["time"].cast("int64").to_pylist()[2] == moment
    assert parquet.read_table(done.runs)["id"].to_pylist() == ["r2", "r1", "r3"]


def test_large_series_are_cut(lab, api, tmp_path, monkeypatch):
    """Series longer than a batch come whole."""
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("notabene.api.tables.ROWS", 7)
    values = [float(i) for i in range(50)]
    lab.run("r1", values={"a": values, "b": values})
    done = api.export_parquet("r1", tmp_path / "out")
    table = parquet.read_table(done.points)
    assert table["value"].to_pylist() == values + values
    assert table["key"].to_pylist() == ["a"] * 50 + ["b"] * 50


def test_what_is_there_is_kept(some, api, tmp_path):
    """Neither table is replaced unasked, and nothing is left of what is refused."""
    (tmp_path / "out-runs.csv").write_text("mine")
    with pytest.raises(ConflictError, match="out-runs"):
        api.export_csv("r1", tmp_path / "out")
    with pytest.raises(UsageError, match="not there"):
        api.export_csv("r1", tmp_path / "none" / "out")
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["out-runs.csv"]
    api.export_csv("r1", tmp_path / "out", overwrite=True)
    assert (tmp_path / "out-runs.csv").read_text().startswith("id,")


def test_parquet_needs_pyarrow(some, api, tmp_path, monkeypatch):
    """Without pyarrow the call says what to install, and writes nothing."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError) as caught:
        api.export_parquet("r1", tmp_path / "out")
    assert caught.value.hint == "pip install 'notabene[arrow]'"
    assert list(tmp_path.glob("out*")) == []
