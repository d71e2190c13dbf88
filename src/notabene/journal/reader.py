"""Read a journal from a position: complete frames only, no lock, the live tail included."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from notabene.journal.rows import FILLER
from notabene.journal.segment import (
    Damage,
    Frame,
    Header,
    Section,
    decode_about_section,
    decode_packed_section,
    decode_record_section,
    find_frame,
    frames,
    read_header_of,
)
from notabene.model.records import Entry, KeysDefined, decode_record

CHUNK = 8 << 20
Keysets = dict[str, dict[int, tuple[str, ...]]]
"""For each writer the keys of its key sets."""


class Points(msgspec.Struct, frozen=True):
    """Rows of one key set (``block``), or of any key sets (``rows``), as one frame holds them.

    Attributes:
        writer: Id of the writer.
        rank: Rank of the writer.
        first: First sequence of the frame it came in.
        last: Last sequence of that frame. The rows' own sequences are in the data.
        keyset: Id of the key set; 0 for ``rows``, whose slots bear their own.
        keys: Names of its columns; empty for ``rows``.
        encoding: ``block`` for :class:`notabene.journal.block.Block`, ``rows`` for slots of
            :mod:`notabene.journal.rows`, ``packed`` for slots inside a PACKED section.
        data: The encoded bytes.
        file: Name of the file in the run's folder, or empty where the data is in memory only.
        offset: Where ``data`` begins in that file.
        pyramid: The section that follows with statistics per bucket; empty where none does.
        pyramid_at: Where that begins in the file.
    """

    writer: str
    rank: int
    first: int
    last: int
    keyset: int
    keys: tuple[str, ...]
    encoding: Literal["block", "rows", "packed"]
    data: bytes
    file: str = ""
    offset: int = 0
    pyramid: bytes = b""
    pyramid_at: int = 0


class Batch(msgspec.Struct, frozen=True):
    """What one frame holds; the unit that stores apply.

    Attributes:
        run: The run; empty for frames of a desk journal, whose entries name their own.
        writer: Id of the writer.
        first: First sequence covered.
        last: Last sequence covered; ``first - 1`` when none is.
        entries: Typed records in order.
        points: Rows.
        keysets: Names of the key sets that ``rows`` in this batch refer to.
    """

    run: str
    writer: str
    first: int
    last: int
    entries: tuple[Entry, ...] = ()
    points: tuple[Points, ...] = ()
    keysets: dict[int, tuple[str, ...]] = {}


class JournalReader:
    """Reads one file from a byte position on.

    Args:
        path: The journal.
        start: Where to begin; 0 for the beginning.
        keysets: Key sets defined before ``start``, by writer; filled further while reading.

    A position beyond the end of the file (a backup was put back) means from the start: that
    a frame was read before is known by its writer and sequences, not by its place.

    Attributes:
        position: Offset of the next byte to read; save it to go on from there later.
        damage: What stopped the reading, or None; cleared by the next :meth:`read`. A torn end
            is what a writer at work looks like: wait. Otherwise the bytes are damaged.

    Raises:
        FormatError: It is no journal, or of a newer format.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path, *, start: int = 0, keysets: Keysets | None = None) -> None:
        self.path = path
        self.position = start
        self.keysets: Keysets = {} if keysets is None else keysets
        self.damage: Damage | None = None
        self.header: Header | None = None

    def read(self, most: int = CHUNK) -> list[Batch]:
        """The next frames, about ``most`` bytes of them; an empty list at the end."""
        try:
            found = self._read(most)
        except OSError as error:
            # The server of a network file system forgot the handle: the path still leads there.
            if error.errno != errno.ESTALE:
                raise
            found = self._read(most)
        return [self._batch(frame) for frame in found]

    def _read(self, most: int) -> list[Frame]:
        self.damage = None
        with open(self.path, "rb") as file:
            size = file.seek(0, 2)
            if size < self.position:
                self.position = 0
            file.seek(0)
            if not self._read_header(file):
                return []
            file.seek(self.position)
            data = file.read(most)
            found, damage = self._frames(data)
            # A frame larger than the piece that was read looks torn: read more of the file.
            while not found and damage is not None and damage.torn:
                more = file.read(max(most, CHUNK))
                if not more:
                    damage = self._settle(damage, data)
                    break
                data += more
                found, damage = self._frames(data)
        if found:
            self.position = found[-1].offset + found[-1].size
            # What is torn at the end of a piece is looked at anew with the next one.
            damage = None if damage is not None and damage.torn else damage
        self.damage = damage
        return found

    def _settle(self, damage: Damage, data: bytes) -> Damage:
        """Tell a writer at work from a damaged length: behind that, good frames may follow."""
        assert self.header is not None
        if find_frame(memoryview(data), 1, self.header, self.position) is None:
            return damage
        return msgspec.structs.replace(damage, torn=False)

    def all(self) -> list[Batch]:
        """All that is left, up to the end or the damage."""
        batches: list[Batch] = []
        while more := self.read():
            batches += more
        return batches

    def _read_header(self, file: BinaryIO) -> bool:
        if self.header is None or self.position == 0:
            try:
                self.header, begin = read_header_of(file)
            except EOFError:
                self.damage = Damage(0, "an unfinished header", file.tell(), torn=True)
                return False
            self.position = max(self.position, begin)
        return True

    def _frames(self, data: bytes) -> tuple[list[Frame], Damage | None]:
        assert self.header is not None
        found: list[Frame] = []
        for item in frames(memoryview(data), self.header, self.position, self.position):
            if isinstance(item, Damage):
                return found, item
            found.append(item)
        return found, None

    def _batch(self, frame: Frame) -> Batch:
        assert self.header is not None
        rank = dict(zip(self.header.writers, self.header.ranks, strict=False)).get(frame.writer, 0)
        return decode_frame(frame, self.header.run, rank, self.keysets, self.path.name)


