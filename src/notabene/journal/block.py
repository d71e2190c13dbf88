"""Blocks: rows of one key set, encoded by column on one shared axis of steps and times.

One ``log({...})`` shares its step and its time over all its keys, so the axis is stored once
for the whole block: 3 to 4 bytes a point at 20 keys and 10 rows, where a chunk per key takes 13.

    block  = u32 n · head[n] (MessagePack array, see :class:`_Head`) · page*

Columns of fewer than :data:`PAGE_VALUES` rows are laid side by side into pages of about that
many values; longer columns have a page each. A page, and each of the three axes, bears its own
codec byte. Values that are exactly float32 are stored as float32; the bits of every value,
NaN payloads and minus zero included, come back unchanged.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from notabene.errors import FormatError

PAGE_VALUES = 4096
PCODEC_LEVEL = 4
ZSTD_LEVEL = 1

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_LENGTH = struct.Struct("<I")


class Codec(IntEnum):
    """How the bytes of a page are to be read."""

    LINEAR = 0
    """No bytes: ``start + i * stride``, both in the directory; integers only."""
    PCODEC = 1
    """pcodec, standalone format."""
    SHUFFLE_ZSTD = 2
    """Bytes transposed by significance, then zstandard. Readable without pcodec."""
    CONSTANT = 3
    """No bytes: one value in the directory, as 8 little-endian bytes."""


class _Page(msgspec.Struct, array_like=True, frozen=True):
    codec: int
    kind: str
    """numpy type: ``i8``, ``f4`` or ``f8``."""
    count: int
    size: int
    """Bytes of the page in the block."""
    start: int = 0
    stride: int = 0


class _Head(msgspec.Struct, array_like=True, frozen=True):
    keyset: int
    rows: int
    columns: int
    steps: _Page
    times: _Page
    seqs: _Page
    per_page: int
    """Columns in each page but the last of its group."""
    wide: bytes
    """One byte a column, 1 where it is float64; empty when all columns are of one width."""
    pages: tuple[_Page, ...]
    """Pages of the float32 columns in order, then those of the float64 columns."""


_encode_head = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(_Head).decode


@lru_cache(maxsize=1)
def _pcodec() -> tuple[Any, Any]:
    """The codec and its configuration, or a pair of None where it is not installed."""
    try:
        from pcodec import ChunkConfig, standalone
    except ImportError:
        return None, None
    return standalone, ChunkConfig(compression_level=PCODEC_LEVEL)


def _shuffle(values: npt.NDArray[Any]) -> bytes:
    import zstandard

    width = values.dtype.itemsize
    planes = np.ascontiguousarray(values.view(np.uint8).reshape(-1, width).T)
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(planes.tobytes())


def _unshuffle(data: bytes, kind: str, count: int) -> npt.NDArray[Any]:
    import zstandard

    dtype = np.dtype(f"<{kind}")
    size = count * dtype.itemsize
    planes = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
    flat = np.frombuffer(planes, np.uint8).reshape(dtype.itemsize, -1).T
    return np.ascontiguousarray(flat).reshape(-1).view(dtype)


def _encode_page(values: npt.NDArray[Any], codec: Codec | None) -> tuple[_Page, bytes]:
    """A page of values; ``codec`` None picks the best."""
    kind, count = values.dtype.str[1:], len(values)
    if codec is None and kind[0] == "f" and count:
        bits = values.view(f"u{values.dtype.itemsize}")
        if (bits == bits[0]).all():
            return _Page(Codec.CONSTANT, kind, count, values.dtype.itemsize), values[:1].tobytes()
    standalone, config = _pcodec()
    if codec is Codec.SHUFFLE_ZSTD or standalone is None:
        data = _shuffle(values)
        return _Page(Codec.SHUFFLE_ZSTD, kind, count, len(data)), data
    data = standalone.simple_compress(values, config)
    return _Page(Codec.PCODEC, kind, count, len(data)), data


def _encode_axis(values: I64, codec: Codec | None) -> tuple[_Page, bytes]:
    """An axis of integers: arithmetic sequences, which steps mostly are, take no bytes."""
    count = len(values)
    stride = int(values[1]) - int(values[0]) if count > 1 else 0
    if -(1 << 62) < stride < 1 << 62 and (count < 3 or bool((np.diff(values) == stride).all())):
        return _Page(Codec.LINEAR, "i8", count, 0, int(values[0]), stride), b""
    return _encode_page(values, codec)


def _decode_page(page: _Page, data: memoryview) -> npt.NDArray[Any]:
    if page.codec == Codec.LINEAR:
        return page.start + page.stride * np.arange(page.count, dtype=np.int64)
    if page.codec == Codec.CONSTANT:
        return np.full(page.count, np.frombuffer(data, f"<{page.kind}", 1)[0])
    if page.codec == Codec.PCODEC:
        standalone, _ = _pcodec()
        if standalone is None:
            raise FormatError(
                "this journal is encoded with pcodec, which is not installed",
                hint="pip install pcodec",
            )
        out = np.empty(page.count, f"<{page.kind}")
        standalone.simple_decompress_into(bytes(data), out)
        return out
    if page.codec == Codec.SHUFFLE_ZSTD:
        return _unshuffle(bytes(data), page.kind, page.count)
    raise FormatError(
        f"this journal uses codec {page.codec}, which this notabene does not know",
        hint="upgrade notabene",
    )


def _narrow(values: F64) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The float32 of all values, and for each column whether it is exact to the bit."""
    with np.errstate(all="ignore"):
        small = values.astype(np.float32)
    back = small.astype(np.float64)
    exact = (back.view(np.uint64) == values.view(np.uint64)).all(axis=0)
    return small, exact


