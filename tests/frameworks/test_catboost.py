"""CatBoost under ``autolog()``."""

from __future__ import annotations

import pytest

import notabene

catboost = pytest.importorskip("catboost")
pytest.importorskip("sklearn")

from sklearn.datasets import load_breast_cancer

X, y = load_breast_cancer(return_X_y=True)


def fit():
    """A small classifier with a data set to be evaluated on."""
    model = catboost.CatBoostClassifier(
        iterations=12, depth=3, random_seed=3, thread_count=1, allow_writing_files=False, verbose=0
    )
    return model.fit(X[:400], y[:400], eval_set=(X[400:], y[400:]))


def test_a_fit_is_a_run(notebook, same):
    """Parameters, the curves that CatBoost kept, the best round, the model; the same trees."""

    def train():
        model = fit()
        return model.get_evals_result(), model.predict_proba(X).tobytes()

    said, _ = same(train, "catboost")
    run = notebook.only()
    assert run.status == "finished"
    assert run.config["depth"] == 3
    assert notebook.curve(run, "validation/Logloss") == said["validation"]["Logloss"]
    assert notebook.curve(run, "learn/Logloss") == said["learn"]["Logloss"]
    assert "best_iteration" in run.metrics
    assert "feature_importance" in notebook.values(run)


def test_a_model_comes_back(notebook):
    """As a classifier that predicts the same, from CatBoost's own form."""
    notabene.autolog("catboost")
    model = fit()
    (kept,) = notebook.models(notebook.only())
    assert (kept.metadata["format"], kept.metadata["safe"]) == ("catboost-cbm", True)
    again = notabene.load_model(kept.ref)
    assert isinstance(again, catboost.CatBoostClassifier)
    assert (again.predict_proba(X) == model.predict_proba(X)).all()


def test_it_can_be_undone():
    """The methods are the library's own again."""
    before = vars(catboost.CatBoostClassifier)["fit"], vars(catboost.CatBoost)["fit"]
    notabene.autolog("catboost")
    assert vars(catboost.CatBoost)["fit"] is not before[1]
    notabene.autolog(enabled=False)
    assert vars(catboost.CatBoostClassifier)["fit"] is before[0]
    assert vars(catboost.CatBoost)["fit"] is before[1]
