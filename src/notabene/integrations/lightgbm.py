"""LightGBM: ``train``, ``cv`` and the estimators, with their curves and models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import lightgbm

from notabene.integrations._base import Fit, Kept, Recipe, Switch, attempt, chosen, put, subclasses

VERSIONS = ("4.3", "5")


class Curves:
    """Takes what each round is evaluated to."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self.order = 25
        """Between LightGBM's own record (20) and early stopping (30), which ends the round."""

    def __call__(self, env: Any) -> None:
        """Called by LightGBM after a round."""
        attempt("lightgbm", self._log, env)

    def _log(self, env: Any) -> None:
        results = env.evaluation_result_list or ()
        found = {f"{result[0]}/{result[1]}": result[2] for result in results}
        if found:
            self._fit.metrics(found, step=env.iteration)


class TrainRecipe(Recipe):
    """``lightgbm.train(params, train_set, ...)``."""

    def begin(self, fit: Fit) -> None:
        """Parameters of the booster and of the training."""
        given = self.given
        fit.params({"model": "Booster", **dict(given["params"])})
        fit.params(chosen(given, "num_boost_round"))
        raw = getattr(given["train_set"], "data", None)
        known = raw is not None and not isinstance(raw, str | Path)
        fit.inputs({"X": raw if known else {"type": "lightgbm.Dataset"}}, "X")

    def change(self, fit: Fit) -> dict[str, Any]:
        """One callback more."""
        return {"callbacks": [*(self.given.get("callbacks") or ()), Curves(fit)]}

    inside = change

    def end(self, fit: Fit, result: Any) -> None:
        """The best round, and the model."""
        _log_end(fit, result, result)


class CvRecipe(Recipe):
    """``lightgbm.cv(params, train_set, ...)``."""

    def begin(self, fit: Fit) -> None:
        """Parameters of the booster and of the folds."""
        given = self.given
        fit.params({"model": "Booster", **dict(given["params"])})
        names = ("num_boost_round", "nfold", "stratified", "shuffle", "seed")
        fit.params(chosen(given, *names), "cross_validation")

    def end(self, fit: Fit, result: Any) -> None:
        """A curve for the mean and the spread of each metric."""
        for name, values in result.items():
            if isinstance(values, list):
                fit.curve(f"cv/{name}", values)


class FitRecipe(Recipe):
    """``LGBMClassifier(...).fit(X, y)`` and its kin."""

    def begin(self, fit: Fit) -> None:
        """Settings and data."""
        model = self.given["self"]
        fit.params({"model": type(model).__name__, **model.get_params()})
        fit.inputs(self.given, "X", "y")

    def end(self, fit: Fit, result: Any) -> None:
        """The best round, and the model."""
        model = self.given["self"]
        _log_end(fit, model.booster_, model)


def switch_on(switch: Switch) -> None:
    """Wrap the two functions, wherever the library calls them, and the estimators' fit."""
    import lightgbm.sklearn as estimators

    for holder in (lightgbm, sys.modules["lightgbm.engine"], estimators):
        for name, recipe in (("train", TrainRecipe), ("cv", CvRecipe)):
            if name in vars(holder):
                put(switch, holder, name, recipe)
    for kind in (estimators.LGBMModel, *subclasses(estimators.LGBMModel)):
        if kind.__module__ == estimators.__name__ and "fit" in vars(kind):
            put(switch, kind, "fit", FitRecipe)


def save(model: Any, folder: Path) -> Kept:
    """As LightGBM's own text."""
    getattr(model, "booster_", model).save_model(folder / "model.txt")
    return Kept("model.txt", "lightgbm-text")


def load(path: Path, card: dict[str, Any], *, trust: bool) -> Any:
    """A booster, which is what the text holds of an estimator too."""
    return lightgbm.Booster(model_file=path)


def _log_end(fit: Fit, booster: Any, model: Any) -> None:
    best = {"best_iteration": booster.best_iteration} if booster.best_iteration > 0 else {}
    for data, metrics in booster.best_score.items():
        best.update({f"best/{data}/{metric}": value for metric, value in metrics.items()})
    fit.metrics(best)
    fit.importance(booster.feature_name(), booster.feature_importance("gain"))
    fit.model(model, save)
