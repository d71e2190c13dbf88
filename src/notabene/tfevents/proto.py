"""Protocol buffers as far as event files use them: the wire format, and the messages in it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

_F64 = struct.Struct("<d").unpack_from
_F32 = struct.Struct("<f").unpack_from

DTYPES: dict[int, str] = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "u1",
    5: "<i2",
    6: "i1",
    9: "<i8",
    10: "?",
    14: "bfloat16",
    17: "<u2",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}
"""numpy's name by TensorFlow's number of a type."""
STRING = 7
MAX_ELEMENTS = 1 << 24


class WireError(ValueError):
    """The bytes are no message of the kind that was expected."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number and where it ends."""
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, at
        shift += 7
        if shift > 63:
            raise WireError("a number of more than ten bytes")


def signed(value: int) -> int:
    """A 64-bit number as int64."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """``(number, value or start, end, wire type)`` of the fields of a message.

    Raises:
        WireError: The bytes are no message.
    """
    try:
        while at < end:
            key, at = varint(data, at)
            kind = key & 7
            if kind == 0:
                value, at = varint(data, at)
                yield key >> 3, value, at, 0
                continue
            if kind == 2:
                size, at = varint(data, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise WireError(f"wire type {kind}")
            if at + size > end:
                raise WireError("a field longer than its message")
            yield key >> 3, at, at + size, kind
            at += size
    except IndexError:
        raise WireError("cut short") from None
    if at != end:
        raise WireError("a field longer than its message")


def text(data: bytes, start: int, end: int) -> str:
    """A text field."""
    return data[start:end].decode("utf-8", "replace")


# -- messages ------------------------------------------------------------------------------


class Value(msgspec.Struct):
    """A value of a summary, located but not decoded.

    Attributes:
        tag: Its name; of very old tensors the name of the node.
        kind: ``scalar``, ``image``, ``histogram``, ``audio`` or ``tensor``.
        start: Where the message of that kind begins; of a scalar its four bytes.
        end: Where it ends.
        plugin: Name of the plugin, where this value says it.
        content: What the plugin says of the tag.
    """

    tag: str = ""
    kind: str = ""
    start: int = 0
    end: int = 0
    plugin: str = ""
    content: bytes = b""


class Event(msgspec.Struct):
    """An event that is more than one plain scalar.

    Attributes:
        wall: Seconds since 1970.
        step: Of the values.
        values: Of its summary.
        version: What the first event of a file says.
        session: Status of a session log, 1 where one starts; 0 where there is none.
        other: What else it holds that is not read: ``graph``, ``metadata``.
    """

    wall: float = 0.0
    step: int = 0
    values: list[Value] = []
    version: str = ""
    session: int = 0
    other: str = ""


_OTHER = {4: "graph", 9: "graph", 8: "profile"}
_KINDS = {4: "image", 5: "histogram", 6: "audio", 8: "tensor"}


def read_event(data: bytes, at: int, end: int) -> Event:
    """An event.

    Raises:
        WireError: The bytes are none.
    """
    event = Event()
    for number, start, stop, kind in fields(data, at, end):
        if number == 1 and kind == 1:
            event.wall = _F64(data, start)[0]
        elif number == 2 and kind == 0:
            event.step = signed(start)
        elif number == 3 and kind == 2:
            event.version = text(data, start, stop)
        elif number == 5 and kind == 2:
            for inner, begin, last, how in fields(data, start, stop):
                if inner == 1 and how == 2:
                    event.values.append(read_value(data, begin, last))
        elif number == 7 and kind == 2:
            for inner, status, _, how in fields(data, start, stop):
                if inner == 1 and how == 0:
                    event.session = status
        elif number in _OTHER:
            event.other = _OTHER[number]
    return event


def read_value(data: bytes, at: int, end: int) -> Value:
    """A value of a summary."""
    value = Value()
    node = ""
    for number, start, stop, kind in fields(data, at, end):
        if number == 1 and kind == 2:
            value.tag = text(data, start, stop)
        elif number == 2 and kind == 5:
            value.kind, value.start, value.end = "scalar", start, stop
        elif number == 7 and kind == 2:
            node = text(data, start, stop)
        elif number == 9 and kind == 2:
            _metadata(value, data, start, stop)
        elif number in _KINDS and kind == 2:
            value.kind, value.start, value.end = _KINDS[number], start, stop
    value.tag = value.tag or node
    return value


def _metadata(value: Value, data: bytes, at: int, end: int) -> None:
    for number, start, stop, kind in fields(data, at, end):
        if number == 1 and kind == 2:
            for inner, begin, last, how in fields(data, start, stop):
                if inner == 1 and how == 2:
                    value.plugin = text(data, begin, last)
                elif inner == 2 and how == 2:
                    value.content = data[begin:last]


class Tensor(msgspec.Struct):
    """A tensor: numbers as an array, or texts.

    Attributes:
        shape: As it says.
        array: Numbers of that shape; None where it holds texts.
        strings: Texts, row by row.
        float_at: Where the four bytes stand, of a single float32.
    """

    shape: tuple[int, ...] = ()
    array: npt.NDArray[Any] | None = None
    strings: list[bytes] = []
    float_at: int = -1


_PACKED: dict[int, str] = {5: "<f4", 6: "<f8"}
_VARINTS = (7, 10, 11, 13, 16, 17)


def read_tensor(data: bytes, at: int, end: int) -> Tensor:
    """A tensor.

    Raises:
        WireError: It is none, or of a type that no summary has.
    """
    found = Tensor()
    dtype, content, numbers = 0, None, []
    for number, start, stop, kind in fields(data, at, end):
        if number == 1 and kind == 0:
            dtype = start
        elif number == 2 and kind == 2:
            found.shape = _shape(data, start, stop)
        elif number == 4 and kind == 2:
            content = data[start:stop]
            found.float_at = start if stop - start == 4 else -1
        elif number == 8 and kind == 2:
            found.strings.append(data[start:stop])
        elif number in _PACKED and (stop - start) % np.dtype(_PACKED[number]).itemsize == 0:
            numbers.append(np.frombuffer(data[start:stop], _PACKED[number]))
            found.float_at = start if number == 5 and stop - start == 4 else -1
        elif number in _VARINTS and kind in (0, 2):
            numbers.append(np.array(_varints(data, start, stop, kind), np.int64))
    if dtype == STRING:
        return found
    found.array = _array(dtype, content, numbers, found.shape)
    if dtype != 1 or len(numbers) > 1:
        found.float_at = -1
    return found


def _shape(data: bytes, at: int, end: int) -> tuple[int, ...]:
    sizes = []
    for number, start, stop, kind in fields(data, at, end):
        if number == 2 and kind == 2:
            size = 0
            for inner, value, _, how in fields(data, start, stop):
                if inner == 1 and how == 0:
                    size = signed(value)
            sizes.append(size)
    return tuple(sizes)


def _varints(data: bytes, start: int, stop: int, kind: int) -> list[int]:
    if kind == 0:
        return [signed(start)]
    out = []
    while start < stop:
        value, start = varint(data, start)
        out.append(signed(value))
    return out


def _array(
    dtype: int, content: bytes | None, numbers: list[Any], shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    name = DTYPES.get(dtype)
    if name is None:
        raise WireError(f"a tensor of type {dtype}")
    count = 1
    for size in shape:
        count *= size
    if not 0 <= count <= MAX_ELEMENTS:
        raise WireError(f"a tensor of shape {shape}")
    try:
        if content is not None:
            flat = _of_bytes(content, name)
        elif numbers:
            flat = _of_numbers(np.concatenate(numbers), name)
            if 0 < len(flat) < count:  # the last one stands for all that are left out
                flat = np.concatenate([flat, np.full(count - len(flat), flat[-1])])
        else:
            flat = np.zeros(count, "<f4" if name == "bfloat16" else name)
        return flat.reshape(shape)
    except ValueError as error:
        raise WireError(f"a tensor whose content does not fit its shape {shape}") from error


def _of_bytes(content: bytes, name: str) -> npt.NDArray[Any]:
    if name == "bfloat16":
        return (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(content, name)


def _of_numbers(numbers: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if name == "bfloat16":
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    if name == "<f2":  # half floats travel as the bits of whole numbers
        return numbers.astype(np.uint16).view(np.float16)
    return numbers.astype(name)
