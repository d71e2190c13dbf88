"""The console of one writer on disk: folded lines in compressed frames, head and tail kept.

    <writer>.console.zst         the head, up to half of the limit
    <writer>.console.<N>.zst     the tail, in pieces numbered from 1; the oldest are removed

Each file is a sequence of Zstandard frames, each complete in itself: ``zstd -dc`` prints a
file, and a kill loses no more than the frame that was being written. A frame holds lines:

    <time> <stream> <number> <text>      a line of the console as it stands at that time
    = <bytes> <lines>                    how much the program had printed so far

``time`` is in microseconds since 1970-01-01 UTC. ``stream`` is ``o`` (stdout), ``e`` (stderr)
or ``n`` (a remark of notabene). ``number`` counts the lines of a stream from 0; a number that
comes again replaces the text before it: so a progress bar stands in one line. ``=`` is the
first line of every file and the last of every frame. Texts are UTF-8 and may hold colours
(``ESC [ … m``) and no other controls.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from notabene.capture.fold import Fold, Row
from notabene.capture.playback import Line, piece_path
from notabene.capture.secrets import HIDDEN, Redactor

DEFAULT_LIMIT = 64 << 20
PIECES = 8
"""In how many pieces the tail lies; so much of it is given up at a time."""

MAX_FRAME = 1 << 20
MAX_BACKLOG = 4 << 20
RECENT = 200
SHORTEST, LONGEST = 1_000_000, 5_000_000
"""How soon (µs) a line that keeps changing is written again, at first and later on."""

Stream = Literal["o", "e", "n"]


class Transcript:
    """Writes a console. Used by one thread at a time; never raises for what a disk does.

    Args:
        path: The first file, ``<writer>.console.zst``; None keeps the last lines in memory only.
        limit: Bytes that all files together may take.
        redactor: Hides secrets in what is kept.
        on_state: Called with stream, plain text, and whether the line is complete; see
            :class:`notabene.capture.fold.Fold`.

    Attributes:
        bytes: UTF-8 bytes that the program printed.
        dropped: Bytes of them that are not kept: the middle of a long console, what came too
            fast, what a full disk did not take.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        limit: int = DEFAULT_LIMIT,
        redactor: Redactor | None = None,
        on_state: Callable[[Stream, str, bool], None] | None = None,
    ) -> None:
        self.bytes = 0
        self.dropped = 0
        self._redactor = redactor or Redactor()
        self._in_key = False
        self._on_state = on_state
        self._folds: dict[Stream, Fold] = {}
        self._top: dict[Stream, int] = {}
        self._due: dict[tuple[Stream, int], tuple[int, int]] = {}
        self._recent: dict[tuple[str, int], Line] = {}
        self._remarks = 0
        self._files = _Files(path, limit) if path is not None else None

    @property
    def lines(self) -> int:
        """Lines printed so far, folded."""
        return sum(top + 1 for top in self._top.values())

    def feed(self, stream: Stream, text: str, time: int) -> None:
        """Take in what was printed to a stream at a time (µs)."""
        fold = self._folds.get(stream)
        if fold is None:
            call = self._on_state
            state = None if call is None else lambda text, whole: call(stream, text, whole)
            fold = self._folds[stream] = Fold(state)
        self.bytes += len(text.encode("utf-8", "replace"))
        fold.feed(text, time)

    def skip(self, stream: Stream, size: int, time: int) -> None:
        """Note that so many bytes were printed too fast to be kept."""
        self.bytes += size
        self.dropped += size
        if stream in self._folds:
            self._folds[stream].feed("\n", time)
        self._append([self._remark(time, f"{size:,} bytes came too fast and are not kept")])

    def flush(self, now: int, *, everything: bool = False) -> None:
        """Write what changed; lines that keep changing only when they are due.

        Args:
            now: Time in µs.
            everything: Write those as well.
        """
        found: list[Line] = []
        for stream, fold in self._folds.items():
            due = None if everything else self._due_test(stream, now)
            for row in fold.take(due):
                found.append(Line(row.time, stream, row.number, row.text()))
                self._top[stream] = max(self._top.get(stream, -1), row.number)
        if found:
            self._append(self._redacted(sorted(found)))
        elif self._files is not None:
            self.dropped += self._files.write([])
        if len(self._due) > 1000:
            self._due = {key: due for key, due in self._due.items() if due[0] > now}

    def end(self, now: int) -> None:
        """The program has ended: write all that is there, at a time in µs."""
        for fold in self._folds.values():
            fold.end()
        self.flush(now, everything=True)

    def last_lines(self, most: int) -> list[str]:
        """The last lines without colours: at most ``most``, and 200."""
        return [line.plain for line in list(self._recent.values())[-most:]] if most > 0 else []

    def _remark(self, time: int, text: str) -> Line:
        self._remarks += 1
        return Line(time, "n", self._remarks - 1, text)

    def _due_test(self, stream: Stream, now: int) -> Callable[[Row], bool]:
        def due(row: Row) -> bool:
            at, wait = self._due.get((stream, row.number), (0, SHORTEST // 2))
            if now < at:
                return False
            wait = min(2 * wait, LONGEST)
            self._due[stream, row.number] = (now + wait, wait)
            return True

        return due

    def _redacted(self, lines: list[Line]) -> list[Line]:
        if not self._in_key and not self._redactor.suspects("\n".join(x.text for x in lines)):
            return lines
        return [line._replace(text=self._redact(line.text)) for line in lines]

    def _redact(self, text: str) -> str:
        # A private key is many lines, each of which looks like nothing.
        if self._in_key:
            self._in_key = "-----END" not in text
            return HIDDEN
        if "-----BEGIN" in text and "PRIVATE KEY-----" in text and "-----END" not in text:
            self._in_key = True
        return self._redactor.text(text)

    def _append(self, lines: list[Line]) -> None:
        for line in lines:
            key = (line.stream, line.number)
            if key not in self._recent and len(self._recent) >= RECENT:
                del self._recent[next(iter(self._recent))]
            self._recent[key] = line
        if self._files is None:
            return
        bodies, size = [bytearray()], 0
        for line in lines:
            if size >= MAX_FRAME:
                bodies.append(bytearray())
                size = 0
            record = f"{line.time} {line.stream} {line.number} {line.text}\n"
            data = record.encode("utf-8", "backslashreplace")
            bodies[-1] += data
            size += len(data)
        self._files.mark = (self.bytes, self.lines)
        self.dropped += self._files.write(bodies)


class _Files:
    """The files of a transcript: append, rotate, keep head and tail, outlast a full disk."""

    def __init__(self, path: Path, limit: int) -> None:
        self.mark = (0, 0)
        self._path = path
        self._half = limit // 2
        self._piece = max(1, self._half // PIECES)
        self._number = 0
        self._size = 0
        self._tail: list[tuple[int, int, int]] = []  # number, size, bytes printed before it
        self._written = (0, 0)
        self._backlog: list[tuple[bytes, tuple[int, int]]] = []

    def write(self, bodies: list[bytearray]) -> int:
        """Append frames, also those that failed before; returns the printed bytes given up."""
        import zstandard

        compress = zstandard.ZstdCompressor(level=3, write_checksum=True).compress
        dropped = 0
        for body in bodies:
            self._backlog.append((compress(bytes(body) + _mark(self.mark)), self.mark))
        while self._backlog:
            frame, mark = self._backlog[0]
            dropped += self._rotate()
            head = b"" if self._size else compress(_mark(self._written))
            if not self._append(head + frame):
                break
            del self._backlog[0]
            self._size += len(head) + len(frame)
            self._written = mark
        while sum(len(frame) for frame, _ in self._backlog) > MAX_BACKLOG:
            _, mark = self._backlog.pop(0)
            dropped += max(0, mark[0] - self._written[0])
            self._written = mark
        return dropped

    def _rotate(self) -> int:
        """Begin the next piece when this one is full; give up the oldest of too many."""
        if self._size < (self._piece if self._number else self._half):
            return 0
        if self._number:
            self._tail[-1] = (self._number, self._size, self._tail[-1][2])
        self._number += 1
        self._size = 0
        self._tail.append((self._number, 0, self._written[0]))
        dropped = 0
        while len(self._tail) > 1 and sum(t[1] for t in self._tail) + self._piece > self._half:
            number, _, before = self._tail.pop(0)
            with contextlib.suppress(OSError):
                piece_path(self._path, number).unlink()
            dropped += self._tail[0][2] - before
        return dropped

    def _append(self, data: bytes) -> bool:
        try:
            with open(piece_path(self._path, self._number), "ab", buffering=0) as file:
                start = file.tell()
                if file.write(data) == len(data):
                    return True
                file.truncate(start)  # a full disk: no half frame before the next one
        except OSError:
            pass
        return False


def _mark(mark: tuple[int, int]) -> bytes:
    return f"= {mark[0]} {mark[1]}\n".encode()
