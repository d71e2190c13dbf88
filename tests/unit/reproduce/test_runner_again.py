"""Whole programs run again: the project is gone, and the same bits come out."""

from __future__ import annotations

import os
import shutil

import pytest

SCRIPT = """\
import argparse
import random
import sys

import notabene
from steps import step

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--shift", type=float, default=0.0)
parser.add_argument("--note", default="")
parser.add_argument("--data", default="data.csv")
parser.add_argument("--api-token", default="")
parser.add_argument("--salt", default="")
args = parser.parse_args()
rows = [float(line) for line in open(args.data)]
rows += [float(open(args.salt).readline())] if args.salt else []
run = notabene.init("p", config={"lr": args.lr})
value = 1.0
for at in range(20):
    value = step(value, args.lr, rows) + args.shift
    run.log({"loss": value}, step=at)
with open("model.txt", "w") as file:
    file.write(repr(value))
"""
STEPS = """\
import random


def step(value, lr, rows):
    random.shuffle(rows)
    return value - lr * rows[0] * value * random.random()
"""
SECRET = "sk-proj-4f9QmT2xL8vWc1RzN7bKyH3dJ6gP"
TOKEN = "hf_QmT2xL8vWc1RzN7bKyH3dJ6gPaEsUo4"


def write(world, *, seeded=False):
    """The project: a script, a module of it, and data."""
    seed = "import random\nrandom.seed(3)\n" if seeded else ""
    (world.project / "train.py").write_text(seed + SCRIPT)
    (world.project / "steps.py").write_text(STEPS)
    (world.project / "data.csv").write_text("0.1\n0.2\n0.3\n")


def test_an_unseeded_program_comes_out_the_same(world):
    """Without its project, seeds, or variables a run is proven; no secret is in any text."""
    write(world)
    run = world.run("--lr", "0.25", "--api-token", SECRET, HF_TOKEN=TOKEN)
    before = world.json("check", run, code=1)
    assert (before["proof"], before["record"]) == ("untested", "gaps")
    assert {one["class"] for one in before["findings"]} >= {"unseeded-randomness"}
    shutil.rmtree(world.project)
    found = world.json("reproduce", run)
    assert (found["verdict"], found["compared"], found["original"]) == ("bit-exact", 20, run)
    after = world.json("check", run, code=None)
    assert (after["proof"], after["grade"]) == ("proven", "proven")
    texts = [path for path in world.folder.rglob("*") if path.is_file()]
    told = [world.said.encode(), *(path.read_bytes() for path in texts)]
    assert not [text for text in told if SECRET.encode() in text or TOKEN.encode() in text]


def test_first_steps_and_what_is_missing(world):
    """The first steps alone; then data that was not kept changes, and then is gone."""
    write(world, seeded=True)
    salt = world.far / "salt.bin"
    salt.write_text("0.5\n")
    os.truncate(salt, 65 << 20)  # too large to be kept
    run = world.run("--salt", str(salt))
    found = world.json("reproduce", run, "--steps", "5")
    assert (found["verdict"], found["compared"]) == ("bit-exact", 5)
    assert world.json("check", run, code=None)["proof"] == "steps"
    for change, why in ((lambda: os.truncate(salt, 4), "changed"), (salt.unlink, "gone")):
        change()
        cannot = world.json("reproduce", run, code=3)
        assert cannot["verdict"] == "cannot"
        (missing,) = cannot["missing"]
        assert (missing["what"], missing["item"]) == ("data", str(salt))
        assert why in missing["why"]


@pytest.mark.slow
def test_why_by_reruns(world):
    """Of two options that changed together, the one that decided is found by swapping."""
    write(world, seeded=True)
    one = world.run("--shift", "0", "--note", "a")
    other = world.run("--shift", "0.125", "--note", "b")
    answer = world.json("why", one, other, "--rerun")
    found = answer["reruns"]
    assert found["cause"] == ["shift"]
    assert found["answer"] == "shift (0 → 0.125) is the cause"
    assert "at most" in world.said
    world.notabene("why", one, other, "--rerun", "--budget", "1s", code=None)
    assert "more than the budget" in world.said


def test_a_program_that_names_its_store(world):
    """It is run again into the store that the command was given; reruns are no repeats."""
    script = SCRIPT.replace("config={", "store='mine', config={")
    write(world, seeded=True)
    (world.project / "train.py").write_text("import random\nrandom.seed(3)\n" + script)
    world.run()
    mine = ("--store", str(world.project / "mine"))
    (run,) = world.json(*mine, "ls")
    found = world.json(*mine, "reproduce", run["id"])
    assert (found["verdict"], found["compared"]) == ("bit-exact", 20)
    runs = world.json(*mine, "ls")
    assert {one["parent"] for one in runs} == {"", run["id"]}
    assert world.json(*mine, "repeats") == []
