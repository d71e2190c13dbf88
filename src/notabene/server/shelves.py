"""Artifacts as the interface shows them: by name, by folder, and a look into a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

import msgspec

from notabene.api import Api
from notabene.artifacts.manifest import FileEntry, Manifest, Reference, load_manifest
from notabene.model.entities import ArtifactVersion
from notabene.model.records import JSON
from notabene.query.ast import Field, Test
from notabene.server.blobs import BINARY, SHOWN

LOOK = 256 << 10
"""Bytes that a look into a file reads."""

ROWS = 200
WIDTH = 100
NAME = 10_000
"""Characters of a column's name; what has longer ones is no table."""

MIMES = {
    ".apng": "image/apng", ".avif": "image/avif", ".bmp": "image/bmp", ".gif": "image/gif",
    ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png", ".svg": "image/svg+xml",
    ".webp": "image/webp", ".aac": "audio/aac", ".flac": "audio/flac", ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg", ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg",
    ".wav": "audio/wav", ".m4v": "video/mp4", ".mp4": "video/mp4", ".ogv": "video/ogg",
    ".webm": "video/webm", ".htm": "text/html", ".html": "text/html", ".csv": "text/csv",
    ".tsv": "text/tab-separated-values", ".json": "application/json", ".md": "text/markdown",
    ".pdf": "application/pdf", ".txt": "text/plain", ".log": "text/plain",
}  # fmt: skip


