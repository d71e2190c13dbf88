"""Patterns of like and ilike."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from notabene.query import patterns
from notabene.query.patterns import Any1, AnyText


def in_sqlite(text: str, glob: str) -> bool:
    """Whether SQLite's GLOB matches."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        (found,) = connection.execute("SELECT ? GLOB ?", (text, glob)).fetchone()
    return bool(found)


MATCHES = [
    ("abl%", "ablation", True),
    ("abl%", "Ablation", False),
    ("%loss%", "val/loss.max", True),
    ("_dam", "adam", True),
    ("_dam", "aadam", False),
    ("", "", True),
    ("", "a", False),
    ("%", "", True),
    ("a%b%c", "a1b2b3c", True),
    ("a%b%c", "a1b2b3", False),
    (r"100\%", "100%", True),
    (r"100\%", "1000", False),
    (r"a\_b", "a_b", True),
    (r"a\_b", "axb", False),
    ("C:\\data%", "C:\\data\\x", True),
    (r"\\%", "\\x", True),
    ("tail\\", "tail\\", True),
    ("[ab]*?", "[ab]*?", True),
    ("a%", "a\nb", True),
    ("日_", "日本", True),
    ("%%%x%%", "aaxbb", True),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_like(pattern, text, expected):
    """A text matches as a whole, with case, % and _ as in SQL, and a backslash to escape them."""
    assert patterns.matcher(patterns.pieces(pattern, fold=False))(text) is expected


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_glob_of_sqlite_means_the_same(pattern, text, expected):
    """SQLite's GLOB gets a pattern that matches the same texts."""
    assert in_sqlite(text, patterns.glob(patterns.pieces(pattern, fold=False))) is expected


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("ADAM", "adam"), ("été%", "ÉTÉ 24"), ("οδος", "ΟΔΟΣ"), ("ΟΔΟΣ", "οδος"), ("ß", "ß")],
)
def test_ilike_does_not_mind_case(pattern, text):
    """With fold, a letter matches its other forms, in every alphabet."""
    parts = patterns.pieces(pattern, fold=True)
    assert patterns.matcher(parts)(text)
    assert in_sqlite(text, patterns.glob(parts))


def test_escaped_letters_are_not_folded_into_wildcards():
    """Escaped signs stay signs, and runs of % are one."""
    parts = patterns.pieces(r"%%\%_\_%", fold=True)
    assert parts == (AnyText, frozenset("%"), Any1, frozenset("_"), AnyText)


def test_a_bad_pattern_takes_no_longer():
    """A pattern with many % is settled in steps that grow with text times pattern."""
    matches = patterns.matcher(patterns.pieces("%a" * 60 + "b", fold=False))
    assert not matches("a" * 2000)


def test_dialects():
    """The same pattern for SQLite, for PostgreSQL's LIKE and as its regular expression."""
    exact = patterns.pieces(r"a_\%\\*[%", fold=False)
    assert patterns.glob(exact) == r"a?%\[*][[]*"
    assert patterns.like(exact) == r"a_\%\\*[%"
    folded = patterns.pieces("a.é_%1", fold=True)
    assert patterns.glob(folded) == "[Aa].[Éé]?*1"
    assert patterns.regex(folded) == r"^[Aa]\.[Éé]..*1$"


def test_prefix_and_what_comes_after():
    """Texts with a known beginning lie between it and the next text that has another one."""
    assert patterns.prefix(patterns.pieces("abl%x", fold=False)) == "abl"
    assert patterns.prefix(patterns.pieces("abl", fold=True)) == ""
    assert patterns.prefix(patterns.pieces("12%", fold=True)) == "12"
    assert patterns.after("abl") == "abm"
    assert patterns.after("a\ud7ff") == "a\ue000"
    assert patterns.after("a\U0010ffff") == "b"
    assert patterns.after("\U0010ffff") is None


@pytest.mark.parametrize("pattern", ["x" * 1000, "ß" * 1000, "ι" * 1000, "\U00010428" * 1000])
def test_the_longest_pattern_fits(pattern):
    """SQLite takes a pattern of the greatest length, also with all its letters spelt out."""
    assert not in_sqlite("a", patterns.glob(patterns.pieces(pattern, fold=True)))
