"""Chapter 1, continued: what is there after SIGKILL, at an ordinary rate of logging."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import environment, installed, table
from peers import ALL

RATE = 500
"""Calls of log() a second, one number each."""
SECONDS = 4.0
SETTLE = 3.0
"""Seconds that helper processes, where a tracker has them, get to write what they hold."""

KILLED = r"""
import os, sys, time
from peers import make
tracker = make(sys.argv[1])
tracker.open("r1")
mark = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
begun, rate = time.perf_counter(), float(sys.argv[3])
for step in range(1_000_000):
    tracker.log(step, {"train/loss": step / 3})
    os.pwrite(mark, b"%012d" % (step + 1), 0)
    wait = begun + (step + 1) / rate - time.perf_counter()
    if wait > 0:
        time.sleep(wait)
"""

READ = r"""
import json, sys
from peers import make
steps, values = make(sys.argv[1]).read("train/loss")
wrong = sum(abs(v - s / 3) > 1e-4 * max(1, s) for s, v in zip(steps, values))
once = len(set(map(int, steps)))
print(json.dumps({"read": once, "doubled": len(steps) - once, "wrong": int(wrong)}))
"""


def killed(name: str, repeats: int = 3) -> list[dict[str, Any]]:
    """Kill a logging process, and count what another one reads."""
    found = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as root:
            found.append(_once(name, Path(root)))
    return found


def _once(name: str, root: Path) -> dict[str, Any]:
    home, data, mark = root / "home", root / "data", root / "mark"
    home.mkdir()
    data.mkdir()
    env = environment(home, data)
    command = [sys.executable, "-c", KILLED, name, str(mark), str(RATE)]
    out = subprocess.DEVNULL
    writer = subprocess.Popen(command, env=env, cwd=data, stdout=out, stderr=out)
    end = time.monotonic() + 60
    while not mark.exists() and writer.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(SECONDS)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    logged = int(mark.read_bytes() or b"0") if mark.exists() else 0
    time.sleep(SETTLE)
    command = [sys.executable, "-c", READ, name]
    read = subprocess.run(
        command, env=env, cwd=data, capture_output=True, text=True, timeout=300, check=False
    )
    lines = [line for line in read.stdout.splitlines() if line.startswith("{")]
    if not lines:
        last = read.stderr.strip().splitlines()[-1:]
        return {"logged": logged, "read": 0, "lost": logged, "error": " ".join(last)}
    answer: dict[str, Any] = json.loads(lines[-1])
    # The call under way when the signal came may be there without having been counted.
    return {"logged": logged, **answer, "lost": max(0, logged - answer["read"])}


def after_a_kill() -> dict[str, Any]:
    """The table for ours and each tracker installed whose data can be read without a server."""
    rows, figures = [], {}
    for name, adapter in ALL.items():
        there = not adapter.package or installed(adapter.package)
        if not there or not hasattr(adapter, "read"):
            continue
        figures[name] = runs = killed(name)
        lost = [run["lost"] for run in runs]
        rows.append(
            (
                name,
                sum(run["logged"] for run in runs),
                sum(lost),
                f"{max(lost) / RATE:.1f}",
                sum(run.get("doubled", 0) + run.get("wrong", 0) for run in runs),
                next((run["error"] for run in runs if "error" in run), "")[:60],
            )
        )
    table(
        f"1. Killed (SIGKILL) after {SECONDS:.0f} s of {RATE} calls a second, three times",
        ("tracker", "acknowledged", "lost", "at most, s", "doubled or wrong", "reading"),
        rows,
    )
    return figures
