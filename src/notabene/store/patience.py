"""How long a question to a database may take: as long as it likes, unless somebody says so."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

_PATIENCE: ContextVar[float] = ContextVar("_PATIENCE", default=0.0)
_UNTIL: ContextVar[float] = ContextVar("_UNTIL", default=0.0)


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Within this block each question may take so long; then it is broken off."""
    mark = _PATIENCE.set(seconds)
    try:
        yield
    finally:
        _PATIENCE.reset(mark)


@contextlib.contextmanager
def asking() -> Iterator[float]:
    """Around one question; gives the seconds it may take, 0 for any."""
    seconds = _PATIENCE.get()
    mark = _UNTIL.set(time.monotonic() + seconds if seconds else 0.0)
    try:
        yield seconds
    finally:
        _UNTIL.reset(mark)


def is_over() -> bool:
    """Whether the question under way has taken too long."""
    until = _UNTIL.get()
    return until > 0 and time.monotonic() > until
