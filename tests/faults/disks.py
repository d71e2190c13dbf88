"""Training programs on a small disk of their own; run as ``python disks.py CASE FOLDER``.

The process is in a mount namespace, so whatever it mounts is its own; so the readers, which are
to see the same disk, are started from here.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    from workload import tell, value_of
else:
    from tests.faults.workload import tell, value_of

import notabene

ROWS = 20_000
READER = """
import json, sys
import notabene
if sys.argv[3:] == ["blind"]:
    from notabene.store.ingest import Ingest
    Ingest._project_rings = lambda self: None
with notabene.Api(sys.argv[1]) as api:
    view = api.run(sys.argv[2])
    found = {s: api.history(view.id, s).values.tolist() for s in view.metrics if s in ("s0", "s1")}
    print(json.dumps({"status": view.status, "health": [h.code for h in view.health], **found}))
"""


class Disk:
    """A tmpfs that can be filled to the last byte."""

    def __init__(self, folder: Path, size: str = "1m") -> None:
        self.path = folder / "disk"
        self.path.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size}", "none", self.path]
        subprocess.run(["mount", *options], check=True)
        self.filler = self.path / "filler"

    def fill(self) -> None:
        """Take all space that is left."""
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017  (a child process, not a test)

    def free(self) -> None:
        """Give the space back."""
        self.filler.unlink()


def seen(store: Path, run: str, how: str = "") -> dict:
    """What a reader in a process of its own finds of a run."""
    command = [sys.executable, "-c", READER, str(store), run, *filter(None, [how])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def right(found: dict, slot: int) -> int:
    """How many values of a slot a reader found, if they are the first ones; else -1."""
    values = found.get(f"s{slot}", [])
    return len(values) if values == [value_of(slot, i) for i in range(len(values))] else -1


def log_rows(run, slot: int, rows: int) -> float:
    """Log rows; gives the longest that a call took."""
    worst = 0.0
    for i in range(rows):
        begun = time.perf_counter()
        run.log({f"s{slot}": value_of(slot, i)}, step=i)
        worst = max(worst, time.perf_counter() - begun)
    return worst


def fills(folder: Path, heals: str) -> None:
    """The disk fills up while the run goes on, for good or for a while."""
    disk = Disk(folder)
    store = disk.path / "store"
    run = notabene.init("p", store=store, capture=False)
    log_rows(run, 0, 500)
    run.flush()
    disk.fill()
    worst = log_rows(run, 1, ROWS)
    if heals == "later":
        time.sleep(0.6)
        disk.free()
    begun = time.monotonic()
    run.finish()
    took = time.monotonic() - begun
    blind = seen(store, run.id, "blind")
    found = seen(store, run.id)
    tell(worst=worst, took=took, status=found["status"], health=found["health"],
         rows=[right(found, 0), right(found, 1)], blind=right(blind, 1))  # fmt: skip


def flushes(folder: Path) -> None:
    """A program that flushes each epoch, on a disk that stays full."""
    disk = Disk(folder)
    run = notabene.init("p", store=disk.path / "store", capture=False)
    disk.fill()
    log_rows(run, 0, ROWS)
    run.flush()
    begun = time.monotonic()
    kept = [run.flush() for _ in range(10)]
    tell(kept=any(kept), took=time.monotonic() - begun)


def artifact(folder: Path, how: str) -> None:
    """There is room for numbers, and not for an artifact."""
    disk = Disk(folder)
    store = disk.path / "store"
    large = folder / "large.bin"
    large.write_bytes(os.urandom(2 << 20))
    run = notabene.init("p", store=store, capture=False)
    log_rows(run, 0, 500)
    if how == "half":
        with contextlib.suppress(OSError):
            (run.blobs.root / "ab").mkdir(parents=True)
            (run.blobs.root / "ab" / ("cd" * 31)).write_bytes(large.read_bytes())
    version = run.log_artifact(large, name="large").version
    log_rows(run, 1, 500)
    run.finish()
    found = seen(store, run.id)
    files = [p for p in (store / "blobs").rglob("*") if p.is_file() and p.stat().st_size > 100_000]
    tell(version=version, status=found["status"], health=found["health"],
         rows=[right(found, 0), right(found, 1)], left=[p.name for p in files])  # fmt: skip


def begins(folder: Path, how: str) -> None:
    """The disk is full, or may only be read, when the run begins."""
    disk = Disk(folder)
    store = disk.path / "store"
    if how == "full":
        disk.fill()
    elif how == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", disk.path], check=True)
    elif how == "nowhere":
        os.environ["TMPDIR"] = str(disk.path)
        disk.fill()
    run = notabene.init("p", store=store, config={"lr": 0.1})
    log_rows(run, 0, 500)
    run.finish()
    other = None if run.folder is None else run.folder.root
    found = {} if other is None else seen(other, run.id)
    tell(elsewhere=str(other), rows=right(found, 0), status=found.get("status"))


CASES = {case.__name__: case for case in (artifact, begins, fills, flushes)}

if __name__ == "__main__":
    CASES[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
