"""Goes through a program from top to bottom, as it would run, without running it.

Both branches of an ``if`` are taken and what is known afterwards is what holds after either; a
loop is gone through once. A function is gone through when it is called first, with what the call
gives it, and once more if a later call gives it something else; those never called come last.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any, Final

from notabene.proof.source import clocks, declared, surroundings
from notabene.proof.source import values as v
from notabene.proof.source.calling import Caller
from notabene.proof.source.calls import written
from notabene.proof.source.canonical import argument_defaults
from notabene.proof.source.known import NUMBER_TYPES, SET_TYPES
from notabene.proof.source.orders import Gathering
from notabene.proof.source.swallowed import silent_handlers
from notabene.proof.source.uses import Found
from notabene.proof.source.values import PLAIN, Class, Function, Instance, Scope, Value, join

DEEPEST: Final = 12
"""So many calls within calls are followed."""
_MOST_RUNS: Final = 3
_COMMANDS: Final = ("command", "typer.run", "callback")


class Reader(Caller):
    """Statements of one module."""

    def __init__(self, found: Found, deepest: int = DEEPEST) -> None:
        super().__init__(found)
        self._deepest = deepest
        self._functions: list[Function] = []
        self._classes: list[Class] = []
        self._loops = 0  # loops around the point reached, within its function
        self._timed = 0  # tests of the clock around it, likewise
        self._class: Class | None = None
        self._depth = 0
        self._stmts: dict[type, Callable[[Any], bool | None]] = {
            kind: getattr(self, "_do_" + kind.__name__.lower()) for kind in _STATEMENTS
        }
        for kind, like in _LIKE.items():
            self._stmts[kind] = self._stmts[like]

    def read(self, tree: ast.Module) -> None:
        """Go through a module: its statements, then its functions that were not called."""
        self._block(tree.body)
        for function in self._functions:  # grows while it is gone through
            if not function.runs:
                bound = Value(0, None, None, function.owner.instance) if function.owner else None
                called = function.called
                for name, default in function.defaults.items():
                    # Whoever calls it may give something else.
                    function.params.setdefault(name, default.like(default.marks & ~v.LITERAL))
                self.enter(function, bound)
                if not called:
                    # Whoever calls it from elsewhere gets what it returns.
                    self.take_sequence(function.returns)
        for cls in self._classes:
            for value in cls.attributes.values():
                self.take_sequence(value)

    def _block(self, body: Iterable[ast.stmt]) -> bool:
        """Go through statements; whether they end by leaving."""
        left = False
        for stmt in body:
            do = self._stmts.get(stmt.__class__)
            if do is not None and do(stmt):
                left = True
        return left

    # -- assignments ---------------------------------------------------------------------------

    def _do_assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self._assign(target, value, node.value)

    def _assign(self, target: ast.expr, value: Value, source: ast.expr) -> None:
        if isinstance(target, ast.Name):
            # ``rand = np.random.rand`` is one more name; ``torch = None`` stands in for a module
            # that is not installed.
            if target.id in self.aliases and value.marks & v.NONE:
                return
            path = self.path(source) if isinstance(source, ast.Name | ast.Attribute) else ""
            if path and not value.marks and "." in path:
                self.aliases[target.id] = path
                self.scope.names.pop(target.id, None)
                return
        elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice):
            self.rebind(target.value, value)  # ``folders[:] = sorted(folders)``
            return
        if isinstance(target, ast.Attribute | ast.Subscript):
            if isinstance(target, ast.Attribute) and not self._follows(target.value):
                self.entry(target.lineno, target.attr, value)
            base = target.value if isinstance(target, ast.Subscript) else target
            surroundings.assigned(target, written(base), self.found)
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                self.entry(target.lineno, target.slice.value, value)
        self.bind(target, value)

    def _follows(self, base: ast.expr) -> bool:
        """Whether attributes of something are followed to where they are used."""
        value = self.value(base)
        return value.owner is not None or bool(value.marks & v.ARGUMENTS)

    def _do_annassign(self, node: ast.AnnAssign) -> None:
        value = self.value(node.value) if node.value is not None else PLAIN
        value = join(value, _by_annotation(node.annotation)) if not value.marks else value
        if node.value is not None or isinstance(node.target, ast.Name):
            self._assign(node.target, value, node.value or node.target)

    def _do_augassign(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name | ast.Attribute):
            load = ast.BinOp(target, node.op, node.value, lineno=node.lineno)
            before = self.value(target)
            after = self.value(load)
            if before.marks & v.SET:
                # ``seen |= other`` stays the set it was.
                after = before.like(before.marks & (after.marks | ~v.NUMBERS))
            self.bind(target, after)
        else:
            self.value(target)
            self.value(node.value)

    def _do_delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.scope.names.pop(target.id, None)

    # -- branches ------------------------------------------------------------------------------

    def _branches(self, *blocks: Callable[[], bool]) -> bool:
        """Go through alternatives; afterwards holds what holds after any that goes on."""
        scope = self.scope
        before = scope.names
        ends: list[dict[str, Value]] = []
        for block in blocks:
            scope.names = dict(before)
            left = block()
            self.scope = scope
            if not left:
                ends.append(scope.names)
        scope.names = ends[0] if ends else before
        for names in ends[1:]:
            for name, value in names.items():
                mine = scope.names.get(name)
                if mine is not value:
                    scope.names[name] = join(mine, value)
        return not ends

    def _do_if(self, node: ast.If) -> bool:
        test = self.value(node.test)
        self.tested(test, node.lineno)
        timed = clocks.decides(test)
        if timed:
            what = clocks.consequence(node, in_loop=self._loops > 0)
            if what:
                call = test.at[1] if test.at else "clock"
                self.found.add("clock_limits", node.lineno, call, what)
        self._timed += timed

        def body() -> bool:
            single, before = self.single(node.test)
            left = self._block(node.body)
            if single is not None and self.value(single).owner is before.owner:
                self.rebind(single, before)
            return left

        left = self._branches(body, lambda: self._block(node.orelse))
        self._timed -= timed
        return left

    def _do_match(self, node: ast.Match) -> bool:
        self.tested(self.value(node.subject), node.lineno)
        blocks = [lambda case=case: self._block(case.body) for case in node.cases]
        return self._branches(*blocks, lambda: False) and False

    def _do_try(self, node: ast.Try) -> bool:
        left = self._block(node.body) or self._block(node.orelse)
        handlers = [lambda h=handler: self._block(h.body) for handler in node.handlers]
        if handlers:
            left = self._branches(lambda: left, *handlers)
        return self._block(node.finalbody) or left

    def _do_with(self, node: ast.With | ast.AsyncWith) -> bool:
        for item in node.items:
            value = self.value(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value)
        return self._block(node.body)

    # -- loops ---------------------------------------------------------------------------------

    def _do_for(self, node: ast.For | ast.AsyncFor) -> None:
        over = self.value(node.iter)
        marks = over.marks
        gathering: Gathering | None = None
        if v.as_sequence(marks) & v.IN_ORDER:
            gathering = Gathering(node.body, node.target, lambda it: self.value(it).marks)
            sorts = marks & v.WALK and _sorts_folders(node)
            if sorts:
                gathering = None
            elif not gathering.indifferent or marks & v.COUNTED:
                self.take(over, (node.lineno, "for"))
                gathering = None
        self._swallowed(node)
        self.walked(node.target, over)
        self._block_in_loop(node.body)
        if gathering is not None:
            self._gathered(gathering, over, node.lineno)
        self._block(node.orelse)

    def _gathered(self, gathering: Gathering, over: Value, line: int) -> None:
        """Let what the loop filled have the order of what it went through."""
        marks = v.as_sequence(over.marks) & v.IN_ORDER
        at = over.at if over.marks & v.IN_ORDER and over.at else (line, "for")
        for kept, more in ((gathering.lists, 0), (gathering.mappings, v.KEYED)):
            for node in kept:
                if isinstance(node, ast.Yield):
                    function = self.scope.function
                    if function is not None:
                        function.returns = join(function.returns, Value(marks, at))
                    continue
                before = self.value(node)
                if not before.marks & (v.SET | v.IN_ORDER):
                    keep = before.marks & ~v.NUMBERS
                    self.rebind(node, Value(keep | marks | more, at, None, before.owner))

    def _block_in_loop(self, body: list[ast.stmt]) -> None:
        self._loops += 1
        self._branches(lambda: self._block(body) and False, lambda: False)
        self._loops -= 1

    def _do_while(self, node: ast.While) -> None:
        test = self.value(node.test)
        if clocks.decides(test) and not clocks.only_waits(node.body):
            self.found.add("clock_limits", node.lineno, test.at[1] if test.at else "clock", "while")
        self._swallowed(node)
        self._block_in_loop(node.body)
        self._block(node.orelse)

    def _swallowed(self, node: ast.For | ast.While | ast.AsyncFor) -> None:
        for line, caught, detail in silent_handlers(node):
            self.found.add("swallowed", line, caught, detail)

    # -- leaving -------------------------------------------------------------------------------

    def _do_return(self, node: ast.Return) -> bool:
        value = self.value(node.value)
        function = self.scope.function
        if function is not None:
            if self._timed:
                value = Value(value.marks | v.TIMED, value.at)
            function.returns = join(function.returns, value) if function.returns.marks else value
        return True

    def _do_raise(self, node: ast.Raise) -> bool:
        self.quiet += 1
        self.value(node.exc)
        self.quiet -= 1
        return True

    def _do_assert(self, node: ast.Assert) -> None:
        self.quiet += 1
        self.value(node.test)
        self.value(node.msg)
        self.quiet -= 1

    def _do_leave(self, _node: ast.stmt) -> bool:
        return True

    _do_break = _do_continue = _do_leave

    def _do_expr(self, node: ast.Expr) -> None:
        self.value(node.value)

    # -- names ---------------------------------------------------------------------------------

    def _do_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for name, path in declared.imported(node, self.found).items():
            self.aliases[name] = path
            self.scope.names.pop(name, None)

    def _do_global(self, node: ast.Global | ast.Nonlocal) -> None:
        for name in node.names:
            scope = self.scope.top() if isinstance(node, ast.Global) else self.scope.parent
            while isinstance(node, ast.Nonlocal) and scope is not None and name not in scope.names:
                scope = scope.parent
            if scope is not None:
                self.scope.outside[name] = scope

    # -- functions and classes -----------------------------------------------------------------

    def _do_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.value(decorator)
        cls = self._class if self.scope.is_class else None
        function = Function(node, self.scope, cls)
        for arg, default in argument_defaults(node.args):
            function.defaults[arg.arg] = self.value(default)
        if _is_command(node, self):
            if not any("option" in written(d) for d in node.decorator_list):
                declared.parameters(node, self.found)
            for arg in (*node.args.args, *node.args.kwonlyargs):
                known = self.options.get(arg.arg) or function.defaults.get(arg.arg)
                marks = v.OPTION | (known.marks & v.ORIGINS if known else 0)
                function.params[arg.arg] = Value(marks, known.at if known else None)
        self._functions.append(function)
        if cls is not None:
            cls.methods[node.name] = function
        else:
            self.scope.bind(node.name, Value(0, None, None, function))

    def _do_classdef(self, node: ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self.value(decorator)
        owners = [self.value(base).owner for base in node.bases]
        cls = Class(node.name, [owner for owner in owners if isinstance(owner, Class)])
        self._classes.append(cls)
        outer, outer_class = self.scope, self._class
        self.scope, self._class = Scope(outer, is_class=True), cls
        self._block(node.body)
        cls.attributes |= self.scope.names
        self.scope, self._class = outer, outer_class
        self.scope.bind(node.name, Value(0, None, None, cls))

    def enter(self, function: Function, bound: Value | None = None) -> Value:
        """Go through a function if what it is given is new; tells what it returns."""
        function.called = True
        seen = {name: value.marks for name, value in function.params.items()}
        again = seen != function.seen and function.runs < _MOST_RUNS
        if function.active or self._depth >= self._deepest or (function.runs and not again):
            return function.returns
        function.active, function.seen = True, seen
        function.runs += 1
        outer = self.scope, self._loops, self._timed, self._class, self.quiet
        hashes = function.node.name in {"__hash__", "__eq__", "__repr__", "__str__"}
        self.scope = Scope(function.home, function=function)
        self._loops, self._timed, self._class, self.quiet = 0, 0, None, int(hashes)
        self._depth += 1
        self._parameters(function, bound)
        self._block(function.node.body)
        self._depth -= 1
        self.scope, self._loops, self._timed, self._class, self.quiet = outer
        function.active = False
        return function.returns

    def _parameters(self, function: Function, bound: Value | None) -> None:
        args = function.node.args
        names = self.scope.names
        for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs):
            value = function.params.get(arg.arg) or function.defaults.get(arg.arg, PLAIN)
            if arg.annotation is not None and not value.marks & ~(v.NONE | v.LITERAL):
                value = (
                    join(value, _by_annotation(arg.annotation))
                    if value.marks
                    else (_by_annotation(arg.annotation))
                )
            names[arg.arg] = value
        for extra in (args.vararg, args.kwarg):
            if extra is not None:
                names[extra.arg] = PLAIN
        first = next(iter((*args.posonlyargs, *args.args)), None)
        owner = function.owner
        if owner is not None and first is not None:
            static = any(written(d) == "staticmethod" for d in function.node.decorator_list)
            if not static:
                names[first.arg] = (
                    bound
                    if bound and isinstance(bound.owner, Instance | Class)
                    else Value(0, None, None, owner.instance)
                )


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef, reader: Reader) -> bool:
    for decorator in node.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = written(call)
        if name.endswith((".command", ".callback")) and name.count(".") == 1:
            return True
        if reader.path(call) in {"click.command", "click.group"}:
            return True
    return False


def _by_annotation(node: ast.expr) -> Value:
    """What a type hint says: a set, or numbers."""
    base = node.value if isinstance(node, ast.Subscript) else node
    word = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
    if word in NUMBER_TYPES:
        return Value(v.NUMBER)
    if word not in SET_TYPES:
        return PLAIN
    inner = node.slice if isinstance(node, ast.Subscript) else None
    numbers = v.NUMBERS if getattr(inner, "id", "") in NUMBER_TYPES else 0
    return Value(v.SET | numbers, (node.lineno, "set"))


def _sorts_folders(node: ast.For | ast.AsyncFor) -> bool:
    """Whether ``os.walk`` is told the order in which to go: ``folders.sort()`` in its loop."""
    target = node.target
    if not isinstance(target, ast.Tuple) or len(target.elts) < 3:
        return False
    name = getattr(target.elts[1], "id", "")
    for stmt in node.body:
        match stmt:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=it), attr="sort"))):
                if it == name:
                    return True
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=it))]):
                if it == name:
                    return True
    return False


_STATEMENTS: Final = (
    ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.If, ast.Match, ast.Try, ast.With,
    ast.For, ast.While, ast.Return, ast.Raise, ast.Assert, ast.Break, ast.Continue, ast.Expr,
    ast.Import, ast.Global, ast.FunctionDef, ast.ClassDef,
)  # fmt: skip
_LIKE: Final[dict[type, type]] = {
    ast.AsyncFor: ast.For,
    ast.AsyncWith: ast.With,
    ast.AsyncFunctionDef: ast.FunctionDef,
    ast.ImportFrom: ast.Import,
    ast.Nonlocal: ast.Global,
    ast.TryStar: ast.Try,
}
