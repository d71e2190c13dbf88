"""Programs that are started and hosts that are talked to."""

from __future__ import annotations

import sys

from .files import _text
from .places import direct, place

_LOCAL = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "")


def install(watch):
    """Begin to watch what the program reaches beyond itself."""
    observer = _Outside(watch)
    watch.handlers.update(
        {
            "subprocess.Popen": observer.popen,
            "os.system": observer.system,
            "os.posix_spawn": observer.spawned,
            "os.exec": observer.spawned,
            "socket.connect": observer.connected,
            "socket.getaddrinfo": observer.resolved,
            "urllib.Request": observer.requested,
        }
    )


class _Outside:
    def __init__(self, watch):
        self._watch = watch
        self._seen = set()
        self._names = {}

    def popen(self, args):
        executable, words = args[0], args[1]
        self._program(words if words else [executable], sys._getframe(2))

    def system(self, args):
        self._program(_text(args[0]), sys._getframe(2))

    def spawned(self, args):
        # subprocess has told of it already.
        if "subprocess" not in sys._getframe(2).f_code.co_filename:
            self._program(args[1] or [args[0]], sys._getframe(2))

    def _program(self, words, frame):
        where = direct(frame)
        if where is None or not where[0]:
            return
        if isinstance(words, (str, bytes)):
            words = [_text(words)]
        found = [_text(word)[:2000] for word in list(words)[:200]]
        if (*where, *found) not in self._seen:
            self._seen.add((*where, *found))
            self._watch.add("program", found, where[0], where[1])

    def resolved(self, args):
        self._host(_text(args[0]) if args[0] else "", args[1], sys._getframe(2), resolve=True)

    def connected(self, args):
        address = args[1]
        if isinstance(address, tuple) and len(address) >= 2:
            self._host(str(address[0]), address[1], sys._getframe(2))

    def requested(self, args):
        from urllib.parse import urlsplit

        parts = urlsplit(args[0])
        if parts.scheme in ("http", "https", "ftp"):
            self._host(parts.hostname or "", parts.port or parts.scheme, sys._getframe(2))

    def _host(self, name, port, frame, resolve=False):
        where = place(frame)
        if where is None or not where[0]:
            return
        known = self._names.get(where)
        # An address that follows the look-up of a name at the same line is that name's.
        if known is not None and not resolve and known != name:
            return
        if resolve:
            self._names[where] = name
        if (where, name) in self._seen:
            return
        self._seen.add((where, name))
        local = name in _LOCAL or name.startswith("127.")
        kind = "host" if not local else "local-host"
        self._watch.add(kind, name, str(port or ""), where[0], where[1])
