"""Forks, spawns, ranks and requeued jobs: one run, whatever writes to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import notabene


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def ends_well(script: Path, store: str) -> None:
    """Run a script with a store, and look at its exit code."""
    process = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "NOTABENE_STORE": store, "NOTABENE_QUIET": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr


def start(code: str, store: str, **env: str) -> subprocess.Popen[str]:
    """Start Python code in a process of its own, with this store."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "NOTABENE_STORE": store, "NOTABENE_QUIET": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> None:
    """Wait for a process and look at its exit code."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, out + err


FORKED = """
    import gc, os, notabene
    run = notabene.init("p", id="forked", capture=False)
    run.log({"parent": 1})
    children = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            for step in range(100):
                notabene.log({f"child{number}": step}, step=step)
                gc.collect(0)
            run.flush()
            os._exit(0)
        children.append(pid)
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    run.log({"parent": 2})
"""


def test_forked_children_log_into_the_run(store: str) -> None:
    """Each forked child writes to the parent's run by a writer of its own; nothing hangs."""
    finish(start(FORKED, store))
    with notabene.Api(store) as api:
        for number in range(4):
            assert api.history("forked", f"child{number}").values.tolist() == list(range(100))
        assert api.history("forked", "parent").values.tolist() == [1, 2]
        assert api.run("forked").status == "finished"


PRINTS = """
    import multiprocessing, os, sys, notabene

    def work(number):
        print(f"worker {number} begins")
        notabene.log({f"w{number}": number}, step=number)
        print(f"worker {number} ends", file=sys.stderr)

    def silent():
        print("never logs")

    if __name__ == "__main__":
        run = notabene.init("p", id="prints")
        print("by the parent, and not ended", end="")
        fork = multiprocessing.get_context("fork")
        for number in range(3):
            for process in fork.Process(target=work, args=(number,)), fork.Process(target=silent):
                process.start()
                process.join(60)
                assert process.exitcode == 0
        pid = os.fork()
        if pid == 0:
            print("by hand")
            run.log({"x": 1})
            run.finish()
            os._exit(0)
        os.waitpid(pid, 0)
        print(", but by the parent")
"""


def test_prints_of_forked_children_are_kept(store: str, tmp_path: Path) -> None:
    """A child that logs has a console of its own; none repeats what its parent had in a buffer."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(PRINTS))
    process = subprocess.run(
        # Newer Pythons say at each os.fork that there is another thread.
        [sys.executable, "-W", "ignore:This process:DeprecationWarning", str(script)],
        env={**os.environ, "NOTABENE_STORE": store, "NOTABENE_QUIET": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    with notabene.Api(store) as api:
        lines = [line.text for line in api.console("prints")]
        place = api.run_dir("prints")
    assert lines.count("by the parent, and not ended, but by the parent") == 1
    ours = [line for line in lines if not line.startswith("by the parent")]
    expected = [f"worker {n} {what}" for n in range(3) for what in ("begins", "ends")]
    assert ours == [*expected, "by hand"]
    assert len(list(place.glob("*.console.zst"))) == 5


POOL = """
    import multiprocessing, notabene

    def work(number):
        notabene.log({f"w{number}": number}, step=number)
        return number

    if __name__ == "__main__":
        run = notabene.init("p", id="pool", capture=False)
        with multiprocessing.get_context("METHOD").Pool(2) as pool:
            assert pool.map(work, range(6)) == list(range(6))
            pool.close()
            pool.join()
        run.finish()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_that_do_not_init_log_into_the_run(
    store: str, tmp_path: Path, method: str
) -> None:
    """Workers of a pool, forked or spawned, write to the run of the process that began it."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(POOL).replace("METHOD", method))
    ends_well(script, store)
    with notabene.Api(store) as api:
        assert [v.id for v in api.runs()] == ["pool"]
        assert api.keys("pool") == [f"w{n}" for n in range(6)]


def test_a_spawned_worker_keeps_its_signals(store: str, tmp_path: Path) -> None:
    """As a forked one does: a pool that is terminated must not wait for a handler of ours."""
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, signal, notabene\n"
        "def work(number):\n"
        "    notabene.log({'y': number})\n"
        "    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n"
        "if __name__ == '__main__':\n"
        "    run = notabene.init('p', id='pool', capture=False)\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        assert pool.map(work, range(3)) == [True] * 3\n"
        "    run.finish()\n"
    )
    ends_well(script, store)
    with notabene.Api(store) as api:
        view = api.run("pool")
        assert (view.status, view.metrics["y"].n) == ("finished", 3)


AGAIN = """
    import multiprocessing, subprocess, sys, notabene

    run = notabene.init("p", id="r", resume="RESUME", capture=False)

    def work(number):
        notabene.log({"y": number})

    if __name__ == "__main__" and "child" in sys.argv:
        run.log({"x": 9})
    elif __name__ == "__main__":
        run.log({"x": 0})
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            pool.map(work, range(4))
        subprocess.run([sys.executable, __file__, "child"], check="RESUME" != "never")
        run.log({"x": 1}, step=1)
        run.finish()
