"""One small adapter per tracker: ``open(name)``, ``log(step, row)``, ``close()``, ``read(key)``.

Hardware monitors, console capture and git look-ups are switched off wherever they can be, so
that the cost of logging is compared. Data goes to the folder in ``ROOT``; no network is used.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("ROOT", "."))
Row = dict[str, float]


class Floor:
    """Take the time and copy the mapping: what nobody can be cheaper than."""

    package = ""

    def open(self, name: str) -> None:
        self.now = time.time

    def log(self, step: int, row: Row) -> None:
        self.now()
        row.copy()

    def close(self) -> None:
        pass


class JsonLines:
    """One line of JSON per call, flushed."""

    package = ""

    path = ROOT / "metrics.jsonl"

    def open(self, name: str) -> None:
        self.file = open(self.path, "a")

    def log(self, step: int, row: Row) -> None:
        self.file.write(json.dumps({"step": step, **row}) + "\n")
        self.file.flush()

    def close(self) -> None:
        self.file.close()

    def read(self, key: str) -> tuple[list[int], list[float]]:
        steps, values = [], []
        for line in self.path.read_text().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            steps.append(row["step"])
            values.append(row[key])
        return steps, values


class Notabene:
    """Ours."""

    package = "notabene"

    def open(self, name: str) -> None:
        import notabene

        os.environ["NOTABENE_SYSTEM_EVERY"] = "0"
        self.run = notabene.init("bench", id=name, capture=False)

    def log(self, step: int, row: Row) -> None:
        self.run.log(row, step=step)

    def close(self) -> None:
        self.run.finish()

    def read(self, key: str) -> tuple[Any, Any]:
        import notabene

        found = notabene.Api().history("r1", key)
        return found.steps, found.values


class TensorBoard:
    """TensorBoard's own event writer."""

    package = "tensorboard"

    def open(self, name: str) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.event, self.summary = Event, Summary
        self.writer = EventFileWriter(str(ROOT / name))

    def log(self, step: int, row: Row) -> None:
        now = time.time()
        for key, value in row.items():
            summary = self.summary(value=[self.summary.Value(tag=key, simple_value=value)])
            self.writer.add_event(self.event(step=step, wall_time=now, summary=summary))

    def close(self) -> None:
        self.writer.close()

    def read(self, key: str) -> tuple[list[int], list[float]]:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(str(ROOT / "r1"), {"scalars": 0})
        found.Reload()
        scalars = found.Scalars(key)
        return [s.step for s in scalars], [s.value for s in scalars]


class TensorBoardX:
    """tensorboardX."""

    package = "tensorboardX"

    def open(self, name: str) -> None:
        from tensorboardX import SummaryWriter

        self.writer = SummaryWriter(str(ROOT / name))

    def log(self, step: int, row: Row) -> None:
        for key, value in row.items():
            self.writer.add_scalar(key, value, step)

    def close(self) -> None:
        self.writer.close()

    read = TensorBoard.read


class Wandb:
    """Weights & Biases, offline."""

    package = "wandb"

    def open(self, name: str) -> None:
        os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(ROOT))
        import wandb

        settings = wandb.Settings(
            console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True
        )
        self.run = wandb.init(project="bench", id=name, settings=settings)

    def log(self, step: int, row: Row) -> None:
        self.run.log(row, step=step)

    def close(self) -> None:
        self.run.finish()

    def read(self, key: str) -> tuple[list[int], list[float]]:
        # What `wandb sync` would send; wandb has no reader in Python, so ours reads the framing.
        from wandb.proto.wandb_internal_pb2 import Record

        from notabene.importers.wandb_log import WandbLog

        steps, values = [], []
        for path in ROOT.rglob("*.wandb"):
            for data in WandbLog(path).read():
                record = Record()
                record.ParseFromString(data)
                row = {i.key or "/".join(i.nested_key): i for i in record.history.item}
                if key in row:
                    steps.append(record.history.step.num)
                    values.append(json.loads(row[key].value_json))
        return steps, values


class Mlflow:
    """MLflow with its SQLite store, in this process, batches as its fluent API makes them."""

    package = "mlflow"

    def open(self, name: str) -> None:
        os.environ["MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"] = "false"
        import mlflow

        self.mlflow = mlflow
        mlflow.set_tracking_uri(f"sqlite:///{ROOT}/mlflow.db")
        mlflow.start_run(run_name=name)

    def log(self, step: int, row: Row) -> None:
        self.mlflow.log_metrics(row, step=step)

    def close(self) -> None:
        self.mlflow.end_run()

    def read(self, key: str) -> tuple[list[int], list[float]]:
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{ROOT}/mlflow.db")
        client = mlflow.MlflowClient()
        (run,) = client.search_runs(["0"])
        found = client.get_metric_history(run.info.run_id, key)
        return [m.step for m in found], [m.value for m in found]


