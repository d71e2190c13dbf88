"""The file format of journals: header, frames, sections; checksums; the torn tail.

All numbers are little-endian. The format is published in docs/reference/journal-format.md.

    file    = header frame*
    header  = magic[8] "notabene" · u16 format · u16 0 · u32 n · meta[n] (MessagePack map) · u32 crc
    frame   = magic[4] · u32 n · u16 writer · u16 0 · u64 first · u64 last · body[n] · u32 crc
    body    = section*
    section = u8 kind · u32 n · data[n]

The checksum is CRC-32 (zlib) of everything before it in the header or frame; in frames it
is seeded with the file's own 16-byte id, so that bytes of another file, an older file in
the same place, or zeroed pages never verify. ``first`` and ``last`` are the closed range of
sequence numbers that the frame covers; a frame that covers none has ``last = first - 1``.
``writer`` is an index into the header's ``writers`` (0, the only one, except in sealed files).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from notabene.errors import FormatError

FORMAT = 1
MAGIC = b"notabene"
FRAME_MAGIC = b"\xf5nbF"
MAX_BODY = 16 << 20
"""A frame whose length says more than this is damage, not data."""

BLOCK_BYTES = 512 << 10
"""Writers cut frames so that a body stays at or below this where it can be cut."""

HEADER_PIECE = 16 << 10

_FILE = struct.Struct("<8sHHI")
_FRAME = struct.Struct("<4sIHHQQ")
_SECTION = struct.Struct("<BI")
_CRC = struct.Struct("<I")
_STAMP = struct.Struct("<Qq")
_SHORT = struct.Struct("<H")
_PACKED = struct.Struct("<II")
MAX_ROWS = 64 << 20

FRAME_OVERHEAD = _FRAME.size + _CRC.size


class Section(IntEnum):
    """Kinds of sections. Readers skip kinds they do not know."""

    RECORD = 1
    """u64 sequence, i64 time, then the MessagePack of one record."""
    ROWS = 2
    """Rows as they lay in the ring: see :mod:`notabene.journal.rows`."""
    BLOCK = 3
    """u32 id of the key set, then rows of it by column: see :mod:`notabene.journal.block`."""
    PYRAMID = 4
    """Statistics per bucket of steps for the block before it: see :mod:`notabene.store.pyramid`."""
    ABOUT = 5
    """A record of a desk journal: u64 sequence, i64 time, u16 n, run id (n bytes), MessagePack."""
    PACKED = 6
    """Rows of one width: u32 bytes of a row, u32 n, then zstandard of the n bytes of the rows,
    transposed so that the k-th bytes of all rows stand together. Needs no numpy to write."""


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the header of a journal says about its file."""

    file_id: bytes
    kind: Literal["run", "desk", "sealed", "recovered"]
    writers: tuple[str, ...]
    ranks: tuple[int, ...] = (0,)
    """Rank of each writer."""
    run: str = ""
    host: str = ""
    boot: str = ""
    pid: int = 0
    pid_start: int = 0
    wall: int = 0
    """Wall clock at creation, µs."""
    monotonic: int = 0
    """Monotonic clock at creation, µs."""
    ring: str = ""
    """Folder of the writer's ring, for recovery on the same machine; ``.`` is the journal's."""
    replaces: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = ()
    """Sealed files: for each writer the closed ranges of sequences that stand here."""
    version: str = ""

    @property
    def seed(self) -> int:
        """Start value of the frames' checksums."""
        return zlib.crc32(self.file_id)


class Frame(msgspec.Struct, frozen=True):
    """One frame as read: its place, its range, and its sections.

    Attributes:
        offset: Byte offset of the frame in the file.
        size: Bytes of the whole frame.
        writer: Id of the writer.
        first: First sequence covered.
        last: Last sequence covered; ``first - 1`` when none is.
        sections: ``(kind, offset of the data in the file, data)`` each.
    """

    offset: int
    size: int
    writer: str
    first: int
    last: int
    sections: tuple[tuple[int, int, memoryview], ...]


class Damage(msgspec.Struct, frozen=True):
    """Where and why reading stopped before the end of the file."""

    offset: int
    reason: str
    size: int
    """Bytes from the offset to the end of the file."""
    torn: bool
    """True when it looks like a write that did not finish: the frame says it is longer than
    what is left, or all that is left is zero. False when bytes in the middle are wrong."""


