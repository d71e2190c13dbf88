"""XGBoost under ``autolog()``."""

from __future__ import annotations

import pytest

import notabene

xgb = pytest.importorskip("xgboost")
pytest.importorskip("sklearn")

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV

X, y = load_breast_cancer(return_X_y=True)
PARAMS = {"objective": "binary:logistic", "max_depth": 2, "subsample": 0.7, "eval_metric": "auc"}


def train(rounds: int = 12, **options):
    """A booster, and what XGBoost itself says of each round."""
    data, other = xgb.DMatrix(X[:400], y[:400]), xgb.DMatrix(X[400:], y[400:])
    said: dict = {}
    booster = xgb.train(PARAMS, data, rounds, evals=[(data, "train"), (other, "val")],
                        evals_result=said, verbose_eval=False, **options)  # fmt: skip
    return booster, said


def test_train_is_a_run(notebook, same):
    """Parameters, the curves of each data set, the best round, the model; the same booster."""

    def run_it():
        booster, said = train(30, early_stopping_rounds=3)
        return bytes(booster.save_raw()), said, booster.best_iteration

    raw, said, best = same(run_it, "xgboost")
    run = notebook.only()
    assert run.status == "finished"
    assert run.config["max_depth"] == 2
    assert run.config["num_boost_round"] == 30
    assert notebook.curve(run, "val/auc") == said["val"]["auc"]
    assert notebook.curve(run, "train/auc") == said["train"]["auc"]
    assert notebook.last(run, "best_iteration") == best
    (model,) = notebook.models(run)
    assert (model.metadata["format"], model.metadata["safe"]) == ("xgboost-ubj", True)
    again = notabene.load_model(model.ref)
    assert (again.predict(xgb.DMatrix(X)) == _booster(raw).predict(xgb.DMatrix(X))).all()


def _booster(raw: bytes):
    booster = xgb.Booster()
    booster.load_model(bytearray(raw))
    return booster


def test_an_estimator_is_a_run(notebook, same):
    """``XGBClassifier.fit`` logs once, with curves, and comes back as a classifier."""

    def run_it():
        model = xgb.XGBClassifier(n_estimators=5, max_depth=2, eval_metric="logloss")
        model.fit(X[:400], y[:400], eval_set=[(X[400:], y[400:])], verbose=False)
        return bytes(model.get_booster().save_raw()), model.evals_result()

    _, said = same(run_it, "xgboost")
    run = notebook.only()
    assert run.config["model"] == "XGBClassifier"
    assert notebook.curve(run, "validation_0/logloss") == said["validation_0"]["logloss"]
    (kept,) = notebook.models(run)
    again = notabene.load_model(kept.ref)
    assert isinstance(again, xgb.XGBClassifier)
    assert again.predict(X).shape == y.shape


def test_the_objective_is_the_one_that_was_used(notebook):
    """With three classes the fit puts another in the place of the estimator's default."""
    notabene.autolog("xgboost", models=False)
    model = xgb.XGBClassifier(n_estimators=2).fit(X, np.arange(len(X)) % 3)
    assert notebook.only().config["objective"] == model.objective == "multi:softprob"


def test_in_a_search_of_sklearn_it_logs_once(notebook):
    """The search is the run; the fits inside it are not."""
    notabene.autolog("sklearn", "xgboost")
    GridSearchCV(xgb.XGBClassifier(n_estimators=3), {"max_depth": [1, 2]}, cv=2).fit(X, y)
    run = notebook.only()
    assert run.config["model"] == "GridSearchCV"


def test_cv_is_a_run(notebook, same):
    """The mean and spread over folds, round by round, as XGBoost returns them."""

    def run_it():
        found = xgb.cv(PARAMS, xgb.DMatrix(X, y), 4, nfold=3, as_pandas=False)
        return {name: list(values) for name, values in found.items()}

    found = same(run_it, "xgboost")
    run = notebook.only()
    assert np.allclose(notebook.curve(run, "cv/test-auc-mean"), found["test-auc-mean"], atol=0)


def test_it_can_be_undone():
    """The functions and methods are the library's own again."""
    import xgboost.sklearn

    def found():
        return (xgb.train, xgb.cv, xgboost.sklearn.train, vars(xgb.XGBClassifier)["fit"])

    before = found()
    notabene.autolog("xgboost")
    assert xgb.train is not before[0]
    notabene.autolog(enabled=False)
    assert all(a is b for a, b in zip(found(), before, strict=True))