def decode_frame(frame: Frame, run: str, rank: int, keysets: Keysets, file: str) -> Batch:
    """Turn a frame into a batch; learns the key sets that it defines."""
    names = keysets.setdefault(frame.writer, {})
    entries: list[Entry] = []
    points: list[Points] = []
    rows = False
    for kind, offset, data in frame.sections:
        if kind == Section.RECORD:
            seq, time, payload = decode_record_section(data)
            if payload[:1] == FILLER:
                continue
            record = decode_record(payload)
            if isinstance(record, KeysDefined):
                names[record.id] = record.keys
            # A frame that covers nothing repeats key sets, so that its file can be read alone.
            if frame.first <= seq <= frame.last:
                entries.append(Entry(frame.writer, seq, time, record, run))
        elif kind == Section.ABOUT:
            seq, time, about, payload = decode_about_section(data)
            entries.append(Entry(frame.writer, seq, time, decode_record(payload), about))
        elif kind == Section.BLOCK:
            keyset = int.from_bytes(data[:4], "little")
            points.append(
                Points(
                    frame.writer,
                    rank,
                    frame.first,
                    frame.last,
                    keyset,
                    names.get(keyset, ()),
                    "block",
                    bytes(data[4:]),
                    file,
                    offset + 4,
                )
            )
        elif kind == Section.PYRAMID and points:
            points[-1] = msgspec.structs.replace(points[-1], pyramid=bytes(data), pyramid_at=offset)
        elif kind in (Section.ROWS, Section.PACKED):
            rows = True
            encoding: Literal["rows", "packed"] = "rows" if kind == Section.ROWS else "packed"
            points.append(
                Points(
                    frame.writer,
                    rank,
                    frame.first,
                    frame.last,
                    0,
                    (),
                    encoding,
                    bytes(data),
                    file,
                    offset,
                )
            )
    return Batch(
        run,
        frame.writer,
        frame.first,
        frame.last,
        tuple(entries),
        tuple(points),
        dict(names) if rows else {},
    )


def slots_of(points: Points) -> memoryview:
    """The row slots of points whose encoding is ``rows`` or ``packed``."""
    data = memoryview(points.data)
    return data if points.encoding == "rows" else decode_packed_section(data)
