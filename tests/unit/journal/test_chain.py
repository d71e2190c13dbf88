"""The files of a ring: mark, segments, and what happens where no file can be had."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os

import pytest

from notabene.errors import FormatError
from notabene.journal import chain as module
from notabene.journal.chain import (
    DATA_AT,
    META_AT,
    Chain,
    Lost,
    RingMeta,
    decode_meta,
    encode_meta,
    lock,
)

META = RingMeta(writer="w1", run="run1", host="h", boot="b", pid=5)


@pytest.fixture
def through(monkeypatch):
    """Space cannot be reserved: segments are written by pwrite."""
    monkeypatch.setattr(module, "can_reserve", lambda _place: False)


def is_locked(path) -> bool:
    """Whether somebody holds the lock of a mark."""
    fd = os.open(path, os.O_RDONLY)
    try:
        lock(fd)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def test_a_head_comes_back():
    """What is written into a head is read from it."""
    assert decode_meta(encode_meta(META).ljust(DATA_AT, b"\0")) == META


def test_a_head_that_is_damaged_is_refused():
    """One wrong bit anywhere in a head is noticed."""
    head = encode_meta(META)
    for at in range(len(head)):
        damaged = bytearray(head)
        damaged[at] ^= 4
        with pytest.raises(FormatError):
            decode_meta(bytes(damaged))


def test_the_owner_holds_the_mark(tmp_path):
    """The mark names the places, is locked as long as the owner lives, and goes with the ring."""
    chain = Chain([tmp_path, tmp_path / "missing"], META)
    mark = tmp_path / "w1.ring"
    assert chain.folder == tmp_path
    assert is_locked(mark)
    meta = decode_meta(mark.read_bytes()[META_AT:])
    assert meta.places == (str(tmp_path), str(tmp_path / "missing"))
    chain.drop(unlink=True)
    assert not mark.exists()


def test_a_mark_can_be_left(tmp_path):
    """Without unlink the file stays, and its lock is free."""
    chain = Chain([tmp_path], META)
    chain.drop(unlink=False)
    assert not is_locked(tmp_path / "w1.ring")


def test_segments_are_zero_and_reserved(tmp_path):
    """A mapped segment is a file of its full size, real space behind it, zero but for its head."""
    chain = Chain([tmp_path], META)
    segment = chain.make(1 << 16, base=7)
    assert isinstance(segment.buffer, mmap.mmap)
    assert segment.safe
    assert segment.path.stat().st_size == 1 << 16
    assert segment.path.stat().st_blocks * 512 >= 1 << 16
    assert decode_meta(segment.path.read_bytes()).base == 7
    assert not any(segment.buffer[DATA_AT:])
    segment.drop(unlink=True)
    chain.drop(unlink=True)
    assert list(tmp_path.iterdir()) == []


def test_writing_through_gives_the_same_bytes(tmp_path, through):
    """Where space cannot be reserved, the file holds what the memory holds after each flush."""
    chain = Chain([tmp_path], META)
    segment = chain.make(1 << 16, base=1)
    segment.buffer[DATA_AT : DATA_AT + 5] = b"hello"
    segment.flush(DATA_AT, DATA_AT + 5)
    assert segment.path.read_bytes() == bytes(segment.buffer[: DATA_AT + 5])
    segment.drop(unlink=True)
    chain.drop(unlink=True)


def test_what_could_not_be_written_through_is_tried_again(tmp_path, through, monkeypatch):
    """A full disk makes a segment unsafe; the next flush that works writes what was left out."""
    chain = Chain([tmp_path], META)
    segment = chain.make(1 << 16, base=1)
    segment.flush(0, DATA_AT)
    real = os.pwrite

    def full(*_args):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", full)
    segment.buffer[DATA_AT : DATA_AT + 8] = b"first..."
    segment.flush(DATA_AT, DATA_AT + 8)
    assert not segment.safe
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:3], at))
    segment.buffer[DATA_AT + 8 : DATA_AT + 16] = b"second.."
    segment.flush(DATA_AT + 8, DATA_AT + 16)
    assert segment.safe
    assert segment.path.read_bytes()[DATA_AT:] == b"first...second.."
    segment.drop(unlink=True)
    chain.drop(unlink=True)


def test_the_next_place_is_taken(tmp_path, monkeypatch):
    """A place that is full or missing is passed over, and leaves nothing behind."""
    second = tmp_path / "second"
    second.mkdir()
    real = os.posix_fallocate

    def allocate(fd, at, size):
        if "second" not in os.readlink(f"/proc/self/fd/{fd}"):
            raise OSError(errno.ENOSPC, "full")
        real(fd, at, size)

    monkeypatch.setattr(os, "posix_fallocate", allocate)
    chain = Chain([tmp_path / "missing", tmp_path, second], META)
    segment = chain.make(1 << 16, base=1)
    assert chain.folder == tmp_path
    assert segment.path.parent == second
    assert chain.trouble == "the disk is full"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["second", "w1.ring"]
    segment.drop(unlink=True)
    chain.drop(unlink=True)


def test_memory_is_the_last_place(tmp_path):
    """Where no file can be had, a segment is memory and says that it is not safe."""
    chain = Chain([tmp_path / "missing"], META)
    segment = chain.make(1 << 16, base=1)
    assert (segment.path, segment.safe, chain.folder) == (None, False, None)
    chain.drop(unlink=True)


def test_a_place_without_locks_is_no_place(tmp_path, monkeypatch):
    """Without a lock nobody could tell a dead owner from a living one: nothing is left there."""

    def no_locks(_fd, _how):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    chain = Chain([tmp_path], META)
    assert chain.folder is None
    assert chain.make(1 << 16, base=1).path is None
    assert list(tmp_path.iterdir()) == []


def test_the_owner_gets_the_mark_that_a_sweeper_looked_at(tmp_path, monkeypatch):
    """Who looks for orphans may hold an empty mark for a moment; the owner waits for that."""
    real, held = os.open, []

    def opened(path, flags, mode=0o777):
        fd = real(path, flags, mode)
        if str(path).endswith(".ring"):
            held.append(real(path, os.O_RDONLY))
            fcntl.flock(held[0], fcntl.LOCK_EX)
        return fd

    def wait(_seconds):
        fcntl.flock(held[0], fcntl.LOCK_UN)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(module.time, "sleep", wait)
    chain = Chain([tmp_path], META)
    os.close(held[0])
    assert chain.folder == tmp_path
    chain.drop(unlink=True)


def test_two_owners_of_one_name(tmp_path):
    """A second ring of the same name leaves the first one's mark alone."""
    first = Chain([tmp_path], META)
    second = Chain([tmp_path], META)
    assert second.folder is None
    second.drop(unlink=True)
    assert is_locked(tmp_path / "w1.ring")
    first.drop(unlink=True)


def test_the_count_of_lost_rows_outlives_its_owner(tmp_path):
    """What is counted as lost stands in the mark at once."""
    chain = Chain([tmp_path], META)
    lost = Lost(rows=3, points=30, first=10, last=20, reason="the disk is full, é")
    chain.note_lost(lost)
    assert Lost.decode((tmp_path / "w1.ring").read_bytes()) == lost
    chain.drop(unlink=False)


def test_a_long_reason_is_cut(tmp_path):
    """The count fits into its place whatever the reason."""
    data = Lost(rows=1, reason="é" * 500).encode()
    assert len(data) == META_AT
    assert Lost.decode(data).reason == "é" * 48


def test_names_that_do_not_fit_are_refused(tmp_path):
    """A head longer than its place is an error, not a segment without one."""
    chain = Chain([tmp_path], RingMeta(writer="w1", run="r" * 600))
    with pytest.raises(FormatError):
        chain.make(1 << 16, base=1)
    chain.drop(unlink=True)
