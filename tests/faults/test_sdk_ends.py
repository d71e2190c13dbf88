"""F15 to F23 through the SDK: how runs end, what is kept, and what readers are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from notabene.api import Api
from tests.faults.oracle import LONG, rounds
from tests.faults.workload import Counters, value_of

PROGRAM = Path(__file__).with_name("programs.py")
HANG = 60


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
def start(store, counters):
    """Start a program; returns it and what it told first (run, path, pid)."""
    begun = []

    def go(case, *args, env=None):
        program = subprocess.Popen(
            [sys.executable, str(PROGRAM), case, store, *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "NOTABENE_QUIET": "1", **(env or {})},
        )
        begun.append(program)
        line = program.stdout.readline()
        assert line, program.communicate()[1]
        return program, json.loads(line)

    yield go
    for program in begun:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


def until(counters, wanted, slot=0):
    """Wait until so many rows are acknowledged."""
    end = time.monotonic() + HANG
    while counters.all()[slot] < wanted:
        assert time.monotonic() < end
        time.sleep(0.002)


def end_of(program):
    """Exit code and output of a program that is about to end."""
    out, err = program.communicate(timeout=HANG)
    return program.returncode, out, err


def missing(api, run, counters, slots=(0,), rank=None):
    """Acknowledged rows that a reader does not find with their value."""
    lost = []
    for slot in slots:
        acked = counters.all()[slot]
        history = api.history(run, f"s{slot}", **({} if rank is None else {"rank": rank}))
        found = dict(zip(history.steps.tolist(), history.values.tolist(), strict=True))
        assert len(found) == len(history.steps)
        lost += [(slot, i) for i in range(acked) if found.get(i) != value_of(slot, i)]
    return lost


@pytest.mark.parametrize("seed", rounds(6, 50))
def test_sigterm(start, store, counters, seed):
    """At whatever moment it comes: all is there, the run is stopped, the exit code is 143's."""
    program, told = start("forever")
    until(counters, 200 + seed * 37)
    program.send_signal(signal.SIGTERM)
    assert end_of(program)[0] == -signal.SIGTERM
    with Api(store) as api:
        view = api.run(told["run"])
        assert (view.status, view.reason, view.exit_code) == ("stopped", "SIGTERM", 143)
        assert missing(api, told["run"], counters) == []
    assert list(Path(told["path"]).glob("*.ring*")) == []


def test_without_handlers_a_stop_looks_like_a_kill(start, store, counters):
    """F17, negative control: a process that takes no signals cannot say that it was stopped."""
    program, told = start("forever", env={"WITHOUT": "signals"})
    until(counters, 200)
    program.send_signal(signal.SIGTERM)
    assert end_of(program)[0] == -signal.SIGTERM
    with Api(store) as api:
        assert api.run(told["run"]).status == "killed"


@pytest.mark.parametrize(
    ("then", "code", "status"), [("exits", 143, "stopped"), ("goes on", 0, "finished")]
)
def test_sigterm_with_a_handler_of_ones_own(start, store, counters, then, code, status):
    """The program's handler runs and decides; what was logged before and after is there."""
    program, told = start("handler", then)
    until(counters, 300)
    program.send_signal(signal.SIGTERM)
    returned, out, _ = end_of(program)
    assert returned == code
    assert json.loads(out) == {"mine": signal.SIGTERM}
    with Api(store) as api:
        assert api.run(told["run"]).status == status
        assert missing(api, told["run"], counters) == []


def test_ctrl_c_twice(start, store, counters):
    """While the end waits for a disk that hangs, a second Ctrl-C ends it; the data is there."""
    program, told = start("impatient")
    until(counters, 200, slot=1)
    program.send_signal(signal.SIGINT)
    time.sleep(0.3)
    if program.poll() is None:
        program.send_signal(signal.SIGINT)
    code, _, _ = end_of(program)
    assert code in (-signal.SIGINT, 130, 1)
    with Api(store) as api:
        assert api.run(told["run"]).status in ("stopped", "killed")
        assert missing(api, told["run"], counters, slots=(0, 1)) == []


def patience(start, counters, **env):
    """Seconds that a program with a hanging disk lives on after the second Ctrl-C."""
    program, _ = start("impatient", env=env)
    until(counters, 200, slot=1)
    program.send_signal(signal.SIGINT)
    time.sleep(0.4)
    begun = time.monotonic()
    program.send_signal(signal.SIGINT)
    end_of(program)
    return time.monotonic() - begun


def test_the_second_ctrl_c_ends_it_at_once(start, counters):
    """F18: the disk is waited for no longer; one that is deaf to it waits its two seconds."""
    prompt = patience(start, counters)
    counters.set(1, 0)
    assert prompt < patience(start, counters, WITHOUT="ctrl-c") - 1


