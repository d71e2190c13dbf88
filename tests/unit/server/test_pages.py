"""The files of the web interface: kept for good, asked for again, or not there."""

from __future__ import annotations

import gzip

import pytest

from tests.unit.server.conftest import V1


@pytest.fixture
def static(tmp_path):
    """An interface as it is built."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    script = b"console.log(1);" * 200
    (folder / "assets" / "index-a1b2.js").write_bytes(script)
    (folder / "assets" / "index-a1b2.js.gz").write_bytes(gzip.compress(script))
    (folder / "assets" / "index-a1b2.js.br").write_bytes(b"brotli bytes")
    (folder / "assets" / "index-c3.css").write_text("a{}")
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "index.html").write_text(
        '<!doctype html><html><head><meta charset="utf-8"><base href="/"></head></html>'
    )
    (folder / ".secret.json").write_text("{}")
    (folder / "passwords.kdbx").write_text("x")
    (tmp_path / "outside.json").write_text("{}")
    (folder / "link.json").symlink_to(tmp_path / "outside.json")
    return folder


@pytest.fixture
def browser(static, make_visitor):
    """Asks a server whose interface is built."""
    return make_visitor()


def test_without_an_interface(make_visitor):
    """A page says how to build it; the API works."""
    visitor = make_visitor()
    reply = visitor.ask("GET", "/")
    assert reply.status == 200
    assert b"make web" in reply.body
    assert b'<base href="/">' in reply.body
    assert visitor.get("/projects").status == 200


def test_the_index(browser):
    """Every page that is no file is the index, asked for again each time."""
    for path in ("/", "/p/a%20b/runs", "/r/x?tab=console", "/settings", "/index.html"):
        reply = browser.ask("GET", path)
        assert reply.status == 200, path
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert reply.headers["cache-control"] == "no-cache"
        assert reply.body.count(b"<base") == 1
    tag = reply.headers["etag"]
    assert browser.ask("GET", "/", headers={"If-None-Match": tag}).status == 304


def test_the_base(static, make_visitor):
    """The base path is filled in, and is no place to break out of."""
    body = make_visitor(base_path="/notes").ask("GET", "/notes/x").body
    assert b'<base href="/notes/">' in body
    body = make_visitor(base_path='/"><script>').ask("GET", "/x").body
    assert b"<script>" not in body


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [("br, gzip", "br"), ("gzip", "gzip"), ("", None), ("br;q=0, gzip", "gzip"), ("zstd", None)],
)
def test_packed_files(browser, accepts, coding):
    """As the browser likes them; hashed ones are kept for good."""
    reply = browser.ask("GET", "/assets/index-a1b2.js", headers={"Accept-Encoding": accepts})
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers.get("content-encoding") == coding
    assert reply.headers["vary"] == "Accept-Encoding"
    if coding == "gzip":
        assert gzip.decompress(reply.body).startswith(b"console.log")


def test_other_files(browser):
    """Those without a hash are asked for again."""
    reply = browser.ask("GET", "/favicon.svg")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/svg+xml")
    assert reply.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": reply.headers["etag"]}
    assert browser.ask("GET", "/favicon.svg", headers=known).status == 304
    assert browser.ask("GET", "/assets/index-c3.css").body == b"a{}"
    assert browser.ask("HEAD", "/favicon.svg").body == b""


@pytest.mark.parametrize("path", ["/assets/gone-0.js", "/assets/", "/assets/x", "/favicon.ico"])
def test_what_is_missing(browser, path):
    """A file that is gone is 404, never the index: a browser would run it as a script."""
    reply = browser.ask("GET", path)
    assert (reply.status, reply.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.json",
        "/%2e%2e/outside.json",
        "/assets/..%2f..%2foutside.json",
        "/..%5coutside.json",
        "/.secret.json",
        "/link.json",
        "/passwords.kdbx",
        "/assets/../../outside.json",
        "//etc/passwd",
        "/%00",
    ],
)
def test_nothing_else_is_a_file(browser, path):
    """No path leads out of the folder, to hidden files, or to files of other kinds."""
    reply = browser.ask("GET", path)
    assert reply.status in (200, 404)
    assert reply.body != b"{}"
    assert b"root:" not in reply.body
    if reply.status == 200:
        assert reply.headers["content-type"].startswith("text/html")


def test_pages_are_read_alone(browser):
    """Nothing can be sent to them."""
    for method in ("POST", "PUT", "DELETE"):
        reply = browser.ask(method, "/p/x/runs", {})
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
    assert browser.ask("POST", f"{V1}/nowhere", {}).status == 404
