"""A real server in a process of its own: start, live feed, signals, ports."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from notabene.api import Api
from notabene.errors import ConflictError, UsageError
from notabene.server.serving import PORT, Plan, Server, listen
from notabene.tracking.init import init

PATIENCE = 30.0
"""Seconds after which something that should have come counts as missing."""


class Program:
    """``notabene serve`` in a process of its own.

    Args:
        store: The store.
        words: Further words of the command line.
    """

    def __init__(self, store: Path, *words: str, verb: str = "serve", **variables: str) -> None:
        command = [sys.executable, "-m", "notabene", verb, "--store", str(store), *words]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        )
        self.lines: list[str] = []
        self.told = threading.Event()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,))
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            self.lines.append(line)
            if "http://" in line:
                self.told.set()

    @property
    def text(self) -> str:
        """All that it printed."""
        return "".join(self.lines)

    def address(self) -> tuple[str, int, str]:
        """Host, port and path of the address that it printed last."""
        assert self.told.wait(PATIENCE), self.text
        host, port, path = re.findall(r"http://([^:/\s]+|\[.*?\]):(\d+)(/\S*)", self.text)[-1]
        return host, int(port), path

    def ask(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """GET from it."""
        return ask(self.address()[1], path, **headers)

    def events(self, cursor: str = "", **headers: str) -> Events:
        """Its live feed."""
        return Events(self.address()[1], cursor, **headers)

    def end(self, sig: int = signal.SIGTERM) -> int:
        """Send a signal; gives the exit code."""
        self.process.send_signal(sig)
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join()
        return code

    def close(self) -> None:
        """Make sure that nothing is left."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def ask(port: int, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """GET from a server on this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read(), dict(reply.getheaders())
    finally:
        connection.close()


