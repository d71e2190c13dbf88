"""What changed: asked for, or told as it happens."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Meta

from notabene.server.answers import CALL, GIVEN
from notabene.server.feed import Feed
from notabene.server.notebook import Notebook
from notabene.server.requests import read
from notabene.store.base import ChangeSet

Cursor = Annotated[str, Meta(max_length=200, description="Where to go on; empty: now.")]


@read("/changes", "never", summary="What changed since a cursor")
def changes(notebook: Notebook, *, cursor: Cursor = "") -> ChangeSet:
    """Without a cursor: the present one, and no changes."""
    notebook.api.look()
    return notebook.api.store.changes(cursor)


@get("/events", media_type="text/event-stream", summary="What changes, as it happens")
async def events(cursor: Annotated[str, QueryParameter(max_length=200)] = "") -> Any:
    """Server-sent events ``change`` (as of ``/changes``) and ``bye``."""
    feed: Feed = GIVEN.get()["feed"]
    return Stream(
        feed.events(CALL.get().last or cursor),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


HANDLERS = [changes, events]
