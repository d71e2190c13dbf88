"""Who imports whom, and what is loaded when."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

HEAVY = (
    "numpy", "pcodec", "sqlalchemy", "sqlite3", "rich", "click", "torch", "pandas", "psycopg",
    "litestar", "uvicorn",
)  # fmt: skip

WHERE = {
    "click": {"cli"},
    "rich": {"cli"},
    "sqlalchemy": {"store"},
    "psycopg": {"store"},
    # Caches, beside no other table: of digests, and of what sources say.
    "sqlite3": {"store", "artifacts", "proof", "importers"},
    "pcodec": {"journal"},
    "psutil": {"capture"},
    "zstandard": {"journal", "capture", "store", "api", "server"},
    "litestar": {"server"},
    "uvicorn": {"server"},
    "urllib3": {"_http"},
}


def python(code: str, **variables: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nobody_imports_the_root(package):
    """The façade is for users: no module of ours imports it."""
    culprits = [s.name for s in package if "notabene" in s.imports()]
    assert culprits == []


def test_imports_are_absolute(package):
    """Every import of ours is written with its full name, so that one can search for it."""
    relative = [
        f"{s.name}:{node.lineno}"
        for s in package
        for node in ast.walk(s.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


@pytest.mark.parametrize("library", WHERE)
def test_heavy_libraries_have_one_place(package, library):
    """Each heavy third party is imported in the one folder that answers for it."""
    places = {
        s.name.split("/")[0].removesuffix(".py")
        for s in package
        if any(name.split(".")[0] == library for name in s.imports())
    }
    assert places <= WHERE[library]


def test_the_training_side_imports_no_numpy(package):
    """Modules that a run loads import numpy inside functions, after the caller has it."""
    sides = ("artifacts/", "capture/", "journal/", "model/", "query/", "settings", "tracking/")
    # Blocks are for those who have numpy; the cache of digests comes with the first artifact.
    readers = {"journal/block.py", "journal/columns.py", "artifacts/hashes.py"}
    early = []
    for source in package:
        if not source.name.startswith(sides) or source.name in readers:
            continue
        for node in source.tree.body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            early += [f"{source.name}: {n}" for n in names if n.split(".")[0] in HEAVY]
    assert early == []


def test_the_floors_hold():
    """Import-linter's contracts in pyproject.toml are kept."""
    pytest.importorskip("importlinter")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def test_import_is_light():
    """``import notabene`` loads nothing heavy; what it needs comes when it is asked for."""
    code = f"import sys, notabene; print(*[m for m in {HEAVY} if m in sys.modules])"
    assert python(code) == ""


def test_a_short_run_is_light(tmp_path):
    """A run that logs a few numbers loads no numpy, no database and nothing of the terminal."""
    code = (
        "import sys, notabene\n"
        "run = notabene.init('light', config={'lr': 0.1}, capture=False)\n"
        "for i in range(10): notabene.log({'loss': 1 / (i + 1)}, step=i)\n"
        "notabene.finish()\n"
        f"print(*[m for m in {HEAVY} if m in sys.modules])"
    )
    assert python(code, NOTABENE_STORE=str(tmp_path / "store"), NOTABENE_QUIET="1") == ""
