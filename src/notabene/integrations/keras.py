"""Keras 3: ``model.fit`` by itself, or a callback in one's own hands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from notabene.integrations._base import (
    Fit,
    Kept,
    Recipe,
    Switch,
    attempt,
    chosen,
    expect,
    put,
    undisturbed,
)

VERSIONS = ("3.4", "4")
expect("keras", *VERSIONS)


class NotabeneCallback(keras.callbacks.Callback):
    """Logs a model's settings, each epoch's numbers, and the model at the end.

        model.fit(x, y, callbacks=[NotabeneCallback()])

    Logs to the current run; where there is none it begins one and ends it with the training.

    Args:
        models: Whether the model is kept as an artifact.
    """

    def __init__(self, *, models: bool = True, fit: Fit | None = None) -> None:
        super().__init__()
        self._models, self._fit, self._given = models, fit, fit is not None

    def on_train_begin(self, logs: Any = None) -> None:
        """Settings."""
        attempt("keras", self._begin)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Numbers as Keras reports them."""
        if self._fit is not None and logs:
            found = {key: float(value) for key, value in logs.items()}
            attempt("keras", self._fit.metrics, found, epoch)

    def on_train_end(self, logs: Any = None) -> None:
        """The model, and the end of a run of its own."""
        if self._fit is not None and not self._given:
            attempt("keras", self._fit.model, self.model, save)
            attempt("keras", self._fit.end)
            self._fit = None

    def _begin(self) -> None:
        if self._fit is None:
            self._fit = Fit.begin(Switch("keras", models=self._models))
        _settings(self._fit, self.model, self.params or {})


class FitRecipe(Recipe):
    """``model.fit(x, y)``."""

    def wanted(self) -> bool:
        """Not where the user's own callback is there already."""
        callbacks = self.given.get("callbacks") or ()
        many = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
        return not any(isinstance(callback, NotabeneCallback) for callback in many)

    def begin(self, fit: Fit) -> None:
        """How the data are cut, and what they are."""
        fit.params(chosen(self.given, "batch_size", "validation_split", "shuffle"))
        data = {k: self.given[k] for k in ("x", "y") if hasattr(self.given.get(k), "shape")}
        fit.inputs(data, "x", "y")

    def change(self, fit: Fit) -> dict[str, Any]:
        """One callback more."""
        callbacks = self.given.get("callbacks") or ()
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.append(NotabeneCallback(fit=fit))
            return {}
        many = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
        return {"callbacks": [*many, NotabeneCallback(fit=fit)]}

    def end(self, fit: Fit, result: Any) -> None:
        """The model."""
        fit.model(self.given["self"], save)


def switch_on(switch: Switch) -> None:
    """Wrap ``fit`` in the class that has it: that of the backend's trainer."""
    holder = next(kind for kind in keras.Model.__mro__ if "fit" in vars(kind))
    put(switch, holder, "fit", FitRecipe)


def save(model: Any, folder: Path) -> Kept:
    """In Keras's own form, which holds no code unless a layer is a lambda."""
    model.save(folder / "model.keras")
    return Kept("model.keras", "keras")


def load(path: Path, card: dict[str, Any], *, trust: bool) -> Any:
    """A model; layers that are code of their own are refused unless it is to be trusted."""
    return keras.saving.load_model(path, safe_mode=not trust)


def _settings(fit: Fit, model: Any, params: dict[str, Any]) -> None:
    fit.params({"model": type(model).__name__, "parameters": model.count_params(), **params})
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        # Its name is numbered within the process.
        settings = {k: v for k, v in optimizer.get_config().items() if k != "name"}
        fit.params({"class": type(optimizer).__name__, **settings}, "optimizer")
    loss = getattr(model, "loss", None)
    fit.params({"loss": loss if isinstance(loss, str) else getattr(loss, "name", str(loss))})
    lines: list[str] = []
    with undisturbed():
        model.summary(print_fn=lines.append, line_length=100)
    fit.run.log_text(f"{fit.prefix}model_summary", "\n".join(lines), step=0)
