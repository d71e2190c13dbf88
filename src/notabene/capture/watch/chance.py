"""Where a program's random numbers come from.

The state a generator starts with is taken when its module is imported, before anybody has drawn
from it; entropy of the operating system is noted where it is drawn. Both are handed back when a
run is reproduced (:mod:`.replay`). The values drawn are kept only where a generator of random,
numpy or a machine-learning library asks for them: others may be keys.
"""

from __future__ import annotations

import os
import sys
from array import array
from binascii import a2b_base64, b2a_base64

from .core import quietly
from .later import rebind, when_imported
from .places import USER, direct, kind_of, place

_LONG = 200
_DRAWERS = ("random", "secrets", "uuid")
MOST_FORKS = 64
"""Start states of so many forked workers are kept; each takes 3 KB."""


def install(watch):
    """Begin to watch generators."""
    watch.at_end(lambda: hash_secret(watch))
    _wrap_urandom(watch)
    when_imported("random", lambda module: _Random(watch, module))
    when_imported("numpy.random", lambda module: _Numpy(watch, module))
    when_imported("torch", lambda module: _torch(watch, module))
    when_imported("tensorflow", lambda module: _seeder(watch, module.random, "set_seed", "tf"))
    when_imported("jax.random", lambda module: _jax(watch, module))


def plain(value):
    """A seed as a plain value."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (str, bytes, bytearray)):
        return repr(value)[:_LONG]
    if isinstance(value, (list, tuple)) and len(value) <= 16:
        return [plain(one) for one in value]
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return f"{type(value).__module__}.{type(value).__qualname__}"


def _note_seed(watch, generator, value, frame):
    """Record a seed, and say which to use: in a replay the recorded one."""
    where = place(frame)
    if where is None:
        return value
    if watch.replay is not None:
        value = watch.replay.seed(watch.process_key(), generator, where, value)
    watch.add("seed", generator, plain(value), where[0], where[1])
    return value


def _entropy(watch, by, bits, value, frame):
    """Record entropy that a generator has drawn as a number, and say which to use."""
    where = place(frame)
    if where is None:
        return value
    if watch.replay is not None:
        value = watch.replay.draw(watch.process_key(), by, where, value)
    watch.add("draw", by, bits, str(value), where[0], where[1])
    return value


def hash_secret(watch):
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


def _wrap_urandom(watch):
    real = os.urandom
    seen = set()

    def urandom(size):
        if watch.on and not watch.drawing:
            note(size, sys._getframe(1))
        return real(size)

    def note(size, frame):
        by = frame.f_globals.get("__name__", "")
        if by == "random" and frame.f_back is not None:  # SystemRandom, perhaps for secrets
            by = "secrets" if frame.f_back.f_globals.get("__name__") == "secrets" else by
        if by not in _DRAWERS:
            if kind_of(frame.f_code.co_filename) != USER:
                return  # multiprocessing's key, the name of a temporary file ...
            by = "os"
        where = direct(frame)
        if where is not None and where[0] and where not in seen:
            seen.add(where)
            watch.add("draw", by, size * 8, None, where[0], where[1])

    urandom.__name__ = urandom.__qualname__ = "urandom"
    urandom.__doc__ = real.__doc__
    urandom.__wrapped__ = real
    os.urandom = urandom
    rebind(real, urandom)
    when_imported("random", lambda module: setattr(module, "_urandom", urandom))


class _Random:
    """``random``: the module's own generator, and every other that is made."""

    def __init__(self, watch, module):
        self._watch, self._module = watch, module
        self._first = self._draws = 0
        self._seeded = False
        self._forks = 0
        self._start("start")
        self._wrap()
        watch.at_end(self._used)
        if hasattr(os, "register_at_fork"):
            # After random's own hook, which seeds it anew in a forked child.
            os.register_at_fork(after_in_child=lambda: quietly(self._forked))

    def _start(self, kind):
        random = self._module
        state = random.getstate()
        if self._watch.replay is not None:
            found = self._watch.replay.start(self._watch.process_key(), "random")
            if found is not None:
                random.setstate(unpack_random(found))
                state = random.getstate()
        self._first = state
        self._seeded = False
        self._watch.add(kind, "random", pack_random(state))

    def _forked(self):
        self._forks += 1
        if self._forks <= MOST_FORKS:
            self._start("start")

    def _wrap(self):
        watch, random = self._watch, self._module
        kind, own = random.Random, random._inst
        real = kind.seed
        outer = self

        def seed(self, a=None, version=2):
            if not watch.on:
                return real(self, a, version)
            frame = sys._getframe(1)
            if a is None:
                library = frame.f_code.co_filename
                if library == random.__file__:  # Random.__init__
                    frame = frame.f_back or frame
                if _is_tempfile(frame):
                    return real(self, a, version)
                a = int.from_bytes(os.urandom.__wrapped__(32), "little")
                a = quietly(_number, _entropy, watch, "random", 256, a, frame) or a
            else:
                if self is own:
                    outer._seeded = True
                if isinstance(a, (int, float, str, bytes, bytearray)):
                    found = quietly(_note_seed, watch, "random", a, frame)
                    a = a if found is None else found
            return real(self, a, version)

        seed.__doc__ = real.__doc__
        seed.__wrapped__ = real
        kind.seed = seed
        before = random.seed
        random.seed = own.seed
        rebind(before, own.seed)

    def _used(self):
        if not self._seeded and self._module.getstate() != self._first:
            self._watch.add("used", "random")


