"""How logged values are compared: each as a number, a text, or both.

=============  =========================  ========================================
value          as a number                as a text
=============  =========================  ========================================
0.01, 64       itself                     ``0.01``, ``64`` (the shortest that reads
                                          back the same, as Python's ``str``)
NaN, ±Inf      itself                     ``nan``, ``inf``, ``-inf``
true, false    1, 0                       ``true``, ``false``; ``= 'True'`` and
                                          ``= 'False'`` hold as well, since MLflow's
                                          clients log them as such
'adam'         none                       itself
[1, 2], {...}  none                       JSON: ``[1, 2]``
null           absent                     absent
=============  =========================  ========================================

Stores keep the same three columns, made here, so that SQL and Python cannot differ.
"""

from __future__ import annotations

import json
import math
from enum import IntEnum
from typing import NamedTuple

from notabene.model.records import JSON

PYTHON_BOOLS = {"True": "true", "False": "false"}
"""What Python's ``str`` makes of a bool, and what JSON makes of it."""


class Flag(IntEnum):
    """What a value was."""

    NUMBER = 0
    NAN = 1
    POSINF = 2
    NEGINF = 3
    TEXT = 4
    BOOL = 5
    OTHER = 6
    """A list or a mapping."""


class Cell(NamedTuple):
    """A value in the form that it is compared in.

    Attributes:
        num: As a number; None for NaN and for what is no number.
        flag: What it was.
        text: As a text.
    """

    num: float | None
    flag: int
    text: str


_BOOLS = (Cell(0.0, Flag.BOOL, "false"), Cell(1.0, Flag.BOOL, "true"))


def cell_of(value: JSON) -> Cell | None:
    """The form in which a logged value is compared; None for null, which counts as absent."""
    if value is None:
        return None
    if isinstance(value, str):
        return text_cell(value)
    if isinstance(value, bool):
        return _BOOLS[value]
    if isinstance(value, float):
        return number_cell(value)
    if isinstance(value, int):
        return number_cell(_float(value))._replace(text=str(value))
    return Cell(None, Flag.OTHER, _storable(json.dumps(value, ensure_ascii=False)))


def text_cell(text: str) -> Cell:
    """The form in which a text is compared."""
    return Cell(None, Flag.TEXT, _storable(text))


def number_cell(value: float) -> Cell:
    """The form in which a floating point number is compared."""
    if math.isfinite(value):
        return Cell(value, Flag.NUMBER, repr(value))
    if math.isnan(value):
        return Cell(None, Flag.NAN, "nan")
    return Cell(value, Flag.POSINF if value > 0 else Flag.NEGINF, repr(value))


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _storable(text: str) -> str:
    # PostgreSQL keeps no NUL in a text, and SQLite's patterns end at one.
    return text.replace("\0", "\\0")
