"""Events of a process as lines of JSON in a file of its own.

The program may close our descriptor (daemons close all they find) and have the number again for a
file of its own: so it is looked at before each use. Nothing here raises.
"""

from __future__ import annotations

import os
from time import monotonic, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

try:
    from _json import encode_basestring_ascii as _quoted  # the package json imports re: 5 ms
except ImportError:  # another Python
    from json.encoder import py_encode_basestring_ascii as _quoted

_DEEP = 20


class Spill:
    """Where a process leaves what it saw.

    Attributes:
        folder: Empty where nothing is written.
    """

    def __init__(self) -> None:
        self.folder = ""
        self._file = ""
        self._fd = -1
        self._known = (0, 0)
        self._last = 0.0

    @property
    def file(self) -> str:
        """Name of the file, or empty where none could be made."""
        return self._file if self._fd >= 0 else ""

    def begin(self, folder: str) -> None:
        """Make a file in a folder."""
        self.stop()
        self.folder = os.path.abspath(folder)
        self._file = f"{os.getpid()}-{time_ns()}.seen"
        self._open(os.O_CREAT)

    def stop(self) -> None:
        """Let go of the file."""
        if self._is_ours():
            os.close(self._fd)
        self._fd, self.folder, self._file = -1, "", ""

    def idle(self) -> float:
        """Seconds since something was written."""
        return monotonic() - self._last

    def write(self, events: Iterable[Any]) -> None:
        """Append events."""
        self._last = monotonic()
        if self._fd < 0 or not (self._is_ours() or self._open(0)):
            return
        data = memoryview(_lines(events).encode("ascii"))
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:  # a full disk: a torn line, and no further ones
            os.close(self._fd)
            self._fd = -1

    def beside(self, content: bytes) -> str:
        """Write a file of its own, and say its name."""
        name = f"{os.getpid()}-{time_ns()}.kept"
        try:
            with open(os.path.join(self.folder, name), "wb") as file:
                file.write(content)
        except OSError:
            return ""
        return name

    def _open(self, more: int) -> bool:
        flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | more
        try:
            self._fd = os.open(os.path.join(self.folder, self._file), flags, 0o600)
            found = os.fstat(self._fd)
        except OSError:
            self._fd = -1
            return False
        self._known = (found.st_dev, found.st_ino)
        return True

    def _is_ours(self) -> bool:
        if self._fd < 0:
            return False
        try:
            found = os.fstat(self._fd)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._known


def _lines(events: Iterable[Any]) -> str:
    """Events as lines of JSON."""
    lines: list[str] = []
    for event in events:
        if event[0] == "read":  # of which there may be many
            _, names, *rest = event
            lines.append(f'["read", {_names(names)}, {encode(rest)[1:]}\n')
        else:
            lines.append(f"{encode(event)}\n")
    return "".join(lines)


def _names(names: list[str]) -> str:
    """Names as a list in JSON; where none has anything to be escaped, all at once."""
    try:
        joined = '", "'.join(names)
    except TypeError:  # one that another thread added at the last moment may be no text yet
        joined = "\\"
    plain = joined.isascii() and joined.isprintable() and "\\" not in joined
    if plain and joined.count('"') == 2 * len(names) - 2:
        return f'["{joined}"]'
    return encode(names)


def encode(value: object, depth: int = 0) -> str:
    """A value as JSON; what has no such form as text."""
    kind = type(value)
    if kind is str:
        return _quoted(value)  # type: ignore[arg-type]  # its very type was asked for
    if kind is int:
        return repr(value)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if kind is float:
        return repr(value).replace("inf", "Infinity").replace("nan", "NaN")
    if depth < _DEEP:
        if isinstance(value, (tuple, list)):
            return "[" + ", ".join([encode(one, depth + 1) for one in value]) + "]"
        if isinstance(value, dict):
            pairs = [f"{_quoted(str(k))}: {encode(v, depth + 1)}" for k, v in value.items()]
            return "{" + ", ".join(pairs) + "}"
    return _quoted(str(value))
