"""Programs that are started and hosts that are talked to."""

from __future__ import annotations

import os
import sys

from notabene.capture.watch.core import quietly, stat_of
from notabene.capture.watch.files import _text
from notabene.capture.watch.hosts import asked_from, is_in
from notabene.capture.watch.places import direct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from notabene.capture.watch.core import Watch
    from notabene.capture.watch.places import Place

    Args = tuple[Any, ...]

SHELLS = ("sh", "bash", "dash", "zsh", "ksh")
BEFORE = ("env", "nice", "time", "exec", "nohup", "stdbuf", "command", "sudo")
_READ_NOTHING = frozenset(
    "echo mkdir rm rmdir ls touch chmod chown test true kill pkill which git pip du df stat".split()
)
"""Programs that do not look into the files that are named to them, or put them where they were."""
_KIND, _REGULAR, _LONGEST = 0o170000, 0o100000, 4096
_OF_HTTP = ("http", "urllib3", "httpcore", "anyio", "asyncio", "aiohttp", "ssl")
"""Those that tell of their answers themselves, or cannot be followed."""


def install(watch: Watch) -> None:
    """Begin to watch what the program reaches beyond itself."""
    observer = _Outside(watch)
    watch.handlers.update(
        {
            "subprocess.Popen": observer.popen,
            "os.system": observer.system,
            "os.posix_spawn": observer.spawned,
            "os.spawn": observer.launched,
            "os.exec": observer.replaced,
            "socket.connect": observer.connected,
            "socket.getaddrinfo": observer.resolved,
            "urllib.Request": observer.requested,
        }
    )


class _Outside:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._seen: set[object] = set()
        self._names: dict[tuple[str, int], str] = {}

    def popen(self, args: Args) -> None:
        executable, words, folder = args[0], args[1], args[2]
        self._program(words or [executable], sys._getframe(2), folder)

    def system(self, args: Args) -> None:
        self._program(_text(args[0]), sys._getframe(2))

    def spawned(self, args: Args) -> None:
        # subprocess has told of it already.
        if "subprocess" not in sys._getframe(2).f_code.co_filename:
            self._program(args[1] or [args[0]], sys._getframe(2))

    def launched(self, args: Args) -> None:
        self._program(args[2] or [args[1]], sys._getframe(2))

    def replaced(self, args: Args) -> None:
        self.spawned(args)
        quietly(self._watch.end)

    def _program(self, words: Any, frame: FrameType, folder: Any = None) -> None:
        where = direct(frame)
        if where is None or not where[0]:
            return
        if isinstance(words, (str, bytes)) or hasattr(words, "__fspath__"):
            words = [words]
        found = [_text(word)[:2000] for word in list(words)[:200]]
        if (*where, *found) not in self._seen:
            self._seen.add((*where, *found))
            from notabene.capture.watch.hidden import words as shown

            self._watch.add("program", shown(found), where[0], where[1])
            quietly(self._files, found, _text(folder or ""), where)

    def _files(self, words: list[str], folder: str, where: Place) -> None:
        """The files among the words of a command line."""
        name = os.path.basename(words[0])
        if len(words) == 1 or (name in SHELLS and words[1] == "-c"):
            words = _split(words[-1])
        while words and ("=" in words[0] or os.path.basename(words[0]) in BEFORE):
            words = words[1:]
        if not words or os.path.basename(words[0]) in _READ_NOTHING:
            return
        for word in words[1:]:
            value = word.partition("=")[2] if word.startswith("-") else word
            path = os.path.join(folder, value)
            try:
                status = stat_of(path) if value and len(value) < _LONGEST else None
            except OSError:
                continue
            if status is None or status.st_mode & _KIND != _REGULAR:
                continue
            if path.endswith(".py") and os.path.basename(words[0]).startswith("python"):
                self._watch.add("source", os.path.abspath(path))
            else:
                self._watch.files.given(path, where, status.st_mtime_ns)

    def resolved(self, args: Args) -> None:
        self._host(_text(args[0] or ""), args[1], sys._getframe(2), resolve=True)

    def connected(self, args: Args) -> None:
        address, frame = args[1], sys._getframe(2)
        if isinstance(address, tuple) and len(address) >= 2:
            name, port = str(address[0]), address[1]
            where = self._host(name, port, frame)
            if where is not None and direct(frame) is not None and not is_in(frame, _OF_HTTP):
                from notabene.capture.watch.network import of_socket

                of_socket(
                    self._watch, args[0], f"tcp://{self._names.get(where, name)}:{port}", where
                )

    def requested(self, args: Args) -> None:
        from urllib.parse import urlsplit

        parts = urlsplit(args[0])
        if parts.scheme in ("http", "https", "ftp"):
            port = parts.port or {"http": 80, "https": 443, "ftp": 21}[parts.scheme]
            self._host(parts.hostname or "", port, sys._getframe(2))

    def _host(
        self, name: str, port: object, frame: FrameType, resolve: bool = False
    ) -> Place | None:
        """The place that talks to a host; None where that is nobody's business."""
        where = asked_from(name, frame)
        if where is None:
            return None
        known = self._names.get(where)
        # An address that follows the look-up of a name at the same line is that name's.
        if known is not None and not resolve and known != name:
            return where
        if resolve:
            self._names[where] = name
        if (where, name) not in self._seen:
            self._seen.add((where, name))
            self._watch.add("host", name, str(port or ""), where[0], where[1])
        return where


def _split(line: str) -> list[str]:
    """The words of a shell's command line, roughly."""
    import shlex

    try:
        parts = shlex.shlex(line, posix=True, punctuation_chars=True)
        parts.whitespace_split = True
        return list(parts)
    except ValueError:
        return line.split()
