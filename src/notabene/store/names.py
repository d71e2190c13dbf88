"""Names of keys and their ids, kept at hand by each process that has a SQL store open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from notabene.store import tables as t


class Names:
    """Ids of keys and back, as far as this process has seen them."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.names: dict[int, str] = {}

    def add(self, rows: Iterable[Any]) -> None:
        """Take in rows of the table ``key``."""
        for number, name in rows:
            self.ids[name] = number
            self.names[number] = name

    def load(self, connection: sa.Connection, wanted: Iterable[int]) -> None:
        """Make sure that these ids have their names."""
        if any(number not in self.names for number in wanted):
            last = max(self.names, default=0)
            query = sa.select(t.key.c.id, t.key.c.name)
            self.add(connection.execute(query.where(t.key.c.id > last)))
            if any(number not in self.names for number in wanted):
                self.add(connection.execute(query))

    def clear(self) -> None:
        """Forget all, after a transaction that did not come to be."""
        self.ids.clear()
        self.names.clear()
