"""What people change."""

from __future__ import annotations

import shutil

import pytest

from notabene._ids import now_us
from notabene.api import Api
from notabene.errors import AccessError, ConflictError, NotFoundError, RefError, UsageError
from notabene.journal.desk import read_desk
from notabene.model.records import StopRequested, TagsChanged
from notabene.testing.scribe import Scribe
from tests.unit.api.conftest import die

A_YEAR = 365 * 86_400_000_000


WRONG = {
    "no tag": lambda api: api.tag("r1"),
    "no tag to take": lambda api: api.untag("r1"),
    "long tag": lambda api: api.tag("r1", "x" * 300),
    "long value": lambda api: api.tag("r1", big="x" * 10_000),
    "blank note": lambda api: api.note("r1", "  "),
    "no text": lambda api: api.note("r1", None),
    "long note": lambda api: api.note("r1", "x" * (1 << 21)),
    "no name": lambda api: api.rename("r1"),
    "empty name": lambda api: api.rename("r1", ""),
    "control character": lambda api: api.rename("r1", "a\nb"),
    "empty conclusion": lambda api: api.conclude("r1", ""),
    "no project": lambda api: api.note_project("", "x"),
}


class TestWords:
    """Tags, notes, names, conclusions."""

    def test_tags(self, lab, any_api):
        """Tags are set by word, by ``name=value``, by mapping and by keyword, and taken away."""
        lab.run("r1", tags={"old": "1"})
        any_api.tag("r1", "baseline", "team=vision", {"seed": 3}, gpu="h200")
        assert any_api.run("r1").tags == {
            "old": "1",
            "baseline": "",
            "team": "vision",
            "seed": "3",
            "gpu": "h200",
        }
        any_api.untag("r1", "old", "team=whatever", "never-there")
        assert set(any_api.run("r1").tags) == {"baseline", "seed", "gpu"}

    def test_notes(self, lab, any_api):
        """A note is written, changed by its id, and taken back by an empty text."""
        lab.run("r1")
        first = any_api.note("r1", "odd curve")
        second = any_api.note("r1", "other")
        assert [n.text for n in any_api.run("r1").notes] == ["odd curve", "other"]
        any_api.note("r1", "odd curve, see plot", id=first)
        assert [n.text for n in any_api.run("r1").notes] == ["odd curve, see plot", "other"]
        any_api.note("r1", "", id=second)
        assert [n.id for n in any_api.run("r1").notes] == [first]
        assert any_api.run("r1").notes[0].author

    def test_project_notes(self, lab, any_api):
        """A note on a project needs no run."""
        any_api.note_project("p", "plan: try depth")
        assert [e.text for e in any_api.diary("p")] == ["plan: try depth"]

    def test_conclude_and_hypothesis(self, lab, any_api):
        """A conclusion carries a verdict; the later one stands."""
        lab.run("r1")
        any_api.hypothesis("r1", "depth helps")
        any_api.conclude("r1", "unclear so far")
        any_api.conclude("r1", "it does", "supported")
        view = any_api.run("r1")
        assert view.hypothesis == "depth helps"
        assert (view.conclusion.text, view.conclusion.verdict) == ("it does", "supported")
        with pytest.raises(UsageError, match="'maybe'"):
            any_api.conclude("r1", "x", "maybe")

    def test_rename(self, lab, any_api):
        """Name, group and project change one by one; what is not given stays."""
        lab.run("r1", name="old", project="p")
        any_api.rename("r1", "new")
        any_api.rename("r1", group="g", project="q")
        view = any_api.run("new")
        assert (view.name, view.group, view.project) == ("new", "g", "q")
        any_api.rename("r1", group="")
        assert any_api.run("r1").group == ""

    @pytest.mark.parametrize(
        "call",
        WRONG.values(),
        ids=WRONG.keys(),
    )
    def test_wrong_calls_write_nothing(self, lab, api, call):
        """A wrong edit is refused in words before anything is written."""
        lab.run("r1")
        with pytest.raises(UsageError):
            call(api)
        assert read_desk(lab.folder) == []

    def test_an_edit_of_nothing(self, lab, api):
        """A run that is not there cannot be edited."""
        lab.run("r1")
        with pytest.raises(NotFoundError):
            api.tag("r2", "x")

    def test_broken_unicode_is_kept_as_far_as_it_goes(self, lab, api):
        """A text with half a surrogate pair is kept with a mark in its place."""
        lab.run("r1")
        api.note("r1", "a\ud800b")
        assert api.run("r1").notes[0].text == "a?b"


