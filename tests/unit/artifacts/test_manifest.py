"""Manifests: canonical, safe, comparable."""

from __future__ import annotations

import msgspec
import pytest

from notabene.artifacts.manifest import (
    FileEntry,
    Manifest,
    Moved,
    Reference,
    check_path,
    decode_manifest,
    diff_manifests,
    load_manifest,
    make_manifest,
    save_manifest,
)
from notabene.errors import FormatError, NotFoundError, UsageError
from notabene.model.canonical import digest_bytes


def entry(path: str, content: bytes = b"", **more) -> FileEntry:
    """A file of this content."""
    return FileEntry(path, digest_bytes(content), len(content), **more)


def test_order_does_not_matter():
    """The digest depends on what is in the artifact, not on the order in which it was found."""
    files = [entry("b", b"1"), entry("a/c", b"2"), entry("a.b", b"3")]
    refs = [Reference("y", "s3://b/y"), Reference("x", "s3://b/x", size=3)]
    one = make_manifest(files, refs, ["e", "d"])
    two = make_manifest(files[::-1], refs[::-1], ["d", "e", "d"])
    assert one == two
    assert one.digest == two.digest == digest_bytes(one.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"path": "other"},
        {"digest": digest_bytes(b"other")},
        {"size": 7},
        {"executable": True},
    ],
)
def test_everything_in_it_matters(change):
    """Another path, content, size or mode gives another digest."""
    file = entry("a", b"1")
    assert make_manifest([msgspec.structs.replace(file, **change)]).digest != (
        make_manifest([file]).digest
    )


def test_the_encoding_is_frozen():
    """The canonical bytes of a manifest never change, for artifacts are named by their digest."""
    manifest = make_manifest(
        [entry("a.txt", b"x"), entry("run.sh", b"y", executable=True)],
        [Reference("far", "s3://b/k", etag="e")],
        ["empty"],
    )
    assert manifest.encode() == (
        b'{"files":[{"digest":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",'
        b'"path":"a.txt","size":1},{"digest":"a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b'
        b'37d0b11148b0fa","executable":true,"path":"run.sh","size":1}],"folders":["empty"],'
        b'"format":1,"references":[{"etag":"e","path":"far","uri":"s3://b/k"}]}'
    )


def test_a_store_keeps_manifests(blobs):
    """A manifest is a blob; what comes back is equal, and damage or strangers are refused."""
    manifest = make_manifest([entry("ä/ö.txt", b"1")], folders=["leer"])
    digest = save_manifest(blobs, manifest)
    assert digest == manifest.digest
    assert load_manifest(blobs, digest) == manifest
    with pytest.raises(FormatError, match="no manifest"):
        load_manifest(blobs, blobs.put(b"a text"))
    with pytest.raises(NotFoundError):
        load_manifest(blobs, "0" * 64)


