"""What comes in by the standard input: how much, and its digest; never the text itself."""

from __future__ import annotations

import sys

from notabene.capture.watch.core import quietly
from notabene.capture.watch.later import dress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from notabene.capture.watch.core import Watch

_READERS = ("read", "read1", "readline", "readlines")


def install(watch: Watch) -> None:
    """Begin to watch the standard input, unless somebody types at a terminal."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or stream.isatty():
        return
    taken = _Taken(watch)
    for name in _READERS:
        setattr(stream, name, _reader(taken, getattr(stream, name)))
    real = stream.readinto

    def readinto(buffer: Any, /) -> Any:
        count = real(buffer)
        if count and not taken.inside:
            quietly(taken.add, bytes(memoryview(buffer)[:count]))
        return count

    stream.readinto = dress(readinto, real)
    watch.at_end(taken.tell)


def _reader(taken: _Taken, real: Callable[..., Any]) -> Callable[..., Any]:
    def read(*args: Any) -> Any:
        inside, taken.inside = taken.inside, True
        try:
            found = real(*args)
        finally:
            taken.inside = inside
        if found and not inside:
            quietly(taken.add, b"".join(found) if isinstance(found, list) else found)
        return found

    dress(read, real)
    return read


class _Taken:
    """What was taken so far.

    Attributes:
        inside: Whether one method of the stream calls another.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._pid = watch.pid
        self._count = 0
        self._digest: Any = None
        self.inside = False

    def add(self, data: bytes) -> None:
        if self._digest is None:
            import hashlib

            self._digest = hashlib.sha256()
        self._digest.update(data)
        self._count += len(data)

    def tell(self) -> None:
        if self._count and self._watch.pid == self._pid:
            self._watch.add("stdin", self._count, self._digest.hexdigest())
