"""What every kind of MLflow store holds, in one form; and how MLflow says things."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import msgspec
import numpy as np

from notabene.importers._base import F64, I64, Missed
from notabene.model.records import EndStatus
from notabene.model.refs import join_path

LARGEST = 1.7976931348623157e308
"""What MLflow writes for infinity."""
ENDS: dict[str, EndStatus | None] = {
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "killed",
    "RUNNING": None,
    "SCHEDULED": None,
}
CODES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
SYSTEM = "mlflow."
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?\Z")
_WORDS: dict[str, Any] = {"True": True, "False": False, "None": None}

Column = tuple[str, I64, I64, F64]
"""A key with steps, times (µs) and values of some of its points."""


class Experiment(msgspec.Struct, kw_only=True):
    """What we call a project."""

    id: str
    name: str
    location: str = ""
    note: str = ""


class Run(msgspec.Struct, kw_only=True):
    """A run, as listed. Times are ms.

    Attributes:
        tags: At least those that :mod:`notabene.importers.mlflow` lists runs by.
        state: Differs whenever anything of the run has changed.
    """

    id: str
    name: str = ""
    experiment: str = ""
    status: str = ""
    started: int = 0
    ended: int = 0
    user: str = ""
    source: dict[str, str] = {}
    artifacts: str = ""
    deleted: bool = False
    tags: dict[str, str] = {}
    state: str = ""
    points: int = -1
    detail: Any = None


class Model(msgspec.Struct, kw_only=True):
    """A logged model, or a version of a registered one."""

    name: str
    location: str
    created: int = 0
    aliases: tuple[str, ...] = ()
    description: str = ""
    metadata: dict[str, Any] = {}


class Files(msgspec.Struct):
    """Files below a place of artifacts, and what could not be had of them."""

    files: list[tuple[str, Path]] = []
    lost: bool = False
    """Their folder is nowhere near the store: they were moved, or there never were any."""
    missed: list[Missed] = []


class Backend(Protocol):
    """A store of MLflow."""

    notes: list[str]

    def experiments(self) -> list[Experiment]:
        """All experiments."""
        ...

    def runs(self) -> Iterator[Run]:
        """All runs, deleted ones included."""
        ...

    def params(self, run: Run) -> dict[str, str]:
        """Its params."""
        ...

    def tags(self, run: Run) -> dict[str, str]:
        """Its tags."""
        ...

    def metrics(self, run: Run) -> Iterator[Column | Missed]:
        """Its points: of each key in the order of their coming."""
        ...

    def datasets(self, run: Run) -> list[dict[str, Any]]:
        """What it read, as far as it said so."""
        ...

    def models(self, run: Run) -> list[Model]:
        """Logged models, and versions of registered models, that it made."""
        ...

    def files(self, run: Run, location: str) -> Files:
        """The files at a location of artifacts of the run."""
        ...


# -- numbers -------------------------------------------------------------------------------


def value_of(text: str) -> Any:
    """A param as what it was logged as, where its text leaves no doubt: MLflow keeps texts."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > 40 or not _NUMBER.match(text):
        return text
    number: int | float = int(text) if text.lstrip("-").isdigit() else float(text)
    if isinstance(number, int) and number.bit_length() > 63:
        return text
    return number if str(number) == text else text


def config_key(key: str) -> str:
    """A param's name as a path of the config: dots nest, as they are meant to."""
    plain = "\\" not in key and all(key.split("."))
    return key if plain else join_path((key,))


def number_of(value: Any, is_nan: Any) -> float:
    """A metric as it was logged.

    Raises:
        ValueError, TypeError: It is none.
    """
    if is_nan:
        return math.nan
    number = float(value)
    return math.copysign(math.inf, number) if abs(number) == LARGEST else number


def column(key: str, steps: list[int], times: list[int], values: list[float]) -> Column:
    """Points of a key; times in ms."""
    return (
        key,
        np.array(steps, np.int64),
        np.array(times, np.int64) * 1000,
        np.array(values, np.float64),
    )


# -- artifacts -----------------------------------------------------------------------------


def local_files(location: str, base: Path, mark: str) -> Files:
    """The files at a location on this machine, wherever the store was moved to.

    Args:
        location: As MLflow says it: a path, ``file:`` or ``mlflow-artifacts:`` address.
        base: Folder of the database, or the ``mlruns`` folder.
        mark: Id of the run or model: a folder of this name must be on the way, so that what a
            database says can lead nowhere else.
    """
    found = Files()
    if not location:
        return found
    parts = urlsplit(location)
    if parts.scheme not in ("", "file", "mlflow-artifacts") and len(parts.scheme) > 1:
        what = f"artifacts at {parts.scheme}:// addresses are not fetched"
        found.missed.append(Missed(what))
        return found
    path = unquote(parts.path) if parts.scheme in ("file", "mlflow-artifacts") else location
    root, near = _root(path, base, mark)
    if root is None and near:
        return found  # where others have theirs, it has none
    if root is None:
        found.lost = True
        return found
    walk(root, found)
    return found


def _root(path: str, base: Path, mark: str) -> tuple[Path | None, bool]:
    """The folder, and whether it should be there: the one of its experiment is."""
    names = [name for name in re.split(r"[/\\]", path) if name not in ("", ".")]
    if ".." in names or mark not in names:
        return None, False
    at = names.index(mark)
    candidates = [Path(path)] if Path(path).is_absolute() else [base / path]
    for folder in (base, base.parent):
        for top in ("", "mlruns", "mlartifacts"):
            candidates += [folder / top / Path(*names[n:]) for n in range(at + 1)]
    found = next((place for place in candidates if place.is_dir() or place.is_file()), None)
    if found is not None:
        return found, True
    up = len(names) - at
    above = [p.parents[up - 1] for p in candidates if len(p.parents) >= up and mark in p.parts]
    return None, any(place.is_dir() and place not in (base, base.parent) for place in above)


def walk(root: Path, found: Files) -> None:
    """All files at or below a path, none reached by a link that leads out of it."""
    if root.is_file():
        found.files.append((root.name, root))
        return
    top = root.resolve()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            reason = (error.strerror or "").lower()
            found.missed.append(Missed(f"folders of artifacts cannot be listed: {reason}", True))
            continue
        for entry in entries:
            if entry.is_symlink() and not entry.resolve().is_relative_to(top):
                found.missed.append(Missed("links out of the folder of artifacts are left out"))
            elif entry.is_symlink() and entry.is_dir():
                found.missed.append(Missed("links to folders among artifacts are left out"))
            elif entry.is_dir():
                waiting.append(entry)
            elif entry.is_file():
                found.files.append((entry.relative_to(root).as_posix(), entry))
    found.files.sort()
