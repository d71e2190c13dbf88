"""Content by its digest."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from notabene.artifacts.base import check_digest
from notabene.errors import UsageError
from notabene.server.answers import made
from notabene.server.blobs import answer_blob
from notabene.server.notebook import Notebook
from notabene.server.requests import Name, read

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description="SHA-256 in hexadecimal.")]


@read("/blobs/{digest:str}", "never", summary="Bytes by their digest", media_type="*/*")
def blob(
    notebook: Notebook,
    *,
    digest: Digest,
    name: Name = "",
    type: Annotated[str, Meta(max_length=200)] = "",
    at: Annotated[int | None, Meta(ge=0, le=1 << 53)] = None,
    size: Annotated[int | None, Meta(ge=0, le=1 << 53)] = None,
    encoding: Literal["", "gzip"] = "",
    download: bool = False,
) -> bytes:
    """Pictures, sound and film keep their type, HTML comes in a sandbox, all else is a download.

    ``at`` and ``size`` ask for what lies within a pack.
    """
    if (at is None) != (size is None):
        raise UsageError("at and size belong together")
    reply = answer_blob(
        notebook.api.blobs,
        check_digest(digest),
        name=name,
        media_type=type,
        part=None if at is None or size is None else (at, size),
        encoding=encoding,
        download=download,
    )
    return made(reply, bytes)


HANDLERS = [blob]