def encode_header(header: Header) -> bytes:
    """The first bytes of a journal."""
    meta = msgspec.msgpack.encode(header)
    head = _FILE.pack(MAGIC, FORMAT, 0, len(meta)) + meta
    return head + _CRC.pack(zlib.crc32(head))


def decode_header(data: bytes | memoryview) -> tuple[Header, int]:
    """Header and the offset of the first frame.

    Raises:
        FormatError: The bytes are no journal, are damaged, or are of a newer format.
        EOFError: The header is not complete yet (a file just being made).
    """
    view = memoryview(data)
    if len(view) < _FILE.size:
        if bytes(view[:8]) != MAGIC[: len(view)]:
            raise FormatError("this is no journal: it does not begin with 'notabene'")
        raise EOFError
    magic, version, _, size = _FILE.unpack_from(view)
    if not any(magic):  # its length reached the disk before the power went, its bytes did not
        raise EOFError
    if magic != MAGIC:
        raise FormatError("this is no journal: it does not begin with 'notabene'")
    if version > FORMAT:
        raise FormatError(
            f"this journal has format {version}; this notabene reads up to {FORMAT}",
            hint="upgrade notabene",
        )
    end = _FILE.size + size
    if size > MAX_BODY:
        raise FormatError("the header of this journal is damaged")
    if len(view) < end + _CRC.size:
        raise EOFError
    if _CRC.unpack_from(view, end)[0] != zlib.crc32(view[:end]):
        raise FormatError("the header of this journal is damaged")
    return msgspec.msgpack.decode(view[_FILE.size : end], type=Header), end + _CRC.size


def encode_record_section(seq: int, time: int, payload: bytes) -> bytes:
    """A section that holds one record."""
    return b"".join(
        (_SECTION.pack(Section.RECORD, len(payload) + _STAMP.size), _STAMP.pack(seq, time), payload)
    )


def encode_section(kind: int, data: bytes) -> bytes:
    """A section of any other kind."""
    return _SECTION.pack(kind, len(data)) + data


def encode_about_section(seq: int, time: int, run: str, payload: bytes) -> bytes:
    """A section that holds one record and names the run it is about."""
    name = run.encode()
    data = b"".join((_STAMP.pack(seq, time), _SHORT.pack(len(name)), name, payload))
    return encode_section(Section.ABOUT, data)


def decode_about_section(data: memoryview) -> tuple[int, int, str, memoryview]:
    """``(sequence, time, run, MessagePack of the record)``."""
    seq, time = _STAMP.unpack_from(data)
    (size,) = _SHORT.unpack_from(data, _STAMP.size)
    at = _STAMP.size + _SHORT.size
    return seq, time, str(data[at : at + size], "utf-8"), data[at + size :]


def encode_packed_section(rows: bytes, width: int) -> bytes:
    """A section of rows of ``width`` bytes each."""
    import zstandard

    planes = b"".join(rows[i::width] for i in range(width))
    packed = zstandard.ZstdCompressor(level=1).compress(planes)
    return encode_section(Section.PACKED, _PACKED.pack(width, len(rows)) + packed)


def decode_packed_section(data: memoryview) -> memoryview:
    """The rows as they lay in the ring, as a ROWS section holds them."""
    import zstandard

    width, size = _PACKED.unpack_from(data)
    if size > MAX_ROWS or width == 0 or size % width:
        raise FormatError(f"a section that claims {size:,} bytes of rows is damaged")
    try:
        planes = zstandard.ZstdDecompressor().decompress(data[_PACKED.size :], max_output_size=size)
    except zstandard.ZstdError as error:
        raise FormatError(f"a section of rows cannot be unpacked ({error})") from error
    rows, count = bytearray(size), size // width
    for i in range(width):
        rows[i::width] = planes[i * count : (i + 1) * count]
    return memoryview(rows)


def decode_record_section(data: memoryview) -> tuple[int, int, memoryview]:
    """``(sequence, time, MessagePack of the record)``."""
    seq, time = _STAMP.unpack_from(data)
    return seq, time, data[_STAMP.size :]


