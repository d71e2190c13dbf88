"""A store with runs in it, written as processes write them, and an Api over it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from notabene.api import Api
from notabene.artifacts.cells import Stamp
from notabene.artifacts.manifest import FileEntry, make_manifest, save_manifest
from notabene.artifacts.open import store_blobs
from notabene.artifacts.versions import Versions
from notabene.journal.folder import StoreFolder
from notabene.model.entities import ArtifactVersion
from notabene.model.records import (
    AliasMoved,
    ArtifactLogged,
    ArtifactUsed,
    Captured,
    ConfigChanged,
    TagsChanged,
    ValueLogged,
)
from notabene.testing.scribe import START, Scribe

DAY = 86_400_000_000


def die(*_: object, **__: object) -> None:
    """What a test puts in a step's place to have the process end there."""
    raise KeyboardInterrupt


class Lab:
    """Writes runs into a store.

    Args:
        root: The store's folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = StoreFolder.open(root, create=True)
        self.runs = 0

    def scribe(
        self,
        run: str,
        *,
        project: str = "digits",
        name: str = "",
        rank: int = 0,
        time: int = 0,
        **started: Any,
    ) -> Scribe:
        """A writer that began a run; later ones begin a day later."""
        self.runs += 1
        at = time or START + self.runs * DAY
        writer = Scribe(run, rank=rank, time=at, writer=f"w{self.runs:03d}-{run[-6:]}")
        return writer.start(project=project, name=name or run, **started)

    def run(
        self,
        run: str = "",
        *,
        project: str = "digits",
        name: str = "",
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        values: Mapping[str, Sequence[float]] | None = None,
        status: str | None = "finished",
        scribe: Scribe | None = None,
    ) -> Scribe:
        """A whole run: config, tags, a row per step, and its end (None: it is at work)."""
        writer = scribe or self.scribe(run, project=project, name=name)
        if params:
            writer.record(ConfigChanged(set=dict(params)))
        if tags:
            writer.record(TagsChanged(set=dict(tags)))
        columns = dict(values or {})
        for step, row in enumerate(zip(*columns.values(), strict=True)):
            writer.row(dict(zip(columns, row, strict=True)), step)
        if status is not None:
            writer.finish(status)  # type: ignore[arg-type]
        self.save(writer)
        return writer

    def place(self, writer: Scribe) -> Path:
        """Folder of a writer's run."""
        found = self.folder.find_run_dir(writer.run, trash=True)
        month = time.strftime("%Y-%m", time.gmtime(writer.time / 1e6))
        return found or self.folder.runs / month / writer.run

    def save(self, writer: Scribe) -> Path:
        """Write a writer's journal."""
        return writer.save(self.place(writer))

    def blob(self, data: bytes) -> str:
        """Keep content; gives its digest."""
        with store_blobs(self.folder) as blobs:
            return blobs.put(data)

    def image(self, writer: Scribe, key: str, data: bytes, step: int = 0) -> str:
        """Log a value that refers to content."""
        digest = self.blob(data)
        value = {"file": digest, "format": "png"}
        writer.record(ValueLogged(key=key, step=step, kind="image", value=value))
        return digest

    def capture(self, writer: Scribe, data: bytes) -> str:
        """Record a captured file."""
        digest = self.blob(data)
        facts = {"git.commit": "abc123", "env.python": "3.11"}
        captured = {"files": {"train.py": digest}}
        writer.record(Captured(part="code", data=captured, facts=facts))
        return digest

    def artifact(
        self, writer: Scribe, name: str, files: Mapping[str, bytes], *, aliases: Sequence[str] = ()
    ) -> ArtifactVersion:
        """Log an artifact version, as a training program does."""
        with store_blobs(self.folder) as blobs:
            entries = [FileEntry(path, blobs.put(body), len(body)) for path, body in files.items()]
            manifest = make_manifest(entries)
            digest = save_manifest(blobs, manifest)
        versions = Versions(self.folder.artifacts)
        made = versions.allocate(
            name,
            type="model",
            digest=digest,
            size=manifest.size,
            files=len(entries),
            run=writer.run,
            writer=writer.id,
        )
        version = made.version
        writer.record(
            ArtifactLogged(
                name=name,
                version=version.version,
                type="model",
                digest=digest,
                size=manifest.size,
                files=len(entries),
                logged=made.logged,
            )
        )
        for alias in aliases:
            writer.record(AliasMoved(name=name, alias=alias, version=version.version))
            stamp = Stamp(writer.time, writer.id, writer.seq)
            versions.set_alias(name, alias, version.version, stamp)
        return versions.get(name, version.version)

    def use(self, writer: Scribe, version: ArtifactVersion, role: str = "") -> None:
        """Record that a run read a version."""
        record = ArtifactUsed(
            name=version.name, version=version.version, digest=version.digest, role=role
        )
        writer.record(record)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty store to write runs into."""
    return Lab(tmp_path / "store")


@pytest.fixture
def open_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Opens a store; closed at the end. Each read takes in what is new."""
    monkeypatch.setattr("notabene.api.door.FRESH", -1.0)
    opened: list[Api] = []

    def open_one(root: Path) -> Api:
        api = Api(root)
        opened.append(api)
        return api

    yield open_one
    for api in opened:
        api.close()


@pytest.fixture
def api(lab: Lab, open_api: Any) -> Api:
    """The store of the lab, opened."""
    made: Api = open_api(lab.root)
    return made


@pytest.fixture(params=["disk", "memory"])
def any_api(request: pytest.FixtureRequest, lab: Lab, open_api: Any, monkeypatch: Any) -> Api:
    """The same with its index on the disk, and with one in memory."""
    if request.param == "memory":
        monkeypatch.setattr("notabene.api.door.index_path", lambda *_: None)
    made: Api = open_api(lab.root)
    assert (made.index_path is None) is (request.param == "memory")
    return made
