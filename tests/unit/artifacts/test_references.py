"""References to what lies elsewhere."""

from __future__ import annotations

import pytest

from notabene.artifacts.manifest import Reference
from notabene.artifacts.references import local_path, references
from notabene.errors import ConflictError, NotFoundError, UsageError
from notabene.model.canonical import digest_bytes


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("s3://bucket/data/train.parquet", "train.parquet"),
        ("gs://bucket/folder/", "folder"),
        ("https://example.org/a%20b.csv?v=2", "a b.csv"),
        ("http://example.org/x", "x"),
    ],
)
def test_far_places_are_only_named(uri, path):
    """A reference is kept as given, under the last part of its address; nothing is fetched."""
    assert references(uri) == (Reference(path, uri),)


def test_what_the_caller_knows_is_kept():
    """Digest, etag and size go into the reference, and a path of one's own."""
    digest = digest_bytes(b"x")
    [ref] = references("s3://b/k", at="in/x", digest=digest, etag='"e"', size=1)
    assert ref == Reference("in/x", "s3://b/k", digest, '"e"', 1)


def test_local_files_are_hashed(tmp_path):
    """A local file's digest and size are in its reference; a folder gives one for each file."""
    (tmp_path / "d a").mkdir()
    (tmp_path / "d a" / "x").write_bytes(b"x")
    (tmp_path / "d a" / "y").write_bytes(b"yy")
    uri = (tmp_path / "d a").as_uri()
    found = references(uri)
    assert [(r.path, r.digest, r.size) for r in found] == [
        ("d a/x", digest_bytes(b"x"), 1),
        ("d a/y", digest_bytes(b"yy"), 2),
    ]
    assert local_path(found[0].uri) == tmp_path / "d a" / "x"
    with pytest.raises(ConflictError, match="has the digest"):
        references((tmp_path / "d a" / "x").as_uri(), digest=digest_bytes(b"other"))
    with pytest.raises(NotFoundError):
        references((tmp_path / "gone").as_uri())


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("ftp://host/x", "begin with"),
        ("javascript:alert(1)", "begin with"),
        ("/plain/path", "begin with"),
        ("", "begin with"),
        ("s3:///key", "no host or bucket"),
        ("https://host", "no name"),
        ("file://other/x", "no file of this machine"),
        ("file:relative", "no file of this machine"),
        ("s3://b/with blank", "blanks"),
        ("https://[bad/x", "no address"),
        ("https://example.org/" + "x" * 5000, "too long"),
        (7, "must be a text"),
    ],
)
def test_other_addresses_are_refused(uri, why):
    """What cannot be referred to is refused in a sentence."""
    with pytest.raises(UsageError, match=why):
        references(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://user:hunter2@example.org/x",
        "https://b.s3.amazonaws.com/k?X-Amz-Signature=hunter2",
        "https://a.blob.core.windows.net/k?sv=1&sig=hunter2",
        "https://example.org/x?access_token=hunter2",
    ],
)
def test_addresses_with_keys_are_refused(uri):
    """An address that carries a password or signature is refused, and not repeated."""
    with pytest.raises(UsageError, match="password or a signature") as caught:
        references(uri)
    assert "hunter2" not in str(caught.value)


def test_digests_are_checked():
    """A digest that is none is refused."""
    with pytest.raises(UsageError, match="SHA-256"):
        references("s3://b/k", digest="md5:123")
