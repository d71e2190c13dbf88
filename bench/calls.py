"""System calls of a tick: how many a reader makes to see whether something is new.

A tick must cost the same with a hundred runs as with ten thousand. Counted with ``strace``, where
it is installed, between marks that the measured process sets by asking for files of their names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import HERE, remove, scratch
from synth import fill

CASES = ("nothing new", "a run grew", "a run began")
CODE = """
import os, sys, time
from pathlib import Path
from notabene.api import Api
from notabene.testing.scribe import Scribe

api, now = Api(sys.argv[1]), time.time_ns() // 1000
month = max((api.folder.runs).iterdir())

def tick(mark=""):
    if mark:
        os.path.exists("/mark/" + mark)
    api.refresh()
    if mark:
        os.path.exists("/mark/end")

def begin(run):
    scribe = Scribe(run, time=now).start("p").row({"loss": 1.0}, 0)
    scribe.save(month / run)
    api.folder.mark_live(run, scribe.id)
    return scribe

grows = begin("grows")
for _ in range(3):
    tick()
    time.sleep(0.1)
tick("nothing new")
grows.row({"loss": 0.5}, 1).save(month / "grows")
tick("a run grew")
begin("begins")
tick("a run began")
"""


def tick_calls(sizes: list[int]) -> dict[str, list[int]] | None:
    """System calls of a tick at some numbers of runs, by what is new; None without strace."""
    if shutil.which("strace") is None:
        return None
    found: dict[str, list[int]] = {case: [] for case in CASES}
    for runs in sizes:
        base = scratch()
        fill(base / "store", runs, 1, 1)
        _gather(base / "store")
        for case, calls in _traced(base).items():
            found[case].append(calls)
        remove(base)
    return found


def _gather(store: Path) -> None:
    """Move all runs into one month: the worst case."""
    first, *others = sorted((store / "runs").iterdir())
    for month in others:
        for run in month.iterdir():
            run.rename(first / run.name)
        month.rmdir()


def _traced(base: Path) -> dict[str, int]:
    env = {**os.environ, "NOTABENE_CACHE": str(base / "cache"), "PYTHONPATH": str(HERE)}
    command = ["strace", "-f", "-qq", "-o", str(base / "trace"), sys.executable, "-c", CODE]
    subprocess.run([*command, str(base / "store")], env=env, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, int] = {}
    case = ""
    for line in (base / "trace").read_text(errors="replace").splitlines():
        if '"/mark/' in line:
            case = line.split('"/mark/')[1].split('"')[0]
        elif case in CASES:
            found[case] = found.get(case, 0) + ("resumed>" not in line)
    return found
