"""F20 to F23 through the SDK: no memory left, notebooks, clocks, pauses."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from notabene.api import Api
from notabene.journal import recover
from notabene.store import info
from tests.faults.workload import Counters, value_of

PROGRAM = Path(__file__).with_name("programs.py")
LIMIT = 256 << 20
"""Bytes of memory for the program that is to run out of it."""


@pytest.fixture
def store(tmp_path):
    """Path of a store."""
    return str(tmp_path / "store")


@pytest.fixture
def counters(store):
    """The counts of acknowledged rows."""
    found = Counters(Path(f"{store}.counters"))
    yield found
    found.close()


@pytest.fixture
def go(store, counters):
    """Run a case of the programs; ends it if the test does not."""
    begun = []

    def start(case, *before, **env):
        program = subprocess.Popen(
            [*before, sys.executable, str(PROGRAM), case, store],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NOTABENE_QUIET": "1", **env},
        )
        begun.append(program)
        return program, json.loads(program.stdout.readline())

    yield start
    for program in begun:
        program.kill()
        program.communicate()


def wrong(api, run, acked):
    """Acknowledged rows of slot 0 that a reader does not find in their place."""
    if "s0" not in api.run(run).metrics:
        return list(range(acked))
    history = api.history(run, "s0")
    found = dict(zip(history.steps.tolist(), history.values.tolist(), strict=True))
    assert list(found) == list(range(len(history.steps)))
    return [i for i in range(acked) if found.get(i) != value_of(0, i)]


# -- F20: out of memory --------------------------------------------------------------------


def small_group():
    """A control group of little memory, and the names of its files; None where none is to be had.

    Both kinds of hierarchy: the one file system of today, and the one per resource of before.
    """
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        root = Path("/sys/fs/cgroup") / kinds
        limit = "memory.limit_in_bytes" if kinds else "memory.max"
        for above in (root / path.strip("/"), root):
            group = above / f"notabene-test-{os.getpid()}"
            try:
                group.mkdir()
            except OSError:
                continue
            try:
                (group / limit).write_text(str(LIMIT))
            except OSError:
                group.rmdir()
                continue
            with contextlib.suppress(OSError):
                (group / "memory.swap.max").write_text("0")
            with contextlib.suppress(OSError):
                (group / "memory.memsw.limit_in_bytes").write_text(str(LIMIT))
            return group
    return None


@pytest.fixture
def in_little_memory():
    """Words before a command that let it have little memory."""
    group = small_group() if sys.platform == "linux" else None
    if group is None:
        pytest.skip("no control group with a limit of memory may be made here")
    yield "sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.05)  # who was killed is not quite gone
        else:
            return


@pytest.mark.parametrize("without", ["", "ring"])
def test_killed_for_want_of_memory(go, store, counters, in_little_memory, without):
    """The kernel kills it, and every row is there; without a ring (the control) some are not."""
    program, told = go("hungry", *in_little_memory, WITHOUT=without)
    assert program.wait(60) == -signal.SIGKILL
    acked = counters.all()[0]
    assert acked > 200
    with Api(store) as api:
        assert bool(wrong(api, told["run"], acked)) == (without == "ring")
        assert api.run(told["run"]).status == ("running" if without else "killed")


def test_a_parent_that_saw_it_tells_the_code(store, counters, in_little_memory, tmp_path):
    """Under ``notabene run`` the end has its code, 137, and the reason is a kill."""
    command = [sys.executable, "-m", "notabene", "run", "--", *in_little_memory, sys.executable]
    done = subprocess.run(
        [*command, str(PROGRAM), "hungry", store],
        env={**os.environ, "NOTABENE_STORE": store, "NOTABENE_QUIET": "1"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 137
    with Api(store) as api:
        (view,) = api.runs()
        assert (view.status, view.exit_code) == ("killed", 137)
        assert wrong(api, view.id, counters.all()[0]) == []


# -- F21: notebooks ------------------------------------------------------------------------

CELL = """
import notabene
run = notabene.init("p", store={store!r})
for i in range({rows}):
    run.log({{"loss": i}}, step=i)
