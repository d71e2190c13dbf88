"""Events in bulk: scalars as columns, everything else as events.

Writers write the same bytes over and over, but for the time, the step and four bytes of the
value. What surrounds these is a key of a dictionary: a scalar that looks like one before it
costs a look-up, and only the first of its kind is parsed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from notabene.tfevents.frames import Records
from notabene.tfevents.proto import Event, Value, WireError, read_event, read_tensor, signed

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


class Scalars(NamedTuple):
    """Points of one tag: steps, times in µs, values and where each stands in the file; (n,)."""

    steps: I64
    times: I64
    values: F64
    places: I64


class _Rows(NamedTuple):
    """Scalars that were met, in four lists of one length: of tuples numpy makes arrays slowly."""

    columns: list[int]
    ats: list[int]
    """Where the event of each begins."""
    steps: list[int]
    places: list[int]
    """Where the four bytes of its value stand."""


class Scanner:
    """Decodes the records of one run, file after file.

    Attributes:
        plugins: Name of the plugin of each tag, as its first value says; later ones need not.
        contents: What the plugin says of the tag.
        broken: Records that are no events, though they verify.
    """

    def __init__(self) -> None:
        self.plugins: dict[str, str] = {}
        self.contents: dict[str, bytes] = {}
        self.broken = 0
        self._tags: list[str] = []
        self._columns: dict[str, int] = {}
        self._tails: dict[int, list[int]] = {}
        """Distances of the value from the end, by the length behind the step."""
        self._known: dict[bytes, int] = {}

    def scan(self, records: Records) -> tuple[dict[str, Scalars], list[tuple[int, Event]]]:
        """Scalars by tag, and all other events with the place of each in the file.

        Scalars of events with several values are among the first as well.
        """
        data = records.data
        rows = _Rows([], [], [], [])
        columns, ats, steps, places = (column.append for column in rows)
        tails, known = self._tails, self._known
        slow: list[tuple[int, int]] = []
        for at, end in zip(records.starts, records.ends, strict=True):
            i, step = at + 9, 0
            if end - at > 12 and data[at] == 9 and data[i] == 16:
                step = data[i + 1]
                i += 2
                if step > 127:
                    step, shift, byte = step & 127, 7, 0
                    while i < end and (byte := data[i]) > 127 and shift < 63:
                        step |= (byte & 127) << shift
                        shift += 7
                        i += 1
                    step |= byte << shift
                    i += 1
                    if step >> 63:
                        step = signed(step)
            for distance in tails.get(end - i, ()):
                value = end - distance
                column = known.get(data[i:value] + data[value + 4 : end])
                if column is not None:
                    columns(column)
                    ats(at)
                    steps(step)
                    places(value)
                    break
            else:
                slow.append((at, end))
                self._learn(data, at, i, end)
        events = []
        for at, end in slow:
            event = self._event(data, at, end)
            if event is None:
                continue
            self._split(data, at, event, rows)
            if event.values or event.session or event.other or event.version:
                events.append((records.offset + at, event))
        return self._gather(records, rows), events

    def _learn(self, data: bytes, at: int, i: int, end: int) -> None:
        """Note how a scalar looks, where this is one and stands alone in its event."""
        try:
            event = read_event(data, at, end)
            if len(event.values) != 1 or data[at] != 9 or i - at not in range(9, 21):
                return
            if event.session or event.other or event.version or data[i] != 0x2A:
                return
            value = event.values[0]
            self._note(value)
            place = self._float_at(data, value)
        except (WireError, IndexError):
            return
        if place >= 0:
            distance = end - place
            tails = self._tails.setdefault(end - i, [])
            if distance not in tails:
                tails.append(distance)
            self._known[data[i:place] + data[place + 4 : end]] = self._column(value.tag)

    def _note(self, value: Value) -> None:
        if value.plugin and value.tag not in self.plugins:
            self.plugins[value.tag] = value.plugin
            self.contents[value.tag] = value.content

    def _float_at(self, data: bytes, value: Value) -> int:
        """Where the four bytes of a float32 scalar stand; -1 where it is something else."""
        if value.kind == "scalar":
            return value.start
        if value.kind == "tensor" and self.plugins.get(value.tag, "scalars") == "scalars":
            tensor = read_tensor(data, value.start, value.end)
            if tensor.array is not None and tensor.array.size == 1:
                return tensor.float_at
        return -1

    def _column(self, tag: str) -> int:
        found = self._columns.get(tag)
        if found is None:
            found = self._columns[tag] = len(self._tags)
            self._tags.append(tag)
        return found

    def _event(self, data: bytes, at: int, end: int) -> Event | None:
        try:
            event = read_event(data, at, end)
        except WireError:
            self.broken += 1
            return None
        for value in event.values:
            self._note(value)
        return event

    def _split(self, data: bytes, at: int, event: Event, rows: _Rows) -> None:
        """Move plain float32 scalars from an event to the rows."""
        if not event.values or data[at] != 9:
            return
        rest = []
        for value in event.values:
            try:
                place = self._float_at(data, value)
            except WireError:
                place = -1
            if place >= 0:
                rows.columns.append(self._column(value.tag))
                rows.ats.append(at)
                rows.steps.append(event.step)
                rows.places.append(place)
            else:
                rest.append(value)
        event.values = rest

    def _gather(self, records: Records, rows: _Rows) -> dict[str, Scalars]:
        if not rows.ats:
            return {}
        table = np.array(rows, np.int64).T
        # Slow ones came after all others: back to the order of the file, then by tag.
        table = table[np.lexsort((table[:, 1], table[:, 0]))]
        array = np.frombuffer(records.data, np.uint8)
        walls = array[table[:, 1, None] + np.arange(1, 9)].view("<f8").reshape(-1)
        values = array[table[:, 3, None] + np.arange(4)].view("<f4").reshape(-1)
        times = micros(walls)
        cuts = np.flatnonzero(np.diff(table[:, 0])) + 1
        out: dict[str, Scalars] = {}
        bounds: list[Any] = [0, *cuts.tolist(), len(table)]
        for first, last in pairwise(bounds):
            part = slice(first, last)
            out[self._tags[int(table[first, 0])]] = Scalars(
                table[part, 2].copy(),
                times[part],
                values[part].astype(np.float64),
                table[part, 1] + records.offset,
            )
        return out


def micros(walls: F64) -> I64:
    """Seconds as whole µs; what is no time of this world becomes 0."""
    with np.errstate(all="ignore"):
        sane = np.isfinite(walls) & (np.abs(walls) < 1e11)
        out: I64 = np.rint(np.where(sane, walls, 0.0) * 1e6).astype(np.int64)
    return out
