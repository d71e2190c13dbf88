"""What comes in otherwise than by files the program opens: it is compared, and given back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

PIPED = """\
import sys
import notabene
rows = [float(line) for line in sys.stdin]
run = notabene.init("p", config={"x": 1})
for at, row in enumerate(rows):
    run.log({"loss": row}, step=at)
"""
FETCHED = """\
import sys, urllib.request
import notabene
run = notabene.init("p", config={"x": 1})
text = urllib.request.urlopen(sys.argv[1]).read()
run.log({"loss": float(text)}, step=0)
"""
STARTED = """\
import subprocess
import notabene
run = notabene.init("p", store="../store", config={"x": 1})
text = subprocess.check_output(["sh", "count.sh", "words.txt", "seen.log"])
run.log({"loss": float(text)}, step=0)
run.finish()
"""
COUNT = "wc -w < $1\ndate +%N >> $2\n"
WALKED = """\
import os
import notabene
found = {k: v for k, v in os.environ.items() if k.startswith("TRAIN_")}
run = notabene.init("p", config=found)
run.log({"loss": float(found.get("TRAIN_LR", 0))}, step=0)
"""


def test_a_pipe_is_compared_and_given_back(world):
    """What was piped in is kept: a rerun has it, a swap has the other's, a change is named."""
    (world.project / "train.py").write_text(PIPED)
    one, other = world.run(given="1\n2\n3\n"), world.run(given="1\n2\n4\n")
    assert world.before(given="1\n2\n4\n") == ("near", ["standard input"])  # nobody has read it
    found = world.json("diff", one, other)["differences"][0]
    assert (found["class"], found["item"], found["note"]) == (
        "data",
        "standard input",
        "1 row changed",
    )
    told = world.json("check", other, code=None)["findings"]
    assert [f["what"] for f in told if f["class"] == "data-content"] == [
        "standard input has another content than before"
    ]
    shutil.rmtree(world.project)
    assert world.json("reproduce", one)["verdict"] == "bit-exact"
    assert world.json("why", one, other, "--rerun")["reruns"]["cause"] == ["standard input"]


def test_a_file_put_there_by_the_shell(world):
    """It counts by its content, wherever it lies, and is known before the program begins."""
    (world.project / "train.py").write_text(PIPED)
    (world.project / "d.txt").write_text("1\n2\n")

    def run(name, *words):
        with (world.project / name).open() as given:
            return subprocess.run(
                [sys.executable, "-m", "notabene", "run", *words, "--", sys.executable, "train.py"],
                cwd=world.project,
                env=world.env,
                stdin=given,
                capture_output=True,
                text=True,
            ).stdout

    def before(name):
        return run(name, "--dry-run")

    run("d.txt", "--id", "one")
    assert before("d.txt").startswith("same as run")
    shutil.copy(world.project / "d.txt", world.far / "copy.txt")
    assert before(str(world.far / "copy.txt")).startswith("same as run")
    (world.project / "d.txt").write_text("1\n3\n")
    assert "standard input changed" in before("d.txt")
    (world.project / "d.txt").unlink()
    assert world.json("reproduce", "one")["verdict"] == "bit-exact"


def test_a_secret_that_is_piped_in_is_not_kept(world):
    """Then the run cannot be given it again, and that is said."""
    (world.project / "train.py").write_text("import sys; print(len(sys.stdin.read()))")
    secret = "hf_QmT2xL8vWc1RzN7bKyH3dJ6gPaEsUo4"
    run = world.run(given=f"{secret}\n")
    (missing,) = world.json("reproduce", run, code=3)["missing"]
    assert (missing["item"], missing["why"]) == ("the standard input", "holds a secret: not kept")
    texts = [path.read_bytes() for path in world.folder.rglob("*") if path.is_file()]
    assert not [text for text in texts if secret.encode() in text]


@pytest.fixture
def address(world):
    """Where the file ``far/labels.txt`` is served."""
    handler = partial(_Quiet, directory=str(world.far))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/labels.txt"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


def test_an_answer_that_changed_is_named(world, address):
    """By its address, as what explains the results; with a network nothing is fixed."""
    (world.project / "train.py").write_text(FETCHED)
    (world.far / "labels.txt").write_text("1")
    one = world.run(address)
    assert world.before(address) == ("not-fixed", [])
    (world.far / "labels.txt").write_text("2")
    other = world.run(address)
    found = world.json("diff", one, other)["differences"][0]
    assert (found["class"], found["item"], found["explains"]) == ("network", address, "yes")
    assert found["where"] == "train.py:4"
    told = world.json("check", other, code=None)["findings"]
    assert f"{address} sent something else than before" in [f["what"] for f in told]
    assert {f["class"] for f in told} >= {"network-read"}
    assert "numeric-nondeterminism" not in {f["class"] for f in told}


