"""Statistics per bucket of steps, kept behind each sealed block, so that a chart decodes nothing.

Buckets are 2^k steps wide and anchored at step 0, so that pyramids of different blocks, runs
and widths fit into one another.

    pyramid = u32 n · head[n] (MessagePack array, see :class:`_Head`)
            · i64 first[b] · i64 last[b] · u32 count[b]
            · column*, one per key
    column  = f32 min[b] · f32 max[b] · f64 sum[b] · f64 value[b]      for finite values
            | u32 nan[b] · u32 posinf[b] · u32 neginf[b], then the same      where some are not

All numbers are little-endian. ``first`` and ``last`` are the least and the largest step in a
bucket, ``value`` is the last value there. Minima and maxima are rounded outward to float32;
a column where that would overflow keeps them as float64. Minima are NaN where no value is
finite.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from notabene.journal.block import F64, I64
from notabene.store.pieces import Rows

ROWS_PER_BUCKET = 256
LEAST_ROWS = 1024
"""Blocks with fewer rows are decoded as quickly."""

_LENGTH = struct.Struct("<I")
_WIDE = 1
_ODD = 2


class _Head(msgspec.Struct, array_like=True, frozen=True):
    k: int
    """Buckets are 2^k steps wide."""
    buckets: int
    columns: bytes
    """One byte a column: 1 where min and max are float64, 2 where values are not all finite."""


class Cells(msgspec.Struct, frozen=True, eq=False):
    """Statistics per bucket of one key, in order of x; all of shape (b,).

    ``bucket`` is the number of the bucket; over steps that is ``step >> k``.
    """

    bucket: I64
    first: npt.NDArray[Any]
    last: npt.NDArray[Any]
    count: I64
    nan: I64
    posinf: I64
    neginf: I64
    min: F64
    max: F64
    sum: F64
    value: F64

    def take(self, chosen: slice | npt.NDArray[np.intp]) -> Cells:
        """Some of the buckets."""
        return Cells(*(column[chosen] for column in msgspec.structs.astuple(self)))

    def means(self) -> F64:
        """Means over finite values, NaN where there is none."""
        finite = self.count - self.nan - self.posinf - self.neginf
        with np.errstate(all="ignore"):
            mean = self.sum / np.maximum(finite, 1)
        return np.where(finite > 0, mean, np.nan).astype(np.float64, copy=False)


def base_width(low: int, high: int, rows: int) -> int:
    """The k at which buckets of 2^k steps hold about 256 of so many rows in a range of steps."""
    wanted = (high - low + 1) * ROWS_PER_BUCKET // max(1, rows)
    return max(0, wanted.bit_length() - 1)


def cells_at(x: npt.NDArray[Any], values: F64, bucket: I64) -> Cells:
    """Statistics per bucket of points.

    Args:
        x: Shape (n,), n >= 1, rising; of equal ones the later point comes later.
        values: Shape (n,).
        bucket: Number of each point's bucket, shape (n,).
    """
    begins, ends = _groups(bucket)
    finite = np.isfinite(values)
    if len(begins) == len(bucket) and finite.all():
        # Each point for itself, as in what is new of a live chart.
        nothing = np.zeros(len(bucket), np.int64)
        odd = (nothing, nothing, nothing)
        return Cells(bucket, x, x, nothing + 1, *odd, values, values, values, values)
    nan = posinf = neginf = np.zeros(len(begins), np.int64)
    some = shown = values
    if not finite.all():
        nan, posinf, neginf = (
            np.add.reduceat(mask.astype(np.int64), begins)
            for mask in (np.isnan(values), values == np.inf, values == -np.inf)
        )
        some, shown = np.where(finite, values, np.nan), np.where(finite, values, 0.0)
    with np.errstate(all="ignore"):
        return Cells(
            bucket[begins],
            x[begins],
            x[ends],
            ends - begins + 1,
            nan,
            posinf,
            neginf,
            np.fmin.reduceat(some, begins),
            np.fmax.reduceat(some, begins),
            np.add.reduceat(shown, begins),
            values[ends],
        )


def _groups(bucket: I64) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First and last index of each run of equal numbers."""
    inner = np.flatnonzero(bucket[1:] != bucket[:-1])
    begins = np.concatenate((np.zeros(1, np.intp), inner + 1))
    ends = np.concatenate((inner, np.array([len(bucket) - 1], np.intp)))
    return begins, ends


