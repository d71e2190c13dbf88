"""Workers of a program: each has its events, whichever way it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.capture.watch.conftest import PYTHONS, Run

WORKERS = """
import multiprocessing as mp, os, random, sys
def work(n):
    open(f"in{n}.txt").close()
    return random.random()
def main(kind):
    for n in range(3): open(f"in{n}.txt", "w").close()
    with mp.get_context(kind).Pool(2) as pool:
        print(len(pool.map(work, range(3), chunksize=1)))
        if sys.argv[2] == "close": pool.close(); pool.join()
if __name__ == "__main__":
    main(sys.argv[1])
"""


@pytest.mark.parametrize("end", ["close", "terminate"])
@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("python", [PYTHONS[0], PYTHONS[-1]])
def test_pools(run: Run, kind: str, end: str, python: str):
    """Files that workers of a pool open are seen, whether it is closed or terminated."""
    told = run(WORKERS, kind, end, python=python)
    assert (told.code, told.out, told.err) == (0, "3\n", "")
    assert {"in0.txt", "in1.txt", "in2.txt"} <= {event[0] for event in told.of("read")}
    assert "random" in {event[0] for event in told.of("used")}
    if kind == "spawn":
        names = {event[0] for event in told.of("name")}
        # One may be terminated before it has begun: the other has done it all.
        assert names == {"mp:1", "mp:2"} if end == "close" else names & {"mp:1", "mp:2"}


def test_a_pool_of_futures(run: Run):
    """Workers of a ProcessPoolExecutor are seen."""
    code = (
        "import os\nfrom concurrent.futures import ProcessPoolExecutor\n"
        "def work(n): return os.getenv('IN_WORKER')\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(2) as pool: print(list(pool.map(work, [1, 2])))\n"
    )
    told = run(code)
    assert (told.out, told.err) == ("[None, None]\n", "")
    assert ["IN_WORKER", None] in [event[:2] for event in told.of("variable")]


def test_forks_have_keys_of_their_own(run: Run):
    """The second child of the first is f1.f2; each leaves by ``os._exit`` and is heard."""
    code = (
        "import os, random\n"
        "def child(then):\n    pid = os.fork()\n    if not pid:\n        then(); os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
        "child(lambda: (child(lambda: 0), child(lambda: random.random())))\n"
    )
    told = run(code)
    assert {log[0][1] for log in told.logs} == {"", "f1", "f1.f1", "f1.f2"}
    assert ["used", "random"] in told.log("f1.f2")
    assert ["used", "random"] not in told.log("f1.f1")


def test_a_program_that_becomes_another(run: Run):
    """What was seen before ``os.execv`` is written, and the other program is watched too."""
    code = (
        "import os, sys\n"
        "if len(sys.argv) < 2:\n    os.getenv('BEFORE')\n"
        "    os.execv(sys.executable, [sys.executable, 'train.py', 'again'])\n"
        "os.getenv('AFTER'); print('done')\n"
    )
    told = run(code)
    assert told.out == "done\n"
    assert [event[0] for event in told.of("variable")] == ["BEFORE", "AFTER"]


def test_threads_and_other_folders(run: Run):
    """Threads are seen; after ``os.chdir`` a relative path is another file."""
    code = (
        "import os, threading\nos.mkdir('a'); open('a/train.py', 'w').close()\n"
        "many = [threading.Thread(target=lambda: open('train.py').close()) for _ in range(8)]\n"
        "[one.start() for one in many]; [one.join() for one in many]\n"
        "os.chdir('a'); open('train.py').close()\n"
    )
    told = run(code)
    assert [event[0] for event in told.of("read")].count("train.py") == 2
    assert told.of("folder")[-1][0].endswith("/a")


GIVEN = """
import os, subprocess, sys
def out(*words, **more): return subprocess.run(words, stdout=subprocess.DEVNULL, **more)
out("sh", "./prepare.sh", "raw.csv")
out("cat one.txt | sort > sorted.txt; wc -l < two.txt", shell=True)
os.system("sort three.txt -o made.txt")
out("cat", "four.txt", cwd="sub")
out("sort", "--temporary-directory=.", "--files0-from=names.txt", stderr=subprocess.DEVNULL)
out("rm", "gone.txt"); out("touch", "touched.txt"); out("echo", "echoed.txt")
out("cat", "absent.txt", "sub", stderr=subprocess.DEVNULL)
out(sys.executable, "helper.py")
"""


def test_files_named_to_programs_are_told(run: Run, tmp_path: Path):
    """What a command line names and is there, with the time of its last change."""
    work = tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    names = "prepare.sh raw.csv one.txt two.txt three.txt gone.txt touched.txt echoed.txt names.txt"
    for name in [*names.split(), "sub/four.txt", "helper.py"]:
        (work / name).write_text("")
    told = run(GIVEN)
    assert (told.code, told.err) == (0, "")
    given = {event[0]: event for event in told.of("given")}
    assert set(given) == {
        "./prepare.sh", "raw.csv", "one.txt", "two.txt", "three.txt", "sub/four.txt", "names.txt",
    }  # fmt: skip
    assert given["raw.csv"][4] == (work / "raw.csv").stat().st_mtime_ns
    assert given["raw.csv"][1].endswith("train.py")
    assert [str(work / "helper.py")] in told.of("source")
    assert not told.of("missing")
