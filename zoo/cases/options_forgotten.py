import argparse

import numpy as np

import notabene as nb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--wd", type=float, default=0.01)
args = parser.parse_args()

run = nb.init("zoo", config={"lr": args.lr})
rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 4)), rng.normal(size=64)
w = np.zeros(4)
for step in range(20):
    gradient = x.T @ (x @ w - y) / 64 + args.wd * w
    w -= args.lr * gradient
    nb.log({"loss": float(((x @ w - y) ** 2).mean())}, step=step)
nb.finish()
