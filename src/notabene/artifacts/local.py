"""Blobs in a folder: large ones in a read-only file each, small ones packed.

    blobs/
    ├── ab/cdef…        one blob, named by its SHA-256, mode 0444
    ├── packs/          small blobs: see :mod:`notabene.artifacts.pack`
    └── tmp/            being written; swept when its process is gone

A large blob is cloned or copied into ``tmp``, hashed on the way, synced, and renamed to its
name: there is never a half file under a digest. Bytes that prove damaged are set aside beside
their place, so that logging the same content again heals the store.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from notabene._ids import now_us
from notabene.artifacts.base import CHUNK, SMALL, BlobInfo, check_digest, damaged, missing
from notabene.artifacts.draft import Draft, Step, Unsteady, fill
from notabene.artifacts.files import BINARY, storage_error, sweep, sync_folder
from notabene.artifacts.pack import Pack, Place
from notabene.artifacts.packs import Packs
from notabene.artifacts.trash import Trash
from notabene.errors import ConflictError, IntegrityError, UsageError
from notabene.model.canonical import digest_bytes

ATTEMPTS = 3
"""How often a file is read that changes while it is read."""

SPOILED = ".damaged"


class LocalBlobs:
    """A :class:`~notabene.artifacts.base.BlobStore` in a folder, made when first written to.

    Args:
        root: The folder.
        trash: Where deleted content is kept for a while; ``root/trash`` by default. On the same
            file system as ``root``.
        small: Content up to this many bytes is packed.
    """

    def __init__(self, root: Path | str, *, trash: Path | None = None, small: int = SMALL) -> None:
        self.root = Path(root).absolute()
        self.url = self.root.as_uri()
        self.small = small
        self.packs = Packs(self.root / "packs")
        self.trash = Trash(trash or self.root / "trash", self.root, self.packs)
        self._swept = False
        self._unsynced: set[Path] = set()

    def __enter__(self) -> LocalBlobs:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LocalBlobs({str(self.root)!r})"

    # -- asking ----------------------------------------------------------------------------

    def has(self, digest: str) -> bool:
        """Whether the content is there; what lies in the trash is not."""
        places, path = self._find(check_digest(digest))
        return bool(places) or path is not None

    def size(self, digest: str) -> int:
        """Bytes of the content, also of content in the trash."""
        places, path = self._found(check_digest(digest))
        return places[0][1].length if path is None else path.stat().st_size

    def path(self, digest: str) -> Path | None:
        """The read-only file that holds exactly this content; None where it is packed or gone."""
        return self._find(check_digest(digest))[1] or self.trash.find(digest)[1]

    def list(self) -> Iterator[BlobInfo]:
        """All content outside the trash, each once."""
        times: dict[bytes, tuple[int, int]] = {}
        self.packs.refresh()
        for pack in self.packs.all():
            with contextlib.suppress(OSError):
                for key, place in pack.rows():
                    size, time = times.get(key, (-1, 0))
                    times[key] = (
                        place.length if place.offset else size,
                        max(time, place.time),
                    )
        for path in self._files():
            with contextlib.suppress(OSError):
                stat = path.stat()
                digest = path.parent.name + path.name
                touched = times.pop(bytes.fromhex(digest), (-1, 0))[1]
                yield BlobInfo(digest, stat.st_size, max(touched, stat.st_mtime_ns // 1000))
        for key, (size, time) in times.items():
            if size >= 0:
                yield BlobInfo(key.hex(), size, time)

    def _files(self) -> Iterator[Path]:
        with contextlib.suppress(FileNotFoundError):
            for folder in os.scandir(self.root):
                if len(folder.name) == 2:
                    for entry in os.scandir(folder.path):
                        if len(entry.name) == 62:
                            yield Path(entry.path)

    def _place(self, digest: str) -> Path:
        return self.root / digest[:2] / digest[2:]

    def _loose(self, digest: str, *, look: bool = False) -> Path | None:
        path = self._place(digest)
        if path.exists():
            return path
        if look:
            # A network file system may remember that it was not there; listing asks the server.
            with contextlib.suppress(OSError):
                if path.name in os.listdir(path.parent):
                    return path
        return None

    def _find(self, digest: str) -> tuple[list[tuple[Pack, Place]], Path | None]:
        """Places in packs, or the file, outside the trash."""
        key = bytes.fromhex(digest)
        for look in (False, True):
            if places := self.packs.find(key, look=look):
                return places, None
            if path := self._loose(digest, look=look):
                return [], path
        return [], None

    def _found(self, digest: str) -> tuple[list[tuple[Pack, Place]], Path | None]:
        """As :meth:`_find`, also in the trash, and among what was set aside."""
        places, path = self._find(digest)
        if not places and path is None:
            places, path = self.trash.find(digest)
        if not places and path is None:
            aside = self._place(digest).with_suffix(SPOILED)
            if not aside.exists():
                raise missing(digest, str(self.root))
            path = aside
        return places, path

    # -- reading ---------------------------------------------------------------------------

    def read(self, digest: str) -> bytes:
        """The whole content, verified."""
        data = b"".join(self.stream(digest))
        if digest_bytes(data) != digest:
            self._set_aside(digest)
            raise damaged(digest, str(self.root))
        return data

    def stream(self, digest: str, start: int = 0) -> Iterator[bytes]:
        """The content from ``start`` on, in chunks, not verified; see the protocol."""
        check_digest(digest)
        for last in (False, True):
            places, path = self._found(digest)
            try:
                if path is not None:
                    return self._chunks(open(path, "rb", buffering=0), start)  # noqa: SIM115
                return iter([self._unpack(digest, places)[start:]])
            except FileNotFoundError as error:  # put away between the look and the reading
                if last:
                    raise missing(digest, str(self.root)) from error
            except OSError as error:
                raise storage_error(error, f"read {digest} in {self.root}") from error
        raise AssertionError

    def _chunks(self, file: io.FileIO, start: int) -> Iterator[bytes]:
        with file:
            file.seek(start)
            while chunk := file.read(CHUNK):
                yield chunk
