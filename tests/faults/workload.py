"""Programs that log and are hurt; run as ``python workload.py CASE FOLDER ...`` by the tests.

What was acknowledged is counted in a mapped file beside the run, which outlives any kill: each
thread of each process has a slot there and stores ``i + 1`` once ``row()`` has returned for
row ``i``. Values follow from the slot and the row, so that the test knows them.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import mmap
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

SLOTS = 64
COUNT = struct.Struct("<Q")


def value_of(slot: int, i: int) -> float:
    """What slot logs in its row i; not exact in float32."""
    return slot * 1e6 + i + 0.1


def keys_of(slot: int, i: int) -> tuple[str, ...]:
    """Names of the row: every 97 rows a set of keys that was never seen before."""
    return (f"s{slot}/a",) if i % 97 else (f"s{slot}/a", f"s{slot}/new{i}")


class Counters:
    """The counts of acknowledged rows, shared with the test."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(SLOTS * COUNT.size))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), SLOTS * COUNT.size)

    def set(self, slot: int, value: int) -> None:
        """Acknowledge rows up to value."""
        COUNT.pack_into(self._map, slot * COUNT.size, value)

    def all(self) -> list[int]:
        """Counts of all slots."""
        return [value for (value,) in COUNT.iter_unpack(self._map[:])]

    def close(self) -> None:
        """Unmap."""
        self._map.close()


def make_writer(folder: Path, name: str = "w1", **options):
    """A writer of the run in this folder, with its ring beside the journal."""
    from notabene.journal.segment import Header
    from notabene.journal.writer import Writer
    from notabene.model.records import WriterStarted

    given = {"ring_places": [folder], "spill": [], "warn": say, "define": tuple, **options}
    header = Header(file_id=b"", kind="run", writers=(name,), run=folder.name, pid=os.getpid())
    writer = Writer(folder / f"{name}.journal", header, **given)
    writer.start()
    writer.record(WriterStarted(pid=os.getpid()))
    return writer


def say(code: str, text: str) -> None:
    """Warnings go to stderr, one line each."""
    sys.stderr.write(f"[{code}] {text}\n")


def tell(**found: object) -> None:
    """One line of JSON for the test, in one write."""
    os.write(1, json.dumps(found).encode() + b"\n")


def hurry() -> None:
    """Make what happens seldom happen all the time: ticks, syncs, new segments."""
    from notabene.journal import ring, sync, writer

    ring.FIRST_SEGMENT = ring.LARGEST_SEGMENT = 32 << 10
    writer.TICK = 0.004
    writer.SYNC_EVERY = sync.SYNC_EVERY = 0.05
    writer.BEAT_EVERY = 0.05
    sys.setswitchinterval(0.0002)


def log_rows(writer, counters: Counters, slot: int, rows: int, pause: float = 0.0) -> None:
    """Log rows and acknowledge each."""
    for i in range(rows):
        writer.row(dict.fromkeys(keys_of(slot, i), value_of(slot, i)), i)
        counters.set(slot, i + 1)
        if pause and i % 50 == 0:
            time.sleep(pause)


def counters_of(folder: Path) -> Counters:
    """The counters that the test looks at."""
    return Counters(folder.parent / "counters")


def on_journal(name: str, instead: Callable) -> None:
    """Replace a call of ``os`` where it is about a journal: ``instead(real, fd, *args)``."""
    real = getattr(os, name)

    def call(fd, *args):
        try:
            path = os.readlink(f"/proc/self/fd/{fd}")
        except (OSError, TypeError, ValueError):
            path = ""
        return instead(real, fd, *args) if path.endswith(".journal") else real(fd, *args)

    setattr(os, name, call)


def fail(number: int) -> None:
    """Raise as a system call does."""
    raise OSError(number, os.strerror(number))


# -- killed --------------------------------------------------------------------------------


def forever(folder: Path, seed: str) -> None:
    """Two threads and a forked child log until all are killed."""
    draw = random.Random(seed)
    if draw.random() < 0.5:
        import numpy  # noqa: F401  (blocks instead of packed rows)
    hurry()
    counters = counters_of(folder)
    writer = make_writer(folder)
    pause = draw.choice((0.0, 0.001))
    for slot in (0, 1):
        arguments = (writer, counters, slot, 1 << 40, pause)
        threading.Thread(target=log_rows, args=arguments).start()
    time.sleep(draw.random() * 0.05)
    child = os.fork()
    if child == 0:
        writer.abandon()
        log_rows(make_writer(folder, "w2"), counters, 2, 1 << 40, pause)
    tell(child=child)
    signal.pause()


def stopped(folder: Path) -> None:
    """Log until killed, one row at a time; for being stopped and continued."""
    hurry()
    log_rows(make_writer(folder), counters_of(folder), 0, 1 << 40, 0.0005)


def at_byte(folder: Path, first: str, last: str, step: str) -> None:
    """For each k: a forked child that is killed when the journal has got its k-th byte."""
    hurry()
    import notabene.journal.writer  # noqa: F401  (imported once, not in each child)

    for k in range(int(first), int(last), int(step)):
        place = folder / f"k{k}"
        place.mkdir()
        if os.fork() == 0:
            _die_at_byte(place, k)
        os.wait()
    tell(done=True)


def _die_at_byte(folder: Path, k: int) -> None:
    written = 0

    def write(real, fd, data):
        nonlocal written
        if written + len(data) >= k:
            real(fd, bytes(data)[: k - written])
            os.kill(os.getpid(), signal.SIGKILL)
        written += len(data)
        return real(fd, data)

    on_journal("write", write)
    counters = Counters(folder / "counters")
    try:
        log_rows(make_writer(folder), counters, 0, 1 << 40)
    finally:
        os._exit(3)


# -- ends of other kinds -------------------------------------------------------------------


def ends(folder: Path, how: str) -> None:
    """Log, then end in one of many ways."""
    counters = counters_of(folder)
    writer = make_writer(folder)
    log_rows(writer, counters, 0, 500)
    if how == "_exit":
        os._exit(7)
    if how == "segfault":
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.string_at(0)
    if how == "abort":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.abort()
    if how == "exec":
        os.execv("/bin/true", ["true"])
    if how == "memory":
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (300 << 20, most))
        try:
            hog = [bytearray(1 << 20) for _ in range(1000)]
        except MemoryError:
            hog = []
        log_rows(writer, counters, 1, 2000)
        tell(closed=writer.close(), hog=len(hog))


# -- disks ---------------------------------------------------------------------------------


def full_disk(folder: Path, small: str, heals: str) -> None:
    """Log to a disk that fills up; this process is in a mount namespace of its own."""
    hurry()
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={small}", "none", disk], check=True)
    run = disk / "run1"
    run.mkdir()
    counters = Counters(disk / "counters")
    writer = make_writer(run, ring_places=[run] if heals == "never-ring" else [folder])
    log_rows(writer, counters, 0, 4000)
    (disk / "filler").write_bytes(b"") if heals != "never" else None
    log_rows_from(writer, counters, 1, 20_000)
    if heals == "yes":
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
    kept = writer.close()
    shipped = folder / "shipped"
    shipped.mkdir()
    for path in run.iterdir():
        (shipped / path.name).write_bytes(path.read_bytes())
    tell(kept=kept, lost=writer.ring.lost, acked=counters.all()[:2], names=sorted(os.listdir(run)))


log_rows_from = log_rows


CASES = {
    "at_byte": at_byte,
    "ends": ends,
    "forever": forever,
    "full_disk": full_disk,
    "stopped": stopped,
}

if __name__ == "__main__":
    CASES[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