class TestOrder:
    """Which of several changes stands."""

    def test_an_edit_beats_a_run_whose_clock_is_ahead(self, lab, api):
        """What people say later stands, also when the run's clock is a year ahead."""
        scribe = Scribe("r1", time=now_us() + A_YEAR)
        scribe.start(project="p", name="one").record(TagsChanged(set={"state": "raw"}))
        lab.save(scribe.finish())
        api.tag("r1", state="clean")
        assert api.run("r1").tags == {"state": "clean"}
        api.untag("r1", "state")
        assert api.run("r1").tags == {}

    def test_a_rebuild_gives_the_same(self, lab, open_api):
        """After edits, an index made anew answers alike."""
        lab.run("r1", tags={"a": "1"}, values={"x": [1.0]})
        lab.run("r2")
        api = open_api(lab.root)
        api.tag("r1", "b")
        api.note("r1", "text")
        api.rename("r1", "new")
        api.archive("r2")
        before = [view.to_dict() for view in api.runs(archived=True)]
        report = api.rebuild()
        assert report.runs == 2
        assert [view.to_dict() for view in api.runs(archived=True)] == before

    def test_edits_survive_a_busy_index(self, lab, api, monkeypatch):
        """Where the index cannot take an edit at once, it takes it from the journal later."""
        from notabene.errors import TransportError

        lab.run("r1")

        def busy(*_, **__):
            raise TransportError("busy")

        with monkeypatch.context() as patch:
            patch.setattr(api.store, "apply", busy)
            api.tag("r1", "kept")
        assert api.run("r1").tags == {"kept": ""}


class TestTrash:
    """Deleting and restoring."""

    def test_deleted_and_restored_is_as_before(self, lab, any_api):
        """A run that was deleted and restored answers as before, and its folder is back."""
        scribe = lab.scribe("r1")
        lab.image(scribe, "img", b"x")
        lab.run(scribe=scribe, values={"a": [1.0, 2.0]}, tags={"t": ""})
        before, place = any_api.run("r1").to_dict(), any_api.run_dir("r1")
        any_api.delete("r1")
        assert any_api.runs().ids == []
        assert not place.exists()
        assert any_api.run("r1").deleted
        assert any_api.history("r1", "a").values.tolist() == [1.0, 2.0]
        any_api.restore("r1")
        after = any_api.run("r1").to_dict()
        assert after.pop("updated_us") > before.pop("updated_us")
        assert after.pop("updated") > before.pop("updated")
        assert after == before
        assert any_api.run_dir("r1") == place
        assert any_api.history("r1", "a").values.tolist() == [1.0, 2.0]

    def test_the_bytes_are_those_of_before(self, lab, api):
        """Deleting and restoring changes no byte of the run's folder."""
        scribe = lab.scribe("r1")
        lab.run(scribe=scribe, values={"a": [1.0]})
        place = api.run_dir("r1")
        before = {path.name: path.read_bytes() for path in place.iterdir()}
        api.delete("r1")
        api.rebuild()
        api.restore("r1")
        assert {path.name: path.read_bytes() for path in place.iterdir()} == before

    def test_both_may_be_repeated(self, lab, any_api):
        """Deleting twice, and restoring twice, is as good as once."""
        lab.run("r1")
        any_api.delete("r1")
        any_api.delete("r1")
        assert any_api.runs(deleted=True).ids == ["r1"]
        any_api.restore("r1")
        any_api.restore("r1")
        assert any_api.runs().ids == ["r1"]

    def test_a_rebuild_keeps_the_trash(self, lab, api):
        """After a rebuild deleted runs are still in the trash, and can be restored."""
        lab.run("r1", values={"a": [1.0]})
        api.delete("r1")
        api.rebuild()
        assert api.runs(deleted=True).ids == ["r1"]
        api.restore("r1")
        assert api.history("r1", "a").values.tolist() == [1.0]

    def test_a_run_at_work_is_refused(self, lab, api):
        """A live run is not deleted unless forced."""
        scribe = lab.scribe("r1", time=now_us())
        lab.run(scribe=scribe, status=None)
        assert api.run("r1").status == "running"
        with pytest.raises(ConflictError, match="at work"):
            api.delete("r1")
        assert api.runs().ids == ["r1"]
        api.delete("r1", force=True)
        assert api.runs().ids == []

    def test_killed_after_the_record(self, lab, api, monkeypatch):
        """A process that dies between record and move leaves a deleted run that can be undone."""
        lab.run("r1", values={"a": [1.0]})
        with monkeypatch.context() as patch:
            patch.setattr("notabene.api.edits.put_away", die)
            with pytest.raises(KeyboardInterrupt):
                api.delete("r1")
        assert api.runs().ids == []
        assert api.runs(deleted=True).ids == ["r1"]
        assert api.history("r1", "a").values.tolist() == [1.0]
        api.delete("r1")
        assert lab.folder.find_run_dir("r1") is None
        api.restore("r1")
        assert api.runs().ids == ["r1"]

    def test_killed_after_the_move_back(self, lab, api, monkeypatch):
        """A process that dies between move and record leaves a run that is still deleted."""
        lab.run("r1")
        api.delete("r1")
        with monkeypatch.context() as patch:
            patch.setattr(api, "_write", die)
            with pytest.raises(KeyboardInterrupt):
                api.restore("r1")
        assert api.runs(deleted=True).ids == ["r1"]
        api.restore("r1")
        assert api.runs().ids == ["r1"]

    def test_what_was_purged_cannot_be_restored(self, lab, api):
        """A run whose folder is gone is told so."""
        lab.run("r1")
        api.delete("r1")
        shutil.rmtree(lab.folder.trash / "runs" / "r1")
        with pytest.raises(NotFoundError):
            api.restore("r1")

    def test_archive(self, lab, any_api):
        """A run is put aside and back."""
        lab.run("r1")
        any_api.archive("r1")
        assert any_api.runs().ids == []
        any_api.archive("r1", archived=False)
        assert any_api.runs().ids == ["r1"]


