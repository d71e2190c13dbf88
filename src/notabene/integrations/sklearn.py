"""scikit-learn: fits, searches and cross-validations, with their scores and models."""

from __future__ import annotations

import pickle
import sys
import weakref
from importlib import import_module
from pathlib import Path
from typing import Any

import sklearn.base as base
import sklearn.model_selection as selection
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags

from notabene.integrations._base import (
    Fit,
    Kept,
    Recipe,
    Switch,
    attempt,
    chosen,
    described,
    put,
    quietly,
    reopened,
    subclasses,
    undisturbed,
    wrapped_by,
)  # fmt: skip

VERSIONS = ("1.6", "2")
MOST_SCORED = 10_000  # rows up to which training data are scored; some models take long for it
_OTHERS = {"xgboost", "lightgbm", "catboost"}  # have integrations of their own
_NUMBERS = ("best_score_", "oob_score_", "inertia_", "n_iter_", "best_loss_")
_CURVES = (
    "loss_curve_", "validation_scores_", "train_score_", "validation_score_", "lower_bounds_",
)  # fmt: skip
"""What estimators keep; logged under these names."""

_fitted: weakref.WeakKeyDictionary[Any, tuple[Any, str, str]] = weakref.WeakKeyDictionary()
"""Estimators whose fit was recorded: its run, the prefix of its names, digest of its X."""


class FitRecipe(Recipe):
    """``estimator.fit(X, y)`` and its kin."""

    def wanted(self) -> bool:
        """Not for what only transforms: a scaler is no experiment."""
        return get_tags(self.given["self"]).estimator_type is not None

    def begin(self, fit: Fit) -> None:
        """What it is, how it is set, and what it is given."""
        estimator = self.given["self"]
        fit.params({"model": type(estimator).__name__, **estimator.get_params(deep=True)})
        fit.inputs(self.given, "X", "y")

    def end(self, fit: Fit, result: Any) -> None:
        """What came out."""
        estimator, x, y = self.given["self"], self.given.get("X"), self.given.get("y")
        _log_search(fit, estimator)
        _log_fitted(fit, estimator)
        rows = getattr(x, "shape", (len(x) if isinstance(x, list) else 0,))[0]
        scored = is_classifier(estimator) or is_regressor(estimator)
        if scored and getattr(estimator, "refit", True) and rows <= MOST_SCORED:
            with undisturbed():
                fit.metrics({"train/score": float(estimator.score(x, y))})
        known = (fit.run, fit.prefix, fit.signature.get("X", {}).get("sha256", ""))
        attempt("sklearn", _fitted.__setitem__, estimator, known)
        classes = getattr(estimator, "classes_", None)
        names: dict[str, Any] = (
            {} if classes is None else {"classes": [str(c) for c in classes][:200]}
        )
        fit.model(estimator, save, **names)


class ScoreRecipe(Recipe):
    """``estimator.score(X, y)``, asked by the user after a fit that was recorded."""

    def wanted(self) -> bool:
        """No run begins for a score."""
        return False

    def seen(self, result: Any) -> None:
        """A score of other data than it was fitted to goes where the fit went."""
        run, prefix, digest = _fitted.get(self.given["self"], (None, "", ""))
        if run is None or described(self.given.get("X")).get("sha256", "") == digest:
            return
        with reopened(run) as open_run:
            open_run.log_metric(f"{prefix}score", float(result))


class CrossRecipe(Recipe):
    """``cross_validate`` and ``cross_val_score``."""

    def begin(self, fit: Fit) -> None:
        """The estimator, the data and the way they are split."""
        estimator = self.given["estimator"]
        fit.params({"model": type(estimator).__name__, **estimator.get_params(deep=True)})
        fit.inputs(self.given, "X", "y")
        fit.params(chosen(self.given, "cv", "scoring"), "cross_validation")

    def end(self, fit: Fit, result: Any) -> None:
        """Scores of each fold as a table, their mean and spread as metrics."""
        found = result if isinstance(result, dict) else {"test_score": result}
        columns = {k: v for k, v in found.items() if getattr(v, "ndim", 0) == 1}
        fit.table("cross_validation", columns)
        scores = {k: v for k, v in columns.items() if not k.endswith("_time")}
        fit.metrics({f"cv/{k}/mean": float(v.mean()) for k, v in scores.items()})
        fit.metrics({f"cv/{k}/std": float(v.std()) for k, v in scores.items()})


