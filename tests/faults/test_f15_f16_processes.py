"""F15, F16: fork, spawn, threads, ranks."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from notabene.journal.recover import open_orphan
from tests.faults.oracle import LONG, bring_home, kinds, problems, times_rise


def test_forks_while_locks_are_held(finish, folder, counters):
    """Children of a process whose threads hold our locks neither hang nor write into its files."""
    times = 1000 if LONG else 60
    done = finish("forks", times)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["codes"] == [0] * times
    assert told["closed"]
    assert problems(folder, "w1", 0, 2000) == []
    children = {p.name.split(".")[0] for p in folder.glob("c*.journal")}
    assert len(children) == times // 4
    for writer in children:
        assert problems(folder, writer, 1, 20) == []
    assert list(folder.glob("*.ring*")) == []


def test_a_child_that_survives_does_not_keep_the_ring(start, folder, counters):
    """While a forked child lives on that never logs, the ring of its killed parent comes home."""
    program = start("survived")
    child = json.loads(program.stdout.readline())["child"]
    assert open_orphan(folder, "w1") is None
    os.kill(program.pid, signal.SIGKILL)
    program.wait(60)
    os.kill(child, 0)
    bring_home(folder, "w1")
    assert problems(folder, "w1", 0, 300) == []
    assert kinds(folder, "w1-end") == ["status-seen"]


def test_many_threads(finish, folder, counters):
    """Sixteen threads, ten thousand rows each: every one is there once, in the order of time."""
    rows = 10_000
    done = finish("threads", 16, rows)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"closed": True, "lost": 0}
    for slot in range(0, 16, 1 if LONG else 5):
        assert problems(folder, "w1", slot, rows) == []
    assert times_rise(folder, "w1")


def test_a_spawned_process_has_a_writer_of_its_own(finish, folder, counters):
    """Two processes of one run never meet in a file."""
    done = finish("spawned")
    assert done.returncode == 0, done.stderr
    assert problems(folder, "w1", 0, 2000) == []
    assert problems(folder, "w2", 1, 2000) == []


def test_one_of_eight_ranks_is_killed(start, folder, counters):
    """The others end well; the killed one's rows are all there, and its end is told."""
    program = start("in_ranks", 8)
    children = json.loads(program.stdout.readline())["children"]
    while counters.all()[3] < 300:
        time.sleep(0.002)
    os.kill(children[3], signal.SIGKILL)
    codes = json.loads(program.stdout.readline())["codes"]
    assert codes == [0, 0, 0, -9, 0, 0, 0, 0]
    acked = counters.all()
    bring_home(folder, "rank3")
    for rank in range(8):
        assert problems(folder, f"rank{rank}", rank, acked[rank]) == []
    assert acked[3] < 3000
    assert kinds(folder, "rank3-end") == ["status-seen"]


@pytest.mark.parametrize("other", ["w1", "w2"])
def test_a_ring_is_taken_by_its_name_only(start, folder, counters, other):
    """Rings of several writers in one folder are told apart."""
    program = start("spawned", other)
    while not sum(counters.all()):
        time.sleep(0.002)
    names = {"w1": "w2", "w2": "w1"}
    if other == "w2":
        assert open_orphan(folder, names[other]) is None
    assert open_orphan(folder, other) is None
    program.communicate(timeout=60)
