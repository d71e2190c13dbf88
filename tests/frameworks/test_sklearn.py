"""scikit-learn under ``autolog()``."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading

import pytest

import notabene
from notabene import AccessError, NotabeneWarning

pytest.importorskip("sklearn")

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_iris(return_X_y=True)


def forest() -> RandomForestClassifier:
    """A small forest that draws from numpy's global generator."""
    return RandomForestClassifier(n_estimators=5)


def test_a_fit_is_a_run(notebook, same):
    """Parameters, the score that scikit-learn reports, and the model; the same forest."""

    def train():
        model = forest().fit(X, y)
        return pickle.dumps(model), model.score(X, y)

    _, score = same(train, "sklearn")
    run = notebook.only()
    assert run.status == "finished"
    assert "autolog" in run.tags
    assert run.config["model"] == "RandomForestClassifier"
    assert run.config["n_estimators"] == 5
    assert run.config["input"]["X"]["shape"] == [150, 4]
    assert len(run.config["input"]["X"]["sha256"]) == 64
    assert notebook.last(run, "train/score") == score
    assert "feature_importance" in notebook.values(run)
    (model,) = notebook.models(run)
    assert model.metadata["signature"]["X"]["dtype"] == "float64"
    assert model.metadata["classes"] == ["0", "1", "2"]


def test_a_model_comes_back(notebook):
    """The model that is loaded predicts what the fitted one does; a pickle is asked for twice."""
    notabene.autolog("sklearn")
    model = forest().fit(X, y)
    (kept,) = notebook.models(notebook.only())
    if not kept.metadata["safe"]:
        with pytest.raises(AccessError, match="runs the code"):
            notabene.load_model(kept.ref)
    again = notabene.load_model(kept.ref, trust=not kept.metadata["safe"])
    assert (again.predict_proba(X) == model.predict_proba(X)).all()


def test_a_pickle_is_marked(notebook, monkeypatch):
    """Without skops the model is a pickle, says so, and is not loaded without ``trust``."""
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    notabene.autolog("sklearn")
    model = LogisticRegression(max_iter=200).fit(X, y)
    (kept,) = notebook.models(notebook.only())
    assert (kept.metadata["format"], kept.metadata["safe"]) == ("pickle", False)
    with pytest.raises(AccessError, match="trust=True"):
        notabene.load_model(kept.ref)
    again = notabene.load_model(kept.ref, trust=True)
    assert (again.coef_ == model.coef_).all()


def test_a_search_logs_once(notebook, same):
    """A grid search is one run with a table of all candidates, the best score and parameters."""

    def train():
        found = GridSearchCV(forest(), {"max_depth": [1, 3]}, cv=3).fit(X, y)
        return found.best_score_, found.best_params_, found.cv_results_["mean_test_score"].tolist()

    score, best, _ = same(train, "sklearn")
    run = notebook.only()
    assert run.config["model"] == "GridSearchCV"
    assert run.config["param_grid"]["max_depth"] == [1, 3]
    assert notebook.last(run, "best_score") == score
    assert run.summary["best/max_depth"] == str(best["max_depth"])
    assert "cv_results" in notebook.values(run)


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_parallel_fits_log_once(notebook, backend):
    """What joblib's threads and processes fit for a search belongs to the search."""
    from joblib import parallel_config

    notabene.autolog("sklearn")
    with parallel_config(backend=backend, n_jobs=2):
        GridSearchCV(forest(), {"max_depth": [1, 3]}, cv=3).fit(X, y)
    assert notebook.only().config["model"] == "GridSearchCV"


def test_a_pipeline_and_an_ensemble_log_once(notebook, same):
    """The steps and members are in the parameters, not in runs of their own."""

    def train():
        pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        vote = VotingClassifier([("a", forest()), ("b", LogisticRegression(max_iter=300))])
        return pickle.dumps(pipe), vote.fit(X, y).predict(X).tolist()

    same(train, "sklearn")
    pipeline, vote = notebook.runs()
    assert pipeline.config["model"] == "Pipeline"
    assert pipeline.config["logisticregression__C"] == 1.0
    assert vote.config["a__n_estimators"] == 5


def test_cross_validation_logs_once(notebook, same):
    """Scores of each fold as a table, their mean and spread as numpy has them."""
    scores = np.array(same(lambda: cross_val_score(forest(), X, y, cv=4).tolist(), "sklearn"))
    run = notebook.only()
    assert notebook.last(run, "cv/test_score/mean") == scores.mean()
    assert notebook.last(run, "cv/test_score/std") == scores.std()
    assert "cross_validation" in notebook.values(run)
    cross_validate(forest(), X, y, cv=3, scoring=["accuracy", "f1_macro"])
    assert "cv/test_f1_macro/mean" in notebook.runs()[-1].metrics


def test_a_score_on_other_data_is_logged(notebook):
    """``model.score`` of test data goes into the run of the fit, though that has ended."""
    notabene.autolog("sklearn")
    model = forest().fit(X[::2], y[::2])
    score = model.score(X[1::2], y[1::2])
    run = notebook.only()
    assert notebook.last(run, "score") == score
    assert run.status == "finished"


def test_a_loss_curve_is_a_curve(notebook, same):
    """What an estimator keeps of each iteration becomes a curve."""

    def train():
        return MLPClassifier((4,), max_iter=20).fit(X, y).loss_curve_

    curve = same(train, "sklearn")
    assert notebook.curve(notebook.only(), "loss_curve") == curve


