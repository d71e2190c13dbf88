"""What all media are: values of ``log`` that are no numbers. Also texts, pages and plain files."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from notabene.errors import NotFoundError, UsageError
from notabene.model.values import (
    INLINE_TEXT,
    PACK_MIME,
    Blob,
    BlobRef,
    Encoded,
    FileValue,
    HtmlValue,
    TextValue,
)

IN_MEMORY = 8 << 20
"""Files of at most this many bytes are read at once; larger ones are copied from where they lie."""

_CAPTION = 16_384
_HEAD = 512

MIMES = {
    ".apng": "image/apng", ".avif": "image/avif", ".bmp": "image/bmp", ".gif": "image/gif",
    ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png", ".svg": "image/svg+xml",
    ".tif": "image/tiff", ".tiff": "image/tiff", ".webp": "image/webp",
    ".aac": "audio/aac", ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp3": "audio/mpeg",
    ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
    ".avi": "video/x-msvideo", ".m4v": "video/mp4", ".mkv": "video/x-matroska",
    ".mov": "video/quicktime", ".mp4": "video/mp4", ".ogv": "video/ogg", ".webm": "video/webm",
    ".htm": "text/html", ".html": "text/html",
    ".csv": "text/csv", ".json": "application/json", ".log": "text/plain", ".md": "text/markdown",
    ".pdf": "application/pdf", ".txt": "text/plain", ".yaml": "text/yaml", ".yml": "text/yaml",
}  # fmt: skip
"""Media type by the ending of a file's name: ours, since the system's table differs by machine."""

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"BM", 0, "image/bmp"),
    (b"II*\0", 0, "image/tiff"),
    (b"MM\0*", 0, "image/tiff"),
    (b"ftypavif", 4, "image/avif"),
    (b"<svg", 0, "image/svg+xml"),
    (b"<?xml", 0, "image/svg+xml"),
    (b"WAVE", 8, "audio/wav"),
    (b"fLaC", 0, "audio/flac"),
    (b"OggS", 0, "audio/ogg"),
    (b"ID3", 0, "audio/mpeg"),
    (b"\xff\xfb", 0, "audio/mpeg"),
    (b"\xff\xf3", 0, "audio/mpeg"),
    (b"ftypM4A", 4, "audio/mp4"),
    (b"AVI ", 8, "video/x-msvideo"),
    (b"\x1aE\xdf\xa3", 0, "video/webm"),
    (b"ftypqt", 4, "video/quicktime"),
    (b"ftyp", 4, "video/mp4"),
)


class Media(ABC):
    """A value of ``log`` that is no number.

    Arguments are checked when it is made; bytes are made by :meth:`encode`, which ``log`` calls
    at once, so that an array may be changed as soon as ``log`` has returned.
    """

    kind: ClassVar[str]

    @abstractmethod
    def encode(self) -> Encoded:
        """JSON and bytes. Equal content gives equal bytes, so it is stored once.

        Raises:
            OSError: A file that was there is gone.
        """


class Text(Media):
    """A text: a sample, a prompt, a report.

    Args:
        text: Any text; other objects become one by ``str``.
    """

    kind = "text"

    def __init__(self, text: object) -> None:
        self.text = clean(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text))

    def encode(self) -> Encoded:
        """Inline up to 4 KiB, else a blob."""
        data = self.text.encode()
        if len(data) <= INLINE_TEXT:
            return TextValue(text=self.text, chars=len(self.text)).encoded()
        blob = Blob.of(data, "text/plain")
        head = self.text[:_HEAD]
        return TextValue(text=head, file=blob.ref(), chars=len(self.text)).encoded(blob)


class Html(Media):
    """A page of HTML, shown in a sandbox.

    Args:
        data: The HTML itself, the path of a file, or a stream with ``read()``.
        caption: A line below it.

    Raises:
        NotFoundError: The file is not there.
        UsageError: The data is neither text nor a path.
    """

    kind = "html"

    def __init__(self, data: object, *, caption: str | None = None) -> None:
        self.caption = short(caption)
        if hasattr(data, "read"):
            data = data.read()
        if isinstance(data, bytes):
            data = data.decode("utf-8", "replace")
        if isinstance(data, os.PathLike) or (isinstance(data, str) and _names_a_page(data)):
            self._data: str | Path = existing(data)
        elif isinstance(data, str):
            self._data = clean(data)
        else:
            raise UsageError(f"Html() takes a text or a path, not {type(data).__name__}")

    def encode(self) -> Encoded:
        """A blob of ``text/html``."""
        if isinstance(self._data, Path):
            blob = file_blob(self._data, "text/html")
        else:
            blob = Blob.of(self._data.encode(), "text/html")
        return HtmlValue(file=blob.ref(), caption=self.caption).encoded(blob)


class File(Media):
    """Any file, kept with a step. What is to have a name and versions is an artifact.

    Args:
        path: The file.
        caption: A line below it.

    Raises:
        NotFoundError: The file is not there.
        UsageError: It is a folder, or no path.
    """

    kind = "file"

    def __init__(self, path: object, *, caption: str | None = None) -> None:
        self.path, self.caption = existing(path), short(caption)

    def encode(self) -> Encoded:
        """The bytes as they are."""
        mime = MIMES.get(self.path.suffix.lower(), "application/octet-stream")
        blob = file_blob(self.path, mime)
        return FileValue(file=blob.ref(name=self.path.name), caption=self.caption).encoded(blob)


class Pack:
    """Bytes of many small values as one blob: a table of a thousand pictures is two files."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._places: dict[str, int] = {}
        self.apart: list[Blob] = []
        """Large files, which stay blobs of their own."""

    def add(self, encoded: Encoded) -> dict[str, object]:
        """``{"kind", "value"}`` of a value whose bytes now lie in the pack."""
        for blob in encoded.blobs:
            if blob.data is None:
                self.apart.append(blob)
            elif blob.digest not in self._places:
                self._places[blob.digest] = len(self._data)
                self._data += blob.data
        return {"kind": encoded.kind, "value": self._moved(encoded.value)}

    def _moved(self, value: object) -> object:
        if isinstance(value, list | tuple):
            return [self._moved(part) for part in value]
        if not isinstance(value, dict):
            return value
        digest = value.get("digest")
        place = self._places.get(digest) if isinstance(digest, str) else None
        if place is None:
            return {key: self._moved(part) for key, part in value.items()}
        return {**{k: v for k, v in value.items() if k != "digest"}, "at": place}

    def blob(self) -> Blob | None:
        """All of it, or None where it is empty."""
        return Blob.of(bytes(self._data), PACK_MIME) if self._data else None

    def refs(self) -> tuple[BlobRef, ...]:
        """What is kept apart, each once."""
        return tuple({blob.digest: blob.ref() for blob in self.apart}.values())


