"""The guard: names, origins, links, cookies, tokens, and headers on every answer."""

from __future__ import annotations

import pytest

from notabene.server.guard import CONNECTIONS, TARGET
from notabene.server.session import Session
from tests.unit.server.conftest import V1

SECURE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def session(tmp_path):
    """Keys in a folder of the test's own."""
    return Session(tmp_path / "keys", 7610)


class TestHost:
    """DNS rebinding: a page elsewhere may point its own name at this machine."""

    @pytest.mark.parametrize(
        "host", ["127.0.0.1:7610", "localhost", "LOCALHOST:1", "[::1]:7610", "localhost."]
    )
    def test_loopback_is_answered(self, visitor, host):
        """The names of this machine's loopback are ours, at any port."""
        visitor.host = host
        assert visitor.get("/runs").status == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example", "[::2]"]
    )
    @pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "HEAD"])
    def test_other_names_are_not(self, visitor, host, method):
        """Every method and every path refuses a name that is not ours."""
        visitor.host = host
        for path in (f"{V1}/runs", "/health", "/", "/assets/x.js"):
            assert visitor.ask(method, path).status == 421, path

    def test_more_names_can_be_allowed(self, ids, make_visitor):
        """The address that is listened on, and names given at the start, are answered."""
        visitor = make_visitor(hosts=("lab.example", "10.0.0.7"))
        for host in ("lab.example:7610", "10.0.0.7:7610", "localhost"):
            visitor.host = host
            assert visitor.get("/server").status == 200, host


class TestOrigin:
    """Requests that a page of another site sends on its visitor's behalf."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:9999"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "http://127.0.0.1:7610", "Sec-Fetch-Site": "cross-site"},
        ],
    )
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_changes_from_elsewhere_are_refused(self, visitor, ids, headers, method):
        """No method that changes something works from another site's page."""
        path = f"{V1}/runs/{ids['run 0']}"
        assert visitor.ask(method, path, {}, headers).status == 403
        assert visitor.json(f"/runs/{ids['run 0']}")["deleted"] is False

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "http://127.0.0.1:7610"},
            {"Origin": "http://127.0.0.1:7610", "Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
        ],
    )
    def test_changes_from_here_are_made(self, visitor, ids, headers):
        """Our own pages, and programs that are no browser, may."""
        path = f"{V1}/runs/{ids['run 0']}"
        assert visitor.ask("PATCH", path, {"archived": True}, headers).status == 200

    def test_forms_are_refused(self, visitor, ids):
        """A form of another site can send no JSON: other types are not read."""
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            path = f"{V1}/runs/{ids['run 0']}"
            reply = visitor.ask("PATCH", path, {"name": "x"}, {"Content-Type": kind})
            assert reply.status == 415, kind

    def test_nobody_is_told_to_read_from_elsewhere(self, visitor):
        """There is no header of CORS on any answer, and OPTIONS is no method here."""
        origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
        for method in ("GET", "OPTIONS"):
            headers = visitor.ask(method, f"{V1}/runs", headers=origin).headers
            assert not [name for name in headers if name.startswith("access-control")]


class TestHeaders:
    """What browsers are told with every answer."""

    @pytest.mark.parametrize(
        "path", ["/", "/health", f"{V1}/runs", f"{V1}/nowhere", "/assets/none.js", f"{V1}/runs/zz"]
    )
    def test_every_answer_has_them(self, visitor, path):
        """Pages, answers and errors alike."""
        for method in ("GET", "HEAD", "POST"):
            headers = visitor.ask(method, path).headers
            for name, value in SECURE.items():
                assert headers[name] == value, (method, path)
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe-eval" not in policy
            assert "server" not in headers

    def test_the_feed_has_no_head(self, visitor):
        """It would never end."""
        assert visitor.ask("HEAD", f"{V1}/events").status == 405

    def test_head_is_get_without_a_body(self, visitor):
        """The headers are those of GET."""
        get, head = visitor.ask("GET", f"{V1}/runs"), visitor.ask("HEAD", f"{V1}/runs")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["etag"] == get.headers["etag"]


