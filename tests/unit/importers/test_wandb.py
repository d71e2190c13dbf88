"""W&B: what its client leaves here is read whole, and cut or damaged as far as it goes."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from types import SimpleNamespace

import pytest

from notabene.errors import AccessError, FormatError, MissingDependencyError, UsageError
from notabene.importers import Given
from notabene.importers.wandb import Wandb
from notabene.importers.wandb_api import WandbApi
from tests.unit.importers import wandb_made as made

START = 1_700_000_000_000_000


def rows(count: int, first: int = 0) -> list[bytes]:
    """Rows with a falling loss."""
    return [
        made.history(n, START + n * 1_000_000, loss=1 / (n + 1))
        for n in range(first, first + count)
    ]


def whole(tmp_path) -> list[bytes]:
    """A run with one of everything."""
    files = tmp_path / "wandb" / "offline-run-20240101_000001-abc12345" / "files"
    (files / "media").mkdir(parents=True)
    (files / "media" / "a.png").write_bytes(b"\x89PNG pixels")
    (files / "media" / "t.table.json").write_text(
        json.dumps({"columns": ["x", "y"], "data": [[1, "a"], [2, None]]})
    )
    (files / "notes.txt").write_text("saved")
    (tmp_path / "data.txt").write_text("content")
    digest = base64.b64encode(hashlib.md5(b"content").digest()).decode()
    entry = (
        made.field(1, "data.txt")
        + made.field(2, digest)
        + made.field(6, str(tmp_path / "data.txt"))
    )
    wrong = made.field(1, "b") + made.field(2, digest) + made.field(6, str(files / "notes.txt"))
    now = made.field(2, made.time_of(START))
    return [
        made.run(id="abc12345", project="vis", name="first", group="g", job_type="train",
                 notes="a note", tags=["t1", "t2"],
                 config={"lr": 0.1, "model": {"depth": 3}, "_wandb": {}}),
        made.record(12, made.field(2, "val/*") + made.field(4, "epoch") + made.field(8, 1)),
        made.record(13, made.field(1, 1) + now + made.field(3, "hello\n")),
        made.record(13, now + made.field(3, "oh\n")),
        *rows(3),
        made.history(3, START + 3_000_000, loss=math.nan, nested__a=1, flag=True, text="word"),
        made.history(4, START + 4_000_000, typed=True, loss=-2.5, count=-3, text="more"),
        made.history(5, START + 5_000_000, img__path="media/a.png", img___type="image-file",
                     img__width=4, hist={"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]},
                     tab={"_type": "table-file", "path": "media/t.table.json"},
                     old={"x": 1, "y": {"z": 2}}),
        made.record(7, now + made.field(3, made.item(("cpu",), 12.5))),
        made.record(5, made.field(1, made.item(("later",), [1, 2]))),
        made.record(3, made.field(1, made.item(("best",), 0.9))
                    + made.field(1, made.item(("loss",), -2.5))),
        made.record(10, made.field(1, "Look") + made.field(2, "here") + made.field(3, "ERROR")),
        made.record(8, made.field(4, "dataset") + made.field(5, "data") + made.field(11, "latest")
                    + made.field(11, "good") + made.field(8, '{"k": 1}')
                    + made.field(12, made.field(4, entry) + made.field(4, wrong))),
        made.record(18, made.field(1, 3)),
    ]  # fmt: skip


def put(tmp_path, records: list[bytes]) -> None:
    """Write the file of the run whose folder is there."""
    place = tmp_path / "wandb" / "offline-run-20240101_000001-abc12345"
    (place / "files").mkdir(parents=True, exist_ok=True)
    (place / "run-abc12345.wandb").write_bytes(made.framed(records))


def test_all_of_a_run_is_here(lab, tmp_path):
    """Config, points, system metrics, values, summary, console, alert, artifacts, tags, exit."""
    put(tmp_path, whole(tmp_path))
    report = lab.take(tmp_path / "wandb")
    assert [(run.fate, run.name, run.project) for run in report.runs] == [("new", "first", "vis")]
    run = lab.api.run("first")
    assert run.params == {"lr": 0.1, "model.depth": 3, "later": [1, 2]}
    assert (run.status, run.exit_code, run.group) == ("failed", 3, "g")
    assert run.tags == {"t1": "", "t2": "", "job_type": "train"}
    assert [note.text for note in run.notes] == ["a note"]
    assert str(lab.points("first", "loss")) == str(
        ([0, 1, 2, 3, 4], [1.0, 1 / 2, 1 / 3, math.nan, -2.5])
    )
    for key, expected in (
        ("nested.a", ([3], [1.0])),
        ("flag", ([3], [1.0])),
        ("count", ([4], [-3.0])),
        ("old.x", ([5], [1.0])),
        ("old.y.z", ([5], [2.0])),
        ("system/cpu", ([0], [12.5])),
    ):
        assert lab.points("first", key) == expected, key
    assert lab.api.history("first", "loss").times.tolist()[1] == START + 1_000_000
    assert "img.width" not in lab.api.history("first")
    kinds = sorted((value.key, value.kind) for value in run.values())
    assert kinds == [("hist", "histogram"), ("img", "image"), ("tab", "table"),
                     ("text", "text"), ("text", "text")]  # fmt: skip
    assert run.summary["best"] == 0.9
    assert [line.plain for line in lab.api.console("first")] == ["hello", "oh"]
    assert [alert.title for alert in run.alerts] == ["Look"]
    version = lab.api.artifact("data:good")
    assert [entry.path for entry in version.listing()] == ["data.txt"]
    assert lab.api.artifact("first/files:v1").read("notes.txt") == b"saved"
    what = "files of artifacts that are not on this machine are left out"
    assert report.runs[0].missed == {what: 1}


def test_twice_changes_nothing(lab, tmp_path):
    """Read or unread, a second import leaves every file as it is."""
    put(tmp_path, whole(tmp_path))
    assert lab.fates(tmp_path / "wandb") == ["new"]
    before = lab.files()
    assert lab.fates(tmp_path / "wandb") == ["same"]
    put(tmp_path, whole_again(tmp_path))
    assert lab.fates(tmp_path / "wandb") == ["same"]
    assert lab.files() == before


def whole_again(tmp_path) -> list[bytes]:
    """The same records, in a file with another time."""
    import shutil

    shutil.rmtree(tmp_path / "wandb")
    return whole(tmp_path)


def test_a_run_that_is_being_written(lab, tmp_path):
    """What is there is taken, the rest when it has come; the console too."""
    start = [made.run(id="abc12345", project="p", name="r")]
    said = made.record(13, made.field(1, 1) + made.field(3, "one\n"))
    put(tmp_path, [*start, said, *rows(5)])
    assert lab.fates(tmp_path) == ["new"]
    more = made.record(13, made.field(1, 1) + made.field(3, "two\n"))
    put(tmp_path, [*start, said, *rows(5), more, *rows(4, 5), made.record(18, b"")])
    assert lab.fates(tmp_path) == ["more"]
    assert lab.points("r", "loss")[0] == list(range(9))
    assert [line.plain for line in lab.api.console("r")] == ["one", "two"]
    assert lab.api.run("r").status == "finished"


def test_a_resumed_run_is_one(lab, tmp_path):
    """Several folders of one id are read one behind the other."""
    first = made.run(id="abc12345", project="p", name="r")
    made.folder(tmp_path, [first, *rows(3)], stamp="1")
    made.folder(tmp_path, [first, *rows(2, 3), made.record(18, b"")], stamp="2")
    assert lab.fates(tmp_path) == ["new"]
    assert lab.points("r", "loss")[0] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("data", [b"", b":W&B", b":W&B\xe1\xbe\x00"])
def test_a_file_that_has_only_begun(lab, tmp_path, data):
    """A run of which nothing is written yet is named, not made."""
    place = made.folder(tmp_path, [])
    (place / "run-abc12345.wandb").write_bytes(data)
    assert lab.fates(tmp_path) == ["empty"]


def test_files_that_are_something_else(lab, tmp_path):
    """A file of another kind, or of a newer version, is named in a sentence."""
    place = made.folder(tmp_path, [])
    for data, words in (
        (b"something else", "does not begin as files of W&B do"),
        (b":W&B\xe1\xbe\x07", "has version 7 of its format; 0 is known"),
    ):
        (place / "run-abc12345.wandb").write_bytes(data)
        report = lab.take(tmp_path)
        assert [run.fate for run in report.runs] == ["failed"]
        assert words in next(iter(report.runs[0].missed))


def test_damage_is_told_in_the_run(lab, tmp_path):
    """Rows behind a damaged block are here, and the run's health says what is not."""
    records = [made.run(id="abc12345", project="p", name="r"), *rows(2000), made.record(18, b"")]
    place = made.folder(tmp_path, records)
    path = place / "run-abc12345.wandb"
    data = bytearray(path.read_bytes())
    data[40_000] ^= 1
    path.write_bytes(data)
    report = lab.take(tmp_path)
    steps = lab.points("r", "loss")[0]
    assert 1000 < len(steps) < 2000
    assert steps[-1] == 1999
    assert "blocks of the .wandb file that are damaged are left out" in report.runs[0].missed


