"""A run in a notebook cell: what it is, its latest numbers, a live curve of its first metric."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from notabene.errors import FormatError
from notabene.journal.folder import JOURNAL
from notabene.journal.reader import JournalReader, Points, slots_of
from notabene.journal.rows import row_of, slots

if TYPE_CHECKING:
    from notabene.tracking.run import Run

WIDTH, HEIGHT = 360, 90
MOST = 20_000
"""Points that a cell looks at; longer runs show their end."""


def run_html(run: Run) -> str:
    """The run as HTML that needs no script and no server; numbers are those logged so far."""
    run.flush()
    series = _series(run)
    rows = "".join(
        f"<tr><td style='padding:0 1em 0 0'>{escape(key)}</td>"
        f"<td style='text-align:right;font-family:monospace'>{points[-1][1]:.6g}</td></tr>"
        for key, points in list(series.items())[:8]
        if points
    )
    first = next((key for key, points in series.items() if len(points) > 1), None)
    curve = "" if first is None else _curve(first, series[first])
    return (
        f"<div style='border:1px solid #8884;border-radius:6px;padding:.6em 1em;max-width:40em'>"
        f"<b>{escape(run.name)}</b> <code>{escape(run.id[-6:])}</code> "
        f"of {escape(run.project)}: {escape(run.status)}"
        f"<div style='display:flex;gap:2em;align-items:flex-end'><table>{rows}</table>"
        f"{curve}</div></div>"
    )


def _series(run: Run) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    if run.path is None:
        return found
    for path in sorted(run.path.glob(f"*{JOURNAL}")):
        reader = JournalReader(path)
        try:
            batches = reader.all()
        except (OSError, FormatError):
            continue
        names = reader.keysets.get(reader.header.writers[0], {}) if reader.header else {}
        for batch in batches:
            for points in batch.points:
                _add(found, points, names)
    return {key: points[-MOST:] for key, points in found.items() if not key.startswith("system/")}


def _add(
    found: dict[str, list[tuple[int, float]]], points: Points, names: dict[int, tuple[str, ...]]
) -> None:
    if points.encoding == "block":
        from notabene.journal.block import Block

        block = Block(points.data)
        steps, values = block.steps().tolist(), block.values()
        for column, key in enumerate(points.keys):
            found.setdefault(key, []).extend(zip(steps, values[:, column].tolist(), strict=True))
        return
    data = slots_of(points)
    for slot in slots(data):
        step, _, values_ = row_of(data, slot)
        for key, value in zip(names.get(slot.keyset, ()), values_, strict=False):
            found.setdefault(key, []).append((step, value))


def _curve(key: str, points: list[tuple[int, float]]) -> str:
    good = sorted(p for p in points if math.isfinite(p[1]))
    if len(good) < 2:
        return ""
    every = max(1, len(good) // WIDTH)
    good = [*good[::every], good[-1]]
    x0, x1 = good[0][0], good[-1][0]
    y0, y1 = min(y for _, y in good), max(y for _, y in good)
    wide, high = (x1 - x0) or 1, (y1 - y0) or 1.0
    path = " ".join(
        f"{(x - x0) / wide * WIDTH:.1f},{HEIGHT - (y - y0) / high * HEIGHT:.1f}" for x, y in good
    )
    return (
        f"<svg width='{WIDTH}' height='{HEIGHT + 18}' role='img' "
        f"aria-label='{escape(key)} over steps {x0} to {x1}'>"
        f"<polyline points='{path}' fill='none' stroke='#3b82c4' stroke-width='1.5'/>"
        f"<text x='0' y='{HEIGHT + 14}' font-size='11' fill='currentColor'>"
        f"{escape(key)}, steps {x0:,} to {x1:,}, {y0:.4g} to {y1:.4g}</text></svg>"
    )
