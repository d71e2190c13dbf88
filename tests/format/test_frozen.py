"""What an older version wrote is read by this one, and by whoever gets a copy."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools/frozen.py"
RELEASED = sorted(p for p in (ROOT / "tests/frozen").glob("*") if p.is_dir())


def tool(*arguments: str) -> str:
    """What tools/frozen.py prints."""
    done = subprocess.run(
        [sys.executable, TOOL, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``make frozen`` writes it, by this version."""
    folder = tmp_path_factory.mktemp("frozen") / "today"
    tool(str(folder))
    return folder


def reads_as_expected(folder: Path, elsewhere: Path) -> dict[str, Any]:
    """A copy of a frozen store, opened elsewhere, holds what was written down with it."""
    shutil.copytree(folder / "store", elsewhere / "copy")
    expected: dict[str, Any] = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    found = json.loads(tool("--read", str(elsewhere / "copy")))
    assert found["artifacts"] == expected["artifacts"]
    assert set(found["runs"]) == set(expected["runs"])
    for name, run in expected["runs"].items():
        assert found["runs"][name] == run
    return expected


def test_a_store_of_today_opens_elsewhere(today, tmp_path):
    """A store copied with its files gives the same answers in its new place."""
    expected = reads_as_expected(today, tmp_path)
    runs = expected["runs"]
    statuses = {name: run["status"] for name, run in runs.items()}
    assert statuses == {
        "plain": "finished",
        "resumed": "finished",
        "failed": "failed",
        "killed": "killed",
    }
    assert len(runs["plain"]["series"]["loss"]) == 3000
    assert runs["resumed"]["series"]["loss"] == [f"{i} {float(i >= 50)}" for i in range(100)]
    assert runs["killed"]["series"]["loss"] == [f"{i} {float(i)}" for i in range(500)]
    odd = runs["plain"]["series"]["odd/ünicode 📈"]
    assert odd == ["-3 nan", "-2 inf", "-1 -inf", "0 -0.0", "1 5e-324", "2 0.3333333333333333"]
    assert list(expected["artifacts"]) == ["model:v1"]


def test_a_release_is_written_once(today):
    """The tool refuses to write over what was released."""
    done = subprocess.run([sys.executable, TOOL, today], capture_output=True, check=False)
    assert done.returncode == 1


@pytest.mark.parametrize("folder", RELEASED, ids=lambda p: p.name)
def test_a_released_store_is_read(folder, tmp_path):
    """Every store that a release wrote gives the answers it gave then."""
    reads_as_expected(folder, tmp_path)
