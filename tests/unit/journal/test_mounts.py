"""Which disks are local, and which can reserve space."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from notabene.journal import mounts as module
from notabene.journal.mounts import (
    can_reserve,
    file_system,
    is_container_layer,
    is_local,
    private_folder,
)

TABLE = rb"""22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
30 22 0:5 / /mnt/nfs rw - nfs4 server:/export rw
31 22 0:6 / /mnt/nfs/inner rw - tmpfs none rw
32 22 0:7 / /mnt/with\040space rw master:2 - btrfs /dev/sdb rw
33 22 0:8 / /mnt/twice rw - nfs server:/a rw
34 22 0:9 / /mnt/twice rw - xfs /dev/sdc rw
35 22 0:9 / /mnt/ssh rw - fuse.sshfs somewhere rw
broken line
"""


@pytest.fixture
def table(monkeypatch):
    """A mount table of our own; paths are taken as they are."""
    real = Path.read_bytes
    given = [TABLE]

    def read(path):
        if str(path) != "/proc/self/mountinfo":
            return real(path)
        if given[0] is None:
            raise FileNotFoundError
        return given[0]

    monkeypatch.setattr(Path, "read_bytes", read)
    monkeypatch.setattr(os.path, "realpath", str)
    module._mounts.cache_clear()
    yield given
    module._mounts.cache_clear()


@pytest.mark.parametrize(
    ("path", "kind", "local"),
    [
        ("/home/me", "ext4", True),
        ("/mnt/nfs", "nfs4", False),
        ("/mnt/nfs/deep/er", "nfs4", False),
        ("/mnt/nfsnot", "ext4", True),
        ("/mnt/nfs/inner/x", "tmpfs", True),
        ("/mnt/with space/x", "btrfs", True),
        ("/mnt/twice/x", "xfs", True),
        ("/mnt/ssh/x", "fuse.sshfs", False),
    ],
)
def test_the_innermost_mount_decides(table, path, kind, local):
    """The longest mount point above a path, of two on one point the later, holds it."""
    assert file_system(path) == kind
    assert is_local(path) is local


def test_space_is_reserved_where_it_means_anything(table):
    """Not over a network, and not where blocks are written elsewhere when they change."""
    assert can_reserve("/home/me")
    assert not can_reserve("/mnt/nfs")
    assert not can_reserve("/mnt/with space")


def test_without_a_table_disks_count_as_local(table):
    """A system that has no mount table (macOS) has local disks."""
    table[0] = None
    assert file_system("/x") == ""
    assert is_local("/x")


def test_a_containers_layer_is_known(table, monkeypatch):
    """In a container what lies on its own root goes with it; a volume does not."""
    table[0] = TABLE.replace(b"- ext4 /dev/sda1", b"- overlay overlay")
    monkeypatch.setattr(Path, "exists", lambda _p: False)
    assert not is_container_layer("/home/me")
    monkeypatch.setattr(Path, "exists", lambda p: str(p) == "/.dockerenv")
    assert is_container_layer("/home/me")
    assert not is_container_layer("/mnt/nfs")


def test_the_private_folder_is_ones_own(tmp_path, monkeypatch):
    """It is made for its owner alone, and one that others could have made is not used."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert private_folder() is None
    path = private_folder(make=True)
    assert path == tmp_path / f"notabene-{os.getuid()}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert private_folder() == path
    path.chmod(0o777)
    assert private_folder() is None
    path.rmdir()
    (tmp_path / "elsewhere").mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    assert private_folder(make=True) is None
    path.unlink()
    path.write_text("")
    assert private_folder(make=True) is None
