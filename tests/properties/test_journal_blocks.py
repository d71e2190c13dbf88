"""Blocks, rows and statistics: whatever the bits, they come back, and count the same."""

from __future__ import annotations

import math
import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from notabene.journal.block import Block, Codec, encode_block
from notabene.journal.rows import pack_record, read_slot, record_of, row_of, row_struct, slots
from notabene.journal.segment import decode_packed_section, encode_packed_section
from notabene.journal.stats import FIELDS, KeyStats, RunningStats, merge, unpack

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
BITS = st.one_of(
    st.integers(0, (1 << 64) - 1),
    # Values that float32 holds exactly, and those beside them.
    st.floats(width=32).map(lambda x: int.from_bytes(struct.pack("<d", x), "little")),
    st.sampled_from([0, 1 << 63, 1, 0x7FF << 52, 0xFFF << 52, (0x7FF << 52) + 1, 0x7FF8 << 48]),
)


@st.composite
def tables(draw):
    """Any bits in any number of rows and columns, with any axes."""
    rows, columns = draw(st.integers(1, 40)), draw(st.integers(0, 12))
    if draw(st.booleans()):
        columns = draw(st.integers(0, 3))
    cells = draw(st.lists(BITS, min_size=rows * columns, max_size=rows * columns))
    values = np.array(cells, np.uint64).view(np.float64).reshape(rows, columns)
    axes = [np.array(draw(st.lists(INT64, min_size=rows, max_size=rows))) for _ in range(3)]
    return axes, values


@given(tables(), st.sampled_from([None, Codec.SHUFFLE_ZSTD, Codec.PCODEC]))
def test_blocks_are_exact_to_the_bit(table, codec):
    """Every value, whole or a column at a time, and every axis is what was encoded."""
    (steps, times, seqs), values = table
    block = Block(encode_block(7, steps, times, seqs, values, codec))
    assert (block.keyset, block.rows, block.columns) == (7, *values.shape)
    wanted = np.ascontiguousarray(values).view(np.uint64)
    assert np.array_equal(block.values().view(np.uint64).reshape(wanted.shape), wanted)
    for column in range(values.shape[1]):
        found = np.ascontiguousarray(block.column(column)).view(np.uint64)
        assert np.array_equal(found, wanted[:, column])
    assert np.array_equal(block.steps(), steps)
    assert np.array_equal(block.times(), times)
    assert np.array_equal(block.seqs(), seqs)


@given(st.lists(st.lists(BITS, max_size=5), max_size=30), INT64, INT64)
def test_slots_are_exact_to_the_bit(rows, step, time):
    """Rows of any widths, one after the other, come back as they were packed."""
    data = b""
    for seq, row in enumerate(rows, 1):
        values = struct.unpack(f"<{len(row)}d", struct.pack(f"<{len(row)}Q", *row))
        kind = 1 + len(row) | len(row) << 32
        data += row_struct(len(row)).pack(seq, kind, step, time, *values, seq)
    view = memoryview(data + bytes(100))
    found = list(slots(view))
    assert [slot.seq for slot in found] == list(range(1, len(rows) + 1))
    for slot, row in zip(found, rows, strict=True):
        at, when, values = row_of(view, slot)
        assert (at, when) == (step, time)
        assert struct.pack(f"<{len(values)}d", *values) == struct.pack(f"<{len(row)}Q", *row)


@given(st.binary(max_size=200), st.integers(1, 1 << 62), INT64)
def test_records_are_exact(data, seq, time):
    """A record of any bytes comes back."""
    view = memoryview(pack_record(seq, time, data))
    slot = read_slot(view, 0)
    assert (slot.seq, slot.size, record_of(view, slot)) == (seq, len(view), (time, data))


@given(st.integers(1, 64), st.binary(max_size=2000))
def test_packed_rows_are_exact(width, data):
    """Rows of any width come back from their transposed and compressed form."""
    rows = data[: len(data) // width * width]
    assert bytes(decode_packed_section(memoryview(encode_packed_section(rows, width))[5:])) == rows


POINTS = st.lists(
    st.tuples(st.integers(-50, 50), st.floats(allow_subnormal=False)), min_size=1, max_size=60
)


@given(POINTS, st.integers(1, 60), st.integers(1, 4))
def test_statistics_do_not_depend_on_how_they_were_taken(points, piece, writers):
    """By point, by column in pieces, and merged over writers: all count the same."""
    one = KeyStats()
    for time, (step, value) in enumerate(points):
        one.add(step, time, value)
    by_column, parts = RunningStats(), [KeyStats() for _ in range(writers)]
    for at in range(0, len(points), piece):
        part = points[at : at + piece]
        by_column.add_columns(
            ("k",),
            np.array([step for step, _ in part]),
            np.arange(at, at + len(part)),
            np.array([[value] for _, value in part]),
        )
    for time, (step, value) in enumerate(points):
        parts[time % writers].add(step, time, value)
    (packed,) = unpack(one.pack())
    for other in (by_column.keys["k"], merge(parts), packed):
        for name, _ in FIELDS:
            a, b = getattr(one, name), getattr(other, name)
            if name in ("min_step", "max_step"):
                # Of equal values any may be meant, for writers have no common order.
                extreme = getattr(one, name.removesuffix("_step"))
                assert a == b or (b, extreme) in points, name
            elif name == "sum":
                scale = sum(abs(v) for _, v in points if math.isfinite(v))
                assert a == b or abs(a - b) <= 1e-9 * scale or math.isinf(scale)
            else:
                assert a == b or (a != a and b != b), name
