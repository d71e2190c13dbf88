"""A store to import into, and foreign sources made for the purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from notabene.api import Api
from notabene.importers import Given, Report, open_source, take_in
from notabene.importers._base import Ended, Found, Item, Points, run_id

START = 1_700_000_000_000_000


class Lab:
    """A store, and imports into it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def take(self, source: Any, **options: Any) -> Report:
        """Import a source, or what lies at a path."""
        if isinstance(source, Path):
            source = open_source(source, options.pop("kind", ""), options.pop("given", Given()))
        report = take_in(self.api.folder, self.api.blobs, source, "there", **options)
        self.api.refresh(full=True)
        return report

    def fates(self, source: Any, **options: Any) -> list[str]:
        """Import, and say what became of each run."""
        return [run.fate for run in self.take(source, **options).runs]

    def points(self, run: str, key: str) -> tuple[list[int], list[float]]:
        """Steps and values of a metric, as the store gives them."""
        series = self.api.history(run, key)
        return series.steps.tolist(), series.values.tolist()

    def files(self) -> dict[str, bytes]:
        """All files of the store, for whether anything changed."""
        root = self.api.folder.root
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and "live" not in path.parts
        }


class Foreign:
    """A source of runs that consist of any items."""

    kind: ClassVar[str] = "foreign"

    def __init__(self, **runs: list[Item]) -> None:
        self.runs = runs
        self.notes: list[str] = []
        self.state = "1"

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """Nothing on a disk looks like it."""
        return False

    def find(self) -> Iterator[Found]:
        """One run per name."""
        for n, name in enumerate(self.runs):
            started = START + n * 1_000_000
            yield Found(
                kind=self.kind,
                where=name,
                run=run_id(self.kind, name, started),
                name=name,
                project="p",
                started=started,
                state=self.state,
                tags={"from": "there"},
                size=100,
            )

    def read(self, found: Found) -> Iterator[Item]:
        """Its items; an exception among them is raised."""
        for item in self.runs[found.name]:
            if isinstance(item, BaseException):
                raise item
            yield item


def column(key: str, values: list[float], first: int = 0) -> Points:
    """Points of one key at rising steps, a second apart."""
    steps = np.arange(first, first + len(values), dtype=np.int64)
    table = np.array(values, np.float64).reshape(-1, 1)
    return Points((key,), steps, START + steps * 1_000_000, table)


END = Ended(START + 60_000_000)


@pytest.fixture
def lab(tmp_path) -> Iterator[Lab]:
    """An empty store."""
    with Api.make(tmp_path / "store") as api:
        yield Lab(api)
