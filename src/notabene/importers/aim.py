"""Aim: a repository, through the library ``aim`` where it is installed and reads."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from notabene.errors import FormatError, MissingDependencyError, UsageError
from notabene.importers._base import (
    Cells,
    Ended,
    Found,
    Given,
    Item,
    Missed,
    Passed,
    Points,
    run_id,
)
from notabene.model.canonical import digest_json
from notabene.model.refs import join_path

FOLDER = ".aim"
READING = (OSError, ValueError, TypeError, LookupError, RuntimeError, AttributeError)


class Aim:
    """A repository.

    Args:
        place: The folder that holds ``.aim``, or that folder.
        given: What the person who imports has said.
        repo: What to read; by default ``aim.Repo``.
    """

    kind: ClassVar[str] = "aim"

    def __init__(self, place: Path, given: Given, repo: Any = None) -> None:
        top = place.parent if place.name == FOLDER else place
        if not (top / FOLDER).is_dir():
            raise UsageError(f"{place} has no folder {FOLDER}: it is no repository of Aim")
        self.given, self.place = given, top
        self.repo = _open(top) if repo is None else repo
        self.notes: list[str] = []

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """By the folder ``.aim``."""
        top = place if place.name == FOLDER else place / FOLDER
        return top.is_dir() and (top / "meta").exists()

    def find(self) -> Iterator[Found]:
        """All runs, the oldest first.

        Raises:
            FormatError: The library cannot read them.
        """
        try:
            found = [self._found(run) for run in self.repo.iter_runs()]
        except READING as error:
            raise FormatError(
                f"the library aim cannot read {self.place}: {error}",
                hint="read it with the version of aim that wrote it",
            ) from error
        there = sum(1 for _ in (self.place / FOLDER / "meta" / "chunks").glob("*"))
        if there and not found:
            raise FormatError(
                f"the library aim lists none of the {there:,} runs that lie in {self.place}",
                hint="read it with the version of aim that wrote it, or run `aim storage reindex`",
            )
        if len(found) < there:
            self.notes.append(f"the library aim lists {len(found):,} of {there:,} runs")
        yield from sorted(found, key=lambda one: (one.started, one.where))

    def _found(self, run: Any) -> Found:
        started = int(float(run.creation_time or 0) * 1e6)
        ended = int(float(run.end_time or 0) * 1e6)
        marks = [str(run.end_time), str(run.name), [str(tag) for tag in run.tags]]
        return Found(
            kind=self.kind,
            where=run.hash,
            run=run_id(self.kind, run.hash, started),
            name=run.name or run.hash[:8],
            project=self.given.project or self.given.default_project or run.experiment or "default",
            started=started,
            state=digest_json(marks)[:32] if ended else "",
            size=1000,
            detail=(run, ended),
        )

    def read(self, found: Found) -> Iterator[Item]:
        """One run."""
        run, ended = found.detail
        config = dict(_flat(run[...], ()))
        yield Cells(
            time=found.started,
            config={key: v for key, v in config.items() if not key.startswith("__system")},
            tags=dict.fromkeys(map(str, run.tags), ""),
            notes={"aim": run.description} if run.description else {},
        )
        for metric in run.metrics():
            context = metric.context.to_dict()
            words = "".join(f" {key}={value}" for key, value in sorted(context.items()))
            steps, columns = metric.data.numpy()
            values, times = columns[0], columns[2] if len(columns) > 2 else None
            order = np.argsort(np.asarray(steps, np.int64), kind="stable")
            axis = np.asarray(steps, np.int64)[order]
            table = np.asarray(values, np.float64)[order].reshape(-1, 1)
            moments = np.zeros(len(axis), np.int64)
            if times is not None:
                seconds = np.nan_to_num(np.asarray(times, np.float64)[order])
                moments = (seconds * 1e6).astype(np.int64)
            yield Points((f"{metric.name}{words}",), axis, moments, table)
        yield Missed("images, texts and other objects of Aim are not carried over")
        if ended:
            yield Ended(ended)
        yield Passed(found.size)


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, (*path, str(key)))
        return
    with contextlib.suppress(TypeError, ValueError):
        yield join_path(path), json.loads(json.dumps(value, default=str), parse_constant=str)


def _open(place: Path) -> Any:
    try:
        from aim import Repo
    except ImportError:
        raise MissingDependencyError(
            "repositories of Aim are read by its own library",
            hint="pip install aim, where it has a build for this Python",
        ) from None
    try:
        return Repo(str(place))
    except READING as error:
        raise FormatError(f"the library aim cannot read {place}: {error}") from error
