"""Anything that people put into a config, as JSON.

Nothing here raises for what a value is: what has no JSON of its own becomes text, what is too
large is cut, and a sentence about it goes to ``notes``.
"""

from __future__ import annotations

import array
import datetime
import enum
import functools
import math
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set, ValuesView
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple, TypeVar

import msgspec

from notabene.model.records import JSON
from notabene.model.refs import join_path
from notabene.tracking.arrays import as_number, is_a, is_frame, scalar_of, shape_of, to_numpy
from notabene.tracking.fields import Fields, as_mapping, attributes_of, fields_of
from notabene.tracking.guard import TROUBLE
from notabene.tracking.keys import EMPTY, metric_name

MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_TEXT = 65_536
"""Bytes in UTF-8."""
MAX_LIST = 131_072
"""Bytes of a list as JSON, where it is one cell of a config."""
MAX_ARRAY = 1000
"""Elements of an array that is kept number by number; larger ones are described."""

_NO_REPR: object = object.__repr__
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_NAMED = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)
_ROWS = (list, tuple, deque, ValuesView, array.array)

_SAID = {
    "text": "{n} without a JSON form kept as text",
    "cut": "{n} longer than 64 KiB cut",
    "array": "{n} of more than 1,000 numbers described, not kept",
    "itself": "{n} holding itself cut there",
    "deep": "{n} nested deeper than 64 levels cut there",
    "many": "only the first 100,000 values kept, {n} cut",
}

T = TypeVar("T")


class Leaf(NamedTuple):
    """A value as it was given and as JSON."""

    value: Any
    json: JSON


Tree = dict[str, Any]
"""Leaves and trees by name."""


def plain(config: Any, notes: list[str] | None = None) -> dict[str, JSON]:
    """A config as nested JSON objects.

    Args:
        config: See :func:`as_mapping`; it may hold nested ones of all these kinds.
        notes: Gets a sentence for each kind of thing that could not be kept as it was.

    Raises:
        UsageError: ``config`` has no names and values.
    """
    reader = Reader()
    out = reader.section(as_mapping(config), config, reader.json)
    if notes is not None:
        notes += reader.notes()
    return out


def plain_value(value: Any, notes: list[str] | None = None) -> JSON:
    """One value as JSON; never raises."""
    reader = Reader()
    out = reader.json(value)
    if notes is not None:
        notes += reader.notes()
    return out


def flatten(
    nested: Mapping[str, JSON], notes: list[str] | None = None, *, above: tuple[str, ...] = ()
) -> dict[str, JSON]:
    """Nested JSON objects as cells by path: ``{"model": {"depth": 3}}`` -> ``model.depth``.

    Empty objects and all lists are values. Paths are names fit to be stored (at most 250 bytes,
    no control characters); a list of more than 128 KiB becomes text, and is cut.

    Args:
        nested: The objects.
        notes: Gets a sentence for each list that was cut.
        above: The path that they lie under.
    """
    cells: dict[str, JSON] = {}
    todo: list[tuple[tuple[str, ...], JSON]] = [(above, dict(nested))]
    while todo:
        path, value = todo.pop()
        if isinstance(value, Mapping) and (value or path == above):
            todo += [((*path, key), value[key]) for key in reversed(value)]
            continue
        cells[path_key(path)] = fit(value, notes)
    return cells


def fit(value: JSON, notes: list[str] | None = None) -> JSON:
    """A value that one cell can hold: a list of more than 128 KiB becomes text, and is cut."""
    if not isinstance(value, list) or len(data := msgspec.json.encode(value)) <= MAX_LIST:
        return value
    if notes is not None:
        notes.append(f"a list of {len(data):,} bytes was cut")
    return cut(data.decode())[0]


def path_key(path: tuple[str, ...]) -> str:
    """Name of the cell at a path: long ones are cut, control characters replaced."""
    return metric_name(join_path(path), lambda _code, _message: None)


def cut(text: str) -> tuple[str, bool]:
    """A text that UTF-8 can hold, of at most about 64 KiB, and whether something is missing."""
    data = text.encode("utf-8", "replace")
    if len(data) <= MAX_TEXT:
        return data.decode(), False
    return f"{data[:MAX_TEXT].decode('utf-8', 'ignore')}... ({len(data):,} bytes)", True


def text_of(value: object) -> str:
    """A value's ``repr`` without addresses, so that equal configs are equal; never raises."""
    try:
        return _ADDRESS.sub("", repr(value))
    except TROUBLE:
        return f"<{type(value).__name__} whose repr fails>"