"""


@pytest.mark.parametrize("resume", ["never", "allow"])
def test_a_child_that_names_its_parent_s_run_joins_it(
    store: str, tmp_path: Path, resume: str
) -> None:
    """It replaces nothing and does not end the run: a script imported anew by its workers, say."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(AGAIN).replace("RESUME", resume))
    ends_well(script, store)
    with notabene.Api(store) as api:
        (view,) = api.runs()
        assert (view.status, view.metrics["y"].n) == ("finished", 4)
        found = [0, 1] if resume == "never" else [0, 1, 9]
        assert sorted(api.history("r", "x").values.tolist()) == found


RANK = """
    import os, signal, time, notabene
    rank = int(os.environ["RANK"])
    with notabene.init("p", capture=False) as run:
        for step in range(50):
            run.log({"loss": rank * 100 + step}, step=step)
        if os.environ.get("DIE") == str(rank):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.2)
"""


def launch(store: str, world: int, **extra: str) -> list[subprocess.Popen[str]]:
    """Start ranks as a launcher does."""
    shared = {
        "WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "29511",
        "TORCHELASTIC_RUN_ID": "job-7",
        "LOCAL_WORLD_SIZE": str(world),
    }
    return [
        start(RANK, store, RANK=str(rank), LOCAL_RANK=str(rank), **shared, **extra)
        for rank in range(world)
    ]


def test_ranks_of_one_launch_are_one_run(store: str) -> None:
    """All ranks agree on the id without talking to each other; rank 0 is what is shown first."""
    for process in launch(store, 4):
        finish(process)
    with notabene.Api(store) as api:
        (view,) = api.runs()
        assert view.ranks == 4
        assert view.status == "finished"
        assert api.history(view.id, "loss").values.tolist() == list(range(50))
        assert api.history(view.id, "loss", rank=3).values.tolist() == list(range(300, 350))


def test_a_killed_rank_fails_the_run_and_is_named(store: str) -> None:
    """The others finish; the run is failed or killed, and says which rank."""
    for rank, process in enumerate(launch(store, 4, DIE="2")):
        finish(process, -signal.SIGKILL if rank == 2 else 0)
    with notabene.Api(store) as api:
        (view,) = api.runs()
        assert view.status in ("failed", "killed")
        assert "rank 2" in view.reason
        assert api.history(view.id, "loss", rank=2).values.tolist() == list(range(200, 250))


def test_a_requeued_job_continues_its_run(store: str) -> None:
    """A SLURM job that is begun anew goes on with the same run and replaces what it redoes."""
    code = """
        import notabene, os
        first = int(os.environ["SLURM_RESTART_COUNT"])
        with notabene.init("p", capture=False) as run:
            for step in range(5 * first, 5 * first + 10):
                run.log({"x": 100 * first + step}, step=step)
    """
    for restart in (0, 1):
        finish(start(code, store, SLURM_JOB_ID="4711", SLURM_RESTART_COUNT=str(restart)))
    with notabene.Api(store) as api:
        (view,) = api.runs()
        found = api.history(view.id, "x")
        assert found.steps.tolist() == list(range(15))
        assert found.values.tolist() == [0, 1, 2, 3, 4, *range(105, 115)]


def test_sigterm_stops_the_run_and_keeps_the_exit_code(store: str) -> None:
    """A terminated program is ended by the same signal, its run is stopped, its data there."""
    code = """
        import time, notabene
        run = notabene.init("p", id="term", capture=False)
        run.log({"x": 1})
        print("ready", flush=True)
        time.sleep(60)
    """
    process = start(code, store)
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    finish(process, -signal.SIGTERM)
    with notabene.Api(store) as api:
        view = api.run("term")
        assert (view.status, view.reason, view.exit_code) == ("stopped", "SIGTERM", 143)
        assert view.metrics["x"].n == 1


