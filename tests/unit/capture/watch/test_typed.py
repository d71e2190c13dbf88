"""What a program reads from its standard input."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.capture.watch.conftest import BOOT, PYTHONS, Run

TEXT = "1\n2\n3\n"
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()
READS = [
    "sys.stdin.read()",
    "sys.stdin.readlines()",
    "list(sys.stdin)",
    "[input(), input(), input()]",
    "sys.stdin.buffer.read()",
    "b = bytearray(100); sys.stdin.buffer.readinto(b)",
    "[sys.stdin.buffer.readline() for _ in range(4)]",
]


@pytest.mark.parametrize("python", [PYTHONS[0], PYTHONS[1], PYTHONS[-1]])
@pytest.mark.parametrize("read", READS)
def test_a_pipe_is_told_once_and_kept(run: Run, tmp_path: Path, read: str, python: str):
    """Its length, digest and content, however it is read."""
    told = run(f"import sys\n{read}\n", python=python, given=TEXT)
    assert (told.code, told.err) == (0, "")
    ((size, digest, path, name, file, line),) = told.of("stdin")
    assert (Path(file).name, line) == ("train.py", 2)
    assert (size, digest, path) == (6, DIGEST, "")
    assert (next(tmp_path.glob("store-*/seen")) / name).read_text() == TEXT


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("import sys; len(sys.stdin.read())", "x" * (8 << 20) + "y"),
        ("import getpass\ngetpass.getpass()\n", "hunter2\n"),
        ("from getpass import getpass\ngetpass('Token: ')\n", "hunter2\n"),
    ],
)
def test_what_is_long_or_a_password_is_not_kept(run: Run, tmp_path: Path, code: str, given: str):
    """Then there is the digest alone."""
    # Without a terminal of its own getpass reads the standard input.
    told = run(f"import os; os.setsid()\n{code}", given=given)
    assert told.code == 0
    ((_, digest, path, name, *_),) = told.of("stdin")
    assert (digest, path, name) == (hashlib.sha256(given.encode()).hexdigest(), "", "")
    assert not list(tmp_path.glob("store-*/seen/*.kept"))


def test_a_file_is_told_as_one_that_was_read(tmp_path: Path):
    """A file that the shell put there is an input like any other; a text without a name is not."""
    data = tmp_path / "data.csv"
    data.write_text(TEXT)
    seen = tmp_path / "store" / "seen"
    for given, path in ((f"< {data}", str(data)), (f"<<'E'\n{TEXT}E\n", "")):
        seen.mkdir(parents=True)
        subprocess.run(
            ["bash", "-c", f"{sys.executable} -c 'import sys; sys.stdin.read()' {given}"],
            env={"PYTHONPATH": str(BOOT), "NOTABENE_WATCH": str(seen), "PATH": "/usr/bin:/bin"},
            check=True,
            timeout=60,
        )
        (log,) = seen.glob("*.seen")
        assert f'["stdin", 6, "{DIGEST}", "{path}", ' in log.read_text()
        assert (f'["ready", "{data}"' in log.read_text()) == bool(path)
        assert '"missing"' not in log.read_text()
        shutil.rmtree(seen)


def test_nothing_is_told_of_nothing(run: Run):
    """An input that is empty, or not read."""
    assert not run("import sys; sys.stdin.read()").of("stdin")
    assert not run("print(1)", given=TEXT).of("stdin")
