"""The runs that a search finds, and one run in a reader's hand."""

from __future__ import annotations

import json
import math

import pytest

from notabene.errors import NotFoundError
from notabene.model.records import Concluded, NoteWritten, SummaryChanged


@pytest.fixture
def five(lab):
    """Five runs, run4 the newest."""
    for n in range(5):
        lab.run(f"run{n}", params={"n": n}, values={"acc": [n / 10]})


class TestRuns:
    """A lazy sequence."""

    def test_it_is_a_sequence(self, five, any_api):
        """Length, index, negative index, iteration and membership are those of a list."""
        found = any_api.runs()
        names = [f"run{n}" for n in (4, 3, 2, 1, 0)]
        assert len(found) == found.total == 5
        assert [view.id for view in found] == names
        assert [found[i].id for i in range(5)] == names
        assert found[-1].id == "run0"
        assert any_api.run("run2") in found
        assert bool(found)
        assert not any_api.runs("params.n = 99")

    def test_beyond_the_end(self, five, api):
        """An index beyond the runs is an IndexError that says how many there are."""
        with pytest.raises(IndexError, match="finds 5"):
            api.runs()[5]
        with pytest.raises(IndexError):
            api.runs()[-6]

    def test_what_is_no_index(self, five, api):
        """An index that a list refuses is refused with the error of a list."""
        for index in ("a", 1.5, None):
            with pytest.raises(TypeError):
                api.runs()[index]
        with pytest.raises(ValueError, match="zero"):
            api.runs()[::0]

    @pytest.mark.parametrize(
        "part",
        [
            slice(1, 3),
            slice(None, 2),
            slice(3, None),
            slice(-2, None),
            slice(None, -1),
            slice(None, None, 2),
            slice(None, None, -1),
            slice(4, 2),
            slice(2, 100),
        ],
    )
    def test_slices_are_those_of_a_list(self, five, any_api, part):
        """A slice holds what a slice of a list of all runs would hold, within a limit too."""
        names = [f"run{n}" for n in (4, 3, 2, 1, 0)]
        assert [view.id for view in any_api.runs()[part]] == names[part]
        assert [view.id for view in any_api.runs(limit=3)[part]] == names[:3][part]

    def test_a_slice_of_a_slice(self, five, api):
        """Slices are sequences of the same kind, with ids, lengths and slices of their own."""
        part = api.runs()[1:4]
        assert part.ids == ["run3", "run2", "run1"]
        assert part[1:].ids == ["run2", "run1"]
        assert len(part[1:]) == 2
        assert part[-1].id == "run1"
        assert part.to_columns()["id"] == ["run3", "run2", "run1"]

    def test_nothing_is_read_before_it_is_needed(self, five, api, monkeypatch):
        """Asking for a page reads as many runs as the page has, and no more."""
        asked = []
        runs = api.runs()
        page = runs._found.page
        monkeypatch.setattr(
            runs._found, "page", lambda limit, offset: asked.append(limit) or page(limit, offset)
        )
        assert runs[0].id == "run4"
        assert [view.id for view in runs[:2]] == ["run4", "run3"]
        assert sum(asked) <= 3

    def test_records_are_plain(self, five, api):
        """to_records gives mappings that JSON can write."""
        records = api.runs().to_records()
        assert [record["name"] for record in records] == [f"run{n}" for n in (4, 3, 2, 1, 0)]
        assert json.loads(json.dumps(records))[0]["summary"] == {"acc": 0.4}

    def test_html_escapes_names(self, lab, api):
        """A name with markup in it shows as text in a notebook."""
        lab.run("r1", name="<script>alert(1)</script>", values={"acc": [1.0]})
        for shown in (api.runs()._repr_html_(), api.run("r1")._repr_html_()):
            assert "<script>" not in shown
            assert "&lt;script&gt;" in shown
            assert "acc" in shown


class TestRunView:
    """One run."""

    def test_fields_are_attributes(self, lab, any_api):
        """All that is known of a run can be asked of the view by name."""
        lab.run(
            "r1",
            name="one",
            params={"model.depth": 3, "lr": 0.1},
            tags={"team": "vision"},
            values={"acc": [0.1, 0.9]},
        )
        view = any_api.run("r1")
        assert (view.id, view.name, view.project, view.status) == (
            "r1",
            "one",
            "digits",
            "finished",
        )
        assert view.config == {"model": {"depth": 3}, "lr": 0.1}
        assert view.params == {"lr": 0.1, "model.depth": 3}
        assert view.tags == {"team": "vision"}
        assert view.summary == {"acc": 0.9}
        assert view.metrics["acc"].max == 0.9
        assert view.metrics["acc"].n == 2
        assert {"config", "metrics", "duration", "to_dict"} <= set(dir(view))
        with pytest.raises(AttributeError, match="'nonsense'"):
            _ = view.nonsense

    def test_to_dict(self, lab, api):
        """The mapping has nested config, statistics, times in two forms, notes and conclusion."""
        scribe = lab.scribe("r1")
        scribe.record(NoteWritten(id="n1", text="odd", author="me"))
        scribe.record(Concluded(text="works", verdict="supported", author="me"))
        scribe.record(SummaryChanged(set={"best": "v2"}))
        lab.run(scribe=scribe, params={"a.b": 1}, values={"loss": [math.nan, 2.0, 1.0]})
        found = api.run("r1").to_dict()
        assert found["config"] == {"a": {"b": 1}}
        assert found["created"] == "2023-11-15T22:13:20.002000Z"
        assert found["created_us"] == 1_700_086_400_002_000
        assert found["ended"].startswith("2023-11-15T22:13:20")
        assert found["metrics"]["loss"]["min"] == 1.0
        assert found["metrics"]["loss"]["nan"] == 1
        assert found["summary"] == {"best": "v2", "loss": 1.0}
        assert found["notes"][0]["text"] == "odd"
        assert found["conclusion"]["verdict"] == "supported"
        lab.run("r2", status=None)
        assert api.run("r2").to_dict()["ended"] is None

    def test_views_of_one_run_are_equal(self, five, api, open_api, lab):
        """Views of the same run compare equal, and can be kept in sets."""
        assert api.run("run1") == api.runs("params.n = 1")[0]
        assert api.run("run1") != api.run("run2")
        assert len({api.run("run1"), api.run("run1"), api.run("run2")}) == 2

    def test_methods_of_the_view(self, lab, api):
        """History, values, captures and console can be asked of the view itself."""
        scribe = lab.scribe("r1")
        lab.image(scribe, "img", b"x")
        lab.capture(scribe, b"code")
        lab.run(scribe=scribe, values={"a": [1.0]})
        view = api.run("r1")
        assert view.history("a").values.tolist() == [1.0]
        assert [v.key for v in view.values()] == ["img"]
        assert "code" in view.captured()
        assert view.console() == []
        with pytest.raises(NotFoundError):
            view.history("b")