class Events:
    """Events of a live feed, one after the other."""

    def __init__(self, port: int, cursor: str = "", **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._connection.request("GET", f"/api/v1/events?cursor={cursor}", headers=headers)
        self.reply = self._connection.getresponse()
        assert self.reply.status == 200

    def next(self) -> tuple[str, str, Any]:
        """Name, id and data of the next event."""
        found: dict[str, str] = {}
        while True:
            line = self.reply.readline().decode()
            assert line, "the feed has ended"
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                found[name] = value
            elif "data" in found:
                return found["event"], found.get("id", ""), msgspec.json.decode(found["data"])

    def close(self) -> None:
        """Go away."""
        self.reply.close()
        self._connection.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one run."""
    with init("p", name="first", store=tmp_path / "store", capture=False) as run:
        run.log({"loss": 1.0})
    return tmp_path / "store"


@pytest.fixture
def start(store: Path) -> Iterator[Any]:
    """Starts servers, ends them."""
    started: list[Program] = []

    def begin(*words: str, **more: Any) -> Program:
        started.append(Program(store, "--port", "0", *words, **more))
        return started[-1]

    yield begin
    for program in started:
        program.close()


class TestALife:
    """From the start to the end."""

    @pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
    def test_it_serves_until_a_signal(self, start, sig):
        """It prints its address, answers, tells clients of the feed goodbye, and exits with 0."""
        program = start("--no-token")
        status, body, _ = program.ask("/health")
        assert (status, msgspec.json.decode(body)["status"]) == (200, "ok")
        events = program.events()
        assert events.next()[0] == "change"
        code = program.end(sig)
        assert events.next()[0] == "bye"
        events.close()
        assert code == 0, program.text
        assert "Traceback" not in program.text

    def test_the_link(self, start):
        """The printed link lets in once; the next one is printed; a session outlives the server."""
        program = start()
        assert program.ask("/api/v1/runs")[0] == 401
        path = program.address()[2]
        assert re.fullmatch(r"/\?token=[\w-]{20,}", path)
        status, _, headers = program.ask(path)
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"].split(";")[0]
        assert program.ask("/api/v1/runs", Cookie=cookie)[0] == 200
        assert program.ask(path)[0] == 401
        deadline = time.monotonic() + PATIENCE
        while program.address()[2] == path and time.monotonic() < deadline:
            time.sleep(0.05)
        assert program.ask(program.address()[2])[0] == 303
        port = program.address()[1]
        program.end()
        again = start("--port", str(port))
        assert again.ask("/api/v1/runs", Cookie=cookie)[0] == 200

    def test_a_token_from_the_environment(self, start):
        """``NOTABENE_TOKEN`` is what programs send; over SSH the line for a tunnel is printed."""
        ssh = "10.0.0.9 5 10.0.0.1 2222"
        program = start(
            "--no-open", verb="ui", NOTABENE_TOKEN="mine", SSH_CONNECTION=ssh, USER="ada"
        )
        assert program.ask("/api/v1/server", Authorization="Bearer mine")[0] == 200
        assert program.ask("/api/v1/server", Authorization="Bearer other")[0] == 401
        port = program.address()[1]
        assert program.end() == 0
        assert f"ssh -p 2222 -N -L {port}:127.0.0.1:{port} ada@10.0.0.1" in program.text


@pytest.fixture
def served(store: Path) -> Iterator[Server]:
    """A server in a thread of this process."""
    ready = threading.Event()
    server = Server(Api(store), Plan(port=0, token=False), lambda _: None)
    thread = threading.Thread(target=server.run, args=(lambda _: ready.set(),))
    thread.start()
    assert ready.wait(PATIENCE)
    yield server
    server.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()


class TestTheFeed:
    """What changes, told to who listens."""

    def test_what_another_process_logs(self, served, store):
        """A run is told of while it logs, and the number is there when asked for."""
        events = Events(served.port)
        events.next()
        with init("p", name="second", store=store, capture=False) as run:
            for step in range(5):
                run.log({"loss": step / 10}, step=step)
            run.flush()
            while (run.id, 5) not in self.grown(events):
                pass
            path = f"/api/v1/runs/{run.id}/history?key=loss"
            status, body, _ = ask(served.port, path)
            assert status == 200
            assert len(msgspec.json.decode(body)["series"][0]["values"]) == 5
        events.close()

    def changed(self, events):
        """Ids of what the next event names."""
        return {name for name, _ in self.grown(events)}

    def grown(self, events):
        """Ids of what the next event names, and how many points runs have by now."""
        name, cursor, data = events.next()
        assert name == "change"
        assert cursor == data["cursor"]
        return {(change["id"], change["points"]) for change in data["changes"]}

    def test_who_was_away_is_told_what_it_missed(self, served, store):
        """By the cursor in the address, and by the id of the last event."""
        events = Events(served.port)
        _, cursor, first = events.next()
        assert first["changes"] == []
        events.close()
        with init("p", name="while away", store=store, capture=False) as run:
            run.log({"loss": 1.0})
        for asked, headers in ((cursor, {}), ("", {"Last-Event-ID": cursor})):
            events = Events(served.port, asked, **headers)
            while run.id not in self.changed(events):
                pass
            events.close()

    def test_another_life_of_the_index(self, served):
        """A cursor that is not known says: read everything again."""
        events = Events(served.port, "another-life:7")
        _, _, data = events.next()
        assert data["reload"] is True
        events.close()
        status, body, _ = ask(served.port, "/api/v1/changes?cursor=nonsense")
        assert (status, msgspec.json.decode(body)["reload"]) == (200, True)


class TestKeeping:
    """What the server does when nobody asks."""

    def test_runs_that_ended_are_compacted(self, store, monkeypatch):
        """As commands do at their end."""
        sealed = threading.Event()
        monkeypatch.setattr("notabene.server.serving.KEEP_EVERY", 0.05)
        monkeypatch.setattr("notabene.api.api.Api.seal", lambda *_, **__: sealed.set())
        server = Server(Api(store), Plan(port=0, token=False), lambda _: None)
        thread = threading.Thread(target=server.run)
        thread.start()
        assert sealed.wait(PATIENCE)
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


class TestPorts:
    """Where it listens."""

    def test_a_port_that_is_taken(self, store):
        """A port that somebody asked for is not exchanged for another."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            with pytest.raises(ConflictError, match=f"port {port} is in use") as caught:
                listen("127.0.0.1", port)
            assert "--port" in caught.value.hint

    def test_the_next_free_one(self, monkeypatch):
        """Where nobody asked for one, the next one is taken; when all are, that is said."""
        first = listen("127.0.0.1", 0)
        port = first.getsockname()[1]
        monkeypatch.setattr("notabene.server.serving.PORT", port)
        monkeypatch.setattr("notabene.server.serving.NEXT", 1)
        with first, pytest.raises(ConflictError, match="in use"):
            listen("127.0.0.1", None)
        assert PORT == 7610

    def test_addresses_that_are_none(self):
        """They are told apart from ports that are taken."""
        with pytest.raises(UsageError, match="no address of this machine"):
            listen("203.0.113.1", 0)

    def test_what_is_printed(self, ids, api):
        """The address of the machine where it listens on all, brackets for IPv6, the base path."""
        plan = Plan(host="0.0.0.0", port=0, base_path="/notes", token=False)
        server = Server(api, plan, lambda _: None)
        try:
            name = re.escape(socket.gethostname())
            assert re.fullmatch(rf"http://{name}:\d+/notes/", server.address)
        finally:
            server._socket.close()
