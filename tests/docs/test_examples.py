"""The examples run, are short, and say themselves what they need."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MODULES = {"scikit-learn": "sklearn"}


def needs(path: Path) -> list[str]:
    """Dependencies in the header of a script (PEP 723)."""
    match = re.search(r"^# /// script\n(.*?)^# ///$", path.read_text(), re.MULTILINE | re.DOTALL)
    assert match, f"{path.name} has no header with its dependencies"
    header = tomllib.loads(re.sub(r"^# ?", "", match[1], flags=re.MULTILINE))
    assert header["requires-python"] == ">=3.11"
    return [re.split(r"[<>=\[ ;]", d)[0] for d in header["dependencies"]]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_runs(path, desk):
    """The script ends well in an empty home and leaves a run in the notebook."""
    for package in needs(path):
        module = MODULES.get(package, package)
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{package} is not installed")
    desk.run("python", "-W", "error", str(path))
    assert desk.run_ids()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_is_short(path):
    """It has under 60 lines, begins by saying what it shows, and needs notabene."""
    text = path.read_text()
    assert text.count("\n") < 60
    assert re.search(r'^"""[A-Z].+', text, re.MULTILINE)
    assert "notabene" in needs(path)


def test_there_are_examples():
    """The folder is found, and holds what its README lists."""
    listed = re.findall(r"`(\w+\.py)`", (ROOT / "examples/README.md").read_text())
    assert sorted(listed) == [path.name for path in EXAMPLES]
