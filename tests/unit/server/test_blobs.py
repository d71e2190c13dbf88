"""Bytes of people: ranges, names, types, and that none of them acts as a page of ours."""

from __future__ import annotations

import gzip

import pytest

from notabene.artifacts.open import store_blobs
from notabene.server.blobs import SHOWN, VERIFIED, disposition, read_range
from notabene.server.problems import Problem

EVIL = b"<script>fetch('/api/v1/runs', {method: 'DELETE'})</script>"


@pytest.fixture
def put(api):
    """Keeps content; gives its digest."""

    def keep(data):
        with store_blobs(api.folder) as blobs:
            return blobs.put(data)

    return keep


def test_bytes(visitor, put):
    """Content by its digest, for good."""
    digest = put(b"hello")
    reply = visitor.get(f"/blobs/{digest}")
    assert (reply.status, reply.body) == (200, b"hello")
    assert reply.headers["content-length"] == "5"
    assert reply.headers["etag"] == f'"{digest}"'
    assert "immutable" in reply.headers["cache-control"]
    assert "private" in reply.headers["cache-control"]
    assert visitor.get(f"/blobs/{digest}", If_None_Match=f'"{digest}"').status == 304
    assert visitor.ask("HEAD", f"/api/v1/blobs/{digest}").headers["content-length"] == "5"


@pytest.mark.parametrize("digest", ["0" * 64, "abc", "../../etc/passwd", "A" * 64, "0" * 63 + "g"])
def test_digests_that_are_none(visitor, digest):
    """What is no digest is no path either."""
    assert visitor.get(f"/blobs/{digest}").status in (400, 404)


class TestTypes:
    """What a browser makes of it."""

    @pytest.mark.parametrize("kind", sorted(SHOWN))
    def test_what_is_shown(self, visitor, put, kind):
        """Pictures, sound and film keep their type; nothing in them runs."""
        reply = visitor.get(f"/blobs/{put(EVIL)}?type={kind.replace('+', '%2B')}")
        assert reply.headers["content-type"] == kind
        assert reply.headers["content-disposition"].startswith("inline")
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert policy.endswith("sandbox")
        assert reply.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize(
        "kind",
        [
            "",
            "application/xhtml+xml",
            "text/xml",
            "application/javascript",
            "text/css",
            "application/pdf",
            "text/plain",
            "image/svg",
            "text/html2",
            "image/png, text/html",
            "x\r\nSet-Cookie: a=b",
        ],
    )
    def test_all_else_is_a_download(self, visitor, put, kind):
        """Whatever it is said to be."""
        from urllib.parse import quote

        reply = visitor.get(f"/blobs/{put(EVIL)}?type={quote(kind)}&name=a.html")
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in reply.headers["content-security-policy"]
        assert "set-cookie" not in reply.headers

    def test_html_is_boxed(self, visitor, put):
        """Its scripts run in an origin of their own, without network, in our frames alone."""
        reply = visitor.get(f"/blobs/{put(EVIL)}?type=text/html")
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        policy = reply.headers["content-security-policy"]
        assert policy.endswith("sandbox allow-scripts")
        assert "allow-same-origin" not in policy
        assert "default-src 'none'" in policy
        assert "connect-src" not in policy
        assert "frame-ancestors 'self'" in policy
        # With it, a boxed page could not be opened in a window at all.
        assert "cross-origin-opener-policy" not in reply.headers

    def test_on_demand_everything_is_a_download(self, visitor, put):
        """Also a picture."""
        reply = visitor.get(f"/blobs/{put(b'x')}?type=image/png&name=a%20b.png&download=1")
        assert reply.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("model.pt", "attachment; filename=\"model.pt\"; filename*=UTF-8''model.pt"),
        ("../../etc/passwd", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd"),
        ("a\\b.txt", "attachment; filename=\"b.txt\"; filename*=UTF-8''b.txt"),
        ('a"\r\nX: y', "attachment; filename=\"a_X_ y\"; filename*=UTF-8''a%22X%3A%20y"),
        ("", "attachment; filename=\"content\"; filename*=UTF-8''content"),
        ("ü.png", "attachment; filename=\"_.png\"; filename*=UTF-8''%C3%BC.png"),
        (".bashrc", "attachment; filename=\"bashrc\"; filename*=UTF-8''bashrc"),
    ],
)
def test_names_of_downloads(name, shown):
    """The last part alone, in a form that nothing can break out of."""
    assert disposition(name, attachment=True) == shown


