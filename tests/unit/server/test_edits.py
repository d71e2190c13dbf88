"""Changes over HTTP: each is a record, and shows at once."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from notabene import _ids


@pytest.fixture
def run(ids):
    """A run that has ended."""
    return ids["run 0"]


@pytest.fixture
def at_work(lab):
    """A run that is at work."""
    writer = lab.scribe("working", project="other", time=_ids.now_us())
    writer.row({"loss": 1.0}, 0)
    lab.save(writer)
    return "working"


def test_change_a_run(visitor, run):
    """What is named changes, the rest stays; the answer is the run as it is then."""
    body = {
        "name": "better",
        "group": "",
        "hypothesis": "more is more",
        "conclusion": {"text": "it is not", "verdict": "refuted"},
    }
    found = visitor.send("PATCH", f"/runs/{run}", body).json()
    assert (found["name"], found["group"], found["hypothesis"]) == ("better", "", "more is more")
    assert found["conclusion"]["verdict"] == "refuted"
    assert found["project"] == "vision/a b"
    assert found == {k: v for k, v in visitor.json(f"/runs/{run}").items() if k in found}
    moved = visitor.send("PATCH", f"/runs/{run}", {"project": "új / 🎉", "archived": True}).json()
    assert (moved["project"], moved["archived"]) == ("új / 🎉", True)
    project = quote("új / 🎉", safe="")
    assert visitor.json(f"/runs?project={project}&archived=1")["total"] == 1
    assert visitor.send("PATCH", f"/runs/{run}", {}).status == 200


def test_a_conclusion_can_be_taken_back(visitor, run):
    """An empty text without a verdict."""
    path = f"/runs/{run}"
    visitor.send("PATCH", path, {"conclusion": {"text": "so", "verdict": "supported"}})
    assert visitor.json(path)["conclusion"]["text"] == "so"
    found = visitor.send("PATCH", path, {"conclusion": {"text": ""}}).json()
    assert found["conclusion"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": "x" * 251},
        {"project": " "},
        {"conclusion": {"text": "", "verdict": "supported"}},
        {"conclusion": {"text": "a", "verdict": "perhaps"}},
        {"hypothesis": "x" * (2 << 20)},
        {"status": "finished"},
        {"name": 5},
    ],
)
def test_changes_that_are_none(visitor, run, body):
    """A wrong value changes nothing, and says what is allowed."""
    before = visitor.json(f"/runs/{run}")
    assert visitor.send("PATCH", f"/runs/{run}", body).status == 400
    assert visitor.json(f"/runs/{run}") == before


def test_tags(visitor, run):
    """Set and removed in one call; what is set is not removed."""
    body = {"set": {"team": "x", "a/b c": "<b>"}, "removed": ["baseline", "team", "none"]}
    found = visitor.send("POST", f"/runs/{run}/tags", body).json()
    assert found["tags"] == {"team": "x", "a/b c": "<b>"}
    assert visitor.send("POST", f"/runs/{run}/tags", {}).status == 200
    assert visitor.send("POST", f"/runs/{run}/tags", {"set": {"": "x"}}).status == 400
    assert visitor.send("POST", f"/runs/{run}/tags", {"set": {"a": "x" * 9000}}).status == 400


def test_notes(visitor, run):
    """Written, changed and taken back; another run's notes are not touched."""
    made = visitor.send("POST", f"/runs/{run}/notes", {"text": "# Ein *Test*"}).json()
    assert (made["text"], made["run"]) == ("# Ein *Test*", run)
    path = f"/runs/{run}/notes/{made['id']}"
    assert visitor.send("PUT", path, {"text": "anew"}).json()["text"] == "anew"
    assert visitor.send("PUT", path, {"text": " "}).status == 400
    assert [n["text"] for n in visitor.json(f"/runs/{run}")["notes"]] == [
        "a first <b>look</b>",
        "anew",
    ]
    assert visitor.send("DELETE", path).json()["notes"][-1]["text"] == "a first <b>look</b>"
    for method, body in (("DELETE", None), ("PUT", {"text": "x"})):
        assert visitor.send(method, path, body).status == 404
        assert visitor.send(method, f"/runs/{run}/notes/none", body).status == 404
    assert visitor.send("POST", f"/runs/{run}/notes", {"text": ""}).status == 400


def test_notes_of_a_project_can_be_changed(visitor):
    """Changed and taken back by their id, which the diary tells; another project's stay."""
    made = visitor.send("POST", "/projects/notes", {"project": "other", "text": "one"}).json()
    path = f"/projects/notes/{made['id']}?project=other"
    assert visitor.send("PUT", path, {"text": "two"}).json()["text"] == "two"
    notes = visitor.json("/diary?project=other&kinds=note")["items"]
    assert ("two", made["id"]) in [(note["text"], note["id"]) for note in notes]
    assert visitor.send("PUT", path, {"text": " "}).status == 400
    elsewhere = f"/projects/notes/{made['id']}?project=nowhere"
    assert visitor.send("DELETE", elsewhere).status == 404
    assert visitor.send("DELETE", path).status == 200
    assert visitor.send("DELETE", path).status == 404
    notes = visitor.json("/diary?project=other&kinds=note")["items"]
    assert made["id"] not in [note["id"] for note in notes]


def test_notes_of_a_project(visitor):
    """They stand in its diary."""
    note = visitor.send("POST", "/projects/notes", {"project": "other", "text": "so so"}).json()
    assert (note["project"], note["text"]) == ("other", "so so")
    newest = visitor.json("/diary?project=other&limit=1")["items"][0]
    assert (newest["kind"], newest["text"]) == ("note", "so so")
    assert visitor.send("POST", "/projects/notes", {"project": "", "text": "a"}).status == 400


