"""Content by its digest."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar.params import Parameter

from notabene.artifacts.base import check_digest
from notabene.errors import UsageError
from notabene.server.answers import made
from notabene.server.blobs import answer_blob
from notabene.server.notebook import Notebook
from notabene.server.requests import Name, read

Range = Annotated[str, Parameter(header="Range", description="`bytes=0-99`")]
Digest = Annotated[str, Parameter(pattern=r"^[0-9a-f]{64}$", description="SHA-256 in hexadecimal.")]


@read("/blobs/{digest:str}", "never", summary="Bytes by their digest", media_type="*/*")
def blob(
    notebook: Notebook,
    *,
    digest: Digest,
    name: Name = "",
    type: Annotated[str, Parameter(max_length=200)] = "",
    at: Annotated[int | None, Parameter(ge=0, le=1 << 53)] = None,
    size: Annotated[int | None, Parameter(ge=0, le=1 << 53)] = None,
    encoding: Literal["", "gzip"] = "",
    download: bool = False,
    byte_range: Range = "",
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
        asked=byte_range,
        part=None if at is None or size is None else (at, size),
        encoding=encoding,
        download=download,
    )
    return made(reply, bytes)


HANDLERS = [blob]
