"""Event files written byte by byte, as the formats say, without any library."""

from __future__ import annotations

import struct

import numpy as np

from notabene.tfevents.crc import crc32c, masked


def varint(value: int) -> bytes:
    """A number of a protocol buffer."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def sub(number: int, content: bytes) -> bytes:
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def num(number: int, value: int) -> bytes:
    """A field of a whole number."""
    return varint(number << 3) + varint(value)


def f64(number: int, value: float) -> bytes:
    """A field of a double."""
    return varint(number << 3 | 1) + struct.pack("<d", value)


def f32(number: int, value: float) -> bytes:
    """A field of a float."""
    return varint(number << 3 | 5) + struct.pack("<f", value)


def event(wall: float, step: int, *values: bytes, more: bytes = b"") -> bytes:
    """An event with the values of a summary; a step of 0 is left out, as proto3 does."""
    body = f64(1, wall) + (num(2, step) if step else b"")
    if values:
        body += sub(5, b"".join(sub(1, value) for value in values))
    return body + more


def simple(tag: str, value: float) -> bytes:
    """A scalar in its old form."""
    return sub(1, tag.encode()) + f32(2, value)


def plugin(name: str, content: bytes = b"") -> bytes:
    """The metadata of a value."""
    return sub(9, sub(1, sub(1, name.encode()) + (sub(2, content) if content else b"")))


def tensor(tag: str, array: np.ndarray, name: str = "") -> bytes:
    """A tensor with its content as bytes, and the name of its plugin where given."""
    numbers = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10}
    shape = b"".join(sub(2, num(1, size)) for size in array.shape)
    body = num(1, numbers[str(array.dtype)]) + sub(2, shape) + sub(4, array.tobytes())
    return sub(1, tag.encode()) + sub(8, body) + (plugin(name) if name else b"")


def strings(tag: str, parts: list[bytes], shape: tuple[int, ...], name: str) -> bytes:
    """A tensor of texts."""
    sizes = b"".join(sub(2, num(1, size)) for size in shape)
    body = num(1, 7) + sub(2, sizes) + b"".join(sub(8, part) for part in parts)
    return sub(1, tag.encode()) + sub(8, body) + plugin(name)


def session_start(wall: float, step: int) -> bytes:
    """The event by which a restart says from which step on it replaces."""
    return event(wall, step, more=sub(7, num(1, 1)))


def version(wall: float) -> bytes:
    """The first event of a file."""
    return event(wall, 0, more=sub(3, b"brain.Event:2"))


def crc(data: bytes) -> bytes:
    """A masked checksum."""
    return masked(np.array([crc32c(data)], np.uint32)).astype("<u4").tobytes()


def framed(*events: bytes) -> bytes:
    """Events as an event file holds them."""
    out = []
    for data in events:
        length = struct.pack("<Q", len(data))
        out.append(length + crc(length) + data + crc(data))
    return b"".join(out)
