"""``notabene plot``: curves in the terminal, drawn with braille dots."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import click

from notabene.cli.render import (
    colours,
    common,
    figure,
    hint,
    is_terminal,
    print_json,
    say,
    unicode_ok,
    width,
    with_api,
)
from notabene.errors import FormatError, NotFoundError, UsageError

if TYPE_CHECKING:
    from notabene.api import Api, RunView

PALETTE = ("blue", "yellow", "green", "magenta", "cyan", "red", "white")
MARKS = "*o+x#@%"
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character by row and column (Unicode chapter 21.1)."""

MOST = sys.float_info.max

Line = tuple[list[float], list[float], list[float]]
"""x, lower and upper y of the points of a curve."""


@click.command()
@click.argument("runs", nargs=-1)
@click.option(
    "-m", "--metric", "metrics", multiple=True, help="Metrics to draw; default the first."
)
@click.option("-x", default="step", help="step, time, relative, or another metric.")
@click.option("-w", "--where", default="", help="Draw the runs that a query chooses.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    default=7,
    show_default=True,
    help="At most so many runs; 0 means all.",
)
@click.option("--log", "log_y", is_flag=True, help="Logarithmic y axis.")
@click.option("--height", default=16, show_default=True, help="Rows of a chart.")
@click.option("--width", "columns", type=int, help="Columns; default is the terminal's.")
@click.option("--samples", type=int, help="With --json: at most so many points a curve.")
@common
@with_api
def plot(
    api: Api,
    runs: tuple[str, ...],
    metrics: tuple[str, ...],
    x: str,
    where: str,
    limit: int,
    log_y: bool,
    height: int,
    columns: int | None,
    samples: int | None,
    as_json: bool,
) -> None:
    """Draw the curves of runs: notabene plot RUN... -m loss -m val/loss"""
    views = [api.run(ref) for ref in runs]
    if where:
        views += list(api.runs(where, limit=limit or None))
        if not views:
            raise NotFoundError("no run matches", hint="notabene ls QUERY tries a query")
    if not views:
        views = [api.run("@last")]
    views = views[: limit or None]
    keys = list(metrics) or _first_metrics(views)
    if as_json:
        print_json([_points(api, view, key, x, samples) for key in keys for view in views])
        return
    if height < 2 or height > 200:
        raise UsageError(f"--height {height} is not possible; 2 to 200 rows are")
    wide = max(30, min(columns or (width() if is_terminal() else 80), 400))
    for key in keys:
        _chart(api, views, key, x, wide, height, log_y=log_y)


def _first_metrics(views: list[RunView]) -> list[str]:
    for view in views:
        keys = [key for key in view.metrics if not key.startswith("system/")]
        if keys:
            return sorted(keys, key=lambda k: ("loss" not in k.lower(), k))[:4]
    raise NotFoundError(
        f"{views[0].name} has no metrics to draw", hint="log numbers with run.log({'loss': 0.3})"
    )


def _points(api: Api, view: RunView, key: str, x: str, samples: int | None) -> dict[str, Any]:
    found = api.history(view.id, key, samples=samples, x=x)
    return {
        "run": view.id,
        "name": view.name,
        "key": key,
        "steps": found.steps.tolist(),
        "times": found.times.tolist(),
        "values": found.values.tolist(),
    }


def _chart(
    api: Api, views: list[RunView], key: str, x: str, wide: int, height: int, *, log_y: bool
) -> None:
    lines: list[tuple[str, Line]] = []
    for view in views:
        try:
            lines.append((view.name, _line(api, view, key, x, wide * 2)))
        except NotFoundError:
            if len(views) == 1:
                raise
        except FormatError as error:  # the others are drawn all the same
            if len(views) == 1:
                raise
            hint(f"{view.name} cannot be drawn: {error}")
    drawn = [(name, _kept(line, log_y=log_y)) for name, line in lines]
    drawn = [(name, line) for name, line in drawn if line[0]]
    say(f"\n{key}" + (" (log)" if log_y else ""), bold=True)
    if not drawn:
        say("  no finite numbers to draw")
        return
    _draw([line for _, line in drawn], wide, height, x, log_y=log_y)
    if len(views) > 1:
        for at, (name, _) in enumerate(drawn):
            mark = "--" if colours() else MARKS[at % len(MARKS)]
            say(f"  {mark} {name}", colour=PALETTE[at % len(PALETTE)])


def _line(api: Api, view: RunView, key: str, x: str, buckets: int) -> Line:
    found = api.history(view.id, key, samples=buckets, x=x)
    xs = [float(v) for v in found.x]
    if found.width and x == "step":
        xs[0] = float(view.metrics[key].first_step)  # buckets are drawn at their ends
    low = found.min if found.min is not None else found.values
    high = found.max if found.max is not None else found.values
    return xs, [float(v) for v in low], [float(v) for v in high]


