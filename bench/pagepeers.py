"""Other trackers' pages on equal data: their stores filled by their own code where that is quick.

Trackio takes rows in bulk. MLflow takes a thousand points in 0.15 s, so its points are put into
the tables of its SQLite store directly, as its own code would have put them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from serving import Server
from stores import PROJECT, Shape

TRACKIO = """
import sys
from stores import Shape, rows_of
from trackio.sqlite_storage import SQLiteStorage

shape = Shape(*map(int, sys.argv[2:]))
for name, params, values in rows_of(shape):
    keys = [f"train/m{i}" for i in range(shape.keys)]
    rows = [dict(zip(keys, row)) for row in values.tolist()]
    SQLiteStorage.bulk_log(sys.argv[1], name, rows, list(range(len(rows))), config=params)
"""

MLFLOW = """
import sqlite3, sys
import mlflow
from stores import Shape, rows_of
from synth import START

shape, place = Shape(*map(int, sys.argv[3:])), sys.argv[2]
mlflow.set_tracking_uri("sqlite:///" + place)
experiment = mlflow.create_experiment(sys.argv[1])
client = mlflow.MlflowClient()
first = client.create_run(experiment, run_name="first")
link = sqlite3.connect(place)
about = [row[1] for row in link.execute("PRAGMA table_info(runs)")]
like = dict(zip(about, link.execute("SELECT * FROM runs").fetchone()))
sql = f"INSERT INTO runs ({', '.join(about)}) VALUES ({', '.join('?' * len(about))})"
for at, (name, params, values) in enumerate(rows_of(shape)):
    run, begun = f"{at:032x}", START // 1000 + at * 1000
    new = dict(run_uuid=run, name=name, start_time=begun, end_time=begun + 500, status="FINISHED")
    link.execute(sql, [{**like, **new}[name] for name in about])
    tag = "INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', ?, ?)"
    link.execute(tag, (name, run))
    rows = [(key, str(value), run) for key, value in params.items()]
    link.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", rows)
    for column in range(shape.keys):
        rows = [
            (f"train/m{column}", value, begun + step, step, 0, run)
            for step, value in enumerate(values[:, column].tolist())
        ]
        into = "(key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, ?, ?, ?)"
        link.executemany("INSERT INTO metrics " + into, rows)
        link.execute("INSERT INTO latest_metrics " + into, rows[-1])
link.execute("DELETE FROM runs WHERE run_uuid = ?", (first.info.run_id,))
link.commit()
print(experiment)
"""

SHOW = """
import trackio, sys
trackio.show(sys.argv[1], open_browser=False, block_thread=True, server_port=int(sys.argv[2]))
"""


def _run(code: str, env: dict[str, str], cwd: Path, *args: object) -> str:
    here = str(Path(__file__).resolve().parent)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env=env | {"PYTHONPATH": os.pathsep.join([here, env.get("PYTHONPATH", "")])},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
    )
    return done.stdout


def _env(base: Path) -> dict[str, str]:
    home = base / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        **os.environ,
        "HOME": str(home),
        "TRACKIO_DIR": str(base / "data"),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def _sizes(shape: Shape) -> tuple[int, ...]:
    return shape.runs, shape.keys, shape.steps, shape.params


Pages = tuple[Server, dict[str, str]]
"""A server, and where it shows the rows and the charts."""


def trackio(base: Path, shape: Shape) -> Pages:
    """Trackio's dashboard over a store of a shape."""
    env = _env(base)
    if not (base / "data").exists():
        _run(TRACKIO, env, base, PROJECT, *_sizes(shape))
    server = Server([sys.executable, "-c", SHOW, PROJECT, "{port}"], env, base)
    return server, {"charts": f"{server.url}/?project={PROJECT}"}


def mlflow(base: Path, shape: Shape) -> Pages:
    """MLflow's server over a store of a shape."""
    env = _env(base)
    place, number = base / "mlflow.db", base / "experiment"
    if not number.exists():
        place.unlink(missing_ok=True)
        number.write_text(_run(MLFLOW, env, base, PROJECT, place, *_sizes(shape)).split()[-1])
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri"]
    command += [f"sqlite:///{place}", "--artifacts-destination", str(base / "artifacts")]
    # One worker instead of four, and none for background jobs: enough for one browser.
    command += ["--workers", "1"]
    env["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    server = Server([*command, "--port", "{port}"], env, base, ready="/health")
    url = f"{server.url}/#/experiments/{number.read_text()}/runs"
    return server, {"rows": url, "charts": f"{url}?compareRunsMode=CHART"}
