"""Pages of a console, and what is looked for in it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from notabene.api.consoles import chosen_readers, ranks_of
from notabene.capture.playback import ConsoleReader
from notabene.errors import UsageError
from notabene.journal.block import I64
from notabene.server.lines import STREAMS, LineIndex, LineIndexes, table_of

AT_ONCE = 5000
"""Lines that are read at once where all are wanted."""

SEARCHES = 32
"""Searches whose matches are kept."""

SECONDS = 5
"""CPU time that a pattern may take over a whole console; four times as long by the clock."""

_COLOURS = re.compile(rb"\x1b\[[0-9;:]*m")

# In a process of its own: a pattern that takes for ever would hold up everybody else here.
_SEARCHER = """
import re, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
pattern, _, text = sys.stdin.buffer.read().partition(b"\\n")
lines = text.split(b"\\n")[:-1]
if not pattern.isascii():
    pattern, lines = pattern.decode(), [line.decode("utf-8", "replace") for line in lines]
fits = re.compile(pattern, re.IGNORECASE).search
print(*(number for number, line in enumerate(lines) if fits(line)))
""".replace("SECONDS", str(SECONDS))


class ConsoleLine(msgspec.Struct, frozen=True):
    """A line.

    Attributes:
        n: Its place in the console, from 0.
        time: When it last changed, µs since 1970 UTC.
        stream: ``o`` (stdout), ``e`` (stderr) or ``n`` (a remark of notabene).
        text: With its colours (``ESC [ … m``).
    """

    n: int
    time: int
    stream: str
    text: str


class ConsolePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines of a console.

    Attributes:
        total: Lines of the chosen rank and stream.
        offset: How many lines, or matches, lie before the first one here.
        lines: Some of them, or of those that match.
        matches: How many lines match; 0 where nothing was looked for.
        ranks: Ranks that printed something.
        dropped: Bytes of the middle of a long console that were not kept.
    """

    total: int
    offset: int
    lines: list[ConsoleLine]
    matches: int
    ranks: list[int]
    dropped: int


class Question(NamedTuple):
    """Which lines.

    Attributes:
        offset: First line, or first match; negative counts from the end.
        limit: At most so many.
        rank: Of which rank; None for the lowest that printed.
        search: Only lines that hold this, in upper or lower case.
        regex: ``search`` is a pattern.
        stream: Only of this stream; empty for all.
        at: Begin at the first line of this time (µs) or later, instead of at ``offset``.
        after: Begin at the first line or match from this place in the console on.
    """

    offset: int
    limit: int
    rank: int | None = None
    search: str = ""
    regex: bool = False
    stream: str = ""
    at: int | None = None
    after: int | None = None


class Consoles:
    """Consoles of runs.

    Threads: any.
    """

    def __init__(self) -> None:
        self._indexes = LineIndexes()
        self._matches: OrderedDict[tuple[Path, int, str, bool], I64] = OrderedDict()

    def page(self, run_dir: Path, asked: Question) -> ConsolePage:
        """Some lines of a run's console.

        Raises:
            UsageError: The pattern is none, or takes too long.
        """
        readers = [reader for _, reader in sorted(chosen_readers(run_dir, asked.rank).items())]
        with self._indexes.lock:
            found = [self._indexes.of(reader) for reader in readers]
            order = _order(found)
            shown = _of_stream(found, order, asked.stream)
        total = len(shown)
        if asked.search:
            hits = [self._hits(index, asked) for index in found]
            shown = shown[np.isin(order[shown], _together(found, hits))]
        begin = _begin(found, order, shown, asked)
        with self._indexes.lock:
            lines = _lines(found, order, shown[begin : begin + asked.limit])
        return ConsolePage(
            total=total,
            offset=begin,
            lines=lines,
            matches=len(shown) if asked.search else 0,
            ranks=_ranks(run_dir),
            dropped=sum(one.dropped for one in found),
        )

    def text(self, run_dir: Path, asked: Question, *, plain: bool) -> Iterator[bytes]:
        """All lines as a text, some thousand at a time; ``plain`` leaves out the colours."""
        at = 0
        while lines := self.page(run_dir, asked._replace(offset=at, limit=AT_ONCE)).lines:
            text = "".join(f"{line.text}\n" for line in lines).encode("utf-8", "replace")
            yield _COLOURS.sub(b"", text) if plain else text
            at += len(lines)

    def _hits(self, index: LineIndex, asked: Question) -> I64:
        """Places of the lines of a process that match; kept, since paging asks again."""
        # What a frame holds never changes: how many there are names what was searched.
        key = (index.path, len(index.frames), asked.search, asked.regex)
        with self._indexes.lock:
            if key not in self._matches and not asked.regex:
                self._matches[key] = _by_text(index, asked.search)
            if key in self._matches:
                self._matches.move_to_end(key)
                return self._matches[key]
            texts, places = _texts(index)
        found = places[_searched(texts, asked.search)]
        with self._indexes.lock:
            self._matches[key] = found
            while len(self._matches) > SEARCHES:
                self._matches.popitem(last=False)
        return found


def _together(found: Sequence[LineIndex], hits: Sequence[I64]) -> I64:
    """Places of several processes, as indices one after the other."""
    bounds = np.cumsum([0, *map(len, found)])
    parts = [places + base for places, base in zip(hits, bounds.tolist(), strict=False)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


@lru_cache(maxsize=256)
def _known_ranks(run_dir: Path, files: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    del files  # names of journals: the ranks in them never change
    return tuple(ranks_of(run_dir).items())


def _ranks(run_dir: Path) -> list[int]:
    """Ranks that printed something."""
    readers = ConsoleReader.all(run_dir)
    files = tuple(sorted(path.name for path in run_dir.iterdir()))
    known = dict(_known_ranks(run_dir, files))
    return sorted({known.get(name, 0) for name in readers})


def _order(found: Sequence[LineIndex]) -> I64:
    """Lines of all processes, by time where there are several; as indices one after the other."""
    count = sum(map(len, found))
    if len(found) < 2:
        return np.arange(count)
    return np.argsort(np.concatenate([one.times for one in found]), kind="stable")


def _of_stream(found: Sequence[LineIndex], order: I64, stream: str) -> I64:
    """Places of the lines of a stream."""
    if not stream or not found:
        return np.arange(len(order))
    streams = np.concatenate([one.streams for one in found])[order]
    return np.flatnonzero(streams == STREAMS.index(stream.encode()))


def _begin(found: Sequence[LineIndex], order: I64, shown: I64, asked: Question) -> int:
    """Which of the shown lines is the first one of the page."""
    if asked.at is not None and len(shown):
        times = np.concatenate([one.times for one in found])[order[shown]]
        later = np.flatnonzero(times >= asked.at)
        return int(later[0]) if len(later) else len(shown)
    if asked.after is not None:
        return int(np.searchsorted(shown, asked.after))
    return asked.offset if asked.offset >= 0 else max(0, len(shown) + asked.offset)


def _lines(found: Sequence[LineIndex], order: I64, wanted: I64) -> list[ConsoleLine]:
    bounds = np.cumsum([0, *map(len, found)])
    indices = order[wanted]
    owner = np.searchsorted(bounds, indices, "right") - 1
    texts = {
        number: one.lines((indices[owner == number] - bounds[number]).tolist())
        for number, one in enumerate(found)
    }
    lines = []
    for place, at, of in zip(wanted.tolist(), indices.tolist(), owner.tolist(), strict=True):
        line = texts[of][at - int(bounds[of])]
        lines.append(ConsoleLine(place, line.time, line.stream, line.text))
    return lines


# -- looking for something -----------------------------------------------------------------


def _by_text(index: LineIndex, search: str) -> I64:
    """Places of the lines that hold a text."""
    needle = re.compile(re.escape(search.encode("utf-8", "replace")), re.IGNORECASE)
    if not search.isascii():
        needle = re.compile(_any_case(search), re.IGNORECASE)
    found = []
    for number, content in _plain(index):
        hits = np.fromiter((match.start() for match in needle.finditer(content)), np.int64)
        table = table_of(content)
        if not len(hits) or not len(table.ends):
            continue
        line = np.searchsorted(table.texts, hits, "right") - 1
        inside = (line >= 0) & (hits < table.ends[np.maximum(line, 0)])
        places = index.standing(number, table)[np.unique(line[inside])]
        found.append(places[places >= 0])
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _any_case(search: str) -> bytes:
    """A pattern of bytes for a text with letters beyond ASCII, in upper or lower case."""
    parts = []
    for letter in search:
        forms = {re.escape(form.encode("utf-8", "replace")) for form in
                 (letter, letter.lower(), letter.upper())}  # fmt: skip
        parts.append(b"(?:" + b"|".join(sorted(forms)) + b")")
    return b"".join(parts)


def _texts(index: LineIndex) -> tuple[bytes, I64]:
    """All lines as they stand, without colours, and their places."""
    texts, places = [], []
    for number, content in _plain(index):
        table = table_of(content)
        standing = index.standing(number, table)
        stands = standing >= 0
        bounds = zip(table.texts[stands].tolist(), table.ends[stands].tolist(), strict=True)
        texts += [content[begin:end] for begin, end in bounds]
        places.append(standing[stands])
    return b"\n".join([*texts, b""]), np.concatenate([*places, np.zeros(0, np.int64)])


def _searched(text: bytes, search: str) -> list[int]:
    """Numbers of the lines that fit a pattern, found by a process that can be ended.

    Raises:
        UsageError: The pattern is none, or takes too long.
    """
    try:
        re.compile(search)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"the pattern {search[:100]!r} is none: {error}") from error
    if "\n" in search:
        raise UsageError("a pattern is looked for within lines; it holds a line break")
    given = search.encode("utf-8", "replace") + b"\n" + text
    command = [sys.executable, "-I", "-S", "-c", _SEARCHER]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=4 * SECONDS, check=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise UsageError(
            f"the pattern {search[:100]!r} took over {SECONDS} s",
            hint="a simpler one, or a plain text, is found sooner",
        ) from None
    return [int(number) for number in done.stdout.split()]


def _plain(index: LineIndex) -> Iterator[tuple[int, bytes]]:
    """Number and text of each frame, without colours."""
    for number, frame in enumerate(index.frames):
        content = index.content(frame)
        yield number, _COLOURS.sub(b"", content) if b"\x1b" in content else content
