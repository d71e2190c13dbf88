"""What series are made of, read from a SQL store within one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from notabene.errors import NotFoundError
from notabene.store import tables as t
from notabene.store.pieces import Encoding, Piece
from notabene.store.series import Place
from notabene.store.sqlbase import SqlBase
from notabene.store.state import Cells, Work, decode_keysets, decode_writers
from notabene.store.transaction import PIECE_COLUMNS, SqlTransaction

INLINE = 64 << 10
"""Bytes that are read with a piece's row; larger ones only when they are needed."""
CROWDED = 256
"""Pieces of one key set that are worth being joined."""
PLACES_AT_ONCE = 250


class Reading:
    """A source of pieces; see :class:`notabene.store.series.SeriesSource`.

    Args:
        store: The store.
        connection: A transaction.
    """

    def __init__(self, store: SqlBase, connection: sa.Connection) -> None:
        self._store = store
        self._connection = connection
        self._numbers: dict[str, int] = {}
        within = SqlTransaction(
            store.database, connection, store.names, store.read_piece, keep=False
        )
        self.pieces = within.pieces
        self.first_piece = within.first_piece

    def works(self, runs: Collection[str]) -> dict[str, Work]:
        """Writers and key sets of runs.

        Raises:
            NotFoundError: One of them is not there.
        """
        sql = (
            "SELECT r.id, r.n, b.writers, b.keysets "
            "FROM run r JOIN body b ON b.run = r.n WHERE r.id AMONG"
        )
        rows = self._store.database.rows_of(self._connection, sql, list(runs))
        found = {
            run: Work(run, Cells(), decode_writers(writers), decode_keysets(keysets), n=n)
            for run, n, writers, keysets in rows
        }
        for run in runs:
            if run not in found:
                raise NotFoundError(f"there is no run {run!r}")
            self._numbers[run] = found[run].n
        return found

    def key_ids(self, names: Collection[str]) -> dict[str, int]:
        """Ids of those keys that any run has."""
        sql = 'SELECT name, id FROM "key" WHERE name AMONG'
        rows = self._store.database.rows_of(self._connection, sql, list(names))
        return {row[0]: row[1] for row in rows}

    def in_range(
        self, places: Sequence[Place], low: int | None, high: int | None
    ) -> dict[Place, list[Piece]]:
        """Pieces of key sets that may hold steps in a range, in order of their first row."""
        found: dict[Place, list[Piece]] = {}
        for at in range(0, len(places), PLACES_AT_ONCE):
            for row in self._rows_in(places[at : at + PLACES_AT_ONCE], low, high):
                found.setdefault((row[0], row[1], row[2]), []).append(Piece(*row[1:]))
        for place, pieces in found.items():
            if len(pieces) > CROWDED:
                self._store.crowded[place] = len(pieces)
        return found

    def _rows_in(self, places: Sequence[Place], low: int | None, high: int | None) -> list[Any]:
        # As text, since building the statement would take longer than running it. SQLite takes
        # the tables of a CROSS JOIN in the order in which they are written.
        wanted = ", ".join(f"({n}, {writer}, {keyset})" for n, writer, keyset in places)
        plain = ", ".join(f'p."{name}"' for name in ("run", *PIECE_COLUMNS[:-2]))
        join = "JOIN" if self._store.database.postgres else "CROSS JOIN"
        sql = (  # numbers and names of our own, no word of a user's
            f"WITH wanted(run, writer, keyset) AS (VALUES {wanted}) "  # noqa: S608
            f"SELECT {plain}, CASE WHEN p.size <= {INLINE} THEN p.data END, "
            f"CASE WHEN p.pyramid_size <= {INLINE} THEN p.pyramid END FROM wanted w "
            f"{join} points p ON p.run = w.run AND p.writer = w.writer AND p.keyset = w.keyset "
            f"AND p.encoding <> {int(Encoding.MORE)} "
        )
        if low is not None:
            sql += f"AND (p.high IS NULL OR p.high >= {low}) "
        if high is not None:
            sql += f"AND (p.low IS NULL OR p.low <= {high}) "
        sql += "ORDER BY p.run, p.writer, p.keyset, p.first, p.part"
        return list(self._connection.exec_driver_sql(sql).all())

    def read(self, run: str, piece: Piece) -> bytes | memoryview:
        """The bytes of a piece, from its row, its blobs or its file."""
        if piece.data is not None or piece.file:
            return self._store.read_piece(run, piece)
        c = t.points.c
        query = self._row_of(run, piece, sa.select(c.data).order_by(c.part))
        query = query.where(c.part < (piece.part | 0xFFFF) + 1)
        return b"".join(row[0] for row in self._connection.execute(query))

    def read_pyramid(self, run: str, piece: Piece) -> bytes | memoryview:
        """The statistics per bucket of a piece that has some."""
        if piece.pyramid is not None:
            return piece.pyramid
        if not piece.file:
            query = self._row_of(run, piece, sa.select(t.points.c.pyramid))
            query = query.where(t.points.c.part == piece.part)
            return bytes(self._connection.execute(query).scalar_one())
        place = msgspec.structs.replace(
            piece, start=piece.pyramid_start, size=piece.pyramid_size, crc=piece.pyramid_crc
        )
        return self._store.read_piece(run, place)

    def _row_of(self, run: str, piece: Piece, query: sa.Select[Any]) -> sa.Select[Any]:
        c = t.points.c
        place = (c.run == self._numbers[run], c.writer == piece.writer, c.keyset == piece.keyset)
        return query.where(*place, c.first == piece.first, c.part >= piece.part)
