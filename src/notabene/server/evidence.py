"""What records say, in the form that the command line prints, and how sources differ."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, cast

import msgspec

from notabene.compare.diff import Side, text_diff
from notabene.errors import NotFoundError

T = TypeVar("T")

State = Literal["changed", "layout", "added", "removed"]


def whole(value: T) -> T:
    """Entities with all their fields, also those that have their default, as ``--json`` prints.

    Args:
        value: An entity, or a list of them; the answer has mappings in their place.
    """
    return cast("T", _whole(value))


def _whole(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {name: _whole(getattr(value, field)) for name, field in names}
    if isinstance(value, dict):
        return {str(key): _whole(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(part) for part in value]
    return value


class SourceDiff(msgspec.Struct, frozen=True, kw_only=True):
    """A source that differs between two runs.

    Attributes:
        path: In the project.
        state: ``changed``; ``layout``: only comments and layout, the syntax tree is the same;
            ``added``: only the second run has it; ``removed``: only the first.
        added: Lines that came.
        removed: Lines that went.
    """

    path: str
    state: State
    added: int
    removed: int


class SourceText(SourceDiff, frozen=True, kw_only=True):
    """How a source differs.

    Attributes:
        text: A unified diff.
    """

    text: str


def sources_of(a: Side, b: Side) -> list[SourceDiff]:
    """The sources that differ: what changes the program first, layout last, by path."""
    found = []
    for path in {*a.texts, *b.texts}:
        if a.texts.get(path) != b.texts.get(path):
            added, removed = _counts(text_diff(a, b, path))
            found.append(
                SourceDiff(path=path, state=_state(a, b, path), added=added, removed=removed)
            )
    return sorted(found, key=lambda one: (one.state == "layout", one.path))


def source_of(a: Side, b: Side, path: str) -> SourceText:
    """How one source differs.

    Raises:
        NotFoundError: Neither run has kept it.
    """
    if path not in a.texts and path not in b.texts:
        raise NotFoundError(f"neither run has kept a source {path!r}")
    lines = text_diff(a, b, path)
    added, removed = _counts(lines)
    state = _state(a, b, path)
    text = "\n".join(lines)
    return SourceText(path=path, state=state, added=added, removed=removed, text=text)


def _state(a: Side, b: Side, path: str) -> State:
    if path not in a.texts:
        return "added"
    if path not in b.texts:
        return "removed"
    one, other = a.tables.code.get(path, {}), b.tables.code.get(path, {})
    return "layout" if one.get("code") == other.get("code") else "changed"


def _counts(lines: list[str]) -> tuple[int, int]:
    body = lines[2:]  # behind the two lines that name the files
    return sum(line[:1] == "+" for line in body), sum(line[:1] == "-" for line in body)
