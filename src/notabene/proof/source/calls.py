"""What a call gives, as far as its name and what it is given tell."""

from __future__ import annotations

import ast
from typing import Final

from notabene.proof.source import known
from notabene.proof.source import values as v
from notabene.proof.source.values import PLAIN, At, Value, join

_FIELDS: Final = {
    "hour", "minute", "second", "microsecond", "day", "month", "weekday", "isoweekday",
    "dayofweek", "tm_hour", "tm_min", "tm_sec", "tm_wday", "tm_yday", "tm_mday", "tm_mon",
}  # fmt: skip
"""Parts of a point in time."""


class Call:
    """A call with what is known of everything in it.

    Attributes:
        node: The call.
        path: Full dotted name of what is called, ``numpy.random.rand``; empty if not known.
        name: Last word of it, ``rand``.
        written: As it stands in the source, ``np.random.rand``.
        receiver: What a method is called of, if it is no module.
        args, keywords: What it is given; arguments in stars are left out.
        starred: Whether there are arguments in stars, ``*args`` or ``**options``.
    """

    __slots__ = (
        "args", "keywords", "name", "node", "path", "receiver", "starred", "written",
    )  # fmt: skip

    def __init__(self, node: ast.Call, path: str, receiver: Value | None) -> None:
        func = node.func
        self.node = node
        self.path = path
        self.receiver = receiver
        word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        self.name = path.rpartition(".")[2] or word
        self.written = written(func)
        self.args: list[Value] = []
        self.keywords: dict[str, Value] = {}
        self.starred = False

    @property
    def at(self) -> At:
        """Where it stands."""
        return self.node.lineno, self.written

    def argument(self, place: int, *names: str) -> ast.expr | None:
        """The expression given for an argument, by place or by one of its names."""
        for keyword in self.node.keywords:
            if keyword.arg in names:
                return keyword.value
        args = self.node.args
        return args[place] if 0 <= place < len(args) else None

    def given(self, place: int, *names: str) -> Value | None:
        """What is known of an argument."""
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        return self.args[place] if 0 <= place < len(self.args) else None

    def all(self) -> list[Value]:
        """Everything it is given."""
        return [*self.args, *self.keywords.values()]


def written(node: ast.expr) -> str:
    """A name, or a chain of attributes, as it stands in the source."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
            # ``Path(x).glob``: the brackets belong to the name that comes before them.
            parts.append("()")
        elif isinstance(node, ast.Subscript):
            node = node.value
            parts.append("[]")
        else:
            break
    parts.append(node.id if isinstance(node, ast.Name) else "…")
    text = ".".join(reversed(parts))
    return text.replace(".()", "()").replace(".[]", "[]") if "." in text else text


def known_result(call: Call) -> Value | None:
    """What a call of a known path gives; None if the path tells nothing."""
    path, at = call.path, call.at
    if path in known.CLOCKS:
        if len(call.args) > known.CLOCK_OF.get(path, 9):
            return Value(origins(call), _source(call))
        return Value(v.CLOCK, at)
    if path in known.LISTINGS:
        return Value(v.LISTING | (v.WALK if path in known.WALKS else 0), at)
    if path in known.ARRIVALS:
        return Value(v.ARRIVED, at)
    if path in known.ENTROPY:
        return Value(v.OWN if path.endswith("SystemRandom") else v.ENTROPY, at)
    if path in known.PROCESS:
        return Value(v.PROCESS, at)
    if path in known.UUIDS:
        return Value(v.UUID, at)
    if path in known.VARIABLES:
        return Value(v.VARIABLE, at)
    if path == "hash":
        return _hashed(call)
    if path in {"set", "frozenset"}:
        numbers = not call.args or call.args[0].marks & (v.NUMBERS | v.NUMBER)
        return Value(v.SET | (v.NUMBERS if numbers else 0), at)
    if path in {"pathlib.Path", "pathlib.PurePath", "pathlib.Path.cwd", "pathlib.Path.home"}:
        return Value(v.PATH, at)
    if path in known.NUMBER_SOURCES:
        return Value(known.NUMBER_SOURCES[path] | origins(call))
    if path in known.NUMERIC_DATA:
        return Value(v.NUMBERS | origins(call))
    if path in known.PASSING:
        return passed(call)
    if path in known.MAPPING:
        return _mapping(call)
    if path in known.THROUGH:
        return _through(call)
    if path in known.CLEARING:
        return _cleared(call)
    if path in {"types.SimpleNamespace", "argparse.Namespace"}:
        return Value(0, None, dict[object, Value](call.keywords.items()))
    if path in known.THREAD_POOLS:
        return Value(v.POOL, at)
    if path == "next" and call.args and call.args[0].marks & v.WALK:
        listing = Value(v.LISTING, call.args[0].at)
        return Value(0, None, {0: PLAIN, 1: listing, 2: listing})
    if path == "next" and call.args:
        return Value(call.args[0].marks & v.ORIGINS)
    return None


def origins(call: Call) -> int:
    """Where all that a call is given comes from."""
    marks = 0
    for value in call.all():
        marks |= value.marks & v.ORIGINS
    return marks


def _source(call: Call) -> At | None:
    return next((value.at for value in call.all() if value.marks & v.ORIGINS), None)


def _hashed(call: Call) -> Value:
    given = call.args[0] if call.args else PLAIN
    harmless = given.marks & v.NUMBER
    if given.items and all(item.marks & v.NUMBER for item in given.items.values()):
        harmless = v.NUMBER
    return Value(v.NUMBER | (0 if harmless else v.HASH), call.at)


def passed(call: Call) -> Value:
    """The same things in the same order; a set's order becomes that of a sequence."""
    result: Value | None = None
    for value in call.args:
        marks = value.marks & (v.COLLECTION | v.ORIGINS | v.COUNTED)
        at = value.at
        if marks & v.SET:
            marks, at = v.as_sequence(marks), call.at
        # A sequence made of a mapping's keys is no mapping.
        marks &= ~v.KEYED
        result = join(result, Value(marks, at))
    result = result or PLAIN
    if call.path in {"enumerate", "zip"} and result.marks & v.IN_ORDER:
        result = Value(result.marks | v.COUNTED, result.at)
    if len(call.args) == 1 and call.path in {"list", "tuple", "iter"}:
        items = call.args[0].items
        return Value(result.marks, result.at, items)
    return result


