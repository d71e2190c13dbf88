"""MLflow: a SQLite file, an old folder ``mlruns``, or a running server.

experiment            project
run, its parent       run, its parent; a deleted one is put aside here
params                config, as numbers where the text leaves no doubt
metrics               points, all of them
tags, description     tags, note
artifacts             artifacts; images that have a step as values
models, versions      versions of artifacts; aliases, and stages as aliases
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

from notabene._ids import now_us
from notabene.errors import NotFoundError, UsageError
from notabene.importers._base import (
    Cells,
    Ended,
    Found,
    Given,
    Item,
    Kept,
    Logged,
    Missed,
    Passed,
    Points,
    Said,
    run_id,
)
from notabene.importers.mlflow_files import FileStore, is_store
from notabene.importers.mlflow_parts import (
    ENDS,
    SYSTEM,
    Backend,
    Files,
    Model,
    Run,
    config_key,
    value_of,
)
from notabene.importers.mlflow_rest import RestStore, Wire
from notabene.importers.mlflow_sql import SqlStore, is_mlflow
from notabene.importers.pictures import picture
from notabene.model.records import AnyRecord, Captured, RunArchived

NOTE = "mlflow.note.content"
DATABASES = (".db", ".sqlite", ".sqlite3")
POINT_BYTES = 60
"""About what a point takes in a database: for the progress bar."""
_IMAGE = re.compile(r"images/(?P<key>.+?)[+%](?:2B)?step[+%](?:2B)?(?P<step>-?\d+)"
                    r"[+%](?:2B)?timestamp[+%](?:2B)?(?P<time>\d+)")  # fmt: skip
_SILENT = ("mlflow.runName", "mlflow.user", NOTE, "mlflow.parentRunId", "mlflow.log-model.history")


class MLflow:
    """A store of MLflow on this machine.

    Args:
        place: The SQLite file, the folder ``mlruns``, or a folder with either.
        given: What the person who imports has said.
    """

    kind: ClassVar[str] = "mlflow"

    def __init__(self, place: Path, given: Given) -> None:
        store = _store_at(place)
        if store is None:
            raise UsageError(
                f"{place} holds no store of MLflow",
                hint="name its database (mlflow.db), its folder mlruns, or http://host:5000",
            )
        self._open(FileStore(store) if store.is_dir() else SqlStore(store), given)

    def _open(self, store: Backend, given: Given) -> None:
        self.store, self.given = store, given
        self.notes = store.notes
        self._lost = False

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """A database or folder of MLflow, or the folder that holds one."""
        return _store_at(place) is not None

    @classmethod
    def at(cls, url: str, given: Given) -> MLflow:
        """A server, or a database by its address.

        Raises:
            NotFoundError: There is no such file.
            UsageError: It is another kind of address.
        """
        scheme, _, rest = url.partition("://")
        if scheme == "sqlite":
            path = Path(unquote(rest[1:]) if rest.startswith("/") else rest)
            if not path.exists():
                raise NotFoundError(f"there is nothing at {path}")
            return cls(path, given)
        source = cls.__new__(cls)
        source._open(RestStore(Wire(url)), given)
        return source

    def find(self) -> Iterator[Found]:
        """All runs, deleted ones too, the oldest first."""
        experiments = {experiment.id: experiment for experiment in self.store.experiments()}
        for experiment in experiments.values():
            if experiment.note:
                self.notes.append(
                    f"the description of the experiment {experiment.name!r} is not carried over"
                )
        if traces := getattr(self.store, "traces", lambda: 0)():
            self.notes.append(f"{traces:,} traces of language models are not carried over")
        runs = sorted(self.store.runs(), key=lambda run: (run.started, run.id))
        ids = {run.id: run_id(self.kind, run.id, run.started * 1000) for run in runs}
        # Parents first: what refers to a run should find it.
        for run in sorted(runs, key=lambda run: run.tags.get("mlflow.parentRunId", "") in ids):
            over = experiments.get(run.experiment)
            project = over.name if over is not None else run.experiment
            yield Found(
                kind=self.kind,
                where=run.id,
                run=ids[run.id],
                name=run.tags.get("mlflow.runName") or run.name or run.id[:8],
                project=self.given.project or self.given.default_project or project or "imported",
                started=run.started * 1000,
                state=run.state,
                parent=ids.get(run.tags.get("mlflow.parentRunId", ""), ""),
                user=run.tags.get("mlflow.user") or run.user,
                size=max(0, run.points) * POINT_BYTES + 1000,
                points=run.points,
                detail=run,
            )

    def read(self, found: Found) -> Iterator[Item]:
        """One run."""
        run: Run = found.detail
        tags = self.store.tags(run)
        yield self._cells(run, tags)
        for record in _said(run, tags, self.store.datasets(run)):
            yield Said(run.started * 1000, record)
        read = 0
        for part in self.store.metrics(run):
            if isinstance(part, Missed):
                yield part
                continue
            key, steps, times, values = part
            yield Points((key,), steps, times, values.reshape(-1, 1))
            read += len(steps)
            yield Passed(len(steps) * POINT_BYTES)
        yield from self._artifacts(found, run)
        end = ENDS.get(run.status, "finished")
        if end is not None:
            yield Ended(run.ended * 1000, end, reason="" if end == "finished" else run.status)
        elif run.started * 1000 < now_us() - 7 * 86_400_000_000:
            yield Missed("runs that never said how they ended stay open")

    def _cells(self, run: Run, tags: dict[str, str]) -> Cells:
        return Cells(
            time=run.started * 1000,
            config={config_key(k): value_of(v) for k, v in self.store.params(run).items()},
            tags={k: v for k, v in tags.items() if not k.startswith(SYSTEM)},
            name=tags.get("mlflow.runName") or run.name or None,
            notes={"mlflow": tags[NOTE]} if tags.get(NOTE) else {},
        )

    # -- artifacts -------------------------------------------------------------------------

    def _artifacts(self, found: Found, run: Run) -> Iterator[Item]:
        files = self.store.files(run, run.artifacts)
        yield from files.missed
        if files.lost and not self._lost:
            self._lost = True
            self.notes.append("no folder of artifacts was found beside the store: none are taken")
        yield from _images(files)
        models = self.store.models(run)
        taken: set[str] = set()
        for model in models:
            inner = self._of_model(run, model, files)
            yield from inner.missed
            if inner.files:
                taken.update(str(path) for _, path in inner.files)
                yield _kept(model, inner)
        yield from _loose(found, files, taken)

    def _of_model(self, run: Run, model: Model, files: Files) -> Files:
        """The files of a model: among the artifacts of the run, or in a place of their own."""
        place = model.location.removeprefix(f"runs:/{run.id}/")
        if place == model.location and run.artifacts:
            place = model.location.removeprefix(run.artifacts.rstrip("/") + "/")
        if place == model.location and f"{run.id}/artifacts/" in place:
            place = place.split(f"{run.id}/artifacts/", 1)[1]
        if place != model.location:
            top = place.strip("/") + "/"
            inside = [
                (path[len(top) :], file) for path, file in files.files if path.startswith(top)
            ]
            if inside:
                return Files(inside)
        remote = isinstance(self.store, RestStore) and model.location.startswith("models:/m-")
        if model.location.startswith(("models:/", "runs:/")) and not remote:
            return Files(missed=[Missed("models whose files are not there are left out")])
        return self.store.files(run, model.location)


def _store_at(place: Path) -> Path | None:
    """The database or folder that a place is or holds."""
    if place.is_file():
        return place if is_mlflow(place) else None
    if is_store(place):
        return place
    for name in ("mlflow.db", "mlruns.db"):
        if (place / name).is_file() and is_mlflow(place / name):
            return place / name
    inner = place / "mlruns"
    return inner if inner.is_dir() and is_store(inner) else None


def _said(run: Run, tags: dict[str, str], datasets: list[dict[str, object]]) -> Iterator[AnyRecord]:
    system = {k: v for k, v in tags.items() if k.startswith(SYSTEM) and k not in _SILENT}
    commit = tags.get("mlflow.source.git.commit") or run.source.get("source_version")
    name = tags.get("mlflow.source.name") or run.source.get("source_name")
    pairs = (
        ("git.commit", commit),
        ("git.branch", tags.get("mlflow.source.git.branch")),
        ("git.remote", tags.get("mlflow.source.git.repoURL")),
        ("process.script", name),
        ("user.name", tags.get("mlflow.user") or run.user),
    )
    facts = {fact: value for fact, value in pairs if value}
    data = {"run_id": run.id, **({"tags": system} if system else {})}
    if run.source:
        data["source"] = run.source
    yield Captured(part="mlflow", data=data, facts=facts)
    if datasets:
        yield Captured(part="datasets", data={"datasets": datasets})
    if run.deleted:
        yield RunArchived()


def _images(files: Files) -> Iterator[Item]:
    """Images that were logged with a key and a step, and are no artifacts then."""
    rest: list[tuple[str, Path]] = []
    for path, file in files.files:
        match = _IMAGE.match(unquote(path))
        if match is None:
            rest.append((path, file))
        elif path.endswith(".png"):
            key = match["key"].replace("#", "/")
            yield Logged(key, int(match["step"]), int(match["time"]) * 1000, picture(file))
    files.files = rest


def _kept(model: Model, files: Files) -> Kept:
    return Kept(
        name=model.name,
        type="model",
        files=tuple(files.files),
        time=model.created * 1000,
        aliases=model.aliases,
        metadata=model.metadata,
        description=model.description,
    )


def _loose(found: Found, files: Files, taken: set[str]) -> Iterator[Item]:
    """What belongs to no registered or logged model: folders of models, and all other files."""
    tops = {
        path.rpartition("/")[0] for path, _ in files.files if path.rpartition("/")[2] == "MLmodel"
    }
    models: dict[str, list[tuple[str, Path]]] = {}
    rest = []
    for path, file in files.files:
        if str(file) in taken:
            continue
        top = next((top for top in tops if path.startswith(f"{top}/") or not top), None)
        if top is None:
            rest.append((path, file))
        else:
            models.setdefault(top, []).append((path[len(top) :].lstrip("/"), file))
    for top, inside in models.items():
        yield Kept(name=f"{found.name}/{top or 'model'}", type="model", files=tuple(inside))
    if rest:
        yield Kept(name=f"{found.name}/artifacts", files=tuple(rest))
