"""Looking at the files that a run reads soon after it did, by what its processes leave behind.

Whoever follows a run reads the events that its processes write (:mod:`notabene.capture.watch`)
and the logs of the preload shim as they grow.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from notabene.capture import shim
from notabene.capture.events import SEEN, lines_of
from notabene.capture.inputs import Inputs
from notabene.capture.observed import is_of_python
from notabene.capture.part import FAILURES

READ, READ_ONE, WANTED = "read", ("ready", "given"), "wanted"


class Follower:
    """Looks at the files of a run.

    Args:
        folder: Where its processes leave what they see.
        inputs: Remembers what was found.
    """

    def __init__(self, folder: Path, inputs: Inputs) -> None:
        self.inputs = inputs
        self._folder = folder
        self._at: dict[str, int] = {}
        """How far each file was read."""
        self._within: dict[str, str] = {}
        """The working folder of each process."""
        self._waiting: deque[str] = deque()

    def look(self, going: Callable[[], bool]) -> None:
        """Look at what was read since the last time, as long as ``going`` says so.

        What is left over comes first the next time.
        """
        for name in sorted(os.listdir(self._folder)):
            with contextlib.suppress(*FAILURES):  # an event of another version
                self._waiting.extend(self._named_in(name))
        while self._waiting and going():
            self.inputs.look(self._waiting.popleft())

    def _named_in(self, name: str) -> Iterator[str]:
        """Paths in what is new of one file in the folder."""
        if name.endswith(SEEN):
            yield from self._opened(name)
        elif name.endswith(shim.SUFFIX):
            opened = shim.opened(self._fresh(name, b"\0"))
            yield from (path for path in map(os.path.normpath, opened) if not is_of_python(path))

    def _opened(self, name: str) -> Iterator[str]:
        for event in lines_of(self._fresh(name, b"\n")):
            kind, within = event[0], self._within.get(name, "")
            if kind == "folder":
                self._within[name] = str(event[1])
            elif kind == WANTED:
                self.inputs.wanted[event[1]] = event[2]
            elif kind == READ or kind in READ_ONE:
                for path in event[1] if kind == READ else event[1:2]:
                    full = os.path.normpath(os.path.join(within, path))
                    if os.path.isabs(full):
                        yield full

    def _fresh(self, name: str, end: bytes) -> bytes:
        """What was added to a file, up to the end of the last whole record."""
        start = self._at.get(name, 0)
        try:
            with open(self._folder / name, "rb") as file:
                file.seek(start)
                data = file.read()
        except OSError:
            return b""
        data = data[: data.rfind(end) + 1]
        self._at[name] = start + len(data)
        return data
