"""What the watch costs a program: its start, and each thing that it sees.

    python bench/watching.py [--files 20000]

Each figure is CPU time. Programs with and without the watch are fresh processes that take turns;
what counts is the median of the differences between neighbours. A process gives for single calls
its best round, and for first opens, which cannot be repeated, its lower quartile over parts of 250.

Of training, all that the watch takes part in is reading the clock: that no audit event arises is
counted. So steps that read the clock as the watch has it, and as it is without, take turns in one
process, twenty by twenty, and what counts is the median of the differences of their medians: from
process to process a step differs by more than what is looked for.

Last, a program that reads all those files in one go, within a run and without: there the files are
also hashed and kept, by a process aside, and what counts is wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BOOT = Path(__file__).resolve().parent.parent / "src/notabene/capture/watch/boot"

CALLS = r"""
import json, os, sys, time
cpu = time.process_time
def best(call, count=100_000, rounds=7):
    found = []
    for _ in range(rounds):
        began = cpu()
        for _ in range(count): call()
        found.append((cpu() - began) / count * 1e6)
    return min(found)
def first_opens(folder, count, part=250):
    found = []
    for start in range(0, count, part):
        began = cpu()
        for number in range(start, start + part):
            with open(folder + "/" + str(number), "rb") as file: file.read()
        found.append((cpu() - began) / part * 1e6)
    return sorted(found)[len(found) // 4]
folder, count = sys.argv[1], int(sys.argv[2])
one = folder + "/0"
def opened(): open(one, "rb").close()
print(json.dumps({
    "open, the first": first_opens(folder, count),
    "open, later": best(opened, 30_000),
    "os.stat, a hit": best(lambda: os.stat(one), 50_000),
    "os.environ": best(lambda: os.environ["HOME"]),
    "time.time": best(lambda: time.time()),
}))
"""

TRAINING = r"""
import json, sys, time
import numpy as np
rng = np.random.default_rng(0)
x, y = rng.normal(size=(4096, 64)), rng.normal(size=(4096, 1))
w, v, marks = rng.normal(size=(64, 128)) / 8, rng.normal(size=(128, 1)) / 11, []
clocks = (getattr(time.time, "__wrapped__", time.time), time.time)
events = []
if sys.argv[1] == "count":
    sys.addaudithook(lambda event, _: events.append(event))
del events[:]
for step in range(6_000):
    now = clocks[step // 20 % 2]
    marks.append(time.process_time())
    started = now()
    rows = rng.integers(0, 4096, 128)
    hidden = np.maximum(x[rows] @ w, 0)
    error = (hidden @ v - y[rows]) / 128
    back = (error @ v.T) * (hidden > 0)
    v -= 0.01 * hidden.T @ error
    w -= 0.01 * x[rows].T @ back
    loss, took = float((error * error).sum()), now() - started
met = len(events)
steps = [(after - before) * 1e6 for before, after in zip(marks, marks[1:])]
turns = [sorted(steps[at : at + 20])[10] for at in range(0, len(steps) - 20, 20)]
more = sorted(seen - plain for plain, seen in zip(turns[::2], turns[1::2]))
plain, more = sorted(turns)[len(turns) // 2], more[len(more) // 2]
print(json.dumps({"plain": plain, "more": more, "met": met, "w": w.tolist()}))
"""
"""Steps of a quarter of a millisecond, as a small network has them: most are longer."""

END = r"""
import json, sys, time
import numpy
import notabene
for number in range(100):
    open(f"made{number}", "w").write("x" * 1000)
for number in range(100):
    open(f"made{number}").read()
run = notabene.init("bench", store=sys.argv[1], config={"lr": 0.1})
for step in range(1000):
    run.log({"loss": 1 / (step + 1)})
time.sleep(1)
wall, cpu = time.perf_counter(), time.process_time()
run.finish()
print(json.dumps([(time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3]))
"""
"""A program that reads and writes a hundred files; how long its end takes."""


READING = r"""
import json, sys, time
folder, count, store = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if store:
    import notabene
    run = notabene.init("bench", store=store)
time.sleep(3)  # what goes on beside the beginning is over
began = time.perf_counter()
for number in range(count):
    with open(folder + "/" + str(number), "rb") as file: file.read()
took, began = (time.perf_counter() - began) / count * 1e6, time.perf_counter()
if store:
    run.finish()
print(json.dumps([took, time.perf_counter() - began]))
"""


def run(code: str, watched: bool, *words: str) -> dict:
    """What a program printed, run with or without the watch."""
    drop = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    env = {name: value for name, value in os.environ.items() if name not in drop}
    env["OPENBLAS_NUM_THREADS"] = "1"  # threads that wait for each other count as CPU time
    with tempfile.TemporaryDirectory() as folder:
        if watched:
            # What lies beside the folder of the watch is notabene's own and not looked at.
            seen = Path(folder, "watch")
            seen.mkdir()
            env.update(PYTHONPATH=str(BOOT), NOTABENE_WATCH=str(seen))
        script = Path(folder, "script.py")
        script.write_text(code)
        command = [sys.executable, str(script), *words]
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def pairs(code: str, rounds: int, *words: str) -> tuple[list[dict], list[dict]]:
    """Results without and with the watch, in turns."""
    found: tuple[list[dict], list[dict]] = ([], [])
    for _ in range(rounds):
        for watched in (False, True):
            found[watched].append(run(code, watched, *words))
    return found


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=20_000)
    files = parser.parse_args().files
    start = "import time; print(time.process_time() * 1e3)"
    run(start, True)
    plain, seen = (
        statistics.median([float(one) for one in found])  # type: ignore[arg-type]
        for found in pairs(start, 20)
    )
    print(f"start                {plain:8.2f} ms {seen - plain:+8.2f} ms")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(files):
            (Path(folder) / str(number)).write_bytes(b"x" * 4096)
        plains, seens = pairs(CALLS, 9, folder, str(files))
        reading = [read_all(folder, files) for _ in range(7)]
    for name in plains[0]:
        plain = statistics.median(one[name] for one in plains)
        more = statistics.median(
            after[name] - before[name] for before, after in zip(plains, seens, strict=True)
        )
        print(f"{name:20} {plain:8.2f} µs {more:+8.2f} µs")
    counted = run(TRAINING, False, "count")
    watched = [run(TRAINING, True, "") for _ in range(9)]
    assert counted["met"] == 0, "training raises audit events: their cost is not measured here"
    assert all(one["w"] == counted["w"] for one in watched)
    plain = statistics.median(one["plain"] for one in watched)
    more = statistics.median(one["more"] / one["plain"] for one in watched)
    print(f"{'a step of training':20} {plain:8.2f} µs {more * 100:+8.2f} %")
    plain, more, end = (statistics.median(one[at] for one in reading) for at in range(3))
    print(f"{'a file, in a run':20} {plain:8.2f} µs {more:+8.2f} µs wall")
    print(f"{'the end of that run':20} {end:8.2f} s wall, {files:,} files")
    for observe, what in (("0", "finish, unwatched"), ("1", "finish, watched")):
        wall, cpu = finished(observe)
        print(f"{what:20} {wall:8.2f} ms wall, {cpu:.2f} ms CPU")


def read_all(folder: str, count: int) -> tuple[float, float, float]:
    """µs of wall time that a file takes without a run, and more in one, and seconds of its end."""
    with tempfile.TemporaryDirectory() as top:
        script = Path(top, "script.py")
        script.write_text(READING)
        env = {**os.environ, "NOTABENE_QUIET": "1", "NOTABENE_CACHE": f"{top}/cache"}
        found = []
        for store in ("", f"{top}/store"):
            command = [sys.executable, str(script), folder, str(count), store]
            done = subprocess.run(command, cwd=top, env=env, stdout=subprocess.PIPE, check=True)
            found.append(json.loads(done.stdout))
    (plain, _), (seen, end) = found
    return plain, seen - plain, end


def finished(observe: str, rounds: int = 7) -> list[float]:
    """ms of wall and CPU time that the end of a run takes, medians."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "script.py")
            script.write_text(END)
            env = {**os.environ, "NOTABENE_OBSERVE": observe, "NOTABENE_QUIET": "1"}
            command = [sys.executable, str(script), f"{folder}/store"]
            done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, check=True)
            found.append(json.loads(done.stdout))
    return [statistics.median(one[at] for one in found) for at in (0, 1)]


if __name__ == "__main__":
    main()
