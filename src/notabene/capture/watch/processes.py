"""Forked and spawned workers: each has events of its own, written before it leaves."""

from __future__ import annotations

import atexit
import os
import sys

from .core import quietly
from .later import when_imported


def install(watch):
    """Follow the process into its children, and to its end."""
    forks = [0]

    def before():
        forks[0] += 1
        quietly(watch.flush)

    def in_child():
        if watch.on:
            quietly(watch.forked, forks[0])
            quietly(watch.files.forget)
            forks[0] = 0
            for call in watch.after_fork:
                quietly(call)
            quietly(_finish_with_multiprocessing, watch)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_child=in_child)
    atexit.register(quietly, watch.end)
    leave = os._exit

    def _exit(status):
        # Forked workers leave this way: neither atexit nor destructors are called.
        if watch.on and watch.key:
            quietly(watch.end)
        leave(status)

    _exit.__wrapped__ = leave
    os._exit = _exit
    when_imported("multiprocessing.spawn", lambda module: _name_spawned(watch, module))


def _finish_with_multiprocessing(watch):
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, watch.end, exitpriority=-100)


def _name_spawned(watch, module):
    """A spawned worker learns its name only after it has begun."""
    prepare = module.prepare

    def prepared(data):
        prepare(data)
        quietly(_finish_with_multiprocessing, watch)

    module.prepare = prepared
