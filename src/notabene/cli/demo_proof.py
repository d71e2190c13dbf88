"""The second half of ``notabene demo``: a program that forgot something, and what is made of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from notabene.cli.render import hint, open_api, say
from notabene.errors import NotabeneError
from notabene.settings import environment

PROJECT = "demo-proof"

TRAIN = """\
import argparse

import numpy as np

import notabene

MOMENTUM = 0.9

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.2)
parser.add_argument("--eval-batch", type=int, default=128)
args = parser.parse_args()

table = np.loadtxt("digits.csv", delimiter=",")
x, y = table[:, :-1] / 16, table[:, -1].astype(int)
x, y, x_val, y_val = x[:1350], y[:1350], x[1350:], y[1350:]
weights, speed = np.zeros((64, 10)), np.zeros((64, 10))

with notabene.init("demo-proof", config={"lr": args.lr}) as run:
    for epoch in range(12):
        for rows in np.array_split(np.random.permutation(len(x)), 40):
            scores = np.exp(x[rows] @ weights)
            chances = scores / scores.sum(axis=1, keepdims=True)
            chances[np.arange(len(rows)), y[rows]] -= 1
            speed = MOMENTUM * speed - args.lr / len(rows) * (x[rows].T @ chances)
            weights += speed
        parts = range(0, len(x_val), args.eval_batch)
        scores = np.concatenate([x_val[at : at + args.eval_batch] @ weights for at in parts])
        run.log({"val/accuracy": (scores.argmax(axis=1) == y_val).mean()}, step=epoch)
    np.save("weights.npy", weights)
"""
_SEEDED = ("args = parser.parse_args()\n", "args = parser.parse_args()\nnp.random.seed(7)\n")
_LATER = (
    ("MOMENTUM = 0.9", "MOMENTUM = 0.5"),
    ("import argparse\n", '"""Digits, by hand."""\n\nimport argparse\n'),
)


class Stage:
    """A project folder in which programs and commands are run, each shown before.

    Args:
        folder: For the project; emptied.
        store: The store.
    """

    def __init__(self, folder: Path, store: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder, self.store = folder, store
        self.env = {**environment(), "NOTABENE_STORE": store}
        self.env.pop("NOTABENE_QUIET", None)

    def write(self, text: str, *changes: tuple[str, str]) -> str:
        """Write the program anew, with changes; gives the text."""
        for old, new in changes:
            text = text.replace(old, new)
        (self.folder / "train.py").write_text(text, encoding="utf-8")
        return text

    def train(self, *words: str) -> str:
        """Run the program; gives the id of the run."""
        say(f"\n$ python train.py {' '.join(words)}".rstrip(), bold=True)
        line = [sys.executable, "train.py", *words]
        subprocess.run(line, cwd=self.folder, env=self.env, check=True)
        with open_api(self.store) as api:
            return str(api.runs(project=PROJECT, order_by="-created", limit=1)[0].id)

    def show(self, *words: str) -> None:
        """Run one of our commands."""
        short = [word[-6:] if len(word) == 16 and word.isalnum() else word for word in words]
        say(f"\n$ notabene {' '.join(short)}", bold=True)
        line = [sys.executable, "-m", "notabene", "--store", self.store, *words]
        done = subprocess.run(line, cwd=self.folder, env=self.env, check=False)
        if done.returncode not in (0, 1):
            raise NotabeneError(f"notabene {words[0]} ended with code {done.returncode}")


def show_proof(folder: Path, store: str) -> None:
    """What the record knows: gaps, repeats, differences, causes, and a run again.

    Args:
        folder: A folder that may be emptied.
        store: The store.
    """
    from sklearn.datasets import load_digits

    stage = Stage(folder, store)
    say("\nA program that forgot to log, and to seed", bold=True)
    hint(f"in {folder}; the project is {PROJECT!r}")
    table = load_digits()
    rows = [
        [*map(int, row), int(label)] for row, label in zip(table.data, table.target, strict=True)
    ]
    lines = [",".join(map(str, row)) for row in rows]
    (folder / "digits.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = stage.write(TRAIN)
    first = stage.train("--lr", "0.2")
    stage.show("check", first)

    say("\nWith a seed, a second time is known before it begins", bold=True)
    seeded = stage.write(text, _SEEDED)
    before = stage.train("--lr", "0.2")
    stage.train("--lr", "0.2")

    say("\nThree things change at once: an option, a constant, a comment", bold=True)
    stage.write(seeded, *_LATER)
    after = stage.train("--lr", "0.2", "--eval-batch", "256")
    stage.show("diff", before, after)
    stage.show("why", before, after, "--rerun")

    say("\nThe first run had no seed, and its folder is gone", bold=True)
    shutil.rmtree(folder)
    folder.mkdir()
    stage.show("reproduce", first)
