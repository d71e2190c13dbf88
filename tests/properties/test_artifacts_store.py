"""A store of blobs against a dict, through deletions, collections, undo and restarts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from notabene.artifacts import gc
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.versions import Versions
from notabene.model.canonical import digest_bytes

SMALL = 1000
contents = st.integers(0, 11).map(lambda n: bytes([n]) * (SMALL + n if n % 3 == 0 else 10 * n))


class BlobMachine(RuleBasedStateMachine):
    """What is put is there until it is deleted, and again after an undo."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model: dict[str, bytes] = {}
        self.undoable: list[tuple[str, dict[str, bytes]]] = []
        self.stores = [self.open(), self.open()]
        self.versions = Versions(self.folder / "artifacts")

    def open(self) -> LocalBlobs:
        """A store as another process would open it."""
        return LocalBlobs(self.folder / "blobs", small=SMALL)

    @rule(content=contents, which=st.integers(0, 1))
    def put(self, content: bytes, which: int) -> None:
        """Two writers put."""
        self.model[self.stores[which].put(content)] = content

    @rule(content=contents, which=st.integers(0, 1))
    def put_chunks(self, content: bytes, which: int) -> None:
        """Two writers put in pieces."""
        info = self.stores[which].put_chunks([content[:7], content[7:]])
        self.model[info.digest] = content

    @rule(which=st.integers(0, 1))
    def restart(self, which: int) -> None:
        """A process ends, and the next begins."""
        self.stores[which].close()
        self.stores[which] = self.open()

    @rule(content=contents)
    def touch(self, content: bytes) -> None:
        """What is there or can be brought back is touched; what never was is named."""
        digest = digest_bytes(content)
        absent = self.stores[0].touch([digest])
        if digest in self.model:
            assert absent == set()
        elif not absent:
            self.model[digest] = content
            assert any(digest in took for _, took in self.undoable)

    @rule(data=st.data())
    def collect(self, data: st.DataObject) -> None:
        """A collection removes nothing that is named, and says what it took."""
        for store in self.stores:
            store.close()
        named = data.draw(st.sets(st.sampled_from(sorted(self.model)))) if self.model else set()
        plan = gc.plan(self.stores[0], self.versions, named, min_age_days=0)
        tombstone = gc.apply(self.stores[0], plan)
        assert not tombstone.digests & named
        took = {digest: self.model.pop(digest) for digest in tombstone.digests}
        self.undoable.append((tombstone.id, took))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """What is deleted is gone."""
        for store in self.stores:
            store.close()
        digest = data.draw(st.sampled_from(sorted(self.model)))
        assert self.stores[0].delete([digest]) == 1
        tombstone = self.stores[0].trash.tombstones()[0]
        self.undoable.append((tombstone.id, {digest: self.model.pop(digest)}))

    @precondition(lambda self: self.undoable)
    @rule()
    def undo(self) -> None:
        """The last deletion is undone: all that it took is there again."""
        id_, took = self.undoable.pop()
        gc.undo(self.stores[1], id_)
        self.model |= took

    @rule()
    def purge(self) -> None:
        """What is in the trash is removed for good; what is there stays."""
        gc.purge(self.stores[0], self.versions, list(self.model), days=-1)
        self.undoable.clear()

    @invariant()
    def same(self) -> None:
        """Both see exactly what the model has, byte for byte."""
        for store in self.stores:
            assert {i.digest: i.size for i in store.list()} == {
                digest: len(content) for digest, content in self.model.items()
            }
            for digest, content in self.model.items():
                assert store.has(digest)
                assert store.read(digest) == content

    def teardown(self) -> None:
        """Leave nothing behind."""
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)


BlobMachine.TestCase.settings = settings(stateful_step_count=20, deadline=None)


class TestBlobs(BlobMachine.TestCase):
    """Any sequence of these steps."""
