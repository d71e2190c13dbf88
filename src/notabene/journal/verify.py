"""Look through a journal: does every frame verify, and is anything missing?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from notabene.errors import FormatError
from notabene.journal.reader import Batch, JournalReader, Keysets, Points, decode_frame, slots_of
from notabene.journal.rows import row_of, slots
from notabene.journal.segment import (
    Damage,
    Frame,
    Header,
    decode_header,
    find_frame,
    frames,
    read_frame,
)

Ranges = tuple[tuple[int, int], ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a look through a journal found.

    Attributes:
        path: The file.
        size: Its bytes.
        kind: ``run``, ``desk``, ``sealed`` or ``recovered``; empty where the header is damaged.
        run: The run it belongs to.
        frames: Frames that verify up to the damage, or the end.
        records: Records in them.
        rows: Rows of numbers in them.
        points: Numbers in these.
        ranges: For each writer the sequences that the file covers up to the damage.
        holes: For each writer the sequences that it lacks in between.
        damage: Where and why reading stopped, or None.
        beyond: Frames behind the damage that verify; ``repair`` saves them.
    """

    path: Path
    size: int
    kind: str = ""
    run: str = ""
    frames: int = 0
    records: int = 0
    rows: int = 0
    points: int = 0
    ranges: dict[str, Ranges] = {}
    holes: dict[str, Ranges] = {}
    damage: Damage | None = None
    beyond: int = 0

    @property
    def good(self) -> bool:
        """Whether every byte verifies and no sequence is missing in between."""
        return self.damage is None and not self.holes

    def sentence(self) -> str:
        """One line for people."""
        counts = (
            f"{self.frames:,} frames with {self.records:,} records and {self.points:,} points "
            f"in {self.rows:,} rows"
        )
        if self.damage is not None:
            rest = (
                f"{self.beyond:,} frames behind it verify" if self.beyond else "nothing behind it"
            )
            return (
                f"{self.path}: damaged at byte {self.damage.offset:,} ({self.damage.reason}); "
                f"before it {counts}; {rest}"
            )
        if self.holes:
            missing = ", ".join(
                f"{first:,} to {last:,} of {writer}"
                for writer, ranges in self.holes.items()
                for first, last in ranges
            )
            return f"{self.path}: {counts}, all good; but the sequences {missing} are missing"
        return f"{self.path}: good; {counts}"


def verify(path: Path) -> Report:
    """Check every frame of one journal file.

    Raises:
        FormatError: A newer notabene wrote it.
        OSError: It cannot be read.
    """
    data = path.read_bytes()
    try:
        header, start = decode_header(data)
    except EOFError:
        return _no_header(path, data, Damage(0, "an unfinished header", len(data), torn=True))
    except FormatError as error:
        if error.hint:  # a newer format: that is no damage
            raise
        return _no_header(path, data, Damage(0, error.message, len(data), torn=False))
    view = memoryview(data)
    good, damage, beyond = scan(view, header, start)
    counted = _count(good, header)
    ranges = ranges_of(good, header)
    return Report(
        path=path,
        size=len(data),
        kind=header.kind,
        run=header.run,
        frames=len(good),
        records=counted[0],
        rows=counted[1],
        points=counted[2],
        ranges=ranges,
        holes=holes_in(ranges),
        damage=damage,
        beyond=len(beyond),
    )


def _no_header(path: Path, data: bytes, damage: Damage) -> Report:
    return Report(path=path, size=len(data), damage=damage)


def scan(
    view: memoryview, header: Header, start: int
) -> tuple[list[Frame], Damage | None, list[Frame]]:
    """Frames up to the first damage, that damage, and all frames behind it that verify."""
    before: list[Frame] = []
    behind: list[Frame] = []
    damage: Damage | None = None
    for item in frames(view, header, start):
        if isinstance(item, Damage):
            damage = item
        else:
            before.append(item)
    at = None if damage is None else find_frame(view, damage.offset + 1, header)
    while at is not None:
        found = read_frame(view, at, header)
        if isinstance(found, Frame):
            behind.append(found)
            at += found.size
        else:
            at = find_frame(view, at, header)
    if damage is not None and behind:
        damage = msgspec.structs.replace(damage, torn=False)
    return before, damage, behind