class TestLimits:
    """What is refused before any work is done."""

    def test_long_addresses(self, visitor):
        """A path or query beyond all reason is 414."""
        reply = visitor.get("/runs?where=" + "x" * TARGET)
        assert (reply.status, reply.json()["code"]) == (414, "too_large")

    def test_large_bodies(self, visitor, ids):
        """A body over 32 MiB is 413, by its header and by its bytes."""
        path = f"{V1}/runs/{ids['run 0']}/notes"
        big = b'{"text": "' + b"x" * (32 << 20) + b'"}'
        assert visitor.ask("POST", path, raw=big).status == 413
        assert visitor.ask("POST", path, raw=big, headers={"Content-Length": "9"}).status == 413
        huge = {"Content-Length": str(1 << 40)}
        assert visitor.ask("POST", path, raw=b"{}", headers=huge).status == 413

    def test_many_connections(self, visitor):
        """One address has so many requests at a time, and no more."""
        visitor.app._busy["127.0.0.1"] = CONNECTIONS
        assert visitor.get("/runs").status == 429
        visitor.app._busy.clear()
        assert visitor.get("/runs").status == 200
        assert not visitor.app._busy

    def test_websockets_are_closed(self, visitor):
        """There are none."""
        sent = []

        async def send(message):
            sent.append(message)

        visitor._runner.run(visitor.app({"type": "websocket"}, None, send))
        assert sent == [{"type": "websocket.close", "code": 1008}]


class TestLink:
    """The printed link, and the cookie it sets."""

    @pytest.fixture
    def told(self):
        """Links that were printed after the first."""
        return []

    @pytest.fixture
    def stranger(self, ids, make_visitor, session, told):
        """Somebody at a server that wants to know who comes."""
        return make_visitor(session=session, announce=told.append)

    def test_the_link_lets_in_once(self, stranger, session, told):
        """It sets a cookie, leads to the page without itself, and does not work again."""
        link = session.link
        reply = stranger.ask("GET", f"/p/x/runs?a=1&token={link}&b=%2F")
        assert (reply.status, reply.headers["location"]) == (303, "/p/x/runs?a=1&b=%2F")
        cookie = reply.headers["set-cookie"]
        assert cookie.startswith("notabene-7610=")
        for word in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"):
            assert word in cookie
        assert told == [session.link]
        assert session.link != link
        again = stranger.ask("GET", f"/?token={link}")
        assert again.status == 401
        assert "set-cookie" not in again.headers
        stranger.cookie = cookie.split(";")[0]
        assert stranger.get("/runs").status == 200
        assert stranger.ask("GET", "/").status == 200

    def test_who_is_in_needs_no_link(self, stranger, session, told):
        """An old link leads somebody with a cookie to the page, and costs no link."""
        stranger.cookie = f"notabene-7610={session.make()}"
        reply = stranger.ask("GET", "/?token=old")
        assert (reply.status, reply.headers["location"]) == (303, "/")
        assert "set-cookie" not in reply.headers
        assert told == []

    def test_a_session_outlives_the_server(self, stranger, tmp_path, make_visitor):
        """Another server with the same keys takes the cookie; one with others does not."""
        value = Session(tmp_path / "keys", 7610).make()
        stranger.cookie = f"notabene-7610={value}"
        assert stranger.get("/runs").status == 200
        other = make_visitor(session=Session(tmp_path / "others", 7610))
        other.cookie = stranger.cookie
        assert other.get("/runs").status == 401

    def test_the_link_leads_nowhere_else(self, stranger, session):
        """Whatever stands in the path, the redirect stays on this server."""
        stranger.cookie = f"notabene-7610={session.make()}"
        for path in ("//evil.example/x", "/\\evil.example", "//", "/%0d%0aSet-Cookie:%20a=b"):
            reply = stranger.ask("GET", f"{path}?token=x")
            location = reply.headers["location"]
            assert location.startswith("/")
            assert location[1:2] not in ("/", "\\")
            assert "\r" not in location
            assert "\n" not in location

    def test_a_wrong_link_shows_a_page(self, stranger):
        """A person is told in words how to get in; a program gets JSON."""
        reply = stranger.ask("GET", "/?token=wrong", headers={"Accept": "text/html,*/*"})
        assert reply.status == 401
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert b"open the link it printed" in reply.body
        assert b"<script" not in reply.body
        assert stranger.get("/runs", accept="text/html").json()["code"] == "access"

    def test_guessing_is_slow(self, stranger, session):
        """After twenty wrong tokens an address has to wait, also with the right one."""
        for _ in range(20):
            assert stranger.ask("GET", "/?token=wrong").status == 401
        reply = stranger.ask("GET", f"/?token={session.link}")
        assert (reply.status, reply.headers["retry-after"]) == (429, "900")

    def test_a_link_is_of_no_use_to_the_api(self, stranger, session):
        """A token in an address of the API opens nothing: it would end up in logs."""
        for token in (session.link, session.token):
            assert stranger.get(f"/runs?token={token}").status == 401


