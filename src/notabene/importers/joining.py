"""One run that several tools saw: which belong together, and why; read as one."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from notabene.importers._base import (
    Cells,
    Ended,
    Found,
    Item,
    Kept,
    Logged,
    Missed,
    Points,
    Printed,
    Said,
    Source,
    reason_of,
)
from notabene.importers.feed import READING
from notabene.model.canonical import digest_json

RANK = ("wandb", "mlflow", "tensorboard", "trainer", "csv", "hydra")
"""Of several views of a run, the one that is first here gives its name and status."""
LARGE = 64 << 20
"""Bytes of a run up to which its points are read to compare them."""
BUDGET = 512 << 20
NEAR = 600_000_000
"""µs between the beginnings of what may be one run, where both are known."""
FEW = 3

Series = dict[str, int]
"""A number for the values of each key that tells something."""


class Thing(msgspec.Struct, kw_only=True):
    """A run as one tool has it.

    Attributes:
        place: Where the tool has it.
        folder: Where it ran, as far as the tool's own places say.
        below: Nothing but what belongs to the run lies in the folder.
        boards: Folders of TensorBoard that the tool itself names.
        series: Its points in short; None where they were not read.
        points: How many; -1 where they were not counted.
    """

    found: Found
    source: Source
    place: Path
    folder: Path
    below: bool = False
    boards: tuple[Path, ...] = ()
    series: Series | None = None
    points: int = -1


class Whole(msgspec.Struct, kw_only=True):
    """A run with all that belongs to it.

    Attributes:
        main: What gives its name, times and status.
        others: Further views of it, and why each is one.
        config, tags, group: From files beside.
        hydra: Such a file is Hydra's.
        models: Files to be linked.
    """

    main: Thing
    others: list[tuple[Thing, str]] = []
    config: dict[str, Any] = {}
    tags: dict[str, str] = {}
    group: str = ""
    hydra: bool = False
    models: list[Path] = []

    @property
    def things(self) -> list[Thing]:
        """All views."""
        return [self.main, *(thing for thing, _ in self.others)]


def look(thing: Thing) -> int:
    """Read the points of a run in short; returns the bytes that were read."""
    parts: dict[str, list[Any]] = {}
    try:
        for item in thing.source.read(thing.found):
            if isinstance(item, Points):
                for n, key in enumerate(item.keys):
                    parts.setdefault(key, []).append(item.values[:, n])
    except READING:
        pass
    thing.points = sum(len(part) for some in parts.values() for part in some)
    thing.series = {}
    for key, some in parts.items():
        values = np.concatenate(some)
        values = values[np.isfinite(values)]
        told = len(values) >= FEW and (values != values[0]).any() and (values % 1).any()
        if told and not key.startswith("system/"):
            # Event files hold 32 bits, tables what was printed: six digits are alike in all.
            text = ",".join(f"{value:.6g}" for value in values.astype(np.float32).tolist())
            thing.series[key] = zlib.crc32(text.encode())
    return thing.found.size


def join(things: list[Thing]) -> list[Whole]:
    """Put together what is one run.

    A run of W&B that names a folder of TensorBoard, what lies in one folder, and what has equal
    series at the same time.
    """
    ordered = sorted(things, key=lambda t: (RANK.index(t.found.kind), t.found.started))
    wholes: list[Whole] = []
    for thing in ordered:
        found = [(w, why) for w in wholes if (why := _why(w, thing))]
        if len(found) > 1:  # several are near: only equal numbers tell
            found = [(w, why) for w, why in found if _tells(w, thing)]
        if len(found) == 1:
            found[0][0].others.append((thing, found[0][1]))
        else:
            wholes.append(Whole(main=thing))
    return sorted(wholes, key=lambda whole: (whole.main.found.started, whole.main.found.where))


def _why(whole: Whole, thing: Thing) -> str:
    """Why a thing is a view of a run; empty where it is not."""
    if any(view.found.kind == thing.found.kind for view in whole.things):
        return ""
    folder = Path(os.path.abspath(thing.folder))
    for view in whole.things:
        if any(folder == board or board in folder.parents for board in view.boards):
            return "W&B names this folder of TensorBoard as the run's"
        if view.folder == thing.folder and (view.below or thing.below):
            return "they lie in the same folder"
        if thing.below and thing.folder in view.folder.parents:
            return f"it lies in the folder {thing.folder.name} of the other"
        if view.below and view.folder in thing.folder.parents:
            return f"it lies in the folder {view.folder.name} of the other"
        equal = sorted(_equal(view, thing))
        if equal and _near(view.found, thing.found):
            return f"they have equal series at the same time: {', '.join(equal[:3])}"
    return ""


def _tells(whole: Whole, thing: Thing) -> bool:
    return any(_equal(view, thing) for view in whole.things)


def _equal(one: Thing, other: Thing) -> set[str]:
    """Keys of the second whose values the first has as well."""
    values = set((one.series or {}).values())
    return {key for key, mark in (other.series or {}).items() if mark in values}


def _near(one: Found, other: Found) -> bool:
    # A table or a state says no time of its own: that of the file is the end, not the beginning.
    vague = {"csv", "trainer"} & {one.kind, other.kind}
    return bool(vague) or abs(one.started - other.started) < NEAR


class Joined:
    """Runs of one kind, from any places, with all that belongs to each, as a source.

    Args:
        kind: Of their main views.
        wholes: The runs.
    """

    def __init__(self, kind: str, wholes: list[Whole]) -> None:
        self.kind = kind
        self.notes: list[str] = []
        self._wholes = {whole.main.found.run: whole for whole in wholes}

    def find(self) -> Iterator[Found]:
        """The runs."""
        for whole in self._wholes.values():
            found = whole.main.found
            marks = [thing.found.state for thing in whole.things]
            models = [[str(path), *_mark(path)] for path in whole.models]
            extra = [sorted(whole.config), whole.tags, models]
            more = len(marks) > 1 or models or whole.config or whole.tags
            yield msgspec.structs.replace(
                found,
                state=digest_json([marks, extra])[:32] if more and all(marks) else found.state,
                group=found.group or whole.group,
                size=sum(thing.found.size for thing in whole.things),
            )

    def read(self, found: Found) -> Iterator[Item]:
        """The main view; of the others what it lacks."""
        whole = self._wholes[found.run]
        keys: set[str] = set()
        config: set[str] = set()
        main = whole.main
        for item in main.source.read(main.found):
            if isinstance(item, Points):
                keys.update(item.keys)
            elif isinstance(item, Logged):
                keys.add(item.key)
            elif isinstance(item, Cells):
                config.update(item.config)
                yield msgspec.structs.replace(item, whole=False)
                continue
            yield item
        for thing, _ in whole.others:
            yield from self._rest(main, thing, keys, config)
        extra = {key: value for key, value in whole.config.items() if key not in config}
        if extra or whole.tags:
            yield Cells(time=found.started, config=extra, tags=whole.tags)
        yield from _links(found, whole.models)

    def _rest(self, main: Thing, thing: Thing, keys: set[str], config: set[str]) -> Iterator[Item]:
        known = keys | _equal(main, thing)
        fresh: set[str] = set()
        try:
            for item in thing.source.read(thing.found):
                if isinstance(item, Points):
                    names = [key for key in item.keys if key not in known]
                    fresh.update(names)
                    for n, key in enumerate(item.keys):
                        if key in names:
                            yield Points((key,), item.steps, item.times, item.values[:, n : n + 1])
                elif isinstance(item, Logged):
                    if item.key not in known:
                        fresh.add(item.key)
                        yield item
                elif isinstance(item, Cells):
                    cells = {k: v for k, v in item.config.items() if k not in config}
                    config.update(cells)
                    yield Cells(time=item.time, config=cells, tags=item.tags)
                elif not isinstance(item, Ended | Printed | Said):
                    yield item
        except READING as error:
            what = f"what {thing.found.kind} has of it could be read only in part"
            yield Missed(f"{what}: {reason_of(error)}", True)
        keys |= fresh


def _links(found: Found, models: list[Path]) -> Iterator[Item]:
    links: dict[str, Path] = {}
    for path in models:
        if path.is_file():
            name = path.name
            for folder in path.parents:
                if name not in links:
                    break
                name = f"{folder.name}/{name}"
            links[name] = path
    if not links:
        return
    yield Kept(name=f"{found.name}/checkpoints", type="model", links=tuple(links.items()))


def _mark(path: Path) -> list[int]:
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]
