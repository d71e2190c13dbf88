"""A small store with a server over it, asked in this process without a port."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from notabene.api import Api
from notabene.capture.transcript import Transcript
from notabene.server.app import Routes
from notabene.server.feed import Feed
from notabene.server.guard import Guard
from notabene.server.notebook import Notebook
from notabene.server.options import Options
from notabene.server.pages import Pages
from notabene.server.session import Session
from notabene.tracking.init import init
from notabene.tracking.media import Html, Image
from tests.unit.api.conftest import Lab

V1 = "/api/v1"


class Reply(msgspec.Struct):
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


class Visitor:
    """Asks an ASGI app, one request after the other.

    Args:
        app: The app.
        host: The header Host.
    """

    def __init__(self, app: Any, host: str = "127.0.0.1:7610") -> None:
        self.app = app
        self.host = host
        self.cookie = ""
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """End the loop and its threads."""
        self._runner.close()

    def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """One request; ``body`` is sent as JSON, ``raw`` as it is."""
        path, _, query = target.partition("?")
        given = {"host": self.host, **{k.lower(): v for k, v in (headers or {}).items()}}
        if self.cookie:
            given.setdefault("cookie", self.cookie)
        data = raw if raw is not None else b""
        if body is not None:
            data = msgspec.json.encode(body)
        if body is not None or raw is not None:
            given.setdefault("content-type", "application/json")
            given.setdefault("content-length", str(len(data)))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": _unquoted(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items()],
            "client": ("127.0.0.1", 40000),
            "server": ("127.0.0.1", 7610),
            "state": {},
        }
        return self._runner.run(_asked(self.app, scope, data))

    def get(self, target: str, **headers: str) -> Reply:
        """GET below ``/api/v1``; an underscore in a header's name is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("GET", V1 + target, headers=named)

    def json(self, target: str) -> Any:
        """The JSON of a GET that succeeds."""
        reply = self.get(target)
        assert reply.status == 200, reply.body
        return reply.json()

    def send(self, method: str, target: str, body: Any = None) -> Reply:
        """A change below ``/api/v1``."""
        return self.ask(method, V1 + target, body)


async def _asked(app: Any, scope: dict[str, Any], data: bytes) -> Reply:
    sent = False
    status, headers, parts, done = 0, {}, [], asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await done.wait()
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {k.decode().lower(): v.decode("latin-1") for k, v in message["headers"]}
        else:
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                done.set()

    await app(scope, receive, send)
    return Reply(status, headers, b"".join(parts))


def _unquoted(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)


# -- a store -----------------------------------------------------------------------------------


def fill(root: Path) -> dict[str, str]:
    """A few runs of two projects; gives their ids by name."""
    ids = {}
    for n, lr in enumerate((0.1, 0.01)):
        with init(
            "vision/a b",
            name=f"run {n}",
            config={"optim": {"lr": lr}, "same": 7, "layers": [1, 2]},
            tags=["baseline", f"team={n}"],
            group="sweep",
            hypothesis="less is more",
            store=root,
            capture=False,
        ) as run:
            ids[run.name] = run.id
            run.define_metric("val/acc", goal="max", unit="%")
            for step in range(100):
                run.log({"loss": 1 / (step + 1) + n, "lr": lr}, step=step)
            run.log({"val/acc": 0.5 + n / 10}, step=99)
            run.log({"odd": float("nan")}, step=0)
            run.note("a first <b>look</b>")
    with init("other", name="media", store=root, capture=False) as run:
        ids["media"] = run.id
        run.log_text("sample", "a cat <script>alert(1)</script>", step=3)
        rows = [[k, f"name {k}", k / 3 if k else float("nan")] for k in range(2500)]
        run.log_table("table", columns=["id", "name", "score"], data=rows, step=3)
        run.log({"image": Image(np.zeros((4, 4, 3)), caption="<i>"), "page": Html("<p>x")}, step=3)
        folder = root.parent / "files"
        (folder / "sub").mkdir(parents=True, exist_ok=True)
        (folder / "evil.html").write_text("<script>alert(1)</script>")
        (folder / "big.bin").write_bytes(bytes(range(256)) * 1000)
        (folder / "sub" / "table.csv").write_text("id,name\n1,a\n2,b\n")
        (folder / "sub" / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        run.log_artifact(folder, name="data/set", type="dataset", aliases=["best"])
    return ids


def print_lines(run_dir: Path, count: int) -> None:
    """A console with so many lines, every tenth on stderr, and a line that changes."""
    transcript = Transcript(run_dir / "w0.console.zst")
    time = 1_700_000_000_000_000
    for n in range(count):
        time += 1000
        transcript.feed("e" if n % 10 == 3 else "o", f"\x1b[3{n % 8}mline\x1b[0m {n} Größe\n", time)
        if n % 50 == 0:
            transcript.feed("o", f"\rprogress {n}", time)
            transcript.flush(time)
    transcript.flush(time + 10_000_000, everything=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "store"


_FILLED: dict[str, Any] = {}
"""A store that was filled once; tests get copies."""


@pytest.fixture
def ids(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The runs in the store."""
    if not _FILLED:
        made = tmp_path_factory.mktemp("filled") / "store"
        _FILLED.update(ids=fill(made), store=made)
    shutil.copytree(_FILLED["store"], root)
    found: dict[str, str] = _FILLED["ids"]
    return dict(found)


@pytest.fixture
def api(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The store, opened; each read takes in what is new."""
    monkeypatch.setattr("notabene.api.door.FRESH", -1.0)
    with Api.make(root) as api:
        yield api


@pytest.fixture
def make_visitor(api: Api, tmp_path: Path) -> Iterator[Any]:
    """Makes visitors of servers over the store, started in one way or another."""
    made: list[Visitor] = []

    def make(*, session: Session | None = None, announce: Any = None, **options: Any) -> Visitor:
        notebook = Notebook(api)
        chosen = Options(token=session is not None, port=7610, **options)
        guard = Guard(
            Routes(notebook, Feed(notebook), chosen),
            Pages(chosen.base_path, tmp_path / "static"),
            chosen,
            session=session,
            user="ada",
            announce=announce,
        )
        made.append(Visitor(guard))
        return made[-1]

    yield make
    for visitor in made:
        visitor.close()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and "AnyIO" in thread.name:
            thread.join(5)


@pytest.fixture
def visitor(ids: dict[str, str], make_visitor: Any) -> Visitor:
    """A visitor of a server without token over the store with runs."""
    made: Visitor = make_visitor()
    return made


@pytest.fixture
def lab(root: Path) -> Lab:
    """Writes runs as processes do that are still at work."""
    return Lab(root)
