"""torch's writer for TensorBoard: heard while it writes, imported afterwards, equal to both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import notabene
from notabene.api import Api

torch = pytest.importorskip("torch")
tensorboard = pytest.importorskip("torch.utils.tensorboard")
accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def train(folder: Path) -> list[float]:
    """A small training that logs what people log; gives its losses."""
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    inputs = torch.randn(16, 3)
    losses = []
    with tensorboard.SummaryWriter(str(folder)) as writer:
        for step in range(20):
            optimiser.zero_grad()
            loss = model(inputs).pow(2).mean()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            writer.add_scalar("loss", loss, step)
            writer.add_scalar("new", loss, step, new_style=True)
            writer.add_scalars("both", {"a": step, "b": -step}, step)
        writer.add_histogram("weights", model.weight, 20)
        writer.add_image("image", torch.rand(3, 4, 5), 20)
        writer.add_text("text", "words", 20)
        writer.add_graph(model, inputs)
        writer.add_hparams({"lr": 0.1, "name": "sgd"}, {"best": min(losses)})
    return losses


def found_in(api: Api, run: str, losses: list[float]) -> None:
    """All of it is there, as it was written."""
    for key in ("loss", "new"):
        series = api.history(run, key)
        assert series.steps.tolist() == list(range(20))
        assert series.values.tolist() == losses
    view = api.run(run)
    assert sorted(key for key in view.metrics if not key.startswith("system/")) == [
        "best", "both/a", "both/b", "loss", "new",
    ]  # fmt: skip
    assert (view.params["lr"], view.params["name"]) == (0.1, "sgd")
    kinds = {value.key: value.kind for value in view.values()}
    assert kinds == {"weights": "histogram", "image": "image", "text/text_summary": "text"}


def test_heard_and_imported(tmp_path):
    """The tap and the importer find the same, and TensorBoard itself what it would anyway."""
    with notabene.init("p", capture=False, tensorboard=True, id="tapped"):
        losses = train(tmp_path / "runs" / "exp")
    assert train(tmp_path / "plain") == losses
    theirs, plain = (
        accumulator.EventAccumulator(str(tmp_path / place)).Reload().Scalars("loss")
        for place in ("runs/exp", "plain")
    )
    assert [one.value for one in theirs] == [one.value for one in plain]
    with Api() as api:
        found_in(api, "tapped", losses)
        report = api.import_from(tmp_path / "runs")
        (run,) = report.runs
        found_in(api, run.run, losses)
        assert [r.fate for r in api.import_from(tmp_path / "runs").runs] == ["same"]


def test_followed_under_notabene_run(tmp_path):
    """A program that knows nothing of us."""
    script = tmp_path / "train.py"
    code = Path(__file__).read_text()
    begin, end = code.index("def train("), code.index("def found_in(")
    script.write_text(
        "import sys\nfrom pathlib import Path\nimport torch\nfrom torch.utils import tensorboard\n"
        f"{code[begin:end]}\nprint(train(Path('logs')))\n"
    )
    words = [sys.executable, "-m", "notabene", "run", "-p", "p", "--", sys.executable, "train.py"]
    env = {**os.environ, "NOTABENE_OBSERVE": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    losses = [float(word) for word in done.stdout.strip().splitlines()[-1][1:-1].split(",")]
    with Api() as api:
        (run,) = api.runs(project="p")
        found_in(api, run.id, losses)
