"""What all stores do alike when records come in: project, count, and hand over to be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np

from notabene.journal.reader import Batch, Points
from notabene.model.records import ArtifactLogged, ArtifactUsed, Entry, HealthNoted, KeysDefined
from notabene.store.counting import Count, Ids, Source, absorb_said, add_rows, due, total
from notabene.store.info import End, end_of
from notabene.store.pieces import Piece, from_points
from notabene.store.projection import absorb, absorb_batch, absorb_edit, marks_of
from notabene.store.spans import Span
from notabene.store.state import Cells, Shared, Work, Writers
from notabene.store.summary import Base, Table, unpack


class Held(msgspec.Struct):
    """A run as a store holds it.

    Attributes:
        work: Its state.
        version: Of the change that made it so.
        stats: Packed statistics of all its metrics.
    """

    work: Work
    version: int
    stats: bytes


class Outcome(msgspec.Struct):
    """What a store has to keep of a run that changed.

    Attributes:
        work: The run.
        fresh: New pieces, with their data.
        end: How the run stands.
        table: Statistics of all metrics, or None where they are as before.
        bases: Statistics of single writers that changed.
        sole: No writer's own statistics need be kept: the run's are those of its only one.
    """

    work: Work
    fresh: list[Piece]
    end: End
    table: Table | None = None
    bases: dict[int, Base] = {}
    sole: bool = False


class Transaction(Source, Protocol):
    """A change of a store that happens wholly or not at all."""

    def load(self, ids: Collection[str]) -> dict[str, Held]:
        """The runs that the store holds of these ids."""
        ...

    def bases(self, n: int) -> dict[int, Base]:
        """Statistics of a run's writers."""
        ...

    def intern(self, names: Collection[str]) -> dict[str, int]:
        """Ids of keys; gives one to those that have none."""
        ...

    def save(self, outcomes: Sequence[Outcome], shared: Shared) -> int:
        """Keep what changed, under a version higher than all before, which it gives back.

        Runs that are new get their number here.
        """
        ...