class TestStop:
    """Asking a run to stop."""

    def test_the_request_lies_on_the_desk(self, lab, api):
        """A run at work finds the request in the desk journals."""
        scribe = lab.scribe("r1", time=now_us())
        lab.run(scribe=scribe, status=None)
        api.stop("r1")
        (entry,) = read_desk(lab.folder)
        assert entry.run == "r1"
        assert isinstance(entry.record, StopRequested)

    def test_a_run_that_ended_has_nothing_to_stop(self, lab, api):
        """A finished run cannot be stopped."""
        lab.run("r1")
        with pytest.raises(ConflictError, match="finished"):
            api.stop("r1")


class TestArtifacts:
    """Aliases and the trash of versions."""

    @pytest.fixture
    def model(self, lab):
        """An artifact of two versions."""
        scribe = lab.scribe("r1")
        lab.artifact(scribe, "model", {"a": b"1"})
        lab.artifact(scribe, "model", {"a": b"2"})
        lab.run(scribe=scribe)

    def test_aliases(self, model, any_api):
        """An alias points at a version, moves, and goes; index and files agree."""
        any_api.refresh()
        any_api.alias("model:v1", "best")
        assert any_api.artifact("model:best").version == 1
        any_api.alias("model", "best")
        assert any_api.artifact("model:best").version == 2
        assert any_api.store.artifact("model:best").version == 2
        any_api.unalias("model:best")
        with pytest.raises(NotFoundError):
            any_api.artifact("model:best")
        with pytest.raises(NotFoundError):
            any_api.store.artifact("model:best")
        any_api.alias("model:v1", "best")
        any_api.unalias("model", "best")
        with pytest.raises(NotFoundError, match="no alias 'best'"):
            any_api.unalias("model", "best")

    def test_wrong_aliases(self, model, api):
        """'latest' is computed, numbers are no aliases, and a version has to be there."""
        with pytest.raises(UsageError, match="latest"):
            api.alias("model:v1", "latest")
        with pytest.raises(RefError):
            api.alias("model:v1", "v7")
        with pytest.raises(NotFoundError):
            api.alias("model:v7", "best")

    def test_deleting_versions(self, model, any_api):
        """A version goes to the trash and comes back; index and files agree."""
        any_api.refresh()
        assert any_api.delete_artifact("model").version == 2
        assert any_api.artifact("model").version == 1
        assert [v.version for v in any_api.store.artifacts("model")] == [1]
        assert any_api.restore_artifact("model:v2").version == 2
        assert any_api.artifact("model").version == 2
        with pytest.raises(UsageError, match="names no version"):
            any_api.restore_artifact("model:best")
        with pytest.raises(NotFoundError):
            any_api.restore_artifact("model:v9")


def test_a_read_only_store_refuses_edits(lab, api, monkeypatch):
    """On a store that may only be read, reading works and an edit is one clear error."""
    lab.run("r1", values={"a": [1.0]})
    assert api.history("r1", "a").values.tolist() == [1.0]

    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("notabene.journal.desk.JournalFile", refuse)
    with pytest.raises(AccessError, match="may not be written"):
        api.tag("r1", "x")
    assert api.run("r1").tags == {}


class TestViews:
    """Saved views."""

    def test_from_first_to_last(self, api):
        """Saved, found, renamed, taken back; the state stays as it was."""
        view = api.save_view("digits", "mine", page="runs", state="q=1")
        assert api.view(view.id) == view
        assert (view.project, view.page, view.state, view.created > 0) == (
            "digits",
            "runs",
            "q=1",
            True,
        )
        assert api.rename_view(view.id, "ours").name == "ours"
        assert [found.name for found in api.store.views("digits")] == ["ours"]
        assert api.delete_view(view.id).name == "ours"
        with pytest.raises(NotFoundError):
            api.view(view.id)
        with pytest.raises(NotFoundError):
            api.rename_view(view.id, "again")

    @pytest.mark.parametrize(
        ("project", "name", "state"), [("p", "", ""), ("p", "a\nb", ""), ("p", "a", "x" * 70_000)]
    )
    def test_what_cannot_be_saved(self, api, project, name, state):
        """No name, and no state of any length."""
        with pytest.raises(UsageError):
            api.save_view(project, name, state=state)
        assert api.store.views() == []

    def test_they_travel_with_the_project(self, lab, api, tmp_path):
        """An export of a project takes its views along, one of a run does not."""
        lab.run("one", values={"loss": [1.0]})
        api.save_view("digits", "mine")
        api.export("project:digits", tmp_path / "all")
        api.export("one", tmp_path / "one")
        for name, count in (("all", 1), ("one", 0)):
            with Api.make(tmp_path / f"{name}-store") as other:
                other.import_(tmp_path / f"{name}.notabene")
                assert len(other.store.views("digits")) == count
