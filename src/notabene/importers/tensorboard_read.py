"""The events of one run of TensorBoard as items, in bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from notabene.importers._base import I64, Cells, Ended, Item, Logged, Missed, Passed, Points
from notabene.model.records import EndStatus
from notabene.model.refs import join_path
from notabene.tfevents.frames import EventFile
from notabene.tfevents.proto import Event, Value, WireError, read_event
from notabene.tfevents.scan import Scalars, Scanner, micros
from notabene.tfevents.values import hparams_of, value_of

SESSION_STARTS = b"\x3a\x02\x08\x01"
"""How a session log that says START lies in an event."""
HPARAMS = "hparams"
ENDS: dict[int, EndStatus] = {1: "finished", 2: "failed"}
LEFT_OUT = {
    "graph": "graphs of the program are not carried over",
    "profile": "profiles are not carried over",
    "custom_scalars": "layouts of custom charts are not carried over",
}


class Part(msgspec.Struct):
    """A folder of event files that belongs to a run.

    Attributes:
        path: The folder.
        files: Names, sizes and times of change (ns), in the order in which they are read.
        prefix: What stands before the names of its tags; where it ends in ``=``, what stands
            before that is the whole name.
    """

    path: Path
    files: list[tuple[str, int, int]]
    prefix: str = ""

    def key(self, tag: str) -> str:
        """The name of a tag in the run."""
        return self.prefix[:-1] if self.prefix.endswith("=") else self.prefix + tag


def read_parts(parts: list[Part], *, quiet: bool) -> Iterator[Item]:
    """All that a run's event files hold.

    Args:
        parts: Its folders.
        quiet: Nobody writes to it any more.
    """
    run = _Run(quiet=quiet)
    for part in parts:
        yield from run.read(part)
    yield from run.rest()


class _Run:
    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.last = 0
        self.status: EndStatus = "finished"
        self.ended = 0
        self.running = False
        self.missed: dict[tuple[str, bool], int] = {}

    def miss(self, what: str, count: int = 1, *, damage: bool = False) -> None:
        self.missed[what, damage] = self.missed.get((what, damage), 0) + count

    def read(self, part: Part) -> Iterator[Item]:
        """The events of one folder, file after file."""
        scanner = Scanner()
        purges = _Purges([part.path / name for name, _, _ in part.files])
        for number, (name, size, _) in enumerate(part.files):
            if not size:
                self.miss("event files of 0 bytes hold nothing")
                continue
            file = EventFile(part.path / name)
            try:
                for records in file.read():
                    scalars, events = scanner.scan(records)
                    for tag, points in scalars.items():
                        kept = self._kept(points, purges, number)
                        yield Points(
                            (part.key(tag),), kept.steps, kept.times, kept.values.reshape(-1, 1)
                        )
                        self.last = max(self.last, int(points.times.max()))
                    for place, event in events:
                        cutoff = purges.cutoff(number, place)
                        if cutoff is not None and event.values and event.step >= cutoff:
                            self._purged(len(event.values))
                            continue
                        yield from self._event(records.data, event, part, scanner)
                    yield Passed(records.passed)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                self.miss(f"the event file {name} cannot be read: {reason}", damage=True)
            self._look_at(file)
        if scanner.broken:
            self.miss("records that are no events are left out", scanner.broken, damage=True)

    def rest(self) -> Iterator[Item]:
        """What is said at the end."""
        for (what, damage), count in self.missed.items():
            yield Missed(what, damage, count)
        if self.quiet and not self.running and (self.last or self.ended):
            yield Ended(max(self.ended, self.last), self.status)

    def _look_at(self, file: EventFile) -> None:
        if file.damaged:
            self.miss("damaged bytes of event files are left out", file.damaged, damage=True)
        if file.torn and self.quiet:
            self.miss("event files end in the middle of a record", damage=True)

    def _purged(self, count: int) -> None:
        self.miss("points that a restart replaced are left out, as TensorBoard does", count)

    def _kept(self, points: Scalars, purges: _Purges, number: int) -> Scalars:
        if not purges:
            return points
        limits = purges.cutoffs(number, points.places)
        if limits is None:
            return points
        good = points.steps < limits
        if good.all():
            return points
        self._purged(int((~good).sum()))
        return Scalars(
            points.steps[good], points.times[good], points.values[good], points.places[good]
        )

    def _event(self, data: bytes, event: Event, part: Part, scanner: Scanner) -> Iterator[Item]:
        if event.other:
            self.miss(LEFT_OUT[event.other])
        time = int(micros(np.array([event.wall]))[0])
        if event.values:
            self.last = max(self.last, time)
        for value in event.values:
            plugin = scanner.plugins.get(value.tag, value.plugin)
            if plugin == HPARAMS:
                yield from self._session(value, time)
                continue
            if plugin in LEFT_OUT or not value.kind:
                self.miss(LEFT_OUT.get(plugin, "values without content are left out"))
                continue
            try:
                found = value_of(data, value, plugin)
            except (WireError, ValueError, OverflowError):
                self.miss("values that are damaged are left out", damage=True)
                continue
            if isinstance(found, float):
                axis = np.array([event.step], np.int64), np.array([time], np.int64)
                yield Points((part.key(value.tag),), *axis, np.array([[found]]))
            elif isinstance(found, str):
                self.miss(found)
            else:
                yield Logged(part.key(value.tag), event.step, time, found)

    def _session(self, value: Value, time: int) -> Iterator[Item]:
        try:
            what, said = hparams_of(value.content)
        except (WireError, ValueError, LookupError):
            self.miss("settings that are damaged are left out", damage=True)
            return
        if what == "start":
            config = {join_path((key,)): item for key, item in said["params"].items()}
            yield Cells(time=said["time"] or time, config=config, group=said["group"] or None)
            self.running = False
        elif what == "end":
            self.running = said["status"] == 3
            self.status = ENDS.get(said["status"], "finished")
            self.ended = said["time"] or self.ended


class _Purges:
    """Restarts of a program: of all that stands before one, what has its step or a later one is
    replaced by what comes behind it.

    Args:
        paths: The event files of one folder in their order.
    """

    def __init__(self, paths: list[Path]) -> None:
        found: list[tuple[int, int, int]] = []
        for number, path in enumerate(paths):
            found += [(number, place, step) for place, step in _restarts(path)]
        self._places = [(number, place) for number, place, _ in found]
        self._least = [step for _, _, step in found]
        for n in range(len(found) - 2, -1, -1):
            self._least[n] = min(self._least[n], self._least[n + 1])

    def __bool__(self) -> bool:
        return bool(self._places)

    def cutoff(self, number: int, place: int) -> int | None:
        """The least step that is replaced, of what stands at a place of a file."""
        after = bisect_right(self._places, (number, place))
        return self._least[after] if after < len(self._least) else None

    def cutoffs(self, number: int, places: I64) -> I64 | None:
        """The same for many places; None where nothing is replaced."""
        first = bisect_right(self._places, (number, -1))
        if first == len(self._places):
            return None
        bounds = np.array([p for n, p in self._places[first:] if n == number], np.int64)
        least = np.array([*self._least[first:], np.iinfo(np.int64).max])
        chosen: I64 = least[np.searchsorted(bounds, places, side="right")]
        return chosen


def _restarts(path: Path) -> list[tuple[int, int]]:
    """Where in a file sessions start, and at which steps."""
    found: list[tuple[int, int]] = []
    try:
        for records in EventFile(path).read():
            at = records.data.find(SESSION_STARTS)
            while at >= 0:
                n = bisect_right(records.starts, at) - 1
                if n >= 0 and at < records.ends[n]:
                    event: Any = _event_or_none(records.data, records.starts[n], records.ends[n])
                    if event is not None and event.session == 1:
                        found.append((records.offset + records.starts[n], event.step))
                    at = max(at, records.ends[n] - 1)
                at = records.data.find(SESSION_STARTS, at + 1)
    except OSError:
        pass
    return found


def _event_or_none(data: bytes, at: int, end: int) -> Event | None:
    try:
        return read_event(data, at, end)
    except (WireError, IndexError):
        return None
