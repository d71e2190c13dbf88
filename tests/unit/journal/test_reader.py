"""Reading a journal: complete frames only, from any place, while it is being written."""

from __future__ import annotations

import builtins
import errno
import os

import numpy as np
import pytest

from notabene.errors import FormatError
from notabene.journal.block import encode_block
from notabene.journal.reader import JournalReader, slots_of
from notabene.journal.rows import slots
from notabene.journal.segment import (
    Header,
    Section,
    encode_about_section,
    encode_frame,
    encode_header,
    encode_packed_section,
    encode_section,
)
from notabene.model.records import KeysDefined, NoteWritten, RunDeleted, Unknown, encode_record
from tests.unit.journal.journals import filler, names, note, row, ten_rows, write


def seqs(batches):
    """Sequences of the rows in batches."""
    return [s.seq for b in batches for p in b.points for s in slots(slots_of(p))]


def test_records_and_rows_are_read(tmp_path):
    """Entries come with their identity and time, rows with the names of their key sets."""
    path = tmp_path / "w1.journal"
    rows = encode_section(Section.ROWS, row(3, 0.5, 1.5))
    write(path, (1, 2, names(1, "a", "b") + note(2, "x")), (3, 3, rows), ranks=(3,))
    first, second = JournalReader(path).all()
    assert (first.run, first.writer, first.first, first.last) == ("run1", "w1", 1, 2)
    assert [(e.writer, e.seq, e.time, e.run) for e in first.entries] == [
        ("w1", 1, 1001, "run1"), ("w1", 2, 1002, "run1"),
    ]  # fmt: skip
    assert first.entries[1].record == NoteWritten(id="n", text="x")
    (points,) = second.points
    assert (points.encoding, points.rank, points.file) == ("rows", 3, "w1.journal")
    assert second.keysets == {1: ("a", "b")}
    data = path.read_bytes()
    assert data[points.offset : points.offset + len(points.data)] == points.data


def test_blocks_packed_rows_and_pyramids_are_read(tmp_path):
    """All encodings are told apart, with their places; a pyramid belongs to the block before."""
    path = tmp_path / "w1.journal"
    axis = np.arange(5)
    block = encode_block(1, axis, axis, axis + 2, np.ones((5, 1)))
    body = encode_section(Section.BLOCK, (1).to_bytes(4, "little") + block)
    body += encode_section(Section.PYRAMID, b"pyramid") + encode_section(200, b"of the future")
    packed = row(7, 0.5) + row(8, 0.5)
    write(path, (1, 1, names(1, "a")), (2, 6, body), (7, 8, encode_packed_section(packed, 48)))
    _, second, third = JournalReader(path).all()
    (points,) = second.points
    assert (points.encoding, points.keyset, points.keys) == ("block", 1, ("a",))
    assert (points.data, points.pyramid) == (block, b"pyramid")
    data = path.read_bytes()
    assert data[points.offset :].startswith(block)
    assert data[points.pyramid_at :].startswith(b"pyramid")
    assert third.points[0].encoding == "packed"
    assert bytes(slots_of(third.points[0])) == packed


def test_edits_name_their_runs(tmp_path):
    """Records of a desk journal are about the run that each names."""
    body = encode_about_section(1, 5, "run7", encode_record(RunDeleted()))
    path = tmp_path / "w1.journal"
    write(path, (1, 1, body))
    (batch,) = JournalReader(path).all()
    assert [(e.run, e.record) for e in batch.entries] == [("run7", RunDeleted())]


def test_what_is_not_known_is_kept_or_left_out(tmp_path):
    """Unknown records are kept as they are; fillers are left out."""
    odd = b"\x81\xa6record\xa6future"
    path = tmp_path / "w1.journal"
    section = note(1, "x")
    unknown = encode_section(Section.RECORD, section[5:21] + odd)
    write(path, (1, 3, unknown + filler(2) + note(3, "y")))
    (batch,) = JournalReader(path).all()
    assert [e.seq for e in batch.entries] == [1, 3]
    assert batch.entries[0].record == Unknown(odd)


def test_repeated_key_sets_are_no_records(tmp_path):
    """A frame that covers nothing gives names and nothing else."""
    path = tmp_path / "w1.journal"
    rows = encode_section(Section.ROWS, row(9, 0.5))
    write(path, (9, 8, names(8, "a")), (9, 9, rows))
    first, second = JournalReader(path).all()
    assert first.entries == ()
    assert second.keysets == {1: ("a",)}


def test_reading_goes_on_where_it_ended(tmp_path):
    """From a saved position, with the key sets known by then, the rest is read and no more."""
    path = tmp_path / "w1.journal"
    ten_rows(path)
    reader = JournalReader(path)
    begun = reader.read(most=1500)
    assert 0 < len(seqs(begun)) < 50
    later = JournalReader(path, start=reader.position, keysets=reader.keysets)
    rest = later.all()
    assert seqs(begun) + seqs(rest) == list(range(2, 52))
    assert rest[-1].keysets == {1: ("a",)}
    assert later.read() == []
    assert later.damage is None


