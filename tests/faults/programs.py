"""Training programs that use the SDK and are hurt; run as ``python programs.py CASE STORE``.

A count of acknowledged rows lies in ``<store>.counters``; see :mod:`workload`. Row i of slot s has
the value ``value_of(s, i)`` under the key ``s<s>``, at step i.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import multiprocessing
import os
import resource
import signal
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    from workload import Counters, tell, value_of
else:
    from tests.faults.workload import Counters, tell, value_of

import notabene


def _without_signals() -> None:
    from notabene.tracking import lifecycle

    lifecycle._take_signal = lambda _number: None


def _without_ring() -> None:
    from notabene.tracking import writers

    writers.is_local = lambda _path: False
    writers.private_folder = lambda **_: None


def _without_steady_clock() -> None:
    from notabene._ids import now_us
    from notabene.tracking import recorder

    recorder.steady_us = now_us


def _without_forks() -> None:
    from notabene.tracking.run import Run

    Run.forked = lambda _self: None


def _without_ctrl_c() -> None:
    hook = sys.excepthook

    def deaf(*error):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        hook(*error)

    sys.excepthook = deaf


GUARDS = {
    "ctrl-c": _without_ctrl_c,
    "forks": _without_forks,
    "ring": _without_ring,
    "signals": _without_signals,
    "steady clock": _without_steady_clock,
}
"""What ``WITHOUT`` in the environment may switch off, to see that the tests see it."""


def counters_of(store: str) -> Counters:
    """The counters that the test looks at."""
    return Counters(Path(f"{store}.counters"))


def log_rows(run, counters: Counters, slot: int, rows: int, pause: float = 0.0) -> None:
    """Log rows and acknowledge each."""
    for i in range(rows):
        run.log({f"s{slot}": value_of(slot, i)}, step=i)
        counters.set(slot, i + 1)
        if pause and i % 50 == 0:
            time.sleep(pause)


def begin(store: str, **options):
    """A run; its id is told to the test."""
    run = notabene.init("p", store=store, capture=False, **options)
    tell(run=run.id, path=str(run.path), pid=os.getpid())
    return run


def forever(store: str) -> None:
    """Log without a pause until something happens."""
    log_rows(begin(store), counters_of(store), 0, 1 << 40)


def handler(store: str, then: str) -> None:
    """A program with a handler of its own for SIGTERM."""
    told = []

    def mine(number, _frame):
        told.append(number)
        if then == "exits":
            tell(mine=number)
            sys.exit(128 + number)

    signal.signal(signal.SIGTERM, mine)
    run, counters = begin(store), counters_of(store)
    i = 0
    while not told:
        run.log({"s0": value_of(0, i)}, step=i)
        i += 1
        counters.set(0, i)
    for more in range(i, i + 100):
        run.log({"s0": value_of(0, more)}, step=more)
        counters.set(0, more + 1)
    run.finish()
    tell(mine=told[0])


def impatient(store: str) -> None:
    """The disk hangs at the end, and Ctrl-C comes twice."""
    run = begin(store)
    log_rows(run, counters_of(store), 0, 300)
    run.flush()
    os.fdatasync = lambda _fd: time.sleep(3600)
    log_rows(run, counters_of(store), 1, 1 << 40, 0.001)


def ends(store: str, how: str) -> None:
    """Log, then end in one of many ways."""
    run = begin(store)
    log_rows(run, counters_of(store), 0, 500)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if how == "exit":
        sys.exit(3)
    if how == "raise":
        raise ValueError("bad learning rate")
    if how == "_exit":
        os._exit(7)
    if how == "segfault":
        faulthandler.disable()
        ctypes.string_at(0)
    if how == "late":
        import atexit

        # Registered after ours, so it runs before: the run is still open then.
        atexit.register(run.log, {"late": 1.0})
        globals()["kept"] = Late(run)


class Late:
    """Logs when it is collected, at whatever moment of the end that is."""

    def __init__(self, run) -> None:
        self.run = run

    def __del__(self) -> None:
        self.run.log({"collected": 1.0})


def hungry(store: str) -> None:
    """Log, and take more and more memory."""
    run, counters = begin(store), counters_of(store)
    hog = []
    for i in range(1 << 40):
        run.log({"s0": value_of(0, i)}, step=i)
        counters.set(0, i + 1)
        if i % 100 == 99:
            hog.append(b"x" * (32 << 20))


def jumps(store: str) -> None:
    """Log while the wall clock jumps back two hours, then forth a day."""
    from notabene.journal import ring

    offset, real = [0], time.time_ns
    time.time_ns = ring.time_ns = lambda: real() + offset[0]
    begun = time.monotonic()
    run, counters = begin(store), counters_of(store)
    for n, jump in enumerate((0, -7200, 86_400)):
        offset[0] = jump * 1_000_000_000
        for i in range(n * 200, (n + 1) * 200):
            run.log({"s0": value_of(0, i)}, step=i)
            counters.set(0, i + 1)
        time.sleep(0.2)
    run.finish()
    tell(seconds=time.monotonic() - begun)


def loader(store: str) -> None:
    """Workers as those of a data loader: forked each epoch, collecting garbage, some logging."""
    run, counters = begin(store), counters_of(store)
    context = multiprocessing.get_context("fork")
    for epoch in range(6):
        workers = [
            context.Process(target=_worker, args=(run, counters, epoch, n)) for n in range(4)
        ]
        for worker in workers:
            worker.start()
        for i in range(epoch * 200, (epoch + 1) * 200):
            run.log({"s0": value_of(0, i)}, step=i)
            counters.set(0, i + 1)
        for worker in workers:
            worker.join(30)
        assert [worker.exitcode for worker in workers] == [0] * 4
    run.finish()
    tell(status=run.status)


def _worker(run, counters: Counters, epoch: int, n: int) -> None:
    gc.collect()
    if n == 0:
        slot = 1 + epoch
        for i in range(50):
            run.log({f"s{slot}": value_of(slot, i)}, step=i)
            counters.set(slot, i + 1)
    gc.collect()


def rank(store: str) -> None:
    """One of the processes of a distributed job; which one, the environment says."""
    run = begin(store)
    number = int(os.environ["RANK"])
    log_rows(run, counters_of(store), number, 1 << 40 if number == 3 else 2000, 0.004)
    run.finish()


def steady(store: str) -> None:
    """Log with pauses until killed."""
    log_rows(begin(store), counters_of(store), 0, 1 << 40, 0.005)


CASES = {case.__name__: case for case in (
    ends, forever, handler, hungry, impatient, jumps, loader, rank, steady,
)}  # fmt: skip

if __name__ == "__main__":
    for guard in filter(None, os.environ.get("WITHOUT", "").split(",")):
        GUARDS[guard]()
    CASES[sys.argv[1]](*sys.argv[2:])
