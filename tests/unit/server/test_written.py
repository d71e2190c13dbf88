"""The diary by pages, notes of runs in the search, views that come back, events of runs."""

from __future__ import annotations

from urllib.parse import quote

from notabene.server import written
from notabene.server.notebook import Notebook

A_B = quote("vision/a b", safe="")


def pages(visitor, query="", limit=3):
    """All entries of the diary of a project, page after page."""
    out, after = [], ""
    while True:
        found = visitor.json(f"/diary?project={A_B}&limit={limit}&after={after}{query}")
        out += found["items"]
        after = found["next"]
        if not after:
            assert len(out) == found["total"]
            return out


def test_the_diary_is_what_the_api_tells(ids, api):
    """Read from columns, it is the same as read from the documents of all runs."""
    api.conclude(ids["run 0"], "so it is", "refuted")
    api.conclude(ids["run 1"], "no", "unclear")
    api.withdraw_conclusion(ids["run 1"])
    api.note_project("vision/a b", "on the project")
    api.archive(ids["run 1"])
    assert written.diary(Notebook(api), "vision/a b") == api.diary("vision/a b")[::-1]
    kinds = {entry.kind for entry in api.diary("vision/a b")}
    assert kinds == {"run", "hypothesis", "note", "ended", "conclusion"}


def test_the_diary_comes_in_pages(visitor, ids):
    """Whatever their size, nothing is left out and nothing comes twice, both ways round."""
    whole = visitor.json(f"/diary?project={A_B}&limit=1000")["items"]
    assert len(whole) > 6
    for limit in (1, 2, 5):
        assert pages(visitor, limit=limit) == whole
    turned = pages(visitor, "&order=oldest", limit=2)
    assert [one["time"] for one in turned] == sorted(one["time"] for one in whole)
    assert sorted(map(str, turned)) == sorted(map(str, whole))


def test_a_page_goes_on_where_the_one_before_ended(visitor, ids):
    """Also where a new entry came in at the top meanwhile."""
    whole = visitor.json(f"/diary?project={A_B}&limit=1000")["items"]
    first = visitor.json(f"/diary?project={A_B}&limit=2")
    visitor.send("POST", "/projects/notes", {"project": "vision/a b", "text": "new"})
    second = visitor.json(f"/diary?project={A_B}&limit=2&after={first['next']}")
    assert second["items"] == whole[2:4]
    assert visitor.get(f"/diary?project={A_B}&after=now").status == 400


def test_the_diary_is_searched(visitor, ids):
    """By words, kinds and authors together; the authors of all of it are told."""
    found = visitor.json(f"/diary?project={A_B}&q=FIRST+look")
    assert {one["kind"] for one in found["items"]} == {"note"}
    assert len(found["items"]) == 2
    assert visitor.json(f"/diary?project={A_B}&q=first+{ids['run 1']}")["total"] == 1
    author = found["authors"][0]
    assert visitor.json(f"/diary?project={A_B}&kinds=note&who={quote(author)}")["total"] == 2
    assert visitor.json(f"/diary?project={A_B}&who=nobody")["items"] == []


def test_notes_of_runs_are_found(visitor, ids):
    """By a word of theirs; the hit names run and project."""
    hits = [one for one in visitor.json("/search?q=first+look")["items"] if one["kind"] == "note"]
    assert {hit["run"] for hit in hits} == {ids["run 0"], ids["run 1"]}
    assert hits[0]["project"] == "vision/a b"
    assert "a first <b>look</b>" in hits[0]["title"]
    within = visitor.json(f"/search?q=first+look&project={A_B}")["items"]
    assert {hit["run"] for hit in within if hit["kind"] == "note"} == {ids["run 0"], ids["run 1"]}
    assert not visitor.json("/search?q=first+look&project=other")["items"]
    visitor.send(
        "POST", f"/runs/{ids['media']}/notes", {"text": "x " * 300 + "a zebra " + "y" * 99}
    )
    [hit] = [one for one in visitor.json("/search?q=zebra")["items"] if one["kind"] == "note"]
    assert "zebra" in hit["title"]


def test_a_deleted_view_comes_back_under_its_id(visitor, ids):
    """With its name, state and time; one that is there, or never was, does not."""
    made = visitor.send(
        "POST", "/views", {"project": "other", "name": "one", "page": "runs", "state": "q=a"}
    ).json()
    path = f"/views/{made['id']}"
    visitor.send("PUT", path, {"name": "two"})
    assert visitor.send("POST", f"{path}/restore").status == 404
    assert visitor.send("DELETE", path).status == 200
    assert visitor.get(path).status == 404
    back = visitor.send("POST", f"{path}/restore").json()
    assert back == {**made, "name": "two"}
    assert visitor.json(path) == back
    assert visitor.send("POST", "/views/none/restore").status == 404


class TestEvents:
    """What is marked on charts."""

    def test_have_time_step_and_words(self, visitor, api, ids):
        """Of a run that ended well its notes alone; unknown runs are left out."""
        found = visitor.json(f"/runs/events?ids={ids['run 0']},none")["items"]
        assert [one["kind"] for one in found] == ["note"]
        assert found[0]["run"] == ids["run 0"]
        assert found[0]["text"] == "a first <b>look</b>"
        assert 0 <= found[0]["step"] <= 99
        assert 0 <= found[0]["relative"] < 60

    def test_tell_of_alerts_and_bad_ends(self, visitor, root):
        """An alert by its level, a failure by its reason at the last step."""
        from notabene.tracking.init import init

        run = init("other", name="bad", store=root, capture=False)
        for step in range(5):
            run.log({"loss": 1.0}, step=step)
        run.alert("too high", "by far", level="error")
        run.log({"loss": 1.0}, step=5)
        run.finish("failed")
        found = visitor.json(f"/runs/events?ids={run.id}")["items"]
        assert [(one["kind"], one["level"]) for one in found] == [("alert", "error"), ("ended", "")]
        assert found[0]["text"] == "too high by far"
        assert found[1]["text"].startswith("failed")
        assert found[1]["step"] == 5

    def test_tell_of_resumes(self, visitor, root):
        """A process that goes on with a run."""
        from notabene.tracking.init import init

        for _ in range(2):
            run = init("other", id="again", resume="allow", store=root, capture=False)
            for step in range(3):
                run.log({"loss": 1.0}, step=step)
            run.finish()
        found = visitor.json("/runs/events?ids=again")["items"]
        assert [one["kind"] for one in found] == ["resumed"]

    def test_are_of_few_runs(self, visitor, ids):
        """More than fifty runs are not asked for at once."""
        many = ",".join(f"r{n}" for n in range(51))
        assert visitor.get(f"/runs/events?ids={many}").status == 400
