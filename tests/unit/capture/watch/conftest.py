"""Small programs, run as users run theirs: with and without the watch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import notabene

BOOT = Path(notabene.__file__).parent / "capture" / "watch" / "boot"
FOUND = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))
PYTHONS = [
    sys.executable,
    *(str(one) for one in FOUND if int(one.parts[-3].split(".")[1]) >= 8),
]


@dataclass
class Told:
    """What a program did, and the events of each of its processes."""

    code: int
    out: str
    err: str
    logs: list[list[list]] = field(default_factory=list)
    raw: str = ""

    def of(self, kind: str) -> list[list]:
        """Events of a kind in all processes, without the kind; of files that were read one each."""
        events = [event[1:] for log in self.logs for event in log if event[0] == kind]
        if kind == "read":
            return [[name, *rest] for names, *rest in events for name in names]
        return events

    def log(self, key: str) -> list[list]:
        """Events of the process of this key."""
        for log in self.logs:
            names = [event[1] for event in log if event[0] == "name"] or [log[0][1]]
            if names[-1] == key:
                return log
        raise AssertionError(f"{key!r} not in {[log[0] for log in self.logs]}")


Run = Callable[..., Told]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a program in an empty folder; with the watch unless told otherwise."""

    def start(
        code: str,
        *words: str,
        python: str = sys.executable,
        flags: Sequence[str] = (),
        watched: bool = True,
        env: dict[str, str] | None = None,
        given: str = "",
        seen: Path | None = None,
        program: Sequence[str] | None = None,
    ) -> Told:
        folder = seen or tmp_path / f"store-{len(list(tmp_path.glob('store-*')))}" / "seen"
        if seen is None:
            folder.mkdir(parents=True)
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        (work / "train.py").write_text(code)
        full = {**os.environ, **(env or {})}
        if watched:
            path = [str(BOOT), full.get("PYTHONPATH", "")]
            full["PYTHONPATH"] = os.pathsep.join(filter(None, path))
            full["NOTABENE_WATCH"] = str(folder)
        command = [python, *flags, *(program or ["train.py"]), *words]
        done = subprocess.run(
            command, cwd=work, env=full, input=given, capture_output=True, text=True, timeout=120
        )
        told = Told(done.returncode, done.stdout, done.stderr)
        files = sorted(folder.glob("*.seen"), key=lambda one: one.stem.rpartition("-")[2])
        texts = [one.read_text() for one in files]
        told.raw = "".join(texts)
        told.logs = [[json.loads(line) for line in text.splitlines()] for text in texts]
        return told

    return start
