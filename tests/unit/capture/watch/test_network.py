"""What a program reads from the network, and with whom it talks."""

from __future__ import annotations

import hashlib
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.unit.capture.watch.conftest import PYTHONS, Run

BODY = b"numbers\r\n" * 1000


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        if "chunked" in self.path:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(BODY), 1500):
                piece = BODY[at : at + 1500]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Where a small server listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


READS = [
    "urllib.request.urlopen(url).read()",
    "r = urllib.request.urlopen(url); [r.read(100) for _ in range(99)]",
    "list(urllib.request.urlopen(url))",
    "b = bytearray(20000); r = urllib.request.urlopen(url); [r.readinto(b) for _ in range(99)]",
    "urllib.request.urlretrieve(url, 'got')",
]


@pytest.mark.parametrize("python", [PYTHONS[0], PYTHONS[1], PYTHONS[-1]])
@pytest.mark.parametrize("path", ["plain", "chunked"])
@pytest.mark.parametrize("read", READS)
def test_answers_are_seen(run: Run, port: int, read: str, path: str, python: str):
    """Each answer is told of once, with its digest, and without the secrets of its address."""
    code = f"import urllib.request\nurl = 'http://127.0.0.1:{port}/{path}?v=1&token=abcsekret'\n"
    told = run(code + read, python=python, env={"no_proxy": "*"})
    assert (told.code, told.err) == (0, "")
    address = f"http://127.0.0.1:{port}/{path}?v=1&token=[hidden]"
    digest = hashlib.sha256(BODY).hexdigest()
    assert [event[:4] for event in told.of("fetched")] == [[address, 200, len(BODY), digest]]
    assert told.of("fetched")[0][5] == 3
    assert told.of("host")[0][:2] == ["127.0.0.1", str(port)]
    assert "abcsekret" not in told.raw


CLIENTS = [
    ("httpx", "import httpx\nhttpx.get(url).text"),
    ("httpx", "import httpx\nwith httpx.stream('GET', url) as r: list(r.iter_lines())"),
    (
        "httpx",
        "import httpx, asyncio\nasync def go():\n"
        "  async with httpx.AsyncClient() as c: return (await c.get(url)).content\n"
        "asyncio.run(go())",
    ),
    (
        "aiohttp",
        "import aiohttp, asyncio\nasync def go():\n"
        "  async with aiohttp.ClientSession() as c:\n"
        "    async with c.get(url) as r: await r.text(); await r.read()\nasyncio.run(go())",
    ),
    ("requests", "import requests\nrequests.get(url).content"),
    ("pandas", "import pandas\npandas.read_csv(url)"),
]


@pytest.mark.parametrize(("library", "read"), CLIENTS)
def test_answers_to_clients_are_seen(run: Run, port: int, library: str, read: str):
    """Those that have answers of their own, and those that read through others."""
    pytest.importorskip(library)
    told = run(f"url = 'http://127.0.0.1:{port}/plain'\n{read}\n", env={"no_proxy": "*"})
    assert told.code == 0, told.err
    digest = hashlib.sha256(BODY).hexdigest()
    address = f"http://127.0.0.1:{port}/plain"
    assert [event[:4] for event in told.of("fetched")] == [[address, 200, len(BODY), digest]]
    assert told.of("fetched")[0][4].endswith("train.py")


SOCKETS = [
    "s = socket.create_connection(('127.0.0.1', port))\nwhile s.recv(700): pass",
    "s = socket.socket()\ns.connect(('localhost', port))\ns.makefile('rb').read()",
    "b = bytearray(999)\nwith socket.create_connection(('127.0.0.1', port)) as s:\n"
    "  while s.recv_into(b): pass",
]


class _Teller(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(BODY)


@pytest.mark.parametrize("python", [PYTHONS[0], PYTHONS[1], PYTHONS[-1]])
@pytest.mark.parametrize("read", SOCKETS)
def test_what_plain_sockets_give_is_seen(run: Run, read: str, python: str):
    """A program that speaks a protocol of its own."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Teller) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.server_address[1]
        told = run(f"import socket\nport = {port}\n{read}\n", python=python)
        server.shutdown()
        thread.join()
    assert (told.code, told.err) == (0, "")
    ((address, status, size, digest, *_),) = told.of("fetched")
    assert address in (f"tcp://127.0.0.1:{port}", f"tcp://localhost:{port}")
    assert (status, size, digest) == (0, len(BODY), hashlib.sha256(BODY).hexdigest())


def test_what_is_told_to_others_is_no_read(run: Run, port: int, tmp_path):
    """What a tracker answers is nothing that results hang on."""
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "mlflow.py").write_text(
        "import urllib.request\ndef log_metric(url): urllib.request.urlopen(url).read()\n"
    )
    code = f"import mlflow\nmlflow.log_metric('http://127.0.0.1:{port}/plain')\n"
    told = run(code, env={"PYTHONPATH": str(folder), "no_proxy": "*"})
    assert (told.code, told.err) == (0, "")
    assert not told.of("host")
    assert not told.of("fetched")


def test_connections_between_workers_are_nobody_s(run: Run):
    """A manager of multiprocessing is no host."""
    code = (
        "from multiprocessing.managers import BaseManager\n"
        "if __name__ == '__main__':\n"
        "    m = BaseManager(('127.0.0.1', 0), b'x'); m.start(); m.shutdown(); print('ok')\n"
    )
    told = run(code)
    assert told.out == "ok\n"
    assert not told.of("host")
