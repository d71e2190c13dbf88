"""Databases of MLflow as its versions made them, by their SQL, and a small server."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

FIRST = """
create table experiments (experiment_id integer primary key, name varchar(256),
  artifact_location varchar(256), lifecycle_stage varchar(32));
create table runs (run_uuid varchar(32) primary key, name varchar(250), source_type varchar(20),
  source_name varchar(500), entry_point_name varchar(50), user_id varchar(256),
  status varchar(20), start_time bigint, end_time bigint, source_version varchar(50),
  lifecycle_stage varchar(20), artifact_uri varchar(200), experiment_id integer);
create table tags (key varchar(250), value varchar(250), run_uuid varchar(32),
  primary key (key, run_uuid));
create table metrics (key varchar(250), value float not null, timestamp bigint not null,
  run_uuid varchar(32), primary key (key, value, timestamp, run_uuid));
create table params (key varchar(250), value varchar(250), run_uuid varchar(32),
  primary key (key, run_uuid));
"""
"""Version 1.0: no step, no NaN, no index by run."""

THIRD = """
create table experiments (experiment_id integer primary key, name varchar(256),
  artifact_location varchar(256), lifecycle_stage varchar(32), creation_time bigint,
  last_update_time bigint, workspace varchar(63));
create table experiment_tags (key varchar(250), value varchar(5000), experiment_id integer,
  primary key (key, experiment_id));
create table runs (run_uuid varchar(32) primary key, name varchar(250), source_type varchar(20),
  source_name varchar(500), entry_point_name varchar(50), user_id varchar(256),
  status varchar(9), start_time bigint, end_time bigint, deleted_time bigint,
  source_version varchar(50), lifecycle_stage varchar(20), artifact_uri varchar(200),
  experiment_id integer);
create table tags (key varchar(250), value varchar(8000), run_uuid varchar(32),
  primary key (key, run_uuid));
create index index_tags_run_uuid on tags (run_uuid);
create table metrics (key varchar(250), value float not null, timestamp bigint not null,
  run_uuid varchar(32), step bigint not null default 0, is_nan boolean not null default 0,
  primary key (key, timestamp, step, run_uuid, value, is_nan));
create index index_metrics_run_uuid on metrics (run_uuid);
create table params (key varchar(250), value varchar(8000), run_uuid varchar(32),
  primary key (key, run_uuid));
create index index_params_run_uuid on params (run_uuid);
create table datasets (dataset_uuid varchar(36), experiment_id integer, name varchar(500),
  digest varchar(36), dataset_source_type varchar(36), dataset_source text, dataset_schema text,
  dataset_profile text);
create table inputs (input_uuid varchar(36), source_type varchar(36), source_id varchar(36),
  destination_type varchar(36), destination_id varchar(36), step bigint);
create table input_tags (input_uuid varchar(36), name varchar(255), value varchar(500));
create table registered_models (name varchar(256), creation_time bigint, description text);
create table model_versions (name varchar(256), version integer, creation_time bigint,
  description text, user_id varchar(256), current_stage varchar(20), source varchar(500),
  run_id varchar(32), status varchar(20), storage_location varchar(500));
create table registered_model_aliases (alias varchar(256), version integer, name varchar(256));
create table logged_models (model_id varchar(36), experiment_id integer, name varchar(500),
  artifact_location varchar(1000), creation_timestamp_ms bigint, status integer,
  lifecycle_stage varchar(32), model_type varchar(500), source_run_id varchar(32));
create table logged_model_params (model_id varchar(36), experiment_id integer,
  param_key varchar(255), param_value text);
