"""The opened store, and what the server holds in memory about it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from notabene._ids import now_us, user_name
from notabene.api import Api
from notabene.errors import NotFoundError
from notabene.model.canonical import digest_bytes
from notabene.model.entities import RunInfo
from notabene.query.ast import Field, Test
from notabene.query.fields import LOST_AFTER
from notabene.server.answers import Call
from notabene.server.consoles import Consoles
from notabene.server.shelves import Shelf
from notabene.settings import home
from notabene.store.patience import at_most

T = TypeVar("T")

SLOTS = 32
"""Colours times dashes: how many runs can be told apart."""

QUESTION = 5.0
"""Seconds that one question to the database may take."""

ANSWERS = 64
"""How many computed answers are kept."""


class Notebook:
    """One store, opened once for all requests.

    Threads: any.

    Args:
        api: The opened store; closed with the notebook.

    Attributes:
        api: The read and write door.
        started: When the server began, µs.
        user: Who runs it.
        shelf: Manifests of artifacts.
        consoles: Where the lines of consoles lie.
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        self.started = now_us()
        self.user = user_name()
        self.shelf = Shelf(api)
        self.consoles = Consoles()
        self._lock = threading.Lock()
        self._running: tuple[str, tuple[int, ...]] = ("", ())
        self._kept: OrderedDict[tuple[Any, ...], tuple[str, float, Any]] = OrderedDict()

    def close(self) -> None:
        """Close the store."""
        self.api.close()

    @contextlib.contextmanager
    def question(self) -> Iterator[None]:
        """Around the work for one request: the database may take so long for each question."""
        with at_most(QUESTION):
            yield

    def require(self, run_id: str) -> None:
        """Make sure that there is a run of exactly this id.

        Raises:
            NotFoundError: There is none: names and beginnings are for people who type.
        """
        self.api.look()
        wanted = Test(Field("attribute", "id"), "in", (run_id,))
        if not self.api.store.runs(wanted, deleted=None, archived=None).ids(1):
            raise NotFoundError(f"there is no run {run_id!r}", hint="the list of runs has all ids")

    # -- is it still the same? -------------------------------------------------------------

    def cursor(self) -> str:
        """Where the store is: what was answered at this cursor is answered at it again."""
        self.api.look()
        return self.api.store.changes().cursor

    def tag(self, call: Call) -> str:
        """A weak tag for what the index alone decides.

        Runs that were heard of last two minutes ago become lost without any change in the
        store: their number counts as well.
        """
        cursor = self.cursor()
        lost = self.lost(cursor)
        text = "\n".join((cursor, str(lost), call.user, call.place))
        return f'W/"{digest_bytes(text.encode("utf-8", "replace"))[:32]}"'

    def lost(self, cursor: str) -> int:
        """How many runs have ended, it seems, without a word; the store is at this cursor."""
        with self._lock:
            known, beats = self._running
        if known != cursor:
            alive = Test(Field("attribute", "status"), "in", ("running",))
            found = self.api.store.runs(alive, deleted=None, archived=None)
            beats = tuple(sorted(run.updated for run in found.page(1000)))
            with self._lock:
                self._running = cursor, beats
        before = now_us() - LOST_AFTER
        return sum(beat < before for beat in beats)

    def kept(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """What was computed before, while the store is the same.

        Where computing takes long, an answer may be as old as ten times what it took.
        """
        cursor, now = self.cursor(), time.monotonic()
        with self._lock:
            found = self._kept.get(key)
            if found is not None and (found[0] == cursor or now < found[1]):
                self._kept.move_to_end(key)
                kept: T = found[2]
                return kept
        made = make()
        took = time.monotonic() - now
        until = time.monotonic() + (10 * took if took > 0.1 else 0)
        with self._lock:
            self._kept[key] = cursor, until, made
            while len(self._kept) > ANSWERS:
                self._kept.popitem(last=False)
        return made


def slot_of(run_id: str, number: int) -> int:
    """Which of the 32 looks a run has, for everybody and for good."""
    if number > 0:
        return (number - 1) % SLOTS
    return int(digest_bytes(run_id.encode())[:8], 16) % SLOTS


def slot(info: RunInfo) -> int:
    """As :func:`slot_of`, of a run at hand."""
    return slot_of(info.id, getattr(info, "number", 0))


def shortened(path: Path) -> str:
    """A path with ``~`` for the home folder, as people write it."""
    with contextlib.suppress(ValueError):
        return f"~/{path.relative_to(home())}".rstrip("/.")
    return str(path)
