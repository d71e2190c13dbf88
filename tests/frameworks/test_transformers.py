"""Hugging Face Transformers: its Trainer under ``autolog()``, the callback, ``report_to``."""

from __future__ import annotations

import pytest

import notabene

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

torch.manual_seed(0)
DATA = [{"input_ids": torch.randint(0, 30, (6,)), "labels": torch.tensor(i % 2)} for i in range(16)]


def network():
    """A small classifier that starts from the same weights each time."""
    transformers.set_seed(3)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config)


def trainer(model, callbacks=(), **options):
    """A trainer of two epochs on the CPU."""
    args = transformers.TrainingArguments(
        "out", num_train_epochs=2, logging_steps=1, eval_strategy="epoch", save_strategy="no",
        use_cpu=True, disable_tqdm=True, per_device_train_batch_size=4, **options,
    )  # fmt: skip
    return transformers.Trainer(
        model, args, train_dataset=DATA, eval_dataset=DATA, callbacks=list(callbacks)
    )


def history(found, name: str) -> list[float]:
    """What the Trainer itself noted under a name."""
    return [float(row[name]) for row in found.state.log_history if name in row]


def weights(model) -> bytes:
    """All weights as bytes."""
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


def test_a_training_is_a_run(notebook, same):
    """Settings, the curves as the Trainer notes them, the model; the same weights and config."""

    def train():
        model = network()
        found = trainer(model)
        found.train()
        return weights(model), history(found, "loss"), model.config.to_dict()

    _, loss, _ = same(train, "transformers")
    run = notebook.only()
    assert run.status == "finished"
    assert run.config["num_train_epochs"] == 2
    assert run.config["model"] == "BertForSequenceClassification"
    assert run.config["model_config"]["hidden_size"] == 8
    assert notebook.curve(run, "loss") == loss
    assert {"eval_loss", "train_loss", "learning_rate"} <= set(run.metrics)
    (model,) = notebook.models(run)
    assert (model.metadata["format"], model.metadata["safe"]) == ("transformers", True)


def test_a_model_comes_back(notebook):
    """As the class it was, with the same weights."""
    notabene.autolog("transformers")
    model = network()
    trainer(model).train()
    (kept,) = notebook.models(notebook.only())
    again = notabene.load_model(kept.ref)
    assert type(again) is type(model)
    assert weights(again) == weights(model)


def test_an_evaluation_afterwards_is_logged(notebook):
    """``trainer.evaluate()`` after the training goes into the training's run."""
    notabene.autolog("transformers", models=False)
    found = trainer(network())
    found.train()
    before = len(notebook.curve(notebook.only(), "eval_loss"))
    found.evaluate()
    run = notebook.only()
    assert notebook.last(run, "eval_loss") == history(found, "eval_loss")[-1]
    assert len(notebook.curve(run, "eval_loss")) >= before
    assert run.status == "finished"


@pytest.mark.parametrize("how", ["callback", "report_to"])
def test_in_ones_own_hands(notebook, how):
    """The callback, and the name in ``report_to``; under ``autolog()`` it logs once."""
    from notabene.integrations.transformers import NotabeneCallback

    notabene.autolog("transformers")
    if how == "callback":
        found = trainer(network(), [NotabeneCallback(models=False)])
    else:
        found = trainer(network(), report_to="notabene")
    found.train()
    run = notebook.only()
    assert run.status == "finished"
    assert notebook.curve(run, "loss") == history(found, "loss")


def test_it_can_be_undone():
    """``train`` is the library's own again."""
    before = transformers.Trainer.train
    notabene.autolog("transformers")
    assert transformers.Trainer.train is not before
    notabene.autolog(enabled=False)
    assert transformers.Trainer.train is before
