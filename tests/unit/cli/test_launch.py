"""``notabene run -- CMD``: any program, no change of code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from notabene.api import Api
from tests.unit.cli.conftest import Command


def last(nota: Command) -> dict:  # type: ignore[type-arg]
    """The newest run as a document."""
    return nota("show", "@last", "--json").json


def test_any_program_is_recorded(nota: Command, program: Command) -> None:
    """Arguments become config, numbers in the output metrics, the console and exit code stay."""
    code = "for i in range(3): print(f'epoch {i} loss={1/(i+1):.3f}')"
    done = program(
        "run", "--name", "any", "--metrics", "loss=([0-9.]+)", "--",
        sys.executable, "-c", code, "--lr", "0.1", "--fast",
    )  # fmt: skip
    assert done.out.count("epoch") == 3
    run = last(nota)
    assert (run["status"], run["exit_code"]) == ("finished", 0)
    assert run["config"] == {"lr": 0.1, "fast": True}
    (curve,) = nota("plot", "any", "-m", "loss", "--json").json
    assert curve["values"] == [1.0, 0.5, 0.333]
    assert "epoch 2" in nota("tail", "any", "--no-follow").out


def test_exit_codes_and_signals_pass_through(nota: Command, program: Command) -> None:
    """The program's own code is ours; a signal makes the run killed or stopped."""
    program("run", "--", sys.executable, "-c", "import sys; print('oh'); sys.exit(3)", code=3)
    run = last(nota)
    assert (run["status"], run["exit_code"], run["reason"]) == ("failed", 3, "exit code 3")
    assert "oh" in run["last_lines"]
    program("run", "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)", code=137)
    assert last(nota)["status"] == "killed"
    program("run", "--", "no-such-program-here", code=127)
    assert last(nota)["status"] == "failed"


def test_a_program_that_calls_init_joins_the_run(nota: Command, program: Command) -> None:
    """Under ``notabene run`` init() in the program writes to the same run, its second one below."""
    code = (
        "import notabene as nb\n"
        "with nb.init('p', config={'own': 1}) as r: r.log({'x': 5})\n"
        "with nb.init('p', name='second') as r: r.log({'x': 6})\n"
    )
    program("run", "-p", "joined", "--", sys.executable, "-c", code)
    (run,) = nota("ls", "-p", "joined", "--json").json
    assert run["config"]["own"] == 1
    assert run["summary"]["x"] == 5
    (second,) = nota("ls", "name = 'second'", "--json").json
    assert second["parent"] == run["id"]


def test_a_joining_program_names_the_run(nota: Command, program: Command) -> None:
    """Project, name and group that init() gives are the run's, unless ``run`` was told others."""
    code = "import notabene as nb; nb.init('theirs', name='its', group='g').finish()"
    done = program("run", "--json", "--", sys.executable, "-c", code)
    assert done.json["name"] == "its"
    assert "notabene: its finished" in done.err
    (run,) = nota("ls", "-p", "theirs", "--json").json
    assert (run["name"], run["group"]) == ("its", "g")
    done = program("run", "--name", "ours", "--group", "h", "--", sys.executable, "-c", code)
    assert "notabene: ours finished" in done.err
    (run,) = nota("ls", "name = 'ours'", "--json").json
    assert (run["project"], run["group"]) == ("theirs", "h")


def test_named_groups_name_metrics(nota: Command, program: Command, tmp_path: Path) -> None:
    """(?P<acc>…) names its metric and (?P<step>…) its step; a bad pattern is refused."""
    program(
        "run", "--name", "named", "--metrics", r"step (?P<step>\d+) acc (?P<acc>[\d.]+)%", "--",
        sys.executable, "-c", "print('step 10 acc 50%'); print('step 20 acc 75.5%')",
    )  # fmt: skip
    (curve,) = nota("plot", "named", "-m", "acc", "--json").json
    assert (curve["steps"], curve["values"]) == ([10, 20], [50.0, 75.5])
    program("run", "--metrics", "loss=([0-9", "--", "true", code=2)
    program("run", "--metrics", "loss=", "--", "true", code=2)


