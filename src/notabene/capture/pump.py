"""Running another program and listening to all it prints, for ``notabene run``.

Where our output is a terminal the program gets a terminal of its own (a pty), so that it shows
its bars and colours and asks its questions as ever; else it gets two pipes, so that stdout and
stderr stay apart. What it prints goes on to our own output unchanged, byte for byte.

The exit code is the program's. Signals sent to us are sent on to it; Ctrl-C reaches it as it
would without us, and we wait for what it makes of it; Ctrl-Z stops both.
"""

from __future__ import annotations

import codecs
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from notabene._ids import now_us
from notabene.capture.terminal import Terminal, in_foreground
from notabene.capture.transcript import Stream, Transcript
from notabene.errors import NotFoundError, UsageError

FLUSH_EVERY = 0.5
LINGER = 0.5
"""Seconds to listen on after the program's end, to children of it that may still print."""

_FORWARDED = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


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


class Program(Protocol):
    """A program that was started; by pipes here, by a terminal in the module ``terminal``."""

    pid: int
    sources: list[tuple[int, int, Stream]]
    """What to read, where to write it, and its name."""

    def attached(self) -> Any:
        """A context in which our terminal, if any, is the program's."""

    def poll(self) -> int | None:
        """Exit code, or minus the signal that ended it; None while it goes on."""

    def interrupt(self) -> None:
        """We got the signal of Ctrl-C."""


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
        transcript: Takes what it prints; flushed each half second, and ended.
        env: Its environment; default is ours.
        cwd: Its working folder; default is ours.
        tty: Whether it gets a terminal; default is where our stdout is one.
        on_start: Called with its process id.
        on_tick: Called about each half second, on another thread.

    Raises:
        NotFoundError: There is no such program, or no such folder.
        UsageError: It cannot be started.
    """
    if tty is None:
        tty = os.isatty(1)
    kind: Any = Terminal if tty and os.name == "posix" else Pipes
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    program = _start(kind, argv, env, cwd)
    relays = [_Relay(transcript, *source) for source in program.sources]
    ticker = _Ticker(transcript, on_tick)
    with program.attached(), _forwarding(program) as woken:
        for thread in (*relays, ticker):
            thread.start()
        if on_start is not None:
            on_start(program.pid)
        while (code := program.poll()) is None:
            woken()
        for relay in relays:
            relay.finish()
    ticker.done.set()
    ticker.join()
    with _feeding:
        transcript.end(now_us())
    return Outcome(max(code, 0), max(-code, 0))


def _start(
    kind: Any, argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None
) -> Program:
    try:
        program: Program = kind(list(argv), env, cwd)
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise NotFoundError(f"there is no folder {cwd} to run in") from error
        raise NotFoundError(
            f"there is no program {argv[0]!r}", hint="check the spelling and PATH"
        ) from error
    except OSError as error:
        raise UsageError(f"the program {argv[0]!r} cannot be started: {error.strerror}") from error
    return program


_feeding = threading.Lock()


class _Relay(threading.Thread):
    """Carries what a program prints to our output and to the transcript."""

    def __init__(self, transcript: Transcript, source: int, target: int, stream: Stream) -> None:
        super().__init__(name=f"notabene-relay-{stream}", daemon=True)
        self._transcript = transcript
        self._source = source
        self._target = target
        self._stream = stream
        self._heard = 0
        self._reading = True

    def run(self) -> None:
        """Until the program closes its side, or whoever reads our output has gone."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        data = b"."
        while data:
            self._reading = True
            try:
                data = os.read(self._source, 64 << 10)
            except OSError:  # the other side of a terminal was closed
                data = b""
            self._reading = False
            self._heard += len(data)
            with _feeding:
                text = decoder.decode(data, not data)
                self._transcript.feed(self._stream, text, now_us())
            if not _write(self._target, data):
                data = b""
        os.close(self._source)  # where our reader has gone, the program learns it so

    def finish(self) -> None:
        """Wait for the rest; for no longer than :data:`LINGER` when nothing more comes."""
        while self.is_alive():
            before = self._heard
            self.join(LINGER)
            if self._reading and self._heard == before:
                return


class _Ticker(threading.Thread):
    """Flushes the transcript again and again."""

    def __init__(self, transcript: Transcript, on_tick: Callable[[], None] | None) -> None:
        super().__init__(name="notabene-ticker", daemon=True)
        self.done = threading.Event()
        self._transcript = transcript
        self._on_tick = on_tick

    def run(self) -> None:
        """Until ``done`` is set."""
        while not self.done.wait(FLUSH_EVERY):
            with _feeding:
                self._transcript.flush(now_us())
            if self._on_tick is not None:
                self._on_tick()


def _write(target: int, data: bytes) -> bool:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return False
    return True


class Pipes:
    """A program whose stdout and stderr are pipes to us; its stdin is ours."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None
    ) -> None:
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        try:
            self._process = subprocess.Popen(argv, stdout=out_end, stderr=err_end, env=env, cwd=cwd)
        except OSError:
            os.close(out)
            os.close(err)
            raise
        finally:
            os.close(out_end)
            os.close(err_end)
        self.pid = self._process.pid
        self.sources: list[tuple[int, int, Stream]] = [(out, 1, "o"), (err, 2, "e")]

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Nothing to prepare."""
        yield

    def poll(self) -> int | None:
        """See :class:`Program`."""
        return self._process.poll()

    def interrupt(self) -> None:
        """From our terminal Ctrl-C has reached the program as well; else we send it on."""
        if not in_foreground():
            self._process.send_signal(signal.SIGINT)


@contextmanager
def _forwarding(program: Program) -> Iterator[Callable[[], None]]:
    """Signals to us are the program's, until it ends; yields what waits for the next signal.

    A signal may reach another thread, or this one just before it blocks: then a blocking wait
    for the program would keep its handler from running. A byte in a pipe is never missed.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield lambda: time.sleep(0.02)
        return

    def forward(number: int, _: object) -> None:
        with suppress(OSError):
            os.kill(program.pid, number)

    before: dict[int, Any] = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: program.interrupt()),
        signal.SIGCHLD: signal.signal(signal.SIGCHLD, lambda *_: None),
    }
    for name in _FORWARDED:
        number = getattr(signal, name)
        # What was ignored when we were started (nohup) stays ignored, by both.
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, forward)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    earlier = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def wait() -> None:
        if select.select([woken], [], [], 1.0)[0]:
            os.read(woken, 4096)

    try:
        yield wait
    finally:
        signal.set_wakeup_fd(earlier)
        os.close(woken)
        os.close(wake)
        for number, handler in before.items():
            signal.signal(number, handler)