def test_a_frame_larger_than_a_piece_is_read(tmp_path):
    """Reading in small pieces finds frames of any size."""
    path = tmp_path / "w1.journal"
    note_of = note(1, "x" * 50_000)
    write(path, (1, 1, note_of), (2, 2, note(2, "y")))
    reader = JournalReader(path)
    found = []
    while batches := reader.read(most=100):
        found += [e.seq for b in batches for e in b.entries]
    assert found == [1, 2]


def test_a_writer_at_work_is_waited_for(tmp_path):
    """What is half written is not read, and is read once it is whole."""
    whole, path = tmp_path / "whole.journal", tmp_path / "w1.journal"
    ten_rows(whole)
    data = whole.read_bytes()
    reader, found = JournalReader(path), []
    path.write_bytes(b"")
    for at in range(0, len(data), 61):
        with open(path, "ab") as file:
            file.write(data[at : at + 61])
        found += seqs(reader.read())
        assert reader.damage is None or reader.damage.torn
    assert found == list(range(2, 52))


def test_a_torn_end_is_told(tmp_path):
    """At the end the place of what is unfinished is given, and that it looks unfinished."""
    path = tmp_path / "w1.journal"
    at = ten_rows(path)
    data = path.read_bytes()
    path.write_bytes(data[:-9])
    reader = JournalReader(path)
    assert seqs(reader.all()) == list(range(2, 42))
    assert (reader.damage.offset, reader.damage.torn) == (at[-1], True)


@pytest.mark.parametrize("most", [300, 1 << 20])
def test_damage_in_the_middle_is_named(tmp_path, most):
    """What stands before it is given, then the place, however large the pieces are."""
    path = tmp_path / "w1.journal"
    at = ten_rows(path)
    data = bytearray(path.read_bytes())
    data[at[3] + 100] ^= 1
    path.write_bytes(data)
    reader, found = JournalReader(path), []
    while batches := reader.read(most):
        found += seqs(batches)
    assert found == list(range(2, 22))
    assert (reader.damage.offset, reader.damage.torn) == (at[3], False)
    assert "checksum" in reader.damage.reason


def test_a_damaged_length_is_not_waited_for(tmp_path):
    """A length that reaches beyond the end is damage when good frames follow, not a writer."""
    path = tmp_path / "w1.journal"
    at = ten_rows(path)
    data = bytearray(path.read_bytes())
    data[at[3] + 6] ^= 0x40  # four mebibytes more
    path.write_bytes(data)
    reader = JournalReader(path)
    assert seqs(reader.all()) == list(range(2, 22))
    assert (reader.damage.offset, reader.damage.torn) == (at[3], False)


def test_a_file_shorter_than_the_position_is_read_again(tmp_path):
    """After a backup was put back reading begins anew."""
    path = tmp_path / "w1.journal"
    ten_rows(path)
    reader = JournalReader(path)
    reader.all()
    saved = reader.position
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert seqs(reader.all())[:3] == [2, 3, 4]
    again = JournalReader(path, start=saved)
    assert seqs(again.all())[:3] == [2, 3, 4]


def test_a_stale_handle_is_opened_again(tmp_path, monkeypatch):
    """Once the server of a network file system forgot the file, the path still leads there."""
    path = tmp_path / "w1.journal"
    ten_rows(path)
    real, left = builtins.open, [1]

    def stale(name, *args, **kwargs):
        if name == path and left[0]:
            left[0] -= 1
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", stale)
    reader = JournalReader(path)
    assert len(seqs(reader.all())) == 50
    left[0] = 2
    with pytest.raises(OSError, match=r"[Ss]tale"):
        reader.read()


def test_other_files_are_refused(tmp_path):
    """A file that is no journal, or not there, is an error and no empty journal."""
    path = tmp_path / "w1.journal"
    path.write_bytes(b"something else entirely")
    with pytest.raises(FormatError):
        JournalReader(path).read()
    with pytest.raises(FileNotFoundError):
        JournalReader(tmp_path / "missing").read()


def test_several_writers_have_their_own_ranks_and_names(tmp_path):
    """In a sealed file each frame is of the writer it names, key sets included."""
    head = Header(file_id=b"i", kind="sealed", writers=("w1", "w2"), ranks=(0, 5), run="r")
    rows = encode_section(Section.ROWS, row(2, 0.5))
    data = encode_header(head)
    data += encode_frame(head.seed, 1, 1, names(1, "a"), 0)
    data += encode_frame(head.seed, 1, 1, names(1, "b"), 1)
    data += encode_frame(head.seed, 2, 2, rows, 1) + encode_frame(head.seed, 2, 2, rows, 0)
    path = tmp_path / "sealed"
    path.write_bytes(data)
    batches = JournalReader(path).all()
    assert [(b.writer, b.keysets) for b in batches[2:]] == [
        ("w2", {1: ("b",)}), ("w1", {1: ("a",)}),
    ]  # fmt: skip
    assert [b.points[0].rank for b in batches[2:]] == [5, 0]
    assert [e.record for b in batches for e in b.entries] == [
        KeysDefined(id=1, keys=("a",)), KeysDefined(id=1, keys=("b",)),
    ]  # fmt: skip
