"""All parts together: what is wanted, in time, each for itself."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from notabene.capture import code as code_module
from notabene.capture import environment as environment_module
from notabene.capture.launch import Launch
from notabene.capture.snapshot import Capture, snapshot, snapshot_code


def program(repository):
    """The command that runs the repository's script."""
    return ("python", str(repository / "train.py"))


def test_everything_is_captured_by_default(repository):
    """Four parts come, the cheap and weighty first; all is JSON, all facts are scalars."""
    parts = list(snapshot(Capture(program=program(repository)), Launch()))
    assert [part.name for part in parts] == ["process", "environment", "code", "hardware"]
    for part in parts:
        assert "failed" not in part.data
        assert json.loads(json.dumps(part.data)) == part.data
        assert all(isinstance(v, str | int | float | bool) for v in part.facts.values())
        assert all(isinstance(v, bytes) for v in part.files.values())
    facts = {key for part in parts for key in part.facts}
    assert {
        "git.commit", "git.branch", "git.dirty", "env.python", "env.os", "host.name", "host.cpu",
        "host.cpus", "host.memory", "gpu.count", "code.script", "process.command",
    } <= facts  # fmt: skip


def test_switches_choose_the_parts():
    """Each part can be left out; False leaves all out, True and None none."""
    names = [part.name for part in snapshot(Capture(code=False, hardware=False))]
    assert names == ["process", "environment"]
    assert list(snapshot(Capture.of(False))) == []
    assert Capture.of(True) == Capture.of(None) == Capture()
    own = Capture(console=False)
    assert Capture.of(own) is own
    with pytest.raises(TypeError):
        Capture(consoel=False)


def test_one_failing_part_does_not_stop_the_others(monkeypatch, repository):
    """What a part fails at is recorded in its place."""

    def broken(*args, **options):
        raise OSError("no such device")

    monkeypatch.setattr(environment_module, "environment", broken)
    parts = {p.name: p for p in snapshot(Capture(program=program(repository)))}
    assert parts["environment"].data == {"failed": "OSError: no such device"}
    assert parts["environment"].facts == {}
    assert parts["code"].facts["git.branch"] == "main"


def test_a_budget_of_nothing_still_gives_something(repository):
    """Without time every part says what it could; none fails."""
    parts = {p.name: p for p in snapshot(Capture(budget=0, program=program(repository)))}
    assert len(parts) == 4
    assert "failed" not in str([p.data for p in parts.values()])
    assert parts["code"].data["script"]["size"] > 0


def test_further_secrets_are_hidden_everywhere(repository):
    """Names given to Capture are hidden in command lines and in sources."""
    (repository / "train.py").write_text("patient = 'Ada Lovelace'\n")
    command = (*program(repository), "--patient", "Ada")
    for part in snapshot(Capture(secrets=("patient",), program=command)):
        assert "Ada" not in str(part)


def test_the_code_alone_can_be_taken_again(repository, monkeypatch):
    """A later look gives the code as it is then."""
    capture = Capture(program=program(repository))
    assert snapshot_code(capture).facts["git.dirty"] is False
    (repository / "train.py").write_text("print('changed')\n")
    assert snapshot_code(capture).facts["git.dirty"] is True
    monkeypatch.setattr(code_module, "code", lambda *a, **o: 1 / 0)
    assert "ZeroDivisionError" in snapshot_code(Capture()).data["failed"]


def test_importing_it_is_light():
    """What init needs of capture loads neither psutil, zstandard, subprocess nor numpy."""
    code = (
        "import sys\n"
        "import notabene.model.canonical, notabene.settings\n"
        "before = set(sys.modules)\n"
        "import notabene.capture.snapshot, notabene.capture.console, notabene.capture.launch\n"
        "import notabene.capture.process\n"
        "heavy = {'psutil', 'zstandard', 'subprocess', 'numpy', 'dataclasses', 'inspect'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
