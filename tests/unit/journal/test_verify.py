"""Looking through journals: what is there, what is not, and where it is damaged."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from notabene.errors import FormatError
from notabene.journal.block import encode_block
from notabene.journal.segment import (
    FORMAT,
    MAGIC,
    Section,
    encode_packed_section,
    encode_section,
)
from notabene.journal.verify import records, verify
from tests.unit.journal.journals import filler, names, note, row, ten_rows, write


def test_a_good_journal(tmp_path):
    """Everything is counted, nothing is missing, and the sentence says so."""
    path = tmp_path / "w1.journal"
    ten_rows(path)
    found = verify(path)
    assert found.good
    assert (found.kind, found.run, found.size) == ("run", "run1", path.stat().st_size)
    assert (found.frames, found.records, found.rows, found.points) == (6, 1, 50, 50)
    assert (found.ranges, found.holes, found.damage) == ({"w1": ((1, 51),)}, {}, None)
    assert found.sentence() == (f"{path}: good; 6 frames with 1 records and 50 points in 50 rows")


def test_missing_sequences_are_named(tmp_path):
    """A frame that is not there leaves a hole, even if every byte verifies."""
    path = tmp_path / "w1.journal"
    write(path, (1, 3, note(3, "x")), (8, 9, note(9, "y")), (4, 5, b""), (2, 3, b""))
    found = verify(path)
    assert not found.good
    assert found.ranges == {"w1": ((1, 5), (8, 9))}
    assert found.holes == {"w1": ((6, 7),)}
    assert "the sequences 6 to 7 of w1 are missing" in found.sentence()


def test_damage_is_named_with_what_is_behind(tmp_path):
    """The first bad frame's place, what verifies before it, and how much behind it."""
    path = tmp_path / "w1.journal"
    at = ten_rows(path)
    data = bytearray(path.read_bytes())
    data[at[2] + 200] ^= 8
    path.write_bytes(data)
    found = verify(path)
    assert not found.good
    assert (found.damage.offset, found.damage.torn) == (at[2], False)
    assert (found.frames, found.rows, found.beyond) == (2, 10, 3)
    assert f"damaged at byte {at[2]:,} (the checksum of this frame is wrong)" in found.sentence()


def test_a_torn_end_is_named(tmp_path):
    """An end that was not finished is told apart from damage."""
    path = tmp_path / "w1.journal"
    at = ten_rows(path)
    path.write_bytes(path.read_bytes()[:-5])
    found = verify(path)
    assert (found.good, found.damage.offset, found.damage.torn) == (False, at[-1], True)


@pytest.mark.parametrize("cut", [0, 5, 40])
def test_half_a_header(tmp_path, cut):
    """A file that was killed at its first bytes is unfinished from byte 0."""
    path = tmp_path / "w1.journal"
    ten_rows(path)
    path.write_bytes(path.read_bytes()[:cut])
    found = verify(path)
    assert (found.damage.offset, found.damage.torn, found.frames) == (0, True, 0)


def test_a_damaged_header(tmp_path):
    """A wrong byte in the header is damage at byte 0; another file is none of ours at all."""
    path = tmp_path / "w1.journal"
    ten_rows(path)
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(data)
    found = verify(path)
    assert (found.good, found.damage.offset, found.damage.torn) == (False, 0, False)
    path.write_bytes(b"PK\3\4")
    assert "no journal" in verify(path).damage.reason


def test_a_newer_format_is_no_damage(tmp_path):
    """What only a newer version can read is not called damaged."""
    path = tmp_path / "w1.journal"
    path.write_bytes(struct.pack("<8sHHI", MAGIC, FORMAT + 1, 0, 0) + bytes(20))
    with pytest.raises(FormatError, match="format"):
        verify(path)


def test_records_are_listed(tmp_path):
    """Records come as plain mappings with their identity; rows only where they are asked for."""
    path = tmp_path / "w1.journal"
    axis = np.arange(2)
    block = encode_block(1, axis, axis + 5, axis + 3, np.array([[0.5], [np.inf]]))
    body = encode_section(Section.BLOCK, (1).to_bytes(4, "little") + block)
    write(
        path,
        (1, 2, names(1, "a") + filler(2)),
        (3, 4, body),
        (5, 5, encode_packed_section(row(5, 1.5), 48)),
        (6, 6, encode_section(Section.ROWS, row(6, 2.5, keyset=9))),
        (7, 7, note(7, "x")),
    )
    stamp = {"writer": "w1", "run": "run1"}
    assert list(records(path)) == [
        {**stamp, "seq": 1, "time": 1001, "record": "keys-defined",
         "data": {"id": 1, "keys": ("a",)}},
        {**stamp, "seq": 7, "time": 1007, "record": "note-written",
         "data": {"id": "n", "text": "x"}},
    ]  # fmt: skip
    rows = [r for r in records(path, points=True) if "values" in r]
    assert rows == [
        {**stamp, "seq": 3, "time": 5, "step": 0, "values": {"a": 0.5}},
        {**stamp, "seq": 4, "time": 6, "step": 1, "values": {"a": float("inf")}},
        {**stamp, "seq": 5, "time": 1005, "step": 5, "values": {"a": 1.5}},
        {**stamp, "seq": 6, "time": 1006, "step": 6, "values": {"0": 2.5}},
    ]
