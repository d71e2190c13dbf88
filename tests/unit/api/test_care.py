"""Housekeeping: check, rebuild, garbage collection, keeping the best."""

from __future__ import annotations

import os

import pytest

from notabene.errors import FormatError, NotFoundError, UsageError
from notabene.journal.repair import repair
from notabene.model.records import ValueLogged
from notabene.testing.scribe import Scribe

A_MONTH = 31 * 86_400


def age(lab):
    """Make all content look a month old, as if it had been stored then."""
    for path in (lab.root / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, (path.stat().st_mtime - A_MONTH,) * 2)


@pytest.fixture
def littered(lab):
    """A store where some large content is referred to in each way, and some by nobody."""
    scribe = lab.scribe("r1")
    lab.image(scribe, "img", b"i" * 200_000)
    lab.capture(scribe, b"c" * 200_000)
    lab.artifact(scribe, "model", {"w": b"m" * 200_000})
    lab.run(scribe=scribe)
    lab.orphan = lab.blob(b"o" * 200_000)
    return lab


class TestGc:
    """What nothing refers to."""

    def test_young_content_stays(self, littered, api):
        """Content stored within 30 days stays, for its record may be on its way."""
        report = api.gc()
        assert (report.count, report.kept["young"], report.applied) == (0, 1, False)
        assert api.gc(apply=True).count == 0
        assert api.blob(littered.orphan)

    def test_only_what_nothing_refers_to_goes(self, littered, any_api):
        """A dry run says what would go; applied, it goes, and everything referred to stays."""
        age(littered)
        dry = any_api.gc()
        assert (dry.count, dry.bytes, dry.applied) == (1, 200_000, False)
        assert any_api.blobs.has(littered.orphan)
        done = any_api.gc(apply=True)
        assert (done.count, done.applied) == (1, True)
        assert not any_api.blobs.has(littered.orphan)
        assert any_api.artifact("model").read("w") == b"m" * 200_000
        assert any_api.blob(any_api.values("r1", "img")[0].value["file"]) == b"i" * 200_000
        files = any_api.captured("r1")["code"]["files"]
        assert any_api.blob(files["train.py"]) == b"c" * 200_000
        assert any_api.gc(apply=True).count == 0

    def test_undo(self, littered, api):
        """A collection can be undone, the last one or one by its id."""
        with pytest.raises(NotFoundError, match="no collection to undo"):
            api.gc(undo=True)
        age(littered)
        done = api.gc(apply=True)
        assert api.gc(undo=True).count == 1
        assert api.blobs.has(littered.orphan)
        age(littered)
        again = api.gc(apply=True)
        assert again.id != done.id
        assert api.gc(undo=again.id).bytes == 200_000
        assert api.blobs.has(littered.orphan)

    def test_undo_is_equal_to_the_byte(self, lab, api, tmp_path):
        """An export after a collection and its undo is the file of before."""
        scribe = lab.scribe("r1")
        lab.artifact(scribe, "model", {"w": b"m" * 200_000, "small": b"s"})
        lab.run(scribe=scribe)
        lab.blob(b"o" * 200_000)
        api.export("r1", tmp_path / "before", inputs=True)
        age(lab)
        api.gc(apply=True)
        api.gc(undo=True)
        api.export("r1", tmp_path / "after", inputs=True)
        before, after = (tmp_path / f"{name}.notabene" for name in ("before", "after"))
        assert before.read_bytes() == after.read_bytes()

    def test_runs_in_the_trash_keep_their_content(self, littered, api):
        """What a deleted run refers to stays as long as the run can be restored."""
        age(littered)
        api.delete("r1")
        assert api.gc(apply=True).count == 1
        api.restore("r1")
        assert api.blob(api.values("r1", "img")[0].value["file"]) == b"i" * 200_000

    def test_values_that_a_resumed_run_replaced_keep_their_content(self, lab, api):
        """Content of hidden values stays."""
        digest = lab.blob(b"h" * 200_000)
        first = Scribe("r", writer="w1").start(project="p")
        first.record(ValueLogged(key="k", step=5, kind="image", value={"file": digest}))
        lab.save(first)
        second = Scribe("r", writer="w2").start(project="p", replaces=("w1",))
        second.record(ValueLogged(key="k", step=1, kind="text", value={}))
        lab.save(second.finish())
        age(lab)
        assert [value.step for value in api.values("r")] == [1]
        assert api.gc().count == 0

    def test_content_that_others_may_need(self, lab, open_api, tmp_path, monkeypatch):
        """Content outside of the store is collected only where no other store uses it."""
        monkeypatch.setenv("NOTABENE_ARTIFACTS", str(tmp_path / "shared"))
        lab.run("r1")
        api = open_api(lab.root)
        digest = api.blobs.put(b"of another store" * 20_000)
        for path in (tmp_path / "shared").rglob("*"):
            os.utime(path, (0, 0))
        assert api.gc().count == 1
        with pytest.raises(UsageError, match="other stores"):
            api.gc(apply=True)
        assert api.blobs.has(digest)
        assert api.gc(apply=True, alone=True).count == 1

    def test_a_damaged_journal_stops_it(self, littered, api):
        """Where a journal is damaged, nothing is collected."""
        age(littered)
        scribe = littered.scribe("r2").cut()
        lab_path = littered.save(scribe.record(ValueLogged(key="k", step=0, kind="t", value={})))
        data = bytearray(lab_path.read_bytes())
        data[-80] ^= 1
        lab_path.write_bytes(data + scribe.frames[-1])
        with pytest.raises(FormatError, match="damaged"):
            api.gc(apply=True)
        assert api.blobs.has(littered.orphan)

    def test_a_broken_off_deletion_is_finished(self, lab, api, monkeypatch):
        """A deleted run that still lies among the others goes to the trash."""
        lab.run("r1")
        with monkeypatch.context() as patch:
            patch.setattr("notabene.api.edits.put_away", lambda *_: None)
            api.delete("r1")
        assert lab.folder.find_run_dir("r1") is not None
        api.gc()
        assert lab.folder.find_run_dir("r1") is not None
        api.gc(apply=True)
        assert lab.folder.find_run_dir("r1") is None
        api.restore("r1")
        assert api.runs().ids == ["r1"]


