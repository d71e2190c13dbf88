"""Artifacts over HTTP: names, versions, folders, files, previews, aliases, lineage."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from notabene.server.shelves import LOOK, mime_of

NAME = quote("data/set", safe="")


def test_a_list(visitor, ids):
    """By name, with what the newest version is; of a project those that its runs touched."""
    (card,) = visitor.json("/artifacts")["items"]
    assert (card["name"], card["type"], card["versions"]) == ("data/set", "dataset", 1)
    assert card["latest"]["aliases"] == ["latest", "best"]
    assert visitor.json("/artifacts?project=other")["total"] == 1
    assert visitor.json(f"/artifacts?project={quote('vision/a b')}")["total"] == 0
    assert visitor.json("/artifacts?search=DATA&type=dataset")["total"] == 1
    assert visitor.json("/artifacts?search=none")["total"] == 0
    assert visitor.json("/artifacts?type=model")["total"] == 0


def test_versions(visitor, ids):
    """Those of a name; one with the runs around it."""
    (version,) = visitor.json(f"/artifacts/versions?name={NAME}")["items"]
    assert (version["version"], version["run"]) == (1, ids["media"])
    one = visitor.json(f"/artifacts/version?ref={NAME}:best")
    assert (one["made_by"], one["used_by"]) == ([ids["media"]], [])
    for path in ("versions?name=none", "version?ref=none", f"version?ref={NAME}:v9"):
        assert visitor.get(f"/artifacts/{path}").status == 404, path
    for ref in ("", "a:b:c", "a:@x"):
        assert visitor.get(f"/artifacts/version?ref={quote(ref)}").status in (400, 404), ref


def test_folders(visitor):
    """One folder at a time, folders first, with what is in them."""
    top = visitor.json(f"/artifacts/files?ref={NAME}")["items"]
    assert [(e["name"], e["kind"], e["files"]) for e in top] == [
        ("sub", "folder", 2),
        ("big.bin", "file", 1),
        ("evil.html", "file", 1),
    ]
    assert top[1]["size"] == 256_000
    below = visitor.json(f"/artifacts/files?ref={NAME}&under=sub")["items"]
    assert [e["path"] for e in below] == ["sub/a.svg", "sub/table.csv"]
    deep = visitor.json(f"/artifacts/files?ref={NAME}&deep=1")["items"]
    assert [e["path"] for e in deep] == ["big.bin", "evil.html", "sub/a.svg", "sub/table.csv"]
    part = visitor.json(f"/artifacts/files?ref={NAME}&limit=1&offset=1")
    assert (part["total"], part["items"][0]["name"]) == (3, "big.bin")


@pytest.mark.parametrize(
    "path", ["../../../etc/passwd", "/etc/passwd", "..", "sub/../../x", "%2e%2e", "a%00b", ""]
)
def test_paths_that_are_none(visitor, path):
    """A path is looked up in the manifest, never on the disk."""
    for place in (f"file?ref={NAME}&path={path}", f"preview?ref={NAME}&path={path}"):
        assert visitor.get(f"/artifacts/{place}").status == 404
    if path:
        assert visitor.get(f"/artifacts/files?ref={NAME}&under={path}").status == 404


def test_files(visitor):
    """Bytes with ranges; a page of HTML in its box; all else as a download."""
    reply = visitor.get(f"/artifacts/file?ref={NAME}&path=big.bin", Range="bytes=256-259")
    assert (reply.status, reply.body) == (206, b"\x00\x01\x02\x03")
    assert reply.headers["content-disposition"].startswith("attachment")
    assert reply.headers["cache-control"] == "no-cache"
    evil = visitor.get(f"/artifacts/file?ref={NAME}&path=evil.html")
    assert evil.headers["content-security-policy"].endswith("sandbox allow-scripts")
    drawing = visitor.get(f"/artifacts/file?ref={NAME}&path=sub/a.svg")
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert drawing.headers["content-security-policy"].endswith("sandbox")
    saved = visitor.get(f"/artifacts/file?ref={NAME}&path=evil.html&download=1")
    assert saved.headers["content-type"] == "application/octet-stream"


@pytest.fixture
def preview(visitor, api, lab, tmp_path):
    """A look into a file of this name and content."""

    def look(name, data):
        writer = lab.scribe(f"maker{lab.runs}")
        lab.artifact(writer, f"files{lab.runs}", {name: data})
        writer.finish()
        lab.save(writer)
        ref, path = f"files{lab.runs}", quote(name)
        return visitor.json(f"/artifacts/preview?ref={ref}&path={path}")

    return look


class TestPreviews:
    """A look into a file."""

    def test_tables(self, visitor, preview):
        """CSV as columns; what is too much is said to be cut."""
        found = visitor.json(f"/artifacts/preview?ref={NAME}&path=sub/table.csv")
        assert (found["kind"], found["columns"]) == ("table", ["id", "name"])
        assert found["cells"] == [["1", "2"], ["a", "b"]]
        assert not found["truncated"]
        long = preview("a.csv", b"a,b\n" + b"1,2\n" * 100_000)
        assert long["truncated"]
        assert len(long["cells"][0]) == 200
        ragged = preview("b.tsv", b"a\tb\n1\n1\t2\t3\n")
        assert ragged["cells"] == [["1", "1"], [None, "2"]]

    @pytest.mark.parametrize(
        ("name", "data", "kind"),
        [
            ("a.txt", b"hello", "text"),
            ("a.py", b"print(1)", "text"),
            ("noending", b"hello", "text"),
            ("a.md", b"# hello", "markdown"),
            ("a.json", b'{"a": 1}', "json"),
            ("a.json", b"not json at all", "json"),
            ("a.html", b"<script>", "text"),
            ("a.png", b"whatever", "image"),
            ("a.SVG", b"<svg/>", "image"),
            ("a.mp4", b"", "video"),
            ("a.wav", b"", "audio"),
            ("a.bin", b"\x00\x01\xff", "none"),
            ("a.txt", b"a\x00b", "none"),
            ("a.txt", b"\xff\xfe\xfd", "none"),
            ("empty", b"", "text"),
            ("a.csv", b"", "text"),
            ("a.csv", b'"' + b"x" * 200_000, "text"),
        ],
    )
    def test_kinds(self, preview, name, data, kind):
        """By the name, and by what the bytes are."""
        found = preview(name, data)
        assert found["kind"] == kind
        assert found["size"] == len(data)
        if kind in ("text", "markdown", "json"):
            assert found["text"] == data.decode()

    def test_long_texts(self, preview):
        """Cut at a whole letter."""
        found = preview("a.txt", ("ü" * LOOK).encode())
        assert found["truncated"]
        assert set(found["text"]) == {"ü"}


def test_types_by_name():
    """The last ending counts, in any case; folders do not."""
    assert mime_of("a/b.PNG") == "image/png"
    assert mime_of("a.png/b") == "application/octet-stream"
    assert mime_of("archive.tar.gz") == "application/octet-stream"


def test_aliases(visitor):
    """Set, moved, taken away."""
    made = visitor.send("POST", "/artifacts/alias", {"ref": "data/set:v1", "alias": "prod"})
    assert "prod" in made.json()["aliases"]
    assert visitor.json(f"/artifacts/version?ref={NAME}:prod")["version"] == 1
    gone = visitor.send("DELETE", f"/artifacts/alias?ref={NAME}:v1&alias=prod")
    assert "prod" not in gone.json()["aliases"]
    assert visitor.send("DELETE", f"/artifacts/alias?ref={NAME}:v1&alias=prod").status == 404
    for alias in ("latest", "v3", "a/b", ""):
        body = {"ref": "data/set", "alias": alias}
        assert visitor.send("POST", "/artifacts/alias", body).status == 400, alias


def test_trash(visitor):
    """A version goes, is listed where it is asked for, and comes back."""
    assert visitor.send("DELETE", f"/artifacts/version?ref={NAME}:v1").json()["deleted"] is True
    assert visitor.json("/artifacts")["total"] == 0
    assert visitor.json(f"/artifacts/versions?name={NAME}")["items"] == []
    assert visitor.json(f"/artifacts/versions?name={NAME}&deleted=1")["total"] == 1
    back = visitor.send("POST", "/artifacts/restore", {"ref": "data/set:v1"}).json()
    assert back["deleted"] is False
    assert visitor.send("POST", "/artifacts/restore", {"ref": "data/set"}).status == 400


def test_lineage(visitor, ids, lab, api):
    """What came from what, from a run and from a version."""
    reader = lab.scribe("reader", project="other")
    lab.use(reader, api.artifact("data/set").info, "train")
    reader.finish()
    lab.save(reader)
    found = visitor.json(f"/lineage?ref=artifact:{NAME}:v1")
    assert {node["id"] for node in found["nodes"]} == {"data/set:v1", ids["media"], "reader"}
    assert {(e["run"], e["direction"], e["role"]) for e in found["edges"]} == {
        (ids["media"], "output", ""),
        ("reader", "input", "train"),
    }
    up = visitor.json("/lineage?ref=reader&direction=up")
    assert ids["media"] in {node["id"] for node in up["nodes"]}
    assert visitor.get("/lineage?ref=none").status == 404
    assert visitor.get("/lineage?ref=reader&direction=left").status == 400


def test_references(visitor, lab):
    """What lies elsewhere is listed with its address, and is never fetched."""
    from notabene.artifacts.manifest import Reference, make_manifest, save_manifest
    from notabene.artifacts.open import store_blobs
    from notabene.artifacts.versions import Versions

    with store_blobs(lab.folder) as blobs:
        manifest = make_manifest([], [Reference("a/b.tar", "s3://bucket/b.tar", size=7)])
        digest = save_manifest(blobs, manifest)
    Versions(lab.folder.artifacts).allocate(
        "far", type="dataset", digest=digest, size=0, files=0, run="r", writer="w"
    )
    (entry,) = visitor.json("/artifacts/files?ref=far&under=a")["items"]
    assert (entry["kind"], entry["uri"], entry["size"]) == ("reference", "s3://bucket/b.tar", 7)
    assert visitor.get("/artifacts/file?ref=far&path=a/b.tar").status == 404
