"""Errors: one form, whatever the route and whatever went wrong."""

from __future__ import annotations

import logging
import re

import msgspec
import pytest
from litestar.exceptions import HTTPException, NotFoundException

from notabene import errors
from notabene.server import access
from notabene.server.problems import Problem, form_of
from tests.unit.server.conftest import V1

TREE = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.NotabeneError)
]
FORM = {"code", "message", "hint"}


def is_problem(reply):
    """Whether an answer is an error in the one form."""
    assert reply.status >= 400
    assert reply.headers["content-type"] == "application/json"
    form = reply.json()
    assert set(form) >= FORM, form
    assert all(isinstance(form[name], str) for name in FORM)
    assert form["message"]
    assert "Traceback" not in reply.body.decode()
    assert "\n" not in form["message"].partition("\n  ")[0]
    return form


@pytest.mark.parametrize("error", TREE, ids=lambda e: e.__name__)
def test_our_errors_keep_their_status(error):
    """Each error of the tree is answered with its own status and form."""
    made = error("something is wrong", hint="mend it")
    status, form, _ = form_of(made)
    assert (status, form) == (error.status, made.to_dict())


def test_errors_of_http():
    """Statuses of HTTP have codes of their own."""
    assert form_of(NotFoundException())[1]["code"] == "not_found"
    assert form_of(Problem(416, "outside", headers={"Content-Range": "bytes */3"}))[2]
    assert form_of(HTTPException(status_code=418, detail="a teapot"))[:2] == (
        418,
        {"code": "error", "message": "a teapot", "hint": ""},
    )
    assert form_of(RecursionError())[0] == 400


def test_what_nobody_foresaw(caplog):
    """It is answered with an id alone; the log has the rest under that id."""
    with caplog.at_level(logging.ERROR, "notabene.server"):
        status, form, _ = form_of(KeyError("a secret of the inside"))
    assert (status, form["code"]) == (500, "internal")
    assert "secret" not in msgspec.json.encode(form).decode()
    assert form["id"] in form["message"]
    assert form["id"] in caplog.text
    assert "a secret of the inside" in caplog.text


def test_no_traceback_leaves_the_server(visitor, monkeypatch, caplog):
    """A handler that breaks is answered in the one form."""
    monkeypatch.setattr("notabene.server.written.diary", lambda *_: 1 / 0)
    form = is_problem(visitor.get("/diary?project=other"))
    assert form["code"] == "internal"
    assert "ZeroDivisionError" in caplog.text


class TestEveryRoute:
    """What holds for each route of the table."""

    @pytest.mark.parametrize("place", sorted(access.RULES.keys() - {f"GET {V1}/events"}))
    def test_what_is_not_there(self, visitor, place):
        """Names of nothing, and bodies of nothing, are answered in the one form."""
        method, path = place.split(" ")
        path = re.sub(r"\{\w+\}", "nothing", path.replace("{digest}", "0" * 64))
        reply = visitor.ask(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
        if reply.status >= 400:
            assert is_problem(reply)["code"] in ("usage", "not_found", "ref", "query"), reply.body
            assert reply.status in (400, 404)

    @pytest.mark.parametrize(
        "place", [p for p in sorted(access.RULES) if p.split(" ")[0] in ("POST", "PUT", "PATCH")]
    )
    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"{", id="broken"),
            pytest.param(b"[]", id="list"),
            pytest.param(b"null", id="null"),
            pytest.param(b"\xff\xfe", id="no-utf-8"),
            pytest.param(b'"text"', id="text"),
            pytest.param(b'{"unknown": 1}', id="unknown-name"),
            pytest.param(b"1e999", id="number"),
            pytest.param(b"[" * 100_000, id="open-brackets"),
            pytest.param(b'{"a":' * 200 + b"1" + b"}" * 200, id="deep"),
        ],
    )
    def test_bodies_that_are_none(self, visitor, place, raw):
        """Malformed JSON, other JSON, and JSON nested without end are 400."""
        method, path = place.split(" ")
        path = re.sub(r"\{\w+\}", "x", path)
        reply = visitor.ask(method, path, raw=raw)
        assert (reply.status, is_problem(reply)["code"]) in (
            (400, "usage"),
            (404, "not_found"),
        ), reply.body

    def test_methods_that_are_none(self, visitor):
        """A path that is there says which methods it has."""
        by_path: dict[str, set[str]] = {}
        for place in access.RULES:
            method, path = place.split(" ")
            by_path.setdefault(path, set()).add(method)
        for path, methods in by_path.items():
            one = re.sub(r"\{\w+\}", "x", path)
            for method in {"POST", "PUT", "PATCH", "DELETE", "GET"} - methods:
                reply = visitor.ask(method, one)
                # ``/runs/table`` reads as the run "table" to a method that it has not.
                assert reply.status in (405, 404), (method, path)
                form = is_problem(reply)
                if reply.status == 405:
                    assert form["code"] == "method"
                    assert methods <= set(re.split(r",\s*", reply.headers["allow"]))

    def test_unknown_paths(self, visitor):
        """Below /api there is no page, only 404 in the one form."""
        for path in (V1, f"{V1}/", "/api", "/api/v2/runs", f"{V1}/runs/a/b/c", f"{V1}/run"):
            for method in ("GET", "POST", "DELETE"):
                reply = visitor.ask(method, path)
                assert is_problem(reply)["code"] in ("not_found", "method"), path

    MANY = "%20or%20".join(["params.a=1"] * 101)
    WIDE = f"params.a%20in%20({','.join(['1'] * 5000)})"

    @pytest.mark.parametrize(
        "query",
        [
            "limit=-1",
            "limit=50001",
            "limit=x",
            "offset=-1",
            "offset=99999999999999999999",
            "archived=perhaps",
            "where=(",
            "where=params.lr%20%3C",
            pytest.param("where=" + "%28" * 500, id="nested"),
            pytest.param(f"where={MANY}", id="many terms"),
            pytest.param(f"where={WIDE}", id="many values"),
            "order=nothing",
            "where=%00",
            "where=%FF",
            pytest.param("ids=" + ",".join(["a"] * 1001), id="many ids"),
        ],
    )
    def test_queries_that_are_none(self, visitor, query):
        """Parameters out of their range, and searches that cannot be read or go too far."""
        for path in ("/runs", "/runs/table"):
            if query.startswith("ids") and path != "/runs":
                continue
            reply = visitor.get(f"{path}?{query}")
            assert is_problem(reply)["code"] in ("usage", "query"), reply.body
            assert reply.status == 400


@pytest.mark.parametrize("place", sorted(p for p in access.RULES if p[:3] != "GET"))
@pytest.mark.parametrize("part", [b"", b'{"project": "oth'])
def test_who_goes_away_while_asking_leaves_no_traceback(visitor, place, part, caplog):
    """A browser that leaves a page breaks off what it sends: no error of the server."""
    method, path = place.split(" ")
    path = re.sub(r"\{\w+\}", "some", path)
    headers = [(b"host", b"127.0.0.1:7610"), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": [*headers, (b"content-length", b"500")],
        "client": ("127.0.0.1", 40000), "server": ("127.0.0.1", 7610), "state": {},
    }  # fmt: skip
    events = [{"type": "http.request", "body": part, "more_body": True}] if part else []
    sent = []

    async def receive():
        return events.pop(0) if events else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    visitor._runner.run(visitor.app(scope, receive, send))
    assert not caplog.records
    assert all(message.get("status", 400) < 500 for message in sent)
