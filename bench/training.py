"""Chapters 1 and 2: what logging costs the training process, and bytes a point."""

from __future__ import annotations

from typing import Any

from harness import child, installed, median, table
from killing import after_a_kill
from peers import ALL

REPEATS = 3
STEPS = {1: 20_000, 10: 20_000, 100: 2_000}
SLOW = {"Aim": 20, "MLflow (SQLite)": 200, "wandb offline": 4, "DVCLive": 100}
"""How many times fewer steps a peer gets, so that the table is done today."""

LOGGING = r"""
import json, random, sys, time
begun, cpu = time.perf_counter(), time.process_time()
from peers import make
name, keys, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tracker = make(name)
tracker.open("r1")
opened = time.perf_counter() - begun
draw = random.Random(7).random
names = ["train/loss", *("train/m%d" % i for i in range(1, keys))]
rows = [{k: draw() for k in names} for _ in range(min(steps, 5000) or 1)]
count, log = len(rows), tracker.log
# Another thread's first tick and first-time costs are not the loop's.
warm = min(64, steps // 2)
for s in range(warm):
    log(s, rows[s % count])
wall, thread = time.perf_counter(), time.thread_time()
for s in range(warm, steps):
    log(s, rows[s % count])
loop = {"loop_s": time.perf_counter() - wall, "thread_s": time.thread_time() - thread,
        "steps": steps - warm}
wall, cpu = time.perf_counter(), time.process_time()
tracker.close()
print(json.dumps({**loop, "close_s": time.perf_counter() - wall,
                  "close_cpu_s": time.process_time() - cpu, "open_s": opened}))
"""

IMPORTING = r"""
import json, sys, time
cpu = time.process_time()
__import__(sys.argv[1])
print(json.dumps({"import_cpu_s": time.process_time() - cpu,
                  "numpy": "numpy" in sys.modules}))
"""

STARTING = r"""
import json, os, resource, sys, time
os.environ["NOTABENE_SYSTEM_EVERY"] = "10"
import notabene
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cpu = time.process_time()
run = notabene.init("bench", config={"lr": 0.1})
init = time.process_time() - cpu
row = {"loss": 0.5}
for step in range(1_000_000):
    run.log(row, step=step)
cpu, wall = time.process_time(), time.perf_counter()
run.finish()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"init_cpu_s": init, "finish_cpu_s": time.process_time() - cpu,
                  "finish_s": time.perf_counter() - wall, "memory_mb": (after - before) / 1024}))
"""

TAIL = r"""
import json, os, sys, threading, time
import notabene
run = notabene.init("bench", capture=False)
row = {"m%d" % i: 0.5 for i in range(10)}
path = os.path.join(os.environ["ROOT"], "noise")
if os.fork() == 0:
    end, block = time.time() + 8, os.urandom(1 << 20)
    while time.time() < end:
        with open(path, "wb") as file:
            for _ in range(64):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    os._exit(0)
took, step, end, clock = [], 0, time.time() + 8, time.perf_counter_ns
while time.time() < end:
    for _ in range(200):
        begun = clock()
        run.log(row, step=step)
        took.append(clock() - begun)
        step += 1
    time.sleep(0.002)
os.wait()
took.sort()
run.finish()
at = lambda q: took[min(len(took) - 1, int(len(took) * q))] / 1000
print(json.dumps({"calls": len(took), "p50": at(.5), "p99": at(.99), "p99.9": at(.999),
                  "p99.99": at(.9999), "max": took[-1] / 1000}))
"""

STEP = r"""
import json, sys, time
log = int(sys.argv[1])
if log:
    import notabene
    run = notabene.init("bench")
row = {"m%d" % i: 0.5 for i in range(10)}
def work():
    total, end = 0, time.thread_time() + 0.005
    while time.thread_time() < end:
        for i in range(200):
            total += i
    return total
def loop(first, steps):
    cpu = time.process_time()
    for step in range(first, first + steps):
        work()
        if log:
            run.log(row, step=step)
    return (time.process_time() - cpu) / steps
print(json.dumps({"first_s": loop(0, 1200), "step_s": loop(1200, 1600)}))
if log:
    run.finish()
"""

LIVE = r"""
import json, os, sys, time
import numpy
import notabene
keys, rows, flushes = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
os.environ["NOTABENE_SYSTEM_EVERY"] = "0"
run = notabene.init("bench", capture=False)
rng, step = numpy.random.default_rng(0), 0
size = lambda: sum(p.stat().st_size for p in run.path.glob("*.journal"))
writer = run._writer
writer.ticks.clear()
run.flush()
before = size()
losses = numpy.exp(-numpy.arange(rows * flushes)[:, None] / 300) + 0.02 * rng.standard_normal(
    (rows * flushes, keys))
losses = losses.astype("float32").astype(float)
names = ["k%d" % i for i in range(keys)]
time.sleep(0.6)
for flush in range(flushes):
    for _ in range(rows):
        run.log(dict(zip(names, losses[step].tolist())), step=step)
        step += 1
    run.flush()
after = size()
run.finish()
print(json.dumps({"live": (after - before) / (step * keys)}))
"""


