"""What file systems can do, and the ways without it."""

from __future__ import annotations

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from notabene.artifacts import files
from notabene.artifacts.files import (
    create_once,
    is_orphan,
    machine,
    replace_file,
    storage_error,
    sweep,
    temp_name,
    try_lock,
)
from notabene.errors import AccessError, NotFoundError, TransportError, UsageError


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_file_is_created_once(tmp_path, monkeypatch, hard_links):
    """Of many that create a file at once, one gets True, and its content is there whole."""
    if not hard_links:

        def refuse(*_args):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(files.os, "link", refuse)
    path = tmp_path / "v1"
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: create_once(path, bytes([n]) * 1000), range(32)))
    assert sum(won) == 1
    assert path.read_bytes() == bytes([won.index(True)]) * 1000
    assert [p.name for p in tmp_path.iterdir()] == ["v1"]


def test_replacing_is_whole(tmp_path):
    """A replaced file has the old or the new content, and leaves nothing beside it."""
    path = tmp_path / "known"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["known"]


def test_a_lock_is_one_openings(tmp_path):
    """A lock keeps others out until its file is closed."""
    path = tmp_path / "lock"
    first = os.open(path, os.O_RDWR | os.O_CREAT)
    second = os.open(path, os.O_RDWR)
    assert try_lock(first) is True
    assert try_lock(second) is False
    os.close(first)
    assert try_lock(second) is True
    os.close(second)


def test_only_what_is_left_over_is_swept(tmp_path, script):
    """Temporary files of dead processes go; those of living ones, and of other hosts, stay."""
    dead = script.run(
        """
        from notabene.artifacts.files import temp_name
        print(temp_name())
        """
    )
    folder = tmp_path / "tmp"
    folder.mkdir()
    away = "0" * 8 + temp_name()[8:]
    for name in (dead, f".{dead}", temp_name(), away, "stranger"):
        (folder / name).write_text("")
    assert sweep(folder) == 2
    assert len(list(folder.iterdir())) == 3
    week_ago = time.time() - 8 * 86400
    assert is_orphan(away, week_ago)
    assert not is_orphan(temp_name(), week_ago)
    assert sweep(tmp_path / "none") == 0


def test_names_tell_who_made_them():
    """Two temporary names never agree, and both tell this machine."""
    one, two = temp_name(), temp_name()
    assert one != two
    assert one.startswith(machine())


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, TransportError),
        (errno.EDQUOT, TransportError),
        (errno.EIO, TransportError),
        (errno.EROFS, AccessError),
        (errno.EACCES, AccessError),
        (errno.ENOENT, NotFoundError),
        (errno.ENAMETOOLONG, UsageError),
    ],
)
def test_errors_of_the_system_are_one_sentence(number, kind):
    """An error of the system becomes one of ours by what the caller can do about it."""
    error = storage_error(OSError(number, os.strerror(number)), "keep x in y")
    assert type(error) is kind
    assert str(error).startswith("cannot keep x in y: ")
