"""Files on their way into a folder: written aside, hashed on the way, renamed when whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from notabene.artifacts.base import CHUNK
from notabene.artifacts.files import BINARY, clone, sync_file, temp_name, write_all
from notabene.model.canonical import new_hasher

Step = Callable[[int], None]
"""Called with the bytes of each step, from the thread that does the work."""

_ZEROS = bytes(CHUNK)


class UnsteadyError(Exception):
    """A file changed while it was read."""


@contextlib.contextmanager
def draft(folder: Path) -> Iterator[tuple[int, Path]]:
    """A new file, open for reading and writing; removed at the end unless it was renamed.

    Its mode is read-only, as that of what it becomes.
    """
    path = folder / temp_name()
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | BINARY
    try:
        fd = os.open(path, flags, 0o444)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, flags, 0o444)
    try:
        yield fd, path
    finally:
        os.close(fd)
        path.unlink(missing_ok=True)


def settle(fd: int, path: Path, place: Path) -> None:
    """Make a draft durable and give it its name.

    Raises:
        OSError: The disk is full or fails; nothing bears the name that did not before.
    """
    sync_file(fd)
    try:
        path.replace(place)
    except FileNotFoundError:
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)


def fill(source: int, target: int, step: Step) -> tuple[str, int]:
    """Clone or copy an open file into an empty one; gives the digest and size of the copy.

    Where the source has holes, so has the copy.

    Raises:
        UnsteadyError: The source changed meanwhile, so that the copy may be a mixture.
        OSError: Reading or writing failed.
    """
    if clone(source, target):
        return hash_open(target, step)
    before = os.fstat(source)
    sparse = getattr(before, "st_blocks", before.st_size) * 512 < before.st_size
    hasher, size = new_hasher(), 0
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    with open(source, "rb", buffering=0, closefd=False) as file:
        while count := file.readinto(buffer):
            piece = view[:count]
            hasher.update(piece)
            if sparse and piece == _ZEROS[:count]:
                os.lseek(target, count, os.SEEK_CUR)
            else:
                write_all(target, piece)
            size += count
            step(count)
            if size > before.st_size:  # or the reading of a file that grows might never end
                raise UnsteadyError
    if sparse:
        os.ftruncate(target, size)
    if not steady(before, os.fstat(source), size):
        raise UnsteadyError
    return hasher.hexdigest(), size


def hash_open(fd: int, step: Step) -> tuple[str, int]:
    """Digest and size of an open file, read from its beginning.

    Raises:
        UnsteadyError: It changed meanwhile.
        OSError: It cannot be read.
    """
    os.lseek(fd, 0, os.SEEK_SET)
    before = os.fstat(fd)
    hasher, size = new_hasher(), 0
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    with open(fd, "rb", buffering=0, closefd=False) as file:
        while count := file.readinto(buffer):
            hasher.update(view[:count])
            size += count
            step(count)
            if size > before.st_size:
                raise UnsteadyError
    if not steady(before, os.fstat(fd), size):
        raise UnsteadyError
    return hasher.hexdigest(), size


def read_small(fd: int, before: os.stat_result) -> bytes:
    """The whole of an open small file.

    Raises:
        UnsteadyError: It changed meanwhile.
        OSError: It cannot be read.
    """
    pieces, size = [], 0
    while piece := os.read(fd, before.st_size - size + 1):
        pieces.append(piece)
        size += len(piece)
        if size > before.st_size:
            raise UnsteadyError
    if not steady(before, os.fstat(fd), size):
        raise UnsteadyError
    return b"".join(pieces)


def steady(before: os.stat_result, after: os.stat_result, size: int) -> bool:
    """Whether a file of which ``size`` bytes were read stayed the same meanwhile."""
    return before.st_size == after.st_size == size and (
        before.st_mtime_ns,
        before.st_ctime_ns,
    ) == (after.st_mtime_ns, after.st_ctime_ns)
