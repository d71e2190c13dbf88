"""What puts the web interface into packages: never without its pages, never with old ones."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest


def load(path: Path) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def webui(root) -> ModuleType:
    """tools/webui.py."""
    return load(root / "tools/webui.py")


@pytest.fixture
def tree(tmp_path, webui) -> Path:
    """A checkout in small whose pages are built."""
    web, static = tmp_path / "web", webui.static_folder(tmp_path)
    (web / "src").mkdir(parents=True)
    (web / "src/main.ts").write_text("one")
    (web / "package-lock.json").write_text("{}")
    (static / "assets").mkdir(parents=True)
    (static / "assets/main-1.js").write_text("built")
    (static / "index.html").write_text('<script type="module" src="./assets/main-1.js"></script>')
    (static / webui.STAMP).write_text(webui.stamp_of(web))
    return tmp_path


def test_what_is_built_of_the_same_sources_stays(tree, webui):
    """Nothing is built again where the sources are the same."""
    assert webui.is_current(tree)


@pytest.mark.parametrize("change", ["src/main.ts", "src/new.ts", "package-lock.json"])
def test_changed_sources_are_built_again(tree, webui, change):
    """A changed, new or renamed source, or another lock file, makes the pages old."""
    (tree / "web" / change).write_text("two")
    assert not webui.is_current(tree)


def test_a_missing_asset_is_named(tree, webui):
    """The index must find what it asks for; addresses of other places are not its files."""
    static = webui.static_folder(tree)
    (static / "assets/main-1.js").unlink()
    assert webui.missing_in(static) == ["assets/main-1.js"]
    assert not webui.is_current(tree)
    (static / "index.html").unlink()
    assert webui.missing_in(static) == ["index.html"]


def test_a_source_archive_needs_no_node(tree, webui):
    """Built pages without their sources count as they are."""
    for path in sorted((tree / "web").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tree / "web").rmdir()
    assert webui.is_current(tree)


def test_no_node_is_one_sentence(tree, webui, monkeypatch, tmp_path):
    """Without npm the build ends with what to do, not with a traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"install Node\.js 20"):
        webui.build(tree)


def test_the_hook_refuses_packages_without_pages(root, tmp_path):
    """A wheel of a tree without built pages, and without Node, cannot be made; editable can."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/webui.py").write_bytes((root / "tools/webui.py").read_bytes())
    (tmp_path / "hatch_build.py").write_bytes((root / "hatch_build.py").read_bytes())
    (tmp_path / "hatchling/builders/hooks/plugin").mkdir(parents=True)
    (tmp_path / "hatchling/builders/hooks/plugin/interface.py").write_text(
        "class BuildHookInterface:\n    root = '.'\n"
    )
    code = "import sys, hatch_build; hatch_build.WebInterfaceHook().initialize(sys.argv[1], {})"
    env = {**os.environ, "PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)}

    def made(version: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-c", code, version]
        return subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True)

    assert made("editable").returncode == 0
    refused = made("standard")
    assert refused.returncode != 0
    assert "install Node.js 20" in refused.stderr


def test_packages_hold_pages_and_sources(root):
    """What is built is git-ignored but shipped; a source archive has the sources as well."""
    with (root / "pyproject.toml").open("rb") as file:
        build = tomllib.load(file)["tool"]["hatch"]["build"]
    assert build["artifacts"] == ["src/notabene/server/static/**"]
    assert {"/web", "/hatch_build.py", "/tools"} <= set(build["targets"]["sdist"]["include"])
    assert all("custom" in build["targets"][target]["hooks"] for target in ("sdist", "wheel"))
    assert "/src/notabene/server/static/" in (root / ".gitignore").read_text().splitlines()