@pytest.mark.parametrize(
    ("how", "code", "status", "said"),
    [
        ("normal", 0, "finished", None),
        ("exit", 3, "failed", 3),
        ("raise", 1, "failed", 1),
        ("_exit", 7, "killed", None),
        ("segfault", -11, "killed", None),
    ],
)
def test_other_ends(start, store, counters, how, code, status, said):
    """Exit codes stay what they are, the status is right, and every row is there."""
    program, told = start("ends", how)
    assert end_of(program)[0] == code
    with Api(store) as api:
        view = api.run(told["run"])
        assert (view.status, view.exit_code) == (status, said)
        assert missing(api, told["run"], counters) == []
        if how == "raise":
            assert "bad learning rate" in view.reason
            assert "ValueError" in view.traceback


def test_without_a_ring_rows_die_with_the_process(start, store, counters):
    """F19, negative control: what waits in memory alone is gone after ``os._exit``."""
    program, told = start("ends", "_exit", env={"WITHOUT": "ring"})
    assert end_of(program)[0] == 7
    with Api(store) as api:
        assert api.run(told["run"]).status == "running"  # nobody can know
        assert "s0" not in api.run(told["run"]).metrics


def test_logging_at_the_very_end(start, store, counters):
    """Logging in exit handlers and finalisers neither fails nor hangs."""
    program, told = start("ends", "late")
    code, _, err = end_of(program)
    assert (code, "Traceback" in err) == (0, False), err
    with Api(store) as api:
        assert api.run(told["run"]).status == "finished"
        assert missing(api, told["run"], counters) == []
        assert api.history(told["run"], "late").values.tolist() == [1.0]


@pytest.mark.parametrize("round", rounds(1, 30))
def test_workers_of_a_data_loader(start, store, counters, round):
    """Forked workers that collect garbage hang nobody; what they log is in the run."""
    program, told = start("loader")
    code, out, err = end_of(program)
    assert (code, json.loads(out)) == (0, {"status": "finished"}), err
    with Api(store) as api:
        assert api.run(told["run"]).status == "finished"
        assert missing(api, told["run"], counters, slots=range(7)) == []


def test_a_child_that_keeps_its_parents_writer_is_seen(start, counters):
    """F15, negative control: rows of two processes in one ring do not come out whole."""
    program, told = start("loader", env={"WITHOUT": "forks"})
    try:
        program.communicate(timeout=8)
    except subprocess.TimeoutExpired:
        return  # it hangs
    with Api(Path(told["path"]).parents[2]) as api:
        found = api.run(told["run"]).metrics
        assert program.returncode or not {f"s{n}" for n in range(7)} <= set(found)


def test_one_of_eight_ranks_is_killed(start, store, counters):
    """The others complete; the run has failed, and the killed rank is named."""
    env = {"WORLD_SIZE": "8", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29507",
           "TORCHELASTIC_RUN_ID": "job-1"}  # fmt: skip
    ranks = [start("rank", env={**env, "RANK": str(n), "LOCAL_RANK": str(n)}) for n in range(8)]
    assert len({told["run"] for _, told in ranks}) == 1
    until(counters, 200, slot=3)
    ranks[3][0].kill()
    codes = [end_of(program)[0] for program, _ in ranks]
    assert codes == [0, 0, 0, -9, 0, 0, 0, 0]
    with Api(store) as api:
        run = ranks[0][1]["run"]
        view = api.run(run)
        assert (view.status, "rank 3" in view.reason) == ("failed", True)
        assert view.ranks == 8
        for rank in range(8):
            assert missing(api, run, counters, slots=[rank], rank=rank) == []


def test_a_reader_that_looks_for_no_dead_sees_no_failure(start, store, counters, monkeypatch):
    """F16, negative control: whom nobody finds dead is running for ever."""
    program, told = start("steady")
    until(counters, 50)
    program.kill()
    end_of(program)
    monkeypatch.setattr("notabene.store.ingest.sweep", lambda _folder: [])
    monkeypatch.setattr("notabene.store.ingest.open_orphan", lambda *_: None)
    with Api(store) as api:
        assert api.run(told["run"]).status == "running"


@pytest.mark.parametrize("seed", rounds(3, 200))
def test_killed_and_looked_at(start, store, counters, seed):
    """After SIGKILL the first reader finds every acknowledged row, and that it was killed."""
    program, told = start("forever" if seed % 2 else "steady")
    until(counters, 50 + 61 * (seed % 20))
    program.kill()
    end_of(program)
    with Api(store) as api:
        view = api.run(told["run"])
        assert view.status == "killed"
        assert missing(api, told["run"], counters) == []
    assert list(Path(told["path"]).glob("*.ring*")) == []


def test_stopped_for_a_while(start, store, counters):
    """A process that is stopped is running, not dead; it goes on as if nothing had been."""
    program, told = start("steady")
    until(counters, 100)
    program.send_signal(signal.SIGSTOP)
    time.sleep(3 if LONG else 0.5)
    with Api(store) as api:
        assert api.run(told["run"]).status == "running"
    before = counters.all()[0]
    program.send_signal(signal.SIGCONT)
    until(counters, before + 100)
    program.send_signal(signal.SIGTERM)
    end_of(program)
    with Api(store) as api:
        assert api.run(told["run"]).status == "stopped"
        assert missing(api, told["run"], counters) == []