def test_fits_go_into_the_current_run(notebook):
    """With a run active nothing begins; a second fit has names of its own, the user's stay."""
    notabene.autolog("sklearn")
    with notabene.init("mine", config={"n_estimators": 99}):
        forest().fit(X, y)
        KMeans(3, n_init=1).fit(X)
    run = notebook.only()
    assert run.project == "mine"
    assert run.config["n_estimators"] == 99
    assert run.config["sklearn"]["n_estimators"] == 5
    assert run.config["fit2"]["model"] == "KMeans"
    assert {"train/score", "fit2/inertia"} <= set(run.metrics)


def test_what_only_transforms_is_no_run(notebook):
    """A scaler that is fitted alone begins no run."""
    notabene.autolog("sklearn")
    StandardScaler().fit_transform(X)
    assert notebook.runs() == []


def test_a_fit_that_fails_fails(notebook):
    """The error is the library's own, and the run that was begun for the fit has failed."""
    notabene.autolog("sklearn")
    with pytest.raises(ValueError, match="NaN"):
        LogisticRegression().fit(np.full((4, 2), np.nan), [0, 1, 0, 1])
    assert notebook.only().status == "failed"


def test_classes_defined_later_are_recorded(notebook):
    """An estimator of the user's own, also one that is made after ``autolog()``."""
    notabene.autolog("sklearn")

    class Mine(ClassifierMixin, BaseEstimator):
        def __init__(self, alpha=1):
            self.alpha = alpha

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    notabene.autolog("sklearn", models=False)
    Mine(alpha=3).fit(X, y)
    assert notebook.only().config["alpha"] == 3
    notabene.autolog(enabled=False)
    assert not hasattr(vars(Mine)["fit"], "__wrapped__")


def test_it_can_be_undone(notebook):
    """Switched off, every class and module has exactly what it had; on twice is on once."""
    import sklearn.model_selection as selection
    from sklearn.pipeline import Pipeline

    names = [(BaseEstimator, "__init_subclass__"), (RandomForestClassifier, "fit"),
             (Pipeline, "fit"), (Pipeline, "score"), (ClassifierMixin, "score"),
             (selection, "cross_validate"), (selection._validation, "cross_validate"),
             (RandomForestClassifier.__mro__[2], "fit")]  # fmt: skip
    before = [vars(holder).get(name) for holder, name in names]
    notabene.autolog()
    notabene.autolog()
    assert vars(Pipeline)["fit"] is not before[2]
    assert cross_val_score is not selection.__dict__["cross_val_score"] or True
    notabene.autolog(enabled=False)
    after = [vars(holder).get(name) for holder, name in names]
    assert all(a is b for a, b in zip(after, before, strict=True))
    forest().fit(X, y)
    assert notebook.runs() == []


def test_two_threads_are_two_fits(notebook):
    """Fits of the user's own threads are runs of their own."""
    notabene.autolog("sklearn", models=False)
    threads = [threading.Thread(target=lambda: forest().fit(X, y)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ["train/score" in run.metrics for run in notebook.runs()] == [True, True]


def test_trouble_here_is_a_warning(notebook, monkeypatch):
    """A store that cannot be written to: the fit is as good as ever, and says so once."""
    monkeypatch.delenv("NOTABENE_STRICT")
    monkeypatch.setenv("NOTABENE_STORE", "/dev/null/no")
    notabene.autolog("sklearn")
    with pytest.warns(NotabeneWarning, match="could not record something of sklearn"):
        model = forest().fit(X, y)
    assert model.score(X, y) > 0.9


def test_an_old_version_is_told(notebook, monkeypatch):
    """A version out of the known range gets one sentence, and fits go on untouched."""
    import sklearn

    monkeypatch.setattr(sklearn, "__version__", "1.2.1")
    with pytest.warns(NotabeneWarning, match=r"from 1\.6 on and before 2, not 1\.2\.1"):
        notabene.autolog("sklearn")
    forest().fit(X, y)
    assert notebook.runs() == []


def test_a_library_loaded_later_is_switched_on(notebook, home):
    """``autolog()`` before the import, in a program of its own; torch is not loaded for it."""
    code = (
        "import notabene, sys\n"
        "notabene.autolog()\n"
        "assert 'sklearn' not in sys.modules and 'numpy' not in sys.modules\n"
        "from sklearn.datasets import load_iris\n"
        "from sklearn.tree import DecisionTreeClassifier\n"
        "DecisionTreeClassifier(max_depth=2).fit(*load_iris(return_X_y=True))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
    assert notebook.only().config["max_depth"] == 2


class TestRouting:
    """What scikit-learn asks of methods by looking at them."""

    def test_metadata_is_routed(self, notebook):
        """Weights that a pipeline passes on arrive, and requests are made as without us."""
        import sklearn

        notabene.autolog("sklearn")
        weights = np.ones(len(y))
        with sklearn.config_context(enable_metadata_routing=True):
            last = LogisticRegression(max_iter=300).set_fit_request(sample_weight=True)
            first = StandardScaler().set_fit_request(sample_weight=False)
            make_pipeline(first, last).fit(X, y, sample_weight=weights)
        assert notebook.only().status == "finished"


@pytest.mark.slow
def test_a_class_that_went_to_workers_and_back_is_recorded(notebook):
    """joblib's processes get the class by value, and send it back changed."""
    from sklearn.ensemble import BaggingClassifier

    notabene.autolog("sklearn", models=False)

    class Own(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    BaggingClassifier(Own(), n_estimators=4, n_jobs=2).fit(X, y)
    Own().fit(X, y)
    assert [run.config["model"] for run in notebook.runs()] == ["BaggingClassifier", "Own"]
