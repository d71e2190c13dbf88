"""Rules of stores: what is true of a run after its records came in."""

from __future__ import annotations

import math
import random

import msgspec
import pytest

from notabene.errors import NotFoundError, RefError
from notabene.model.records import (
    AlertRaised,
    Captured,
    Concluded,
    ConfigChanged,
    GapNoted,
    HealthNoted,
    Heartbeat,
    HypothesisStated,
    MetricDefined,
    NoteWritten,
    Renamed,
    RunArchived,
    RunDeleted,
    SummaryChanged,
    TagsChanged,
    ValueLogged,
    ViewSaved,
)
from notabene.store.base import Store
from notabene.testing.scribe import START, Scribe

LATER = START + 3_600_000_000


def desk(time: int = LATER) -> Scribe:
    """A person who edits, an hour after the runs of the tests."""
    return Scribe("", time=time)


class RunRules:
    """Records to runs."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store; the backend's fixture replaces this one."""
        raise NotImplementedError

    def test_a_run_is_what_its_records_say(self, store: Store) -> None:
        """Names, config, tags, summary and counts of a finished run come back as written."""
        scribe = Scribe("run1").start("vision", "baseline", host="node7", user="ada")
        scribe.record(ConfigChanged(set={"lr": 0.1, "model.depth": 3, "list": [1, None, "x"]}))
        scribe.record(TagsChanged(set={"team": "a", "plain": ""}))
        scribe.record(SummaryChanged(set={"note": "good"}))
        scribe.row({"loss": 1.0, "acc": 0.5}, 0).row({"loss": 0.5, "acc": 0.75}, 1).finish()
        store.apply(scribe.batches())
        run = store.run("run1")
        assert (run.project, run.name, run.status) == ("vision", "baseline", "finished")
        assert (run.host, run.user, run.points, run.ranks) == ("node7", "ada", 4, 1)
        assert run.params == {"lr": 0.1, "model.depth": 3, "list": [1, None, "x"]}
        assert run.config == {"lr": 0.1, "model": {"depth": 3}, "list": [1, None, "x"]}
        assert run.tags == {"team": "a", "plain": ""}
        assert run.summary == {"acc": 0.75, "loss": 0.5, "note": "good"}
        assert run.created == START + 2000
        assert run.ended == scribe.time
        assert run.duration == pytest.approx((scribe.time - START - 1000) / 1e6)

    def test_what_comes_twice_counts_once(self, store: Store) -> None:
        """The same frames again, and again in other calls, change nothing."""
        scribe = Scribe("run1").start()
        for step in range(20):
            scribe.row({"loss": float(step)}, step)
            if step % 5 == 4:
                scribe.record(HealthNoted(code="odd", message="a value was odd")).cut()
        batches = scribe.finish().batches()
        store.apply(batches)
        first = store.run("run1")
        store.apply(batches)
        for batch in reversed(batches):
            store.apply([batch, batch])
        assert encoded(store.run("run1")) == encoded(first)
        assert first.points == 20
        assert [(h.code, h.count) for h in first.health] == [("odd", 4)]

    def test_any_order_gives_the_same(self, store: Store) -> None:
        """Frames of several writers in any order give equal runs."""
        scribes = [
            Scribe("run1", rank=rank, writer=f"w{rank}", time=START + rank) for rank in range(3)
        ]
        for scribe in scribes:
            scribe.start("p", f"name{scribe.rank}", world=3)
            for step in range(12):
                scribe.row({"loss": step / 3 + scribe.rank, f"r{scribe.rank}": 0.1 * step}, step)
                if step % 3 == 2:
                    scribe.cut()
                if step == 7:
                    scribe.summarise()
            scribe.record(ConfigChanged(set={"lr": scribe.rank})).finish()
        batches = [batch for scribe in scribes for batch in scribe.batches()]
        store.apply(batches)
        wanted = store.run("run1")
        for seed in range(5):
            run = f"again{seed}"
            mixed = [msgspec.structs.replace(b, run=run) for b in batches]
            random.Random(seed).shuffle(mixed)  # noqa: S311 - nothing is kept secret by it
            for at in range(0, len(mixed), 2):
                store.apply(mixed[at : at + 2])
            found = msgspec.structs.replace(store.run(run), id="run1")
            assert encoded(found) == encoded(wanted)

    def test_the_newest_cell_stands(self, store: Store) -> None:
        """Of two values of a cell the later one stands, whichever came first."""
        early, late = desk(LATER), desk(LATER + 10_000_000)
        early.record(TagsChanged(set={"a": "old", "b": "old"}), about="run1")
        late.record(TagsChanged(set={"a": "new"}, removed=("b",)), about="run1")
        store.apply(late.batches())
        store.apply(Scribe("run1").start().finish().batches())
        store.apply(early.batches())
        assert store.run("run1").tags == {"a": "new"}

    def test_edits_may_come_before_the_run(self, store: Store) -> None:
        """An edit of a run that is not here yet shows when the run comes, and not before."""
        store.apply(desk().record(TagsChanged(set={"seen": ""}), about="run1").batches())
        assert store.runs(deleted=None).count() == 0
        with pytest.raises(NotFoundError):
            store.run("run1")
        with pytest.raises(NotFoundError):
            store.snapshot("run1")
        store.apply(Scribe("run1").start().batches())
        assert store.run("run1").tags == {"seen": ""}
        assert store.runs().count() == 1

    def test_config_can_be_taken_back(self, store: Store) -> None:
        """A removed config cell is gone, and stays gone when an older value comes late."""
        scribe = Scribe("run1").start()
        scribe.record(ConfigChanged(set={"a": 1, "b": 2})).cut()
        scribe.record(ConfigChanged(removed=("a",))).cut()
        for batch in reversed(scribe.batches()):
            store.apply([batch])
        assert store.run("run1").params == {"b": 2}

    def test_names_and_projects_can_change(self, store: Store) -> None:
        """A renamed run has the new name, group and project, and the old ones no more."""
        store.apply(Scribe("run1").start("old", "first").finish().batches())
        edit = desk().record(Renamed(name="second", project="new", group="g"), about="run1")
        store.apply(edit.batches())
        run = store.run("second")
        assert (run.id, run.project, run.group) == ("run1", "new", "g")
        assert [(p.name, p.runs) for p in store.projects()] == [("new", 1)]

    def test_trash_and_archive(self, store: Store) -> None:
        """Deleted and archived runs are left out unless asked for, and can come back."""
        for run in ("kept", "trashed", "aside"):
            store.apply(Scribe(run).start("p", run).finish().batches())
        edits = desk().record(RunDeleted(), about="trashed").record(RunArchived(), about="aside")
        store.apply(edits.batches())
        assert store.runs().ids() == ["kept"]
        assert store.runs(deleted=True).ids() == ["trashed"]
        assert store.runs(archived=True).ids() == ["aside"]
        assert set(store.runs(deleted=None, archived=None).ids()) == {"kept", "trashed", "aside"}
        assert store.projects()[0].runs == 2
        again = desk(LATER + 10_000_000).record(RunDeleted(deleted=False), about="trashed")
        store.apply(again.batches())
        assert set(store.runs().ids()) == {"kept", "trashed"}

    def test_notes_hypothesis_conclusion(self, store: Store) -> None:
        """A notebook's words come back, each with its time and author; a note can be taken back."""
        scribe = Scribe("run1").start().record(HypothesisStated(text="deeper is better")).finish()
        store.apply(scribe.batches())
        edits = desk()
        edits.record(NoteWritten(id="n1", text="first", author="ada"), about="run1")
        edits.record(NoteWritten(id="n2", text="gone"), about="run1")
        edits.record(NoteWritten(id="n1", text="first, corrected", author="bob"), about="run1")
        edits.record(NoteWritten(id="n2", text=""), about="run1")
        edits.record(Concluded(text="it is not", verdict="refuted", author="ada"), about="run1")
        for batch in reversed([*edits.batches()]):
            store.apply([batch])
        run = store.run("run1")
        assert run.hypothesis == "deeper is better"
        assert [(n.text, n.author, n.time) for n in run.notes] == [
            ("first, corrected", "bob", LATER + 1000)
        ]
        assert run.conclusion is not None
        assert (run.conclusion.text, run.conclusion.verdict) == ("it is not", "refuted")

    def test_a_projects_diary(self, store: Store) -> None:
        """Notes on a project need no run, and come in order of their first writing."""
        edits = desk()
        edits.record(NoteWritten(id="b", text="second", project="p")).cut()
        edits.record(NoteWritten(id="a", text="third", project="p")).cut()
        edits.record(NoteWritten(id="b", text="second, edited", project="p")).cut()
        early = desk(START).record(NoteWritten(id="c", text="first", project="p"))
        for batch in [*reversed(edits.batches()), *early.batches()]:
            store.apply([batch])
        assert [n.text for n in store.notes("p")] == ["first", "second, edited", "third"]
        assert store.notes("other") == []
        assert [(p.name, p.runs) for p in store.projects()] == [("p", 0)]

    def test_saved_views(self, store: Store) -> None:
        """A view comes back as it was saved; it can be renamed and taken back."""
        edits = desk()
        first = ViewSaved(id="v1", project="p", name="mine", page="runs", state="q=1", author="ada")
        edits.record(first).cut()
        edits.record(ViewSaved(id="v2", project="", name="all", page="", state="")).cut()
        edits.record(msgspec.structs.replace(first, name="ours")).cut()
        edits.record(ViewSaved(id="v3", project="p", name="gone", page="", state="")).cut()
        gone = ViewSaved(id="v3", project="p", name="gone", page="", state="", deleted=True)
        edits.record(gone).cut()
        for batch in reversed(edits.batches()):
            store.apply([batch])
        (mine,) = store.views("p")
        assert (mine.id, mine.name, mine.page, mine.state) == ("v1", "ours", "runs", "q=1")
        assert (mine.author, mine.created) == ("ada", LATER + 1000)
        assert [view.id for view in store.views("")] == ["v2"]
        assert [view.id for view in store.views()] == ["v1", "v2"]
        assert store.projects() == []

    def test_alerts_and_gaps_are_shown(self, store: Store) -> None:
        """Alerts, and what could not be kept, are part of a run."""
        scribe = Scribe("run1").start()
        scribe.record(AlertRaised(id="x", title="loss is NaN", level="error"))
        scribe.record(GapNoted(reason="the disk is full", rows=3, points=6))
        scribe.record(GapNoted(reason="the disk is full", rows=1, points=2)).finish()
        store.apply(scribe.batches())
        run = store.run("run1")
        assert [(a.title, a.level) for a in run.alerts] == [("loss is NaN", "error")]
        assert [(h.code, h.count) for h in run.health] == [("gap", 4)]
        assert "8 points in 4 rows" in run.health[0].message
        assert "the disk is full" in run.health[0].message

    def test_captures_go_by_part_and_rank(self, store: Store) -> None:
        """Of one part and rank the latest capture stands; facts of rank 0 can be found."""
        for rank in (0, 1):
            scribe = Scribe("run1", rank=rank, time=START + rank).start()
            facts = {"git.commit": f"first{rank}", "git.dirty": True}
            scribe.record(Captured(part="code", data={"n": [rank, 1]}, facts=facts)).cut()
            facts = {"git.commit": f"second{rank}"}
            scribe.record(Captured(part="code", data={"n": [rank, 2]}, facts=facts))
            for batch in reversed(scribe.finish().batches()):
                store.apply([batch])
        found = [(c.part, c.rank, c.data) for c in store.snapshot("run1")]
        assert found == [("code", 0, {"n": [0, 2]}), ("code", 1, {"n": [1, 2]})]
        assert store.run("run1").facts == {"git.commit": "second0"}
        assert [run.id for run in store.find("git.commit", "second0")] == ["run1"]
        assert store.find("git.commit", "first0") == []

    def test_metrics_are_summarised(self, store: Store) -> None:
        """Statistics span all rows, count NaN and the infinities, and take finite values else."""
        scribe = Scribe("run1").start()
        values = [3.0, math.nan, -1.0, math.inf, 5.0, -math.inf, math.nan]
        for step, value in enumerate(values):
            scribe.row({"x": value}, step)
        scribe.row({"none": math.nan}, 4).finish()
        store.apply(scribe.batches())
        metric = store.run("run1").metrics["x"]
        assert (metric.n, metric.nan, metric.posinf, metric.neginf) == (7, 2, 1, 1)
        assert (metric.min, metric.min_step, metric.max, metric.max_step) == (-1.0, 2, 5.0, 4)
        assert (metric.first, metric.first_step, metric.last_step) == (3.0, 0, 6)
        assert metric.mean == pytest.approx(7 / 3)
        assert math.isnan(metric.last)
        none = store.run("run1").metrics["none"]
        assert math.isnan(none.min)
        assert math.isnan(none.mean)

    def test_what_a_writer_says_agrees_with_its_rows(self, store: Store) -> None:
        """Summaries written by the writer, rows alone, and both mixed give the same numbers."""
        for name in ("said", "rows", "mixed"):
            scribe = Scribe(name, encoding="block" if name == "said" else "packed").start()
            for step in range(40):
                scribe.row({"x": math.sin(step) * 2**step, "y": -step / 8}, step)
                if name != "rows" and step in (10, 39 if name == "said" else 25):
                    scribe.summarise()
            store.apply(scribe.finish().batches())
        runs = [store.run(name).metrics for name in ("said", "rows", "mixed")]
        for key in ("x", "y"):
            plain = [
                msgspec.structs.replace(run[key], mean=0.0, last_time=0, key="") for run in runs
            ]
            assert plain[0] == plain[1] == plain[2]
            assert runs[0][key].mean == pytest.approx(runs[1][key].mean, rel=1e-12)
            assert runs[2][key].mean == pytest.approx(runs[1][key].mean, rel=1e-12)

    def test_definitions_of_metrics(self, store: Store) -> None:
        """Goal, unit, axis and rule hold for the key, or for all with its beginning."""
        scribe = Scribe("run1").start()
        scribe.record(MetricDefined(key="val/*", goal="max", summary="best"))
        scribe.record(MetricDefined(key="val/loss", goal="min", unit="nats"))
        scribe.record(MetricDefined(key="hidden", summary="none"))
        for step, value in enumerate([0.5, 0.9, 0.7]):
            scribe.row({"val/acc": value, "val/loss": value, "hidden": 1.0}, step)
        store.apply(scribe.finish().batches())
        run = store.run("run1")
        assert run.metrics["val/acc"].best == 0.9
        assert (run.metrics["val/loss"].best, run.metrics["val/loss"].unit) == (0.5, "nats")
        assert run.summary == {"val/acc": 0.9, "val/loss": 0.5}

    def test_values_that_are_no_numbers(self, store: Store) -> None:
        """Logged texts, images and tables come back by key, step and time."""
        scribe = Scribe("run1").start()
        for step in (2, 0, 1):
            value = {"text": f"at {step}", "nested": {"n": [step]}}
            scribe.record(ValueLogged(key="sample", step=step, kind="text", value=value))
        scribe.record(ValueLogged(key="other", step=0, kind="image", value={"digest": "d"}))
        batches = scribe.finish().batches()
        store.apply([*batches, *batches])
        found = store.values("run1", ["sample"])
        assert [(v.step, v.kind, v.value["text"]) for v in found] == [
            (0, "text", "at 0"),
            (1, "text", "at 1"),
            (2, "text", "at 2"),
        ]
        assert [v.key for v in store.values("run1")] == ["other", "sample", "sample", "sample"]

    def test_references(self, store: Store) -> None:
        """A run is found by id, end, beginning, name, project and name, and as the newest."""
        for at, (run, name) in enumerate([("01abc-111111", "a"), ("01abd-222222", "b")]):
            store.apply(Scribe(run, time=START + at * 10**6).start("p/q", name).batches())
        for ref in ("01abc-111111", "111111", "01abc", "a", "p/q/a", "run:a"):
            assert store.run(ref).id == "01abc-111111", ref
        assert store.run("@last").id == "01abd-222222"
        assert store.run("p/q/@last").id == "01abd-222222"
        for ref in ("", "zzz", "q/@last", "p/q/c", "bc-111", "%", "_"):
            with pytest.raises(NotFoundError):
                store.run(ref)
        with pytest.raises(RefError, match="names 2 runs"):
            store.run("01ab")

    def test_the_change_feed(self, store: Store) -> None:
        """What changed since a cursor is named at least once; a strange cursor says reload."""
        store.apply(Scribe("run1").start("p").batches())
        begin = store.changes()
        assert not begin.reload
        assert begin.changes == ()
        store.apply(Scribe("run2").start("q").batches())
        store.apply(desk().record(NoteWritten(id="n", text="t", project="diary")).batches())
        found = store.changes(begin.cursor)
        named = {(change.kind, change.id) for change in found.changes}
        assert {("run", "run2"), ("project", "q"), ("project", "diary")} <= named
        assert ("run", "run1") not in named
        assert store.changes(found.cursor).changes == ()
        assert store.changes("another-life:7").reload
        # A run that only shows that it lives has as many points as before.
        scribe = Scribe("run3").start("p").row({"loss": 1.0}, 0).row({"loss": 0.5}, 1)
        cursor, points = store.changes().cursor, []
        for _ in range(2):
            store.apply(scribe.record(Heartbeat(cpu_us=5)).batches())
            found = store.changes(cursor)
            points += [change.points for change in found.changes if change.id == "run3"]
            assert {change.points for change in found.changes if change.kind != "run"} == {0}
            cursor = found.cursor
        assert points == [2, 2]


def encoded(value: object) -> bytes:
    """Bytes that are equal where entities are, NaN included."""
    return msgspec.msgpack.encode(value)
