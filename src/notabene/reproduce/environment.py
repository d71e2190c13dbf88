"""The interpreter for a reproduced run: the recorded one where it is unchanged, else a new one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from notabene.capture.environment import container
from notabene.errors import ReproductionError
from notabene.model.canonical import digest_json
from notabene.proof.fingerprint import environment_table
from notabene.proof.record import Record
from notabene.settings import environment

_ASK = """
import json, os, re, sys
found = {}
for folder in sys.path:
    try:
        names = os.listdir(folder)
    except OSError:
        continue
    for name in names:
        match = re.match(r'(.+)-([^-]+)\\.dist-info$', name)
        if match:
            key = re.sub(r'[-_.]+', '-', match[1]).lower()
            found.setdefault(key, match[2])
print(json.dumps({'python': '.'.join(map(str, sys.version_info[:3])), 'packages': found}))
"""


class Interpreter(msgspec.Struct, kw_only=True):
    """What the run is started with.

    Attributes:
        path: Of the interpreter.
        how: ``unchanged``, ``built`` or ``other``: what it is to the recorded environment.
        said: The same in words.
        differs: Packages that are of another version, ``{name: [recorded, here]}``.
    """

    path: str
    how: str
    said: str
    differs: dict[str, list[str]] = {}


def interpreter_for(record: Record, cache: Path, *, allow: bool, build: bool = True) -> Interpreter:
    """Find or build an interpreter with the recorded packages.

    Args:
        record: Of the run.
        cache: Folder for built environments.
        allow: Take the present one though it differs.
        build: Build one where none fits.

    Raises:
        ReproductionError: None fits, and none can be built; it says why.
    """
    wanted = environment_table(record.environment, record.hardware)
    python, packages = str(wanted["python"]), _plain(wanted["packages"])
    best: Interpreter | None = None
    for path in dict.fromkeys([str(record.process.get("executable", "")), sys.executable]):
        if not path or not os.access(path, os.X_OK):
            continue
        found = _ask(path)
        if found is None:
            continue
        differs = _differ(packages, found["packages"])
        if found["python"] == python and not differs:
            said = f"unchanged, Python {python}, {len(packages)} packages"
            return Interpreter(path=path, how="unchanged", said=said + _around(record))
        if found["python"] != python:
            differs["python"] = [python, str(found["python"])]
        if best is None or len(differs) < len(best.differs):
            best = Interpreter(
                path=path,
                how="other",
                said=f"{len(differs)} differ from the record{_around(record)}",
                differs=differs,
            )
    if allow and best is not None:
        return best
    if build:
        _refuse_foreign(record)
        return _build(python, packages, cache)
    assert best is not None
    return best


def _around(record: Record) -> str:
    """A container that the run was in and this process is not: it is not rebuilt here."""
    image = str(record.environment.get("container", {}).get("image", ""))
    here = container(environment()).get("image", "")
    return (
        f"; recorded in container {image}, which is not rebuilt" if image not in ("", here) else ""
    )


def _refuse_foreign(record: Record) -> None:
    """Environments of conda and pixi hold more than pip can install.

    Raises:
        ReproductionError: The run had one.
    """
    python = record.environment.get("python", {})
    kind = python.get("environment", {}).get("kind", "")
    if kind not in ("conda", "pixi"):
        return
    conda = record.environment.get("conda", {})
    name = conda.get("pixi_environment" if kind == "pixi" else "name") or python.get("prefix", "")
    making = "pixi install" if kind == "pixi" else "conda env create"
    raise ReproductionError(
        f"the run used the {kind} environment {name}, which is not here and is not rebuilt",
        hint=f"make it with {making}, activate it, and reproduce the run there; or use --allow-env",
    )


def _plain(packages: dict[str, str]) -> dict[str, str]:
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in packages.items()}


def _ask(path: str) -> dict[str, Any] | None:
    env = {k: v for k, v in environment().items() if not k.startswith(("PYTHON", "LD_PRELOAD"))}
    try:
        done = subprocess.run(
            [path, "-c", _ASK], capture_output=True, text=True, timeout=30, check=True, env=env
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return found


def _differ(wanted: dict[str, str], found: dict[str, str]) -> dict[str, list[str]]:
    return {
        name: [version, found.get(name, "none")]
        for name, version in wanted.items()
        if found.get(name) != version and name not in ("notabene", "pip", "setuptools", "wheel")
    }


def _build(python: str, packages: dict[str, str], cache: Path) -> Interpreter:
    """A new environment with the recorded pins, kept for the next time."""
    pins = sorted(
        f"{name}=={version}"
        for name, version in packages.items()
        if name not in ("notabene", "pip", "setuptools", "wheel")
    )
    folder = cache / "environments" / digest_json([python, pins])[:32]
    path = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    ready = folder / "ready"
    uv = shutil.which("uv")
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        steps = _with_uv(uv, python, folder) if uv else _with_venv(python, folder)
        installer = (
            [uv, "pip", "install", "--no-deps", "--python", str(path)]
            if uv
            else [str(path), "-m", "pip", "install", "--quiet", "--no-deps"]
        )
        listed = folder / "pins.txt"
        for step in steps:
            _do(step, "the environment cannot be built")
        listed.write_text("\n".join(pins) + "\n")
        _do([*installer, "-r", str(listed)], "the recorded packages cannot be installed")
        _lend_notabene(path)
        ready.touch()
    how = "uv" if uv else "venv and pip"
    return Interpreter(path=str(path), how="built", said=f"built with {how}, {len(pins)} pins")


def _with_uv(uv: str, python: str, folder: Path) -> list[list[str]]:
    return [[uv, "venv", "--quiet", "--python", python, str(folder)]]


def _with_venv(python: str, folder: Path) -> list[list[str]]:
    here = ".".join(map(str, sys.version_info[:3]))
    if python.rpartition(".")[0] != here.rpartition(".")[0]:
        raise ReproductionError(
            f"the run used Python {python}, this is {here}",
            hint="install uv, which fetches interpreters, or use --allow-env",
        )
    return [[sys.executable, "-m", "venv", str(folder)]]


def _lend_notabene(python: Path) -> None:
    """The program may import notabene: this one, whose dependencies are among the pins."""
    import notabene.model

    source = str(Path(str(notabene.model.__file__)).parents[2])
    done = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    Path(done.stdout.strip(), "notabene-lent.pth").write_text(source + "\n")


def _do(words: list[str], what: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise ReproductionError(f"{what}: {' '.join(last)}", hint="--allow-env uses what is here")
