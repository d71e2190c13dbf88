"""What can be asked of a store."""

from __future__ import annotations

import pytest

from notabene.errors import IntegrityError, NotFoundError, QueryError, RefError, UsageError
from notabene.model.records import HypothesisStated, ValueLogged
from notabene.testing.scribe import START

LOSS = {"loss": [3.0, 2.0, 1.0]}


class TestRun:
    """Finding one run."""

    def test_all_forms_of_a_reference(self, lab, any_api):
        """A run is found by id, last six characters, beginning, name, project/name and @last."""
        lab.run("aaaaaa111111", project="p", name="first")
        lab.run("bbbbbb222222", project="q", name="second")
        for ref in ("aaaaaa111111", "111111", "aaaa", "first", "p/first", "p/@last", "run:first"):
            assert any_api.run(ref).id == "aaaaaa111111"
        assert any_api.run("@last").id == "bbbbbb222222"

    def test_a_view_is_a_reference(self, lab, api):
        """What was found before names its run as it is now."""
        lab.run("r1", params={"lr": 1})
        view = api.run("r1")
        api.rename(view, "better")
        assert api.run(view).name == "better"
        assert view.reload().name == "better"

    def test_an_unknown_run_is_told_with_near_ones(self, lab, api):
        """A mistyped name gives an error that names what may have been meant."""
        lab.run("r1", name="baseline")
        with pytest.raises(NotFoundError) as caught:
            api.run("baselin")
        assert "'baseline'" in caught.value.hint

    def test_several_runs_of_a_name_are_told(self, lab, api):
        """A name that several runs have is refused, and the error says what to type."""
        lab.run("aaaaaa111111", name="same")
        lab.run("bbbbbb222222", name="same")
        with pytest.raises(RefError) as caught:
            api.run("same")
        assert "111111" in caught.value.hint
        assert "222222" in caught.value.hint

    @pytest.mark.parametrize("ref", ["", "  ", None, 7])
    def test_what_names_no_run_is_refused(self, lab, api, ref):
        """Something that is no text, or empty, is no reference."""
        lab.run("r1")
        with pytest.raises(RefError):
            api.run(ref)

    def test_run_dir(self, lab, api):
        """The folder of a run is that which holds its journals."""
        lab.run("r1")
        assert list(api.run_dir("r1").glob("*.journal"))


class TestRuns:
    """Searching."""

    def test_filter_sort_and_limit(self, lab, any_api):
        """A search filters by params and metrics, sorts by several keys, and takes the first."""
        for n in range(6):
            lab.run(f"run{n}", params={"lr": 0.1 * (n % 3)}, values={"acc": [0.1, n / 10]})
        found = any_api.runs("params.lr > 0.05", order_by="-metrics.acc", limit=3)
        assert found.ids == ["run5", "run4", "run2"]
        assert found.total == 4

    def test_project_is_one_more_condition(self, lab, any_api):
        """``project=`` and a search both have to hold, also when the search says "or"."""
        lab.run("r1", project="a", params={"x": 1})
        lab.run("r2", project="b", params={"x": 1})
        lab.run("r3", project="a", params={"x": 2})
        assert any_api.runs("params.x = 1 or params.x = 3", project="a").ids == ["r1"]

    def test_archived_and_deleted(self, lab, any_api):
        """What is put aside or in the trash is listed only when asked for."""
        for name in ("plain", "aside", "gone"):
            lab.run(name)
        any_api.archive("aside")
        any_api.delete("gone")
        assert any_api.runs().ids == ["plain"]
        assert set(any_api.runs(archived=True).ids) == {"plain", "aside"}
        assert any_api.runs(deleted=True).ids == ["gone"]

    def test_a_wrong_query_points_at_the_column(self, api):
        """A search that does not parse is refused at once, with the column."""
        with pytest.raises(QueryError) as caught:
            api.runs("params.lr <> and")
        assert caught.value.position > 0

    def test_a_negative_limit_is_refused(self, api):
        """A limit below 0 is a wrong call."""
        with pytest.raises(UsageError, match="limit=-1"):
            api.runs(limit=-1)

    def test_projects(self, lab, any_api):
        """Projects come by name with their counts; the trash does not count."""
        lab.run("r1", project="b")
        lab.run("r2", project="a", status=None)
        lab.run("r3", project="a")
        any_api.delete("r3")
        assert [(p.name, p.runs) for p in any_api.projects()] == [("a", 1), ("b", 1)]


