"""Bring home what a dead writer's ring held beyond its journal.

The owner of a ring holds ``flock`` on its mark for life, so whoever gets that lock knows that
the owner is dead. What the journal does not hold is written to ``<writer>.recovered`` beside it
(synced, then linked into place exclusively), with a word on how the writer ended; then the ring
is removed. Where nothing may be written, the same batches are made in memory only. The outcome
is the same whoever does it and however often it is begun anew.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from notabene._ids import new_id
from notabene.errors import FormatError
from notabene.journal.chain import DATA_AT, META_AT, RING, Lost, decode_meta, lock
from notabene.journal.drain import Drained, Encoder, first_seq, take
from notabene.journal.file import fresh_header, sync_folder
from notabene.journal.folder import JOURNAL, RECOVERED, StoreFolder
from notabene.journal.mounts import is_local, private_folder
from notabene.journal.reader import Batch, JournalReader, Keysets, decode_frame
from notabene.journal.rows import HEAD, ROW_BYTES, read_slot, row_of
from notabene.journal.segment import (
    Frame,
    Header,
    decode_header,
    encode_frame,
    encode_header,
    encode_record_section,
    frames,
    read_header,
)
from notabene.model.records import (
    GapNoted,
    StatusSeen,
    WriterFinished,
    encode_record,
)

DRAFT = ".draft"


class Orphan(msgspec.Struct):
    """A ring whose owner is dead; its mark is locked by us.

    Attributes:
        writer: Id of the writer.
        run: Its run.
        journal: The journal that the ring was made for, as the owner knew its path.
        mark: Path of the mark.
        fd: Its descriptor; -1 once released.
        paths: Its segments.
        data: Their bytes, oldest first, as far as slots were written.
        lost: Rows that found no room.
        seen: When a slot was written last, as the file system knows, µs.
    """

    writer: str
    run: str
    journal: Path
    mark: Path
    fd: int
    paths: list[Path]
    data: list[bytes]
    lost: Lost
    seen: int

    def release(self) -> None:
        """Let go of the lock."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def belongs_to(self, run_dir: Path) -> bool:
        """Whether it is this folder's own, not that of a run which the folder is a copy of."""
        if self.mark.parent.samefile(run_dir) or not self.journal.exists():
            return True
        return self.journal.parent.samefile(run_dir)

    def remove(self) -> None:
        """Remove the ring's files, the mark last: as long as it is there, somebody will look."""
        for path in (*self.paths, self.mark):
            path.unlink(missing_ok=True)


def open_orphan(folder: Path, writer: str) -> Orphan | None:
    """The ring of a writer in a folder, if it exists and its owner is dead."""
    mark = folder / f"{writer}{RING}"
    try:
        fd = os.open(mark, os.O_RDONLY)
    except OSError:
        return None
    try:
        lock(fd)
        data = os.pread(fd, 1 << 20, 0)
        # Empty: its owner is about to lock it. Another file by now: somebody was faster.
        if len(data) <= META_AT or not os.path.samestat(os.fstat(fd), os.stat(mark)):
            os.close(fd)
            return None
        meta = decode_meta(data[META_AT:])
        copied = os.fstat(fd).st_ino != meta.inode
        segments = _segments(writer, [folder] if copied else [folder, *map(Path, meta.places)])
    except (OSError, FormatError, msgspec.DecodeError):
        os.close(fd)
        return None
    return Orphan(
        writer,
        meta.run,
        Path(meta.journal),
        mark,
        fd,
        [path for path, _, _ in segments],
        [found for _, found, _ in segments if first_seq(found, DATA_AT)],
        Lost.decode(data),
        max((seen for _, _, seen in segments), default=0),
    )


def _segments(writer: str, places: list[Path]) -> list[tuple[Path, bytes, int]]:
    """``(path, bytes, time of the last change)`` of all segments, in the order of their slots."""
    found: dict[Path, tuple[Path, bytes, int]] = {}
    prefix = f"{writer}{RING}."
    for place in places:
        with contextlib.suppress(FileNotFoundError):
            for path in place.iterdir():
                if path.name.startswith(prefix) and path.name[len(prefix) :].isdecimal():
                    found[path.resolve()] = _segment(path)
    return sorted(found.values(), key=lambda item: first_seq(item[1], DATA_AT))


def _segment(path: Path) -> tuple[Path, bytes, int]:
    # Its name says whose it is: slots are taken even if power failure took the head.
    with open(path, "rb") as file:
        data = file.read().rstrip(b"\0")
        changed = os.fstat(file.fileno()).st_mtime_ns // 1000
    # A sequence number may end in bytes of zero.
    return path, data.ljust(len(data) + 7 & ~7, b"\0"), changed


def is_orphan(folder: Path, writer: str) -> bool:
    """Whether a ring lies there whose owner is dead, without taking it."""
    orphan = open_orphan(folder, writer)
    if orphan is None:
        return False
    orphan.release()
    return True


