"""CRC-32C (Castagnoli) over many records at once, as numpy does it: no C of our own.

A checksum goes byte by byte, so the bytes of one record wait for each other; those of a
thousand records of one length do not. A long record is cut into pieces that are reckoned side
by side and put together, since the checksum is linear over XOR.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

_POLYNOMIAL = 0x82F63B78
_PIECE = 512
"""Bytes of the pieces that a long record is cut into."""
_LONG = 2048
"""Bytes from which a record is long."""
_ROWS = 1 << 15


@lru_cache(maxsize=1)
def _table() -> U32:
    """What two bytes more do to a checksum, shape (65536,)."""
    table: U32 = np.arange(1 << 16, dtype=np.uint32)
    for _ in range(16):
        table = (table >> np.uint32(1)) ^ (np.uint32(_POLYNOMIAL) * (table & np.uint32(1)))
    return table


@lru_cache(maxsize=1)
def _byte() -> U32:
    table: U32 = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ (np.uint32(_POLYNOMIAL) * (table & np.uint32(1)))
    return table


def _run(rows: U8, state: U32) -> U32:
    """The state after the bytes of each row, shape (n, k) and (n,)."""
    table = _table()
    length = rows.shape[1]
    pairs = np.ascontiguousarray(rows[:, : length // 2 * 2]).view("<u2").T
    for pair in np.ascontiguousarray(pairs):
        state = table[(state ^ pair) & 0xFFFF] ^ (state >> 16)
    if length % 2:
        state = _byte()[(state ^ rows[:, -1]) & 0xFF] ^ (state >> 8)
    return state


@lru_cache(maxsize=1)
def _over_a_piece() -> list[list[int]]:
    """What a piece of zeros does to a state: for each of its four bytes, by value."""
    basis = np.uint32(1) << np.arange(32, dtype=np.uint32)
    images = [int(x) for x in _run(np.zeros((32, _PIECE), np.uint8), basis)]
    tables = []
    for byte in range(4):
        table = [0] * 256
        for value in range(1, 256):
            low = value & -value
            table[value] = table[value ^ low] ^ images[8 * byte + low.bit_length() - 1]
        tables.append(table)
    return tables


def crc32c(data: bytes | memoryview | U8) -> int:
    """CRC-32C of one piece of data of any length."""
    view = np.frombuffer(data, np.uint8) if not isinstance(data, np.ndarray) else data
    if len(view) < _LONG:
        return int(_run(view.reshape(1, -1), np.array([0xFFFFFFFF], np.uint32))[0]) ^ 0xFFFFFFFF
    # Zeros before the data change nothing when the state is zero; that it began as all ones is
    # the same as its first four bytes inverted.
    padded = np.zeros(-(-len(view) // _PIECE) * _PIECE, np.uint8)
    padded[-len(view) :] = view
    begin = len(padded) - len(view)
    padded[begin : begin + 4] ^= 0xFF
    pieces = _run(padded.reshape(-1, _PIECE), np.zeros(len(padded) // _PIECE, np.uint32))
    a, b, c, d = _over_a_piece()
    state = 0
    for piece in pieces.tolist():
        state = a[state & 255] ^ b[state >> 8 & 255] ^ c[state >> 16 & 255] ^ d[state >> 24] ^ piece
    return state ^ 0xFFFFFFFF


def crc32c_rows(rows: U8) -> U32:
    """CRC-32C of each row of shape (n, k)."""
    return _run(rows, np.full(len(rows), 0xFFFFFFFF, np.uint32)) ^ np.uint32(0xFFFFFFFF)


def crc32c_many(data: U8, starts: I64, sizes: I64) -> U32:
    """CRC-32C of many ranges of the data, shape (n,)."""
    out = np.empty(len(starts), np.uint32)
    for size in np.unique(sizes).tolist():
        chosen = np.flatnonzero(sizes == size)
        if size >= _LONG:
            for n in chosen.tolist():
                out[n] = crc32c(data[starts[n] : starts[n] + size])
            continue
        most = max(1, _ROWS * 64 // max(1, size))
        for at in range(0, len(chosen), most):
            some = chosen[at : at + most]
            out[some] = crc32c_rows(data[starts[some, None] + np.arange(size)])
    return out


def masked(crc: U32) -> U32:
    """As TFRecord stores checksums, so that one of data that holds checksums is not degenerate."""
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)
