"""An append-only journal file: whole frames or nothing, and what to do when the disk fails."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import msgspec

from notabene._ids import now_us
from notabene.journal.segment import Header, encode_frame, encode_header

KEEP = 16 << 20
"""Bytes kept in memory until they are known to be on the disk; a failed sync rewrites them."""


def fresh_header(header: Header) -> Header:
    """The header for one more file of the same writer: a new file id, the clocks of now."""
    return msgspec.structs.replace(
        header,
        file_id=os.urandom(16),
        wall=now_us(),
        monotonic=time.monotonic_ns() // 1000,
    )


class JournalFile:
    """Appends frames to the journal of one writer; not safe for several threads at once.

    A frame is written wholly or taken back. When that cannot be done, or when a sync has
    failed, the descriptor is not trusted again: a new file ``<writer>.<n>.journal`` begins,
    and all frames since the last good sync are written there once more. Readers know a frame
    by its writer and sequence range, so nothing is counted twice.

    Args:
        path: The first file; must not exist.
        header: Its header; ``file_id`` and clocks are filled in here.
        places: Folders for further files, the journal's own first.

    Raises:
        FileExistsError: Two writers were given one name.
        OSError: The file cannot be made.
    """

    def __init__(self, path: Path, header: Header, places: list[Path]) -> None:
        self.path = path
        self.unsynced = 0
        """Bytes since the last good sync."""
        self.moved_to: Path | None = None
        """Set when the journal had to go on in another folder."""
        self._header = header
        self._places = list(places)
        self._home = path.parent
        self._files = 0
        self._kept: list[tuple[int, int, bytes]] | None = []
        self._fd = -1
        self._seed = 0
        self._size = 0
        self._broken = False
        self._begin(path)

    def append(self, first: int, last: int, body: bytes) -> None:
        """Append one frame.

        Raises:
            OSError: It could not be written; the file ends where it did before.
        """
        if self._broken:
            self._begin_again()
        self._write(encode_frame(self._seed, first, last, body))
        self.unsynced += len(body)
        if self._kept is not None:
            self._kept.append((first, last, body))
            if self.unsynced > KEEP:
                self._kept = None

    def sync(self) -> None:
        """Bring all to the disk; may take as long as the disk pleases.

        Raises:
            OSError: It failed; the next append begins a new file with all since the last good
                sync, as far as memory kept it.
        """
        fd, upto = self._fd, len(self._kept or ())
        before = self.unsynced
        try:
            # Data and length; times of the inode do not matter.
            getattr(os, "fdatasync", os.fsync)(fd)
        except OSError:
            self._broken = True
            raise
        # The writer's thread may append meanwhile: shorten the list, do not replace it.
        if self._kept is None:
            self._kept = []
        else:
            del self._kept[:upto]
        self.unsynced -= before

    def close(self) -> None:
        """Close the descriptor; without sync."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    def _write(self, data: bytes) -> None:
        try:
            done = os.write(self._fd, data)
            while done < len(data):
                done += os.write(self._fd, memoryview(data)[done:])
        except OSError:
            self._take_back()
            raise
        self._size += len(data)

    def _take_back(self) -> None:
        """After half a frame: cut the file where it ended before, or give it up."""
        try:
            if os.fstat(self._fd).st_size != self._size:
                os.ftruncate(self._fd, self._size)
        except OSError:
            self._broken = True

    def _begin(self, path: Path) -> None:
        header = fresh_header(self._header)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(path, flags, 0o644)
        data = encode_header(header)
        try:
            if os.write(fd, data) != len(data):
                raise OSError(28, os.strerror(28))
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        self.close()
        self._fd, self._seed, self._size = fd, header.seed, len(data)
        self._files += 1
        self._broken = False
        self.path = path

    def _begin_again(self) -> None:
        error: OSError | None = None
        for place in self._places:
            path = place / f"{self._header.writers[0]}.{self._files}.journal"
            try:
                place.mkdir(parents=True, exist_ok=True)
                self._begin(path)
            except OSError as caught:
                error = caught
                continue
            self.moved_to = None if place == self._home else place
            for first, last, body in self._kept or ():
                self._write(encode_frame(self._seed, first, last, body))
            return
        raise error or OSError(30, os.strerror(30))

    def give_up_place(self) -> None:
        """The folder cannot be written to any more: go on in the next one."""
        if len(self._places) > 1:
            self._places.pop(0)
            self._broken = True

    @staticmethod
    def sync_folder(path: Path) -> None:
        """Make a new name in a folder durable; never fails."""
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
