"""How a server was started, as far as answers depend on it."""

from __future__ import annotations

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the server was started.

    Attributes:
        base_path: Path below which everything lies: empty, or ``/notes``.
        token: Whether visitors must show that they may.
        hosts: Names it answers to besides those of this machine's loopback.
        port: Where it listens.
    """

    base_path: str = ""
    token: bool = True
    hosts: tuple[str, ...] = ()
    port: int = 0
