"""Running another program and listening to all it prints, for ``notabene run``.

Where our output is a terminal the program gets a terminal of its own (a pty), so that it shows
its bars and colours and asks its questions as ever; else it gets two pipes, so that stdout and
stderr stay apart. What it prints goes on to our own output unchanged, byte for byte.

Ends and signals: the exit code is the program's; signals sent to us are sent on to it; Ctrl-C
reaches it as it would without us, and we wait for what it makes of it; Ctrl-Z stops both.
"""

from __future__ import annotations

import codecs
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from notabene._ids import now_us
from notabene.capture.transcript import Stream, Transcript
from notabene.errors import NotFoundError, UsageError

FLUSH_EVERY = 0.5
LINGER = 0.5
"""Seconds to listen on after the program's end, to children of it that still print."""

_FORWARDED = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT")


class Outcome(NamedTuple):
    """How a program ended: its exit code, and the signal that ended it (0 for none)."""

    code: int
    signal: int

    @property
    def shell_code(self) -> int:
        """The code a shell reports: 128 + signal where a signal ended it."""
        return 128 + self.signal if self.signal else self.code

    @property
    def reason(self) -> str:
        """``exit code 3``, ``SIGKILL``, or nothing where all went well."""
        if self.signal:
            with suppress(ValueError):
                return signal.Signals(self.signal).name
            return f"signal {self.signal}"
        return f"exit code {self.code}" if self.code else ""


def pump(
    argv: Sequence[str],
    transcript: Transcript,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    tty: bool | None = None,
    on_start: Callable[[int], None] | None = None,
    on_tick: Callable[[], None] | None = None,
) -> Outcome:
    """Run a program to its end. To be called in the main thread, for the sake of signals.

    Args:
        argv: The program and its arguments.
        transcript: Takes what it prints; flushed each half second and at the end.
        env: Its environment; default is ours.
        cwd: Its working folder; default is ours.
        tty: Whether it gets a terminal; default is where our stdout is one.
        on_start: Called with its process id.
        on_tick: Called about each half second, on another thread.

    Raises:
        NotFoundError: There is no such program.
        UsageError: It cannot be started.
    """
    tty = sys.stdout.isatty() if tty is None else tty
    program = _Terminal(argv, env, cwd) if tty and os.name == "posix" else _Pipes(argv, env, cwd)
    listener = _Listener(transcript, on_tick)
    readers = [
        threading.Thread(target=listener.relay, args=source, daemon=True)
        for source in program.sources
    ]
    ticker = threading.Thread(target=listener.tick, daemon=True)
    with program.attached(), _forwarding(program):
        for thread in (*readers, ticker):
            thread.start()
        if on_start is not None:
            on_start(program.process.pid)
        code = program.wait()
        for thread in readers:
            thread.join(LINGER)
    listener.done.set()
    ticker.join()
    with listener.lock:
        transcript.flush(now_us(), everything=True)
    return Outcome(max(code, 0), max(-code, 0))


class _Listener:
    """Carries bytes from the program to our output and to the transcript."""

    def __init__(self, transcript: Transcript, on_tick: Callable[[], None] | None) -> None:
        self.lock = threading.Lock()
        self.done = threading.Event()
        self._transcript = transcript
        self._on_tick = on_tick

    def relay(self, source: int, target: int, stream: Stream) -> None:
        """Until the source ends."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        heard = True
        while True:
            try:
                data = os.read(source, 64 << 10)
            except OSError:  # a terminal whose other side was closed
                data = b""
            with self.lock:
                self._transcript.feed(stream, decoder.decode(data, not data), now_us())
            if not data:
                return
            # When our own reader has gone the program is told by the same broken pipe.
            heard = heard and _write(target, data)
            if not heard:
                os.close(source)
                return

    def tick(self) -> None:
        """Flush again and again."""
        while not self.done.wait(FLUSH_EVERY):
            with self.lock:
                self._transcript.flush(now_us())
            if self._on_tick is not None:
                self._on_tick()


def _write(target: int, data: bytes) -> bool:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            threading.Event().wait(0.01)
        except OSError:
            return False
    return True


class _Pipes:
    """A program whose stdout and stderr are pipes to us; its stdin is ours."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None
    ) -> None:
        self.process = _start(
            argv, env, cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        assert self.process.stdout is not None  # noqa: S101  (a pipe was asked for)
        assert self.process.stderr is not None  # noqa: S101
        self.sources: list[tuple[int, int, Stream]] = [
            (self.process.stdout.fileno(), 1, "o"),
            (self.process.stderr.fileno(), 2, "e"),
        ]

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Nothing to prepare."""
        yield

    def wait(self) -> int:
        """Exit code, or minus the signal."""
        return self.process.wait()

    def interrupt(self) -> None:
        """Ctrl-C came. From our terminal it has reached the program as well, in our group."""
        if not _in_foreground():
            self.process.send_signal(signal.SIGINT)