BAD_PATHS = [
    "",
    "/etc/passwd",
    "../up",
    "a/../../b",
    "a//b",
    "a/./b",
    "a/",
    "nul\0byte",
    "new\nline",
    "back\\slash",
    "\x1b[31m",
    "\udc80",
    "x" * 256,
    "/".join("ab" for _ in range(201)),
    "/".join("x" * 200 for _ in range(30)),
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_unsafe_paths_are_refused(path):
    """No path leads out of a folder, holds control characters, or is too long to be kept."""
    with pytest.raises(UsageError, match="path"):
        check_path(path)
    with pytest.raises(UsageError):
        make_manifest([entry(path)])


@pytest.mark.parametrize("path", BAD_PATHS)
@pytest.mark.parametrize("where", ["files", "references", "folders"])
def test_unsafe_paths_are_refused_from_a_store(path, where):
    """A manifest that somebody made by hand cannot lead out of a folder either."""
    item = {
        "files": {"path": path, "digest": "0" * 64, "size": 0},
        "references": {"path": path, "uri": "s3://b/k"},
        "folders": path,
    }[where]
    try:
        data = msgspec.json.encode({where: [item], "format": 1})
    except UnicodeEncodeError:
        data = b'{"%s": ["\\udc80"], "format": 1}' % where.encode()
    with pytest.raises(FormatError):
        decode_manifest(data)


def test_paths_become_nfc():
    """A name in decomposed form, as macOS has them, is kept in composed form."""
    assert check_path("cafe\u0301") == "caf\u00e9"
    with pytest.raises(UsageError, match="NFC"):
        make_manifest([entry("cafe\u0301")])


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        ([entry("a"), entry("a", b"other")], []),
        ([entry("a"), entry("a/b")], []),
        ([entry("a")], ["a"]),
        ([entry("a")], ["a/b"]),
    ],
)
def test_one_path_is_one_thing(files, folders):
    """A path cannot be two files, nor a file and a folder."""
    with pytest.raises(UsageError, match="'a'"):
        make_manifest(files, folders=folders)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"files": 3}',
        b'{"files": [{"path": "a", "digest": "zz", "size": 1}]}',
        b'{"files": [{"path": "a", "digest": "' + b"0" * 64 + b'", "size": -1}]}',
    ],
)
def test_what_is_no_manifest_is_refused(data):
    """Any other bytes raise a format error, never something else."""
    with pytest.raises(FormatError):
        decode_manifest(data)


def test_a_newer_manifest_is_refused():
    """A manifest of a newer format asks for an upgrade."""
    with pytest.raises(FormatError, match="upgrade"):
        decode_manifest(b'{"format": 2}')


def test_unknown_fields_are_ignored():
    """A manifest of this format with more fields is read."""
    assert decode_manifest(b'{"format": 1, "more": 1}') == Manifest()


def test_names_alike_are_noted():
    """Paths that differ only in case are kept, and named for those whose disk ignores case."""
    manifest = make_manifest([entry("A/b"), entry("a/B"), entry("c")])
    assert manifest.same_names() == [("A/b", "a/B")]


def test_a_part_of_a_manifest():
    """``below`` gives a file or a folder with its paths, and nothing that only begins alike."""
    manifest = make_manifest(
        [entry("a/b"), entry("a/c/d"), entry("ab")], [Reference("a/r", "s3://b/r")], ["a/e", "x"]
    )
    part = manifest.below("a")
    assert [f.path for f in part.files] == ["a/b", "a/c/d"]
    assert [r.path for r in part.references] == ["a/r"]
    assert part.folders == ("a/e",)
    assert [f.path for f in manifest.below("a/c/d").files] == ["a/c/d"]
    assert manifest.below("") is manifest
    assert manifest.file("ab").path == "ab"
    with pytest.raises(NotFoundError, match=r"did you mean 'a/c/d'"):
        manifest.file("d")


def test_differences():
    """Added, removed, changed and moved files are told apart; a copy counts as added."""
    old = make_manifest(
        [entry("same", b"0"), entry("changed", b"1"), entry("gone", b"2"), entry("from", b"3")]
    )
    new = make_manifest(
        [
            entry("same", b"0"),
            entry("copy", b"0"),
            entry("changed", b"9"),
            entry("to", b"3"),
            entry("new", b"4"),
        ],
        folders=["empty"],
    )
    diff = diff_manifests(old, new)
    assert diff.added == ("copy", "empty", "new")
    assert diff.removed == ("gone",)
    assert diff.changed == ("changed",)
    assert diff.moved == (Moved("from", "to"),)
    assert diff
    assert not diff_manifests(new, new)


def test_a_mode_is_a_change():
    """A file that became executable, or a reference that moved elsewhere, has changed."""
    old = make_manifest([entry("a")], [Reference("r", "s3://b/1")])
    new = make_manifest([entry("a", executable=True)], [Reference("r", "s3://b/2")])
    assert diff_manifests(old, new).changed == ("a", "r")
