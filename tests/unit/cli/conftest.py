"""A small store, made once, and a way to call the command line as a person does."""

from __future__ import annotations

import io
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

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

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
def nota(store: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Call ``notabene`` in this process, as in a pipe."""
    from notabene.cli.main import main

    def call(*words: str, code: int = 0, encoding: str = "utf-8") -> Result:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
        with monkeypatch.context() as patch:
            patch.setenv("NOTABENE_STORE", str(store))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                main(list(words))
        texts = []
        for stream in (out, err):
            stream.flush()
            texts.append(stream.buffer.getvalue().decode(encoding))  # type: ignore[attr-defined]
        assert ended.value.code == code, f"{ended.value.code}: {texts[0]}{texts[1]}"
        return Result(code, *texts)

    return call


@pytest.fixture
def program(store: Path) -> Command:
    """Call ``notabene`` in a process of its own."""

    def call(*words: str, code: int = 0, **env: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "notabene", *words],
            env={**os.environ, "NOTABENE_STORE": str(store), **env},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    return call
