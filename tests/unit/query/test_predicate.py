"""What a query means for a run."""

from __future__ import annotations

import math
from datetime import UTC

import pytest

from notabene.model.entities import ArtifactEdge, Conclusion, MetricSummary, RunInfo
from notabene.query import predicate
from notabene.query.ast import Field, Moment, Or, Test
from notabene.query.parser import parse, parse_order
from notabene.query.predicate import Backwards

NOW = 1_714_564_800_000_000  # 2024-05-01 12:00 UTC


def metric(**changes) -> MetricSummary:
    """Statistics of a metric with finite values."""
    known = {"n": 10, "last": 0.5, "last_step": 9, "last_time": NOW, "min": 0.1, "min_step": 3}
    known |= {"max": 0.9, "max_step": 7, "mean": 0.4, "first": 0.9, "first_step": 0, "key": "m"}
    return MetricSummary(**known | changes)


def run(**changes) -> RunInfo:
    """A run with some of everything."""
    known = {
        "id": "a1",
        "project": "p",
        "name": "ablation-1",
        "status": "finished",
        "created": NOW - 3600 * 10**6,
        "started": NOW - 3600 * 10**6,
        "ended": NOW,
        "updated": NOW,
        "duration": 3600.0,
        "user": "ada",
        "params": {"lr": 0.01, "opt": "adam", "amp": True, "seed": 7, "none": None, "l": [1, 2]},
        "tags": {"team": "vision", "gold": ""},
        "metrics": {
            "loss": metric(),
            "bad": metric(last=math.nan, min=math.nan, max=math.nan, mean=math.nan, nan=10),
            "up": metric(last=math.inf, posinf=1, neginf=2, goal="max"),
        },
        "summary": {"acc": 0.9},
        "facts": {"git.dirty": True, "git.commit": "abc"},
        "conclusion": Conclusion(text="it works", verdict="supported", author="", time=1),
        "artifacts": (
            ArtifactEdge(
                run="a1",
                direction="input",
                name="mnist",
                version=1,
                digest="d1",
                time=1,
                role="train",
            ),
            ArtifactEdge(run="a1", direction="input", name="cifar", version=1, digest="d2", time=1),
        ),
        "exit_code": 0,
    }
    return RunInfo(**known | changes)


def holds(text: str, of: RunInfo | None = None) -> bool:
    """Whether a query matches a run."""
    return predicate.compile(parse(text), NOW, zone=UTC)(of or run())


TRUE = [
    "",
    "params.lr = 0.01",
    "params.lr = '0.01'",
    "params.seed = 7 and params.seed = '7'",
    "params.seed > 6.5",
    "params.amp = true and params.amp = 'True' and params.amp = 'true' and params.amp = 1",
    "params.opt > 'a' and params.opt <= 'adam'",
    "params.opt != 3",
    "params.lr != 'adam'",
    "params.l = '[1, 2]'",
    "params.opt in ('sgd', 'adam')",
    "params.opt like 'a%' and params.opt ilike 'ADA_'",
    "params.lr like '0.0%'",
    "params.none is null and params.none = null",
    "params.lr between 0.01 and 0.02 and params.lr not between 1 and 2",
    "tags.team = 'vision' and 'gold' in tags and tags.gold = ''",
    "'silver' not in tags and 'lr' in params and 'loss' in metrics and 'acc' in summary",
    "metrics.loss < 0.6 and metrics.loss.max >= 0.9 and metrics.loss.n = 10",
    "metrics.loss.last_step = 9 and metrics.loss.min_step = 3 and metrics.loss.max_step = 7",
    "metrics.loss.mean = 0.4 and metrics.loss.first = 0.9",
    "metrics.bad = nan and metrics.bad != 1 and metrics.bad in (1, nan) and metrics.bad.nan = 10",
    "metrics.bad.min is null and metrics.bad.max_step is null and metrics.bad is not null",
    "metrics.up = inf and metrics.up > 1e300 and metrics.up.inf = 3 and metrics.up.best = 0.9",
    "metrics.loss.best is null",
    "summary.acc > 0.8",
    "git.dirty = true and git.commit like 'a%' and facts.\"git.commit\" = 'abc'",
    "status = finished and status in ('FINISHED', 'FAILED') and status != running",
    "status like 'FIN%'",
    "name like 'abl%' and project = 'p' and user = 'ada'",
    "group is null and group = '' and not group != ''",
    "verdict = supported and conclusion like '%works%'",
    "created > today and created > '2h ago' and started < now and ended is not null",
    f"attributes.start_time = {NOW // 1000 - 3600_000}",
    "duration = 1h and duration > 90s",
    "exit_code = 0 and archived = false and deleted != true",
    "inputs.name = 'mnist' and datasets.digest = 'd2' and inputs.role = 'train'",
    "inputs.name != 'mnist'",
    "outputs.name is null and inputs.name is not null",
]
FALSE = [
    "params.opt < 3",
    "params.opt = 3",
    "params.lr = 'x'",
    "params.lr = true",
    "params.nothing = 1",
    "params.nothing != 1",
    "params.nothing not like 'a%'",
    "params.nothing not in (1, 2)",
    "params.nothing is not null",
    "params.none != 1",
    "params.opt not between 'a' and 'b'",
    "params.opt = 'Adam'",
    "params.opt like 'A%'",
    "params.amp = 'TRUE'",
    "metrics.bad < 1",
    "metrics.bad >= nan",
    "metrics.loss = nan",
    "metrics.bad.min != 1",
    "metrics.loss.best != 1",
    "metrics.up != inf",
    "status = scheduled",
    "name = null",
    "created = yesterday",
    "ended is null",
    "inputs.role is null",
    "inputs.name = 'imagenet'",
    "outputs.name != 'mnist'",
    "outputs.name not like 'x%'",
    "archived = true",
]


