"""Lightning, under both its names."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import notabene

torch = pytest.importorskip("torch")
NAMES = [
    n
    for n in ("lightning.pytorch", "pytorch_lightning")
    if importlib.util.find_spec(n.split(".")[0])
]
if not NAMES:
    pytest.skip("Lightning is not installed", allow_module_level=True)
pl = importlib.import_module(NAMES[0])

torch.manual_seed(0)
DATA = torch.utils.data.TensorDataset(torch.randn(32, 4), torch.randn(32, 1))


class Module(pl.LightningModule):
    """A line through noise."""

    def __init__(self, lr: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _):
        loss = (self.layer(batch[0]) - batch[1]).pow(2).mean()
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", (self.layer(batch[0]) - batch[1]).pow(2).mean())

    def test_step(self, batch):
        """Not one of ours: what Lightning calls for each batch of a test."""
        self.log("test_loss", (self.layer(batch[0]) - batch[1]).pow(2).mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.hparams["lr"])


class Heard(pl.loggers.CSVLogger):
    """What Lightning tells its loggers."""

    def __init__(self) -> None:
        super().__init__("heard")
        self.heard: list[dict] = []

    def log_metrics(self, metrics, step=None):
        self.heard.append({**metrics, "step": step})


def fit(**options):
    """A short training; the trainer, the module and its weights."""
    pl.seed_everything(3)
    torch.use_deterministic_algorithms(False)
    trainer = pl.Trainer(
        max_epochs=2, log_every_n_steps=2, accelerator="cpu", enable_progress_bar=False,
        enable_model_summary=False, **{"enable_checkpointing": False, **options},
    )  # fmt: skip
    module = Module(lr=0.05)
    trainer.fit(module, torch.utils.data.DataLoader(DATA, batch_size=8, shuffle=True),
                torch.utils.data.DataLoader(DATA, batch_size=8))  # fmt: skip
    return trainer, module, b"".join(p.detach().numpy().tobytes() for p in module.parameters())


def test_a_fit_is_a_run(notebook, same):
    """Hyperparameters, the curves that Lightning tells its loggers, the model; the same weights."""

    def train():
        logger = Heard()
        trainer, _, weights = fit(logger=logger)
        assert trainer.loggers == [logger]
        return weights, str(logger.heard)

    same(train, "lightning")
    logger = Heard()
    fit(logger=logger)
    run = notebook.runs()[0]
    assert run.status == "finished"
    assert run.config["model"] == "Module"
    assert run.config["lr"] == 0.05
    assert run.config["trainer"]["max_epochs"] == 2
    for name in ("loss", "val_loss"):
        expected = [row[name] for row in logger.heard if name in row]
        assert notebook.curve(run, name) == [float(value) for value in expected]
    (model,) = notebook.models(run)
    assert set(notabene.load_model(model.ref, trust=True)) == {"layer.weight", "layer.bias"}


def test_a_trainer_without_loggers_keeps_its_folders(notebook):
    """What Lightning derives from its loggers is as without us."""
    plain = fit(logger=False, enable_checkpointing=True)[0]
    notabene.autolog("lightning")
    trainer = fit(logger=False, enable_checkpointing=True)[0]
    here = trainer.checkpoint_callback.dirpath
    assert here == plain.checkpoint_callback.dirpath
    assert trainer.loggers == []
    assert "val_loss" in notebook.only().metrics


def test_the_logger_does_the_same(notebook, home):
    """In one's own hands: a run with the best checkpoint, marked as what it is; tests log too."""
    from notabene.integrations.lightning import NotabeneLogger

    trainer, module, _ = fit(logger=NotabeneLogger("mine"), enable_checkpointing=True)
    trainer.test(module, torch.utils.data.DataLoader(DATA, batch_size=8), verbose=False)
    run = notebook.only()
    assert (run.project, run.status) == ("mine", "finished")
    assert run.config["lr"] == 0.05
    assert {"loss", "val_loss", "test_loss"} <= set(run.metrics)
    (kept,) = notebook.models(run, "checkpoint")
    assert kept.metadata["safe"] is False
    assert run.id in str(trainer.checkpoint_callback.best_model_path)


def test_the_logger_uses_a_current_run(notebook):
    """Where a run is active the logger writes to it, and leaves it open."""
    from notabene.integrations.lightning import NotabeneLogger

    with notabene.init("mine") as run:
        fit(logger=NotabeneLogger())
        assert run.active
    assert "loss" in notebook.only().metrics


def test_a_fit_that_fails_fails(notebook):
    """The run that was begun for the fit has failed, and the trainer its own loggers."""
    notabene.autolog("lightning")

    class Broken(Module):
        def training_step(self, batch, _):
            raise ArithmeticError("no")

    trainer = pl.Trainer(max_epochs=1, logger=False, enable_progress_bar=False, accelerator="cpu",
                         enable_model_summary=False, enable_checkpointing=False)  # fmt: skip
    with pytest.raises(ArithmeticError):
        trainer.fit(Broken(), torch.utils.data.DataLoader(DATA, batch_size=8))
    assert notebook.only().status == "failed"
    assert trainer.loggers == []


@pytest.mark.skipif("pytorch_lightning" not in NAMES, reason="pytorch_lightning is not installed")
def test_the_other_name_works(notebook):
    """``pytorch_lightning`` in a program of its own, switched on and with the logger."""
    code = """
import notabene
notabene.autolog("lightning")
import torch, pytorch_lightning as pl
class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, _):
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("loss", loss)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 4)), batch_size=4)
options = dict(max_epochs=1, log_every_n_steps=1, enable_progress_bar=False, accelerator="cpu")
pl.Trainer(**options, logger=False, enable_checkpointing=False).fit(Module(), data)
from notabene.integrations.lightning import NotabeneLogger
pl.Trainer(**options, logger=NotabeneLogger("own")).fit(Module(), data)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300, capture_output=True)
    assert [len(notebook.curve(run, "loss")) for run in notebook.runs()] == [2, 2]