def chapter1() -> dict[str, Any]:
    """CPU of the calling thread, of everything, and what else a run costs."""
    figures: dict[str, Any] = {}
    rows = []
    for name, adapter in ALL.items():
        if adapter.package and installed(adapter.package) is None:
            continue
        row: dict[int, dict[str, float | None]] = {}
        empty = [child(LOGGING, name, 1, 0) for _ in range(REPEATS)]
        if "error" in empty[0]:
            print(f"{name}: left out: {empty[0]['error'].strip().splitlines()[-1:]}")
            continue
        for keys, steps in STEPS.items():
            count = steps // SLOW.get(name, 1)
            runs = [child(LOGGING, name, keys, count) for _ in range(REPEATS)]
            if any("error" in r for r in runs):
                continue
            thread = median(runs, "thread_s")
            cpu, idle = median(runs, "cpu_s"), median(empty, "cpu_s")
            assert thread is not None
            assert cpu is not None
            assert idle is not None
            row[keys] = {
                "thread_us": thread / runs[0]["steps"] * 1e6,
                "total_us_per_scalar": max(0.0, cpu - idle) / (count * keys) * 1e6,
                "close_s": median(runs, "close_s"),
                "bytes": (runs[0]["disk_bytes"] - empty[0]["disk_bytes"]) / (count * keys),
            }
        figures[name] = row
        one = [row.get(k, {}).get("thread_us") for k in STEPS]
        total = [row.get(k, {}).get("total_us_per_scalar") for k in (1, 10)]
        size = [row.get(k, {}).get("bytes") for k in (1, 10)]
        rows.append((name, *one, *total, row.get(10, {}).get("close_s"), *size))
    table(
        "1. Logging: CPU µs in the calling thread, 1 / 10 / 100 scalars a call; all CPU a scalar",
        (
            "tracker",
            "1",
            "10",
            "100",
            "all, 1 key",
            "all, 10 keys",
            "close s",
            "B/pt, 1",
            "B/pt, 10",
        ),
        rows,
    )
    figures["other"] = _other()
    figures["killed"] = after_a_kill()
    return figures


def _other() -> dict[str, Any]:
    imports = {}
    for label, module in (
        ("notabene", "notabene"),
        ("mlflow", "mlflow"),
        ("wandb", "wandb"),
        ("trackio", "trackio"),
        ("tensorboard", "tensorboard.summary.writer.event_file_writer"),
        ("aim", "aim"),
    ):
        if label == "notabene" or installed(label):
            runs = [child(IMPORTING, module) for _ in range(5)]
            imports[label] = median(runs, "import_cpu_s")
    started = [child(STARTING) for _ in range(REPEATS)]
    tail = child(TAIL)
    steps = [(child(STEP, 0), child(STEP, 1)) for _ in range(REPEATS)]
    ratio = sorted(b["step_s"] / a["step_s"] - 1 for a, b in steps)
    once = sorted((b["first_s"] - a["first_s"]) * 1200 for a, b in steps)
    table(
        "1. Import, CPU ms",
        tuple(imports),
        [tuple(None if v is None else v * 1000 for v in imports.values())],
    )
    begin = {k: median(started, k) for k in ("init_cpu_s", "finish_s", "finish_cpu_s", "memory_mb")}
    table(
        "1. A run of 1M points, and a 5 ms training step that logs 10 keys",
        (
            "init ms CPU",
            "finish ms",
            "finish ms CPU",
            "memory MB",
            "slow-down %, median (min..max)",
            "first 6 s, CPU ms more",
        ),
        [
            (
                *(None if begin[k] is None else begin[k] * 1000 for k in list(begin)[:3]),
                begin["memory_mb"],
                f"{ratio[len(ratio) // 2] * 100:.2f} ({ratio[0] * 100:.2f}..{ratio[-1] * 100:.2f})",
                once[len(once) // 2] * 1000,
            )
        ],
    )
    table(
        "1. log() of 10 keys while another process writes and syncs 64 MiB over and over, µs",
        tuple(tail),
        [tuple(tail.values())],
    )
    return {
        "import_cpu_s": imports,
        "run": begin,
        "step_slowdown": ratio,
        "first_6_s": once,
        "tail_us": tail,
    }


def chapter2() -> dict[str, Any]:
    """Bytes a point, live and at rest."""
    shapes = ((20, 10, 30), (20, 1, 60), (1, 100, 20), (10, 1000, 5))
    rows, figures = [], {}
    for keys, count, flushes in shapes:
        found = child(LIVE, keys, count, flushes)
        figures[f"{keys}x{count}"] = found
        rows.append((f"{keys} keys × {count} rows a flush", found.get("live", found.get("error"))))
    table("2. Bytes a point of a live journal", ("shape", "bytes a point"), rows)
    return figures
