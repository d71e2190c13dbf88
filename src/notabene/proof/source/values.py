"""What is known of a value without running the program: where it comes from, how it is ordered."""

from __future__ import annotations

import ast
from typing import Final

LITERAL: Final = 1 << 0
CLOCK: Final = 1 << 1
SPAN: Final = 1 << 2  # a difference of two clock readings
PART: Final = 1 << 3  # an hour, a weekday, a remainder of the clock
TIMED: Final = 1 << 4  # a yes or no that the clock decides
ENTROPY: Final = 1 << 5
PROCESS: Final = 1 << 6
HASH: Final = 1 << 7
OPTION: Final = 1 << 8
VARIABLE: Final = 1 << 9
DRAWN: Final = 1 << 10
SET: Final = 1 << 11
ORDERED: Final = 1 << 12  # a sequence in the order of a set
LISTING: Final = 1 << 13  # a sequence in the order of a folder
WALK: Final = 1 << 14  # its items hold listings, as those of os.walk do
KEYED: Final = 1 << 15  # a mapping: looked up by key, its order counts when it is iterated
NUMBER: Final = 1 << 16  # a number: its hash is the same in every process
NUMBERS: Final = 1 << 17  # a collection of numbers
NONE: Final = 1 << 18
ARGUMENTS: Final = 1 << 19  # what a parser of the command line returned
ENVIRON: Final = 1 << 20
OWN: Final = 1 << 21  # a generator of its own
UUID: Final = 1 << 22
TEXT: Final = 1 << 23
KEYS: Final = 1 << 24  # the keys of a mapping: in order, but not in sums of sets
PATH: Final = 1 << 25
POOL: Final = 1 << 27  # threads that are given work
COUNTED: Final = 1 << 26  # each item stands beside its place, as enumerate gives them

ORIGINS: Final = CLOCK | SPAN | PART | ENTROPY | PROCESS | HASH | OPTION | VARIABLE | DRAWN | TIMED
ARRIVED: Final = 1 << 28  # a sequence in the order in which threads or processes were done

IN_ORDER: Final = ORDERED | LISTING | ARRIVED
COLLECTION: Final = SET | IN_ORDER | WALK | KEYED | NUMBERS

At = tuple[int, str]
"""Line and call where what is remarkable about a value began."""


def as_sequence(marks: int) -> int:
    """Marks of a sequence with the items of what has these: numbers in a set have one order."""
    if not marks & SET:
        return marks
    return marks & ~SET | (0 if marks & NUMBERS else ORDERED)


class Value:
    """What is known of a value; never changed once it is made.

    Attributes:
        marks: What it is, as bits.
        at: Where that began.
        items: Values inside, by key or place, where they are written out.
        owner: The function, class or instance that it is, of those in the same source.
    """

    __slots__ = ("at", "items", "marks", "owner")

    def __init__(
        self,
        marks: int = 0,
        at: At | None = None,
        items: dict[object, Value] | None = None,
        owner: Function | Class | Instance | None = None,
    ) -> None:
        self.marks = marks
        self.at = at
        self.items = items
        self.owner = owner

    def only(self, keep: int, add: int = 0) -> Value:
        """The same with fewer, or other, marks."""
        marks = self.marks & keep | add
        return Value(marks, self.at) if marks else PLAIN

    def is_none(self) -> bool:
        """Whether it is nothing but None."""
        return self.marks == LITERAL | NONE

    def like(self, marks: int) -> Value:
        """The same in everything but the marks."""
        return Value(marks, self.at, self.items, self.owner)


PLAIN: Final = Value()
A_NUMBER: Final = Value(NUMBER)
A_TEXT: Final = Value(TEXT)


def join(one: Value | None, other: Value | None) -> Value:
    """What is known of a value that is one or the other."""
    if one is None or one is other or (one is PLAIN and other is not None and not other.marks):
        return other or PLAIN
    if other is None:
        return one
    marks = one.marks | other.marks
    if (one.marks ^ other.marks) & NONE:
        marks &= ~LITERAL
    # "All numbers" holds of both or not at all; an empty side says nothing against it.
    for mark in (NUMBER, NUMBERS, LITERAL):
        if marks & mark and not (one.marks & other.marks & mark):
            marks &= ~mark
    items = other.items if one.items is None else one.items
    if one.items is not None and other.items is not None and one.items is not other.items:
        items = {key: join(one.items.get(key), v) for key, v in other.items.items()}
        items |= {key: v for key, v in one.items.items() if key not in items}
    return Value(marks, one.at or other.at, items, one.owner or other.owner)


class Function:
    """A function of the source, and what is known of its arguments and results."""

    __slots__ = (
        "active", "called", "defaults", "home", "node", "owner", "params", "returns", "runs",
        "seen",
    )  # fmt: skip

    def __init__(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, home: Scope, owner: Class | None
    ) -> None:
        self.node = node
        self.home = home
        self.owner = owner
        self.defaults: dict[str, Value] = {}
        self.params: dict[str, Value] = {}
        self.returns: Value = PLAIN
        self.runs = 0
        self.active = False
        self.called = False
        self.seen: dict[str, int] = {}


class Class:
    """A class of the source: its attributes, of the class and of instances alike."""

    __slots__ = ("attributes", "bases", "instance", "methods", "name")

    def __init__(self, name: str, bases: list[Class]) -> None:
        self.name = name
        self.bases = bases
        self.attributes: dict[str, Value] = {}
        self.methods: dict[str, Function] = {}
        self.instance = Instance(self)

    def method(self, name: str) -> Function | None:
        """A method, of the class or of its bases in the same source."""
        if name in self.methods:
            return self.methods[name]
        found = (base.method(name) for base in self.bases if base is not self)
        return next((method for method in found if method), None)

    def attribute(self, name: str) -> Value | None:
        """What is known of an attribute, of the class or of its bases."""
        if name in self.attributes:
            return self.attributes[name]
        found = (base.attribute(name) for base in self.bases if base is not self)
        return next((value for value in found if value), None)


class Instance:
    """An instance of a class of the source; all of a class share what is known."""

    __slots__ = ("of",)

    def __init__(self, of: Class) -> None:
        self.of = of


class Scope:
    """Names and what is known of their values, at the point reached."""

    __slots__ = ("function", "is_class", "names", "outside", "parent")

    def __init__(
        self, parent: Scope | None, *, is_class: bool = False, function: Function | None = None
    ) -> None:
        self.parent = parent
        self.is_class = is_class
        self.function = function
        self.names: dict[str, Value] = {}
        self.outside: dict[str, Scope] = {}  # names declared global or nonlocal

    def find(self, name: str) -> Value | None:
        """The value of a name, looked for here and then outwards as Python does."""
        found = self.names.get(name)
        if found is not None:
            return found
        scope = self.parent
        while scope is not None:
            if not scope.is_class:
                found = scope.names.get(name)
                if found is not None:
                    return found
            scope = scope.parent
        return None

    def bind(self, name: str, value: Value) -> None:
        """Give a name its value."""
        if self.outside and name in self.outside:
            self.outside[name].names[name] = value
        else:
            self.names[name] = value

    def top(self) -> Scope:
        """The scope of the module."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope
