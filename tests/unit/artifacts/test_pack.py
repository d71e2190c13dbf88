"""The pack format: torn tails, damage, the index."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from notabene.artifacts.pack import (
    BLOB,
    INDEX,
    OVERHEAD,
    START,
    TOUCH,
    Index,
    Pack,
    Place,
    new_header,
    read_header,
    record_header,
    scan,
)
from notabene.errors import FormatError
from notabene.model.canonical import digest_bytes


def key(n: int) -> bytes:
    """A digest."""
    return bytes.fromhex(digest_bytes(str(n).encode()))


def write(path: Path, sizes: list[int], *, kind: int = BLOB) -> bytes:
    """A pack with blobs of these sizes; gives its id."""
    header, file_id = new_header()
    parts = [header]
    for n, size in enumerate(sizes):
        length = size if kind == BLOB else 0
        parts += [record_header(file_id, kind, key(n), length, 100 + n), bytes([n % 256]) * length]
    path.write_bytes(b"".join(parts))
    return file_id


def opened(path: Path, size: int = -1) -> Pack:
    """The pack as a reader sees it that knows so many bytes of it."""
    pack = Pack(path)
    pack.refresh(path.stat().st_size if size < 0 else size)
    return pack


def test_the_format_is_frozen(tmp_path):
    """The bytes of a record never change: packs are read for ever."""
    head = record_header(b"0123456789abcdef", BLOB, b"\x11" * 32, 5, 1_700_000_000_000_000)
    assert head.hex() == "f56e6242010000000500000000401e18240a0600" + "11" * 32 + "a3f8019f"
    header, file_id = new_header()
    assert header == b"nbpack\0\1" + file_id


def test_blobs_are_found(tmp_path):
    """Each blob is found where it was written, empty ones too, and strangers are not."""
    path = tmp_path / "p.pack"
    write(path, [10, 0, 300])
    pack = opened(path)
    for n, size in enumerate([10, 0, 300]):
        place = pack.find(key(n))
        assert pack.read(place) == bytes([n]) * size
        assert place.time == pack.time(key(n)) == 100 + n
    assert pack.find(key(9)) is None
    assert pack.time(key(9)) == 0


def test_a_torn_tail_is_ignored(tmp_path):
    """Cut at any byte, a pack gives all records that are whole; the rest once it is there."""
    path = tmp_path / "p.pack"
    write(path, [3, 0, 7])
    whole = path.read_bytes()
    ends = [START + n * OVERHEAD + sum([3, 0, 7][:n]) for n in range(4)]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        pack = opened(path)
        count = sum(cut >= end for end in ends[1:])
        assert len(pack.fresh) == count
        assert pack.seen == ends[count]
        path.write_bytes(whole)
        pack.refresh(len(whole))
        assert len(pack.fresh) == 3


def test_a_damaged_header_costs_one_record(tmp_path):
    """After a record whose header is damaged, reading goes on with the next."""
    path = tmp_path / "p.pack"
    write(path, [100] * 5)
    data = bytearray(path.read_bytes())
    data[START + 2 * (OVERHEAD + 100) + 8] ^= 1
    path.write_bytes(data)
    assert set(opened(path).fresh) == {key(n) for n in (0, 1, 3, 4)}


def test_a_record_of_another_pack_is_no_record(tmp_path):
    """A pack that was logged itself, lying in the bytes of a blob, is not taken for records."""
    inner = tmp_path / "inner.pack"
    write(inner, [10, 10])
    data = inner.read_bytes()
    header, file_id = new_header()
    outer = tmp_path / "outer.pack"
    record = record_header(file_id, BLOB, key(50), len(data), 1) + data
    last = record_header(file_id, BLOB, key(51), 0, 1)
    broken = bytearray(record)
    broken[10] ^= 1  # its length cannot be trusted: what follows is searched through
    outer.write_bytes(header + bytes(broken) + last)
    assert set(opened(outer).fresh) == {key(51)}


def test_what_is_no_pack_is_refused(tmp_path):
    """Other files and newer versions raise; an empty one waits for its header."""
    path = tmp_path / "p.pack"
    path.write_bytes(b"something else, and long enough")
    with pytest.raises(FormatError):
        opened(path)
    path.write_bytes(b"nbpack\0\2" + bytes(100))
    with pytest.raises(FormatError):
        opened(path)
    path.write_bytes(b"nbpack")
    assert opened(path).fresh == {}


def test_touches_change_the_time_only(tmp_path):
    """A touch renews the time of a blob of the same pack, and is kept for blobs elsewhere."""
    path = tmp_path / "p.pack"
    file_id = write(path, [10])
    with open(path, "ab") as file:
        file.write(record_header(file_id, TOUCH, key(0), 0, 500))
        file.write(record_header(file_id, TOUCH, key(7), 0, 600))
    pack = opened(path)
    assert pack.find(key(0)).time == 500
    assert pack.find(key(7)) is None
    assert pack.time(key(7)) == 600
    merged = pack.merged()
    assert (merged[key(0)].length, merged[key(0)].time) == (10, 500)
    assert merged[key(7)] == Place(0, 0, 600)


def test_an_index_says_the_same(tmp_path):
    """With an index the answers are those of the records, for blobs before and after it."""
    path = tmp_path / "p.pack"
    file_id = write(path, [5] * 300)
    half = opened(path, START + 200 * (OVERHEAD + 5))
    Index.save(path.with_suffix(INDEX), file_id, half.seen, list(half.merged().items()))
    plain, indexed = Pack(path), opened(path)
    plain.forget()
    plain.refresh(path.stat().st_size)
    assert indexed.index is not None
    assert len(indexed.fresh) == 100
    assert plain.merged() == indexed.merged()
    assert all(plain.find(key(n)) == indexed.find(key(n)) for n in range(310))


@pytest.mark.parametrize("damage", ["cut", "flip", "other", "gone"])
def test_a_damaged_index_is_only_slow(tmp_path, damage):
    """An index that is cut, spoiled, gone, or of another pack changes no answer."""
    path, index = tmp_path / "p.pack", tmp_path / "p.idx"
    file_id = write(path, [5] * 50)
    rows = list(opened(path).merged().items())
    Index.save(index, os.urandom(16) if damage == "other" else file_id, 10**6, rows)
    data = index.read_bytes()
    if damage == "cut":
        index.write_bytes(data[:100])
    if damage == "flip":
        index.write_bytes(data[:60] + bytes([data[60] ^ 1]) + data[61:])
    if damage == "gone":
        index.unlink()
    pack = opened(path)
    assert pack.index is None
    assert len(pack.fresh) == 50


def test_an_index_that_is_replaced_is_not_misread(tmp_path):
    """A reader that still holds an older index never takes a row of the newer for its own."""
    path = tmp_path / "p.pack"
    file_id = write(path, [5] * 50)
    first = opened(path, START + 20 * (OVERHEAD + 5))
    Index.save(path.with_suffix(INDEX), file_id, first.seen, list(first.merged().items()))
    reader = opened(path, first.seen)
    assert reader.find(key(3)) is not None
    whole = opened(path)
    Index.save(path.with_suffix(INDEX), file_id, whole.seen, list(whole.merged().items()))
    right = opened(path)
    for pack in (reader, whole):
        assert pack.find(key(3)) == right.find(key(3))
        pack.refresh(path.stat().st_size)
        assert all(pack.find(key(n)) == right.find(key(n)) for n in range(50))


def test_an_index_holds_little_in_memory(tmp_path):
    """Eight bytes a blob are held; digests that begin alike are still told apart."""
    path = tmp_path / "p.idx"
    alike = [b"\xff" * 8 + bytes([n]) * 24 for n in range(5)]
    Index.save(path, b"i" * 16, 99, [(d, Place(50 + n, 1, 1)) for n, d in enumerate(alike)])
    index = Index.load(path, b"i" * 16)
    assert [index.find(d).offset for d in alike] == [50, 51, 52, 53, 54]
    assert index.find(b"\xff" * 32) is None
    assert index._prefixes.itemsize * len(index._prefixes) == 40


def test_scanning_a_part(tmp_path):
    """A scan between two offsets gives the records that lie wholly between them."""
    path = tmp_path / "p.pack"
    file_id = write(path, [10] * 4)
    fd = os.open(path, os.O_RDONLY)
    step = OVERHEAD + 10
    found = list(scan(fd, file_id, START + step, START + 3 * step + 5))
    assert read_header(fd) == file_id
    os.close(fd)
    assert [r.digest for r in found] == [key(1), key(2)]
    assert [r.place.offset for r in found] == [START + step + OVERHEAD, START + 2 * step + OVERHEAD]
