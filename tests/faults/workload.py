"""Programs that log and are hurt; run as ``python workload.py CASE FOLDER ...`` by the tests.

What was acknowledged is counted in a mapped file beside the run, which outlives any kill: each
thread of each process has a slot there and stores ``i + 1`` once ``row()`` has returned for
row ``i``. Values follow from the slot and the row, so that the test knows them.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import gc
import json
import mmap
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

SLOTS = 64
COUNT = 8
"""Bytes of a count."""


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
            path.write_bytes(bytes(SLOTS * COUNT))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), SLOTS * COUNT)
        # One aligned store per count: ``struct.pack_into`` fills the place with zeros first and
        # then goes byte by byte, so that a kill in between would leave a count of rows too few.
        self._counts = memoryview(self._map).cast("Q")

    def set(self, slot: int, value: int) -> None:
        """Acknowledge rows up to value."""
        self._counts[slot] = value

    def all(self) -> list[int]:
        """Counts of all slots."""
        return self._counts.tolist()

    def close(self) -> None:
        """Unmap."""
        self._counts.release()
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
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if how == "_exit":
        os._exit(7)
    if how == "segfault":
        faulthandler.disable()
        ctypes.string_at(0)
    if how == "abort":
        os.abort()
    if how == "exec":
        os.execv("/bin/sh", ["sh", "-c", "exit 5"])


def no_memory(folder: Path) -> None:
    """Log while there is hardly any memory left to be had."""
    hurry()
    counters = counters_of(folder)
    writer = make_writer(folder)
    log_rows(writer, counters, 0, 500)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (24 << 20), most))
    hog = []
    try:
        while True:
            hog.append(bytearray(256 << 10))
    except MemoryError:
        pass
    logged = 0
    for i in range(20_000):
        try:
            writer.row({"s1/a": value_of(1, i)}, i)
        except MemoryError:
            break
        logged = i + 1
        counters.set(1, logged)
    hog.clear()
    tell(closed=writer.close(), logged=logged)


def in_ranks(folder: Path, ranks: str) -> None:
    """Several processes log into one run; the test kills one of them."""
    hurry()
    counters = counters_of(folder)
    children = []
    for rank in range(int(ranks)):
        child = os.fork()
        if child == 0:
            writer = make_writer(folder, f"rank{rank}")
            log_rows(writer, counters, rank, 3000, 0.001)
            os._exit(0 if writer.close() else 1)
        children.append(child)
    tell(children=children)
    tell(codes=[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])


# -- processes and threads -----------------------------------------------------------------


def forks(folder: Path, times: str) -> None:
    """Fork over and over while two threads log and values hold the ring's lock."""
    hurry()
    counters = counters_of(folder)
    writer = make_writer(folder)
    stop = threading.Event()

    class Slow:
        """A value that takes its time, as one on a GPU does."""

        def __float__(self):
            time.sleep(0.0005)
            return 0.5

    def hold() -> None:
        while not stop.is_set():
            writer.row({"slow": Slow()}, None)

    holder = threading.Thread(target=hold)
    logger = threading.Thread(target=log_rows, args=(writer, counters, 0, 2000, 0.0005))
    holder.start()
    logger.start()
    codes = []
    for n in range(int(times)):
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            try:
                writer.abandon()
                gc.collect()
                if n % 4 == 0:
                    mine = make_writer(folder, f"c{n}")
                    log_rows(mine, counters, 1, 20)
                    os._exit(0 if mine.close() else 1)
            finally:
                os._exit(0)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        time.sleep(0.001)
    logger.join()
    stop.set()
    holder.join()
    tell(codes=codes, closed=writer.close())


def survived(folder: Path) -> None:
    """Leave a forked child behind that never logs, and be killed."""
    writer = make_writer(folder)
    log_rows(writer, counters_of(folder), 0, 300)
    child = os.fork()
    if child == 0:
        writer.abandon()
        tell(child=os.getpid())  # not the parent: the child may not have come this far
        time.sleep(60)
        os._exit(0)
    signal.pause()


