"""The file format: headers, frames, sections, and where reading stops."""

from __future__ import annotations

import struct
import zlib

import pytest

from notabene.errors import FormatError
from notabene.journal.segment import (
    FORMAT,
    FRAME_MAGIC,
    HEADER_PIECE,
    MAGIC,
    MAX_BODY,
    Damage,
    Frame,
    Header,
    Section,
    decode_about_section,
    decode_header,
    decode_packed_section,
    decode_record_section,
    encode_about_section,
    encode_frame,
    encode_header,
    encode_packed_section,
    encode_record_section,
    encode_section,
    find_frame,
    frames,
    read_frame,
    read_header,
)

HEADER = Header(file_id=b"0123456789abcdef", kind="run", writers=("w1", "w2"), run="r")


def frame(first: int = 1, last: int = 1, body: bytes = b"", writer: int = 0) -> bytes:
    """A frame of the header's file."""
    return encode_frame(HEADER.seed, first, last, body, writer)


def test_a_header_comes_back():
    """Header and the place of the first frame are read from what was written."""
    data = encode_header(HEADER)
    assert decode_header(data + b"more") == (HEADER, len(data))


def test_half_a_header_is_being_written():
    """Every beginning of a header is an unfinished one, not a damaged one."""
    data = encode_header(HEADER)
    for cut in range(len(data)):
        with pytest.raises(EOFError):
            decode_header(data[:cut])


def test_a_wrong_byte_in_a_header_is_found():
    """No flip in a header goes unnoticed, and none is taken for good."""
    data = encode_header(HEADER)
    for at in range(len(data)):
        wrong = bytearray(data + bytes(100))
        wrong[at] ^= 0x20
        with pytest.raises((FormatError, EOFError)):
            decode_header(bytes(wrong))


@pytest.mark.parametrize("data", [b"PK\3\4 some other file", b"x", b"nota bene is no journal"])
def test_other_files_are_no_journals(data):
    """A file that does not begin like a journal is said to be none."""
    with pytest.raises(FormatError, match="no journal"):
        decode_header(data)


def test_a_newer_format_is_named():
    """A journal of a newer format is refused, with what to do."""
    data = struct.pack("<8sHHI", MAGIC, FORMAT + 1, 0, 0) + bytes(20)
    with pytest.raises(FormatError, match=f"format {FORMAT + 1}") as caught:
        decode_header(data)
    assert "upgrade" in caught.value.hint


def test_a_long_header_is_read(tmp_path):
    """A sealed file of thousands of writers has a header longer than one piece."""
    header = Header(file_id=b"x", kind="sealed", writers=tuple(f"writer-{i}" for i in range(5000)))
    data = encode_header(header)
    assert len(data) > HEADER_PIECE
    path = tmp_path / "sealed"
    path.write_bytes(data)
    assert read_header(path) == (header, len(data))
    path.write_bytes(data[:-1])
    with pytest.raises(EOFError):
        read_header(path)


def test_frames_come_back_with_their_places():
    """Ranges, writers, sections and offsets are those that were written."""
    body = encode_section(Section.ROWS, b"abc") + encode_section(99, b"")
    data = memoryview(frame(1, 5, body) + frame(6, 5, b"", writer=1))
    first, second = frames(data, HEADER, 100, 100)
    assert (first.offset, first.size, first.writer, first.first, first.last) == (
        100, len(data) - second.size, "w1", 1, 5,
    )  # fmt: skip
    assert [(k, bytes(d)) for k, _, d in first.sections] == [(Section.ROWS, b"abc"), (99, b"")]
    (_, at, _), _ = first.sections
    assert bytes(data[at - 100 : at - 97]) == b"abc"
    assert (second.offset, second.writer, second.sections) == (100 + first.size, "w2", ())
    assert read_frame(data, len(data), HEADER) is None


def test_a_frame_of_another_file_does_not_verify():
    """Bytes of an older file in the same place have another seed."""
    other = Header(file_id=b"another", kind="run", writers=("w1",))
    found = read_frame(memoryview(frame()), 0, other)
    assert isinstance(found, Damage)