def test_what_lies_beside_is_read_where_the_record_lacks_it(lab, tmp_path):
    """config.yaml, wandb-summary.json, wandb-metadata.json and output.log."""
    place = made.folder(tmp_path, [made.run(id="abc12345", project="p", name="r"), *rows(2)])
    files = place / "files"
    (files / "config.yaml").write_text(
        "wandb_version: 1\n\n_wandb:\n  value: {}\nlr:\n  desc: null\n  value: 0.1\n"
        "model:\n  value:\n    depth: 3\n"
    )
    (files / "wandb-summary.json").write_text('{"best": 2, "loss": 0.5, "_step": 1}')
    (files / "wandb-metadata.json").write_text('{"host": "h", "git": {"commit": "c0ffee"}}')
    (files / "output.log").write_text("printed\n")
    lab.take(tmp_path)
    run = lab.api.run("r")
    assert run.params == {"lr": 0.1, "model.depth": 3}
    assert run.summary["best"] == 2
    assert [line.plain for line in lab.api.console("r")] == ["printed"]
    assert lab.api.runs('facts."git.commit" = "c0ffee"').ids == [run.id]


def test_a_folder_without_runs(tmp_path):
    """It is refused with what to name instead."""
    with pytest.raises(UsageError, match="holds no runs of W&B"):
        Wandb(tmp_path, Given())
    assert not Wandb.recognises(tmp_path)


