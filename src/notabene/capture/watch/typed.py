"""What comes in by the standard input: how much, its digest, and the text itself where it is short.

A file that the shell put there (``< data.csv``) is told of as a file that was read.
"""

from __future__ import annotations

import os
import sys

from notabene.capture.watch.core import Untaken, quietly, stat_of
from notabene.capture.watch.files import of_descriptor
from notabene.capture.watch.later import dress
from notabene.capture.watch.places import NOWHERE, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from notabene.capture.watch.core import Watch

_READERS = ("read", "read1", "readline", "readlines")
_TO_THE_END = ("read", "readlines")
KEPT = 8 << 20
"""Bytes that are kept; of longer input there is the digest alone."""


def install(watch: Watch) -> None:
    """Begin to watch the standard input, unless somebody types at a terminal."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or stream.isatty():
        return
    taken = watch.taken = Taken(watch, _file_behind(stream))
    for name in _READERS:
        setattr(stream, name, _reader(taken, getattr(stream, name)))
    real = stream.readinto

    def readinto(buffer: Any, /) -> Any:
        count = real(buffer)
        if not taken.inside:
            quietly(taken.add, bytes(memoryview(buffer)[: count or 0]))
        return count

    stream.readinto = dress(readinto, real)
    watch.at_end(taken.tell)


def of_getpass(watch: Watch, module: Any) -> None:
    """Keep nothing of what a password is in."""
    real = module.getpass

    def getpass(*args: Any, **options: Any) -> Any:
        watch.taken.secret = True
        return real(*args, **options)

    module.getpass = dress(getpass, real)


def _file_behind(stream: Any) -> str:
    """The path of the file that the standard input is; empty for a pipe, or a file without name."""
    try:
        number = stream.fileno()
        path = of_descriptor(number)
        here, there = os.fstat(number), stat_of(path)
    except (OSError, ValueError):
        return ""
    is_same = (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    return path if is_same and os.path.isfile(path) else ""


def _reader(taken: Taken, real: Callable[..., Any]) -> Callable[..., Any]:
    to_the_end = real.__name__ in _TO_THE_END

    def read(*args: Any) -> Any:
        inside, taken.inside = taken.inside, True
        try:
            found = real(*args)
        finally:
            taken.inside = inside
        if not inside:
            quietly(taken.add, b"".join(found) if isinstance(found, list) else found)
            if not found or (to_the_end and (not args or args[0] in (-1, None))):
                taken.whole = True
        return found

    dress(read, real)
    return read


class Taken(Untaken):
    """What was taken so far.

    Args:
        path: Of the file that it comes from, or empty.

    Attributes:
        inside: Whether one method of the stream calls another.
    """

    def __init__(self, watch: Watch, path: str = "") -> None:
        self._watch = watch
        self._pid = watch.pid
        self._count = 0
        self._digest: Any = None
        self._parts: list[bytes] = []
        self._where = NOWHERE
        self._kept: dict[str, tuple[int, str]] = {}
        self.path = path
        self.inside = False

    def add(self, data: bytes) -> None:
        """Some bytes were read."""
        if not data:
            return
        if self._digest is None:
            import hashlib

            self._digest = hashlib.sha256()
            self._where = place(sys._getframe(1)) or NOWHERE
            if self.path:
                self._watch.files.ready(self.path, sys._getframe(1))
        self._digest.update(data)
        self._count += len(data)
        if self._count > KEPT or self.path:
            self._parts.clear()
        else:
            self._parts.append(data)

    def digest(self) -> str:
        """Of what was read so far; empty for nothing."""
        return "" if self._digest is None else str(self._digest.hexdigest())

    def tell(self) -> None:
        """The event, once more where more was read since."""
        watch = self._watch
        if self._count and watch.pid == self._pid:
            count, name = self._kept.get(watch.folder, (0, ""))
            if count != self._count and self._parts and watch.folder and not self.secret:
                name = watch.beside(b"".join(self._parts))
                self._kept[watch.folder] = (self._count, name)
            watch.add("stdin", self._count, self.digest(), self.path, name, *self._where)
