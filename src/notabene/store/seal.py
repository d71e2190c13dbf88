"""Sealing: the journals of a run that has ended, as one compacted file.

    sealed = a journal of kind "sealed": frames of all writers of the run; its header lists for
             each writer the ranges of sequences that stand here (``replaces``)

A frame is a window of one writer's sequences: its records, and per key set one block of at most
65,536 rows with its pyramid behind it. Rows that lay raw are encoded. Nothing is left out but
summaries, heartbeats and console positions that a later one of the same writer overrides.

Safe at any moment of being killed: the new file is written aside, synced, and renamed into
place; only then do the files that it replaces go to ``trash/sealed/<run>``, where they stay for
a week for readers that still hold places in them. Whatever is left half done, the next try
finishes; sequences that stand in two files count once. Needs no database.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from notabene._ids import new_id, now_us
from notabene._version import __version__
from notabene.errors import FormatError
from notabene.journal.block import encode_block
from notabene.journal.file import sync_folder
from notabene.journal.folder import JOURNAL, RECOVERED, SEALED, StoreFolder
from notabene.journal.reader import Batch, Keysets, decode_frame
from notabene.journal.segment import (
    Damage,
    Frame,
    Header,
    Section,
    decode_header,
    encode_frame,
    encode_header,
    encode_record_section,
    encode_section,
    frames,
)
from notabene.model.records import (
    ConsoleNoted,
    Entry,
    Heartbeat,
    KeysDefined,
    Summarised,
    encode_record,
)
from notabene.store import pyramid
from notabene.store.files import trash_of
from notabene.store.pieces import Rows, concat, decode, from_points
from notabene.store.spans import Span, cover, inside

ROWS = 65_536
"""Rows of one key set in a frame."""
VALUES = 1 << 21
"""Values in a frame; encoded they stay below what a frame may hold."""
KEEP_REPLACED = 7 * 86_400
"""Seconds for which replaced files stay in the trash."""
STALE = 600
"""Seconds after which a mark of somebody who seals is one that was left behind."""
DRAFT = ".draft"
MARK = ".sealing"


class Sealed(msgspec.Struct, frozen=True):
    """What sealing a run did.

    Attributes:
        run: Id of the run.
        points: Points in the sealed file.
        before: Bytes of the files it replaces.
        after: Bytes of the sealed file.
    """

    run: str
    points: int
    before: int
    after: int


class NotSealedError(FormatError):
    """A run's files are damaged, or were changed meanwhile: they stay as they are."""


def seal_run(
    folder: StoreFolder,
    run_dir: Path,
    run: str,
    *,
    deadline: float | None = None,
    written: Callable[[], None] = lambda: None,
) -> Sealed | None:
    """Make one file of a run that has ended.

    Args:
        folder: The store.
        run_dir: The run's folder.
        run: Id of the run.
        deadline: Monotonic time at which to give up, leaving all as it is.
        written: Called when all is encoded, and only the disk has to confirm it.

    Returns:
        What was done, or None where there is nothing to do, somebody else is at it, a writer is
        at work, or the time is up.

    Raises:
        NotSealedError: A file of the run is damaged.
        OSError: The disk refuses.
    """
    paths = _sources(run_dir)
    if not paths or [path.name for path in paths] == [SEALED] or run in folder.live_runs():
        return None
    with _alone(run_dir) as mine:
        if not mine:
            return None
        _clear_drafts(run_dir)
        sources = [_Source(path) for path in paths]
        draft = run_dir / f".{SEALED}-{new_id()}{DRAFT}"
        try:
            points = _write(draft, run, sources, deadline)
            written()
            if points is None:
                return None
            _confirm(draft)
            if not all(source.unchanged() for source in sources):
                return None
            return _put_in_place(folder, run_dir, run, draft, sources, points)
        finally:
            draft.unlink(missing_ok=True)


def _sources(run_dir: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(run_dir))
    except FileNotFoundError:
        return []
    return [
        run_dir / name
        for name in names
        if not name.startswith(".") and (name.endswith((JOURNAL, RECOVERED)) or name == SEALED)
    ]


@contextlib.contextmanager
def _alone(run_dir: Path) -> Iterator[bool]:
    """Keep two processes from sealing one run at once; a matter of thrift, not of safety."""
    mark = run_dir / MARK
    try:
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            if now_us() / 1e6 - mark.stat().st_mtime < STALE:
                yield False
                return
            os.utime(mark)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        mark.unlink(missing_ok=True)


def _clear_drafts(run_dir: Path) -> None:
    """Remove what was left by those who were killed at it; never fails."""
    for draft in run_dir.glob(f".{SEALED}-*{DRAFT}"):
        with contextlib.suppress(OSError):
            if now_us() / 1e6 - draft.stat().st_mtime > STALE:
                draft.unlink()


