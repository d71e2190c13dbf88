"""XGBoost: ``train``, ``cv`` and the estimators, with their curves and models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import xgboost

from notabene.integrations._base import Fit, Kept, Recipe, Switch, attempt, chosen, put, subclasses

VERSIONS = ("2.1", "4")


class Curves(xgboost.callback.TrainingCallback):
    """Takes what each round is evaluated to; says nothing about whether to go on."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._history: Any = {}
        self._first = self._done = 0

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Called by XGBoost; before 3.0 not after the round that another callback ends with."""
        if not self._history:
            self._history, self._first = evals_log, epoch
        attempt("xgboost", self._log)
        return False

    def after_training(self, model: Any) -> Any:
        """Called by XGBoost."""
        attempt("xgboost", self._log)
        return model

    def _log(self) -> None:
        curves = {
            f"{data}/{name}": values
            for data, metrics in self._history.items()
            for name, values in metrics.items()
        }
        rounds = max(map(len, curves.values()), default=0)
        for i in range(self._done, rounds):
            row = {key: values[i] for key, values in curves.items() if i < len(values)}
            self._fit.metrics(row, step=self._first + i)
        self._done = rounds


class TrainRecipe(Recipe):
    """``xgboost.train(params, dtrain, ...)``."""

    def begin(self, fit: Fit) -> None:
        """Parameters of the booster and of the training."""
        given = self.given
        fit.params({"model": "Booster", **dict(given["params"])})
        fit.params(chosen(given, "num_boost_round", "early_stopping_rounds", "maximize"))
        fit.inputs({"X": _matrix(given["dtrain"])}, "X")

    def change(self, fit: Fit) -> dict[str, Any]:
        """One callback more."""
        return {"callbacks": [*(self.given.get("callbacks") or ()), Curves(fit)]}

    inside = change

    def end(self, fit: Fit, result: Any) -> None:
        """The best round, and the model."""
        _log_best(fit, result)
        _log_importance(fit, result)
        fit.model(result, save)


class CvRecipe(Recipe):
    """``xgboost.cv(params, dtrain, ...)``."""

    def begin(self, fit: Fit) -> None:
        """Parameters of the booster and of the folds."""
        given = self.given
        fit.params({"model": "Booster", **dict(given["params"])})
        names = ("num_boost_round", "nfold", "stratified", "early_stopping_rounds", "seed")
        fit.params(chosen(given, *names), "cross_validation")

    def end(self, fit: Fit, result: Any) -> None:
        """A curve for the mean and the spread of each metric."""
        for name in result:
            fit.curve(f"cv/{name}", list(result[name]))


class FitRecipe(Recipe):
    """``XGBClassifier(...).fit(X, y)`` and its kin."""

    def begin(self, fit: Fit) -> None:
        """Settings that are set, and the data."""
        model = self.given["self"]
        known = {name: value for name, value in model.get_params().items() if value is not None}
        known.pop("objective", None)
        fit.params({"model": type(model).__name__, **known})
        fit.inputs(self.given, "X", "y")

    def after(self, fit: Fit) -> None:
        """The objective: with more than two classes the fit itself chooses another."""
        fit.params({"objective": self.given["self"].objective})

    def end(self, fit: Fit, result: Any) -> None:
        """The best round, and the model."""
        model = self.given["self"]
        _log_best(fit, model)
        _log_importance(fit, model.get_booster())
        fit.model(model, save)


def switch_on(switch: Switch) -> None:
    """Wrap the two functions, wherever the library calls them, and the estimators' fit."""
    import xgboost.sklearn as estimators

    for holder in (xgboost, sys.modules["xgboost.training"], estimators):
        for name, recipe in (("train", TrainRecipe), ("cv", CvRecipe)):
            if name in vars(holder):
                put(switch, holder, name, recipe)
    for kind in (estimators.XGBModel, *subclasses(estimators.XGBModel)):
        if kind.__module__ == estimators.__name__ and "fit" in vars(kind):
            put(switch, kind, "fit", FitRecipe)


def save(model: Any, folder: Path) -> Kept:
    """In XGBoost's own binary JSON."""
    model.save_model(folder / "model.ubj")
    return Kept("model.ubj", "xgboost-ubj")


def load(path: Path, card: dict[str, Any], *, trust: bool) -> Any:
    """An estimator where it was one, else a booster."""
    module, _, name = str(card.get("class", "")).rpartition(".")
    kind = getattr(xgboost, name, None) if module == "xgboost.sklearn" else None
    model = kind() if isinstance(kind, type) else xgboost.Booster()
    model.load_model(path)
    return model


def _matrix(data: Any) -> dict[str, Any]:
    names = data.feature_names
    shape = [data.num_row(), data.num_col()]
    return {"type": "xgboost.DMatrix", "shape": shape, **({"columns": names} if names else {})}


def _log_best(fit: Fit, model: Any) -> None:
    try:
        best = {"best_iteration": model.best_iteration, "best_score": model.best_score}
    except AttributeError:
        return  # there is one only with early stopping
    fit.metrics(best)


def _log_importance(fit: Fit, booster: Any) -> None:
    gains = booster.get_score(importance_type="gain")
    if gains:
        fit.importance(list(gains), list(gains.values()))
