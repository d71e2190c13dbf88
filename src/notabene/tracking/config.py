"""The settings of an experiment: nested, by item or attribute, recorded as they change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, cast

from notabene.errors import NotFoundError, UsageError
from notabene.model.records import JSON
from notabene.model.refs import split_path
from notabene.tracking.fields import as_mapping
from notabene.tracking.plain import (
    Leaf,
    Reader,
    Tree,
    flatten,
    name_of,
    path_key,
    plain,
    plain_value,
)

__all__ = ["Config", "as_mapping", "flatten", "plain", "plain_value"]

_DOT = re.compile(r"(?<!\\)\.")
_PORTABLE = frozenset({"pathlib", "datetime", "decimal", "fractions", "uuid"})
_BUILT_IN = (str, int, float, bool, complex, bytes, type(None))

Changed = Callable[[dict[str, JSON], tuple[str, ...]], None]
Noted = Callable[[str, str], None]


class NoSuchKeyError(NotFoundError, KeyError):
    """There is no value of this name (caught by ``except KeyError`` as well)."""


class NoSuchAttributeError(NotFoundError, AttributeError):
    """There is no value of this name (so ``hasattr`` and ``getattr`` work as usual)."""


class Config(MutableMapping[str, Any]):
    """Nested settings: ``config.lr``, ``config["lr"]``, ``config.model.depth = 3``.

    Reads give what was put, of the type it had; whatever has names and values (see
    :func:`as_mapping`) becomes a section, which is a Config itself. A dot in a name nests:
    ``config["model.depth"]`` is ``config.model.depth``, unless ``model`` is a plain value.
    Changes are recorded when they are made here; a list changed in place is not noticed.
    Names that are methods (``update``, ``items`` ...) and those that begin with ``_`` are
    reached as items. Pickles and copies stand alone, and hold JSON where a value was code or
    an object of a library.

    Args:
        values: What it begins with; not reported as a change.
        on_change: Called after each change with the cells that are set, by path, and the paths
            that are gone.
        on_note: Called with ``(code, message)`` when a value could not be kept as it was.
    """

    __slots__ = ("_changed", "_name", "_noted", "_parts", "_up")

    _parts: dict[str, Leaf | Config]
    _up: Config | None
    _name: str
    _changed: Changed | None
    _noted: Noted | None

    def __init__(
        self,
        values: Any = None,
        *,
        on_change: Changed | None = None,
        on_note: Noted | None = None,
    ) -> None:
        self._settle({}, None, "", None, on_note)
        if values is not None:
            self.update(values)
        self._settle(self._parts, None, "", on_change, on_note)

    def _settle(self, *fields: Any) -> None:
        """Set the fields, which plain assignment would take for settings."""
        for name, field in zip(
            ("_parts", "_up", "_name", "_changed", "_noted"), fields, strict=True
        ):
            object.__setattr__(self, name, field)

    # -- reading ---------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        found = self._find(key)
        if found is None:
            message, hint = self._missing(key)
            raise NoSuchKeyError(message, hint=hint)
        return found.value if isinstance(found, Leaf) else found

    def __getattr__(self, name: str) -> Any:
        found = None if name.startswith("_") else self._find(name)
        if found is None:
            message, hint = ("no setting", "") if name.startswith("_") else self._missing(name)
            raise NoSuchAttributeError(message, hint=hint)
        return found.value if isinstance(found, Leaf) else found

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or a default where there is none."""
        found = self._find(key)
        if found is None:
            return default
        return found.value if isinstance(found, Leaf) else found

    def __contains__(self, key: object) -> bool:
        return self._find(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._parts))

    def __len__(self) -> int:
        return len(self._parts)

    def as_dict(self) -> dict[str, Any]:
        """The settings as nested dicts, each value as it was put."""
        return {
            name: part.value if isinstance(part, Leaf) else part.as_dict()
            for name, part in list(self._parts.items())
        }

    def __eq__(self, other: object) -> bool:
        """Equal where the same would be recorded: a tuple is equal to a list."""
        if not isinstance(other, Mapping):
            return NotImplemented
        theirs = other if isinstance(other, Config) else Config(other)
        return bool(_json_of(self) == _json_of(theirs))

    def __repr__(self) -> str:
        return f"Config({self.as_dict()!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Config, (self._portable(),)

    # -- changing --------------------------------------------------------------------------

    def __setitem__(self, key: str, value: Any) -> None:
        reader = Reader()
        node = reader.node(value)
        self._edit((key,), lambda: self._put(key, node, merge=False), reader)

    def __setattr__(self, name: str, value: Any) -> None:
        self._check_attribute(name)
        self[name] = value

    def __delattr__(self, name: str) -> None:
        self._check_attribute(name)
        if name not in self:
            message, hint = self._missing(name)
            raise NoSuchAttributeError(message, hint=hint)
        del self[name]

    def __delitem__(self, key: str) -> None:
        if key not in self:
            message, hint = self._missing(key)
            raise NoSuchKeyError(message, hint=hint)
        self._edit((key,), lambda: self._take(key), None)

    def update(self, other: Any = None, /, **values: Any) -> None:
        """Set several values; sections are merged, all else is replaced.

        Args:
            other: Whatever has names and values; see :func:`as_mapping`.
            values: More of them.

        Raises:
            UsageError: ``other`` has no names and values.
        """
        reader = Reader()
        tree: Tree = {}
        if other is not None:
            tree |= reader.section(as_mapping(other), other, reader.node)
        tree |= reader.section(values, values, reader.node)
        self._edit(tuple(tree), lambda: self._put_all(tree), reader)

    def __ior__(self, other: Any) -> Config:
        """``config |= {...}``, as for a dict: the same as :meth:`update`."""
        self.update(other)
        return self

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value; where there is none, the default, which is set."""
        if key not in self:
            self[key] = default
        return self[key]

    def restore(self, cells: Mapping[str, JSON]) -> None:
        """Put cells as they were recorded, by path, without reporting them as changes."""
        for path in sorted(cells):
            names, section = split_path(path), self
            for index, name in enumerate(names[:-1]):
                if isinstance(section._parts.get(name), Leaf):
                    names = (".".join(names[index:]),)
                    break
                section = section._section(name)
            value = cells[path]
            if value == {}:
                section._section(names[-1])
            else:
                section._drop(names[-1])
                section._parts[names[-1]] = Leaf(value, value)

    # -- inside ----------------------------------------------------------------------------

    def _spot(self, key: object, *, make: bool = False) -> tuple[Config, str]:
        """The section that a key lies in, and its name there."""
        name = name_of(key)
        if name in self._parts:
            return self, name
        path, section = _split(name), self
        for index, part in enumerate(path[:-1]):
            below = section._parts.get(part)
            if below is None and make:
                below = section._section(part)
            if not isinstance(below, Config):
                # Below a plain value nothing nests: the rest is one name.
                return section, ".".join(path[index:])
            section = below
        return section, path[-1]

    def _find(self, key: object) -> Leaf | Config | None:
        section, name = self._spot(key)
        return section._parts.get(name)

    def _section(self, name: str) -> Config:
        """The section of a name, made where there is none."""
        found = self._parts.get(name)
        if isinstance(found, Config):
            return found
        child = Config()
        child._settle({}, self, name, None, None)
        self._parts[name] = child
        return child

    def _put(self, key: object, node: Leaf | Tree, *, merge: bool) -> None:
        section, name = self._spot(key, make=True)
        before = section._parts.get(name)
        if isinstance(node, Leaf) or not (merge and isinstance(before, Config)):
            section._drop(name)
        if isinstance(node, Leaf):
            section._parts[name] = node
        else:
            section._section(name)._put_all(node)

    def _put_all(self, tree: Tree) -> None:
        # Short paths first: where one is a plain value, those below it do not nest. Two names of
        # one tree may lead to the same section ("a.b" beside "a"): it gets what both hold.
        for name in sorted(tree, key=lambda name: name.count(".")):
            self._put(name, tree[name], merge=True)

    def _take(self, key: object) -> None:
        section, name = self._spot(key)
        section._drop(name)

    def _drop(self, name: str) -> None:
        part = self._parts.pop(name, None)
        if isinstance(part, Config):
            part._settle(part._parts, None, "", None, None)

    def _edit(
        self, keys: tuple[object, ...], edit: Callable[[], None], reader: Reader | None
    ) -> None:
        """Change something below these keys, and report by how much the cells differ."""
        root: Config = self
        while root._up is not None:
            root = root._up
        if root._changed is None:
            edit()
            return
        scope, notes = self._scope(keys), list[str]()
        before = _cells(*scope, [])
        edit()
        after = _cells(*scope, notes)
        if root._noted is not None:
            for note in (*notes, *(reader.notes() if reader is not None else ())):
                root._noted("config", f"config: {note}")
        changed = {k: v for k, v in after.items() if k not in before or not _same(v, before[k])}
        removed = tuple(sorted(before.keys() - after.keys()))
        if changed or removed:
            root._changed(changed, removed)

    def _scope(self, keys: tuple[object, ...]) -> tuple[Config, tuple[str, ...]]:
        """What a change of keys can touch: the section they lie in, and names there."""
        section: Config = self
        names = [name_of(key) for key in keys]
        if len(keys) == 1:
            section, name = self._spot(keys[0])
            names = [name]
        return section, tuple(dict.fromkeys(n for name in names for n in (name, _split(name)[0])))

    def _path(self) -> tuple[str, ...]:
        names: list[str] = []
        section = self
        while section._up is not None:
            names.append(section._name)
            section = section._up
        return tuple(reversed(names))

    def _portable(self) -> dict[str, Any]:
        return {
            name: part._portable()
            if isinstance(part, Config)
            else (part.value if _is_portable(part.value) else part.json)
            for name, part in list(self._parts.items())
        }

    def _missing(self, key: object) -> tuple[str, str]:
        import difflib

        section, name = self._spot(key)
        names = list(section._parts)
        near = difflib.get_close_matches(name, names, 1) if len(names) <= 1000 else []
        if near:
            hint = f"did you mean {near[0]!r}?"
        elif names:
            hint = f"there are {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}"
        else:
            hint = "nothing is set yet"
        return f"the config has no {str(key)[:80]!r}", hint

    def _check_attribute(self, name: str) -> None:
        if name.startswith("_") or hasattr(Config, name):
            raise UsageError(
                f"config.{name} is a name of Python's own or a method",
                hint=f"config[{name!r}] = ... sets a value of this name",
            )


def _cells(section: Config, names: Iterable[str], notes: list[str]) -> dict[str, JSON]:
    """What is recorded of some parts of a section; an empty section is a cell itself."""
    above = section._path()
    if above and not section._parts:
        return {path_key(above): {}}
    parts = {n: _json_of(section._parts[n]) for n in names if n in section._parts}
    return flatten(parts, notes, above=above)


def _json_of(part: Leaf | Config) -> JSON:
    if isinstance(part, Leaf):
        return part.json
    return {name: _json_of(below) for name, below in list(part._parts.items())}


def _split(name: str) -> list[str]:
    """Names along a path; a dot after a backslash, and one at an end, is part of a name."""
    parts = [part.replace("\\.", ".") for part in _DOT.split(name)]
    return parts if all(part.strip() for part in parts) else [name]


def _same(a: JSON, b: JSON) -> bool:
    """Equal in type as well: 1, 1.0 and True are three values, NaN is NaN."""
    return type(a) is type(b) and (a == b if isinstance(a, str) else repr(a) == repr(b))


def _is_portable(value: object) -> bool:
    """Whether any other process can unpickle a value."""
    if type(value) in (list, tuple, set, frozenset):
        return all(map(_is_portable, cast("Iterable[object]", value)))
    return type(value) in _BUILT_IN or type(value).__module__.partition(".")[0] in _PORTABLE