def _mapping(call: Call) -> Value:
    given = call.args[0] if call.args else PLAIN
    marks = v.as_sequence(given.marks) & (v.IN_ORDER | v.NUMBERS | v.ORIGINS)
    items: dict[object, Value] = dict(given.items or {}) if call.path == "dict" else {}
    items.update(call.keywords)
    return Value(marks | v.KEYED, given.at, items)


def _through(call: Call) -> Value:
    """``int(x)``, ``str(x)`` and the like: a value of the same origin."""
    marks = origins(call)
    at = _source(call)
    if any(value.marks & v.UUID for value in call.all()):
        at = next(value.at for value in call.all() if value.marks & v.UUID)
        return Value(v.UUID | v.TEXT, at) if call.name in {"str", "repr"} else Value(v.ENTROPY, at)
    literal = v.LITERAL if call.args and all(a.marks & v.LITERAL for a in call.args) else 0
    kind = v.TEXT if call.name in {"str", "hex", "repr", "format"} else v.NUMBER
    return Value(marks | literal | (kind if call.name != "bytes" else 0), at)


def _cleared(call: Call) -> Value:
    """``sorted``, ``max`` and the like: no order is left, but the origin is, and lists inside."""
    marks = origins(call)
    if call.name in known.NUMERIC:
        return Value(marks | v.NUMBER, _source(call))
    given = call.args[0] if call.args else PLAIN
    if call.name == "sorted":
        marks |= given.marks & (v.WALK | v.NUMBERS)
    if call.name in {"max", "min"} and all(a.marks & (v.NUMBER | v.NUMBERS) for a in call.args):
        marks |= v.NUMBER
    return Value(marks, given.at)