class TestBelongings:
    """What belongs to a run."""

    def test_keys(self, lab, any_api):
        """The names of a run's metrics come in order."""
        lab.run("r1", values={"b": [1.0], "a": [1.0]})
        assert any_api.keys("r1") == ["a", "b"]

    def test_values(self, lab, any_api):
        """Logged values come back with step and content, all or those of one key."""
        scribe = lab.scribe("r1")
        digest = lab.image(scribe, "img", b"pixels", step=4)
        scribe.record(ValueLogged(key="txt", step=5, kind="text", value={"text": "hello"}))
        lab.run(scribe=scribe)
        assert [(v.key, v.step) for v in any_api.values("r1")] == [("img", 4), ("txt", 5)]
        (image,) = any_api.values("r1", "img")
        assert image.value["file"] == digest
        assert any_api.blob(digest) == b"pixels"
        with any_api.open_blob(digest) as stream:
            assert stream.read() == b"pixels"

    def test_a_value_that_is_not_there(self, lab, any_api):
        """A key without values is an error that names near ones."""
        scribe = lab.scribe("r1")
        lab.image(scribe, "images/val", b"x")
        lab.run(scribe=scribe)
        with pytest.raises(NotFoundError) as caught:
            any_api.values("r1", "image/val")
        assert "'images/val'" in caught.value.hint

    def test_damaged_content_is_not_passed_off(self, lab, api, tmp_path):
        """Content that differs from its digest raises, and names it."""
        digest = lab.blob(b"x" * 200_000)
        path = lab.root / "blobs" / digest[:2] / digest[2:]
        path.chmod(0o644)
        path.write_bytes(b"y" * 200_000)
        with pytest.raises(IntegrityError, match=digest):
            api.blob(digest)

    def test_captured(self, lab, any_api):
        """Captured parts come by name; of several ranks the lowest stands unless one is named."""
        for rank in (1, 0):
            scribe = lab.scribe("r1", rank=rank, time=START)
            lab.capture(scribe, b"rank %d" % rank)
            lab.run(scribe=scribe)
        digest = any_api.captured("r1")["code"]["files"]["train.py"]
        assert any_api.blob(digest) == b"rank 0"
        digest = any_api.captured("r1", rank=1)["code"]["files"]["train.py"]
        assert any_api.blob(digest) == b"rank 1"
        assert any_api.run("r1").facts["git.commit"] == "abc123"


class TestArtifacts:
    """Versions and lineage."""

    def test_artifacts(self, lab, api):
        """Versions are listed newest first, of one name and type or all."""
        scribe = lab.scribe("r1")
        lab.artifact(scribe, "model", {"a": b"1"})
        lab.artifact(scribe, "model", {"a": b"2"}, aliases=["best"])
        lab.artifact(scribe, "data", {"b": b"3"})
        lab.run(scribe=scribe)
        assert [v.ref for v in api.artifacts()] == ["data:v1", "model:v2", "model:v1"]
        assert [v.ref for v in api.artifacts("model")] == ["model:v2", "model:v1"]
        assert api.artifacts(type="dataset") == []
        assert api.artifact("model:best").version == 2
        assert api.artifact("model").version == 2

    def test_lineage_of_a_version(self, lab, any_api):
        """Lineage leads from a version up to the run and data it came from, and down."""
        prepare, train, serve = (lab.scribe(f"run{n}") for n in range(3))
        data = lab.artifact(prepare, "data", {"d": b"1"})
        lab.use(train, data)
        model = lab.artifact(train, "model", {"m": b"2"})
        lab.use(serve, model)
        for scribe in (prepare, train, serve):
            lab.run(scribe=scribe)
        both = any_api.lineage("artifact:model:v1")
        assert {n.id for n in both.nodes} == {"model:v1", "run0", "run1", "run2", "data:v1"}
        assert both.nodes[0].id == "model:v1"
        up = any_api.lineage("model:v1", direction="up")
        assert {n.id for n in up.nodes} == {"model:v1", "run1", "data:v1", "run0"}
        down = any_api.lineage(any_api.run("run0"), direction="down")
        assert [n.id for n in down.nodes] == ["run0", "data:v1", "run1", "model:v1", "run2"]
        assert len(both.edges) == 4

    def test_lineage_of_what_is_not_there(self, lab, api):
        """Neither a run nor a version: one error; and only three directions."""
        lab.run("r1")
        with pytest.raises(NotFoundError, match="no run 'nothing'"):
            api.lineage("nothing")
        with pytest.raises(NotFoundError, match="artifact"):
            api.lineage("artifact:nothing")
        with pytest.raises(UsageError, match="sideways"):
            api.lineage("r1", direction="sideways")


class TestDiary:
    """The laboratory notebook."""

    def test_diary(self, lab, any_api):
        """Hypotheses, runs, notes and conclusions of a project stand in time order."""
        scribe = lab.scribe("r1", project="p", name="one")
        scribe.record(HypothesisStated(text="depth helps"))
        lab.save(scribe.finish())
        lab.run("other", project="q")
        any_api.note_project("p", "next: wider")
        any_api.note("r1", "odd")
        any_api.conclude("r1", "it does", "supported")
        entries = any_api.diary("p")
        assert [e.kind for e in entries] == [
            "run",
            "hypothesis",
            "ended",
            "note",
            "note",
            "conclusion",
        ]
        assert [e.time for e in entries] == sorted(e.time for e in entries)
        assert entries[1].text == "depth helps"
        assert entries[3].run == ""
        assert entries[-1].verdict == "supported"
        assert entries[-1].run_name == "one"

    def test_diary_of_an_unknown_project(self, lab, api):
        """A project that is not there is told with near ones."""
        lab.run("r1", project="digits")
        with pytest.raises(NotFoundError) as caught:
            api.diary("digit")
        assert "'digits'" in caught.value.hint