class TestPurge:
    """What has been in the trash for 30 days."""

    def test_runs(self, littered, any_api):
        """Overdue runs go for good, their content with the next collection; others stay."""
        littered.run("r2", values={"a": [1.0]})
        littered.run("r3", values={"a": [2.0]})
        for name in ("r1", "r2"):
            any_api.delete(name)
        place = littered.folder.trash / "runs" / "r1"
        os.utime(place, (place.stat().st_mtime - A_MONTH,) * 2)
        dry = any_api.gc(purge=True)
        assert (dry.runs, dry.applied) == (("r1",), False)
        assert dry.bytes > 0
        assert place.exists()
        done = any_api.gc(purge=True, apply=True)
        assert (done.runs, done.applied) == (("r1",), True)
        assert not place.exists()
        assert any_api.runs(deleted=True).ids == ["r2"]
        with pytest.raises(NotFoundError):
            any_api.restore("r1")
        any_api.restore("r2")
        assert any_api.history("r2", "a").values.tolist() == [1.0]
        age(littered)
        assert any_api.gc(apply=True).count == 3
        any_api.rebuild()
        assert set(any_api.runs(archived=True).ids) == {"r2", "r3"}

    def test_content(self, littered, api, monkeypatch):
        """Collected content goes for good after 30 days, and not before."""
        age(littered)
        api.gc(apply=True)
        assert api.gc(purge=True).count == 0
        assert api.gc(purge=True, apply=True).count == 0
        from notabene import _ids

        real = _ids.now_us

        def later():
            return real() + A_MONTH * 1_000_000

        for module in ("api.care", "api.trash", "artifacts.gc", "artifacts.trash", "_ids"):
            monkeypatch.setattr(f"notabene.{module}.now_us", later, raising=False)
        assert api.gc(purge=True).count == 1
        assert api.gc(purge=True, apply=True).count == 1
        with pytest.raises(NotFoundError):
            api.blob(littered.orphan)


