"""F19 to F23: other deaths, little memory, clocks that jump, processes that are stopped."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from notabene.journal.recover import open_orphan
from tests.faults.oracle import bring_home, kinds, problems, times_rise


@pytest.mark.parametrize(
    ("how", "code"), [("_exit", 7), ("segfault", -11), ("abort", -6), ("exec", 5)]
)
def test_a_death_without_a_word(finish, folder, counters, how, code):
    """However a process dies, its exit code stays and every acknowledged row comes home."""
    done = finish("ends", how)
    assert done.returncode == code
    bring_home(folder, "w1")
    assert counters.all()[0] == 500
    assert problems(folder, "w1", 0, 500) == []
    assert kinds(folder, "w1-end") == ["status-seen"]


def test_hardly_any_memory(finish, folder, counters):
    """With no memory left logging goes on or says so; what it acknowledged is there."""
    done = finish("no_memory")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    bring_home(folder)
    assert problems(folder, "w1", 0, 500) == []
    assert problems(folder, "w1", 1, told["logged"]) == []


def test_the_clock_jumps(finish, folder, counters):
    """Back two hours, forth a day, back four months: the order stays that of logging."""
    done = finish("jumps")
    assert done.returncode == 0, done.stderr
    for slot in range(6):
        assert problems(folder, "w1", slot, 300) == []
    assert times_rise(folder, "w1")


def test_stopped_and_continued(start, folder, counters):
    """A stopped process is not taken for dead; it goes on, and its death afterwards is seen."""
    program = start("stopped")
    for wanted in (300, 900):
        while counters.all()[0] < wanted:
            time.sleep(0.002)
        os.kill(program.pid, signal.SIGSTOP)
        time.sleep(0.2)
        assert open_orphan(folder, "w1") is None
        os.kill(program.pid, signal.SIGCONT)
    while counters.all()[0] < 1500:
        time.sleep(0.002)
    os.kill(program.pid, signal.SIGSTOP)
    os.kill(program.pid, signal.SIGKILL)
    program.wait(60)
    acked = counters.all()[0]
    bring_home(folder, "w1")
    assert problems(folder, "w1", 0, acked) == []
