"""What an answer to "was this done before?" says in one line."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from notabene.proof.findings import UNFIXED
from notabene.proof.fingerprint import UNREAD, shown_key
from notabene.proof.repeats import Answer, Manifest
from notabene.proof.settings import shown
from notabene.proof.versus import Difference


def line_of(answer: Answer, *, now_us: int, user: str) -> str:
    """One line, or an empty text where there is nothing to say.

    Args:
        answer: To what was asked.
        now_us: The time, µs.
        user: Who asks: "by you".
    """
    run = answer.run
    if run is None or answer.verdict == "new":
        return ""
    name = f"run {run.run[-6:]}"
    about = f"{name} ({_about(run, now_us, user)})"
    if answer.running and not answer.differs:
        return f"the same script with the same arguments is running now: {about}"
    if answer.verdict == "duplicate":
        return f"same as {about}; notabene run --reuse gives its results instead"
    if answer.verdict == "not-fixed":
        reasons = [gap for gap in run.gaps if gap.split()[0] in UNFIXED]
        why = f": {reasons[0].strip()}" if reasons else ""
        return f"same inputs as {about}, but they do not fix the result{why}"
    if answer.verdict == "seed":
        return f"as {name} but {_differs(answer.differs)} ({_spread(answer.replicates)})"
    return f"as {about} but {_differs(answer.differs)}"


def _about(run: Manifest, now_us: int, user: str) -> str:
    running = run.status == "running"
    parts = ["running now" if running else ago((now_us - run.started) / 1e6)]
    parts.append("by you" if run.user == user else f"by {run.user}" if run.user else "")
    result = headline(run.results)
    parts += [result, f"took {took(run.took)}" if run.took >= 1 else ""]
    return ", ".join(part for part in parts if part)


def headline(results: dict[str, Any]) -> str:
    """The most telling result as text: of test or validation before others."""
    key = headline_key(results)
    return f"{key} {results[key]:.4g}" if key else ""


def headline_key(results: Mapping[str, Any]) -> str:
    """Name of the most telling number among results; empty where there is none."""
    return min(
        (key for key, value in results.items() if _is_number(value)), key=_telling, default=""
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _telling(key: str) -> tuple[int, int, str]:
    low = key.lower()
    split = 0 if "test" in low else 1 if "val" in low or "eval" in low else 2
    kind = 0 if any(word in low for word in ("acc", "f1", "auc", "score", "r2")) else 1
    return split, kind, key


def _differs(differs: list[Difference]) -> str:
    return ", ".join(_one(one) for one in differs[:3])


def _one(one: Difference) -> str:
    if one.kind == "data":
        name = shown_key(one.item)
        if one.b == UNREAD:
            return f"{name} {UNREAD}"
        if one.a in (None, "absent"):
            return f"{name} is there now"
        return f"{name} is gone" if not one.b or one.b == "absent" else f"{name} changed"
    if one.kind == "code":
        return f"{one.item} changed"
    if one.item.startswith("$") and not (one.a and one.b):
        return f"{one.item} is {'set' if one.b else 'not set'} now"
    a, b = ("none" if value is None else shown(value) for value in (one.a, one.b))
    return f"{one.item.removeprefix('package ')} {a} → {b}"


def _spread(runs: list[Manifest]) -> str:
    """How many seeds there are, and what they gave: mean ± standard deviation."""
    count = len(runs) + 1
    values: dict[str, list[float]] = {}
    for run in runs:
        for key, value in run.results.items():
            if _is_number(value) and math.isfinite(value):
                values.setdefault(key, []).append(float(value))
    keys = sorted((key for key, found in values.items() if len(found) == len(runs)), key=_telling)
    said = f"the {_nth(count)} seed"
    if not keys:
        return said
    found = values[keys[0]]
    spread = f" ± {statistics.stdev(found):.2g}" if len(found) > 1 else ""
    return f"{said}: {keys[0]} {statistics.fmean(found):.4g}{spread}"


_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def _nth(number: int) -> str:
    if 10 < number % 100 < 14:
        return f"{number}th"
    return f"{number}{_ENDINGS.get(number % 10, 'th')}"


def ago(seconds: float) -> str:
    """How long ago, in words."""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        count = int(seconds // size)
        if count > 0:  # the clock of the machine it ran on may be ahead
            return f"{count} {word}{'s' * (count != 1)} ago"
    return "just now"


def took(seconds: float) -> str:
    """A duration in words."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