def threads(folder: Path, count: str, rows: str) -> None:
    """Many threads log into one run."""
    hurry()
    counters = counters_of(folder)
    writer = make_writer(folder)
    at_work = [
        threading.Thread(target=log_rows, args=(writer, counters, slot, int(rows)))
        for slot in range(int(count))
    ]
    for thread in at_work:
        thread.start()
    for thread in at_work:
        thread.join()
    tell(closed=writer.close(), lost=writer.ring.lost)


def spawned(folder: Path, name: str = "w1") -> None:
    """Log, and start another process that does the same under its own name."""
    counters = counters_of(folder)
    writer = make_writer(folder, name)
    child = None
    if name == "w1":
        child = subprocess.Popen([sys.executable, __file__, "spawned", str(folder), "w2"])
    log_rows(writer, counters, int(name[1:]) - 1, 2000)
    code = 0 if child is None else child.wait()
    tell(closed=writer.close(), code=code)


def jumps(folder: Path) -> None:
    """Log while the clock jumps back by hours and forth by days."""
    hurry()
    from notabene.journal import ring

    offset, real = [0], time.time_ns
    ring.time_ns = lambda: real() + offset[0]
    writer = make_writer(folder)
    counters = counters_of(folder)
    for n, jump in enumerate((0, -7200, 86_400, 0, -10_000_000, 5)):
        offset[0] = jump * 1_000_000_000
        log_rows(writer, counters, n, 300, 0.0005)
    tell(closed=writer.close())


# -- disks ---------------------------------------------------------------------------------


def full_disk(folder: Path, ring: str, heals: str, room: str = "ring") -> None:
    """Log to a disk that is full; this process is in a mount namespace of its own."""
    hurry()
    from notabene.journal import ring as ring_module
    from notabene.journal import writer as writer_module

    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    run = disk / "run1"
    run.mkdir()
    if heals == "never" or room == "none":
        ring_module.CAPACITY = 256 << 10
        writer_module.PATIENCE = 0.05
    counters = counters_of(folder)
    writer = make_writer(run, ring_places=[run] if ring == "same" else [folder])
    log_rows(writer, counters, 0, 500)
    writer.flush()
    filler = open(disk / "filler", "wb", buffering=0)  # noqa: SIM115  (kept open on purpose)
    try:
        while True:
            filler.write(b"x" * 4096)
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017  (a child process, not a test)
    log_rows(writer, counters, 1, 20_000)
    if heals == "later":
        time.sleep(0.1)
        os.unlink(disk / "filler")
        filler.truncate(0)
    kept = writer.close()
    shipped = folder / "shipped"
    shipped.mkdir()
    for path in run.glob("*.journal"):
        (shipped / path.name).write_bytes(path.read_bytes())
    tell(kept=kept, lost=writer.ring.lost, journals=sorted(os.listdir(shipped)))


def limited(folder: Path, most: str) -> None:
    """Log where no file may be larger than a limit."""
    hurry()
    counters = counters_of(folder)
    # Segments of rings are files too: they get a place that fits.
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
    writer = make_writer(folder)
    log_rows(writer, counters, 0, 5000, 0.001)
    tell(closed=writer.close(), lost=writer.ring.lost)


def read_only(folder: Path, spill: str = "spill") -> None:
    """The disk of the journal can be written to no more, from one moment on."""
    hurry()
    counters = counters_of(folder)
    writer = make_writer(folder, spill=[folder / spill] if spill else [])
    log_rows(writer, counters, 0, 500)
    writer.flush()

    def write(real, fd, data):
        path = os.readlink(f"/proc/self/fd/{fd}")
        return real(fd, data) if "spill" in path else fail(errno.EROFS)

    on_journal("write", write)
    log_rows(writer, counters, 1, 500)
    tell(closed=writer.close())


