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
NUMBA = 624 * 4
"""Bytes that compiled code of numba draws for each of its two generators, when it first uses them:
the state of a Mersenne Twister. It asks ``os.urandom``, from whichever line called it."""


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
        found: bytes = real(size, *flags, **more)
        if watch.on and not watch.drawing:
            found = quietly(note, size, found, sys._getframe(1)) or found
        return found

    def note(size: int, found: bytes, frame: FrameType) -> bytes:
        if size == NUMBA and "numba" in sys.modules and name not in frame.f_code.co_names:
            return _for_numba(watch, found, frame)
        by = str(frame.f_globals.get("__name__", ""))
        if by == "random" and frame.f_back is not None:  # SystemRandom, perhaps for secrets
            by = "secrets" if frame.f_back.f_globals.get("__name__") == "secrets" else by
        if by not in _DRAWERS:
            if kind_of(frame.f_code.co_filename) != USER:
                return found  # multiprocessing's key, the name of a temporary file ...
            by = "os"
        where = direct(frame)
        if where is not None and where[0] and where not in seen:
            seen.add(where)
            watch.add("draw", by, size * bits, None, where[0], where[1])
        return found

    wrapper = Seen(draw, real, "os")
    setattr(os, name, wrapper)
    rebind(real, wrapper)
    if name == "urandom":
        when_imported("random", lambda module: _join(module, wrapper))


def _for_numba(watch: Watch, found: bytes, frame: FrameType) -> bytes:
    """A state that follows from 256 bits of what was drawn, since so many are kept."""
    from hashlib import shake_256

    from notabene.capture.watch.generators import note_entropy

    drawn = int.from_bytes(found[:32], "little")
    drawn = note_entropy(watch, "numba", 256, drawn, frame)
    return shake_256(drawn.to_bytes(32, "little")).digest(len(found))


def _join(module: ModuleType, wrapper: Seen) -> None:
    module.__dict__["_urandom"] = wrapper