def test_half_a_frame_is_torn():
    """Every beginning of a frame looks like a write that did not finish."""
    data = frame(1, 5, encode_section(Section.ROWS, b"abcdef"))
    for cut in range(1, len(data)):
        for rest in (b"", bytes(len(data) - cut)):
            found = read_frame(memoryview(data[:cut] + rest), 0, HEADER)
            if data[:cut] + rest == data:
                continue
            assert isinstance(found, Damage)
            assert found.torn, (cut, found)


def test_zeros_at_the_end_are_torn():
    """A file that got its length but not its bytes ends there."""
    found = list(frames(memoryview(frame() + bytes(5000)), HEADER, 0))
    assert isinstance(found[0], Frame)
    assert (found[1].reason, found[1].torn) == ("zero bytes to the end", True)


def test_wrong_bytes_in_the_middle_are_damage():
    """What verifies before is given, then the place, then no more."""
    good, bad = frame(1, 1, b"\x02\1\0\0\0x"), bytearray(frame(2, 2, b"\x02\1\0\0\0y"))
    bad[-6] ^= 1
    found = list(frames(memoryview(good + bytes(bad) + good), HEADER, 0))
    assert [type(f) for f in found] == [Frame, Damage]
    assert (found[1].offset, found[1].torn) == (len(good), False)
    assert found[1].size == len(bad) + len(good)


@pytest.mark.parametrize(
    "head",
    [
        struct.pack("<4sIHHQQ", FRAME_MAGIC, MAX_BODY + 1, 0, 0, 1, 1),
        struct.pack("<4sIHHQQ", FRAME_MAGIC, 4, 2, 0, 1, 1),
    ],
    ids=["too long", "no such writer"],
)
def test_a_head_that_cannot_be_is_damage(head):
    """A length or a writer that no journal has is not waited for."""
    found = read_frame(memoryview(head + bytes(200)), 0, HEADER)
    assert isinstance(found, Damage)
    assert not found.torn


def test_frames_behind_damage_are_found():
    """The next frame that verifies is found, also where its magic stands in other data."""
    data = FRAME_MAGIC * 3 + b"junk" + frame(7, 7)
    assert find_frame(memoryview(data), 0, HEADER) == 16
    assert find_frame(memoryview(data), 17, HEADER) is None


def test_a_body_has_a_limit():
    """A frame that no reader would take is not written."""
    with pytest.raises(FormatError, match="more than"):
        encode_frame(0, 1, 1, bytes(MAX_BODY + 1))


def test_sections_come_back():
    """Records and edits are read as they were written."""
    ((_, _, data),) = read_frame(
        memoryview(frame(1, 1, encode_record_section(5, -6, b"x"))), 0, HEADER
    ).sections
    assert (*decode_record_section(data)[:2], bytes(decode_record_section(data)[2])) == (
        5,
        -6,
        b"x",
    )
    body = encode_about_section(5, 6, "rün", b"payload")
    ((_, _, data),) = read_frame(memoryview(frame(1, 1, body)), 0, HEADER).sections
    seq, time, run, payload = decode_about_section(data)
    assert (seq, time, run, bytes(payload)) == (5, 6, "rün", b"payload")


def test_packed_rows_come_back():
    """Rows transposed and compressed are the rows."""
    rows = bytes(range(240)) * 3
    section = encode_packed_section(rows, 48)
    assert bytes(decode_packed_section(memoryview(section)[5:])) == rows


@pytest.mark.parametrize("head", [(0, 48), (48, 47), (48, 1 << 31)])
def test_packed_rows_that_cannot_be_are_refused(head):
    """Widths and sizes that no writer writes do not cost memory."""
    with pytest.raises(FormatError, match="damaged"):
        decode_packed_section(memoryview(struct.pack("<II", *head) + b"rest"))


def test_the_seed_is_that_of_the_file():
    """The published rule: the checksum of a frame begins at that of the file's id."""
    assert HEADER.seed == zlib.crc32(HEADER.file_id)
