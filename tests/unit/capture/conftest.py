"""Real repositories, and programs that run with the library before the C library."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from notabene.capture import shim
from notabene.capture.shim import Seen

Ask = Callable[..., str]
Watch = Callable[..., list[Seen]]


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


@pytest.fixture(scope="module")
def lib(tmp_path_factory) -> Path:
    """The library, built here."""
    found = shim.find(tmp_path_factory.mktemp("cache"))
    if found.path is None:
        pytest.skip(f"no library to try: {found.why}")
    return found.path


@pytest.fixture
def environ(lib, tmp_path) -> dict[str, str]:
    """The environment of a program that is watched; its log is ``tmp_path / "log"``."""
    log = tmp_path / "log"
    log.mkdir()
    return {**os.environ, **shim.preload(os.environ, lib, log)}


@pytest.fixture
def watch(environ, tmp_path) -> Watch:
    """Runs a program in ``tmp_path`` and gives back what was recorded."""

    def run(*command: object, check: bool = True, **more) -> list[Seen]:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=tmp_path,
            env={**environ, **more},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr.decode()
        assert b"ld.so" not in done.stderr
        run.printed = done.stdout
        return shim.read(tmp_path / "log")

    return run


@pytest.fixture
def compiled(tmp_path) -> Callable[..., Path]:
    """Compiles a program in C."""
    if not any(map(shutil.which, shim.COMPILERS)):
        pytest.skip("no compiler")

    def build(text: str, *flags: str, name: str = "program") -> Path:
        source = tmp_path / f"{name}.c"
        source.write_text(text)
        target = tmp_path / name
        compiler = next(filter(None, map(shutil.which, shim.COMPILERS)))
        done = subprocess.run(
            [compiler, "-O1", "-w", "-o", str(target), str(source), *flags],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"cannot be compiled here: {done.stderr.decode()[:200]}")
        return target

    return build
