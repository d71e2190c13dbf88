"""The table of access: every route has a rule, and nothing is reached around it."""

from __future__ import annotations

import re

import pytest

from notabene.errors import AccessError
from notabene.server import access
from notabene.server.app import Routes, routes_of
from notabene.server.feed import Feed
from notabene.server.notebook import Notebook
from notabene.server.options import Options
from notabene.server.session import Session
from tests.unit.server.conftest import V1

PLACES = sorted(access.RULES)


def target(place: str) -> tuple[str, str]:
    """Method and a path of a route."""
    method, path = place.split(" ")
    path = path.replace("{digest}", "0" * 64)
    return method, re.sub(r"\{\w+\}", "x", path)


def test_the_table_names_all_routes(api):
    """The app has exactly the routes that the table has."""
    notebook = Notebook(api)
    app = Routes(notebook, Feed(notebook), Options())
    assert set(routes_of(app.litestar)) == set(access.RULES)


def test_a_route_without_a_rule_stops_the_start(api, monkeypatch):
    """An app with a route that nobody thought about is not made."""
    monkeypatch.delitem(access.RULES, f"GET {V1}/search")
    notebook = Notebook(api)
    with pytest.raises(RuntimeError, match=f"without a rule.*GET {V1}/search"):
        Routes(notebook, Feed(notebook), Options())


def test_a_rule_without_a_route_stops_the_start(api, monkeypatch):
    """A rule that guards nothing is a mistake in its path."""
    monkeypatch.setitem(access.RULES, "GET /api/v1/nowhere", "read")
    notebook = Notebook(api)
    with pytest.raises(RuntimeError, match=r"without a route.*nowhere"):
        Routes(notebook, Feed(notebook), Options())


@pytest.mark.parametrize(
    ("place", "rights", "allowed"),
    [
        ("GET /api/v1/runs", {"read"}, True),
        ("GET /api/v1/runs", {"write"}, False),
        ("DELETE /api/v1/runs/{run}", {"read"}, False),
        ("GET /api/v1/nowhere", {"read", "write", "admin", "public"}, False),
    ],
)
def test_rules_ask_for_rights(place, rights, allowed):
    """A visitor passes with the right that the rule names, and nowhere without a rule."""
    if allowed:
        access.require(place, frozenset(rights))
    else:
        with pytest.raises(AccessError):
            access.require(place, frozenset(rights))


class TestWithoutAccess:
    """A visitor who has shown nothing."""

    @pytest.fixture
    def stranger(self, make_visitor, tmp_path):
        """Asks a server that wants a token."""
        return make_visitor(session=Session(tmp_path / "keys", 7610))

    def test_every_route_is_closed(self, stranger):
        """Each route but the public ones answers 401 in the one form."""
        for place in PLACES:
            method, path = target(place)
            reply = stranger.ask(method, path, body={} if method in ("POST", "PUT") else None)
            if access.RULES[place] == "public":
                assert reply.status == 200, place
                continue
            assert reply.status == 401, place
            assert reply.json()["code"] == "access", place
            assert set(reply.json()) == {"code", "message", "hint"}, place

    def test_unknown_routes_and_pages_are_closed(self, stranger):
        """It learns neither what there is nor what there is not."""
        for path in ("/", "/p/x/runs", "/assets/x.js", "/api/v1/nowhere", "/api", "/../etc/passwd"):
            assert stranger.ask("GET", path).status == 401, path

    def test_other_methods_are_closed(self, stranger):
        """No method gets around the guard."""
        for method in ("HEAD", "DELETE", "PATCH", "PUT", "POST"):
            assert stranger.ask(method, f"{V1}/runs").status == 401, method
        for method in ("OPTIONS", "TRACE", "CONNECT", "PROPFIND"):
            assert stranger.ask(method, f"{V1}/runs").status == 405, method