def encode_block(
    keyset: int,
    steps: I64,
    times: I64,
    seqs: I64,
    values: F64,
    codec: Codec | None = None,
) -> bytes:
    """Encode rows of one key set.

    Args:
        keyset: Id of the key set, for readers of the journal.
        steps: Shape (n,).
        times: Shape (n,), µs.
        seqs: Shape (n,), sequence number of each row.
        values: Shape (n, k), row-major, n >= 1.
        codec: Forces :attr:`Codec.SHUFFLE_ZSTD` or :attr:`Codec.PCODEC`; None takes pcodec.
    """
    rows, columns = values.shape
    values = np.ascontiguousarray(values)
    small, exact = _narrow(values)
    per_page = max(1, PAGE_VALUES // rows)
    mixed = bool(exact.any()) and not bool(exact.all())
    pages: list[_Page] = []
    bodies: list[bytes] = []
    axes = [_encode_axis(np.ascontiguousarray(a, np.int64), codec) for a in (steps, times, seqs)]
    (steps_page, _), (times_page, _), (seqs_page, _) = axes
    for group, source in ((np.flatnonzero(exact), small), (np.flatnonzero(~exact), values)):
        for at in range(0, len(group), per_page):
            chosen = np.ascontiguousarray(source[:, group[at : at + per_page]].T).reshape(-1)
            page, body = _encode_page(chosen, codec)
            pages.append(page)
            bodies.append(body)
    head = _encode_head(
        _Head(
            keyset,
            rows,
            columns,
            steps_page,
            times_page,
            seqs_page,
            per_page,
            (~exact).astype(np.uint8).tobytes() if mixed else b"",
            tuple(pages),
        )
    )
    return b"".join((_LENGTH.pack(len(head)), head, *(body for _, body in axes), *bodies))


class Block:
    """A view of an encoded block; decodes only what is asked for."""

    __slots__ = ("_data", "_head", "_offsets", "_places")

    def __init__(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        (size,) = _LENGTH.unpack_from(view)
        self._data = view
        self._head = head = _decode_head(view[4 : 4 + size])
        at = 4 + size
        offsets = []
        for page in (head.steps, head.times, head.seqs, *head.pages):
            offsets.append(at)
            at += page.size
        self._offsets = offsets
        self._places: npt.NDArray[np.int64] | None = None

    @property
    def keyset(self) -> int:
        """Id of the key set in its writer."""
        return self._head.keyset

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self._head.rows

    @property
    def columns(self) -> int:
        """Number of keys."""
        return self._head.columns

    def steps(self) -> I64:
        """Shape (rows,)."""
        return self._page(0, self._head.steps)

    def times(self) -> I64:
        """Shape (rows,), µs."""
        return self._page(1, self._head.times)

    def seqs(self) -> I64:
        """Shape (rows,), sequence numbers."""
        return self._page(2, self._head.seqs)

    def column(self, index: int) -> F64:
        """Values of one key, shape (rows,), float64."""
        head = self._head
        if not head.wide:
            group, rank = 0, index
        else:
            rank = int(self._ranks()[index])
            group = -(-head.wide.count(0) // head.per_page) if head.wide[index] else 0
        page = group + rank // head.per_page
        at = rank % head.per_page * head.rows
        values = self._page(3 + page, head.pages[page])[at : at + head.rows]
        return values.astype(np.float64)

    def values(self) -> F64:
        """All values, shape (rows, columns), float64."""
        head = self._head
        parts = [self._page(3 + i, p).astype(np.float64) for i, p in enumerate(head.pages)]
        flat = np.concatenate(parts or [np.empty(0)]).reshape(head.columns, head.rows)
        if head.wide:
            order = np.argsort(np.frombuffer(head.wide, np.uint8), kind="stable")
            out = np.empty_like(flat)
            out[order] = flat
            flat = out
        return np.ascontiguousarray(flat.T)

    def _ranks(self) -> npt.NDArray[np.int64]:
        if self._places is None:
            wide = np.frombuffer(self._head.wide, np.uint8).astype(np.int64)
            self._places = np.where(wide == 1, np.cumsum(wide) - 1, np.cumsum(1 - wide) - 1)
        return self._places

    def _page(self, index: int, page: _Page) -> npt.NDArray[Any]:
        at = self._offsets[index]
        return _decode_page(page, self._data[at : at + page.size])


def rows_to_arrays(data: memoryview, width: int) -> tuple[I64, I64, I64, F64]:
    """``(seqs, steps, times, values)`` of consecutive row slots that all have ``width`` values.

    ``values`` has shape (n, width). The caller has checked the slots.
    """
    table = np.frombuffer(data, row_dtype(width))
    return (
        table["seq"].astype(np.int64),
        table["step"].astype(np.int64),
        table["time"].astype(np.int64),
        np.ascontiguousarray(table["values"]),
    )


@lru_cache(maxsize=4096)
def row_dtype(width: int) -> np.dtype[Any]:
    """The slot of a row (see :mod:`notabene.journal.rows`) as a numpy structure."""
    return np.dtype(
        [
            ("seq", "<u8"),
            ("keyset", "<u4"),
            ("n", "<u4"),
            ("step", "<i8"),
            ("time", "<i8"),
            ("values", "<f8", (width,)),
            ("tail", "<u8"),
        ]
    )


def block_limit(columns: int, most: int) -> int:
    """How many rows of ``columns`` keys fit in about ``most`` bytes even if nothing compresses."""
    return max(1, most // (24 + 8 * max(1, columns)))


def concat_blocks(blocks: Sequence[Block]) -> tuple[I64, I64, I64, F64]:
    """``(seqs, steps, times, values)`` of blocks of one key set, one after the other."""
    return (
        np.concatenate([b.seqs() for b in blocks]),
        np.concatenate([b.steps() for b in blocks]),
        np.concatenate([b.times() for b in blocks]),
        np.concatenate([b.values() for b in blocks]),
    )
