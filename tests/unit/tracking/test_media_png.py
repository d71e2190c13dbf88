"""PNG from arrays: any decoder gives the pixels back."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.tracking.media_png import animated_png, png


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and bodies of a PNG's chunks; checks signature and checksums."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, []
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(name + body)
        found.append((name, body))
        at += 12 + length
    return found


def decode(data: bytes) -> np.ndarray:
    """Pixels of a PNG, after the specification's chapter 9: one byte after the other."""
    parts = chunks(data)
    width, height, depth, kind = struct.unpack_from(">IIBB", parts[0][1])
    channels, size = {0: 1, 4: 2, 2: 3, 6: 4}[kind], depth // 8
    raw = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    step, stride = channels * size, width * channels * size
    rows, above = [], bytes(stride)
    for y in range(height):
        form, line = raw[y * (stride + 1)], raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)]
        row = bytearray()
        for i, byte in enumerate(line):
            a = row[i - step] if i >= step else 0
            b, c = above[i], above[i - step] if i >= step else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row.append((byte + (0, a, b, (a + b) // 2, paeth)[form]) & 255)
        rows.append(bytes(row))
        above = rows[-1]
    return np.frombuffer(b"".join(rows), f">u{size}").reshape(height, width, channels)


SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))


@given(
    SHAPES,
    st.sampled_from(["uint8", "uint16"]),
    st.randoms(use_true_random=False),
    st.integers(1, 300),
)
def test_pixels_come_back(shape, dtype, random, levels):
    """A decoder written from the specification reads any array back, of 1 to 4 channels."""
    count = int(np.prod(shape))
    pixels = np.array([random.randrange(levels) % 256 for _ in range(count)], dtype).reshape(shape)
    np.testing.assert_array_equal(decode(png(pixels)), pixels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_another_decoder_agrees(channels: int):
    """Pillow reads the same pixels."""
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(1).integers(0, 256, (40, 30, channels), np.uint8)
    with image.open(io.BytesIO(png(pixels))) as read:
        np.testing.assert_array_equal(np.asarray(read).reshape(pixels.shape), pixels)


def test_smooth_pictures_are_small():
    """Filters do their work: a gradient takes a fraction of its pixels."""
    y, x = np.mgrid[0:200, 0:200]
    pixels = np.stack([x, y, (x + y) // 2], -1).astype(np.uint8)
    assert len(png(pixels)) < pixels.nbytes / 100


def test_equal_pixels_give_equal_bytes():
    """The bytes depend on the pixels alone, not on how they lie in memory."""
    pixels = np.random.default_rng(1).integers(0, 256, (5, 6, 3), np.uint8)
    other = np.asfortranarray(pixels)[:, :, :]
    assert png(pixels) == png(other) == png(pixels[::-1][::-1])


@pytest.mark.parametrize(
    ("fps", "milliseconds"), [(10, 100), (24, 1000 / 24), (0.5, 2000), (600, 1000 / 600)]
)
def test_animations(fps: float, milliseconds: float):
    """Each frame of an animation is read back, shown for its time."""
    image = pytest.importorskip("PIL.Image")
    frames = np.random.default_rng(1).integers(0, 256, (4, 8, 6, 3), np.uint8)
    data = animated_png(iter(frames), 4, fps)
    assert [name for name, _ in chunks(data)].count(b"fcTL") == 4
    with image.open(io.BytesIO(data)) as read:
        assert read.n_frames == 4
        for index, frame in enumerate(frames):
            read.seek(index)
            np.testing.assert_array_equal(np.asarray(read.convert("RGB")), frame)
        assert read.info["duration"] == pytest.approx(milliseconds, rel=0.02)


def test_frames_are_numbered_in_order():
    """Control and data chunks of an animation bear one rising sequence, as the form asks."""
    frames = np.zeros((3, 2, 2, 1), np.uint8)
    parts = chunks(animated_png(frames, 3, 5))
    numbers = [
        struct.unpack_from(">I", body)[0] for name, body in parts if name in (b"fcTL", b"fdAT")
    ]
    assert numbers == [0, 1, 2, 3, 4]
