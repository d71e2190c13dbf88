"""Writes runs for the tests of the format; needs no numpy, so that a test can do without it."""

from __future__ import annotations

import math
import struct
from pathlib import Path

from notabene.journal.segment import Header
from notabene.journal.writer import Writer
from notabene.model.records import RunCreated

ODD = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3, 0.5)


def bits(value: float) -> bytes:
    """All of a float, NaN payloads and minus zero included."""
    return struct.pack("<d", value)


def value_at(key: str, i: int) -> float:
    """What the tests log: a float64 curve, a float32 curve, and odd values now and then."""
    if i % 97 == 0:
        return ODD[i // 97 % len(ODD)]
    return math.sin(i) if key == "loss" else float(i % 256)


def make_writer(folder: Path) -> Writer:
    """A writer of one run, with its ring beside the journal."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = Writer(
        folder / "w1.journal",
        Header(file_id=b"", kind="run", writers=("w1",), run="run1"),
        ring_places=[folder],
        spill=[],
        define=lambda keys: keys,
        warn=lambda _code, _text: None,
    )
    writer.record(RunCreated(project="p", name="n"))
    return writer
