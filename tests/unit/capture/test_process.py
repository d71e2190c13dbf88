"""What is recorded of the process itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types

import pytest

from notabene.capture import process as module
from notabene.capture.launch import Launch
from notabene.capture.process import process
from notabene.capture.secrets import HIDDEN, Redactor

SHOW = (
    "import json, sys\n"
    "from notabene.capture.process import *\n"
    "print(json.dumps([kind(), script_path(), module_name(), command_source()]))\n"
)


def run(*words, **options):
    """What a Python started so says of itself."""
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=True, **options
    )
    return json.loads(done.stdout)


def test_the_command_line_is_kept_without_its_secrets(monkeypatch):
    """argv, folder, user, host and pid are there; the token is not, and is counted."""
    monkeypatch.setattr(sys, "argv", ["train.py", "--token", "hunter2", "--lr", "0.1"])
    redactor = Redactor()
    part = process(redactor, Launch(), {})
    assert part.data["argv"] == ["train.py", "--token", HIDDEN, "--lr", "0.1"]
    assert "hunter2" not in json.dumps(part.data)
    assert part.data["hidden"] == redactor.hidden >= 1
    assert part.data["cwd"] == os.getcwd()
    assert part.data["pid"] == os.getpid()
    assert part.data["parent"]["pid"] == os.getppid()
    assert part.facts["process.command"] == f"train.py --token {HIDDEN} --lr 0.1"
    assert part.facts["host.name"] == part.data["host"]


def test_the_launch_is_part_of_it():
    """Rank, scheduler and job are recorded and can be searched."""
    started = Launch(launcher="srun", scheduler="slurm", job="7", rank=1, world=2)
    part = process(Redactor(), started, {})
    assert part.data["launch"] == started.to_dict()
    assert part.facts["launch.job"] == "7"
    assert part.facts["launch.world"] == 2


def test_scripts_modules_and_commands_are_told_apart(tmp_path):
    """A file, ``-m`` and ``-c`` each are called what they are, with their source's place."""
    script = tmp_path / "train.py"
    script.write_text(SHOW)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    env = {**os.environ, "PYTHONPATH": path}
    assert run("train.py", cwd=tmp_path) == ["script", str(script), None, None]
    assert run("-W", "ignore", "-m", "train", env=env) == ["module", str(script), "train", None]
    assert run("-X", "utf8", "-c", SHOW) == ["command", None, None, SHOW]
    package = tmp_path / "package"
    package.mkdir()
    (package / "__main__.py").write_text(SHOW)
    found = run("-m", "package", "-c", "ignored", env=env)
    assert found == ["module", str(package / "__main__.py"), "package", None]


def test_a_script_is_known_to_its_exit_handlers(tmp_path):
    """A run that is finished while the interpreter ends still knows its script."""
    script = tmp_path / "train.py"
    indented = "".join(f"    {line}\n" for line in SHOW.splitlines()[2:])
    head = "".join(f"{line}\n" for line in SHOW.splitlines()[:2])
    script.write_text(f"{head}import atexit\ndef show():\n{indented}atexit.register(show)\n")
    assert run("train.py", cwd=tmp_path) == ["script", str(script), None, None]


def test_a_program_read_from_standard_input_has_no_script():
    """A piped program is a program without a file, and nothing fails."""
    done = subprocess.run(
        [sys.executable, "-"], input=SHOW, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == ["program", None, None, None]


def test_a_notebook_is_known_by_its_shell(monkeypatch):
    """IPython is asked only where it is loaded already."""
    shell = object()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert module.notebook_shell() is shell
    assert module.kind() == "notebook"


def test_a_deleted_working_folder_does_no_harm(tmp_path):
    """A process whose folder is gone is recorded without it."""
    gone = tmp_path / "gone"
    code = (
        "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])\n"
        "from notabene.capture.process import process\n"
        "from notabene.capture.secrets import Redactor\n"
        "import json; print(json.dumps(process(Redactor()).data))\n"
    )
    gone.mkdir()
    path = os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))
    found = run("-c", code, str(gone), env={**os.environ, "PYTHONPATH": path})
    assert "cwd" not in found
    assert found["argv"][1] == str(gone)


@pytest.mark.parametrize("words", [["x" * 10_000], ["w"] * 2000])
def test_enormous_command_lines_are_cut(words, monkeypatch):
    """A command line of megabytes does not become a record of megabytes, and says it was cut."""
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    argv = process(Redactor(), Launch(), {}).data["argv"]
    assert sum(map(len, argv)) < 10_000
    assert "…" in argv[-1]


def test_streams_that_are_closed_or_missing_do_no_harm(monkeypatch):
    """Without streams, as in a daemon, no terminal is reported."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert "streams" not in process(Redactor(), Launch(), {}).data.get("terminal", {})


def test_another_program_is_recorded_as_itself(tmp_path, monkeypatch):
    """Where the command is not ours, its words and its source file are recorded, not ours."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("")
    part = process(Redactor(), Launch(), {}, ["python", "-u", "train.py", "--token", "x"])
    assert part.data["argv"] == ["python", "-u", "train.py", "--token", HIDDEN]
    assert part.data["kind"] == "program"
    assert part.facts["process.script"] == str(tmp_path / "train.py")
    assert part.facts["process.command"].startswith("python -u train.py")
    assert "command" not in part.data


def test_the_source_of_a_command_is_found(tmp_path, monkeypatch):
    """A word that is a source file, or the program itself where it is a script; else nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "binary").write_bytes(b"\x7fELF")
    (tmp_path / "a.jl").write_text("")
    assert module.script_of(["./tool", "--x"]) == str(tmp_path / "tool")
    assert module.script_of(["julia", "a.jl"]) == str(tmp_path / "a.jl")
    assert module.script_of(["./binary", "gone.py"]) is None
    assert module.script_of(["make"]) is None