class Trackio:
    """Trackio, local."""

    package = "trackio"

    def open(self, name: str) -> None:
        os.environ.update(TRACKIO_DIR=str(ROOT), GRADIO_ANALYTICS_ENABLED="False")
        import trackio

        self.run = trackio.init(project="bench", name=name, embed=False)

    def log(self, step: int, row: Row) -> None:
        self.run.log(row, step=step)

    def close(self) -> None:
        self.run.finish()

    def read(self, key: str) -> tuple[list[int], list[float]]:
        os.environ["TRACKIO_DIR"] = str(ROOT)
        from trackio.sqlite_storage import SQLiteStorage

        rows = SQLiteStorage.get_metric_values("bench", "r1", key)
        return [row["step"] for row in rows], [row["value"] for row in rows]


class Aim:
    """Aim."""

    package = "aim"

    def open(self, name: str) -> None:
        from aim import Run

        self.run = Run(repo=str(ROOT), system_tracking_interval=None, capture_terminal_logs=False)

    def log(self, step: int, row: Row) -> None:
        for key, value in row.items():
            self.run.track(value, name=key, step=step)

    def close(self) -> None:
        self.run.close()


class Swanlab:
    """SwanLab, offline."""

    package = "swanlab"

    def open(self, name: str) -> None:
        import swanlab

        self.swanlab = swanlab
        swanlab.init(project="bench", mode="offline", logdir=str(ROOT))

    def log(self, step: int, row: Row) -> None:
        self.swanlab.log(row, step=step)

    def close(self) -> None:
        self.swanlab.finish()


class Sacred:
    """Sacred with its file observer; its run is a function call, so it gets a thread of its own."""

    package = "sacred"

    def open(self, name: str) -> None:
        import sacred
        from sacred.observers import FileStorageObserver

        sacred.SETTINGS["CAPTURE_MODE"] = "no"
        experiment = sacred.Experiment(name, save_git_info=False)
        experiment.observers.append(FileStorageObserver(str(ROOT)))
        begun, self.over = threading.Event(), threading.Event()

        def main(_run: Any) -> None:
            self.run = _run
            begun.set()
            self.over.wait()

        experiment.main(main)
        self.thread = threading.Thread(target=experiment.run)
        self.thread.start()
        begun.wait()

    def log(self, step: int, row: Row) -> None:
        for key, value in row.items():
            self.run.log_scalar(key, value, step)

    def close(self) -> None:
        self.over.set()
        self.thread.join()

    def read(self, key: str) -> tuple[list[int], list[float]]:
        path = ROOT / "1" / "metrics.json"
        found = json.loads(path.read_text()).get(key, {}) if path.exists() else {}
        return found.get("steps", []), found.get("values", [])


class DvcLive:
    """DVCLive without a repository: it rewrites its files at each step."""

    package = "dvclive"

    def open(self, name: str) -> None:
        os.environ["DVC_NO_ANALYTICS"] = "1"
        from dvclive import Live

        self.live = Live(str(ROOT / name), save_dvc_exp=False, dvcyaml=None)

    def log(self, step: int, row: Row) -> None:
        self.live.step = step
        for key, value in row.items():
            self.live.log_metric(key, value)
        self.live.next_step()

    def close(self) -> None:
        self.live.end()

    def read(self, key: str) -> tuple[list[int], list[float]]:
        path = ROOT / "r1" / "plots" / "metrics" / f"{key}.tsv"
        rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
        return [int(row[0]) for row in rows], [float(row[-1]) for row in rows]


ALL: dict[str, type[Any]] = {
    "floor: time + copy": Floor,
    "JSON line + flush": JsonLines,
    "notabene": Notabene,
    "TensorBoard": TensorBoard,
    "tensorboardX": TensorBoardX,
    "wandb offline": Wandb,
    "MLflow (SQLite)": Mlflow,
    "Trackio": Trackio,
    "Aim": Aim,
    "SwanLab offline": Swanlab,
    "Sacred": Sacred,
    "DVCLive": DvcLive,
}


def make(name: str) -> Any:
    """The adapter of a name."""
    return ALL[name]()


if __name__ == "__main__":
    print("\n".join(ALL), file=sys.stdout)
