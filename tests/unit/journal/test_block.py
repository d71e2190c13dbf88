"""Blocks: every bit comes back, and only what is asked for is decoded."""

from __future__ import annotations

import numpy as np
import pytest

from notabene.errors import FormatError
from notabene.journal import block as module
from notabene.journal.block import (
    Block,
    Codec,
    block_limit,
    concat_blocks,
    encode_block,
    rows_to_arrays,
)
from notabene.journal.rows import row_struct


def axes(n, start=0):
    """Steps, times and sequences of n rows."""
    steps = np.arange(start, start + n)
    return steps, 1_700_000_000_000_000 + steps * 1000 + steps % 7, steps + 5


def encoded(values, codec=None):
    """A block of values with plain axes."""
    return Block(encode_block(9, *axes(len(values)), np.asarray(values, np.float64), codec))


def same_bits(a, b):
    """Whether two arrays of float64 are equal to the bit."""
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    return a.shape == b.shape and bool((a.view(np.uint64) == b.view(np.uint64)).all())


def values_of(rows, columns, kind):
    """Values of several sorts."""
    rng = np.random.default_rng(rows * 1000 + columns)
    values = rng.standard_normal((rows, columns))
    if kind == "float32":
        return values.astype(np.float32).astype(np.float64)
    if kind == "mixed":
        values[:, ::2] = values[:, ::2].astype(np.float32)
    if kind == "constant":
        values[:] = 0.5
    return values


