"""Names and values of whatever people keep their settings in.

Libraries are recognised by the names of their classes and never imported: an object of theirs
means that they are loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Set
from types import MethodType, ModuleType, SimpleNamespace
from typing import Any

from notabene.errors import UsageError
from notabene.tracking.arrays import is_a, is_frame, shape_of
from notabene.tracking.guard import TROUBLE

Fields = Mapping[Any, Any]

_SCALARS = frozenset({str, int, float, bool, type(None), list, tuple})


def as_mapping(config: Any) -> Fields:
    """Names and values of what may be a whole config.

    Args:
        config: A mapping, argparse or simple namespace, dataclass, attrs or pydantic object,
            named tuple, msgspec Struct, OmegaConf, absl flags, an object with ``to_dict()`` or
            with ``keys()``; else any object, class or module by its public attributes.

    Raises:
        UsageError: It has neither.
    """
    fields = fields_of(config)
    if fields is None and not _is_one_value(config):
        fields = attributes_of(config)
    if fields is None:
        raise UsageError(
            "a config must have names and values, as a mapping, Namespace, dataclass, pydantic "
            f"model, OmegaConf or absl flags have; this is of type {type(config).__name__}",
            hint="config={'lr': 0.1}",
        )
    return fields


def fields_of(value: Any) -> Fields | None:
    """Names and values of an object that is made of such, else None; never raises."""
    if type(value) in _SCALARS:
        return None
    try:
        return _fields_of(value)
    except TROUBLE:
        return None


def _fields_of(value: Any) -> Fields | None:
    if is_a(value, "omegaconf", "DictConfig"):
        return _omegaconf(value)
    if isinstance(value, Mapping):
        return value
    if isinstance(value, SimpleNamespace) or is_a(value, "argparse", "Namespace"):
        return dict(vars(value))
    if isinstance(value, type) or shape_of(value) is not None or is_frame(value):
        return None
    if isinstance(value, tuple):
        fields: tuple[str, ...] = getattr(value, "_fields", ())
        return dict(zip(fields, value, strict=True)) if fields else None
    if is_a(value, "pydantic", "BaseModel"):
        return dict(value)
    if is_a(value, "absl", "FlagValues"):
        return _if_mapping(value.flag_values_dict())
    for attribute in ("__dataclass_fields__", "__struct_fields__", "__attrs_attrs__"):
        found = getattr(type(value), attribute, None)
        if found is not None:
            names = [getattr(field, "name", field) for field in found]
            return {name: getattr(value, name) for name in names if hasattr(value, name)}
    return _by_method(value)


def _by_method(value: Any) -> Fields | None:
    if isinstance(to_dict := getattr(value, "to_dict", None), MethodType):
        return _if_mapping(to_dict())
    if isinstance(keys := getattr(value, "keys", None), MethodType):
        return {key: value[key] for key in keys()}
    return None


def _omegaconf(value: Any) -> Fields | None:
    to_container = sys.modules["omegaconf"].OmegaConf.to_container
    try:
        return _if_mapping(to_container(value, resolve=True))
    except TROUBLE:  # an interpolation that leads nowhere
        return _if_mapping(to_container(value, resolve=False))


def _if_mapping(found: Any) -> Fields | None:
    return found if isinstance(found, Mapping) else None


def attributes_of(value: Any) -> dict[str, Any] | None:
    """Public attributes of a class, module or object that are no code; inherited ones too."""
    classes = value.__mro__ if isinstance(value, type) else type(value).__mro__
    places = [] if isinstance(value, ModuleType) else [c for c in classes[::-1] if c is not object]
    found: dict[str, Any] = {}
    for place in (*places, value):
        own: Fields = getattr(place, "__dict__", {})
        found |= {n: p for n, p in own.items() if not n.startswith("_") and not _is_code(p)}
    return found or None


def _is_code(part: Any) -> bool:
    return hasattr(part, "__get__") or isinstance(part, type | ModuleType)


def _is_one_value(value: Any) -> bool:
    """Whether a value is one thing, though it has attributes."""
    return (
        value is None
        or isinstance(value, str | bytes | bytearray | int | float | complex | list | tuple | Set)
        or shape_of(value) is not None
        or is_frame(value)
        or (callable(value) and not isinstance(value, type))
    )
