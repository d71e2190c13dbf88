"""What every part of a capture gives back, the time it may take, and what may go wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

FAILURES: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What a look at a foreign system may raise. A part that raises one of these is recorded as
missing, with the reason, and the others go on."""

Scalar = str | int | float | bool


class Part(msgspec.Struct):
    """One part of a capture.

    Attributes:
        name: ``process``, ``code``, ``notebook``, ``environment`` or ``hardware``.
        data: All that was found, as JSON values.
        facts: What can be searched, flat: ``{"git.commit": "3f2a…", "git.dirty": True}``.
        files: Bytes worth keeping, by a path of our own (``code/patch.diff``); ``data`` names
            the paths.
    """

    name: str
    data: dict[str, Any] = {}
    facts: dict[str, Scalar] = {}
    files: dict[str, bytes] = {}

    def fact(self, key: str, value: Scalar | None) -> None:
        """Make a value searchable, unless it is not known."""
        if value is not None and value != "":
            self.facts[key] = value

    def keep(self, path: str, content: bytes) -> dict[str, Any]:
        """Keep bytes; the answer is what ``data`` says of them: ``{"file", "size"}``."""
        self.files[path] = content
        return {"file": path, "size": len(content)}


class Deadline:
    """A point in time by which something must be done.

    Args:
        seconds: From now on.
    """

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that remain; never below zero."""
        return max(0.0, self._end - time.monotonic())

    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    def within(self, seconds: float) -> Deadline:
        """A deadline of its own for a part: so many seconds from now, never later than this."""
        return Deadline(min(seconds, self.left()))


def without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that say something: no None, empty text, list or mapping."""
    return {k: v for k, v in data.items() if v is not None and v not in ("", [], {}, ())}


def words(text: str) -> frozenset[str]:
    """A table of words, written as one text."""
    return frozenset(text.split())
