"""Hugging Face Transformers: a callback for its Trainer, also as ``report_to="notabene"``."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import transformers
from transformers.integrations import integration_utils

from notabene.integrations._base import Fit, Kept, Recipe, Switch, attempt, expect, put, reopened

VERSIONS = ("4.46", "6")
expect("transformers", *VERSIONS)
MOST = 2 << 30
"""Bytes of a model up to which it is kept as an artifact."""
_ALWAYS = (
    "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size",
    "gradient_accumulation_steps", "weight_decay", "lr_scheduler_type", "optim", "seed",
)  # fmt: skip
_NEVER = ("report_to", "run_name", "logging_dir", "hub_token", "push_to_hub_token",
          "accelerator_config", "do_eval")  # fmt: skip


class NotabeneCallback(transformers.TrainerCallback):
    """Logs a Trainer's settings, what it logs, and the model at the end.

        Trainer(..., callbacks=[NotabeneCallback()])
        TrainingArguments(..., report_to="notabene")    # after this module was imported

    Logs to the current run; where there is none it begins one and ends it with the training.

    Args:
        models: Whether the model is kept as an artifact, if it has at most 2 GiB.
    """

    def __init__(self, *, models: bool = True, fit: Fit | None = None) -> None:
        self._models, self.fit, self.given = models, fit, fit is not None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Settings."""
        if state.is_world_process_zero:
            attempt("transformers", self._begin, args, kwargs.get("model"))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """What the Trainer logs, under its names."""
        if self.fit is not None and logs and state.is_world_process_zero:
            attempt("transformers", self._log, logs, state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The model, and the end of a run of its own."""
        if self.fit is not None and state.is_world_process_zero and not self.given:
            attempt("transformers", finish, self.fit, kwargs.get("model"))
            attempt("transformers", self.fit.end)

    def _begin(self, args: Any, model: Any) -> None:
        if self.fit is None or not self.given:
            self.fit = Fit.begin(Switch("transformers", models=self._models))
        self.fit.params(changed(args))
        if model is not None:
            count = sum(p.numel() for p in model.parameters())
            self.fit.params({"model": type(model).__name__, "parameters": count})
            if hasattr(model, "config") and hasattr(model.config, "to_diff_dict"):
                self.fit.params(model.config.to_diff_dict(), "model_config")

    def _log(self, logs: Any, step: int) -> None:
        assert self.fit is not None
        numbers = {key: value for key, value in logs.items() if isinstance(value, int | float)}
        with reopened(self.fit.run) as run:
            run.log({f"{self.fit.prefix}{key}": value for key, value in numbers.items()}, step=step)


class TrainRecipe(Recipe):
    """``trainer.train()``."""

    def wanted(self) -> bool:
        """Not where the user's own callback is there already."""
        trainer = self.given["self"]
        callbacks = trainer.callback_handler.callbacks
        return bool(trainer.is_world_process_zero()) and not any(
            isinstance(c, NotabeneCallback) and not c.given for c in callbacks
        )

    def begin(self, fit: Fit) -> None:
        """Add a callback; it stays, for evaluations after the training."""
        trainer = self.given["self"]
        for callback in list(trainer.callback_handler.callbacks):
            if isinstance(callback, NotabeneCallback):
                trainer.remove_callback(callback)
        trainer.add_callback(NotabeneCallback(fit=fit))

    def end(self, fit: Fit, result: Any) -> None:
        """The model."""
        finish(fit, self.given["self"].model)


def switch_on(switch: Switch) -> None:
    """Wrap ``Trainer.train``, and let ``report_to`` know the name."""
    put(switch, transformers.Trainer, "train", TrainRecipe)
    switch.put_item(integration_utils.INTEGRATION_TO_CALLBACK, "notabene", NotabeneCallback)


def finish(fit: Fit, model: Any) -> None:
    """Keep the model, unless it is very large."""
    if model is None or not hasattr(model, "save_pretrained"):
        return
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    if size > MOST:
        fit.run.note(
            f"The model has {size / 1e9:.1f} GB and was not kept; log_artifact() keeps it."
        )
        return
    fit.model(model, save)


def save(model: Any, folder: Path) -> Kept:
    """As ``save_pretrained`` does: a config and safetensors."""
    bars, config = transformers.utils.logging, model.config
    shown, before = bars.is_progress_bar_enabled(), dict(vars(config))
    try:
        bars.disable_progress_bar()
        model.save_pretrained(folder)
    finally:
        # It writes into the config what the model is; that is not for us to change.
        vars(config).clear()
        vars(config).update(before)
        if shown:
            bars.enable_progress_bar()
    return Kept("", "transformers")


def load(path: Path, card: dict[str, Any], *, trust: bool) -> Any:
    """A model of the class it had; no code of the folder is run unless it is to be trusted."""
    kind: Any = getattr(transformers, str(card.get("class", "")).rpartition(".")[2], None)
    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        kind = transformers.AutoModel
    return kind.from_pretrained(path, use_safetensors=True, trust_remote_code=trust)


def changed(args: Any) -> dict[str, Any]:
    """Settings that differ from their defaults, and a few that everybody asks for."""
    out = {}
    for field in fields(args):
        value = getattr(args, field.name)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        said = (value or default) and value != default and field.name not in _NEVER
        if field.name in _ALWAYS or said:
            out[field.name] = getattr(value, "value", value)
    return {name: value for name, value in out.items() if not name.startswith("_")}


integration_utils.INTEGRATION_TO_CALLBACK.setdefault("notabene", NotabeneCallback)
