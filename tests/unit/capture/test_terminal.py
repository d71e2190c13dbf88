"""Running a program on a terminal of its own, seen from a real one."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from notabene.capture.playback import ConsoleReader
from notabene.capture.terminal import in_foreground

PUMP = (
    "import sys, termios\n"
    "from pathlib import Path\n"
    "from notabene.capture.pump import pump\n"
    "from notabene.capture.transcript import Transcript\n"
    "before = termios.tcgetattr(1)\n"
    "o = pump([sys.executable, '-u', '-c', sys.argv[2]], Transcript(Path(sys.argv[1])))\n"
    "print('outcome', *o, termios.tcgetattr(1) == before)\n"
    "sys.exit(o.shell_code)\n"
)


class Person:
    """Somebody at a terminal who started ``notabene run`` in it."""

    def __init__(self, path, code, *, stdin=None, shell=False):
        self.master, slave = pty.openpty()
        self.resize(30, 100)
        words = [sys.executable, "-c", PUMP, str(path), code]
        command = shlex.join(words)
        if shell:
            words = ["bash", "--norc", "--noprofile", "-i"]

        def own():
            os.setsid()
            fcntl.ioctl(1, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            words,
            stdin=stdin or slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=own,
            env={**os.environ, "COMMAND": command, "TERM": "dumb"},
        )
        os.close(slave)
        self.seen = ""
        if shell:
            self.type('eval "$COMMAND"\r')

    def resize(self, rows, columns):
        """Drag the window's corner."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        """Press keys."""
        os.write(self.master, text.encode())

    def read_until(self, mark, seconds=60):
        """Look at the screen until something stands there; None for the end."""
        until = time.monotonic() + seconds
        while mark is None or mark not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, until - time.monotonic()))
            if not ready:
                pytest.fail(f"{mark!r} did not appear in {self.seen!r}")
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self.seen += data.decode()
        return self.seen

    def end(self):
        """The rest of the screen, and the exit code."""
        self.read_until(None)
        return self.process.wait(60)

    def close(self):
        """Leave the terminal, whatever still runs in it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


@pytest.fixture
def path(tmp_path):
    """Where the console goes."""
    return tmp_path / "w.console.zst"


@pytest.fixture
def sit(path):
    """Starts a program for a person at a terminal."""
    people = []

    def start(code, **options):
        people.append(Person(path, code, **options))
        return people[-1]

    yield start
    for person in people:
        person.close()


def heard(path):
    """Texts that were kept."""
    return [line.plain for line in ConsoleReader(path).read()]


def test_the_program_has_a_terminal_of_our_size(sit, path):
    """isatty, colours and width are as without us; the console keeps folded lines."""
    person = sit(
        "import sys, os\n"
        "print(sys.stdout.isatty(), sys.stdin.isatty(), os.get_terminal_size())\n"
        "print(open('/dev/tty').isatty())\n"
        "print('\\x1b[31mred\\x1b[0m')\n"
        "for n in range(9): print(f'\\r{n}%', end='', file=sys.stderr)\n"
    )
    assert person.end() == 0
    assert "True True os.terminal_size(columns=100, lines=30)\r\nTrue\r\n" in person.seen
    assert "\x1b[31mred\x1b[0m\r\n\r0%\r1%" in person.seen
    assert person.seen.endswith("outcome 0 0 True\r\n")
    size = "True True os.terminal_size(columns=100, lines=30)"
    assert heard(path) == [size, "True", "red", "8%"]


def test_a_change_of_size_reaches_the_program(sit):
    """When the window changes, the program is told, and sees the new size."""
    person = sit(
        "import os, signal, sys, time\n"
        "def changed(*_): print(os.get_terminal_size().columns, 'wide'); sys.exit()\n"
        "signal.signal(signal.SIGWINCH, changed)\n"
        "print('ready')\n"
        "for _ in range(600): time.sleep(0.1)\n"
    )
    person.read_until("ready")
    person.resize(40, 77)
    person.read_until("77 wide")
    assert person.end() == 0


def test_keys_reach_the_program_and_are_echoed_once(sit, path):
    """A question is answered by typing, line editing included; a hidden answer is not shown."""
    person = sit(
        "import getpass\nprint('got', input('name? ')); print(len(getpass.getpass('secret? ')))\n"
    )
    person.read_until("name? ")
    person.type("Adx\x7fa\r")
    person.read_until("got Ada")
    person.read_until("secret? ")
    person.type("hunter2\r")
    assert person.end() == 0
    assert "7\r\n" in person.seen
    assert "hunter2" not in person.seen
    assert person.seen.count("Ad") == 2
    assert "got Ada" in heard(path)


def test_ctrl_c_is_the_programs(sit):
    """Ctrl-C interrupts the program once; we wait for what it makes of it."""
    person = sit(
        "import time\n"
        "try:\n"
        "    print('ready')\n    for _ in range(600): time.sleep(0.1)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(0.3); print('cleaned up'); raise SystemExit(5)\n"
    )
    person.read_until("ready")
    person.type("\x03")
    assert person.end() == 5
    assert "cleaned up\r\noutcome 5 0 True" in person.seen


def test_ctrl_c_without_a_handler_ends_the_program_by_it(sit):
    """A program that dies of Ctrl-C is reported so, with its traceback shown."""
    person = sit("import time; print('ready')\nfor _ in range(600): time.sleep(0.1)")
    person.read_until("ready")
    person.type("\x03")
    assert person.end() == 128 + signal.SIGINT
    assert "KeyboardInterrupt" in person.seen


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell with job control")
def test_ctrl_z_stops_both_and_they_go_on_together(sit, path):
    """At a shell's prompt Ctrl-Z brings the prompt back, and ``fg`` goes on where it was."""
    # The shell shows the command: what it prints must not stand in it.
    code = "import time\nfor n in range(600): print('kcot'[::-1], n); time.sleep(0.05)"
    person = sit(code, shell=True)
    person.read_until("tock 3")
    person.type("\x1a")
    person.read_until("Stopped")
    stopped = person.seen.count("tock ")
    person.type("echo a $((2 + 3)) prompt\r")
    person.read_until("a 5 prompt")
    assert person.seen.count("tock ") == stopped
    person.type("fg\r")
    person.read_until(f"tock {stopped + 10}")
    person.type("\x03")
    person.read_until("outcome 0 2 True")
    person.type("exit 4\r")
    assert person.end() == 4
    assert heard(path)[:4] == ["tock 0", "tock 1", "tock 2", "tock 3"]


