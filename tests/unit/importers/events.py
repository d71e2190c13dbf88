"""Event files of TensorBoard with scalars, made here."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tests.unit.tfevents.conftest import event, framed, simple, version


def scalars(folder: Path, series: dict[str, Iterable[float]], start: int, name: str = "") -> None:
    """An event file of a program that ended long ago; ``start`` in µs."""
    folder.mkdir(parents=True, exist_ok=True)
    seconds = start / 1e6
    events = [
        event(seconds + n / 1000, n, simple(tag, float(value)))
        for tag, values in series.items()
        for n, value in enumerate(values)
    ]
    path = folder / (name or f"events.out.tfevents.{int(seconds)}.host.7.0")
    path.write_bytes(framed(version(seconds), *events))
    os.utime(path, (seconds + 900, seconds + 900))