class _Source:
    """A file to be sealed, mapped into memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            self.size = os.fstat(file.fileno()).st_size
            data = (
                mmap.mmap(file.fileno(), self.size, access=mmap.ACCESS_READ) if self.size else b""
            )
        self._view = memoryview(data)
        try:
            self.header, self._start = decode_header(self._view)
        except EOFError:
            raise NotSealedError(f"{path.name} has no complete header") from None

    def frames(self) -> Iterator[Frame]:
        """All frames; a torn end is where a writer died."""
        for item in frames(self._view, self.header, self._start):
            if isinstance(item, Damage):
                if not item.torn:
                    raise NotSealedError(
                        f"{self.path.name} is damaged at byte {item.offset:,}: {item.reason}",
                        hint="notabene journal repair",
                    )
                return
            yield item

    def unchanged(self) -> bool:
        """Whether the file is still what was read."""
        try:
            return self.path.stat().st_size == self.size
        except OSError:
            return False


# -- what is written -----------------------------------------------------------------------


class _Writer(msgspec.Struct):
    """What is known of one writer before anything is written."""

    rank: int
    frames: list[tuple[int, int, _Source, Frame]] = []
    covered: list[list[int]] = []
    newest: dict[tuple[str, str], int] = {}
    """For what is overridden by later ones: the sequence of the last one."""
    named: set[int] = set()
    """Key sets that a record of the writer's own defines."""
    lent: dict[int, Entry] = {}
    """Key sets that were only defined again, by who recovered the writer's rows."""


def _write(draft: Path, run: str, sources: Sequence[_Source], deadline: float | None) -> int | None:
    """Write the draft; gives the number of points, or None where the time was up."""
    writers = _survey(run, sources)
    order = sorted(writers)
    header = Header(
        file_id=os.urandom(16),
        kind="sealed",
        writers=tuple(order),
        ranks=tuple(writers[writer].rank for writer in order),
        run=run,
        wall=now_us(),
        replaces=tuple(
            (writer, tuple((a, b) for a, b in writers[writer].covered)) for writer in order
        ),
        version=__version__,
    )
    points = 0
    with open(draft, "xb") as file:
        file.write(encode_header(header))
        for index, writer in enumerate(order):
            lent = _lent(writers[writer])
            if lent:
                file.write(encode_frame(header.seed, 1, 0, lent, index))
            for window in _windows(run, writers[writer]):
                if deadline is not None and time.monotonic() > deadline:
                    return None
                body = window.body(writers[writer].newest)
                file.write(encode_frame(header.seed, window.first, window.last, body, index))
                points += window.values
    return points


def _survey(run: str, sources: Sequence[_Source]) -> dict[str, _Writer]:
    """All frames by writer, and what each covers."""
    writers: dict[str, _Writer] = {}
    for source in sources:
        ranks = dict(zip(source.header.writers, source.header.ranks, strict=False))
        for frame in source.frames():
            writer = writers.setdefault(frame.writer, _Writer(ranks.get(frame.writer, 0)))
            writer.frames.append((frame.first, frame.last, source, frame))
            if frame.last >= frame.first:
                cover(writer.covered, frame.first, frame.last)
            for entry in _records(run, frame):
                if isinstance(entry.record, KeysDefined):
                    if frame.last >= frame.first:
                        writer.named.add(entry.record.id)
                    else:
                        writer.lent[entry.record.id] = entry
                for kind in _overridden_by(entry):
                    writer.newest[kind] = max(writer.newest.get(kind, 0), entry.seq)
    for writer in writers.values():
        writer.frames.sort(key=lambda item: (item[0], item[1]))
    return writers


def _lent(writer: _Writer) -> bytes:
    """Definitions of key sets that stand in no record of the writer's own."""
    return b"".join(
        encode_record_section(entry.seq, entry.time, encode_record(entry.record))
        for keyset, entry in sorted(writer.lent.items())
        if keyset not in writer.named
    )


def _records(run: str, frame: Frame) -> Sequence[Entry]:
    plain = tuple(s for s in frame.sections if s[0] == Section.RECORD)
    return decode_frame(msgspec.structs.replace(frame, sections=plain), run, 0, {}, "").entries


def _overridden_by(entry: Entry) -> list[tuple[str, str]]:
    """What a record says that the next of its kind says anew."""
    record = entry.record
    if isinstance(record, Summarised):
        return [("summary", key) for key in record.keys]
    if isinstance(record, Heartbeat):
        return [("heartbeat", "")]
    return [("console", "")] if isinstance(record, ConsoleNoted) else []


