"""Log one run for a while: live.py [name [seconds [rows a second [seconds of silence before]]]]."""

from __future__ import annotations

import math
import random
import sys
import time

import notabene

NAME = sys.argv[1] if len(sys.argv) > 1 else "live"
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 60
RATE = float(sys.argv[3]) if len(sys.argv) > 3 else 10
SILENT = float(sys.argv[4]) if len(sys.argv) > 4 else 0
"""Seconds before the first row."""

config = {"optim": {"lr": 0.01}, "live": True}
with notabene.init("vision", name=NAME, config=config, tags=["live"]) as run:
    run.define_metric("val/acc", goal="max")
    time.sleep(SILENT)
    begun, step = time.monotonic(), 0
    while time.monotonic() - begun < SECONDS:
        loss = 2 * math.exp(-step / 300) + random.gauss(0, 0.05)
        run.log({"train/loss": loss, "train/grad_norm": abs(random.gauss(1, 0.2))}, step=step)
        if step % 20 == 0:
            run.log({"val/acc": 1 - math.exp(-step / 400)}, step=step)
            print(f"\x1b[36mstep {step}\x1b[0m {time.strftime('%X')}", flush=True)
        step += 1
        time.sleep(1 / RATE)
