"""What a script that was run before does, by the setting ``on_repeat``."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import notabene

SCRIPT = """
import sys
import notabene
run = notabene.init("p", store="store")
notabene.log({"loss": 1.0})
run.finish()
print("went on")
"""


@pytest.fixture
def script(home: Path) -> Path:
    """A script that was run once."""
    path = Path("train.py")
    path.write_text(SCRIPT)
    done = start(path)
    assert done.stdout == "went on\n", done.stderr
    return path


def start(path: Path, *words: str, on_repeat: str = "warn") -> subprocess.CompletedProcess[str]:
    """The script, with nobody at the terminal."""
    return subprocess.run(
        [sys.executable, str(path), *words],
        env={**os.environ, "NOTABENE_ON_REPEAT": on_repeat},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def answering(path: Path, answer: str) -> tuple[int, str]:
    """The script at a terminal, where somebody answers; its exit code, and all it printed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["NOTABENE_ON_REPEAT"] = "ask"
        os.execv(sys.executable, [sys.executable, str(path)])
    os.write(terminal, f"{answer}\n".encode())
    said = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the program has ended
            break
        if not part:
            break
        said += part
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def runs() -> int:
    """How many there are."""
    with notabene.Api("store") as api:
        return len(list(api.runs()))


def test_warn_is_one_line_and_it_goes_on(script: Path) -> None:
    """The default says it and goes on."""
    done = start(script)
    assert done.stderr.count("same as run") == 1
    assert done.stdout == "went on\n"
    assert runs() == 2


def test_ignore_says_nothing(script: Path) -> None:
    """Nothing is said."""
    assert "same as run" not in start(script, on_repeat="ignore").stderr


def test_stop_raises_before_the_run_begins(script: Path) -> None:
    """The error names the run, and what to do; there is no second run."""
    done = start(script, on_repeat="stop")
    assert done.returncode == 1
    assert "ConflictError: same as run" in done.stderr
    assert "NOTABENE_ON_REPEAT=warn" in done.stderr
    assert done.stdout == ""
    assert runs() == 1


def test_stop_lets_new_work_begin(script: Path) -> None:
    """Another argument, or another line of code, is no repeat."""
    assert start(script, "--lr=2", on_repeat="stop").stdout == "went on\n"
    script.write_text(SCRIPT.replace("1.0", "1.5"))
    assert start(script, on_repeat="stop").stdout == "went on\n"


def test_nobody_is_asked_without_a_terminal(script: Path) -> None:
    """A job of a queue goes on."""
    assert start(script, on_repeat="ask").stdout == "went on\n"


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("n", False), ("", False)])
def test_who_sits_at_the_terminal_is_asked(script: Path, answer: str, goes_on: bool) -> None:
    """It goes on with a yes alone, and says what was done before once."""
    code, said = answering(script, answer)
    assert "Run it again? [y/N]" in said
    assert ("went on" in said) == goes_on
    assert (code == 0) == goes_on
    assert runs() == 1 + goes_on
    if goes_on:
        assert said.count("same as run") == 1


def test_reuse_is_for_notabene_run(script: Path) -> None:
    """A script cannot be replaced by its results; it is told, and goes on."""
    done = start(script, on_repeat="reuse")
    assert done.stderr.count("same as run") == 1
    assert done.stdout == "went on\n"


SWEEP = """
import sys, time
import notabene
for lr in (0.1, 0.2):
    run = notabene.init("p", store="store", config={"lr": lr, "out_dir": str(time.time())})
    notabene.log({"loss": 2 * lr})
    time.sleep(0.3)
    run.finish()
"""


def test_runs_of_one_program_differ_in_their_config(home: Path) -> None:
    """A loop over settings makes no repeats; the same settings again do, wherever they go."""
    Path("sweep.py").write_text(SWEEP)
    done = start(Path("sweep.py"), "once")
    assert "but lr 0.1 → 0.2" in done.stderr
    assert "same as run" not in done.stderr
    with notabene.Api("store") as api:
        checks = [api.check_run(view).findings for view in api.runs()]
        assert not any(one.kind == "numeric-nondeterminism" for many in checks for one in many)
        assert api.repeated() == []
        later, first = api.runs()
        (why,) = api.why(first, later).causes
        assert (why.kind, why.item, why.a, why.b) == ("config", "lr", "0.1", "0.2")
    assert "same as run" in start(Path("sweep.py"), "once").stderr


