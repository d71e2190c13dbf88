"""A small store, made once, and a way to call the command line as a person does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import notabene


class Result:
    """What a command printed and how it ended."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with three runs of two projects, one of them failed."""
    root = tmp_path / "store"
    for number, (name, lr) in enumerate((("slow", 0.01), ("fast", 0.1))):
        with notabene.init(
            "digits", name=name, config={"lr": lr, "deep": {"n": number}}, store=root,
            tags=["team=vision"], capture=False,
        ) as run:  # fmt: skip
            run.define_metric("acc", goal="max")
            for step in range(50):
                run.log({"loss": 1 / (step + 1), "acc": lr * step / 5}, step=step)
            run.log_text("sample", "hello", step=0)
    try:
        with notabene.init("other", name="broken", store=root, capture=False) as run:
            run.log({"loss": 3.0})
            raise ValueError("no such layer")
    except ValueError:
        pass
    return root


@pytest.fixture
def nota(store: Path) -> Command:
    """Call ``notabene`` in a process of its own, in a pipe."""

    def call(*words: str, code: int = 0, stdin: str = "", **env: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "notabene", *words],
            env={**os.environ, "NOTABENE_STORE": str(store), **env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done)

    return call
