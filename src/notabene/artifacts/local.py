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
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from stat import S_ISREG

from notabene._ids import now_us
from notabene.artifacts.base import CHUNK, SMALL, BlobInfo, check_digest, damaged, missing
from notabene.artifacts.draft import (
    Step,
    UnsteadyError,
    draft,
    fill,
    hash_open,
    read_small,
    settle,
)
from notabene.artifacts.files import BINARY, storage_error, sweep, sync_folder, write_all
from notabene.artifacts.packs import Packs, Places
from notabene.artifacts.trash import FOREVER, Tombstone, Trash
from notabene.errors import ConflictError, IntegrityError, NotabeneError, UsageError
from notabene.model.canonical import digest_bytes, new_hasher

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

    def is_file(self, digest: str) -> bool:
        """Whether the content has a file of its own here, in the trash not counted."""
        return self._loose(digest, look=True) is not None

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
            for folder in os.listdir(self.root):
                if len(folder) == 2:
                    for name in os.listdir(self.root / folder):
                        if len(name) == 62:
                            yield self.root / folder / name

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

    def _find(self, digest: str) -> tuple[Places, Path | None]:
        """Places in packs, or the file, outside the trash."""
        key = bytes.fromhex(digest)
        for look in (False, True):
            if places := self.packs.find(key, look=look):
                return places, None
            if path := self._loose(digest, look=look):
                return [], path
        return [], None

    def _found(self, digest: str) -> tuple[Places, Path | None]:
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
            raise self.spoiled(digest)
        return data

    def stream(self, digest: str, start: int = 0) -> Iterator[bytes]:
        """The content from ``start`` on, in chunks, not verified; see the protocol."""
        file = None
        for last in (False, True):
            places, path = self._found(check_digest(digest))
            try:
                if path is None:
                    yield self._unpack(digest, places)[start:]
                    return
                file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed below
                break
            except FileNotFoundError as error:  # put away between the look and the reading
                self.packs.refresh()
                if last:
                    raise missing(digest, str(self.root)) from error
            except OSError as error:
                raise storage_error(error, f"read {digest} in {self.root}") from error
        if file is not None:
            with file:
                file.seek(start)
                while chunk := file.read(CHUNK):
                    yield chunk

    def _unpack(self, digest: str, places: Places) -> bytes:
        """The verified bytes of a packed blob, from the first place where they are right."""
        for look_again in (True, False):
            gone: OSError | None = None
            for pack, place in places:
                try:
                    data = pack.read(place)
                except FileNotFoundError as error:
                    gone = error
                    continue
                if digest_bytes(data) == digest:
                    return data
            if gone is not None:
                raise gone
            if look_again:
                for pack, _ in places:
                    self.packs.distrust(pack)
                places = self.packs.find(bytes.fromhex(digest))
        raise damaged(digest, str(self.root))

    def spoiled(self, digest: str) -> IntegrityError:
        """Set damaged content aside, so that the same may be stored anew; gives the error."""
        path = self._place(digest)
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(SPOILED))
        return damaged(digest, str(self.root))

    # -- writing ---------------------------------------------------------------------------

    def put(self, data: bytes) -> str:
        """Keep bytes; gives their digest."""
        digest = digest_bytes(data)
        if len(data) <= self.small:
            self._pack(digest, data)
        elif self.touch([digest]):
            with self._storing("bytes"), self._draft() as (fd, path):
                write_all(fd, data)
                self._settle(fd, path, digest)
        return digest

    def _pack(self, digest: str, data: bytes) -> None:
        key = bytes.fromhex(digest)
        with self._storing("bytes"):
            for pack, place in self.packs.find(key, look=False):
                with contextlib.suppress(OSError):
                    # Compared, not trusted: what the disk has spoiled is stored anew.
                    if pack.read(place) == data:
                        self.packs.touch(key, place.time)
                        return
            self.packs.append(key, data)

    def put_chunks(self, chunks: Iterable[bytes], *, expect: str = "") -> BlobInfo:
        """Keep the concatenation of chunks; see the protocol."""
        pieces, size = iter(chunks), 0
        begun: list[bytes] = []
        while size <= self.small and (piece := next(pieces, None)) is not None:
            begun.append(piece)
            size += len(piece)
        if size <= self.small:
            data = b"".join(begun)
            _check_expected(digest_bytes(data), expect)
            return BlobInfo(self.put(data), size, now_us())
        hasher, size = new_hasher(), 0
        with self._storing("content"), self._draft() as (fd, path):
            for piece in chain(begun, pieces):
                hasher.update(piece)
                write_all(fd, piece)
                size += len(piece)
            digest = hasher.hexdigest()
            _check_expected(digest, expect)
            self._settle(fd, path, digest)
        return BlobInfo(digest, size, now_us())

    def put_file(self, path: Path, *, progress: Step | None = None, move: bool = False) -> BlobInfo:
        """Keep a file's content.

        Args:
            path: A regular file.
            progress: Gets the bytes of each step, and a negative number where a file that
                changed is read once more.
            move: The caller gives the file up; on the same file system it costs no copy.

        Raises:
            NotFoundError: It is not there.
            UsageError: It is no regular file.
            ConflictError: It changed each time it was read.
            AccessError, TransportError: It cannot be read, or not be stored.
        """
        for _ in range(ATTEMPTS):
            done = 0

            def step(count: int) -> None:
                nonlocal done
                done += count
                if progress is not None:
                    progress(count)

            with self._storing(str(path)):
                try:
                    return self._put_file(path, step, move=move)
                except UnsteadyError:
                    step(-done)
        raise ConflictError(
            f"the file {path} changed while it was read, {ATTEMPTS} times in a row",
            hint="log it when the program that writes it is done",
        )

    def _put_file(self, path: Path, step: Step, *, move: bool) -> BlobInfo:
        source = os.open(path, os.O_RDONLY | BINARY | getattr(os, "O_NONBLOCK", 0))
        try:
            stat = os.fstat(source)
            if not S_ISREG(stat.st_mode):
                raise UsageError(f"{path} is no regular file; only files and folders can be logged")
            if stat.st_size <= self.small:
                data = read_small(source, stat)
                info = BlobInfo(self.put(data), len(data), now_us())
                step(len(data))
                if move:
                    path.unlink()
                return info
            if move and stat.st_nlink == 1:
                digest, size = hash_open(source, step)
                if self._adopt(source, path, digest):
                    return BlobInfo(digest, size, now_us())
            with self._draft() as (fd, temp):
                digest, size = fill(source, fd, step)
                self._settle(fd, temp, digest)
            if move:
                path.unlink()
            return BlobInfo(digest, size, now_us())
        finally:
            os.close(source)

    def _adopt(self, source: int, path: Path, digest: str) -> bool:
        """Rename a file that its owner gave up; False where it lies on another file system."""
        with contextlib.suppress(OSError):
            os.chmod(path, 0o444)
            os.utime(path)
            self._settle(source, path, digest)
            return True
        return False

    def _draft(self) -> contextlib.AbstractContextManager[tuple[int, Path]]:
        folder = self.root / "tmp"
        if not self._swept:
            self._swept = True
            sweep(folder)
        return draft(folder)

    def _settle(self, fd: int, path: Path, digest: str) -> None:
        place = self._place(digest)
        settle(fd, path, place)
        place.with_suffix(SPOILED).unlink(missing_ok=True)
        self._unsynced.add(place.parent)

    @contextlib.contextmanager
    def _storing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if isinstance(error, NotabeneError):
                raise
            raise storage_error(error, f"keep {what} in {self.root}") from error

    def touch(self, digests: Iterable[str]) -> set[str]:
        """Renew the times of content, if need be out of the trash; gives what is not there."""
        absent = set()
        for digest in digests:
            key = bytes.fromhex(check_digest(digest))
            with self._storing("a note"):
                if places := self.packs.find(key, look=False):
                    self.packs.touch(key, max(place.time for _, place in places))
                elif not self._touch_loose(digest, key) and not self.trash.revive(digest):
                    absent.add(digest)
        return absent

    def _touch_loose(self, digest: str, key: bytes) -> bool:
        path = self._place(digest)
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        except PermissionError:  # somebody else's file: its age is told by a pack of ours
            self.packs.touch(key, 0)
        return True

    # -- the rest --------------------------------------------------------------------------

    def delete(self, digests: Iterable[str]) -> int:
        """Put content into the trash; gives how many were there."""
        loose = []
        self.packs.refresh()
        packed: dict[str, set[str]] = {}
        for digest in digests:
            key = bytes.fromhex(check_digest(digest))
            if self._loose(digest, look=True):
                loose.append(digest)
            for pack, _ in self.packs.find(key):
                packed.setdefault(pack.path.name, set()).add(digest)
        return len(self.put_away(loose, packed, reason="deleted").digests)

    def put_away(
        self,
        loose: Iterable[str],
        packs: Mapping[str, Iterable[str]],
        *,
        before: int = FOREVER,
        reason: str = "",
    ) -> Tombstone:
        """Move content into the trash as :meth:`Trash.put_away` does.

        Raises:
            ConflictError: Another process is at it.
            AccessError, TransportError: The store cannot be written to.
        """
        with self._storing("a deletion"):
            return self.trash.put_away(loose, packs, before=before, reason=reason)

    def flush(self) -> None:
        """Make all that was put safe from power loss."""
        with self._storing("content"):
            self.packs.flush()
        while self._unsynced:
            sync_folder(self._unsynced.pop())

    def close(self) -> None:
        """Flush and let go of all files."""
        self.flush()
        with self._storing("content"):
            self.packs.close()


def _check_expected(digest: str, expect: str) -> None:
    if expect and digest != expect:
        raise IntegrityError(
            f"content that should have the digest {expect} has {digest}; nothing was kept",
            hint="it was damaged on the way: send it again",
        )