SLOW = """
import sys, time
import notabene
if len(sys.argv) > 1:
    from notabene.tracking import observing
    from notabene.tracking.judging import Judge
    ask = Judge.ask
    def slow(self, *words, **options):
        time.sleep(2.5)
        return ask(self, *words, **options)
    Judge.ask = slow
    sys.argv[1:] = []
run = notabene.init("p", store="store")
notabene.log({"loss": 1.0})
run.finish()
time.sleep(3 if "Judge" in globals() else 0)
"""


def test_a_run_that_ends_before_it_is_told_is_known(home: Path) -> None:
    """Its end is not written over by the thread that was still looking for repeats."""
    Path("short.py").write_text(SLOW)
    start(Path("short.py"), "slow")
    assert "same as run" in start(Path("short.py")).stderr


PARTS = """
import sys, time
import notabene
for part in range(2):
    run = notabene.init("p", store="store")
    time.sleep(0.5)
    if part:
        open("other.txt").read()
    if len(sys.argv) > 1:
        run.config["part"] = part
    notabene.log({"loss": float(part)})
    time.sleep(0.3)
    run.finish()
"""


@pytest.mark.parametrize("words", [(), ("late",)])
def test_parts_of_one_program_are_not_the_same(home: Path, words: tuple[str, ...]) -> None:
    """Without a config, or with one that comes late: the n-th run is compared with the n-th."""
    Path("parts.py").write_text(PARTS)
    Path("other.txt").write_text("x")
    said = start(Path("parts.py"), *words).stderr
    assert "same as" not in said
    assert "as run" not in said
    with notabene.Api("store") as api:
        later, first = api.runs()
        assert api.repeated() == []
        assert not any(one.run for view in (later, first) for one in api.check_run(view).findings)
    again = start(Path("parts.py"), *words).stderr
    assert again.count("same as run") == 2
    assert first.id[-6:] in again
    assert later.id[-6:] in again
    with notabene.Api("store") as api:
        assert [len(group.runs) for group in api.repeated()] == [2, 2]


def test_secrets_in_a_config_are_not_kept_for_comparing(home: Path) -> None:
    """The files that later runs compare with hold no secret."""
    secret = "sk-proj-4f9QmT2xL8vWc1RzN7bKyH3dJ6gP"
    Path("train.py").write_text(
        f"import notabene\nnotabene.init('p', store='store', config={{'api_key': '{secret}'}})"
    )
    start(Path("train.py"))
    kept = [path.read_text() for path in Path("store/repeats").rglob("*") if path.is_file()]
    assert kept
    assert not any(secret in text for text in kept)


def test_a_killed_run_is_not_running_now(home: Path) -> None:
    """Word that a run's writer has ended may lie in ``live/`` for a while."""
    Path("train.py").write_text(
        "import os, signal, sys, time\n"
        "import notabene\n"
        "run = notabene.init('p', store='store')\n"
        "time.sleep(1.5)\n"
        "if 'killed' in sys.argv:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert start(Path("train.py"), "killed").returncode == -9
    for _ in range(2):
        assert "running now" not in start(Path("train.py"), "again").stderr


def test_names_that_are_no_utf8_are_compared(home: Path) -> None:
    """Arguments and files may hold any bytes; their record is whole, and known the next time."""
    word = os.fsdecode(b"caf\xe9")
    Path(word).write_text("1,2\n")
    Path("train.py").write_text(
        "import sys\n"
        "import notabene\n"
        "run = notabene.init('p', store='store', config={'data': sys.argv[1]})\n"
        "notabene.log({'n': len(open(sys.argv[1]).read())})\n"
        "run.finish()\n"
    )
    start(Path("train.py"), word)
    assert "same as run" in start(Path("train.py"), word).stderr
    with notabene.Api("store") as api:
        for view in api.runs():
            assert view.captured()["parameters"]["words"][-1] == "caf\\udce9"
            assert view.facts["record"] == "complete"


@pytest.mark.parametrize("way", ["command", "standard input"])
def test_programs_without_a_file_are_told_apart(home: Path, way: str) -> None:
    """Two programs given with ``-c``, or piped in, are not one for having no file each."""
    said = []
    for number in (1, 2, 1):
        code = f"import notabene; notabene.init('p', store='store').log({{'x': {number}}})"
        done = subprocess.run(
            [sys.executable, "-c", code] if way == "command" else [sys.executable],
            input="" if way == "command" else code,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        said.append("as run" in done.stderr)
    # What a piped program was, nobody knows afterwards.
    assert said == [False, False, way == "command"]
