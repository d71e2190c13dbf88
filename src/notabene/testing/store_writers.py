"""Rules of stores: several writers, how runs end, and what a resume hides."""

from __future__ import annotations

import pytest

from notabene._ids import now_us
from notabene.model.records import Heartbeat, StatusSeen, ValueLogged
from notabene.store.base import Store, Window
from notabene.testing.scribe import START, Scribe

HOUR = 3_600_000_000


class WriterRules:
    """Writers to statuses and to what is shown."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store; the backend's fixture replaces this one."""
        raise NotImplementedError

    def test_a_run_takes_as_long_as_its_writers_measured(self, store: Store) -> None:
        """A wall clock that was set meanwhile says when a run ended, not how long it took."""
        scribe = Scribe("run1").start()
        began = scribe.time - 1000
        scribe.time += 86_400_000_000
        store.apply(scribe.finish(took_us=4_000_000).batches())
        run = store.run("run1")
        assert run.ended == scribe.time
        assert run.ended - began > 86_400_000_000
        assert run.duration == pytest.approx(4.0, abs=0.1)
        again = Scribe("run1", writer="w2").start()
        again.time = scribe.time + 5_000_000
        store.apply(again.finish().batches())
        assert store.run("run1").duration > 86_400  # one that did not measure: by the wall clock

    def test_running_and_lost(self, store: Store) -> None:
        """A run without an end is running as long as it shows life, then lost until it does."""
        scribe = Scribe("run1", time=now_us() - 1_000_000).start()
        store.apply(scribe.new())
        assert store.run("run1").status == "running"
        quiet = Scribe("run2", time=START).start()
        store.apply(quiet.new())
        assert store.run("run2").status == "lost"
        quiet.time = now_us()
        store.apply(quiet.record(Heartbeat(cpu_us=7_000_000)).new())
        assert store.run("run2").status == "running"
        assert store.run("run2").cost_cpu == 7.0

    def test_growth_is_a_sign_of_life(self, store: Store) -> None:
        """Data that is seen to arrive now makes a run alive, whatever its clock says."""
        store.apply(Scribe("run1", time=START).start().batches(), seen=now_us())
        assert store.run("run1").status == "running"

    def test_failed_with_its_reason(self, store: Store) -> None:
        """A failed run keeps reason, exit code, traceback and last lines."""
        scribe = Scribe("run1").start()
        scribe.finish("failed", reason="ValueError: x", exit_code=1, traceback="T", last_lines="L")
        store.apply(scribe.batches())
        run = store.run("run1")
        assert (run.status, run.reason, run.exit_code) == ("failed", "ValueError: x", 1)
        assert (run.traceback, run.last_lines) == ("T", "L")

    def test_killed_is_what_others_saw(self, store: Store) -> None:
        """A writer that said nothing ended as a parent saw; its own word would count more."""
        dead, well = Scribe("run1", writer="a").start(), Scribe("run2", writer="b").start()
        store.apply([*dead.batches(), *well.finish().batches()])
        for of, writer in (("run1", "a"), ("run2", "b")):
            parent = Scribe(of, time=START + 1_000_000)
            parent.record(StatusSeen(writer=writer, status="killed", exit_code=137, reason="9"))
            store.apply(parent.batches())
        run = store.run("run1")
        assert (run.status, run.exit_code, run.reason) == ("killed", 137, "9")
        assert store.run("run2").status == "finished"

    def test_found_dead_later(self, store: Store) -> None:
        """A death noticed a day later happened when the writer was last heard of."""
        scribe = Scribe("run1", writer="a").start().row({"x": 1.0}, 0)
        store.apply(scribe.batches())
        finder = Scribe("run1", writer="a-end", time=START + 24 * HOUR)
        store.apply(finder.record(StatusSeen(writer="a", status="killed")).batches())
        run = store.run("run1")
        assert (run.status, run.ended) == ("killed", scribe.time)

    def test_all_ranks_decide(self, store: Store) -> None:
        """A run of several ranks is finished when all are, and fails with the first that fails."""
        ranks = [Scribe("run1", rank=rank, time=START + rank).start(world=3) for rank in range(3)]
        for scribe in ranks:
            store.apply(scribe.new())
        ranks[0].finish()
        ranks[2].finish("killed", exit_code=137)
        store.apply([*ranks[0].new(), *ranks[2].new()])
        assert store.run("run1").status == "lost"
        store.apply(ranks[1].finish("failed", reason="later").new())
        run = store.run("run1")
        assert (run.status, run.ranks) == ("failed", 3)
        assert run.reason in ("rank 1: later", "rank 2: killed")

    def test_who_saw_the_exit_code_tells_the_end(self, store: Store) -> None:
        """Of two writers of one rank the one that knows the exit code says how the run ended."""
        around = Scribe("run1", writer="around").start()
        inside = Scribe("run1", writer="inside").start()
        seen = Scribe("run1", writer="inside-end")
        seen.record(StatusSeen(writer="inside", status="killed", reason="without a word")).cut()
        around.time = seen.time + 1000
        around.finish("killed", exit_code=137, reason="SIGKILL")
        store.apply([*around.batches(), *inside.cut().batches(), *seen.batches()])
        run = store.run("run1")
        assert (run.status, run.exit_code, run.reason) == ("killed", 137, "SIGKILL")

    def test_workers_do_not_decide(self, store: Store) -> None:
        """A data loader's worker neither keeps a run from finishing nor fails it."""
        main, worker = Scribe("run1").start(), Scribe("run1").start(role="worker")
        failing = Scribe("run1").start(role="worker").finish("failed")
        store.apply([*worker.batches(), *failing.batches(), *main.finish().batches()])
        assert store.run("run1").status == "finished"

    def test_a_resumed_run_runs_again(self, store: Store) -> None:
        """After a resume the new writer alone decides; the start stays the first one."""
        first = Scribe("run1", writer="a").start().finish("failed")
        store.apply(first.batches())
        second = Scribe("run1", writer="b", time=now_us() - 1_000_000).start(replaces=("a",))
        store.apply(second.new())
        run = store.run("run1")
        assert (run.status, run.started) == ("running", START + 1000)
        store.apply(second.finish().new())
        assert store.run("run1").status == "finished"

    @pytest.mark.parametrize("late", [False, True])
    def test_a_resume_hides_what_it_replaces(self, store: Store, late: bool) -> None:
        """Points of a replaced writer from the resumed step on are hidden, late ones too."""
        old = Scribe("run1", writer="a").start()
        for step in range(6):
            old.row({"loss": 10.0 + step}, step)
        old.row({"val": 7.0}, 5).cut()
        for step in range(6, 10):
            old.row({"loss": 10.0 + step}, step)
        old.summarise().finish()
        new = Scribe("run1", writer="b", time=START + HOUR).start(replaces=("a",))
        for step in range(4, 8):
            new.row({"loss": float(step)}, step)
        batches = old.batches()
        order = [*batches[:1], *new.finish().batches(), *batches[1:]]
        store.apply(order if late else [*batches, *new.batches()])
        (series,) = store.series(["run1"], ["loss"])
        assert series.points is not None
        assert series.points.steps.tolist() == list(range(8))
        assert series.points.values.tolist() == [10.0, 11.0, 12.0, 13.0, 4.0, 5.0, 6.0, 7.0]
        metric = store.run("run1").metrics["loss"]
        assert (metric.n, metric.max, metric.last, metric.last_step) == (8, 13.0, 7.0, 7)
        assert store.run("run1").metrics["val"].last == 7.0
        (hidden,) = store.series(["run1"], ["loss"], Window(hidden=True))
        assert hidden.points is not None
        assert len(hidden.points.values) == 14

    def test_resumes_of_resumes(self, store: Store) -> None:
        """A third writer hides points of the first even if it names only the second."""
        for at, (writer, replaces, begin) in enumerate(
            [("a", (), 0), ("b", ("a",), 5), ("c", ("b",), 3)]
        ):
            scribe = Scribe("run1", writer=writer, time=START + at * HOUR)
            scribe.start(replaces=replaces)
            for step in range(begin, 8):
                scribe.row({"x": float(at)}, step)
            store.apply(scribe.finish().batches())
        (series,) = store.series(["run1"], ["x"])
        assert series.points is not None
        assert series.points.values.tolist() == [0.0] * 3 + [2.0] * 5
        assert store.run("run1").metrics["x"].n == 8

    def test_other_ranks_replace_nothing(self, store: Store) -> None:
        """A resuming writer hides only points of its own rank."""
        for rank in (0, 1):
            scribe = Scribe("run1", writer=f"old{rank}", rank=rank).start()
            for step in range(4):
                scribe.row({"x": float(rank)}, step)
            store.apply(scribe.finish("failed").batches())
        new = Scribe("run1", writer="new", rank=0, time=START + HOUR)
        new.start(replaces=("old0", "old1")).row({"x": 9.0}, 2)
        store.apply(new.finish().batches())
        (first,) = store.series(["run1"], ["x"])
        assert first.points is not None
        assert first.points.values.tolist() == [0.0, 0.0, 9.0]
        assert store.run("run1").metrics["x"].n == 7

    def test_a_resume_hides_values_too(self, store: Store) -> None:
        """Logged values follow the rule of points, per key."""
        old, new = Scribe("run1", writer="a"), Scribe("run1", writer="b", time=START + HOUR)
        old.start()
        for step in range(4):
            old.record(ValueLogged(key="img", step=step, kind="image", value={"by": "a"}))
        old.record(ValueLogged(key="txt", step=3, kind="text", value={"by": "a"}))
        new.start(replaces=("a",))
        new.record(ValueLogged(key="img", step=2, kind="image", value={"by": "b"}))
        store.apply([*old.finish().batches(), *new.finish().batches()])
        found = [(v.key, v.step, v.value["by"]) for v in store.values("run1")]
        assert found == [("img", 0, "a"), ("img", 1, "a"), ("img", 2, "b"), ("txt", 3, "a")]