def test_piped_input_stays_piped(sit, path):
    """With a terminal for output only, the program reads the pipe, not the keyboard."""
    read, write = os.pipe()
    os.write(write, b"from a pipe\n")
    os.close(write)
    person = sit("import sys; print(sys.stdin.isatty(), input())", stdin=read)
    os.close(read)
    assert person.end() == 0
    assert "False from a pipe\r\n" in person.seen


def test_a_terminal_that_goes_away_ends_the_program(sit, tmp_path):
    """When the window is closed the program hears of it and may save its work."""
    mark = tmp_path / "saved"
    person = sit(
        "import signal, sys, time\n"
        f"def bye(*_): open({str(mark)!r}, 'w').close(); sys.exit(1)\n"
        "signal.signal(signal.SIGHUP, bye)\n"
        "print('ready')\n"
        "for _ in range(600): time.sleep(0.1)\n"
    )
    person.read_until("ready")
    os.close(person.master)
    person.master = os.open(os.devnull, os.O_RDONLY)
    person.process.wait(60)
    until = time.monotonic() + 30
    while not mark.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert mark.exists()


def test_a_program_that_cannot_be_started(tmp_path):
    """Without a program there is one sentence, and the terminal is as before."""
    code = (
        "from notabene.capture.pump import pump\n"
        "from notabene.capture.transcript import Transcript\n"
        "from notabene.errors import NotFoundError\n"
        "try: pump(['no-such-program'], Transcript(None), tty=True)\n"
        "except NotFoundError as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "no program 'no-such-program'" in done.stdout


def test_without_a_terminal_nobody_is_in_the_foreground():
    """A process without a controlling terminal has no keys to expect."""
    code = "from notabene.capture.terminal import in_foreground; print(in_foreground())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, start_new_session=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"
    assert in_foreground() in (True, False)
