"""Environment variables, the clock and the number of processors, where the user's code asks."""

from __future__ import annotations

import os
import sys
import time

from notabene.capture.watch.later import Seen, dress, rebind
from notabene.capture.watch.places import USER, direct, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from notabene.capture.watch.core import Watch

_ENVIRONMENT = ("os", "_collections_abc", "collections.abc")
COPIED = 9
"""A line that reads so many variables copies the environment, and asks for none of them."""
DEEP = 1 if sys.version_info >= (3, 10) else 2
"""Frames between a clock and its caller; before Python 3.10 :class:`Seen` has one of its own."""
SURE = 1_000
ONE_OF = 16
"""After so many reads at no new place one of so many is looked at: a loop that reads the clock at
each step pays for it no longer."""
_CLOCKS = "time time_ns perf_counter perf_counter_ns monotonic monotonic_ns".split()


def install(watch: Watch) -> None:
    """Begin to watch reads of the environment and the clock."""
    _Environment(watch)
    for name in _CLOCKS:
        _watch_clock(watch, name)
    for name in ("cpu_count", "process_cpu_count", "sched_getaffinity"):
        if hasattr(os, name):
            _watch_processors(watch, name)


class _Environment:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._seen: set[object] = set()
        self._at: dict[tuple[str, int], list[object]] = {}
        kind: Any = type(os.environ)
        kind.__getitem__ = self._reader(kind.__getitem__)
        kind.__setitem__ = self._writer(kind.__setitem__)

    def _reader(self, real: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        watch, seen, note = self._watch, self._seen, self._note

        def __getitem__(self: Any, key: Any) -> Any:
            try:
                value = real(self, key)
            except KeyError:
                if watch.on and key not in seen:
                    note(key, None)
                raise
            if key not in seen and watch.on:
                note(key, value)
            return value

        dress(__getitem__, real)
        return __getitem__

    def _writer(self, real: Callable[[Any, Any, Any], None]) -> Callable[[Any, Any, Any], None]:
        seen = self._seen

        def __setitem__(self: Any, key: Any, value: Any) -> None:
            real(self, key, value)
            seen.add(key)  # from now on its value is the program's own

        dress(__setitem__, real)
        return __setitem__

    def _note(self, key: Any, value: Any) -> None:
        try:
            self._tell(key, value)
        except Exception:
            return

    def _tell(self, key: Any, value: Any) -> None:
        frame = sys._getframe(3)
        while frame.f_globals.get("__name__") in _ENVIRONMENT and frame.f_back is not None:
            frame = frame.f_back
        # gettext and its likes read variables of their own on behalf of whoever calls them.
        if kind_of(frame.f_code.co_filename) != USER:
            return
        where = (frame.f_code.co_filename, frame.f_lineno)
        known = self._at.setdefault(where, [])
        if len(known) >= COPIED:
            return
        known.append(key)
        self._seen.add(key)
        if len(known) == COPIED:
            # Who asks for one of them later has not been heard yet.
            self._seen.difference_update(known)
        from notabene.capture.watch.hidden import HIDDEN, is_secret, text

        name = os.fsdecode(key)
        if value is not None:
            value = HIDDEN if is_secret(name) else text(os.fsdecode(value))
        self._watch.add("variable", name, value, where[0], where[1])


def _watch_clock(watch: Watch, name: str) -> None:
    real: Callable[[], Any] = getattr(time, name)
    seen: set[tuple[str, int, int]] = set()
    getframe = sys._getframe
    left = SURE
    skip = 0

    def clock() -> Any:
        nonlocal left, skip
        value = real()
        if skip:
            skip -= 1
            return value
        frame = getframe(DEEP)
        code = frame.f_code
        # Where in the code: the number of the line takes long to tell.
        here = (code.co_filename, code.co_firstlineno, frame.f_lasti)
        if here in seen or not watch.on:
            if left:
                left -= 1
            else:
                skip = ONE_OF - 1
            return value
        left = SURE
        seen.add(here)
        if kind_of(here[0]) != USER:
            return value
        return told(value, (here[0], frame.f_lineno))

    def told(value: Any, where: tuple[str, int]) -> Any:
        try:
            if watch.replay is not None:
                value = watch.replay.clock(where, value)
            watch.add("clock", name, value, where[0], where[1])
        except Exception:
            return value
        return value

    wrapper = Seen(clock, real, "time")
    setattr(time, name, wrapper)
    rebind(real, wrapper)


def _watch_processors(watch: Watch, name: str) -> None:
    real = getattr(os, name)
    seen: set[tuple[str, int]] = set()

    def processors(*args: Any) -> Any:
        if watch.on:
            where = direct(sys._getframe(1))
            if where is not None and where[0] and where not in seen:
                seen.add(where)
                watch.add("processors", where[0], where[1])
        return real(*args)

    wrapper = Seen(processors, real, "os")
    setattr(os, name, wrapper)
    rebind(real, wrapper)
