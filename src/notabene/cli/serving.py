"""``notabene ui`` and ``notabene serve``: the notebook in a browser."""

from __future__ import annotations

import sys
import threading
from typing import Any

import click

from notabene.cli.render import hint, open_api, say
from notabene.errors import UsageError
from notabene.settings import environment


def _options(function: Any) -> Any:
    for option in (
        click.option("--allow-host", "hosts", multiple=True, metavar="NAME",
                     help="A further name to answer to, of a proxy or this machine."),
        click.option("--base-path", default="", metavar="PATH",
                     help="Path below which everything lies, behind a proxy: /notes"),
        click.option("--no-token", is_flag=True, help="Let in everybody who reaches the port."),
        click.option("--no-open", is_flag=True, help="Open no browser."),
        click.option("--port", type=click.IntRange(0, 65535), default=None,
                     help="Port; 0 for any free one.  [default: 7610, or the next free one]"),
        click.option("--host", default="127.0.0.1", show_default=True,
                     help="Address to listen on; 0.0.0.0 for all of this machine."),
        click.option("--store", type=click.Path(), help="Folder of the store."),
    ):  # fmt: skip
        function = option(function)
    return function


@click.command()
@_options
def ui(**given: Any) -> None:
    """Look at the runs in a browser."""
    serve_pages(**given, wanted=True)


@click.command()
@_options
def serve(**given: Any) -> None:
    """The same without opening a browser: for a machine elsewhere, or a service."""
    serve_pages(**given, wanted=False)


def serve_pages(
    store: str | None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    no_open: bool = False,
    no_token: bool = False,
    base_path: str = "",
    hosts: tuple[str, ...] = (),
    wanted: bool,
) -> None:
    """Serve a store until a signal says to end; ``wanted`` is whether to open a browser."""
    base = check_base(base_path)
    api = open_api(store)
    try:
        from notabene.server.serving import Plan, Server

        plan = Plan(host=host, port=port, base_path=base, token=not no_token, hosts=hosts)
        server = Server(api, plan, _announce)
    except BaseException:
        api.close()
        raise
    if no_token and host not in ("127.0.0.1", "localhost", "::1"):
        hint(
            f"warning: without a token, whoever reaches {host}:{server.port} can read and "
            "change everything in this store"
        )

    def ready(address: str) -> None:
        say(f"{api.store_path} in your browser:\n\n    {address}\n")
        if line := tunnel(server.port):
            say(f"on your own machine first: {line}")
        if wanted and not no_open and has_display():
            _open(address)

    server.run(ready)


def check_base(base: str) -> str:
    """A base path as ``/notes``, or nothing.

    Raises:
        UsageError: It has another form.
    """
    path = base.rstrip("/")
    plain = all(part and part not in (".", "..") for part in path[1:].split("/"))
    if path and (not path.startswith("/") or not plain or not set(path) <= _SAFE):
        raise UsageError(
            f"the base path {base!r} is not possible; it begins with / and has names of letters, "
            "digits, '-', '_', '.', '~'",
            hint="--base-path /notes",
        )
    return path


_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/")


def _announce(address: str) -> None:
    """The link was used: print the next one, for another browser."""
    hint(f"that link has been used; for another browser: {address}")


def tunnel(port: int) -> str:
    """The line that reaches this machine over SSH, where it was entered so; else nothing."""
    parts = environment().get("SSH_CONNECTION", "").split()
    if len(parts) != 4:
        return ""
    user = environment().get("USER", "")
    at = f"{user}@" if user else ""
    door = "" if parts[3] == "22" else f" -p {parts[3]}"
    return f"ssh{door} -N -L {port}:127.0.0.1:{port} {at}{parts[2]}"


def has_display() -> bool:
    """Whether a browser that opens here would be seen."""
    if sys.platform in ("darwin", "win32"):
        return not environment().get("SSH_CONNECTION")
    return any(environment().get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _open(address: str) -> None:
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
