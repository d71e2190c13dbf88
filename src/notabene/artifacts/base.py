"""What a place for bytes can do: the BlobStore protocol, and the verified stream over it.

Content is named by its SHA-256 and never changes, so every operation may be repeated, by any
number of threads and processes at once, and a copy is as good as the original.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable

import msgspec

from notabene.errors import IntegrityError, NotFoundError, UsageError
from notabene.model.canonical import is_digest, new_hasher

CHUNK = 1 << 20
"""Bytes read, hashed and written at a time: what memory a transfer of any size takes."""

SMALL = 128 << 10
"""Content of at most this many bytes is packed with others into one file."""

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all; from any thread, one call at a time."""


class BlobInfo(msgspec.Struct, frozen=True):
    """A blob as a store lists it.

    Attributes:
        digest: SHA-256 of the content, 64 hexadecimal digits.
        size: Bytes.
        touched: When it was last put or touched, in µs since 1970.
    """

    digest: str
    size: int
    touched: int


class BlobStore(Protocol):
    """Bytes by digest.

    Promises:
        *Whole or not there.* Content appears under its digest complete or not at all, however
        the writing process ends. What ``flush()`` returned for survives power loss.
        *Verified.* ``read`` and ``open`` never pass off other bytes for those asked for: they
        raise :class:`~notabene.errors.IntegrityError` that names the digest.
        *Repeatable.* Putting what is there stores nothing and renews its ``touched`` time.
        *Concurrent.* Threads may share a store; a forked child may go on with its parent's.
    """

    url: str

    def has(self, digest: str) -> bool:
        """Whether the content is there."""
        ...

    def size(self, digest: str) -> int:
        """Bytes of the content.

        Raises:
            NotFoundError: It is not there.
        """
        ...

    def put(self, data: bytes) -> str:
        """Keep bytes; gives their digest."""
        ...

    def put_chunks(self, chunks: Iterable[bytes], *, expect: str = "") -> BlobInfo:
        """Keep the concatenation of chunks, in bounded memory.

        Args:
            chunks: The content in pieces of any size.
            expect: The digest it must have; empty for whatever it has.

        Raises:
            IntegrityError: It has another digest; nothing was kept.
        """
        ...

    def read(self, digest: str) -> bytes:
        """The whole content, verified before it is returned.

        Raises:
            NotFoundError: It is not there.
            IntegrityError: The bytes that are stored differ from their digest.
        """
        ...

    def stream(self, digest: str, start: int = 0) -> Iterator[bytes]:
        """The content from byte ``start`` on, in chunks, **not verified**: for callers that
        hash as they go (:func:`open_blob`, transfers).

        Raises:
            NotFoundError: It is not there.
        """
        ...

    def touch(self, digests: Iterable[str]) -> set[str]:
        """Renew the time by which garbage collection spares content; gives what is not there."""
        ...

    def delete(self, digests: Iterable[str]) -> int:
        """Put content away; gives how many were there. It may stay readable for a while."""
        ...

    def list(self) -> Iterator[BlobInfo]:
        """All content, each once, in no order."""
        ...

    def flush(self) -> None:
        """Make all that was put safe from power loss."""
        ...

    def close(self) -> None:
        """Flush and let go of all files. Closing twice is fine."""
        ...


@runtime_checkable
class FileBlobs(Protocol):
    """A store whose content lies in files of this machine, so that copies can be saved."""

    def put_file(
        self, path: Path, *, progress: Callable[[int], None] | None = None, move: bool = False
    ) -> BlobInfo:
        """Keep a file's content; ``progress`` gets the bytes of each step.

        With ``move`` the caller gives the file up: it is linked into the store where it can be.
        """
        ...

    def path(self, digest: str) -> Path | None:
        """The read-only file that holds exactly this content, or None where there is none."""
        ...

    def spoiled(self, digest: str) -> IntegrityError:
        """Take notice that content is damaged; gives the error to raise."""
        ...


def open_blob(store: BlobStore, digest: str) -> BinaryIO:
    """A readable stream of a blob, verified: at its end the digest is checked.

    The stream does not seek. Who stops before the end has read unverified bytes; content that
    fits into memory is better had by ``store.read``.

    Raises:
        NotFoundError: It is not there.
        IntegrityError: From the read that meets the end, where the bytes differ.
    """
    spoiled = store.spoiled if isinstance(store, FileBlobs) else damaged
    return cast("BinaryIO", io.BufferedReader(_Verified(store.stream(digest), digest, spoiled)))


class _Verified(io.RawIOBase):
    def __init__(
        self, chunks: Iterator[bytes], digest: str, spoiled: Callable[[str], IntegrityError]
    ) -> None:
        self._chunks, self._digest, self._spoiled = chunks, digest, spoiled
        self._hasher = new_hasher()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed and isinstance(self._chunks, Generator):
            self._chunks.close()  # and with it the file that it reads
        super().close()

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                if self._hasher.hexdigest() != self._digest:
                    raise self._spoiled(self._digest)
                return 0
            self._hasher.update(chunk)
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def check_digest(digest: object) -> str:
    """A digest fit to be looked up.

    Raises:
        UsageError: It is not 64 lower-case hexadecimal digits.
    """
    if not isinstance(digest, str) or not is_digest(digest):
        shown = repr(digest)[:80]
        raise UsageError(f"{shown} is no digest: 64 of the characters 0-9 and a-f are")
    return digest


def missing(digest: str, where: str) -> NotFoundError:
    """The error for content that is not there."""
    return NotFoundError(
        f"the content {digest} is not in {where}",
        hint="it was removed, or not yet copied here from where it was logged",
    )


def damaged(digest: str, where: str = "") -> IntegrityError:
    """The error for bytes that differ from their digest."""
    place = f" in {where}" if where else ""
    return IntegrityError(
        f"the bytes kept under {digest}{place} are damaged: they have another digest",
        hint="log the same content again, which replaces them, or copy them from a backup",
    )
