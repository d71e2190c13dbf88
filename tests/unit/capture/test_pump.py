"""Running a program through pipes: all it prints, and every way it may end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from notabene.capture.playback import ConsoleReader
from notabene.capture.pump import Outcome, pump
from notabene.capture.transcript import Transcript
from notabene.errors import NotFoundError, UsageError

PUMP = (
    "import sys\n"
    "from pathlib import Path\n"
    "from notabene.capture.pump import pump\n"
    "from notabene.capture.transcript import Transcript\n"
    "t = Transcript(Path(sys.argv[1]))\n"
    "o = pump(sys.argv[2:], t, on_start=lambda pid: print(pid > 1, file=sys.stderr, flush=True))\n"
    "print(*o, file=sys.stderr)\n"
    "sys.exit(o.shell_code)\n"
)


@pytest.fixture
def path(tmp_path):
    """Where the console goes."""
    return tmp_path / "w.console.zst"


def start(path, *argv, **options):
    """A process of ours that pumps a program."""
    words = [sys.executable, "-c", PUMP, str(path), *argv]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, **{**pipes, **options})


def python(code):
    """A command that runs a Python program, without buffering."""
    return [sys.executable, "-u", "-c", code]


def heard(path, stream="o"):
    """Texts of a stream that were kept."""
    return [line.text for line in ConsoleReader(path).read() if line.stream == stream]


def test_output_passes_unchanged_and_is_kept(path):
    """Both streams come out apart, byte for byte, and are kept folded."""
    code = (
        "import sys, os\n"
        "print('one'); print('bad', file=sys.stderr)\n"
        "for n in range(100): print(f'\\r{n}%', end='')\n"
        "print(); os.write(1, b'\\xff\\x00raw\\n')\n"
    )
    process = start(path, *python(code))
    out, err = process.communicate(timeout=60)
    expected = b"one\n" + b"".join(b"\r%d%%" % n for n in range(100)) + b"\n\xff\x00raw\n"
    assert out == expected
    assert sorted(err.split(b"\n")) == [b"", b"0 0", b"True", b"bad"]
    assert heard(path) == ["one", "99%", "�raw"]
    assert heard(path, "e") == ["bad"]


def test_input_is_the_programs(path):
    """What is typed or piped to us reaches the program."""
    process = start(path, *python("print(input()[::-1])"))
    assert process.communicate(b"abc\n", timeout=60)[0] == b"cba\n"


@pytest.mark.parametrize(
    ("code", "outcome", "shell", "reason"),
    [
        ("pass", (0, 0), 0, ""),
        ("import sys; sys.exit(3)", (3, 0), 3, "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", (0, 9), 137, "SIGKILL"),
        ("import os; os.abort()", (0, 6), 134, "SIGABRT"),
    ],
)
def test_how_the_program_ended_is_told(path, code, outcome, shell, reason):
    """Exit code or signal are the program's own, as code and in words."""
    process = start(path, *python(code))
    _, err = process.communicate(timeout=60)
    assert process.returncode == shell
    assert err.split()[-2:] == [b"%d" % n for n in outcome]
    assert Outcome(*outcome).reason == reason


def waiting(handler):
    """A program that says when it waits, and what it does at a signal."""
    return python(
        "import os, signal, sys, time\n"
        f"{handler}\n"
        "os.write(1, b'ready\\n')\n"  # inside print() a handler may not print
        "for _ in range(600): time.sleep(0.1)\n"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_sent_on(path, number):
    """A signal to us reaches the program, whose own handler decides what becomes of it."""
    handler = f"signal.signal({int(number)}, lambda *_: (print('handled'), sys.exit(7)))"
    process = start(path, *waiting(handler), start_new_session=True)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert out == b"handled\n"
    assert process.returncode == 7
    assert heard(path) == ["ready", "handled"]


def test_a_signal_that_kills_the_program_is_reported(path):
    """Without a handler of its own the program dies of the signal, and we say so."""
    process = start(path, *waiting(""), start_new_session=True)
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_signal_that_was_ignored_stays_ignored(path):
    """Under nohup neither we nor the program die when the terminal goes."""
    code = "print('ready', flush=True); print(input())"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start(path, *python(code), start_new_session=True)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGHUP)
    assert process.communicate(b"still here\n", timeout=60)[0] == b"still here\n"


def test_children_left_behind_do_not_keep_us(path):
    """A background child that holds the pipe open is not waited for; what came before is kept."""
    code = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        "print('done')\n"
    )
    process = start(path, *python(code), start_new_session=True)
    try:
        assert process.wait(60) == 0
        assert heard(path) == ["done"]
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_slow_reader_of_ours_gets_everything(path):
    """All that the program printed before its end is passed on, however late it is read."""
    process = start(path, *python("print('x' * 500_000)"))
    threading.Event().wait(1.5)
    out, _ = process.communicate(timeout=60)
    assert len(out) == 500_001


def test_a_reader_of_ours_that_goes_away(path):
    """The program learns of a closed pipe as it would without us (``… | head``)."""
    code = "import sys\nfor n in range(10**6): print(n)\n"
    process = start(path, *python(code), stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"0\n"
    process.stdout.close()
    assert process.wait(60) == 1  # BrokenPipeError in the program
    process.stdin.close()


def test_folder_and_environment_are_the_programs(path, tmp_path, capfd):
    """cwd and env are those given; states of lines are told as they come."""
    states = []
    transcript = Transcript(path, on_state=lambda *state: states.append(state))
    code = "import os; print(os.getcwd(), os.environ['A']); print('1%\\r2%')"
    env = {**os.environ, "A": "b"}
    outcome = pump(python(code), transcript, env=env, cwd=tmp_path, tty=False)
    assert outcome == (0, 0)
    assert capfd.readouterr().out == f"{tmp_path} b\n1%\r2%\n"
    assert states == [("o", f"{tmp_path} b", True), ("o", "1%", False), ("o", "2%", True)]


def test_the_transcript_grows_while_the_program_runs(path):
    """A reader sees a line within a second or so, long before the end."""
    process = start(path, *python("print('early'); input()"))
    assert process.stdout.readline() == b"early\n"
    for _ in range(600):
        if path.exists() and heard(path) == ["early"]:
            break
        threading.Event().wait(0.05)
    else:
        pytest.fail("the line was not written while the program ran")
    assert process.poll() is None
    process.communicate(b"\n", timeout=60)


def test_what_cannot_be_started_is_said_in_a_sentence(path, tmp_path):
    """No such program, no such folder, and a file that is no program are told apart."""
    transcript = Transcript(path)
    with pytest.raises(NotFoundError, match="no program 'no-such-program'"):
        pump(["no-such-program"], transcript, tty=False)
    with pytest.raises(NotFoundError, match="no folder"):
        pump([sys.executable], transcript, cwd=tmp_path / "gone", tty=False)
    plain = tmp_path / "plain.txt"
    plain.write_text("x")
    with pytest.raises(UsageError, match="cannot be started: Permission denied"):
        pump([str(plain)], transcript, tty=False)


def test_our_own_handlers_are_put_back(path):
    """After the program's end signals are ours again."""
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    pump(python("pass"), Transcript(path), tty=False)
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