def _kept(line: Line, *, log_y: bool) -> Line:
    out: Line = ([], [], [])
    for x, low, high in zip(*line, strict=True):
        if not all(map(math.isfinite, (x, low, high))) or (log_y and low <= 0):
            continue
        out[0].append(x)
        out[1].append(math.log10(low) if log_y else low)
        out[2].append(math.log10(high) if log_y else high)
    return out


def _draw(lines: list[Line], wide: int, height: int, x: str, *, log_y: bool) -> None:
    x0, x1 = min(min(a[0]) for a in lines), max(max(a[0]) for a in lines)
    y0, y1 = min(min(a[1]) for a in lines), max(max(a[2]) for a in lines)
    if y0 == y1:
        half = min(abs(y0) / 2, MOST - abs(y0)) or 0.5
        y0, y1 = y0 - half, y1 + half

    def label(y: float) -> str:
        return figure(10**y if log_y else y)

    margin = max(len(label(y1)), len(label(y0)), len(label((y0 + y1) / 2))) + 1
    columns = max(10, wide - margin - 2)
    # Without colour, braille of several curves could not be told apart.
    grid = _Grid(columns, height, fine=unicode_ok() and (colours() or len(lines) == 1))
    for at, (xs, low, high) in enumerate(lines):
        grid.line(at, xs, low, high, (x0, x1), (y0, y1))
    for row, text in enumerate(grid.rows()):
        mark = ""
        if row in (0, height // 2, height - 1):
            part = row / max(1, height - 1)
            mark = label(y1 * (1 - part) + y0 * part)
        bar = "\N{BOX DRAWINGS LIGHT VERTICAL AND LEFT}" if unicode_ok() else "|"
        say(f"{mark:>{margin}} {bar}{text}", styled=True)
    left, right = _x_label(x0, x), _x_label(x1, x)
    say(" " * (margin + 2) + left + right.rjust(columns - len(left)))


def _x_label(value: float, x: str) -> str:
    if x == "time":
        from notabene.cli.render import when

        return when(int(value))
    return f"{value:g} s" if x == "relative" else figure(value)


def _part(value: float, low: float, high: float) -> float:
    """Where a value lies between two others, from 0 to 1."""
    if not math.isfinite(high - low):  # the largest numbers there are, of both signs
        value, low, high = value / 4, low / 4, high / 4
    return (value - low) / (high - low) if high > low else 0.0


class _Grid:
    """Dots of 2 × 4 per character where ``fine``, else one mark per character."""

    def __init__(self, columns: int, rows: int, *, fine: bool) -> None:
        self.columns, self.height = columns, rows
        self.fine = fine
        self.across = columns * (2 if self.fine else 1)
        self.down = rows * (4 if self.fine else 1)
        self.cells: list[list[int]] = [[0] * columns for _ in range(rows)]
        self.owner: list[list[int]] = [[-1] * columns for _ in range(rows)]

    def dot(self, x: int, y: int, owner: int) -> None:
        """Set one dot; the origin is at the top left."""
        if not (0 <= x < self.across and 0 <= y < self.down):
            return
        if self.fine:
            self.cells[y // 4][x // 2] |= DOTS[y % 4][x % 2]
            self.owner[y // 4][x // 2] = owner
        else:
            self.cells[y][x] = 1
            self.owner[y][x] = owner

    def line(
        self,
        owner: int,
        xs: list[float],
        low: list[float],
        high: list[float],
        x_range: tuple[float, float],
        y_range: tuple[float, float],
    ) -> None:
        """Draw a curve: each point from its lower to its upper end, joined to the next."""

        def column(x: float) -> int:
            return round(_part(x, *x_range) * (self.across - 1))

        def row(y: float) -> int:
            return round((1 - _part(y, *y_range)) * (self.down - 1))

        before: tuple[int, int] | None = None
        for x, bottom, top in zip(xs, low, high, strict=True):
            at = column(x)
            for y in range(row(top), row(bottom) + 1):
                self.dot(at, y, owner)
            here = (at, row(bottom / 2 + top / 2))
            if before is not None:
                self._join(before, here, owner)
            before = here

    def _join(self, a: tuple[int, int], b: tuple[int, int], owner: int) -> None:
        count = max(abs(b[0] - a[0]), abs(b[1] - a[1]))
        for i in range(1, count):
            x = a[0] + (b[0] - a[0]) * i / count
            y = a[1] + (b[1] - a[1]) * i / count
            self.dot(round(x), round(y), owner)

    def rows(self) -> list[str]:
        """The picture, line by line, coloured where the terminal can."""
        out = []
        for cells, owners in zip(self.cells, self.owner, strict=True):
            text = ""
            for bits, owner in zip(cells, owners, strict=True):
                if not bits:
                    text += " "
                    continue
                char = chr(0x2800 + bits) if self.fine else MARKS[owner % len(MARKS)]
                colour = PALETTE[owner % len(PALETTE)]
                text += click.style(char, fg=colour) if colours() else char
            out.append(text.rstrip() if not colours() else text)
        return out
