"""A program on a terminal of its own, joined to ours: sizes, keys, Ctrl-C and Ctrl-Z."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

WINDOW = 8
"""Bytes of a window's size as the kernel passes it."""


class Terminal:
    """A program whose stdout and stderr, and stdin where ours is a terminal, are a pty.

    Raises:
        OSError: The program cannot be started.
    """

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None
    ) -> None:
        import pty

        self._master, slave = pty.openpty()
        self._keys = os.isatty(0) and in_foreground()
        self._size()
        self._manners(slave)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=slave if self._keys else None,
                stdout=slave,
                stderr=slave,
                env=env,
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_own_terminal,
            )
        except OSError:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        self.pid = self._process.pid
        self.sources: list[tuple[int, int, Literal["o"]]] = [(os.dup(self._master), 1, "o")]

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Our terminal hands each key to the program, and its size when that changes."""
        resized = getattr(signal, "SIGWINCH", None)
        main = threading.current_thread() is threading.main_thread()
        before: Any = None
        if resized is not None and main:
            before = signal.signal(resized, lambda *_: self._size())
        end, wake = os.pipe()
        keys = threading.Thread(target=self._relay_keys, args=(end,), daemon=True)
        self._raw()
        if self._keys:
            keys.start()
        try:
            yield
        finally:
            os.close(wake)
            if self._keys:
                keys.join()
            self._cooked()
            os.close(end)
            os.close(self._master)
            if resized is not None and main:
                signal.signal(resized, before)

    def poll(self) -> int | None:
        """Exit code, or minus the signal that ended the program; None while it goes on."""
        if self._process.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                self._suspend()
            elif pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
        return self._process.returncode

    def interrupt(self) -> None:
        """A key goes by the program's terminal; a signal sent to us alone we send on."""
        with suppress(OSError):
            os.killpg(self.pid, signal.SIGINT)

    def _relay_keys(self, end: int) -> None:
        while True:
            ready, _, _ = select.select([0, end], [], [])
            if end in ready:
                return
            try:
                data = os.read(0, 4096)
                if self._suspends(data):
                    os.killpg(self.pid, signal.SIGSTOP)
                    data = b""
                while data:
                    data = data[os.write(self._master, data) :]
            except OSError:
                return

    def _suspends(self, data: bytes) -> bool:
        # The kernel does not stop by Ctrl-Z what has no shell in its session, as the program.
        import termios

        try:
            manners = termios.tcgetattr(self._master)
        except termios.error:
            return False
        return bool(manners[3] & termios.ISIG) and data == manners[6][termios.VSUSP]

    def _size(self) -> None:
        """Give the program's terminal the size of ours."""
        import fcntl
        import termios

        for ours in (1, 0, 2):
            with suppress(OSError):
                window = fcntl.ioctl(ours, termios.TIOCGWINSZ, bytes(WINDOW))
                fcntl.ioctl(self._master, termios.TIOCSWINSZ, window)
                return

    def _manners(self, slave: int) -> None:
        """Echo, line editing, special keys and ends of lines as at our terminal."""
        import termios

        self._saved: Any = None
        with suppress(termios.error):
            if self._keys:
                self._saved = termios.tcgetattr(0)
                termios.tcsetattr(slave, termios.TCSANOW, self._saved)
            else:  # our own terminal, which keeps its manners, makes \r\n of \n
                manners = termios.tcgetattr(slave)
                manners[1] &= ~termios.OPOST
                termios.tcsetattr(slave, termios.TCSANOW, manners)

    def _raw(self) -> None:
        import termios
        import tty

        if self._saved is not None:
            with suppress(termios.error):
                tty.setraw(0, termios.TCSANOW)

    def _cooked(self) -> None:
        import termios

        if self._saved is not None:
            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSADRAIN, self._saved)

    def _suspend(self) -> None:
        """The program was stopped by Ctrl-Z: so are we, and go on together."""
        if not self._keys:
            return
        self._cooked()
        os.kill(os.getpid(), signal.SIGTSTP)
        self._raw()
        self._size()
        with suppress(OSError):
            os.killpg(self.pid, signal.SIGCONT)


def in_foreground() -> bool:
    """Whether the keys of our controlling terminal come to us."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _own_terminal() -> None:
    """In the child: make its stdout the controlling terminal of its new session."""
    import fcntl
    import termios

    with suppress(OSError):
        fcntl.ioctl(1, termios.TIOCSCTTY, 0)
