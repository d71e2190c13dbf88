"""Pieces of series: rows of one key set as they lie in a journal or in the database.

A piece is a place (a file of the run's folder, or bytes at hand) and the closed range of
sequences whose rows count. Rows outside that range in the same bytes belong to another
piece, or came twice. Decoding happens only when somebody looks.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import MsgspecError

from notabene.errors import FormatError
from notabene.journal.block import F64, I64, Block, encode_block, row_dtype, rows_to_arrays
from notabene.journal.reader import Points
from notabene.journal.rows import ROW_BYTES, read_slot
from notabene.journal.segment import BLOCK_BYTES, decode_packed_section
from notabene.store.files import damaged, told
from notabene.store.spans import Span


class Encoding(IntEnum):
    """How the bytes of a piece are to be read."""

    BLOCK = 1
    ROWS = 2
    PACKED = 3
    MORE = 4
    """Bytes that go on the piece before: one blob holds at most 512 KiB."""


class Piece(msgspec.Struct, frozen=True):
    """One row of the table ``points``, without the run.

    Attributes:
        writer: Number of the writer in its run.
        keyset: Id of the key set in that writer.
        first: First sequence that counts.
        part: Tells pieces of one frame apart.
        last: Last sequence that counts.
        rows: How many rows count.
        low: Least step, or a bound below it.
        high: Largest step, or a bound above it.
        encoding: An :class:`Encoding`.
        file: Name of the file in the run's folder; empty where ``data`` holds the bytes.
        start: Where the bytes begin in that file.
        size: How many there are.
        pyramid_start: Where the statistics per bucket begin in that file.
        pyramid_size: How many bytes they have; 0 where there are none.
        crc: CRC-32 of the bytes in the file, as they were when they were read from it.
        pyramid_crc: CRC-32 of the statistics in the file, likewise.
        data: The bytes, or None where they lie in the file.
        pyramid: The statistics per bucket, or None.
    """

    writer: int
    keyset: int
    first: int
    part: int
    last: int
    rows: int
    low: int | None
    high: int | None
    encoding: int
    file: str
    start: int
    size: int
    pyramid_start: int = 0
    pyramid_size: int = 0
    crc: int = 0
    pyramid_crc: int = 0
    data: bytes | None = None
    pyramid: bytes | None = None


class Rows(NamedTuple):
    """Decoded rows: sequences, steps and times of shape (n,), values of shape (n, k)."""

    seqs: I64
    steps: I64
    times: I64
    values: F64

    def take(self, mask: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Rows:
        """The rows that a mask or an index chooses."""
        return Rows(self.seqs[mask], self.steps[mask], self.times[mask], self.values[mask])


def concat(parts: Sequence[Rows]) -> Rows:
    """Rows of one key set, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Column(NamedTuple):
    """Decoded rows of one key: all of shape (n,), in the order in which they were logged."""

    steps: I64
    times: I64
    values: F64

    def take(self, chosen: slice | npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Column:
        """Some of the rows."""
        return Column(self.steps[chosen], self.times[chosen], self.values[chosen])


def join(columns: Sequence[Column]) -> Column:
    """Columns one after the other."""
    if len(columns) == 1:
        return columns[0]
    return Column(
        np.concatenate([column.steps for column in columns]),
        np.concatenate([column.times for column in columns]),
        np.concatenate([column.values for column in columns]),
    )


def from_points(points: Points, writer: int, spans: Sequence[Span], part: int) -> list[Piece]:
    """Pieces for the rows of ``points`` whose sequences lie in ``spans``.

    Args:
        points: As the journal's reader gives them.
        writer: The writer's number in its run.
        spans: Closed ranges of sequences that are new to the store.
        part: Place of these points in their batch.
    """
    if points.encoding == "block":
        block = Block(points.data)
        return list(
            _windows(
                points,
                Encoding.BLOCK,
                _Source(points.keyset, 0, len(points.data), block.seqs(), block.steps()),
                writer,
                spans,
                part << 16,
            )
        )
    encoding = Encoding.ROWS if points.encoding == "rows" else Encoding.PACKED
    found: list[Piece] = []
    for index, source in enumerate(_sources(points)):
        found += _windows(points, encoding, source, writer, spans, (part << 16) + index)
    return found


class _Source(NamedTuple):
    """Rows of one key set within the bytes of some points."""

    keyset: int
    start: int
    size: int
    seqs: I64
    steps: I64


def _sources(points: Points) -> Iterator[_Source]:
    """Runs of equal slots; packed rows cannot be cut, so each key set takes all the bytes."""
    if points.encoding == "packed":
        slots = unpack_rows(points.data)
        for keyset in np.unique(slots["keyset"]):
            chosen = slots[slots["keyset"] == keyset]
            yield _Source(
                int(keyset), 0, len(points.data), _i64(chosen["seq"]), _i64(chosen["step"])
            )
        return
    data, at = memoryview(points.data), 0
    while (slot := read_slot(data, at)) is not None:
        table = np.frombuffer(
            data[at : at + (len(data) - at) // slot.size * slot.size], row_dtype(slot.count)
        )
        same = (table["keyset"] == slot.keyset) & (table["n"] == slot.count)
        count = len(table) if same.all() else int(same.argmin())
        table = table[:count]
        yield _Source(slot.keyset, at, count * slot.size, _i64(table["seq"]), _i64(table["step"]))
        at += count * slot.size


def _i64(values: npt.NDArray[np.generic]) -> I64:
    return values.astype(np.int64)


def _windows(
    points: Points,
    encoding: Encoding,
    source: _Source,
    writer: int,
    spans: Sequence[Span],
    part: int,
) -> Iterator[Piece]:
    seqs, steps = source.seqs, source.steps
    data = points.data[source.start : source.start + source.size]
    crc, pyramid_crc = (zlib.crc32(data), zlib.crc32(points.pyramid)) if points.file else (0, 0)
    for first, last in spans:
        if first <= seqs[0] and seqs[-1] <= last:
            rows, inside = len(seqs), (int(seqs[0]), int(seqs[-1]))
        else:
            chosen = seqs[(seqs >= first) & (seqs <= last)]
            if not len(chosen):
                continue
            rows, inside = len(chosen), (int(chosen[0]), int(chosen[-1]))
        yield Piece(
            writer,
            source.keyset,
            inside[0],
            part,
            inside[1],
            rows,
            int(steps.min()),
            int(steps.max()),
            encoding,
            points.file,
            points.offset + source.start,
            source.size,
            points.pyramid_at,
            len(points.pyramid),
            crc,
            pyramid_crc,
            bytes(data),
            points.pyramid or None,
        )


def unpack_rows(data: bytes | memoryview) -> npt.NDArray[np.void]:
    """Slots of a PACKED section as a structured array."""
    rows = decode_packed_section(memoryview(data))
    width = int.from_bytes(data[:4], "little")
    return np.frombuffer(rows, row_dtype((width - ROW_BYTES) // 8))


@contextmanager
def _damage_named(piece: Piece) -> Iterator[None]:
    """Say where the bytes lie that cannot be decoded; they were good when they came in."""
    try:
        yield
    except (FormatError, LookupError, MsgspecError, RuntimeError, TypeError, ValueError) as error:
        raise damaged(told(piece.file) or "the index", piece.start, piece.size) from error


def decode(piece: Piece, data: bytes | memoryview) -> Rows:
    """The rows of a piece that count, in the order in which they were logged.

    Raises:
        FormatError: The bytes are damaged.
    """
    with _damage_named(piece):
        return _decode(piece, data)


def _decode(piece: Piece, data: bytes | memoryview) -> Rows:
    if piece.encoding == Encoding.BLOCK:
        block = Block(data)
        rows = Rows(block.seqs(), block.steps(), block.times(), block.values())
    else:
        rows = _decode_slots(piece, data)
    return _inside(piece, rows)


def decode_column(
    piece: Piece, data: bytes | memoryview, column: int, *, times: bool = True
) -> Column:
    """As :func:`decode`, for one key alone: decodes one page where it can.

    Without ``times`` these are left out (zeros) where steps rise strictly, so that nobody
    needs them to tell which point is later.

    Raises:
        FormatError: The bytes are damaged.
    """
    with _damage_named(piece):
        return _decode_column(piece, data, column, times=times)


def _decode_column(piece: Piece, data: bytes | memoryview, column: int, *, times: bool) -> Column:
    if piece.encoding != Encoding.BLOCK:
        rows = _decode(piece, data)
        return Column(rows.steps, rows.times, np.ascontiguousarray(rows.values[:, column]))
    block = Block(data)
    steps, values = block.steps(), block.column(column)
    needed = times or not rises(steps)
    stamps = block.times() if needed else np.zeros(len(steps), np.int64)
    if piece.rows == block.rows:
        return Column(steps, stamps, values)
    seqs = block.seqs()
    mask = (seqs >= piece.first) & (seqs <= piece.last)
    return Column(steps[mask], stamps[mask], values[mask])


def rises(steps: npt.NDArray[Any]) -> bool:
    """Whether each is larger than the one before."""
    return len(steps) < 2 or bool((steps[1:] > steps[:-1]).all())


def _decode_slots(piece: Piece, data: bytes | memoryview) -> Rows:
    if piece.encoding == Encoding.ROWS:
        count = int.from_bytes(data[12:16], "little")
        return Rows(*rows_to_arrays(memoryview(data), count))
    slots = unpack_rows(data)
    slots = slots[slots["keyset"] == piece.keyset]
    return Rows(
        _i64(slots["seq"]),
        _i64(slots["step"]),
        _i64(slots["time"]),
        np.ascontiguousarray(slots["values"]),
    )


def _inside(piece: Piece, rows: Rows) -> Rows:
    if len(rows.seqs) == piece.rows:
        return rows
    return rows.take((rows.seqs >= piece.first) & (rows.seqs <= piece.last))


def encode(writer: int, keyset: int, rows: Rows, part: int = 0) -> Piece:
    """Rows in order of their sequence as one piece whose data is at hand."""
    data = encode_block(keyset, rows.steps, rows.times, rows.seqs, rows.values)
    return Piece(
        writer,
        keyset,
        int(rows.seqs[0]),
        part,
        int(rows.seqs[-1]),
        len(rows.seqs),
        int(rows.steps.min()),
        int(rows.steps.max()),
        Encoding.BLOCK,
        "",
        0,
        len(data),
        data=data,
    )


def slices(data: bytes) -> list[bytes]:
    """Bytes cut into blobs of at most 512 KiB."""
    return [data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES)] or [b""]