class _Window:
    """What goes into one frame."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.last = first - 1
        self.values = 0
        self._entries: list[Entry] = []
        self._rows: dict[int, list[Rows]] = {}

    def fits(self, rows: dict[int, list[Rows]]) -> bool:
        """Whether more rows still fit."""
        more = sum(part.values.size for parts in rows.values() for part in parts)
        if self.values and self.values + more > VALUES:
            return False
        return all(
            _count(self._rows.get(keyset, [])) + _count(parts) <= ROWS or keyset not in self._rows
            for keyset, parts in rows.items()
        )

    def add(self, last: int, entries: Sequence[Entry], rows: dict[int, list[Rows]]) -> None:
        """Take in the records and rows up to a sequence."""
        self.last = last
        self._entries += entries
        for keyset, parts in rows.items():
            self._rows.setdefault(keyset, []).extend(parts)
            self.values += sum(part.values.size for part in parts)

    def body(self, newest: dict[tuple[str, str], int]) -> bytes:
        """The frame's body."""
        sections = [
            encode_record_section(e.seq, e.time, encode_record(e.record))
            for e in self._entries
            if not (said := _overridden_by(e)) or any(newest[kind] == e.seq for kind in said)
        ]
        for keyset, parts in sorted(self._rows.items()):
            rows = concat(parts)
            block = encode_block(keyset, rows.steps, rows.times, rows.seqs, rows.values)
            sections.append(encode_section(Section.BLOCK, keyset.to_bytes(4, "little") + block))
            statistics = pyramid.encode(rows)
            if statistics:
                sections.append(encode_section(Section.PYRAMID, statistics))
        return b"".join(sections)


def _count(parts: Sequence[Rows]) -> int:
    return sum(len(part.seqs) for part in parts)


def _windows(run: str, writer: _Writer) -> Iterator[_Window]:
    """A writer's frames, joined until a window is full; what came twice is left out."""
    keysets: Keysets = {}
    covered: list[list[int]] = []
    window: _Window | None = None
    for first, last, source, frame in writer.frames:
        batch = decode_frame(frame, run, writer.rank, keysets, source.path.name)
        spans = cover(covered, first, last) if last >= first else []
        for span in spans:
            entries, rows = _part(batch, span)
            if window is not None and (span[0] != window.last + 1 or not window.fits(rows)):
                yield window
                window = None
            window = window or _Window(span[0])
            window.add(span[1], entries, rows)
    if window is not None:
        yield window


def _part(batch: Batch, span: Span) -> tuple[list[Entry], dict[int, list[Rows]]]:
    entries = [entry for entry in batch.entries if inside([span], entry.seq)]
    rows: dict[int, list[Rows]] = {}
    for part, points in enumerate(batch.points):
        for piece in from_points(points, 0, [span], part):
            rows.setdefault(piece.keyset, []).append(decode(piece, piece.data or b""))
    return entries, rows


def _confirm(draft: Path) -> None:
    """Have the disk confirm the draft; takes as long as the disk pleases."""
    fd = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# -- where it goes -------------------------------------------------------------------------


def _put_in_place(
    folder: StoreFolder,
    run_dir: Path,
    run: str,
    draft: Path,
    sources: Sequence[_Source],
    points: int,
) -> Sealed:
    """Rename the draft into place, then move away what it replaces."""
    trash = trash_of(folder, run)
    trash.mkdir(parents=True, exist_ok=True)
    target = run_dir / SEALED
    before = sum(source.size for source in sources)
    for source in sources:
        if source.path == target:
            _keep_copy(target, trash / f"{SEALED}-{source.header.file_id.hex()}")
    after = draft.stat().st_size
    os.replace(draft, target)
    sync_folder(run_dir)
    for source in sources:
        if source.path != target and source.unchanged():
            away = trash / source.path.name
            source.path.replace(away)
            os.utime(away)  # the week counts from here
    sync_folder(run_dir)
    return Sealed(run, points, before, after)


def _keep_copy(path: Path, copy: Path) -> None:
    """A second name for a file, or a copy where a file has only one."""
    import shutil

    try:
        os.link(path, copy)
    except FileExistsError:
        return
    except OSError:
        shutil.copyfile(path, copy)
    os.utime(copy)


def empty_trash(folder: StoreFolder, *, age: float = KEEP_REPLACED) -> int:
    """Remove replaced files that are older than a week; gives how many.

    Args:
        folder: The store.
        age: Seconds.
    """
    limit, removed = now_us() / 1e6 - age, 0
    with contextlib.suppress(OSError):
        for run in os.scandir(folder.trash / SEALED):
            left = 0
            for entry in os.scandir(run.path):
                if entry.stat().st_mtime < limit:
                    os.unlink(entry.path)
                    removed += 1
                else:
                    left += 1
            if not left:
                os.rmdir(run.path)
    return removed