class TestIndex:
    """check and rebuild."""

    def test_check(self, lab, any_api):
        """A good index is told good, with what was looked at."""
        lab.run("r1", values={"a": [1.0, float("nan"), 3.0], "b": [1.0, 2.0, 3.0]})
        report = any_api.check()
        assert report.good, report.problems
        assert (report.runs, report.points) == (1, 6)

    def test_rebuild_is_equal(self, littered, any_api):
        """An index made anew answers alike."""
        littered.run("r2", values={"a": [1.0, 2.0]}, tags={"x": "1"})
        any_api.note("r2", "text")
        before = [view.to_dict() for view in any_api.runs()]
        report = any_api.rebuild()
        assert (report.runs, report.points) == (2, 2)
        assert [view.to_dict() for view in any_api.runs()] == before

    def test_seal(self, lab, any_api):
        """Ended runs become one file each and answer alike; a run at work stays as it is."""
        lab.run("r1", values={"a": [float(i) for i in range(5000)]})
        lab.run("r2", values={"a": [1.0]}, status=None)
        before = any_api.history("r1", "a").values.tolist()
        buckets = any_api.history("r1", "a", samples=20).to_dict()
        assert [done.run for done in any_api.seal(seconds=10.0)] == ["r1"]
        assert [path.name for path in any_api.run_dir("r1").iterdir()] == ["sealed"]
        assert any_api.history("r1", "a").values.tolist() == before
        assert any_api.history("r1", "a", samples=20).to_dict()["mean"] == buckets["mean"]
        assert any_api.seal(seconds=10.0) == []
        assert any_api.check().good

    def test_a_damaged_sealed_file(self, lab, any_api):
        """It stops nobody from reading the rest, is told, and repair brings back what it lost."""
        lab.run("r1", values={"a": [1.0, 2.0]})
        lab.run("r1", values={"b": [3.0]})
        lab.run("r2", values={"a": [1.0]})
        any_api.refresh()
        assert len(any_api.seal(seconds=10.0)) == 2
        path = any_api.run_dir("r1") / "sealed"
        data = bytearray(path.read_bytes())
        data[-20] ^= 1  # in the last frame, which holds all of the second writer
        path.chmod(0o644)
        path.write_bytes(data)
        any_api.rebuild()
        assert any_api.history("r1", "a").values.tolist() == [1.0, 2.0]
        assert any_api.history("r2", "a").values.tolist() == [1.0]
        report = any_api.check()
        assert "damaged" in report.problems[0]
        assert repair(path).holes == {}
        any_api.rebuild()
        assert any_api.history("r1", "b").values.tolist() == [3.0]
        assert any_api.check().good


class TestKeep:
    """The last and the best versions."""

    @pytest.fixture
    def models(self, lab):
        """Five versions of a model by runs of different accuracy; v1 is used, v2 aliased."""
        versions = []
        for n, acc in enumerate((0.1, 0.2, 0.9, 0.5, 0.4), 1):
            scribe = lab.scribe(f"r{n}")
            aliases = ["pinned"] if n == 2 else []
            versions.append(lab.artifact(scribe, "model", {"w": b"%d" % n}, aliases=aliases))
            lab.run(scribe=scribe, values={"acc": [acc]})
        user = lab.scribe("user")
        lab.use(user, versions[0])
        lab.run(scribe=user)

    def test_the_best(self, models, any_api):
        """The best by a metric stay, and what is used, aliased or the latest."""
        would = any_api.keep_artifacts("model", best=1, metric="acc")
        assert [v.version for v in would] == [4]
        assert len(any_api.artifacts("model")) == 5
        any_api.keep_artifacts("model", best=1, metric="acc", apply=True)
        assert [v.version for v in any_api.artifacts("model")] == [5, 3, 2, 1]
        any_api.restore_artifact("model:v4")
        least = any_api.keep_artifacts("model", best=1, metric="acc", goal="min")
        assert [v.version for v in least] == [3, 4]

    def test_the_last(self, models, api):
        """The newest stay."""
        assert [v.version for v in api.keep_artifacts("model", last=2)] == [3]

    def test_wrong_calls(self, models, api):
        """Neither number, no metric, or no such artifact is refused."""
        with pytest.raises(UsageError, match="how many"):
            api.keep_artifacts("model")
        with pytest.raises(UsageError, match="metric="):
            api.keep_artifacts("model", best=1)
        with pytest.raises(NotFoundError):
            api.keep_artifacts("none", last=1)
