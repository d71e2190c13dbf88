"""F01 by the promise's own words: three lines of Python, killed anywhere, read by the command line.

The program acknowledges each call that returned in memory that outlives it. It is killed while
it starts, in ``init``, while it logs, in ``finish``, or after the end; then ``notabene ls`` in a
process of its own must tell of all that was acknowledged.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

import notabene
from tests.faults.workload import Counters

ROWS = 60_000
TENS = range(1, 11)
BEGUN, LOGGED, ENDED = range(3)
PROGRAM = """
    import sys; from pathlib import Path; from tests.faults.workload import Counters
    import notabene as nb
    said = Counters(Path(sys.argv[1]))
    r = nb.init('p', config={'lr': .1}); said.set(0, 1)
    [(nb.log({'loss': 1/(i+1)}, step=i), said.set(1, i + 1)) for i in range(int(sys.argv[2]))]
    nb.finish(); said.set(2, 1)
"""


def run_it(store: Path, run: str, said: Counters, killed_after: float | None) -> list[int]:
    """What a program had acknowledged, which is killed so many seconds after its start."""
    for slot in range(3):
        said.set(slot, 0)
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), f"{store}.said", str(ROWS)],
        env={
            **os.environ,
            "NOTABENE_STORE": str(store),
            "NOTABENE_RUN_ID": run,
            "NOTABENE_QUIET": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    if killed_after is not None:
        time.sleep(killed_after)
        os.killpg(program.pid, signal.SIGKILL)
    program.wait(60)
    return said.all()[:3]


def listed(store: Path) -> dict[str, dict]:
    """What ``notabene ls`` says, by run."""
    done = subprocess.run(
        [sys.executable, "-m", "notabene", "ls", "--json", "--limit", "1000"],
        env={**os.environ, "NOTABENE_STORE": str(store)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {run["id"]: run for run in json.loads(done.stdout)}


def problems(store: Path, run: str, said: list[int]) -> list[str]:
    """What is lost, doubled or wrong of a run; [] when nothing is."""
    shown = listed(store).get(run) if (store / "format").exists() else None
    if shown is None:
        return ["init had returned, and the run is not listed"] if said[BEGUN] else []
    wrong = []
    with notabene.Api(store) as api:
        view = api.run(run)
        loss = api.history(run, "loss") if "loss" in view.metrics else None
        if said[BEGUN] and view.config.get("lr") != 0.1:
            wrong.append("the config is lost")
        found = [] if loss is None else loss.steps.tolist()
        if found != list(range(len(found))) or not said[LOGGED] <= len(found) <= said[LOGGED] + 1:
            wrong.append(f"{said[LOGGED]} rows acknowledged, {len(found)} found")
        elif found and loss.values.tolist() != [1 / (i + 1) for i in found]:
            wrong.append("a value is another")
        if view.status not in (("finished",) if said[ENDED] else ("killed", "finished")):
            wrong.append(f"the run is {view.status}")
    return wrong


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in TENS)])
def test_three_lines_killed_anywhere(tmp_path: Path, seed: int) -> None:
    """Of 200 kills at random moments (20 a seed) not one loses what a call had returned for."""
    kills = 20 if seed else 3
    store, draw = tmp_path / "store", random.Random(seed)
    said = Counters(Path(f"{store}.said"))
    begun = time.monotonic()
    assert run_it(store, "whole", said, None) == [1, ROWS, 1]
    lasts = time.monotonic() - begun
    met, lost = Counter[str](), {}
    for number in range(kills):
        acked = run_it(store, f"r{number}", said, draw.uniform(0.2, 1.1) * lasts)
        wrong = problems(store, f"r{number}", acked)
        if wrong:
            lost[number] = (acked, wrong)
        where = "before init returned" if not acked[BEGUN] else "in between"
        met["after finish returned" if acked[ENDED] else where] += 1
        met["rows acknowledged"] += acked[LOGGED]
    said.close()
    with notabene.Api(store) as api:
        assert api.check().good
    print(f"of {kills} kills {len(lost)} lost something: {dict(met)}")
    assert lost == {}
    assert met["rows acknowledged"] > 0
