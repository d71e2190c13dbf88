"""Hearing what a process prints, without anybody noticing."""

from __future__ import annotations

import gc
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import types

import pytest

from notabene.capture import console as module
from notabene.capture.console import Console
from notabene.capture.playback import ConsoleReader


@pytest.fixture
def path(tmp_path):
    """Where the console goes."""
    return tmp_path / "w.console.zst"


@pytest.fixture
def streams(monkeypatch):
    """Puts text streams over buffers of their own in place of sys.stdout and sys.stderr.

    In the test itself: before it, pytest puts its own ones there.
    """

    def replace():
        made = []
        for name in ("stdout", "stderr"):
            stream = io.TextIOWrapper(io.BufferedWriter(io.BytesIO()), encoding="latin-1")
            monkeypatch.setattr(sys, name, stream)
            made.append(stream)
        return made

    return replace


def heard(path, stream="o"):
    """Texts of a stream that were kept."""
    return [line.text for line in ConsoleReader(path).read() if line.stream == stream]


def passed(stream):
    """Bytes that went through a stream."""
    stream.flush()
    return stream.buffer.raw.getvalue()


def run(code, *words, **options):
    """A program that prints while a Console listens to it; its console goes to words[0]."""
    head = (
        "import os, sys, signal, threading, logging\n"
        "from pathlib import Path\n"
        "from notabene.capture.console import Console\n"
        "path = Path(sys.argv[1])\n"
    )
    return subprocess.run(
        [sys.executable, "-c", head + code, *map(str, words)],
        capture_output=True, check=False, timeout=60, **options,
    )  # fmt: skip


def test_what_is_printed_is_kept_and_goes_its_way(path, streams):
    """Text and bytes, on both streams, pass unchanged and are kept in their order."""
    out, err = streams()
    console = Console(path)
    console.start()
    print("text é", flush=True)
    sys.stdout.buffer.write(b"bytes\n")
    sys.stdout.writelines(["a\n", "b\n"])
    print("problem", file=sys.stderr)
    console.close()
    print("afterwards")
    assert passed(out) == "text é\nbytes\na\nb\nafterwards\n".encode("latin-1")
    assert passed(err) == b"problem\n"
    assert heard(path) == ["text é", "bytes", "a", "b"]
    assert heard(path, "e") == ["problem"]
    assert (console.lines, console.dropped) == (5, 0)


def test_streams_stay_what_they_are_and_are_given_back(streams):
    """Identity, encoding, isatty and writes' results are untouched; nothing stays behind."""
    out, err = streams()
    before = [(id(s), dict(vars(s)), dict(vars(s.buffer))) for s in (out, err)]
    console = Console(None)
    console.start()
    assert sys.stdout is out
    assert (sys.stdout.encoding, sys.stdout.isatty()) == ("latin-1", False)
    assert (sys.stdout.write("abc"), sys.stdout.buffer.write(b"de")) == (3, 2)
    with pytest.raises(TypeError):
        sys.stdout.write(b"bytes")
    with pytest.raises(TypeError):
        sys.stdout.buffer.write("text")
    console.close()
    console.close()
    assert [(id(s), dict(vars(s)), dict(vars(s.buffer))) for s in (out, err)] == before
    assert module._taps == {}


def test_a_handler_made_earlier_is_heard(path, streams):
    """Whoever took hold of the stream before, as a logging handler does, is heard as well."""
    streams()
    handler = logging.StreamHandler()
    console = Console(path)
    console.start()
    handler.emit(logging.makeLogRecord({"msg": "from a handler"}))
    console.close()
    assert heard(path, "e") == ["from a handler"]


def test_a_replaced_stream_is_respected(path, streams, monkeypatch):
    """Output sent elsewhere is not the console's; a tee to the old stream is, once."""
    out, _ = streams()
    console = Console(path)
    console.start()
    elsewhere = io.StringIO()
    monkeypatch.setattr(sys, "stdout", elsewhere)
    print("elsewhere")

    class Tee:
        def write(self, text):
            elsewhere.write(text)
            out.write(text)

    monkeypatch.setattr(sys, "stdout", Tee())
    print("both")
    console.close()
    assert elsewhere.getvalue() == "elsewhere\nboth\n"
    assert heard(path) == ["both"]
    assert isinstance(sys.stdout, Tee)


def test_one_stream_under_both_names_is_heard_once(path, streams, monkeypatch):
    """After ``sys.stderr = sys.stdout`` each line is kept once."""
    streams()
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    console = Console(path)
    console.start()
    print("one")
    print("two", file=sys.stderr)
    console.close()
    assert heard(path) == ["one", "two"]
    assert heard(path, "e") == []


def test_somebody_who_wraps_us_is_left_in_place(path, streams):
    """A later wrapper of ``write`` keeps working after we stopped, and we hear no more."""
    out, _ = streams()
    console = Console(path)
    console.start()
    ours = sys.stdout.write
    theirs = []
    sys.stdout.write = lambda text: (theirs.append(text), ours(text))[1]
    print("one")
    console.close()
    print("two")
    assert theirs == ["one", "\n", "two", "\n"]
    assert passed(out) == b"one\ntwo\n"
    assert heard(path) == ["one"]
    again = Console(path.with_name("v.console.zst"))
    again.start()
    print("three")
    again.close()
    assert heard(path.with_name("v.console.zst")) == ["three"]


