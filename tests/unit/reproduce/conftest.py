"""Programs in a project of their own, run by the command line in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from notabene._ids import new_run_id


class World:
    """A store, a project, and a home that belongs to nobody else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.far = folder / "far"
        for path in (self.project, self.far, folder / "home"):
            path.mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "NOTABENE_STORE": str(folder / "store"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "LANG": "C.UTF-8",
        }
        self.said = ""

    def notabene(self, *words: str, code: int | None = 0, given: str = "", **variables: str) -> str:
        """What the command prints; it must end with the code.

        Args:
            words: Of its command line.
            code: None: any.
            given: Its standard input.
            variables: Of its environment.
        """
        done = subprocess.run(
            [sys.executable, "-m", "notabene", *words],
            cwd=self.project if self.project.exists() else self.folder,
            env={**self.env, **variables},
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.said += done.stdout + done.stderr
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *words: str, code: int | None = 0) -> Any:
        """The same, as JSON."""
        return json.loads(self.notabene(*words, "--json", code=code))

    def run(self, *words: str, given: str = "", **variables: str) -> str:
        """Run the script of the project; the answer is the run's id."""
        run = new_run_id()
        command = ["run", "--id", run, "--", sys.executable, "train.py", *words]
        self.notabene(*command, given=given, **variables)
        return run

    def before(self, *words: str, given: str = "", **variables: str) -> tuple[str, list[str]]:
        """Whether it was done before, and what differs."""
        command = ["run", "--dry-run", "--json", "--", sys.executable, "train.py", *words]
        answer = json.loads(self.notabene(*command, given=given, **variables))
        return answer["verdict"], [one["item"] for one in answer["differs"]]


@pytest.fixture
def world(tmp_path) -> World:
    """An empty project and an empty store."""
    return World(tmp_path)
