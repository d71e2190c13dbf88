"""The watch in whole programs: what it sees, and that they do not notice it."""

from __future__ import annotations

import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

import notabene
from notabene.capture.watch import begin, readers
from tests.unit.capture.watch.conftest import PYTHONS, Run

WHOLE = """
import argparse, copy, glob, inspect, os, pathlib, pickle, random, shutil, subprocess, sys
import tempfile, time
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--api-key", default="sekret99")
parser.parse_args(["--lr", "0.3"])
open("in.txt").read(); open("data.csv").read(); open("out.txt", "w").close()
os.path.exists("absent.yaml"); pathlib.Path("absent2.yaml").exists(); os.path.exists("in.txt")
os.environ.get("LR"); os.environ.get("MY_TOKEN"); os.getenv("UNSET"); dict(os.environ)
os.getenv("LATE")
now = time.time(); os.cpu_count(); glob.glob("*.csv"); os.listdir(".")
assert os.stat in os.supports_follow_symlinks and os.stat in os.supports_dir_fd
assert pickle.loads(pickle.dumps(os.stat)) is os.stat and copy.deepcopy(time.time) is time.time
assert "follow_symlinks" in str(inspect.signature(os.stat))
class Holder:
    clock, stat = time.time, os.stat
Holder().clock(); Holder().stat(".")
for one in (os.stat, os.lstat, os.access, os.open, os.chdir, time.time, os.urandom, os._exit):
    assert one.__wrapped__ and one.__name__ and one.__doc__ == one.__wrapped__.__doc__, one
folder = tempfile.mkdtemp(dir="."); open(folder + "/a", "w").close(); shutil.rmtree(folder)
os.mkdir("sub"); open("sub/x", "w").close()
above = os.open("sub", os.O_RDONLY); os.close(os.open("x", os.O_RDONLY, dir_fd=above))
os.rename("out.txt", "moved.txt"); open("data.csv", "w").write("new")
subprocess.run([sys.executable, "-S", "-c", "pass"]); os.system("true --password hunter2")
random.random(); random.Random(); random.seed(7)
print(sys.stdin.read())
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder of the program, with a little data."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "in.txt").write_text("in")
    (folder / "data.csv").write_text("old")
    return folder


@pytest.mark.parametrize("python", PYTHONS)
def test_a_whole_program_is_seen(run: Run, work: Path, tmp_path: Path, python: str):
    """Every kind of event comes, nothing that is not meant comes, and no secret leaves."""
    env = {"LR": "2", "MY_TOKEN": "abcsekret", "LATE": "yes"}
    told = run(WHOLE, python=python, env=env, given="hello")
    assert (told.code, told.out, told.err) == (0, "hello\n", "")
    read = [event[0] for event in told.of("read")]
    assert {"in.txt", "data.csv"} <= set(read)
    assert any(path.endswith("/sub/x") for path in read)
    assert not [path for path in read if "lib/python" in path]
    assert [event[0] for event in told.of("missing")][:2] == ["absent.yaml", "absent2.yaml"]
    assert "in.txt" not in {event[0] for event in told.of("missing")}
    assert {"*.csv", "."} <= {event[0] for event in told.of("list")}
    options = {event[1]: event[2] for event in told.of("option")}
    assert options == {"lr": 0.3, "api_key": "[hidden]"}
    values = {event[0]: event[1] for event in told.of("variable") if event[3] == 10}
    assert values["LR"] == "2"
    assert values["MY_TOKEN"] == "[hidden]"
    assert values["UNSET"] is None
    assert ["LATE", "yes"] in [event[:2] for event in told.of("variable") if event[3] == 11]
    assert [event[0] for event in told.of("clock")] == ["time", "time"]
    assert told.of("processors")
    assert told.of("seed") == [["random", 7, *told.of("seed")[0][2:]]]
    assert [event[0] for event in told.of("draw")] == ["random"]
    assert told.of("stdin")[0][0] == 5
    assert {event[0] for event in told.of("start")} == {"random", "hash"}
    assert len(told.of("program")) == 2
    assert not any(secret in told.raw for secret in ("abcsekret", "sekret99", "hunter2"))
    kept = told.of("kept")
    assert [Path(event[0]).name for event in kept] == ["data.csv"]
    assert (next(tmp_path.glob("store-*/seen")) / kept[0][1]).read_text() == "old"


@pytest.mark.parametrize("python", PYTHONS)
def test_tracebacks_and_exit_codes_stay(run: Run, python: str):
    """A failing program says the same, to the letter, with and without the watch."""
    code = (
        "import os, sys\ntry:\n    os.stat('nope')\nexcept OSError as error:\n"
        "    raise ValueError(os.environ.get('X')) from error\n"
    )
    with_it, without = run(code, python=python), run(code, python=python, watched=False)
    assert (with_it.code, with_it.out, with_it.err) == (1, without.out, without.err)
    assert run("raise SystemExit(7)", python=python).code == 7
    assert run("import os; os._exit(9)", python=python).code == 9


def test_descriptors_closed_by_the_program_are_not_written_to(run: Run):
    """A daemon closes all it finds; the file that gets our number holds what it wrote alone."""
    code = (
        "import os\nos.closerange(3, 100)\nfile = open('own.bin', 'w')\nos.getenv('A')\n"
        "os.getenv('B'); open('train.py').close()\nfile.write('mine'); file.close()\n"
        "print(open('own.bin').read())\n"
    )
    told = run(code)
    assert told.out == "mine\n"
    assert [event[0] for event in told.of("variable")] == ["A", "B"]


@pytest.mark.parametrize("way", ["file", "gone", "closed"])
def test_a_broken_folder_disturbs_nobody(run: Run, tmp_path: Path, way: str):
    """The program runs as ever where its events cannot be written."""
    broken = tmp_path / "broken"
    if way == "file":
        broken.write_text("")
    elif way == "closed":
        broken = Path("/proc/1/nothing")
    told = run("import os; os.getenv('A'); print(len(os.listdir('.')))", seen=broken)
    assert (told.code, told.out, told.err) == (0, "1\n", "")


def test_ways_to_start_a_program(run: Run, work: Path):
    """-m, -c, standard input and archives are watched; -I and -S run without the watch."""
    code = "import os; os.getenv('WAY'); print('ran')"
    told = [
        run(code, program=["-m", "train"]),
        run(code, program=["-c", code]),
        run(code, program=["-"], given=code),
    ]
    (work / "app").mkdir()
    (work / "app" / "__main__.py").write_text(code)
    zipapp.create_archive(work / "app", work / "app.pyz")
    told.append(run(code, program=["app.pyz"]))
    for one in told:
        assert (one.out, one.err) == ("ran\n", "")
        assert [event[0] for event in one.of("variable")] == ["WAY"]
    for flag in ("-I", "-S"):
        assert run(code, flags=[flag]).out == "ran\n"


def test_a_sitecustomize_of_the_user_runs(run: Run, tmp_path: Path):
    """The module that ours stands before is imported as if ours were not there."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import sys; sys.mine = __file__")
    told = run("import sys; print(sys.mine)", env={"PYTHONPATH": str(tmp_path / "site")})
    assert told.out.strip() == str(tmp_path / "site" / "sitecustomize.py")