def switch_on(switch: Switch) -> None:
    """Wrap the fits of all estimators, those that are defined later too."""
    mixins = (base.ClassifierMixin, base.RegressorMixin, base.ClusterMixin)
    for kind in (*mixins, *subclasses(base.BaseEstimator)):
        _wrap(switch, kind)
    hook = base.BaseEstimator.__init_subclass__.__func__

    def __init_subclass__(cls: Any, /, **options: Any) -> None:
        hook(cls, **options)
        if switch.on:
            _wrap(switch, cls)

    switch.put(base.BaseEstimator, "__init_subclass__", classmethod(__init_subclass__))
    for holder in (selection, sys.modules["sklearn.model_selection._validation"]):
        for name in ("cross_validate", "cross_val_score"):
            put(switch, holder, name, CrossRecipe)


def load(path: Path, card: dict[str, Any], *, trust: bool) -> Any:
    """A model that :func:`save` wrote."""
    if path.suffix == ".skops":
        skops = _skops()
        return skops.load(path, trusted=skops.get_untrusted_types(file=path) if trust else None)
    return pickle.loads(path.read_bytes())  # noqa: S301  # the caller trusts it


def save(estimator: Any, folder: Path) -> Kept:
    """As skops where it is installed and knows all that is in the model, else as a pickle."""
    path = folder / "model.skops"
    trouble = quietly(lambda: _skops().dump(estimator, path))
    if trouble is None and not _skops().get_untrusted_types(file=path):
        return Kept("model.skops", "skops")
    path.unlink(missing_ok=True)
    (folder / "model.pkl").write_bytes(pickle.dumps(estimator, protocol=5))
    return Kept("model.pkl", "pickle")


def _skops() -> Any:
    """``skops.io``; to load it imports every module of scikit-learn, whose adapters of array
    libraries would load torch and others into a program that has no use for them.
    """
    adapters = [f"sklearn.externals.array_api_compat.{n}" for n in ("torch", "cupy", "dask")]
    hidden = [name for name in adapters if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be found
    try:
        return import_module("skops.io")
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _wrap(switch: Switch, kind: Any) -> None:
    if kind.__module__.partition(".")[0] in _OTHERS:
        return
    for name in ("fit", "fit_transform", "fit_predict", "score"):
        own = vars(kind).get(name)
        recipe = ScoreRecipe if name == "score" else FitRecipe
        if callable(own):
            put(switch, kind, name, recipe)
        elif hasattr(own, "fn") and hasattr(own, "check"):
            # A method that is there only where the last step of a pipeline has it.
            wrapped = wrapped_by(switch, own.fn, recipe)
            switch.put(kind, name, type(own)(wrapped, own.check, own.attribute_name))


def _log_search(fit: Fit, estimator: Any) -> None:
    results = getattr(estimator, "cv_results_", None)
    if isinstance(results, dict):
        fit.table("cv_results", {k: list(v) for k, v in results.items() if k != "params"})
        best = getattr(estimator, "best_params_", {})
        fit.run.summary.update({f"{fit.prefix}best/{key}": str(v) for key, v in best.items()})


def _log_fitted(fit: Fit, estimator: Any) -> None:
    last = getattr(estimator, "steps", [("", estimator)])[-1][1]
    last = getattr(last, "best_estimator_", last)
    kept = {**vars(last), **vars(estimator)}
    for name in _NUMBERS:
        if isinstance(kept.get(name), int | float) or getattr(kept.get(name), "shape", None) == ():
            fit.metrics({name.rstrip("_"): float(kept[name])})
    for attribute in _CURVES:
        values = vars(last).get(attribute)
        if values is not None and len(values) and not hasattr(values[0], "__len__"):
            fit.curve(attribute.rstrip("_"), values)
    weights = getattr(last, "feature_importances_", None)
    if weights is not None:
        fit.importance(getattr(last, "feature_names_in_", range(len(weights))), weights)
