"""Many files that one line has libraries open: each with that line, however fast they come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

import notabene
from notabene.capture.watch import files
from notabene.capture.watch.core import Watch
from tests.unit.capture.watch.conftest import PYTHONS, Run, Told

SOME = [PYTHONS[0], PYTHONS[1], PYTHONS[-1]]

LIBRARY = """
def read(path):
    with open(path, "rb") as file:
        return file.read()
def deep(path, depth):
    return deep(path, depth - 1) if depth else read(path)
def both(path):
    deep(path, 2)
    return read(path + ".index")
def call(function, path):
    return function(path)
names = iter([])
def following():
    return read(next(names))
"""

MADE = """import dataclasses, gzip, os, pathlib, sys, threading, lib; here = os.getcwd() + "/d/"
os.mkdir("d"); [open(here + str(at), "w").close() for at in range(1200)]"""
"""Two lines: what follows begins in the third."""

LONG = "; ".join(["at += 0"] * 60)
"""Further down than where lines are counted fast."""

Watched = Callable[..., Told]


@pytest.fixture
def watched(run: Run, tmp_path: Path) -> Watched:
    """Runs a program that imports a library, and finds files 0 to 1199 in ``here``."""
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "lib.py").write_text(LIBRARY)

    def start(code: str, python: str = sys.executable) -> Told:
        told = run(MADE + code, python=python, env={"PYTHONPATH": str(site)})
        assert (told.code, told.err) == (0, "")
        return told

    return start


def lines_of(told: Told) -> list[tuple[str, int]]:
    """The files below ``here`` and the line of each, by number."""
    read = [(name, file, line) for name, file, line, _ in told.of("read") if "/d/" in name]
    assert all(Path(file).name == ("train.py" if line else "") for _, file, line in read)
    found = [(name.rpartition("/d/")[2], line) for name, _, line in read]
    return sorted(found, key=lambda one: (int(one[0].partition(".")[0]), one[0]))


def count_of(told: Told) -> int:
    """How many events tell of files that were read."""
    return len([event for event in told.logs[0] if event[0] == "read"])


WAYS = """
def far(start):
    at = 0; LONG
    for at in range(start, start + 100):
        lib.read(here + str(at))
def near(start):
    for at in range(start, start + 100, 2):
        pathlib.Path(here + str(at)).read_bytes(); open(here + str(at + 1), "rb").close()
for at in range(0, 100):
    pathlib.Path(here + str(at)).read_bytes()
for at in range(100, 200):
    gzip.open(here + str(at)).close()
for at in range(200, 300):
    lib.read(here + str(at))
for at in range(300, 400):
    lib.deep(here + str(at), at % 5)
for at in range(400, 500):
    os.close(os.open(here + str(at), os.O_RDONLY))
far(500); near(600)
""".replace("LONG", LONG)


@pytest.mark.parametrize("python", SOME)
def test_what_a_library_opens_has_the_line_that_called_it(watched: Watched, python: str):
    """However deep it goes, in the main program and in functions; as few events."""
    told = watched(WAYS, python)
    expected = (11, 13, 15, 17, 19, 6, 9)
    assert lines_of(told) == [(str(at), expected[at // 100]) for at in range(700)]
    assert count_of(told) < 100


def test_two_files_for_a_call_have_its_line(watched: Watched):
    """A library opens the data at another depth than the index."""
    told = watched("""
for at in range(600):
    open(f"{here}{at}.index", "w").close()
for at in range(600):
    lib.both(here + str(at))
""")
    expected = [(name, 6) for at in range(600) for name in (str(at), f"{at}.index")]
    assert lines_of(told) == expected
    assert count_of(told) < 100


TURNS = """
def one(at): return lib.read(here + str(at))
def two(at): return lib.read(here + str(at))
def far_one(at): LONG; return lib.read(here + str(at))
def far_two(at): LONG; return lib.read(here + str(at))
for at in range(300):
    (one, two)[at % 2](at)
