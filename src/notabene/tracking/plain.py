"""Anything that people put into a config, as JSON.

Nothing here raises for what a value is: what has no JSON of its own becomes text, what is too
large is cut, and a sentence about it goes to ``notes``.
"""

from __future__ import annotations

import datetime
import enum
import functools
import inspect
import math
import os
import re
import sys
import uuid
from argparse import Namespace
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, Set, ValuesView
from decimal import Decimal
from fractions import Fraction
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from notabene.errors import UsageError
from notabene.model.records import JSON
from notabene.model.refs import join_path
from notabene.tracking.arrays import is_a, is_frame, scalar_of, shape_of, to_numpy
from notabene.tracking.guard import TROUBLE
from notabene.tracking.keys import metric_name

MAX_DEPTH = 64
MAX_LEAVES = 100_000
MAX_TEXT = 65_536
MAX_ARRAY = 1000
"""Elements of an array that is kept number by number; larger ones are described."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_CALLABLE = (type, staticmethod, classmethod, property, ModuleType)


class Leaf(NamedTuple):
    """A value of a config, as it was given and as JSON."""

    value: Any
    json: JSON


def plain(config: Any, notes: list[str] | None = None) -> dict[str, JSON]:
    """A config as nested JSON objects.

    Args:
        config: See :func:`as_mapping`; nested ones of all these kinds as well.
        notes: Gets a sentence for each kind of thing that could not be kept as it was.

    Raises:
        UsageError: ``config`` has no names and values.
    """
    reader = Reader()
    out = reader.mapping(as_mapping(config), config)
    _tell(reader, notes)
    return out


def plain_value(value: Any, notes: list[str] | None = None) -> JSON:
    """One value as JSON; never raises."""
    reader = Reader()
    out = reader.json(value)
    _tell(reader, notes)
    return out


def _tell(reader: Reader, notes: list[str] | None) -> None:
    if notes is not None:
        notes += reader.notes()


def flatten(nested: Mapping[str, JSON]) -> dict[str, JSON]:
    """Nested JSON objects as cells by path: ``{"model": {"depth": 3}}`` -> ``model.depth``.

    Empty objects and all lists are values. Paths are names fit to be stored (at most 250 bytes,
    no control characters).
    """
    cells: dict[str, JSON] = {}
    todo: list[tuple[tuple[str, ...], JSON]] = [((), dict(nested))]
    while todo:
        path, value = todo.pop()
        if isinstance(value, Mapping) and (value or not path):
            todo += [((*path, key), part) for key, part in reversed(value.items())]
        else:
            cells[path_key(path)] = value
    return cells


def path_key(path: tuple[str, ...]) -> str:
    """The cell's name for a path: long ones are cut, control characters replaced."""
    return metric_name(join_path(path), _no_note)


def _no_note(code: str, message: str) -> None:
    del code, message


def as_mapping(config: Any) -> Mapping[Any, Any]:
    """Names and values of what may be a whole config.

    Args:
        config: A mapping, argparse or simple namespace, dataclass, attrs or pydantic object,
            named tuple, msgspec Struct, OmegaConf, absl flags, an object with ``to_dict()`` or
            ``keys()``; else any object, class or module by its public attributes.

    Raises:
        UsageError: It has none.
    """
    fields = fields_of(config)
    if fields is None and not _is_one_value(config):
        fields = _attributes(config)
    if fields is None:
        shown = _repr(config)
        raise UsageError(
            f"a config must have names and values, as a mapping, Namespace, dataclass, pydantic "
            f"model, OmegaConf or absl flags have, not {type(config).__name__} {shown[:80]}",
            hint="config={'lr': 0.1}",
        )
    return fields


def fields_of(value: Any) -> Mapping[Any, Any] | None:
    """Names and values of an object that is made of such, else None; never raises."""
    if type(value) in _SCALARS:
        return None
    try:
        return _fields_of(value)
    except TROUBLE:
        return None


_SCALARS = frozenset({str, int, float, bool, type(None), list, tuple})


def _fields_of(value: Any) -> Mapping[Any, Any] | None:
    kind = type(value)
    if is_a(value, "omegaconf", "DictConfig"):
        return _omegaconf(value)
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Namespace | SimpleNamespace):
        return vars(value)
    if isinstance(value, type) or shape_of(value) is not None or is_frame(value):
        return None
    if isinstance(value, tuple):
        names: Iterable[str] = getattr(kind, "_fields", ())
        return dict(zip(names, value, strict=True)) if names else None
    if is_a(value, "pydantic", "BaseModel"):
        return dict(value)
    if is_a(value, "absl", "FlagValues"):
        return _named(value.flag_values_dict())
    for attribute in ("__dataclass_fields__", "__struct_fields__", "__attrs_attrs__"):
        if hasattr(kind, attribute):
            names = [getattr(field, "name", field) for field in getattr(kind, attribute)]
            return {name: getattr(value, name) for name in names if hasattr(value, name)}
    for method in ("to_dict", "keys"):
        if inspect.ismethod(call := getattr(value, method, None)):
            found = call()
            return _named(found if method == "to_dict" else {key: value[key] for key in found})
    return None


def _named(found: Any) -> Mapping[Any, Any] | None:
    return found if isinstance(found, Mapping) else None


def _omegaconf(value: Any) -> Mapping[Any, Any] | None:
    to_container = sys.modules["omegaconf"].OmegaConf.to_container
    try:
        return _named(to_container(value, resolve=True))
    except TROUBLE:  # an interpolation that leads nowhere
        return _named(to_container(value, resolve=False))


def _attributes(value: Any) -> dict[str, Any] | None:
    """Public attributes of a class, module or object that are no code, its classes' first."""
    classes = value.__mro__ if isinstance(value, type) else type(value).__mro__
    places = [cls for cls in reversed(classes) if cls is not object]
    if isinstance(value, ModuleType):
        places = []
    found = {}
    for place in (*places, value):
        for name, part in getattr(place, "__dict__", {}).items():
            if not name.startswith("_") and not isinstance(part, _CALLABLE) and not callable(part):
                found[name] = part
    return found or None
