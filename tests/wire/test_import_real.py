"""Stores that MLflow and W&B themselves make come over equal, twice without change.

The tools run in a program of their own; what they say they logged is compared with what is here.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from notabene.api import Api

pytestmark = pytest.mark.wire

MLFLOW = """
import json, sys
import mlflow
from mlflow.tracking import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("vision")
with mlflow.start_run(run_name="parent", description="a *note*") as run:
    mlflow.log_params({"lr": 0.1, "opt": "adam", "deep.er": 3, "flag": True})
    for i in range(50):
        mlflow.log_metrics({"loss": 1 / (i + 1), "val/acc": i / 50}, step=i)
    mlflow.log_metric("odd", float("nan"), step=1)
    mlflow.log_metric("odd", float("-inf"), step=2)
    mlflow.set_tag("team", "blue")
    mlflow.log_text("hello", "notes/hello.txt")
    with mlflow.start_run(run_name="child", nested=True):
        mlflow.log_metric("loss", 3.0)
client = MlflowClient()
history = {
    key: [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run.info.run_id, key)]
    for key in ("loss", "val/acc")
}
print(json.dumps({"id": run.info.run_id, "history": history}))
"""

WANDB = """
import os, sys
os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=sys.argv[1])
import wandb
run = wandb.init(project="vis", name="first", group="g", tags=["a"], notes="a note",
                 config={"lr": 0.1, "model": {"depth": 3}})
print("printed")
for i in range(2000):
    run.log({"loss": 1 / (i + 1), "nested": {"a": i}, "nan": float("nan")})
run.log({"tab": wandb.Table(columns=["x"], data=[[1], [2]]), "hist": wandb.Histogram([1, 2, 3]),
         "text": "word"})
with open(sys.argv[1] + "/f.txt", "w") as file:
    file.write("content")
made = wandb.Artifact("data", "dataset")
made.add_file(sys.argv[1] + "/f.txt")
run.log_artifact(made, aliases=["good"])
run.config.update({"later": [1, 2]})
run.summary["best"] = 0.9
run.finish(exit_code=3)
"""


def ran(code: str, *words: object, cwd) -> str:
    """What a program prints last."""
    env = {**os.environ, "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, words)],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr[-2000:]
    return done.stdout


def needs(*names: str) -> None:
    """Skip where one of the tools is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")


@pytest.fixture
def api(tmp_path):
    """An empty store."""
    with Api.make(tmp_path / "store") as found:
        yield found


def test_a_database_that_mlflow_made(api, tmp_path):
    """Every point has the step, time and value that MLflow's own client gives."""
    needs("mlflow", "sqlalchemy")
    said = json.loads(ran(MLFLOW, f"sqlite:///{tmp_path}/mlflow.db", cwd=tmp_path).splitlines()[-1])
    report = api.import_from(tmp_path / "mlflow.db")
    assert sorted((run.name, run.fate) for run in report.runs) == [
        ("child", "new"), ("parent", "new"),
    ]  # fmt: skip
    run = api.run("parent")
    for key, points in said["history"].items():
        series = api.history(run, key)
        found = zip(series.steps, series.times // 1000, series.values, strict=True)
        assert [tuple(point) for point in points] == [tuple(x.item() for x in p) for p in found]
    assert str(api.history(run, "odd").values.tolist()) == "[nan, -inf]"
    assert run.params == {"lr": 0.1, "opt": "adam", "deep.er": 3, "flag": True}
    assert api.run("child").parent == run.id
    assert api.artifact("parent/artifacts").read("notes/hello.txt") == b"hello"
    again = api.import_from(tmp_path / "mlflow.db")
    assert {run.fate for run in again.runs} == {"same"}


def test_a_run_that_wandb_made_offline(api, tmp_path):
    """All rows, nested keys, media, artifact, console and exit code."""
    needs("wandb")
    ran(WANDB, tmp_path, cwd=tmp_path)
    report = api.import_from(tmp_path / "wandb")
    assert [(run.name, run.fate, run.missed) for run in report.runs] == [("first", "new", {})]
    run = api.run("first")
    assert run.params == {"lr": 0.1, "model.depth": 3, "later": [1, 2]}
    assert (run.status, run.exit_code, run.summary["best"]) == ("failed", 3, 0.9)
    loss = api.history(run, "loss")
    assert loss.values.tolist() == [1 / (i + 1) for i in range(2000)]
    assert loss.steps.tolist() == list(range(2000))
    assert api.history(run, "nested.a").values.tolist() == list(range(2000))
    assert {value.kind for value in run.values()} == {"table", "histogram", "text"}
    assert api.artifact("data:good").read("f.txt") == b"content"
    assert "printed" in [line.plain for line in api.console(run.id)]
    assert [run.fate for run in api.import_from(tmp_path / "wandb").runs] == ["same"]
