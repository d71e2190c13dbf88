"""PyTorch: ``watch`` and ``save_model``."""

from __future__ import annotations

import sys

import pytest

import notabene
from notabene import AccessError, UsageError
from notabene.api import Api

torch = pytest.importorskip("torch")

from notabene.integrations.torch import histogram, save_model, watch

torch.manual_seed(0)
X, y = torch.randn(32, 4), torch.randn(32, 1)


def network():
    """A small network that starts from the same weights each time."""
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Dropout(), torch.nn.Linear(6, 1))


def train(model, run=None, steps=10) -> bytes:
    """A loop as people write it; the weights as bytes."""
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(X) - y).pow(2).mean()
        loss.backward()
        optimizer.step()
        if run is not None:
            run.log({"loss": loss})
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


def test_watch_logs_gradients_and_weights(notebook):
    """A histogram for each tensor every few steps; the training is the same to the bit."""
    plain = train(network())
    state = torch.get_rng_state()
    model = network()
    with notabene.init("watched") as run, watch(model, every=5):
        assert train(model, run) == plain
    assert torch.equal(torch.get_rng_state(), state)
    found = notebook.only()
    assert len(notebook.curve(found, "loss")) == 10
    names = [name for name, _ in model.named_parameters()]
    expected = {f"{kind}/{name}": 2 for kind in ("gradients", "weights") for name in names}
    assert notebook.values(found) == expected
    with Api() as api:
        assert {v.step for v in api.run(found.id).values("gradients/0.weight")} == {0, 5}


def test_watch_leaves_the_users_steps_alone(notebook):
    """A log once an epoch goes on with 0, 1, 2, however many batches were watched."""
    model = network()
    with notabene.init("watched") as run, watch(model, every=1):
        for _ in range(3):
            train(model, steps=4)
            run.log({"epoch_loss": 1.0})
    with Api() as api:
        assert api.history(notebook.only().id, "epoch_loss").steps.tolist() == [0, 1, 2]


def test_watch_can_be_taken_off():
    """``stop()`` leaves no hook behind."""
    model = network()
    with notabene.init("watched"):
        watching = watch(model)
        watching.stop()
    assert not model._forward_pre_hooks
    assert not any(p._post_accumulate_grad_hooks for p in model.parameters())


def test_watch_needs_a_run():
    """Without one it says so at once."""
    with pytest.raises(UsageError, match="outside a run"):
        watch(network())


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([1.0, float("nan"), float("inf")]),
        torch.full((3,), float("nan")),
        torch.zeros(5, dtype=torch.bfloat16),
        torch.arange(5),
        torch.zeros(0),
    ],
    ids=["infinite", "nothing finite", "all equal", "integers", "empty"],
)
def test_odd_tensors_have_histograms(tensor):
    """Whatever a weight may hold, there is a histogram of it."""
    histogram(tensor).encode()


def test_a_model_comes_back(notebook):
    """Tensors by name from safetensors, equal to the bit, tied ones too."""
    pytest.importorskip("safetensors")
    model = network()
    model.again = model[0]
    with notabene.init("kept"):
        kept = save_model(model, "net")
    assert (kept.metadata["format"], kept.metadata["safe"]) == ("safetensors", True)
    tensors = notabene.load_model(kept.ref)
    other = network()
    other.load_state_dict(tensors, strict=False)
    assert torch.equal(other[2].weight, model[2].weight)


def test_without_safetensors_it_is_a_pickle(notebook, monkeypatch):
    """Marked, and refused without ``trust``."""
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with notabene.init("kept"):
        kept = save_model(network())
    assert (kept.metadata["format"], kept.metadata["safe"]) == ("torch-pickle", False)
    with pytest.raises(AccessError, match="trust=True"):
        notabene.load_model(kept.ref)
    assert set(notabene.load_model(kept.ref, trust=True)) == set(network().state_dict())
