"""Manifests: any content survives the trip, any difference is told, no path leads out."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from notabene.artifacts.manifest import (
    FileEntry,
    Manifest,
    Reference,
    check_path,
    decode_manifest,
    diff_manifests,
    make_manifest,
)
from notabene.errors import FormatError, UsageError
from notabene.model.canonical import digest_bytes

names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=8
).filter(lambda name: name not in (".", ".."))
paths = (
    st.lists(names, min_size=1, max_size=3)
    .map("/".join)
    .map(lambda path: unicodedata.normalize("NFC", path))
)
digests = st.integers(0, 4).map(lambda n: digest_bytes(str(n).encode()))


@st.composite
def manifests(draw) -> Manifest:
    """Any manifest, with few contents, so that equal ones are common."""
    taken: list[str] = []
    for path in draw(st.lists(paths, max_size=8)):
        clash = any(
            p == path or p.startswith(path + "/") or path.startswith(p + "/") for p in taken
        )
        if not clash:
            taken.append(path)
    files, references, folders = [], [], []
    for path in taken:
        kind = draw(st.sampled_from(["file", "file", "file", "reference", "folder"]))
        if kind == "file":
            size = draw(st.integers(0, 2**60))
            files.append(FileEntry(path, draw(digests), size, draw(st.booleans())))
        elif kind == "reference":
            references.append(Reference(path, draw(st.text()), etag=draw(st.text())))
        else:
            folders.append(path)
    return make_manifest(files, references, folders)


@given(manifests())
def test_manifests_survive_the_trip(manifest):
    """What is decoded is what was encoded, and encodes to the same bytes."""
    again = decode_manifest(manifest.encode())
    assert again == manifest
    assert again.digest == manifest.digest


@given(manifests(), manifests())
def test_digests_tell_manifests_apart(one, two):
    """Two manifests have one digest exactly when they are equal."""
    assert (one.digest == two.digest) == (one == two)


def listed(manifest: Manifest) -> dict[str, object]:
    """Everything in a manifest by its path."""
    return {
        **{f.path: (f.digest, f.executable) for f in manifest.files},
        **{r.path: (r.uri, r.digest, r.etag, r.size) for r in manifest.references},
        **dict.fromkeys(manifest.folders),
    }


@given(manifests(), manifests())
def test_a_difference_says_all(old, new):
    """Doing to the old what the difference says gives the new."""
    diff = diff_manifests(old, new)
    before, after = listed(old), listed(new)
    done = dict(before)
    for moved in diff.moved:
        assert before[moved.old] == after[moved.new]
        done[moved.new] = done.pop(moved.old)
    for path in diff.removed:
        del done[path]
    for path in (*diff.added, *diff.changed):
        assert (path in before) == (path in diff.changed)
        done[path] = after[path]
    assert done == after
    assert bool(diff) == (before != after)


@given(
    st.text(st.characters(), max_size=40)
    | st.lists(st.sampled_from(["..", ".", "", "a", "~"])).map("/".join)
)
def test_no_path_leads_out(text):
    """A path that is accepted names something below the folder it is joined to, and stays so."""
    try:
        path = check_path(text)
    except UsageError:
        return
    joined = os.path.normpath(Path("/some/root") / path)
    assert joined.startswith("/some/root/")
    assert joined == f"/some/root/{path}"
    assert check_path(path) == path


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_refused(data):
    """Bytes from anywhere decode to a manifest or raise a format error, never anything else."""
    try:
        decode_manifest(data)
    except FormatError:
        return
    assert data.strip().startswith((b"{", b"["))
