"""One digest for all spellings of a program: comments, layout and docstrings do not count.

The form is our own and not that of ``ast.dump``, which differs between versions of Python: names
of nodes, their fields by alphabet, no positions, and whatever is empty left out, so that a field
that a later Python adds changes nothing. Everything else counts, also what could not matter, such
as the name of a local variable: two programs called equal must be equal.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from typing import Final, Literal

from notabene.model.canonical import digest_bytes
from notabene.proof.source.literals import (
    SEED_CALL,
    is_literal,
    is_number,
    is_seed_name,
    is_seed_value,
    is_setting_call,
)

Neutral = Literal["nothing", "seeds", "constants"]

PARSE_FAILURES = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
"""What ``ast.parse`` raises for texts that are no program, or none for this Python."""

_SKIPPED = {"ctx", "kind", "type_comment", "type_ignores"}
_SEED, _CONSTANT, _END = 1, 2, 0

_Piece = str | int | ast.AST


def parse(text: str | bytes) -> ast.Module:
    """The syntax tree, without the warnings that Python prints on doubtful spellings.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError, OverflowError: It is no program.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def canonical_digest(
    tree_or_text: ast.Module | str | bytes, *, neutral: Neutral = "nothing"
) -> str:
    """SHA-256 (hex) of the canonical form of a program.

    Args:
        tree_or_text: The program. A text that does not parse is digested as it is.
        neutral: Which values are left out of account: ``seeds``, the literal values of names,
            arguments and options called seed or random_state, ``constants``, the literals given
            to names of the module and of classes and to arguments by default, or ``nothing``.
    """
    code, seeds, constants = canonical_digests(tree_or_text)
    return {"nothing": code, "seeds": seeds, "constants": constants}[neutral]


def canonical_digests(tree_or_text: ast.Module | str | bytes) -> tuple[str, str, str]:
    """The digests with nothing, seeds, and constants left out of account, in one pass."""
    if isinstance(tree_or_text, str | bytes):
        try:
            tree = parse(tree_or_text)
        except PARSE_FAILURES:
            digest = text_digest(tree_or_text)
            return digest, digest, digest
    else:
        tree = tree_or_text
    writer = _Writer()
    writer.write(tree)
    return writer.digest(0), writer.digest(_SEED), writer.digest(_CONSTANT)


def text_digest(text: str | bytes) -> str:
    """The digest of a text that is no program; equal to that of no program."""
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    return digest_bytes(b"text\0" + text)


