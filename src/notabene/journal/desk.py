"""The desk: edits that people make to runs, artifacts and projects, as records of their own.

    desk/<host>-<pid>-<writer>.journal

One file per process that edits, made with its first edit, so that processes never wait for
each other; readers merge them by the time of each record.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from notabene._ids import Clock, boot_id, host_name, new_writer_id, process_start
from notabene._version import __version__
from notabene.errors import AccessError, NotabeneError, TransportError
from notabene.journal.file import JournalFile
from notabene.journal.folder import JOURNAL, StoreFolder
from notabene.journal.reader import Batch, JournalReader
from notabene.journal.segment import (
    Header,
    encode_about_section,
    encode_frame,
    encode_header,
)
from notabene.model.canonical import digest_bytes
from notabene.model.records import AnyRecord, Entry, encode_record

DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class Desk:
    """Writes edits to the desk journal of this process.

    Threads: any. Forks: the child gets a journal of its own with its first edit. Crashes: what
    :meth:`write` returned for is on the disk.

    Args:
        folder: The store.
    """

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._clock = Clock()
        self._writer = ""
        self._seq = 0
        self._file: JournalFile | None = None
        self._pid = 0

    def write(self, edits: Sequence[tuple[str, AnyRecord]], *, after: int = 0) -> list[Entry]:
        """Write records, all or none of them, and bring them to the disk.

        Args:
            edits: The run that a record is about (empty where it is about none), and the record.
            after: Time (µs) of what they override; they get later ones, whatever the clock says.

        Returns:
            The records with their identity and time.

        Raises:
            AccessError: The store may only be read.
            TransportError: The disk is full or fails.
        """
        if not edits:
            return []
        with self._lock:
            try:
                return self._write(edits, after)
            except OSError as error:
                raise _refused(error, self._folder.root) from error

    def _write(self, edits: Sequence[tuple[str, AnyRecord]], after: int) -> list[Entry]:
        if self._pid != os.getpid():
            self._begin()
        self._clock.observe(after)
        entries = []
        for run, record in edits:
            self._seq += 1
            entries.append(Entry(self._writer, self._seq, self._clock.tick(), record, run))
        if self._file is None:
            self._file = self._make()
        self._file.append(entries[0].seq, self._seq, body_of(entries))
        try:
            self._file.sync()
        except OSError:
            self._file.sync()  # a failed one is never trusted again: this one is of a new file
        return entries

    def _begin(self) -> None:
        """A writer for this process; a file inherited over a fork is let go."""
        if self._file is not None:
            self._file.abandon()
        self._file, self._pid, self._seq = None, os.getpid(), 0
        self._writer = new_writer_id()

    def _make(self) -> JournalFile:
        path = self._folder.desk_journal(self._writer)
        path.parent.mkdir(parents=True, exist_ok=True)
        header = Header(
            file_id=b"",
            kind="desk",
            writers=(self._writer,),
            host=host_name(),
            boot=boot_id(),
            pid=self._pid,
            pid_start=process_start(self._pid),
            version=__version__,
        )
        return JournalFile(path, header, [path.parent])

    def close(self) -> None:
        """Close the file; a later edit begins another."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file, self._pid = None, 0


def read_desk(folder: StoreFolder) -> list[Entry]:
    """All edits in the store, each once, in order of time; damaged parts are left out."""
    found: dict[tuple[str, int], Entry] = {}
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(folder.desk.iterdir()):
            if path.suffix == JOURNAL:
                for batch in _batches(path):
                    found.update(((entry.writer, entry.seq), entry) for entry in batch.entries)
    return sorted(found.values(), key=lambda e: (e.time, e.writer, e.seq))


def _batches(path: Path) -> list[Batch]:
    try:
        return JournalReader(path).all()
    except (OSError, NotabeneError):
        return []


def body_of(entries: Sequence[Entry]) -> bytes:
    """The body of a frame that holds edits."""
    return b"".join(
        encode_about_section(e.seq, e.time, e.run, encode_record(e.record)) for e in entries
    )


def desk_journal(entries: Sequence[Entry]) -> bytes:
    """A whole desk journal of records that have their identity already, as exports carry it.

    Equal records give equal bytes.
    """
    writers = tuple(sorted({entry.writer for entry in entries}))
    frames = [
        (writers.index(entry.writer), entry.seq, body_of([entry]))
        for entry in sorted(entries, key=lambda e: (e.writer, e.seq))
    ]
    content = digest_bytes(b"".join(body for _, _, body in frames))
    header = Header(file_id=bytes.fromhex(content)[:16], kind="desk", writers=writers)
    parts = [encode_header(header)]
    parts += [encode_frame(header.seed, seq, seq, body, writer) for writer, seq, body in frames]
    return b"".join(parts)


def _refused(error: OSError, root: Path) -> NotabeneError:
    reason = (error.strerror or str(error)).lower()
    if error.errno in DENIED:
        return AccessError(f"the store {root} may not be written to: {reason}")
    return TransportError(
        f"the edit could not be written to {root}: {reason}",
        hint="nothing was changed; free space or repair the disk, and try again",
    )
