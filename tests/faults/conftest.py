"""Running programs that get hurt."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.workload import Counters

PROGRAM = Path(__file__).with_name("workload.py")
HANG = 60
"""Seconds after which a program counts as hanging."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here breaks something."""
    for item in items:
        if "faults" in Path(item.path).parts:
            item.add_marker(pytest.mark.faults)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of a run."""
    path = tmp_path / "run1"
    path.mkdir()
    return path


@pytest.fixture
def counters(tmp_path: Path) -> Iterator[Counters]:
    """The counts of acknowledged rows of the programs that a test starts."""
    found = Counters(tmp_path / "counters")
    yield found
    found.close()


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a case of the workload in a process group of its own; what is left of it is killed."""
    begun: list[subprocess.Popen[str]] = []

    def go(case: str, *args: object, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        command = [*before, sys.executable, str(PROGRAM), case, str(folder), *map(str, args)]
        program = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        begun.append(program)
        return program

    yield go
    for program in begun:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


@pytest.fixture
def finish(
    start: Callable[..., subprocess.Popen[str]],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a case of the workload to its end."""

    def go(case: str, *args: object, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        program = start(case, *args, before=before)
        out, err = program.communicate(timeout=HANG)
        return subprocess.CompletedProcess(program.args, program.returncode, out, err)

    return go
