"""Statistics of a run's metrics, kept up to date while its journals come in.

Writers say of themselves how their metrics stand, each half minute and at the end; only rows
after that are decoded here. What a resume hides is left out: per key and rank, points of a
replaced writer from the first step on that its successor logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from notabene.journal.block import I64
from notabene.store.pieces import Piece, Rows, concat, decode
from notabene.store.state import Work, Writers
from notabene.store.summary import DTYPE, Base, Table, measure, merge

MANY_KEYS = 4096
"""Runs with more keys are counted at most each half minute while they live."""
SELDOM = 30_000_000
TOGETHER = 1 << 20
"""Values that are measured at once."""

Ids = npt.NDArray[np.uint32]


class Source(Protocol):
    """Where pieces that came earlier are found."""

    def pieces(self, n: int, writer: int, keyset: int, after: int) -> list[Piece]:
        """Pieces of a key set with rows beyond a sequence, in order of their first row."""
        ...

    def first_piece(self, n: int, writer: int, keyset: int) -> Piece | None:
        """The piece with the earliest row of a key set."""
        ...

    def read(self, run: str, piece: Piece) -> bytes | memoryview:
        """The bytes of a piece."""
        ...


class Count(msgspec.Struct):
    """What a store remembers of a run between two looks, to save reading it again."""

    version: int
    bases: dict[int, Base]
    cut: dict[int, tuple[bytes, Table]] = {}


def ids_of(work: Work, writer: int, keyset: int) -> Ids:
    """Ids of the keys of a key set."""
    return np.frombuffer(work.keysets[writer][keyset], "<u4")


def due(work: Work, now: int, *, running: bool) -> bool:
    """Whether statistics are to be made now; those of very wide runs are made less often."""
    if not running or now - work.writers.counted >= SELDOM:
        return True
    keys = sum(len(ids) // 4 for sets in work.keysets.values() for ids in sets.values())
    return keys <= MANY_KEYS


def absorb_said(
    work: Work, bases: dict[int, Base], ids_of_keys: Callable[[tuple[str, ...]], Ids]
) -> set[int]:
    """Take in what writers said of themselves; gives the writers that did."""
    for number, records in work.summaries.items():
        parts = [
            (ids_of_keys(record.keys), np.frombuffer(record.stats, DTYPE), record.upto)
            for record in records
        ]
        bases.setdefault(number, Base.empty()).absorb(parts)
        work.writers.all[number].measured = False
    return set(work.summaries)


def add_rows(
    work: Work,
    base: Base,
    number: int,
    fresh: Sequence[Piece],
    source: Source,
    before: dict[int, int],
) -> None:
    """Bring the tail of a writer up to date.

    Args:
        work: The run; ``tops`` of its writers take in the fresh pieces already.
        base: The writer's statistics.
        number: The writer.
        fresh: Pieces that just came, with their data.
        source: Where earlier ones are.
        before: The writer's ``tops`` before they came.
    """
    writer = work.writers.all[number]
    late = any(piece.first <= before.get(piece.keyset, 0) for piece in fresh)
    tables = []
    if writer.measured and not late:
        tables.append(base.tail)
        upto = {
            keyset: _covered(work, base, number, keyset) for keyset in {p.keyset for p in fresh}
        }
        chosen: Iterable[Piece] = [p for p in fresh if p.last > upto[p.keyset]]
    else:
        chosen = _tail_pieces(work, base, number, fresh, source)
    for keyset, rows in _joined(work, chosen, source):
        ids = ids_of(work, number, keyset)
        tables += _beyond(ids, rows, base.upto_of(ids))
    base.tail = merge(tables)
    writer.measured = True
    if len(base.tail.ids):
        writer.newest = max(writer.newest, int(base.tail.rows["max_time"].max()))
    if len(base.said.ids):
        writer.newest = max(writer.newest, int(base.said.rows["max_time"].max()))


def _covered(work: Work, base: Base, number: int, keyset: int) -> int:
    """The last sequence up to which the writer's own words cover all keys of a key set."""
    ids = ids_of(work, number, keyset)
    return int(base.upto_of(ids).min()) if len(ids) and len(base.said.ids) else 0


def _joined(work: Work, pieces: Iterable[Piece], source: Source) -> Iterator[tuple[int, Rows]]:
    """Decoded rows by key set, many small pieces taken together."""
    waiting: dict[int, list[Rows]] = {}
    for piece in pieces:
        rows = decode(piece, piece.data or source.read(work.id, piece))
        parts = waiting.setdefault(piece.keyset, [])
        parts.append(rows)
        if sum(part.values.size for part in parts) >= TOGETHER:
            yield piece.keyset, concat(waiting.pop(piece.keyset))
    for keyset, parts in waiting.items():
        yield keyset, concat(parts)


def _tail_pieces(
    work: Work, base: Base, number: int, fresh: Sequence[Piece], source: Source
) -> list[Piece]:
    found: list[Piece] = []
    for keyset, top in work.writers.all[number].tops.items():
        after = _covered(work, base, number, keyset)
        if top > after:
            if work.n:
                found += source.pieces(work.n, number, keyset, after)
            found += [p for p in fresh if p.keyset == keyset and p.last > after]
    return found