def test_trash(visitor, run):
    """Deleted, restored, and both again without an error."""
    for _ in range(2):
        assert visitor.send("DELETE", f"/runs/{run}").json()["deleted"] is True
    assert run not in {item["id"] for item in visitor.json("/runs")["items"]}
    for _ in range(2):
        assert visitor.send("POST", f"/runs/{run}/restore").json()["deleted"] is False
    assert visitor.send("DELETE", "/runs/nothing").status == 404


def test_a_run_at_work(visitor, at_work, ids):
    """It is stopped before it is deleted, unless somebody insists."""
    reply = visitor.send("DELETE", f"/runs/{at_work}")
    assert (reply.status, reply.json()["code"]) == (409, "conflict")
    assert visitor.send("POST", f"/runs/{at_work}/stop").status == 200
    assert visitor.send("DELETE", f"/runs/{at_work}?force=1").json()["deleted"] is True
    assert visitor.send("POST", f"/runs/{ids['run 0']}/stop").status == 409


@pytest.mark.parametrize(
    ("action", "more", "field", "value"),
    [
        ("tag", {"tags": {"a": "1"}}, "tags", {"a": "1"}),
        ("tag", {"tags": ["b"]}, "tags", {"b": ""}),
        ("untag", {"tags": ["baseline"]}, "tags", {}),
        ("archive", {}, "archived", True),
        ("unarchive", {}, "archived", False),
        ("delete", {}, "deleted", True),
        ("restore", {}, "deleted", False),
        ("group", {"group": "g"}, "group", "g"),
        ("group", {}, "group", ""),
    ],
)
def test_many_at_once(visitor, ids, action, more, field, value):
    """Each run by itself: what is not there fails alone."""
    runs = [ids["run 0"], "nothing", ids["media"], ids["run 0"]]
    done = visitor.send("POST", "/runs/bulk", {"runs": runs, "action": action, **more}).json()
    assert done["done"] == [ids["run 0"], ids["media"]]
    assert [(one["run"], one["error"]["code"]) for one in done["failed"]] == [
        ("nothing", "not_found")
    ]
    for run in done["done"]:
        found = visitor.json(f"/runs/{run}")[field]
        if isinstance(value, dict):
            assert value.items() <= found.items()
            assert "baseline" not in found or action == "tag"
        else:
            assert found == value


def test_many_that_cannot(visitor, ids):
    """Wrong actions, too many runs, tags that are missing."""
    for body in (
        {"runs": [ids["media"]], "action": "burn"},
        {"runs": ["a"] * 1001, "action": "archive"},
        {"runs": [ids["media"]], "action": "tag"},
        {"runs": "media", "action": "archive"},
    ):
        assert visitor.send("POST", "/runs/bulk", body).status == 400
    done = visitor.send("POST", "/runs/bulk", {"runs": [ids["media"]], "action": "stop"}).json()
    assert done["failed"][0]["error"]["code"] == "conflict"


class TestViews:
    """Saved views."""

    def test_from_first_to_last(self, visitor):
        """Saved, listed, found by id, renamed, taken back."""
        body = {"project": "other", "name": "mine", "page": "runs", "state": "q=a%20b&s=1"}
        view = visitor.send("POST", "/views", body).json()
        assert {k: view[k] for k in body} == body
        assert visitor.json("/views?project=other")["items"] == [view]
        assert visitor.json("/views?project=none")["items"] == []
        assert visitor.json("/views")["total"] == 1
        assert visitor.json(f"/views/{view['id']}") == view
        renamed = visitor.send("PUT", f"/views/{view['id']}", {"name": "ours"}).json()
        assert renamed == {**view, "name": "ours"}
        assert visitor.send("DELETE", f"/views/{view['id']}").status == 200
        assert visitor.get(f"/views/{view['id']}").status == 404
        assert visitor.send("DELETE", f"/views/{view['id']}").status == 404

    def test_state_never_changes(self, visitor):
        """A link shows what it showed when it was shared."""
        view = visitor.send("POST", "/views", {"project": "", "name": "a", "state": "x"}).json()
        body = {"name": "b", "state": "y"}
        assert visitor.send("PUT", f"/views/{view['id']}", body).status == 400
        assert visitor.json(f"/views/{view['id']}")["state"] == "x"

    def test_what_cannot_be_saved(self, visitor):
        """No name, and no state of any length."""
        assert visitor.send("POST", "/views", {"project": "p", "name": ""}).status == 400
        body = {"project": "p", "name": "a", "state": "x" * (65 << 10)}
        assert visitor.send("POST", "/views", body).status == 400
        assert visitor.json("/views")["total"] == 0


def test_a_store_that_takes_nothing(visitor, run, monkeypatch):
    """With a full disk each change is 503, says so, and reading goes on."""
    import errno

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("notabene.journal.file.JournalFile.append", full)
    for method, path, body in (
        ("PATCH", f"/runs/{run}", {"name": "x"}),
        ("POST", f"/runs/{run}/tags", {"set": {"a": ""}}),
        ("POST", f"/runs/{run}/notes", {"text": "x"}),
        ("DELETE", f"/runs/{run}", None),
        ("POST", "/views", {"project": "", "name": "a"}),
        ("POST", "/projects/notes", {"project": "other", "text": "a"}),
    ):
        reply = visitor.send(method, path, body)
        assert (reply.status, reply.json()["code"]) == (503, "transport"), path
        assert "no space left" in reply.json()["message"]
    assert visitor.json(f"/runs/{run}")["deleted"] is False


def test_a_store_that_may_only_be_read(visitor, run, monkeypatch):
    """Changes are 403."""
    import errno

    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("notabene.journal.desk.Desk._make", denied)
    assert visitor.send("POST", f"/runs/{run}/tags", {"set": {"a": ""}}).status == 403