class Applying:
    """One call of ``apply``.

    Args:
        transaction: Where to keep the result.
        counts: What the store remembers of runs it counted before, by number.
        now: Clock, µs.
        seen: When growth was noticed, µs, of all runs or by run; 0 where that says nothing of
            life.
    """

    def __init__(
        self,
        transaction: Transaction,
        counts: dict[int, Count],
        now: int,
        seen: int | Mapping[str, int],
    ) -> None:
        self._tx = transaction
        self._counts = counts
        self._now = now
        self._seen = seen
        self._held: dict[str, Held] = {}
        self._fresh: dict[str, list[Piece]] = {}
        self._before: dict[tuple[str, int], dict[int, int]] = {}
        self._shared = Shared()
        self._ids: dict[str, int] = {}
        self._packed: dict[tuple[str, ...], Ids] = {}
        self._counted: dict[str, Count] = {}

    def apply(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Project the batches; gives what was kept."""
        self._held = self._tx.load(_runs_in(batches))
        self._ids = self._tx.intern(_names_in(batches))
        for batch in batches:
            if batch.run:
                self._take_batch(batch)
            else:
                self._take_edits(batch.entries)
        outcomes = [self._outcome(held) for held in self._held.values() if held.work.changed]
        if outcomes or self._shared.artifacts or self._shared.marks:
            version = self._tx.save(outcomes, self._shared)
            for outcome in outcomes:
                if outcome.end.status == "running" and outcome.work.id in self._counted:
                    count = self._counted[outcome.work.id]
                    count.version = version
                    self._counts[outcome.work.n] = count
        return outcomes

    def _work(self, run: str) -> Work:
        held = self._held.get(run)
        if held is None:
            held = Held(Work(run, Cells(), Writers(), {}), 0, b"")
            self._held[run] = held
        return held.work

    def _take_edits(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry.run:
                absorb_edit(self._work(entry.run), entry, self._shared)
                continue
            self._shared.marks += marks_of(entry)
            if isinstance(entry.record, ArtifactLogged | ArtifactUsed):
                self._shared.artifacts.append(entry)

    def _take_batch(self, batch: Batch) -> None:
        work = self._work(batch.run)
        number, spans = absorb_batch(work, batch, self._shared)
        for entry in batch.entries:
            if isinstance(entry.record, KeysDefined):
                self._learn(work, number, entry.record.id, entry.record.keys)
        if not spans:
            return
        for part, points in enumerate(batch.points):
            self._take_points(work, number, batch, points, spans, part)

    def _ids_of(self, keys: tuple[str, ...]) -> Ids:
        ids = self._packed.get(keys)
        if ids is None:
            ids = self._packed[keys] = np.array([self._ids[key] for key in keys], "<u4")
        return ids

    def _learn(self, work: Work, number: int, keyset: int, keys: tuple[str, ...]) -> None:
        known = work.keysets.setdefault(number, {})
        if keyset not in known:
            known[keyset] = self._ids_of(keys).tobytes()
            work.keysets_changed = work.changed = True

    def _take_points(
        self,
        work: Work,
        number: int,
        batch: Batch,
        points: Points,
        spans: list[Span],
        part: int,
    ) -> None:
        writer = work.writers.all[number]
        writer.rank = points.rank or writer.rank
        self._before.setdefault((work.id, number), dict(writer.tops))
        for piece in from_points(points, number, spans, part):
            names = points.keys or batch.keysets.get(piece.keyset, ())
            if names:
                self._learn(work, number, piece.keyset, names)
            ids = work.keysets.get(number, {}).get(piece.keyset)
            if ids is None:
                _nameless(work, number, batch, piece)
                continue
            writer.tops[piece.keyset] = max(writer.tops.get(piece.keyset, 0), piece.last)
            work.writers.points += piece.rows * (len(ids) // 4)
            self._fresh.setdefault(work.id, []).append(piece)

    # -- counting --------------------------------------------------------------------------

    def _outcome(self, held: Held) -> Outcome:
        work = held.work
        fresh = self._fresh.get(work.id, [])
        end = end_of(work.cells, work.writers)
        outcome = Outcome(work, fresh, end)
        measured = all(writer.measured for writer in work.writers.all)
        if fresh or work.summaries or not measured or work.writers.counted == 0:
            self._count(held, outcome)
        writers = work.writers
        own = max((w.newest for w in writers.all if w.role != "desk"), default=0)
        seen = self._seen if isinstance(self._seen, int) else self._seen.get(work.id, 0)
        writers.alive = max(writers.alive, own, seen)
        # The time of the newest point may move the end of a writer that said nothing.
        outcome.end = end_of(work.cells, writers)
        return outcome

    def _count(self, held: Held, outcome: Outcome) -> None:
        work, fresh = held.work, outcome.fresh
        count = self._counted[work.id] = self._remembered(held)
        touched = absorb_said(work, count.bases, self._ids_of)
        if work.writers.sole in count.bases:
            touched.add(work.writers.sole)  # what was left out as long as it was the only one
        if due(work, self._now, running=outcome.end.status == "running"):
            touched |= self._measure(work, count, fresh)
            outcome.table = total(work, count, self._tx, fresh)
            work.writers.counted = self._now
            outcome.sole = _settle(work, count, outcome.end)
        else:
            for piece in fresh:
                work.writers.all[piece.writer].measured = False
        outcome.bases = {number: count.bases[number] for number in touched}

    def _measure(self, work: Work, count: Count, fresh: list[Piece]) -> set[int]:
        touched = {piece.writer for piece in fresh}
        touched |= {n for n, writer in enumerate(work.writers.all) if not writer.measured}
        for number in touched:
            base = count.bases.setdefault(number, Base.empty())
            mine = [piece for piece in fresh if piece.writer == number]
            before = self._before.get((work.id, number), {})
            add_rows(work, base, number, mine, self._tx, before)
        return touched

    def _remembered(self, held: Held) -> Count:
        """The statistics of the run's writers as they were after the last change."""
        work = held.work
        if not work.n:
            return Count(0, {})
        # Taken out, since it changes: what fails half way must not be remembered.
        count = self._counts.pop(work.n, None)
        if count is not None and count.version == held.version:
            return count
        count = Count(held.version, self._tx.bases(work.n))
        writers = work.writers
        if writers.sole >= 0 and writers.sole not in count.bases:
            base = Base.empty()
            if writers.sole_upto:
                base.said = unpack(held.stats)
                base.upto = np.full(len(base.said.ids), writers.sole_upto, np.int64)
            else:
                writers.all[writers.sole].measured = False
            count.bases[writers.sole] = base
        return count


def remember(counts: dict[int, Count], most: int = 256) -> None:
    """Forget the runs that were counted longest ago."""
    for n in list(counts)[: max(0, len(counts) - most)]:
        del counts[n]


def _settle(work: Work, count: Count, end: End) -> bool:
    """Whether the statistics of the only writer need not be kept beside those of the run."""
    writers = work.writers
    writers.sole, writers.sole_upto = -1, 0
    bases = [
        number for number, base in count.bases.items() if len(base.said.ids) or len(base.tail.ids)
    ]
    if end.status == "running" or len(bases) != 1 or _resumed(work):
        return False
    base = count.bases[bases[0]]
    if len(base.tail.ids) == 0 and len(base.upto) and (base.upto == base.upto[0]).all():
        writers.sole_upto = int(base.upto[0])
    elif len(base.said.ids):
        return False
    writers.sole = bases[0]
    return True


def _resumed(work: Work) -> bool:
    return any(writer.replaces for writer in work.writers.all)


def _nameless(work: Work, number: int, batch: Batch, piece: Piece) -> None:
    """Rows whose keys nobody defined cannot be shown; say so instead of keeping still."""
    record = HealthNoted(
        code="keys-missing",
        message=f"rows of key set {piece.keyset} have no names: the journal lacks their definition",
        count=piece.rows,
    )
    newest = work.writers.all[number].newest
    absorb(work, number, Entry(batch.writer, piece.last, newest, record, batch.run), Shared())


def _runs_in(batches: Iterable[Batch]) -> list[str]:
    found: dict[str, None] = {}
    for batch in batches:
        if batch.run:
            found[batch.run] = None
        else:
            found.update((entry.run, None) for entry in batch.entries if entry.run)
    return list(found)


def _names_in(batches: Iterable[Batch]) -> set[str]:
    found: set[tuple[str, ...]] = set()
    for batch in batches:
        for entry in batch.entries:
            keys = getattr(entry.record, "keys", None)
            if isinstance(keys, tuple):
                found.add(keys)
        found.update(points.keys for points in batch.points)
        found.update(batch.keysets.values())
    return set().union(*found)
