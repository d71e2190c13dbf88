"""Runs over HTTP: lists, the table, one of them, and what it logged."""

from __future__ import annotations

import asyncio
import threading
from urllib.parse import quote

import pytest

from notabene.api import Api
from notabene.server.notebook import slot_of
from tests.unit.server.conftest import V1


def test_a_list(visitor, ids):
    """Runs by page, newest first, as entities; with what is counted in all."""
    found = visitor.json("/runs?limit=2")
    assert [run["name"] for run in found["items"]] == ["media", "run 1"]
    assert (found["total"], found["limit"], found["offset"]) == (3, 2, 0)
    assert visitor.json("/runs?offset=2")["items"][0]["id"] == ids["run 0"]
    assert visitor.json("/runs?limit=0") == {"items": [], "total": 3, "limit": 0, "offset": 0}
    assert visitor.json("/runs?offset=99")["items"] == []


def test_a_search(visitor, ids):
    """Project, search and order, with any letters in names."""
    project = quote("vision/a b", safe="")
    where = quote("params.optim.lr < 0.05")
    found = visitor.json(f"/runs?project={project}&where={where}")
    assert [run["id"] for run in found["items"]] == [ids["run 1"]]
    order = quote('-metrics."val/acc"')
    found = visitor.json(f"/runs?project={project}&order={order}")
    assert [run["name"] for run in found["items"]] == ["run 1", "run 0"]


def test_by_id(visitor, ids, api):
    """Runs are given in the order of the ids, wherever they are; those that are not, are not."""
    api.delete(ids["run 0"])
    api.archive(ids["media"])
    wanted = ",".join((ids["media"], "nothing", ids["run 0"], ids["media"]))
    found = visitor.json(f"/runs?ids={wanted}")
    assert [run["name"] for run in found["items"]] == ["media", "run 0"]
    assert found["total"] == 2


def test_trash_and_archive(visitor, ids, api):
    """Deleted runs and archived ones are listed where they are asked for."""
    api.delete(ids["run 0"])
    api.archive(ids["media"])

    def names(query):
        return {run["name"] for run in visitor.json(f"/runs?{query}")["items"]}

    assert names("") == {"run 1"}
    assert names("archived=true") == {"run 1", "media"}
    assert names("deleted=1") == {"run 0"}


def test_one(visitor, ids):
    """All of a run: its number in the project, its look, its nested config, NaN as a text."""
    run = visitor.json(f"/runs/{ids['run 1']}")
    assert run["config"] == {"optim": {"lr": 0.01}, "same": 7, "layers": [1, 2]}
    assert (run["number"], run["slot"]) == (2, 1)
    assert run["metrics"]["odd"]["last"] == "NaN"
    assert run["metrics"]["val/acc"]["goal"] == "max"
    assert run["notes"][0]["text"] == "a first <b>look</b>"
    assert visitor.json(f"/runs/{ids['media']}")["number"] == 1


def test_looks():
    """A look follows from the number; runs of before numbers have one from their id."""
    assert [slot_of("a", n) for n in (1, 2, 32, 33)] == [0, 1, 31, 0]
    assert slot_of("a", 0) == slot_of("a", 0)
    assert len({slot_of(f"run{n}", 0) for n in range(100)}) > 25


def test_the_table(visitor, ids):
    """Columns by field; absent is null, and NaN that was logged is not."""
    fields = "name,params.optim.lr,metrics.loss.min,metrics.odd,created,tags.team,params.layers"
    found = visitor.json(f"/runs/table?fields={fields}&fields=metrics.odd.min&order=created")
    assert found["ids"] == [ids["run 0"], ids["run 1"], ids["media"]]
    assert found["slots"] == [0, 1, 0]
    assert found["statuses"] == ["finished"] * 3
    assert (found["total"], found["total_all"]) == (3, 3)
    columns = {column["field"]: column for column in found["columns"]}
    assert [*columns][:2] == ["name", "params.optim.lr"]
    assert columns["params.optim.lr"]["values"] == [0.1, 0.01, None]
    assert columns["metrics.odd"]["values"] == ["NaN", "NaN", None]
    assert columns["metrics.odd.min"]["values"] == [None, None, None]
    assert columns["metrics.loss.min"]["values"] == pytest.approx([0.01, 1.01, None])
    assert columns["created"]["type"] == "time"
    assert columns["tags.team"]["values"] == ["0", "1", None]
    assert columns["params.layers"]["values"] == ["[1, 2]", "[1, 2]", None]


def test_the_table_counts(visitor):
    """The search's matches, and all runs of the project beside them."""
    found = visitor.json(f"/runs/table?where={quote('params.optim.lr < 0.05')}&limit=0")
    assert (found["total"], found["total_all"], found["ids"]) == (1, 3, [])


