"""Log many runs at once, a row a second each, and say when the first run's steps were logged.

    python bench/livelog.py RUNS KEYS SECONDS [QUIET]

The first run is five steps ahead of the others, so that a chart's end is its newest step. After
``SECONDS`` all runs live on for ``QUIET`` seconds without logging. Prints ``started`` once all
runs are there, then a line ``step time`` for each step of the first run.
"""

from __future__ import annotations

import math
import os
import sys
import time

os.environ.update(NOTABENE_QUIET="1", NOTABENE_SYSTEM_EVERY="0")

from notabene.tracking.init import init

AHEAD = 5


def main() -> None:
    """Log until the time is up."""
    count, keys, seconds = (int(text) for text in sys.argv[1:4])
    quiet = float(sys.argv[4]) if len(sys.argv) > 4 else 0
    runs = [init("bench", name=f"name-{at}", capture=False) for at in range(count)]
    print("started", flush=True)
    begun = time.monotonic()
    for step in range(seconds):
        for at, run in enumerate(runs):
            # Spread over the second, as runs that know nothing of each other are.
            due = begun + step + at / count
            time.sleep(max(0.0, due - time.monotonic()))
            here = step + (0 if at else AHEAD)
            row = {f"train/m{key}": math.exp(-here / 50) + key + at / 100 for key in range(keys)}
            run.log(row, step=here)
            if at == 0:
                print(here, time.time(), flush=True)
    print("quiet", flush=True)
    time.sleep(quiet)
    for run in runs:
        run.finish()


if __name__ == "__main__":
    main()
