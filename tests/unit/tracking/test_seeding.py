"""``seed``: all generators at once, known to the record; ``use_data``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import notabene
from notabene.proof.repeats import all_of


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own."""
    Path("train.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "train.py"],
        env={**os.environ, "NOTABENE_QUIET": "1", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_what_is_imported_later_is_seeded_as_well(home: Path) -> None:
    """numpy's generator begins as if it had been seeded by hand; random as well."""
    code = "import notabene as nb, random\nprint(nb.seed(3))\nr = random.random()\n"
    code += "import numpy as np\nprint([r, np.random.rand()] == [random.Random(3).random(), "
    code += "np.random.RandomState(3).rand()])"
    assert run(code).stdout == "3\nTrue\n"


def test_a_seed_is_drawn_and_recorded(home: Path) -> None:
    """Without a number it is another one each time, in the config and in the record."""
    code = (
        "import notabene as nb\nwith nb.init('p', store='store') as run:\n"
        "    print(nb.seed())\n    import random; nb.log({'x': random.random()})\n"
    )
    seeds = [int(run(code).stdout) for _ in range(2)]
    assert seeds[0] != seeds[1]
    with notabene.Api("store") as api:
        found = list(api.runs(order_by="created"))
        assert [view.config["seed"] for view in found] == seeds
        for view, seed in zip(found, seeds, strict=True):
            (told,) = api.record(view).randomness.seeds
            assert (told.generator, told.value, told.where) == ("notabene", seed, "train.py:3")
            check = api.check_run(view)
            assert check.record == "complete"
            assert [one.what for one in check.findings] == ["nb.seed drew a seed, and logged it"]
        manifests = [one for _, many in all_of(Path("store")) for one in many]
        assert not any(one.fixed for one in manifests)


def test_a_seed_of_ones_own_in_the_config_stays(home: Path) -> None:
    """What is logged as the seed is not written over."""
    begin = "nb.init('p', store='store', config={'seed': 5})"
    run(f"import notabene as nb\nwith {begin}:\n    nb.seed(6)")
    with notabene.Api("store") as api:
        assert api.runs()[0].config == {"seed": 5}


@pytest.mark.parametrize("value", [-1, 1 << 32, 1.5, True, "3"])
def test_no_seed(value: object) -> None:
    """What is no seed is refused in one sentence."""
    with pytest.raises(notabene.UsageError, match="is no seed; it takes a whole number from 0 to"):
        notabene.seed(value)  # type: ignore[arg-type]


def test_used_data_is_recorded(home: Path) -> None:
    """The path comes back, and the content counts as an input."""
    Path("a.csv").write_text("1")
    code = (
        "import notabene as nb\nwith nb.init('p', store='store'):\n"
        "    print(nb.use_data('a.csv').read_text())\n"
    )
    assert run(code).stdout == "1\n"
    done = subprocess.run(
        [sys.executable, "-m", "notabene", "--store", "store", "show", "--record", "--json"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    (read,) = json.loads(done.stdout)["data"]["read"]
    assert (read["path"], read["where"], read["size"]) == ("a.csv", "train.py:3", 1)
