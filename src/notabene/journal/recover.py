"""Bring home what a dead writer's ring held beyond its journal.

The owner of a ring holds ``flock`` on every segment for life, so whoever gets these locks
knows that the owner is dead. What the journal does not hold is written to
``<writer>.recovered`` beside it (synced, then linked into place exclusively), with a word on
how the writer ended; then the ring is removed. Where nothing may be written, the same batches
are made in memory only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from notabene._ids import host_name, new_id, now_us
from notabene.errors import FormatError
from notabene.journal.drain import Drained, Encoder, take
from notabene.journal.file import fresh_header
from notabene.journal.folder import JOURNAL, RECOVERED, StoreFolder
from notabene.journal.reader import Batch, JournalReader, Keysets, decode_frame
from notabene.journal.ring import DATA_AT, decode_meta
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
    KeysDefined,
    StatusSeen,
    WriterFinished,
    WriterStarted,
    encode_record,
)


class Orphan(msgspec.Struct):
    """A ring whose owner is dead: its segment files, locked by us, in order."""

    writer: str
    run: str
    journal: Path
    paths: list[Path]
    fds: list[int]
    data: list[bytes]

    def release(self) -> None:
        """Let go of the locks."""
        for fd in self.fds:
            os.close(fd)
        self.fds = []


def open_orphan(folder: Path, writer: str) -> Orphan | None:
    """The ring of a writer in a folder, if it exists and its owner is dead."""
    paths = sorted(
        folder.glob(f"{writer}.ring.*"), key=lambda p: int(p.suffix[1:]) if p.suffix[1:] else 0
    )
    found: list[tuple[int, int, bytes, Path]] = []
    fds: list[int] = []
    for path in paths:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        except OSError:
            break
        fds.append(fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            data = os.pread(fd, os.fstat(fd).st_size, 0)
        except OSError:
            break
        with contextlib.suppress(FormatError, msgspec.DecodeError):
            meta = decode_meta(data)
            found.append((meta.base, meta.index, data, path))
    else:
        if found:
            found.sort(key=lambda item: (item[0], item[1]))
            meta = decode_meta(found[0][2])
            return Orphan(
                writer,
                meta.run,
                Path(meta.journal),
                [item[3] for item in found],
                fds,
                [item[2] for item in found],
            )
    for fd in fds:
        os.close(fd)
    return None


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
    upto: int
    keysets: Keysets
    started: bool
    finished: bool


def _held(run_dir: Path, writer: str) -> _Held | None:
    """Read a writer's journal files; None where not even a header can be read."""
    held: _Held | None = None
    keysets: Keysets = {}
    ranges: list[tuple[int, int]] = []
    started = finished = False
    paths = [*run_dir.glob(f"{writer}{JOURNAL}"), *sorted(run_dir.glob(f"{writer}.*{JOURNAL}"))]
    for path in paths:
        reader = JournalReader(path, keysets=keysets)
        try:
            for batch in reader.all():
                ranges.append((batch.first, batch.last))
                for entry in batch.entries:
                    started = started or isinstance(entry.record, WriterStarted)
                    finished = finished or isinstance(entry.record, WriterFinished)
        except (OSError, FormatError):
            continue
        if reader.header is not None and held is None:
            held = _Held(reader.header, 0, keysets, False, False)
    if held is None:
        return None
    for first, last in sorted(ranges):
        if first <= held.upto + 1:
            held.upto = max(held.upto, last)
    held.started, held.finished = started, finished
    return held


def _pieces(orphan: Orphan, upto: int) -> Iterator[Drained]:
    """Slots of the ring beyond ``upto``, in order."""
    expected: int | None = None
    for data in orphan.data:
        view = memoryview(data)
        base = decode_meta(data).base
        if expected is not None and base > expected:
            expected = base
        at, first = DATA_AT, base if expected is None else expected
        while True:
            got = take(view, at, first, holes=True)
            if got.last < got.first:
                break
            at, first = got.end, got.last + 1
            kept = _beyond(got, upto)
            if kept is not None:
                yield kept
        expected = first


