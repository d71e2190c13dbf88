"""The source of the package as text and as syntax trees, read once."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Source(NamedTuple):
    """One Python file: its path, its path within the folder it was looked for, text and tree."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """Lines of the file, comments and docstrings included."""
        return self.text.count("\n")

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """All functions and methods, inner ones included."""
        kinds = ast.FunctionDef | ast.AsyncFunctionDef
        return [n for n in ast.walk(self.tree) if isinstance(n, kinds)]

    def classes(self) -> list[ast.ClassDef]:
        """All classes, inner ones included."""
        return [n for n in ast.walk(self.tree) if isinstance(n, ast.ClassDef)]

    def imports(self) -> set[str]:
        """Full names of all modules imported, also inside functions and for types alone."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
        return found


def read(folder: Path) -> list[Source]:
    """All Python files below a folder."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(Source(path, path.relative_to(folder).as_posix(), text, ast.parse(text)))
    return found


@pytest.fixture(scope="session")
def package() -> list[Source]:
    """Files of src/notabene."""
    return read(ROOT / "src/notabene")


@pytest.fixture(scope="session")
def tests() -> list[Source]:
    """Files of tests/, the frozen ones apart."""
    return [s for s in read(ROOT / "tests") if not s.name.startswith("frozen/")]


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT
