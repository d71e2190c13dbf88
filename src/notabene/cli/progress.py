"""A progress bar for copies that take a while; silent where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LARGE = 32 << 20
"""Bytes below which a bar would only flicker."""


@contextmanager
def bar(title: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar on stderr while copying.

    Args:
        title: What is copied.
        total: Bytes in all.

    Yields:
        A function to call with bytes done and bytes in all.
    """
    if not sys.stderr.isatty() or total < LARGE:
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done, of: progress.update(task, completed=done, total=of)
