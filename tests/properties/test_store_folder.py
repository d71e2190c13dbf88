"""A store folder and its index, whatever happens to both: a rebuild gives equal answers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from notabene.journal.folder import StoreFolder
from notabene.model.records import RunDeleted, TagsChanged
from notabene.store.local import LocalStore
from notabene.store.verify import everything
from notabene.testing.scribe import START, Encoding, Scribe

RUNS = ("run0", "run1", "run2")


class FolderMachine(RuleBasedStateMachine):
    """Journals grow, runs end, are sealed, deleted, copied in; the index comes and goes."""

    @initialize()
    def open(self) -> None:
        """Begin with an empty store."""
        self.home = Path(tempfile.mkdtemp(prefix="nb-"))
        self.folder = StoreFolder.open(self.home / "store", create=True)
        self.store = LocalStore(self.folder, self.home / "index.sqlite")
        self.scribes: dict[str, list[Scribe]] = {}
        self.desk = Scribe("", writer="desk", time=START + 10**9)

    def teardown(self) -> None:
        """Remove everything."""
        self.store.close()
        shutil.rmtree(self.home)

    def save(self, scribe: Scribe) -> None:
        """Bring what a scribe wrote to the disk."""
        place = self.folder.find_run_dir(scribe.run, trash=True)
        scribe.save(place or self.folder.new_run_dir(scribe.run, START))

    @rule(
        run=st.sampled_from(RUNS),
        encoding=st.sampled_from(["block", "rows", "packed"]),
        resume=st.booleans(),
    )
    def begin(self, run: str, encoding: Encoding, resume: bool) -> None:
        """A process begins to write to a run, and may stand in for those before it."""
        others = self.scribes.setdefault(run, [])
        if len(others) < 3:
            replaces = tuple(scribe.id for scribe in others) if resume else ()
            time = START + 10**6 * len(others)
            scribe = Scribe(run, writer=f"{run}w{len(others)}", time=time, encoding=encoding)
            others.append(scribe.start("p", run, replaces=replaces))
            self.folder.mark_live(run, scribe.id)  # as whoever begins or joins a run does
            self.save(scribe)

    @rule(
        data=st.data(),
        values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5),
        step=st.integers(0, 9),
        end=st.sampled_from(["", "", "summary", "finish"]),
    )
    def write(self, data: st.DataObject, values: list[float], step: int, end: str) -> None:
        """A process writes on."""
        scribes = [scribe for some in self.scribes.values() for scribe in some]
        if not scribes:
            return
        scribe = data.draw(st.sampled_from(scribes))
        for at, value in enumerate(values):
            row = {"x": value} if at % 2 else {"x": value, "y": -value}
            scribe.row(row, step + at)
        if end == "summary":
            scribe.summarise()
        elif end == "finish":
            scribe.finish()
        if f"{scribe.id}.journal" not in self.sealed_away(scribe.run):
            self.save(scribe)

    def sealed_away(self, run: str) -> set[str]:
        """Journals that a sealed file replaced; nobody writes to them any more."""
        place = self.folder.trash / "sealed" / run
        return {path.name for path in place.iterdir()} if place.is_dir() else set()

    @rule(run=st.sampled_from(RUNS), gone=st.booleans())
    def edit(self, run: str, gone: bool) -> None:
        """A person edits a run."""
        self.desk.record(TagsChanged(removed=("t",)) if gone else TagsChanged(set={"t": run}), run)
        self.desk.save(self.folder.desk)

    @rule(run=st.sampled_from(RUNS), back=st.booleans())
    def delete(self, run: str, back: bool) -> None:
        """A run goes to the trash, or comes back."""
        place, trash = self.folder.find_run_dir(run), self.folder.trash / "runs" / run
        if back and trash.is_dir() and place is None:
            trash.rename(self.folder.runs / "2023-11" / run)
        elif not back and place is not None:
            trash.parent.mkdir(parents=True, exist_ok=True)
            place.rename(trash)
        else:
            return
        self.desk.record(RunDeleted(deleted=not back), about=run)
        self.desk.save(self.folder.desk)

    @rule()
    def seal(self) -> None:
        """Runs that have ended are compacted."""
        self.store.refresh()
        self.store.seal(budget=10)

    @rule()
    def reopen(self) -> None:
        """Another process takes over the index."""
        self.store.close()
        self.store = LocalStore(self.folder, self.home / "index.sqlite")

    @rule()
    def spoil(self) -> None:
        """The index is damaged."""
        self.store.close()
        path = self.home / "index.sqlite"
        path.write_bytes(b"no database" + path.read_bytes()[11:])
        self.store = LocalStore(self.folder, path)

    @rule()
    def rebuild(self) -> None:
        """The index is made anew on purpose."""
        self.store.rebuild()

    @invariant()
    def a_look_is_as_good_as_a_rebuild(self) -> None:
        """What a look brings in is what a fresh index would hold."""
        if not hasattr(self, "store"):
            return
        self.store.refresh()
        fresh = LocalStore(self.folder, None)
        try:
            fresh.refresh(full=True)
            assert everything(self.store) == everything(fresh)
            assert points(self.store) == points(fresh)
        finally:
            fresh.close()

    @rule()
    def check(self) -> None:
        """The index finds nothing wrong with itself."""
        assert self.store.check().problems == []


def points(store: LocalStore) -> dict[str, bytes]:
    """All points of a store, as bytes."""
    found = {}
    for run in store.runs(deleted=None).ids():
        for series in store.series([run], ["x", "y"]):
            if series.points is not None:
                steps, values = series.points.steps, series.points.values
                found[f"{run} {series.key}"] = steps.tobytes() + values.tobytes()
    return found


TestFolder = FolderMachine.TestCase
TestFolder.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)
