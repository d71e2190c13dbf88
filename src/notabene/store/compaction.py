"""Small pieces of a long live run joined into larger ones, in the database.

A process that logs for days leaves a block in its journal four times a second. A chart of it
would read hundreds of thousands of them; so where 16 pieces of one size class follow each
other, they become one of the next, encoded anew and with its own pyramid. Each row is
rewritten three times at most, and when the run is sealed the copies go.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from notabene.store import pyramid
from notabene.store import tables as t
from notabene.store.pieces import Encoding, Piece, concat, decode, encode
from notabene.store.series import Place
from notabene.store.sqlbase import SqlBase
from notabene.store.transaction import PIECE_COLUMNS, SqlTransaction, piece_rows

MANY = 16
"""Pieces of one class that are joined."""
CLASSES = (16, 256, 4096)
"""Rows at which the next class begins; pieces of the last one are left as they are."""
VALUES = 1 << 18
"""Values of a joined piece, at most."""


def compact(store: SqlBase, budget: float) -> int:
    """Join pieces where a look or a chart met too many of them.

    Args:
        store: The store.
        budget: Seconds after which to stop.

    Returns:
        How many pieces were made.
    """
    end, made = time.monotonic() + budget, 0
    for place, count in sorted(store.crowded.items(), key=lambda item: -item[1]):
        if count < MANY or time.monotonic() > end:
            break
        del store.crowded[place]
        made += join_pieces(store, place)
    return made


def join_pieces(store: SqlBase, place: Place) -> int:
    """Join what can be joined of one key set; gives the number of pieces made."""
    n, writer, keyset = place
    with store.writing() as connection:
        run = connection.execute(sa.select(t.run.c.id).where(t.run.c.n == n)).scalar()
        if run is None:
            return 0
        transaction = SqlTransaction(
            store.database, connection, store.names, store.read_piece, keep=False
        )
        made: list[Piece] = []
        for group in _groups(_sizes(connection, place)):
            first, last = group[0].first, group[-1].last
            pieces = transaction.pieces(n, writer, keyset, first - 1, last)
            rows = concat(
                [
                    decode(piece, transaction.read(run, piece))
                    for piece in pieces
                    if first <= piece.first and piece.last <= last
                ]
            )
            if rows.values.size > VALUES:
                continue
            piece = encode(writer, keyset, rows)
            statistics = pyramid.encode(rows)
            made.append(
                msgspec.structs.replace(
                    piece, pyramid=statistics or None, pyramid_size=len(statistics)
                )
            )
            _forget(connection, place, group)
        new = [row for piece in made for row in piece_rows(n, piece, keep=True)]
        store.database.put(connection, t.points, ("run", *PIECE_COLUMNS), new)
    return len(made)


class _Size(NamedTuple):
    """A piece without its content: large ones are not read only to be left as they are."""

    first: int
    last: int
    rows: int


def _sizes(connection: sa.Connection, place: Place) -> list[_Size]:
    c = t.points.c
    query = sa.select(c.first, c.last, c.rows).order_by(c.first, c.part)
    query = query.where(c.run == place[0], c.writer == place[1], c.keyset == place[2])
    found = connection.execute(query.where(c.encoding != Encoding.MORE))
    return [_Size(*row) for row in found]


def _groups(pieces: Sequence[_Size]) -> Iterator[list[_Size]]:
    """Runs of pieces of one class that follow each other, as many as make one of the next."""
    group: list[_Size] = []
    for piece in pieces:
        kind = _class_of(piece)
        follows = group and _class_of(group[0]) == kind and group[-1].last < piece.first
        if not follows:
            group = []
        if kind < len(CLASSES):
            group.append(piece)
        if len(group) == MANY:
            yield group
            group = []


def _class_of(piece: _Size) -> int:
    return sum(piece.rows >= rows for rows in CLASSES)


def _forget(connection: sa.Connection, place: Place, group: Sequence[_Size]) -> None:
    c = t.points.c
    connection.execute(
        t.points.delete().where(
            c.run == place[0],
            c.writer == place[1],
            c.keyset == place[2],
            c.first >= group[0].first,
            c.last <= group[-1].last,
        )
    )
