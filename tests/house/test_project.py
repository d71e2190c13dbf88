"""The project's own files: one version, one door, and nothing of the machine it was written on."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import notabene
from notabene._version import __version__

TYPES = {"added", "changed", "fixed", "removed", "security"}
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".sh", ""}
SKIP = {
    ".git",
    ".venv",
    ".hypothesis",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "dist",
    "frozen",
    "node_modules",
    "site",
    "static",
}


def files(root: Path) -> list[Path]:
    """Text files of the project, what tools leave behind apart."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIP]
        found += [Path(folder, name) for name in names if Path(name).suffix in TEXT]
    return found


@pytest.fixture(scope="module")
def configuration() -> dict:
    """pyproject.toml."""
    root = Path(__file__).resolve().parents[2]
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def test_there_is_one_version(configuration, root):
    """The version stands in _version.py alone; the build and the façade read it there."""
    assert configuration["project"]["dynamic"] == ["version"]
    assert configuration["tool"]["hatch"]["version"]["path"] == "src/notabene/_version.py"
    assert notabene.__version__ == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab]\d+|rc\d+)?", __version__)
    elsewhere = [p for p in (root / "src").rglob("*.py") if f'"{__version__}"' in p.read_text()]
    assert [p.name for p in elsewhere] == ["_version.py"]


def test_the_make_targets_are_there(root):
    """Each target that README and CONTRIBUTING name exists, and says what it does."""
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    targets = dict(re.findall(r"^([a-z-]+):.*?## (.+)$", makefile, re.MULTILINE))
    named = set()
    for page in ("README.md", "CONTRIBUTING.md", "docs/adr/0025-building-these-pages.md"):
        named |= set(re.findall(r"make ([a-z][a-z-]+)", (root / page).read_text(encoding="utf-8")))
    assert {"demo", "test", "check", "test-all", "bench", "docs"} <= set(targets)
    assert named <= set(targets)
    phony = re.search(r"\.PHONY: (.*?)\n\n", makefile, re.DOTALL)
    assert phony is not None
    assert set(phony[1].replace("\\", "").split()) == set(targets)


def test_ci_runs_what_people_run(root):
    """.ci/run is an executable shell script whose last word is ``make check``."""
    script = root / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert script.read_text(encoding="utf-8").rstrip().endswith("make check")
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    check = re.search(r"^check: (.*?) ##", (root / "Makefile").read_text(), re.MULTILINE)
    assert check is not None
    assert {"fmt-check", "lint", "types", "layers", "deps", "test"} <= set(check[1].split())


def test_nothing_names_a_registry_or_a_machine(root):
    """No file names a package index, or an absolute path of somebody's machine."""
    index = re.compile(r"(index-url|find-links|trusted-host)[= ]|pypi\.org/simple|/(home|Users)/\w")
    mine = Path(__file__).name
    found = [
        f"{p.relative_to(root)}: {match[0]}"
        for p in files(root)
        # Tests of what is hidden invent home folders.
        if p.name != mine
        and "unit" not in p.parts
        and (match := index.search(p.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_fragments_are_named_well(root):
    """Each file in changes/ says whose it is and of which type, and ends its sentence."""
    for path in (root / "changes").iterdir():
        if path.name == "README.md":
            continue
        match = re.fullmatch(r"(\d+|\+[a-z-]+)\.(\w+)\.md", path.name)
        assert match, path.name
        assert match[2] in TYPES, path.name
        assert path.read_text(encoding="utf-8").strip().endswith("."), path.name


def test_extras_are_asked_for_in_one_way(configuration, package):
    """Each extra that a message tells people to install exists."""
    extras = set(configuration["project"]["optional-dependencies"])
    named = {e for s in package for e in re.findall(r"notabene\[([\w,]+)\]", s.text)}
    assert {extra for group in named for extra in group.split(",")} <= extras
