"""Runs what pages and examples show, as a reader would: in a folder and home of their own."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SHIMS = {
    "python": "",
    "python3": "",
    "notabene": "import sys\nfrom notabene.cli.main import main\nsys.exit(main())\n",
}


class Desk:
    """A place where a reader follows a page."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "work"
        self.store = home / ".notabene"
        bin_folder = home / "bin"
        bin_folder.mkdir()
        for name, code in SHIMS.items():
            script = bin_folder / f".{name}.py"
            script.write_text(code)
            argument = f'"{script}" ' if code else ""
            path = bin_folder / name
            path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {argument}"$@"\n')
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        self.variables = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}

    def run(self, *command: str) -> str:
        """Run a command to its end; what it printed.

        Raises:
            AssertionError: It failed; the message shows what it said.
        """
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        shown = f"{' '.join(command)[:2000]}\n--- said:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        assert done.returncode == 0, shown
        return done.stdout

    def run_ids(self) -> list[str]:
        """Ids of the runs in the default store."""
        return [path.name for path in (self.store / "runs").glob("*/*")]


@pytest.fixture
def desk(home: Path) -> Desk:
    """A desk with an empty folder, and ``notabene`` and ``python`` on the PATH."""
    return Desk(home)