def test_the_program_joins_in_whichever_store(program: Command, tmp_path: Path) -> None:
    """``--store`` holds for the program as well, where that names none of its own."""
    code = "import notabene as nb\nwith nb.init('p') as r: r.log({'x': 5})"
    store = tmp_path / "elsewhere"
    program("--store", str(store), "run", "--", sys.executable, "-c", code)
    with Api(store) as api:
        (run,) = api.runs()
    assert run.summary["x"] == 5


def test_options_after_the_program_are_its_own(nota: Command, program: Command) -> None:
    """Without ``--`` as well, what stands behind the program is not read as options of ours."""
    code = "import sys; print(sys.argv[1:])"
    done = program("run", "--name", "mine", sys.executable, "-c", code, "--name", "x", "--json")
    assert "['--name', 'x', '--json']" in done.out
    run = last(nota)
    assert (run["name"], run["config"]) == ("mine", {"name": "x", "json": True})


def test_numbers_of_progress_bars_and_of_a_last_line_count(nota: Command, program: Command) -> None:
    """Of a bar the last state counts, with a step each one; a line that has no end is a line."""
    states = "".join(f"\r{n}/4 loss={loss}" for n, loss in ((1, 1), (2, 0.5), (2, 0.5), (3, 0.25)))
    code = f"print({states!r}); print('9/9 loss=7'); print('nan/9 loss=8', end='')"
    for name, pattern in (("bar", "loss=([0-9.]+)"), ("steps", "(?P<step>.*)/. loss=(?P<loss>.*)")):
        program("run", "--name", name, "--metrics", pattern, "--", sys.executable, "-c", code)
    (curve,) = nota("plot", "bar", "-m", "loss", "--json").json
    assert curve["values"] == [0.25, 7.0, 8.0]
    (curve,) = nota("plot", "steps", "-m", "loss", "--json").json
    assert (curve["steps"], curve["values"]) == ([1, 2, 3, 9, 10], [1.0, 0.5, 0.25, 7.0, 8.0])


LATE = """
import sys, time
from notabene.capture import pump
from notabene.cli.main import main
pump.Pipes.__init__ = lambda *a, begin=pump.Pipes.__init__: (time.sleep(4), begin(*a))[1]
sys.exit(main())
"""
"""``notabene``, that needs four seconds to begin a program."""


@pytest.mark.parametrize(
    ("ignored", "notabene"),
    [(False, ("-m", "notabene")), (True, ("-m", "notabene")), (True, ("-c", LATE))],
    ids=["by-ctrl-c", "ctrl-c-ignored", "before-it-began"],
)
def test_a_stop_request_reaches_the_program(
    store: Path, tmp_path: Path, ignored: bool, notabene: tuple[str, str]
) -> None:
    """Also where its output is a pipe and we hold the terminal, where Ctrl-C is ignored, and
    where it is asked for before the program has begun."""
    import pty

    words = [sys.executable, *notabene, "run", "--id", "asked", "--", "sleep", "60"]
    env = {**os.environ, "NOTABENE_STORE": str(store)}
    pid, keyboard = pty.fork()
    if pid == 0:  # in the foreground of a terminal of its own
        with (tmp_path / "out").open("wb") as out:
            os.dup2(out.fileno(), 1)
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.execve(sys.executable, words, env)
    try:
        begun = f"{sys.executable} -m notabene wait asked --until 'process.command is not null'"
        while subprocess.run(
            begun, shell=True, env=env, capture_output=True, timeout=60
        ).returncode:
            pass
        with Api(store) as api:
            api.stop("asked")
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code == 128 + (signal.SIGTERM if ignored else signal.SIGINT)
        with Api(store) as api:
            assert api.run("asked").status == "stopped"
    finally:
        os.close(keyboard)


def test_where_nothing_is_recorded_the_program_runs_all_the_same(
    nota: Command, program: Command
) -> None:
    """``NOTABENE_MODE=disabled`` takes notabene away, not the program, its output and its code."""
    before = len(nota("ls", "--json").json)
    words = ("run", "--metrics", "loss=(.)", "--", "sh", "-c", "echo loss=1; exit 3")
    assert "loss=1" in program(*words, code=3, NOTABENE_MODE="disabled").out
    assert len(nota("ls", "--json").json) == before
