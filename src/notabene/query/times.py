"""Durations and times as people write them.

Durations: ``90s``, ``1.5h``, ``1h30m``, ``2 days``; units ms, s, m (min), h, d, w and their
names. Times: ``2024-05-01``, ``2024-05-01 14:30``, ``2024-05-01T14:30:05.25Z`` (without an
offset: local time), ``now``, ``today``, ``yesterday``, ``7d ago``; or a number,
which is milliseconds since 1970 UTC, as MLflow's clients send.

``<``, ``<=``, ``>`` and ``>=`` compare with the beginning of what is named, so that
``created > 'today'`` means "since midnight"; ``=`` means within it: ``created = 'today'`` is
any time of today, ``= '2024-05-01 14:30'`` any second of that minute. A number is compared
with the run's time in whole milliseconds.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from notabene.errors import QueryError
from notabene.query.ast import Moment, Op

SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
UNITS = {
    "sec": "s",
    "second": "s",
    "minute": "m",
    "hour": "h",
    "day": "d",
    "week": "w",
}
WORDS = ("now", "today", "yesterday")
INT64 = 2**63 - 1

_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)")
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?:(:\d\d)(\.\d{1,6})?)?\s?(Z|[+-]\d\d:?\d\d)?)?\Z",
    re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 1000, 9000

Window = tuple[int | None, int | None]
"""First µs that belongs to it, first µs after it; None where it has no end."""


def seconds(text: str) -> float | None:
    """The duration that a text names, in seconds; None if it names none."""
    at, total = 0, 0.0
    text = text.strip().lower()
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        unit = part[2] if part[2] in SECONDS else UNITS.get(part[2].removesuffix("s"))
        if unit is None:
            return None
        total += float(part[1]) * SECONDS[unit]
        at = part.end()
    return total if text else None


def moment(text: str) -> Moment | None:
    """The time that a text names; None if it names none."""
    plain = " ".join(text.split())
    word = plain.lower()
    if word in WORDS or _ago(word) is not None:
        return Moment(word)
    found = _ISO.match(plain)
    if found is None or not _FIRST_YEAR <= int(plain[:4]) <= _LAST_YEAR:
        return None
    try:
        datetime.fromisoformat(plain.upper().replace(" +", "+").replace(" -", "-"))
    except ValueError:
        return None
    return Moment(plain.upper())


def _ago(word: str) -> float | None:
    past = seconds(word.removesuffix(" ago")) if word.endswith(" ago") else None
    # A thousand years: beyond it the calendar ends.
    return past if past is not None and past < 1000 * 365 * SECONDS["d"] else None


def window(op: Op, value: Moment | float, now: int, zone: tzinfo | None) -> Window:
    """The times for which a comparison holds.

    Args:
        op: ``in``, ``<``, ``<=``, ``>`` or ``>=``.
        value: As in the tree; a number is milliseconds since 1970 UTC, and finite.
        now: µs since 1970 UTC.
        zone: Where days begin, and what times without an offset are in; None for the zone of
            this machine.

    Raises:
        QueryError: The text of the moment names no time.
    """
    if isinstance(value, Moment):
        start, end = _named(value.text, now, zone)
        after = start + 1
    else:
        start, after = _clamped(math.ceil(value)), _clamped(math.floor(value) + 1)
        end = after
    if op == "in":
        return start, end
    if op in {"<", "<="}:
        return None, start if op == "<" else after
    return after if op == ">" else start, None


def _clamped(milliseconds: int) -> int:
    return max(-INT64, min(INT64, milliseconds * 1000))


def _named(text: str, now: int, zone: tzinfo | None) -> tuple[int, int]:
    if text in {"today", "yesterday"}:
        today = (_EPOCH + timedelta(microseconds=now)).astimezone(zone).date()
        return _day(today - timedelta(days=1 if text == "yesterday" else 0), zone)
    past = 0.0 if text == "now" else _ago(text)
    if past is not None:
        start = now - round(past * 1_000_000)
        return start, start + 1
    found = _ISO.match(text)
    if found is None:
        raise QueryError(f"{text!r} is no time", hint="write '2024-05-01', 'today' or '7d ago'")
    day, minute, second, fraction, offset = found.groups()
    if minute is None:
        return _day(date.fromisoformat(day), zone)
    when = datetime.fromisoformat(f"{day}T{minute}{second or ''}{fraction or ''}{offset or ''}")
    start = _us(when if when.tzinfo else when.replace(tzinfo=zone))
    return start, start + (1 if fraction else 1_000_000 if second else 60_000_000)


def _day(day: date, zone: tzinfo | None) -> tuple[int, int]:
    # Not 24 hours where clocks are changed that day.
    start, end = (datetime.combine(d, time(), zone) for d in (day, day + timedelta(days=1)))
    return _us(start), _us(end)


def _us(when: datetime) -> int:
    # Without a zone it is local time, and astimezone() knows the rules of this machine.
    return ((when if when.tzinfo else when.astimezone()) - _EPOCH) // timedelta(microseconds=1)