class _Writer:
    """Writes a tree as text, with its own stack: no depth of nesting is too much."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._ranges: list[tuple[int, int, int]] = []
        self._settings: set[int] = set()  # arguments of calls that set something
        self._fields: dict[type, tuple[tuple[str, str], ...]] = {}

    def write(self, tree: ast.AST) -> None:
        """Write the tree; once."""
        out, opened = self._out, list[tuple[int, int]]()
        stack: list[_Piece] = [tree]
        pop, push, append = stack.pop, stack.extend, out.append
        while stack:
            piece = pop()
            if isinstance(piece, str):
                append(piece)
            elif isinstance(piece, ast.Name):
                append("Name " + piece.id + ";")
            elif isinstance(piece, int):
                if piece:
                    opened.append((len(out), piece))
                else:
                    start, category = opened.pop()
                    self._ranges.append((start, len(out), category))
            else:
                special = _SPECIAL.get(piece.__class__)
                pieces = special(self, piece) if special else self._plain(piece)
                pieces.reverse()
                push(pieces)

    def digest(self, category: int) -> str:
        """SHA-256 of what was written, the values of a category left out."""
        out = self._out
        if category:
            ranges = sorted(r for r in self._ranges if r[2] == category)
            kept: list[str] = []
            at = 0
            for start, end, _ in ranges:
                if start >= at:  # a constant inside a constant went with the outer one
                    kept += out[at:start]
                    kept.append("?;")
                    at = end
            out = kept + out[at:]
        return digest_bytes("".join(out).encode("utf-8", "surrogatepass"))

    def _plain(self, node: ast.AST, marked: dict[str, list[int]] | None = None) -> list[_Piece]:
        """The fields of any node; those in ``marked`` between the marks of categories."""
        kind = node.__class__
        fields = self._fields.get(kind)
        if fields is None:
            names = sorted(name for name in kind._fields if name not in _SKIPPED)
            fields = self._fields[kind] = tuple((name, name + "=") for name in names)
        pieces: list[_Piece] = [kind.__name__ + "("]
        for name, label in fields:
            value = getattr(node, name, None)
            if not value:
                continue
            pieces.append(label)
            marks = marked.get(name, ()) if marked else ()
            pieces += marks
            if value.__class__ is list:
                if name in _BODIES:
                    value = [s for s in value if not _is_remark(s)]
                pieces.append("[")
                for item in value:
                    pieces.append(item if isinstance(item, ast.AST) else f"{item or '~'};")
                pieces.append("]")
            else:
                pieces.append(value if isinstance(value, ast.AST) else f"{value};")
            pieces += [_END] * len(marks)
        pieces.append(")")
        return pieces

    # -- nodes whose values may be left out of account -----------------------------------------

    def _assign(self, node: ast.AST) -> list[_Piece]:
        assert isinstance(node, ast.Assign | ast.AnnAssign)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        marks: list[int] = []
        if is_literal(node.value) and is_named(targets):
            marks.append(_CONSTANT)
        names = [t.id for t in targets if isinstance(t, ast.Name)]
        names += [t.attr for t in targets if isinstance(t, ast.Attribute)]
        names += [_text(t.slice) for t in targets if isinstance(t, ast.Subscript)]
        if any(is_seed_name(name) for name in names) and is_seed_value(node.value):
            marks.append(_SEED)
        return self._plain(node, {"value": marks} if marks else None)

    def _expr(self, node: ast.AST) -> list[_Piece]:
        assert isinstance(node, ast.Expr)
        if is_setting_call(node):
            assert isinstance(node.value, ast.Call)
            self._settings.update(map(id, node.value.args))
        return self._plain(node)

    def _keyword(self, node: ast.AST) -> list[_Piece]:
        assert isinstance(node, ast.keyword)
        marks: list[int] = []
        if node.arg and is_number(node.value):
            marks.append(_CONSTANT)
        if node.arg and is_seed_name(node.arg) and is_seed_value(node.value):
            marks.append(_SEED)
        return self._plain(node, {"value": marks} if marks else None)

    def _arguments(self, node: ast.AST) -> list[_Piece]:
        assert isinstance(node, ast.arguments)
        pieces: list[_Piece] = ["arguments("]
        for name in ("args", "kwarg", "kwonlyargs", "posonlyargs", "vararg"):
            value = getattr(node, name)
            pieces += [name, "[", *(value if isinstance(value, list) else [value] * bool(value))]
            pieces.append("]")
        for arg, default in argument_defaults(node):
            pieces.append(arg.arg + "=")
            marks = [_CONSTANT] if is_literal(default) else []
            if is_seed_name(arg.arg):
                if is_seed_value(default):
                    marks.append(_SEED)
                elif isinstance(default, ast.Call) and default.args:  # typer.Option(42)
                    pieces += self._call(default, seed=True)
                    continue
            pieces += [*marks, default, *[_END] * len(marks)]
        return [*pieces, ")"]

    def _dict(self, node: ast.AST) -> list[_Piece]:
        assert isinstance(node, ast.Dict)
        pieces: list[_Piece] = ["Dict("]
        for key, value in zip(node.keys, node.values, strict=True):
            pieces.append(key or "**")
            if key is not None and is_seed_name(_text(key)) and is_seed_value(value):
                pieces += [_SEED, value, _END]
            else:
                pieces.append(value)
        return [*pieces, ")"]

    def _call(self, node: ast.AST, *, seed: bool = False) -> list[_Piece]:
        assert isinstance(node, ast.Call)
        func, args = node.func, node.args
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        option = bool(args) and is_seed_name(_text(args[0]))
        place = 1 if option else 0 if seed or SEED_CALL.match(name) else -1
        pieces: list[_Piece] = ["Call(", func]
        for number, arg in enumerate(args):
            marks = [_CONSTANT] if id(arg) in self._settings else []
            marks += [_SEED] if number == place and is_seed_value(arg) else []
            pieces += [*marks, arg, *[_END] * len(marks)]
        for keyword in node.keywords:
            if option and keyword.arg == "default" and is_seed_value(keyword.value):
                pieces += ["default=", _SEED, keyword.value, _END]
            elif keyword.arg == "default":
                pieces += ["default=", keyword.value]
            else:
                pieces.append(keyword)
        return [*pieces, ")"]

    # -- nodes that have one form of several ---------------------------------------------------

    def _joined(self, node: ast.AST) -> list[_Piece]:
        """An f-string: how Python cuts its text into pieces differs between versions."""
        assert isinstance(node, ast.JoinedStr)
        pieces: list[_Piece] = []
        text = ""
        for value in node.values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                text += value.value
                continue
            if text:
                pieces.append(_constant_text(text))
                text = ""
            pieces.append(value)
        if text or not pieces:
            pieces.append(_constant_text(text))
        return pieces if len(pieces) == 1 and isinstance(pieces[0], str) else ["f(", *pieces, ")"]

    def _formatted(self, node: ast.AST) -> list[_Piece]:
        assert isinstance(node, ast.FormattedValue)
        spec = node.format_spec
        pieces: list[_Piece] = [f"{{{node.conversion};", node.value]
        if isinstance(spec, ast.JoinedStr) and any(getattr(v, "value", "") for v in spec.values):
            pieces += [":", spec]
        return [*pieces, "}"]

    def _constant(self, node: ast.AST) -> list[_Piece]:
        assert isinstance(node, ast.Constant | ast.MatchSingleton)
        return [_constant_text(node.value)]


def _constant_text(value: object) -> str:
    """A constant with its type: 2, 2.0, True and '2' are four things."""
    if isinstance(value, str):
        return f"s{len(value)}:{value};"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"i{value:x};"  # decimal digits of an int may be too many for Python to write
    if isinstance(value, float):
        return f"f{value!r};"
    if isinstance(value, complex):
        return f"c{value.real!r},{value.imag!r};"
    if isinstance(value, bytes):
        return f"b{value.hex()};"
    return f"={value!r};"


def argument_defaults(node: ast.arguments) -> list[tuple[ast.arg, ast.expr]]:
    """The arguments of a function that have a default, with it."""
    places = [*node.posonlyargs, *node.args]
    found = list(zip(places[len(places) - len(node.defaults) :], node.defaults, strict=True))
    named = zip(node.kwonlyargs, node.kw_defaults, strict=True)
    return found + [(arg, default) for arg, default in named if default is not None]


def is_named(targets: Sequence[ast.expr]) -> bool:
    """Whether an assignment names its value: ``lr``, ``cfg.lr``, ``cfg["lr"]``, and nothing else;
    names of Python's own do not count."""
    for target in targets:
        node = target
        while isinstance(node, ast.Attribute) or (
            isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
        ):
            node = node.value
        if isinstance(node, ast.Name):
            if node is target and node.id.startswith("__"):
                return False
        elif node is target or not isinstance(node, ast.Call):
            return False
    return True


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_remark(stmt: object) -> bool:
    """A docstring, or another text that stands by itself and does nothing."""
    return (
        isinstance(stmt, ast.Expr)
        and isinstance(stmt.value, ast.Constant)
        and isinstance(stmt.value.value, str)
    )


_BODIES: Final = {"body", "orelse", "finalbody"}
_SPECIAL: Final = {
    ast.Assign: _Writer._assign,
    ast.AnnAssign: _Writer._assign,
    ast.Expr: _Writer._expr,
    ast.keyword: _Writer._keyword,
    ast.arguments: _Writer._arguments,
    ast.Dict: _Writer._dict,
    ast.Call: _Writer._call,
    ast.JoinedStr: _Writer._joined,
    ast.FormattedValue: _Writer._formatted,
    ast.Constant: _Writer._constant,
    ast.MatchSingleton: _Writer._constant,
}
