"""Doing something to a module once it has been imported, now or later; putting a function into
the place of another."""

from __future__ import annotations

import sys
from _thread import get_ident

from notabene.capture.watch.core import quietly
from notabene.capture.watch.places import USER, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Call = Callable[[Any], object]

_waiting: dict[str, list[Call]] = {}
_looking: set[tuple[int, str]] = set()


def when_imported(name: str, call: Call) -> None:
    """Call ``call(module)`` now if the module is there already, else right after its import."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if module is not None and not getattr(spec, "_initializing", False):
        quietly(call, module)
        return
    _waiting.setdefault(name, []).append(call)
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)


class Finder:
    """Finds nothing itself: lets the others find a module that is waited for, and has its loader
    tell when the module has been executed."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Called by the import system."""
        if name not in _waiting:
            return None
        busy = (get_ident(), name)
        if busy in _looking:
            return None
        _looking.add(busy)
        try:
            spec = _others(name, path, target)
        finally:
            _looking.discard(busy)
        if spec is not None and spec.loader is not None:
            quietly(_follow, spec.loader)
        return spec


def _others(name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find = None if finder is Finder else getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = find(name, path, target) if find else None
        if spec is not None:
            return spec
    return None


def _follow(loader: Any) -> None:
    """Most loader objects are made for one module; that of a zip archive is for many."""
    execute = loader.exec_module
    if isinstance(loader, type) or hasattr(execute, "__wrapped__"):
        return

    def exec_module(module: ModuleType) -> None:
        execute(module)
        name = module.__name__
        for call in _waiting.pop(name, ()):
            quietly(call, sys.modules.get(name, module))

    dress(exec_module, execute)
    loader.exec_module = exec_module


# -- functions in the place of others ------------------------------------------------------


def dress(wrapper: Any, real: Any) -> Any:
    """Give a wrapper the name, text and signature of what it stands for."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        value = getattr(real, name, None)
        if value is not None or name == "__doc__":
            setattr(wrapper, name, value)
    wrapper.__wrapped__ = real
    return wrapper


class Seen(staticmethod):  # type: ignore[type-arg]  # Python 3.8 knows no brackets here
    """A function in the place of one written in C.

    Unlike a plain function it does not become a method where a class has it as an attribute
    (``pathlib`` before 3.11 does that with ``os.stat``), and it is pickled by name.

    Args:
        call: The function.
        real: What it stands for.
        module: Where it is found.
    """

    def __init__(self, call: Callable[..., Any], real: Any, module: str) -> None:
        super().__init__(call)
        self._real = real
        self.__module__ = module
        self.__name__ = real.__name__
        self.__qualname__ = real.__name__
        self.__doc__ = real.__doc__
        self.__self__ = getattr(real, "__self__", None)

    @property
    def __wrapped__(self) -> Any:
        return self._real

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self

    def __reduce__(self) -> str:
        return self.__name__

    def __repr__(self) -> str:
        return repr(self._real)

    if sys.version_info < (3, 10):

        def __call__(self, *args: Any, **options: Any) -> Any:
            """What newer staticmethods do of themselves."""
            return self.__func__(*args, **options)


class _Batch:
    """Replacements that wait for one pass over all modules."""

    waits = False
    pairs: dict[int, tuple[object, object]] = {}  # noqa: RUF012  # one for the process


def hold() -> None:
    """Let :func:`rebind` wait for :func:`settle`."""
    _Batch.waits = True


def rebind(original: object, replacement: object) -> None:
    """Let names that the user's modules took before us (``from time import time``) mean ours."""
    _Batch.pairs[id(original)] = (original, replacement)
    if not _Batch.waits:
        settle()


def settle() -> None:
    """One pass over the user's modules for all that was to be rebound."""
    pairs, _Batch.pairs, _Batch.waits = _Batch.pairs, {}, False
    for name, module in list(sys.modules.items()):
        names = getattr(module, "__dict__", None)
        if not pairs or not isinstance(names, dict):
            continue
        file = names.get("__file__")
        if name != "__main__" and (not isinstance(file, str) or kind_of(file) != USER):
            continue
        for key, value in list(names.items()):
            pair = pairs.get(id(value))
            if pair is not None and pair[0] is value:
                names[key] = pair[1]


def put(holder: Any, name: str, wrapper: Any) -> None:
    """Put a wrapper in the place of what a module or class has, for those who took it as well."""
    real = wrapper.__wrapped__
    setattr(holder, name, wrapper)
    rebind(real, wrapper)
