"""One file that holds many: a tar of plain members, compressed with Zstandard.

Only what this module writes is read back: regular files with names of :data:`MEMBERS`. Links,
devices, long-name and other extension headers, other names and doubled ones are refused before
a byte of them is kept, so that no archive can reach outside of the folder it is unpacked to.
Equal content gives equal bytes.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from notabene._ids import new_id, now_us
from notabene.artifacts.files import storage_error
from notabene.errors import (
    ConflictError,
    FormatError,
    IntegrityError,
    NotabeneError,
    TransportError,
    UsageError,
)
from notabene.model.canonical import new_hasher

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""

HEAD = "bundle.json"
TAIL = "digests.json"
MEMBERS = re.compile(
    r"bundle\.json|digests\.json|artifacts\.json|desk\.journal|blobs/[0-9a-f]{64}"
    r"|runs/[0-9]{1,9}/(?:sealed|[0-9A-Za-z][0-9A-Za-z-]{0,63}(?:\.[0-9A-Za-z-]{1,20})?"
    r"(?:\.journal|\.recovered|\.console\.zst|\.console\.[0-9]{1,9}\.zst))"
)
BLOCK = tarfile.BLOCKSIZE
CHUNK = 1 << 20
LEVEL = 3
MAX_HEAD = 256 << 20
"""Bytes that the first and the last member may have."""
STAGING = ".import-"
LEFT_AFTER = 86_400_000_000
"""µs after which a folder that was unpacked into belongs to nobody any more."""
_ZSTD = b"\x28\xb5\x2f\xfd"


class ArchiveWriter:
    """Writes an archive aside and gives it its name when it is whole.

    Args:
        path: The archive.
        overwrite: Replace a file that is there.
        progress: Told of the content bytes done, of ``total``.
        total: Content bytes expected.

    Raises:
        ConflictError: The file is there, and ``overwrite`` is not set.
        UsageError: The place is a folder, or its folder is not there.
    """

    def __init__(
        self, path: Path, *, overwrite: bool = False, progress: Progress | None, total: int
    ) -> None:
        if path.is_dir() or not path.parent.is_dir():
            what = "is a folder" if path.is_dir() else "lies in a folder that is not there"
            raise UsageError(f"{path} {what}; name a file in an existing folder")
        if path.exists() and not overwrite:
            raise ConflictError(f"{path} exists already", hint="choose another name, or overwrite")
        import zstandard

        self.path = path
        self._draft = path.parent / f".{path.name[:100]}.{new_id()}.part"
        self._progress, self._total, self._done = progress, total, 0
        self._digests: dict[str, list[Any]] = {}
        with _writing(path):
            self._raw = open(self._draft, "xb")  # noqa: SIM115  (closed by __exit__)
        compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self._out: Any = compressor.stream_writer(self._raw, closefd=False)

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with contextlib.suppress(OSError):
            self._raw.close()
        self._draft.unlink(missing_ok=True)

    def add(self, name: str, size: int, chunks: Iterable[bytes]) -> None:
        """Add a member of exactly ``size`` bytes.

        Raises:
            ConflictError: There are fewer or more bytes: the source changed.
            AccessError, TransportError: The archive cannot be written.
        """
        if not MEMBERS.fullmatch(name):
            raise UsageError(f"{name!r} is no name for a member of a bundle")
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o644
        hasher, count = new_hasher(), 0
        with _writing(self.path):
            self._out.write(info.tobuf(tarfile.GNU_FORMAT))
            for chunk in chunks:
                hasher.update(chunk)
                count += len(chunk)
                self._out.write(chunk)
                self._tell(len(chunk))
            self._out.write(bytes(-count % BLOCK))
        if count != size:
            raise ConflictError(
                f"{name} changed while it was read", hint="try again when nothing writes to it"
            )
        self._digests[name] = [hasher.hexdigest(), size]

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a member whose content is at hand."""
        self.add(name, len(data), [data])

    def _tell(self, count: int) -> None:
        self._done += count
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)

    def finish(self) -> int:
        """Write the digests of all members, sync, and give the archive its name; gives its size."""
        self.add_bytes(TAIL, msgspec.json.encode(self._digests, order="sorted"))
        with _writing(self.path):
            self._out.write(bytes(2 * BLOCK))
            self._out.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            size = self._raw.tell()
            self._raw.close()
            self._draft.replace(self.path)
        if self._progress is not None:
            self._progress(self._total, self._total)
        return size


