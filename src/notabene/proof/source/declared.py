"""What a program declares: constants, options of its command line, modules it imports."""

from __future__ import annotations

import ast
from typing import Final

from notabene.proof.source.calls import Call, written
from notabene.proof.source.canonical import argument_defaults, is_named
from notabene.proof.source.known import CLOCKS, ENTROPY, LISTINGS, PROCESS
from notabene.proof.source.literals import is_literal, is_number, is_setting_call, value_of
from notabene.proof.source.randomness import SHARED_DRAWS
from notabene.proof.source.uses import Constant, Found, Scope
from notabene.proof.source.values import Value

_MOST_CALLS: Final = 1000
_NO_PARAMETERS: Final = {
    "print", "add_argument", "round", "open", "subplots", "figure", "plot", "legend", "text", "bar",
    "savefig", "dump", "dumps", "field", "Field", "option", "Option", "sleep", "axhline", "axvline",
    "set_title", "basicConfig", "info", "log", "hist", "scatter", "imshow", "tight_layout",
}  # fmt: skip
"""Calls whose numbers are no parameters of a training."""


_NO_SETTINGS: Final = {"append", "add", "extend", "write", "close", "debug", "warning", "error"}


def constants(tree: ast.Module, found: Found) -> None:
    """All literals that have a name: variables, attributes, entries, and arguments by default."""
    stack: list[tuple[ast.stmt, str, Scope]] = [(stmt, "", "module") for stmt in tree.body[::-1]]
    while stack:
        stmt, prefix, scope = stack.pop()
        inner: list[tuple[ast.stmt, str, Scope]] = []
        if isinstance(stmt, ast.Assign | ast.AnnAssign):
            _assigned(stmt, prefix, scope, found)
        elif isinstance(stmt, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{stmt.name}."
            _defaults(stmt.args, name, found)
            inner = [(s, name, "local") for s in stmt.body]
        elif isinstance(stmt, ast.ClassDef):
            inner = [(s, f"{prefix}{stmt.name}.", "class") for s in stmt.body]
        elif isinstance(stmt, ast.Expr):
            _set_by_call(stmt, found)
        else:
            for field in ("body", "orelse", "finalbody"):
                inner += [(s, prefix, scope) for s in getattr(stmt, field, [])]
            for handler in getattr(stmt, "handlers", []):
                inner += [(s, prefix, scope) for s in handler.body]
        stack += reversed(inner)


def _assigned(stmt: ast.Assign | ast.AnnAssign, prefix: str, scope: Scope, found: Found) -> None:
    targets = stmt.targets if isinstance(stmt, ast.Assign) else [stmt.target]
    if not is_named(targets):
        return
    for target in targets:
        name = prefix + (target.id if isinstance(target, ast.Name) else ast.unparse(target))
        if isinstance(stmt.value, ast.Lambda):
            _defaults(stmt.value.args, f"{name}.", found)
        elif stmt.value is not None and is_literal(stmt.value):
            _constant(name, stmt.value, scope, found)


def _set_by_call(stmt: ast.Expr, found: Found) -> None:
    """``torch.set_num_threads(2)`` is a constant of that name."""
    call = stmt.value
    if not is_setting_call(stmt) or not isinstance(call, ast.Call):
        return
    name = written(call.func)
    if name.rpartition(".")[2] not in _NO_PARAMETERS | _NO_SETTINGS:
        texts = [value_of(arg) if is_literal(arg) else ast.unparse(arg) for arg in call.args]
        value = texts[0] if len(texts) == 1 else texts
        found.constant(Constant(name, value, stmt.lineno, "call"))


def _defaults(arguments: ast.arguments, prefix: str, found: Found) -> None:
    for arg, default in argument_defaults(arguments):
        if is_literal(default):
            _constant(prefix + arg.arg, default, "default", found)


def _constant(name: str, node: ast.expr, scope: Scope, found: Found) -> None:
    found.constant(Constant(name, value_of(node), node.lineno, scope))


def numbers(call: Call, found: Found) -> None:
    """Numbers given by keyword, ``SGD(lr=0.1)``: parameters that have no other name."""
    if call.name in _NO_PARAMETERS or not call.node.keywords:
        return
    for keyword in call.node.keywords:
        node = keyword.value
        if keyword.arg is not None and is_number(node):
            _constant(f"{call.written}.{keyword.arg}", node, "call", found)


def option(call: Call, found: Found) -> tuple[str, Value | None] | None:
    """Note the declaration of an option of the command line.

    Returns:
        Name of its value, and what is known of its default.
    """
    path, name = call.path, call.name
    texts = [a.value for a in call.node.args if isinstance(a, ast.Constant)]
    flags = [text for text in texts if isinstance(text, str)]
    if name == "add_argument" and (flags or call.argument(-1, "dest") is not None):
        if not flags or " " in flags[0]:
            return None
        dest = _destination(call, flags)
    elif path in {"click.option", "click.argument", "typer.Option"} and flags:
        plain = [flag for flag in flags if not flag.startswith("-") and flag.isidentifier()]
        if path == "typer.Option":
            return None  # the parameter has the name, and is told of
        dest = plain[0] if plain else _destination(call, [flag.split("/")[0] for flag in flags])
    elif path.startswith("absl.flags.DEFINE_") and flags:
        dest = flags[0]
    else:
        return None
    if dest not in {"help", "version"}:
        found.add("options", call.node.lineno, dest, flags[0] if flags else "")
    place = 1 if path.startswith("absl.") else -1
    return dest, call.given(place, "default")


def _destination(call: Call, flags: list[str]) -> str:
    given = call.argument(-1, "dest")
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value
    long = [flag for flag in flags if flag.startswith("--")] or flags
    return (
        long[0].lstrip("-").replace("-", "_").lower()
        if call.name != "add_argument"
        else (long[0].lstrip("-").replace("-", "_"))
    )


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef, found: Found) -> None:
    """Note the parameters of a function that typer, fire and the like make options of."""
    for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        if arg.arg not in {"self", "ctx", "context"}:
            found.add("options", arg.lineno, arg.arg, "parameter")


