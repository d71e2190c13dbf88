"""Goes through expressions and tells what is known of their values."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from notabene.proof.source import sql
from notabene.proof.source import values as v
from notabene.proof.source.calls import attribute_result, written
from notabene.proof.source.naming import Names
from notabene.proof.source.uses import Found
from notabene.proof.source.values import PLAIN, At, Function, Instance, Scope, Value, join

_SPECIAL: Final = {
    "os.environ": v.ENVIRON,
    "os.environb": v.ENVIRON,
    "absl.flags.FLAGS": v.ARGUMENTS,
}
_MOST_ITEMS: Final = 64
"""Of longer tables in a source only what they are made of is followed, not each entry."""
_SCALING: Final = (ast.Mult, ast.Pow, ast.MatMult)
_ORDERING: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class Evaluator(Names):
    """Expressions of one module; calls and statements are added by its subclasses."""

    def __init__(self, found: Found) -> None:
        super().__init__(found)
        self._kinds: dict[type, Callable[[Any], Value]] = {
            kind: getattr(self, "_" + kind.__name__.lower()) for kind in _KINDS
        }

    def value(self, node: ast.expr | None) -> Value:
        """What is known of an expression; everything in it is looked at."""
        kind = self._kinds.get(node.__class__)
        return kind(node) if kind is not None else PLAIN

    # -- expressions ---------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, str):
            sql.look(node.value, node.lineno, self.found)
        return _LITERALS.get(node.value.__class__, _OTHER_LITERAL)

    def _name(self, node: ast.Name) -> Value:
        found = self.scope.find(node.id)
        if found is not None:
            return found
        path = self.aliases.get(node.id)
        return self._named(path, node) if path else PLAIN

    def _named(self, path: str, node: ast.expr) -> Value:
        if path == "sys.argv":
            self.found.add("argv", node.lineno, written(node))
            return Value(v.OPTION, (node.lineno, "sys.argv"))
        marks = _SPECIAL.get(path)
        return Value(marks) if marks else PLAIN

    def _attribute(self, node: ast.Attribute) -> Value:
        path = self.path(node)
        if path:
            if path in {"locale.strxfrm", "locale.strcoll"}:
                self.found.add("locale_uses", node.lineno, written(node))
            return self._named(path, node)
        base = self.value(node.value)
        name = node.attr
        if base.marks & v.ARGUMENTS:
            return self.option(name, node.lineno)
        owner = base.owner
        if owner is not None and not isinstance(owner, Function):
            cls = owner.of if isinstance(owner, Instance) else owner
            method = cls.method(name)
            if method is not None:
                if any("property" in written(d) for d in method.node.decorator_list):
                    return self.enter(method, base)
                return Value(0, None, None, method)
            return cls.attribute(name) or PLAIN
        if base.items is not None and name in base.items:
            return base.items[name]
        result = attribute_result(name, base)
        if base.marks & v.UUID and result.marks & v.ENTROPY:
            self.found.add("entropy", *(result.at or (node.lineno, written(node))), "as a number")
        return result

    def option(self, name: str, line: int) -> Value:
        """The value of an option of the command line: given, or else its default."""
        default = self.options.get(name)
        marks = v.OPTION | (default.marks & v.ORIGINS if default else 0)
        return Value(marks, (default.at if default else None) or (line, name))

    def _subscript(self, node: ast.Subscript) -> Value:
        base = self.value(node.value)
        index = self.index(node.slice)
        if index.marks & v.IN_ORDER and isinstance(node.ctx, ast.Load):
            self.take_sequence(index)  # ``frame[list(set(columns))]``
        if index.marks & v.CLOCK and not index.marks & v.SPAN and not index.marks & v.TEXT:
            self.found.add("clock_values", node.lineno, (index.at or (0, "clock"))[1], "as index")
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if base.marks & v.ARGUMENTS:
            return self.option(str(key), node.lineno)
        if base.marks & v.ENVIRON:
            return Value(v.VARIABLE, (node.lineno, "os.environ"))
        if base.items is not None and key in base.items:
            return base.items[key]
        if isinstance(node.slice, ast.Slice):
            piece = node.slice
            if piece.lower is None and piece.upper is None:
                return base
            self.take_sequence(base)
            return base.only(v.ORIGINS | v.NUMBERS)
        self.take_sequence(base)
        return base.only(v.ORIGINS, v.NUMBER if base.marks & v.NUMBERS else 0)

    def _binop(self, node: ast.BinOp) -> Value:
        # ``a + b + c + …`` leans to the left, as deep as it has terms.
        chain = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        left = self.value(chain[-1].left)
        for part in reversed(chain):
            left = self._combined(part, left, self.value(part.right))
        return left

    def _combined(self, node: ast.BinOp, left: Value, right: Value) -> Value:
        one, two = left.marks, right.marks
        if not one | two:
            return PLAIN
        both = one & two
        marks = (one | two) & v.ORIGINS | both & (v.NUMBER | v.LITERAL)
        at = left.at if one & v.ORIGINS or not two & v.ORIGINS else right.at
        op = node.op
        if isinstance(op, ast.Sub | ast.BitAnd | ast.BitOr | ast.BitXor):
            keys = one & v.KEYS and two & (v.KEYS | v.SET)
            if (one | two) & v.SET or keys:
                union = isinstance(op, ast.BitOr | ast.BitXor)
                numbers = (both if union else one) & v.NUMBERS
                return Value(v.SET | numbers, (node.lineno, "set"))
            if isinstance(op, ast.Sub) and marks & v.CLOCK:
                marks |= v.SPAN
            if isinstance(op, ast.BitOr) and (one | two) & v.KEYED:
                marks |= (one | two) & (v.KEYED | v.IN_ORDER)
        elif isinstance(op, ast.Add):
            marks |= (one | two) & (v.IN_ORDER | v.TEXT) | both & v.NUMBERS
            if (one | two) & v.IN_ORDER:
                at = left.at if one & v.IN_ORDER else right.at
        elif isinstance(op, ast.Mod):
            if one & v.TEXT:
                return Value(v.TEXT | marks & v.ORIGINS, at)
            if one & v.CLOCK and not one & v.SPAN:
                marks |= v.PART
        elif isinstance(op, ast.Div):
            marks |= (one | two) & v.PATH
        if marks & v.CLOCK and not self.quiet and _becomes_number(op, one, two):
            self.found.add("clock_values", node.lineno, (at or (0, "clock"))[1], "in a sum")
        return Value(marks, at) if marks else PLAIN

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        inner = self.value(node.operand)
        return inner.only(v.ORIGINS | v.NUMBER | v.LITERAL) if inner.marks else PLAIN

    def _boolop(self, node: ast.BoolOp) -> Value:
        result: Value | None = None
        for part in node.values:
            result = join(result, self.value(part))
        return result or PLAIN

    def _compare(self, node: ast.Compare) -> Value:
        marks, at = 0, None
        ordering = any(isinstance(op, _ORDERING) for op in node.ops)
        for part in (node.left, *node.comparators):
            # ``hash(a) == hash(b)`` holds or does not, whatever the hashes are.
            hashes = isinstance(part, ast.Call) and getattr(part.func, "id", "") == "hash"
            self.quiet += hashes
            value = self.value(part)
            self.quiet -= hashes
            if value.marks & (v.CLOCK | v.SPAN | v.TIMED) and not value.marks & v.TEXT:
                marks |= v.TIMED if ordering else 0
                at = at or value.at
            marks |= value.marks & (v.PART | v.ORIGINS & ~(v.CLOCK | v.SPAN))
            at = at or (value.at if value.marks & v.ORIGINS else None)
        return Value(marks, at) if marks else PLAIN

    def _ifexp(self, node: ast.IfExp) -> Value:
        self.tested(self.value(node.test), node.lineno)
        single, before = self.single(node.test)
        body = self.value(node.body)
        if single is not None:
            self.rebind(single, before)
        return join(body, self.value(node.orelse))

    def single(self, test: ast.expr) -> tuple[ast.expr | None, Value]:
        """``len(found) == 1``: the order of one thing is no question; tells what it was before."""
        for part in test.values if isinstance(test, ast.BoolOp) else [test]:
            match part:
                case ast.Compare(
                    left=ast.Call(func=ast.Name(id="len"), args=[ast.Name() as name]),
                    ops=[ast.Eq()],
                    comparators=[ast.Constant(value=1)],
                ):
                    before = self.value(name)
                    if before.marks & (v.SET | v.IN_ORDER):
                        harmless = before.marks & ~v.IN_ORDER | v.NUMBERS
                        self.rebind(name, before.like(harmless))
                        return name, before
        return None, PLAIN

    def tested(self, test: Value, line: int) -> None:
        """Note a test of an hour, a weekday, or a remainder of the clock."""
        if test.marks & v.PART and not test.marks & v.SPAN:
            self.found.add("clock_values", line, (test.at or (0, "clock"))[1], "as condition")

    def _joinedstr(self, node: ast.JoinedStr) -> Value:
        marks, at = v.TEXT, None
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.value(part.value)
                marks |= value.marks & (v.ORIGINS | v.UUID)
                at = at or (value.at if value.marks & (v.ORIGINS | v.UUID) else None)
                self._spec(part)
            else:
                self.value(part)
        return Value(marks, at)

    def _spec(self, part: ast.FormattedValue) -> None:
        spec = part.format_spec
        if not isinstance(spec, ast.JoinedStr):
            return
        for piece in spec.values:
            if isinstance(piece, ast.FormattedValue):
                self.value(piece.value)
            elif isinstance(piece, ast.Constant) and str(piece.value).endswith("n"):
                self.found.add("locale_uses", part.lineno, "format", str(piece.value))

    def _tuple(self, node: ast.Tuple | ast.List) -> Value:
        items: dict[object, Value] = {}
        marks, at = v.NUMBERS if node.elts else 0, None
        for place, element in enumerate(node.elts):
            value = self.value(element)
            if isinstance(element, ast.Starred):
                marks |= value.marks & (v.IN_ORDER | v.ORIGINS)
                at = at or value.at
            else:
                if place < _MOST_ITEMS:
                    items[place] = value
                marks |= value.marks & v.ORIGINS
                at = at or (value.at if value.marks & v.ORIGINS else None)
            if not value.marks & v.NUMBER:
                marks &= ~v.NUMBERS
        starred = len(items) != len(node.elts)  # or very many
        return Value(marks, at, None if starred else items)

    _list = _tuple

    def _set(self, node: ast.Set) -> Value:
        numbers = v.NUMBERS
        for element in node.elts:
            if not self.value(element).marks & v.NUMBER:
                numbers = 0
        return Value(v.SET | numbers, (node.lineno, "set"))

    def _dict(self, node: ast.Dict) -> Value:
        items: dict[object, Value] = {}
        marks, at = v.KEYED, None
        for key, entry in zip(node.keys, node.values, strict=True):
            value = self.value(entry)
            if key is None:
                marks |= value.marks & v.IN_ORDER
                at = at or value.at
                items |= value.items or {}
                continue
            self.value(key)
            if isinstance(key, ast.Constant):
                items[key.value] = value
                if value.marks & v.ORIGINS:
                    self.entry(node.lineno, key.value, value)
        return Value(marks, at, items)

    # -- comprehensions ------------------------------------------------------------------------

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> Value:
        outer, (marks, at) = self.scope, self._generators(node.generators)
        value = self.value(node.elt)
        self.scope = outer
        # Of ``i * len(word) for i, word in enumerate(words)`` each item tells its place.
        marks &= ~(v.KEYED if _tells_places(node) else v.KEYED | v.COUNTED)
        marks |= v.NUMBERS if value.marks & v.NUMBER else 0
        marks |= value.marks & v.ORIGINS
        return Value(marks, at or value.at) if marks else PLAIN

    _generatorexp = _listcomp

    def _setcomp(self, node: ast.SetComp) -> Value:
        outer, _ = self.scope, self._generators(node.generators)
        value = self.value(node.elt)
        self.scope = outer
        return Value(v.SET | (v.NUMBERS if value.marks & v.NUMBER else 0), (node.lineno, "set"))

    def _dictcomp(self, node: ast.DictComp) -> Value:
        outer, (marks, at) = self.scope, self._generators(node.generators)
        self.value(node.key)
        value = self.value(node.value)
        self.scope = outer
        if marks & v.COUNTED and not value.marks & v.LITERAL:
            self.take(Value(marks & ~v.KEYED, at))
        return Value(marks & v.IN_ORDER | v.KEYED, at)

    def _generators(self, generators: list[ast.comprehension]) -> tuple[int, At | None]:
        """Open a scope for a comprehension; tells the order in which it gives its items."""
        marks, at = 0, None
        for generator in generators:
            over = self.value(generator.iter)
            self.scope = Scope(self.scope)
            inner = v.as_sequence(over.marks) & (v.IN_ORDER | v.COUNTED)
            if over.marks & v.SET:
                over = Value(over.marks, (generator.iter.lineno, "for"))
            marks |= inner
            at = at or (over.at if inner else None)
            self.walked(generator.target, over)
            for condition in generator.ifs:
                self.value(condition)
        return marks, at

    def walked(self, target: ast.expr, over: Value) -> None:
        """Bind the target of a loop; what ``os.walk`` gives holds listings itself."""
        if over.marks & v.WALK and isinstance(target, ast.Tuple) and len(target.elts) >= 3:
            listing = Value(v.LISTING, over.at)
            self.bind(target, Value(0, None, {0: PLAIN, 1: listing, 2: listing}))
        else:
            item = self.element(over)
            if not isinstance(target, ast.Name):
                item = Value(item.marks & ~v.COLLECTION, item.at, item.items or {})
            self.bind(target, item)

    # -- the rest ------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Value:
        return self.call(node)

    def _lambda(self, node: ast.Lambda) -> Value:
        outer = self.scope
        self.scope = Scope(outer)
        for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            self.scope.names[arg.arg] = PLAIN
        value = self.value(node.body)
        self.scope = outer
        # What it returns is what it will give; it is not called here.
        return Value(value.marks & v.TIMED, value.at)

    def _namedexpr(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.bind(node.target, value)
        return value

    def _starred(self, node: ast.Starred) -> Value:
        value = self.value(node.value)
        if value.marks & v.SET:
            return Value(v.as_sequence(value.marks), (node.lineno, "*"))
        return value

    def _await(self, node: ast.Await) -> Value:
        return self.value(node.value)

    def _yield(self, node: ast.Yield) -> Value:
        self.value(node.value)
        return PLAIN

    def _yieldfrom(self, node: ast.YieldFrom) -> Value:
        value = self.value(node.value)
        function = self.scope.function
        if function is not None and value.marks & (v.IN_ORDER | v.SET):
            marks = v.as_sequence(value.marks) & ~v.KEYED
            function.returns = join(function.returns, Value(marks, value.at))
        return PLAIN

    def _slice(self, node: ast.Slice) -> Value:
        for part in (node.lower, node.upper, node.step):
            self.value(part)
        return PLAIN


def _becomes_number(op: ast.operator, one: int, two: int) -> bool:
    """Whether the time of day is reckoned with as a number, and not as a time."""
    clock, other = (one, two) if one & v.CLOCK else (two, one)
    if clock & v.SPAN or (one | two) & v.TEXT or other & v.CLOCK:
        return False
    if clock & v.PART:
        fixed = bool(other & v.LITERAL) and isinstance(op, ast.Add | ast.Sub)
        return isinstance(op, (*_SCALING, ast.Add, ast.Sub, ast.Div)) and not fixed
    return isinstance(op, _SCALING) and not other & v.LITERAL


_LITERALS: Final = {
    int: Value(v.LITERAL | v.NUMBER),
    float: Value(v.LITERAL | v.NUMBER),
    bool: Value(v.LITERAL | v.NUMBER),
    str: Value(v.LITERAL | v.TEXT),
    type(None): Value(v.LITERAL | v.NONE),
}
_OTHER_LITERAL: Final = Value(v.LITERAL)
_KINDS: Final = (
    ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.BoolOp,
    ast.Compare, ast.IfExp, ast.JoinedStr, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.ListComp,
    ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.Call, ast.Lambda, ast.NamedExpr, ast.Starred,
    ast.Await, ast.Yield, ast.YieldFrom, ast.Slice,
)  # fmt: skip


def _tells_places(node: ast.ListComp | ast.GeneratorExp) -> bool:
    """Whether what is made of each thing hangs on its number as well."""
    used = {n.id for n in ast.walk(node.elt) if isinstance(n, ast.Name)}
    for generator in node.generators:
        match generator:
            case ast.comprehension(
                target=ast.Tuple(elts=[number, thing]),
                iter=ast.Call(func=ast.Name(id="enumerate")),
            ):
                sides = (
                    {n.id for n in ast.walk(e) if isinstance(n, ast.Name)} for e in (number, thing)
                )
                if all(side & used for side in sides):
                    return True
    return False
