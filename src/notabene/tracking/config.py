"""The settings of an experiment: nested, by item or attribute, recorded as they change."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from notabene.errors import NotFoundError, UsageError
from notabene.model.records import JSON
from notabene.model.refs import split_path
from notabene.tracking.fields import as_mapping
from notabene.tracking.plain import Leaf, Reader, Tree, flatten, path_key, plain, plain_value

__all__ = ["Config", "as_mapping", "flatten", "plain", "plain_value"]

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

    __slots__ = ("_changed", "_noted", "_parts", "_top", "_up")

    _parts: dict[str, Leaf | Config]
    _up: Config | None
    _top: str
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
        for name, field in zip(("_parts", "_up", "_top", "_changed", "_noted"), fields, strict=True):
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
        return self._json() == theirs._json()

    __hash__ = None  # type: ignore[assignment]  # as of every mapping that changes

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

    def update(self, other: Any = (), /, **values: Any) -> None:
        """Set several values; sections are merged, all else is replaced.

        Args:
            other: Whatever has names and values; see :func:`as_mapping`.
            values: More of them.

        Raises:
            UsageError: ``other`` has no names and values.
        """
        reader = Reader()
        tree: Tree = {} if other == () else reader.section(as_mapping(other), other, reader.node)
        tree |= reader.section(values, values, reader.node)
        self._edit(tuple(tree), lambda: self._put_all(tree, merge=True), reader)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value; where there is none, the default, which is set."""
        if key not in self:
            self[key] = default
        return self[key]

    def restore(self, cells: Mapping[str, JSON]) -> None:
        """Put cells as they were recorded, by path, without reporting them as changes."""
        for path in sorted(cells):
            *above, name = split_path(path)
            section: Config = self
            for part in above:
                section = section._section(part)
            value = cells[path]
            section._put(escape_part(name), {} if value == {} else Leaf(value, value), merge=True)

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
        child._settle({}, self, self._top or name, None, None)
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
            section._section(name)._put_all(node, merge=merge)

    def _put_all(self, tree: Tree, *, merge: bool) -> None:
        # Names without a dot first: what is a plain value decides how others nest.
        for name in sorted(tree, key=lambda name: "." in name):
            self._put(name, tree[name], merge=merge)

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
        tops = {self._top} if self._up is not None else set()
        if not tops:
            names = [name_of(key) for key in keys]
            tops = {*names, *(_split(name)[0] for name in names)}
        notes: list[str] = []
        before = root._cells(tops, [])
        edit()
        after = root._cells(tops, notes)
        if root._noted is not None:
            for note in (*notes, *(reader.notes() if reader is not None else ())):
                root._noted("config", f"config: {note}")
        changed = {k: v for k, v in after.items() if k not in before or not _same(v, before[k])}
        removed = tuple(sorted(before.keys() - after.keys()))
        if root._changed is not None and (changed or removed):
            root._changed(changed, removed)

    def _cells(self, names: set[str], notes: list[str]) -> dict[str, JSON]:
        if self._changed is None:
            return {}
        return flatten({n: p for n, p in self._json().items() if n in names}, notes)
