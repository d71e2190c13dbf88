"""Artifacts: names, versions, their files, aliases and lineage."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from notabene.api import Lineage
from notabene.artifacts.manifest import FileEntry
from notabene.errors import NotFoundError
from notabene.model.entities import ArtifactVersion
from notabene.server import shelves
from notabene.server.answers import Page, made
from notabene.server.blobs import answer_blob
from notabene.server.notebook import Notebook
from notabene.server.requests import Limit, Name, Offset, read, short_name, write
from notabene.server.routes.edits import Body

Ref = Annotated[str, Meta(description="`name`, `name:v3` or `name:alias`.", max_length=1000)]
Path = Annotated[str, Meta(description="From the top of the artifact.", max_length=4000)]


@read("/artifacts", "content", summary="Artifacts by name")
def list_artifacts(
    notebook: Notebook,
    *,
    project: str = "",
    type: str = "",
    search: str = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page[shelves.ArtifactCard]:
    """With a project: those that its runs made or read."""
    cards = notebook.kept(("artifacts", project), lambda: shelves.cards(notebook.api, project))
    word = short_name(search, "search").casefold()
    found = [c for c in cards if type in ("", c.type) and word in c.name.casefold()]
    return Page(items=found[offset : offset + limit], total=len(found), limit=limit, offset=offset)


@read("/artifacts/versions", "content", summary="Versions of an artifact")
def versions(
    notebook: Notebook,
    *,
    name: Name,
    deleted: bool = False,
    limit: Limit = 1000,
    offset: Offset = 0,
) -> Page[ArtifactVersion]:
    """The newest first; with ``deleted`` also those in the trash."""
    notebook.api.look()
    found = notebook.api.store.artifacts(name, deleted=True) if name else []
    if not found:
        raise NotFoundError(f"there is no artifact {name!r}")
    found = [version for version in reversed(found) if deleted or not version.deleted]
    return Page(items=found[offset : offset + limit], total=len(found), limit=limit, offset=offset)


@read("/artifacts/version", "content", summary="One version")
def version(notebook: Notebook, *, ref: Ref) -> shelves.VersionDocument:
    """With the runs that made it and that read it."""
    return shelves.document_of(notebook.api, ref)


@write("/artifacts/version", "DELETE", summary="Move a version to the trash")
def delete_version(notebook: Notebook, *, ref: Ref) -> shelves.VersionDocument:
    """Its content stays for 30 days."""
    found = notebook.api.delete_artifact(ref)
    return shelves.document_of(notebook.api, found.ref)


@read("/artifacts/files", "content", summary="One folder of a version")
def files(
    notebook: Notebook,
    *,
    ref: Ref,
    under: Path = "",
    deep: bool = False,
    limit: Limit = 1000,
    offset: Offset = 0,
) -> Page[shelves.FolderEntry]:
    """Folders first, then files and references; with ``deep`` all files below, by path."""
    manifest = notebook.shelf.manifest(notebook.api.versions.resolve(ref).digest)
    found = (shelves.everything if deep else shelves.entries)(manifest, under)
    if under.strip("/") and not found:
        raise NotFoundError(f"there is no folder {under!r} in {ref}")
    return Page(items=found[offset : offset + limit], total=len(found), limit=limit, offset=offset)


def _file(notebook: Notebook, ref: str, path: str) -> FileEntry:
    version = notebook.api.versions.resolve(ref)
    return notebook.shelf.manifest(version.digest).file(path)


@read("/artifacts/file", "never", summary="Bytes of a file", media_type="*/*")
def file(notebook: Notebook, *, ref: Ref, path: Path, download: bool = False) -> bytes:
    """As for content by its digest; the type follows from the name."""
    entry = _file(notebook, ref, path)
    reply = answer_blob(
        notebook.api.blobs,
        entry.digest,
        name=entry.path,
        media_type=shelves.mime_of(entry.path),
        download=download,
    )
    reply.headers["Cache-Control"] = "no-cache"  # an alias may move
    return made(reply, bytes)


@read("/artifacts/preview", "content", summary="A look into a file")
def preview(notebook: Notebook, *, ref: Ref, path: Path) -> shelves.Preview:
    """Text, a table, or how else it can be shown."""
    return shelves.preview(notebook.api, _file(notebook, ref, path))


class AliasBody(Body, frozen=True):
    """A word that shall point at a version."""

    ref: str
    alias: str


class RefBody(Body, frozen=True):
    """A version: ``name:v3``."""

    ref: str


@write("/artifacts/alias", summary="Let a word point at a version")
def set_alias(notebook: Notebook, *, data: AliasBody) -> ArtifactVersion:
    """It no longer points where it pointed before."""
    notebook.api.alias(data.ref, data.alias)
    return notebook.api.versions.resolve(data.ref)


@write("/artifacts/alias", "DELETE", summary="Take a word away")
def delete_alias(notebook: Notebook, *, ref: Ref, alias: Name) -> ArtifactVersion:
    """The version stays."""
    found = notebook.api.versions.resolve(ref)
    notebook.api.unalias(found.name, alias)
    return notebook.api.versions.get(found.name, found.version)


@write("/artifacts/restore", summary="Take a version out of the trash")
def restore(notebook: Notebook, *, data: RefBody) -> ArtifactVersion:
    """As it was."""
    return notebook.api.restore_artifact(data.ref)


@read("/lineage", "content", summary="What came from what")
def lineage(
    notebook: Notebook, *, ref: Name, direction: Literal["up", "down", "both"] = "both"
) -> Lineage:
    """Runs and versions around a run or an ``artifact:name:v3``."""
    return notebook.api.lineage(ref, direction=direction)


HANDLERS = [
    list_artifacts,
    versions,
    version,
    delete_version,
    files,
    file,
    preview,
    set_alias,
    delete_alias,
    restore,
    lineage,
]
