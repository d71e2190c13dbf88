"""Folders of event files: equal to what TensorBoard reads, runs as people think of them."""

from __future__ import annotations

import math
import os
import time
import warnings

import numpy as np
import pytest

from notabene.errors import NotFoundError, UsageError
from notabene.importers import Given, open_source
from notabene.importers.tensorboard import TensorBoard
from tests.unit.tfevents.conftest import (
    event,
    framed,
    plugin,
    session_start,
    simple,
    strings,
    sub,
    tensor,
    version,
)

NAME = "events.out.tfevents.1700000000.host.7.0"


def put(folder, *events, name=NAME, old=True):
    """An event file of a program that ended long ago, or is at it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(framed(version(1_700_000_000.5), *events))
    if old:
        os.utime(path, (1_700_000_900, 1_700_000_900))
    return path


def scalars(tag, values, first=0, wall=1_700_000_001.0):
    """Scalars, a second apart."""
    return [event(wall + n, first + n, simple(tag, v)) for n, v in enumerate(values)]


@pytest.fixture
def writers():
    """tensorboardX's writer, and what TensorBoard itself reads."""
    board = pytest.importorskip("tensorboardX")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def read(folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = accumulator.EventAccumulator(str(folder), size_guidance=dict.fromkeys(
                ("scalars", "tensors", "histograms", "images", "audio"), 0))  # fmt: skip
            return found.Reload()

    return board.SummaryWriter, read


def test_equal_to_what_tensorboard_reads(lab, tmp_path, writers):
    """Steps, times and values of scalars, histograms and images are those it shows."""
    make, read = writers
    folder = tmp_path / "runs" / "exp"
    rng = np.random.default_rng(1)
    with make(str(folder)) as writer:
        for n in range(200):
            writer.add_scalar("loss/train", math.exp(-n / 50), n)
            writer.add_scalar("new", rng.normal(), n * 1000)
        for n, odd in enumerate((math.nan, math.inf, -math.inf, 0.1)):
            writer.add_scalar("odd", odd, n)
        writer.add_histogram("w", rng.normal(size=500), 3)
        writer.add_image("img", rng.integers(0, 255, (3, 5, 7), np.uint8), 4)
        writer.add_text("txt", "hello **you**", 6)
    report = lab.take(tmp_path / "runs")
    assert [(run.name, run.project, run.fate) for run in report.runs] == [
        ("exp", tmp_path.name, "new")
    ]
    truth = read(folder)
    for tag in truth.Tags()["scalars"]:
        theirs = truth.Scalars(tag)
        series = lab.api.history("exp", tag)
        assert series.steps.tolist() == [one.step for one in theirs]
        assert str(series.values.tolist()) == str([one.value for one in theirs])
        assert series.times.tolist() == [round(one.wall_time * 1e6) for one in theirs]
    assert sorted(lab.api.run("exp").metrics) == sorted(truth.Tags()["scalars"])
    values = {value.key: value for value in lab.api.run("exp").values()}
    theirs = truth.Histograms("w")[0].histogram_value
    ours = values["w"].value
    assert (ours["n"], ours["min"], ours["max"]) == (theirs.num, theirs.min, theirs.max)
    assert sum(ours["counts"]) == sum(theirs.bucket)
    assert ours["mean"] == pytest.approx(theirs.sum / theirs.num)
    picture = truth.Images("img")[0]
    assert lab.api.blobs.read(values["img"].value["file"]["digest"]) == picture.encoded_image_string
    assert (values["img"].value["width"], values["img"].value["height"]) == (7, 5)
    assert values["txt/text_summary"].value["text"] == "hello **you**"
    assert lab.fates(tmp_path / "runs") == ["same"]


def test_settings_and_lines_belong_to_their_run(lab, tmp_path, writers):
    """What add_hparams and add_scalars put into folders of their own is one run with the rest."""
    make, _ = writers
    with make(str(tmp_path / "a")) as writer:
        writer.add_scalar("x", 1, 1)
        writer.add_scalars("acc", {"train": 0.5, "test": 0.25}, 1)
        writer.add_scalars("deep/er", {"one": 1.0}, 1)
        writer.add_hparams({"lr": 0.5, "opt": "sgd", "layers": 3}, {"hparam/best": 0.75})
    assert lab.fates(tmp_path) == ["new"]
    run = lab.api.run("a")
    assert run.params == {"lr": 0.5, "opt": "sgd", "layers": 3}
    assert {key: metric.last for key, metric in run.metrics.items()} == {
        "x": 1, "acc/train": 0.5, "acc/test": 0.25, "deep/er/one": 1.0, "hparam/best": 0.75,
    }  # fmt: skip


def test_several_sessions_are_several_runs(lab, tmp_path, writers):
    """A sweep through one writer: each session of add_hparams is a trial."""
    make, _ = writers
    with make(str(tmp_path / "sweep")) as writer:
        writer.add_scalar("all", 1, 1)
        for n in range(3):
            writer.add_hparams({"n": n}, {"score": n}, name=f"trial{n}")
    lab.take(tmp_path)
    found = {run.name: run.params.get("n") for run in lab.api.runs()}
    assert found == {
        "sweep": None, "sweep/trial0": 0, "sweep/trial1": 1, "sweep/trial2": 2,
    }  # fmt: skip


def test_sides_of_one_training(lab, tmp_path):
    """``train`` and ``validation`` of Keras are one run; an ``eval`` below a run is part of it."""
    put(tmp_path / "k" / "train", *scalars("loss", [2, 1]))
    put(tmp_path / "k" / "validation", *scalars("loss", [3, 2]))
    put(tmp_path / "e", *scalars("loss", [2, 1]))
    put(tmp_path / "e" / "eval", *scalars("loss", [9]))
    lab.take(tmp_path)
    assert sorted(lab.api.run("k").metrics) == ["train/loss", "validation/loss"]
    assert sorted(lab.api.run("e").metrics) == ["eval/loss", "loss"]


def test_restarts_replace(lab, tmp_path, writers):
    """A restart at a step: what stood from there on is gone, as in TensorBoard; across files and
    between two imports."""
    _, read = writers
    folder = tmp_path / "r"
    put(folder, *scalars("x", [0, 1, 2, 3, 4]), *scalars("y", [0, 1, 2, 3, 4]))
    assert lab.fates(tmp_path) == ["new"]
    more = [session_start(1_700_000_100.0, 2), *scalars("x", [20, 30], first=3)]
    put(folder, *more, name="events.out.tfevents.1700000100.host.8.0")
    report = lab.take(tmp_path)
    assert [run.fate for run in report.runs] == ["more"]
    truth = read(folder)
    for tag in ("x", "y"):
        theirs = truth.Scalars(tag)
        assert lab.points("r", tag) == ([e.step for e in theirs], [e.value for e in theirs])
    assert report.missed()["points that a restart replaced are left out, as TensorBoard does"] == (
        6,
        1,
    )
    assert lab.fates(tmp_path) == ["same"]


def test_a_run_that_is_being_written(lab, tmp_path):
    """It is running here, and is gone on with; after ten quiet minutes it counts as finished."""
    path = put(tmp_path / "live", *scalars("x", [1, 2]), old=False)
    whole = path.read_bytes() + framed(*scalars("x", [3, 4], first=2))
    assert lab.fates(tmp_path) == ["new"]
    assert lab.api.run("live").status == "running"
    path.write_bytes(whole[:-5])
    report = lab.take(tmp_path)
    assert [run.points for run in report.runs] == [1]
    assert report.missed() == {}
    path.write_bytes(whole)
    os.utime(path, (time.time() - 3600,) * 2)
    assert lab.fates(tmp_path) == ["more"]
    assert lab.points("live", "x") == ([0, 1, 2, 3], [1, 2, 3, 4])
    assert lab.api.run("live").status == "finished"


def test_damage_is_named(lab, tmp_path):
    """What can be read is read; the run's health and the report say what could not."""
    path = put(tmp_path / "bad", *scalars("x", [1, 2, 3]))
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(bytes(data) + framed(*scalars("x", [4], first=3))[:-3])
    (tmp_path / "bad" / "events.out.tfevents.1700000001.empty").touch()
    put(tmp_path / "text").write_bytes(b"no event file at all " * 9)
    for file in (tmp_path / "bad").iterdir():
        os.utime(file, (1_700_000_900, 1_700_000_900))
    report = lab.take(tmp_path)
    assert {run.name: run.fate for run in report.runs} == {"bad": "new", "text": "empty"}
    missed = set(report.missed())
    assert {
        "damaged bytes of event files are left out",
        "event files end in the middle of a record",
        "event files of 0 bytes hold nothing",
    } <= missed
    assert "damaged bytes" in str(lab.api.run("bad").health)
    assert len(lab.points("bad", "x")[0]) == 2


def test_all_kinds_of_values(lab, tmp_path):
    """Tensors of the plugins, and tensors of nobody; graphs and layouts are named."""
    buckets = np.array([[0, 1, 3], [1, 2, 0], [2, 3, 5]], np.float64)
    put(
        tmp_path / "v",
        event(1_700_000_002.0, 1, tensor("h", buckets, "histograms")),
        event(1_700_000_002.0, 1, strings("t", [b"a", b"b", b"c", b"d"], (2, 2), "text")),
        event(
            1_700_000_002.0, 1, strings("i", [b"2", b"3", b"\x89PNG1", b"\x89PNG2"], (4,), "images")
        ),
        event(1_700_000_002.0, 1, strings("s", [b"RIFFx", b"label"], (1, 2), "audio")),
        event(1_700_000_002.0, 1, tensor("m", np.arange(6, dtype=np.float32).reshape(2, 3))),
        event(1_700_000_002.0, 1, tensor("d", np.array(0.1), "scalars")),
        event(1_700_000_002.0, 1, tensor("n", np.array(7, np.int64))),
        event(1_700_000_002.0, 1, strings("layout", [b"x"], (), "custom_scalars")),
        event(1_700_000_002.0, 0, more=sub(4, b"graph")),
        event(1_700_000_002.0, 1, sub(1, b"broken") + sub(8, b"\x08\x01\x22\x03abc")),
    )
    report = lab.take(tmp_path)
    values = {value.key: value for value in lab.api.run("v").values()}
    assert {key: value.kind for key, value in values.items()} == {
        "h": "histogram", "t": "text", "i": "list", "s": "audio", "m": "file",
    }  # fmt: skip
    assert values["h"].value["counts"] == [3, 0, 5]
    assert values["h"].value["edges"] == [0, 1, 2, 3]
    assert values["t"].value["text"] == "a | b\nc | d"
    assert lab.points("v", "d")[1] == [0.1]
    assert lab.points("v", "n")[1] == [7]
    assert set(report.missed()) == {
        "graphs of the program are not carried over",
        "layouts of custom charts are not carried over",
        "values that are damaged are left out",
    }


def test_the_end_of_a_session(lab, tmp_path):
    """hparams say how a session ended, and when."""
    import struct

    started = sub(3, sub(4, b"group") + b"\x29" + struct.pack("<d", 1_700_000_000.0))
    ended = sub(4, b"\x08\x02" + b"\x11" + struct.pack("<d", 1_700_000_050.0))
    put(
        tmp_path / "s",
        event(
            1_700_000_001.0, 0, sub(1, b"_hparams_/session_start_info") + plugin("hparams", started)
        ),
        *scalars("x", [1]),
        event(1_700_000_002.0, 0, sub(1, b"_hparams_/session_end_info") + plugin("hparams", ended)),
    )
    lab.take(tmp_path)
    run = lab.api.run("s")
    assert (run.status, run.group, run.ended) == ("failed", "group", 1_700_000_050_000_000)


def test_links_in_circles_and_copies(lab, tmp_path):
    """A folder is read once however links lead to it; a copy under the same name is a run too."""
    put(tmp_path / "a" / "exp", *scalars("x", [1]))
    put(tmp_path / "b" / "exp", *scalars("x", [1, 2]))
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "b" / "again").symlink_to(tmp_path / "a" / "exp")
    report = lab.take(tmp_path)
    assert [(run.name, run.points) for run in report.runs] == [("a/exp", 1), ("b/exp", 2)]
    assert any("same event file" in note for note in report.notes)


