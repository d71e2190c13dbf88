"""What a value in a query may be, by the type of the field it is compared with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from notabene.errors import QueryError
from notabene.query import fields, patterns, times
from notabene.query.ast import Field, Value
from notabene.query.scanner import Scanner, Written, nearest

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_SPECIAL = {
    "inf": math.inf,
    "infinity": math.inf,
    "-inf": -math.inf,
    "-infinity": -math.inf,
    "+inf": math.inf,
    "+infinity": math.inf,
    "nan": math.nan,
}
_BOOLS = {"true": True, "false": False}
_ALSO = {"status": ("scheduled",)}
"""Words of MLflow for what no run here ever is."""


def value_of(scan: Scanner, field: Field) -> Value | None:
    """Read the value that a field is compared with; None for null.

    Raises:
        QueryError: It is of another type than the field.
    """
    word = scan.literal()
    if not word.quoted and word.text.lower() == "null":
        return None
    return _READERS[fields.type_of(field)](scan, field, word)


def pattern_of(scan: Scanner, field: Field, at: int) -> str:
    """Read the pattern of a ``like`` that stands at column ``at``.

    Raises:
        QueryError: The field has no text, or it is no pattern.
    """
    kind = fields.type_of(field)
    if kind not in {"text", "any", "choice"}:
        raise scan.error(f"like compares texts; {_name(field)} is a {_NOUNS[kind]}", at)
    word = scan.literal()
    if not word.quoted:
        raise scan.error(f"{word.text!r} is no text", word.at, f"write '{word.text}'")
    if len(word.text) > patterns.MAX_LENGTH:
        raise scan.error(
            f"the pattern has {len(word.text):,} characters; "
            f"at most {patterns.MAX_LENGTH:,} are allowed",
            word.at,
        )
    return word.text.lower() if kind == "choice" else word.text


def number(text: str) -> float | None:
    """The number that a text is; None if it is none."""
    if _NUMBER.match(text):
        return float(text)
    return _SPECIAL.get(text.lower())


_NOUNS = {"number": "number", "duration": "duration", "time": "time", "bool": "yes or no"}


def _name(field: Field) -> str:
    where = fields.BY_KIND[field.kind].name if field.kind != "attribute" else ""
    return f"{where}.{field.name}"[:80].lstrip(".")


def _any(scan: Scanner, field: Field, word: Written) -> Value:
    if word.quoted:
        return word.text
    truth = _BOOLS.get(word.text.lower())
    if truth is not None:
        return truth
    value = number(word.text)
    if value is None:
        raise _unquoted(scan, field, word)
    return value


def _text(scan: Scanner, field: Field, word: Written) -> Value:
    if word.quoted:
        return word.text
    raise _unquoted(scan, field, word)


def _unquoted(scan: Scanner, field: Field, word: Written) -> QueryError:
    what = "is a text" if fields.type_of(field) == "text" else "may be a text or a number"
    shown = word.text[:60]
    return scan.error(
        f"{shown!r} has no quotes, and {_name(field)} {what}", word.at, f"write '{shown}'"
    )


def _choice(scan: Scanner, field: Field, word: Written) -> Value:
    text = word.text.lower()
    choices = fields.BY_NAME[field.name].choices
    if text in choices or text in _ALSO.get(field.name, ()) or not text:
        return text
    near = nearest(text, choices)
    raise scan.error(
        f"no {field.name} is called {word.text[:60]!r}",
        word.at,
        f"did you mean {near}?" if near else f"these are known: {', '.join(choices)}",
    )


def _number(scan: Scanner, field: Field, word: Written) -> Value:
    value = number(word.text)
    if value is not None and not word.quoted:
        return value
    hint = f"write {word.text}" if value is not None else "write 0.9, 1e-3, inf or nan"
    raise scan.error(f"{_name(field)} is a number, not {word.text[:60]!r}", word.at, hint)


def _duration(scan: Scanner, field: Field, word: Written) -> Value:
    value = None if word.quoted else number(word.text)
    value = times.seconds(word.text) if value is None else value
    if value is None:
        raise scan.error(
            f"{_name(field)} is a duration, not {word.text[:60]!r}",
            word.at,
            "write 90s, 2h or 1h30m; a bare number is seconds",
        )
    return value


def _time(scan: Scanner, field: Field, word: Written) -> Value:
    value = None if word.quoted else number(word.text)
    if value is not None and math.isfinite(value):
        return value
    text = word.text
    if not word.quoted and scan.word("ago"):
        text = f"{text} ago"
    moment = times.moment(text)
    if moment is None:
        raise scan.error(
            f"{_name(field)} is a time, not {text[:60]!r}",
            word.at,
            "write '2024-05-01', '2024-05-01 14:30', today or '7d ago'",
        )
    return moment


def _bool(scan: Scanner, field: Field, word: Written) -> Value:
    truth = {**_BOOLS, "1": True, "0": False}.get(word.text.lower())
    if truth is None:
        raise scan.error(f"{_name(field)} is true or false, not {word.text[:60]!r}", word.at)
    return truth


_READERS: dict[fields.Type, Callable[[Scanner, Field, Written], Value]] = {
    "any": _any,
    "text": _text,
    "choice": _choice,
    "number": _number,
    "duration": _duration,
    "time": _time,
    "bool": _bool,
}