class TestBearer:
    """The token for programs."""

    @pytest.fixture
    def program(self, ids, make_visitor, session):
        """A program at a server that wants a token."""
        return make_visitor(session=session)

    def test_the_right_token(self, program, session):
        """It opens the API, in any case of the word before it."""
        for scheme in ("Bearer", "bearer", "BEARER"):
            assert program.get("/runs", Authorization=f"{scheme} {session.token}").status == 200

    @pytest.mark.parametrize("value", ["Bearer x", "Bearer", "", "Basic YTpi", "Bearer  \x80é"])
    def test_wrong_ones(self, program, value):
        """Anything else is 401 and says what is wanted."""
        reply = program.get("/runs", Authorization=value)
        assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")

    def test_a_token_of_ones_own(self, ids, make_visitor, tmp_path):
        """The setting's token stands in the place of the kept one."""
        program = make_visitor(session=Session(tmp_path / "keys", 7610, "of-my-own"))
        assert program.get("/runs", Authorization="Bearer of-my-own").status == 200

    @pytest.mark.parametrize(
        "cookie", ["notabene-7610=", "notabene-7610=a.b.c", "x", "=;=", "a=b; notabene-7610=1.2.3"]
    )
    def test_cookies_that_are_none(self, program, cookie):
        """Forged or broken cookies open nothing."""
        program.cookie = cookie
        assert program.get("/runs").status == 401


class TestBasePath:
    """Behind a proxy that gives the server a path."""

    @pytest.fixture
    def below(self, ids, make_visitor, session):
        """A server below /notes."""
        return make_visitor(session=session, base_path="/notes")

    def test_everything_lies_below_it(self, below, session):
        """API, pages, link and cookie."""
        reply = below.ask("GET", f"/notes/?token={session.link}")
        assert (reply.status, reply.headers["location"]) == (303, "/notes/")
        assert "Path=/notes;" in reply.headers["set-cookie"]
        below.cookie = reply.headers["set-cookie"].split(";")[0]
        assert below.ask("GET", f"/notes{V1}/server").json()["base_path"] == "/notes"
        assert b'<base href="/notes/">' in below.ask("GET", "/notes/p/x/runs").body
        assert below.ask("GET", "/notes/health").status == 200

    def test_a_proxy_may_have_taken_it_away(self, below, session):
        """Paths without it mean the same."""
        below.cookie = f"notabene-7610={session.make()}"
        assert below.ask("GET", f"{V1}/server").status == 200
        assert b'<base href="/notes/">' in below.ask("GET", "/").body

    def test_a_longer_name_is_not_it(self, below, session):
        """``/notesX`` is a page of the interface, not the API below ``/notes``."""
        below.cookie = f"notabene-7610={session.make()}"
        reply = below.ask("GET", f"/notesX{V1}/server")
        assert reply.headers["content-type"].startswith("text/html")
