"""Environment variables, the clock and the number of processors, where the user's code asks."""

from __future__ import annotations

import os
import re
import sys
import time

from .later import rebind
from .places import USER, direct, kind_of

_SECRET = re.compile(r"(?i)key|token|secret|passw|passphrase|credential|auth|cookie|dsn")
_ENVIRONMENT = ("os", "_collections_abc", "collections.abc")
HIDDEN = "[hidden]"


def install(watch):
    """Begin to watch reads of the environment and the clock."""
    _watch_environment(watch)
    for name in ("time", "time_ns"):
        _watch_clock(watch, name)
    for name in ("cpu_count", "process_cpu_count", "sched_getaffinity"):
        if hasattr(os, name):
            _watch_processors(watch, name)


def _watch_environment(watch):
    kind = type(os.environ)
    real = kind.__getitem__
    seen = set()

    def __getitem__(self, key):
        try:
            value = real(self, key)
        except KeyError:
            if key not in seen and watch.on:
                note(key, None)
            raise
        if key not in seen and watch.on:
            note(key, value)
        return value

    def note(key, value):
        frame = sys._getframe(2)
        while frame is not None and frame.f_globals.get("__name__") in _ENVIRONMENT:
            frame = frame.f_back
        # gettext and its likes read variables of their own on behalf of whoever calls them.
        if frame is None or kind_of(frame.f_code.co_filename) != USER or not isinstance(key, str):
            return
        where = (frame.f_code.co_filename, frame.f_lineno)
        seen.add(key)
        if value is not None and _SECRET.search(key):
            value = HIDDEN
        watch.add("variable", key, value, where[0], where[1])

    __getitem__.__wrapped__ = real
    kind.__getitem__ = __getitem__


def _watch_clock(watch, name):
    real = getattr(time, name)
    seen = set()
    getframe = sys._getframe

    def clock():
        value = real()
        frame = getframe(1)
        here = (frame.f_code.co_filename, frame.f_lineno)
        if here in seen or not watch.on:
            return value
        seen.add(here)
        if kind_of(here[0]) != USER:
            return value
        if watch.replay is not None:
            value = watch.replay.clock(here, value)
        watch.add("clock", name, value, *here)
        return value

    clock.__name__ = clock.__qualname__ = name
    clock.__doc__ = real.__doc__
    clock.__wrapped__ = real
    setattr(time, name, clock)
    rebind(real, clock)


def _watch_processors(watch, name):
    real = getattr(os, name)
    seen = set()

    def processors(*args):
        where = direct(sys._getframe(1))
        if where is not None and where[0] and where not in seen and watch.on:
            seen.add(where)
            watch.add("processors", where[0], where[1])
        return real(*args)

    processors.__name__ = processors.__qualname__ = name
    processors.__doc__ = real.__doc__
    processors.__wrapped__ = real
    setattr(os, name, processors)
    rebind(real, processors)
