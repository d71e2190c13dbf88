"""Adopting a folder: all runs below it, whoever wrote them, each once, with its checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
from msgspec.structs import replace

from notabene.artifacts.local import LocalBlobs
from notabene.importers._base import Found, Given, Report, Source, reason_of
from notabene.importers.feed import READING
from notabene.importers.folders import flat, hydra_config, hydra_group, hydra_overrides, project_of
from notabene.importers.joining import BUDGET, LARGE, Joined, Thing, Whole, join, look
from notabene.importers.survey import Spot, Survey, survey
from notabene.importers.take import take_in
from notabene.importers.yaml_lite import read_yaml
from notabene.journal.folder import StoreFolder

Opener = Callable[[str], type[Source]]
"""Gives the importer of a kind."""


class AdoptedRun(msgspec.Struct, kw_only=True):
    """A run below the folder.

    Attributes:
        kinds: Tools that saw it, the one that gives its name first.
        where: Its places, in the same order.
        why: Why the further ones are the same run, a sentence each.
        run: Id that it has, or will have, here.
        points: How many; -1 where they were not counted.
        size: Bytes.
        models: Files that are linked: kept where they are, known by their digest.
        here: It was imported before.
        fate: What became of it; empty where nothing was asked.
    """

    kinds: list[str]
    where: list[str]
    why: list[str] = []
    run: str
    name: str
    project: str
    started: int = 0
    points: int = -1
    size: int = 0
    models: int = 0
    here: bool = False
    fate: str = ""


class Adoption(msgspec.Struct, kw_only=True):
    """What lies below a folder, and what became of it.

    Attributes:
        root: The folder.
        files, folders: How many were looked at.
        runs: The runs, the oldest first.
        notes: What could not be read, or is not carried over.
        reports: Of the imports, one per tool; empty where nothing was imported.
    """

    root: str
    files: int = 0
    folders: int = 0
    runs: list[AdoptedRun] = []
    notes: list[str] = []
    reports: list[Report] = []


class Adopter:
    """Looks through a folder, and imports what is wanted.

    Args:
        root: The folder.
        given: What the person who imports has said.
        opener: Gives the importer of a kind.
        folder: The store.
    """

    def __init__(self, root: Path, given: Given, opener: Opener, folder: StoreFolder) -> None:
        self.root, self.given, self._opener, self._folder = root, given, opener, folder
        self.survey: Survey = survey(root)
        self.notes = list(self.survey.notes)
        self._met: set[str] = set()
        things = [thing for spot in self.survey.spots for thing in self._things(spot)]
        self._compare(things)
        self.wholes = join(things)
        self._hydra()
        self._hparams()
        self._models()

    def tell(self) -> Adoption:
        """What there is."""
        here = {path.name for path in self._folder.run_dirs()}
        runs = [self._run(whole, here) for whole in self.wholes]
        return Adoption(
            root=str(self.root),
            files=self.survey.files,
            folders=self.survey.folders,
            runs=runs,
            notes=list(dict.fromkeys(self.notes)),
        )

    def take(self, blobs: LocalBlobs, progress: Callable[[int, int], None] | None) -> Adoption:
        """Import all of it.

        Raises:
            NotabeneError: The store cannot be written to.
        """
        told = self.tell()
        by_run = {run.run: run for run in told.runs}
        kinds = dict.fromkeys(whole.main.found.kind for whole in self.wholes)
        for kind in kinds:
            some = [whole for whole in self.wholes if whole.main.found.kind == kind]
            source = cast("Source", Joined(kind, some))
            report = take_in(self._folder, blobs, source, str(self.root), progress=progress)
            told.reports.append(report)
            for one in report.runs:
                by_run[one.run].fate = one.fate
                by_run[one.run].points = max(by_run[one.run].points, one.points)
        for whole in self.wholes:
            if whole.main.found.kind != "csv":  # how its columns were read says little here
                told.notes += whole.main.source.notes
        told.notes = list(dict.fromkeys(told.notes))
        return told

    # -- listing ---------------------------------------------------------------------------

    def _things(self, spot: Spot) -> list[Thing]:
        try:
            given = self.given
            if spot.kind == "csv" and not given.default_project:  # a table names no project
                given = replace(given, default_project=project_of(spot.place.parent))
            source = self._opener(spot.kind)(spot.place, given)
            things = [self._thing(spot, source, found) for found in source.find()]
        except READING as error:
            self.notes.append(f"{self._short(spot.place)} is left out: {reason_of(error)}")
            return []
        return [thing for thing in things if self._is_new(spot, thing)]

    def _is_new(self, spot: Spot, thing: Thing) -> bool:
        """Whether it was not met before: on another way, through a link."""
        if spot.kind == "tensorboard":
            place = Path(thing.found.where)
            inside = place.relative_to(spot.place) if place != spot.place else Path()
            if place.resolve() != spot.place.resolve() / inside:
                return False
        known = thing.found.run in self._met
        self._met.add(thing.found.run)
        return not known

    def _thing(self, spot: Spot, source: Source, found: Found) -> Thing:
        place = Path(found.where)
        if spot.kind == "csv":
            found = replace(found, name=place.parent.name)
        boards: tuple[Path, ...] = ()
        if spot.kind == "wandb":
            from notabene.importers.wandb import boards_of

            boards = boards_of(found)
            folder = place.parent.parent
        elif spot.kind == "mlflow":
            folder = spot.place.parent
        else:
            folder = place.parent if place.is_file() else place
        below = spot.kind in ("trainer", "csv", "hydra")
        return Thing(
            found=found,
            source=source,
            place=spot.place if spot.kind == "mlflow" else place,
            folder=folder,
            below=below,
            boards=boards,
            points=found.points,
        )

    def _compare(self, things: list[Thing]) -> None:
        """Read in short what might be the same run as something else."""
        if len({thing.found.kind for thing in things}) < 2:
            return
        left = BUDGET
        for thing in things:
            if thing.found.size <= min(LARGE, left):
                left -= look(thing)
        unread = sum(thing.series is None for thing in things)
        if unread:
            self.notes.append(
                f"large runs were not compared with others, and may be listed twice: {unread:,}"
            )

    def _hydra(self) -> None:
        """Configs of Hydra belong to the runs in their folders; without any, they are one."""
        for folder in self.survey.hydra:
            inside = [
                whole
                for whole in self.wholes
                if any(_within(thing.folder, folder) for thing in whole.things)
            ]
            if not inside:
                self.wholes += [Whole(main=t) for t in self._things(Spot("hydra", folder))]
                continue
            try:
                config = hydra_config(folder)
            except (OSError, ValueError) as error:
                self.notes.append(f"{self._short(folder)}/.hydra is left out: {reason_of(error)}")
                continue
            for whole in inside:
                whole.hydra = True
                whole.config |= config
                whole.tags |= dict.fromkeys(hydra_overrides(folder), "")
                whole.group = whole.group or hydra_group(folder)
        self.wholes.sort(key=lambda whole: (whole.main.found.started, whole.main.found.where))

    def _hparams(self) -> None:
        """What Lightning was called with, beside its logs."""
        for whole in self.wholes:
            for folder in {thing.folder for thing in whole.things if thing.found.kind != "mlflow"}:
                path = folder / "hparams.yaml"
                if not path.is_file():
                    continue
                try:
                    whole.config |= {k: v for k, v in flat(read_yaml(path)).items() if k}
                except (OSError, ValueError) as error:
                    self.notes.append(f"{self._short(path)} is left out: {reason_of(error)}")

    def _models(self) -> None:
        """Files of models belong to the run in whose folder, or nearest above which, they lie."""
        at: dict[Path, list[Whole]] = {}
        for whole in self.wholes:
            for folder in {thing.folder for thing in whole.things}:
                at.setdefault(folder, []).append(whole)
        alone = 0
        for path in self.survey.models:
            near = next((at[folder] for folder in path.parents if folder in at), [])
            if len(near) == 1 and near[0].main.found.kind != "mlflow":
                near[0].models.append(path)
            else:
                alone += 1
        if alone:
            self.notes.append(
                f"models that lie beside no run, or beside several, are not linked: {alone:,}"
            )

    # -- telling ---------------------------------------------------------------------------

    def _run(self, whole: Whole, here: set[str]) -> AdoptedRun:
        found, things = whole.main.found, whole.things
        why = [f"{thing.found.kind}: {reason}" for thing, reason in whole.others]
        if whole.hydra:
            why.append("hydra: its config lies in the folder")
        counted = [thing.points for thing in things if thing.points >= 0]
        return AdoptedRun(
            kinds=[thing.found.kind for thing in things] + ["hydra"] * whole.hydra,
            where=[self._short(thing.place) for thing in things],
            why=why,
            run=found.run,
            name=found.name,
            project=found.project,
            started=found.started,
            points=max(counted, default=-1),
            size=sum(thing.found.size for thing in things),
            models=len(whole.models),
            here=found.run in here,
        )

    def _short(self, path: Path) -> str:
        for place in (path, path.resolve()):
            for root in (self.root, self.root.resolve()):
                if place.is_relative_to(root):
                    return place.relative_to(root).as_posix()
        return str(path)


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
