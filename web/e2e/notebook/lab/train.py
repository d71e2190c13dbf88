"""Fits a line."""

import argparse
import sys

import numpy as np

import notabene

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--wd", type=float, default=0.0)
parser.add_argument("--seed", type=int, default=None)
args = parser.parse_args()
SCALE = 1.0
rng = np.random.default_rng(args.seed)
with open("train.csv") as file:
    data = np.array([line.split(",") for line in file.read().split()[1:]], float)
name = " ".join(word.removeprefix("--") for word in sys.argv[1:]) or "plain"
with notabene.init("lab", name=name, config={"lr": args.lr}) as run:
    run.define_metric("val/acc", goal="max")
    w = rng.normal()
    for step in range(60):
        x, y = data[rng.integers(0, len(data), 32)].T
        w -= args.lr * (2 * ((w * x - y) * x).mean() + args.wd * w) * SCALE
        loss = float(np.square(w * x - y).mean()) if args.lr < 50 or step < 20 else float("nan")
        if args.lr == 7 and step == 10:
            raise ValueError("bad learning rate: 7")
        run.log({"train/loss": loss, "val/acc": 1 / (1 + loss)}, step=step)
    np.savez("model.npz", w=w)
