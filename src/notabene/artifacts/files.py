"""What file systems can do (clones, exclusive creation, locks), each with a way without it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from functools import lru_cache
from pathlib import Path

from notabene._ids import boot_id, host_name, new_id, now_us, process_start
from notabene.errors import AccessError, NotabeneError, NotFoundError, TransportError, UsageError
from notabene.model.canonical import digest_bytes

BINARY = getattr(os, "O_BINARY", 0)
"""Flag without which Windows would translate line ends."""

FICLONE = 0x40049409
"""``ioctl`` that shares the extents of one file with another (btrfs, XFS, bcachefs, ZFS)."""

ORPHAN_AGE = 7 * 86_400
"""Seconds after which a temporary file of another machine counts as left over."""


def clone(source: int, target: int) -> bool:
    """Make an empty open file a copy-on-write clone of another; False where that cannot be.

    Neither file ever sees what is written to the other, and no byte is copied.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        return False
    return True


def try_lock(fd: int) -> bool | None:
    """Take an exclusive lock on an open file without waiting.

    The lock goes with the last descriptor of this opening, also when the process is killed.

    Returns:
        True when it is ours, False when somebody has it, None where there are no such locks.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    return True


def read_at(fd: int, count: int, offset: int) -> bytes:
    """Up to ``count`` bytes from an offset of an open file."""
    if sys.platform == "win32":
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, count)
    return os.pread(fd, count, offset)


def sync_file(fd: int) -> None:
    """Make the bytes of an open file safe from power loss.

    Raises:
        OSError: They may be lost; the descriptor must not be trusted with more.
    """
    if sys.platform == "linux":
        os.fdatasync(fd)
    else:
        os.fsync(fd)


def sync_folder(path: Path) -> None:
    """Make the names in a folder safe from power loss, where the system can."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of it.

    Raises:
        OSError: The disk is full or fails; a part may have been written.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def create_once(path: Path, data: bytes) -> bool:
    """Create a small file with this content, whole, unless it exists; False where it does.

    Of any number of processes that try at once, on NFS too, exactly one gets True.
    """
    draft = path.parent / f".{temp_name()}"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o666)
    try:
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
        except OSError:
            return _create_in_place(path, data)
    finally:
        draft.unlink(missing_ok=True)
    return True


def _create_in_place(path: Path, data: bytes) -> bool:
    """Without hard links: a reader may meet the file while it is still empty."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o666)
    except FileExistsError:
        return False
    try:
        write_all(fd, data)
    finally:
        os.close(fd)
    return True


def replace_file(path: Path, data: bytes) -> None:
    """Put a small file into place, whole, over what is there."""
    draft = path.parent / f".{temp_name()}"
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o666)
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


# -- temporary files -----------------------------------------------------------------------------


@lru_cache(maxsize=1)
def machine() -> str:
    """Eight digits that name this boot of this kernel, host name and process namespace.

    Process numbers and locks mean the same to all processes that agree on it.
    """
    namespace = ""
    with contextlib.suppress(OSError):
        namespace = str(os.stat("/proc/self/ns/pid").st_ino)
    return digest_bytes(f"{boot_id()} {host_name()} {namespace}".encode())[:8]


def temp_name() -> str:
    """A name that no other file has and that tells later who made it."""
    pid = os.getpid()
    return f"{machine()}-{pid}-{process_start(pid)}-{new_id()}"


def is_orphan(name: str, changed: float) -> bool:
    """Whether a file with a :func:`temp_name` was left by a process that is gone.

    Args:
        name: Its name.
        changed: Its time of last change in seconds since 1970.
    """
    made_by, _, rest = name.lstrip(".").partition("-")
    pid, _, start = rest.partition("-")
    start = start.partition("-")[0]
    if made_by == machine() and pid.isdigit() and start.isdigit():
        if int(pid) == os.getpid():
            return False
        if process_start(int(pid)) != int(start):
            return True
    return now_us() / 1e6 - changed > ORPHAN_AGE


def sweep(folder: Path) -> int:
    """Remove what dead processes left in a folder of temporary files; gives how many."""
    count = 0
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if is_orphan(name, (folder / name).stat().st_mtime):
                    (folder / name).unlink()
                    count += 1
    return count


# -- errors --------------------------------------------------------------------------------------


def storage_error(error: OSError, doing: str) -> NotabeneError:
    """An error of the system while storing or fetching bytes, as one sentence.

    Args:
        error: What the system said.
        doing: What was tried: ``"keep /data/x.bin in /store/blobs"``.
    """
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TransportError(
            f"cannot {doing}: {reason.lower()}",
            hint="nothing of it was kept; free space (see `notabene gc`) and try again",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return AccessError(f"cannot {doing}: {reason.lower()}")
    if error.errno == errno.ENOENT:
        return NotFoundError(f"cannot {doing}: {reason.lower()}")
    if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP):
        return UsageError(f"cannot {doing}: {reason.lower()}")
    return TransportError(f"cannot {doing}: {reason.lower()}", hint="try again")
