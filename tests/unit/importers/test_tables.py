"""Tables of results and of histories."""

from __future__ import annotations

import csv

import pytest

from notabene.errors import FormatError, UsageError
from notabene.importers import Given

SHEET = """name,lr,depth,accuracy,notes,status
first,0.1,3,0.75,good one,finished
second,0.01,4,0.5,,failed
"""


def test_a_row_per_run(lab, tmp_path):
    """Settings become config, results metrics, remarks notes; the report says how columns were
    read."""
    path = tmp_path / "results.csv"
    path.write_text(SHEET)
    report = lab.take(path)
    assert "metric: accuracy" in report.notes[0]
    first, second = lab.api.run("first"), lab.api.run("second")
    assert first.params == {"lr": 0.1, "depth": 3}
    assert (first.project, first.metrics["accuracy"].last) == (f"{tmp_path.name}/results", 0.75)
    assert ([n.text for n in first.notes], second.notes) == (["good one"], ())
    assert (first.status, second.status) == ("finished", "failed")
    assert lab.fates(path) == ["same", "same"]


def test_long_cells_are_read_and_leave_no_trace(lab, tmp_path):
    """A cell of 200,000 characters comes whole; the process's own limit is as it was."""
    limit = csv.field_size_limit()
    path = tmp_path / "long.csv"
    path.write_text(f"name,prompt,lr\nfirst,{'x' * 200_000},0.1\n")
    lab.take(path)
    assert len(lab.api.run("first").params["prompt"]) == 200_000
    assert csv.field_size_limit() == limit


def test_a_sheet_that_has_grown(lab, tmp_path):
    """A new row is a new run; a changed cell changes that run alone."""
    path = tmp_path / "r.csv"
    path.write_text(SHEET)
    lab.take(path)
    path.write_text(SHEET.replace("0.01,4", "0.02,4") + "third,1,5,0.9,,\n")
    assert lab.fates(path) == ["same", "more", "new"]
    assert lab.api.run("second").params["lr"] == 0.02


def test_a_row_per_step(lab, tmp_path):
    """What loggers to CSV write, with holes; the file grows while it is imported."""
    path = tmp_path / "exp" / "metrics.csv"
    path.parent.mkdir()
    path.write_text("step,epoch,loss,val_loss\n0,0,3.5,\n1,0,2.5,\n2,1,,0.5\n")
    lab.take(path)
    assert lab.points("exp/metrics", "loss") == ([0, 1], [3.5, 2.5])
    assert lab.points("exp/metrics", "val_loss") == ([2], [0.5])
    path.write_text(path.read_text() + "3,1,nan,0.25\n")
    assert lab.fates(path) == ["more"]
    assert str(lab.points("exp/metrics", "loss")[1]) == "[3.5, 2.5, nan]"


def test_several_runs_with_times(lab, tmp_path):
    """A column names the run, another the time."""
    path = tmp_path / "h.csv"
    rows = ["run,step,timestamp,loss"]
    rows += [f"{r},{n},2024-05-01T10:00:{n:02}Z,{n}" for r in "ab" for n in range(3)]
    path.write_text("\n".join(rows))
    lab.take(path)
    run = lab.api.run("b")
    assert run.started == 1_714_557_600_000_000
    assert run.duration == 2.0
    assert lab.points("a", "loss") == ([0, 1, 2], [0, 1, 2])


def test_a_row_per_point(lab, tmp_path):
    """What ``notabene export --csv`` writes comes back."""
    from tests.unit.importers.conftest import END, Foreign, column

    lab.take(Foreign(one=[column("x", [1.5, 2.5]), column("y", [3.0]), END]))
    path = tmp_path / "points.csv"
    lab.api.export_csv("one", path)
    lab.take(path, given=Given(project="back"))
    (run,) = lab.api.runs(project="back")
    assert lab.points(run.id, "x") == ([0, 1], [1.5, 2.5])
    assert lab.points(run.id, "y") == ([0], [3.0])


def test_json_lines(lab, tmp_path):
    """Nested objects by dotted names; broken lines are named."""
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"step": 1, "train": {"loss": 2}}\nrubbish\n{"step": 2, "train": {"loss": 1}}\n'
    )
    report = lab.take(path)
    assert "line 2 (no JSON) could not be read" in report.notes
    assert lab.points(report.runs[0].run, "train.loss") == ([1, 2], [2, 1])


def test_parquet_and_excel(lab, tmp_path):
    """Through the libraries for them, where these are installed."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    parquet.write_table(arrow.table({"step": [1, 2], "loss": [0.5, None]}), path)
    report = lab.take(path)
    assert lab.points(report.runs[0].run, "loss") == ([1], [0.5])
    excel = pytest.importorskip("openpyxl")
    book = excel.Workbook()
    for row in (["name", "lr", "score"], ["e", 0.5, 9], [None, None, None]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    book.close()
    assert lab.fates(tmp_path / "t.xlsx") == ["new"]
    assert lab.api.run("e").params == {"lr": 0.5}


def test_said_by_hand(lab, tmp_path):
    """``--map`` decides over every guess."""
    path = tmp_path / "t.csv"
    path.write_text("model,size,speed\nsmall,1,10\nlarge,2,20\n")
    mapping = {"model": "name", "size": "tag", "speed": "metric"}
    lab.take(path, given=Given(project="q", mapping=mapping))
    run = lab.api.run("large")
    assert (run.tags, run.metrics["speed"].last, run.project) == ({"size": "2"}, 20, "q")


def test_bad_input(lab, tmp_path):
    """One sentence each: no rows, no such column or role, a folder, no table at all."""
    path = tmp_path / "t.csv"
    path.write_text("")
    with pytest.raises(FormatError, match="is empty"):
        lab.take(path)
    path.write_text("a,b\n")
    with pytest.raises(FormatError, match="holds no rows"):
        lab.take(path)
    path.write_text("step,loss\n1,2\n2,3\n")
    with pytest.raises(UsageError, match="no column 'los'") as error:
        lab.take(path, given=Given(mapping={"los": "metric"}))
    assert "did you mean 'loss'" in error.value.hint
    with pytest.raises(UsageError, match="no role 'x'"):
        lab.take(path, given=Given(mapping={"loss": "x"}))
    with pytest.raises(UsageError, match="is a folder"):
        lab.take(tmp_path, kind="csv")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not really")
    pytest.importorskip("pyarrow")
    with pytest.raises(FormatError, match="cannot be read as Parquet"):
        lab.take(tmp_path / "t.parquet")


def test_odd_rows(lab, tmp_path):
    """Too many cells, no step, a text among numbers, bytes that are no UTF-8."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"step;loss\n1;2\n2;oops\n;5\n3;4;5;6\n4;\xff\n5;1\n")
    report = lab.take(path, given=Given(mapping={"step": "step", "loss": "metric"}))
    assert lab.points(report.runs[0].run, "loss") == ([1, 5], [2, 1])
    assert "line 5 (more cells than columns) could not be read" in report.notes
    assert set(report.missed()) == {
        "rows without a step are not carried over",
        "cells of the column 'loss' that are no numbers are not carried over",
    }
