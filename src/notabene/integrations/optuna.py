"""Optuna: a study is a group, each of its trials a run below the study's."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import optuna

from notabene.integrations._base import (
    Fit,
    Recipe,
    Switch,
    apart,
    attempt,
    begin_run,
    chosen,
    current_run,
    end_run,
    hushed,
    put,
    simple,
    through,
    undisturbed,
)  # fmt: skip

VERSIONS = ("3.6", "6")
_told: set[tuple[Any, ...]] = set()


class StudyRecipe(Recipe):
    """``study.optimize(objective)``."""

    def options(self) -> dict[str, Any]:
        """The study's name names the run, and the group that its trials are in."""
        name = _name_of(self.given["self"])
        return {"name": name, "group": name}

    def begin(self, fit: Fit) -> None:
        """How it searches."""
        study = self.given["self"]
        goals = [direction.name.lower() for direction in study.directions]
        fit.params({"study": study.study_name, "sampler": type(study.sampler).__name__,
                    "pruner": type(study.pruner).__name__, "directions": goals})  # fmt: skip
        fit.params(chosen(self.given, "n_trials", "timeout", "n_jobs"))
        if len(goals) == 1:
            fit.run.define_metric("value", goal=goals[0][:3])

    def change(self, fit: Fit) -> dict[str, Any]:
        """Each trial in a run of its own, and a look at the study after it."""
        run, study = fit.run, self.given["self"]
        objective = through(self.given["func"], lambda a, k: _begin_trial(run, study, a, k))
        after_trial = partial(attempt, "optuna", _log_trial, fit)
        return {"func": objective, "callbacks": [*(self.given.get("callbacks") or ()), after_trial]}

    def end(self, fit: Fit, result: Any) -> None:
        """All trials as a table, the best one, and which parameters mattered."""
        study = self.given["self"]
        trials = study.get_trials(deepcopy=False)
        names = list(dict.fromkeys(name for trial in trials for name in trial.params))
        fit.table("trials", {
            "number": [t.number for t in trials],
            "state": [t.state.name.lower() for t in trials],
            "value": [(t.values[0] if len(t.values) == 1 else str(t.values)) if t.values else None
                      for t in trials],
            **{name: [t.params.get(name) for t in trials] for name in names},
        })  # fmt: skip
        done = [t for t in trials if t.state == optuna.trial.TrialState.COMPLETE]
        if len(study.directions) == 1 and done:
            best = {f"best/{name}": simple(v) for name, v in study.best_params.items()}
            found = {"best/value": study.best_value, "best/trial": study.best_trial.number}
            fit.run.summary.update({**best, **found})
            if len(done) > 1 and names:
                attempt("optuna", _log_importance, fit, study)


class _Trial:
    """One call of the objective, in a run of its own."""

    def __init__(self, run: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs, self.run = args, kwargs, run
        self.stack = ExitStack()
        self.stack.enter_context(apart())

    def done(self, result: Any) -> Any:
        """The value, and the end."""
        attempt("optuna", self._end, result, None)
        return result

    def failed(self, error: BaseException) -> None:
        """Pruned, or an error."""
        attempt("optuna", self._end, None, error)

    def _end(self, result: Any, error: BaseException | None) -> None:
        self.stack.close()
        trial = self.args[0]
        self.run.config.update({name: simple(value) for name, value in trial.params.items()})
        if isinstance(error, optuna.TrialPruned):
            self.run.finish("stopped", reason=f"pruned: {error}".strip(": "))
            return
        if error is None:
            _log_values(self.run, result if isinstance(result, list | tuple) else [result])
        end_run(self.run, error)


class TellRecipe(Recipe):
    """``study.tell(trial, value)``: how what the user's own loop asked for came out."""

    def wanted(self) -> bool:
        """It is no fit."""
        return False

    def seen(self, result: Any) -> None:
        """The trial, as Optuna has it now."""
        _log_told(self.given["self"], result)


def switch_on(switch: Switch) -> None:
    """Wrap ``Study.optimize`` and ``tell``, and ``Trial.report`` for the values on the way."""
    put(switch, optuna.Study, "optimize", StudyRecipe)
    put(switch, optuna.Study, "tell", TellRecipe)
    kind = optuna.trial.Trial
    switch.put(
        kind, "report", through(kind.report, lambda a, k: attempt("optuna", _log_report, *a, **k))
    )


def _name_of(study: Any) -> str:
    """A study's name; of one that nobody named the first digits of what Optuna calls it."""
    name: str = study.study_name
    return f"study-{name[8:16]}" if name.startswith("no-name-") else name


def _begin_trial(parent: Any, study: Any, args: Any, kwargs: Any) -> _Trial | None:
    def begin() -> _Trial:
        number = args[0].number
        group = _name_of(study)
        with hushed():
            run = begin_run("optuna", parent=parent, name=f"{group}-{number}", group=group,
                            project=parent.project, capture=False)  # fmt: skip
        return _Trial(run, args, kwargs)

    return attempt("optuna", begin)


def _log_told(study: Any, trial: Any) -> None:
    key = (study.study_name, trial.number, trial.datetime_complete)
    if key in _told:
        return  # told before, and skipped now
    _told.add(key)
    parent, group = current_run(), _name_of(study)
    below: dict[str, Any] = {} if parent is None else {"parent": parent, "project": parent.project}
    params = {name: simple(value) for name, value in trial.params.items()}
    with hushed(), apart():
        run = begin_run("optuna", name=f"{group}-{trial.number}", group=group, capture=False,
                        config=params, **below)  # fmt: skip
    for step, value in trial.intermediate_values.items():
        run.log({"intermediate_value": float(value)}, step=int(step))
    if trial.state.name == "COMPLETE":
        _log_values(run, trial.values)
    run.summary["seconds"] = trial.duration.total_seconds()
    ends: dict[str, Any] = {"PRUNED": ("stopped", "pruned"), "FAIL": ("failed", "told as failed")}
    status, reason = ends.get(trial.state.name, ("finished", ""))
    run.finish(status, reason=reason)


def _log_values(run: Any, values: Any) -> None:
    names = ["value"] if len(values) == 1 else [f"value/{i}" for i in range(len(values))]
    run.log(dict(zip(names, values, strict=True)), step=0)


def _log_report(trial: Any, value: Any, step: Any) -> None:
    run = current_run()
    if run is not None and run.name.endswith(f"-{trial.number}"):
        run.log({"intermediate_value": float(value)}, step=int(step))


def _log_trial(fit: Fit, study: Any, trial: Any) -> None:
    if trial.state != optuna.trial.TrialState.COMPLETE:
        return  # one that was pruned has its last intermediate value
    if len(trial.values) > 1:
        fit.metrics({f"value/{i}": v for i, v in enumerate(trial.values)}, step=trial.number)
        return
    fit.metrics({"value": trial.values[0], "best_value": study.best_value}, step=trial.number)


def _log_importance(fit: Fit, study: Any) -> None:
    importance = optuna.importance
    with undisturbed():
        try:
            evaluator = importance.FanovaImportanceEvaluator(seed=0)
            found = importance.get_param_importances(study, evaluator=evaluator)
        except ImportError:  # it needs scikit-learn
            evaluator = importance.PedAnovaImportanceEvaluator()
            found = importance.get_param_importances(study, evaluator=evaluator)
        except (RuntimeError, ValueError):
            return  # all trials have one value, or no parameter in common
    fit.table("importance", {"parameter": list(found), "importance": list(found.values())})
    fit.run.summary.update({f"importance/{name}": value for name, value in found.items()})
