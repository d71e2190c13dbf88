"""Files of other tools as values: pictures, sounds, films, pages, anything."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from notabene.model.values import (
    AudioValue,
    Blob,
    Encoded,
    FileValue,
    HtmlValue,
    ImageValue,
    TextValue,
    VideoValue,
)

INLINE = 4096
_MORE = {".webp": "image/webp", ".apng": "image/apng", ".webm": "video/webm"}


def mime_of(path: Path) -> str:
    """The media type that a file's name says."""
    return (
        _MORE.get(path.suffix.lower())
        or mimetypes.guess_type(path.name)[0]
        or "application/octet-stream"
    )


def picture(path: Path, caption: str = "", width: int = 0, height: int = 0) -> Encoded:
    """A file as an image.

    Raises:
        OSError: It cannot be read.
    """
    blob = Blob.of_file(path, mime_of(path))
    ref = blob.ref(name=path.name)
    return ImageValue(file=ref, caption=caption, width=width, height=height).encoded(blob)


def media(path: Path, caption: str = "") -> Encoded:
    """A file as what its name says it is.

    Raises:
        OSError: It cannot be read.
    """
    mime = mime_of(path)
    if mime.startswith("image/") and mime != "image/svg+xml":
        return picture(path, caption)
    blob = Blob.of_file(path, mime)
    ref = blob.ref(name=path.name)
    if mime.startswith("audio/"):
        return AudioValue(file=ref, caption=caption).encoded(blob)
    if mime.startswith("video/"):
        return VideoValue(file=ref, caption=caption).encoded(blob)
    if mime == "text/html":
        return HtmlValue(file=ref, caption=caption).encoded(blob)
    return FileValue(file=ref, caption=caption).encoded(blob)


def words(text: str) -> Encoded:
    """A text as a value."""
    if len(text.encode("utf-8", "replace")) <= INLINE:
        return TextValue(text=text, chars=len(text)).encoded()
    blob = Blob.of(text.encode("utf-8", "replace"), "text/plain")
    return TextValue(text=text[:512], file=blob.ref(), chars=len(text)).encoded(blob)
