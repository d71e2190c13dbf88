"""Handlers in loops that drop an item and go on as if nothing had been."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from notabene.proof.source.known import FILE_WORK, QUIET_METHODS

_FLOW = {
    "StopIteration", "StopAsyncIteration", "KeyboardInterrupt", "ImportError", "SystemExit",
    "ModuleNotFoundError", "Empty", "Full", "FileExistsError", "GeneratorExit", "CancelledError",
    "BlockingIOError", "InterruptedError", "ProcessLookupError", "ChildProcessError",
    "BrokenPipeError", "TimeoutExpired", "NoSuchProcess", "timeout", "EOFError", "TimeoutError",
    "QueueEmpty", "QueueFull", "TrialPruned", "DataNotFoundError",
}  # fmt: skip
"""Exceptions that say how far one has come, not that an item is bad."""
_GATHERING = {"append", "extend", "add", "update", "insert", "write", "step", "fit", "writerow"}


def silent_handlers(loop: ast.For | ast.While | ast.AsyncFor) -> Iterator[tuple[int, str, str]]:
    """The handlers of a loop that swallow, its inner loops apart.

    Yields:
        Line, what is caught as it is written, and ``logged`` if a message is written.
    """
    yield from _block(loop.body, tail=True)


def _block(body: list[ast.stmt], *, tail: bool) -> Iterator[tuple[int, str, str]]:
    for number, stmt in enumerate(body):
        last = tail and number == len(body) - 1
        if isinstance(stmt, ast.Try):
            yield from _try(stmt, last)
            yield from _block(stmt.body, tail=last)
        elif isinstance(stmt, ast.With | ast.AsyncWith):
            yield from _suppress(stmt, last)
            yield from _block(stmt.body, tail=last)
        elif isinstance(stmt, ast.If):
            yield from _block(stmt.body, tail=last)
            yield from _block(stmt.orelse, tail=last)


def _try(stmt: ast.Try, last: bool) -> Iterator[tuple[int, str, str]]:
    if _leaves([*stmt.body, *stmt.orelse, *stmt.finalbody]) or _puts_away(stmt.body):
        return
    drops = last or _gathers([*stmt.body, *stmt.orelse])
    for handler in stmt.handlers:
        silent, detail = _is_silent(handler.body)
        skips = any(isinstance(s, ast.Continue) for s in handler.body)
        if silent and (skips or drops) and not _is_flow(handler.type):
            yield handler.lineno, _caught(handler.type), detail


def _suppress(stmt: ast.With | ast.AsyncWith, last: bool) -> Iterator[tuple[int, str, str]]:
    for item in stmt.items:
        call = item.context_expr
        if not isinstance(call, ast.Call) or _last(call.func) != "suppress":
            continue
        if any(_is_flow(arg) for arg in call.args) or _leaves(stmt.body) or _puts_away(stmt.body):
            continue
        if last or _gathers(stmt.body):
            caught = ", ".join(ast.unparse(arg) for arg in call.args)
            yield call.lineno, f"suppress({caught})", ""


def _is_silent(body: list[ast.stmt]) -> tuple[bool, str]:
    """Whether a handler does nothing but go on, perhaps with a message."""
    detail = ""
    for stmt in body:
        if isinstance(stmt, ast.Pass | ast.Continue):
            continue
        if not isinstance(stmt, ast.Expr):
            return False, ""
        value = stmt.value
        if isinstance(value, ast.Constant):
            continue
        if not isinstance(value, ast.Call):
            return False, ""
        word = _last(value.func)
        if word != "print" and word not in QUIET_METHODS and word not in {"write", "echo", "log"}:
            return False, ""
        detail = "logged"
    return True, detail


def _is_flow(caught: ast.expr | None) -> bool:
    if caught is None:
        return False
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return all(_last(kind) in _FLOW for kind in kinds)


def _caught(caught: ast.expr | None) -> str:
    return "except" if caught is None else f"except {ast.unparse(caught)}"


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether success ends the loop: it tries until something works."""
    for stmt in body:
        if isinstance(stmt, ast.Break | ast.Return):
            return True
        inner = [getattr(stmt, "body", []), getattr(stmt, "orelse", [])]
        loops = isinstance(stmt, ast.For | ast.While | ast.FunctionDef)
        if not loops and any(_leaves(part) for part in inner):
            return True
    return False


def _puts_away(body: list[ast.stmt]) -> bool:
    """Whether only files are removed, or things closed, and perhaps that is told."""
    calls = [s.value for s in body if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call)]
    words = {_last(call.func) for call in calls}
    told = {"print", *QUIET_METHODS}
    return len(calls) == len(body) and bool(words & FILE_WORK) and words <= FILE_WORK | told


def _gathers(body: list[ast.stmt]) -> bool:
    for stmt in body:
        for node in ast.walk(stmt):
            if isinstance(node, ast.Yield | ast.AugAssign):
                return True
            if isinstance(node, ast.Call) and _last(node.func) in _GATHERING:
                return True
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                return True
    return False


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