class _Held(msgspec.Struct):
    """What the journals of a writer hold already."""

    header: Header
    upto: int = 0
    keysets: dict[int, tuple[str, ...]] = {}
    finished: bool = False
    last_time: int = 0


def journals_of(run_dir: Path, writer: str) -> list[Path]:
    """The journal files of one writer in a folder."""
    found = []
    for path in sorted(run_dir.glob(f"*{JOURNAL}")):
        with contextlib.suppress(OSError, EOFError, FormatError):
            if path.name.startswith(writer) and read_header(path)[0].writers == (writer,):
                found.append(path)
    return found


def _held(run_dir: Path, orphan: Orphan) -> _Held:
    """Read a writer's journal files as far as they can be read."""
    writer = orphan.writer
    held = _Held(Header(file_id=b"", kind="run", writers=(writer,), run=orphan.run))
    known = False
    keysets: Keysets = {}
    ranges: list[tuple[int, int]] = []
    for path in journals_of(run_dir, writer):
        reader = JournalReader(path, keysets=keysets)
        with contextlib.suppress(OSError, FormatError):
            while batches := reader.read():
                for batch in batches:
                    ranges.append((batch.first, batch.last))
                    held.last_time = max([held.last_time, *(e.time for e in batch.entries)])
                    held.finished |= any(
                        isinstance(e.record, WriterFinished) for e in batch.entries
                    )
        if reader.header is not None and not known:
            held.header, known = reader.header, True
    for first, last in sorted(ranges):
        if first <= held.upto + 1:
            held.upto = max(held.upto, last)
    held.keysets = keysets.get(writer, {})
    return held


def _pieces(orphan: Orphan, upto: int) -> Iterator[Drained]:
    """Slots of the ring beyond ``upto``, in order."""
    reached = 0
    for data in orphan.data:
        view = memoryview(data)
        at, first = DATA_AT, max(reached + 1, first_seq(view, DATA_AT))
        while True:
            got = take(view, at, first, holes=True)
            if got.last < got.first:
                break
            at, first = got.end, got.last + 1
            reached = got.last
            kept = _beyond(got, upto)
            if kept is not None:
                yield kept


def _beyond(got: Drained, upto: int) -> Drained | None:
    """The part of drained slots whose sequence is above ``upto``."""
    if got.last <= upto:
        return None
    if got.first > upto:
        return got
    got.records = [r for r in got.records if r[0] > upto]
    for kind, runs in list(got.rows.items()):
        width = ROW_BYTES + 8 * (kind >> 32)
        rows = b"".join(runs)
        keep = [
            rows[at : at + width]
            for at in range(0, len(rows), width)
            if HEAD.unpack_from(rows, at)[0] > upto
        ]
        got.rows[kind] = keep
        if not keep:
            del got.rows[kind]
    got.first = upto + 1
    return got


def recovered_bytes(orphan: Orphan, run_dir: Path) -> bytes:
    """The content of the ``.recovered`` file."""
    held = _held(run_dir, orphan)
    rank = held.header.ranks[0]
    header = fresh_header(
        msgspec.structs.replace(
            held.header,
            kind="recovered",
            # The second writer is us. It has one name, so that telling it twice changes nothing.
            writers=(orphan.writer, f"{orphan.writer}-end"),
            ranks=(rank, rank),
            ring="",
        )
    )
    out = [encode_header(header)]
    encoder = Encoder(counting=False)
    for keyset, keys in held.keysets.items():
        encoder.know(keyset, keys)
    pieces = list(_pieces(orphan, held.upto))
    bodies = [(got, encoder.body(got)) for got in pieces]
    out += _names_frames(header, encoder, pieces)
    out += [encode_frame(header.seed, got.first, got.last, body) for got, body in bodies]
    out.append(_ending_frame(header, orphan, held, pieces))
    return b"".join(out)


def _names_frames(header: Header, encoder: Encoder, pieces: list[Drained]) -> list[bytes]:
    """Names of the key sets, so that the file can be read without the journal."""
    for kind in sorted({kind for got in pieces for kind in got.rows}):
        keyset, count = kind & 0xFFFFFFFF, kind >> 32
        if not encoder.knows(keyset):
            # The journal that named them is gone. Numbers without a name are better than none.
            encoder.know(keyset, tuple(f"unnamed/{keyset}.{i}" for i in range(count)))
    return [encode_frame(header.seed, 1, 0, body) for body in encoder.names()]


