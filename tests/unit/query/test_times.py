"""Durations and times as people write them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from notabene.errors import QueryError
from notabene.query import times
from notabene.query.ast import Moment

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86400 * 10**6


def us(*when: int, zone=UTC) -> int:
    """µs since 1970 of a date and time."""
    return int(datetime(*when, tzinfo=zone).timestamp() * 10**6)


NOW = us(2024, 5, 1, 12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2 days", 172800),
        ("1d 2h", 93600),
        ("500ms", 0.5),
        ("3 Weeks", 3 * 604800),
        ("10min", 600),
        ("1 hour", 3600),
        ("", None),
        ("  ", None),
        ("90", None),
        ("h", None),
        ("5 parsecs", None),
        ("1h-30m", None),
    ],
)
def test_durations(text, expected):
    """A duration is a number with a unit, or several of them one after the other."""
    assert times.seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "ago",
        "5 ago",
        "2024-13-01",
        "2024-02-30",
        "0001-01-01",
        "9999-12-31",
        "24-05-01",
        "2024-05-01 25:00",
        "2024-05-01T10",
        "2000000d ago",
        "2024-05-01 10:00 +99:00",
        "",
    ],
)
def test_no_times(text):
    """What is no date, no known word or lies out of the calendar is no time."""
    assert times.moment(text) is None


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [
        ("now", NOW, 1),
        ("TODAY", us(2024, 5, 1), DAY),
        ("yesterday", us(2024, 4, 30), DAY),
        ("7d  ago", NOW - 7 * DAY, 1),
        ("1h30m ago", NOW - 5400 * 10**6, 1),
        ("2024-05-01", us(2024, 5, 1), DAY),
        ("2024-05-01 14:30", us(2024, 5, 1, 14, 30), 60 * 10**6),
        ("2024-05-01t14:30:05", us(2024, 5, 1, 14, 30, 5), 10**6),
        ("2024-05-01T14:30:05.25Z", us(2024, 5, 1, 14, 30, 5) + 250_000, 1),
        ("2024-05-01 14:30 +02:00", us(2024, 5, 1, 12, 30), 60 * 10**6),
        ("2024-05-01T14:30:00-0130", us(2024, 5, 1, 16), 10**6),
    ],
)
def test_times(text, start, length):
    """A time is the day, minute, second or instant it names; "=" means within it."""
    moment = times.moment(text)
    assert moment is not None
    assert times.window("in", moment, NOW, UTC) == (start, start + length)


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("<", (None, us(2024, 5, 1))),
        ("<=", (None, us(2024, 5, 1) + 1)),
        (">", (us(2024, 5, 1) + 1, None)),
        (">=", (us(2024, 5, 1), None)),
    ],
)
def test_before_and_after_a_day(op, expected):
    """Orderings compare with the beginning of what is named."""
    assert times.window(op, Moment("today"), NOW, UTC) == expected


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("in", 5.0, (5000, 6000)),
        ("in", 5.5, (6000, 6000)),
        ("<", 5.0, (None, 5000)),
        ("<", 5.5, (None, 6000)),
        ("<=", 5.0, (None, 6000)),
        ("<=", 5.5, (None, 6000)),
        (">", 5.0, (6000, None)),
        (">", 5.5, (6000, None)),
        (">=", 5.0, (5000, None)),
        (">=", 5.5, (6000, None)),
        (">", 1e300, (times.INT64, None)),
        ("<", -1e300, (None, -times.INT64)),
    ],
)
def test_numbers_are_whole_milliseconds(op, value, expected):
    """A number is compared with the time cut to milliseconds, which is all MLflow's clients see."""
    assert times.window(op, value, NOW, UTC) == expected


def test_zones():
    """Days begin, and times without an offset lie, in the zone of who asks."""
    assert times.window("in", Moment("today"), NOW, BERLIN)[0] == us(2024, 4, 30, 22)
    hour = times.window(">=", Moment("2024-05-01 14:30"), NOW, BERLIN)
    assert hour == (us(2024, 5, 1, 12, 30), None)
    east = timezone(timedelta(hours=14))
    assert times.window("in", Moment("today"), NOW, east)[0] == us(2024, 5, 2, zone=east)


def test_a_day_when_clocks_change_is_not_24_hours():
    """The day on which summer time begins has 23 hours."""
    start, end = times.window("in", Moment("2024-03-31"), NOW, BERLIN)
    assert end - start == 23 * 3600 * 10**6


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the system cannot change its zone")
def test_local_time(monkeypatch):
    """Without a zone it is the one of this machine, by its rules at that time of the year."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        for text in ("today", "2024-01-15", "2024-07-15 08:00"):
            found = times.window("in", Moment(text), NOW, None)
            assert found == times.window("in", Moment(text), NOW, BERLIN)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_moment_that_is_none():
    """A tree made by hand with a text that names no time is refused."""
    with pytest.raises(QueryError, match="'soon' is no time"):
        times.window("<", Moment("soon"), NOW, UTC)