@pytest.mark.parametrize("text", TRUE)
def test_yes(text):
    """These queries match the run; turned round, they do not."""
    assert holds(text)
    assert not holds(f"not ({text or 'id is not null'})")


@pytest.mark.parametrize("text", FALSE)
def test_no(text):
    """These do not match, and "not" in front of them makes them match."""
    assert not holds(text)
    assert holds(f"not ({text})")


def test_absent_values_of_a_bare_run():
    """A run without anything matches no comparison, only "is null"."""
    bare = run(
        name="", ended=0, exit_code=None, conclusion=None, params={}, metrics={}, artifacts=()
    )
    for field in (
        "name",
        "ended",
        "exit_code",
        "verdict",
        "params.lr",
        "metrics.loss",
        "inputs.name",
    ):
        assert holds(f"{field} is null", bare)
        assert not holds(f"{field} is not null", bare)
    for text in ("name != 'x'", "ended < now", "exit_code != 1", "metrics.loss != 1"):
        assert not holds(text, bare)


def test_trees_made_by_hand():
    """A tree that no text could give does not match, or means what it says; it never fails."""
    created, name = Field("attribute", "created"), Field("attribute", "name")
    trees = {
        Or(): False,
        Test(created, "in", ("x",)): False,
        Test(name, "in", ()): False,
        Test(name, "in", (), True): True,
        Test(name, "in", (Moment("ablation-1"),)): False,
        Test(name, "in", (True,)): False,
    }
    for tree, expected in trees.items():
        assert predicate.compile(tree, NOW)(run()) is expected


def test_sorted_numbers_texts_nan_absent():
    """Numbers come before texts before NaN before absent, whichever way one sorts."""
    values = [None, "b", 3, math.nan, -1.0, "a", math.inf, True]
    runs = [run(id=str(i), params={"v": value}) for i, value in enumerate(values)]
    up = sorted(runs, key=predicate.sort_key(parse_order("params.v")))
    down = sorted(runs, key=predicate.sort_key(parse_order("-params.v")))
    assert [r.id for r in up] == ["4", "7", "2", "6", "5", "1", "3", "0"]
    assert [r.id for r in down] == ["6", "2", "7", "4", "1", "5", "3", "0"]


def test_equals_are_newest_first_then_by_id():
    """Where the keys are equal, the newest run comes first, and then the id decides."""
    runs = [run(id="b", created=5), run(id="a", created=5), run(id="c", created=9)]
    for order in ("", "project", "-project"):
        found = sorted(runs, key=predicate.sort_key(parse_order(order)))
        assert [r.id for r in found] == ["c", "a", "b"]
    found = sorted(runs, key=predicate.sort_key(parse_order("created")))
    assert [r.id for r in found] == ["a", "b", "c"]


def test_backwards():
    """Texts wrapped so are ordered backwards, equal where the texts are."""
    assert Backwards("b") < Backwards("a")
    assert not Backwards("a") < Backwards("b")
    assert Backwards("a") == Backwards("a")
    assert Backwards("a") != "a"
    assert len({Backwards("a"), Backwards("a")}) == 1


def test_true_and_false_are_neither_less_nor_greater() -> None:
    """A tree made elsewhere (of another tool's filter) that asks so matches nothing, as in SQL."""
    for op in ("<", "<=", ">", ">="):
        assert not predicate.compile(Test(Field("param", "amp"), op, (True,)), 0)(run())