@pytest.mark.parametrize("codec", [None, Codec.SHUFFLE_ZSTD, Codec.PCODEC])
@pytest.mark.parametrize("kind", ["float32", "float64", "mixed", "constant"])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 3000), (10, 20), (5000, 3), (700, 17)])
def test_values_come_back(rows, columns, kind, codec):
    """All values, each column by itself, and the axes are what was encoded."""
    values = values_of(rows, columns, kind)
    steps, times, seqs = axes(rows)
    found = Block(encode_block(9, steps, times, seqs, values, codec))
    assert (found.keyset, found.rows, found.columns) == (9, rows, columns)
    assert same_bits(found.values(), values)
    for column in {0, columns // 2, columns - 1}:
        assert same_bits(found.column(column), values[:, column])
    assert np.array_equal(found.steps(), steps)
    assert np.array_equal(found.times(), times)
    assert np.array_equal(found.seqs(), seqs)


def test_every_bit_comes_back():
    """NaN payloads, minus zero, subnormal and infinite numbers keep their bits."""
    bits = [0x7FF8000000000001, 0xFFF8DEADBEEF0001, 0x7FF0000000000001, 1 << 63, 1, 0x7FF << 52]
    bits += [0x7FF8 << 48, 0x36A0000000000000]  # a quiet NaN; the least subnormal float32
    odd = np.array(bits, np.uint64).view(np.float64)
    for column in odd:
        assert same_bits(encoded([[column], [1.0]]).values(), [[column], [1.0]])
    assert same_bits(encoded(odd.reshape(-1, 1)).values(), odd.reshape(-1, 1))


@pytest.mark.parametrize(
    "steps",
    [
        [0, 1, 2, 3],
        [7],
        [5, 5, 5],
        [9, 3, 12, -4],
        [-(1 << 63), (1 << 63) - 1],
        [(1 << 63) - 1, -(1 << 63), 0],
        [100, 90, 80],
    ],
)
def test_any_steps_come_back(steps):
    """Steps may rise, fall, stand, jump, and go to the ends of int64."""
    n = len(steps)
    _, times, seqs = axes(n)
    found = Block(encode_block(1, np.array(steps), times, seqs, np.zeros((n, 1))))
    assert found.steps().tolist() == steps


def test_rows_without_keys():
    """Rows that hold a step and no value are kept."""
    found = encoded(np.empty((5, 0)))
    assert found.values().shape == (5, 0)
    assert found.steps().tolist() == [0, 1, 2, 3, 4]


def test_float32_costs_half():
    """Columns whose values are exactly float32 are stored as such, one by one."""
    narrow = len(encode_block(1, *axes(1000), values_of(1000, 8, "float32")))
    wide = len(encode_block(1, *axes(1000), values_of(1000, 8, "float64")))
    assert narrow < 0.55 * wide


def test_a_live_block_is_small():
    """Twenty float32 losses by ten rows, on axes with jitter, take under 4 bytes a point."""
    rng = np.random.default_rng(0)
    n = 10
    times = 1_700_000_000_000_000 + np.cumsum(25_000 + rng.normal(0, 1500, n)).astype(np.int64)
    losses = np.exp(-np.arange(n)[:, None] / 50) + 0.02 * rng.standard_normal((n, 20))
    values = losses.astype(np.float32).astype(np.float64)
    size = len(encode_block(1, np.arange(n), times, np.arange(n), values))
    assert size <= 4 * 200 - 45  # 45 bytes are the frame's and the section's


def test_arithmetic_axes_take_no_bytes():
    """Steps one apart cost nothing, however many there are."""
    few = len(encode_block(1, *axes(3), np.zeros((3, 1))))
    steps = np.arange(3000)
    many = len(encode_block(1, steps, steps, steps, np.zeros((3000, 1))))
    assert many < few + 30


def test_without_pcodec_blocks_are_written_and_read(monkeypatch):
    """The second codec needs no pcodec; a block that does says what is missing."""
    values = values_of(100, 3, "float64")
    with_it = encode_block(1, *axes(100), values)
    monkeypatch.setattr(module, "_pcodec", lambda: (None, None))
    assert same_bits(encoded(values).values(), values)
    with pytest.raises(FormatError, match="pcodec"):
        Block(with_it).values()


def test_an_unknown_codec_is_named(monkeypatch):
    """A codec of a newer version is refused with what to do."""
    monkeypatch.setattr(
        module, "_encode_page", lambda values, codec: (module._Page(77, "f8", len(values), 0), b"")
    )
    data = encode_block(1, *axes(5), values_of(5, 1, "float64"))
    monkeypatch.undo()
    with pytest.raises(FormatError, match="codec 77"):
        Block(data).values()


def test_rows_become_arrays():
    """Slots of the ring are split into their columns."""
    pack = row_struct(2)
    data = b"".join(pack.pack(i, 1 | 2 << 32, i + 1, i + 2, i / 2, i / 4, i) for i in range(1, 6))
    seqs, steps, times, values = rows_to_arrays(memoryview(data), 2)
    assert seqs.tolist() == [1, 2, 3, 4, 5]
    assert steps.tolist() == [2, 3, 4, 5, 6]
    assert times.tolist() == [3, 4, 5, 6, 7]
    assert values.tolist() == [[i / 2, i / 4] for i in range(1, 6)]


def test_blocks_follow_each_other():
    """Blocks of one key set, laid one after the other."""
    one, two = values_of(10, 2, "float64"), values_of(20, 2, "mixed")
    blocks = [Block(encode_block(1, *axes(10), one)), Block(encode_block(1, *axes(20, 10), two))]
    seqs, steps, times, values = concat_blocks(blocks)
    assert steps.tolist() == list(range(30))
    assert len(seqs) == len(times) == 30
    assert same_bits(values, np.concatenate([one, two]))


def test_a_block_fits_where_it_is_meant_to():
    """As many rows as the limit says stay below the size, even if nothing compresses."""
    rng = np.random.default_rng(1)
    for columns in (1, 10, 300):
        rows = block_limit(columns, 64 << 10)
        bits = rng.integers(0, 1 << 63, (rows, columns), dtype=np.int64).view(np.float64)
        wild = rng.integers(-(1 << 62), 1 << 62, (3, rows))
        assert len(encode_block(1, *wild, bits)) < 72 << 10
    assert block_limit(100_000, 1) == 1
