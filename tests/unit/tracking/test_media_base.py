"""Texts, pages, files, and what all media share."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.errors import NotFoundError, UsageError
from notabene.model.canonical import digest_bytes
from notabene.model.values import INLINE_TEXT, Blob, Encoded
from notabene.tracking import media_base
from notabene.tracking.media_base import File, Html, Pack, Text, existing, file_blob, short, sniff


@given(st.text(max_size=100))
def test_short_texts_stand_inline(text: str):
    """A text is recorded as it is, without a blob."""
    encoded = Text(text).encode()
    assert encoded == Text(text).encode()
    assert encoded.blobs == ()
    assert encoded.value.get("text", "") == text
    assert encoded.value.get("chars", 0) == len(text)


def test_long_texts_are_blobs():
    """A text of more than 4 KiB is a blob, with its beginning inline."""
    assert Text("x" * INLINE_TEXT).encode().blobs == ()
    text = "ä" * INLINE_TEXT
    encoded = Text(text).encode()
    (blob,) = encoded.blobs
    assert blob.data == text.encode()
    assert encoded.value["text"] == text[:512]
    assert encoded.value["chars"] == INLINE_TEXT
    assert encoded.value["file"]["digest"] == blob.digest


@pytest.mark.parametrize(
    ("given_", "kept"), [(3, "3"), (b"a\xff", "a\ufffd"), ("\ud800", "?"), (Path("a"), "a")]
)
def test_anything_is_a_text(given_: object, kept: str):
    """Other objects become texts, and no text is refused."""
    assert Text(given_).text == kept


@pytest.mark.parametrize("form", ["text", "stream", "bytes", "path", "name"])
def test_html_from_all_sources(tmp_path: Path, form: str):
    """A page may be given as text, bytes, an open file, a path, or a path's text."""
    page = "<p>hello</p>"
    path = tmp_path / "page.html"
    path.write_text(page)
    sources = {
        "text": page,
        "stream": io.StringIO(page),
        "bytes": page.encode(),
        "path": path,
        "name": str(path),
    }
    encoded = Html(sources[form], caption="c").encode()
    (blob,) = encoded.blobs
    assert (blob.data, blob.mime) == (page.encode(), "text/html")
    assert encoded.value["caption"] == "c"


def test_html_that_cannot_be():
    """A missing page is not found; what is neither text nor path is refused."""
    with pytest.raises(NotFoundError, match=r"missing\.html"):
        Html("missing.html")
    with pytest.raises(UsageError, match="takes a text or a path, not int"):
        Html(3)


def test_any_file(tmp_path: Path):
    """A file is kept byte for byte under its name; its type is told by the ending."""
    path = tmp_path / "notes.MD"
    path.write_bytes(b"# a")
    encoded = File(path, caption="c").encode()
    assert encoded.kind == "file"
    digest = digest_bytes(b"# a")
    assert encoded.value == {
        "file": {"digest": digest, "size": 3, "mime": "text/markdown", "name": "notes.MD"},
        "caption": "c",
    }
    (tmp_path / "model.pt").write_bytes(b"1")
    assert File(tmp_path / "model.pt").encode().value["file"]["mime"] == "application/octet-stream"


def test_files_that_go_away(tmp_path: Path):
    """A file that is gone when it is to be read is an OSError, not a wrong value."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"1")
    media = File(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        media.encode()


def test_large_files_are_left_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file above the limit is named by path and digest; below it, its bytes are taken."""
    monkeypatch.setattr(media_base, "IN_MEMORY", 3)
    path = tmp_path / "a.bin"
    path.write_bytes(b"123")
    assert file_blob(path, "x/y").data == b"123"
    path.write_bytes(b"1234")
    blob = file_blob(path, "x/y")
    assert (blob.data, blob.path, blob.digest) == (None, str(path), digest_bytes(b"1234"))


@pytest.mark.parametrize("path", [3, None, b"a", ["a"]])
def test_what_is_no_path(path: object):
    """Only texts and paths are paths."""
    with pytest.raises(UsageError, match="a path must be a text or a Path"):
        existing(path)


def test_paths_of_the_home_folder(home: Path):
    """A path may begin with ~."""
    (home / "a.txt").write_text("x")
    assert existing("~/a.txt") == home / "a.txt"


def test_types_by_content_before_names():
    """The first bytes tell the type; the name only where they do not."""
    assert sniff(b"\x89PNG\r\n\x1a\n", ".jpg") == "image/png"
    assert sniff(b"RIFF\0\0\0\0WAVEfmt ") == "audio/wav"
    assert sniff(b"?", ".MP4") == "video/mp4"
    assert sniff(b"?", ".xyz") == ""


def test_captions_are_texts():
    """A caption is a text or nothing."""
    assert [short(c) for c in (None, "a", 3, "\ud800")] == ["", "a", "3", "?"]


class TestPack:
    """Many small values in one blob."""

    def test_bytes_are_found_again(self):
        """Each value in a pack says where its bytes are; equal bytes are kept once."""
        pack = Pack()
        blobs = [Blob.of(data, "x/y") for data in (b"one", b"three", b"one")]
        items = [
            pack.add(Encoded("file", {"file": {"digest": b.digest, "size": b.size}}, (b,)))
            for b in blobs
        ]
        packed = pack.blob()
        assert packed is not None
        assert packed.data == b"onethree"
        for item, blob in zip(items, blobs, strict=True):
            ref = item["value"]["file"]
            assert "digest" not in ref
            assert packed.data[ref["at"] : ref["at"] + ref["size"]] == blob.data

    def test_references_are_found_at_any_depth(self):
        """References in lists and nested values are moved; other data stays as it is."""
        pack, blob = Pack(), Blob.of(b"data", "x/y")
        value = {"items": [{"value": {"file": {"digest": blob.digest}}}], "boxes": {"digest": [1]}}
        moved = pack.add(Encoded("list", value, (blob,)))["value"]
        assert moved == {"items": [{"value": {"file": {"at": 0}}}], "boxes": {"digest": [1]}}

    def test_large_files_stay_apart(self):
        """Files that are not in memory keep their digest, and are listed once."""
        pack = Pack()
        blob = Blob("d" * 64, 9, None, "/tmp/large", "x/y")
        item = pack.add(Encoded("file", {"file": {"digest": "d" * 64}}, (blob,)))
        pack.add(Encoded("file", {"file": {"digest": "d" * 64}}, (blob,)))
        assert item["value"] == {"file": {"digest": "d" * 64}}
        assert pack.blob() is None
        assert [ref.digest for ref in pack.refs()] == ["d" * 64]