class ArtifactCard(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact.

    Attributes:
        name: Its name.
        type: Of its newest version.
        versions: How many there are, those in the trash left out.
        size: Bytes of all versions, as if none shared content.
        updated: When the newest was made, µs.
        latest: The version that ``name`` alone means.
    """

    name: str
    type: str
    versions: int
    size: int
    updated: int
    latest: ArtifactVersion


class VersionDocument(ArtifactVersion, frozen=True):
    """A version, and the runs around it.

    Attributes:
        made_by: Ids of the runs that made it, or content equal to it.
        used_by: Ids of the runs that read it.
    """

    made_by: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()


class FolderEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a folder of an artifact.

    Attributes:
        path: From the top of the artifact.
        name: The last part of it.
        kind: ``file``, ``folder`` or ``reference``.
        size: Bytes; of a folder those of all files in it; -1 where not known.
        digest: SHA-256; empty for folders.
        files: How many files are in a folder; 1 for a file.
        uri: Of a reference.
    """

    path: str
    name: str
    kind: Literal["file", "folder", "reference"]
    size: int
    digest: str = ""
    files: int = 1
    uri: str = ""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A look into a file.

    Attributes:
        kind: How it can be shown; ``none`` where it cannot.
        mime: Media type by its name.
        size: Bytes.
        digest: SHA-256.
        text: The beginning, for ``text``, ``json`` and ``markdown``.
        columns: Names, for ``table``.
        cells: One list per column, for ``table``.
        truncated: There is more than is shown.
    """

    kind: Literal["text", "table", "image", "audio", "video", "json", "markdown", "none"]
    mime: str
    size: int
    digest: str
    text: str | None = None
    columns: list[str] | None = None
    cells: list[list[JSON]] | None = None
    truncated: bool = False


def cards(api: Api, project: str) -> list[ArtifactCard]:
    """All artifacts by name, or those that runs of a project made or read."""
    groups: dict[str, list[ArtifactVersion]] = {}
    for version in api.store.artifacts():
        groups.setdefault(version.name, []).append(version)
    if project:
        near = _near(api, project)
        groups = {name: found for name, found in groups.items() if name in near}
    return [_card(name, found) for name, found in sorted(groups.items())]


def _near(api: Api, project: str) -> set[str]:
    within = Test(Field("attribute", "project"), "in", (project,))
    runs = set(api.store.runs(within, archived=None).ids())
    return {edge.name for edge in api.store.links() if edge.run in runs}


def _card(name: str, versions: list[ArtifactVersion]) -> ArtifactCard:
    latest = next((v for v in versions if "latest" in v.aliases), versions[-1])
    return ArtifactCard(
        name=name,
        type=latest.type,
        versions=len(versions),
        size=sum(version.size for version in versions),
        updated=max(version.created for version in versions),
        latest=latest,
    )


def document_of(api: Api, ref: str) -> VersionDocument:
    """A version with the runs around it."""
    api.look()
    version = api.store.artifact(ref)
    edges = api.store.links(artifact=version.name, version=version.version)
    sides = {
        side: tuple(dict.fromkeys(edge.run for edge in edges if edge.direction == side))
        for side in ("output", "input")
    }
    fields = msgspec.structs.asdict(version)
    return VersionDocument(**fields, made_by=sides["output"], used_by=sides["input"])


# -- files -------------------------------------------------------------------------------------


class Shelf:
    """Manifests that were read lately."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.manifest = lru_cache(maxsize=16)(self._manifest)

    def _manifest(self, digest: str) -> Manifest:
        return load_manifest(self._api.blobs, digest)


def entries(manifest: Manifest, under: str) -> list[FolderEntry]:
    """What lies in one folder of a manifest: folders first, then files, by name."""
    prefix = f"{under.strip('/')}/" if under.strip("/") else ""
    folders: dict[str, list[int]] = {}
    found: list[FolderEntry] = []
    both: Iterable[FileEntry | Reference] = (*manifest.files, *manifest.references)
    for item in both:
        if not item.path.startswith(prefix):
            continue
        name, slash, _ = item.path[len(prefix) :].partition("/")
        if slash:
            one = folders.setdefault(name, [0, 0])
            one[0] += 1
            one[1] += max(0, item.size)
        else:
            found.append(_entry(item, name))
    for path in manifest.folders:
        if path.startswith(prefix) and path != prefix.rstrip("/"):
            folders.setdefault(path[len(prefix) :].partition("/")[0], [0, 0])
    above = [
        FolderEntry(path=prefix + name, name=name, kind="folder", size=size, files=files)
        for name, (files, size) in sorted(folders.items())
    ]
    return above + sorted(found, key=lambda entry: entry.name)


def everything(manifest: Manifest, under: str) -> list[FolderEntry]:
    """All files and references below a folder, by path."""
    below = manifest.below(under)
    both: list[FileEntry | Reference] = [*below.files, *below.references]
    return [
        _entry(item, item.path.rsplit("/", 1)[-1]) for item in sorted(both, key=lambda i: i.path)
    ]


def _entry(item: FileEntry | Reference, name: str) -> FolderEntry:
    if isinstance(item, Reference):
        return FolderEntry(
            path=item.path,
            name=name,
            kind="reference",
            size=item.size,
            digest=item.digest,
            uri=item.uri,
        )
    return FolderEntry(path=item.path, name=name, kind="file", size=item.size, digest=item.digest)


def mime_of(path: str) -> str:
    """Media type by the ending of a file's name."""
    name = path.rsplit("/", 1)[-1].lower()
    return MIMES.get(f".{name.rsplit('.', 1)[-1]}" if "." in name else "", BINARY)


def preview(api: Api, entry: FileEntry) -> Preview:
    """A look into a file: what it begins with, in the form that suits it."""
    mime = mime_of(entry.path)
    plain: dict[str, Any] = {"mime": mime, "size": entry.size, "digest": entry.digest}
    family = mime.partition("/")[0]
    if mime in SHOWN:
        return Preview(kind=family, **plain)  # type: ignore[arg-type]  # image, audio, video
    data = _beginning(api, entry)
    try:
        text = data.decode("utf-8") if len(data) < LOOK else _cut(data)
    except UnicodeDecodeError:
        return Preview(kind="none", **plain)
    if "\0" in text:
        return Preview(kind="none", **plain)
    more = entry.size > len(data)
    if mime in ("text/csv", "text/tab-separated-values"):
        table = _table(text, "," if mime == "text/csv" else "\t", more=more)
        if table is not None:
            columns, cells, cut = table
            return Preview(kind="table", columns=columns, cells=cells, truncated=cut, **plain)
    kinds: dict[str, Any] = {"application/json": "json", "text/markdown": "markdown"}
    return Preview(kind=kinds.get(mime, "text"), text=text, truncated=more, **plain)


def _beginning(api: Api, entry: FileEntry) -> bytes:
    found = bytearray()
    stream: Any = api.blobs.stream(entry.digest)
    for chunk in stream:
        found += chunk[: LOOK - len(found)]
        if len(found) >= LOOK:
            break
    stream.close()
    return bytes(found)


def _cut(data: bytes) -> str:
    """Text that was cut somewhere, perhaps within a letter."""
    for end in range(len(data), max(0, len(data) - 4), -1):
        try:
            return data[:end].decode("utf-8")
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8")


def _table(text: str, comma: str, *, more: bool) -> tuple[list[str], list[list[JSON]], bool] | None:
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=comma))
    except csv.Error:
        return None
    if more:
        lines = lines[:-1]
    if len(lines) < 1 or not lines[0] or max(map(len, lines[0])) > NAME:
        return None
    columns, rows = lines[0][:WIDTH], lines[1 : ROWS + 1]
    cells: list[list[JSON]] = [
        [row[place] if place < len(row) else None for row in rows] for place in range(len(columns))
    ]
    return columns, cells, more or len(lines) - 1 > ROWS or len(lines[0]) > WIDTH
