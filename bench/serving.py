"""Servers that are measured: started, asked, weighed, stopped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import psutil


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Server:
    """A server in processes of its own.

    Args:
        command: What starts it; ``{port}`` in it is replaced.
        env: Its environment.
        cwd: Its folder.
        ready: The path that answers once it works.
        limit: Seconds it may take to start.

    Attributes:
        url: Where it answers.
        started: ``wall_s`` and ``cpu_s`` from the command to the first answer.
    """

    def __init__(
        self,
        command: list[str],
        env: dict[str, str],
        cwd: Path,
        *,
        ready: str = "/",
        limit: float = 120,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = open(cwd / "server.log", "ab")
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            [part.replace("{port}", str(self.port)) for part in command],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            process_group=0,
        )
        self._wait(ready, begun + limit)
        self.started = {"wall_s": time.perf_counter() - begun, "cpu_s": self.cpu()}

    def _wait(self, path: str, until: float) -> None:
        while True:
            try:
                if self.get(path)[0] < 500:
                    return
            except (OSError, http.client.HTTPException):
                pass
            if self._process.poll() is not None or time.perf_counter() > until:
                log = Path(self._log.name).read_text(errors="replace")[-2000:]
                self.close()
                raise RuntimeError(f"the server did not start: {log}")
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End it and all that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()

    def _all(self) -> list[psutil.Process]:
        try:
            main = psutil.Process(self._process.pid)
            return [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu(self) -> float:
        """Seconds of CPU so far, of all its processes."""
        total = 0.0
        for one in self._all():
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
        return total

    def memory(self) -> tuple[float, int]:
        """Resident megabytes, and in how many processes; shared pages count once each."""
        sizes = [one.memory_info().rss for one in self._all()]
        return sum(sizes) / 1e6, len(sizes)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of a GET."""
        return self.ask("GET", path, None, headers)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of a request; a body is sent as JSON."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            data = None if body is None else json.dumps(body).encode()
            given = {"Content-Type": "application/json"} if data is not None else {}
            link.request(method, path, data, given | (headers or {}))
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()


def notabene(env: dict[str, str], base: Path) -> Server:
    """Our server with its defaults, but open to this machine without a token."""
    command = [sys.executable, "-m", "notabene", "serve", "--port", "{port}"]
    return Server([*command, "--no-token", "--no-open"], env, base, ready="/health")
