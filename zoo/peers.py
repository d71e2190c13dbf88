"""What other trackers record of the same scripts, where they are installed.

A script that calls notabene calls the peer instead, through a module of that name that passes
``init``, ``log`` and ``finish`` on; one that is run under ``notabene run`` is given those calls.
Code saving is switched on. A difference counts as recorded where any parameter, tag or kept file
of the two runs differs and what differs names the cause: as for ``notabene diff``.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STUB = """
import os
PEER = os.environ["ZOO_PEER"]

class Run:
    config = {}
    def log(self, data, step=None): log(data, step=step)
    def finish(self, *a, **k): finish()
    def __enter__(self): return self
    def __exit__(self, *a): finish()

def _plain(config):
    return dict(config) if isinstance(config, dict) else dict(vars(config)) if config else {}

def init(project=None, *, config=None, **more):
    if PEER == "mlflow":
        import mlflow
        mlflow.set_experiment("zoo")
        mlflow.start_run()
        if config: mlflow.log_params(_plain(config))
    else:
        import wandb
        wandb.init(project="zoo", mode="offline", config=_plain(config), save_code=True)
        wandb.run.log_code(".")
    return Run()

def log(data, step=None):
    if PEER == "mlflow":
        import mlflow
        mlflow.log_metrics({k: float(v) for k, v in data.items()}, step=step)
    else:
        import wandb
        wandb.log(dict(data), step=step)

def finish(*a, **k):
    if PEER == "mlflow":
        import mlflow
        mlflow.end_run()
    else:
        import wandb
        wandb.finish()

def __getattr__(name):
    return lambda *a, **k: None
"""
FUTURE = "from __future__"


class Peer:
    """One tracker.

    Args:
        name: ``mlflow`` or ``wandb``.
        folder: For the module in notabene's place, and for what is recorded.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        (folder / "stub").mkdir(parents=True)
        (folder / "stub" / "notabene.py").write_text(STUB, encoding="utf-8")

    def environ(self, env: dict[str, str], which: str) -> dict[str, str]:
        """The environment of a run."""
        place = self.folder / which
        place.mkdir()
        path = [str(self.folder / "stub"), env.get("PYTHONPATH", "")]
        return {
            **env,
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "ZOO_PEER": self.name,
            "MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db",
            "WANDB_DIR": str(place),
            "WANDB_DATA_DIR": str(place / "staged"),
            "WANDB_SILENT": "true",
        }

    @staticmethod
    def dress(script: Path) -> None:
        """Make a script that calls no tracker call one, as its author would by hand."""
        text = script.read_text("utf-8")
        if script.suffix == ".py" and not text.startswith(FUTURE):
            begin = "import notabene; notabene.init('zoo')\n"
            script.write_text(f"{begin}{text}\nnotabene.finish()\n", encoding="utf-8")

    def record(self, which: str) -> dict[str, str]:
        """All that was recorded of a run, as text by name."""
        place = self.folder / which
        return dict(_mlflow(place) if self.name == "mlflow" else _wandb(place))

    def tells(self, item: str) -> bool:
        """Whether what differs between A and B names something."""
        a, b = self.record("a"), self.record("b")
        for name in a.keys() | b.keys():
            one, other = a.get(name, ""), b.get(name, "")
            changed = {*one.splitlines()} ^ {*other.splitlines()}
            # A command line is a list of words: the name of an option stands beside its value.
            lines = {one, other} if name == "environment args" else changed
            if one != other and (item in name or any(item in line for line in lines)):
                return True
        return False


def _mlflow(place: Path) -> Iterator[tuple[str, str]]:
    from mlflow import MlflowClient

    if not (place / "mlflow.db").exists():
        return
    client = MlflowClient(f"sqlite:///{place}/mlflow.db")
    ids = [one.experiment_id for one in client.search_experiments()]
    for run in client.search_runs(ids):
        yield from ((f"param {k}", str(v)) for k, v in run.data.params.items())
        yield from ((f"tag {k}", str(v)) for k, v in run.data.tags.items())


def _wandb(place: Path) -> Iterator[tuple[str, str]]:
    from google.protobuf.json_format import MessageToDict
    from wandb.proto import wandb_internal_pb2

    for path in place.rglob("*"):
        if path.is_file() and "/files/" in path.as_posix() and path.name != "output.log":
            yield path.as_posix().partition("/files/")[2], path.read_text("utf-8", "replace")
    staged = [path for path in (place / "staged").rglob("*") if path.is_file()]
    yield "code", "\n".join(sorted(path.read_text("utf-8", "replace") for path in staged))
    for path in place.rglob("*.wandb"):
        for data in _records(path.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            kind = record.WhichOneof("record_type")
            if kind in ("run", "environment"):
                found = MessageToDict(getattr(record, kind))
                for name in ("startTime", "startedAt", "runId", "writerId", "disk", "memory"):
                    found.pop(name, None)
                for name, value in found.items():
                    yield f"{kind} {name}", json.dumps(value, indent=0)


def _records(data: bytes) -> Iterator[bytes]:
    """Records of a log in LevelDB's format: blocks of 32 KiB, pieces with a head of 7 bytes."""
    at, whole = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, size, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            yield whole
            whole = b""


def wanted(case: dict[str, Any]) -> str:
    """What a recorded difference must name; empty where chance is the cause."""
    evidence = case.get("evidence")
    return str(evidence["item"]).rpartition("/")[2] if evidence else ""
