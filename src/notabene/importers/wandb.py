"""W&B: the folders that its client leaves on this machine, offline runs and others.

config, summary       config, summary where points do not say it
history               points; nested keys by dots; media and texts as values
system metrics        points below ``system/``
console, exit code    console, status
tags, notes, group    tags, note, group; job type and sweep as tags
artifacts, files      artifacts, where their files are on this machine
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from notabene.errors import NotabeneError, UsageError
from notabene.importers._base import Found, Given, Item, Source, run_id
from notabene.importers.wandb_log import WandbLog
from notabene.importers.wandb_proto import RUN, TENSORBOARD, Run, outer, read_run, read_texts
from notabene.importers.wandb_read import Part, read_parts
from notabene.model.canonical import digest_json
from notabene.tfevents.proto import WireError

LOOK = 50
"""Records among which the run's own is."""
BOARDS = 2000
"""Records among which those about TensorBoard are."""
_FOLDER = re.compile(r"(?:offline-)?run-(?P<time>\d{8}_\d{6})-(?P<id>.+)\Z")


class Wandb:
    """Folders of W&B.

    Args:
        place: A folder ``wandb``, one that holds it, or the folder or file of one run.
        given: What the person who imports has said.
    """

    kind: ClassVar[str] = "wandb"

    def __init__(self, place: Path, given: Given) -> None:
        self.place, self.given = place, given
        self.notes: list[str] = []
        self.folders = run_folders(place)
        if not self.folders:
            raise UsageError(
                f"{place} holds no runs of W&B",
                hint="name the folder 'wandb' that its client wrote, or wandb://entity/project",
            )

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """A folder with runs, or one run."""
        return bool(run_folders(place))

    @classmethod
    def owns(cls, place: Path) -> bool:
        """Whether it is a folder of W&B itself: what else lies in it belongs to its runs."""
        return place.name == "wandb" or bool(_FOLDER.match(place.name))

    @classmethod
    def at(cls, url: str, given: Given) -> Source:
        """A project by the public API: ``wandb://entity/project``."""
        from notabene.importers.wandb_api import WandbApi

        return WandbApi(url, given)

    def find(self) -> Iterator[Found]:
        """All runs; the folders of one that was resumed together."""
        groups: dict[tuple[str, str, str], list[tuple[Part, Run]]] = {}
        for folder in self.folders:
            part = _part(folder)
            said = first_words(part)
            match = _FOLDER.match(folder.name)
            known = said.id or (match["id"] if match else folder.name)
            groups.setdefault((said.entity, said.project, known), []).append((part, said))
        found = [self._found(key, some) for key, some in groups.items()]
        yield from sorted(found, key=lambda one: (one.started, one.where))

    def _found(self, key: tuple[str, str, str], some: list[tuple[Part, Run]]) -> Found:
        parts = [part for part, _ in some]
        said, started = some[0][1], next((run.started for _, run in some if run.started), 0)
        name = next((run.name for _, run in reversed(some) if run.name), key[2])
        files = [[str(p.path.name), *_marks(p)] for p in parts]
        return Found(
            kind=self.kind,
            where=str(parts[0].path),
            run=run_id(self.kind, "/".join(key), started),
            name=name,
            project=self.given.project
            or self.given.default_project
            or said.project
            or "uncategorized",
            started=started,
            state=digest_json(files)[:32],
            group=said.group,
            host=said.host,
            size=sum(part.log.stat().st_size for part in parts if part.log is not None),
            detail=(parts, name),
        )

    def read(self, found: Found) -> Iterator[Item]:
        """One run."""
        parts, name = found.detail
        return read_parts(parts, name)


def run_folders(place: Path) -> list[Path]:
    """The folders of runs that a place is or holds, the oldest first; never fails."""
    if place.is_file():
        return [place.parent] if place.suffix == ".wandb" else []
    if _is_run(place):
        return [place]
    for folder in (place, place / "wandb", place / ".wandb"):
        try:
            with os.scandir(folder) as entries:
                found = [
                    Path(entry.path)
                    for entry in entries
                    if _FOLDER.match(entry.name) and entry.is_dir(follow_symlinks=False)
                ]
        except OSError:
            continue
        found = [path for path in found if _is_run(path)]
        if found:
            return sorted(found, key=lambda path: (_moment(path), path.name))
    return []


def _is_run(folder: Path) -> bool:
    named = _FOLDER.match(folder.name) is not None
    try:
        return (named and (folder / "files").is_dir()) or any(folder.glob("run-*.wandb"))
    except OSError:
        return False


def _moment(path: Path) -> str:
    match = _FOLDER.match(path.name)
    return match["time"] if match else ""


def _part(folder: Path) -> Part:
    return Part(folder, next(iter(sorted(folder.glob("run-*.wandb"))), None))


def first_words(part: Part) -> Run:
    """What a run says of itself at its beginning; empty where that cannot be read."""
    if part.log is not None:
        try:
            for number, data in enumerate(WandbLog(part.log).read()):
                kind, start, end = outer(data)
                if kind == RUN:
                    return read_run(data, start, end)
                if number > LOOK:
                    break
        except (NotabeneError, WireError, OSError, ValueError):
            pass
    return Run()


def _marks(part: Part) -> list[object]:
    marks: list[object] = []
    for path in (part.log, part.path / "files", part.path / "files" / "wandb-summary.json"):
        try:
            stat = path.stat() if path is not None else None
        except OSError:
            continue
        if stat is not None:
            marks.append([stat.st_size, stat.st_mtime_ns])
    return marks


def boards_of(found: Found) -> tuple[Path, ...]:
    """The folders of TensorBoard that a run says it follows, absolute."""
    places: dict[Path, None] = {}
    for part in found.detail[0]:
        if part.log is None:
            continue
        try:
            for number, data in enumerate(WandbLog(part.log).read()):
                kind, start, end = outer(data)
                if kind == TENSORBOARD:
                    place = _board(read_texts(data, start, end).get(1, ""), part.path)
                    if place is not None:
                        places[place] = None
                if number > BOARDS:
                    break
        except (NotabeneError, WireError, OSError, ValueError):
            continue
    return tuple(places)


def _board(named: str, run: Path) -> Path | None:
    """A folder as a program named it that ran where the folder ``wandb`` lies, maybe elsewhere."""
    if not named:
        return None
    here = Path(os.path.abspath(run)).parent.parent
    parts = Path(named).parts
    # An absolute one of another machine: as much of its end as is found here.
    ends = [here.joinpath(*parts[at:]) for at in range(1, len(parts))]
    found = (place for place in (here / named, *ends) if place.is_dir())
    return next(found, None)