def test_numbers_stay_the_same(run: Run):
    """Seeded programs give the same bits with the watch; unseeded ones differ each time."""
    seeded = (
        "import random, numpy as np\nrandom.seed(3); np.random.seed(4)\n"
        "print(random.random(), np.random.rand(), np.random.default_rng(5).random(),\n"
        "      np.random.RandomState(6).rand(), random.Random('a').random())\n"
    )
    told = run(seeded)
    assert told.out == run(seeded, watched=False).out
    assert not told.of("draw")
    assert ["numpy.RandomState", 6] in [event[:2] for event in told.of("seed")]
    free = "import random, numpy as np; print(random.random(), np.random.default_rng().random())"
    assert len({run(free).out for _ in range(3)}) == 3


def test_what_a_library_draws_while_it_is_imported_is_marked(run: Run, tmp_path: Path):
    """Wherever the import happens; a generator that it makes later is the caller's doing."""
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "lib.py").write_text("import random\nown = random.Random()\nmake = random.Random\n")
    told = run("x = 1\nimport lib; lib.make()\n", env={"PYTHONPATH": str(site)})
    assert [(event[4], event[5]) for event in told.of("draw")] == [(2, True), (2, False)]


def test_names_taken_before_the_watch_are_seen(run: Run):
    """``from time import time`` before ``import notabene`` is the watched clock afterwards."""
    code = (
        "from time import time\nfrom os import stat, getenv\nfrom numpy.random import default_rng\n"
        "import notabene\nfrom notabene.capture.watch import current\n"
        "time(); default_rng(3)\ntry: stat('nope')\nexcept OSError: pass\n"
        "print(sorted({e[0] for e in current().events} & {'clock', 'seed', 'missing'}))\n"
    )
    assert run(code, watched=False).out == "['clock', 'missing', 'seed']\n"


