"""What a caller gave, looked at before it is used: what is wrong is said in one sentence."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from operator import index
from pathlib import Path
from typing import Any

from notabene.errors import UsageError


def text(value: Any, what: str) -> str:
    """A text that UTF-8 can hold.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(value, str) or not encodable(value):
        raise _wrong(value, what, "must be a text")
    return value


def encodable(value: str) -> bool:
    """Whether UTF-8 can hold a text: it has no halves of characters."""
    return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)


def texts(values: Any, what: str) -> list[str]:
    """Texts; a single one is one of them.

    Raises:
        UsageError: They are none.
    """
    return [text(value, what) for value in several(values, what)]


def several(values: Any, what: str) -> list[Any]:
    """Things; a text is one of them.

    Raises:
        UsageError: They cannot be counted off.
    """
    if isinstance(values, str):
        return [values]
    if not isinstance(values, Iterable):
        raise _wrong(values, what, "must be one or several")
    return list(values)


def whole(value: Any, what: str, *, least: int = 0) -> int:
    """A whole number, of Python or of a library.

    Raises:
        UsageError: It is none, or too small.
    """
    try:
        number = index(value)
    except TypeError:
        raise _wrong(value, what, "must be a whole number") from None
    if number < least:
        raise UsageError(f"{what}={number} is not possible; {least} or more are")
    return min(number, (1 << 63) - 1)


def number(value: Any, what: str, *, least: float = -math.inf) -> float:
    """A number that is not NaN.

    Raises:
        UsageError: It is none, or too small.
    """
    try:
        found = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if math.isnan(found):
        raise _wrong(value, what, "must be a number")
    if found < least:
        raise UsageError(f"{what}={value} is not possible; {least:g} or more are")
    return found


def path(value: Any, what: str) -> Path:
    """A path.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(value, str | os.PathLike) or "\0" in os.fspath(value):
        raise _wrong(value, what, "must be a path")
    return Path(value)


def _wrong(value: Any, what: str, rule: str) -> UsageError:
    return UsageError(f"{what} {rule}, not {type(value).__name__} {value!a}"[:200])
