"""LightGBM under ``autolog()``."""

from __future__ import annotations

import pytest

import notabene

lgb = pytest.importorskip("lightgbm")
pytest.importorskip("sklearn")

from sklearn.datasets import load_breast_cancer

X, y = load_breast_cancer(return_X_y=True)
PARAMS = {"objective": "binary", "num_leaves": 4, "bagging_fraction": 0.7, "bagging_freq": 1,
          "verbose": -1, "num_threads": 1, "deterministic": True}  # fmt: skip


def test_train_is_a_run(notebook, same):
    """Parameters, curves, the best round and the model; the same booster."""

    def train():
        data = lgb.Dataset(X[:400], y[:400])
        said: dict = {}
        callbacks = [lgb.record_evaluation(said), lgb.early_stopping(3, verbose=False)]
        booster = lgb.train(PARAMS, data, 40, valid_sets=[lgb.Dataset(X[400:], y[400:], data)],
                            callbacks=callbacks)  # fmt: skip
        return booster.model_to_string(), said, booster.best_iteration

    text, said, best = same(train, "lightgbm")
    run = notebook.only()
    assert run.status == "finished"
    assert run.config["num_leaves"] == 4
    assert notebook.curve(run, "valid_0/binary_logloss") == said["valid_0"]["binary_logloss"]
    assert notebook.last(run, "best_iteration") == best
    (model,) = notebook.models(run)
    assert (model.metadata["format"], model.metadata["safe"]) == ("lightgbm-text", True)
    again = notabene.load_model(model.ref)
    assert (again.predict(X) == lgb.Booster(model_str=text).predict(X)).all()


def test_an_estimator_is_a_run(notebook, same):
    """``LGBMRegressor.fit`` logs once, with its settings and the form of the data."""

    def train():
        model = lgb.LGBMRegressor(n_estimators=5, num_leaves=4, verbose=-1, n_jobs=1)
        return model.fit(X, y).booster_.model_to_string()

    same(train, "lightgbm")
    run = notebook.only()
    assert run.config["model"] == "LGBMRegressor"
    assert run.config["n_estimators"] == 5
    assert run.config["input"]["X"]["shape"] == [569, 30]
    assert "feature_importance" in notebook.values(run)
    assert len(notebook.models(run)) == 1


def test_cv_is_a_run(notebook, same):
    """The mean and spread over folds, round by round, as LightGBM returns them."""
    found = same(lambda: lgb.cv(PARAMS, lgb.Dataset(X, y), 4, nfold=3), "lightgbm")
    run = notebook.only()
    name = "valid binary_logloss-mean"
    assert notebook.curve(run, f"cv/{name}") == found[name]


def test_it_can_be_undone():
    """The functions and methods are the library's own again."""
    import lightgbm.sklearn

    def found():
        return (lgb.train, lgb.cv, lightgbm.sklearn.train, vars(lgb.LGBMClassifier)["fit"])

    before = found()
    notabene.autolog("lightgbm")
    assert lgb.train is not before[0]
    notabene.autolog(enabled=False)
    assert all(a is b for a, b in zip(found(), before, strict=True))