def test_fifos_devices_and_replaced_opens(run: Run):
    """A pipe with a name is not read by us; devices are no data; a replaced ``open`` works."""
    code = (
        "import builtins, os, threading\nos.mkfifo('pipe')\n"
        "threading.Thread(target=lambda: open('pipe', 'w').write('x')).start()\n"
        "print(open('pipe').read())\n"
        "threading.Thread(target=lambda: open('pipe').read()).start()\n"
        "open('pipe', 'w').write('y')\nopen('/dev/null').read()\n"
        "real = builtins.open\nbuiltins.open = lambda *a, **k: real(*a, **k)\n"
        "open('train.py').close()\n"
    )
    told = run(code)
    assert (told.code, told.out, told.err) == (0, "x\n", "")
    assert not told.of("kept")
    assert {event[0] for event in told.of("read")} == {"pipe", "train.py"}


FLOOD = """
import os
os.mkdir("data")
for n in range(400):
    open(f"data/{n}", "w").close()
for n in range(300):
    open(f"data/{n}").close()
for n in range(300, 400):
    open(f"data/{n}").close()
open("alone", "w").close()
open("alone").close()
"""


def test_a_data_set_of_many_files_has_the_line_that_reads_it(run: Run):
    """Each file, up to the last one."""
    told = run(FLOOD)
    read = told.of("read")
    assert [Path(event[0]).name for event in read] == [*map(str, range(400)), "alone"]
    lines = [event[2] for event in read]
    assert lines[300:400] == [9] * 100
    assert lines[400] == 11
    assert len({event[1] for event in read}) == 1


ODD = """
import os
here = os.getcwd() + "/"
os.mkdir("a"); os.mkdir("b")
names = [here + f"a/{at}" for at in range(300)]
names += [here + 'b/say "so"', here + "b/c:\\\\d", here + "b/\\xe9\\n"]
names += [os.fsencode(here + "b/bytes")]
for name in names:
    open(name, "w").close()
names += ["/proc/self/status", "/etc/passwd"]
for name in names + names:
    open(name).close()
"""


@pytest.mark.parametrize("python", [PYTHONS[0], PYTHONS[1], PYTHONS[-1]])
def test_other_names_in_a_flood(run: Run, python: str):
    """Other folders, names that JSON escapes, bytes; what is no data stays out."""
    told = run(ODD, python=python)
    assert (told.code, told.err) == (0, "")
    read = [(str(Path(name).relative_to(Path(name).parents[1])), line)
            for name, _, line, _ in told.of("read") if name != "train.py"]  # fmt: skip
    names = [*(f"a/{at}" for at in range(300)), 'b/say "so"', "b/c:\\d", "b/\xe9\n", "b/bytes"]
    assert read == [(name, 12) for name in names]
    assert len([event for event in told.logs[0] if event[0] == "read"]) < 290


CELLS = """
import os
here = os.getcwd() + "/d/"
os.mkdir("d")
for at in range(900):
    open(here + str(at), "w").close()
for cell in ("one", "two"):
    exec(compile(f"\\ndef {cell}(at):\\n    open(here + str(at)).close()\\n", cell + ".py", "exec"))
for at in range(0, 900, 2):
    one(at); two(at + 1)
"""