create table trace_info (request_id varchar(50));
"""
"""Version 3."""

START = 1_700_000_000_000
"""ms."""
ONE, TWO, GONE = "a" * 32, "b" * 32, "c" * 32


def rows(base: sqlite3.Connection, table: str, *many: dict[str, Any]) -> None:
    """Insert rows."""
    for row in many:
        marks = ", ".join("?" * len(row))
        base.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", [*row.values()])


def run_row(known: str, name: str, **more: Any) -> dict[str, Any]:
    """A row of runs."""
    return {
        "run_uuid": known, "name": name, "user_id": "ada", "status": "FINISHED",
        "start_time": START, "end_time": START + 60_000, "lifecycle_stage": "active",
        "experiment_id": 1, "source_name": "train.py",
    } | more  # fmt: skip


def first(path: Path) -> None:
    """A database of version 1.0."""
    base = sqlite3.connect(path)
    base.executescript(FIRST)
    rows(base, "experiments", {"experiment_id": 1, "name": "old"})
    rows(base, "runs", run_row(ONE, "one", source_version="c0ffee"))
    rows(base, "params", {"key": "lr", "value": "0.1", "run_uuid": ONE})
    rows(base, "tags", {"key": "mlflow.runName", "value": "named", "run_uuid": ONE})
    for n in range(3):
        row = {"key": "loss", "value": 3.0 - n, "timestamp": START + n, "run_uuid": ONE}
        rows(base, "metrics", row)
    base.commit()
    base.close()


def third(path: Path) -> None:
    """A database of version 3, with one of everything."""
    base = sqlite3.connect(path)
    base.executescript(THIRD)
    rows(base, "experiments", {"experiment_id": 1, "name": "vision"})
    rows(base, "experiment_tags",
         {"key": "mlflow.note.content", "value": "n", "experiment_id": 1})  # fmt: skip
    uri = f"/elsewhere/mlruns/1/{ONE}/artifacts"
    rows(base, "runs", run_row(ONE, "one", artifact_uri=uri),
         run_row(TWO, "two", status="RUNNING", end_time=None, start_time=START + 5),
         run_row(GONE, "gone", lifecycle_stage="deleted", status="FAILED"))  # fmt: skip
    for key, value in (("lr", "0.1"), ("opt", "adam"), ("n", "3"), ("flag", "True"),
                       ("zip", "007"), ("a.b", "1"), ("odd..key", "x")):  # fmt: skip
        rows(base, "params", {"key": key, "value": value, "run_uuid": ONE})
    for key, value in (("mlflow.note.content", "text"), ("team", "blue"),
                       ("mlflow.source.git.commit", "c0ffee")):  # fmt: skip
        rows(base, "tags", {"key": key, "value": value, "run_uuid": ONE})
    rows(base, "tags", {"key": "mlflow.parentRunId", "value": ONE, "run_uuid": TWO})
    for step, value, nan in ((0, 1.0, 0), (1, 0.0, 1), (1, 1.7976931348623157e308, 0),
                             (2, -1.7976931348623157e308, 0), (0, 5.5, 0)):  # fmt: skip
        rows(base, "metrics", {"key": "loss", "value": value, "timestamp": START + step,
                               "run_uuid": ONE, "step": step, "is_nan": nan})  # fmt: skip
    rows(base, "metrics", {"key": "x", "value": 2, "timestamp": START, "run_uuid": TWO, "step": 7})
    rows(base, "datasets", {"dataset_uuid": "d1", "name": "mnist", "digest": "12",
                            "dataset_source": "s3://b/k"})  # fmt: skip
    rows(base, "inputs", {"input_uuid": "i1", "source_type": "DATASET", "source_id": "d1",
                          "destination_type": "RUN", "destination_id": ONE})  # fmt: skip
    rows(base, "input_tags",
         {"input_uuid": "i1", "name": "mlflow.data.context", "value": "train"})  # fmt: skip
    rows(base, "logged_models", {"model_id": "m-1", "name": "net", "source_run_id": ONE,
         "artifact_location": "/elsewhere/mlruns/1/models/m-1/artifacts",
         "creation_timestamp_ms": START})  # fmt: skip
    rows(base, "registered_models", {"name": "Net"})
    rows(base, "model_versions", {"name": "Net", "version": 1, "source": "models:/m-1",
         "run_id": ONE, "current_stage": "Production", "creation_time": START})  # fmt: skip
    rows(base, "registered_model_aliases", {"alias": "champion", "version": 1, "name": "Net"})
    rows(base, "trace_info", {"request_id": "t"})
    base.commit()
    base.close()
    for place, content in ((f"mlruns/1/{ONE}/artifacts/sub/a.txt", "A"),
                           ("mlruns/1/models/m-1/artifacts/MLmodel", "M")):  # fmt: skip
        file = path.parent / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def folder(root: Path) -> Path:
    """A folder ``mlruns`` with one run and a registered model."""
    top = root / "mlruns"
    run = top / "7" / ONE
    files = {
        top / "7" / "meta.yaml": "artifact_location: file:///x\nexperiment_id: '7'\n"
        "lifecycle_stage: active\nname: 'it''s old'\n",
        run / "meta.yaml": f"run_id: {ONE}\nrun_uuid: {ONE}\nrun_name: one\nstatus: 4\n"
        f"start_time: {START}\nend_time: {START + 9}\nuser_id: ada\nlifecycle_stage: active\n",
        run / "params" / "lr": "0.1",
        run / "params" / "a" / "b": "x",
        run / "tags" / "mlflow.note.content": "several\nlines",
        run / "metrics" / "val" / "loss": f"{START} 1.0 0\n{START} nan 1\n{START} inf 2\n",
        run / "metrics" / "first": f"{START} 0.5\n",
        run / "artifacts" / "net" / "MLmodel": "M",
        run / "artifacts" / "plot.txt": "P",
        top / "models" / "Net" / "meta.yaml": "name: Net\n",
        top / "models" / "Net" / "aliases" / "best": "2",
        top / "models" / "Net" / "version-2" / "meta.yaml": "name: Net\nversion: '2'\n"
        f"run_id: {ONE}\nsource: file:///x/7/{ONE}/artifacts/net\ncurrent_stage: Staging\n",
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return top


def answers(token: str) -> dict[str, Any]:
    """What a server of MLflow answers, by path and the token of the page."""
    run = {
        "info": {"run_id": ONE, "run_name": "one", "experiment_id": "1", "status": "FINISHED",
                 "start_time": START, "end_time": START + 9, "lifecycle_stage": "active",
                 "artifact_uri": f"mlflow-artifacts:/1/{ONE}/artifacts"},
        "data": {"params": [{"key": "lr", "value": "0.1"}],
                 "tags": [{"key": "team", "value": "blue"}],
                 "metrics": [{"key": "loss", "value": 1.0, "step": 1, "timestamp": START}]},
    }  # fmt: skip
    point = {"key": "loss", "timestamp": START}
    pages = {
        "": {"metrics": [point | {"value": 2.0, "step": 0}], "next_page_token": "n"},
        "n": {"metrics": [point | {"value": "NaN", "step": 1}]},
    }
    return {
        "/api/2.0/mlflow/experiments/search": {
            "experiments": [{"experiment_id": "1", "name": "e"}]
        },
        "/api/2.0/mlflow/runs/search": {"runs": [run]},
        "/api/2.0/mlflow/metrics/get-history": pages[token],
        "/api/2.0/mlflow/artifacts/list": {"files": [{"path": "a.txt", "is_dir": False}]},
        "/api/2.0/mlflow/registered-models/search": {
            "registered_models": [{"name": "Net", "aliases": [{"alias": "best", "version": "1"}]}]
        },
        "/api/2.0/mlflow/model-versions/search": {
            "model_versions": [{"name": "Net", "version": "1", "run_id": ONE,
                                "source": f"mlflow-artifacts:/1/{ONE}/artifacts/"}]
        },
    }  # fmt: skip


def encode(value: Any) -> bytes:
    """An answer."""
    return json.dumps(value).encode()
