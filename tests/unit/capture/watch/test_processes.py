"""Workers of a program: each has its events, whichever way it ends."""

from __future__ import annotations

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
