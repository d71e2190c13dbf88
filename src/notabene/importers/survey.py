"""Looking through a folder for what tools wrote: cheap, by names and first bytes alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from notabene.importers.folders import is_moment
from notabene.importers.mlflow_files import is_store
from notabene.importers.mlflow_sql import is_mlflow
from notabene.importers.tensorboard import GENERIC

DEPTH = 64
LINKED = (
    ".ckpt",
    ".pt",
    ".pth",
    ".safetensors",
    ".bin",
    ".keras",
    ".h5",
    ".onnx",
    ".pkl",
    ".joblib",
)
"""Files that are linked to their run: models. They are hashed, never loaded."""
DATABASES = (".db", ".sqlite", ".sqlite3")
PASSED = frozenset(
    "node_modules __pycache__ site-packages dist-packages venv env virtualenv conda-meta "
    "bower_components __MACOSX lost+found".split()
)
_EVENTS = re.compile(r"tfevents\.\d")
"""Stricter than where a person names the place: sources may have the word in their names."""
STORE = frozenset({"format", "runs"})
"""What a store of ours has in it."""


class Spot(msgspec.Struct, frozen=True):
    """Something that an importer can read.

    Attributes:
        kind: Which importer.
        place: What it is given.
    """

    kind: str
    place: Path


class Survey(msgspec.Struct):
    """What lies below a folder.

    Attributes:
        spots: What importers can read, in the order of their places.
        hydra: Folders with the config of Hydra.
        models: Files of models, and what they weigh is not yet known.
        files, folders: How many were looked at.
        notes: What could not be looked at, a sentence each.
    """

    root: Path
    spots: list[Spot] = []
    hydra: list[Path] = []
    models: list[Path] = []
    files: int = 0
    folders: int = 0
    notes: list[str] = []


class _Counts(msgspec.Struct):
    unreadable: list[str] = []
    outside: int = 0
    deep: int = 0
    arguments: int = 0


def survey(root: Path) -> Survey:
    """Look through a folder; never fails, and never opens more than the heads of files."""
    found, counts = Survey(root), _Counts()
    top = root.resolve()
    boards: set[Path] = set()
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[Path, int]] = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            stat = folder.stat()
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            counts.unreadable.append(str(folder))
            continue
        if (stat.st_dev, stat.st_ino) in seen:
            continue
        seen.add((stat.st_dev, stat.st_ino))
        found.folders += 1
        names = {entry.name for entry in listed}
        if names >= STORE or "pyvenv.cfg" in names:
            continue
        below = list(_sorted_out(listed, top, counts))
        files = [entry.name for entry in listed if _is_file(entry)]
        found.files += len(files)
        if not _look(folder, files, names, found, boards, counts):
            continue
        if depth >= DEPTH:
            counts.deep += 1
            continue
        waiting += [(path, depth + 1) for path in reversed(below)]
    # The deepest first: they name their runs, and what is met again further up is known.
    deepest = sorted(boards, key=lambda place: (-len(place.parts), place))
    found.spots += [Spot("tensorboard", place) for place in deepest]
    _tell(found, counts)
    return found


def _look(
    folder: Path,
    files: list[str],
    names: set[str],
    found: Survey,
    boards: set[Path],
    counts: _Counts,
) -> bool:
    """Note what a folder holds; whether to look below it."""
    if _has_wandb(folder, names):
        found.spots.append(Spot("wandb", folder))
        return False
    if (folder.name == "mlruns" or ".trash" in names or "0" in names) and is_store(folder):
        found.spots.append(Spot("mlflow", folder))
        return False
    if ".hydra" in names and (folder / ".hydra" / "config.yaml").is_file():
        found.hydra.append(folder)
    if "trainer_state.json" in names:
        place = folder.parent if folder.name.startswith("checkpoint-") else folder
        spot = Spot("trainer", place)
        if spot not in found.spots:
            found.spots.append(spot)
    counts.arguments += "training_args.bin" in names
    for name in files:
        low = name.lower()
        if _EVENTS.search(name):
            boards.add(_board(folder, found.root))
        elif low.endswith(DATABASES) and is_mlflow(folder / name):
            found.spots.append(Spot("mlflow", folder / name))
        elif low == "metrics.csv" and ("hparams.yaml" in names or "version_" in folder.name):
            found.spots.append(Spot("csv", folder / name))
        elif low.endswith(LINKED) and low != "training_args.bin":
            found.models.append(folder / name)
    return True


def _has_wandb(folder: Path, names: set[str]) -> bool:
    if not any(name.startswith(("run-", "offline-run-")) for name in names):
        return False
    from notabene.importers.wandb import run_folders

    return bool(run_folders(folder)) and run_folders(folder)[0].parent == folder


def _board(folder: Path, root: Path) -> Path:
    """From where the importer of TensorBoard should look: runs are named from there on."""
    for place in folder.parents:
        if place.name.lower() in GENERIC and place.is_relative_to(root):
            return place
    place = folder.parent if folder != root else folder
    while place != root and (is_moment(place.name) or place.name in ("outputs", "multirun")):
        place = place.parent
    return place


def _sorted_out(listed: list[os.DirEntry[str]], top: Path, counts: _Counts) -> Iterator[Path]:
    """The folders below that are worth a look."""
    for entry in listed:
        try:
            if entry.is_symlink():
                path = Path(entry.path)
                counts.outside += path.is_dir() and not path.resolve().is_relative_to(top)
            elif entry.is_dir() and not entry.name.startswith(".") and entry.name not in PASSED:
                yield Path(entry.path)
        except (OSError, RuntimeError):
            counts.unreadable.append(entry.path)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _tell(found: Survey, counts: _Counts) -> None:
    bad = counts.unreadable
    if bad:
        more = f" and {len(bad) - 1:,} more" if len(bad) > 1 else ""
        found.notes.append(f"{bad[0]}{more} cannot be listed")
    if counts.outside:
        found.notes.append(f"{counts.outside:,} links lead out of the folder and are not followed")
    if counts.deep:
        found.notes.append(f"folders over {DEPTH} deep are not looked into")
    if counts.arguments:
        found.notes.append(
            "training_args.bin is never opened: it is a pickle, which could run anything"
        )
