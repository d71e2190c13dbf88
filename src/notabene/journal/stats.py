"""Running statistics per key, kept by the writer so that readers need not decode all points.

Packed as one row of 128 bytes per key, little-endian, in the order of :data:`FIELDS`.
``min`` and ``max`` are over finite values and NaN where there is none; ``last`` is the value
at the largest step, the latest of several; ``first_step`` and ``last_step`` span all points.
A whole number where it counts, float64 where it is a value. A short run fills these without
numpy; :func:`table` and :func:`merge` are for readers, which have it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FIELDS: tuple[tuple[str, str], ...] = (
    ("n", "q"),
    ("nan", "q"),
    ("posinf", "q"),
    ("neginf", "q"),
    ("min", "d"),
    ("min_step", "q"),
    ("max", "d"),
    ("max_step", "q"),
    ("sum", "d"),
    ("first", "d"),
    ("first_step", "q"),
    ("first_time", "q"),
    ("last", "d"),
    ("last_step", "q"),
    ("last_time", "q"),
    ("max_time", "q"),
)
_ROW = struct.Struct("<" + "".join(code for _, code in FIELDS))
ROW_BYTES = _ROW.size
_NAN = math.nan


class KeyStats:
    """Statistics of one key in one writer; mutable, cheap to update."""

    __slots__ = tuple(name for name, _ in FIELDS)

    n: int
    nan: int
    posinf: int
    neginf: int
    min: float
    min_step: int
    max: float
    max_step: int
    sum: float
    first: float
    first_step: int
    first_time: int
    last: float
    last_step: int
    last_time: int
    max_time: int

    def __init__(self) -> None:
        self.n = self.nan = self.posinf = self.neginf = 0
        self.min = self.max = self.first = self.last = _NAN
        self.sum = 0.0
        self.min_step = self.max_step = 0
        self.first_step = self.first_time = self.last_step = self.last_time = self.max_time = 0

    def add(self, step: int, time: int, value: float) -> None:
        """Take one point in."""
        if self.n == 0 or (step, time) >= (self.last_step, self.last_time):
            self.last, self.last_step, self.last_time = value, step, time
        if self.n == 0 or (step, time) < (self.first_step, self.first_time):
            self.first, self.first_step, self.first_time = value, step, time
        self.n += 1
        self.max_time = max(self.max_time, time)
        if math.isfinite(value):
            if not value >= self.min:
                self.min, self.min_step = value, step
            if not value <= self.max:
                self.max, self.max_step = value, step
            self.sum += value
        elif value != value:
            self.nan += 1
        elif value > 0:
            self.posinf += 1
        else:
            self.neginf += 1

    def pack(self) -> bytes:
        """128 bytes."""
        return _ROW.pack(*(getattr(self, name) for name, _ in FIELDS))


class RunningStats:
    """Statistics of all keys of a writer; knows which changed since they were last packed."""

    def __init__(self) -> None:
        self.keys: dict[str, KeyStats] = {}
        self._changed: dict[str, None] = {}

    def _of(self, key: str) -> KeyStats:
        self._changed[key] = None
        try:
            return self.keys[key]
        except KeyError:
            stats = self.keys[key] = KeyStats()
            return stats

    def add_row(self, keys: Sequence[str], step: int, time: int, values: Iterable[float]) -> None:
        """Take in one row; needs no numpy."""
        for key, value in zip(keys, values, strict=True):
            self._of(key).add(step, time, value)

    def add_columns(self, keys: Sequence[str], steps: Any, times: Any, values: Any) -> None:
        """Take in rows as arrays: steps (n,), times (n,) rising, values (n, k)."""
        import numpy as np

        finite = np.isfinite(values)
        clean = bool(finite.all())
        low = values if clean else np.where(finite, values, np.inf)
        high = values if clean else np.where(finite, values, -np.inf)
        least, most = low.argmin(axis=0), high.argmax(axis=0)
        with np.errstate(over="ignore"):
            sums = (values if clean else np.where(finite, values, 0.0)).sum(axis=0)
        # Of equal steps the later time is the last one; times rise with the row.
        end = len(steps) - 1 - int(steps[::-1].argmax())
        start = int(steps.argmin())
        for column, key in enumerate(keys):
            part = _part_of(column, values, finite, clean)
            part.min, part.min_step = _extreme(low, least, steps, column)
            part.max, part.max_step = _extreme(high, most, steps, column)
            part.sum = float(sums[column])
            part.first = float(values[start, column])
            part.first_step, part.first_time = int(steps[start]), int(times[start])
            part.last = float(values[end, column])
            part.last_step, part.last_time = int(steps[end]), int(times[end])
            part.max_time = int(times[-1])
            _merge_into(self._of(key), part)

    def changed(self) -> bool:
        """Whether anything came in since :meth:`pack_changed`."""
        return bool(self._changed)

    def pack_changed(self) -> tuple[tuple[str, ...], bytes]:
        """Keys that changed, and their packed rows; forgets that they changed."""
        keys = tuple(self._changed)
        self._changed = {}
        return keys, b"".join(self.keys[key].pack() for key in keys)


def _part_of(column: int, values: Any, finite: Any, clean: bool) -> KeyStats:
    part = KeyStats()
    part.n = len(values)
    if not clean and not finite[:, column].all():
        odd = values[~finite[:, column], column]
        part.nan = int((odd != odd).sum())
        part.posinf = int((odd > 0).sum())
        part.neginf = len(odd) - part.nan - part.posinf
    return part


def _extreme(values: Any, at: Any, steps: Any, column: int) -> tuple[float, int]:
    row = int(at[column])
    value = float(values[row, column])
    return (value, int(steps[row])) if math.isfinite(value) else (_NAN, 0)


def _merge_into(into: KeyStats, part: KeyStats) -> None:
    if into.n == 0 or (part.last_step, part.last_time) >= (into.last_step, into.last_time):
        into.last, into.last_step, into.last_time = part.last, part.last_step, part.last_time
    if into.n == 0 or (part.first_step, part.first_time) < (into.first_step, into.first_time):
        into.first, into.first_step, into.first_time = (
            part.first,
            part.first_step,
            part.first_time,
        )
    into.n += part.n
    into.nan += part.nan
    into.posinf += part.posinf
    into.neginf += part.neginf
    into.sum += part.sum
    into.max_time = max(into.max_time, part.max_time)
    if part.min == part.min and not part.min >= into.min:
        into.min, into.min_step = part.min, part.min_step
    if part.max == part.max and not part.max <= into.max:
        into.max, into.max_step = part.max, part.max_step


def unpack(data: bytes | memoryview) -> list[KeyStats]:
    """One :class:`KeyStats` per packed row."""
    rows = []
    for values in _ROW.iter_unpack(data):
        stats = KeyStats()
        for (name, _), value in zip(FIELDS, values, strict=True):
            setattr(stats, name, value)
        rows.append(stats)
    return rows


def merge(parts: Iterable[KeyStats]) -> KeyStats:
    """Statistics of several writers or pieces of one key taken together."""
    total = KeyStats()
    for part in parts:
        if part.n:
            _merge_into(total, part)
    return total


def table(data: bytes | memoryview) -> npt.NDArray[np.void]:
    """Packed rows as a numpy structured array with the names of :data:`FIELDS`, shape (keys,)."""
    import numpy as np

    codes = {"q": "<i8", "d": "<f8"}
    return np.frombuffer(data, [(name, codes[code]) for name, code in FIELDS])
