"""statsmodels under ``autolog()``."""

from __future__ import annotations

import pytest

import notabene
from notabene import AccessError

sm = pytest.importorskip("statsmodels.api")

import numpy as np

RANDOM = np.random.default_rng(0)
X = sm.add_constant(RANDOM.normal(size=(80, 2)))
y = X @ [1.0, 2.0, -1.0] + RANDOM.normal(size=80)


def test_a_fit_is_a_run(notebook, same):
    """Measures as statsmodels has them, the coefficients, the summary; the same estimate."""

    def train():
        found = sm.OLS(y, X).fit()
        return found.params.tobytes(), found.rsquared, found.aic

    _, rsquared, aic = same(train, "statsmodels")
    run = notebook.only()
    assert run.status == "finished"
    assert run.config["model"] == "OLS"
    assert run.config["input"]["X"]["shape"] == [80, 3]
    assert notebook.last(run, "rsquared") == rsquared
    assert notebook.last(run, "aic") == aic
    assert {"coefficients", "summary"} <= set(notebook.values(run))


def test_results_are_a_pickle(notebook):
    """The only form there is: marked, refused without ``trust``, and equal with it."""
    notabene.autolog("statsmodels")
    found = sm.OLS(y, X).fit()
    (kept,) = notebook.models(notebook.only())
    assert kept.metadata["safe"] is False
    assert kept.name.endswith("-OLS")
    with pytest.raises(AccessError, match="trust=True"):
        notabene.load_model(kept.ref)
    assert (notabene.load_model(kept.ref, trust=True).params == found.params).all()


def test_models_that_fit_inside_log_once(notebook, same):
    """A logit calls three fits of its bases; it is one run."""

    def train():
        return sm.Logit((y > 1).astype(float), X).fit(disp=0).params.tobytes()

    same(train, "statsmodels")
    assert notebook.only().config["model"] == "Logit"


def test_it_can_be_undone():
    """The methods are the library's own again."""
    from statsmodels.base.model import LikelihoodModel, Model

    before = vars(LikelihoodModel)["fit"]
    notabene.autolog("statsmodels")
    assert vars(LikelihoodModel)["fit"] is not before
    notabene.autolog(enabled=False)
    assert vars(LikelihoodModel)["fit"] is before
    assert "__init_subclass__" not in vars(Model)
