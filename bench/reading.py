"""Chapters 3 (store), 4 and 5: taking in, reading, and how cost grows."""

from __future__ import annotations

import gc
import math
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from calls import tick_calls
from harness import disk, remove, scratch, table
from synth import fill

os.environ.setdefault("NOTABENE_QUIET", "1")


def timed(call: Callable[[], Any], repeats: int = 7) -> tuple[float, float]:
    """Median wall and CPU milliseconds of a call that was made once before."""
    call()
    walls, cpus = [], []
    for _ in range(repeats):
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    return statistics.median(walls), statistics.median(cpus)


def open_api(root: Path) -> Any:
    """An Api over a store, its index in the same scratch folder."""
    from notabene.api import Api

    os.environ["NOTABENE_CACHE"] = str(root.parent / "cache")
    return Api(str(root))


def seal(api: Any) -> None:
    """Compact all runs, as every run is soon after its end."""
    while api.seal(seconds=60):
        pass


def at_rest(scale: float = 1.0) -> dict[str, Any]:
    """Chapter 2, continued: bytes a point of ended runs, with pyramid, summaries and index."""
    rows, figures = [], {}
    for runs, keys, steps in ((3, 10, 200_000), (100, 5, 10_000), (300, 20, 1_000)):
        base = scratch()
        fill(base / "store", runs, keys, int(steps * scale))
        api = open_api(base / "store")
        api.refresh()
        seal(api)
        api.refresh()
        api.close()
        remove(base / "store" / "trash")  # what sealing replaced; it goes after a week
        total = runs * keys * int(steps * scale)
        sizes = [disk(base / part)[0] / total for part in ("store", "cache")]
        remove(base)
        name = f"{runs} runs × {keys} keys × {int(steps * scale):,}"
        figures[name] = {"sealed": sizes[0], "index": sizes[1]}
        rows.append((name, *sizes, sum(sizes)))
    table(
        "2. Bytes a point at rest: sealed files with pyramid and summaries, and the index",
        ("shape", "sealed", "index", "together"),
        rows,
    )
    return figures


class DatabaseTime:
    """CPU seconds of this process within calls of the database's driver, commits included."""

    def __init__(self) -> None:
        import sqlalchemy as sa

        self.seconds = self._begun = 0.0
        sa.event.listen(sa.Engine, "before_cursor_execute", self._begin)
        sa.event.listen(sa.Engine, "after_cursor_execute", self._end)
        commit = sa.engine.default.DefaultDialect.do_commit

        def timed_commit(dialect: Any, connection: Any) -> None:
            self._begin()
            commit(dialect, connection)
            self._end()

        sa.engine.default.DefaultDialect.do_commit = timed_commit  # type: ignore[method-assign]

    def _begin(self, *_: Any) -> None:
        self._begun = time.process_time()

    def _end(self, *_: Any) -> None:
        self.seconds += time.process_time() - self._begun


def chapter3(scale: float = 1.0) -> dict[str, Any]:
    """How fast journals are taken into the index; all CPU, and that of the database alone."""
    shapes = {
        "long: 3 runs × 10 keys × 200,000": (3, 10, int(200_000 * scale)),
        "mid: 100 runs × 5 keys × 10,000": (100, 5, int(10_000 * scale)),
        "short: 20,000 runs × 20 keys × 50": (int(20_000 * scale), 20, 50),
        "wide: 1 run × 50,000 keys × 20": (1, 50_000, 20),
    }
    rows, figures = [], {}
    database = DatabaseTime()
    for name, (runs, keys, steps) in shapes.items():
        base = scratch()
        fill(base / "store", runs, keys, steps)
        before, _ = disk(base)
        api = open_api(base / "store")
        database.seconds = 0.0
        cpu, wall = time.process_time(), time.perf_counter()
        api.refresh()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        within = database.seconds
        total = runs * keys * steps
        found = api.runs().total
        assert found == runs, f"{found} of {runs} runs"
        api.close()
        index, _ = disk(base / "cache")
        figures[name] = {
            "points": total,
            "cpu_s": cpu,
            "wall_s": wall,
            "points_per_cpu_s": total / cpu,
            "database_s": within,
            "points_per_database_s": total / within,
            "journal_bytes_per_point": before / total,
            "index_bytes_per_point": index / total,
        }
        sizes = before / total, index / total
        speeds = total / cpu / 1e6, total / within / 1e6
        rows.append((name, total / 1e6, cpu, *speeds, *sizes))
        remove(base)
    table(
        "3. Taking journals into the index (SQLite): all CPU, files and summaries included",
        (
            "shape",
            "M points",
            "CPU s",
            "M points / CPU s",
            "M points / database s",
            "journal B/pt",
            "index B/pt",
        ),
        rows,
    )
    return figures