def _beyond(ids: Ids, rows: Rows, upto: I64) -> list[Table]:
    """Statistics of the rows after what each key's summary covers."""
    if len(rows.seqs) == 0 or not len(ids):
        return []
    if int(rows.seqs.min()) > int(upto.max()):
        return [measure(ids, rows)]
    tables = []
    for limit in np.unique(upto):
        chosen, columns = rows.seqs > limit, upto == limit
        if chosen.any():
            part = rows.take(chosen)
            tables.append(measure(ids[columns], part._replace(values=part.values[:, columns])))
    return tables


def total(work: Work, count: Count, source: Source, fresh: Sequence[Piece]) -> Table:
    """Statistics of all writers together, without what a resume hides."""
    writers = work.writers
    order = sorted(count.bases, key=lambda number: writers.all[number].id)
    cuts = cuts_of(work, source, fresh)
    tables = []
    for number in order:
        table = count.bases[number].table()
        if number in cuts:
            table = _cut(work, count, number, table, cuts[number], source, fresh)
        tables.append(table)
    return merge(tables)


# -- resume --------------------------------------------------------------------------------

Cuts = dict[int, int]
"""For each key id the step from which on a writer's points are hidden."""


def successors(writers: Writers) -> dict[int, list[int]]:
    """For each replaced writer those of its rank that stand in for it, directly or not."""
    numbers = {writer.id: number for number, writer in enumerate(writers.all)}
    direct: dict[int, set[int]] = {}
    for number, writer in enumerate(writers.all):
        for name in writer.replaces:
            old = numbers.get(name, number)
            if old != number:
                direct.setdefault(old, set()).add(number)
    out: dict[int, list[int]] = {}
    for old in direct:
        found: set[int] = set()
        todo = list(direct[old])
        while todo:
            new = todo.pop()
            if new not in found and new != old:
                found.add(new)
                todo += direct.get(new, ())
        rank = writers.all[old].rank
        same = [new for new in found if writers.all[new].rank == rank]
        if same:
            out[old] = sorted(same)
    return out


def first_steps(
    work: Work, number: int, source: Source, fresh: Sequence[Piece] = ()
) -> dict[int, tuple[int, int]]:
    """For each key that a writer logged, ``(sequence, step)`` of its first row."""
    out: dict[int, tuple[int, int]] = {}
    for keyset in work.writers.all[number].tops:
        pieces = [p for p in fresh if p.writer == number and p.keyset == keyset]
        earlier = source.first_piece(work.n, number, keyset) if work.n else None
        if earlier is not None:
            pieces.append(earlier)
        if not pieces:
            continue
        piece = min(pieces, key=lambda p: p.first)
        rows = decode(piece, piece.data or source.read(work.id, piece))
        first = int(rows.seqs.argmin())
        here = int(rows.seqs[first]), int(rows.steps[first])
        for key in ids_of(work, number, keyset).tolist():
            out[key] = min(out.get(key, here), here)
    return out


def cuts_of(work: Work, source: Source, fresh: Sequence[Piece] = ()) -> dict[int, Cuts]:
    """For each replaced writer the steps from which on its keys are hidden."""
    known: dict[int, dict[int, tuple[int, int]]] = {}
    out: dict[int, Cuts] = {}
    for old, new in successors(work.writers).items():
        cuts: Cuts = {}
        for number in new:
            if number not in known:
                known[number] = first_steps(work, number, source, fresh)
            for key, (_, step) in known[number].items():
                cuts[key] = min(cuts.get(key, step), step)
        if cuts:
            out[old] = cuts
    return out


def limits(ids: Ids, cuts: Cuts) -> I64:
    """For each key the step from which on it is hidden, the largest number where it is not."""
    never = np.iinfo(np.int64).max
    return np.array([cuts.get(key, never) for key in ids.tolist()], np.int64)


def _cut(
    work: Work,
    count: Count,
    number: int,
    table: Table,
    cuts: Cuts,
    source: Source,
    fresh: Sequence[Piece],
) -> Table:
    """The statistics of a replaced writer without what is hidden; decodes what is touched."""
    limit = limits(table.ids, cuts)
    touched = table.rows["last_step"] >= limit
    if not touched.any():
        return table
    writer = work.writers.all[number]
    mark = msgspec.msgpack.encode([limit.tobytes(), writer.tops, writer.covered])
    if number in count.cut and count.cut[number][0] == mark:
        return count.cut[number][1]
    wanted = set(table.ids[touched].tolist())
    tables = [table.take(~touched)]
    for keyset in writer.tops:
        ids = ids_of(work, number, keyset)
        columns = np.array([key in wanted for key in ids.tolist()])
        if columns.any():
            tables += _visible(work, number, keyset, columns, cuts, source, fresh)
    found = merge(tables)
    count.cut[number] = mark, found
    return found


def _visible(
    work: Work,
    number: int,
    keyset: int,
    columns: npt.NDArray[np.bool_],
    cuts: Cuts,
    source: Source,
    fresh: Sequence[Piece],
) -> list[Table]:
    ids = ids_of(work, number, keyset)[columns]
    limit = limits(ids, cuts)
    pieces = source.pieces(work.n, number, keyset, 0) if work.n else []
    pieces += [p for p in fresh if p.writer == number and p.keyset == keyset]
    tables = []
    for _, found in _joined(work, pieces, source):
        rows = found._replace(values=found.values[:, columns])
        for step in np.unique(limit):
            shown, chosen = rows.steps < step, limit == step
            if shown.any():
                part = rows.take(shown)
                tables.append(measure(ids[chosen], part._replace(values=part.values[:, chosen])))
    return tables