def sync_fails(folder: Path, which: str, how: str = "") -> None:
    """The disk does not confirm: the second time, or ever, or it does not come back."""
    hurry()
    if how == "at once":  # by the thread that carries over, instead of one of its own
        from notabene.journal.sync import Syncer

        Syncer.ask = lambda self: self._file.sync()
    elif how == "in the old file":
        from notabene.journal.file import JournalFile

        JournalFile._renew = lambda self: setattr(self, "_suspect", False)
    calls = [0]

    def sync(real, fd):
        calls[0] += 1
        if which == "hangs":
            time.sleep(3600)
        if which == "always" or calls[0] == 2:
            fail(errno.EIO)
        return real(fd)

    on_journal("fdatasync", sync)
    counters = counters_of(folder)
    writer = make_writer(folder, sync=how != "never")
    for n in range(4):
        log_rows(writer, counters, n, 500, 0.003)
        time.sleep(0.06)
    begun = time.monotonic()
    closed = writer.close()
    tell(closed=closed, seconds=time.monotonic() - begun, synced=calls[0])
    os._exit(0)


def write_hangs(folder: Path) -> None:
    """The disk does not come back from a write."""
    hurry()
    counters = counters_of(folder)
    writer = make_writer(folder)
    log_rows(writer, counters, 0, 500)
    writer.flush()
    on_journal("write", lambda real, fd, data: time.sleep(3600))
    log_rows(writer, counters, 1, 5000)
    begun = time.monotonic()
    closed = writer.close(timeout=1.0)
    tell(closed=closed, seconds=time.monotonic() - begun)
    os._exit(0)


SYSCALLS = ("open", "write", "pwrite", "fdatasync", "fsync", "ftruncate", "posix_fallocate",
            "unlink", "dup", "fstat", "mmap", "flock", "thread", "scandir")  # fmt: skip


def each_call_fails(folder: Path, name: str, how: str = "") -> None:
    """For k = 1, 2 ...: a forked child whose k-th call of one kind fails, until none does."""
    hurry()
    import fcntl

    import notabene.journal.sync
    import notabene.journal.writer  # noqa: F401  (imported once, not in each child)

    owner = {"mmap": mmap, "flock": fcntl, "thread": threading.Thread}.get(name, os)
    call = {"thread": "start"}.get(name, name)
    outcome = []
    for k in range(1, 60):
        place = folder / f"{name}{k}"
        place.mkdir()
        child = os.fork()
        if child == 0:
            code = 9
            try:
                code = _with_failing(place, owner, call, k, careless=how == "careless")
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        outcome.append(code)
        if code == 0:
            break
    tell(outcome=outcome)


class Careless:
    """Writes each row with a call of its own, and expects that nothing goes wrong."""

    class ring:
        lost = 0

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / "w1.journal", os.O_CREAT | os.O_WRONLY)

    def row(self, data, step) -> None:
        """Write it down."""
        os.write(self._fd, json.dumps([step, data]).encode())

    def close(self) -> bool:
        """Nothing waits."""
        return True


def _with_failing(folder: Path, owner, call: str, k: int, *, careless: bool) -> int:
    """0 when no call failed any more, 1 when one did, 2 when no writer could be made."""
    real, left = getattr(owner, call), [k]

    def failing(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            if owner is threading.Thread:
                raise RuntimeError("can't start new thread")
            fail(errno.ENOSPC if call in ("write", "pwrite", "posix_fallocate") else errno.EIO)
        return real(*args, **kwargs)

    counters = Counters(folder / "counters")
    if call == "mmap":  # a class, and asked for as one

        class Failing(mmap.mmap):
            def __new__(cls, *args, **kwargs):
                return failing(*args, **kwargs)

        mmap.mmap = Failing
    else:
        setattr(owner, call, failing)
    try:
        writer = Careless(folder) if careless else make_writer(folder)
    except OSError:
        return 2
    for slot in (0, 1):
        log_rows(writer, counters, slot, 400, 0.001)
        time.sleep(0.06)
    writer.close()
    setattr(owner, call, real)
    counters.set(63, writer.ring.lost)
    return 0 if left[0] > 0 else 1


CASES = {
    case.__name__: case
    for case in (
        at_byte,
        each_call_fails,
        ends,
        forever,
        forks,
        full_disk,
        in_ranks,
        jumps,
        limited,
        no_memory,
        read_only,
        spawned,
        stopped,
        survived,
        sync_fails,
        threads,
        write_hangs,
    )
}

if __name__ == "__main__":
    CASES[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
