"""Entropy of the operating system, and what the order of sets hangs on.

The values drawn are kept only where a generator of random, numpy or a machine-learning library
asks for them (:mod:`.generators`): others may be keys.
"""

from __future__ import annotations

import os
import sys

from notabene.capture.watch.core import quietly
from notabene.capture.watch.later import Seen, rebind, when_imported
from notabene.capture.watch.places import USER, direct, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, ModuleType

    from notabene.capture.watch.core import Watch

_DRAWERS = ("random", "secrets", "uuid")


def install(watch: Watch) -> None:
    """Begin to watch what is drawn."""
    watch.at_end(lambda: hash_secret(watch))
    _wrap_urandom(watch)


def hash_secret(watch: Watch) -> None:
    """Record what the order of sets hangs on; a second call does nothing.

    It never changes, and ctypes takes 10 ms to import: so this is asked for late.
    """
    if any(event[:2] == ("start", "hash") for event in watch.events):
        return
    fixed = os.environ.get("PYTHONHASHSEED", "random")
    if not sys.flags.hash_randomization or fixed.isdigit():
        watch.add("start", "hash", fixed if fixed.isdigit() else "0")
        return
    try:
        import ctypes

        secret = bytes((ctypes.c_ubyte * 24).in_dll(ctypes.pythonapi, "_Py_HashSecret"))
    except (ImportError, ValueError, AttributeError):
        watch.add("start", "hash", "random")
        return
    watch.add("start", "hash", "secret:" + secret.hex())


def _wrap_urandom(watch: Watch) -> None:
    _wrap_draw(watch, "urandom", 8)
    if hasattr(os, "getrandom"):
        _wrap_draw(watch, "getrandom", 8)


def _wrap_draw(watch: Watch, name: str, bits: int) -> None:
    real = getattr(os, name)
    seen: set[tuple[str, int]] = set()

    def draw(size: int, *flags: int, **more: int) -> bytes:
        if watch.on and not watch.drawing:
            quietly(note, size, sys._getframe(1))
        found: bytes = real(size, *flags, **more)
        return found

    def note(size: int, frame: FrameType) -> None:
        by = str(frame.f_globals.get("__name__", ""))
        if by == "random" and frame.f_back is not None:  # SystemRandom, perhaps for secrets
            by = "secrets" if frame.f_back.f_globals.get("__name__") == "secrets" else by
        if by not in _DRAWERS:
            if kind_of(frame.f_code.co_filename) != USER:
                return  # multiprocessing's key, the name of a temporary file ...
            by = "os"
        where = direct(frame)
        if where is not None and where[0] and where not in seen:
            seen.add(where)
            watch.add("draw", by, size * bits, None, where[0], where[1])

    wrapper = Seen(draw, real, "os")
    setattr(os, name, wrapper)
    rebind(real, wrapper)
    if name == "urandom":
        when_imported("random", lambda module: _join(module, wrapper))


def _join(module: ModuleType, wrapper: Seen) -> None:
    module.__dict__["_urandom"] = wrapper