def test_files_named_to_programs_are_inputs(world):
    """Where the program left them as they were; also without ``notabene run``."""
    (world.project / "train.py").write_text(STARTED)
    (world.project / "count.sh").write_text(COUNT)
    (world.project / "words.txt").write_text("a b c")
    (world.project / "seen.log").write_text("")

    def start():
        subprocess.run([sys.executable, "train.py"], cwd=world.project, env=world.env, check=True)
        return world.json("ls", "--limit", "1")[0]["id"]

    one = start()
    record = world.json("show", one, "--record")
    assert {read["path"] for read in record["data"]["read"]} == {"count.sh", "words.txt"}
    assert world.before()[0] == "duplicate"
    (world.project / "words.txt").write_text("a b c d")
    assert world.before() == ("near", ["./words.txt"])
    (found,) = world.json("diff", one, start())["differences"]
    assert (found["class"], found["item"]) == ("data", "words.txt")
    shutil.rmtree(world.project)
    assert world.json("reproduce", one)["verdict"] == "bit-exact"


def test_variables_that_a_walk_looks_for(world):
    """One that is set later makes another run; others of the environment make none."""
    (world.project / "train.py").write_text(WALKED)
    one = world.run()
    assert world.before(OTHER="1") == ("duplicate", [])
    assert world.before(TRAIN_LR="1") == ("near", ["$TRAIN_LR"])
    other = world.run(TRAIN_LR="1")
    assert world.before(TRAIN_LR="1") == ("duplicate", [])
    assert world.before(TRAIN_LR="1", TRAIN_B="") == ("near", ["$TRAIN_B"])
    items = [d["item"] for d in world.json("diff", one, other)["differences"]]
    assert "$TRAIN_LR" in items
    assert not [item for item in items if "*" in item]
    assert world.json("reproduce", other)["verdict"] == "bit-exact"


LISTED = """\
import glob, os
import notabene
files = sorted(glob.glob("rows/**/*.txt", recursive=True))
sizes = sum(os.path.getsize(path) for path in files)
newest = max(os.listdir("rows"), key=lambda name: os.path.getmtime(f"rows/{name}"))
run = notabene.init("p", config={"x": 1})
run.log({"loss": len(files) + sizes / 1000 + len(newest) / 10 + len(os.listdir("../far"))}, step=0)
"""


def test_names_that_were_listed_are_there_again(world):
    """With their sizes and times, though nobody read what is in them."""
    (world.project / "train.py").write_text(LISTED)
    (world.project / "rows" / "deep").mkdir(parents=True)
    for name, age in (("a.txt", 5), ("bb.txt", 1), ("deep/c.txt", 9), ("other.bin", 7)):
        path = world.project / "rows" / name
        path.write_text(name * 100)
        os.utime(path, (1e9 - age, 1e9 - age))
    os.utime(world.project / "rows" / "deep", (1e8, 1e8))
    (world.far / "x").touch()
    run = world.run()
    shutil.rmtree(world.project)
    (world.far / "x").unlink()
    assert world.json("reproduce", run)["verdict"] == "bit-exact"


def test_a_program_that_is_not_installed_is_no_missing_file(world):
    """Looking through PATH for it says nothing of the data; a file of the project does."""
    (world.project / "train.py").write_text(
        "import os, shutil\nshutil.which('no-such-tool')\nprint(os.path.exists('last.ckpt'))\n"
    )
    run = world.run()
    missing = world.json("show", run, "--record")["data"]["missing"]
    assert [one["path"] for one in missing] == ["last.ckpt"]


def test_what_is_switched_off_is_not_kept(world):
    """Neither files, nor what was piped in, nor names that were listed."""
    code = (
        "import os, sys, notabene\nfrom notabene import Capture\n"
        "open('rows-of-data.txt').read(); sys.stdin.read(); os.listdir('.')\n"
        "off = Capture(data=False, outside=False)\n"
        "run = notabene.init('p', store='../store', capture=off)\nrun.log({'loss': 1.0})\n"
        "run.finish()\n"
    )
    (world.project / "train.py").write_text(code)
    (world.project / "rows-of-data.txt").write_text("in the file")
    words = [sys.executable, "train.py"]
    subprocess.run(words, cwd=world.project, env=world.env, input=b"in the pipe", check=True)
    kept = [one.read_bytes() for one in (world.folder / "store").rglob("*") if one.is_file()]
    assert not [text for text in kept if b"in the file" in text or b"in the pipe" in text]
    assert not [text for text in kept if b'"rows-of-data.txt","size"' in text]
