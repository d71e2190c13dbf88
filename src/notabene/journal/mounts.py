"""What kind of file system a path lies on; decides where rings and indexes may be.

Memory-mapped rings, ``flock`` and SQLite need a local disk; real space can be reserved ahead
only where a file system does not copy on write.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from functools import lru_cache
from pathlib import Path

from notabene.settings import temporary

NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs"),
        *("afs", "9p", "orangefs", "pvfs2", "wekafs", "panfs", "davfs", "virtiofs", "vboxsf"),
        *("ocfs2", "gfs2", "acfs", "daos", "curvefs", "hdfs", "prl_fs", "vmhgfs"),
    }
)
COPY_ON_WRITE = frozenset({"btrfs", "zfs", "bcachefs"})
_OCTAL = re.compile(rb"\\([0-7]{3})")


@lru_cache(maxsize=1)
def _mounts(stamp: int) -> tuple[tuple[str, str], ...]:
    """``(mount point, type)`` of all mounts, the longest mount point first."""
    del stamp  # only part of the key: the table may change while we run
    try:
        table = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return ()
    found = []
    for line in table.splitlines():
        before, _, after = line.partition(b" - ")
        fields = before.split()
        if len(fields) > 4 and after:
            point = _OCTAL.sub(lambda m: bytes([int(m[1], 8)]), fields[4])
            found.append((os.fsdecode(point), after.split()[0].decode()))
    # Of two mounts on one point the later one covers the earlier.
    found.reverse()
    return tuple(sorted(found, key=lambda m: -len(m[0])))


def file_system(path: Path | str) -> str:
    """Type of the file system that holds a path (or would hold it); '' where unknown."""
    where = os.path.realpath(path)
    for point, kind in _mounts(_minute()):
        if where == point or where.startswith(point.rstrip("/") + "/"):
            return kind
    return ""


def _minute() -> int:
    return int(time.monotonic() / 60)


def is_local(path: Path | str) -> bool:
    """Whether a path lies on a disk or in memory of this machine."""
    kind = file_system(path)
    return kind not in NETWORK and not kind.startswith("fuse.")


def can_reserve(path: Path | str) -> bool:
    """Whether reserving space ahead is possible there and means anything."""
    return (
        sys.platform == "linux"
        and hasattr(os, "posix_fallocate")
        and is_local(path)
        and file_system(path) not in COPY_ON_WRITE
    )


def is_container_layer(path: Path | str) -> bool:
    """Whether a path lies on a container's own layer, which goes when the container goes."""
    marks = ("/.dockerenv", "/run/.containerenv")
    if not any(Path(mark).exists() for mark in marks):
        return False
    where = os.path.realpath(path)
    for point, kind in _mounts(_minute()):
        if where == point or where.startswith(point.rstrip("/") + "/"):
            return point == "/" and kind in {"overlay", "overlayfs", "aufs", "zfs", "btrfs"}
    return False


def private_folder(*, make: bool = False) -> Path | None:
    """This user's own folder in ``$TMPDIR``, for what must be local; None where there is none.

    Args:
        make: Make it, readable for nobody else.
    """
    uid = os.getuid() if hasattr(os, "getuid") else 0
    path = Path(temporary()) / f"notabene-{uid}"
    try:
        if make:
            path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return None
    # Others may write to the folder above: one that they made, or a link, is not ours.
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == uid
    return path if ours and not found.st_mode & 0o022 else None
