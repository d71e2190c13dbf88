"""MLflow's SQLite file, of any version: what tables and columns are there is looked at."""

from __future__ import annotations

import sqlite3
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notabene.errors import FormatError
from notabene.importers._base import Missed
from notabene.importers.mlflow_parts import (
    CODES,
    Column,
    Experiment,
    Files,
    Model,
    Run,
    column,
    local_files,
    number_of,
)
from notabene.model.canonical import digest_json

PIECE = 100_000
LISTED = ("mlflow.runName", "mlflow.user", "mlflow.parentRunId")
BEGINNING = b"SQLite format 3\x00"


def is_mlflow(path: Path) -> bool:
    """Whether a file is a SQLite database with runs of MLflow; never fails."""
    try:
        with open(path, "rb") as file:
            if file.read(16) != BEGINNING:
                return False
        base = _connect(path)
    except (OSError, FormatError):
        return False
    try:
        names = {row[0] for row in base.execute("select name from sqlite_master")}
    except sqlite3.Error:
        return False
    finally:
        base.close()
    return {"experiments", "runs", "metrics", "params"} <= names


class SqlStore:
    """A SQLite file of MLflow; read in short transactions, so that a training goes on.

    Args:
        path: The file.

    Raises:
        FormatError: It is no database, or holds no runs of MLflow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.base = path.resolve().parent
        if not is_mlflow(path):
            raise FormatError(f"{path} is no database of MLflow, or is damaged")
        self._db = _connect(path)
        weakref.finalize(self, self._db.close)
        with self._reading():
            rows = self._db.execute("select name from sqlite_master where type in ('table','view')")
            tables = [row[0] for row in rows]
            self.columns = {
                table: [row[1] for row in self._db.execute(f"pragma table_info([{table}])")]
                for table in tables
            }
            self._by_run = {table: self._indexed(table) for table in ("params", "tags", "metrics")}
        self._models: dict[str, list[Model]] = {}
        self._data: dict[str, list[dict[str, Any]]] = {}
        self.notes: list[str] = []

    def experiments(self) -> list[Experiment]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        notes: dict[str, str] = {}
        if "experiment_tags" in self.columns:
            sql = "select experiment_id, value from experiment_tags where key='mlflow.note.content'"
            notes = {str(row[0]): row[1] for row in self._all(sql)}
        found = []
        for row in self._dicts("experiments", "experiment_id", "name", "artifact_location"):
            known = str(row["experiment_id"])
            found.append(
                Experiment(
                    id=known,
                    name=row["name"] or known,
                    location=row["artifact_location"] or "",
                    note=notes.get(known, ""),
                )
            )
        return found

    def runs(self) -> Iterator[Run]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        marks = self._marks()
        self._read_models()
        self._read_data()
        tags: dict[str, dict[str, str]] = {}
        if "tags" in self.columns:
            sql = "select run_uuid, key, value from tags where key in (?, ?, ?)"
            for run, key, value in self._all(sql, LISTED):
                tags.setdefault(run, {})[key] = value or ""
        wanted = (
            "run_uuid name source_type source_name entry_point_name user_id status start_time "
            "end_time source_version lifecycle_stage artifact_uri experiment_id"
        ).split()
        for row in self._dicts("runs", *wanted):
            known = str(row["run_uuid"])
            points, mark = marks.get(known, (0, []))
            models = [[m.name, m.location, m.aliases] for m in self._models.get(known, ())]
            source = {
                name: str(row[name])
                for name in ("source_type", "source_name", "entry_point_name", "source_version")
                if row[name]
            }
            yield Run(
                id=known,
                name=row["name"] or "",
                experiment=str(row["experiment_id"]),
                status=_status(row["status"]),
                started=int(row["start_time"] or 0),
                ended=int(row["end_time"] or 0),
                user=row["user_id"] or "",
                source=source,
                artifacts=row["artifact_uri"] or "",
                deleted=row["lifecycle_stage"] == "deleted",
                tags=tags.get(known, {}),
                points=points,
                state=digest_json([{k: str(v) for k, v in row.items()}, mark, models])[:32],
            )

    def params(self, run: Run) -> dict[str, str]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return self._pairs("params", run)

    def tags(self, run: Run) -> dict[str, str]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return self._pairs("tags", run)

    def metrics(self, run: Run) -> Iterator[Column | Missed]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        have = self.columns["metrics"]
        step = "m.step" if "step" in have else "0"
        nan = "m.is_nan" if "is_nan" in have else "0"
        join, of, number = self._where("metrics", "m")
        sql = (
            f"select {number}, m.key, {step}, m.timestamp, m.value, {nan} from {join} "  # noqa: S608
            f"where {of} = ? and {number} > ? order by {number} limit {PIECE}"
        )
        after, odd = -1, 0
        while rows := self._all(sql, (run.id, after)):
            after = rows[-1][0]
            parts: dict[str, tuple[list[int], list[int], list[float]]] = {}
            for _, key, at, time, value, is_nan in rows:
                try:
                    point = int(at or 0), int(time or 0), number_of(value, is_nan)
                except (TypeError, ValueError, OverflowError):
                    odd += 1
                    continue
                steps, times, values = parts.setdefault(str(key), ([], [], []))
                steps.append(point[0])
                times.append(point[1])
                values.append(point[2])
            for key, lists in parts.items():
                yield column(key, *lists)
            if len(rows) < PIECE:
                break
        if odd:
            yield Missed("rows of metrics that hold no number are left out", True, odd)

    def datasets(self, run: Run) -> list[dict[str, Any]]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return self._data.get(run.id, [])

    def models(self, run: Run) -> list[Model]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return self._models.get(run.id, [])

    def files(self, run: Run, location: str) -> Files:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        mark = next((name for name in location.split("/") if name.startswith("m-")), run.id)
        return local_files(location, self.base, run.id if run.id in location else mark)

    # -- statements ------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise FormatError(f"{self.path} cannot be read: {error}") from error

    def _all(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._reading():
            return self._db.execute(sql, values).fetchall()

    def _dicts(self, table: str, *names: str) -> Iterator[dict[str, Any]]:
        """Rows of a table; what this version has not is None."""
        have = [name for name in names if name in self.columns.get(table, ())]
        if have:
            for row in self._all(f"select {', '.join(have)} from {table}"):  # noqa: S608
                yield dict.fromkeys(names) | dict(zip(have, row, strict=True))

    def _pairs(self, table: str, run: Run) -> dict[str, str]:
        if table not in self.columns:
            return {}
        join, of, _ = self._where(table, "m")
        sql = f"select m.key, m.value from {join} where {of} = ? order by m.key"  # noqa: S608
        return {str(key): "" if v is None else str(v) for key, v in self._all(sql, (run.id,))}

    def _indexed(self, table: str) -> bool:
        """Whether rows are found by their run; of older versions a list is made in memory."""
        for row in self._db.execute(f"pragma index_list([{table}])").fetchall():
            parts = self._db.execute(f"pragma index_info([{row[1]}])").fetchall()
            if parts and parts[0][2] == "run_uuid":
                return True
        if table in self.columns:
            self._db.execute(
                f"create temp table by_run_{table} as "  # noqa: S608
                f"select run_uuid as of, rowid as number from {table}"
            )
            self._db.execute(f"create index temp.by_run_{table}_i on by_run_{table} (of, number)")
        return False

    def _where(self, table: str, name: str) -> tuple[str, str, str]:
        if self._by_run[table]:
            return f"{table} {name}", f"{name}.run_uuid", f"{name}.rowid"
        join = f"by_run_{table} b join {table} {name} on {name}.rowid = b.number"
        return join, "b.of", "b.number"

    def _marks(self) -> dict[str, tuple[int, list[int]]]:
        """Of each run how many points it has, and what changes when anything of it does."""
        sql = "select run_uuid, count(*), max(rowid) from metrics group by run_uuid"
        out: dict[str, tuple[int, list[int]]] = {
            row[0]: (row[1], [row[1], row[2]]) for row in self._all(sql)
        }
        for table in ("params", "tags"):
            if table not in self.columns:
                continue
            sums: dict[str, int] = {}
            with self._reading():
                for run, key, value in self._db.execute(
                    f"select run_uuid, key, value from {table}"  # noqa: S608
                ):
                    mark = zlib.crc32(f"{key}\0{value}".encode("utf-8", "replace"))
                    sums[run] = sums.get(run, 0) + mark + 1
            for run, total in sums.items():
                out.setdefault(run, (0, []))[1].append(total)
        return out

    # -- models and data -------------------------------------------------------------------

    def _read_models(self) -> None:
        """Logged models of MLflow 3, and versions of registered models, by their run."""
        self._models = {}
        self._logged: dict[str, Model] = {}
        told = {t: self._told(t, "model_id") for t in ("logged_model_params", "logged_model_tags")}
        names = (
            "model_id name artifact_location creation_timestamp_ms status lifecycle_stage "
            "model_type source_run_id"
        ).split()
        for row in self._dicts("logged_models", *names):
            if row["lifecycle_stage"] == "deleted" or not row["source_run_id"]:
                continue
            known = row["model_id"]
            model = Model(
                name=row["name"] or known,
                location=row["artifact_location"] or "",
                created=int(row["creation_timestamp_ms"] or 0),
                metadata={
                    "mlflow.model_id": known,
                    "mlflow.model_type": row["model_type"] or "",
                    "params": told["logged_model_params"].get(known, {}),
                    "tags": _own(told["logged_model_tags"].get(known, {})),
                },
            )
            self._logged[known] = model
            self._models.setdefault(row["source_run_id"], []).append(model)
        self._read_versions()

    def _told(self, table: str, of: str) -> dict[str, dict[str, str]]:
        key = next(
            (k for k in ("param_key", "tag_key", "key") if k in self.columns.get(table, ())), ""
        )
        value = key.replace("key", "value")
        out: dict[str, dict[str, str]] = {}
        for row in self._dicts(table, of, key, value) if key else ():
            out.setdefault(row[of], {})[row[key]] = row[value] or ""
        return out

    def _read_versions(self) -> None:
        aliases: dict[tuple[str, int], list[str]] = {}
        for row in self._dicts("registered_model_aliases", "name", "alias", "version"):
            aliases.setdefault((row["name"], int(row["version"])), []).append(row["alias"])
        names = (
            "name version creation_time description current_stage source run_id storage_location"
        ).split()
        alone = 0
        versions = self._dicts("model_versions", *names)
        for row in sorted(versions, key=lambda row: (row["name"], int(row["version"]))):
            stage = row["current_stage"] or ""
            if stage == "Deleted_Internal":
                continue
            run, source = row["run_id"] or "", row["storage_location"] or row["source"] or ""
            logged = self._logged.get(source.removeprefix("models:/"))
            if logged is not None:
                source = logged.location
                run = run or next(r for r, ms in self._models.items() if logged in ms)
            if not run:
                alone += 1
                continue
            words = aliases.get((row["name"], int(row["version"])), [])
            if stage in ("Staging", "Production", "Archived"):
                words = [*words, stage.lower()]
            model = Model(
                name=row["name"],
                location=source,
                created=int(row["creation_time"] or 0),
                aliases=tuple(words),
                description=row["description"] or "",
                metadata={"mlflow.version": int(row["version"])},
            )
            self._models.setdefault(run, []).append(model)
        if alone:
            self.notes.append(f"{alone:,} versions of registered models name no run: left out")

    def _read_data(self) -> None:
        self._data = {}
        if not {"inputs", "datasets"} <= self.columns.keys():
            return
        tags: dict[str, dict[str, str]] = {}
        for row in self._dicts("input_tags", "input_uuid", "name", "value"):
            tags.setdefault(row["input_uuid"], {})[row["name"]] = row["value"]
        names = (
            "dataset_uuid name digest dataset_source_type dataset_source dataset_schema "
            "dataset_profile"
        ).split()
        sets = {row["dataset_uuid"]: row for row in self._dicts("datasets", *names)}
        wanted = ("input_uuid", "source_type", "source_id", "destination_type", "destination_id")
        for row in self._dicts("inputs", *wanted):
            data = sets.get(row["source_id"])
            if data is None or row["destination_type"] != "RUN":
                continue
            self._data.setdefault(row["destination_id"], []).append(
                {
                    "name": data["name"],
                    "digest": data["digest"],
                    "source_type": data["dataset_source_type"],
                    "source": data["dataset_source"],
                    "schema": data["dataset_schema"],
                    "profile": data["dataset_profile"],
                    "context": tags.get(row["input_uuid"], {}).get("mlflow.data.context", ""),
                }
            )

    def traces(self) -> int:
        """Traces of language models, which are not carried over."""
        if "trace_info" not in self.columns:
            return 0
        return int(self._all("select count(*) from trace_info")[0][0])


def _connect(path: Path) -> sqlite3.Connection:
    uri = path.resolve().as_uri()
    try:
        base = _opened(f"{uri}?mode=ro")
    except sqlite3.Error:
        # A journal of a folder that cannot be written to needs files that cannot be made.
        try:
            base = _opened(f"{uri}?mode=ro&immutable=1")
        except sqlite3.Error as error:
            raise FormatError(f"{path} cannot be read as a database: {error}") from error
    base.text_factory = lambda data: data.decode("utf-8", "replace")
    return base


def _opened(uri: str) -> sqlite3.Connection:
    base = sqlite3.connect(uri, uri=True, timeout=30, check_same_thread=False)
    try:
        base.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.Error:
        base.close()
        raise
    return base


def _status(value: Any) -> str:
    return CODES.get(value, "") if isinstance(value, int) else str(value or "")


def _own(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith("mlflow.")}
