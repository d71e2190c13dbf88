"""Accelerate: the tracker."""

from __future__ import annotations

import pytest

import notabene

pytest.importorskip("torch")
accelerate = pytest.importorskip("accelerate")


@pytest.fixture(autouse=True)
def afresh():
    """Accelerate keeps its state for the process."""
    yield
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)


def train(tracker) -> None:
    """What a script does with an accelerator."""
    import torch

    accelerator = accelerate.Accelerator(log_with=tracker, cpu=True)
    accelerator.init_trackers("digits", config={"lr": 0.1, "layers": [4, 2]})
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model, optimizer = accelerator.prepare(model, optimizer)
    for step in range(4):
        loss = model(torch.ones(3, 2)).pow(2).mean()
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        accelerator.log({"loss": loss.item()}, step=step)
    accelerator.end_training()


def test_a_training_is_a_run(notebook):
    """Config, the curve and the end."""
    from notabene.integrations.accelerate import NotabeneTracker

    train(NotabeneTracker("digits", name="first"))
    run = notebook.only()
    assert (run.project, run.name, run.status) == ("digits", "first", "finished")
    assert run.config["lr"] == 0.1
    assert run.config["layers"] == [4, 2]
    assert len(notebook.curve(run, "loss")) == 4


def test_a_current_run_is_used(notebook):
    """Where a run is active the tracker writes to it, and leaves it open."""
    from notabene.integrations.accelerate import NotabeneTracker

    with notabene.init("mine") as run:
        train(NotabeneTracker())
        assert run.active
    assert len(notebook.curve(notebook.only(), "loss")) == 4
