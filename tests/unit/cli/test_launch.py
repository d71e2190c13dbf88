"""``notabene run -- CMD``: any program, no change of code."""

from __future__ import annotations

import sys
from pathlib import Path

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
    program("run", "--", sys.executable, "-c", code)
    (run,) = nota("ls", "-p", "theirs", "--json").json
    assert (run["name"], run["group"]) == ("its", "g")
    program("run", "--name", "ours", "--group", "h", "--", sys.executable, "-c", code)
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
