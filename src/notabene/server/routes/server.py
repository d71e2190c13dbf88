"""What this server is, and whether it is ready."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Response, get

from notabene._ids import host_name, now_us
from notabene._version import __version__
from notabene.errors import NotFoundError
from notabene.server import access
from notabene.server.answers import made, packed
from notabene.server.notebook import Notebook, shortened
from notabene.server.options import Options
from notabene.server.requests import read, write


class Ready(msgspec.Struct, frozen=True):
    """The server answers.

    Attributes:
        status: ``ok``.
        version: Of notabene.
    """

    status: str
    version: str


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """What this server is.

    Attributes:
        version: Of notabene.
        store: The store's folder.
        home: The same, with ``~`` for the home folder.
        user: Who runs the server.
        host: The machine it runs on.
        started: When it began, µs since 1970 UTC.
        now: The time there, µs since 1970 UTC.
        base_path: Path below which everything lies, empty for the root.
        python: Version of Python.
        token: Whether visitors must show that they may.
        token_at: Where the token for programs is kept: a file, or the name of a setting.
        doors: Clients that may send runs here: ``notabene``, ``mlflow``, ``wandb``.
    """

    version: str
    store: str
    home: str
    user: str
    host: str
    started: int
    now: int
    base_path: str
    python: str
    token: bool
    token_at: str
    doors: list[str]


@get("/health", sync_to_thread=False, summary="Is the server ready?")
def health() -> Ready:
    """200 as soon as questions are answered; open to anybody who reaches the port."""
    return Ready("ok", __version__)


@read("/server", "never", summary="What this server is")
def about(notebook: Notebook, *, options: Options) -> Server:
    """The store, the user, versions and the time."""
    path = notebook.api.store_path
    return Server(
        version=__version__,
        store=str(path),
        home=shortened(path),
        user=notebook.user,
        host=host_name(),
        started=notebook.started,
        now=now_us(),
        base_path=options.base_path,
        python=platform.python_version(),
        token=options.token,
        token_at=options.bearer_at,
        doors=[client for client, route in access.DOORS.items() if route in access.RULES],
    )


@read("/openapi.json", "content", summary="This document")
def openapi(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """OpenAPI 3.1 of all routes."""
    return made(packed(msgspec.json.encode(describe()), "content"), dict)


class Bearer(msgspec.Struct, frozen=True):
    """The token that programs show."""

    token: str


@write("/server/token", summary="The token for programs")
def token(options: Options) -> Bearer:
    """For who may do everything already; asked for by a click, and never kept by browsers."""
    if options.bearer is None:
        raise NotFoundError("this server asks for no token", hint="it was started with --no-token")
    body = msgspec.json.encode(Bearer(options.bearer()))
    headers = {"Cache-Control": "no-store"}
    return made(Response(body, media_type="application/json", headers=headers), Bearer)


HANDLERS = [about, token, openapi]
