"""Stores of blobs, clocks that can be set, and disks that fill up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notabene.artifacts import files, gc, packs, trash, versions
from notabene.artifacts.local import LocalBlobs

SOURCE = Path(files.__file__).parents[2]


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[LocalBlobs]:
    """An empty store."""
    with LocalBlobs(tmp_path / "blobs") as store:
        yield store


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A call that sets the clock of all modules forward by so many days."""

    def forward(days: float) -> None:
        def now() -> int:
            return round(files.now_us() + days * 86_400e6)

        for module in (packs, trash, versions, gc):
            monkeypatch.setattr(module, "now_us", now)

    return forward


class Script:
    """A Python program that runs in a process of its own, with notabene to import."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(
        self, code: str, *args: object, prefix: tuple[str, ...] = ()
    ) -> subprocess.Popen[str]:
        """Start it; its output is a pipe of lines."""
        path = self.folder / f"script-{len(list(self.folder.glob('script-*')))}.py"
        path.write_text(textwrap.dedent(code))
        command = [*prefix, sys.executable, str(path), *map(str, args)]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )

    def run(self, code: str, *args: object, prefix: tuple[str, ...] = ()) -> str:
        """Run it to its end; gives what it printed, and fails where it fails."""
        process = self.start(code, *args, prefix=prefix)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out.strip()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Runs programs."""
    return Script(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """The beginning of a command line that mounts a small disk of its own on a folder.

    Skips where the system lets nobody do so.
    """
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("mounting a small disk needs Linux and unshare")
    flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
    probe = ["unshare", *flags, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this system does not let us mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()

    def prefix(options: str) -> tuple[str, ...]:
        mount = f'mount -t tmpfs -o {options} tmpfs {disk} && exec "$@"'
        return ("unshare", *flags, "sh", "-c", mount, "sh")

    return prefix
