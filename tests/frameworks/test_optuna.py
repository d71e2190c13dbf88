"""Optuna under ``autolog()``: a study is a group, a trial a run."""

from __future__ import annotations

import pytest

import notabene

optuna = pytest.importorskip("optuna")


def objective(trial):
    """Two parameters, values on the way, some trials that are pruned and one that fails."""
    x = trial.suggest_float("x", -2, 2)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    for step in range(3):
        trial.report(x * x + step, step)
        if trial.should_prune():
            raise optuna.TrialPruned("not good enough")
    if trial.number == 1:
        raise ArithmeticError("bad luck")
    return x * x + (kind == "b")


def search(trials: int = 10, **options):
    """The study, once it has searched."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name="tune",
        sampler=optuna.samplers.TPESampler(seed=1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    study.optimize(objective, n_trials=trials, catch=(ArithmeticError,), **options)
    return study


def facts(study):
    """What came of each trial."""
    return [(t.state.name, t.params, t.values, t.intermediate_values, t.user_attrs)
            for t in study.get_trials()]  # fmt: skip


def test_a_study_is_a_group_of_runs(notebook, same):
    """Each trial a child with its parameters, value and status; the search itself is the same."""
    same(lambda: facts(search()), "optuna")
    notabene.autolog("optuna")
    study = search()
    runs = [run for run in notebook.runs() if run.name == "tune"]
    assert len(runs) == 2
    parent = runs[-1]
    trials = [run for run in notebook.runs() if run.parent == parent.id]
    assert len(trials) == 10
    assert {run.group for run in trials} == {"tune"}
    expected = {"COMPLETE": "finished", "PRUNED": "stopped", "FAIL": "failed"}
    for trial in study.get_trials():
        (run,) = [r for r in trials if r.name == f"tune-{trial.number}"]
        assert run.status == expected[trial.state.name]
        assert run.config["x"] == trial.params["x"]
        steps = list(trial.intermediate_values.values())
        assert notebook.curve(run, "intermediate_value") == steps
        if run.status == "finished":
            assert notebook.last(run, "value") == trial.value
    assert {"stopped", "failed", "finished"} == {run.status for run in trials}


def test_the_study_shows_the_best_and_what_mattered(notebook):
    """Best value and parameters, their importance, a table of all trials, two curves."""
    notabene.autolog("optuna")
    study = search()
    parent = next(run for run in notebook.runs() if run.name == "tune")
    assert parent.status == "finished"
    assert parent.config["sampler"] == "TPESampler"
    assert parent.summary["best/value"] == study.best_value
    assert parent.summary["best/x"] == study.best_params["x"]
    assert {"importance/x", "importance/kind"} <= set(parent.summary)
    assert {"trials", "importance"} <= set(notebook.values(parent))
    done = [t.value for t in study.get_trials() if t.state.name == "COMPLETE"]
    assert notebook.curve(parent, "value") == done
    assert notebook.curve(parent, "best_value")[-1] == study.best_value


def test_fits_of_a_trial_go_into_its_run(notebook):
    """What a trial trains is part of the trial, not of the study."""
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    notabene.autolog("optuna", "sklearn", models=False)
    x, y = load_iris(return_X_y=True)

    def fit(trial):
        c = trial.suggest_float("C", 0.1, 1)
        return LogisticRegression(C=c, max_iter=300).fit(x, y).score(x, y)

    optuna.create_study(study_name="fits", direction="maximize").optimize(fit, n_trials=2)
    runs = {run.name: run for run in notebook.runs()}
    assert set(runs) == {"fits", "fits-0", "fits-1"}
    assert "train/score" in runs["fits-1"].metrics
    assert "train/score" not in runs["fits"].metrics


def test_threads_have_a_run_each(notebook):
    """With ``n_jobs=2`` each trial logs into its own run."""
    notabene.autolog("optuna")
    study = search(6, n_jobs=2)
    parent = next(run for run in notebook.runs() if run.name == "tune")
    trials = [run for run in notebook.runs() if run.parent == parent.id]
    assert len(trials) == 6
    for trial in study.get_trials():
        (run,) = [r for r in trials if r.name == f"tune-{trial.number}"]
        assert run.config["x"] == trial.params["x"]


def test_it_goes_below_a_current_run(notebook):
    """With a run active that is the study's, and stays open."""
    notabene.autolog("optuna")
    with notabene.init("mine", name="outer") as run:
        search(3)
        assert run.active
    assert {r.parent for r in notebook.runs() if r.name.startswith("tune-")} == {run.id}


def test_several_goals(notebook):
    """A study of two directions logs each value."""
    notabene.autolog("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name="two", directions=["minimize", "maximize"])
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), 1.0), n_trials=2)
    run = next(run for run in notebook.runs() if run.name == "two-0")
    assert {"value/0", "value/1"} <= set(run.metrics)


def test_it_can_be_undone():
    """The methods are the library's own again."""
    before = optuna.Study.optimize, optuna.trial.Trial.report
    notabene.autolog("optuna")
    assert optuna.Study.optimize is not before[0]
    notabene.autolog(enabled=False)
    assert (optuna.Study.optimize, optuna.trial.Trial.report) == before


def test_a_study_without_a_name_has_a_short_one(notebook):
    """Not the 44 characters that Optuna gives it."""
    notabene.autolog("optuna")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    name = f"study-{study.study_name.removeprefix('no-name-')[:8]}"
    assert {run.name for run in notebook.runs()} == {name, f"{name}-0"}
    assert {run.group for run in notebook.runs()} == {name}


def by_hand():
    """A loop of the user's own: five trials, one pruned, one failed, one told twice."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name="own", sampler=optuna.samplers.TPESampler(seed=1))
    for number in range(5):
        trial = study.ask({"x": optuna.distributions.FloatDistribution(-2, 2)})
        trial.report(number / 2, 3)
        if number == 1:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif number == 2:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, trial.params["x"] ** 2)
    study.tell(trial, 7.0, skip_if_finished=True)
    with pytest.raises(ValueError, match="Cannot tell"):
        study.tell(trial, 7.0)
    return study


@pytest.mark.parametrize("around", [False, True])
def test_what_a_loop_asks_and_tells(notebook, same, around):
    """A run for each trial, below the current one where there is one; the search is the same."""
    same(lambda: facts(by_hand())[0][1:], "optuna")
    runs = {run.name: run for run in notebook.runs()}
    assert len(runs) == 5
    notabene.autolog("optuna")
    if around:
        with notabene.init("p", capture=False, name="mine") as mine:
            study = by_hand()
            mine.log({"after": 1})
        assert notebook.last(next(r for r in notebook.runs() if r.name == "mine"), "after") == 1
        found = [run for run in notebook.runs() if run.parent == mine.id]
        assert {run.project for run in found} == {"p"}
    else:
        study = by_hand()
        found = notebook.runs()[5:]
        assert not any(run.parent for run in found)
    assert [run.name for run in found] == [f"own-{number}" for number in range(5)]
    assert {run.group for run in found} == {"own"}
    assert [run.status for run in found] == [
        "finished",
        "stopped",
        "failed",
        "finished",
        "finished",
    ]
    for run, trial in zip(found, study.get_trials(), strict=True):
        assert run.config["x"] == trial.params["x"]
        assert notebook.curve(run, "intermediate_value") == [trial.number / 2]
        if run.status == "finished":
            assert notebook.last(run, "value") == trial.values[0]
