"""The cursor over the text of a query."""

from __future__ import annotations

import pytest

from notabene.errors import QueryError
from notabene.query.scanner import MAX_BYTES, Scanner, nearest


def names(text: str) -> list[tuple[str, bool]]:
    """The parts of the dotted name at the beginning of a text."""
    return [tuple(part) for part in Scanner(text).name()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("params.lr<1", [("params", False), ("lr", False)]),
        ("  metrics.val/acc-1:x@2+3 ", [("metrics", False), ("val/acc-1:x@2+3", False)]),
        ('metrics."val acc".max', [("metrics", False), ("val acc", True), ("max", False)]),
        ('a."x""y".`p``q`', [("a", False), ('x"y', True), ("p`q", True)]),
        ("größe.ñ", [("größe", False), ("ñ", False)]),
        ("a..b", [("a", False), ("", False), ("b", False)]),
        ('"run name" = 1', [("run name", True)]),
        ('a."b"c', [("a", False), ("b", True)]),
        ("= 1", []),
        ("", []),
    ],
)
def test_names(text, expected):
    """A name is parts with dots between them, each bare or in double quotes or backticks."""
    assert names(text) == expected


@pytest.mark.parametrize("text", ["params.", "params. lr", 'params."a".', "a.= 1"])
def test_a_dot_needs_a_name(text):
    """A name that ends in a dot is refused where the rest should stand."""
    with pytest.raises(QueryError, match=r"a name must follow the '\.'"):
        names(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'it''s'", ("it's", True)),
        ('"say ""x"""', ('say "x"', True)),
        ("''", ("", True)),
        ("-1e-3)", ("-1e-3", False)),
        ("2024-05-01T10:00,", ("2024-05-01T10:00", False)),
    ],
)
def test_values(text, expected):
    """A value is a text in quotes, doubled within it, or a bare word up to the next sign."""
    found = Scanner(text).literal()
    assert (found.text, found.quoted) == expected


@pytest.mark.parametrize("text", ["'abc", '"a""', "'"])
def test_open_quotes(text):
    """A quote that is never closed is pointed at where it opens."""
    with pytest.raises(QueryError, match="is never closed") as caught:
        Scanner(text).literal()
    assert caught.value.position == 0


def test_the_caret_stands_under_the_column():
    """Line breaks and tabs become blanks in what is shown, so that the columns stay."""
    scan = Scanner("a\n\tb =")
    shown = str(scan.error("wrong", 3))
    assert shown.splitlines() == ["wrong", "  a  b =", "     ^"]
    shown = str(Scanner("損e\u0301 = x").error("wrong", 6))
    assert shown.splitlines()[-1] == "        ^"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (7, "must be a text, not int"),
        ("a" * (MAX_BYTES + 1), "65,537 bytes; at most 65,536"),
        ("é" * (MAX_BYTES // 2 + 1), "65,538 bytes"),
        ("a\0b", "NUL or broken Unicode"),
        ("a\ud800b", "NUL or broken Unicode"),
    ],
)
def test_what_no_query_is(text, message):
    """What is no text, too long or no valid Unicode is refused before it is read."""
    with pytest.raises(QueryError, match=message):
        Scanner(text)


def test_words_and_symbols():
    """Words are read whole and in any case, symbols the longest first."""
    scan = Scanner("AND android <= x")
    assert scan.word("and") == "and"
    assert scan.word("and") == ""
    assert scan.word("android", "and") == "android"
    assert scan.symbol("<=", "<") == "<="
    assert scan.symbol("<") == ""
    assert scan.word("y") == ""
    assert not scan.at_end()


def test_nearest():
    """The name that was probably meant is found by likeness, if one is like it."""
    assert nearest("Statsu", ["status", "started"]) == "status"
    assert nearest("zzz", ["status"]) == ""
