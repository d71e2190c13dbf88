"""Artifacts as readers get them: one version, and how versions and runs hang together."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from notabene.artifacts.base import Progress
from notabene.artifacts.download import download
from notabene.artifacts.hashes import HashCache
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.manifest import FileEntry, Manifest, Reference, load_manifest
from notabene.errors import NotFoundError
from notabene.model.entities import ArtifactEdge, ArtifactVersion
from notabene.settings import Settings
from notabene.store.base import Store

Direction = Literal["up", "down", "both"]


class Node(msgspec.Struct, frozen=True):
    """A run or a version of an artifact.

    Attributes:
        kind: ``run`` or ``artifact``.
        id: The run's id, or ``name:v3``.
        name: The run's name, or the artifact's.
        type: The artifact's type, or the run's status.
    """

    kind: Literal["run", "artifact"]
    id: str
    name: str
    type: str = ""


class Lineage(msgspec.Struct, frozen=True):
    """What something came from and what came of it.

    Attributes:
        nodes: Runs and versions, the one asked for first.
        edges: Which run made or read which version; ``name:v3`` and ``run`` name the nodes.
    """

    nodes: tuple[Node, ...]
    edges: tuple[ArtifactEdge, ...]


class ArtifactReader(Protocol):
    """Where a view asks for more: the Api."""

    settings: Settings
    blobs: LocalBlobs

    def lineage(self, ref: str, /, *, direction: Direction = ...) -> Lineage:
        """What a version came from, and what came of it."""
        ...


class ArtifactView:
    """A version of an artifact.

    The fields of its :class:`~notabene.model.entities.ArtifactVersion` are attributes: ``name``,
    ``version``, ``type``, ``digest``, ``size``, ``files`` (how many), ``aliases``, ``run`` ...

    Attributes:
        info: The fields as one object.
    """

    __slots__ = ("_api", "_manifest", "info")

    def __init__(self, api: ArtifactReader, info: ArtifactVersion) -> None:
        self._api = api
        self._manifest: Manifest | None = None
        self.info = info

    @property
    def ref(self) -> str:
        """``name:v3``."""
        return self.info.ref

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(object.__getattribute__(self, "info"), name)
        except AttributeError:
            raise AttributeError(f"an artifact has no attribute {name!r}") from None

    @property
    def manifest(self) -> Manifest:
        """What it holds.

        Raises:
            NotFoundError: Its content is not here.
            IntegrityError: Its manifest is damaged.
        """
        if self._manifest is None:
            self._manifest = load_manifest(self._api.blobs, self.info.digest)
        return self._manifest

    def listing(self) -> tuple[FileEntry | Reference, ...]:
        """Its files and references, by path."""
        both: list[FileEntry | Reference] = [*self.manifest.files, *self.manifest.references]
        return tuple(sorted(both, key=lambda item: item.path))

    def read(self, path: str) -> bytes:
        """The content of one of its files, verified.

        Raises:
            NotFoundError: It has no such file, or the content is not here.
            IntegrityError: The content is damaged.
        """
        return self._api.blobs.read(self.manifest.file(path).digest)

    def download(
        self,
        to: str | os.PathLike[str] | None = None,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Bring its files into a folder, verified; files that are there alike stay as they are.

        Args:
            to: The folder; default is ``artifacts/<name>-v<N>`` in the working folder.
            overwrite: Replace files with other content.
            progress: Told of the bytes done and in all.

        Returns:
            The folder.

        Raises:
            ConflictError: Files with other content are there.
            NotFoundError, IntegrityError: Content is not here, or damaged.
            AccessError, TransportError: The folder cannot be written to.
        """
        safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in self.info.name)
        target = Path("artifacts") / f"{safe}-v{self.info.version}" if to is None else Path(to)
        with _hashes(self._api.settings.cache) as hashes:
            done = download(
                self._api.blobs,
                self.manifest,
                target,
                overwrite=overwrite,
                progress=progress,
                hashes=hashes,
            )
        return done.path

    def lineage(self, *, direction: Direction = "both") -> Lineage:
        """As :meth:`notabene.Api.lineage`."""
        return self._api.lineage(f"artifact:{self.ref}", direction=direction)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"ref": self.ref, **msgspec.structs.asdict(self.info)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactView) and self.info == other.info

    def __hash__(self) -> int:
        return hash(self.ref)

    def __repr__(self) -> str:
        return f"<artifact {self.ref} {self.info.type}>"


def _hashes(cache: Path) -> HashCache:
    return HashCache(cache / "hashes.sqlite")


def lineage_of(store: Store, start: Node, direction: Direction) -> Lineage:
    """Follow edges from a run or a version until there are no new ones."""
    nodes = {start.id: start}
    edges: dict[ArtifactEdge, None] = {}
    ways = ("up", "down") if direction == "both" else (direction,)
    for way in ways:
        seen = {start.id}
        waiting = deque([start])
        while waiting:
            for edge, node in _next(store, waiting.popleft(), way):
                edges[edge] = None
                if node.id not in seen:
                    seen.add(node.id)
                    nodes.setdefault(node.id, node)
                    waiting.append(node)
    known = [_described(store, node) for node in nodes.values()]
    return Lineage(tuple(known), tuple(sorted(edges, key=lambda e: (e.time, e.run, e.name))))


def _next(store: Store, node: Node, way: str) -> Iterator[tuple[ArtifactEdge, Node]]:
    if node.kind == "run":
        wanted = "input" if way == "up" else "output"
        for edge in store.links(run=node.id):
            if edge.direction == wanted:
                yield edge, Node("artifact", f"{edge.name}:v{edge.version}", edge.name)
        return
    name, _, number = node.id.rpartition(":v")
    wanted = "output" if way == "up" else "input"
    for edge in store.links(artifact=name, version=int(number)):
        if edge.direction == wanted:
            yield edge, Node("run", edge.run, "")


def _described(store: Store, node: Node) -> Node:
    try:
        if node.kind == "run":
            info = store.run(node.id)
            return msgspec.structs.replace(node, name=info.name, type=info.status)
        return msgspec.structs.replace(node, type=store.artifact(node.id).type)
    except NotFoundError:
        return node  # an edge may name what is not here
