"""Whether two folders hold the same run: by what was recorded, not by how it lies in files."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from notabene.api.digests import journal_files
from notabene.errors import FormatError
from notabene.journal.reader import Batch, JournalReader, Keysets
from notabene.model.canonical import new_hasher
from notabene.model.records import (
    ConsoleNoted,
    Heartbeat,
    KeysDefined,
    Summarised,
    encode_record,
)
from notabene.store.pieces import Rows, concat, decode, from_points
from notabene.store.spans import cover

Spans = dict[str, list[list[int]]]
"""For each writer the closed ranges of its sequences, rising and apart."""

_DERIVED = (Summarised, Heartbeat, ConsoleNoted, KeysDefined)
"""Records that sealing may leave out or write elsewhere."""


class Sameness(Enum):
    """How another state of a run stands to the one that is here."""

    WITHIN = "within"
    """Nothing in it that is not here, alike."""
    MORE = "more"
    """The same run, with records that are not here."""
    OTHER = "other"
    """Another run of the same id."""


def compare(here: Path, other: Path) -> Sameness:
    """How the run in one folder stands to the one that is here.

    They are one run when they share a writer, and all that both hold of it is equal.
    """
    mine, theirs = spans_of(here), spans_of(other)
    common = {
        writer: shared
        for writer, spans in theirs.items()
        if (shared := _intersection(mine.get(writer, []), spans))
    }
    if theirs and not common:
        return Sameness.OTHER
    if content(here, common) != content(other, common):
        return Sameness.OTHER
    return Sameness.WITHIN if common == theirs else Sameness.MORE


def spans_of(run_dir: Path) -> Spans:
    """What the journals in a folder cover."""
    found: Spans = {}
    for batch in _batches(run_dir):
        if batch.last >= batch.first:
            cover(found.setdefault(batch.writer, []), batch.first, batch.last)
    return found


def content(run_dir: Path, spans: Spans) -> str:
    """Digest of the records and rows within some ranges of sequences."""
    seen: Spans = {}
    records: dict[tuple[str, int], tuple[int, bytes]] = {}
    rows: dict[tuple[str, int], list[Rows]] = {}
    for batch in _batches(run_dir):
        wanted = spans.get(batch.writer)
        if not wanted or batch.last < batch.first:
            continue
        fresh = cover(seen.setdefault(batch.writer, []), batch.first, batch.last)
        inside = [(a, b) for a, b in _intersection([list(s) for s in fresh], wanted)]
        for entry in batch.entries:
            known = any(first <= entry.seq <= last for first, last in inside)
            if known and not isinstance(entry.record, _DERIVED):
                records[batch.writer, entry.seq] = entry.time, encode_record(entry.record)
        for part, points in enumerate(batch.points):
            for piece in from_points(points, 0, inside, part):
                data = piece.data if piece.data is not None else b""
                rows.setdefault((batch.writer, piece.keyset), []).append(decode(piece, data))
    return _digest(records, rows)


def _digest(
    records: dict[tuple[str, int], tuple[int, bytes]], rows: dict[tuple[str, int], list[Rows]]
) -> str:
    hasher: Any = new_hasher()
    for key in sorted(records):
        time, data = records[key]
        hasher.update(repr((key, time, len(data))).encode())
        hasher.update(data)
    for place in sorted(rows):
        joined = concat(rows[place])
        joined = joined.take(np.argsort(joined.seqs, kind="stable"))
        hasher.update(repr((place, joined.values.shape)).encode())
        for array in joined:
            hasher.update(np.ascontiguousarray(array).tobytes())
    return str(hasher.hexdigest())


def _batches(run_dir: Path) -> Iterator[Batch]:
    keysets: Keysets = {}
    for path in journal_files(run_dir):
        reader = JournalReader(path, keysets=keysets)
        try:
            while batches := reader.read():
                yield from batches
        except (FormatError, FileNotFoundError):
            continue


def _intersection(mine: list[list[int]], theirs: list[list[int]]) -> list[list[int]]:
    found: list[list[int]] = []
    for a, b in mine:
        for c, d in theirs:
            if max(a, c) <= min(b, d):
                found.append([max(a, c), min(b, d)])
    return sorted(found)
