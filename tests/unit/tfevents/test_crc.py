"""CRC-32C, many at a time."""

from __future__ import annotations

import numpy as np
import pytest

from notabene.tfevents.crc import crc32c, crc32c_many, crc32c_rows, masked


def bytewise(data: bytes) -> int:
    """The checksum as its definition says, a bit at a time."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def test_the_known_value():
    """The value that RFC 3720 and all implementations agree on."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0


@pytest.mark.parametrize("size", [1, 2, 3, 511, 512, 513, 2047, 2048, 2049, 5001])
def test_long_records_are_reckoned_in_pieces(size):
    """Cut into pieces or not, the checksum is that of the definition."""
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    assert crc32c(data) == bytewise(data)


def test_many_at_once():
    """Records of all lengths in one array give what each gives alone."""
    sizes = np.array([0, 1, 7, 7, 60, 2048, 3000, 7], np.int64)
    data = np.random.default_rng(1).integers(0, 256, int(sizes.sum()), np.uint8)
    starts = np.cumsum(sizes) - sizes
    alone = [crc32c(data[a : a + n].tobytes()) for a, n in zip(starts, sizes, strict=True)]
    assert crc32c_many(data, starts, sizes).tolist() == alone
    assert crc32c_rows(data[:20].reshape(4, 5)).tolist() == [
        crc32c(data[at : at + 5].tobytes()) for at in range(0, 20, 5)
    ]


def test_the_mask():
    """As TensorFlow masks: rotated by 15 bits, plus a constant."""
    crc = np.array([0x12345678], np.uint32)
    rotated = (0x12345678 >> 15 | 0x12345678 << 17) & 0xFFFFFFFF
    assert masked(crc)[0] == (rotated + 0xA282EAD8) & 0xFFFFFFFF
