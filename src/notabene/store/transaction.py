"""What a SQL store does within one write: load runs, find pieces, keep what changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa

from notabene.model.records import ArtifactLogged, Captured, Entry
from notabene.store import tables as t
from notabene.store.asked import Asked
from notabene.store.database import ASKED_LOCK, Database, plain
from notabene.store.engine import Held, Outcome
from notabene.store.info import (
    first_writer,
    flag_attr,
    number_attr,
    ranks_of,
    text_attr,
    times_of,
)
from notabene.store.names import Names
from notabene.store.pieces import Encoding, Piece, slices
from notabene.store.state import (
    OF_PROJECTS,
    Mark,
    Part,
    Shared,
    Work,
    decode_cells,
    decode_keysets,
    decode_writers,
    encode,
    is_ghost,
)
from notabene.store.summary import Base, pack, pack_base, unpack_base

RUN_COLUMNS = tuple(column.name for column in t.run.columns)
PIECE_COLUMNS = tuple(column.name for column in t.points.columns if column.name != "run")
_PIECE = sa.select(*(t.points.c[name] for name in PIECE_COLUMNS))
KEYS = 'SELECT id, name FROM "key" WHERE name AMONG'
EARLIEST = (
    "(artifact.time, artifact.writer, artifact.seq) > "
    "(excluded.time, excluded.writer, excluded.seq)"
)


class SqlTransaction:
    """One write; see :class:`notabene.store.engine.Transaction`.

    Args:
        database: Where.
        connection: A transaction that may write.
        names: Ids of keys.
        read: Reads bytes of a piece from a file.
        keep: Whether data goes into the database although it came from a file.
    """

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        names: Names,
        read: Callable[[str, Piece], bytes | memoryview],
        *,
        keep: bool,
    ) -> None:
        self._db = database
        self._connection = connection
        self._names = names
        self._read = read
        self._keep = keep
        self._ghosts: set[str] = set()

    # -- what was there --------------------------------------------------------------------

    def load(self, ids: Collection[str]) -> dict[str, Held]:
        """The runs that the store holds of these ids; locked until the transaction ends."""
        wanted = sorted(ids)
        if self._db.postgres:
            self._connection.exec_driver_sql(
                "SELECT pg_advisory_xact_lock_shared(%s)", (ASKED_LOCK,)
            )
            self._connection.exec_driver_sql(
                "SELECT pg_advisory_xact_lock(hashtextextended(id, 0)) "
                "FROM (SELECT unnest(%s::text[]) AS id ORDER BY 1) AS wanted",
                (wanted,),
            )
        sql = (
            "SELECT r.id, r.n, r.version, b.cells, b.writers, b.keysets, b.stats "
            "FROM run r JOIN body b ON b.run = r.n WHERE r.id AMONG"
        )
        rows = self._db.rows_of(self._connection, sql, wanted)
        found = {}
        for run, n, version, cells, writers, keysets, stats in rows:
            work = Work(
                run, decode_cells(cells), decode_writers(writers), decode_keysets(keysets), n=n
            )
            found[run] = Held(work, version, stats)
        missing = [run for run in wanted if run not in found]
        ghosts = "SELECT id, cells, writers FROM ghost WHERE id AMONG"
        for run, cells, writers in self._db.rows_of(self._connection, ghosts, missing):
            found[run] = Held(Work(run, decode_cells(cells), decode_writers(writers), {}), 0, b"")
            self._ghosts.add(run)
        return found

    def bases(self, n: int) -> dict[int, Base]:
        """Statistics of a run's writers."""
        query = sa.select(t.stat.c.writer, t.stat.c.data).where(t.stat.c.run == n)
        return {writer: unpack_base(data) for writer, data in self._connection.execute(query)}

    def intern(self, names: Collection[str]) -> dict[str, int]:
        """Ids of keys; gives one to those that have none."""
        known = self._names.ids
        missing = sorted({plain(name) for name in names if name not in known})
        if missing:
            self._names.add(self._db.rows_of(self._connection, KEYS, missing))
            missing = [name for name in missing if name not in known]
        if missing:
            self._put_names(missing)
        for name in names:
            if name not in known:
                known[name] = known[plain(name)]
        return known

    def _put_names(self, missing: list[str]) -> None:
        # Sorted above, so that two writers at once cannot wait for each other.
        if self._db.postgres:
            self._connection.exec_driver_sql(
                "INSERT INTO key (name) SELECT * FROM unnest(%s::text[]) "
                "ON CONFLICT (name) DO NOTHING",
                (missing,),
            )
        else:
            self._db.put(self._connection, t.key, ("name",), [(name,) for name in missing])
        self._names.add(self._db.rows_of(self._connection, KEYS, missing))

    def pieces(
        self, n: int, writer: int, keyset: int, after: int, upto: int | None = None
    ) -> list[Piece]:
        """Pieces of a key set with rows beyond a sequence, in order of their first row."""
        c = t.points.c
        query = _PIECE.where(c.run == n, c.writer == writer, c.keyset == keyset, c.last > after)
        if upto is not None:
            query = query.where(c.first <= upto)
        return pieces_of(self._connection.execute(query.order_by(c.first, c.part)))

    def first_piece(self, n: int, writer: int, keyset: int) -> Piece | None:
        """The piece with the earliest row of a key set."""
        c = t.points.c
        query = _PIECE.where(c.run == n, c.writer == writer, c.keyset == keyset)
        first = self._connection.execute(query.order_by(c.first, c.part).limit(1)).first()
        if first is None:
            return None
        more = query.where(c.first == first.first, c.part < (first.part | 0xFFFF) + 1)
        return pieces_of(self._connection.execute(more.order_by(c.part)))[0]

    def read(self, run: str, piece: Piece) -> bytes | memoryview:
        """The bytes of a piece."""
        return piece.data if piece.data is not None else self._read(run, piece)

    # -- what is new -----------------------------------------------------------------------

    def save(self, outcomes: Sequence[Outcome], shared: Shared) -> int:
        """Keep what changed; see the protocol."""
        version = self.next_version()
        outcomes = self._without_ghosts(outcomes)
        new = [outcome.work for outcome in outcomes if not outcome.work.n]
        for work, n in zip(new, self._numbers(len(new)), strict=True):
            work.n = n
        fresh = {work.id for work in new}
        put = self._db.put
        self._put_runs(outcomes, version, fresh)
        put(self._connection, t.points, ("run", *PIECE_COLUMNS), self._piece_rows(outcomes))
        self._put_stats(outcomes, fresh)
        self._put_values(outcomes)
        self._put_shared(shared, version)
        Asked(self._db, self._connection).refresh(outcomes, self._names, fresh)
        return version

    def _without_ghosts(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Put aside what is known of runs whose journals are not here."""
        ghosts = [o.work for o in outcomes if is_ghost(o.work.writers)]
        if ghosts:
            rows = [(work.id, encode(work.cells), encode(work.writers)) for work in ghosts]
            columns = ("id", "cells", "writers")
            self._db.put(self._connection, t.ghost, columns, rows, conflict="update")
        here = [o for o in outcomes if not is_ghost(o.work.writers)]
        for run in sorted(self._ghosts & {o.work.id for o in here}):
            self._connection.execute(t.ghost.delete().where(t.ghost.c.id == run))
        return here

    def next_version(self) -> int:
        """A number higher than those of all changes that were committed before."""
        if self._db.postgres:
            return int(self._connection.exec_driver_sql("SELECT txid_current()").scalar_one())
        return int(
            self._connection.exec_driver_sql(
                "UPDATE meta SET value = value + 1 WHERE key = 'version' RETURNING value"
            ).scalar_one()
        )

    def _numbers(self, count: int) -> list[int]:
        if not count:
            return []
        if self._db.postgres:
            rows = self._connection.exec_driver_sql(
                "SELECT nextval('run_number') FROM generate_series(1, %s)", (count,)
            )
            return [row[0] for row in rows]
        last = self._connection.execute(sa.select(sa.func.max(t.run.c.n))).scalar() or 0
        return list(range(last + 1, last + 1 + count))

    def _put_runs(self, outcomes: Sequence[Outcome], version: int, fresh: set[str]) -> None:
        new = [run_row(o, version) for o in outcomes if o.work.id in fresh]
        old = [run_row(o, version) for o in outcomes if o.work.id not in fresh]
        put = self._db.put
        put(self._connection, t.run, RUN_COLUMNS, new)
        put(self._connection, t.run, RUN_COLUMNS, old, conflict="update")
        bodies = [
            (
                o.work.n,
                encode(o.work.cells),
                encode(o.work.writers),
                encode(o.work.keysets),
                b"" if o.table is None else pack(o.table),
            )
            for o in outcomes
            if o.work.id in fresh
        ]
        columns = ("run", "cells", "writers", "keysets", "stats")
        put(self._connection, t.body, columns, bodies)
        self._update_bodies([o for o in outcomes if o.work.id not in fresh])

    def _update_bodies(self, outcomes: Sequence[Outcome]) -> None:
        """Write what changed of each; together those of which the same columns did."""
        groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
        for outcome in outcomes:
            work = outcome.work
            values = {"writers": encode(work.writers)}
            if work.cells_changed:
                values["cells"] = encode(work.cells)
            if work.keysets_changed:
                values["keysets"] = encode(work.keysets)
            if outcome.table is not None:
                values["stats"] = pack(outcome.table)
            groups.setdefault(tuple(values), []).append((*values.values(), work.n))
        mark = "%s" if self._db.postgres else "?"
        for names, rows in groups.items():
            sets = ", ".join(f"{name} = {mark}" for name in names)
            sql = f"UPDATE body SET {sets} WHERE run = {mark}"  # noqa: S608 - names of our own
            self._connection.exec_driver_sql(sql, rows)

    def _piece_rows(self, outcomes: Sequence[Outcome]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for outcome in outcomes:
            for piece in outcome.fresh:
                rows += piece_rows(outcome.work.n, piece, keep=self._keep or not piece.file)
        return rows

    def _put_stats(self, outcomes: Sequence[Outcome], fresh: set[str]) -> None:
        rows = []
        for outcome in outcomes:
            n = outcome.work.n
            if outcome.sole:
                if outcome.work.id not in fresh:
                    self._connection.execute(t.stat.delete().where(t.stat.c.run == n))
                continue
            rows += [(n, writer, pack_base(base)) for writer, base in outcome.bases.items()]
        columns = ("run", "writer", "data")
        self._db.put(self._connection, t.stat, columns, rows, conflict="update")

    def _put_values(self, outcomes: Sequence[Outcome]) -> None:
        values, edges = [], []
        for o in outcomes:
            n = o.work.n
            for v in o.work.values:
                r = v.record
                values.append((n, v.writer, v.seq, r.key, r.step, v.time, r.kind, encode(r.value)))
            if o.work.cells_changed:
                for time, _, _, digest, *place in o.work.cells.edges.values():
                    edges.append((n, *place, digest, time))
            for part in o.work.captures:
                self._put_capture(n, part)
        put = self._db.put
        put(self._connection, t.value, names_of(t.value), values, conflict="nothing")
        put(self._connection, t.edge, names_of(t.edge), edges, conflict="update")

    def _put_capture(self, n: int, part: Part) -> None:
        # One row at a time: PostgreSQL takes no two rows of one key in one statement.
        e = part.entry
        if isinstance(e.record, Captured):
            data = encode(e.record.data)
            row = (n, e.record.part, part.writer, e.time, e.seq, data)
            newest = "(excluded.time, excluded.seq) > (capture.time, capture.seq)"
            names = names_of(t.capture)
            self._db.put(self._connection, t.capture, names, [row], conflict=newest)

    def _put_shared(self, shared: Shared, version: int) -> None:
        for entry in shared.artifacts:
            self._put_artifact(entry, version)
        for mark in shared.marks:
            self._put_mark(mark, version)

    def _put_artifact(self, e: Entry, version: int) -> None:
        r = e.record
        if isinstance(r, ArtifactLogged):
            made = (r.type, r.digest, r.size, r.files, r.description, encode(r.metadata))
            row = (r.name, r.version, e.time, e.writer, e.seq, e.run, *made, version)
            names = names_of(t.artifact)
            self._db.put(self._connection, t.artifact, names, [row], conflict=EARLIEST)

    def _put_mark(self, m: Mark, version: int) -> None:
        row = (m.kind, m.scope, m.key, m.time, m.writer, m.seq, m.time, encode(m.value), version)
        names, newest = names_of(t.mark), _newest("mark")
        self._db.put(self._connection, t.mark, names, [row], conflict=newest, keep=("begun",))
        if m.kind in OF_PROJECTS:  # shown where they were begun, not where they were last edited
            c = t.mark.c
            earlier = t.mark.update().where(c.kind == m.kind, c.scope == m.scope, c.key == m.key)
            earlier = earlier.where(c.begun > m.time).values(begun=m.time, feed=version)
            self._connection.execute(earlier)


@lru_cache(maxsize=32)
def names_of(table: sa.Table) -> tuple[str, ...]:
    """Names of a table's columns."""
    return tuple(column.name for column in table.columns)


def _newest(table: str) -> str:
    new, old = (f"({of}.time, {of}.writer, {of}.seq)" for of in ("excluded", table))
    return f"{new} > {old}"


def run_row(outcome: Outcome, version: int) -> tuple[Any, ...]:
    """A row of the table ``run``, in the order of its columns."""
    work, end = outcome.work, outcome.end
    cells, writers = work.cells, work.writers
    times, maker = times_of(writers, end), first_writer(writers)
    conclusion = cells.attrs.get("conclusion")
    text, verdict = ("", "") if conclusion is None else conclusion.value[:2]
    return (
        work.n,
        work.id,
        text_attr(cells, "project"),
        text_attr(cells, "name"),
        end.status,
        writers.alive,
        times.created,
        times.started,
        end.ended,
        times.updated,
        times.duration,
        text_attr(cells, "user") or (maker.user if maker else ""),
        maker.host if maker else "",
        text_attr(cells, "group"),
        text_attr(cells, "parent"),
        text_attr(cells, "source"),
        text_attr(cells, "hypothesis"),
        text,
        verdict,
        end.reason,
        end.exit_code,
        int(flag_attr(cells, "archived")),
        int(flag_attr(cells, "deleted")),
        writers.points,
        ranks_of(writers),
        number_attr(cells, "number"),
        version,
    )


def piece_rows(n: int, piece: Piece, *, keep: bool) -> list[tuple[Any, ...]]:
    """Rows of the table ``points``; several where the data is kept and has to be cut."""
    if not keep:
        return [(n, *msgspec.structs.astuple(piece)[:-2], None, None)]
    first, *more = slices(piece.data or b"")
    kept = msgspec.structs.replace(
        piece,
        file="",
        start=0,
        pyramid_start=0,
        pyramid_size=len(piece.pyramid or b""),
        crc=0,
        pyramid_crc=0,
        data=first,
    )
    rows = [(n, *msgspec.structs.astuple(kept))]
    for index, data in enumerate(more, 1):
        place = (n, piece.writer, piece.keyset, piece.first, piece.part + index, piece.last)
        rows.append(
            (*place, 0, piece.low, piece.high, Encoding.MORE, "", 0, 0, 0, 0, 0, 0, data, None)
        )
    return rows


def pieces_of(rows: Iterable[Any]) -> list[Piece]:
    """Pieces from rows in order of ``first, part``; data that was cut is joined."""
    found: list[Piece] = []
    for row in rows:
        piece = Piece(*row)
        if piece.encoding == Encoding.MORE:
            whole = (found[-1].data or b"") + (piece.data or b"")
            found[-1] = msgspec.structs.replace(found[-1], data=whole)
        else:
            found.append(piece)
    return found