class TestRanges:
    """Parts of content, as players of film ask for them."""

    @pytest.mark.parametrize("size", [1000, VERIFIED + 5])
    def test_parts(self, visitor, put, size):
        """First, middle, last and open ones, of small content and of large."""
        data = bytes(n * 7 % 251 for n in range(1000)) * (size // 1000 + 1)
        data = data[:size]
        path = f"/blobs/{put(data)}"
        for text, begin, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=10-19", 10, 20),
            (f"bytes={size - 5}-", size - 5, size),
            ("bytes=-7", size - 7, size),
            (f"bytes=5-{size * 2}", 5, size),
        ):
            reply = visitor.get(path, Range=text)
            assert (reply.status, reply.body) == (206, data[begin:end]), text
            assert reply.headers["content-range"] == f"bytes {begin}-{end - 1}/{size}"
            assert reply.headers["content-length"] == str(end - begin)
        whole = visitor.get(f"{path}?type=video/mp4")
        assert (whole.body, whole.headers["content-type"]) == (data, "video/mp4")
        assert whole.headers["accept-ranges"] == "bytes"

    @pytest.mark.parametrize(
        "text", ["bytes=9-", "bytes=5-9", "bytes=-0", "bytes=99999999999999999999-"]
    )
    def test_outside(self, visitor, put, text):
        """416 with the size."""
        reply = visitor.get(f"/blobs/{put(b'hello')}", Range=text)
        assert (reply.status, reply.headers["content-range"]) == (416, "bytes */5")
        assert reply.json()["code"] == "range"

    @pytest.mark.parametrize(
        "text", ["", "bytes=", "bytes=-", "bytes=2-1", "lines=1-2", "bytes=0-1,3-4", "x"]
    )
    def test_what_is_no_range(self, visitor, put, text):
        """All of it."""
        assert visitor.get(f"/blobs/{put(b'hello')}", Range=text).status == 200

    def test_nothing_has_no_part(self):
        """An empty file has no first byte."""
        with pytest.raises(Problem):
            read_range("bytes=0-", 0)

    def test_within_a_pack(self, visitor, put):
        """``at`` and ``size`` choose what lies in a pack; ranges are of that."""
        digest = put(b"0123456789")
        assert visitor.get(f"/blobs/{digest}?at=3&size=4").body == b"3456"
        reply = visitor.get(f"/blobs/{digest}?at=3&size=4", Range="bytes=1-2")
        assert (reply.body, reply.headers["content-range"]) == (b"45", "bytes 1-2/4")
        assert reply.headers["etag"] != visitor.get(f"/blobs/{digest}").headers["etag"]
        for query in ("at=3", "size=4", "at=8&size=4", "at=-1&size=1"):
            assert visitor.get(f"/blobs/{digest}?{query}").status == 400, query


def test_compressed_content(visitor, put):
    """It is handed out as it is, with the coding for the browser to undo."""
    digest = put(gzip.compress(b"long " * 100, mtime=0))
    reply = visitor.get(f"/blobs/{digest}?encoding=gzip&type=image/png")
    assert reply.headers["content-encoding"] == "gzip"
    assert gzip.decompress(reply.body) == b"long " * 100
    assert visitor.get(f"/blobs/{put(b'plain')}?encoding=gzip").status == 400


def test_damaged_content(visitor, put, api):
    """It is never passed off as what was asked for."""
    digest = put(b"x" * 200_000)
    path = api.blobs.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"y" * 200_000)
    reply = visitor.get(f"/blobs/{digest}")
    assert (reply.status, reply.json()["code"]) == (422, "integrity")
