"""Bytes that people logged, handed out so that none of them ever acts as a part of our pages.

What browsers show without running anything (pictures, sound, film) keeps its type. A page of
HTML is given to a frame of its own origin, where it can reach nothing. All else is a download.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from litestar import Response
from litestar.response import Stream

from notabene.artifacts.base import CHUNK, BlobStore, open_blob
from notabene.errors import UsageError
from notabene.server.answers import CALL
from notabene.server.problems import Problem

SHOWN = frozenset(
    """
    image/png image/apng image/jpeg image/gif image/webp image/avif image/bmp image/svg+xml
    audio/wav audio/mpeg audio/ogg audio/flac audio/mp4 audio/aac
    video/mp4 video/webm video/ogg
    """.split()
)
"""Types that keep their name. SVG can hold scripts: the sandbox keeps them from running."""

PAGE = "text/html"
BINARY = "application/octet-stream"

SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""For what is shown: no script, no network, an origin of its own."""

FRAME = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; "
    "worker-src blob:; frame-ancestors 'self'; sandbox allow-scripts"
)
"""For pages of HTML: their scripts run, in an origin of its own and without any network."""

VERIFIED = 8 << 20
"""Content up to this many bytes is verified before the first byte is sent."""

GZIP = b"\x1f\x8b"
"""What compressed bytes begin with."""

_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


def answer_blob(
    blobs: BlobStore,
    digest: str,
    *,
    name: str = "",
    media_type: str = "",
    part: tuple[int, int] | None = None,
    encoding: str = "",
    download: bool = False,
) -> Response[bytes] | Stream:
    """Content by its digest.

    Args:
        blobs: Where it lies.
        digest: SHA-256.
        name: Name of the file for who saves it.
        media_type: What it is said to be.
        part: First byte and length of what lies within a pack.
        encoding: ``gzip`` where the bytes are compressed so.
        download: To be saved, whatever it is.

    Raises:
        NotFoundError: It is not here.
        IntegrityError: It is damaged.
        Problem: The range lies outside.
    """
    tag = f'"{digest}{f"-{part[0]}-{part[1]}" if part else ""}"'
    headers = {**_headers(name, media_type, download=download), "ETag": tag}
    if tag in CALL.get().known or "*" in CALL.get().known:
        return Response(b"", status_code=304, headers=headers)
    size = blobs.size(digest)
    begin, length = part or (0, size)
    if begin + length > size:
        raise UsageError(f"the content has {size:,} bytes; {begin:,}+{length:,} lie outside")
    kind = headers.pop("Content-Type")
    if encoding == "gzip":
        data = _bytes(blobs, digest, begin, length)
        if not data.startswith(GZIP):
            raise UsageError("the content is not compressed with gzip")
        headers["Content-Encoding"] = "gzip"
        return Response(data, media_type=kind, headers=headers)
    headers["Accept-Ranges"] = "bytes"
    status = 200
    span = read_range(CALL.get().part, length)
    if span is not None:
        status = 206
        headers["Content-Range"] = f"bytes {span[0]}-{span[1]}/{length}"
        begin, length = begin + span[0], span[1] - span[0] + 1
    headers["Content-Length"] = str(length)
    if length <= VERIFIED:
        data = _bytes(blobs, digest, begin, length)
        return Response(data, media_type=kind, headers=headers, status_code=status)
    chunks = _chunks(blobs, digest, begin, length, whole=length == size)
    # Litestar's streams take the type of the route, unless a header says it.
    headers["Content-Type"] = kind
    return Stream(chunks, headers=headers, status_code=status)


def _headers(name: str, media_type: str, *, download: bool) -> dict[str, str]:
    kind = media_type.partition(";")[0].strip().lower()
    shown = not download and (kind in SHOWN or kind == PAGE)
    return {
        "Content-Type": kind if shown else BINARY,
        "Content-Security-Policy": FRAME if shown and kind == PAGE else SANDBOX,
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": disposition(name, attachment=not shown),
    }


def disposition(name: str, *, attachment: bool) -> str:
    """The header for who saves a file: its last name, in letters any browser reads."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    last = "".join(c for c in last if c.isprintable())[:200].strip(". ") or "content"
    plain = re.sub(r'[^A-Za-z0-9._ -]|"', "_", last)
    kind = "attachment" if attachment else "inline"
    encoded = quote(last, safe="", errors="replace")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def read_range(text: str, length: int) -> tuple[int, int] | None:
    """First and last byte of ``bytes=2-5``; None for all, and for what is not understood.

    Raises:
        Problem: It lies outside.
    """
    match = _RANGE.match(text.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        first, last = max(0, length - int(match[2][:20])), length - 1
        outside = int(match[2][:20]) == 0
    else:
        first = int(match[1][:20])
        last = min(length - 1, int(match[2][:20])) if match[2] else length - 1
        if match[2] and int(match[2][:20]) < first:
            return None
        outside = first >= length
    if outside or length == 0:
        raise Problem(
            416,
            f"the range {text[:60]!r} lies outside of {length:,} bytes",
            headers={"Content-Range": f"bytes */{length}"},
        )
    return first, last


def _bytes(blobs: BlobStore, digest: str, begin: int, length: int) -> bytes:
    if begin == 0 and length <= VERIFIED and length == blobs.size(digest):
        return blobs.read(digest)
    return b"".join(_part(blobs, digest, begin, length))


def _part(blobs: BlobStore, digest: str, begin: int, length: int) -> Iterator[bytes]:
    stream: Any = blobs.stream(digest, begin)
    try:
        while length > 0 and (chunk := next(stream, None)) is not None:
            yield chunk[:length]
            length -= len(chunk)
    finally:
        stream.close()


def _chunks(
    blobs: BlobStore, digest: str, begin: int, length: int, *, whole: bool
) -> Iterator[bytes]:
    """The bytes of a large answer; all of it is verified, and broken off where it is damaged."""
    if not whole:
        yield from _part(blobs, digest, begin, length)
        return
    with open_blob(blobs, digest) as file:
        while chunk := file.read(CHUNK):
            yield chunk
