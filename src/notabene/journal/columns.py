"""Points with times of their own as the frames of one writer: what comes from elsewhere.

``log()`` stamps a row when it is called; what is imported, or read from another tool's files,
has steps and times already, and comes key by key. It is gathered per key and written as blocks
of up to 65,536 rows; keys that share their axis to the bit share a block, and handfuls of rows
are written raw, which sealing encodes later.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from notabene.journal.block import F64, I64, encode_block
from notabene.journal.rows import row_struct
from notabene.journal.segment import (
    BLOCK_BYTES,
    Section,
    encode_record_section,
    encode_section,
)
from notabene.model.records import AnyRecord, KeysDefined, encode_record

HELD = 1 << 21
"""Values that wait in memory to be written together."""
ROWS = 65_536
VALUES = 1 << 18
"""Values in a block, so that a frame stays small even if nothing compresses."""
RAW_BELOW = 12
"""Rows for which a block would be larger, and slower, than they are raw."""

Column = tuple[I64, I64, F64]


class ColumnWriter:
    """Turns records and columns of points into frames.

    Args:
        append: Called with the first and last sequence of a frame, and its body.
        last: The writer's last sequence so far.
        keysets: Its largest id of a key set so far.

    Attributes:
        first: The first sequence that is given here.
        last: The last one given.
        points: How many values were written.
        records: How many records, definitions of key sets apart.
    """

    def __init__(
        self, append: Callable[[int, int, bytes], object], last: int = 0, keysets: int = 0
    ) -> None:
        self.first, self.last = last + 1, last
        self.points = self.records = 0
        self._append = append
        self._keysets: dict[tuple[str, ...], int] = {}
        self._next_keyset = keysets + 1
        self._held: dict[str, list[Column]] = {}
        self._holds = 0
        self._body: list[bytes] = []
        self._size = 0
        self._begun = self.first
        """First sequence of the frame that is being filled."""

    def record(self, time: int, record: AnyRecord) -> int:
        """Write a record; gives its sequence.

        Raises:
            OSError: The disk refuses.
        """
        self.last += 1
        self._add(encode_record_section(self.last, time, encode_record(record)))
        self.records += not isinstance(record, KeysDefined)
        return self.last

    def column(self, key: str, steps: I64, times: I64, values: F64) -> None:
        """Write points of one key, all of shape (n,); the arrays are kept until then.

        Raises:
            OSError: The disk refuses.
        """
        if not len(steps):
            return
        self._held.setdefault(key, []).append((steps, times, values))
        self._holds += len(steps)
        self.points += len(steps)
        if self._holds >= HELD:
            self._flush_points()

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OSError: The disk refuses.
        """
        self._flush_points()
        self._flush_frame()

    # -- points ----------------------------------------------------------------------------

    def _flush_points(self) -> None:
        groups: dict[tuple[int, bytes, bytes], list[tuple[str, Column]]] = {}
        for key, parts in self._held.items():
            column = _joined(parts)
            axis = len(column[0]), column[0].tobytes(), column[1].tobytes()
            groups.setdefault(axis, []).append((key, column))
        self._held, self._holds = {}, 0
        for group in groups.values():
            width = max(1, VALUES // ROWS)
            count = len(group[0][1][0])
            if count < RAW_BELOW:
                self._raw(group)
                continue
            # Few rows of very many keys, or many rows of few.
            width = max(width, VALUES // count)
            for at in range(0, len(group), width):
                self._blocks(group[at : at + width])

    def _raw(self, group: list[tuple[str, Column]]) -> None:
        width = BLOCK_BYTES // 16
        for at in range(0, len(group), width):
            some = group[at : at + width]
            keyset = self._keyset(tuple(key for key, _ in some))
            pack = row_struct(len(some)).pack
            steps, times, _ = some[0][1]
            table = np.stack([column[2] for _, column in some], axis=1)
            rows = []
            for n, (step, time) in enumerate(zip(steps.tolist(), times.tolist(), strict=True)):
                self.last += 1
                head = keyset | len(some) << 32
                rows.append(pack(self.last, head, step, time, *table[n].tolist(), self.last))
            self._add(encode_section(Section.ROWS, b"".join(rows)))

    def _blocks(self, group: list[tuple[str, Column]]) -> None:
        keyset = self._keyset(tuple(key for key, _ in group))
        steps, times, _ = group[0][1]
        rows = max(1, min(ROWS, VALUES // len(group)))
        for at in range(0, len(steps), rows):
            part = slice(at, at + rows)
            table = np.stack([column[2][part] for _, column in group], axis=1)
            count = len(table)
            seqs = np.arange(self.last + 1, self.last + 1 + count, dtype=np.int64)
            self.last += count
            block = encode_block(keyset, steps[part], times[part], seqs, table)
            self._add(encode_section(Section.BLOCK, keyset.to_bytes(4, "little") + block))

    def _keyset(self, keys: tuple[str, ...]) -> int:
        found = self._keysets.get(keys)
        if found is None:
            found = self._keysets[keys] = self._next_keyset
            self._next_keyset += 1
            self.record(0, KeysDefined(id=found, keys=keys))
        return found

    # -- frames ----------------------------------------------------------------------------

    def _add(self, section: bytes) -> None:
        self._body.append(section)
        self._size += len(section)
        if self._size >= BLOCK_BYTES:
            self._flush_frame()

    def _flush_frame(self) -> None:
        if self._body:
            body = b"".join(self._body)
            first, self._begun = self._begun, self.last + 1
            self._body, self._size = [], 0
            self._append(first, self.last, body)


def _joined(parts: list[Column]) -> Column:
    if len(parts) == 1:
        return parts[0]
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )
