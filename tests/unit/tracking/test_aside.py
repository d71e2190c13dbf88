"""A process of its own hashes what a run reads, where that is much."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import notabene
from notabene.artifacts.local import LocalBlobs
from notabene.model.canonical import digest_bytes
from notabene.tracking.aside import Aside, Job

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a thread does it there")

FILES, NAME = 400, "picture" * 30
PROGRAM = f"""\
import os, sys, time
import notabene
def read(numbers):
    for at in numbers:
        with open(f"data/{NAME}{{at}}.jpg", "rb") as file: file.read()
run = notabene.init("p", store=sys.argv[1])
BEFORE
time.sleep(1.5)
AFTER
run.finish()
print(run.id)
"""
READ = f"read(range({FILES}))\n"
ASIDE = "# notabene: looks at the files"


def asides(top: Path) -> set[int]:
    """Processes of the kind that is tested here, for runs below a folder."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
            if ASIDE in words and str(top) in words:
                found.add(int(folder.name))
    return found


def wait_for(what, seconds: float = 10) -> bool:
    """Whether something comes true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def job(tmp_path):
    """Three files were read, one of which holds a password."""
    folder, names = tmp_path / "seen", ["a.jpg", "b.jpg", "c.json"]
    folder.mkdir()
    for name in names:
        (tmp_path / name).write_text(name if name != "c.json" else '{"password": "hunter2"}')
    line = json.dumps(["read", [str(tmp_path / name) for name in names], "t.py", 1, 0])
    (folder / "1-1.seen").write_text(line + "\n")
    blobs, cache = tmp_path / "blobs", tmp_path / "cache" / "hashes.sqlite"
    return Job(os.getpid(), str(folder), str(cache), [], str(blobs), str(blobs / "trash"))


def test_it_hashes_and_keeps_what_was_read(job, tmp_path):
    """And what is no business of others it does not keep."""
    aside = Aside(job)
    assert aside.lives
    aside.ask(5)
    done = aside.answer()
    assert done is not None
    found = {os.path.basename(path): one for path, one in done.seen.found.items()}
    assert found["a.jpg"].digest == digest_bytes(b"a.jpg")
    assert [found[name].kept for name in ("a.jpg", "b.jpg", "c.json")] == [True, True, False]
    assert "secret" in found["c.json"].note
    assert done.cpu_us > 0
    with LocalBlobs(tmp_path / "blobs") as blobs:
        assert blobs.read(found["b.jpg"].digest) == b"b.jpg"


def test_it_answers_a_program_with_very_many_open_files(job):
    """Numbers of files above 1,024 are numbers like others."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limits[1]), limits[1]))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        aside = Aside(job)
        assert aside.lives
        aside.ask(5)
        assert aside.answer() is not None
    finally:
        for number in held:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_one_that_is_gone_is_noticed(job, tmp_path):
    """It gives no answer, and is known to be dead."""
    aside = Aside(job)
    assert wait_for(lambda: asides(tmp_path))
    for pid in asides(tmp_path):
        os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: not aside.lives)
    aside.ask(5)
    assert aside.answer() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_it_ends_with_the_process_that_began_it(job, tmp_path):
    """Even where a child that was forked meanwhile lives on, with the pipes in its hands."""
    import msgspec

    words = msgspec.json.encode(job).decode()
    program = f"""
import os, sys, time, msgspec, notabene
from notabene.tracking.aside import Aside, Job
job = msgspec.json.decode({words!r}, type=Job)
job.owner = os.getpid()
aside = Aside(job)
if os.fork() == 0:
    time.sleep(20)
    os._exit(0)
print("begun", flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"begun\n"
        assert wait_for(lambda: asides(tmp_path))
        owner.kill()
        owner.wait()
        try:
            assert wait_for(lambda: not asides(tmp_path), 5)
        finally:
            with contextlib.suppress(OSError):
                os.killpg(owner.pid, signal.SIGKILL)  # the child


def run(tmp_path: Path, before: str = READ, after: str = "") -> tuple[dict[str, object], str]:
    """Digests of what a program reads, by name, where they are kept; and what it printed."""
    (tmp_path / "data").mkdir()
    for at in range(FILES):
        (tmp_path / "data" / f"{NAME}{at}.jpg").write_bytes(b"picture %d" % at)
    (tmp_path / "train.py").write_text(PROGRAM.replace("BEFORE", before).replace("AFTER", after))
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "NOTABENE_QUIET": "1"}
    store = str(tmp_path / "store")
    done = subprocess.run(
        [sys.executable, "train.py", store], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = notabene.Api(store).record(done.stdout.split()[-1])
    found = {Path(one.path).name: one.digest for one in record.data.read if one.kept}
    return found, done.stdout


ALL = {f"{NAME}{at}.jpg": digest_bytes(b"picture %d" % at) for at in range(FILES)}
COUNT = """
here = 0
for name in filter(str.isdecimal, os.listdir("/proc")):
    try:
        with open(f"/proc/{name}/cmdline", "rb") as file: words = file.read()
        here += b"notabene: looks at" in words and sys.argv[1].encode() in words
    except OSError: pass
print("asides", here)
"""
WAIT = """
try: print("waited for", os.wait())
except ChildProcessError: print("no child")
"""


KILL = """
store = sys.argv[1].encode()
for name in filter(str.isdecimal, os.listdir("/proc")):
    try:
        with open(f"/proc/{name}/cmdline", "rb") as file: words = file.read()
        if b"notabene: looks at" in words and store in words: os.kill(int(name), 9)
    except OSError: pass
"""
FORK = f"""
for number in range(2):
    if os.fork() == 0:
        read(range(number, {FILES}, 2))
        os._exit(0)
for number in range(2): os.wait()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_a_run_that_reads_much_has_one(tmp_path):
    """Every file has its digest; the program sees no child that it did not make."""
    found, said = run(tmp_path, after=COUNT + WAIT)
    assert "no child" in said
    assert "asides 0" not in said
    assert found == ALL


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_what_workers_read_is_looked_at_as_well(tmp_path):
    """They leave what they see in the same folder."""
    found, said = run(tmp_path, FORK, after=COUNT)
    assert "asides 0" not in said
    assert found == ALL


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_where_there_can_be_none_a_thread_does_it(tmp_path):
    """As in the first process of a container."""
    found, said = run(tmp_path, "os.getpid = lambda: 1\n" + READ, after=COUNT)
    assert "asides 0" in said
    assert found == ALL


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
@pytest.mark.parametrize("program", ["/bin/false", "/not/there"])
def test_where_it_cannot_be_begun_that_is_tried_once(tmp_path, program):
    """Again and again would cost more than it saves."""
    before = f"""
import subprocess
sys.executable, real, tries = {program!r}, subprocess.Popen, []
class Popen(real):
    def __init__(self, words, *given, **more):
        if words[0] == {program!r}: tries.append(words)
        super().__init__(words, *given, **more)
subprocess.Popen = Popen
{READ}
time.sleep(1)
"""
    found, said = run(tmp_path, before, after=FORK + "time.sleep(1); print('tries', len(tries))")
    assert "tries 1" in said
    assert found == ALL


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_where_it_is_killed_the_end_of_the_run_does_its_work(tmp_path):
    """Nothing is missing then."""
    found, _ = run(tmp_path, after=COUNT + KILL)
    assert found == ALL
