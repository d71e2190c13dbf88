"""Reading a console back: all of it, its end, or what is new; see
:mod:`notabene.capture.transcript` for the format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from notabene.capture.fold import plain

SUFFIX = ".console.zst"
_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_CONTENT = 64 << 20
_PIECE = re.compile(r"\.console\.(\d+)\.zst\Z")


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
    """How far a reader is: the number of the file, and the byte in it."""

    piece: int = 0
    offset: int = 0


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
        for piece in reversed(self._pieces()):
            data = self._read(piece, 0)
            ends = [0, *(end for end, _ in _frames(data))]
            for start, end in reversed(list(zip(ends, ends[1:], strict=False))):
                updates = _decode(data[start:end])[0]
                found.append(updates)
                keys.update((x.stream, x.number) for x in updates)
                if len(keys) > most:
                    break
            if len(keys) > most:
                break
        ordered = [line for updates in reversed(found) for line in updates]
        return fold_updates(ordered)[-most:] if most > 0 else []

    def follow(self, position: Position) -> tuple[list[Line], Position]:
        """What is new since a position, and the position after it.

        A line that changed comes again, with the same stream and number; where pieces in
        between were given up, or bytes are damaged, a remark stands in their place.
        """
        found: list[Line] = []
        pieces = self._pieces()
        last: int | None = None
        for piece in pieces:
            if piece < position.piece:
                continue
            offset = position.offset if piece == position.piece else 0
            lines, offset, last = self._follow_one(piece, offset, last)
            found += lines
            position = Position(piece, offset)
        return found, position

    def _follow_one(
        self, piece: int, offset: int, last: int | None
    ) -> tuple[list[Line], int, int | None]:
        data = self._read(piece, offset)
        found: list[Line] = []
        size = 0
        for end, damaged in _frames(data):
            if damaged:
                found.append(_remark(found, piece, offset + size, f"{damaged:,} damaged bytes"))
            lines, marks = _decode(data[end - (end - size - damaged) : end])
            if marks and last is not None and marks[0] > last and not offset and not size:
                gap = f"{marks[0] - last:,} bytes were dropped here"
                found.append(_remark(lines, piece, 0, gap))
            if marks:
                last = marks[-1]
            found += lines
            size = end
        return found, offset + size, last
