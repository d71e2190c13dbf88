"""Points that a sealed file holds from now on: new places for old ones, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from notabene.journal.reader import Batch
from notabene.journal.segment import Header
from notabene.model.records import KeysDefined
from notabene.store import tables as t
from notabene.store.pieces import Piece, from_points
from notabene.store.spans import Span
from notabene.store.sqlbase import SqlBase
from notabene.store.state import decode_keysets, decode_writers, encode
from notabene.store.transaction import PIECE_COLUMNS, piece_rows


def relocate(
    store: SqlBase,
    connection: sa.Connection,
    run: str,
    header: Header,
    batches: Sequence[Batch],
) -> None:
    """Have the points of a run lie where a sealed file holds them.

    Args:
        store: The index.
        connection: A transaction that may write, in which the batches were applied.
        run: Id of the run.
        header: The sealed file's header.
        batches: All its frames.
    """
    query = sa.select(t.run.c.n, t.body.c.writers, t.body.c.keysets)
    query = query.join(t.body, t.body.c.run == t.run.c.n).where(t.run.c.id == run)
    row = connection.execute(query).first()
    if row is None:
        return
    n, writers, keysets = row[0], decode_writers(row[1]), decode_keysets(row[2])
    numbers = {writer.id: number for number, writer in enumerate(writers.all)}
    pieces: list[Piece] = []
    for batch in batches:
        number = numbers[batch.writer]
        for entry in batch.entries:
            if isinstance(entry.record, KeysDefined):
                ids = [store.names.ids[key] for key in entry.record.keys]
                keysets.setdefault(number, {}).setdefault(
                    entry.record.id, np.array(ids, "<u4").tobytes()
                )
        spans: list[Span] = [(batch.first, batch.last)]
        for part, points in enumerate(batch.points):
            pieces += from_points(points, number, spans, part)
    for name, ranges in header.replaces:
        # A writer of which the file holds nothing readable has nothing here either.
        for first, last in ranges if name in numbers else ():
            _forget(connection, n, numbers[name], first, last)
    rows = [row for piece in pieces for row in piece_rows(n, piece, keep=False)]
    store.database.put(connection, t.points, ("run", *PIECE_COLUMNS), rows)
    tops = _tops(connection, n)
    for number, writer in enumerate(writers.all):
        writer.tops = tops.get(number, {})
    values = {"writers": encode(writers), "keysets": encode(keysets)}
    connection.execute(t.body.update().where(t.body.c.run == n).values(values))
    store.touch(connection, n)


def _forget(connection: sa.Connection, n: int, writer: int, first: int, last: int) -> None:
    p = t.points.c
    connection.execute(
        t.points.delete().where(p.run == n, p.writer == writer, p.first >= first, p.last <= last)
    )


def _tops(connection: sa.Connection, n: int) -> dict[int, dict[int, int]]:
    p = t.points.c
    query = sa.select(p.writer, p.keyset, sa.func.max(p.last)).where(p.run == n)
    out: dict[int, dict[int, int]] = {}
    for writer, keyset, top in connection.execute(query.group_by(p.writer, p.keyset)):
        out.setdefault(writer, {})[keyset] = top
    return out
