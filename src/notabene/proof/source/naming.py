"""Names: what they stand for, what they are given, and whether their order is used."""

from __future__ import annotations

import ast
from typing import Final

from notabene.proof.source import values as v
from notabene.proof.source.uses import ARRIVAL, Found
from notabene.proof.source.values import PLAIN, At, Class, Function, Instance, Scope, Value, join

_BUILTINS: Final = frozenset(
    "set frozenset list tuple dict iter enumerate zip map filter reversed sorted len any all max"
    " min sum bool type isinstance issubclass repr hasattr getattr setattr callable next hash id"
    " print range int float str round abs hex bytes format pow divmod ord open exit quit vars"
    " __import__ object bytearray".split()
)
"""Those of Python's own names that mean something here; the same for every Python."""
_MOST_ENTRIES: Final = 256


class Names:
    """What names stand for at the point reached, and what comes of using and changing them.

    Attributes:
        found: Where uses are collected.
        aliases: Full dotted names of what is imported, by the name it has here.
        scope: The names at the point reached.
        options: What options of the command line are if they are not given, by name.
    """

    def __init__(self, found: Found) -> None:
        self.found = found
        self.aliases: dict[str, str] = {}
        self.scope = Scope(None)
        self.options: dict[str, Value] = {}
        self.quiet = 0  # within what only tells something: order there changes no result

    def value(self, node: ast.expr | None) -> Value:
        """What is known of an expression; everything in it is looked at."""
        raise NotImplementedError

    def call(self, node: ast.Call) -> Value:
        """What is known of the result of a call."""
        raise NotImplementedError

    def entry(self, line: int, key: object, value: Value) -> None:
        """Look at a value that a mapping is given under a key."""
        raise NotImplementedError

    def enter(self, function: Function, bound: Value | None = None) -> Value:
        """Go through a function of the source, and tell what it returns."""
        raise NotImplementedError

    # -- names ---------------------------------------------------------------------------------

    def path(self, node: ast.expr) -> str:
        """Full dotted name of a module, function or class that is not of this source."""
        if isinstance(node, ast.Name):
            name = node.id
            if self.scope.find(name) is not None:
                return ""
            return self.aliases.get(name) or (name if name in _BUILTINS else "")
        if isinstance(node, ast.Attribute):
            base = self.path(node.value)
            if not base or base in _BUILTINS:
                return "dict.fromkeys" if base == "dict" and node.attr == "fromkeys" else ""
            return f"{base}.{node.attr}"
        return ""

    def take(self, value: Value, at: At | None = None) -> None:
        """Note that something is used in the order it has, if that order is not fixed.

        Args:
            value: What is used.
            at: The place, for a set; of a sequence, the place where it was made is told.
        """
        marks = value.marks
        if self.quiet or not marks & (v.SET | v.IN_ORDER):
            return
        line, call = value.at or at or (0, "")
        if marks & v.LISTING:
            self.found.add("listing_order", line, call)
        if marks & v.ARRIVED:
            self.found.add("thread_uses", line, call, ARRIVAL)
        if marks & v.ORDERED:
            self.found.add("hash_order", line, call)
        elif marks & v.SET and not marks & v.NUMBERS and at is not None:
            self.found.add("hash_order", *at)

    def take_sequence(self, value: Value) -> None:
        """The same for what looks at sequences only: handing a set on tells no order."""
        if value.marks & v.IN_ORDER and not value.marks & v.KEYED:
            self.take(value)

    def rebind(self, node: ast.expr, value: Value) -> None:
        """Give a name or an attribute a value that it got without an assignment, by ``.sort()``."""
        if isinstance(node, ast.Name):
            scope: Scope | None = self.scope
            while scope is not None and node.id not in scope.names:
                scope = scope.parent
            if scope is not None:
                scope.names[node.id] = value
        elif isinstance(node, ast.Attribute):
            owner = self.value(node.value).owner
            if isinstance(owner, Instance):
                owner.of.attributes[node.attr] = value
            elif isinstance(owner, Class):
                owner.attributes[node.attr] = value
            else:
                self._keep(node.value, node.attr, value)

    def index(self, node: ast.expr) -> Value:
        """What is known of the index of something."""
        # A memory with hashes as keys gives the same whatever they are.
        hashes = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "hash"
        self.quiet += hashes
        value = self.value(node)
        self.quiet -= hashes
        return value

    def _keep(self, base: ast.expr, key: object, value: Value) -> None:
        """Remember an entry of a mapping, or an attribute of something like a namespace."""
        kept = self.value(base)
        if kept.marks & v.ARGUMENTS and isinstance(key, str):
            self.options[key] = join(self.options.get(key), value)
        elif isinstance(base, ast.Name) and len(kept.items or ()) < _MOST_ENTRIES:
            items = {**(kept.items or {}), key: value}
            self.rebind(base, Value(kept.marks, kept.at, items, kept.owner))

    def bind(self, target: ast.expr, value: Value) -> None:
        """Give a target of an assignment its value."""
        if isinstance(target, ast.Name):
            self.scope.bind(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            if value.items is None and len(target.elts) > 1:
                self.take(value, (target.lineno, "unpacking"))
            inner = self.element(value)
            for place, item in enumerate(target.elts):
                self.bind(item, value.items.get(place, PLAIN) if value.items else inner)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value.only(v.ORIGINS))
        elif isinstance(target, ast.Attribute):
            self.rebind(target, value)
        elif isinstance(target, ast.Subscript):
            self.index(target.slice)
            if isinstance(target.slice, ast.Constant):
                self._keep(target.value, target.slice.value, value)
            else:
                self.value(target.value)

    def element(self, value: Value) -> Value:
        """What is known of each item of a collection."""
        if value.items and not value.marks & v.KEYED and len(value.items) <= 8:
            result: Value | None = None
            for item in value.items.values():
                result = item if result is None else join(result, item)
            return result or PLAIN
        number = v.NUMBER if value.marks & v.NUMBERS else 0
        return value.only(v.ORIGINS, number) if value.marks else PLAIN