def _number(call, *args):
    return int(call(*args))


def _is_tempfile(frame):
    """Names of temporary files are drawn at random, and are nobody's result."""
    for _ in range(4):
        if frame is None:
            return False
        if frame.f_globals.get("__name__") in ("tempfile", "uuid", "multiprocessing.util"):
            return True
        frame = frame.f_back
    return False


class _Numpy:
    """``numpy.random``: the global generator, and the entropy of all others."""

    def __init__(self, watch, module):
        self._watch, self._module = watch, module
        self._seeded = False
        state = module.get_state()
        if watch.replay is not None:
            found = watch.replay.start("", "numpy")
            if found is not None:
                module.set_state(unpack_numpy(found))
                state = module.get_state()
        self._first = pack_numpy(state)
        watch.add("start", "numpy", self._first)
        quietly(self._wrap_entropy)
        for name in ("seed", "default_rng"):
            quietly(self._wrap_seed, name)
        watch.at_end(self._used)
        watch.after_fork.append(self._forked)

    def _forked(self):
        # A forked child goes on where its parent stood.
        self._first = pack_numpy(self._module.get_state())

    def _wrap_entropy(self):
        bits, watch = self._module.bit_generator, self._watch
        real = bits.randbits

        def randbits(count):
            watch.drawing = True
            try:
                value = real(count)
            finally:
                watch.drawing = False
            if not watch.on:
                return value
            found = quietly(
                _number, _entropy, watch, "numpy.random", count, value, sys._getframe(1)
            )
            return value if found is None else found

        bits.randbits = randbits

    def _wrap_seed(self, name):
        watch, random, outer = self._watch, self._module, self
        real = getattr(random, name)

        def wrapper(seed=None):
            if seed is not None and watch.on:
                found = quietly(_note_seed, watch, f"numpy.{name}", seed, sys._getframe(1))
                seed = seed if found is None else found
                if name == "seed":
                    outer._seeded = True
            return real(seed)

        wrapper.__name__ = wrapper.__qualname__ = name
        wrapper.__doc__ = real.__doc__
        wrapper.__wrapped__ = real
        setattr(random, name, wrapper)
        rebind(real, wrapper)

    def _used(self):
        if not self._seeded and pack_numpy(self._module.get_state()) != self._first:
            self._watch.add("used", "numpy")


def _torch(watch, module):
    first = module.initial_seed()
    if watch.replay is not None:
        found = watch.replay.start("", "torch")
        if found is not None:
            module.manual_seed(int(found))
            first = int(found)
    watch.add("start", "torch", str(first))
    before = module.get_rng_state()
    seeded = _seeder(watch, module, "manual_seed", "torch")
    module.random.manual_seed = module.manual_seed

    def used():
        if not seeded and not module.equal(before, module.get_rng_state()):
            watch.add("used", "torch")

    watch.at_end(used)


def _jax(watch, module):
    for name in ("PRNGKey", "key"):
        if hasattr(module, name):
            _seeder(watch, module, name, f"jax.{name}")


def _seeder(watch, module, name, generator):
    """Wrap a function whose first argument is a seed; the list fills when it is called."""
    real = getattr(module, name)
    calls = []

    def wrapper(seed, *args, **options):
        if watch.on:
            calls[:] = [True]
            found = quietly(_note_seed, watch, generator, seed, sys._getframe(1))
            seed = seed if found is None else found
        return real(seed, *args, **options)

    wrapper.__name__ = wrapper.__qualname__ = name
    wrapper.__doc__ = real.__doc__
    wrapper.__wrapped__ = real
    setattr(module, name, wrapper)
    rebind(real, wrapper)
    return calls


def pack_random(state):
    """State of :mod:`random` as text: 625 words of 32 bits, and the pending Gauss value."""
    version, words, gauss = state
    data = b2a_base64(array("I", words).tobytes(), newline=False).decode()
    return f"{version}:{'' if gauss is None else gauss.hex()}:{data}"


def unpack_random(text):
    """The inverse of :func:`pack_random`."""
    version, gauss, data = text.split(":")
    words = array("I")
    words.frombytes(a2b_base64(data))
    return int(version), tuple(words), float.fromhex(gauss) if gauss else None


def pack_numpy(state):
    """State of numpy's global MT19937 as text."""
    _, words, at, has_gauss, gauss = state
    data = b2a_base64(words.astype("<u4").tobytes(), newline=False).decode()
    return f"{at}:{has_gauss}:{float(gauss).hex()}:{data}"


def unpack_numpy(text):
    """The inverse of :func:`pack_numpy`."""
    at, has_gauss, gauss, data = text.split(":")
    words = array("I")
    words.frombytes(a2b_base64(data))
    return "MT19937", list(words), int(at), int(has_gauss), float.fromhex(gauss)