def test_constants(visitor):
    """What is the same in all matches, not only in those of the page."""
    project = quote("vision/a b", safe="")
    found = visitor.json(f"/runs/table?project={project}&constant=1&limit=1")
    same = {item["field"]: item["value"] for item in found["constant"]}
    assert same["params.same"] == 7
    assert "params.optim.lr" not in same
    assert visitor.json(f"/runs/table?project={project}")["constant"] == []


def test_fields_that_are_none(visitor):
    """A word that is no field is told with its place."""
    reply = visitor.get("/runs/table?fields=nonsense")
    assert (reply.status, reply.json()["code"]) == (400, "query")
    many = ",".join(f"params.p{n}" for n in range(501))
    assert visitor.get(f"/runs/table?fields={many}").status == 400


def test_values(visitor, ids):
    """What there is by key, and the values of a key."""
    run = ids["media"]
    found = visitor.json(f"/runs/{run}/values")
    kinds = {
        item["key"]: (item["kind"], item["count"], item["last_step"]) for item in found["items"]
    }
    assert kinds == {
        "sample": ("text", 1, 3),
        "table": ("table", 1, 3),
        "image": ("image", 1, 3),
        "page": ("html", 1, 3),
    }
    (image,) = visitor.json(f"/runs/{run}/values?key=image")["items"]
    assert image["value"]["caption"] == "<i>"
    assert visitor.json(f"/runs/{run}/values?key=image&step=4")["items"] == []
    assert visitor.get(f"/runs/{run}/values?key=imag").json()["hint"].endswith("'image'?")


def test_table_pages(visitor, ids):
    """Rows of a long table, some at a time, and none past its end."""
    run = ids["media"]
    page = visitor.json(f"/runs/{run}/table?key=table&offset=2498&limit=100")
    assert (page["rows"], page["offset"]) == (2500, 2498)
    assert [column["name"] for column in page["columns"]] == ["id", "name", "score"]
    assert page["cells"][0] == [2498, 2499]
    assert visitor.json(f"/runs/{run}/table?key=table&limit=1")["cells"][2] == ["NaN"]
    assert visitor.json(f"/runs/{run}/table?key=table&offset=9999")["cells"] == [[], [], []]
    assert visitor.get(f"/runs/{run}/table?key=image").status == 400
    assert visitor.get(f"/runs/{run}/table?key=table&step=77").status == 400
    assert visitor.get(f"/runs/{run}/table?key=none").status == 404


def test_captured(visitor, ids):
    """Nothing was captured, which is no error."""
    assert visitor.json(f"/runs/{ids['media']}/captured") == {}
    assert visitor.get("/runs/nothing/captured").status == 404


@pytest.mark.parametrize(
    "run", ["..", "..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00b", "a%2Fb", "a b", "x" * 200, "é"]
)
def test_ids_that_are_none(visitor, run):
    """What is no run id is never looked for on the disk."""
    for rest in ("", "/console", "/values", "/history", "/captured"):
        reply = visitor.get(f"/runs/{run}{rest}")
        assert reply.status in (400, 404), (run, rest)


def test_names_are_no_ids(visitor, ids):
    """A run is found by its whole id alone: nobody deletes another by its beginning."""
    run = ids["run 0"]
    for near in (run[:-1], run[-6:], "media", run.upper()):
        assert visitor.get(f"/runs/{near}").status == 404, near
        assert visitor.send("DELETE", f"/runs/{near}").status == 404, near
    done = visitor.send("POST", "/runs/bulk", {"runs": ["media", run[-6:]], "action": "delete"})
    assert [one["run"] for one in done.json()["failed"]] == ["media", run[-6:]]
    assert visitor.json("/runs")["total"] == 3


def test_answers_have_an_end(visitor, ids, monkeypatch):
    """What is larger than 16 MiB is refused with a hint; the table of runs may be larger."""
    monkeypatch.setattr("notabene.server.answers.ANSWER", 1000)
    reply = visitor.get(f"/runs/{ids['run 0']}")
    assert (reply.status, reply.json()["code"]) == (400, "usage")
    assert "smaller page" in reply.json()["hint"]
    assert visitor.get("/runs/table?fields=id,name,created,status,group,user,host").status == 200