def merge_cells(parts: Sequence[Cells], shift: int = 0) -> Cells:
    """Parts of one series taken together, at buckets 2^shift times as wide."""
    if len(parts) == 1 and shift == 0:
        return parts[0]
    cells = parts[0]
    if len(parts) > 1:
        columns = zip(*map(msgspec.structs.astuple, parts), strict=True)
        cells = Cells(*map(np.concatenate, columns))
    bucket = cells.bucket >> shift
    if bool((bucket[1:] < bucket[:-1]).any()):
        order = np.argsort(bucket, kind="stable")
        cells, bucket = cells.take(order), bucket[order]
    begins, ends = _groups(bucket)
    if bool((cells.last[1:] < cells.last[:-1]).any()):
        # Within a bucket the part that reaches furthest has the last value.
        group = np.repeat(np.arange(len(begins)), ends - begins + 1)
        ends = np.lexsort((np.arange(len(bucket)), cells.last, group))[ends]
    with np.errstate(all="ignore"):
        return Cells(
            bucket[begins],
            np.minimum.reduceat(cells.first, begins),
            np.maximum.reduceat(cells.last, begins),
            np.add.reduceat(cells.count, begins),
            np.add.reduceat(cells.nan, begins),
            np.add.reduceat(cells.posinf, begins),
            np.add.reduceat(cells.neginf, begins),
            np.fmin.reduceat(cells.min, begins),
            np.fmax.reduceat(cells.max, begins),
            np.add.reduceat(cells.sum, begins),
            cells.value[ends],
        )


# -- stored --------------------------------------------------------------------------------


def encode(rows: Rows) -> bytes:
    """The pyramid of a block; empty where the block has so few rows that it would not pay."""
    if len(rows.steps) < LEAST_ROWS:
        return b""
    k = base_width(int(rows.steps.min()), int(rows.steps.max()), len(rows.steps))
    if not bool((rows.steps[1:] > rows.steps[:-1]).all()):
        rows = rows.take(np.lexsort((rows.times, rows.steps)))
    bucket = rows.steps >> k
    columns, kinds = [], bytearray()
    cells: Cells | None = None
    for index in range(rows.values.shape[1]):
        cells = cells_at(rows.steps, np.ascontiguousarray(rows.values[:, index]), bucket)
        kind, data = _encode_column(cells)
        kinds.append(kind)
        columns.append(data)
    if cells is None:
        return b""
    head = msgspec.msgpack.encode(_Head(k, len(cells.bucket), bytes(kinds)))
    axes = (cells.first.astype("<i8"), cells.last.astype("<i8"), cells.count.astype("<u4"))
    return b"".join((_LENGTH.pack(len(head)), head, *(a.tobytes() for a in axes), *columns))


def _encode_column(cells: Cells) -> tuple[int, bytes]:
    low, high = _outward(cells.min, -np.inf), _outward(cells.max, np.inf)
    kind = 0
    if np.isinf(low).any() or np.isinf(high).any():
        kind, low, high = _WIDE, cells.min.astype("<f8"), cells.max.astype("<f8")
    parts = [low, high, cells.sum.astype("<f8"), cells.value.astype("<f8")]
    odd = (cells.nan, cells.posinf, cells.neginf)
    if any(column.any() for column in odd):
        kind |= _ODD
        parts = [column.astype("<u4") for column in odd] + parts
    return kind, b"".join(part.tobytes() for part in parts)


def _outward(values: F64, toward: float) -> npt.NDArray[np.float32]:
    """The nearest float32 on the outer side of each value."""
    with np.errstate(all="ignore"):
        near = values.astype("<f4")
        inner = near > values if toward < 0 else near < values
        return np.where(inner, np.nextafter(near, np.float32(toward)), near).astype("<f4")


def _head(data: bytes | memoryview) -> tuple[_Head, int]:
    (size,) = _LENGTH.unpack_from(data)
    end = _LENGTH.size + size
    return msgspec.msgpack.decode(data[_LENGTH.size : end], type=_Head), end


def decode(data: bytes | memoryview, column: int) -> tuple[int, Cells]:
    """``(k, statistics)`` of one key."""
    head, at = _head(data)
    b = head.buckets
    first = np.frombuffer(data, "<i8", b, at).astype(np.int64)
    last = np.frombuffer(data, "<i8", b, at + 8 * b).astype(np.int64)
    count = np.frombuffer(data, "<u4", b, at + 16 * b).astype(np.int64)
    at += 20 * b + sum(_column_size(kind, b) for kind in head.columns[:column])
    kind = head.columns[column]
    nan = posinf = neginf = np.zeros(b, np.int64)
    if kind & _ODD:
        nan, posinf, neginf = (
            np.frombuffer(data, "<u4", b, at + 4 * b * i).astype(np.int64) for i in range(3)
        )
        at += 12 * b
    dtype, size = ("<f8", 8) if kind & _WIDE else ("<f4", 4)
    low = np.frombuffer(data, dtype, b, at).astype(np.float64)
    high = np.frombuffer(data, dtype, b, at + size * b).astype(np.float64)
    at += 2 * size * b
    total = np.frombuffer(data, "<f8", b, at)
    value = np.frombuffer(data, "<f8", b, at + 8 * b)
    bucket = first >> head.k
    cells = Cells(bucket, first, last, count, nan, posinf, neginf, low, high, total, value)
    return head.k, cells


def _column_size(kind: int, buckets: int) -> int:
    bounds = 16 if kind & _WIDE else 8
    return buckets * (16 + bounds + (12 if kind & _ODD else 0))
