import argparse
import csv
import os

import notabene as nb

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--run-name", default="first")
parser.add_argument("--output-dir", default="out")
parser.add_argument("--lr", type=float, default=0.01)
args = parser.parse_args()

with open(args.data) as f:
    rows = [(float(a), float(b)) for a, b in csv.reader(f)]
os.makedirs(args.output_dir, exist_ok=True)
run = nb.init("zoo", name=args.run_name, config=vars(args))
w = 0.0
for step in range(20):
    w -= args.lr * sum(2 * x * (w * x - y) for x, y in rows)
    run.log({"loss": sum((w * x - y) ** 2 for x, y in rows)}, step=step)
with open(os.path.join(args.output_dir, "model.txt"), "w") as f:
    f.write(f"{w}\n")
run.finish()
