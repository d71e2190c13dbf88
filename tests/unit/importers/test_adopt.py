"""Adopting a folder: what lies there is found, put together, and taken once."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from notabene.errors import NotFoundError, UsageError
from notabene.importers.survey import survey
from tests.unit.importers import mlflow_made, wandb_made
from tests.unit.importers.events import scalars

START = 1_700_000_000_000_000
LOSS = np.random.default_rng(1).random(20)


@pytest.fixture
def top(tmp_path):
    """A folder with what several tools left."""
    top = tmp_path / "proj"
    rows = [wandb_made.history(n, START + n, loss=float(v)) for n, v in enumerate(LOSS)]
    said = wandb_made.run(id="abc12345", project="vis", name="both")
    wandb_made.folder(top, [said, *rows, wandb_made.record(18, b"")])
    scalars(top / "runs" / "one", {"train/loss": LOSS, "more": LOSS[::-1] * 2}, START)
    scalars(top / "runs" / "alone", {"x": [0.5, 0.25, 0.75]}, START)
    (top / "runs" / "alone" / "model.pt").write_bytes(b"weights")
    version = top / "lightning_logs" / "version_0"
    scalars(version, {"acc": [0.1, 0.2, 0.7]}, START + 3_600_000_000)
    (version / "metrics.csv").write_text("epoch,step,acc,lr\n0,0,0.1,1\n0,1,0.2,1\n1,2,0.7,1\n")
    (version / "hparams.yaml").write_text("width: 64\n")
    mlflow_made.first(top / "mlflow.db")
    job = top / "multirun" / "2024-05-01" / "10-20-30" / "0"
    (job / ".hydra").mkdir(parents=True)
    (job / ".hydra" / "config.yaml").write_text("lr: 0.1\nmodel:\n  depth: 3\n")
    (job / ".hydra" / "overrides.yaml").write_text("- lr=0.1\n")
    (job / "train.log").write_text("[INFO] done\n")
    for step in (1, 2):
        place = top / "out" / f"checkpoint-{step}"
        place.mkdir(parents=True)
        history = [{"loss": 1.5 / n, "step": n, "epoch": n / 2} for n in range(1, step + 1)]
        (place / "trainer_state.json").write_text(
            json.dumps({"max_steps": 2, "log_history": history})
        )
        (place / "model.safetensors").write_bytes(b"w%d" % step)
        (place / "training_args.bin").write_bytes(b"\x80\x04never")
    scalars(top / "node_modules" / "x", {"no": [1.5]}, START)
    scalars(top / ".hidden", {"no": [1.5]}, START)
    (top / "runs" / "loop").symlink_to(top, target_is_directory=True)
    return top


def test_all_of_a_mixed_folder(lab, top):
    """Each run once, with the tools that saw it, its config and its checkpoints."""
    found = lab.api.adopt(top, dry_run=True)
    told = {run.name: (run.kinds, run.models, run.here) for run in found.runs}
    assert told == {
        "both": (["wandb", "tensorboard"], 0, False),
        "alone": (["tensorboard"], 1, False),
        "version_0": (["tensorboard", "csv"], 0, False),
        "named": (["mlflow"], 0, False),
        "2024-05-01/10-20-30/0": (["hydra"], 0, False),
        "out": (["trainer"], 2, False),
    }
    both = next(run for run in found.runs if run.name == "both")
    assert both.why == ["tensorboard: they have equal series at the same time: train/loss"]
    assert lab.api.runs().ids == []

    done = lab.api.adopt(top)
    assert {run.fate for run in done.runs} == {"new"}
    run = lab.api.run("both")
    assert sorted(lab.api.history("both")) == ["loss", "more"]
    assert lab.points("both", "loss")[1] == LOSS.tolist()
    assert lab.api.run("version_0").params == {"width": 64}
    assert sorted(lab.api.history("version_0")) == ["acc", "epoch", "lr"]
    job = lab.api.run("2024-05-01/10-20-30/0")
    assert (job.params, job.tags) == ({"lr": 0.1, "model.depth": 3}, {"lr=0.1": ""})
    assert [line.plain for line in lab.api.console(job.id)] == ["[INFO] done"]
    assert lab.points("out", "loss") == ([1, 2], [1.5, 0.75])
    assert run.status == "finished"


@pytest.mark.parametrize("way", ["runs/one", "{top}/runs/one", "/gone/home/proj/runs/one"])
def test_a_folder_of_tensorboard_that_wandb_names(lab, tmp_path, monkeypatch, way):
    """Relative to where the program ran, whole, or whole on another machine; from anywhere."""
    top = tmp_path / "proj"
    said = wandb_made.run(id="abc12345", project="vis", name="both")
    board = wandb_made.record(9, wandb_made.field(1, way.format(top=top)))
    wandb_made.folder(top, [said, board, wandb_made.record(18, b"")])
    scalars(top / "runs" / "one", {"loss": LOSS}, START)
    scalars(top / "runs" / "two", {"loss": LOSS[::-1]}, START)
    for place in (top, tmp_path, tmp_path / "else"):
        place.mkdir(exist_ok=True)
        monkeypatch.chdir(place)
        found = lab.api.adopt(os.path.relpath(top), dry_run=True)
        told = {run.name: (run.kinds, run.why) for run in found.runs}
        why = ["tensorboard: W&B names this folder of TensorBoard as the run's"]
        assert told == {"both": (["wandb", "tensorboard"], why), "two": (["tensorboard"], [])}


def test_again_without_change(lab, top):
    """A second time nothing is added, and the table says that all is here."""
    lab.api.adopt(top)
    before = lab.files()
    done = lab.api.adopt(top)
    assert {run.fate for run in done.runs} == {"same"}
    assert all(run.here for run in done.runs)
    assert lab.files() == before


def test_checkpoints_are_linked_not_copied(lab, top):
    """The version names file and digest; the bytes stay where they are."""
    lab.api.adopt(top)
    listing = lab.api.artifact("out/checkpoints").listing()
    assert sorted(entry.path for entry in listing) == [
        "checkpoint-2/model.safetensors", "model.safetensors",
    ]  # fmt: skip
    stored = [path.read_bytes() for path in lab.api.folder.root.rglob("*") if path.is_file()]
    assert not any(b"weights" in data for data in stored)


def test_a_run_that_grew_since(lab, top):
    """What came later is added to the run that is here, whoever saw it."""
    lab.api.adopt(top)
    scalars(
        top / "runs" / "one",
        {"late": [0.5, 1.5]},
        START,
        name="events.out.tfevents.1700000900.host.7.1",
    )
    done = lab.api.adopt(top)
    assert {run.name: run.fate for run in done.runs if run.fate != "same"} == {"both": "more"}
    assert lab.points("both", "late") == ([0, 1], [0.5, 1.5])


def test_what_is_passed_over(top):
    """Hidden folders, node_modules, links and our own stores are not looked into."""
    (top / "test_tfevents.py").write_text("no event file")
    (top / "store" / "runs").mkdir(parents=True)
    (top / "store" / "format").write_text("1")
    scalars(top / "store" / "runs" / "x", {"no": [1.5]}, START)
    found = survey(top)
    places = {str(spot.place.relative_to(top)) for spot in found.spots}
    assert places == {
        "wandb", "runs", "lightning_logs", "mlflow.db", "out",
        "lightning_logs/version_0/metrics.csv",
    }  # fmt: skip
    assert "training_args.bin is never opened" in found.notes[0]


def test_folders_that_cannot_be_listed(tmp_path, monkeypatch):
    """They are counted, and the rest is found."""
    scalars(tmp_path / "runs" / "a", {"x": [0.5]}, START)
    (tmp_path / "locked").mkdir()
    real = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = survey(tmp_path)
    assert len(found.spots) == 1
    assert found.notes == [f"{tmp_path / 'locked'} cannot be listed"]


def test_a_damaged_place_is_named(lab, top):
    """What cannot be read is left out with a sentence; all else is taken."""
    path = next((top / "wandb").rglob("*.wandb"))
    path.write_bytes(b"nonsense")
    (top / "lightning_logs" / "version_0" / "hparams.yaml").write_text("a: [")
    done = lab.api.adopt(top)
    fates = {run.name: run.fate for run in done.runs}
    assert [name for name, fate in fates.items() if fate == "failed"] == ["abc12345"]
    assert fates["alone"] == "new"
    assert any("hparams.yaml is left out" in note for note in done.notes)


def test_places_that_are_no_folder(lab, top):
    """A file and nothing at all are refused."""
    with pytest.raises(UsageError, match="is a file"):
        lab.api.adopt(top / "mlflow.db")
    with pytest.raises(NotFoundError):
        lab.api.adopt(top / "nowhere")
    shutil.rmtree(top)
    top.mkdir()
    assert lab.api.adopt(top).runs == []
