"""Variables of the environment that a program asks for, one by one or by going through all."""

from __future__ import annotations

import pytest

from tests.unit.capture.watch.conftest import PYTHONS, Run

MANY = {f"NOISE{number}": "n" for number in range(20)}
WALKS = [
    "found = {k: v for k, v in os.environ.items() if k.startswith('TRAIN_')}",
    "PRE = 'TRAIN_'\nfound = [v for k, v in os.environ.items() if k.startswith(PRE)]",
    "def read(pre):\n    for k, v in os.environ.items():\n        if k.startswith(pre): yield v\n"
    "found = list(read('TRAIN_'))",
    "found = [os.environ[k] for k in os.environ if re.match(r'^TRAIN_\\w+', k)]",
    "found = [os.environ[k] for k in os.environ if k[:6] == 'TRAIN_']",
    "found = []\nfor k in os.environ:\n"
    "  if k.startswith('TRAIN_'):\n    found.append(os.environ[k])",
    "env = dict(os.environ)\nfound = env.get('TRAIN_LR')",
    "env = os.environ.copy()\nfound = env['TRAIN_LR']",
    "found = {k.lower(): v for k, v in os.environ.items()}.get('train_lr')",
    "found = [v for k, v in os.environ.items() if k in ('TRAIN_LR', 'TRAIN_NONE')]",
]


@pytest.mark.parametrize("python", [PYTHONS[0], PYTHONS[1], PYTHONS[-1]])
@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_asks_for_what_is_named(run: Run, walk: str, python: str):
    """Of all variables that a line reads those count that the code around it names."""
    told = run(
        f"import os, re\n{walk}\nassert found\n", python=python, env=MANY | {"TRAIN_LR": "3"}
    )
    assert (told.code, told.err) == (0, "")
    found = told.of("walked") + told.of("variable")
    assert {(event[0], event[1]) for event in found} == {("TRAIN_LR", "3")}
    patterns = told.of("walk")[0][0].split("|")
    assert "train_*" in patterns or "train_lr" in patterns


def test_many_are_no_copy(run: Run):
    """A line that asks for many by name asks for each of them."""
    told = run("import os\nfound = [os.environ.get(f'NOISE{n}') for n in range(20)]", env=MANY)
    assert len(told.of("variable")) == 20
    assert not told.of("walk")


def test_no_other_text_is_kept(run: Run):
    """What the code calls its secrets by is a text of the code, and no name of a variable."""
    code = (
        "import os\npassword = 'hunter2'\nother = 'hunter_x!y'\n"
        "found = {k: v for k, v in os.environ.items() if v in ('sekret99', password)}\n"
        "everything = dict(os.environ)\n"
    )
    told = run(code, env=MANY)
    assert told.code == 0
    assert not told.of("walked")
    assert not any(secret in told.raw for secret in ("hunter", "sekret99"))