def imported(node: ast.Import | ast.ImportFrom, found: Found) -> dict[str, str]:
    """Note what is imported.

    Returns:
        Full dotted names by the names they have here.
    """
    if isinstance(node, ast.Import):
        for alias in node.names:
            found.add("imports", node.lineno, alias.name)
        whole = (a for a in node.names)
        return {
            a.asname or a.name.split(".")[0]: _canonical(
                a.name if a.asname else a.name.split(".")[0]
            )
            for a in whole
        }
    module = "." * node.level + (node.module or "")
    if node.module:
        found.add("imports", node.lineno, module)
    names: dict[str, str] = {}
    for alias in node.names:
        if not node.module:
            found.add("imports", node.lineno, module + alias.name)
        if alias.name == "*":
            names |= {path.rpartition(".")[2]: path for path in _ALL if _lies_in(path, module)}
        else:
            joint = "" if module.endswith(".") else "."
            names[alias.asname or alias.name] = _canonical(f"{module}{joint}{alias.name}")
    return names


def _lies_in(path: str, module: str) -> bool:
    return path.rpartition(".")[0] == module


def loaded(call: Call, found: Found) -> None:
    """Note a module that is imported by a call, if its name is written out."""
    if call.path in {"importlib.import_module", "__import__"} and call.node.args:
        first = call.node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            found.add("imports", call.node.lineno, first.value, call.name)


def _canonical(path: str) -> str:
    """One name of a module that has several."""
    for short, full in _SAME.items():
        if path == short or path.startswith(short + "."):
            return full + path[len(short) :]
    return path


_ALL: Final = sorted(SHARED_DRAWS | CLOCKS | ENTROPY | PROCESS | LISTINGS | {"random.seed"})
"""What a star brings in, of modules where it matters."""
_SAME: Final = {
    "numpy.random.mtrand": "numpy.random",
    "torch.utils.data": "torch.utils.data",
    "cuml.accel": "sklearn",
    "tqdm.std": "tqdm",
}