def encode_frame(seed: int, first: int, last: int, body: bytes, writer: int = 0) -> bytes:
    """A frame ready to be appended.

    Raises:
        FormatError: The body is longer than :data:`MAX_BODY`.
    """
    if len(body) > MAX_BODY:
        raise FormatError(f"a frame of {len(body):,} bytes is more than a journal takes")
    head = _FRAME.pack(FRAME_MAGIC, len(body), writer, 0, first, last)
    crc = zlib.crc32(body, zlib.crc32(head, seed))
    return b"".join((head, body, _CRC.pack(crc)))


def _sections(body: memoryview, base: int) -> tuple[tuple[int, int, memoryview], ...]:
    found, at = [], 0
    while at < len(body):
        kind, size = _SECTION.unpack_from(body, at)
        at += _SECTION.size
        found.append((kind, base + at, body[at : at + size]))
        at += size
    return tuple(found)


def read_frame(view: memoryview, at: int, header: Header, base: int = 0) -> Frame | Damage | None:
    """The frame that begins at ``view[at]``, what is wrong there, or None at the end.

    Args:
        view: Bytes of the file from file offset ``base`` on.
        at: Offset in ``view``.
        header: The file's header.
        base: File offset of ``view[0]``.
    """
    left = len(view) - at
    if left == 0:
        return None
    where = base + at
    if left < _FRAME.size:
        torn = bytes(view[at : at + 4]) == FRAME_MAGIC[:left] or _begins_only(view[at:])
        return Damage(where, "an unfinished frame", left, torn)
    magic, size, writer, _, first, last = _FRAME.unpack_from(view, at)
    if magic != FRAME_MAGIC:
        if _begins_only(view[at:]):
            return Damage(where, "zero bytes to the end", left, True)
        return Damage(where, "no frame begins here", left, False)
    if size > MAX_BODY or writer >= len(header.writers):
        return Damage(where, "the head of this frame is damaged", left, False)
    end = at + _FRAME.size + size
    if end + _CRC.size > len(view):
        return Damage(where, "an unfinished frame", left, True)
    if _CRC.unpack_from(view, end)[0] != zlib.crc32(view[at:end], header.seed):
        # Wrong bytes with nothing behind them, or zeros, are what a torn write leaves behind.
        torn = _begins_only(view[end + _CRC.size :])
        return Damage(where, "the checksum of this frame is wrong", left, torn)
    body_at = at + _FRAME.size
    return Frame(
        where,
        end + _CRC.size - at,
        header.writers[writer],
        first,
        last,
        _sections(view[body_at:end], base + body_at),
    )


def _begins_only(view: memoryview) -> bool:
    """Whether nothing stands here, but for zeros and perhaps the first bytes of a frame."""
    if len(view) > len(FRAME_MAGIC) and view[len(FRAME_MAGIC)]:
        return False
    return FRAME_MAGIC.startswith(bytes(view).rstrip(b"\0"))


def frames(view: memoryview, header: Header, start: int, base: int = 0) -> Iterator[Frame | Damage]:
    """Frames from file offset ``start`` on; ends after the first :class:`Damage`."""
    at = start - base
    while (found := read_frame(view, at, header, base)) is not None:
        yield found
        if isinstance(found, Damage):
            return
        at += found.size


def find_frame(view: memoryview, at: int, header: Header, base: int = 0) -> int | None:
    """Offset in ``view`` of the next frame that verifies at or after ``at``, or None."""
    data = bytes(view[at:])
    found = -1
    while (found := data.find(FRAME_MAGIC, found + 1)) >= 0:
        if isinstance(read_frame(view, at + found, header, base), Frame):
            return at + found
    return None


def read_header(path: Path) -> tuple[Header, int]:
    """Header of a journal file and the offset of its first frame.

    Raises:
        FormatError: It is no journal, damaged, or of a newer format.
        EOFError: It is not complete yet.
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:
        return read_header_of(file)


def read_header_of(file: BinaryIO) -> tuple[Header, int]:
    """The same of an open file, from where it stands.

    Raises:
        FormatError, EOFError, OSError: See :func:`read_header`.
    """
    data = file.read(HEADER_PIECE)
    try:
        return decode_header(data)
    except EOFError:
        # Sealed files of very many writers have long ones.
        if len(data) < HEADER_PIECE:
            raise
        return decode_header(data + file.read(MAX_BODY))