def ranges_of(good: Sequence[Frame], header: Header) -> dict[str, Ranges]:
    """For each writer the closed ranges of sequences that frames cover, in order."""
    found: dict[str, Ranges] = {}
    for writer in header.writers:
        ranges: list[tuple[int, int]] = []
        for first, last in sorted((f.first, f.last) for f in good if f.writer == writer):
            if first > last:
                continue
            if ranges and first <= ranges[-1][1] + 1:
                ranges[-1] = ranges[-1][0], max(ranges[-1][1], last)
            else:
                ranges.append((first, last))
        if ranges:
            found[writer] = tuple(ranges)
    return found


def holes_in(found: dict[str, Ranges]) -> dict[str, Ranges]:
    """What lies between the ranges of each writer."""
    holes = {
        writer: tuple((a[1] + 1, b[0] - 1) for a, b in pairwise(ranges))
        for writer, ranges in found.items()
    }
    return {writer: gaps for writer, gaps in holes.items() if gaps}


def _count(good: list[Frame], header: Header) -> tuple[int, int, int]:
    """Records, rows and points of frames."""
    records = rows = points = 0
    keysets: Keysets = {}
    for frame in good:
        batch = decode_frame(frame, header.run, 0, keysets, "")
        records += len(batch.entries)
        for part in batch.points:
            if part.encoding == "block":
                from notabene.journal.block import Block

                block = Block(part.data)
                rows, points = rows + block.rows, points + block.rows * block.columns
            else:
                for slot in slots(slots_of(part)):
                    rows, points = rows + 1, points + slot.count
    return records, rows, points


def records(path: Path, *, points: bool = False) -> Iterator[dict[str, Any]]:
    """What a journal holds, in the order of its frames, up to the first damage.

    Records have their type in ``record`` and their fields in ``data``.

    Args:
        path: The file.
        points: Rows of numbers as well, one mapping each: ``step`` and ``values`` by key.

    Raises:
        FormatError: It is no journal, or a newer notabene wrote it.
        OSError: It cannot be read.
    """
    reader = JournalReader(path)
    while batches := reader.read():
        for batch in batches:
            yield from _records_of(batch)
            if points:
                for part in batch.points:
                    yield from _rows_of(part, batch)


def _records_of(batch: Batch) -> Iterator[dict[str, Any]]:
    for entry in batch.entries:
        fields = msgspec.to_builtins(entry.record)
        yield {
            "writer": entry.writer,
            "seq": entry.seq,
            "time": entry.time,
            "run": entry.run,
            "record": fields.pop("record", "unknown"),
            "data": fields,
        }


def _rows_of(points: Points, batch: Batch) -> Iterator[dict[str, Any]]:
    for seq, keys, step, time, values in rows_of(points, batch):
        yield {
            "writer": points.writer,
            "seq": seq,
            "time": time,
            "run": batch.run,
            "step": step,
            "values": dict(zip(keys, values, strict=True)),
        }


def rows_of(
    points: Points, batch: Batch
) -> Iterator[tuple[int, tuple[str, ...], int, int, tuple[float, ...]]]:
    """``(sequence, keys, step, time, values)`` of each row, whatever it is encoded as.

    Keys whose definition was lost with a damaged frame are numbered.
    """
    if points.encoding != "block":
        data = slots_of(points)
        for slot in slots(data):
            step, time, values = row_of(data, slot)
            keys = batch.keysets.get(slot.keyset) or tuple(map(str, range(slot.count)))
            yield slot.seq, keys, step, time, values
        return
    from notabene.journal.block import Block

    block = Block(points.data)
    columns = zip(
        block.seqs().tolist(), block.steps().tolist(), block.times().tolist(), strict=True
    )
    keys = points.keys or tuple(map(str, range(block.columns)))
    for (seq, step, time), row in zip(columns, block.values(), strict=True):
        yield seq, keys, step, time, tuple(row.tolist())
