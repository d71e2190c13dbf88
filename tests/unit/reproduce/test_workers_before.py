"""Workers that a program starts before its run begins."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

SCRIPT = """\
import random
import notabene

def draw(at):
    open("rows.txt").close()
    return random.random()

def numbers(at):
    import numpy, time
    time.sleep(0.7)  # each worker takes one
    return float(numpy.random.rand())

if __name__ == "__main__":
    {start}
    run = notabene.init("p", store="../store", config={{"x": 1}})
    run.log({{"loss": total}}, step=0)
    run.finish()
"""
POOL = (
    "import multiprocessing as mp\n"
    "    with mp.get_context('{how}').Pool(1) as pool: total = sum(pool.map(draw, range(3)))"
)
STARTS = {
    "fork": POOL.format(how="fork"),
    "spawn": POOL.format(how="spawn"),
    "forkserver": POOL.format(how="forkserver"),
    "executor": "from concurrent.futures import ProcessPoolExecutor\n"
    "    with ProcessPoolExecutor(1) as pool: total = sum(pool.map(draw, range(3)))",
    "joblib": "from joblib import Parallel, delayed, parallel_config\n"
    "    with parallel_config('loky', inner_max_num_threads=1):\n"
    "        total = sum(Parallel(2)(delayed(numbers)(at) for at in range(2)))",
}


@pytest.mark.parametrize("how", STARTS)
def test_they_are_seen_and_come_out_the_same(world, request, how):
    """Their generators, and the files that they read; nothing is left lying about."""
    if how == "joblib":
        pytest.importorskip("joblib")
    (world.project / "train.py").write_text(SCRIPT.format(start=STARTS[how]))
    (world.project / "rows.txt").write_text("1")
    # A server of multiprocessing has a socket there, whose path must be short.
    temporary = Path(tempfile.mkdtemp(prefix="nb"))
    request.addfinalizer(lambda: shutil.rmtree(temporary))
    env = {**world.env, "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "train.py"], cwd=world.project, env=env, check=True)
    run = world.json("ls")[0]["id"]
    classes = {one["class"]: one for one in world.json("check", run, code=None)["findings"]}
    assert "worker" in classes["unseeded-randomness"]["what"] or how in ("fork", "executor")
    assert classes["unseeded-randomness"]["where"].startswith("train.py:")
    if how != "joblib":
        read = world.json("show", run, "--record")["data"]["read"]
        assert "rows.txt" in {one["path"] for one in read}
    assert world.json("reproduce", run)["verdict"] == "bit-exact"
    assert {one.name for one in temporary.glob("notabene-*")} <= {f"notabene-{os.getuid()}"}


@pytest.mark.parametrize("end", ["pass", "os._exit(0)", "raise ValueError"])
def test_nothing_stays_of_a_program_without_a_run(tmp_path, end):
    """Whichever way it ends."""
    code = f"import os, notabene\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n{end}\n"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=60)
    assert {one.name for one in tmp_path.iterdir()} <= {f"notabene-{os.getuid()}"}