def test_moved_and_asked_for_alone(lab, tmp_path):
    """The same run, whichever folder above it is named and wherever it was moved to."""
    put(tmp_path / "here" / "runs" / "exp", *scalars("x", [1]))
    assert lab.fates(tmp_path / "here" / "runs") == ["new"]
    assert lab.fates(tmp_path / "here" / "runs" / "exp") == ["same"]
    assert lab.fates(tmp_path / "here" / "runs" / "exp" / NAME) == ["same"]
    (tmp_path / "here").rename(tmp_path / "there")
    assert lab.fates(tmp_path / "there") == ["same"]
    assert lab.api.run("exp").project == "here"
    assert lab.api.run("exp").host == "host"


def test_bad_input(lab, tmp_path):
    """One sentence each."""
    with pytest.raises(NotFoundError, match="there is nothing at"):
        open_source(tmp_path / "none")
    with pytest.raises(UsageError, match="looks like nothing"):
        open_source(tmp_path)
    with pytest.raises(NotFoundError, match="no event files"):
        lab.take(tmp_path, kind="tensorboard")
    other = tmp_path / "x.txt"
    other.touch()
    with pytest.raises(UsageError, match="no event file"):
        TensorBoard(other, Given())
    with pytest.raises(UsageError, match="nothing imports 'floppy'"):
        open_source(tmp_path, "floppy")


def test_many_files(lab, tmp_path):
    """A folder of thousands of files is listed, not read, before anything else."""
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(3000):
        (folder / f"other{n}").touch()
        (folder / f"events.out.tfevents.17{n:08}.h").touch()
    put(folder, *scalars("x", [1]))
    report = lab.take(tmp_path, dry_run=True)
    assert len(report.runs) == 1
    assert lab.fates(tmp_path) == ["new"]
