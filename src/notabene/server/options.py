"""How a server was started, as far as answers depend on it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the server was started.

    Attributes:
        base_path: Path below which everything lies: empty, or ``/notes``.
        token: Whether visitors must show that they may.
        hosts: Names it answers to besides those of this machine's loopback.
        port: Where it listens.
        bearer: Gives the token for programs; None where none is in use.
        bearer_at: Where that token is kept: a file, or the name of a setting.
    """

    base_path: str = ""
    token: bool = True
    hosts: tuple[str, ...] = ()
    port: int = 0
    bearer: Callable[[], str] | None = None
    bearer_at: str = ""
