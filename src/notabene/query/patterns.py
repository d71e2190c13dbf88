r"""Patterns of ``like`` and ``ilike``: one reading, and one writing for each dialect.

``%`` stands for any text, also none, ``_`` for one character; a backslash before ``%``, ``_``
or another backslash takes their meaning away, before anything else it is itself. ``like``
minds upper and lower case, ``ilike`` does not.

Databases disagree here (SQLite's LIKE ignores case, for ASCII only; PostgreSQL's ILIKE depends
on the locale), so ``ilike`` is spelt out for both: each letter becomes the set of its forms,
``[aA]``. SQLite gets a GLOB, which minds case and knows sets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MAX_LENGTH: Final = 1000
"""Characters a pattern may have; SQLite takes at most 50,000 bytes, sets included."""

Any1: Final = "_"
AnyText: Final = "%"

Piece = frozenset[str] | str
"""One character of the pattern: the forms that match it, or :data:`Any1` or :data:`AnyText`."""


def pieces(pattern: str, *, fold: bool) -> tuple[Piece, ...]:
    """A pattern, character by character.

    Args:
        pattern: As written.
        fold: Whether all forms of a letter match.
    """
    found: list[Piece] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\" and pattern[at + 1 : at + 2] in {"%", "_", "\\"}:
            at += 1
            found.append(frozenset(pattern[at]))
        elif char in {Any1, AnyText}:
            if found[-1:] != [AnyText] or char != AnyText:
                found.append(char)
        else:
            found.append(forms(char) if fold else frozenset(char))
        at += 1
    return tuple(found)


def forms(char: str) -> frozenset[str]:
    """The character in upper, lower and title case, as far as each is one character."""
    upper, lower = char.upper(), char.lower()
    found = {char, upper, lower, char.title(), char.casefold(), upper.lower(), lower.upper()}
    if "σ" in found:
        found.add("ς")  # the same letter at the end of a word
    return frozenset(form for form in found if len(form) == 1)


def prefix(parts: tuple[Piece, ...]) -> str:
    """What every matching text begins with."""
    known = ""
    for part in parts:
        if isinstance(part, str) or len(part) > 1:
            break
        known += next(iter(part))
    return known


def after(text: str) -> str | None:
    """The least text above all that begin with this one; None if there is none."""
    while text:
        last = ord(text[-1])
        if last < 0x10FFFF:
            # The surrogates between U+D7FF and U+E000 are no characters.
            return text[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        text = text[:-1]
    return None


def glob(parts: tuple[Piece, ...]) -> str:
    """The pattern for SQLite's GLOB."""
    return "".join(_glob(part) for part in parts)


def _glob(part: Piece) -> str:
    if isinstance(part, str):
        return "*" if part == AnyText else "?"
    chars = "".join(sorted(part))
    return f"[{chars}]" if len(chars) > 1 or chars in "*?[" else chars


def like(parts: tuple[Piece, ...]) -> str:
    """The pattern for PostgreSQL's LIKE; for parts that were not folded."""
    return "".join(part if isinstance(part, str) else _like(part) for part in parts)


def _like(part: frozenset[str]) -> str:
    (char,) = part
    return f"\\{char}" if char in "%_\\" else char


def regex(parts: tuple[Piece, ...]) -> str:
    """The pattern as a regular expression of PostgreSQL: no groups and no references back."""
    return f"^{''.join(_regex(part) for part in parts)}$"


def _regex(part: Piece) -> str:
    if isinstance(part, str):
        return ".*" if part == AnyText else "."
    chars = "".join(sorted(part))
    if len(chars) > 1:
        return f"[{chars}]"
    return chars if chars.isalnum() or not chars.isascii() else f"\\{chars}"


def matcher(parts: tuple[Piece, ...]) -> Callable[[str], bool]:
    """A function that tells whether a text matches as a whole."""

    def fits(part: Piece, char: str) -> bool:
        return part == Any1 or char in part

    def matches(text: str) -> bool:
        at = spot = 0
        star, back = -1, 0
        # Greedy, with one step back to the last "any text": at most len(text) * len(parts).
        while spot < len(text):
            if at < len(parts) and parts[at] == AnyText:
                star, back = at, spot
                at += 1
            elif at < len(parts) and fits(parts[at], text[spot]):
                at += 1
                spot += 1
            elif star >= 0:
                back += 1
                at, spot = star + 1, back
            else:
                return False
        return all(part == AnyText for part in parts[at:])

    return matches
