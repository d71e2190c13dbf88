"""Bytes of a run's files by place, also of files that were replaced meanwhile.

Journals only grow, and a sealed file is never changed, so bytes once read at a place are there
for good; a place names the sealed file by its own id, since a run may be sealed again. Files
that were replaced lie in the trash for a week, for those who still hold old places.
"""

from __future__ import annotations

import mmap
import os
import threading
import zlib
from collections import OrderedDict
from pathlib import Path

from notabene.errors import FormatError, NotFoundError
from notabene.journal.folder import SEALED, StoreFolder
from notabene.journal.mounts import is_local
from notabene.journal.segment import MAX_BODY, Header, decode_header

OPEN_FILES = 256
MOST_GOOD = 100_000
"""Places that are remembered as good."""
HEADER = 4096
"""Bytes that hold the header of nearly every sealed file."""


def damaged(what: str, start: int, size: int) -> FormatError:
    """The error of bytes that were good when the index took note of them, and are no longer.

    Args:
        what: The file, as people know it.
        start: Where they begin.
        size: How many there are.
    """
    return FormatError(
        f"{what} is damaged at byte {start:,} or in the {size:,} bytes behind it",
        hint="notabene journal verify tells what is good, notabene db rebuild shows that",
    )


def told(name: str, run: str = "") -> str:
    """A file as people know it: without the id that places of sealed files bear."""
    return name.partition(":")[0] + (f" of run {run}" if run else "")


def sealed_name(header: Header) -> str:
    """How places name a sealed file."""
    return f"{SEALED}:{header.file_id.hex()}"


def trash_of(folder: StoreFolder, run: str) -> Path:
    """Where the replaced files of a run go."""
    return folder.trash / SEALED / run


class Files:
    """Reads bytes of runs' files; keeps some of them open.

    Threads: any. A fork shares the open files, which is well: they are read by offset only.

    Args:
        folder: The store.
    """

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self._local = is_local(folder.root)
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[str, str], int | memoryview] = OrderedDict()
        self._places: dict[str, Path] = {}
        self._good: set[tuple[str, str, int]] = set()

    def read(self, run: str, name: str, start: int, size: int, crc: int) -> bytes | memoryview:
        """Bytes of a file; of a sealed one on a local disk a view of it.

        Args:
            run: The run.
            name: The file, as places name it.
            start: Where they begin.
            size: How many there are.
            crc: CRC-32 of them, looked at when this object reads them first.

        Raises:
            NotFoundError: The file is gone.
            FormatError: It is shorter than that, or other bytes stand there now.
        """
        with self._lock:
            opened = self._open.get((run, name))
            if opened is None:
                opened = self._open[run, name] = self._find(run, name)
                if len(self._open) > OPEN_FILES:
                    _close(self._open.popitem(last=False)[1])
            else:
                self._open.move_to_end((run, name))
            if isinstance(opened, int):
                data: bytes | memoryview = os.pread(opened, size, start)
            else:
                data = opened[start : start + size]
        if len(data) < size:
            raise FormatError(
                f"{told(name, run)} ends before byte {start + size:,}",
                hint="notabene db rebuild",
            )
        if (place := (run, name, start)) not in self._good:
            if zlib.crc32(data) != crc:
                raise damaged(told(name, run), start, size)
            with self._lock:
                if len(self._good) >= MOST_GOOD:
                    self._good.clear()
                self._good.add(place)
        return data

    def _find(self, run: str, name: str) -> int | memoryview:
        known = self._places.get(run)
        for place in (known, None):
            path = place or self._folder.find_run_dir(run, trash=True)
            if path is None:
                continue
            self._places[run] = path
            opened = self._open_in(path, run, name)
            if opened is not None:
                return opened
        raise NotFoundError(
            f"the file {name} of run {run} is gone", hint="notabene db rebuild reads what is there"
        )

    def _open_in(self, path: Path, run: str, name: str) -> int | memoryview | None:
        kind, _, file_id = name.partition(":")
        replaced = trash_of(self._folder, run)
        options = [path / kind, replaced / (f"{kind}-{file_id}" if file_id else kind)]
        for option in options:
            try:
                fd = os.open(option, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            if file_id and not _is(fd, name):
                os.close(fd)
                continue
            return _mapped(fd) if file_id and self._local else fd
        return None

    def forget(self, run: str) -> None:
        """Close what is open of a run, since its folder moved or went."""
        with self._lock:
            self._places.pop(run, None)
            self._good = {place for place in self._good if place[0] != run}
            for place in [place for place in self._open if place[0] == run]:
                _close(self._open.pop(place))

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            while self._open:
                _close(self._open.popitem()[1])


def _is(fd: int, name: str) -> bool:
    """Whether an open sealed file is the one that a place names."""
    try:
        return sealed_name(decode_header(os.pread(fd, HEADER, 0))[0]) == name
    except EOFError:  # a header of thousands of writers
        return sealed_name(decode_header(os.pread(fd, MAX_BODY, 0))[0]) == name
    except FormatError:
        return False


def _mapped(fd: int) -> memoryview:
    """A sealed file, which nobody changes or cuts: of a block only the wanted pages are read."""
    try:
        return memoryview(mmap.mmap(fd, 0, access=mmap.ACCESS_READ))
    finally:
        os.close(fd)


def _close(opened: int | memoryview) -> None:
    # A map goes when the last who reads from it lets go.
    if isinstance(opened, int):
        os.close(opened)