for at in range(300, 600):
    (one, two)[at // 5 % 2](at)
for at in range(600, 900):
    (far_one, far_two)[at // 5 % 2](at)
for start in range(900, 1200, 10):
    for at in range(start, start + 5):
        lib.read(here + str(at))
    for at in range(start + 5, start + 10):
        lib.read(here + str(at))
""".replace("LONG", LONG)


@pytest.mark.parametrize("python", SOME)
def test_lines_that_call_one_library_by_turns(watched: Watched, python: str):
    """Each has its own files, whether they take turns after one file, or after some."""
    expected = [3 + at % 2 for at in range(300)]
    for first, second in ((3, 4), (5, 6), (15, 17)):
        expected += ([first] * 5 + [second] * 5) * 30
    told = watched(TURNS, python)
    assert lines_of(told) == [(str(at), line) for at, line in enumerate(expected)]
    assert count_of(told) < 100, "lines that take turns are known side by side"


def test_more_lines_by_turns_than_are_known_at_once(watched: Watched):
    """Slower, and right all the same."""
    lines = "\n".join(f"def f{at}(at): return lib.read(here + str(at))" for at in range(7))
    told = watched(f"""
{lines}
for at in range(700):
    globals()[f"f{{at % 7}}"](at)
""")
    assert lines_of(told) == [(str(at), 3 + at % 7) for at in range(700)]


@pytest.mark.parametrize("place", ["main", "function"])
@pytest.mark.parametrize("way", ["way(path)", "lib.call(way, path)"])
def test_the_users_function_between_is_nearer(watched: Watched, way: str, place: str):
    """Than the line that called it, or had a library call it, and a library opens files itself."""
    told = watched(f"""
def mine(path): return lib.read(path)
def again(path, depth=3):
    return again(path, depth - 1) if depth else lib.call(lib.read, path)
ways = (lib.read, mine, again, pathlib.Path.read_bytes)
def load(way, path): {way}
for at in range(800):
    way, path = ways[at // 5 % 4], pathlib.Path(here + str(at))
    {way if place == "main" else "load(way, path)"}
""")
    line = 10 if place == "main" else 7
    assert lines_of(told) == [(str(at), (line, 3, 5, line)[at // 5 % 4]) for at in range(800)]


def test_what_a_librarys_thread_opens_has_no_line(watched: Watched):
    """Though the frames below are those that were between others and their line."""
    told = watched("""
def load(at):
    thread = threading.Thread(target=lib.read, args=(here + str(at),))
    thread.run() if at // 5 % 2 else (thread.start(), thread.join())
for at in range(200):
    load(at)
""")
    assert lines_of(told) == [(str(at), (0, 5)[at // 5 % 2]) for at in range(200)]


@pytest.mark.parametrize("python", SOME)
def test_what_is_compiled_for_a_module_has_lines_of_its_own(watched: Watched, python: str):
    """The method of a dataclass has the module's globals, and its third line is another."""
    told = watched(
        """
def load(): return lib.following()
@dataclasses.dataclass
class Part:
    content: bytes = dataclasses.field(default_factory=lib.following)
lib.names = (here + str(at) for at in range(800))
for turn in range(800):
    (load, Part)[turn // 5 % 2]()
lib.names = (here + str(at) for at in range(800, 1200))
for turn in range(400):
    load()
""",
        python,
    )
    expected = [(3, 9)[at // 5 % 2] for at in range(800)] + [3] * 400
    assert lines_of(told) == [(str(at), line) for at, line in enumerate(expected)]
    assert count_of(told) < 800


def test_threads_whose_lines_call_one_library(watched: Watched):
    """Each file has the line of its thread, wherever one is interrupted by another."""
    told = watched("""
def one(start):
    for at in range(start, start + 2000):
        lib.read(here + str(at))
def two(start):
    for at in range(start, start + 2000):
        open(here + str(at), "rb").close()
[open(here + str(at), "w").close() for at in range(1200, 12000)]
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=(one, two)[n % 2], args=(2000 * n,)) for n in range(6)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
""")
    assert dict(lines_of(told)) == {str(at): (5, 8)[at // 2000 % 2] for at in range(12000)}
    assert len(lines_of(told)) == 12000


def test_names_relative_to_an_open_folder(watched: Watched):
    """They are completed, though the same line gave ``os.open`` whole names before."""
    told = watched("""
above = os.open("d", os.O_RDONLY)
for at in range(400):
    inside = at // 5 % 2
    name, folder = (str(at), above) if inside else (here + str(at), None)
    os.close(os.open(name, os.O_RDONLY, dir_fd=folder))
""")
    assert lines_of(told) == [(str(at), 7) for at in range(400)]


def test_parts_of_python_are_no_data(watched: Watched):
    """Whatever a library opened before and after them for the same line."""
    told = watched("""
names = [here + str(at) + (".pyc" if at % 5 == 4 else "") for at in range(400)]
for name in names:
    open(name, "w").close()
for name in names:
    lib.read(name)
""")
    assert lines_of(told) == [(str(at), 7) for at in range(400) if at % 5 != 4]
    assert len(told.of("source")) >= 80


def test_what_notabene_reads_between_is_no_input(tmp_path: Path):
    """Files logged as artifacts by the line that has others opened, in the way it opens them."""
    data = tmp_path / "data"
    data.mkdir()
    for name in [*map(str, range(200)), "model50", "model150"]:
        (data / name).write_text(name)
    (tmp_path / "train.py").write_text(
        "import notabene, os\n"
        "run = notabene.init('p', store='store')\n"
        "flags, log = os.O_RDONLY | os.O_NONBLOCK, run.log_artifact\n"
        "def load(n):\n"
        "    os.close(os.open(f'data/{n}', flags)); n in (50, 150) and log(f'data/model{n}')\n"
        "for n in range(200): load(n)\n"
        "run.finish()\n"
    )
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True, timeout=120)
    with notabene.Api(tmp_path / "store") as api:
        (run,) = api.runs()
        read = {one.path for one in api.record(run).data.read}
    assert read == {f"data/{n}" for n in range(200)}


class Threads:
    """A watch of its own and the hook, called as the audit hook is where two lines open files."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.watch.on = True
        observer = self.watch.files = files.Files(self.watch)
        self._hook = files._hook(self.watch, observer)

    def one(self, name: str) -> None:
        """A line."""
        self._hook("open", (f"/data/{name}", "r", os.O_RDONLY))

    def two(self, name: str) -> None:
        """Another line."""
        self._hook("open", (f"/data/{name}", "r", os.O_RDONLY))

    def read(self) -> list[str]:
        """The files of each event."""
        read = [event[1] for event in self.watch.events if event[0] == "read"]
        return [" ".join(Path(name).name for name in names) for names in read]


def test_a_thread_that_ends_a_flood_meanwhile(monkeypatch: pytest.MonkeyPatch):
    """Nothing is added to what it has taken."""
    threads = Threads()
    [threads.one(name) for name in "ab"]
    monkeypatch.setattr(files, "monotonic", lambda: threads.watch.end_floods() or monotonic())
    threads.one("c")
    assert threads.read() == ["a b", "c"]


def test_a_thread_that_takes_an_event_as_it_comes():
    """Nothing is added to it, though it begins a flood."""
    threads = Threads()

    class Events(list):
        def append(self, event: object) -> None:
            super().append(event)
            threads.watch.end_floods()

    threads.watch.events = Events()
    [threads.one(name) for name in "abc"]
    assert threads.read() == ["a", "b", "c"]


def test_what_other_threads_read_while_events_are_written(tmp_path: Path):
    """Each file is written, once."""
    threads = Threads()
    end_floods = threads.watch.end_floods

    def meanwhile() -> None:
        end_floods()
        threads.watch.end_floods = end_floods
        [threads.one(name) for name in "ab"]
        threads.two("c")

    threads.watch.spill(str(tmp_path), batch=False)
    threads.one("before")
    threads.watch.end_floods = meanwhile
    threads.watch.flush()
    threads.one("d")
    threads.watch.flush()
    threads.watch.release()
    (file,) = tmp_path.iterdir()
    events = [json.loads(line) for line in file.read_text().splitlines()]
    written = [Path(name).name for event in events if event[0] == "read" for name in event[1]]
    assert sorted(written) == ["a", "b", "before", "c", "d"]
