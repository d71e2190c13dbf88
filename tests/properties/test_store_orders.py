"""Whatever order journals come in, stores answer the same; and all stores answer alike."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from notabene.store.base import Store, Window
from notabene.store.database import Database, connect
from notabene.store.memory import MemoryStore
from notabene.store.sql import SqlStore
from notabene.store.verify import everything
from notabene.testing import strategies
from notabene.testing.scribe import Scribe


def sqlite() -> SqlStore:
    """An empty store in memory, by way of SQL."""
    return SqlStore(Database(connect("sqlite://")))


def answers(store: Store) -> dict[str, bytes]:
    """All answers of a store, its series included."""
    found = everything(store)
    for run in store.runs(deleted=None, archived=None):
        found[f"run {run.id}"] = msgspec.msgpack.encode(run)
        for hidden in (False, True):
            window = Window(hidden=hidden)
            for series in store.series([run.id], strategies.KEYS, window):
                points = series.points
                found[f"{run.id} {series.key} {hidden} {series.rank}"] = (
                    b""
                    if points is None
                    else points.steps.tobytes() + points.times.tobytes() + points.values.tobytes()
                )
    return found


@given(strategies.journals(), st.data())
def test_any_delivery_gives_the_same(journals: list[Scribe], data: st.DataObject) -> None:
    """Frames in any order, split over any calls, some of them twice, give equal answers."""
    batches = [batch for scribe in journals for batch in scribe.batches()]
    straight, shuffled, by_sql = MemoryStore(), MemoryStore(), sqlite()
    straight.apply(batches)
    for call in data.draw(strategies.deliveries(batches)):
        shuffled.apply(call)
    for call in data.draw(strategies.deliveries(batches)):
        by_sql.apply(call)
    wanted = answers(straight)
    assert answers(shuffled) == wanted
    assert answers(by_sql) == wanted
    by_sql.close()


@given(strategies.journals())
def test_frames_do_not_matter(journals: list[Scribe]) -> None:
    """One frame at a time gives the same as all at once, in each store."""
    at_once, one_by_one = sqlite(), sqlite()
    batches = [batch for scribe in journals for batch in scribe.batches()]
    at_once.apply(batches)
    for batch in batches:
        one_by_one.apply([batch])
    assert answers(one_by_one) == answers(at_once)
    at_once.close()
    one_by_one.close()
