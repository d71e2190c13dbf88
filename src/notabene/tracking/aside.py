"""Hashing and keeping what a run reads in a process of its own.

To hash a file of 4 KB and keep it takes a thread 50 us, in which Python lets no other thread of
the process go on: a program that reads a folder of pictures would read them at a third of its
speed, or less. So from some files on a process of the lowest priority does it, which reads what
the run's processes leave in their folder (:mod:`notabene.capture.follow`). The decision:
docs/adr/0034-hashing-aside.md.

It is nobody's child, since a program may wait for any child of its own to end, and it is gone
when the process that began it is. Where there can be none, a thread does its work.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import msgspec

from notabene.artifacts.hashes import HashCache
from notabene.artifacts.local import LocalBlobs
from notabene.capture.follow import Follower
from notabene.capture.inputs import Inputs, Seen
from notabene.capture.part import FAILURES, Deadline
from notabene.capture.secrets import Redactor
from notabene.settings import environment

EVERY = 0.25
"""Seconds between its looks at what there is to do."""
LIVES = 1.0
"""Seconds between its looks whether the process that began it still lives."""
LONGER = 3.0
"""Seconds that its answer may take beyond the time it was given."""
_BEGIN = """# notabene: looks at the files that a run reads
import os, sys
if os.fork(): os._exit(0)
os.setsid()
os.nice(19)
sys.path += sys.argv[2:]
from notabene.tracking.aside import serve
serve(sys.argv[1])
"""
_WITHOUT = ("NOTABENE_", "PYTHON", "LD_PRELOAD", "DYLD_INSERT")


class Job(msgspec.Struct):
    """What it is to do.

    Attributes:
        owner: The process that began it.
        folder: Where the run's processes leave what they see.
        cache: The file of the digests that are known.
        secrets: Patterns of names that are secret.
        blobs, trash: Where contents are kept; empty: nowhere.
    """

    owner: int
    folder: str
    cache: str
    secrets: list[str]
    blobs: str = ""
    trash: str = ""


class Done(msgspec.Struct):
    """What it found, and the CPU time that took, in us."""

    seen: Seen
    cpu_us: int


class Aside:
    """The process, seen from the one that began it."""

    def __init__(self, job: Job) -> None:
        """Begin it.

        Raises:
            OSError: It cannot be begun.
        """
        environ = {k: v for k, v in environment().items() if not k.startswith(_WITHOUT)}
        environ["NOTABENE_OBSERVE"] = "0"
        command = [sys.executable, "-I", "-S", "-c", _BEGIN, msgspec.json.encode(job).decode()]
        self._process = subprocess.Popen(
            [*command, *_places()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=os.sep,
            env=environ,
        )
        self._patience = Deadline(0)
        if self._process.wait(10):
            self.close()
            raise OSError(f"{sys.executable} does not run here")

    @staticmethod
    def can_be() -> bool:
        """Whether there can be such a process here."""
        # The first process of a container is given all that are nobody's children; and what was
        # frozen into a program is no interpreter.
        frozen = getattr(sys, "frozen", False) or not sys.executable
        return os.name == "posix" and os.getpid() != 1 and not frozen

    @property
    def lives(self) -> bool:
        """Whether it is still at work: it says nothing before it is asked to end."""
        assert self._process.stdout is not None
        return not _says(self._process.stdout, 0)

    def ask(self, seconds: float) -> None:
        """Have it do what is left, and end.

        Args:
            seconds: That it has.
        """
        assert self._process.stdin is not None
        self._patience = Deadline(seconds + LONGER)
        with contextlib.suppress(OSError):  # it is gone
            self._process.stdin.write(b"%g\n" % seconds)
            self._process.stdin.flush()

    def answer(self) -> Done | None:
        """What it found; None where it said nothing in time, or something broken."""
        answer = self._process.stdout
        assert answer is not None
        data = bytearray()
        try:
            while _says(answer, self._patience.left()):
                piece = os.read(answer.fileno(), 1 << 20)
                if not piece:
                    return msgspec.msgpack.decode(data, type=Done)
                data += piece
        except (OSError, ValueError, msgspec.MsgspecError):
            pass
        finally:
            self.close()
        return None

    def close(self) -> None:
        """Let it end, whatever it does."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _says(pipe: IO[bytes], seconds: float) -> bool:
    """Whether there is something to be read, or an end, within some seconds."""
    asked = select.poll()  # a program may have more files open than `select.select` can count
    asked.register(pipe, select.POLLIN | select.POLLHUP)
    return bool(asked.poll(round(seconds * 1000)))


def _places() -> list[str]:
    """Where our own modules lie: nothing that the program may import comes from elsewhere."""
    modules = (sys.modules[name] for name in ("notabene", "msgspec"))
    return sorted({str(Path(str(one.__file__)).parents[1]) for one in modules})


def serve(words: str) -> None:
    """Be the process."""
    job = msgspec.json.decode(words, type=Job)
    orders = _Orders(job.owner)
    blobs = LocalBlobs(job.blobs, trash=Path(job.trash)) if job.blobs else None
    memory = HashCache(Path(job.cache))
    inputs = Inputs(memory, blobs, Redactor(job.secrets))
    follower = Follower(Path(job.folder), inputs)
    try:
        while not orders.came(EVERY):
            with contextlib.suppress(*FAILURES):
                follower.look(lambda: not orders.came(0))
        if orders.seconds is not None:
            deadline = Deadline(orders.seconds)
            with contextlib.suppress(*FAILURES):
                follower.look(lambda: not deadline.over())
    finally:
        memory.close()
        if blobs is not None:
            blobs.close()
    if orders.seconds is not None:
        done = Done(inputs.seen, time.process_time_ns() // 1000)
        with contextlib.suppress(OSError), open(1, "wb") as answer:
            answer.write(msgspec.msgpack.encode(done))


class _Orders:
    """What the process that began this one has said: to come to an end."""

    def __init__(self, owner: int) -> None:
        self.seconds: float | None = None
        self._owner = owner
        self._over = False
        self._next = 0.0

    def came(self, patience: float) -> bool:
        """Whether it is time to end, after so many seconds at most."""
        if not self._over and select.select([0], [], [], patience)[0]:
            self._over = True
            with contextlib.suppress(ValueError):
                self.seconds = float(os.read(0, 64))
        if not self._over and time.monotonic() >= self._next:
            self._next = time.monotonic() + LIVES
            # A child that it forked may hold the other end of the pipe.
            self._over = not _is_alive(self._owner)
        return self._over


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
