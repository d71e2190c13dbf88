"""Journals for the tests of what reads them."""

from __future__ import annotations

from pathlib import Path

from notabene.journal.file import JournalFile
from notabene.journal.rows import pack_filler, row_struct
from notabene.journal.segment import (
    Header,
    Section,
    encode_record_section,
    encode_section,
)
from notabene.model.records import KeysDefined, NoteWritten, encode_record


def header(writer: str = "w1", **fields) -> Header:
    """The header of a run's journal."""
    return Header(file_id=b"", kind="run", writers=(writer,), run="run1", **fields)


def row(seq: int, *values: float, keyset: int = 1, step: int | None = None) -> bytes:
    """A row slot; its step and time follow from its sequence."""
    step = seq if step is None else step
    count = len(values)
    return row_struct(count).pack(seq, keyset | count << 32, step, 1000 + seq, *values, seq)


def note(seq: int, text: str) -> bytes:
    """A section with a note."""
    return encode_record_section(seq, 1000 + seq, encode_record(NoteWritten(id="n", text=text)))


def names(seq: int, *keys: str, keyset: int = 1) -> bytes:
    """A section that names a key set."""
    return encode_record_section(seq, 1000 + seq, encode_record(KeysDefined(id=keyset, keys=keys)))


def filler(seq: int) -> bytes:
    """A section with the record of an interrupted call, as older writers may have left it."""
    return encode_record_section(seq, 1000 + seq, bytes(pack_filler(seq, 0, 64)[24:56]))


def write(path: Path, *bodies: tuple[int, int, bytes], **fields) -> list[int]:
    """A journal with these frames, ``(first, last, body)`` each; returns where each begins."""
    writer = path.name.split(".")[0]
    file = JournalFile(path, header(writer, **fields), [path.parent])
    at = []
    for first, last, body in bodies:
        at.append(path.stat().st_size)
        file.append(first, last, body)
    file.close()
    return at


def ten_rows(path: Path, *, frames: int = 5, **fields) -> list[int]:
    """A journal of a key set and ten rows in each of so many frames."""
    bodies = [(1, 1, names(1, "a"))]
    for n in range(frames):
        first = 2 + 10 * n
        rows = b"".join(row(seq, seq / 2) for seq in range(first, first + 10))
        bodies.append((first, first + 9, encode_section(Section.ROWS, rows)))
    return write(path, *bodies, **fields)
