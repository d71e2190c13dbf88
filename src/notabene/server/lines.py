"""Where the lines of a console lie, so that a page of a million lines reads a few frames.

A console is a series of compressed frames; a line that changes (a progress bar) comes again in
a later one. The index of a writer's console keeps for each line when it last changed, and which
frame holds it as it stands; it is made once, goes on where the files grew, and is forgotten
when others are asked for.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from notabene.capture.playback import ConsoleReader, Line, frame_bounds, piece_path
from notabene.journal.block import I64

MOST = 4_000_000
"""Lines whose places are kept in all."""

STREAMS = b"oen"
_NEWLINE, _SPACE, _ZERO, _NINE, _MINUS, _MARK = b"\n 09-="
_DIGITS = 19
"""Digits of the longest number: what int64 holds."""


class Frame(NamedTuple):
    """A frame: the number of the file, and the first and last byte in it; or a remark of ours."""

    piece: int
    start: int
    end: int
    remark: bytes = b""


class _Table(NamedTuple):
    """Lines of a frame: all of shape (n,), in the order in which they stand there."""

    times: I64
    streams: npt.NDArray[np.uint8]
    numbers: I64
    texts: npt.NDArray[np.intp]
    """Where in the frame their texts begin."""
    ends: npt.NDArray[np.intp]
    """Where they end: at the line break."""


class LineIndex:
    """The lines of one writer's console, by number.

    Threads: one at a time, who holds the lock of :class:`LineIndexes`.

    Args:
        reader: The console.
    """

    def __init__(self, reader: ConsoleReader) -> None:
        self.path = reader.path
        self._read_to: dict[int, int] = {}
        self.frames: list[Frame] = []
        self.times: I64 = np.zeros(0, np.int64)
        self.streams = np.zeros(0, np.uint8)
        self.numbers: I64 = np.zeros(0, np.int64)
        self.holder = np.zeros(0, np.int32)
        """Which frame holds each line as it stands."""
        self.dropped = 0
        """Bytes of the middle that were given up."""
        self._printed = -1
        self._places: dict[int, I64] = {}

    def __len__(self) -> int:
        return len(self.times)

    def refresh(self, pieces: Sequence[int]) -> None:
        """Take in what was written since the last call.

        Args:
            pieces: Numbers of the files that are there.
        """
        if any(frame.piece not in pieces for frame in self.frames):
            self._forget()  # the middle of a long console was given up
        fresh: list[tuple[int, _Table]] = []
        for piece in pieces:
            begun = self._read_to.get(piece, 0)
            data = _bytes(piece_path(self.path, piece), begun)
            for start, end, whole in frame_bounds(data):
                text = _unpacked(data[start:end]) if whole else b""
                for frame in self._frames_of(Frame(piece, begun + start, begun + end), text):
                    table = table_of(frame.remark or text)
                    self.frames.append(frame)
                    fresh.append((len(self.frames) - 1, table))
                self._read_to[piece] = begun + end
        if fresh:
            self._extend(fresh)

    def _frames_of(self, frame: Frame, text: bytes) -> Iterator[Frame]:
        """The frame, and remarks on what is missing before it or on what it is not."""
        marks = _marks(text)
        if not marks:
            size = frame.end - frame.start
            yield self._remark(frame, -1 - frame.start, f"{size:,} bytes are damaged")
            return
        missing = marks[0] - self._printed
        if frame.start == 0 and frame.piece and self._printed >= 0 and missing > 0:
            self.dropped += missing
            yield self._remark(frame, -1 - frame.piece, f"{missing:,} bytes were dropped here")
        self._printed = marks[-1]
        yield frame

    def _remark(self, frame: Frame, number: int, text: str) -> Frame:
        time = int(self.times[-1]) if len(self.times) else 0
        return frame._replace(remark=f"{time} n {number} notabene: {text}\n".encode())

    def _forget(self) -> None:
        self.__init__(ConsoleReader(self.path))  # type: ignore[misc]  # as if just made

    def _extend(self, fresh: Sequence[tuple[int, _Table]]) -> None:
        times = np.concatenate([table.times for _, table in fresh])
        streams = np.concatenate([table.streams for _, table in fresh])
        numbers = np.concatenate([table.numbers for _, table in fresh])
        holder = np.concatenate([np.full(len(t.times), n, np.int32) for n, t in fresh])
        keys = _keys(streams, numbers)
        # The last time a line comes is how it stands; the first time is where it stands.
        _, last = np.unique(keys[::-1], return_index=True)
        unique, first = np.unique(keys, return_index=True)
        last = len(keys) - 1 - last
        known = self._place_of(unique)
        old = known >= 0
        self.times[known[old]] = times[last[old]]
        self.holder[known[old]] = holder[last[old]]
        order = np.argsort(first[~old], kind="stable")
        new = last[~old][order]
        begun = len(self.times)
        self.times = np.concatenate((self.times, times[new]))
        self.streams = np.concatenate((self.streams, streams[new]))
        self.numbers = np.concatenate((self.numbers, numbers[new]))
        self.holder = np.concatenate((self.holder, holder[new]))
        self._learn(unique[~old][order], begun)

    def _learn(self, keys: I64, begun: int) -> None:
        known = np.concatenate((self._places.get(0, np.zeros(0, np.int64)), keys))
        places = np.concatenate(
            (self._places.get(1, np.zeros(0, np.int64)), np.arange(begun, begun + len(keys)))
        )
        order = np.argsort(known, kind="stable")
        self._places = {0: known[order], 1: places[order]}

    def _place_of(self, keys: I64) -> I64:
        """Where lines stand that are known already; -1 for others."""
        if not self._places or not len(self._places[0]):
            return np.full(len(keys), -1, np.int64)
        at = np.minimum(np.searchsorted(self._places[0], keys), len(self._places[0]) - 1)
        return np.where(self._places[0][at] == keys, self._places[1][at], -1)

    # -- reading ---------------------------------------------------------------------------

    def lines(self, wanted: Sequence[int]) -> dict[int, Line]:
        """Some lines, by their place."""
        by_frame: dict[int, list[int]] = {}
        for place in wanted:
            by_frame.setdefault(int(self.holder[place]), []).append(place)
        found: dict[int, Line] = {}
        for holder, places in by_frame.items():
            texts = self._texts(self.frames[holder])
            for place in places:
                code, number = int(self.streams[place]), int(self.numbers[place])
                text = texts.get((code, number), "")
                found[place] = Line(int(self.times[place]), chr(STREAMS[code]), number, text)
        return found

    def _texts(self, frame: Frame) -> dict[tuple[int, int], str]:
        """Texts of a frame, by code of the stream and number."""
        content = self.content(frame)
        table = table_of(content)
        rows = zip(*(column.tolist() for column in table[1:]), strict=True)
        return {
            (stream, number): content[begin:end].decode("utf-8", "replace")
            for stream, number, begin, end in rows
        }

    def content(self, frame: Frame) -> bytes:
        """The text of a frame, as it was written."""
        if frame.remark:
            return frame.remark
        data = _bytes(piece_path(self.path, frame.piece), frame.start, frame.end - frame.start)
        return _unpacked(data)

    def standing(self, number: int, table: _Table) -> I64:
        """Where the lines of a frame stand in all; -1 for those that changed after it."""
        places = self._place_of(_keys(table.streams, table.numbers))
        stands = (places >= 0) & (self.holder[places] == number)
        # Of a line that comes twice in a frame the last one stands.
        later = np.zeros(len(places), bool)
        _, last = np.unique(places[::-1], return_index=True)
        later[len(places) - 1 - last] = True
        return np.where(stands & later, places, -1)


class LineIndexes:
    """The indexes that were asked for last.

    Attributes:
        lock: Held by who uses them.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._kept: OrderedDict[Path, LineIndex] = OrderedDict()

    def of(self, reader: ConsoleReader) -> LineIndex:
        """The index of a console, up to date."""
        found = self._kept.get(reader.path) or LineIndex(reader)
        found.refresh(reader.pieces())
        self._kept[reader.path] = found
        self._kept.move_to_end(reader.path)
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > MOST:
            self._kept.popitem(last=False)
        return found