def existing(path: object) -> Path:
    """The absolute path of a file that is there.

    Raises:
        NotFoundError: It is not there.
        UsageError: It is a folder, or no path.
    """
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"a path must be a text or a Path, not {type(path).__name__}")
    found = Path(os.fsdecode(path)).expanduser().absolute()
    if found.is_dir():
        raise UsageError(f"{found} is a folder, not a file", hint="log a folder as an artifact")
    if not found.is_file():
        raise NotFoundError(f"there is no file {found}")
    return found


def file_blob(path: Path, mime: str) -> Blob:
    """The content of a file: in memory where it is small.

    Raises:
        OSError: It cannot be read.
    """
    if path.stat().st_size > IN_MEMORY:
        return Blob.of_file(path, mime)
    return Blob.of(path.read_bytes(), mime)


def sniff(head: bytes | bytearray, suffix: str = "") -> str:
    """Media type by the first bytes, else by the ending of the name, else an empty text."""
    for magic, at, mime in _MAGIC:
        if head[at : at + len(magic)] == magic:
            return mime
    return MIMES.get(suffix.lower(), "")


def short(caption: object) -> str:
    """A caption as it is stored: a text of at most 16,384 characters."""
    if caption is None:
        return ""
    text = clean(str(caption))
    return text if len(text) <= _CAPTION else text[: _CAPTION - 3] + "..."


def clean(text: str) -> str:
    """A text that UTF-8 can hold: broken surrogates become question marks."""
    return text.encode("utf-8", "replace").decode()


def _names_a_page(text: str) -> bool:
    return len(text) < 4096 and "<" not in text and text.lower().endswith((".html", ".htm"))
