"""The forms in which logged values are compared."""

from __future__ import annotations

import math

import pytest

from notabene.query.fields import CELL_KINDS
from notabene.query.values import Cell, Flag, cell_of, number_cell
from notabene.store import tables


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.01, (0.01, Flag.NUMBER, "0.01")),
        (1e-05, (1e-05, Flag.NUMBER, "1e-05")),
        (1.0, (1.0, Flag.NUMBER, "1.0")),
        (64, (64.0, Flag.NUMBER, "64")),
        (2**62 + 1, (float(2**62), Flag.NUMBER, str(2**62 + 1))),
        pytest.param(10**400, (math.inf, Flag.POSINF, str(10**400)), id="huge"),
        pytest.param(-(10**400), (-math.inf, Flag.NEGINF, str(-(10**400))), id="minus huge"),
        (True, (1.0, Flag.BOOL, "true")),
        (False, (0.0, Flag.BOOL, "false")),
        (math.nan, (None, Flag.NAN, "nan")),
        (math.inf, (math.inf, Flag.POSINF, "inf")),
        (-math.inf, (-math.inf, Flag.NEGINF, "-inf")),
        ("adam", (None, Flag.TEXT, "adam")),
        ("a\0b", (None, Flag.TEXT, "a\\0b")),
        ([1, 2.5], (None, Flag.OTHER, "[1, 2.5]")),
        ({"é": None}, (None, Flag.OTHER, '{"é": null}')),
    ],
)
def test_each_kind_of_value(value, expected):
    """A value has the number and the text that the table in the documents says."""
    assert cell_of(value) == Cell(*expected)


def test_null_is_absent():
    """A null is compared like a key that was never logged."""
    assert cell_of(None) is None


def test_text_of_a_number_is_what_python_says():
    """The text of a number is the one that MLflow's clients send, for they call str()."""
    for value in (0.1, 1e22, 123456.789, -0.0, 3, 2**40):
        cell = cell_of(value)
        assert cell is not None
        assert cell.text == str(value)


def test_bools_of_metrics_are_numbers():
    """A number is a number also where it is 0 or 1."""
    assert number_cell(1.0) == Cell(1.0, Flag.NUMBER, "1.0")


def test_stores_use_the_same_numbers():
    """Flags and kinds mean the same in the tables of stores."""
    assert {flag.name: int(flag) for flag in Flag} == {f.name: int(f) for f in tables.Flag}
    assert {kind.name.lower(): int(kind) for kind in tables.Kind} == CELL_KINDS