def unpack(path: Path, target: Path, *, progress: Progress | None = None) -> dict[str, str]:
    """Unpack an archive into an empty folder and verify all of it.

    Args:
        path: The archive.
        target: The folder.
        progress: Told of the bytes of the archive read and in all.

    Returns:
        Digest of each member by name.

    Raises:
        NotFoundError, AccessError: It cannot be read.
        FormatError: It is no archive of ours, holds what does not belong into one, or is not
            complete.
        IntegrityError: It is damaged, or a member differs from its digest.
        TransportError: There is not enough room on the disk.
    """
    import zstandard

    with _opened(path) as raw:
        if raw.read(4) != _ZSTD:
            raise FormatError(f"{path} is no notabene bundle")
        raw.seek(0)
        size = os.fstat(raw.fileno()).st_size
        source = zstandard.ZstdDecompressor().stream_reader(raw, closefd=False)
        found: dict[str, list[Any]] = {}
        room = MAX_HEAD
        try:
            for info in _members(source, path):
                if info.name in found:
                    raise _foreign(path, f"{info.name!r} twice")
                room -= info.size
                if room < 0:
                    raise _foreign(path, "more bytes than it says")
                place = target / info.name
                place.parent.mkdir(parents=True, exist_ok=True)
                digest = _save(source, info.size, place, path)
                if not found:
                    room = _room(path, target, info.name)
                found[info.name] = [digest, info.size]
                if progress is not None:
                    progress(raw.tell(), size)
        except (zstandard.ZstdError, tarfile.HeaderError, UnicodeDecodeError) as error:
            raise IntegrityError(
                f"the bundle {path} is damaged: {error}", hint="copy the bundle again"
            ) from error
        except OSError as error:
            raise storage_error(error, f"write to {target}") from error
    _verify(path, target, found)
    return {name: digest for name, (digest, _) in found.items()}


def _room(path: Path, target: Path, first: str) -> int:
    """How many bytes may follow, by the first member; refuses what would fill the disk."""
    try:
        head = msgspec.json.decode((target / HEAD).read_bytes())
        size = int(head["bytes"])
    except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError):
        raise _foreign(path, f"{first!r} in the first place, and no size") from None
    free = shutil.disk_usage(target).free
    if size > free * 0.95:
        raise TransportError(
            f"the bundle {path} needs {size:,} bytes in {target.parent}, where {free:,} are free",
            hint="free space, and try again",
        )
    # The list of members comes after those that it lists.
    return size + MAX_HEAD


def _members(source: Any, path: Path) -> Iterator[tarfile.TarInfo]:
    while True:
        block = _read(source, BLOCK, path)
        if not any(block):
            # To the end of the stream, whose checksum is verified there.
            while rest := source.read(CHUNK):
                if any(rest):
                    raise _foreign(path, "bytes after its end")
            return
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.linkname:
            raise _foreign(path, f"{info.name!r}, which is no plain file")
        if not MEMBERS.fullmatch(info.name):
            raise _foreign(path, f"a member named {info.name!r}")
        if info.size < 0:
            raise _foreign(path, f"{info.name!r} of {info.size} bytes")
        yield info


def _save(source: Any, size: int, place: Path, path: Path) -> str:
    hasher, left = new_hasher(), size
    with open(place, "xb") as file:
        while left:
            chunk = _read(source, min(left, CHUNK), path)
            hasher.update(chunk)
            file.write(chunk)
            left -= len(chunk)
    _read(source, -size % BLOCK, path)
    return str(hasher.hexdigest())


def _read(source: Any, count: int, path: Path) -> bytes:
    data = b""
    while len(data) < count:
        more = source.read(count - len(data))
        if not more:
            raise FormatError(f"the bundle {path} is not complete: it ends in the middle")
        data += more
    return data


def _verify(path: Path, target: Path, found: dict[str, list[Any]]) -> None:
    if TAIL not in found or HEAD not in found:
        raise FormatError(f"the bundle {path} is not complete: it has no list of its members")
    del found[TAIL]
    try:
        said = msgspec.json.decode((target / TAIL).read_bytes(), type=dict[str, tuple[str, int]])
    except msgspec.MsgspecError as error:
        raise FormatError(f"the bundle {path} is damaged: {error}") from error
    for name in sorted(set(said) ^ set(found)):
        raise IntegrityError(f"the bundle {path} was changed: {name} is missing or came later")
    for name, (digest, size) in found.items():
        if (digest, size) != said[name] or (name.startswith("blobs/") and digest != name[6:]):
            raise IntegrityError(
                f"{name} in the bundle {path} differs from its digest", hint="copy the bundle again"
            )


def _foreign(path: Path, what: str) -> FormatError:
    return FormatError(f"{path} is refused as a whole: it holds {what}, which no bundle has")


@contextlib.contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A folder to unpack into, removed at the end; what killed imports left goes first.

    Raises:
        AccessError, TransportError: It cannot be made.
    """
    for old in parent.glob(f"{STAGING}*"):
        with contextlib.suppress(OSError):
            if old.stat().st_mtime * 1e6 < now_us() - LEFT_AFTER:
                shutil.rmtree(old, ignore_errors=True)
    place = parent / f"{STAGING}{new_id()}"
    try:
        place.mkdir(mode=0o700)
    except OSError as error:
        raise storage_error(error, f"write to {parent}") from error
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise storage_error(error, f"read the bundle {path}") from error
    with file:
        yield file


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except NotabeneError:
        raise
    except OSError as error:
        raise storage_error(error, f"write {path}") from error
