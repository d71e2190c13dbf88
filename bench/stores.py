"""The stores that pages are measured on: made once a run, indexed and sealed, of made-up runs.

All peers get the same curves under the same names, so that pages are compared on equal data.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from harness import remove, scratch
from reading import open_api
from synth import curves, fill

PROJECT = "bench"


@dataclass(frozen=True)
class Shape:
    """What a store holds.

    Attributes:
        runs: How many.
        keys: Metrics of each.
        steps: Points of each metric.
        params: Parameters of each.
        sealed: Seconds to spend on compacting at most; short runs gain nothing by it.
    """

    runs: int
    keys: int
    steps: int
    params: int = 12
    sealed: float = 0

    @property
    def text(self) -> str:
        """In words."""
        metrics = f"{self.keys:,} metric{'s' if self.keys > 1 else ''}"
        return f"{self.runs:,} runs × {metrics} × {self.steps:,} points"

    def scaled(self, scale: float) -> Shape:
        """The same with fewer runs; charts need a few."""
        if scale == 1:
            return self
        runs = max(min(self.runs, 20), int(self.runs * scale))
        return Shape(runs, self.keys, self.steps, self.params, self.sealed)


SHAPES = {
    "many": Shape(10_000, 24, 200, 12, sealed=10),
    "table": Shape(20_000, 20, 5, 20),
    "long": Shape(100, 12, 10_000, 12, sealed=300),
    "keys": Shape(20, 2_000, 200, 12, sealed=60),
    "huge": Shape(100_000, 4, 3, 6),
    "few points": Shape(10_000, 24, 2, 12),
    "one chart": Shape(100, 1, 10_000, 12, sealed=60),
    "empty": Shape(1, 1, 10, 2),
}


class Stores:
    """Stores by their name in :data:`SHAPES`, in one temporary folder.

    Args:
        scale: Size of all, 1 is full.
        folder: Where; a temporary one that :meth:`close` removes if not given.
    """

    def __init__(self, scale: float = 1.0, folder: Path | None = None) -> None:
        self.scale = scale
        self._mine = folder is None
        self.folder = scratch() if folder is None else folder
        self.seconds: dict[str, float] = {}

    def close(self) -> None:
        """Remove the temporary folder."""
        if self._mine:
            remove(self.folder)

    def shape(self, name: str) -> Shape:
        """What the store of a name holds."""
        return SHAPES[name].scaled(self.scale)

    def place(self, name: str) -> Path:
        """A folder with ``store`` and ``cache`` in it, made at the first call."""
        base = self.folder / name
        done = base / "done"
        if done.exists():
            return base
        remove(base)
        base.mkdir(parents=True)
        shape, begun = self.shape(name), time.perf_counter()
        fill(
            base / "store",
            shape.runs,
            shape.keys,
            shape.steps,
            params=shape.params,
            project=PROJECT,
        )
        api = open_api(base / "store")
        api.refresh()
        if shape.sealed:
            until = time.perf_counter() + shape.sealed
            while time.perf_counter() < until and api.seal(seconds=5):
                pass
        found = api.runs().total
        assert found == shape.runs, f"{found} of {shape.runs} runs"
        api.close()
        self.seconds[name] = time.perf_counter() - begun
        done.touch()
        return base

    def env(self, name: str) -> dict[str, str]:
        """Environment of a process that works with the store."""
        base = self.place(name) if name in SHAPES else self.folder / name
        (base / "home").mkdir(parents=True, exist_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith("NOTABENE_")}
        return env | {
            "HOME": str(base / "home"),
            "NOTABENE_STORE": str(base / "store"),
            "NOTABENE_CACHE": str(base / "cache"),
            "NOTABENE_QUIET": "1",
        }


def rows_of(shape: Shape) -> Iterator[tuple[str, dict[str, float | str], Any]]:
    """Name, parameters and curves (points × metrics) of the runs of a shape, for other trackers."""
    rng = np.random.default_rng(5)
    pool = [curves(shape.keys, shape.steps, seed) for seed in range(min(64, shape.runs))]
    for at in range(shape.runs):
        params: dict[str, float | str] = {
            f"p{i}": float(rng.random()) for i in range(shape.params - 2)
        }
        params |= {"lr": float(10 ** rng.uniform(-5, 0)), "model": f"m{at % 7}"}
        yield f"name-{at}", params, pool[at % len(pool)] + at * 1e-3