def test_functions_of_other_files_in_one_module(run: Run):
    """As those of a notebook's cells: their lines are alike, and the files are not."""
    told = run(CELLS)
    assert (told.code, told.err) == (0, "")
    files = {int(Path(name).name): file for name, file, _, _ in told.of("read") if "/d/" in name}
    assert files == {at: ("one.py", "two.py")[at % 2] for at in range(900)}


def test_what_notabene_reads_in_a_flood_is_no_input(tmp_path: Path):
    """A file that is logged as an artifact between the files of a data set is an output."""
    data = tmp_path / "data"
    data.mkdir()
    for name in [*map(str, range(200)), "model"]:
        (data / name).write_text(name)
    (tmp_path / "train.py").write_text(
        "import notabene\n"
        "run = notabene.init('p', store='store')\n"
        "for n in range(200):\n"
        "    open(f'data/{n}').close()\n"
        "    if n == 150:\n"
        "        run.log_artifact('data/model')\n"
        "run.finish()\n"
    )
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True, timeout=120)
    with notabene.Api(tmp_path / "store") as api:
        (run,) = api.runs()
        read = {one.path for one in api.record(run).data.read}
    assert read == {f"data/{n}" for n in range(200)}


def test_threads_that_read_one_folder_have_lines_of_their_own(run: Run):
    """Whatever line another thread read its files by."""
    code = """
import os, threading
os.mkdir("data")
for n in range(400):
    open(f"data/{n}", "w").close()
def other():
    open("data/399").close()
for n in range(200):
    open(f"data/{n}").close()
thread = threading.Thread(target=other)
thread.start()
thread.join()
"""
    read = {Path(name).name: line for name, _, line, _ in run(code).of("read")}
    assert read["199"] == 9
    assert read["399"] == 7


def test_libraries_with_native_readers_are_waited_for():
    """Every library that has functions to wrap is waited for, and no other."""
    assert {*readers._READ, *readers._WRITE} == set(begin.NATIVE.split())


def test_only_the_standard_library_is_loaded(run: Run):
    """The rest of notabene, and slow modules, stay out of a watched program."""
    code = "import sys; print([m for m in sys.modules if m.startswith(('notabene', 're', 'json'))])"
    names = run(code, python=PYTHONS[-1]).out
    assert "'re'" not in names
    assert "'json'" not in names
    assert "notabene.model" not in names


TWINS = """
import os, threading
def make(n):
    for at in range(n):
        open(f"d/{at}", "w").close()
os.mkdir("d"); make(1200); here = os.getcwd() + "/d/"
def one(path): return open(path).close()
def two(path): return open(path).close()
for at in range(0, 300, 2):
    one(here + str(at)); two(here + str(at + 1))
for at in range(300, 400):
    open(here + str(at)).close()
for at in range(400, 500):
    open(here + str(at)).close(); open("made", "w").close()
def many(start):
    for at in range(start, start + 100):
        open(here + str(at)).close()
threads = [threading.Thread(target=many, args=(500 + 100 * n,)) for n in range(7)]
[one.start() for one in threads]; [one.join() for one in threads]
"""


@pytest.mark.parametrize("python", [PYTHONS[0], PYTHONS[1], PYTHONS[-1]])
def test_a_flood_is_told_file_by_file(run: Run, python: str):
    """However fast they come: each file once, with its own line, in the order of what happened."""
    told = run(TWINS, python=python)
    assert (told.code, told.err) == (0, "")
    lines = [(Path(name).name, line) for name, _, line, _ in told.of("read") if "/d/" in name]
    assert sorted(int(name) for name, _ in lines) == list(range(1200))
    expected = {at: 7 + at % 2 for at in range(300)}
    expected |= dict.fromkeys(range(300, 400), 12) | dict.fromkeys(range(400, 500), 14)
    assert {int(name): line for name, line in lines} == expected | dict.fromkeys(
        range(500, 1200), 17
    )
    # 256 events come one by one, and then those of a line together.
    assert len([event for event in told.logs[0] if event[0] == "read"]) < 800
    first = [event[0] for event in told.logs[0]].index("write")
    assert first < [event[0] for event in told.logs[0]].index("read")
