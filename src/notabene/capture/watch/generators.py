"""Where a program's random numbers come from.

The state a generator starts with is taken when its module is imported, before anybody has drawn
from it; entropy that a generator draws from the operating system is noted with its value. Both
are handed back when a run is reproduced (:mod:`.replay`).
"""

from __future__ import annotations

import os
import sys

from notabene.capture.watch.core import quietly
from notabene.capture.watch.later import Seen, dress, put, rebind
from notabene.capture.watch.places import importing, place
from notabene.capture.watch.states import (
    pack_numpy,
    pack_random,
    plain,
    unpack_numpy,
    unpack_random,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, ModuleType
    from typing import Any

    from notabene.capture.watch.core import Watch

MOST_FORKS = 64
"""Start states of so many forked workers are kept; each takes 3 KB."""
_NOT_RANDOM = ("tempfile", "uuid", "multiprocessing.util")
"""Names that these draw are nobody's result."""


def of_random(watch: Watch, module: ModuleType) -> None:
    """Watch ``random``."""
    Random(watch, module)


def of_numpy(watch: Watch, module: ModuleType) -> None:
    """Watch ``numpy.random``."""
    Numpy(watch, module)


def of_torch(watch: Watch, module: Any) -> None:
    """Watch torch's own generator."""
    first = module.initial_seed()
    if watch.replay is not None:
        found = watch.replay.start(watch.process_key(), "torch")
        if found is not None:
            module.manual_seed(int(found))
            first = int(found)
    watch.add("start", "torch", str(first))
    before = module.get_rng_state()
    seeded = seeder(watch, module, "manual_seed", "torch")
    module.random.manual_seed = module.manual_seed
    quietly(_torch_entropy, watch, module)

    def used() -> None:
        if not seeded and not module.equal(before, module.get_rng_state()):
            watch.add("used", "torch")

    watch.at_end(used)


def _torch_entropy(watch: Watch, module: Any) -> None:
    """``torch.seed()`` draws from the operating system, and says what it drew."""
    real, again = module.seed, module.manual_seed.__wrapped__

    def seed() -> int:
        value: int = real()
        found = quietly(note_entropy, watch, "torch", 64, value, sys._getframe(1))
        if found is not None and int(found) != value:
            again(int(found))
            value = int(found)
        return value

    put(module, "seed", dress(seed, real))
    module.random.seed = module.seed


def of_polars(watch: Watch, module: Any) -> None:
    """Watch the generator of polars, whose state cannot be asked for: it starts with a number that
    is drawn for it here as it would have done itself."""
    first = str(int.from_bytes(getattr(os.urandom, "__wrapped__", os.urandom)(8), "little"))
    if watch.replay is not None:
        first = watch.replay.start(watch.process_key(), "polars") or first
    module.set_random_seed(int(first))
    watch.add("start", "polars", first)
    settled = seeder(watch, module, "set_random_seed", "polars")
    for kind, name in (
        (module.DataFrame, "sample"),
        (module.Expr, "sample"),
        (module.Expr, "shuffle"),
    ):
        quietly(_watch_draws, watch, kind, name, settled)


def _watch_draws(watch: Watch, kind: Any, name: str, settled: list[bool]) -> None:
    """The first time that a method of polars draws, and nobody has given a seed.

    Args:
        settled: Filled once there is a seed, or it has been told that there was none.
    """
    real = getattr(kind, name)

    def wrapper(*args: Any, **options: Any) -> Any:
        if not settled and options.get("seed") is None and watch.on:
            where = quietly(place, sys._getframe(1))
            if where is not None:
                settled[:] = [True]
                watch.add("used", "polars", where[0], where[1])
        return real(*args, **options)

    setattr(kind, name, dress(wrapper, real))


def of_tensorflow(watch: Watch, module: Any) -> None:
    """Watch the seeds of TensorFlow, whose state nobody can ask for: only that it got no seed."""
    watch.add("start", "tensorflow", "")
    seeded = seeder(watch, module.random, "set_seed", "tf")

    def used() -> None:
        context = sys.modules.get("tensorflow.python.eager.context")
        if not seeded and (context is None or context.global_seed() is None):
            watch.add("used", "tensorflow")

    watch.at_end(used)


def of_jax(watch: Watch, module: Any) -> None:
    """Watch the keys of JAX."""
    for name in ("PRNGKey", "key"):
        if hasattr(module, name):
            seeder(watch, module, name, f"jax.{name}")


def note_seed(watch: Watch, generator: str, value: Any, frame: FrameType | None) -> Any:
    """Record a seed, and say which to use: in a replay the recorded one."""
    where = place(frame)
    if where is None or not watch.on:
        return value
    if watch.replay is not None:
        value = watch.replay.seed(watch.process_key(), generator, where, value)
    watch.add("seed", generator, plain(value), where[0], where[1])
    return value


def note_entropy(watch: Watch, by: str, bits: int, value: int, frame: FrameType | None) -> int:
    """Record entropy that a generator has drawn as a number, and say which to use."""
    where = place(frame)
    if where is None or not watch.on:
        return value
    if watch.replay is not None:
        value = int(watch.replay.draw(watch.process_key(), by, where, value))
    watch.add("draw", by, bits, str(value), where[0], where[1], importing(frame))
    return value


class Random:
    """``random``: the module's own generator, and every other that is made."""

    def __init__(self, watch: Watch, module: Any) -> None:
        self._watch, self._module = watch, module
        self._first: Any = None
        self._seeded = False
        self._forks = 0
        self._start()
        self._wrap()
        watch.at_end(self._used)
        if watch.replay is not None:
            watch.when_named.append(self._start)
        if hasattr(os, "register_at_fork"):
            # After random's own hook, which seeds it anew in a forked child.
            os.register_at_fork(after_in_child=lambda: quietly(self._forked))

    def _start(self) -> None:
        random, watch = self._module, self._watch
        state = random.getstate()
        if watch.replay is not None:
            found = watch.replay.start(watch.process_key(), "random")
            if found is not None:
                random.setstate(unpack_random(found))
                state = random.getstate()
        self._first = state
        self._seeded = False
        watch.add("start", "random", pack_random(state))

    def _forked(self) -> None:
        self._forks += 1
        if self._forks <= MOST_FORKS and self._watch.on:
            self._start()

    def _wrap(self) -> None:
        watch, random = self._watch, self._module
        kind, own = random.Random, random._inst
        real = kind.seed
        outer = self

        def seed(self: Any, a: Any = None, version: int = 2) -> Any:
            if watch.on:
                a = outer.seeds(self is own, a, sys._getframe(1))
            return real(self, a, version)

        kind.seed = dress(seed, real)
        before = random.seed
        random.seed = own.seed
        rebind(before, own.seed)

    def seeds(self, own: bool, value: Any, frame: FrameType) -> Any:
        """What a generator is to be seeded with."""
        watch = self._watch
        if value is None:
            caller = frame
            if frame.f_code.co_filename == self._module.__file__ and frame.f_back is not None:
                caller = frame.f_back  # Random.__init__
            if _is_name(caller):
                return None
            # Not from our own os.urandom, which would tell of it once more.
            value = int.from_bytes(getattr(os.urandom, "__wrapped__", os.urandom)(32), "little")
            found = quietly(note_entropy, watch, "random", 256, value, caller)
        else:
            if own:
                self._seeded = True
            if not isinstance(value, (int, float, str, bytes, bytearray)):
                return value
            found = quietly(note_seed, watch, "random", value, frame)
        return value if found is None else found

    def _used(self) -> None:
        if not self._seeded and self._module.getstate() != self._first:
            self._watch.add("used", "random")


def _is_name(frame: FrameType | None) -> bool:
    for _ in range(4):
        if frame is None:
            return False
        if frame.f_globals.get("__name__") in _NOT_RANDOM:
            return True
        frame = frame.f_back
    return False


class Numpy:
    """``numpy.random``: the global generator, and the entropy of all others."""

    def __init__(self, watch: Watch, module: Any) -> None:
        self._watch, self._module = watch, module
        self._seeded = False
        self._first = ""
        self._start()
        quietly(self._wrap_entropy)
        for name in ("seed", "default_rng"):
            quietly(self._wrap_seed, name)
        watch.at_end(self._used)
        watch.after_fork.append(self._forked)
        if watch.replay is not None:
            watch.when_named.append(self._start)

    def _start(self) -> None:
        watch, module = self._watch, self._module
        state = module.get_state()
        if watch.replay is not None:
            found = watch.replay.start(watch.process_key(), "numpy")
            if found is not None:
                module.set_state(unpack_numpy(found))
                state = module.get_state()
        self._first = pack_numpy(state)
        watch.add("start", "numpy", self._first)

    def _forked(self) -> None:
        # A forked child goes on where its parent stood; what seeded the parent seeds it as well.
        self._first = pack_numpy(self._module.get_state())

    def _wrap_entropy(self) -> None:
        bits, watch = self._module.bit_generator, self._watch
        real = bits.randbits

        def randbits(count: int) -> int:
            before, watch.drawing = watch.drawing, True
            try:
                value: int = real(count)
            finally:
                watch.drawing = before
            if not watch.on:
                return value
            found = quietly(_drawn, watch, count, value, sys._getframe(1))
            return value if found is None else int(found)

        bits.randbits = dress(randbits, real)

    def _wrap_seed(self, name: str) -> None:
        watch, random, outer = self._watch, self._module, self
        real = getattr(random, name)

        def wrapper(seed: Any = None) -> Any:
            if seed is not None and watch.on:
                found = quietly(note_seed, watch, f"numpy.{name}", seed, sys._getframe(1))
                seed = seed if found is None else found
                if name == "seed":
                    outer._seeded = True
            return real(seed)

        put(random, name, Seen(wrapper, real, "numpy.random"))

    def _used(self) -> None:
        if not self._seeded and pack_numpy(self._module.get_state()) != self._first:
            self._watch.add("used", "numpy")


def _drawn(watch: Watch, bits: int, value: int, frame: FrameType) -> int:
    """``RandomState(7)`` draws entropy as well, and throws it away: that is a seed."""
    from notabene.capture.watch.lines import argument_of

    given, seed = argument_of("RandomState", frame)
    if given:
        where = place(frame)
        if where is not None:
            watch.add("seed", "numpy.RandomState", plain(seed), where[0], where[1])
        return value
    return note_entropy(watch, "numpy.random", bits, value, frame)


def seeder(watch: Watch, module: Any, name: str, generator: str) -> list[bool]:
    """Wrap a function whose first argument is a seed; the list fills when it is called."""
    real = getattr(module, name)
    calls: list[bool] = []

    def wrapper(seed: Any, *args: Any, **options: Any) -> Any:
        if watch.on:
            calls[:] = [True]
            found = quietly(note_seed, watch, generator, seed, sys._getframe(1))
            seed = seed if found is None else found
        return real(seed, *args, **options)

    put(module, name, dress(wrapper, real))
    return calls