def chapter4(scale: float = 1.0) -> dict[str, Any]:
    """Reading, warm, through Api."""
    figures: dict[str, Any] = {}
    rows = []

    def note(name: str, target: float | None, call: Callable[[], Any]) -> None:
        wall, cpu = timed(call)
        figures[name] = {"wall_ms": wall, "cpu_ms": cpu, "target_ms": target}
        rows.append((name, wall, cpu, target))

    # The targets are for runs that have ended and are sealed, as every ended run soon is; what a
    # reader pays before that has rows of its own.
    base = scratch()
    points = int(1_000_000 * scale)
    fill(base / "store", 1, 1, points)
    api = open_api(base / "store")
    key = "train/m0"
    run = api.runs()[0].id
    half = points // 2
    for state, targets in (("not sealed yet", (None, None, None)), ("", (60, 3, 3))):
        if not state:
            seal(api)
        of = f", {state}" if state else ""
        note(f"one series of 1M points, whole{of}", targets[0], lambda: api.history(run, key))
        note(
            f"the same for 1,000 pixels{of}",
            targets[1],
            lambda: api.history(run, key, samples=1000),
        )
        note(
            f"zoom into 10,000 of 1M points{of}",
            targets[2],
            lambda: api.history(run, key, samples=1000, start=half, end=half + 10_000),
        )
    api.close()
    remove(base)

    base = scratch()
    fill(base / "store", 100, 1, 10_000)
    api = open_api(base / "store")
    ids = api.runs().ids
    name = "100 runs × 10,000 points on 1,000 buckets"
    note(f"{name}, not sealed yet", None, lambda: api.grid(ids, [key], buckets=1000))
    seal(api)
    note(name, 40, lambda: api.grid(ids, [key], buckets=1000))
    api.close()
    remove(base)

    base = scratch()
    many = int(20_000 * scale)
    fill(base / "store", many, 20, 5)
    api = open_api(base / "store")
    api.refresh()
    query = f'params.lr < 0.01 and metrics."{key}" > 0.5'
    note(
        f"table of {many:,} runs: filter, sort, first 50",
        50,
        lambda: list(api.runs(query, order_by=f'metrics."{key}"', limit=50)),
    )
    note(f"{many:,} runs × 20 metrics to arrays", 300, lambda: api.runs().to_columns())
    stats = ("last", "min", "max")
    note(
        f"{many:,} runs × 20 metrics, last, min and max, to pandas",
        300,
        lambda: api.runs().to_pandas(stats=stats),
    )
    some = max(1, many // 2)
    note(f"{some:,} runs × 40 columns to pandas", 500, lambda: api.runs(limit=some).to_pandas())
    api.close()
    remove(base)
    table(
        "4. Reading, warm, through Api on SQLite", ("what", "wall ms", "CPU ms", "target ms"), rows
    )
    return figures


def chapter5(scale: float = 1.0) -> dict[str, Any]:
    """Cost at three sizes, and the exponent: 0 does not grow, 1 grows in proportion."""
    figures: dict[str, Any] = {}
    rows = []

    def note(name: str, sizes: list[int], costs: list[float]) -> None:
        slope = math.log(costs[-1] / costs[0]) / math.log(sizes[-1] / sizes[0])
        figures[name] = {"sizes": sizes, "cost": costs, "exponent": slope}
        rows.append((name, *costs, slope))

    note("log() of 10 keys, µs, after 10^4, 10^5, 10^6 calls", *_log_growth())
    sizes = [int(n * scale) for n in (200, 2000, 20_000)]
    tables, ticks = [], []
    for runs in sizes:
        base = scratch()
        fill(base / "store", runs, 5, 5)
        api = open_api(base / "store")
        api.refresh()
        query = 'params.lr < 0.01 and metrics."train/m0" > 0.5'
        tables.append(
            timed(
                lambda api=api, query=query: list(
                    api.runs(query, order_by='metrics."train/m0"', limit=50)
                )
            )[1]
        )
        ticks.append(timed(api.refresh, 15)[1])
        api.close()
        remove(base)
    note(f"run table, first 50, CPU ms at {sizes} runs", sizes, tables)
    note(f"tick with nothing new, CPU ms at {sizes} runs", sizes, [max(t, 1e-3) for t in ticks])
    sizes = [int(n * scale) for n in (100, 1000, 10_000)]
    for what, calls in (tick_calls(sizes) or {}).items():
        note(f"system calls of a tick, {what}, at {sizes} runs", sizes, calls)
    charts: dict[str, list[float]] = {"": [], ", not sealed yet": []}
    lengths = [int(n * scale) for n in (10_000, 100_000, 1_000_000)]
    for points in lengths:
        base = scratch()
        fill(base / "store", 1, 1, points)
        api = open_api(base / "store")
        run = api.runs()[0].id
        for state in reversed(charts):
            if not state:
                seal(api)
            call = partial(api.history, run, "train/m0", samples=1000)
            charts[state].append(timed(call)[1])
        api.close()
        remove(base)
    for state, costs in charts.items():
        note(f"chart of 1,000 buckets{state}, CPU ms at {lengths} points", lengths, costs)
    table("5. How cost grows", ("what", "×1", "×10", "×100", "exponent"), rows)
    return figures


def _log_growth() -> tuple[list[int], list[float]]:
    from notabene.tracking.init import init

    base = scratch()
    run = init("bench", store=str(base / "store"), capture=False)
    row = {f"m{i}": 0.5 for i in range(10)}
    sizes, costs, step = [10_000, 100_000, 1_000_000], [], 0
    for size in sizes:
        while step < size - 5000:
            run.log(row, step=step)
            step += 1
        time.sleep(0.3)
        cpu = time.thread_time()
        for _ in range(5000):
            run.log(row, step=step)
            step += 1
        costs.append((time.thread_time() - cpu) / 5000 * 1e6)
    run.finish()
    remove(base)
    return sizes, costs
