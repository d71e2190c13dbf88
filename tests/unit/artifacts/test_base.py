"""The verified stream over any store."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from notabene.artifacts.base import FileBlobs, check_digest, open_blob
from notabene.artifacts.local import LocalBlobs
from notabene.errors import IntegrityError, UsageError
from notabene.model.canonical import digest_bytes


class Lying:
    """A store that delivers whatever it is told to."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.closed = False

    def stream(self, digest: str, start: int = 0) -> Iterator[bytes]:
        """The chunks."""
        try:
            yield from self.chunks
        finally:
            self.closed = True


@pytest.mark.parametrize("chunks", [(), (b"",), (b"a", b"", b"bc"), (b"abc" * 10**6,)])
def test_a_true_stream_is_read(chunks):
    """Any chunks with the right digest are read as one stream, by any sizes of reading."""
    data = b"".join(chunks)
    store = Lying(*chunks)
    with open_blob(store, digest_bytes(data)) as file:
        parts = iter(lambda: file.read(1000), b"")
        assert b"".join(parts) == data
    assert store.closed


@pytest.mark.parametrize("chunks", [(), (b"abcd",), (b"ab",), (b"abx",)])
def test_a_false_stream_is_found_out(chunks):
    """Bytes that are cut, longer or changed raise at the end of the stream."""
    file = open_blob(Lying(*chunks), digest_bytes(b"abc"))
    with pytest.raises(IntegrityError, match=digest_bytes(b"abc")):
        file.read()
    file.close()


def test_a_stream_left_early_is_closed():
    """Who stops reading early leaves nothing open."""
    store = Lying(*[b"x" * (1 << 20)] * 4)
    file = open_blob(store, digest_bytes(b"other"))
    assert file.read(10) == b"x" * 10
    file.close()
    assert store.closed
    with pytest.raises(io.UnsupportedOperation):
        open_blob(Lying(b"abc"), digest_bytes(b"abc")).seek(0)


def test_digests_are_checked():
    """Only 64 lower-case hexadecimal digits are a digest."""
    assert check_digest("a" * 64) == "a" * 64
    with pytest.raises(UsageError, match="no digest"):
        check_digest("x" * 10**6)


def test_a_folder_has_files(tmp_path):
    """The store in a folder is one whose files can be cloned and linked."""
    with LocalBlobs(tmp_path) as store:
        assert isinstance(store, FileBlobs)
    assert not isinstance(Lying(), FileBlobs)
