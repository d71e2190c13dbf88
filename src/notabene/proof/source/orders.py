"""Whether a loop comes out the same whatever the order of what it goes through."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator

from notabene.proof.source.known import FILE_WORK, QUIET_METHODS, TELLERS
from notabene.proof.source.values import KEYED, SET

_GATHERING = {"append", "extend", "appendleft", "insert", "put"}
_INDIFFERENT = {"add", "discard", "remove", "setdefault", "clear", "write_text",
    "result", "wait"}  # fmt: skip
_PLACES = re.compile(r"(?:.*_)?(?:rank|order|index|place|pos|position|idx|id)s?(?:_.*)?\Z")
"""Names of mappings in which no two things have the same value."""
_CHANGING = {*_GATHERING, "add", "update", "setdefault"}
_COUNTS = {"len", "int", "getsize", "bool"}


class Gathering:
    """A loop's body, looked through.

    Args:
        body: Its statements.
        target: What it gives names to.
        marks: Tells what is known of an expression.

    Attributes:
        indifferent: The order does not matter, but for what stands in the other two.
        lists: Expressions that are appended to, and ``yield`` expressions.
        mappings: Expressions that get items under keys of the loop.
    """

    def __init__(
        self, body: list[ast.stmt], target: ast.expr, marks: Callable[[ast.expr], int]
    ) -> None:
        self._marks = marks
        self.lists: list[ast.expr] = []
        self.mappings: list[ast.expr] = []
        self._own = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
        self._counters: set[str] = set()
        self._constant = True
        self._breaks = False
        for node in _statements(body):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                self._counters.add(node.target.id)
            elif isinstance(node, ast.Assign):
                names = (n for t in node.targets for n in ast.walk(t))
                self._own |= {n.id for n in names if isinstance(n, ast.Name)}
        self.indifferent = self._block(body) and not (self._breaks and not self._constant)

    def _block(self, body: Iterable[ast.stmt]) -> bool:
        return all(self._statement(stmt) for stmt in body)

    def _statement(self, stmt: ast.stmt) -> bool:
        match stmt:
            case ast.Pass() | ast.Continue() | ast.Raise() | ast.Assert() | ast.Delete():
                return True
            case ast.Import() | ast.ImportFrom():
                return True
            case ast.Break():
                self._breaks = True
                return True
            case ast.Return(value=value):
                return value is None or isinstance(value, ast.Constant)
            case ast.Expr(value=value):
                return self._expression(value)
            case ast.Assign(targets=[target], value=value):
                return self._assign(target, value)
            case ast.AnnAssign(target=target, value=value):
                return value is None or self._assign(target, value)
            case ast.AugAssign():
                return self._add(stmt)
            case ast.If() | ast.For() | ast.While():
                return self._block(stmt.body) and self._block(stmt.orelse)
            case ast.With():
                return self._block(stmt.body)
            case ast.Try():
                inner = [s for handler in stmt.handlers for s in handler.body]
                return self._block([*stmt.body, *inner, *stmt.orelse, *stmt.finalbody])
        return False

    def _expression(self, value: ast.expr) -> bool:
        if isinstance(value, ast.Constant):
            return True
        if isinstance(value, ast.Yield):
            self.lists.append(value)
            return True
        if not isinstance(value, ast.Call):
            return False
        func = value.func
        if isinstance(func, ast.Name):
            return func.id in {"print", "warn", *FILE_WORK}
        if not isinstance(func, ast.Attribute):
            return False
        if func.attr in _GATHERING:
            self._constant = False
            self.lists.append(root_of(func.value))
            return True
        if isinstance(func.value, ast.Name) and func.value.id in TELLERS:
            return True
        if func.attr == "update":
            marks = self._marks(func.value)
            if marks & KEYED:
                self.mappings.append(root_of(func.value))
            return bool(marks & (SET | KEYED))
        return func.attr in _INDIFFERENT or func.attr in FILE_WORK or func.attr in QUIET_METHODS

    def _assign(self, target: ast.expr, value: ast.expr) -> bool:
        self._constant = self._constant and isinstance(value, ast.Constant)
        if isinstance(target, ast.Subscript):
            if not self._uses(target.slice, self._own):
                return False
            # ``index[word] = len(index)``: the place in the order is the value.
            if self._uses(value, self._counters) or _counts_up(value):
                return False
            self.mappings.append(root_of(target.value))
            return True
        names = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
        if isinstance(value, ast.Call) and getattr(value.func, "id", "") in {"max", "min"}:
            return not value.keywords
        if not all(isinstance(t, ast.Name | ast.Tuple | ast.Starred) for t in _parts(target)):
            return isinstance(value, ast.Constant)
        # ``text = text + item`` grows with the order; ``path = folder / item`` does not.
        return not self._uses(value, names) or isinstance(value, ast.Constant)

    def _add(self, stmt: ast.AugAssign) -> bool:
        if isinstance(stmt.op, ast.BitOr | ast.BitAnd):
            return True
        value = stmt.value
        if isinstance(stmt.target, ast.Subscript):
            self.mappings.append(root_of(stmt.target.value))
        if isinstance(value, ast.Constant):
            return isinstance(value.value, int)
        if isinstance(value, ast.Call):
            return _last(value.func) in _COUNTS
        if isinstance(value, ast.List | ast.ListComp) and isinstance(stmt.target, ast.Name):
            self.lists.append(stmt.target)
            return True
        return isinstance(value, ast.Attribute) and value.attr in {"st_size", "size", "nbytes"}

    @staticmethod
    def _uses(node: ast.AST, names: set[str]) -> bool:
        return any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(node))


def leaves_ties(key: ast.expr | None) -> bool:
    """Whether things that a sort key calls equal stand as they came: ``key=len``, of counts."""
    if isinstance(key, ast.Name):
        return key.id == "len"
    if isinstance(key, ast.Attribute):
        return key.attr in {"get", "count", "__getitem__"}
    if not isinstance(key, ast.Lambda):
        return False
    names = {arg.arg for arg in key.args.args}
    parts = key.body.elts if isinstance(key.body, ast.Tuple) else [key.body]
    if any(isinstance(part, ast.Name) and part.id in names for part in parts):
        return False
    for node in ast.walk(key.body):
        if isinstance(node, ast.Call) and _last(node.func) in {"len", "get", "count"}:
            return not _is_place(node.func)
        # ``counts[word]``, not ``pair[0]``: an entry of something else.
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
            return node.slice.id in names and not _is_place(node.value)
    return False


def _is_place(node: ast.expr) -> bool:
    """Whether a mapping, or a method of one, is called like one of places in an order."""
    if isinstance(node, ast.Attribute) and node.attr in {"get", "count"}:
        node = node.value
    return _PLACES.match(_last(node).lower()) is not None


def shares(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function changes things that are not its own, but those of all threads."""
    args = function.args
    own = {arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
    others: list[ast.expr] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            others.append(root_of(node))
        elif isinstance(node, ast.Call) and _last(node.func) in _CHANGING:
            func = node.func
            others += [root_of(func.value)] if isinstance(func, ast.Attribute) else []
    for node in others:
        while isinstance(node, ast.Attribute):
            node = node.value
        if isinstance(node, ast.Name) and (node.id not in own or node.id == "self"):
            return True
    return False


def adds_up(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function adds to a number that is not its own: the last bits hang on who is first.

    Counting in whole numbers comes out the same.
    """
    args = function.args
    own = {arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)} - {"self"}
    foreign: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            foreign.update(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    for node in ast.walk(function):
        if not isinstance(node, ast.AugAssign) or isinstance(node.op, ast.BitOr | ast.BitAnd):
            continue
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, int):
            continue
        if isinstance(node.value, ast.Call) and _last(node.value.func) in _COUNTS:
            continue
        base = root_of(node.target)
        while isinstance(base, ast.Attribute):
            base = base.value
        if isinstance(base, ast.Name) and (base.id not in own or base.id in foreign):
            return True
    return False


def root_of(node: ast.expr) -> ast.expr:
    """The name or attribute in which something is kept: ``d`` of ``d[k]`` and ``d.get(k, [])``."""
    while True:
        if isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        else:
            return node


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for stmt in body:
        yield stmt
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(stmt, field, []))


def _parts(target: ast.expr) -> list[ast.expr]:
    return target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _counts_up(value: ast.expr) -> bool:
    calls = (n for n in ast.walk(value) if isinstance(n, ast.Call))
    return any(_last(call.func) in {"len", "next"} for call in calls)


def _last(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
