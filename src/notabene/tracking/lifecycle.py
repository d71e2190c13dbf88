"""How runs end when nobody calls ``finish()``: exit, exception, signal, fork.

Installed once per process, when the first run begins. Handlers of the program are chained to,
exit codes stay what they were, and everything together takes at most a few seconds: what does
not get to the journal in time stays in the ring and is brought home by the next reader.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import traceback as tb
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import FrameType, TracebackType
from typing import Any, NoReturn

from notabene.tracking import context
from notabene.tracking.guard import quietly

SIGNALS = ("SIGTERM", "SIGHUP")
FLUSH_WITHIN = 2.0
CTRL_C = "Ctrl-C"

_installed = False
_exit_code: int | None = None
_ending: dict[str, Any] | None = None
_loaded = 0
_previous: dict[int, Any] = {}


def install(*, signals: bool = True) -> None:
    """Chain into exit, exceptions and signals; what is in place stays as it is.

    Args:
        signals: False in a worker that shares out work, whose signals stay its own; see
            :func:`_give_signals_back`.
    """
    global _installed, _previous_hook, _previous_exit
    if not _installed:
        _installed = True
        atexit.register(_at_exit)
        _previous_hook = sys.excepthook
        sys.excepthook = _on_exception
        _previous_exit = sys.exit
        sys.exit = _on_sys_exit
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=_hold_signals,
                after_in_child=_give_signals_back,
                after_in_parent=_let_signals_in,
            )
    if signals and not _previous and threading.current_thread() is threading.main_thread():
        for name in SIGNALS:
            number = getattr(signal, name, None)
            if number is not None:
                quietly(partial(_take_signal, number))


_previous_hook: Callable[..., Any] = sys.excepthook
_previous_exit: Callable[..., NoReturn] = sys.exit


def ending_of(error: BaseException, trace: TracebackType | None) -> dict[str, Any]:
    """Arguments for ``Run.finish`` that say how an exception ended the run."""
    text = "".join(tb.format_exception(type(error), error, trace))
    line = "".join(tb.format_exception_only(type(error), error)).strip().splitlines()
    reason = line[0][:500] if line else type(error).__name__
    if isinstance(error, KeyboardInterrupt):
        return {"status": "stopped", "reason": CTRL_C}
    if isinstance(error, GeneratorExit):  # whoever used the generator has had enough
        return {"status": "finished"}
    if isinstance(error, SystemExit):
        code = _code_of(error.code)
        good = code == 0
        return {
            "status": "finished" if good else "failed",
            "exit_code": code,
            "reason": "" if good else f"exit code {code}",
        }
    return {"status": "failed", "exit_code": 1, "reason": reason, "traceback": text}


def _code_of(code: object) -> int:
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1


def _on_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    global _ending, _loaded
    _ending, _loaded = ending_of(error, trace), len(sys.modules)
    _previous_hook(kind, error, trace)


def _on_sys_exit(code: Any = None, /) -> NoReturn:
    # SystemExit reaches neither excepthook nor atexit, so its code is noted on the way.
    global _exit_code
    _exit_code = _code_of(code)
    _previous_exit(code)


def _at_exit() -> None:
    ending: dict[str, Any] = _ending or {"status": "finished"}
    if _ending is None and _exit_code:
        ending = {
            "status": "failed",
            "exit_code": _exit_code,
            "reason": f"exit code {_exit_code}",
        }
    for run in reversed(context.active_runs()):
        quietly(partial(run.finish, **ending))
    if ending.get("reason") == CTRL_C and len(sys.modules) != _loaded:
        quietly(_remember_interrupt)


def _remember_interrupt() -> None:
    """Make the interpreter exit with 130 after all.

    CPython notes that KeyboardInterrupt reached the top, and forgets it when a module is
    imported for the first time after that. Raising it once more at top level renews the note.
    """
    import ctypes

    hook = sys.excepthook
    sys.excepthook = lambda *_: None
    try:
        ctypes.pythonapi.PyRun_SimpleString(b"raise KeyboardInterrupt")
    finally:
        sys.excepthook = hook


def _take_signal(number: int) -> None:
    previous = signal.getsignal(number)
    if previous is None or previous is signal.SIG_IGN:
        return  # set from C, or ignored on purpose (nohup)
    _previous[number] = previous
    signal.signal(number, _on_signal)


class _Held(threading.local):
    """Which signals a thread had blocked before it began to fork."""

    mask: Any = None


_held = _Held()


def _hold_signals() -> None:
    """Before a fork: what comes for the child waits until its signals are its own.

    The interpreter forgets in a new child which handlers were to run; a worker that is to be
    ended as soon as it was made, as ``Pool.terminate`` does, would live on.
    """
    if _previous:
        _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _previous)


def _let_signals_in() -> None:
    if _held.mask is not None:
        mask, _held.mask = _held.mask, None
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _give_signals_back() -> None:
    """In a forked child: its signals are its own again, until it begins a run itself.

    A handler in Python runs between two instructions. A worker that waits for work in a system
    call may never come to the next one, where the signal came just before the call: then
    ``Pool.terminate`` waits for ever. What the child logged lies in its ring and is not lost.
    """
    for number, previous in _previous.items():
        if signal.getsignal(number) is _on_signal:
            quietly(partial(signal.signal, number, previous))
    _previous.clear()
    _let_signals_in()


def _on_signal(number: int, frame: FrameType | None) -> None:
    """Save what there is, then let the program's own handler, or the default, go on."""
    global _ending
    name = signal.Signals(number).name
    ending = {"status": "stopped", "reason": name, "exit_code": 128 + number}
    previous = _previous.get(number, signal.SIG_DFL)
    if callable(previous):
        # The program may go on after its handler: bring data home, and end the runs only if
        # it exits.
        _ending = ending
        _within(FLUSH_WITHIN, _flush_all)
        previous(number, frame)
        return
    with ExitStack() as stack:
        for run in context.active_runs():
            quietly(partial(run.let_others_in, stack, FLUSH_WITHIN / 8))
        _within(FLUSH_WITHIN, lambda: _finish_all(ending))
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _within(seconds: float, call: Callable[[], None]) -> None:
    """Do something in a thread of its own: the interrupted code may hold our locks."""
    thread = threading.Thread(target=lambda: quietly(call), daemon=True)
    if quietly(thread.start) is None:
        thread.join(seconds)


def _finish_all(ending: dict[str, Any]) -> None:
    for run in reversed(context.active_runs()):
        quietly(partial(run.finish, **ending, timeout=FLUSH_WITHIN * 0.8))


def _flush_all() -> None:
    for run in context.active_runs():
        quietly(run.flush)
