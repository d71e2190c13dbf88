"""What the SQL stores are made of: transactions, names of keys, and runs by number."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec
import numpy as np
import sqlalchemy as sa

from notabene._ids import new_id, now_us
from notabene.errors import FormatError, NotFoundError
from notabene.journal.reader import Batch, Keysets
from notabene.model.entities import Health, RunInfo
from notabene.store import tables as t
from notabene.store.asked import Asked
from notabene.store.counting import Count
from notabene.store.database import Database
from notabene.store.engine import Applying, remember
from notabene.store.info import run_info
from notabene.store.names import Names
from notabene.store.pieces import Piece
from notabene.store.state import decode_cells, decode_keysets, decode_writers
from notabene.store.summary import unpack
from notabene.store.transaction import SqlTransaction

ReadFile = Callable[[str, str, int, int, int], bytes | memoryview]
"""Reads bytes of a run's file: run, name, start, size, CRC-32."""


class SqlBase:
    """A SQL database with our tables, and what is done with them within one transaction.

    Args:
        database: Where.
        read_file: Reads a run's files; None where points are kept in the database, so that
            it can do without them.
    """

    def __init__(self, database: Database, read_file: ReadFile | None = None) -> None:
        self.database = database
        self.names = Names()
        self._read_file = read_file
        self.crowded: dict[tuple[int, int, int], int] = {}
        """How many small pieces some key sets have: ``(run, writer, key set)``."""
        self._counts: dict[int, Count] = {}
        # One writer at a time per process; an index in memory has one connection for all.
        self._lock = threading.RLock()
        self._alone = database.engine.url.database in (None, "", ":memory:")
        self._alone = self._alone and not database.postgres
        database.create()
        self.epoch = self._epoch()

    def _epoch(self) -> str:
        columns = ("key", "value")
        wanted = {"epoch": new_id(), "version": "0", "schema": str(t.SCHEMA)}
        with self.writing() as connection:
            self.database.put(
                connection, t.meta, columns, sorted(wanted.items()), conflict="nothing"
            )
            rows = connection.execute(sa.select(t.meta.c.key, t.meta.c.value))
            found = {key: value for key, value in rows}  # noqa: C416 - rows are no pairs by type
        if found["schema"] != str(t.SCHEMA):
            raise FormatError(
                f"this database has schema {found['schema']}; this notabene uses {t.SCHEMA}",
                hint="notabene db rebuild makes a local index anew; for a server, migrate",
            )
        return str(found["epoch"])

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that may write."""
        with self._lock, self.database.write() as connection:
            try:
                yield connection
            except BaseException:
                self.names.clear()
                self._counts.clear()
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state."""
        alone = self._lock if self._alone else contextlib.nullcontext()
        with alone, self.database.read() as connection:
            yield connection

    def apply_within(
        self,
        connection: sa.Connection,
        batches: Sequence[Batch],
        seen: int | Mapping[str, int] = 0,
    ) -> None:
        """:meth:`apply` as a part of a larger transaction."""
        transaction = SqlTransaction(
            self.database,
            connection,
            self.names,
            self.read_piece,
            keep=self._read_file is None,
        )
        outcomes = Applying(transaction, self._counts, now_us(), seen).apply(batches)
        remember(self._counts)
        for outcome in outcomes:
            if outcome.end.status == "running":
                for piece in outcome.fresh:
                    place = outcome.work.n, piece.writer, piece.keyset
                    self.crowded[place] = self.crowded.get(place, 0) + 1

    def read_piece(self, run: str, piece: Piece) -> bytes | memoryview:
        """The bytes of a piece, from the database or from its file."""
        if piece.data is not None:
            return piece.data
        if self._read_file is None:
            raise NotFoundError(f"the points of run {run} in {piece.file} are not here")
        return self._read_file(run, piece.file, piece.start, piece.size, piece.crc)

    def load_names(self, ids: Collection[int]) -> None:
        """Make sure that the names of these keys are at hand."""
        with self.reading() as connection:
            self.names.load(connection, ids)

    def keysets(self, runs: Collection[str]) -> dict[str, Keysets]:
        """Names of the key sets of the writers of runs, as far as they are known."""
        if not runs:
            return {}
        sql = (
            "SELECT r.id, b.writers, b.keysets FROM run r JOIN body b ON b.run = r.n "
            "WHERE r.id AMONG"
        )
        ids: dict[str, dict[tuple[str, int], list[int]]] = {}
        with self.reading() as connection:
            for run, packed, sets in self.database.rows_of(connection, sql, runs):
                writers = decode_writers(packed).all
                ids[run] = {
                    (writers[number].id, keyset): np.frombuffer(some, "<u4").tolist()
                    for number, by_id in decode_keysets(sets).items()
                    for keyset, some in by_id.items()
                }
            self.names.load(
                connection, {i for of in ids.values() for some in of.values() for i in some}
            )
        out: dict[str, Keysets] = {}
        for run, of in ids.items():
            mine = out[run] = {}
            for (writer, keyset), some in of.items():
                names = tuple(self.names.names[i] for i in some)
                mine.setdefault(writer, {})[keyset] = names
        return out

    def touch(self, connection: sa.Connection, n: int) -> None:
        """Have the change feed name a run."""
        version = self._next_version(connection)
        connection.execute(t.run.update().where(t.run.c.n == n).values(version=version))

    def note_gone(self, connection: sa.Connection, run: str) -> None:
        """Have the change feed name a run that is not here any more."""
        version, time = self._next_version(connection), now_us()
        row = ("gone", run, "", time, "", 0, time, b"", version)
        columns = tuple(column.name for column in t.mark.columns)
        self.database.put(connection, t.mark, columns, [row], conflict="update")

    def _next_version(self, connection: sa.Connection) -> int:
        return SqlTransaction(
            self.database, connection, self.names, self.read_piece, keep=False
        ).next_version()

    def ask(self, wanted: Collection[tuple[int, str]]) -> None:
        """Make sure that these keys can be searched."""
        if not wanted:
            return
        with self.reading() as connection:
            known = Asked(self.database, connection).keys()
        if not set(wanted) <= known:
            with self.writing() as connection:
                Asked(self.database, connection).add(wanted, self.names)

    def infos(self, connection: sa.Connection, numbers: Sequence[int]) -> list[RunInfo]:
        """Runs by number, in the order given; those that are gone are left out."""
        sql = (
            "SELECT b.run, r.id, b.cells, b.writers, b.stats "
            "FROM run r JOIN body b ON b.run = r.n WHERE b.run AMONG"
        )
        now = now_us()
        found = {}
        rows = self.database.rows_of(connection, sql, numbers)
        damaged = self.damaged(connection, [row[1] for row in rows])
        for n, run, cells, writers, stats in rows:
            table = unpack(stats)
            ids = table.ids.tolist()
            self.names.load(connection, ids)
            names = [self.names.names[number] for number in ids]
            info = run_info(run, decode_cells(cells), decode_writers(writers), table, names, now)
            if run in damaged:
                info = msgspec.structs.replace(info, health=(*info.health, *damaged[run]))
            found[n] = info
        return [found[n] for n in numbers if n in found]

    def damaged(self, connection: sa.Connection, runs: Sequence[str]) -> dict[str, list[Health]]:
        """What is wrong with the journals of runs, as far as that is known."""
        sql = "SELECT run, name, mtime, note FROM \"file\" WHERE note <> '' AND run AMONG"
        out: dict[str, list[Health]] = {}
        for run, name, mtime, note in self.database.rows_of(connection, sql, runs):
            if name:  # an empty name is the run's folder
                health = Health(
                    code="damaged", message=f"{name}: {note}", count=1, time=mtime // 1000
                )
                out.setdefault(run, []).append(health)
        return out
