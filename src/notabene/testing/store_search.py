"""Rules of stores: search, order, pages and tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from notabene._ids import now_us
from notabene.model.records import (
    Captured,
    ConfigChanged,
    MetricDefined,
    Renamed,
    SummaryChanged,
    TagsChanged,
)
from notabene.query import parse, parse_order
from notabene.query.ast import Field
from notabene.store.base import RunSet, Store
from notabene.testing.scribe import START, Scribe


def found(runs: RunSet) -> list[str]:
    """Names of runs, in order."""
    return [run.name for run in runs]


def put(store: Store, name: str, at: int, **config: object) -> None:
    """A finished run with a config and, where ``m`` is given, a metric."""
    scribe = Scribe(f"id-{name}", time=START + at * 1_000_000).start("p", name)
    metric = config.pop("m", None)
    if config:
        scribe.record(ConfigChanged(set=config))
    if isinstance(metric, float):
        scribe.row({"m": metric}, 0)
    store.apply(scribe.finish().batches())


class SearchRules:
    """Questions to runs."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store; the backend's fixture replaces this one."""
        raise NotImplementedError

    def test_filter_sort_page(self, store: Store) -> None:
        """A search by param and metric, sorted and cut into pages, gives the right runs."""
        for i in range(40):
            put(store, f"run{i:02}", i, lr=i / 10, m=float((i * 7) % 40))
        runs = store.runs(parse("params.lr >= 1 and metrics.m < 30"), parse_order("-metrics.m"))
        wanted = sorted(
            (i for i in range(10, 40) if (i * 7) % 40 < 30), key=lambda i: -((i * 7) % 40)
        )
        names = [f"run{i:02}" for i in wanted]
        assert found(runs) == names
        assert runs.count() == len(names)
        assert [run.name for run in runs.page(5, 3)] == names[3:8]
        assert runs.ids(2) == [f"id-{name}" for name in names[:2]]
        assert runs.page(5, 1000) == []

    def test_newest_first(self, store: Store) -> None:
        """Runs come newest first where nothing else is asked for."""
        for at, name in enumerate(["a", "b", "c"]):
            put(store, name, at)
        assert found(store.runs()) == ["c", "b", "a"]
        assert found(store.runs(order=parse_order("name"))) == ["a", "b", "c"]

    def test_nan_and_infinity_in_order(self, store: Store) -> None:
        """NaN comes after all numbers and what is absent after NaN, in both directions."""
        values = {"a": 1.0, "nan": math.nan, "inf": math.inf, "neg": -math.inf, "z": -3.5}
        for at, (name, value) in enumerate(values.items()):
            put(store, name, at, m=value)
        put(store, "none", 9)
        up = found(store.runs(order=parse_order("metrics.m")))
        assert up == ["neg", "z", "a", "inf", "nan", "none"]
        down = found(store.runs(order=parse_order("-metrics.m")))
        assert down == ["inf", "a", "z", "neg", "nan", "none"]
        for page in range(6):
            runs = store.runs(order=parse_order("metrics.m"))
            assert [run.name for run in runs.page(1, page)] == [up[page]]
        assert found(store.runs(parse("metrics.m > 0"))) == ["inf", "a"]
        assert found(store.runs(parse("metrics.m.nan > 0"))) == ["nan"]

    def test_patterns_know_case(self, store: Store) -> None:
        """``like`` minds upper and lower case, ``ilike`` does not; signs of patterns are meant."""
        for at, name in enumerate(["Adam", "adam", "a%b", "a_b", "axb"]):
            put(store, name, at, opt=name)
        assert set(found(store.runs(parse("params.opt like 'adam'")))) == {"adam"}
        assert set(found(store.runs(parse("params.opt ilike 'ADAM'")))) == {"Adam", "adam"}
        assert set(found(store.runs(parse("params.opt like 'a\\_b'")))) == {"a_b"}
        assert set(found(store.runs(parse("params.opt like 'a_b'")))) == {"a%b", "a_b", "axb"}

    def test_texts_are_compared_by_their_bytes(self, store: Store) -> None:
        """Texts sort as their code points do, in every database and locale."""
        names = ["B", "a", "É", "z", "日", "\U0001f600", "-", "_"]
        for at, name in enumerate(names):
            put(store, name, at, text=name)
        assert found(store.runs(order=parse_order("name"))) == sorted(names)
        assert found(store.runs(order=parse_order("-params.text"))) == sorted(names, reverse=True)

    def test_strange_texts_and_keys(self, store: Store) -> None:
        """A NUL in a text, a key of 250 bytes, quotes and emoji are stored and found."""
        long = "k" * 246 + "\U0001f9ea"
        assert len(long.encode()) == 250
        strange = {"a": "x\0y", long: 7, 'it\'s "so"': "'; drop table run; --"}
        scribe = Scribe("run1").start("p", "strange")
        scribe.record(ConfigChanged(set=strange)).row({long: 1.5}, 0)
        scribe.finish("failed", reason="nul \0 here")
        store.apply(scribe.batches())
        run = store.run("run1")
        assert run.params == strange
        assert run.reason == "nul \0 here"
        assert found(store.runs(parse(f'metrics."{long}" > 1'))) == ["strange"]
        assert found(store.runs(parse(f'params."{long}" = 7'))) == ["strange"]
        assert found(store.runs(parse(r"params.a = 'x\0y'"))) == ["strange"]

    def test_long_texts(self, store: Store) -> None:
        """Texts longer than any index entry are found, and told apart at their end."""
        for at, end in enumerate("ab"):
            put(store, end, at, text="x" * 10_000 + end)
        assert found(store.runs(parse(f"params.text = '{'x' * 10_000}a'"))) == ["a"]
        assert found(store.runs(parse("params.text like 'xxx%b'"))) == ["b"]
        assert found(store.runs(order=parse_order("-params.text"))) == ["b", "a"]

    def test_absent_and_not(self, store: Store) -> None:
        """A comparison with what is absent does not hold, whatever the operator."""
        put(store, "has", 0, lr=0.1)
        put(store, "other", 1, lr="text")
        put(store, "none", 2)
        assert found(store.runs(parse("params.lr != 0.2"))) == ["other", "has"]
        assert found(store.runs(parse("not params.lr = 0.1"))) == ["none", "other"]
        assert found(store.runs(parse("params.lr is null"))) == ["none"]

    def test_lost_is_a_status_like_others(self, store: Store) -> None:
        """Runs that read as lost are found as such, and not as running."""
        store.apply(Scribe("a", time=START).start("p", "quiet").batches())
        store.apply(Scribe("b", time=now_us()).start("p", "busy").batches())
        assert found(store.runs(parse("status = 'lost'"))) == ["quiet"]
        assert found(store.runs(parse("status = 'running'"))) == ["busy"]

    def test_answers_follow_changes(self, store: Store) -> None:
        """What was searched once is right after later changes: edits, new runs, new points."""
        put(store, "a", 0, lr=0.1, m=1.0)
        lr, m = parse("params.lr > 0 or tags.t = 'x'"), parse("metrics.m > 1.5")
        assert found(store.runs(lr)) == ["a"]
        assert found(store.runs(m)) == []
        put(store, "b", 1, lr=0.2, m=2.0)
        scribe = Scribe("id-c", time=START + 2_000_000).start("p", "c").row({"m": 0.5}, 0)
        store.apply(scribe.new())
        assert found(store.runs(m)) == ["b"]
        store.apply(scribe.row({"m": 3.0}, 1).new())
        assert found(store.runs(m)) == ["c", "b"]
        edits = Scribe("", time=START + 10**9)
        edits.record(TagsChanged(set={"t": "x"}), about="id-c")
        edits.record(Renamed(name="b2"), about="id-b")
        store.apply(edits.batches())
        assert found(store.runs(lr)) == ["c", "b2", "a"]
        edits.record(TagsChanged(removed=("t",)), about="id-c")
        store.apply(edits.new())
        assert found(store.runs(lr)) == ["b2", "a"]

    def test_facts_summaries_and_best(self, store: Store) -> None:
        """Captured facts, summary values and the best of a metric can be searched."""
        scribe = Scribe("run1").start("p", "a")
        scribe.record(Captured(part="code", data={}, facts={"git.dirty": True, "git.n": 3}))
        scribe.record(MetricDefined(key="acc", goal="max"))
        scribe.row({"acc": 0.9}, 0).row({"acc": 0.7}, 1)
        store.apply(scribe.finish().batches())
        for text in (
            "git.dirty = true",
            "git.n = 3",
            "metrics.acc.best = 0.9",
            "metrics.acc.max_step = 0",
            "summary.acc = 0.7",
        ):
            assert found(store.runs(parse(text))) == ["a"], text
        assert found(store.runs(parse("metrics.acc.best < 0.9"))) == []

    def test_columns(self, store: Store) -> None:
        """A table by column holds what the runs hold, with NaN and None where there is nothing."""
        put(store, "a", 0, lr=0.5, opt="adam", m=1.0)
        put(store, "b", 1, lr=[1], m=math.nan)
        put(store, "c", 2)
        table = store.runs(order=parse_order("name")).columns()
        byname = {(field.kind, field.name): values.tolist() for field, values in table.items()}
        assert byname["attribute", "name"] == ["a", "b", "c"]
        assert byname["attribute", "status"] == ["finished"] * 3
        assert byname["param", "lr"] == [0.5, [1], None]
        assert byname["param", "opt"] == ["adam", None, None]
        assert np.array_equal(byname["metric", "m"], [1.0, math.nan, math.nan], equal_nan=True)

    def test_columns_of_several_statistics(self, store: Store) -> None:
        """All metrics come by each statistic that is asked for, runs with other keys between."""
        for at in range(3):
            scribe = Scribe(f"r{at}", time=START + at * 10**6).start(name=f"r{at}")
            for step, value in enumerate((2.0, 1.0, 3.0)):
                scribe.row({f"m{at % 2}": value + at}, step)
            store.apply(scribe.finish().batches())
        runs = store.runs(order=parse_order("name"))
        table = runs.columns(kinds=("metric",), stats=("min", "last"))
        own = [(f.name, f.stat) for f in table if f.kind == "metric"]
        assert own == [("m0", "min"), ("m0", "last"), ("m1", "min"), ("m1", "last")]
        found = {(f.name, f.stat): v for f, v in table.items()}
        assert np.array_equal(found["m0", "min"], [1.0, math.nan, 3.0], equal_nan=True)
        assert np.array_equal(found["m1", "last"], [math.nan, 4.0, math.nan], equal_nan=True)

    def test_columns_of_some_kinds(self, store: Store) -> None:
        """All that runs have of the kinds that are asked for."""
        scribe = Scribe("a").start(name="a").row({"m": 2.0}, 0)
        scribe.record(SummaryChanged(set={"m": 1.0, "note": "good"}))
        scribe.record(TagsChanged(set={"t": ""}))
        store.apply(scribe.finish().batches())
        put(store, "b", 1, lr=0.5)
        runs = store.runs(order=parse_order("name"))
        table = runs.columns(kinds=("summary", "tag"))
        own = {(f.kind, f.name): v.tolist() for f, v in table.items() if f.kind != "attribute"}
        assert own == {("summary", "note"): ["good", None], ("tag", "t"): ["", None]}

    def test_chosen_columns(self, store: Store) -> None:
        """Columns come as they are asked for, of the page that is asked for."""
        for at in range(5):
            put(store, f"r{at}", at, lr=at, m=float(at))
        fields = [
            Field("metric", "m", stat)
            for stat in ("last", "min", "max", "mean", "n", "first", "last_step", "inf", "best")
        ]
        fields += [Field("param", "lr"), Field("attribute", "created"), Field("summary", "m")]
        fields += [Field("metric", "absent", "last"), Field("tag", "absent")]
        table = store.runs(order=parse_order("name")).columns(fields, limit=2, offset=1)
        assert list(table) == fields
        columns = [values.tolist() for values in table.values()]
        assert columns[:8] == [[1.0, 2.0]] * 4 + [[1.0, 1.0], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]]
        assert all(math.isnan(value) for value in columns[8])
        assert columns[9] == [1, 2]
        assert columns[10] == [START + at * 1_000_000 + 2000 for at in (1, 2)]
        assert columns[11] == [1.0, 2.0]
        assert all(math.isnan(value) for value in columns[12])
        assert columns[13] == [None, None]
        assert [len(v) for v in store.runs(parse("name = 'no'")).columns(fields).values()] == [
            0
        ] * len(fields)
