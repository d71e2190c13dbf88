"""How much work came to nothing, by cause."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from notabene.compare.repeated import Group
from notabene.compare.waste import WEEK_US, cause_of, waste_of
from notabene.model.entities import MetricSummary


def view(id="r1", status="finished", duration=10.0, created=0, **about):
    """A run as the Api gives it, as far as it is looked at."""
    given = {"reason": "", "traceback": "", "metrics": {}, **about}
    return SimpleNamespace(id=id, status=status, duration=duration, created=created, **given)


def metric(key="loss", *, n=10, last=1.0, nan=0, posinf=0, neginf=0, last_step=9):
    """Statistics of a metric."""
    return {
        key: MetricSummary(
            key=key, n=n, last=last, last_step=last_step, last_time=0, min=0.0, min_step=0,
            max=1.0, max_step=0, mean=0.5, first=1.0, first_step=0, nan=nan, posinf=posinf,
            neginf=neginf,
        )
    }  # fmt: skip


def test_an_empty_project():
    """Nothing was run, nothing was wasted."""
    found = waste_of("p", [], [])
    assert (found.project, found.runs, found.failures, found.weeks) == ("p", {}, [], [])


def test_work_by_status():
    """Runs and seconds are counted by how they ended; a run without a length took none."""
    views = [view("a"), view("b", duration=None), view("c", "failed", 5.0, reason="ValueError: x")]
    found = waste_of("p", views, [])
    assert found.runs == {"finished": 2, "failed": 1}
    assert found.seconds == {"finished": 10.0, "failed": 5.0}


def test_failures_by_cause():
    """The costliest cause comes first, with the median of how long it took to come up."""
    views = [
        view("a", "failed", 1.0, reason="ValueError: bad"),
        view("b", "failed", 3.0, reason="ValueError: worse"),
        view("c", "killed", 100.0),
        view("d", "failed", 8.0, reason="ValueError"),
        view("e"),
    ]
    found = waste_of("p", views, []).failures
    assert [(one.name, one.runs, one.seconds, one.median) for one in found] == [
        ("killed", ["c"], 100.0, 100.0),
        ("ValueError", ["a", "b", "d"], 12.0, 3.0),
    ]


@pytest.mark.parametrize(
    ("status", "reason", "traceback", "cause"),
    [
        ("failed", "RuntimeError: CUDA out of memory", "", "out of memory"),
        ("failed", "torch.OutOfMemoryError: x", "", "out of memory"),
        ("failed", "OSError: [Errno 28] No space left on device", "", "disk full"),
        ("failed", "RuntimeError: x", "ncclSystemError: NCCL timeout", "network"),
        ("failed", "KeyError: 'x'", "", "KeyError (a mistake in the code)"),
        ("failed", "my.own.Trouble: x", "", "Trouble"),
        ("failed", "exit code 3", "", "exit code 3"),
        ("failed", "", "", "not said"),
        ("failed", None, None, "not said"),
        ("stopped", "MemoryError", "", "stopped by somebody"),
        ("killed", "", "", "killed"),
        ("lost", "", "", "lost"),
    ],
)
def test_causes(status, reason, traceback, cause):
    """A word or two that other runs share."""
    assert cause_of(view(status=status, reason=reason, traceback=traceback)) == cause


@pytest.mark.parametrize(
    ("last", "counts"),
    [(math.nan, {"nan": 4}), (math.inf, {"posinf": 4}), (-math.inf, {"neginf": 4}),
     (math.nan, {"nan": 3, "posinf": 1})],
)  # fmt: skip
def test_work_after_divergence(last, counts):
    """A metric that ends as NaN or infinite went on for nothing from there on."""
    found = waste_of("p", [view(metrics=metric(last=last, **counts))], [])
    assert found.after_divergence == [{"run": "r1", "metric": "loss", "step": 9, "seconds": 4.0}]
    assert found.diverged_seconds == 4.0


@pytest.mark.parametrize("metrics", [metric(nan=1), metric(posinf=2), metric(), metric(n=0), {}])
def test_a_value_in_between_is_no_divergence(metrics):
    """A single NaN on the way to a number is none."""
    assert waste_of("p", [view(metrics=metrics)], []).after_divergence == []


def test_the_metric_that_diverged_first():
    """The one with the largest share of lost values is told; those of the machine are not."""
    metrics = {
        **metric("loss", last=math.nan, nan=3),
        **metric("val/loss", last=math.nan, nan=5),
        **metric("system/gpu", last=math.nan, nan=10),
    }
    (one,) = waste_of("p", [view(metrics=metrics)], []).after_divergence
    assert (one["metric"], one["seconds"]) == ("val/loss", 5.0)
    assert (
        waste_of(
            "p", [view(metrics=metric("system/gpu", last=math.nan, nan=9))], []
        ).after_divergence
        == []
    )


def group(kind, *runs, seconds=0.0):
    """A group of repeats."""
    return Group(kind=kind, script="train.py", runs=list(runs), users=[], seconds=seconds)


def test_repeats_are_waste_and_seeds_are_not():
    """What exact repeats cost is counted; runs with other seeds are on purpose."""
    groups = [group("duplicate", "a", "b", seconds=10.0), group("seeds", "a", "c")]
    found = waste_of("p", [view(name) for name in "abc"], groups)
    assert (found.repeated_seconds, found.repeats) == (10.0, groups[:1])
    assert found.weeks[0]["repeated"] == 10.0


def test_weeks():
    """Each week has its runs, the oldest first."""
    views = [
        view("a", created=WEEK_US * 3 + 5),
        view("b", "failed", 4.0, created=WEEK_US + 1),
        view("c", created=WEEK_US * 2 - 1),
    ]
    assert waste_of("p", views, []).weeks == [
        {"week": WEEK_US, "runs": 2, "seconds": 14.0, "not_completed": 4.0, "repeated": 0.0},
        {"week": WEEK_US * 3, "runs": 1, "seconds": 10.0, "not_completed": 0.0, "repeated": 0.0},
    ]
