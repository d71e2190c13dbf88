"""A state machine: stores against a plain dictionary that knows no journals."""

from __future__ import annotations

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from notabene.model.records import ConfigChanged, RunDeleted, TagsChanged
from notabene.query import parse, parse_order
from notabene.store.base import Store
from notabene.store.database import Database, connect
from notabene.store.memory import MemoryStore
from notabene.store.sql import SqlStore
from notabene.testing.scribe import START, Scribe

NAMES = st.sampled_from(["a", "b", "c"])
NUMBERS = st.sampled_from([-1.5, 0.0, 0.25, 2.0, math.nan, math.inf])


class Model:
    """A run as a person would keep it on paper."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.config: dict[str, float] = {}
        self.tags: dict[str, str] = {}
        self.points: dict[str, list[tuple[int, float]]] = {}
        self.status = "lost"
        self.deleted = False


class StoreMachine(RuleBasedStateMachine):
    """Runs are begun, logged to, ended, edited and looked for, in any order."""

    scribes = Bundle("scribes")

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, Model] = {}
        self.stores: list[Store] = []
        self.writing: list[Scribe] = []

    @initialize()
    def open(self) -> None:
        """Begin with empty stores."""
        self.stores = [MemoryStore(), SqlStore(Database(connect("sqlite://")))]
        self.desk = Scribe("", time=START + 10**9)

    def teardown(self) -> None:
        """Close them."""
        for store in self.stores:
            store.close()

    def apply(self, scribe: Scribe) -> None:
        """Hand over what a scribe wrote."""
        batches = scribe.new()
        for store in self.stores:
            store.apply(batches)

    @rule(target=scribes, name=NAMES)
    def begin(self, name: str) -> Scribe:
        """Begin a run."""
        number = len(self.models)
        scribe = Scribe(f"run{number}", time=START + number * 1_000_000).start("p", name)
        self.models[scribe.run] = Model(name)
        self.apply(scribe)
        self.writing.append(scribe)
        return scribe

    @rule(
        scribe=scribes, values=st.dictionaries(NAMES, NUMBERS, min_size=1), step=st.integers(0, 9)
    )
    def log(self, scribe: Scribe, values: dict[str, float], step: int) -> None:
        """Log numbers, which the store may see only later."""
        scribe.row(values, step)
        for key, value in values.items():
            self.models[scribe.run].points.setdefault(key, []).append((step, value))

    @rule(scribe=scribes, key=NAMES, value=NUMBERS.filter(math.isfinite))
    def configure(self, scribe: Scribe, key: str, value: float) -> None:
        """Set a config value."""
        scribe.record(ConfigChanged(set={key: value}))
        self.models[scribe.run].config[key] = value

    @rule(scribe=scribes)
    def say(self, scribe: Scribe) -> None:
        """Have the writer say how its metrics stand."""
        scribe.summarise()

    @rule(scribe=consumes(scribes))
    def end(self, scribe: Scribe) -> None:
        """End a run."""
        scribe.finish()
        self.models[scribe.run].status = "finished"
        self.apply(scribe)

    @rule(data=st.data(), key=NAMES, value=st.sampled_from(["", "x"]), gone=st.booleans())
    def tag(self, data: st.DataObject, key: str, value: str, gone: bool) -> None:
        """Set or remove a tag of any run."""
        if not self.models:
            return
        run = data.draw(st.sampled_from(sorted(self.models)))
        change = TagsChanged(removed=(key,)) if gone else TagsChanged(set={key: value})
        self.desk.record(change, about=run)
        self.apply(self.desk)
        if gone:
            self.models[run].tags.pop(key, None)
        else:
            self.models[run].tags[key] = value

    @rule(data=st.data(), deleted=st.booleans())
    def delete(self, data: st.DataObject, deleted: bool) -> None:
        """Put a run into the trash, or take it out."""
        if self.models:
            run = data.draw(st.sampled_from(sorted(self.models)))
            self.desk.record(RunDeleted(deleted=deleted), about=run)
            self.apply(self.desk)
            self.models[run].deleted = deleted

    @rule(scribe=scribes)
    def look(self, scribe: Scribe) -> None:
        """Everything of a run is as on paper."""
        self.apply(scribe)
        model = self.models[scribe.run]
        for store in self.stores:
            run = store.run(scribe.run)
            assert (run.name, run.status, run.deleted) == (model.name, model.status, model.deleted)
            assert run.params == model.config
            assert run.tags == model.tags
            assert set(run.metrics) == set(model.points)
            for key, points in model.points.items():
                check(store, scribe.run, key, points)

    @rule(key=NAMES, least=st.sampled_from([-2.0, 0.0, 1.0]), limit=st.integers(1, 4))
    def search(self, key: str, least: float, limit: int) -> None:
        """A filtered, sorted page is what sorting on paper gives."""
        for scribe in self.writing:
            self.apply(scribe)
        rows = []
        for run, model in self.models.items():
            points = model.points.get(key, [])
            order = sorted(range(len(points)), key=lambda i: (points[i][0], i))
            last = points[order[-1]][1] if points else None
            if not model.deleted and last is not None and last >= least:
                rows.append((-last, -int(run[3:]), run))
        wanted = [run for _, _, run in sorted(rows)]
        for store in self.stores:
            found = store.runs(parse(f"metrics.{key} >= {least}"), parse_order(f"-metrics.{key}"))
            assert found.ids(limit) == wanted[:limit]
            assert found.count() == len(wanted)

    @invariant()
    def all_runs_are_listed(self) -> None:
        """Neither more nor fewer runs than were begun and not deleted."""
        wanted = [run for run, model in self.models.items() if not model.deleted]
        for store in self.stores:
            assert store.runs(order=parse_order("created")).ids() == wanted


def check(store: Store, run: str, key: str, points: list[tuple[int, float]]) -> None:
    """Hold a series and its summary against the points on paper."""
    ordered = [points[i] for i in sorted(range(len(points)), key=lambda i: (points[i][0], i))]
    (series,) = store.series([run], [key])
    assert series.points is not None
    assert series.points.steps.tolist() == [step for step, _ in ordered]
    assert repr(series.points.values.tolist()) == repr([value for _, value in ordered])
    metric = store.run(run).metrics[key]
    finite = [value for _, value in points if math.isfinite(value)]
    assert metric.n == len(points)
    assert metric.nan == sum(math.isnan(value) for _, value in points)
    assert repr(metric.last) == repr(ordered[-1][1])
    if finite:
        assert (metric.min, metric.max) == (min(finite), max(finite))
        assert math.isclose(metric.mean, sum(finite) / len(finite), rel_tol=1e-12, abs_tol=1e-12)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
