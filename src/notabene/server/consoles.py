"""Pages of a console."""

from __future__ import annotations

from pathlib import Path

import msgspec

from notabene.api.consoles import read_console


class ConsoleLine(msgspec.Struct, frozen=True):
    """A line."""

    n: int
    time: int
    stream: str
    text: str


class ConsolePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines of a console."""

    total: int
    lines: list[ConsoleLine]
    matches: int
    ranks: list[int]
    dropped: int


def console_page(
    place: Path,
    *,
    offset: int,
    limit: int,
    rank: int | None,
    search: str,
    regex: bool,
    stream: str,
) -> ConsolePage:
    """Some lines of a run's console."""
    lines = [
        ConsoleLine(n, line.time, line.stream, line.text)
        for n, line in enumerate(read_console(place, rank=rank))
        if not stream or line.stream == stream
    ]
    total = len(lines)
    if search:
        lines = [line for line in lines if search.lower() in line.text.lower()]
    at = offset if offset >= 0 else max(0, len(lines) + offset)
    return ConsolePage(
        total=total,
        lines=lines[at : at + limit],
        matches=len(lines) if search else 0,
        ranks=[0],
        dropped=0,
    )
