"""From slots to frame bodies: what the writer's thread and recovery do with a ring's bytes.

No numpy is needed: where the training process has not loaded it, rows go out as they lay,
transposed and compressed (PACKED); where it has, they go out as blocks.
"""

from __future__ import annotations

import contextlib
import sys
from array import array

from notabene._lazy import load
from notabene.journal.rows import FILLER, HEAD, ROW_BYTES, read_slot, record_of, row_of
from notabene.journal.segment import (
    Section,
    encode_packed_section,
    encode_record_section,
    encode_section,
)
from notabene.journal.stats import RunningStats
from notabene.model.records import KeysDefined, decode_record, encode_record

PIECE = 256 << 10
"""Bytes of slots that go into one frame; encoded they stay well below a block's limit."""
SMALL = 400
"""Bytes of rows below which packing or encoding would not pay."""


class Drained:
    """Slots taken from a ring, sorted into what one frame holds."""

    __slots__ = ("end", "first", "last", "records", "rows")

    def __init__(self, first: int, start: int) -> None:
        self.first = first
        self.last = first - 1
        self.end = start
        """Where the next slot begins."""
        self.records: list[tuple[int, int, bytes]] = []
        self.rows: dict[int, list[bytes]] = {}
        """Key set word (``id | n << 32``) to runs of its slots."""


def take(
    data: memoryview, start: int, first: int, *, most: int = PIECE, holes: bool = False
) -> Drained:
    """Take complete slots from ``data[start:]`` on, the first with sequence ``first``.

    Ends at the first place where no complete slot with the expected sequence stands. With
    ``holes`` it looks further for a later one: a call that was killed half way may have left a
    gap before one that was completed, and a power failure may have left pages of zeros.
    """
    out = Drained(first, start)
    size = len(data)
    while out.end < size and out.end - start < most:
        slot = read_slot(data, out.end)
        if slot is None or slot.seq != out.last + 1:
            at = after_hole(data, out.end, out.last + 1) if holes else None
            if at is None:
                break
            out.end = at
            out.last = HEAD.unpack_from(data, at)[0] - 1
            continue
        if slot.keyset == 0:
            time, payload = record_of(data, slot)
            if not payload.startswith(FILLER):
                out.records.append((slot.seq, time, payload))
            out.last = slot.seq
            out.end += slot.size
            continue
        count = _uniform(data, slot.start, slot.size, slot.seq, most)
        end = slot.start + count * slot.size
        out.rows.setdefault(slot.keyset | slot.count << 32, []).append(bytes(data[out.end : end]))
        out.last = slot.seq + count - 1
        out.end = end
    return out


