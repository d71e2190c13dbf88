"""A store as opened: how what is new comes in, and how runs are found."""

from __future__ import annotations

import shutil

import pytest

from notabene.api import door
from notabene.errors import NotFoundError

LOSS = {"loss": [3.0, 2.0, 1.0]}


class TestFreshness:
    """How what is new comes in."""

    def test_reads_take_in_what_is_new(self, lab, open_api, monkeypatch):
        """Without a call of refresh, a read sees what another process has logged since."""
        api = open_api(lab.root)
        scribe = lab.run("r1", values=LOSS, status=None)
        assert api.history("r1", "loss").values.tolist() == [3, 2, 1]
        scribe.row({"loss": 0.5}, 3)
        lab.save(scribe)
        assert api.history("r1", "loss").values.tolist() == [3, 2, 1, 0.5]

    def test_it_does_so_at_most_now_and_then(self, lab, open_api, monkeypatch):
        """Reads in quick succession look at the journals once; refresh looks in any case."""
        api = open_api(lab.root)
        monkeypatch.setattr("notabene.api.door.FRESH", 1000.0)
        assert len(api.runs()) == 0
        lab.run("r1")
        assert len(api.runs()) == 0
        api.refresh()
        assert len(api.runs()) == 1

    def test_several_readers_of_one_store(self, lab, open_api):
        """Two Apis over one store see the same, and each other's edits."""
        lab.run("r1", values=LOSS)
        one, two = open_api(lab.root), open_api(lab.root)
        one.tag("r1", "seen")
        two.note("r1", "by the other")
        assert one.run("r1").to_dict() == two.run("r1").to_dict()
        assert one.run("r1").tags == {"seen": ""}


class TestFinding:
    """From references to runs."""

    def test_ids_need_no_look_at_the_runs(self, lab, api, monkeypatch):
        """Asked by id, the store is asked once and no run is read; by name, they are looked up."""
        for n in range(3):
            lab.run(f"run{n}", name=f"name{n}")
        looked = []
        real = api._info
        monkeypatch.setattr(api, "_info", lambda ref: looked.append(ref) or real(ref))
        views = [api.run(f"run{n}") for n in range(3)]
        looked.clear()
        asked = []

        def ask(ids):
            asked.append(ids)
            return [api.store.run(run).id for run in ids if api.store.values(run) == []]

        assert api._by_id(views, ask) == api._by_id(["run0", "run1", "run2"], ask)
        assert looked == []
        assert api._by_id(["name0", "run1"], ask) == ["run0", "run1"]
        assert asked[-1] == ["run0", "run1"]
        assert looked == ["name0", "run1"]
        with pytest.raises(NotFoundError, match="name7"):
            api._by_id(["name7"], ask)

    def test_a_folder_that_is_gone(self, lab, api):
        """A run whose folder was moved away by hand is told so, not passed off as empty."""
        lab.run("r1")
        info = api._info("r1")
        shutil.rmtree(lab.folder.find_run_dir("r1"))
        with pytest.raises(NotFoundError, match="is not in"):
            api._place(info)

    def test_near_names(self, lab, api):
        """A mistyped id, name or project/name is answered with near ones; others with none."""
        lab.run("abcdef123456", project="vision", name="baseline")
        for ref, near in (
            ("abcdef123465", "abcdef123456"),
            ("basline", "baseline"),
            ("vison/baseline", "vision/baseline"),
        ):
            with pytest.raises(NotFoundError) as caught:
                api._info(ref)
            assert near in caught.value.hint
        with pytest.raises(NotFoundError) as caught:
            api._info("zzzzzzzz")
        assert "did you mean" not in caught.value.hint


def test_how_often_it_looks():
    """Reads look for what is new at most about three times a second."""
    assert 0.2 <= door.FRESH <= 0.5
