"""Slots of the ring and rows of the journal: how one call of ``log()`` lies in memory.

A slot is a row of numbers or a record; all sizes are multiples of 8, all numbers
little-endian, and the sequence number stands at both ends, so that a slot that was not
written to its end, or an older one in the same place, is never taken for a good one.

    row     u64 seq · u32 keyset · u32 n · i64 step · i64 time · f64 value[n] · u64 seq
    record  u64 seq · u32 0      · u32 n · i64 time · byte data[n], padded to 8 · u64 seq

``keyset`` is the id of a :class:`~notabene.model.records.KeysDefined` of the same writer.
A ROWS section of a journal is a sequence of row slots, copied as they are. Nothing here
needs numpy, so that a short run never imports it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

ROW_HEAD = struct.Struct("<QIIqq")
RECORD_HEAD = struct.Struct("<QIIq")
TAIL = struct.Struct("<Q")
HEAD = struct.Struct("<QII")
ROW_BYTES = ROW_HEAD.size + TAIL.size
RECORD_BYTES = RECORD_HEAD.size + TAIL.size
FILLER = b"\xc0"
"""How the data of a filler begins: MessagePack's nil, which no record is."""


def row_struct(keys: int) -> struct.Struct:
    """Packs ``seq, keyset | n << 32, step, time, *values, seq``."""
    return struct.Struct(f"<QQqq{keys}dQ")


def record_size(length: int) -> int:
    """Bytes that a record slot takes for ``length`` bytes of data."""
    return RECORD_BYTES + (length + 7) // 8 * 8


def pack_record(seq: int, time: int, data: bytes) -> bytes:
    """A record slot."""
    pad = -len(data) % 8
    return b"".join((RECORD_HEAD.pack(seq, 0, len(data), time), data, b"\0" * pad, TAIL.pack(seq)))


def pack_filler(seq: int, time: int, size: int) -> bytes:
    """A record of nothing that takes ``size`` bytes: for a slot whose call never finished it."""
    return pack_record(seq, time, FILLER.ljust(size - RECORD_BYTES, b"\0"))


class Slot(msgspec.Struct, frozen=True):
    """A complete slot found in a ring or a ROWS section.

    Attributes:
        seq: Sequence number.
        keyset: Id of the key set, 0 for a record.
        start: Offset of the slot.
        size: Its bytes.
        count: Number of values of a row, bytes of a record's data.
    """

    seq: int
    keyset: int
    start: int
    size: int
    count: int


def read_slot(data: memoryview, at: int) -> Slot | None:
    """The slot at an offset, or None when no complete one is there."""
    if at + HEAD.size > len(data):
        return None
    seq, keyset, count = HEAD.unpack_from(data, at)
    if seq == 0:
        return None
    size = ROW_BYTES + 8 * count if keyset else record_size(count)
    end = at + size
    if end > len(data) or TAIL.unpack_from(data, end - 8)[0] != seq:
        return None
    return Slot(seq, keyset, at, size, count)


def record_of(data: memoryview, slot: Slot) -> tuple[int, bytes]:
    """``(time, data)`` of a record slot."""
    time = RECORD_HEAD.unpack_from(data, slot.start)[3]
    at = slot.start + RECORD_HEAD.size
    return time, bytes(data[at : at + slot.count])


def row_of(data: memoryview, slot: Slot) -> tuple[int, int, tuple[float, ...]]:
    """``(step, time, values)`` of a row slot."""
    _, _, _, step, time = ROW_HEAD.unpack_from(data, slot.start)
    return step, time, struct.unpack_from(f"<{slot.count}d", data, slot.start + ROW_HEAD.size)


def slots(data: memoryview, at: int = 0) -> Iterator[Slot]:
    """Complete slots one after the other; ends at the first place that holds none."""
    while (slot := read_slot(data, at)) is not None:
        yield slot
        at += slot.size
