"""An append-only journal file: whole frames or nothing, and what to do when the disk fails."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from notabene._ids import now_us
from notabene.journal.segment import Header, encode_frame, encode_header

KEEP = 8 << 20
"""Bytes of the newest frames kept in memory until the disk has confirmed them."""
_ELSEWHERE = frozenset({errno.EFBIG, errno.EIO})
"""What a write to another file may not meet: a limit on the size of files, a bad place."""
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)


def fresh_header(header: Header) -> Header:
    """The header for one more file of the same writer: a new file id, the clocks of now."""
    return msgspec.structs.replace(
        header,
        file_id=os.urandom(16),
        wall=now_us(),
        monotonic=time.monotonic_ns() // 1000,
    )


class JournalFile:
    """Appends frames to the journal of one writer.

    A frame is written wholly or taken back; where that cannot be done, a new file
    ``<writer>.<n>.journal`` begins. One also begins when a sync has failed, since the old
    descriptor is not to be trusted again; the frames since the last good sync are written
    there once more. Readers know a frame by its writer and sequence range, so nothing is
    counted twice.

    Threads: :meth:`append` and :meth:`give_up_place` from one, :meth:`sync` from another; no
    lock is held while the disk is asked to confirm.

    Args:
        path: The first file; must not exist.
        header: Its header; ``file_id`` and clocks are filled in here.
        places: Folders for further files, the journal's own first.

    Attributes:
        path: The file that is written to now.
        preface: Bodies of frames that cover nothing, for the beginning of each further file:
            what must be known to read it without the ones before.
        unsynced: Bytes that the disk has not confirmed.
        removed: Somebody has removed the file: what is written goes when we end.

    Raises:
        FileExistsError: Two writers were given one name.
        OSError: The file cannot be made.
    """

    def __init__(self, path: Path, header: Header, places: list[Path]) -> None:
        self.path = path
        self.preface: Callable[[], list[bytes]] = list
        self.unsynced = 0
        self._header = header
        self._places = list(places)
        self._lock = threading.Lock()
        self._kept: deque[tuple[int, int, int, bytes]] = deque()
        self._appended = self._synced = 0
        """Bytes of bodies ever, and of these confirmed; the first item of ``_kept`` counts so."""
        self._kept_bytes = 0
        self._left: list[int] = []
        """Descriptors of files that were left before the disk had confirmed them."""
        self._tries = 0
        self._spoilt = False
        """Half a frame stands at its end and cannot be cut off."""
        self._suspect = False
        """A sync of it has failed."""
        self._named = False
        """The disk has confirmed its name in the folder."""
        self.removed = False
        self._fd = -1
        self._go_on_in(path, self._make(path))

    # -- appending -------------------------------------------------------------------------

    def append(self, first: int, last: int, body: bytes) -> None:
        """Append one frame.

        Raises:
            OSError: It could not be written; the file ends where it did before.
        """
        with self._lock:
            if self._spoilt or self._length() != self._size:
                self._begin_again()
            self._write(first, last, body)
            self._appended += len(body)
            self.unsynced = self._appended - self._synced
            self._kept.append((self._appended, first, last, body))
            self._kept_bytes += len(body)
            while self._kept_bytes > KEEP:
                self._kept_bytes -= len(self._kept.popleft()[3])

    def _write(self, first: int, last: int, body: bytes) -> None:
        data = encode_frame(self._seed, first, last, body)
        try:
            _write_all(self._fd, data)
        except OSError as error:
            self._take_back()
            if error.errno in _ELSEWHERE and self._size > self._begun:
                self._spoilt = True
            raise
        self._size += len(data)

    def _length(self) -> int:
        """Length of our file; -1 where the descriptor is not ours any more.

        Programs that close all descriptors, to become a daemon, give ours away.
        """
        try:
            found = os.fstat(self._fd)
        except OSError:
            return -1
        if (found.st_dev, found.st_ino) != self._identity:
            return -1
        self.removed = found.st_nlink == 0
        return found.st_size

    def _take_back(self) -> None:
        """After half a frame: cut the file where it ended before, or give it up."""
        try:
            if self._length() != self._size:
                os.ftruncate(self._fd, self._size)
        except OSError:
            self._spoilt = True

    def give_up_place(self) -> bool:
        """The folder cannot be written to any more: go on in the next one, if there is one."""
        with self._lock:
            if len(self._places) < 2:
                return False
            self._places.pop(0)
            self._spoilt = True
            return True

    # -- further files ---------------------------------------------------------------------

    def _make(self, path: Path) -> tuple[int, int, int]:
        """A new file with its header: ``(descriptor, seed, size)``."""
        header = fresh_header(self._header)
        data = encode_header(header)
        fd = os.open(path, _FLAGS, 0o644)
        try:
            _write_all(fd, data)
        except OSError:
            _discard(fd, path)
            raise
        return fd, header.seed, len(data)

    def _further(self) -> tuple[Path, tuple[int, int, int]]:
        """One more file, in the first place that takes one."""
        failed = OSError(errno.EROFS, os.strerror(errno.EROFS))
        for place in self._places:
            self._tries += 1
            path = place / f"{self._header.writers[0]}.{self._tries}.journal"
            try:
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
                return path, self._with_preface(path, *self._make(path))
            except OSError as error:
                failed = error
        raise failed

    def _with_preface(self, path: Path, fd: int, seed: int, size: int) -> tuple[int, int, int]:
        try:
            size += _write_frames(fd, seed, [(0, 1, 0, body) for body in self.preface()])
        except OSError:
            _discard(fd, path)
            raise
        return fd, seed, size

    def _begin_again(self) -> None:
        """Go on in a new file; with the lock held."""
        path, made = self._further()
        if self._length() >= 0:
            self._left.append(self._fd)
        self._go_on_in(path, made)

    def _go_on_in(self, path: Path, made: tuple[int, int, int]) -> None:
        self._fd, self._seed, self._size = made
        self._begun = self._size
        found = os.fstat(self._fd)
        self._identity = found.st_dev, found.st_ino
        self.path = path
        self._spoilt = self._named = False

    # -- the disk --------------------------------------------------------------------------

    def sync(self) -> None:
        """Have the disk confirm what was appended so far; takes as long as the disk pleases.

        After a failure the next call begins a new file, and leaves the old one only when the
        disk confirms the new one.

        Raises:
            OSError: The disk did not confirm.
        """
        if self._suspect:
            self._renew()
        with self._lock:
            fds, self._left = [os.dup(self._fd), *self._left], []
            upto, named, path = self._appended, self._named, self.path
        try:
            for fd in fds:
                _flush(fd)
        except OSError:
            self._suspect = True
            raise
        finally:
            for fd in fds:
                os.close(fd)
        if not named:
            _sync_folders(path)
        with self._lock:
            self._named = self._named or path == self.path
            self._confirmed(upto)

    def _confirmed(self, upto: int) -> None:
        self._synced = max(self._synced, upto)
        self.unsynced = self._appended - self._synced
        while self._kept and self._kept[0][0] <= upto:
            self._kept_bytes -= len(self._kept.popleft()[3])

    def _renew(self) -> None:
        """Write all that was not confirmed into a new file, and go on there."""
        with self._lock:
            path, (fd, seed, size) = self._further()
        try:
            # A disk that confirms nothing gets no second copy of anything.
            _flush(fd)
            upto = 0
            for _ in range(2):
                with self._lock:
                    missing = self._kept_beyond(upto)
                size += _write_frames(fd, seed, missing)
                _flush(fd)
                upto = missing[-1][0] if missing else upto
            with self._lock:
                # What was appended meanwhile is little: nobody waits long.
                size += _write_frames(fd, seed, self._kept_beyond(upto))
                self.close()
                self._go_on_in(path, (fd, seed, size))
        except OSError:
            if self.path != path:
                _discard(fd, path)
            raise
        self._suspect = False

    def _kept_beyond(self, upto: int) -> list[tuple[int, int, int, bytes]]:
        return [kept for kept in self._kept if kept[0] > upto]

    def close(self) -> None:
        """Close the descriptors; without sync."""
        if self._length() >= 0:
            self._left.append(self._fd)
        self._fd = -1
        for fd in self._left:
            with contextlib.suppress(OSError):
                os.close(fd)
        self._left = []

    def abandon(self) -> None:
        """In a forked child: let go of the parent's file."""
        self._lock = threading.Lock()
        self.close()


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _write_frames(fd: int, seed: int, frames: list[tuple[int, int, int, bytes]]) -> int:
    size = 0
    for _, first, last, body in frames:
        data = encode_frame(seed, first, last, body)
        _write_all(fd, data)
        size += len(data)
    return size


def _flush(fd: int) -> None:
    # Data and length; times of the inode do not matter.
    getattr(os, "fdatasync", os.fsync)(fd)


def _discard(fd: int, path: Path) -> None:
    with contextlib.suppress(OSError):
        os.close(fd)
    with contextlib.suppress(OSError):
        path.unlink()


def _sync_folders(path: Path) -> None:
    """Make the name of a new file durable, and those of its run's and month's folders."""
    for folder in list(path.parents)[:3]:
        sync_folder(folder)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; never fails."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
