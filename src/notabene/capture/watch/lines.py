"""What a line of source says, where the call itself cannot be seen: its function is in C."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_known: dict[tuple[str, int, str], Any] = {}
_NONE = (False, None)


def argument_of(function: str, frame: FrameType) -> tuple[bool, Any]:
    """The first argument of a call on the line that a frame is at.

    Returns:
        Whether one other than None is given, and its value if that can be told without
        calling anything.
    """
    key = (frame.f_code.co_filename, frame.f_lineno, function)
    if key not in _known:
        _known[key] = _parsed(function, frame)
    node = _known[key]
    if node is None:
        return _NONE
    import ast

    if isinstance(node, ast.Constant):
        return node.value is not None, node.value
    if isinstance(node, ast.Name):
        for names in (frame.f_locals, frame.f_globals):
            if node.id in names:
                return names[node.id] is not None, names[node.id]
    return True, None


def _parsed(function: str, frame: FrameType) -> Any:
    """The first argument as syntax; None where there is no such call, or it has none."""
    import ast
    import linecache

    name = frame.f_code.co_filename
    lines = linecache.getlines(name, frame.f_globals)
    text = "".join(lines[frame.f_lineno - 1 : frame.f_lineno + 3])
    at = text.find(function + "(")
    if at < 0:
        return None
    for end in range(at, min(len(text), at + 2000)):
        if text[end] == ")":
            try:
                call = ast.parse(text[at : end + 1], mode="eval").body
            except SyntaxError:
                continue
            if isinstance(call, ast.Call) and (call.args or call.keywords):
                return call.args[0] if call.args else call.keywords[0].value
            return None
    return None
