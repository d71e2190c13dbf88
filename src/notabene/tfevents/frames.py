"""TFRecord: the framing of event files.

    record = u64 length · u32 masked CRC-32C of the length · data · u32 masked CRC-32C of the data

All checksums are verified. After damage, reading goes on at the next record that verifies; a
record that is not complete at the end of the file is what a writer at work looks like.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from notabene.tfevents.crc import I64, U8, crc32c, crc32c_many, crc32c_rows, masked

PIECE = 8 << 20
MOST = 1 << 30
"""A length above this is damage, not data."""
Mask = npt.NDArray[np.bool_]
_LENGTH = struct.Struct("<Q").unpack_from
_OVERHEAD = 16


class Records(NamedTuple):
    """Verified records in a piece of a file.

    Attributes:
        data: The piece.
        starts: Where the data of each record begins in it, shape (n,).
        ends: Where it ends.
        offset: Where the piece begins in the file.
        passed: Bytes of the file that are done with, from the piece's beginning.
    """

    data: bytes
    starts: list[int]
    ends: list[int]
    offset: int
    passed: int


class EventFile:
    """Reads the records of a file from a position on; knows where it stopped.

    Args:
        path: The file.
        position: Offset of the first byte to read.
        most: Bytes of a piece.

    Attributes:
        position: Where reading goes on: behind the last record.
        damaged: Bytes that were skipped since they do not verify.
        torn: Bytes behind the last record that are not complete yet.
    """

    def __init__(self, path: Path, position: int = 0, *, most: int = PIECE) -> None:
        self.path, self.position = path, position
        self._most = most
        self.damaged = self.torn = 0

    def read(self) -> Iterator[Records]:
        """What is there now, in pieces.

        Raises:
            OSError: It cannot be read.
        """
        with open(self.path, "rb") as file:
            size = file.seek(0, 2)
            if size < self.position:  # it was made anew
                self.position = 0
            want = self._most
            while self.position < size:
                file.seek(self.position)
                data = file.read(want)
                last = self.position + len(data) >= size
                found = self._piece(data, last=last)
                if found is None:
                    want *= 2  # a record longer than the piece
                    continue
                want = self._most
                self.position += found.passed
                self.torn = len(data) - found.passed if last else 0
                if found.starts or found.passed:
                    yield found
                if last and not found.passed:
                    return

    def _piece(self, data: bytes, *, last: bool) -> Records | None:
        starts, ends, at = _split(data)
        array = np.frombuffer(data, np.uint8)
        begin = np.array(starts, np.int64)
        sizes = np.array(ends, np.int64) - begin
        good = _lengths_verify(array, begin - 12)
        if not good.all():
            stop = int(good.argmin())
            at = starts[stop] - 12
            starts, ends = starts[:stop], ends[:stop]
            begin, sizes = begin[:stop], sizes[:stop]
        elif not starts and not last and not _spoilt(data):
            return None
        fine = _data_verifies(array, begin, sizes)
        if not fine.all():
            self.damaged += int(sizes[~fine].sum()) + _OVERHEAD * int((~fine).sum())
            keep = np.flatnonzero(fine).tolist()
            starts, ends = [starts[n] for n in keep], [ends[n] for n in keep]
        if not good.all() or (len(data) - at >= 12 and _spoilt(data[at : at + 12])):
            skipped = _resume(array, at + 1, last=last)
            self.damaged += skipped - at
            at = skipped
        return Records(data, starts, ends, self.position, at)


def _split(data: bytes) -> tuple[list[int], list[int], int]:
    """Starts and ends of the records that lie whole in the data, and where the rest begins."""
    starts: list[int] = []
    ends: list[int] = []
    at, size = 0, len(data)
    add, end_with = starts.append, ends.append
    while at + 12 <= size:
        length: int = _LENGTH(data, at)[0]
        end = at + 12 + length
        if end + 4 > size:
            break
        add(at + 12)
        end_with(end)
        at = end + 4
    return starts, ends, at


def _lengths_verify(array: U8, heads: I64) -> Mask:
    rows = array[heads[:, None] + np.arange(12)]
    wanted = np.ascontiguousarray(rows[:, 8:]).view("<u4").reshape(-1)
    good: Mask = masked(crc32c_rows(np.ascontiguousarray(rows[:, :8]))) == wanted
    return good


def _data_verifies(array: U8, begin: I64, sizes: I64) -> Mask:
    tails = array[(begin + sizes)[:, None] + np.arange(4)]
    wanted = np.ascontiguousarray(tails).view("<u4").reshape(-1)
    good: Mask = masked(crc32c_many(array, begin, sizes)) == wanted
    return good


def _spoilt(head: bytes) -> bool:
    """Whether what stands here is no head of a record."""
    if len(head) < 12:
        return False
    array = np.frombuffer(head[:12], np.uint8)
    return not bool(_lengths_verify(array, np.zeros(1, np.int64))[0]) or _LENGTH(head)[0] > MOST


def _resume(array: U8, at: int, *, last: bool) -> int:
    """The next place where a head verifies; the end (but for what may be one) if there is none."""
    begin, step = at, 1 << 20
    while at + 12 <= len(array):
        heads = np.arange(at, min(at + step, len(array) - 11), dtype=np.int64)
        for place in heads[_lengths_verify(array, heads)].tolist():
            length = int(np.frombuffer(array[place : place + 8], "<u8")[0])
            end = place + 12 + length
            if length > MOST:
                continue
            if end + 4 > len(array):
                return int(place)  # perhaps the last one, perhaps longer than the piece
            crc = masked(np.array([crc32c(array[place + 12 : end])], np.uint32))
            if crc.tobytes() == array[end : end + 4].tobytes():
                return int(place)
        at += step
    return len(array) if last else max(begin, len(array) - 11)
