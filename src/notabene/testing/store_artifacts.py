"""Rules of stores: artifacts, aliases and who made or read what."""

from __future__ import annotations

from typing import Any

import pytest

from notabene.errors import NotFoundError, RefError
from notabene.model.records import AliasMoved, ArtifactDeleted, ArtifactLogged, ArtifactUsed
from notabene.query import parse
from notabene.store.base import Store
from notabene.testing.scribe import START, Scribe


def logged(version: int, **more: Any) -> ArtifactLogged:
    """A version of the artifact ``model``."""
    fields: dict[str, Any] = {"digest": f"d{version}", "size": 10 * version, "files": 1, **more}
    return ArtifactLogged(name="model", version=version, type="weights", **fields)


class ArtifactRules:
    """Records to artifacts."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store; the backend's fixture replaces this one."""
        raise NotImplementedError

    def test_versions_and_aliases(self, store: Store) -> None:
        """Versions are found by number, alias and as the latest."""
        scribe = Scribe("run1").start()
        scribe.record(logged(1, aliases=("first", "best"), metadata={"acc": 0.5}))
        scribe.record(logged(2, aliases=("best",), description="better"))
        store.apply(scribe.finish().batches())
        assert store.artifact("model:v1").aliases == ("first",)
        assert store.artifact("model:best").version == 2
        assert store.artifact("model").version == 2
        second = store.artifact("model:v2")
        assert (second.run, second.type, second.digest, second.size) == (
            "run1",
            "weights",
            "d2",
            20,
        )
        assert second.description == "better"
        assert store.artifact("model:first").metadata == {"acc": 0.5}
        for ref in ("model:v3", "model:worst", "other"):
            with pytest.raises(NotFoundError):
                store.artifact(ref)
        with pytest.raises(RefError):
            store.artifact("model:")

    def test_aliases_go_by_time(self, store: Store) -> None:
        """The latest move of an alias stands, whatever came first; an alias can be taken away."""
        store.apply(Scribe("run1").start().record(logged(1)).record(logged(2)).batches())
        edits = Scribe("", time=START + 10**9)
        edits.record(AliasMoved(name="model", alias="prod", version=1)).cut()
        edits.record(AliasMoved(name="model", alias="prod", version=2)).cut()
        edits.record(AliasMoved(name="model", alias="gone", version=1)).cut()
        edits.record(AliasMoved(name="model", alias="gone", version=None)).cut()
        for batch in reversed(edits.batches()):
            store.apply([batch])
        assert store.artifact("model:prod").version == 2
        assert [v.aliases for v in store.artifacts("model")] == [(), ("latest", "prod")]

    def test_latest_was_logged_last(self, store: Store) -> None:
        """``latest`` is the version logged last, new or again, in whatever order records come."""
        begin = store.changes().cursor
        scribe = Scribe("run1").start()
        for version in (1, 2, 3, 1, 2):
            scribe.record(logged(version)).cut()
        for batch in reversed(scribe.finish().batches()):
            store.apply([batch])
        assert store.artifact("model").version == 2
        assert [v.aliases for v in store.artifacts("model")] == [(), ("latest",), ()]
        assert ("artifact", "model") in {(c.kind, c.id) for c in store.changes(begin).changes}
        edits = Scribe("", time=START + 10**9).record(ArtifactDeleted(name="model", version=2))
        store.apply(edits.new())
        assert store.artifact("model:latest").version == 1  # logged again, and so after 3
        assert store.artifact("model:v2").aliases == ()
        for version in (1, 3):
            edits.record(ArtifactDeleted(name="model", version=version))
        store.apply(edits.new())
        with pytest.raises(NotFoundError):
            store.artifact("model")

    def test_latest_goes_by_the_time_of_logging(self, store: Store) -> None:
        """Where records say when they were logged, that decides, whatever a writer's clock says."""
        slow, fast = Scribe("slow").start(), Scribe("fast", time=START + 10**9).start()
        fast.record(logged(1, logged=START + 1))
        slow.record(logged(2, logged=START + 2))
        store.apply([*slow.batches(), *fast.batches()])
        assert store.artifact("model").version == 2
        edits = Scribe("", time=START + 10**9)
        store.apply(edits.record(AliasMoved(name="model", alias="latest", version=1)).batches())
        assert store.artifact("model").version == 2  # no alias can stand for it

    def test_the_first_maker_stands(self, store: Store) -> None:
        """Content that several runs made belongs to the one that made it first."""
        for at, run in ((2, "late"), (1, "early"), (3, "last")):
            store.apply(Scribe(run, time=START + at * 10**6).start().record(logged(1)).batches())
        assert store.artifact("model:v1").run == "early"
        assert [edge.run for edge in store.links(artifact="model", version=1)] == [
            "early",
            "late",
            "last",
        ]

    def test_deleted_versions(self, store: Store) -> None:
        """A deleted version is left out of lists and of ``latest``, and can come back."""
        store.apply(Scribe("run1").start().record(logged(1)).record(logged(2)).batches())
        edits = Scribe("", time=START + 10**9).record(ArtifactDeleted(name="model", version=2))
        store.apply(edits.new())
        assert [v.version for v in store.artifacts("model")] == [1]
        assert [(v.version, v.deleted) for v in store.artifacts(deleted=True)] == [
            (1, False),
            (2, True),
        ]
        assert store.artifact("model").version == 1
        assert store.artifact("model:v2").deleted
        edits.record(ArtifactDeleted(name="model", version=2, deleted=False))
        store.apply(edits.new())
        assert store.artifact("model").version == 2

    def test_lineage(self, store: Store) -> None:
        """Edges name who made and who read a version, and can be searched."""
        maker = Scribe("maker").start("p", "maker").record(logged(1)).finish()
        reader = Scribe("reader", time=START + 10**6).start("p", "reader")
        reader.record(ArtifactUsed(name="model", version=1, digest="d1", role="init"))
        reader.record(ArtifactUsed(name="model", version=1, digest="d1", role="init")).finish()
        store.apply([*reader.batches(), *maker.batches()])
        edges = store.links(artifact="model")
        assert [(e.run, e.direction, e.role) for e in edges] == [
            ("maker", "output", ""),
            ("reader", "input", "init"),
        ]
        assert store.links(run="reader") == list(store.run("reader").artifacts)
        assert store.links(artifact="model", version=2) == []
        found = store.runs(parse("inputs.name = 'model'"))
        assert [run.name for run in found] == ["reader"]

    def test_artifacts_without_a_run(self, store: Store) -> None:
        """A version that a person put in has no run."""
        store.apply(Scribe("", time=START).record(logged(1)).batches())
        assert store.artifact("model:v1").run == ""
        assert store.links(artifact="model") == []

    def test_changes_name_artifacts(self, store: Store) -> None:
        """The change feed names an artifact when a version comes and when an alias moves."""
        begin = store.changes().cursor
        store.apply(Scribe("run1").start().record(logged(1)).batches())
        middle = store.changes(begin)
        assert ("artifact", "model") in {(c.kind, c.id) for c in middle.changes}
        edits = Scribe("", time=START + 10**9)
        store.apply(edits.record(AliasMoved(name="model", alias="a", version=1)).batches())
        assert ("artifact", "model") in {
            (c.kind, c.id) for c in store.changes(middle.cursor).changes
        }