class _Cells:
    """IPython as far as it matters: it wraps ``write`` around each cell and puts it back."""

    def __init__(self):
        self.events = self
        self.called = []

    def register(self, event, function):
        assert event == "pre_run_cell"
        self.called.append(function)

    def unregister(self, event, function):
        self.called.remove(function)

    def run(self, cell):
        stream, before, history = sys.stdout, sys.stdout.write, []
        stream.write = lambda text: (before(text), history.append(text))[0]
        try:
            for function in list(self.called):
                function(None)
            cell()
        finally:
            stream.write = before
        return "".join(history)


def test_the_cells_of_a_notebook_are_heard_once_each(path, streams, monkeypatch):
    """Wrappers that IPython takes away with each cell are there in the next, and hear once."""
    out, _ = streams()
    cells = _Cells()
    fake = types.SimpleNamespace(get_ipython=lambda: cells)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    console = Console(path)
    cells.run(console.start)
    for n in range(5):
        assert cells.run(lambda n=n: print(f"cell {n}")) == f"cell {n}\n"
        if n == 2:
            console.drain()
            print("between cells")
    cells.run(lambda: (print("last"), console.close(), print("unheard")))
    cells.run(lambda: print("unheard"))
    assert heard(path) == [
        "cell 0",
        "cell 1",
        "cell 2",
        "between cells",
        "cell 3",
        "cell 4",
        "last",
    ]
    assert passed(out).count(b"cell 3") == 1
    assert cells.called == []


def test_runs_that_overlap_hear_what_is_theirs(tmp_path, streams):
    """Two consoles at once hear the same; the first to stop does not silence the other."""
    out, _ = streams()
    paths = [tmp_path / f"{n}.console.zst" for n in "ab"]
    one, two = map(Console, paths)
    one.start()
    print("1")
    two.start()
    print("2")
    one.close()
    print("3")
    two.close()
    assert [heard(p) for p in paths] == [["1", "2"], ["2", "3"]]
    assert "write" not in vars(out)


def test_streams_that_cannot_be_wrapped_do_no_harm(path, monkeypatch):
    """No streams at all, and objects that allow no attributes, are left alone."""

    class Rigid:
        __slots__ = ("said",)

        def __init__(self):
            self.said = []

        def write(self, text):
            self.said.append(text)

    rigid = Rigid()
    monkeypatch.setattr(sys, "stdout", rigid)
    monkeypatch.setattr(sys, "stderr", None)
    console = Console(path)
    console.start()
    print("x", end="")
    console.close()
    assert "".join(rigid.said) == "x"
    assert heard(path) == []


def test_a_broken_stream_breaks_as_ever(path, streams):
    """An error of the stream reaches the program; the text is kept nevertheless."""
    out, _ = streams()
    console = Console(path)
    console.start()
    out.close()
    with pytest.raises(ValueError, match="closed"):
        print("to nobody")
    console.close()
    assert heard(path) == ["to nobody"]


def test_threads_print_at_once(path, streams):
    """Nothing that several threads print is lost or doubled."""
    streams()
    console = Console(path)
    console.start()

    def work(name):
        for n in range(500):
            sys.stdout.write(f"{name}{n}\n")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        console.drain()
    console.close()
    kept = heard(path)
    assert sorted(kept) == sorted(f"{name}{n}" for name in "abcd" for n in range(500))
    assert [line for line in kept if line[0] == "a"] == [f"a{n}" for n in range(500)]


