"""Neptune: the files of its exporter come over whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from notabene.errors import UsageError
from notabene.importers import Given
from notabene.importers.neptune import Neptune

WHEN = datetime(2024, 1, 1, tzinfo=UTC)


def export(root, *more) -> None:
    """An export of one run in two parts."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    texts = "project_id", "run_id", "attribute_path", "attribute_type"
    schema = pa.schema(
        [(name, pa.string()) for name in texts]
        + [("step", pa.decimal128(18, 6)), ("timestamp", pa.timestamp("ms", "UTC")),
           ("int_value", pa.int64()), ("float_value", pa.float64()),
           ("string_value", pa.string()), ("bool_value", pa.bool_()),
           ("datetime_value", pa.timestamp("ms", "UTC")),
           ("string_set_value", pa.list_(pa.string())),
           ("file_value", pa.struct([("path", pa.string())])),
           ("histogram_value", pa.struct([("type", pa.string()),
                                          ("edges", pa.list_(pa.float64())),
                                          ("values", pa.list_(pa.float64()))]))]
    )  # fmt: skip

    def row(path, kind, step=None, **values):
        said = {"project_id": "team/vision", "run_id": "VIS-1", "attribute_path": path,
                "attribute_type": kind}  # fmt: skip
        if step is not None:
            said |= {"step": Decimal(step), "timestamp": WHEN + timedelta(seconds=int(step))}
        return dict.fromkeys(schema.names) | said | values

    first = [
        row("sys/name", "string", string_value="first"),
        row("sys/creation_time", "datetime", datetime_value=WHEN),
        row("sys/tags", "string_set", string_set_value=["a", "b"]),
        row("sys/failed", "bool", bool_value=True),
        row("params/lr", "float", float_value=0.1),
        row("params/n", "int", int_value=3),
        *(row("loss", "float_series", n, float_value=1 / (n + 1)) for n in range(3)),
        row("log", "string_series", 1, string_value="said"),
        row("hist", "histogram_series", 2,
            histogram_value={"type": "COUNTING", "edges": [0, 1, 2], "values": [3, 4]}),
        row("model", "file", file_value={"path": "vision/model.txt"}),
        row("bad", "file", file_value={"path": "../../secret"}),
    ]  # fmt: skip
    second = [row("loss", "float_series", n, float_value=9.0) for n in (3, 4)]
    folder = root / "data" / "vision-abc"
    folder.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate((first, [*second, *more])):
        table = pa.Table.from_pylist(rows, schema)
        parquet.write_table(table, folder / f"VIS-1_part_{number}.parquet")
    (root / "files" / "vision").mkdir(parents=True, exist_ok=True)
    (root / "files" / "vision" / "model.txt").write_text("M")
    (root.parent / "secret").write_text("s")


def test_an_export(lab, tmp_path):
    """Params, series of all parts, texts, histograms, files, tags, state; nothing outside."""
    export(tmp_path / "exports")
    report = lab.take(tmp_path / "exports")
    assert [(run.fate, run.name, run.project) for run in report.runs] == [
        ("new", "first", "vision")
    ]
    run = lab.api.run("first")
    assert run.params == {"params/lr": 0.1, "params/n": 3}
    assert (run.status, run.tags) == ("failed", {"a": "", "b": ""})
    assert lab.points("first", "loss") == ([0, 1, 2, 3, 4], [1.0, 1 / 2, 1 / 3, 9.0, 9.0])
    assert sorted((v.key, v.kind) for v in run.values()) == [("hist", "histogram"), ("log", "text")]
    assert lab.api.artifact("first/files").read("model") == b"M"
    what = "files that the export names and that are not there are left out"
    assert report.runs[0].missed == {what: 1}
    before = lab.files()
    assert lab.fates(tmp_path / "exports" / "data") == ["same"]
    assert lab.files() == before


def test_a_damaged_part(lab, tmp_path):
    """It is named, and the import goes on."""
    export(tmp_path / "exports")
    folder = tmp_path / "exports" / "data" / "vision-abc"
    (folder / "VIS-2_part_0.parquet").write_bytes(b"PAR1 nothing")
    report = lab.take(tmp_path / "exports")
    assert [run.fate for run in report.runs] == ["new"]
    assert any("VIS-2_part_0.parquet cannot be read as Parquet" in n for n in report.notes)


def test_a_folder_without_an_export(tmp_path):
    """It is refused with what to name instead."""
    with pytest.raises(UsageError, match="holds no export of Neptune"):
        Neptune(tmp_path, Given())
