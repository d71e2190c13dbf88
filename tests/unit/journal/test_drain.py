"""From slots to frame bodies."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from notabene.journal import drain as module
from notabene.journal.block import Block
from notabene.journal.drain import Encoder, after_hole, first_seq, has_numpy, take
from notabene.journal.rows import pack_filler, pack_record, row_of, row_struct, slots
from notabene.journal.segment import (
    Header,
    Section,
    decode_packed_section,
    encode_frame,
    read_frame,
)
from notabene.model.records import KeysDefined, encode_record

HEADER = Header(file_id=b"x", kind="run", writers=("w1",))


def row(seq: int, keyset: int, *values: float) -> bytes:
    """A row slot with its sequence as step and time."""
    return row_struct(len(values)).pack(
        seq, keyset | len(values) << 32, seq, 1000 + seq, *values, seq
    )


def keys_defined(seq: int, keyset: int, *keys: str) -> bytes:
    """A record slot that names a key set."""
    return pack_record(seq, 1000 + seq, encode_record(KeysDefined(id=keyset, keys=keys)))


def sections(body: bytes) -> list[tuple[int, memoryview]]:
    """``(kind, data)`` of the sections of a body."""
    frame = read_frame(memoryview(encode_frame(HEADER.seed, 1, 1, body)), 0, HEADER)
    return [(kind, data) for kind, _, data in frame.sections]


def seqs_of(drained) -> list[int]:
    """Sequences of all that was taken, in order."""
    found = [seq for seq, _, _ in drained.records]
    for runs in drained.rows.values():
        found += [slot.seq for slot in slots(memoryview(b"".join(runs)))]
    return sorted(found)


@pytest.fixture
def without_numpy(monkeypatch):
    """A process that has not loaded numpy."""
    monkeypatch.setattr(module, "has_numpy", lambda: False)


@pytest.mark.parametrize("count", [1, 2, 15, 64, 65, 66, 257, 1000, 5000])
def test_equal_rows_are_taken_together(count):
    """Any number of equal rows before a record is taken whole, and nothing of what follows."""
    data = b"".join(row(i, 1, float(i)) for i in range(1, count + 1))
    data += pack_record(count + 1, 5, b"rec") + row(count + 2, 2, 1.0, 2.0)
    got = take(memoryview(data + bytes(500)), 0, 1, most=1 << 20)
    assert (got.first, got.last, got.end) == (1, count + 2, len(data))
    assert seqs_of(got) == list(range(1, count + 3))
    assert set(got.rows) == {1 | 1 << 32, 2 | 2 << 32}


def test_rows_of_alternating_key_sets_are_sorted():
    """Rows of two key sets in turn come out as two runs, each in order."""
    data = b"".join(row(i, 1 + i % 2, *([0.5] * (1 + i % 2))) for i in range(1, 101))
    got = take(memoryview(data), 0, 1)
    assert {k & 0xFF: len(b"".join(runs)) for k, runs in got.rows.items()} == {1: 2400, 2: 2800}
    assert seqs_of(got) == list(range(1, 101))


def test_only_the_expected_sequence_is_taken():
    """A slot that is complete but of another sequence ends the taking."""
    data = memoryview(row(1, 1, 0.5) + row(3, 1, 0.5))
    assert take(data, 0, 1).last == 1
    assert take(data, 0, 2).last == 1


def test_a_piece_has_a_limit():
    """Not much more than the limit is taken at once, and the next piece goes on there."""
    data = memoryview(b"".join(row(i, 1, 0.5) for i in range(1, 1001)))
    at, first, pieces = 0, 1, 0
    while at < len(data):
        got = take(data, at, first, most=4800)
        assert got.end - at <= 4800 + 48
        at, first, pieces = got.end, got.last + 1, pieces + 1
    assert (first, pieces) == (1001, 10)


def test_a_row_wider_than_a_piece_is_taken():
    """One slot is taken whatever its size."""
    got = take(memoryview(row(1, 1, *([0.5] * 100))), 0, 1, most=16)
    assert got.last == 1


def test_fillers_are_not_carried_over():
    """The slot of a call that was interrupted for good is counted and left out."""
    data = memoryview(row(1, 1, 0.5) + pack_filler(2, 7, 64) + row(3, 1, 0.5))
    got = take(data, 0, 1)
    assert (got.last, seqs_of(got)) == (3, [1, 3])


@pytest.mark.parametrize("gap", [8, 48, 4096, 600_000])
def test_what_stands_behind_a_hole_is_found(gap):
    """A call killed half way, or pages of zeros, do not hide the slots behind them."""
    torn = row(2, 1, *([0.25] * 9))[:-8]
    data = memoryview(row(1, 1, 0.5) + torn.ljust(gap, b"\0")[:gap] + row(40, 1, 0.75))
    assert take(data, 0, 1).last == 1
    got = take(data, 0, 1, most=1 << 20, holes=True)
    assert got.last == 40
    assert seqs_of(got) == [1, 40]
    assert after_hole(data, 48, 2) == 48 + gap


def test_a_hole_at_the_end_is_the_end():
    """Behind the last slot nothing is found, whatever stands there."""
    data = memoryview(row(1, 1, 0.5) + row(2, 1, 0.5)[:-8] + bytes(4096))
    assert take(data, 0, 1, holes=True).last == 1


def test_steps_and_key_sets_are_not_taken_for_sequences():
    """The small numbers in a torn row, its step above all, are not mistaken for slots."""
    torn = row(3, 4, *([0.5, 0.0, -1e9] * 9))[:-8]
    assert after_hole(memoryview(torn + bytes(4096)), 0, 1) is None


def test_the_first_sequence_of_a_segment():
    """It is that of the first complete slot; 0 where there is none."""
    assert first_seq(bytes(16) + row(77, 1, 0.5), 0) == 77
    assert first_seq(bytes(64), 0) == 0


def test_many_rows_become_a_block():
    """With numpy loaded, rows of a key set go out by column, their statistics are kept."""
    data = keys_defined(1, 1, "a", "b")
    data += b"".join(row(i, 1, float(i), -float(i)) for i in range(2, 102))
    encoder = Encoder()
    (record, rows) = sections(encoder.body(take(memoryview(data), 0, 1)))
    assert record[0] == Section.RECORD
    assert (rows[0], int.from_bytes(rows[1][:4], "little")) == (Section.BLOCK, 1)
    block = Block(rows[1][4:])
    assert block.seqs().tolist() == list(range(2, 102))
    assert np.array_equal(block.values(), [[float(i), -float(i)] for i in range(2, 102)])
    assert (encoder.stats.keys["a"].n, encoder.stats.keys["b"].min) == (100, -101.0)
    assert encoder.points == 200
    assert encoder.last_value("b") == -101.0
    assert encoder.last_value("c") is None
    assert encoder.last_values() == {"a": 101.0, "b": -101.0}


def test_few_rows_go_out_as_they_lie():
    """Encoding a handful of rows would not pay; they are counted all the same."""
    data = keys_defined(1, 1, "a") + row(2, 1, 0.5)
    encoder = Encoder()
    assert [kind for kind, _ in sections(encoder.body(take(memoryview(data), 0, 1)))] == [
        Section.RECORD,
        Section.ROWS,
    ]
    assert encoder.stats.keys["a"].n == 1


def test_in_a_hurry_rows_go_out_as_they_lie():
    """When much waits nothing is encoded, but statistics go on."""
    data = keys_defined(1, 1, "a") + b"".join(row(i, 1, 0.5) for i in range(2, 102))
    encoder = Encoder()
    found = sections(encoder.body(take(memoryview(data), 0, 1), fast=True))
    assert [kind for kind, _ in found] == [Section.RECORD, Section.ROWS]
    assert encoder.stats.keys["a"].n == 100


def test_without_numpy_rows_are_packed(without_numpy):
    """They come back as they lay, and statistics are left to the readers for good."""
    rows = b"".join(row(i, 1, float(i)) for i in range(2, 102))
    encoder = Encoder()
    found = sections(encoder.body(take(memoryview(keys_defined(1, 1, "a") + rows), 0, 1)))
    assert found[1][0] == Section.PACKED
    assert bytes(decode_packed_section(found[1][1])) == rows
    assert not encoder.counting
    view = memoryview(rows)
    assert [row_of(view, slot)[2][0] for slot in slots(view)] == [float(i) for i in range(2, 102)]


def test_rows_survive_an_encoder_that_fails(monkeypatch):
    """No memory for encoding means rows as they lie, not rows lost; statistics end."""

    def no_memory(*_args):
        raise MemoryError

    monkeypatch.setattr("notabene.journal.block.encode_block", no_memory)
    rows = b"".join(row(i, 1, 0.5) for i in range(2, 102))
    encoder = Encoder()
    found = sections(encoder.body(take(memoryview(keys_defined(1, 1, "a") + rows), 0, 1)))
    assert (found[1][0], bytes(found[1][1])) == (Section.ROWS, rows)
    assert not encoder.counting


def test_numpy_that_is_being_imported_is_not_waited_for(monkeypatch):
    """Half an import in another thread does not count as numpy being there."""
    assert has_numpy()
    half = types.ModuleType("numpy")
    half.__spec__ = types.SimpleNamespace(_initializing=True)
    monkeypatch.setitem(sys.modules, "numpy", half)
    assert not has_numpy()
    monkeypatch.delitem(sys.modules, "numpy")
    assert not has_numpy()


def test_key_sets_can_be_told():
    """Recovery tells what the journal had named."""
    encoder = Encoder(counting=False)
    assert not encoder.knows(3)
    encoder.know(3, ("a",))
    assert encoder.knows(3)
    encoder.body(take(memoryview(row(9, 3, 0.5)), 0, 9))
    assert encoder.last_value("a") == 0.5
    assert not encoder.stats.changed()
