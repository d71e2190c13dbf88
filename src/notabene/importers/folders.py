"""Folders that hold a run though no tracker wrote it: Hydra's outputs, and checkpoints of
Hugging Face's Trainer with their ``trainer_state.json``."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from notabene._ids import now_us, user_name
from notabene.errors import UsageError
from notabene.importers._base import (
    Cells,
    Ended,
    Found,
    Given,
    Item,
    Missed,
    Passed,
    Points,
    Printed,
    run_id,
)
from notabene.importers.yaml_lite import parse, read_yaml
from notabene.model.canonical import digest_json
from notabene.model.refs import join_path

CONFIG = Path(".hydra") / "config.yaml"
STATE = "trainer_state.json"
QUIET = 600
ODD = (OSError, ValueError, TypeError, LookupError)
TEXT = 64 << 20
PLAIN = frozenset(
    "outputs output multirun runs results checkpoints logs lightning_logs wandb mlruns".split()
)
"""Names of folders that say nothing of what is in them."""


def hydra_config(folder: Path) -> dict[str, Any]:
    """The composed config of a folder of Hydra, by path.

    Raises:
        OSError, ValueError: It cannot be read.
    """
    return flat(read_yaml(folder / CONFIG))


def hydra_overrides(folder: Path) -> list[str]:
    """What was said on the command line."""
    with contextlib.suppress(*ODD):
        found = parse((folder / ".hydra" / "overrides.yaml").read_text("utf-8", "replace"))
        return [str(word) for word in found or ()]
    return []


def hydra_group(folder: Path) -> str:
    """Of a job of a sweep, the sweep's folder."""
    parent = folder.parent
    return parent.name if (parent / "multirun.yaml").is_file() or folder.name.isdigit() else ""


