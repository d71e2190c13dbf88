"""Metrics over steps: many on one grid for charts, one to the bit for everything else."""

from __future__ import annotations

import csv
import io
import math
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from litestar.datastructures import ResponseHeader
from msgspec import Meta

from notabene.api import History
from notabene.api.frames import iso, safe_cell
from notabene.errors import UsageError
from notabene.query.ast import Field, Test
from notabene.server import grids
from notabene.server.answers import made, packed
from notabene.server.notebook import Notebook
from notabene.server.requests import RunId, read, write

if TYPE_CHECKING:
    from litestar import Response

RUNS = 1000
KEYS = 500
CELLS = 40_000_000
"""Numbers in one answer: about what 16 MiB of a chart of many runs come to, ten times over."""

SECONDS = 20.0
"""How long a question for series may take."""

JSON_POINTS = 300_000


@write("/series", summary="Series of many runs on one x grid", media_type=grids.MEDIA_TYPE)
def series(notebook: Notebook, *, data: grids.SeriesQuestion) -> bytes:
    """Binary columns; `docs/reference/series.md` describes the bytes."""
    _check(data)
    notebook.api.look()
    alive = Test(Field("attribute", "status"), "in", ("running", "lost"))
    found = notebook.api.store.runs(alive, deleted=None, archived=None).ids(grids.BUCKETS)
    until = time.monotonic() + SECONDS
    answer = grids.answer(notebook.api.store, data, set(found), until)
    return made(packed(answer, media_type=grids.MEDIA_TYPE), bytes)


def _check(asked: grids.SeriesQuestion) -> None:
    for what, count, most in (("runs", len(asked.runs), RUNS), ("keys", len(asked.keys), KEYS)):
        if count > most:
            raise UsageError(f"{count:,} {what} are named; at most {most:,} are allowed")
    if asked.low is not None and asked.high is not None and asked.low > asked.high:
        raise UsageError(f"low={asked.low} lies above high={asked.high}")
    if asked.width is not None and math.frexp(asked.width)[0] != 0.5:
        raise UsageError(f"width={asked.width} is no power of two, as all widths of buckets are")
    cells = len(asked.runs) * len(asked.keys) * asked.buckets * (len(asked.stats) + 1)
    if cells > CELLS:
        raise UsageError(
            f"that is up to {cells:,} numbers; {CELLS:,} are allowed",
            hint="ask for fewer runs, keys or buckets at once",
        )


class HistoryDocument(msgspec.Struct, frozen=True):
    """Points, or buckets, of metrics of one run."""

    series: list[dict[str, Any]]


@read(
    "/runs/{run:str}/history",
    summary="Points of a run's metrics",
    response_headers=[ResponseHeader(name="Content-Disposition", documentation_only=True)],
)
def history(
    notebook: Notebook,
    *,
    run: RunId,
    key: Annotated[list[str] | None, Meta(description="Metrics; all without.")] = None,
    samples: Annotated[int | None, Meta(ge=1, le=100_000)] = None,
    x: str = "step",
    start: float | None = None,
    end: float | None = None,
    rank: Annotated[int, Meta(ge=0)] = 0,
    format: Literal["json", "csv"] = "json",
) -> HistoryDocument:
    """To the bit; with ``samples`` as buckets with statistics."""
    found: History | dict[str, History] = notebook.api.history(
        run, *(key or ()), samples=samples, x=x, start=start, end=end, rank=rank
    )
    histories = [found] if isinstance(found, History) else list(found.values())
    points = sum(len(one) for one in histories)
    if points > JSON_POINTS:
        raise UsageError(
            f"that is {points:,} points; {JSON_POINTS:,} are allowed at once",
            hint="ask for fewer keys, a part with start and end, or samples",
        )
    if format == "json":
        return HistoryDocument([one.to_dict() for one in histories])
    return made(_csv(run, histories), HistoryDocument)


def _csv(run: str, histories: list[History]) -> Response[bytes]:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(("key", "step", "time", "x", "value", "rank"))
    for one in histories:
        steps = one.steps.tolist() or [""] * len(one)
        times = [iso(time) for time in one.times.tolist()] or [""] * len(one)
        columns = zip(steps, times, one.x.tolist(), one.values.tolist(), strict=True)
        key = safe_cell(one.key)
        writer.writerows((key, step, time, x, value, one.rank) for step, time, x, value in columns)
    reply = packed(file.getvalue().encode(), "content", media_type="text/csv")
    reply.headers["Content-Disposition"] = f'attachment; filename="{run}.csv"'
    return reply


HANDLERS = [series, history]