def test_a_forked_worker_is_ended_by_a_signal_at_once(store: str) -> None:
    """Its signals are its own, so that no wait in a system call outlives ``Pool.terminate``.

    What it logged to the run of its parent is there, and a run of its own is stopped.
    """
    code = """
        import os, signal, time, notabene
        run = notabene.init("p", id="term", capture=False)
        for own in (False, True):
            ready, told = os.pipe()
            if not (pid := os.fork()):
                assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
                if own:
                    run = notabene.init("p", id="child", capture=False)
                    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
                run.log({"y": 1})
                os.write(told, b".")
                time.sleep(60)
            os.read(ready, 1)
            os.kill(pid, signal.SIGTERM)
            assert os.waitpid(pid, 0)[1] == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        run.finish()
    """
    finish(start(code, store))
    with notabene.Api(store) as api:
        view = api.run("term")
        assert (view.status, view.metrics["y"].n) == ("finished", 1)
        view = api.run("child")
        assert (view.status, view.reason, view.metrics["y"].n) == ("stopped", "SIGTERM", 1)


def test_a_signal_that_comes_while_a_worker_is_forked_ends_it(store: str) -> None:
    """At whatever moment; and those of the parent come through again afterwards."""
    code = """
        import os, signal, time, notabene
        mine = {signal.SIGUSR1}
        signal.pthread_sigmask(signal.SIG_BLOCK, mine)
        run = notabene.init("p", id="term", capture=False)
        for n in range(300):
            if not (pid := os.fork()):
                signal.pause()
                os._exit(0)
            time.sleep(n % 10 * 1e-5)
            os.kill(pid, signal.SIGTERM)
            assert os.waitpid(pid, 0)[1] == signal.SIGTERM
            assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mine
        run.log({"x": 1})
        os.kill(os.getpid(), signal.SIGTERM)
    """
    finish(start(code, store), -signal.SIGTERM)
    with notabene.Api(store) as api:
        view = api.run("term")
        assert (view.status, view.reason, view.metrics["x"].n) == ("stopped", "SIGTERM", 1)


def test_the_program_s_own_handler_still_runs(store: str) -> None:
    """A handler set before init is called after the data is saved, and decides the exit code."""
    code = """
        import os, signal, sys, time, notabene
        def bye(number, frame):
            print("own handler", flush=True)
            sys.exit(7)
        signal.signal(signal.SIGTERM, bye)
        run = notabene.init("p", id="own", capture=False)
        run.log({"x": 1})
        os.write(1, b"ready\\n")  # print() may be asked to print again before it is done
        time.sleep(60)
    """
    process = start(code, store)
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 7
    assert "own handler" in out
    with notabene.Api(store) as api:
        assert api.run("own").status == "stopped"


def test_ctrl_c_stops_the_run(store: str) -> None:
    """KeyboardInterrupt ends the run as stopped."""
    code = """
        import time, notabene
        run = notabene.init("p", id="ctrl-c", capture=False)
        run.log({"x": 1})
        print("ready", flush=True)
        time.sleep(60)
    """
    process = start(code, store)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    with notabene.Api(store) as api:
        view = api.run("ctrl-c")
        assert (view.status, view.reason) == ("stopped", "Ctrl-C")


@pytest.mark.parametrize("handling", ["default_int_handler", "SIG_IGN"])
def test_a_stop_request_ends_a_running_run(store: str, handling: str) -> None:
    """Api.stop() reaches the program within seconds, which ends as if by Ctrl-C.

    Where that is ignored, as by the background jobs of a script, as if by SIGTERM.
    """
    code = f"""
        import signal, time, notabene
        signal.signal(signal.SIGINT, signal.{handling})
        run = notabene.init("p", id="asked", capture=False)
        run.log({{"x": 1}})
        print("ready", flush=True)
        time.sleep(60)
    """
    process = start(code, store)
    assert process.stdout is not None
    process.stdout.readline()
    with notabene.Api(store) as api:
        api.stop("asked")
        process.communicate(timeout=60)
        number = signal.SIGTERM if handling == "SIG_IGN" else signal.SIGINT
        assert process.returncode in (128 + number, -number)
        api.refresh()
        assert api.run("asked").status == "stopped"
