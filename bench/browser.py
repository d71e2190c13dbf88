"""A browser in a process of its own, asked by lines of JSON; see ``web/bench/measure.mjs``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

import psutil

WEB = Path(__file__).resolve().parent.parent / "web"


def missing() -> str:
    """What is missing for pages to be measured, in words; empty where nothing is."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (WEB / "node_modules" / "@playwright").is_dir():
        return "web/node_modules is not there: make web"
    if not Path(chromium()).exists():
        return f"there is no {chromium()}: name a Chromium in NOTABENE_CHROMIUM"
    return ""


def chromium() -> str:
    """Where the browser is."""
    return os.environ.get("NOTABENE_CHROMIUM", "/usr/bin/chromium")


class BrowserError(RuntimeError):
    """A measurement in the browser failed."""


class Browser:
    """Chromium without a window, by Playwright."""

    def __init__(self) -> None:
        env = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        self._process = subprocess.Popen(
            ["node", str(WEB / "bench" / "measure.mjs")],
            cwd=WEB,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            for one in psutil.Process(self._process.pid).children(recursive=True):
                one.kill()
            self._process.kill()
            self._process.wait()

    def ask(self, what: str, **given: Any) -> dict[str, Any]:
        """The answer to a command.

        Raises:
            BrowserError: It failed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError("the browser ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer
