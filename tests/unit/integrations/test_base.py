"""What holds for every integration, read from their sources."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from notabene.tracking.autolog import ALIASES, BUILT_IN, BY_HAND, _known_versions
from notabene.tracking.models import FORMATS

FOLDER = Path(__file__).resolve().parents[3] / "src/notabene/integrations"
FILES = sorted(p for p in FOLDER.glob("*.py") if not p.name.startswith("_"))


def tree(path: Path) -> ast.Module:
    """The syntax of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_it_knows_its_library_and_the_base(path):
    """Of ours it imports ``_base`` alone."""
    ours = {
        node.module
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("notabene")
    }
    assert ours == {"notabene.integrations._base"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_it_is_short_and_says_its_versions(path):
    """At most 200 lines, a range of versions, and a way to be switched on unless used by hand."""
    text, names = path.read_text(encoding="utf-8"), set()
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.add(node.targets[0].id)
    assert text.count("\n") <= 200
    assert "VERSIONS" in names
    assert ("switch_on" in names) == (path.stem not in BY_HAND)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_it_has_a_page(path):
    """A page of its own, and a row with the versions it knows in the page about all of them."""
    folder = FOLDER.parents[2] / "docs/how-to/frameworks"
    page = {"torch": "pytorch"}.get(path.stem, path.stem)
    assert (folder / f"{page}.md").exists()
    first, beyond = _known_versions(f"notabene.integrations.{path.stem}")
    rows = (folder / "index.md").read_text(encoding="utf-8").splitlines()
    (row,) = [row for row in rows if f"]({page}.md)" in row]
    assert f"| {first} to before {beyond} |" in row


def test_the_table_names_what_is_there():
    """Each integration that can be switched on is in the table, and no other."""
    modules = {path.stem for path in FILES}
    table = {value.rpartition(".")[2] for value in BUILT_IN.values()}
    assert table | set(BY_HAND) == modules
    assert set(ALIASES.values()) <= set(BUILT_IN)


def test_each_format_has_a_loader():
    """Each format that models are kept in names an integration that loads it."""
    for format in FORMATS.values():
        path = FOLDER / f"{format.by}.py"
        assert "load" in {n.name for n in tree(path).body if isinstance(n, ast.FunctionDef)}
