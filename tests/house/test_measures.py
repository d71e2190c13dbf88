"""The measures of the house: sizes, names and what must not be there."""

from __future__ import annotations

import ast
import re

FILE_SOFT, FILE_HARD = 500, 700
FUNCTION_SOFT, FUNCTION_HARD = 50, 70
METHODS = 20
POSITIONAL = 7
DEPTH = 3
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "stuff"}
LINES_PER_IGNORE = 2000

MANY_METHODS = {"tracking/run.py": 25}
"""The plain verbs that people know, one method each."""


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the last one, without the docstring: saying more is no fault."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    return lines


def test_files_are_short(package):
    """No file has over 700 lines, and at most one in twenty over 500."""
    too_long = [f"{s.name}: {s.lines}" for s in package if s.lines > FILE_HARD]
    assert not too_long
    long = [f"{s.name}: {s.lines}" for s in package if s.lines > FILE_SOFT]
    assert len(long) <= len(package) / 20, long


def test_functions_are_short(package):
    """No function has over 70 lines, one in fifty over 50, and nine in ten at most 30."""
    sizes = sorted(
        (length(f), f"{s.name}:{f.lineno} {f.name}") for s in package for f in s.functions()
    )
    assert [s for s in sizes if s[0] > FUNCTION_HARD] == []
    long = [s for s in sizes if s[0] > FUNCTION_SOFT]
    assert len(long) <= len(sizes) / 50, long
    assert sizes[len(sizes) * 9 // 10][0] <= 30


def test_classes_have_few_methods(package):
    """A class has at most 20 public methods of its own; the run's plain verbs apart."""
    wide = []
    for source in package:
        limit = MANY_METHODS.get(source.name, METHODS)
        for node in source.classes():
            public = [
                f.name
                for f in node.body
                if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)
                and not f.name.startswith("_")
                and not any(_is_property(d) for d in f.decorator_list)
            ]
            if len(public) > limit:
                wide.append(f"{source.name} {node.name}: {len(public)}")
    assert not wide


def _is_property(decorator: ast.expr) -> bool:
    return (isinstance(decorator, ast.Name) and "property" in decorator.id) or (
        isinstance(decorator, ast.Attribute) and decorator.attr in {"setter", "deleter"}
    )


def test_arguments_are_few_or_named(package):
    """A function takes at most 7 arguments by position; more are keyword-only."""
    many = []
    for source in package:
        for function in source.functions():
            names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
            count = len([n for n in names if n not in {"self", "cls"}])
            # A command of the command line gets its arguments from its decorators.
            is_command = source.name.startswith("cli/") and function.decorator_list
            if count > POSITIONAL and not is_command:
                many.append(f"{source.name}:{function.lineno} {function.name}: {count}")
    assert not many


def test_folders_are_flat(package):
    """No file lies more than three folders deep in the package."""
    assert [s.name for s in package if s.name.count("/") > DEPTH] == []


def test_nothing_is_called_utils(package):
    """A file or folder bears the name of what it holds, never utils, helpers, common or misc."""
    parts = {part for s in package for part in s.name.removesuffix(".py").split("/")}
    assert {p for p in parts if p.strip("_") in NO_NAMES} == set()


def test_type_ignores_are_rare_and_say_why(package):
    """At most one ``type: ignore`` per 2,000 lines, each with its code and a reason."""
    found = [
        (f"{s.name}:{number}", line)
        for s in package
        for number, line in enumerate(s.text.splitlines(), 1)
        if re.search(r"#\s*type:\s*ignore", line)
    ]
    assert [at for at, line in found if not re.search(r"ignore\[[a-z, -]+\]\s+#\s*\S", line)] == []
    assert len(found) <= max(1, sum(s.lines for s in package) // LINES_PER_IGNORE), found


def test_nothing_is_left_to_do(package, tests):
    """No file says that something is still to be done: it is done, or it is an issue."""
    word = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    left = [
        f"{s.name}:{number}"
        for s in (*package, *tests)
        for number, line in enumerate(s.text.splitlines(), 1)
        if word.search(line)
    ]
    assert not left


def test_only_the_guard_catches_everything(package):
    """``except Exception`` stands in the guards alone; others name what they expect.

    The watch has guards of its own: its hooks run inside the user's calls, and it imports
    nothing of ours.
    """
    guards = ("tracking/guard.py", "capture/watch/")
    broad = [
        f"{s.name}:{node.lineno}"
        for s in package
        for node in ast.walk(s.tree)
        if isinstance(node, ast.ExceptHandler)
        and _is_broad(node.type)
        # A handler that raises again hides nothing.
        and not any(isinstance(n, ast.Raise) and n.exc is None for n in ast.walk(node))
    ]
    assert [at for at in broad if not at.startswith(guards)] == []


def _is_broad(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        n is None or (isinstance(n, ast.Name) and n.id in {"Exception", "BaseException"})
        for n in names
    )
