"""Real repositories for the tests of code capture."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Ask = Callable[..., str]


@pytest.fixture
def git(monkeypatch) -> Ask:
    """Runs git in a folder and gives back what it printed, with a name and a branch set."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")

    def ask(folder: Path, *words: str) -> str:
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
        return done.stdout.strip()

    return ask


@pytest.fixture
def repository(git, tmp_path) -> Path:
    """A repository with one commit: ``train.py`` and ``lib/model.py``."""
    top = tmp_path / "project"
    (top / "lib").mkdir(parents=True)
    (top / "train.py").write_text("print('train')\n")
    (top / "lib" / "model.py").write_text("DEPTH = 3\n")
    git(top, "init")
    git(top, "add", ".")
    git(top, "commit", "-m", "first")
    return top