# -- the API ---------------------------------------------------------------------------------


class Api:
    """A stand-in for ``wandb.Api``."""

    def __init__(self, *runs: SimpleNamespace) -> None:
        self._runs = runs

    def runs(self, path: str, order: str) -> list[SimpleNamespace]:
        """The runs of a project."""
        if path != "team/vis":
            raise ValueError("404: no such project")
        return list(self._runs)


def foreign(**more) -> SimpleNamespace:
    """A run as the API gives it."""
    said = {
        "id": "r1", "name": "first", "state": "finished", "group": "g", "tags": ["a"],
        "created_at": "2024-01-01T00:00:00Z", "lastHistoryStep": 1, "config": {"lr": 0.1},
        "notes": "n", "job_type": "", "metadata": {"host": "h"},
        "scan_history": lambda: iter([
            {"_step": 0, "_timestamp": START / 1e6, "loss": 1.0, "deep": {"a": 2}},
            {"_step": 1, "_timestamp": START / 1e6 + 1, "loss": "NaN", "text": "t"},
        ]),
        "logged_artifacts": list,
    }  # fmt: skip
    return SimpleNamespace(**said | more)


def test_a_project_by_the_api(lab):
    """All rows of all runs, not a sample."""
    source = WandbApi("wandb://team/vis", Given(), Api(foreign()))
    assert lab.fates(source) == ["new"]
    assert lab.fates(source) == ["same"]
    assert str(lab.points("first", "loss")) == str(([0, 1], [1.0, math.nan]))
    assert lab.points("first", "deep.a") == ([0], [2.0])
    assert lab.api.run("first").params == {"lr": 0.1}


def test_the_api_refuses(monkeypatch):
    """Without library, key or project, one sentence says what is missing."""
    with pytest.raises(UsageError, match="names no project"):
        WandbApi("wandb://team", Given(), Api())
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises((MissingDependencyError, AccessError)):
        WandbApi("wandb://team/vis", Given())
    source = WandbApi("wandb://team/other", Given(), Api())
    with pytest.raises(Exception, match="W&B does not answer: 404"):
        list(source.find())


def test_formats_of_other_versions_are_an_error_of_ours(tmp_path):
    """The reader raises what the rest of the house knows."""
    from notabene.importers.wandb_log import WandbLog

    (tmp_path / "x.wandb").write_bytes(b"nonsense")
    with pytest.raises(FormatError):
        list(WandbLog(tmp_path / "x.wandb").read())