def test_a_flood_is_bounded_counted_and_ends_right(path, streams):
    """More than the queue holds drops the oldest, says how much, and keeps the end."""
    streams()
    console = Console(path)
    console.start()
    line = "x" * 1023 + "\n"
    total = 3 * module.MAX_QUEUE
    for _ in range(total // 1024):
        sys.stdout.write(line)
    sys.stdout.write("the end\n")
    assert console._size <= module.MAX_QUEUE
    sys.stdout.write("y" * (3 * module.MAX_WRITE))
    console.close()
    assert heard(path)[-1].startswith("y")
    assert "the end" in heard(path)
    assert console.bytes == total + 8 + 3 * module.MAX_WRITE
    assert console.dropped >= total - module.MAX_QUEUE
    assert any("came too fast" in text for text in heard(path, "n"))


def test_the_last_lines_are_there_at_once(streams):
    """The end of the console is known without a file, drained or not, bars as they stand."""
    streams()
    console = Console(None)
    console.start()
    for n in range(300):
        print(f"line {n}")
    console.drain()
    print("\r1%\r2%", end="", file=sys.stderr)
    assert console.last_lines(3) == ["line 298", "line 299", "2%"]
    print("\r3%", end="", file=sys.stderr)
    assert console.last_lines(1) == ["3%"]
    console.close()


def test_names_of_ones_own_are_hidden(path, streams):
    """Further secret names given to the console are hidden in it."""
    streams()
    console = Console(path, secrets=("patient",))
    console.start()
    print("patient=Ada ward=3")
    console.close()
    assert heard(path) == ["patient=[hidden] ward=3"]


def test_a_signal_handler_may_print_at_any_moment(path):
    """A handler that prints, in the middle of prints and drains, neither hangs nor loses."""
    code = (
        "console = Console(path); console.start()\n"
        "count = 0\n"
        "def handler(*_):\n"
        "    global count\n"
        "    count += 1\n"
        "    print(f'signal {count}')\n"
        "    console.drain()\n"
        "signal.signal(signal.SIGALRM, handler)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
        "for n in range(3000):\n"
        "    sys.stdout.write(f'line {n}\\n')\n"
        "    if n % 100 == 0: console.drain()\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "console.close()\n"
        "print(count, file=sys.stderr)\n"
    )
    done = run(code, path)
    assert done.returncode == 0, done.stderr
    kept = heard(path)
    count = int(done.stderr.split()[-1])
    assert count > 5
    assert [x for x in kept if x.startswith("line")] == [f"line {n}" for n in range(3000)]
    # One handler may interrupt another between its text and the end of its line.
    assert "".join(kept).count("signal") == count


def test_a_forked_child_begins_with_nothing(path, tmp_path):
    """What waits in the parent is written once, by it; the child's console is its own."""
    code = (
        "console = Console(path); console.start()\n"
        "print('before', flush=True)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    print('unheard', flush=True)\n"
        "    console.close()\n"
        "    own = Console(Path(sys.argv[2])); own.start()\n"
        "    print('in the child', flush=True)\n"
        "    own.close()\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "print('after')\n"
        "console.close()\n"
    )
    child = tmp_path / "child.console.zst"
    done = run(code, path, child)
    assert done.stdout == b"before\nunheard\nin the child\nafter\n", done.stderr
    assert heard(path) == ["before", "after"]
    assert heard(child) == ["in the child"]


def test_a_forked_child_may_keep_what_it_printed(path, tmp_path):
    """With files of its own the child's console holds what it printed since the fork, and no more.

    What its parent had printed and not drained, or not flushed, is the parent's.
    """
    code = (
        "console = Console(path); console.start()\n"
        "print('first', flush=True); print('half a line', end='')\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    print('of the child')\n"
        "    console.drain(); console.resume(Path(sys.argv[2]))\n"
        "    print('more', flush=True)\n"
        "    console.close()\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "print(', the rest')\n"
        "console.close()\n"
    )
    child = tmp_path / "child.console.zst"
    done = run(code, path, child)
    assert done.returncode == 0, done.stderr
    assert heard(path) == ["first", "half a line, the rest"]
    assert heard(child) == ["of the child", "more"]


def test_a_forked_child_that_keeps_nothing_stays_small(streams, monkeypatch):
    """What a child prints that never logs takes little memory, and is counted when it does."""
    streams()
    console = Console(None)
    console.start()
    console.forked()
    for _ in range(100):
        print("x" * (module.MAX_WAITING // 20))
    assert sum(len(data) for _, data, _ in console._queue) <= module.MAX_WAITING
    console.resume(None)
    console.close()
    assert console.bytes == 100 * (module.MAX_WAITING // 20 + 1)
    assert console.dropped > 0


def test_a_fork_while_another_thread_drains_does_not_hang(path):
    """The child does not wait for a lock that a thread of its parent held."""
    code = (
        "console = Console(path); console.start()\n"
        "done = threading.Event()\n"
        "def drain():\n"
        "    while not done.is_set(): console.drain()\n"
        "thread = threading.Thread(target=drain); thread.start()\n"
        "for n in range(60):\n"
        "    print('x' * 5000)\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        print('child'); console.last_lines(1); console.close(); os._exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "done.set(); thread.join(); console.close()\n"
    )
    done = run(code, path, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    assert done.returncode == 0, done.stderr
    assert heard(path) == ["x" * 5000] * 60


def test_what_was_drained_survives_a_kill(path):
    """After SIGKILL everything up to the last drain can be read."""
    code = (
        "console = Console(path); console.start()\n"
        "for n in range(100):\n"
        "    print(n)\n"
        "    console.drain()\n"
        "print('lost')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert run(code, path).returncode == -signal.SIGKILL
    assert heard(path) == [str(n) for n in range(100)]


def test_a_forgotten_console_does_not_stop_the_program(path):
    """A program that never closes its console ends as ever, with its output whole."""
    code = "console = Console(path); console.start()\nprint('x'); sys.exit(3)\n"
    done = run(code, path)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"x\n", b"")


def test_a_console_that_is_dropped_is_not_kept_alive(streams):
    """After close nothing refers to the console or the streams."""
    streams()
    console = Console(None)
    console.start()
    console.close()
    del console
    gc.collect()
    assert len(module._running) == 0
