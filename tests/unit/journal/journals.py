"""Journals for the tests of what reads them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from notabene.journal.file import JournalFile
from notabene.journal.reader import JournalReader
from notabene.journal.rows import pack_filler, row_struct
from notabene.journal.segment import (
    Header,
    Section,
    encode_record_section,
    encode_section,
)
from notabene.journal.verify import rows_of
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


def found_in(folder):
    """``(entries, rows)`` of all journals in a folder: rows as ``(seq, step, {key: value})``."""
    entries, rows = [], []
    for path in sorted(folder.glob("*.journal")):
        reader = JournalReader(path)
        for batch in reader.all():
            entries += batch.entries
            for points in batch.points:
                for seq, keys, step, _, values in rows_of(points, batch):
                    rows.append((seq, step, dict(zip(keys, values, strict=True))))
        assert reader.damage is None
    return entries, sorted(rows)


def records_of(folder, kind):
    """Records of one type in the journals."""
    return [e.record for e in found_in(folder)[0] if isinstance(e.record, kind)]


def failing(monkeypatch, number, *, name="write", upto=10**9):
    """Make a call about journals fail; returns a list whose first item switches that off."""
    real, left = getattr(os, name), [upto]

    def call(fd, *args):
        path = os.readlink(f"/proc/self/fd/{fd}")
        if left[0] and path.endswith(".journal"):
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        return real(fd, *args)

    monkeypatch.setattr(os, name, call)
    return left


def until(what, seconds=10):
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)
