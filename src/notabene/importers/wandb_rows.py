"""The history of W&B: rows of nested keys as columns of numbers, quickly.

A key is looked up by the bytes of its parts as they stand in the file; only what is no number is
decoded further.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from notabene.importers._base import Points
from notabene.importers.wandb_proto import loads
from notabene.tfevents.proto import WireError, fields, signed, varint

ROWS = 65_536
OWN = ("_step", "_timestamp", "_runtime")
_F64 = struct.Struct("<d").unpack_from
_NONE, _BOOL, _INT, _FLOAT, _TEXT, _JSON, _VALUE = 3, 4, 5, 6, 7, 8, 16


class Key:
    """A key, and its points that wait to be given on."""

    __slots__ = ("mark", "name", "own", "path", "steps", "times", "values")

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        self.name = ".".join(path)
        self.own = self.name in OWN
        self.mark = path[-1] == "_type" and len(path) > 1
        self.steps: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []


Odd = tuple[tuple[str, ...], Any]
"""The path of what is no number, and its value."""


class Rows:
    """Gathers rows.

    Attributes:
        last: The last value of each key that has numbers.
        step, time: Of the newest row; time in µs.
        broken: Rows that are no messages.
        start: What is added to each step.
    """

    def __init__(self) -> None:
        self.last: dict[str, float] = {}
        self.step = self.time = self.broken = 0
        self._keys: dict[bytes, Key] = {}
        self._named: dict[str, Key] = {}
        self._holds = 0

    def add(self, data: bytes, start: int, end: int) -> tuple[int, int, list[Odd]]:
        """Take in a row; gives its step, its time (µs) and what in it is no number.

        Raises:
            WireError: It is no row.
        """
        numbers: list[tuple[Key, float]] = []
        odd: list[tuple[Key, Any]] = []
        step, time = -1, 0
        media: set[str] = set()
        for key, value in self._items(data, start, end):
            if value.__class__ is float:
                if not key.own:
                    numbers.append((key, value))
                elif key.name == "_timestamp":
                    time = int(value * 1e6 + 0.5) if 0 < value < 1e11 else 0
                elif key.name == "_step":
                    step = int(value) if abs(value) < 2**62 else step
            elif value is not None:
                odd.append((key, value))
                if key.mark or (isinstance(value, dict) and len(key.path) == 1):
                    media.add(key.path[0])
        if step < 0:
            step = self._said(data, start, end)
        self.step, self.time = step, time or self.time
        tree: list[Odd] = []
        if media:
            inside = [(k, v) for k, v in numbers if k.path[0] in media]
            numbers = [(k, v) for k, v in numbers if k.path[0] not in media]
            tree = [(k.path, v) for k, v in inside]
        for key, number in numbers:
            key.steps.append(step)
            key.times.append(self.time)
            key.values.append(number)
        self._holds += len(numbers)
        return step, self.time, [(k.path, v) for k, v in odd] + tree

    def _items(self, data: bytes, start: int, end: int) -> Iterator[tuple[Key, Any]]:
        """Keys with floats, or with values of JSON."""
        keys = self._keys
        for name, raw, at, stop in raw_items(data, start, end):
            key = keys.get(name)
            if key is None:
                if not name:
                    continue
                key = self._key(name)
            if raw is None:
                if at < stop:
                    yield key, _typed(data, at, stop)
                continue
            try:
                yield key, float(raw)
            except ValueError:
                yield from self._spread(key, raw)

    def _spread(self, key: Key, raw: bytes) -> Iterator[tuple[Key, Any]]:
        """What is no plain number: older versions write nested values whole."""
        value = loads(raw)
        if isinstance(value, bool):
            yield key, float(value)
        elif isinstance(value, dict) and "_type" not in value and value:
            yield from self._below(key.path, value)
        else:
            yield key, value

    def _below(self, path: tuple[str, ...], value: dict[str, Any]) -> Iterator[tuple[Key, Any]]:
        for name, inner in value.items():
            place = (*path, str(name))
            if isinstance(inner, dict) and inner and "_type" not in inner:
                yield from self._below(place, inner)
            elif isinstance(inner, bool | int | float):
                yield self._of(place), float(inner)
            else:
                yield self._of(place), inner

    def _key(self, name: bytes) -> Key:
        found = self._of(path_of(name))
        self._keys[name] = found
        return found

    def _of(self, path: tuple[str, ...]) -> Key:
        found = Key(path)
        return self._named.setdefault(found.name, found)

    def _said(self, data: bytes, start: int, end: int) -> int:
        for number, begin, stop, kind in fields(data, start, end):
            if number == 2 and kind == 2:
                for inner, value, _, how in fields(data, begin, stop):
                    if inner == 1 and how == 0:
                        return signed(value)
                return 0
        return self.step + 1

    # -- giving on -------------------------------------------------------------------------

    def full(self) -> bool:
        """Whether it is time to give on what was gathered."""
        return self._holds >= ROWS * 4

    def points(self) -> Iterator[Points]:
        """What was gathered since the last time."""
        for key in self._named.values():
            if key.steps:
                self.last[key.name] = key.values[-1]
                yield Points(
                    (key.name,),
                    np.array(key.steps, np.int64),
                    np.array(key.times, np.int64),
                    np.array(key.values, np.float64).reshape(-1, 1),
                )
                key.steps, key.times, key.values = [], [], []
        self._holds = 0


Raw = tuple[bytes, bytes | None, int, int]
"""The bytes of a key, its JSON where it has any, and where its value begins and the item ends;
no key stands for another field of the message."""


def raw_items(data: bytes, start: int, end: int) -> list[Raw]:
    """The items of a message whose first field they are, as bytes.

    Raises:
        WireError: It is no such message.
    """
    out: list[Raw] = []
    at = start
    try:
        while at < end:
            if data[at] != 0x0A:
                tag, begin = varint(data, at)
                at = _skipped(data, begin, tag)
                out.append((b"", None, begin, at))
                continue
            size, at = data[at + 1], at + 2
            if size > 127:
                size, at = varint(data, at - 1)
            begin, stop = at, at + size
            if stop > end:
                raise WireError("an item longer than its row")
            while at < stop and ((tag := data[at]) == 0x12 or tag == 0x0A):
                size, at = data[at + 1], at + 2
                if size > 127:
                    size, at = varint(data, at - 1)
                at += size
            name = data[begin:at]
            if data[at] == 0x82 and data[at + 1] == 0x01 and at < stop:
                size, value = data[at + 2], at + 3
                if size > 127:
                    size, value = varint(data, value - 1)
                out.append((name, data[value : value + size], at, stop))
            else:
                out.append((name, None, at, stop))
            at = stop
    except IndexError:
        raise WireError("cut short") from None
    return out


def path_of(name: bytes) -> tuple[str, ...]:
    """The parts of a key, from its bytes.

    Raises:
        WireError: They are none.
    """
    parts = [
        (number, name[begin:stop].decode("utf-8", "replace"))
        for number, begin, stop, _ in fields(name, 0, len(name))
    ]
    nested = tuple(word for number, word in parts if number == 2)
    return nested or tuple(word for number, word in parts if number == 1) or ("",)


def _typed(data: bytes, at: int, stop: int) -> Any:
    """A value in a field of its type, as newer versions have it."""
    for number, begin, end, kind in fields(data, at, stop):
        if number == _BOOL and kind == 0:
            return float(begin)
        if number == _INT and kind == 0:  # zigzag
            return float((begin >> 1) ^ -(begin & 1))
        if number == _FLOAT and kind == 1:
            return float(_F64(data, begin)[0])
        if number == _TEXT and kind == 2:
            return data[begin:end].decode("utf-8", "replace")
        if number in (_JSON, _VALUE) and kind == 2:
            value = loads(data[begin:end])
            return float(value) if isinstance(value, bool | int | float) else value
    return None


def _skipped(data: bytes, at: int, tag: int) -> int:
    kind = tag & 7
    if kind == 0:
        return varint(data, at)[1]
    if kind == 1:
        return at + 8
    if kind == 5:
        return at + 4
    if kind == 2:
        size, at = varint(data, at)
        return at + size
    raise WireError(f"wire type {kind}")


def nested(pairs: list[Odd]) -> dict[str, Any]:
    """Paths and values as they were logged: nested."""
    out: dict[str, Any] = {}
    for path, value in pairs:
        place = out
        for word in path[:-1]:
            inner = place.setdefault(word, {})
            if not isinstance(inner, dict):
                inner = place[word] = {}
            place = inner
        place[path[-1]] = value
    return out
