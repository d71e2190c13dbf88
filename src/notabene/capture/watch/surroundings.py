"""The clock and the number of processors, where the user's code asks."""

from __future__ import annotations

import os
import sys
import time

from notabene.capture.watch.later import Seen, rebind
from notabene.capture.watch.places import USER, direct, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from notabene.capture.watch.core import Watch

DEEP = 1 if sys.version_info >= (3, 10) else 2
"""Frames between a clock and its caller; before Python 3.10 :class:`Seen` has one of its own."""
SURE = 300
ONE_OF = 64
"""After so many reads at no new place one of so many is looked at: a loop that reads the clock at
each step pays for it no longer."""
_CLOCKS = "time time_ns perf_counter perf_counter_ns monotonic monotonic_ns".split()


def install(watch: Watch) -> None:
    """Begin to watch reads of the clock."""
    for name in _CLOCKS:
        _watch_clock(watch, name)
    for name in ("cpu_count", "process_cpu_count", "sched_getaffinity"):
        if hasattr(os, name):
            _watch_processors(watch, name)


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
