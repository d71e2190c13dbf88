"""A recorded program draws the same numbers again when its events are handed back."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

from tests.unit.capture.watch.conftest import Run, Told

PROGRAMS = {
    "unseeded": "import random; print(random.random(), random.Random().random())",
    "numpy": "import numpy as np\nprint(np.random.rand())\nprint(np.random.default_rng().random())",
    "polars": (
        "import polars as pl\nd = pl.DataFrame({'a': range(100)})\n"
        "print(d.sample(3)['a'].to_list(), d['a'].shuffle().to_list()[:5],\n"
        "      d.select(pl.col('a').sample(2))['a'].to_list())"
    ),
    # As compiled code of numba does it: the name is not in the code that calls.
    "numba": (
        "import os, sys, types\nsys.modules['numba'] = types.ModuleType('numba')\n"
        "compiled = getattr(os, 'uran' + 'dom')\nprint(compiled(2496), compiled(2496))"
    ),
    "clock": "import random, time\nrandom.seed(time.time_ns())\nprint(random.random())",
    "forks": (
        "import os, random\nfor _ in range(2):\n    pid = os.fork()\n    if not pid:\n"
        "        print(random.random(), flush=True); os._exit(0)\n    os.waitpid(pid, 0)\n"
    ),
    "spawned": (
        "import multiprocessing as mp, random\ndef work(): print(random.random(), flush=True)\n"
        "if __name__ == '__main__':\n    for _ in range(2):\n"
        "        p = mp.get_context('spawn').Process(target=work); p.start(); p.join()\n"
    ),
}


def replay_of(told: Told) -> dict:
    """What :mod:`notabene.reproduce.replay` writes of these events."""
    starts, clock = {}, {}
    draws, seeds = defaultdict(list), defaultdict(list)
    for log in told.logs:
        key = ([event[1] for event in log if event[0] == "name"] or [log[0][1]])[-1]
        for kind, *event in log:
            if kind == "start":
                starts[f"{key}|{event[0]}"] = event[1]
            elif kind == "draw" and event[2]:
                draws[f"{key}|{event[0]}|{os.path.basename(event[3])}:{event[4]}"].append(event[2])
            elif kind == "seed":
                spot = f"{os.path.basename(event[2])}:{event[3]}"
                seeds[f"{key}|{event[0]}|{spot}"].append(event[1])
            elif kind == "clock":
                clock[f"{os.path.basename(event[2])}:{event[3]}"] = event[1]
    return {"starts": starts, "draws": draws, "seeds": seeds, "clock": clock}


@pytest.mark.parametrize("name", PROGRAMS)
def test_numbers_come_again(run: Run, tmp_path: Path, name: str):
    """Handed back what it drew, a program prints what it printed; without that it does not."""
    told = run(PROGRAMS[name])
    assert told.err == ""
    assert run(PROGRAMS[name]).out != told.out
    file = tmp_path / "replay.json"
    file.write_text(json.dumps(replay_of(told)))
    again = run(PROGRAMS[name], env={"NOTABENE_REPLAY": str(file)})
    assert (again.out, again.err) == (told.out, "")


def test_what_polars_drew_without_a_seed(run: Run):
    """Is told with the line; with a seed of the program's nothing is."""
    told = run(PROGRAMS["polars"])
    assert [event[0::2] for event in told.of("used") if event[0] == "polars"] == [["polars", 3]]
    seeded = PROGRAMS["polars"].replace("\n", "\npl.set_random_seed(1)\n", 1)
    told = run(seeded)
    assert told.of("used") == []
    assert run(seeded).out == told.out == run(seeded, watched=False).out


def test_bytes_that_a_program_draws_are_not_kept(run: Run):
    """As many as numba draws, where numba is loaded: a key may be as long."""
    told = run("import os, sys, types\nsys.modules['numba'] = types\nos.urandom(2496)\n")
    assert [event[:3] for event in told.of("draw")] == [["os", 19968, None]]