class TestTags:
    """ETag and If-None-Match."""

    def test_nothing_changed(self, visitor, ids):
        """The same question is answered "you have that already", without a body."""
        for path in (f"/runs/{ids['run 0']}", "/runs", "/projects", "/runs/table", "/views"):
            tag = visitor.get(path).headers["etag"]
            assert tag.startswith('W/"')
            again = visitor.get(path, If_None_Match=tag)
            assert (again.status, again.body) == (304, b""), path
            assert again.headers["etag"] == tag
            several = visitor.get(path, If_None_Match=f'"x", {tag}')
            assert several.status == 304
            assert visitor.get(path, If_None_Match='W/"x"').status == 200

    def test_something_changed(self, visitor, ids, api):
        """After any edit, also by another process, the answer is given anew."""
        path = f"/runs/{ids['run 0']}"
        tag = visitor.get(path).headers["etag"]
        with Api(api.store_path) as other:
            other.tag(ids["run 0"], "new")
        again = visitor.get(path, If_None_Match=tag)
        assert again.status == 200
        assert "new" in again.json()["tags"]

    def test_another_question(self, visitor, ids):
        """The tag of one run or query is none of another's."""
        tags = {visitor.get(f"/runs/{run}").headers["etag"] for run in ids.values()}
        tags |= {
            visitor.get(f"/runs/{ids['media']}/values?limit={n}").headers["etag"] for n in (1, 2)
        }
        assert len(tags) == 5

    def test_answers_are_asked_for_again(self, visitor):
        """Browsers keep an answer, and ask whether it still holds."""
        assert visitor.get("/runs").headers["cache-control"] == "no-cache"


class TestLost:
    """Runs that were heard of too long ago."""

    def test_a_run_becomes_lost_without_a_record(self, visitor, lab, monkeypatch):
        """Nothing in the store changes, and yet the answer does."""
        from notabene import _ids
        from notabene.server import notebook

        writer = lab.scribe("silent", time=_ids.now_us())
        writer.row({"loss": 1.0}, 0)
        lab.save(writer)
        first = visitor.get("/runs/silent")
        assert first.json()["status"] == "running"
        later = _ids.now_us() + 200_000_000
        for module in (notebook, "notabene.store.sqlbase"):
            monkeypatch.setattr(
                f"{module if isinstance(module, str) else module.__name__}.now_us", lambda: later
            )
        again = visitor.get("/runs/silent", If_None_Match=first.headers["etag"])
        assert again.status == 200
        assert again.json()["status"] == "lost"

    def test_who_looks_is_told(self, ids, api, lab, monkeypatch):
        """No change is told of, so all is to be loaded anew."""
        from notabene import _ids
        from notabene.server import feed, notebook

        writer = lab.scribe("silent", time=_ids.now_us())
        writer.row({"loss": 1.0}, 0)
        lab.save(writer)
        monkeypatch.setattr(feed, "LOST", 0.0)
        counted = threading.Event()
        book = notebook.Notebook(api)
        count = book.lost

        def lost(cursor):
            found = count(cursor)
            counted.set()
            return found

        monkeypatch.setattr(book, "lost", lost)

        async def look():
            events = feed.Feed(book).events("")
            first = await anext(events)
            news = asyncio.ensure_future(anext(events))
            await asyncio.to_thread(counted.wait)
            later = _ids.now_us() + 200_000_000
            monkeypatch.setattr(notebook, "now_us", lambda: later)
            second = await news
            await events.aclose()
            return first, second

        first, second = asyncio.run(look())
        assert b'"reload":false' in first
        assert b'"reload":true' in second


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_long_answers_are_packed(visitor, coding):
    """As the client likes it; short ones and those for others are not."""
    import gzip

    import zstandard

    plain = visitor.get("/projects/fields")
    assert "content-encoding" not in plain.headers
    packed = visitor.get("/projects/fields", Accept_Encoding=f"br, {coding};q=1.0")
    assert packed.headers["content-encoding"] == coding
    assert packed.headers["vary"] == "Accept-Encoding"
    unpack = gzip.decompress if coding == "gzip" else zstandard.decompress
    assert unpack(packed.body) == plain.body
    assert "content-encoding" not in visitor.get("/views", Accept_Encoding=coding).headers
    refused = visitor.get("/projects/fields", Accept_Encoding=f"{coding};q=0")
    assert "content-encoding" not in refused.headers


def test_a_run_that_goes_while_it_is_looked_at(visitor, ids, api):
    """In the trash it is still shown; purged, it is 404, and no answer breaks."""
    import shutil

    run = ids["run 0"]
    api.delete(run)
    assert visitor.json(f"/runs/{run}")["deleted"] is True
    assert visitor.json(f"/runs/{run}/console")["lines"] == []
    shutil.rmtree(api.store_path / "trash" / "runs" / run)
    for path in ("/console", "/history?key=loss", "/values", "/captured", ""):
        reply = visitor.get(f"/runs/{run}{path}")
        assert reply.status in (200, 404), (path, reply.body)
    question = {"runs": [run, ids["run 1"]], "keys": ["loss"]}
    assert visitor.ask("POST", f"{V1}/series", question).status in (200, 404)
