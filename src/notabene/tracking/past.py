"""What earlier writers left in a run's folder, for those who resume or join it.

Read from the journals themselves: training never opens the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from notabene.errors import FormatError
from notabene.journal.folder import JOURNAL, RECOVERED, SEALED
from notabene.journal.reader import JournalReader, Points, slots_of
from notabene.journal.recover import open_orphan, recover, ring_folder
from notabene.journal.rows import row_of, slots
from notabene.journal.segment import read_header
from notabene.model.records import (
    AnyRecord,
    ConfigChanged,
    Entry,
    KeysDefined,
    Renamed,
    RunCreated,
    SummaryChanged,
    WriterStarted,
)


class Past(msgspec.Struct):
    """The run so far.

    Attributes:
        exists: Whether anybody has introduced the run.
        said: Names, groups and projects that its programs gave it.
        first_time: Oldest time stamp, µs, 0 where there is none.
        last_time: Newest time stamp of any writer, µs.
        last_step: Largest step of any point, -1 where there is none.
        steps: Largest step of each metric.
        config: Config by dotted path.
        summary: Summary values that were set.
        writers: Rank and role of each writer.
    """

    exists: bool = False
    said: dict[str, set[str]] = {}
    name: str = ""
    project: str = ""
    rank: int = 0
    first_time: int = 0
    last_time: int = 0
    last_step: int = -1
    steps: dict[str, int] = {}
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    writers: dict[str, tuple[int, str]] = {}

    def replaces(self, rank: int) -> tuple[str, ...]:
        """Writers whose later points a resuming writer of this rank stands in for."""
        return tuple(
            sorted(w for w, (r, role) in self.writers.items() if r == rank and role != "door")
        )


def has_rank(run_dir: Path, rank: int) -> bool:
    """Whether a journal in the folder is of this rank."""
    for path in run_dir.glob(f"*{JOURNAL}"):
        try:
            header, _ = read_header(path)
        except (OSError, EOFError, FormatError):
            continue
        if rank in header.ranks:
            return True
    return False


def look_back(run_dir: Path) -> Past:
    """Read all journals of a run; brings home what dead writers left in their rings first."""
    _bring_home(run_dir)
    past = Past(steps={}, config={}, writers={})
    past.said = {"name": set(), "group": set(), "project": set()}
    cells: _Cells = {}
    names: tuple[int, str, int] = (-1, "", 0)
    for path in sorted(run_dir.iterdir()):
        if path.suffix not in (JOURNAL, RECOVERED) and path.name != SEALED:
            continue
        reader, keysets = JournalReader(path), dict[int, tuple[str, ...]]()
        try:
            while batches := reader.read():
                for batch in batches:
                    for entry in batch.entries:
                        names = _take(past, cells, names, entry)
                        if isinstance(entry.record, KeysDefined):
                            keysets[entry.record.id] = entry.record.keys
                    for points in batch.points:
                        for keys, step in _last_steps(points, keysets):
                            past.last_step = max(past.last_step, step)
                            past.steps |= {key: max(past.steps.get(key, -1), step) for key in keys}
        except (OSError, FormatError):
            continue
    past.config = _left(cells, ConfigChanged)
    past.summary = _left(cells, SummaryChanged)
    return past


_GONE = object()
_Cells = dict[tuple[type[AnyRecord], str], tuple[tuple[int, str, int], Any]]


def _left(cells: _Cells, kind: type[AnyRecord]) -> dict[str, Any]:
    return {key: value for (of, key), (_, value) in cells.items() if of is kind and value != _GONE}


def _take(
    past: Past,
    cells: _Cells,
    names: tuple[int, str, int],
    entry: Entry,
) -> tuple[int, str, int]:
    record, order = entry.record, (entry.time, entry.writer, entry.seq)
    past.last_time = max(past.last_time, entry.time)
    past.first_time = min(past.first_time or entry.time, entry.time)
    if isinstance(record, RunCreated | Renamed):
        for what, given in past.said.items():
            given.add(getattr(record, what) or "")
    if isinstance(record, WriterStarted):
        past.writers[entry.writer] = (record.rank, record.role)
    elif isinstance(record, ConfigChanged | SummaryChanged):
        for key in (*record.set, *record.removed):
            cell = type(record), key
            if cell not in cells or order > cells[cell][0]:
                cells[cell] = (order, record.set.get(key, _GONE))
    elif isinstance(record, RunCreated):
        past.exists = True
        past.project = past.project or record.project
        if order > names and record.name:
            past.name, names = record.name, order
    elif isinstance(record, Renamed) and order > names:
        past.name, names = record.name or past.name, order
        past.project = record.project or past.project
    return names


def _last_steps(
    points: Points, keysets: Mapping[int, tuple[str, ...]]
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Keys, and a step that they were logged at: for each the largest is among them."""
    if points.encoding == "block":
        from notabene.journal.block import Block

        steps = Block(points.data).steps()
        if len(steps):
            yield points.keys, int(steps.max())
        return
    data, last = slots_of(points), dict[int, int]()
    for slot in slots(data):
        step = row_of(data, slot)[0]
        last[slot.keyset] = max(last.get(slot.keyset, step), step)
    yield from ((keysets.get(keyset, ()), step) for keyset, step in last.items())


def _bring_home(run_dir: Path) -> None:
    for path in run_dir.glob(f"*{JOURNAL}"):
        place = ring_folder(path)
        orphan = None if place is None else open_orphan(place, path.name.removesuffix(JOURNAL))
        if orphan is not None:
            recover(orphan, run_dir)