def _keys(streams: npt.NDArray[np.uint8], numbers: I64) -> I64:
    """One number for stream and number of a line."""
    keys: I64 = numbers * 4 + streams
    return keys


def _bytes(path: Path, start: int, size: int = -1) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read(size)
    except FileNotFoundError:  # given up since we looked
        return b""


def _unpacked(data: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=64 << 20)
    except zstandard.ZstdError:
        return b""


def table_of(text: bytes) -> _Table:
    """Times, streams, numbers and places of the lines of a frame, without an object for each."""
    data = np.frombuffer(text + b" " * (2 * _DIGITS + 4), np.uint8)
    ends = np.flatnonzero(data == _NEWLINE)
    at = np.concatenate((np.zeros(1, np.intp), ends[:-1] + 1)) if len(ends) else ends
    lines = data[at] != _MARK
    ends = ends[lines]
    times, at = _number(data, at[lines])
    kind = np.minimum(np.searchsorted(_SORTED, data[at]), len(_SORTED) - 1)
    known = _SORTED[kind] == data[at]
    numbers, texts = _number(data, at + 2)
    known &= texts <= ends
    return _Table(times[known], _CODES[kind[known]], numbers[known], texts[known], ends[known])


def _marks(text: bytes) -> list[int]:
    """How much had been printed: at the beginning, in a file's first frame, and at the end."""
    places = [0] if text.startswith(b"= ") else []
    last = text.rfind(b"\n= ")
    places += [last + 1] if last >= 0 else []
    return [int(text[at + 2 : at + 30].split(b" ", 1)[0]) for at in places]


_SORTED = np.sort(np.frombuffer(STREAMS, np.uint8))
_CODES = np.argsort(np.frombuffer(STREAMS, np.uint8)).astype(np.uint8)


def _number(
    data: npt.NDArray[np.uint8], at: npt.NDArray[np.intp]
) -> tuple[I64, npt.NDArray[np.intp]]:
    """The numbers that begin at some places, and the places after the blanks behind them."""
    value = np.zeros(len(at), np.int64)
    minus = data[at] == _MINUS
    at = at + minus
    open_ = np.ones(len(at), bool)
    for _ in range(_DIGITS):
        digit = data[at]
        open_ = open_ & (digit >= _ZERO) & (digit <= _NINE)
        if not open_.any():
            break
        value = np.where(open_, value * 10 + (digit.astype(np.int64) - _ZERO), value)
        at = at + open_
    return np.where(minus, -value, value), at + 1
