"""Forked and spawned workers: each has events of its own, written before it leaves."""

from __future__ import annotations

import atexit
import os
import sys

from notabene.capture.watch.core import WATCH, quietly
from notabene.capture.watch.later import Seen, dress, rebind, when_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from notabene.capture.watch.core import Watch


_BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot")


def install(watch: Watch) -> None:
    """Follow the process into its children, and to its end."""
    forks = [0]

    def before() -> None:
        forks[0] += 1
        quietly(watch.shelter)
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
    for loky in ("loky", "joblib.externals.loky"):
        when_imported(f"{loky}.backend.fork_exec", lambda module: _follow_loky(watch, module))
        when_imported(f"{loky}.backend.queues", lambda module: _speak_before_results(watch, module))


def _wrap_exit(watch: Watch) -> None:
    leave = os._exit

    def _exit(status: int) -> NoReturn:
        # Forked workers leave this way: neither atexit nor destructors are called.
        if watch.on:
            quietly(watch.end)
            quietly(watch.leave_shelter)
        leave(status)

    wrapper = Seen(_exit, leave, "os")
    os._exit = wrapper
    rebind(leave, wrapper)


def _follow_loky(watch: Watch, module: Any) -> None:
    """The workers of joblib import nothing of the program: they are watched from their start."""
    real = module.fork_exec

    def fork_exec(cmd: Any, keep_fds: Any, env: Any = None) -> Any:
        return real(cmd, keep_fds, env=quietly(dressed, cmd, env) or env)

    def dressed(cmd: list[str], env: dict[str, str] | None) -> dict[str, str] | None:
        if "--process-name" not in cmd or not watch.on:
            return env
        watch.shelter()
        name = cmd[cmd.index("--process-name") + 1].rpartition("-")[2]
        before = (env or {}).get("PYTHONPATH") or os.environ.get("PYTHONPATH", "")
        path = os.pathsep.join(filter(None, [_BOOT, before]))
        return {**(env or {}), "PYTHONPATH": path, WATCH: f"{watch.folder}{os.pathsep}loky:{name}"}

    module.fork_exec = dress(fork_exec, real)


def _name_spawned(watch: Watch, module: Any) -> None:
    """A spawned worker learns its name only after it has begun, or has just learned it."""
    process = sys.modules.get("multiprocessing.process")
    if watch.how == "spawn" and process is not None:
        _name(watch, {"name": process.current_process().name})
    plan = module.get_preparation_data

    def get_preparation_data(*args: Any, **options: Any) -> Any:
        quietly(watch.shelter)
        return plan(*args, **options)

    module.get_preparation_data = dress(get_preparation_data, plan)
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