"""


@pytest.fixture
def kernel():
    """Start kernels of notebooks, and execute cells in them."""
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    manager = pytest.importorskip("jupyter_client.manager")
    made, client = manager.start_new_kernel(kernel_name="python3", startup_timeout=60)
    yield made, client
    client.stop_channels()
    made.shutdown_kernel(now=True)


def execute(client, code):
    """Execute a cell; a kernel drops what comes too soon after one that was interrupted."""
    while client.execute_interactive(code, timeout=60)["content"]["status"] == "aborted":
        time.sleep(0.1)


def statuses(store):
    """Statuses of all runs, the oldest first."""
    with Api(store) as api:
        return [view.status for view in sorted(api.runs(), key=lambda view: view.created)]


def test_a_cell_that_is_executed_again(kernel, store):
    """One run per init; one before is finished, interrupts keep the run, a restart ends it."""
    made, client = kernel
    for _ in range(3):
        execute(client, CELL.format(store=store, rows=50))
    assert statuses(store) == ["finished", "finished", "running"]
    client.execute("while True: run.log({'more': 1.0})")
    time.sleep(0.5)
    made.interrupt_kernel()
    execute(client, "run.log({'after': 1.0}); kept = run.flush()")
    assert statuses(store)[-1] == "running"
    with Api(store) as api:
        assert sum("after" in view.metrics for view in api.runs()) == 1
    made.restart_kernel(now=True)
    client.wait_for_ready(timeout=60)
    execute(client, CELL.format(store=store, rows=50))
    # The new kernel brings the killed run home beside its work; who asks meanwhile waits for it.
    until = time.monotonic() + 60
    while (now := statuses(store))[2] == "running" and time.monotonic() < until:
        time.sleep(0.1)
    assert now == ["finished", "finished", "killed", "running"]


def test_cells_of_what_is_not_known_as_a_notebook(kernel, store):
    """Negative control: where nobody sees that it is a notebook, earlier runs go on."""
    _, client = kernel
    execute(client, "from notabene.tracking import names; names.in_notebook = lambda: False")
    for _ in range(2):
        execute(client, CELL.format(store=store, rows=50))
    assert statuses(store) == ["running", "running"]


# -- F22: clocks ---------------------------------------------------------------------------


@pytest.mark.parametrize("without", ["", "steady clock"])
def test_the_wall_clock_jumps(go, store, counters, without):
    """Rows keep their order and the run its length; by the wall clock (the control) it does not."""
    program, told = go("jumps", WITHOUT=without)
    took = json.loads(program.communicate(timeout=60)[0])["seconds"]
    with Api(store) as api:
        assert wrong(api, told["run"], counters.all()[0]) == []
        assert (abs(api.run(told["run"]).duration - took) < 1) == (without == "")


# -- F23: pauses ---------------------------------------------------------------------------


def test_a_long_pause_heals(go, store, counters, monkeypatch):
    """A process that stands still for long is lost, not dead, and runs again when it goes on."""
    monkeypatch.setattr(info, "LOST_AFTER", 300_000)
    program, told = go("steady")
    while counters.all()[0] < 100:
        time.sleep(0.005)
    program.send_signal(signal.SIGSTOP)
    time.sleep(1)
    with Api(store) as api:
        assert api.run(told["run"]).status == "lost"
        before = counters.all()[0]
        program.send_signal(signal.SIGCONT)
        while counters.all()[0] < before + 200:
            time.sleep(0.005)
        end = time.monotonic() + 20
        while api.run(told["run"]).status != "running" and time.monotonic() < end:
            time.sleep(0.1)
        assert api.run(told["run"]).status == "running"


def test_a_reader_that_does_not_ask_for_the_lock_takes_it_for_dead(
    go, store, counters, monkeypatch
):
    """Negative control: without the lock on its ring a process that is stopped seems killed."""
    program, told = go("steady")
    while counters.all()[0] < 100:
        time.sleep(0.005)
    program.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(recover, "lock", lambda _fd: None)
    with Api(store) as api:
        assert api.run(told["run"]).status == "killed"
