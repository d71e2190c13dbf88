"""Reading a console back: all of it, its end, or what is new; see
:mod:`notabene.capture.transcript` for the format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from notabene.capture.fold import plain

SUFFIX = ".console.zst"
_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_CONTENT = 64 << 20


class Line(NamedTuple):
    """A line of the console: when it last changed (µs), its stream (``o``, ``e``; ``n`` for
    remarks of notabene), its number in the stream, its text."""

    time: int
    stream: str
    number: int
    text: str

    @property
    def plain(self) -> str:
        """The text without colours."""
        return plain(self.text)


class Position(NamedTuple):
    """How far a reader is: the number of the file, the byte in it, and the bytes that the
    program had printed by then (-1 before the first)."""

    piece: int = 0
    offset: int = 0
    printed: int = -1


class _Frame(NamedTuple):
    """What a frame holds: lines, and how much had been printed; no such mark when damaged."""

    lines: list[Line]
    marks: list[int]


_NOTHING = _Frame([], [])


class ConsoleReader:
    """The console of one writer; may be used while it is written, and on a damaged one.

    Args:
        path: The first file, ``<writer>.console.zst``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def all(cls, folder: Path) -> dict[str, ConsoleReader]:
        """The consoles in a run's folder, by writer."""
        found = sorted(folder.glob(f"*{SUFFIX}"))
        return {path.name.removesuffix(SUFFIX): cls(path) for path in found}

    def read(self) -> list[Line]:
        """All lines, each as it stands now, in the order in which they began."""
        return fold_updates(self.follow(Position())[0])

    def tail(self, most: int) -> list[Line]:
        """The last lines; reads no more of the files than that takes."""
        found: list[list[Line]] = []
        keys: set[tuple[str, int]] = set()
        for piece in reversed(self.pieces()):
            for lines in _backwards(self._read(piece, 0)):
                found.append(lines)
                keys.update((line.stream, line.number) for line in lines)
                if len(keys) >= most:
                    ordered = (line for lines in reversed(found) for line in lines)
                    return fold_updates(ordered)[-most:] if most > 0 else []
        return fold_updates(line for lines in reversed(found) for line in lines)

    def follow(self, position: Position) -> tuple[list[Line], Position]:
        """What is new since a position, and the position after it.

        A line that changed comes again, with the same stream and number; where the middle of a
        long console was given up, or bytes are damaged, a remark stands in its place.
        """
        found: list[Line] = []
        for piece in self.pieces():
            if piece < position.piece:
                continue
            if piece > position.piece:
                position = Position(piece, 0, position.printed)
            data = self._read(piece, position.offset)
            base, printed = position.offset, position.printed
            for start, end, frame in _frames(data):
                time = frame.lines[0].time if frame.lines else found[-1].time if found else 0
                if not frame.marks:
                    found.append(_remark(time, base + start, f"{end - start:,} bytes are damaged"))
                elif base + start == 0 and piece and 0 <= printed < frame.marks[0]:
                    gap = f"{frame.marks[0] - printed:,} bytes were dropped here"
                    found.append(_remark(time, piece, gap))
                found += frame.lines
                printed = frame.marks[-1] if frame.marks else printed
                position = Position(piece, base + end, printed)
        return found, position

    def pieces(self) -> list[int]:
        """Numbers of the files that are there; 0 is the first."""
        stem = self.path.name.removesuffix("zst")
        pattern = re.compile(re.escape(stem) + r"(\d+)\.zst")
        found = [int(m[1]) for p in self.path.parent.iterdir() if (m := pattern.fullmatch(p.name))]
        return ([0] if self.path.exists() else []) + sorted(found)

    def _read(self, piece: int, offset: int) -> bytes:
        try:
            with open(piece_path(self.path, piece), "rb") as file:
                file.seek(offset)
                return file.read()
        except FileNotFoundError:  # given up since we looked
            return b""


def piece_path(first: Path, number: int) -> Path:
    """File of a piece; 0 is the first file itself."""
    if number == 0:
        return first
    return first.with_name(f"{first.name.removesuffix('zst')}{number}.zst")


def fold_updates(updates: Iterable[Line]) -> list[Line]:
    """The last state of each line, in the order in which the lines began."""
    found: dict[tuple[str, int], Line] = {}
    for line in updates:
        found[line.stream, line.number] = line
    return list(found.values())


def _remark(time: int, number: int, text: str) -> Line:
    # Remarks of the reader count downwards, so that they replace none of the writer's.
    return Line(time, "n", -1 - number, f"notabene: {text}")


def _frames(data: bytes) -> Iterator[tuple[int, int, _Frame]]:
    """Start, end and content of each frame, and of each damaged stretch between two."""
    at = 0
    while at < len(data):
        end = _frame_end(data, at)
        frame = _NOTHING if end is None else _decode(data[at:end])
        if not frame.marks:
            # Damaged, if a whole frame follows or stood here; else not finished yet.
            end = next((s for s in _starts(data, at + 1) if _frame_end(data, s)), end)
        if end is None:
            return
        yield at, end, frame
        at = end


def frame_bounds(data: bytes) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each frame, by its headers alone, and whether it is whole; what is not is
    a damaged stretch before a whole one."""
    at = 0
    while at < len(data):
        end = _frame_end(data, at)
        whole = end is not None
        if end is None:
            end = next((s for s in _starts(data, at + 1) if _frame_end(data, s)), None)
        if end is None:
            return
        yield at, end, whole
        at = end


def _backwards(data: bytes) -> Iterator[list[Line]]:
    """Lines of each frame, from the last one on, decoding no more than is taken."""
    bounds, at = [], 0
    while (end := _frame_end(data, at)) is not None:
        bounds.append((at, end))
        at = end
    if any(_frame_end(data, start) for start in _starts(data, at + 1)):
        bounds = [(start, end) for start, end, _ in _frames(data)]
    for start, end in reversed(bounds):
        yield _decode(data[start:end]).lines


def _starts(data: bytes, at: int) -> Iterator[int]:
    while (at := data.find(_MAGIC, at)) >= 0:
        yield at
        at += 1


def _frame_end(data: bytes, at: int) -> int | None:
    """End of the frame at a place, by the headers of its blocks (RFC 8878); None if there is
    no whole frame."""
    if data[at : at + 4] != _MAGIC or at + 5 > len(data):
        return None
    head = data[at + 4]
    single, checksum = head >> 5 & 1, head >> 2 & 1
    size = (0, 2, 4, 8)[head >> 6] or single
    here = at + 5 + (1 - single) + (0, 1, 2, 4)[head & 3] + size
    last = False
    while not last:
        block = int.from_bytes(data[here : here + 3], "little")
        last = bool(block & 1)
        here += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
        if here > len(data):
            return None
    end = here + 4 * checksum
    return end if end <= len(data) else None


def _decode(data: bytes) -> _Frame:
    import zstandard

    lines: list[Line] = []
    marks: list[int] = []
    try:
        if zstandard.get_frame_parameters(data).content_size > _MAX_CONTENT:
            return _NOTHING
        text = zstandard.ZstdDecompressor().decompress(data).decode("utf-8", "replace")
        for record in text.split("\n")[:-1]:
            if record.startswith("= "):
                marks.append(int(record.split(" ")[1]))
            else:
                time, stream, number, rest = record.split(" ", 3)
                lines.append(Line(int(time), stream, int(number), rest))
    except (zstandard.ZstdError, ValueError, IndexError):
        return _NOTHING
    return _Frame(lines, marks)
