"""What changed, told to clients as it happens.

One thread looks at the store a few times a second, for all clients together, and only while
there is one. Each client has a cursor of its own: who was away is told what it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
from anyio import to_thread

from notabene.errors import NotabeneError
from notabene.server.notebook import Notebook
from notabene.store.base import ChangeSet

EVERY = 0.3
"""Seconds between two looks."""

SELDOM = 0.9
"""Seconds between two looks while nothing has come for a time."""

RESTING = 5.0
"""After so many seconds without news it is looked more seldom: most open pages show what rests."""

LOST = 5.0
"""Seconds between two looks for runs that became lost: nothing changes in the store then."""

QUIET = 15.0
"""Seconds after which a comment tells proxies that the connection lives."""


class Feed:
    """Tells clients what changed.

    Args:
        notebook: The store.
    """

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._cursor = ""
        self._lost: int | None = None
        self._losses = 0
        self._clients = 0
        self.closed = False

    def close(self) -> None:
        """Send everybody away; may be called from any thread or signal handler."""
        self.closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def events(self, cursor: str) -> AsyncIterator[bytes]:
        """Server-sent events from a cursor on; without one from now on."""
        self._loop = asyncio.get_running_loop()
        self._clients += 1
        if self._looking is None or self._looking.done():
            self._looking = self._loop.create_task(self._look())
        try:
            first = await to_thread.run_sync(self._changes, cursor)
            cursor = first.cursor
            losses = self._losses
            yield b"retry: 2000\n\n" + event(first)
            while not self.closed:
                news = self._news
                if self._losses != losses:
                    losses = self._losses
                    yield event(ChangeSet(cursor, reload=True))
                if self._cursor not in ("", cursor):
                    found = await to_thread.run_sync(self._changes, cursor)
                    if found.cursor != cursor:
                        cursor = found.cursor
                        yield event(found)
                        continue
                try:
                    await asyncio.wait_for(news.wait(), QUIET)
                except TimeoutError:
                    yield b": still here\n\n"
            yield b"event: bye\ndata: {}\n\n"
        finally:
            self._clients -= 1

    def _changes(self, cursor: str) -> ChangeSet:
        self._notebook.api.look()
        return self._notebook.api.store.changes(cursor)

    def _newest(self) -> str:
        self._notebook.api.refresh()
        return self._notebook.api.store.changes().cursor

    async def _look(self) -> None:
        """Look for news while there is a client."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        due = 0.0
        while self._clients and not self.closed:
            with contextlib.suppress(NotabeneError, OSError):
                found = await to_thread.run_sync(self._newest)
                if found != self._cursor:
                    self._cursor = found
                    last = loop.time()
                    self._wake()
                if loop.time() >= due:
                    due = loop.time() + LOST
                    lost = await to_thread.run_sync(self._notebook.lost, found)
                    if self._lost is not None and lost > self._lost:
                        self._losses += 1
                        self._wake()
                    self._lost = lost
            await asyncio.sleep(EVERY if loop.time() - last < RESTING else SELDOM)


def event(found: ChangeSet) -> bytes:
    """A change as an event; its id is the cursor."""
    data = msgspec.json.encode(found)
    return b"id: %s\nevent: change\ndata: %s\n\n" % (found.cursor.encode(), data)
