"""F01: SIGKILL at a random moment: nothing that was acknowledged is lost, nothing comes twice.

Two threads and a forked child with a writer of its own log; key sets and segments change all the
time, and the journal is written and synced all the time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest

from notabene.journal import recover as module
from tests.faults.oracle import bring_home, problems, rounds


def killed(start, counters, seed):
    """Counts of acknowledged rows of a program that was killed at a moment drawn by chance."""
    draw = random.Random(f"{seed}-kill")
    program = start("forever", seed)
    child = json.loads(program.stdout.readline())["child"]
    time.sleep(draw.random() * draw.choice((0.02, 0.3)))
    os.kill(program.pid, signal.SIGKILL)
    time.sleep(draw.random() * 0.03)
    os.kill(child, signal.SIGKILL)
    program.communicate(timeout=60)
    while os.path.exists(f"/proc/{child}"):  # it is not ours to wait for
        time.sleep(0.001)
    return counters.all()


@pytest.mark.parametrize("seed", rounds(15, 200))
def test_killed_at_a_random_moment(start, folder, counters, seed):
    """Every row whose call had returned is there with its value, once."""
    acked = killed(start, counters, seed)
    bring_home(folder, "w1", "w2")
    found = [problems(folder, writer, slot, acked[slot])
             for slot, writer in ((0, "w1"), (1, "w1"), (2, "w2"))]  # fmt: skip
    assert found == [[], [], []]
    # Who was killed while it made its ring leaves an empty mark.
    assert [path for path in folder.glob("*.ring*") if path.stat().st_size] == []


def test_without_recovery_rows_are_missing(start, folder, counters):
    """Negative control: the journal alone does not hold what the ring did."""
    for seed in range(20):
        acked = killed(start, counters, f"control{seed}")
        missing = any(problems(folder, "w1", slot, acked[slot]) for slot in (0, 1))
        for path in folder.iterdir():
            path.unlink()
        for slot in range(3):
            counters.set(slot, 0)
        if missing:
            return
    pytest.fail("twenty kills, and nothing was in the ring alone")


def test_without_the_lock_a_living_run_is_robbed(start, folder, counters, monkeypatch):
    """Negative control: recovery that does not ask for the lock takes a ring that is in use."""
    program = start("stopped")
    while counters.all()[0] < 500:
        time.sleep(0.005)
    assert module.open_orphan(folder, "w1") is None
    os.kill(program.pid, signal.SIGSTOP)
    monkeypatch.setattr(module, "lock", lambda _fd: None)
    orphan = module.open_orphan(folder, "w1")
    assert orphan is not None
    orphan.release()