def flat(value: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Nested mappings by dotted paths."""
    if isinstance(value, dict) and (value or not path):
        out: dict[str, Any] = {}
        for key, inner in value.items():
            out |= flat(inner, (*path, str(key)))
        return out
    return {join_path(path): value}


class Hydra:
    """A folder that a program with Hydra ran in.

    Args:
        place: The folder.
        given: What the person who imports has said.
    """

    kind: ClassVar[str] = "hydra"

    def __init__(self, place: Path, given: Given) -> None:
        if not (place / CONFIG).is_file():
            raise UsageError(f"{place} has no {CONFIG}: Hydra did not run here")
        self.place, self.given = place, given
        self.notes: list[str] = []

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """By its config."""
        return (place / CONFIG).is_file()

    def find(self) -> Iterator[Found]:
        """The one run."""
        logs = sorted(self.place.glob("*.log"))
        stats = [path.stat() for path in (self.place / CONFIG, *logs)]
        started = int(stats[0].st_mtime * 1e6)
        name = _hydra_name(self.place)
        yield Found(
            kind=self.kind,
            where=str(self.place),
            run=run_id(self.kind, f"{name}\n{_first_line(self.place / CONFIG)}", started),
            name=name,
            project=self.given.project or self.given.default_project or project_of(self.place),
            started=started,
            state=digest_json([[stat.st_size, stat.st_mtime_ns] for stat in stats])[:32],
            group=hydra_group(self.place),
            user=user_name(),
            size=sum(stat.st_size for stat in stats),
            detail=(logs, max(stat.st_mtime for stat in stats)),
        )

    def read(self, found: Found) -> Iterator[Item]:
        """Its config, what was overridden, and what it logged."""
        logs, newest = found.detail
        tags = dict.fromkeys(hydra_overrides(self.place), "")
        yield Cells(time=found.started, config=hydra_config(self.place), tags=tags)
        for path in logs:
            with contextlib.suppress(OSError):
                yield Printed(path.read_text("utf-8", "replace")[-TEXT:])
        if now_us() - newest * 1e6 > QUIET * 1e6:
            yield Ended(int(newest * 1e6))
        yield Passed(found.size)


class Trainer:
    """A folder that Hugging Face's Trainer wrote to: the newest ``trainer_state.json`` has it all.

    Args:
        place: The folder above the checkpoints, or one with the file itself.
        given: What the person who imports has said.
    """

    kind: ClassVar[str] = "trainer"

    def __init__(self, place: Path, given: Given) -> None:
        self.states = _states(place)
        if not self.states:
            raise UsageError(f"{place} has no {STATE}: no Trainer wrote here")
        self.place, self.given = place, given
        self.notes: list[str] = []

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """By the file, here or in a checkpoint."""
        return bool(_states(place))

    def find(self) -> Iterator[Found]:
        """The one run."""
        stats = [path.stat() for path in self.states]
        first = min(stat.st_mtime for stat in stats)
        name = self.place.resolve().name
        yield Found(
            kind=self.kind,
            where=str(self.place),
            run=run_id(self.kind, str(self.place.resolve()), 0),
            name=name,
            project=self.given.project or self.given.default_project or project_of(self.place),
            started=int(first * 1e6),
            state=digest_json(
                [[str(p), s.st_mtime_ns] for p, s in zip(self.states, stats, strict=True)]
            )[:32],
            user=user_name(),
            size=stats[-1].st_size,
            detail=max(stat.st_mtime for stat in stats),
        )

    def read(self, found: Found) -> Iterator[Item]:
        """What it logged, and its settings."""
        state, config = self._state(), {}
        for name in ("max_steps", "num_train_epochs", "train_batch_size", "save_steps",
                     "eval_steps", "logging_steps"):  # fmt: skip
            if isinstance(state.get(name), int | float | str):
                config[name] = state[name]
        with contextlib.suppress(*ODD):
            model = json.loads((self.states[-1].parent / "config.json").read_text("utf-8"))
            config |= {f"model.{key}": value for key, value in flat(model).items()}
        summary = {}
        for name in ("best_metric", "best_global_step", "total_flos"):
            if isinstance(state.get(name), int | float):
                summary[name] = state[name]
        yield Cells(time=found.started, config=config, summary=summary)
        columns: dict[str, tuple[list[int], list[float]]] = {}
        for row in state.get("log_history") or ():
            for key, value in row.items():
                if key != "step" and isinstance(value, int | float):
                    steps, values = columns.setdefault(key, ([], []))
                    steps.append(int(row.get("step", 0)))
                    values.append(float(value))
        for key, (steps, values) in columns.items():
            axis = np.array(steps, np.int64)
            table = np.array(values, np.float64).reshape(-1, 1)
            yield Points((key,), axis, np.zeros(len(axis), np.int64), table)
        yield Missed("the Trainer does not say when a number was logged: all have one time")
        if now_us() - found.detail * 1e6 > QUIET * 1e6:
            yield Ended(int(found.detail * 1e6))
        yield Passed(found.size)

    def _state(self) -> dict[str, Any]:
        """The newest state that can be read.

        Raises:
            ValueError, OSError: None can.
        """
        for path in reversed(self.states):
            try:
                found = json.loads(path.read_text("utf-8", "replace"))
                if isinstance(found, dict):
                    return found
            except ValueError:
                if path == self.states[0]:
                    raise
        raise ValueError(f"{STATE} holds no mapping")


def _states(place: Path) -> list[Path]:
    """States below a folder, the last one last."""
    found: list[tuple[int, Path]] = []
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            step = entry.name.removeprefix("checkpoint-")
            path = Path(entry.path) / STATE
            if step != entry.name and step.isdigit() and path.is_file():
                found.append((int(step), path))
    if (place / STATE).is_file():
        found.append((1 << 62, place / STATE))
    return [path for _, path in sorted(found)]


def _hydra_name(folder: Path) -> str:
    """``2024-05-01/10-20-30``, ``2024-05-01/10-20-30/3``: as far as names are times or numbers."""
    words = [folder.resolve().name]
    for place in folder.resolve().parents:
        if place.name.lower() in ("outputs", "multirun", "") or len(words) > 2:
            break
        if not place.name[:1].isdigit():
            break
        words.insert(0, place.name)
    return "/".join(words)


def project_of(folder: Path) -> str:
    """The nearest folder above whose name says something."""
    for place in folder.resolve().parents:
        if place.name and place.name.lower() not in PLAIN and not is_moment(place.name):
            return place.name
    return "imported"


def is_moment(name: str) -> bool:
    """Whether a folder is named by a time or a number, and so says nothing of what it is."""
    for form in ("%Y-%m-%d", "%H-%M-%S", "%Y-%m-%d_%H-%M-%S"):
        with contextlib.suppress(ValueError):
            datetime.strptime(name, form)
            return True
    return name.isdigit()


def _first_line(path: Path) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read(4096)
    return ""