def method_result(call: Call) -> Value:
    """What a method of a value gives, by the value and the method's name."""
    name, at = call.name, call.at
    receiver = call.receiver or PLAIN
    marks = receiver.marks
    if name in known.ARRIVAL_METHODS:
        return Value(v.ARRIVED, at)
    if name in known.LISTING_METHODS and _lists(call, receiver):
        return Value(v.LISTING | (v.WALK if name == "walk" else 0), at)
    if name in {"parse_args", "parse_known_args", "parse_intermixed_args"}:
        arguments = Value(v.ARGUMENTS)
        return arguments if name != "parse_known_args" else Value(0, None, {0: arguments, 1: PLAIN})
    if marks & v.SET:
        return _set_method(call, receiver)
    if name == "join" and call.args:
        given = call.args[0]
        mixed = v.as_sequence(given.marks) & v.IN_ORDER
        return Value(mixed | v.TEXT, given.at) if mixed else Value(v.TEXT | origins(call))
    if name in known.NUMERIC_METHODS or (name == "astype" and _is_number_type(call)):
        return Value(v.NUMBERS | marks & v.ORIGINS | origins(call), receiver.at)
    if name in {"keys", "values", "items"}:
        keep = marks & (v.IN_ORDER | v.NUMBERS | v.ORIGINS)
        if receiver.items and marks & v.ARGUMENTS:
            keep |= v.OPTION
        return Value(keep | v.KEYS, receiver.at or at)
    if name in {"copy", "tolist"}:
        return receiver
    if name in {"get", "pop"} and call.node.args:
        return _looked_up(call, receiver)
    if name in {"absolute", "resolve", "joinpath", "expanduser", "parent", "with_suffix"}:
        return receiver.only(v.PATH | v.ORIGINS)
    if name in _FIELDS and marks & v.CLOCK:
        return Value(marks & v.ORIGINS | v.PART, receiver.at)
    if name == "total_seconds":
        return Value(marks & v.ORIGINS | v.NUMBER, receiver.at)
    if marks & v.UUID:
        return receiver.only(v.UUID, v.TEXT)
    if name in {"format", "strftime", "isoformat", "hexdigest", "lower", "upper", "strip"}:
        return Value(v.TEXT | marks & v.ORIGINS | origins(call), receiver.at or _source(call))
    if name in {"from_bytes", "fromhex", "unpack"}:
        return Value(origins(call), _source(call))
    return receiver.only(v.ORIGINS | v.OWN)


def _is_number_type(call: Call) -> bool:
    """``.astype(int)``, ``.astype("int64")``, ``.astype(np.float32)``."""
    first = call.node.args[0] if call.node.args else None
    word = first.value if isinstance(first, ast.Constant) else written(first) if first else ""
    return isinstance(word, str) and word.split(".")[-1].startswith(
        ("int", "float", "uint", "bool")
    )


def _lists(call: Call, receiver: Value) -> bool:
    """Whether ``.glob(…)`` is that of a path: other things have a method of that name."""
    if call.name in {"iterdir", "rglob"}:
        return True
    if receiver.marks & v.PATH:
        return True
    func = call.node.func
    base = func.value if isinstance(func, ast.Attribute) else func
    if call.name != "glob":
        return False
    word = written(base).split(".")[-1].lower()
    return any(part in word for part in ("path", "dir", "folder", "root", "parent"))


def _set_method(call: Call, receiver: Value) -> Value:
    if call.name == "pop":
        return receiver.only(v.ORIGINS)
    if call.name in known.SET_RESULTS:
        numbers = receiver.marks & v.NUMBERS
        if call.name in {"union", "symmetric_difference"}:
            numbers &= v.NUMBERS if all(a.marks & v.NUMBERS for a in call.args) else 0
        return Value(v.SET | numbers, receiver.at)
    return PLAIN


def _looked_up(call: Call, receiver: Value) -> Value:
    """``config.get("seed", default)``."""
    key = call.node.args[0]
    found: Value | None = None
    if receiver.items is not None and isinstance(key, ast.Constant):
        found = receiver.items.get(key.value)
    if receiver.marks & v.ENVIRON:
        found = Value(v.VARIABLE, call.at)
    elif receiver.marks & v.ARGUMENTS:
        found = Value(v.OPTION, call.at)
    default = call.args[1] if len(call.args) > 1 else None
    if found is None:
        found = receiver.only(v.ORIGINS)
    return join(found, default) if default is not None and default.marks & v.ORIGINS else found


def attribute_result(name: str, base: Value) -> Value:
    """What an attribute of a value gives."""
    if not base.marks:
        return PLAIN
    if name in _FIELDS and base.marks & v.CLOCK:
        return Value(base.marks & v.ORIGINS | v.PART, base.at)
    if base.marks & v.UUID:
        number = name in {"int", "fields", "time", "node", "clock_seq", "bytes"}
        return Value(v.ENTROPY if number else v.UUID | v.TEXT, base.at)
    if base.marks & v.NUMBERS and name in {"data", "target", "T", "flat"}:
        return base
    if base.marks & v.PATH and name in {"parent", "parents"}:
        return base.only(v.PATH)
    return base.only(v.ORIGINS)
