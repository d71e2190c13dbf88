"""A writer of one run whose clock and frames a test decides: journals as a process makes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from notabene._ids import new_id
from notabene.journal.block import encode_block, rows_to_arrays
from notabene.journal.reader import Batch, Keysets, decode_frame
from notabene.journal.rows import ROW_BYTES, row_struct
from notabene.journal.segment import (
    Frame,
    Header,
    Section,
    encode_about_section,
    encode_frame,
    encode_header,
    encode_packed_section,
    encode_record_section,
    encode_section,
    frames,
)
from notabene.journal.stats import RunningStats
from notabene.model.records import (
    AnyRecord,
    EndStatus,
    KeysDefined,
    RunCreated,
    Summarised,
    WriterFinished,
    WriterStarted,
    encode_record,
)

Encoding = Literal["block", "rows", "packed"]
START = 1_700_000_000_000_000
"""Time of a scribe's first record unless a test says else, µs."""


class Scribe:
    """Writes records and rows, and cuts them into frames when told to.

    Args:
        run: Id of the run; empty for a desk journal.
        writer: Id of the writer; a new one if empty.
        rank: Its rank.
        time: Its clock, µs; each record and row takes one tick of 1000 µs.
        encoding: How rows go into frames.
    """

    def __init__(
        self,
        run: str,
        *,
        writer: str = "",
        rank: int = 0,
        time: int = START,
        encoding: Encoding = "block",
    ) -> None:
        self.run = run
        self.id = writer or new_id()
        self.rank = rank
        self.time = time
        self.encoding: Encoding = encoding
        self.seq = 0
        self.header = Header(
            file_id=self.id.encode().ljust(16, b"-")[:16],
            kind="run" if run else "desk",
            writers=(self.id,),
            ranks=(rank,),
            run=run,
        )
        self.frames: list[bytes] = []
        self._first = 1
        self._sections: list[bytes] = []
        self._rows: dict[int, list[bytes]] = {}
        self._keysets: dict[tuple[str, ...], int] = {}
        self._stats = RunningStats()
        self._read = 0
        self._known: Keysets = {}

    def tick(self) -> int:
        """The next time stamp."""
        self.time += 1000
        return self.time

    def record(self, record: AnyRecord, about: str = "") -> Scribe:
        """Write a record; in a desk journal about a run, or about none."""
        self.seq += 1
        payload, time = encode_record(record), self.tick()
        if self.run:
            self._sections.append(encode_record_section(self.seq, time, payload))
        else:
            self._sections.append(encode_about_section(self.seq, time, about, payload))
        return self

    def start(self, project: str = "p", name: str = "", **started: Any) -> Scribe:
        """Introduce the run and the writer."""
        started = {"rank": self.rank, "role": "main" if self.rank == 0 else "rank", **started}
        self.record(WriterStarted(**started))
        return self.record(RunCreated(project=project, name=name))

    def row(self, values: Mapping[str, float], step: int) -> Scribe:
        """Log numbers at a step."""
        keys = tuple(values)
        if keys not in self._keysets:
            self._keysets[keys] = len(self._keysets) + 1
            self.record(KeysDefined(id=self._keysets[keys], keys=keys))
        keyset = self._keysets[keys]
        self.seq += 1
        time = self.tick()
        packed = row_struct(len(keys)).pack(
            self.seq, keyset | len(keys) << 32, step, time, *values.values(), self.seq
        )
        self._rows.setdefault(keyset, []).append(packed)
        self._stats.add_row(keys, step, time, values.values())
        return self

    def summarise(self) -> Scribe:
        """Cut a frame, and say how the metrics stand."""
        self.cut()
        upto = self.seq
        keys, stats = self._stats.pack_changed()
        return self.record(Summarised(keys=keys, stats=stats, upto=upto)) if keys else self

    def finish(self, status: EndStatus = "finished", **more: Any) -> Scribe:
        """Say the last word, and cut a frame."""
        self.record(WriterFinished(status=status, **more))
        return self.cut()

    def cut(self) -> Scribe:
        """Make a frame of what was written since the last one."""
        if self.seq < self._first:
            return self
        for keyset, rows in self._rows.items():
            self._sections.append(self._section(keyset, rows))
        body = b"".join(self._sections)
        self.frames.append(encode_frame(self.header.seed, self._first, self.seq, body))
        self._first, self._sections, self._rows = self.seq + 1, [], {}
        return self

    def _section(self, keyset: int, rows: list[bytes]) -> bytes:
        width, data = len(rows[0]), b"".join(rows)
        if self.encoding == "rows":
            return encode_section(Section.ROWS, data)
        if self.encoding == "packed":
            return encode_packed_section(data, width)
        seqs, steps, times, values = rows_to_arrays(memoryview(data), (width - ROW_BYTES) // 8)
        block = encode_block(keyset, steps, times, seqs, values)
        return encode_section(Section.BLOCK, np.uint32(keyset).tobytes() + block)

    def batches(self) -> list[Batch]:
        """All frames as batches whose data is at hand."""
        self.cut()
        known: Keysets = {}
        return [self._batch(data, known) for data in self.frames]

    def new(self) -> list[Batch]:
        """The frames that this was not asked for before."""
        self.cut()
        fresh, self._read = self.frames[self._read :], len(self.frames)
        return [self._batch(data, self._known) for data in fresh]

    def _batch(self, data: bytes, known: Keysets) -> Batch:
        (frame,) = frames(memoryview(data), self.header, 0)
        if not isinstance(frame, Frame):
            raise TypeError(frame)
        return decode_frame(frame, self.run, self.rank, known, "")

    def save(self, folder: Path, *, name: str = "") -> Path:
        """Write the journal to a folder, all of it anew."""
        self.cut()
        path = folder / (name or f"{self.id}.journal")
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_header(self.header) + b"".join(self.frames))
        return path
