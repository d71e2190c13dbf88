"""Files on their way into a folder."""

from __future__ import annotations

import os

import pytest

from notabene.artifacts.draft import UnsteadyError, draft, fill, hash_open, read_small, settle
from notabene.model.canonical import digest_bytes
from notabene.testing.blobs import content


def test_a_draft_becomes_a_file_or_nothing(tmp_path):
    """A draft that was settled bears its name; one that was not is gone."""
    with draft(tmp_path / "tmp") as (fd, path):
        os.write(fd, b"content")
        settle(fd, path, tmp_path / "ab" / "place")
    assert (tmp_path / "ab" / "place").read_bytes() == b"content"
    with draft(tmp_path / "tmp") as (fd, path):
        os.write(fd, b"content")
        assert path.exists()
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (2 << 20) + 5])
def test_filling_gives_the_digest(tmp_path, size):
    """A file is copied whole, and its digest and the steps are right."""
    (tmp_path / "source").write_bytes(content(size))
    source = os.open(tmp_path / "source", os.O_RDONLY)
    steps = []
    with draft(tmp_path) as (fd, path):
        assert fill(source, fd, steps.append) == (digest_bytes(content(size)), size)
        assert hash_open(fd, lambda _count: None) == (digest_bytes(content(size)), size)
        assert path.read_bytes() == content(size)
    os.close(source)
    assert sum(steps) == size


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"y" * 10),
        lambda path: path.write_bytes(b"x" * 9),
        lambda path: os.utime(path, (5, 5)),
    ],
    ids=["changed", "cut", "restored"],
)
def test_a_change_is_seen(tmp_path, change):
    """A file that was changed in place, cut or restored behind our back is not steady."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    fd = os.open(path, os.O_RDONLY)
    before = os.fstat(fd)
    assert read_small(fd, before) == b"x" * 10
    os.lseek(fd, 0, os.SEEK_SET)
    os.utime(path, (1, 1))
    change(path)
    with pytest.raises(UnsteadyError):
        read_small(fd, before)
    os.close(fd)


def test_copying_sees_a_change(tmp_path, monkeypatch):
    """A file whose bytes change while it is copied, at the same size, is not steady."""
    monkeypatch.setattr("notabene.artifacts.draft.clone", lambda *_fds: False)
    path = tmp_path / "file"
    path.write_bytes(content(3 << 20))
    os.utime(path, (1, 1))
    source = os.open(path, os.O_RDONLY)

    def change(_count):
        with open(path, "r+b") as file:
            file.write(b"changed")

    with draft(tmp_path) as (fd, _), pytest.raises(UnsteadyError):
        fill(source, fd, change)
    os.close(source)


def test_hashing_sees_a_change(tmp_path):
    """A file that grows while it is hashed is not steady, and is not read for ever."""
    path = tmp_path / "file"
    path.write_bytes(content(3 << 20))
    fd = os.open(path, os.O_RDONLY)

    def grow(_count):
        with open(path, "ab") as file:
            file.write(bytes(1 << 20))

    with pytest.raises(UnsteadyError):
        hash_open(fd, grow)
    os.close(fd)
