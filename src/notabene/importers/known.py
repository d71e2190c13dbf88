"""What a store holds of a run that was imported before: the state that an import goes on from."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from notabene.errors import FormatError
from notabene.importers._base import F64, I64, writer_id
from notabene.journal.folder import JOURNAL, SEALED
from notabene.journal.reader import JournalReader, Points
from notabene.model.records import (
    AliasMoved,
    AnyRecord,
    ArtifactLogged,
    Captured,
    ConfigChanged,
    Entry,
    KeysDefined,
    NoteWritten,
    Renamed,
    RunCreated,
    SummaryChanged,
    TagsChanged,
    Unknown,
    WriterFinished,
    WriterStarted,
    encode_record,
)
from notabene.store.pieces import decode, from_points
from notabene.store.spans import Span, cover, inside

PART = "import"
"""Part of the record that says where a run came from."""
GENERATIONS = 1000


Rowed = tuple[tuple[Points, ...], list[Span], dict[int, tuple[str, ...]]]
"""Points of a frame, the sequences of it that count, and the names of the key sets."""


class Check(msgspec.Struct):
    """Points of one key: how many, and checksums of their steps, times and values in order."""

    n: int = 0
    steps: int = 0
    times: int = 0
    values: int = 0

    def add(self, steps: I64, times: I64, values: F64) -> None:
        """Take in more points, all of shape (n,) and contiguous."""
        self.n += len(steps)
        self.steps = zlib.crc32(steps.data, self.steps)
        self.times = zlib.crc32(times.data, self.times)
        self.values = zlib.crc32(values.data, self.values)


class Known(msgspec.Struct):
    """What the importer's own writers have said so far.

    Attributes:
        generation: Of the writer that is at work now, from 0.
        writer: Its id.
        last: Its last sequence.
        newest: The newest time of any of its records.
        keysets: The largest id of its key sets.
        rows: Its points, as read: see :func:`checks_of`.
        seen: Checksums of all records with their times, of all generations.
        files: Names of the files of the run's folder.
        created: When the run began, µs; 0 where it is not here.
        replaces: Writers whose points the next one hides.
    """

    generation: int = 0
    writer: str = ""
    last: int = 0
    newest: int = 0
    keysets: int = 0
    rows: list[Rowed] = []
    seen: set[int] = set()
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    tags: dict[str, str] = {}
    notes: dict[str, str] = {}
    name: str = ""
    group: str = ""
    artifacts: set[tuple[str, str]] = set()
    versions: dict[tuple[str, str], int] = {}
    aliases: dict[tuple[str, str], int] = {}
    files: set[str] = set()
    mark: str = ""
    ended: Any = None
    started: bool = False
    created: int = 0
    replaces: tuple[str, ...] = ()

    @property
    def here(self) -> bool:
        """Whether an importer has begun the run here."""
        return self.last > 0 or self.generation > 0

    def after(self, kind: str, run: str) -> Known:
        """What is known to a further writer that writes all points anew."""
        number = self.generation + 1
        return msgspec.structs.replace(
            self,
            generation=number,
            writer=writer_id(kind, run, number),
            replaces=tuple(writer_id(kind, run, n) for n in range(number)),
            last=0,
            keysets=0,
            rows=[],
            ended=None,
            started=False,
        )


def fingerprint(time: int, record: AnyRecord | Unknown) -> int:
    """A number by which a record is known again."""
    return hash((time, encode_record(record)))


def read_known(folder: Path, kind: str, run: str) -> Known:
    """What the importer of a kind has written to a run before.

    Raises:
        FormatError: A journal of the importer is damaged.
        OSError: It cannot be read.
    """
    ids = [writer_id(kind, run, n) for n in range(2)]
    known = Known(writer=ids[0])
    entries: dict[str, list[Entry]] = {}
    rows: dict[str, list[Rowed]] = {}
    covered: dict[str, list[list[int]]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not (path.suffix == JOURNAL or path.name == SEALED):
            continue
        known.files.add(path.name)
        reader = JournalReader(path)
        for batch in reader.all():
            spans = (
                cover(covered.setdefault(batch.writer, []), batch.first, batch.last)
                if batch.last >= batch.first
                else []
            )
            entries.setdefault(batch.writer, []).extend(
                entry for entry in batch.entries if inside(spans, entry.seq)
            )
            if spans and batch.points:
                names = dict(reader.keysets.get(batch.writer, {}))
                rows.setdefault(batch.writer, []).append((batch.points, spans, names))
        if reader.damage is not None and not reader.damage.torn:
            raise FormatError(
                f"{path} is damaged at byte {reader.damage.offset:,}: {reader.damage.reason}",
                hint="notabene journal repair",
            )
    while ids[-1] in covered and len(ids) < GENERATIONS:
        ids.append(writer_id(kind, run, len(ids)))
    for number, writer in enumerate(w for w in ids if w in covered):
        known.generation, known.writer = number, writer
        known.last = covered[writer][-1][1]
        known.keysets = 0
        for entry in sorted(entries.get(writer, ()), key=lambda e: e.seq):
            _absorb(known, entry)
    known.rows = rows.get(known.writer, [])
    return known


def columns_of(row: Rowed) -> Iterator[tuple[str, I64, I64, I64, F64]]:
    """``(key, seqs, steps, times, values)`` of the points of a frame, each of shape (n,)."""
    batch, spans, names = row
    for part, points in enumerate(batch):
        for piece in from_points(points, 0, spans, part):
            found = decode(piece, piece.data or b"")
            for column, key in enumerate(names[piece.keyset]):
                yield key, found.seqs, found.steps, found.times, found.values[:, column].copy()


def checks_of(rows: Sequence[Rowed]) -> dict[str, Check]:
    """Checksums of each key over its points in the order in which they were written."""
    parts: dict[str, list[tuple[I64, I64, I64, F64]]] = {}
    for row in rows:
        for key, seqs, steps, times, values in columns_of(row):
            parts.setdefault(key, []).append((seqs, steps, times, values))
    return {key: _check(some) for key, some in parts.items()}


def check_of(rows: Sequence[Rowed], key: str, most: int) -> Check:
    """Checksums of the first points of one key."""
    found = [columns[1:] for row in rows for columns in columns_of(row) if columns[0] == key]
    seqs = np.concatenate([part[0] for part in found])
    order = np.argsort(seqs, kind="stable")[:most]
    check = Check()
    check.add(
        np.concatenate([part[1] for part in found])[order],
        np.concatenate([part[2] for part in found])[order],
        np.concatenate([part[3] for part in found])[order],
    )
    return check


def _check(parts: list[tuple[I64, I64, I64, F64]]) -> Check:
    check = Check()
    if len(parts) > 1:
        seqs = np.concatenate([part[0] for part in parts])
        order = np.argsort(seqs, kind="stable")
        steps, times, values = (
            np.concatenate([part[n] for part in parts])[order] for n in (1, 2, 3)
        )
        check.add(steps, times, values)
    else:
        _, steps, times, values = parts[0]
        check.add(steps, times, values)
    return check


def _absorb(known: Known, entry: Entry) -> None:
    record = entry.record
    known.seen.add(fingerprint(entry.time, record))
    known.newest = max(known.newest, entry.time)
    if isinstance(record, KeysDefined):
        known.keysets = max(known.keysets, record.id)
    elif isinstance(record, RunCreated):
        known.name, known.group = record.name, record.group
        known.tags.update(record.tags)
        known.created = entry.time
    elif isinstance(record, WriterStarted):
        known.started = True
    elif isinstance(record, Renamed):
        known.name = record.name if record.name is not None else known.name
        known.group = record.group if record.group is not None else known.group
    elif isinstance(record, NoteWritten):
        known.notes[record.id] = record.text
    elif isinstance(record, ArtifactLogged):
        known.artifacts.add((record.name, record.digest))
        known.versions[record.name, record.digest] = record.version
        known.aliases.update(((record.name, alias), record.version) for alias in record.aliases)
    elif isinstance(record, AliasMoved):
        known.aliases[record.name, record.alias] = record.version or 0
    elif isinstance(record, WriterFinished):
        known.ended = (entry.time, record)
    elif isinstance(record, Captured) and record.part == PART:
        known.mark = str(record.data.get("state", ""))
    elif isinstance(record, ConfigChanged | TagsChanged | SummaryChanged):
        cells: dict[str, Any] = {
            ConfigChanged: known.config,
            TagsChanged: known.tags,
            SummaryChanged: known.summary,
        }[type(record)]
        cells.update(record.set)
        for key in record.removed:
            cells.pop(key, None)