class Reader:
    """Walks through values once, within the limits above, and counts what it had to change."""

    def __init__(self) -> None:
        self._left = MAX_VALUES
        self._above: list[int] = []
        self._path: list[str] = []
        self._seen: dict[str, tuple[int, str]] = {}

    def notes(self) -> list[str]:
        """What could not be kept as it was, a sentence for each kind of trouble."""
        return [
            f"{_SAID[code].format(n='1 value' if n == 1 else f'{n:,} values')} (first: {where})"
            for code, (n, where) in self._seen.items()
        ]

    def node(self, value: Any) -> Leaf | Tree:
        """A tree where the value is made of names and values, else a leaf."""
        fields = fields_of(value)
        if fields is None:
            return Leaf(value, self.json(value))
        marker = self._stop(value)
        if marker is not None:
            return Leaf(value, marker)
        return self.section(fields, value, self.node)

    def json(self, value: Any) -> JSON:
        """A value as JSON."""
        kind = type(value)
        self._left -= 1
        if kind is str:
            return self._text(value)
        if kind is float or kind is bool or value is None:
            return value
        if kind is int:
            return _whole(value)
        fields = fields_of(value)
        if fields is None:
            try:
                if not isinstance(value, (*_ROWS, Set)):
                    return self._other(value)
            except TROUBLE:
                return self._shown(value)
        marker = self._stop(value)
        if marker is not None:
            return marker
        return self._rows(value) if fields is None else self.section(fields, value, self.json)

    def section(self, fields: Fields, owner: object, read: Callable[[Any], T]) -> dict[str, T]:
        """Names and what ``read`` makes of the values."""
        out: dict[str, T] = {}
        depth = len(self._path)
        self._above.append(id(owner))
        try:
            for key, value in list(fields.items()):
                if self._left <= 0:
                    self._note("many")
                    break
                name = _free(name_of(key), out)
                self._path.append(name)
                out[name] = read(value)
                del self._path[depth:]
        except TROUBLE:  # a mapping of the user's own that fails on the way
            self._note("text")
            del self._path[depth:]
        self._above.pop()
        return out

    def _rows(self, values: Iterable[Any]) -> list[JSON]:
        out = []
        if isinstance(values, Set):
            values = sorted(values, key=lambda v: (type(v).__name__, _order(v), text_of(v)))
        self._above.append(id(values))
        for value in list(values):
            if self._left <= 0:
                self._note("many")
                break
            out.append(self.json(value))
        self._above.pop()
        return out

    def _stop(self, value: object) -> str | None:
        """What stands for a value that cannot be gone into."""
        if id(value) in self._above:
            self._note("itself")
            return "<holds itself>"
        if len(self._above) >= MAX_DEPTH:
            self._note("deep")
            return f"<nested deeper than {MAX_DEPTH}>"
        return None

    def _note(self, code: str) -> None:
        count, where = self._seen.get(code, (0, ".".join(self._path)[:120] or "the value itself"))
        self._seen[code] = (count + 1, where)

    def _text(self, text: str) -> str:
        kept, is_cut = cut(text)
        if is_cut:
            self._note("cut")
        return kept

    def _shown(self, value: object) -> str:
        self._note("text")
        return self._text(text_of(value))

    def _other(self, value: Any) -> JSON:
        """Single things of all kinds."""
        if isinstance(value, enum.Enum):
            if isinstance(value.value, str) or isinstance(value, int | float):
                return self.json(value.value)
            return value.name or str(value)
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, int):
            return _whole(int(value))
        if (
            isinstance(value, float)
            or is_a(value, "decimal", "Decimal")
            or is_a(value, "fractions", "Fraction")
        ):
            return as_number(value)
        if shape_of(value) is not None or is_frame(value):
            return self._array(value)
        if isinstance(value, _NAMED):
            return _code_name(value)
        if getattr(type(value), "__repr__", None) is _NO_REPR:
            attributes = attributes_of(value)
            if attributes is None:
                return f"<{_code_name(type(value))}>"
            return self._stop(value) or self.section(attributes, value, self.json)
        return self._written(value)

    def _written(self, value: Any) -> JSON:
        """Things that have one usual way to be written."""
        if isinstance(value, os.PathLike):
            return self._text(os.fsdecode(value))
        if isinstance(value, bytes | bytearray):
            return self._text(value.decode("utf-8", "backslashreplace"))
        if isinstance(value, datetime.date | datetime.time):
            return value.isoformat()
        if isinstance(value, datetime.timedelta):
            return value.total_seconds()
        if isinstance(value, re.Pattern):
            return self.json(value.pattern)
        if isinstance(value, functools.partial):
            parts = [text_of(a) for a in value.args]
            parts += [f"{name}={text_of(a)}" for name, a in value.keywords.items()]
            return self._text(f"partial({', '.join([str(self.json(value.func)), *parts])})")
        if isinstance(value, complex) or is_a(value, "uuid", "UUID") or _is_type_word(value):
            return str(value)
        if isinstance(value, range | slice):
            return repr(value)
        if is_a(value, "omegaconf", "ListConfig"):
            return self._rows([value[i] for i in range(len(value))])
        return self._shown(value)

    def _array(self, value: Any) -> JSON:
        number, shape = scalar_of(value), shape_of(value)
        if number is not None and shape == ():
            return self.json(number)
        if shape == ():
            return self._text(str(value))  # a time of numpy
        if shape is not None and math.prod(shape) <= MAX_ARRAY:
            numbers = to_numpy(value)
            return self.json((value if numbers is None else numbers).tolist())
        self._note("array")
        lengths = " x ".join(map(str, value.shape))
        kind = f" {value.dtype}" if hasattr(value, "dtype") else ""
        return f"<{type(value).__name__} {lengths}{kind}>"


def _whole(number: int) -> JSON:
    """Integers that 64 bits hold as they are, larger ones as text."""
    if -(2**63) <= number < 2**63:
        return number
    return str(number) if number.bit_length() < 10_000 else hex(number)


def _order(value: Any) -> float:
    number = as_number(value)
    return 0.0 if number is None else number


def name_of(key: Any) -> str:
    """A key as the text it is stored under; never empty."""
    if isinstance(key, enum.Enum):
        key = key.name
    text = str.__str__(key) if isinstance(key, str) else text_of(key)
    return text.encode("utf-8", "replace").decode() if text.strip() else EMPTY


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """The name, or with a number where another key (1 and ``"1"``) has it already."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}~{number}"
    return free


def _code_name(value: Any) -> str:
    """``module.name`` of a class, function or module."""
    name = str(getattr(value, "__qualname__", None) or getattr(value, "__name__", "?"))
    module = None if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return name if module in (None, "builtins") else f"{module}.{name}"


def _is_type_word(value: object) -> bool:
    """Whether a value is a dtype or a device of some library."""
    return type(value).__name__.lower().endswith(("dtype", "device")) or is_a(
        value, "numpy", "dtype"
    )
