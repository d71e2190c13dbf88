"""All packs of a store, and the one that is appended to."""

from __future__ import annotations

import errno
import os

import pytest

from notabene.artifacts import packs as packs_module
from notabene.artifacts.files import machine
from notabene.artifacts.packs import Packs
from notabene.model.canonical import digest_bytes


def key(n: int) -> bytes:
    """The digest of a number's text."""
    return bytes.fromhex(digest_bytes(str(n).encode()))


@pytest.fixture
def packs(tmp_path):
    """No packs yet."""
    made = Packs(tmp_path / "packs")
    yield made
    made.close()


def put(packs: Packs, *numbers: int) -> None:
    """Store the texts of numbers."""
    for n in numbers:
        packs.append(key(n), str(n).encode())


def get(packs: Packs, n: int) -> bytes:
    """Read one back."""
    pack, place = packs.find(key(n))[0]
    return pack.read(place)


def test_others_see_what_is_appended(packs, tmp_path):
    """Another reader finds what was appended at once, without any flush."""
    reader = Packs(tmp_path / "packs")
    assert reader.find(key(1)) == []
    put(packs, 1)
    assert get(reader, 1) == b"1"
    put(packs, 2)
    assert reader.find(key(2), look=False) == []
    assert get(reader, 2) == b"2"


def test_a_dead_writers_pack_is_taken_over(packs, tmp_path):
    """What a killed writer left torn at the end of its pack is cut off by the next one."""
    put(packs, 1, 2)
    packs.close()
    [path] = (tmp_path / "packs").glob("*.pack")
    with open(path, "ab") as file:
        file.write(b"\xf5nbB half a record")
    again = Packs(tmp_path / "packs")
    put(again, 3)
    again.close()
    assert [p.name for p in (tmp_path / "packs").glob("*.pack")] == [path.name]
    assert b"half a record" not in path.read_bytes()
    assert [get(Packs(tmp_path / "packs"), n) for n in (1, 2, 3)] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("size", [0, 5])
def test_a_pack_without_a_header_is_taken_over(packs, tmp_path, size):
    """A pack whose maker was killed before it had a header is begun anew."""
    (tmp_path / "packs").mkdir()
    path = tmp_path / "packs" / f"{machine()}-x.pack"
    path.write_bytes(b"nbpack"[:size])
    put(packs, 1)
    assert get(Packs(tmp_path / "packs"), 1) == b"1"
    assert path.stat().st_size > 50


def test_packs_of_other_machines_are_only_read(packs, tmp_path, monkeypatch):
    """A process never appends to a pack of another machine, whatever its lock says."""
    monkeypatch.setattr(packs_module, "machine", lambda: "elsewhe")
    put(packs, 1)
    packs.close()
    monkeypatch.undo()
    here = Packs(tmp_path / "packs")
    put(here, 2)
    assert get(here, 1) == b"1"
    here.close()
    assert len(list((tmp_path / "packs").glob("*.pack"))) == 2
    with here.locked(next(n.name for n in (tmp_path / "packs").glob("elsewhe*"))) as pack:
        assert pack is None  # too young to be nobody's


def test_a_failed_append_leaves_nothing(packs, monkeypatch):
    """When a write fails half-way, the half is cut off and the pack goes on."""
    put(packs, 1)
    real = packs_module.write_all

    def half(fd, data):
        real(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(packs_module, "write_all", half)
    with pytest.raises(OSError, match="No space"):
        put(packs, 2)
    monkeypatch.undo()
    put(packs, 3)
    assert packs.find(key(2)) == []
    assert get(packs, 3) == b"3"
    again = Packs(packs.folder)
    assert (get(again, 1), get(again, 3), again.find(key(2))) == (b"1", b"3", [])


def test_a_pack_that_cannot_be_mended_is_left(packs, monkeypatch):
    """Where even cutting off fails, the next blob goes into another pack."""
    put(packs, 1)

    def fail(*_args):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(packs_module, "write_all", fail)
    monkeypatch.setattr(packs_module.os, "ftruncate", fail)
    with pytest.raises(OSError, match="Input/output"):
        put(packs, 2)
    monkeypatch.undo()
    put(packs, 3)
    assert (get(packs, 1), get(packs, 3)) == (b"1", b"3")


def test_touches_are_noted_once_an_hour(packs, monkeypatch):
    """Touching again and again writes one record an hour."""
    put(packs, 1)
    packs.flush()
    [path] = packs.folder.glob("*.pack")
    size = path.stat().st_size
    for _ in range(100):
        packs.touch(key(1), packs.find(key(1))[0][1].time)
        packs.touch(key(2), 0)
    assert path.stat().st_size - size == packs_module.OVERHEAD  # only the one not known here
    now = packs_module.now_us()
    monkeypatch.setattr(packs_module, "now_us", lambda: now + 2 * packs_module.TOUCH_EVERY)
    packs.touch(key(1), packs.find(key(1))[0][1].time)
    assert packs.find(key(1))[0][1].time == now + 2 * packs_module.TOUCH_EVERY
    assert packs.touched_since(now + 1, [key(1), key(2)]) == {key(1)}


def test_a_wrong_index_is_found_out(packs, tmp_path, monkeypatch):
    """Where the index leads to wrong bytes, the pack itself is read."""
    monkeypatch.setattr(packs_module, "INDEX_FROM", 1)
    put(packs, 1, 2, 3)
    packs.close()
    [index] = (tmp_path / "packs").glob("*.idx")
    data = bytearray(index.read_bytes())
    data[-13] ^= 1  # the length of the last row
    index.write_bytes(data)
    reader = Packs(tmp_path / "packs")
    wrong = [n for n in (1, 2, 3) if get(reader, n) != str(n).encode()]
    assert len(wrong) == 1
    reader.distrust(reader.find(key(wrong[0]))[0][0])
    assert [get(reader, n) for n in (1, 2, 3)] == [b"1", b"2", b"3"]


def test_vanished_packs_are_forgotten(packs, tmp_path):
    """A pack that was moved away is no longer answered from."""
    put(packs, 1)
    packs.close()
    assert packs.find(key(1))
    for path in (tmp_path / "packs").iterdir():
        path.unlink()
    packs.refresh()
    assert packs.find(key(1)) == []
    assert packs.all() == []
    os.rmdir(tmp_path / "packs")
    packs.refresh()