def _ending_frame(header: Header, orphan: Orphan, held: _Held, pieces: list[Drained]) -> bytes:
    """What the dead writer could not say any more: how it ended, and what it lost."""
    times = [time for got in pieces for _, time, _ in got.records]
    times += [_last_time(runs[-1], kind) for got in pieces for kind, runs in got.rows.items()]
    # Its time is that of the death as far as it is known, not that of its discovery.
    at = max([held.last_time, orphan.seen, *times]) + 1
    records = [payload for got in pieces for _, _, payload in got.records]
    said = []
    if not held.finished and not any(b"writer-finished" in payload for payload in records):
        reason = "the process ended without a word"
        said.append(encode_record(StatusSeen(writer=orphan.writer, status="killed", reason=reason)))
    lost = orphan.lost
    if lost.rows:
        said.append(
            encode_record(
                GapNoted(
                    reason=lost.reason or "the ring was full",
                    rows=lost.rows,
                    points=lost.points,
                    first=lost.first,
                    last=lost.last,
                )
            )
        )
    body = b"".join(
        encode_record_section(seq, at, payload) for seq, payload in enumerate(said, start=1)
    )
    return encode_frame(header.seed, 1, len(said), body, writer=1) if said else b""


def _last_time(rows: bytes, kind: int) -> int:
    view = memoryview(rows)
    slot = read_slot(view, len(rows) - ROW_BYTES - 8 * (kind >> 32))
    return 0 if slot is None else row_of(view, slot)[1]


def recover(orphan: Orphan, run_dir: Path) -> Path | None:
    """Write the recovered file and remove the ring; returns the file, or None if not allowed.

    Safe at any moment of being killed: the file appears wholly or not at all, and the ring
    goes only after it is on the disk. Several processes may try; the lock lets one in.
    """
    target = run_dir / f"{orphan.writer}{RECOVERED}"
    try:
        for left in run_dir.glob(f".{target.name}-*{DRAFT}"):  # by one who was killed at this
            left.unlink(missing_ok=True)
        if not target.exists():
            write_whole(recovered_bytes(orphan, run_dir), target)
        if orphan.belongs_to(run_dir):
            orphan.remove()
    except OSError:
        return None
    finally:
        orphan.release()
    return target


def write_whole(data: bytes, target: Path) -> None:
    """Make a file that appears wholly or not at all, and is on the disk when it does.

    Nothing happens where a file of that name exists.
    """
    draft = target.parent / f".{target.name}-{new_id()}{DRAFT}"
    try:
        with open(draft, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, target)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            draft.rename(target)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    sync_folder(target.parent)


def project(orphan: Orphan, run_dir: Path) -> list[Batch]:
    """The same batches in memory, for stores that may only be read; keeps the ring."""
    data = recovered_bytes(orphan, run_dir)
    orphan.release()
    header, start = decode_header(data)
    keysets: Keysets = {}
    return [
        decode_frame(frame, header.run, header.ranks[0], keysets, "")
        for frame in frames(memoryview(data), header, start)
        if isinstance(frame, Frame)
    ]


def ring_folder(journal: Path) -> Path | None:
    """Where the mark of a journal's ring lies, if a lock on it would say anything here.

    Locks reach as far as the kernel: a ring on a local disk is this machine's, even if the
    host had another name then (a container has one each time).
    """
    try:
        header, _ = read_header(journal)
    except FileNotFoundError:
        return journal.parent if is_local(journal.parent) else None
    except (OSError, EOFError, FormatError):
        return None
    place = journal.parent / header.ring
    return place if header.ring and is_local(place) else None


def sweep(folder: StoreFolder) -> list[Path]:
    """Bring home what writers of this store left behind on this machine.

    Returns:
        The files written.
    """
    done = bring_home(folder)
    folder.clear_ended()
    for run_id, writers in folder.live_runs().items():
        run_dir = folder.find_run_dir(run_id, trash=True)
        if run_dir is None:
            continue
        for writer in writers:
            place = ring_folder(run_dir / f"{writer}{JOURNAL}")
            orphan = None if place is None else open_orphan(place, writer)
            if orphan is None:
                continue
            written = recover(orphan, run_dir)
            if written is not None:
                done.append(written)
                folder.unmark_live(run_id, writer, tell=True)
    return done


def bring_home(folder: StoreFolder) -> list[Path]:
    """Move journals into their runs' folders that had to go on in ``$TMPDIR``.

    Those of writers at work are left where they are.

    Returns:
        The files written.
    """
    private = private_folder()
    done: list[Path] = []
    if private is None:
        return done
    for away in private.iterdir():
        run_dir = folder.find_run_dir(away.name, trash=True)
        if run_dir is None or not away.is_dir():
            continue
        for path in sorted(away.glob(f"*{JOURNAL}")):
            target = run_dir / path.name
            with contextlib.suppress(OSError, EOFError, FormatError):
                if _at_work(path, run_dir):
                    continue
                data = path.read_bytes()
                write_whole(data, target)
                if target.read_bytes() == data:
                    path.unlink()
                    done.append(target)
        with contextlib.suppress(OSError):
            away.rmdir()
    return done


def _at_work(journal: Path, run_dir: Path) -> bool:
    """Whether the writer of a journal that went on elsewhere holds the mark of its ring."""
    header, _ = read_header(journal)
    if not header.ring:
        return False
    try:
        fd = os.open(run_dir / header.ring / f"{header.writers[0]}{RING}", os.O_RDONLY)
    except OSError:
        return False
    try:
        lock(fd)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
