"""The files of the web interface, as ``make web`` built them.

Hashed files never change and are kept by browsers for good; the index is asked for each time.
What is no file is the index as well: its pages have addresses of their own.
"""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from anyio import to_thread

from notabene.errors import NotFoundError
from notabene.model.canonical import digest_bytes
from notabene.server.answers import CALL
from notabene.server.problems import Problem

STATIC = Path(__file__).parent / "static"
ASSETS = "/assets/"

TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
CODINGS = (("br", ".br"), ("gzip", ".gz"))
FOREVER = "public, max-age=31536000, immutable"

UNBUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>notabene</title>
<h1>notabene</h1>
<p>The web interface is not built in this copy. Run <code>make web</code> (it needs Node.js 20),
then load this page again.</p>
<p>The API works: <a href="api/v1/projects">projects</a>, <a href="api/v1/runs">runs</a>,
<a href="api/v1/openapi.json">all that can be asked</a>.</p></html>
"""

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Pages:
    """An ASGI app for the interface.

    Args:
        base_path: Path below which everything lies; filled into the index.
        folder: Where the built files lie.
    """

    def __init__(self, base_path: str = "", folder: Path = STATIC) -> None:
        self._base = base_path
        self._folder = folder
        self._read = lru_cache(maxsize=256)(_read)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        """Answer one request."""
        del receive
        if scope["method"] != "GET":
            raise Problem(405, "only GET is possible here", headers={"Allow": "GET, HEAD"})
        status, headers, body = await to_thread.run_sync(self._answer, scope["path"])
        headers["Content-Length"] = str(len(body))
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        found = self._find(path)
        if found is None or found.name == "index.html":
            if found is None and (path.startswith(ASSETS) or path == "/favicon.ico"):
                raise NotFoundError(f"there is no file {path[:200]!r}")
            return self._index()
        for coding, suffix in CODINGS:
            packed = found.with_name(found.name + suffix)
            if coding in CALL.get().encodings and packed.is_file():
                return self._file(found, packed, coding)
        return self._file(found, found, "")

    def _find(self, path: str) -> Path | None:
        """The file of a path, never one outside of the folder."""
        parts = [part for part in path.split("/") if part]
        if not parts or any(p.startswith(".") or "\\" in p or "\0" in p for p in parts):
            return None
        found = self._folder.joinpath(*parts)
        inside = found.resolve().is_relative_to(self._folder.resolve())
        return found if inside and found.is_file() and found.suffix in TYPES else None

    def _file(self, found: Path, packed: Path, coding: str) -> tuple[int, dict[str, str], bytes]:
        stat = packed.stat()
        body, tag = self._read(packed, stat.st_mtime_ns, stat.st_size)
        forever = found.parent.name == ASSETS.strip("/")
        headers = {
            "Content-Type": TYPES[found.suffix],
            "Cache-Control": FOREVER if forever else "no-cache",
            "ETag": tag,
            "Vary": "Accept-Encoding",
        }
        if tag in CALL.get().known:
            return 304, headers, b""
        if coding:
            headers["Content-Encoding"] = coding
        return 200, headers, body

    def _index(self) -> tuple[int, dict[str, str], bytes]:
        path = self._folder / "index.html"
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            text = UNBUILT
        base = f'<base href="{html.escape(self._base)}/">'
        if "<base" in text:
            begin = text.index("<base")
            text = text[:begin] + base + text[text.index(">", begin) + 1 :]
        else:
            text = text.replace('<meta charset="utf-8">', f'<meta charset="utf-8">{base}', 1)
        body = text.encode()
        headers = {
            "Content-Type": TYPES[".html"],
            "Cache-Control": "no-cache",
            "ETag": f'"{digest_bytes(body)[:32]}"',
        }
        if headers["ETag"] in CALL.get().known:
            return 304, headers, b""
        return 200, headers, body


def _read(path: Path, changed: int, size: int) -> tuple[bytes, str]:
    del changed, size  # they name the version that is kept
    data = path.read_bytes()
    return data, f'"{digest_bytes(data)[:32]}"'
