"""Which run is the current one: nested, in threads, in tasks, after a fork.

A context variable holds the run begun in this task or ``with`` block; where there is none
(a thread, say) the newest active run of the process counts. A forked child keeps the runs of
its parent, each with a writer of its own from the first log on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from notabene.errors import UsageError

if TYPE_CHECKING:
    from notabene.tracking.recorder import Recorder
    from notabene.tracking.run import Run

_hushed: ContextVar[bool] = ContextVar("notabene_hushed", default=False)
_here: ContextVar[Run | None] = ContextVar("notabene_run", default=None)
_active: list[Run] = []
_attach: list[Callable[[], Run | None]] = []
_last: list[Recorder] = []


def current_run() -> Run | None:
    """The run that ``notabene.log`` writes to here, or None."""
    run = _here.get()
    if run is not None and run.active:
        return run
    return _active[-1] if _active else None


def need_run(verb: str) -> Run:
    """The current run; in a worker that was spawned, that of the process that began it.

    Raises:
        UsageError: There is none.
    """
    run = current_run() or (_attach[0]() if _attach else None)
    if run is None:
        raise UsageError(
            f"notabene.{verb}() was called outside a run",
            hint="call notabene.init() first, or run.log() on a run of your own",
        )
    return run


def enter(run: Run) -> None:
    """Make a run the current one."""
    _active.append(run)
    _here.set(run)


def leave(run: Recorder) -> None:
    """The run is finished; the one around it, or the newest active, is current again."""
    _active[:] = [other for other in _active if other is not run]
    _last[:] = [run]
    if _here.get() is run:
        outer = run.outer
        _here.set(outer if outer is not None and outer.active else None)


def last_run() -> Recorder | None:
    """The run that was finished last in this process, or None."""
    return _last[0] if _last else None


def use(run: Run) -> None:
    """Make an active run the current one of this task (``with run:``)."""
    _here.set(run)


def active_runs() -> tuple[Run, ...]:
    """Runs of this process that are not finished, oldest first."""
    return tuple(_active)


def on_missing(attach: Callable[[], Run | None]) -> None:
    """Say how a process without a run finds that of its parent (spawned workers)."""
    _attach[:] = [attach]


@contextmanager
def hushed() -> Iterator[None]:
    """Runs that begin here say nothing: one of hundreds below another."""
    token = _hushed.set(True)
    try:
        yield
    finally:
        _hushed.reset(token)


def is_hushed() -> bool:
    """Whether a run that begins here is to say nothing."""
    return _hushed.get()


def _after_fork() -> None:
    for run in _active:
        run.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
