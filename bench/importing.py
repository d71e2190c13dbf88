"""Chapter 6: what it costs to bring in what other tools wrote, beside TensorBoard's own reader.

The sources are made by the tools themselves (tensorboardX, wandb offline, MLflow), so each needs
its tool; what is missing is left out and said. An import ends when every point was written, read
back and compared; a reader only reads.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness import child, number, table

EVENTS = """
import os, sys, json
from tensorboardX import SummaryWriter
rows, keys = int(sys.argv[2]), 10
with SummaryWriter(sys.argv[1]) as writer:
    for step in range(rows):
        for key in range(keys):
            writer.add_scalar(f"train/m{key}", 1 / (step + key + 1), step, walltime=1.7e9 + step)
print(json.dumps({"points": rows * keys}))
"""

WANDB = """
import os, sys, json
os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=sys.argv[1])
import wandb
rows, keys = int(sys.argv[2]), 10
run = wandb.init(project="bench", config={"lr": 0.1})
for step in range(rows):
    run.log({f"m{key}": 1 / (step + key + 1) for key in range(keys)}, step=step)
run.finish()
print(json.dumps({"points": rows * keys}))
"""

MLFLOW = """
import json, sqlite3, sys, uuid
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
path, runs, keys, steps = sys.argv[1] + "/mlflow.db", int(sys.argv[2]), 8, 10
store = SqlAlchemyStore(f"sqlite:///{path}", sys.argv[1] + "/artifacts")
experiment = store.create_experiment("bench")
first = store.create_run(experiment, "ada", 1_700_000_000_000, [], "run-0")
base = sqlite3.connect(path)
names = [row[1] for row in base.execute("pragma table_info(runs)")]
row = base.execute("select * from runs").fetchone()
made = {name: [row[names.index(name)]] * (runs - 1) for name in names}
ids = [uuid.uuid4().hex for _ in range(runs - 1)]
fresh = [dict(zip(names, row)) | {"run_uuid": one, "name": f"run-{at + 1}", "status": "FINISHED",
         "end_time": 1_700_000_100_000} for at, one in enumerate(ids)]
marks = ", ".join("?" * len(names))
base.executemany(f"insert into runs ({', '.join(names)}) values ({marks})",
                 [[one[name] for name in names] for one in fresh])
for run in ids:
    base.executemany("insert into params (key, value, run_uuid) values (?, ?, ?)",
                     [(f"p{k}", str(k / 7), run) for k in range(12)])
    points = [(f"m{k}", 1 / (s + k + 1), 1_700_000_000_000 + s, run, s, 0)
              for k in range(keys) for s in range(steps)]
    columns = "(key, value, timestamp, run_uuid, step, is_nan)"
    base.executemany(f"insert into metrics {columns} values (?, ?, ?, ?, ?, ?)", points)
    base.executemany(f"insert into latest_metrics {columns} values (?, ?, ?, ?, ?, ?)",
                     [point for point in points if point[4] == steps - 1])
base.commit()
print(json.dumps({"points": (runs - 1) * keys * steps}))
"""

IMPORT = """
import json, sys
from notabene.api import Api
with Api.make(sys.argv[2]) as api:
    report = api.import_from(sys.argv[1])
    runs = [run for run in report.runs]
    print(json.dumps({"runs": len(runs), "points": sum(run.points for run in runs),
                      "import_cpu": report.cpu}))
"""

ACCUMULATOR = """
import json, sys, time
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
begun = time.process_time()
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0}).Reload()
points = sum(len(events.Scalars(tag)) for tag in events.Tags()["scalars"])
print(json.dumps({"points": points, "import_cpu": time.process_time() - begun}))
"""

SOURCES = {
    "TensorBoard event file": ("tensorboardX", EVENTS, 40_000, "tensorboard", ACCUMULATOR),
    "W&B .wandb file": ("wandb", WANDB, 20_000, "", ""),
    "MLflow sqlite, 80 points a run": ("mlflow", MLFLOW, 10_000, "", ""),
}
"""By name: the tool that writes, its script, the size, the reader's tool and its script.

W&B reads its own files in a program that uploads them, which cannot be run without its server.
"""


def chapter6(scale: float) -> dict[str, Any]:
    """Make each source, import it, read it."""
    rows: list[list[str]] = []
    figures: dict[str, Any] = {}
    for name, (tool, script, size, reader, reading) in SOURCES.items():
        if importlib.util.find_spec(tool) is None:
            print(f"{name} is left out: {tool} is not installed")
            continue
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            made = child(script, folder, int(size * scale), limit=3600)
            if "error" in made:
                sys.exit(f"{name} could not be made: {made['error']}")
            ours = child(IMPORT, source_in(folder), f"{folder}/store", limit=3600)
            rows.append(row(f"{name}: notabene import", made["points"], ours))
            figures[name] = {"points": made["points"], "notabene": ours}
            if reader and importlib.util.find_spec(reader) is not None:
                theirs = child(reading, folder, limit=3600)
                rows.append(row(f"{name}: {reader}'s own reader", made["points"], theirs))
                figures[name][reader] = theirs
    heads = ["what", "points", "CPU s", "points a CPU s", "wall s"]
    table("6. Bringing in what other tools wrote", heads, rows)
    return figures


def source_in(folder: str) -> str:
    """The file or folder that is imported."""
    database = Path(folder, "mlflow.db")
    return str(database) if database.exists() else folder


def row(what: str, points: int, found: dict[str, Any]) -> list[str]:
    """One line of the table; all points must have come."""
    if found.get("points", 0) < points:
        if "error" in found:
            sys.exit(f"{what}: {found['error']}")
        sys.exit(f"{what}: {found['points']:,} of {points:,} points came")
    cpu = found["import_cpu"]
    return [what, f"{points:,}", number(cpu), f"{points / cpu:,.0f}", number(found["wall_s"])]
