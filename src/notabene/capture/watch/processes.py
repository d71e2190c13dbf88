"""Forked and spawned workers: each has events of its own, written before it leaves."""

from __future__ import annotations

import atexit
import os

from notabene.capture.watch.core import quietly
from notabene.capture.watch.later import Seen, dress, rebind, when_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from notabene.capture.watch.core import Watch


def install(watch: Watch) -> None:
    """Follow the process into its children, and to its end."""
    forks = [0]

    def before() -> None:
        forks[0] += 1
        quietly(watch.flush)

    def in_child() -> None:
        if watch.on:
            quietly(watch.forked, forks[0])
            quietly(watch.files.forget)
            forks[0] = 0
            for call in watch.after_fork:
                quietly(call)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_child=in_child)
    atexit.register(quietly, watch.end)
    _wrap_exit(watch)
    when_imported("multiprocessing.spawn", lambda module: _name_spawned(watch, module))
    when_imported("multiprocessing.queues", lambda module: _speak_before_results(watch, module))


def _wrap_exit(watch: Watch) -> None:
    leave = os._exit

    def _exit(status: int) -> NoReturn:
        # Forked workers leave this way: neither atexit nor destructors are called.
        if watch.on:
            quietly(watch.end)
        leave(status)

    wrapper = Seen(_exit, leave, "os")
    os._exit = wrapper
    rebind(leave, wrapper)


def _name_spawned(watch: Watch, module: Any) -> None:
    """A spawned worker learns its name only after it has begun."""
    real = module.prepare

    def prepare(data: dict[str, Any]) -> Any:
        quietly(_name, watch, data)
        return real(data)

    module.prepare = dress(prepare, real)


def _speak_before_results(watch: Watch, module: Any) -> None:
    """A worker of a pool is killed when the pool is closed, so it speaks before it hands over.

    Before the first result, the second, the fourth ..., so that small tasks stay cheap.
    """
    real = module.SimpleQueue.put
    counted = [0, 0]  # the process, and its results

    def put(self: Any, obj: Any) -> None:
        if watch.how != "main" and watch.on:
            if counted[0] != watch.pid:
                counted[:] = [watch.pid, 0]
            counted[1] += 1
            if counted[1] & (counted[1] - 1) == 0:
                quietly(watch.last_words)
                quietly(watch.flush)
        real(self, obj)

    module.SimpleQueue.put = dress(put, real)


def _name(watch: Watch, data: dict[str, Any]) -> None:
    """Workers are called ``SpawnProcess-1``, or ``SpawnPoolWorker-2:1`` by a worker."""
    numbers = str(data.get("name", "")).rpartition("-")[2].split(":")
    if all(number.isdigit() for number in numbers):
        watch.name("mp:" + ".".join(numbers))
