"""Importing on a background thread, so that no fork falls into the middle of an import.

A child that is forked while another thread imports a module inherits that module's import
lock, held by a thread it does not have: should it import the module as well, it hangs for
ever. Data loaders fork just when the capture begins its work. Therefore a fork waits until
what is imported here is done, a few milliseconds once at the beginning.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module

PATIENCE = 5.0
"""Seconds that a fork waits at most: an import from a dead network drive must not hold it."""

_importing = threading.RLock()
_waited = threading.local()


def load(*names: str) -> None:
    """Import modules; to be called on background threads before code that needs them.

    Raises:
        ImportError: There is no such module; those before it are imported.
    """
    with _importing:
        for name in names:
            import_module(name)


def _before_fork() -> None:
    _waited.yes = _importing.acquire(timeout=PATIENCE)


def _after_fork_in_parent() -> None:
    if _waited.yes:
        _importing.release()


def _after_fork_in_child() -> None:
    global _importing
    _importing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
