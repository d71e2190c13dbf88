"""Where the clock decides what a program does, and where it only measures."""

from __future__ import annotations

import ast

from notabene.proof.source.calls import Call
from notabene.proof.source.known import EXITS
from notabene.proof.source.uses import Found
from notabene.proof.source.values import TIMED, Value

_FLAG_WORDS = ("stop", "done", "finish", "running", "expired", "timed_out", "timeout", "quit",
    "keep_going", "over_budget", "interrupt")  # fmt: skip
_LIMITS = {
    "max_time", "time_budget", "time_limit", "max_runtime_secs", "time_left_for_this_task",
    "max_time_mins", "time_budget_s", "max_train_time",
}  # fmt: skip
"""Arguments by which libraries are told how long to go on."""
_COUNTS = {"n_trials", "max_epochs", "max_steps", "epochs", "num_boost_round", "max_iter"}
"""Beside one of these, a limit of time is a safeguard that is seldom reached."""
_WAITING = {"sleep", "wait", "poll", "refresh", "join", "update", "flush", "debug", "print"}


def consequence(stmt: ast.If, *, in_loop: bool) -> str:
    """What a test decides: ``break``, ``return``, ``raise``, ``exit``, ``stop``, or nothing.

    A return outside loops is nothing by itself: helpers that say whether time is up return, and
    so do those that print every few seconds. What they return is followed instead.
    """
    return _find(stmt.body, in_loop, True) or _find(stmt.orelse, in_loop, True)


def _find(body: list[ast.stmt], in_loop: bool, breaks: bool) -> str:
    for stmt in body:
        found = ""
        match stmt:
            case ast.Break() if breaks:
                found = "break"
            case ast.Raise():
                found = "raise"
            case ast.Return() if in_loop:
                found = "return"
            case ast.Expr(value=ast.Call() as call):
                found = _call(call)
            case ast.Assign(targets=[target], value=ast.Constant(value=bool())):
                found = "stop" if _is_flag(target) else ""
            case ast.If():
                # The inner test decides, if it is about something else; it is looked at by itself.
                found = _find(stmt.body, in_loop, breaks) or _find(stmt.orelse, in_loop, breaks)
            case ast.With():
                found = _find(stmt.body, in_loop, breaks)
            case ast.For() | ast.While():
                found = _find(stmt.body, in_loop, False)
        if found:
            return found
    return ""


def _call(call: ast.Call) -> str:
    func = call.func
    if isinstance(func, ast.Attribute):
        word = func.attr
        if isinstance(func.value, ast.Name) and f"{func.value.id}.{word}" in EXITS:
            return "exit"
        return "stop" if word in {"stop", "stop_training", "request_stop", "early_stop"} else ""
    return "exit" if isinstance(func, ast.Name) and func.id in EXITS else ""


def _is_flag(target: ast.expr) -> bool:
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return any(word in name.lower() for word in _FLAG_WORDS)


def only_waits(body: list[ast.stmt]) -> bool:
    """Whether a loop only lets time pass: it limits nothing."""
    for stmt in body:
        if isinstance(stmt, ast.Pass | ast.Continue):
            continue
        call = stmt.value if isinstance(stmt, ast.Expr) else None
        if not isinstance(call, ast.Call):
            return False
        func = call.func
        word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if word not in _WAITING:
            return False
    return True


def look(call: Call, found: Found) -> None:
    """Note calls that are given a limit of time for what they do, or end by the clock."""
    counted = any(keyword.arg in _COUNTS for keyword in call.node.keywords)
    for keyword in [] if counted else call.node.keywords:
        name, node = keyword.arg, keyword.value
        limit = name in _LIMITS or (name == "timeout" and call.name == "optimize")
        if limit and not (isinstance(node, ast.Constant) and node.value is None):
            found.add("clock_limits", node.lineno, call.written, f"argument {name}")
    if call.path in {"itertools.takewhile", "iter"}:
        for value in call.args:
            if value.marks & TIMED:
                found.add("clock_limits", call.node.lineno, call.written, "while")


def decides(test: Value) -> bool:
    """Whether the clock is in a test."""
    return bool(test.marks & TIMED)


def alarms(tree: ast.Module, found: Found) -> None:
    """Loops that a timer ends, and code that an alarm breaks off.

    ``threading.Timer(60, stop.set)`` where a loop asks for ``stop``; ``signal.alarm(60)`` where the
    handler of SIGALRM changes what a loop asks for, or raises what is caught: else it only guards.
    """
    functions: dict[str, ast.AST] = {}
    loops: list[ast.While] = []
    caught: set[str] = set()
    calls: dict[str, list[ast.Call]] = {"Timer": [], "signal": [], "alarm": [], "setitimer": []}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        elif isinstance(node, ast.While):
            loops.append(node)
        elif isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            caught.update("Exception" if kind is None else _last(kind) for kind in kinds)
        elif isinstance(node, ast.Call) and _last(node.func) in calls:
            calls[_last(node.func)].append(node)
    if not (calls["Timer"] or calls["signal"]):
        return
    given = [(call, call.args[1:2], "threading.Timer") for call in calls["Timer"]]
    given += [
        (call, call.args[1:], "signal.alarm")
        for call in calls["signal"]
        if call.args and _last(call.args[0]) == "SIGALRM"
    ]
    for call, handlers, by in given:
        named = [k.value for k in call.keywords if k.arg == "function"]
        bodies = [functions.get(_last(one), one) for one in [*handlers, *named]]
        changed = {name for body in bodies for name in _changed(body)}
        for loop in loops:
            if changed & {ast.unparse(one) for one in ast.walk(loop.test) if _is_name(one)}:
                found.add("clock_limits", loop.lineno, by, "while")
        if by == "signal.alarm" and any(_raised(body) & caught for body in bodies):
            for start in calls["alarm"] + calls["setitimer"]:
                found.add("clock_limits", start.lineno, ast.unparse(start.func), "raise")


_CHANGES = ("set", "clear", "append", "add", "put", "stop", "cancel", "update", "pop", "close")


def _changed(body: ast.AST) -> set[str]:
    """What a function, or a method that is given as one, changes: ``stop``, ``self.stop``."""
    if isinstance(body, ast.Attribute) and body.attr in _CHANGES:
        return {ast.unparse(body.value)}
    names: set[str] = set()
    for node in ast.walk(body):
        match node:
            case ast.Assign(targets=targets):
                names.update(map(ast.unparse, targets))
            case ast.AugAssign(target=target):
                names.add(ast.unparse(target))
            case ast.Call(func=ast.Attribute(value=value, attr=word)) if word in _CHANGES:
                names.add(ast.unparse(value))
    return names


def _raised(body: ast.AST) -> set[str]:
    """The kinds of exceptions that a function raises, and those above all of them."""
    found: set[str] = set()
    for node in ast.walk(body):
        if isinstance(node, ast.Raise) and node.exc is not None:
            kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found |= {_last(kind), "Exception", "BaseException"}
    return found


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
