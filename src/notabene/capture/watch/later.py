"""Doing something to a module once it has been imported, now or later."""

from __future__ import annotations

import sys
import threading

from .core import quietly

_waiting = {}
_looking = threading.local()
_installed = False


def when_imported(name, call):
    """Call ``call(module)`` now if the module is there already, else right after its import."""
    global _installed
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if module is not None and not getattr(spec, "_initializing", False):
        quietly(call, module)
        return
    _waiting.setdefault(name, []).append(call)
    if not _installed:
        _installed = True
        sys.meta_path.insert(0, _Finder)


class _Finder:
    """Finds nothing itself: lets the others find a module that is waited for, and has its loader
    tell when the module has been executed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Called by the import system."""
        if name not in _waiting:
            return None
        busy = _looking.__dict__.setdefault("names", set())
        if name in busy:
            return None
        busy.add(name)
        try:
            spec = _others(name, path, target)
        finally:
            busy.discard(name)
        if spec is not None and spec.loader is not None:
            quietly(_follow, name, spec.loader)
        return spec


def _others(name, path, target):
    for finder in sys.meta_path:
        find = None if finder is _Finder else getattr(finder, "find_spec", None)
        spec = find(name, path, target) if find else None
        if spec is not None:
            return spec
    return None


def _follow(name, loader):
    """A loader object is made for one module, so the change goes with it."""
    execute = loader.exec_module

    def exec_module(module):
        try:
            execute(module)
        finally:
            del loader.exec_module
        for call in _waiting.pop(name, ()):
            quietly(call, module)

    loader.exec_module = exec_module


def rebind(original, replacement):
    """Let names that the user's modules took before us (``from time import time``) mean ours."""
    from .places import USER, kind_of

    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        file = names.get("__file__") if isinstance(names, dict) else None
        if not isinstance(file, str) or kind_of(file) != USER:
            continue
        for name, value in list(names.items()):
            if value is original:
                names[name] = replacement