def _beyond(got: Drained, upto: int) -> Drained | None:
    """The part of drained slots whose sequence is above ``upto``."""
    if got.last <= upto:
        return None
    if got.first > upto:
        return got
    got.records = [r for r in got.records if r[0] > upto]
    for kind, runs in list(got.rows.items()):
        width = 40 + 8 * (kind >> 32)
        rows = b"".join(runs)
        keep = [
            rows[i : i + width]
            for i in range(0, len(rows), width)
            if int.from_bytes(rows[i : i + 8], "little") > upto
        ]
        got.rows[kind] = keep
        if not keep:
            del got.rows[kind]
    got.first = upto + 1
    return got


def recovered_bytes(orphan: Orphan, run_dir: Path) -> bytes | None:
    """The content of the ``.recovered`` file, or None where there is nothing to add."""
    held = _held(run_dir, orphan.writer)
    if held is None:
        held = _Held(
            Header(file_id=b"", kind="run", writers=(orphan.writer,), run=orphan.run),
            0,
            {},
            False,
            False,
        )
    header = fresh_header(
        msgspec.structs.replace(
            held.header,
            kind="recovered",
            writers=(orphan.writer, new_id()),
            ranks=(held.header.ranks[0], held.header.ranks[0]),
            ring="",
        )
    )
    out = [encode_header(header)]
    encoder = Encoder()
    encoder.counting = False
    known = held.keysets.get(orphan.writer, {})
    if known:
        # So that this file can be read without the journal: covered sequences, ignored twice.
        body = b"".join(
            encode_record_section(held.upto, 0, encode_record(KeysDefined(id=i, keys=keys)))
            for i, keys in known.items()
        )
        for i, keys in known.items():
            encoder.know(i, keys)
        out.append(encode_frame(header.seed, held.upto + 1, held.upto, body))
    finished = held.finished
    for got in _pieces(orphan, held.upto):
        finished = finished or any(b"writer-finished" in r[2] for r in got.records)
        out.append(encode_frame(header.seed, got.first, got.last, encoder.body(got)))
    if not finished:
        seen = StatusSeen(
            writer=orphan.writer, status="killed", reason="the process ended without a word"
        )
        body = encode_record_section(1, now_us(), encode_record(seen))
        out.append(encode_frame(header.seed, 1, 1, body, writer=1))
    return b"".join(out)


def recover(orphan: Orphan, run_dir: Path) -> Path | None:
    """Write the recovered file and remove the ring; returns the file, or None if not allowed.

    Safe at any moment of being killed: the file appears wholly or not at all, and the ring
    goes only after it is on the disk. Several processes may try; the locks let one in.
    """
    target = run_dir / f"{orphan.writer}{RECOVERED}"
    draft = run_dir / f".{orphan.writer}-{new_id()}{RECOVERED}"
    try:
        if not target.exists():
            data = recovered_bytes(orphan, run_dir)
            if data is None:
                return None
            with open(draft, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, target)
        for path in orphan.paths:
            path.unlink(missing_ok=True)
    except OSError:
        return None
    finally:
        orphan.release()
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return target


def project(orphan: Orphan, run_dir: Path) -> list[Batch]:
    """The same batches in memory, for stores that may only be read; keeps the ring."""
    data = recovered_bytes(orphan, run_dir)
    orphan.release()
    if data is None:
        return []
    header, start = decode_header(data)
    keysets: Keysets = {}
    batches = []
    for frame in frames(memoryview(data), header, start):
        if isinstance(frame, Frame):
            batches.append(decode_frame(frame, header.run, header.ranks[0], keysets, ""))
    return batches


def ring_folder(journal: Path) -> Path | None:
    """Where the header of a journal says that its ring lies, if it is on this host."""
    try:
        header, _ = read_header(journal)
    except (OSError, EOFError, FormatError):
        return None
    if not header.ring or header.host != host_name():
        return None
    return Path(header.ring)


def sweep(folder: StoreFolder) -> list[Path]:
    """Recover all orphans among the runs marked live; returns the files written.

    Only rings of this host are looked at: those of others cannot be locked from here.
    """
    done: list[Path] = []
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
                folder.unmark_live(run_id, writer)
    return done

