"""Slots: what is packed is found again, and nothing else is."""

from __future__ import annotations

import math
import struct

import pytest

from notabene.journal.rows import (
    FILLER,
    RECORD_BYTES,
    ROW_BYTES,
    pack_filler,
    pack_record,
    read_slot,
    record_of,
    record_size,
    row_of,
    row_struct,
    slots,
)


def row(seq: int, *values: float, step: int = 3, time: int = 17) -> bytes:
    """A row slot of key set 1."""
    pack = row_struct(len(values))
    return pack.pack(seq, 1 | len(values) << 32, step, time, *values, seq)


def test_a_row_comes_back():
    """Sequence, key set, step, time and the bits of every value are read as they were packed."""
    data = memoryview(row(7, 0.5, -0.0, math.nan, step=-2))
    slot = read_slot(data, 0)
    assert (slot.seq, slot.keyset, slot.count, slot.size) == (7, 1, 3, ROW_BYTES + 24)
    step, time, values = row_of(data, slot)
    assert (step, time) == (-2, 17)
    assert struct.pack("<3d", *values) == struct.pack("<3d", 0.5, -0.0, math.nan)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 1000])
def test_a_record_comes_back(length):
    """A record of any length is padded to 8 bytes and read without its padding."""
    data = pack_record(9, 23, b"x" * length)
    assert len(data) == record_size(length)
    assert len(data) % 8 == 0
    slot = read_slot(memoryview(data), 0)
    assert slot.keyset == 0
    assert record_of(memoryview(data), slot) == (23, b"x" * length)


def test_a_filler_takes_the_place_it_is_given():
    """A filler is a complete slot of the size that was reserved, and no record begins like it."""
    for size in (RECORD_BYTES + 8, ROW_BYTES, ROW_BYTES + 8, ROW_BYTES + 8000):
        data = memoryview(pack_filler(5, 1, size))
        slot = read_slot(data, 0)
        assert slot.size == len(data) == size
        assert record_of(data, slot)[1].startswith(FILLER)


def test_half_a_slot_is_none():
    """A slot that was cut anywhere, its rest zero or of an older slot, is not taken."""
    whole, older = row(8, 1.5, 2.5), row(2, 1.5, 2.5)
    assert read_slot(memoryview(whole), 0) is not None
    for cut in range(len(whole)):
        assert read_slot(memoryview(whole[:cut]), 0) is None
        for rest in (bytes(len(whole)), older):
            torn = whole[:cut] + rest[cut:]
            if torn not in (whole, older):
                assert read_slot(memoryview(torn), 0) is None


def test_slots_end_where_nothing_stands():
    """Slots follow each other up to the first place that holds none."""
    data = row(1, 0.5) + pack_record(2, 1, b"abc") + row(3, 0.25, 0.75)
    assert [s.seq for s in slots(memoryview(data + bytes(64)))] == [1, 2, 3]
    assert [s.seq for s in slots(memoryview(data[:-1]))] == [1, 2]
