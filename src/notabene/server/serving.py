"""A server from its start to its end: the port, the link, the signals."""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import uvicorn

from notabene.api import Api
from notabene.errors import AccessError, ConflictError, NotabeneError, UsageError
from notabene.server.app import Routes
from notabene.server.feed import Feed
from notabene.server.guard import Guard
from notabene.server.notebook import Notebook
from notabene.server.options import Options
from notabene.server.pages import Pages
from notabene.server.session import Session

PORT = 7610
"""Free of famous neighbours: 6006 is TensorBoard's, 5000 MLflow's, 8888 Jupyter's, 8080 all's."""

NEXT = 50
"""Ports after it that are tried where nobody asked for one."""

KEEP_EVERY = 15.0
"""Seconds between two looks at what can be compacted."""

GRACE = 5
"""Seconds that requests have to end in when the server stops."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a server is to be.

    Attributes:
        host: Address to listen on.
        port: Where; None for the first free one from 7610 on, 0 for any.
        base_path: Path below which everything lies: empty, or ``/notes``.
        token: Whether visitors must show that they may.
        hosts: Further names that it answers to.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    base_path: str = ""
    token: bool = True
    hosts: tuple[str, ...] = ()


class Server:
    """One server over one store.

    Args:
        api: The opened store; closed when the server has stopped.
        plan: What it is to be.
        announce: Told the address that people shall open, and each fresh one after that.

    Attributes:
        port: Where it listens.

    Raises:
        ConflictError: The port is in use.
        AccessError, UsageError: The address cannot be listened on.
    """

    def __init__(self, api: Api, plan: Plan, announce: Callable[[str], None]) -> None:
        self._plan = plan
        self._announce = announce
        self._socket = listen(plan.host, plan.port)
        self.port: int = self._socket.getsockname()[1]
        self._api = api
        self._ended = threading.Event()
        self._notebook = Notebook(api)
        self._feed = Feed(self._notebook)
        folder = api.settings.cache / "server"
        token = api.settings["token"]
        self._session = Session(folder, self.port, token) if plan.token else None
        self._token_file = folder / "token"
        self._uvicorn: _Uvicorn | None = None
        self.app = self._make()

    def _make(self) -> Guard:
        plan = self._plan
        session = self._session
        kept = "NOTABENE_TOKEN" if self._api.settings["token"] else str(self._token_file)
        options = Options(
            base_path=plan.base_path,
            token=plan.token,
            hosts=_names(plan),
            port=self.port,
            bearer=None if session is None else lambda: session.token,
            bearer_at=kept if session is not None else "",
        )
        return Guard(
            Routes(self._notebook, self._feed, options),
            Pages(plan.base_path),
            options,
            session=self._session,
            user=self._notebook.user,
            announce=lambda _: self._announce(self.address),
        )

    @property
    def address(self) -> str:
        """What to open in a browser, with the link's token where one is needed."""
        host = self._plan.host
        if host in ("0.0.0.0", "::", ""):  # noqa: S104 - only shown in another form
            host = socket.gethostname()
        host = f"[{host}]" if ":" in host else host
        query = f"?token={self._session.link}" if self._session is not None else ""
        return f"http://{host}:{self.port}{self._plan.base_path}/{query}"

    def run(self, ready: Callable[[str], None] | None = None) -> None:
        """Serve until a signal says to end, or :meth:`stop` does; in any thread.

        Args:
            ready: Told the address once requests are answered.
        """
        config = uvicorn.Config(
            self.app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=60,
            timeout_graceful_shutdown=GRACE,
            h11_max_incomplete_event_size=128 << 10,
        )
        self._uvicorn = _Uvicorn(
            config, self._feed, lambda: ready(self.address) if ready is not None else None
        )
        keeper = threading.Thread(target=self._keep, name="notabene-keeper", daemon=True)
        keeper.start()
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._ended.set()
            keeper.join()
            self._socket.close()
            self._notebook.close()

    def _keep(self) -> None:
        """Compact the journals of runs that have ended, a little at a time."""
        seconds = self._api.settings["seal"]
        while seconds and not self._ended.wait(KEEP_EVERY):
            with contextlib.suppress(NotabeneError, OSError):
                self._api.seal(seconds=seconds)

    def stop(self) -> None:
        """End it as a signal does; may be called from any thread."""
        self._feed.close()
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True


class _Uvicorn(uvicorn.Server):
    """Tells the clients of the live feed before it waits for them, and ends with 0."""

    def __init__(self, config: uvicorn.Config, feed: Feed, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._feed = feed
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """A signal: say goodbye; a second one does not wait.

        Being asked to end is no failure: the signal is not raised again, as uvicorn would.
        """
        del frame
        self._feed.close()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def _names(plan: Plan) -> tuple[str, ...]:
    """Names that the server answers to besides those of the loopback."""
    bound = plan.host
    own: tuple[str, ...] = (f"[{bound}]" if ":" in bound else bound,)
    if bound in ("0.0.0.0", "::", ""):  # noqa: S104 - asked for by who started it
        own = (socket.gethostname(), socket.getfqdn())
    return tuple(dict.fromkeys((*own, *plan.hosts)))


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens.

    Raises:
        ConflictError: The port is in use.
        AccessError: This port may not be listened on.
        UsageError: There is no such address here.
    """
    ports = range(PORT, PORT + NEXT) if port is None else (port,)
    taken: OSError | None = None
    for number in ports:
        try:
            return _bound(host, number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _unusable(host, number, error) from error
            taken = error
    what = f"port {port} is" if port is not None else f"ports {PORT} to {PORT + NEXT - 1} are"
    raise ConflictError(
        f"{what} in use on {host}", hint="choose another with --port, or 0 for any free one"
    ) from taken


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(256)
    except BaseException:
        made.close()
        raise
    return made


def _unusable(host: str, port: int, error: OSError) -> Exception:
    if error.errno in (errno.EACCES, errno.EPERM):
        return AccessError(
            f"port {port} on {host} may not be listened on",
            hint="ports below 1024 are the system's; choose another with --port",
        )
    return UsageError(
        f"{host!r} is no address of this machine ({(error.strerror or str(error)).lower()})",
        hint="--host 127.0.0.1 listens for this machine alone, 0.0.0.0 for all",
    )
