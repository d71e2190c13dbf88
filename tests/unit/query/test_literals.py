"""What a value may be, by the type of its field."""

from __future__ import annotations

import math

import pytest

from notabene.errors import QueryError
from notabene.query.ast import Field, Moment
from notabene.query.literals import number, pattern_of, value_of
from notabene.query.scanner import Scanner

PARAM = Field("param", "p")
TAG = Field("tag", "t")
METRIC = Field("metric", "m", "last")


def attribute(name: str) -> Field:
    """An attribute of a run."""
    return Field("attribute", name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("+1.5e3", 1500.0),
        ("-.5", -0.5),
        ("INF", math.inf),
        ("-infinity", -math.inf),
        ("+inf", math.inf),
        ("1_000", None),
        ("0x10", None),
        ("٣", None),
        ("1e", None),
        ("", None),
    ],
)
def test_numbers(text, expected):
    """A number is written with ASCII digits, or is inf or nan."""
    assert number(text) == expected


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        (PARAM, "'0.1'", "0.1"),
        (PARAM, "0.1", 0.1),
        (PARAM, "TRUE", True),
        (PARAM, "false", False),
        (PARAM, "NULL", None),
        (PARAM, "'null'", "null"),
        (PARAM, '"x"', "x"),
        (TAG, "'5'", "5"),
        (METRIC, "1e-3", 0.001),
        (attribute("exit_code"), "1", 1.0),
        (attribute("duration"), "90", 90.0),
        (attribute("duration"), "'1h 30m'", 5400.0),
        (attribute("created"), "1714521600000", 1714521600000.0),
        (attribute("created"), "2024-05-01", Moment("2024-05-01")),
        (attribute("created"), "'2024-05-01 10:00'", Moment("2024-05-01 10:00")),
        (attribute("created"), "'7d ago'", Moment("7d ago")),
        (attribute("created"), "7d AGO", Moment("7d ago")),
        (attribute("created"), "today", Moment("today")),
        (attribute("status"), "running", "running"),
        (attribute("status"), "'KILLED'", "killed"),
        (attribute("status"), "'SCHEDULED'", "scheduled"),
        (attribute("status"), "''", ""),
        (attribute("verdict"), "Supported", "supported"),
        (attribute("archived"), "1", True),
        (attribute("archived"), "'False'", False),
    ],
)
def test_values(field, text, expected):
    """Each type of field reads its values in the ways people write them."""
    assert value_of(Scanner(text), field) == expected


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        (PARAM, "adam", "'adam' has no quotes, and params.p may be a text or a number.*'adam'"),
        (TAG, "5", "'5' has no quotes, and tags.t is a text"),
        (attribute("name"), "foo", "and name is a text"),
        (METRIC, "'0.9'", "metrics.m is a number, not '0.9' .write 0.9."),
        (METRIC, "high", "write 0.9, 1e-3, inf or nan"),
        (attribute("duration"), "soon", "duration is a duration, not 'soon'"),
        (attribute("duration"), "'90'", "a bare number is seconds"),
        (attribute("created"), "tomorrow", "created is a time, not 'tomorrow'"),
        (attribute("created"), "inf", "created is a time"),
        (attribute("created"), "'5'", "created is a time"),
        (attribute("created"), "5x ago", "created is a time, not '5x ago'"),
        (attribute("status"), "'finshed'", "no status is called 'finshed' .did you mean finished"),
        (attribute("status"), "zzz", "these are known: running, finished"),
        (attribute("verdict"), "scheduled", "no verdict is called 'scheduled'"),
        (attribute("archived"), "maybe", "archived is true or false, not 'maybe'"),
    ],
)
def test_wrong_values(field, text, message):
    """A value of another type is pointed at, with the way to write it."""
    with pytest.raises(QueryError, match=message) as caught:
        value_of(Scanner(f"  {text}"), field)
    assert caught.value.position == 2


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        (PARAM, "'A%'", "A%"),
        (attribute("name"), '"a_"', "a_"),
        (attribute("status"), "'FIN%'", "fin%"),
    ],
)
def test_patterns(field, text, expected):
    """A pattern is a text in quotes; of statuses it is read in lower case."""
    assert pattern_of(Scanner(text), field, 0) == expected


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        (METRIC, "'a'", "like compares texts; metrics.m is a number"),
        (attribute("created"), "'a'", "created is a time"),
        (attribute("archived"), "'a'", "archived is a yes or no"),
        (PARAM, "abc", "'abc' is no text .write 'abc'"),
        (PARAM, "'" + "x" * 1001 + "'", "1,001 characters; at most 1,000"),
    ],
)
def test_wrong_patterns(field, text, message):
    """What has no text, or is no pattern, is refused."""
    with pytest.raises(QueryError, match=message):
        pattern_of(Scanner(text), field, 0)
