"""The contract of blob stores: a backend passes by supplying one fixture.

class TestMyBlobs(BlobSuite):
    @pytest.fixture
    def blobs(self, tmp_path):
        with MyBlobs(tmp_path) as store:
            yield store
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from notabene.artifacts.base import SMALL, BlobStore, open_blob
from notabene.errors import IntegrityError, NotFoundError, UsageError
from notabene.model.canonical import digest_bytes

SIZES = (0, 1, 1000, SMALL, SMALL + 1, 3 * SMALL + 7)
ABSENT = digest_bytes(b"never stored")


def content(size: int, seed: int = 0) -> bytes:
    """Bytes without a pattern, the same for the same size and seed."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - nothing is kept secret by them


class BlobSuite:
    """What every :class:`~notabene.artifacts.base.BlobStore` must do."""

    @pytest.fixture
    def blobs(self) -> BlobStore:
        """An empty store; the backend's fixture replaces this one."""
        raise NotImplementedError

    @pytest.mark.parametrize("size", SIZES)
    def test_what_is_put_is_read(self, blobs: BlobStore, size: int) -> None:
        """Content of any size comes back equal, as a whole, as a stream and from the middle."""
        data = content(size)
        digest = blobs.put(data)
        assert digest == digest_bytes(data)
        assert blobs.has(digest)
        assert blobs.size(digest) == size
        assert blobs.read(digest) == data
        with open_blob(blobs, digest) as file:
            assert file.read() == data
        for start in (0, size // 2, size):
            assert b"".join(blobs.stream(digest, start)) == data[start:]

    @pytest.mark.parametrize("size", SIZES)
    def test_chunks_are_put_as_a_whole(self, blobs: BlobStore, size: int) -> None:
        """Chunks of uneven sizes are kept as their concatenation."""
        data = content(size)
        file = io.BytesIO(data)
        chunks = iter(lambda: file.read(777), b"")
        info = blobs.put_chunks(chunks, expect=digest_bytes(data))
        assert (info.digest, info.size) == (digest_bytes(data), size)
        assert blobs.read(info.digest) == data

    @pytest.mark.parametrize("size", SIZES)
    def test_unexpected_content_is_refused(self, blobs: BlobStore, size: int) -> None:
        """Chunks with another digest than expected raise, and nothing is kept."""
        data = content(size)
        with pytest.raises(IntegrityError, match=ABSENT):
            blobs.put_chunks([data], expect=ABSENT)
        assert not blobs.has(ABSENT)
        assert not blobs.has(digest_bytes(data))
        assert list(blobs.list()) == []

    @pytest.mark.parametrize("size", SIZES)
    def test_a_broken_source_leaves_nothing(self, blobs: BlobStore, size: int) -> None:
        """An error of whoever delivers the chunks goes through, and nothing is kept."""

        def broken() -> Iterator[bytes]:
            yield content(size)
            raise RuntimeError("the other side hung up")

        with pytest.raises(RuntimeError, match="hung up"):
            blobs.put_chunks(broken())
        assert list(blobs.list()) == []

    def test_putting_twice_keeps_one(self, blobs: BlobStore) -> None:
        """Content that is there is listed once, however often and whichever way it is put."""
        for size in SIZES:
            data = content(size)
            for _ in range(3):
                blobs.put(data)
            blobs.put_chunks([data])
        found = sorted((info.size, info.digest) for info in blobs.list())
        assert found == sorted((size, digest_bytes(content(size))) for size in SIZES)

    def test_what_is_absent_is_not_found(self, blobs: BlobStore) -> None:
        """Every way of asking for content that was never stored says so, naming the digest."""
        assert not blobs.has(ABSENT)
        assert blobs.touch([ABSENT]) == {ABSENT}
        with pytest.raises(NotFoundError, match=ABSENT):
            blobs.read(ABSENT)
        with pytest.raises(NotFoundError, match=ABSENT):
            blobs.size(ABSENT)
        with pytest.raises(NotFoundError, match=ABSENT):
            next(iter(blobs.stream(ABSENT)))
        assert blobs.delete([ABSENT]) == 0

    @pytest.mark.parametrize("bad", ["", "../../etc/passwd", "A" * 64, "a" * 63, "g" * 64, 7, None])
    def test_what_is_no_digest_is_refused(self, blobs: BlobStore, bad: str) -> None:
        """A text that is no digest never reaches a path, a query or a network."""
        for ask in (blobs.has, blobs.size, blobs.read, lambda d: blobs.touch([d])):
            with pytest.raises(UsageError, match="digest"):
                ask(bad)

    def test_touching_gives_what_is_absent(self, blobs: BlobStore) -> None:
        """``touch`` of many answers with those that are not there."""
        here = {blobs.put(content(size)) for size in SIZES}
        assert blobs.touch([*here, ABSENT]) == {ABSENT}

    def test_what_is_deleted_is_gone(self, blobs: BlobStore) -> None:
        """Deleted content is neither there nor listed; the rest stays; it can be put again."""
        digests = [blobs.put(content(size)) for size in SIZES]
        assert blobs.delete([digests[1], digests[-1]]) == 2
        left = {info.digest for info in blobs.list()}
        assert left == set(digests) - {digests[1], digests[-1]}
        assert [blobs.has(d) for d in digests] == [d in left for d in digests]
        for size, digest in zip(SIZES, digests, strict=True):
            assert blobs.put(content(size)) == digest
            assert blobs.read(digest) == content(size)

    def test_threads_share_a_store(self, blobs: BlobStore) -> None:
        """Threads that put and read the same and other content at once never meet half of it."""

        def work(n: int) -> bool:
            data = content(SIZES[n % len(SIZES)], seed=n % 12)
            return blobs.read(blobs.put(data)) == data

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(work, range(96)))
        assert len(list(blobs.list())) == len({content(SIZES[n % 6], n % 12) for n in range(96)})

    def test_closing_twice_is_fine(self, blobs: BlobStore) -> None:
        """A closed store may be closed again, and used again."""
        digest = blobs.put(b"something")
        blobs.flush()
        blobs.close()
        blobs.close()
        assert blobs.read(digest) == b"something"
