"""The interpreter for a rerun: the recorded one, one that is built, or the one that is here."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import notabene
from notabene.errors import ReproductionError
from notabene.proof.record import Record
from notabene.reproduce import environment as module
from notabene.reproduce.environment import _differ, interpreter_for

HERE = ".".join(map(str, sys.version_info[:3]))
INSTALLED = {"msgspec": metadata.version("msgspec"), "Click": metadata.version("click")}


def record(python=HERE, packages=None, executable=sys.executable):
    """A run in an environment."""
    packages = INSTALLED if packages is None else packages
    return Record(
        process={"executable": executable},
        environment={"python": {"version": python}, "packages": packages},
    )


def find(given, tmp_path, *, allow=False, build=False):
    """An interpreter for it."""
    return interpreter_for(given, tmp_path, allow=allow, build=build)


@pytest.mark.parametrize(
    ("wanted", "found", "told"),
    [
        ({"a": "1"}, {"a": "1", "b": "2"}, {}),
        ({"a": "1", "b": "2"}, {"a": "2"}, {"a": ["1", "2"], "b": ["2", "none"]}),
        ({"notabene": "1", "pip": "1", "setuptools": "1", "wheel": "1"}, {"pip": "2"}, {}),
        ({}, {"a": "1"}, {}),
    ],
)
def test_packages_that_differ(wanted, found, told):
    """What was recorded and is of another version, or none; tools of installing do not count."""
    assert _differ(wanted, found) == told


def test_an_unchanged_environment(tmp_path):
    """The recorded interpreter is taken where it has the recorded packages, by any spelling."""
    found = find(record(), tmp_path)
    assert (found.path, found.how, found.differs) == (sys.executable, "unchanged", {})
    assert found.said == f"unchanged, Python {HERE}, 2 packages"


@pytest.mark.parametrize("executable", ["", "/gone/python", __file__])
def test_the_recorded_interpreter_is_gone(tmp_path, executable):
    """This one is as good, where it has the same packages."""
    assert find(record(executable=executable), tmp_path).path == sys.executable


@pytest.mark.parametrize("allow", [True, False])
def test_another_environment(tmp_path, allow):
    """With other packages it is told which; it is taken where that is allowed."""
    other = record(packages={**INSTALLED, "no-such-thing": "1.0"})
    found = find(other, tmp_path, allow=allow)
    assert (found.how, found.differs) == ("other", {"no-such-thing": ["1.0", "none"]})
    assert found.said == "1 differ from the record"


def test_another_python(tmp_path):
    """The version of Python counts as well."""
    found = find(record(python="3.0.1"), tmp_path, allow=True)
    assert found.differs == {"python": ["3.0.1", HERE]}


def test_what_cannot_be_built(tmp_path, monkeypatch):
    """Without uv another Python cannot be had: it says so, and what would help."""
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with pytest.raises(ReproductionError, match=r"used Python 3\.0\.1") as raised:
        find(record(python="3.0.1"), tmp_path, build=True)
    assert "--allow-env" in str(raised.value)


@pytest.mark.slow
def test_an_environment_is_built_once(tmp_path, monkeypatch):
    """With venv and pip: it runs, imports notabene, and is kept for the next time."""
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    here = metadata.version("pip")
    none = record(packages={"pip": here, "notabene": "0"}, executable="")
    monkeypatch.setattr(module, "_ask", lambda path: None)
    found = find(none, tmp_path, build=True)
    assert (found.how, found.said) == ("built", "built with venv and pip, 0 pins")
    assert Path(found.path).is_relative_to(tmp_path / "environments")
    code = "import importlib.util; print(importlib.util.find_spec('notabene').origin)"
    done = subprocess.run([found.path, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == notabene.__file__
    made = Path(found.path).parents[1].stat().st_mtime_ns
    again = find(none, tmp_path, build=True)
    assert again.path == found.path
    assert Path(again.path).parents[1].stat().st_mtime_ns == made


def test_half_built_environments_are_built_anew(tmp_path, monkeypatch):
    """What a failed installation left is not taken for an environment."""
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    monkeypatch.setattr(module, "_with_venv", lambda python, folder: [["false"]])
    other = record(packages={"no-such-thing": "1.0"}, executable="")
    for _ in range(2):
        with pytest.raises(ReproductionError, match="cannot be built"):
            find(other, tmp_path, build=True)
    assert not list(tmp_path.rglob("ready"))


@pytest.mark.parametrize("kind", ["conda", "pixi"])
def test_environments_that_pip_cannot_rebuild(tmp_path, kind):
    """They are said not to be rebuilt, with what to do; nothing is built in their place."""
    other = record(packages={"no-such-thing": "1.0"})
    other.environment["python"]["environment"] = {"kind": kind}
    other.environment["conda"] = {"name": "vision", "pixi_environment": "vision"}
    with pytest.raises(ReproductionError, match=f"{kind} environment vision") as caught:
        find(other, tmp_path, build=True)
    assert "activate it" in str(caught.value)
    assert find(other, tmp_path, allow=True, build=True).how == "other"
    assert not (tmp_path / "environments").exists()


def test_the_container_of_a_run_is_named(tmp_path, monkeypatch):
    """Outside of it the image is told; inside it there is nothing to tell."""
    within = record()
    within.environment["container"] = {"kind": "docker", "image": "registry/train:3"}
    assert "recorded in container registry/train:3" in find(within, tmp_path).said
    monkeypatch.setenv("NOTABENE_IMAGE", "registry/train:3")
    assert "container" not in find(within, tmp_path).said
