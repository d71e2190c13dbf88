"""MLflow's file store, the folder ``mlruns`` of versions before 3.13."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from notabene.importers.yaml_lite import read_yaml
from notabene.model.canonical import digest_json

META = "meta.yaml"
PIECE = 100_000


def is_store(path: Path) -> bool:
    """Whether a folder is a file store: some folder in it holds an experiment; never fails."""
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                meta = Path(entry.path) / META
                if entry.is_dir() and meta.is_file() and "experiment_id" in read_yaml(meta):
                    return True
    except (OSError, ValueError):
        pass
    return False


class FileStore:
    """A folder ``mlruns``.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self._versions: dict[str, list[Model]] | None = None

    def experiments(self) -> list[Experiment]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        found = []
        for folder in self._experiment_folders():
            meta = self._meta(folder)
            if meta is None:
                continue
            note = _text(folder / "tags" / "mlflow.note.content")
            found.append(
                Experiment(
                    id=folder.name,
                    name=str(meta.get("name") or folder.name),
                    location=str(meta.get("artifact_location") or ""),
                    note=note,
                )
            )
        return found

    def runs(self) -> Iterator[Run]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        for experiment in self._experiment_folders():
            for folder in _folders(experiment):
                if folder.name in ("tags", "models", "datasets", "traces"):
                    continue
                if not (folder / META).is_file():
                    continue
                meta = self._meta(folder)
                if meta is not None:
                    yield self._run(experiment.name, folder, meta)

    def _run(self, experiment: str, folder: Path, meta: dict[str, Any]) -> Run:
        status = meta.get("status")
        known = str(meta.get("run_id") or meta.get("run_uuid") or folder.name)
        marks = [
            [str(file.relative_to(folder)), stat.st_size, stat.st_mtime_ns]
            for kind in ("", "params", "metrics", "tags", "inputs", "outputs")
            for file, stat in _listed(folder / kind, deep=kind == "metrics")
        ]
        versions = self._models().get(known, [])
        marks.append([[model.name, model.location, model.aliases] for model in versions])
        return Run(
            id=known,
            name=str(meta.get("run_name") or meta.get("name") or ""),
            experiment=experiment,
            status=CODES.get(status, "") if isinstance(status, int) else str(status or ""),
            started=int(meta.get("start_time") or 0),
            ended=int(meta.get("end_time") or 0),
            user=str(meta.get("user_id") or ""),
            source={
                name: str(meta[name])
                for name in ("source_name", "entry_point_name", "source_version")
                if meta.get(name)
            },
            artifacts=str(folder / "artifacts"),
            deleted=meta.get("lifecycle_stage") == "deleted",
            tags=_texts(folder / "tags"),
            state=digest_json(marks)[:32],
            detail=folder,
        )

    def params(self, run: Run) -> dict[str, str]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return _texts(run.detail / "params")

    def tags(self, run: Run) -> dict[str, str]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return run.tags

    def metrics(self, run: Run) -> Iterator[Column | Missed]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        top, odd = run.detail / "metrics", 0
        for file, _ in _listed(top, deep=True):
            steps: list[int] = []
            times: list[int] = []
            values: list[float] = []
            key = file.relative_to(top).as_posix()
            with open(file, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    point = _point(line)
                    if point is None:
                        # A last line without its end is still being written.
                        odd += bool(line.strip()) and line.endswith("\n")
                        continue
                    times.append(point[0])
                    values.append(point[1])
                    steps.append(point[2])
                    if len(steps) >= PIECE:
                        yield column(key, steps, times, values)
                        steps, times, values = [], [], []
            if steps:
                yield column(key, steps, times, values)
        if odd:
            yield Missed("lines of metrics that are damaged are left out", True, odd)

    def datasets(self, run: Run) -> list[dict[str, Any]]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        found = []
        for folder in _folders(run.detail / "inputs"):
            meta = self._meta(folder) or {}
            tags = meta.get("tags") if isinstance(meta.get("tags"), dict) else {}
            place = run.detail.parent / "datasets" / str(meta.get("source_id", ""))
            if str(meta.get("source_type")) != "DATASET" or not (place / META).is_file():
                continue
            data = self._meta(place) or {}
            names = ("name", "digest", "source_type", "source", "schema", "profile")
            context = (tags or {}).get("mlflow.data.context", "")
            found.append({name: data.get(name) for name in names} | {"context": context})
        return found

    def models(self, run: Run) -> list[Model]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return self._models().get(run.id, [])

    def files(self, run: Run, location: str) -> Files:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        mark = next((name for name in location.split("/") if name.startswith("m-")), run.id)
        return local_files(location, self.path, run.id if run.id in location else mark)

    # -- reading ---------------------------------------------------------------------------

    def _experiment_folders(self) -> list[Path]:
        trash = _folders(self.path / ".trash")
        found = [f for f in _folders(self.path) if f.name not in (".trash", "models")]
        return [f for f in found + trash if (f / META).is_file()]

    def _meta(self, folder: Path) -> dict[str, Any] | None:
        try:
            return read_yaml(folder / META)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is damaged"
            self.notes.append(f"{folder / META} cannot be read: {(reason or '').lower()}")
            return None

    def _models(self) -> dict[str, list[Model]]:
        if self._versions is None:
            self._versions = {}
            logged = dict(self._read_logged())
            self._read_registered(logged)
        return self._versions

    def _read_logged(self) -> Iterator[tuple[str, Model]]:
        assert self._versions is not None
        for experiment in self._experiment_folders():
            for folder in _folders(experiment / "models"):
                meta = self._meta(folder) if (folder / META).is_file() else None
                if not meta or not meta.get("source_run_id"):
                    continue
                model = Model(
                    name=str(meta.get("name") or folder.name),
                    location=str(folder / "artifacts"),
                    created=int(meta.get("creation_timestamp") or 0),
                    metadata={
                        "mlflow.model_id": folder.name,
                        "mlflow.model_type": str(meta.get("model_type") or ""),
                        "params": _texts(folder / "params"),
                    },
                )
                self._versions.setdefault(str(meta["source_run_id"]), []).append(model)
                yield folder.name, model

    def _read_registered(self, logged: dict[str, Model]) -> None:
        assert self._versions is not None
        alone = 0
        for folder in _folders(self.path / "models"):
            aliases: dict[str, list[str]] = {}
            for alias, version in _texts(folder / "aliases").items():
                aliases.setdefault(version.strip(), []).append(alias)
            places = [f for f in _folders(folder) if f.name.startswith("version-")]
            for place in sorted(
                places, key=lambda f: int(f.name[8:]) if f.name[8:].isdigit() else 0
            ):
                meta = self._meta(place) or {}
                version = str(meta.get("version", place.name[8:]))
                source = str(meta.get("storage_location") or meta.get("source") or "")
                known = logged.get(source.removeprefix("models:/"))
                stage = str(meta.get("current_stage") or "")
                words = aliases.get(version, [])
                if stage in ("Staging", "Production", "Archived"):
                    words = [*words, stage.lower()]
                run = str(meta.get("run_id") or "")
                if not run:
                    alone += 1
                    continue
                self._versions.setdefault(run, []).append(
                    Model(
                        name=str(meta.get("name") or folder.name),
                        location=known.location if known else source,
                        created=int(meta.get("creation_timestamp") or 0),
                        aliases=tuple(words),
                        description=str(meta.get("description") or ""),
                        metadata={"mlflow.version": int(version) if version.isdigit() else version},
                    )
                )
        if alone:
            self.notes.append(f"{alone:,} versions of registered models name no run: left out")

    def traces(self) -> int:
        """Traces of language models, which are not carried over."""
        return sum(len(_folders(e / "traces")) for e in self._experiment_folders())


def _point(line: str) -> tuple[int, float, int] | None:
    """Time, value, step of a line; the first version wrote no step."""
    words = line.split()
    if len(words) not in (2, 3) or not line.endswith("\n"):
        return None
    try:
        value = number_of(words[1], is_nan=False)
        return int(words[0]), value, int(words[2]) if len(words) == 3 else 0
    except ValueError:
        return None


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir())
    except OSError:
        return []


def _listed(path: Path, *, deep: bool = False) -> list[tuple[Path, os.stat_result]]:
    """The files of a folder, with what the system knows of them."""
    found: list[tuple[Path, os.stat_result]] = []
    waiting = [path]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if deep or path.name in ("inputs", "outputs"):
                        waiting.append(Path(entry.path))
                elif entry.is_file():
                    found.append((Path(entry.path), entry.stat()))
    return sorted(found, key=lambda pair: pair[0])


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _texts(path: Path) -> dict[str, str]:
    """Files of a folder, below it too, as keys and values."""
    found: dict[str, str] = {}
    waiting = [path]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                else:
                    place = Path(entry.path)
                    found[place.relative_to(path).as_posix()] = _text(place)
    return dict(sorted(found.items()))
