"""CatBoost: fits, with their curves and models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import catboost

from notabene.integrations._base import Fit, Kept, Recipe, Switch, chosen, put, subclasses

VERSIONS = ("1.2", "2")


class FitRecipe(Recipe):
    """``CatBoostClassifier(...).fit(X, y)`` and its kin."""

    def begin(self, fit: Fit) -> None:
        """Settings that are set, and the data."""
        model, given = self.given["self"], self.given
        fit.params({"model": type(model).__name__, **model.get_params()})
        fit.params(chosen(given, "use_best_model", "early_stopping_rounds", "cat_features"))
        pool = given["X"]
        if isinstance(pool, catboost.Pool):
            pool = {"type": "catboost.Pool", "shape": list(pool.shape)}
        fit.inputs({**given, "X": pool}, "X", "y")

    def end(self, fit: Fit, result: Any) -> None:
        """The curves as CatBoost kept them, the best round, the model.

        Its callbacks are not used: they are refused on GPUs, and are handed the whole history in
        each round.
        """
        model = self.given["self"]
        for data, metrics in (model.get_evals_result() or {}).items():
            for name, values in metrics.items():
                fit.curve(f"{data}/{name}", values)
        best = {
            f"best/{data}/{name}": value
            for data, metrics in (model.get_best_score() or {}).items()
            for name, value in metrics.items()
        }
        if model.get_best_iteration() is not None:
            best["best_iteration"] = model.get_best_iteration()
        fit.metrics({**best, "trees": model.tree_count_})
        weights = model.get_feature_importance() if not _needs_data(model) else ()
        if len(weights):
            fit.importance(model.feature_names_, weights)
        fit.model(model, save)


def switch_on(switch: Switch) -> None:
    """Wrap the fit of each class that has one of its own."""
    for kind in (catboost.CatBoost, *subclasses(catboost.CatBoost)):
        if kind.__module__.startswith("catboost") and "fit" in vars(kind):
            put(switch, kind, "fit", FitRecipe)


def save(model: Any, folder: Path) -> Kept:
    """In CatBoost's own binary form."""
    model.save_model(str(folder / "model.cbm"))
    return Kept("model.cbm", "catboost-cbm")


def load(path: Path, card: dict[str, Any], *, trust: bool) -> Any:
    """A model of the class it had."""
    name = str(card.get("class", "")).rpartition(".")[2]
    kind = getattr(catboost, name, None) if name.startswith("CatBoost") else None
    model = kind() if isinstance(kind, type) else catboost.CatBoost()
    model.load_model(str(path))
    return model


def _needs_data(model: Any) -> bool:
    """Losses of pairs and groups can rank features only with the data at hand."""
    loss = str(model.get_all_params().get("loss_function", ""))
    return loss.startswith(("YetiRank", "PairLogit", "StochasticRank"))