def after_hole(data: memoryview, at: int, expected: int) -> int | None:
    """Where the next complete slot with at least the expected sequence stands, if any does."""
    # A slot takes 32 bytes or more, so a sequence much further on cannot be one.
    most = expected + (len(data) - at) // 32 + 64 if expected > 1 else 1 << 48
    words = array("Q", bytes(data[at : at + (len(data) - at) // 8 * 8]))
    if sys.byteorder == "big":
        words.byteswap()
    for place, word in enumerate(words):
        if expected <= word < most and read_slot(data, at + 8 * place) is not None:
            return at + 8 * place
    return None


def _uniform(data: memoryview, start: int, size: int, seq: int, most: int) -> int:
    """How many complete slots of this size and key set follow each other from ``start``.

    Compares whole strides in C instead of slot by slot, in growing pieces.
    """
    words = size // 8
    limit = max(1, min(len(data) - start, most) // size)
    kind = int.from_bytes(data[start + 8 : start + 16], "little")
    good, step = 1, 64
    while good < limit:
        count = min(step, limit - good)
        at = start + good * size
        piece = array("Q", bytes(data[at : at + count * size]))
        wanted = array("Q", range(seq + good, seq + good + count))
        if (
            piece[::words] == wanted
            and piece[words - 1 :: words] == wanted
            and piece[1::words] == array("Q", [kind]) * count
        ):
            good += count
            step *= 4
        elif count == 1:
            break
        else:
            step = max(1, count // 4)
            limit = good + count
    return good


def first_seq(data: memoryview | bytes, at: int) -> int:
    """Sequence of the first complete slot from ``at`` on; 0 where there is none."""
    view = memoryview(data)
    place = after_hole(view, at, 1)
    return 0 if place is None else int(HEAD.unpack_from(view, place)[0])


def _load_codecs() -> None:
    """Import what encodes blocks so that no fork falls into the middle of it."""
    with contextlib.suppress(ImportError):
        load("pcodec")
    load("notabene.journal.block")


def has_numpy() -> bool:
    """Whether the process has numpy loaded already; a run never loads it by itself."""
    numpy = sys.modules.get("numpy")
    # While another thread is importing it we would wait for that, and it may wait for us.
    return numpy is not None and not getattr(numpy.__spec__, "_initializing", False)


class Encoder:
    """Turns drained slots into frame bodies, and keeps the writer's running statistics.

    Statistics are kept only while numpy is there from the first row on; a writer without it
    leaves them to the readers.

    Args:
        counting: Whether to keep statistics.
    """

    def __init__(self, *, counting: bool = True) -> None:
        self.stats = RunningStats()
        self.counting = counting
        self.points = 0
        self._keys: dict[int, tuple[str, ...]] = {}
        self._last_rows: dict[int, bytes] = {}

    def body(self, drained: Drained, *, fast: bool = False) -> bytes:
        """One frame's body. ``fast`` leaves rows as they are, when much is waiting."""
        sections = []
        for seq, time, payload in drained.records:
            self._learn(payload)
            sections.append(encode_record_section(seq, time, payload))
        for kind, runs in drained.rows.items():
            rows, count = b"".join(runs), kind >> 32
            width = ROW_BYTES + 8 * count
            self.points += len(rows) // width * count
            self._last_rows[kind & 0xFFFFFFFF] = rows[-width:]
            sections.append(self._section(kind & 0xFFFFFFFF, rows, width, fast=fast))
        return b"".join(sections)

    def know(self, keyset: int, keys: tuple[str, ...]) -> None:
        """Tell it a key set that was defined before."""
        self._keys[keyset] = keys

    def knows(self, keyset: int) -> bool:
        """Whether the names of a key set are known."""
        return keyset in self._keys

    def names(self) -> list[bytes]:
        """Bodies of frames that name all key sets so far and cover nothing."""
        bodies, body = [], b""
        for keyset, keys in tuple(self._keys.items()):
            record = encode_record(KeysDefined(id=keyset, keys=keys))
            body += encode_record_section(0, 0, record)
            if len(body) > PIECE:
                bodies.append(body)
                body = b""
        return [*bodies, body] if body else bodies

    def last_value(self, key: str) -> float | None:
        """The value of a key that was logged last, as far as it was drained."""
        wanted = [id for id in self._last_rows.copy() if key in self._keys.get(id, ())]
        return self._last(wanted).get(key)

    def last_values(self) -> dict[str, float]:
        """The same for all keys."""
        return self._last(list(self._last_rows.copy()))

    def _last(self, keysets: list[int]) -> dict[str, float]:
        rows = {keyset: memoryview(self._last_rows[keyset]) for keyset in keysets}
        found: dict[str, float] = {}
        for keyset, row in sorted(rows.items(), key=lambda one: HEAD.unpack_from(one[1])[0]):
            slot = read_slot(row, 0)
            if slot is not None:
                found.update(zip(self._keys.get(keyset, ()), row_of(row, slot)[2], strict=False))
        return found

    def _learn(self, payload: bytes) -> None:
        if b"keys-defined" in payload:
            record = decode_record(payload)
            if isinstance(record, KeysDefined):
                self.know(record.id, record.keys)

    def _section(self, keyset: int, rows: bytes, width: int, *, fast: bool) -> bytes:
        """Rows of one key set as a section; as they lay where encoding them fails."""
        with_numpy = has_numpy()
        self.counting = self.counting and with_numpy
        try:
            if with_numpy and (self.counting or not fast):
                return self._block(keyset, rows, width, fast=fast)
            if len(rows) > SMALL and not fast:
                load("zstandard")
                return encode_packed_section(rows, width)
        except (ArithmeticError, ImportError, LookupError, MemoryError, RuntimeError, ValueError):
            # Nothing is worth more than the rows: no memory left, a half-removed library ...
            self.counting = False
        return encode_section(Section.ROWS, rows)

    def _block(self, keyset: int, rows: bytes, width: int, *, fast: bool) -> bytes:
        _load_codecs()
        from notabene.journal.block import encode_block, rows_to_arrays

        seqs, steps, times, values = rows_to_arrays(memoryview(rows), (width - ROW_BYTES) // 8)
        if self.counting:
            self.stats.add_columns(self._keys[keyset], steps, times, values)
        if fast or len(rows) <= SMALL:
            return encode_section(Section.ROWS, rows)
        block = encode_block(keyset, steps, times, seqs, values)
        return encode_section(Section.BLOCK, keyset.to_bytes(4, "little") + block)
