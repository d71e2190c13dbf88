"""The store in memory: for tests, and the measure that the SQL stores are held against.

It keeps everything, points included, in plain dictionaries, and finds runs by the predicate.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from notabene._ids import new_id, now_us
from notabene.errors import NotFoundError
from notabene.journal.reader import Batch
from notabene.model.entities import (
    ArtifactEdge,
    ArtifactVersion,
    Change,
    LoggedValue,
    Note,
    Project,
    RunInfo,
    View,
)
from notabene.model.records import JSON, ArtifactLogged, Captured, Entry
from notabene.model.refs import parse_artifact
from notabene.query.ast import Expr, Field, Order, Test
from notabene.store.base import Capture, ChangeSet, RunSet, Series, Window
from notabene.store.counting import Count
from notabene.store.engine import Applying, Held, Outcome
from notabene.store.info import edges_of, run_info
from notabene.store.pieces import Piece
from notabene.store.resolve import Candidate, resolve
from notabene.store.runset import ListRunSet, restricted
from notabene.store.series import Place, answer
from notabene.store.shelf import choose_version, diary, marked, shown_views
from notabene.store.state import (
    OF_PROJECTS,
    Cells,
    Keysets,
    Mark,
    Part,
    Shared,
    Value,
    Work,
    Writers,
    is_ghost,
)
from notabene.store.summary import Base, Table, pack, pack_base, unpack, unpack_base
from notabene.store.visible import shown_captures, shown_values

_T = TypeVar("_T")
ChangeKind = Literal["run", "project", "artifact"]


class _Kept(msgspec.Struct):
    """A run with all that belongs to it."""

    held: Held
    pieces: dict[tuple[int, int], list[Piece]] = {}
    bases: dict[int, bytes] = {}
    values: dict[tuple[int, int], Value] = {}
    captures: dict[tuple[str, int], Part] = {}


class _Book:
    """What is kept; a transaction for those who write, a source of pieces for series."""

    def __init__(self) -> None:
        self.version = 0
        self.kept: dict[str, _Kept] = {}
        self.ids: dict[str, int] = {}
        self.names: list[str] = []
        self.artifacts: dict[tuple[str, int], tuple[Entry, int]] = {}
        self.marks: dict[tuple[str, str, str], tuple[Mark, int, int]] = {}

    # -- the transaction that ``apply`` sees -----------------------------------------------

    def load(self, ids: Collection[str]) -> dict[str, Held]:
        """The runs of these ids, as copies that may be changed."""
        found = {}
        for run in ids:
            if run in self.kept:
                held = self.kept[run].held
                old = held.work
                work = Work(
                    run,
                    _copy(old.cells, Cells),
                    _copy(old.writers, Writers),
                    _copy(old.keysets, Keysets),
                    n=old.n,
                )
                found[run] = Held(work, held.version, held.stats)
        return found

    def bases(self, n: int) -> dict[int, Base]:
        """Statistics of a run's writers."""
        return {w: unpack_base(data) for w, data in self._of(n).bases.items()}

    def intern(self, names: Collection[str]) -> dict[str, int]:
        """Ids of keys; gives one to those that have none."""
        for name in sorted(names):
            if name not in self.ids:
                self.ids[name] = len(self.names)
                self.names.append(name)
        return self.ids

    def pieces(self, n: int, writer: int, keyset: int, after: int) -> list[Piece]:
        """Pieces of a key set with rows beyond a sequence, in order of their first row."""
        found = self._of(n).pieces.get((writer, keyset), [])
        return [piece for piece in found if piece.last > after]

    def first_piece(self, n: int, writer: int, keyset: int) -> Piece | None:
        """The piece with the earliest row of a key set."""
        return next(iter(self.pieces(n, writer, keyset, 0)), None)

    def read(self, run: str, piece: Piece) -> bytes | memoryview:
        """The bytes of a piece."""
        if piece.data is None:
            raise NotFoundError(f"the points of run {run} in {piece.file} are not here")
        return piece.data

    def save(self, outcomes: Sequence[Outcome], shared: Shared) -> int:
        """Keep what changed."""
        self.version += 1
        for outcome in outcomes:
            self._save_run(outcome)
        for entry in shared.artifacts:
            self._save_artifact(entry)
        for mark in shared.marks:
            self._save_mark(mark)
        return self.version

    def _save_run(self, outcome: Outcome) -> None:
        work = outcome.work
        kept = self.kept.get(work.id)
        if kept is None:
            kept = self.kept[work.id] = _Kept(Held(work, 0, b""))
            work.n = len(self.kept)
        stats = kept.held.stats if outcome.table is None else pack(outcome.table)
        for piece in outcome.fresh:
            row = kept.pieces.setdefault((piece.writer, piece.keyset), [])
            bisect.insort(row, piece, key=lambda p: (p.first, p.part))
        if outcome.sole:
            kept.bases = {}
        else:
            kept.bases.update((w, pack_base(base)) for w, base in outcome.bases.items())
        kept.values.update(((v.writer, v.seq), v) for v in work.values)
        for part in work.captures:
            self._save_capture(kept, part)
        work.values, work.captures, work.summaries = [], [], {}
        kept.held = Held(work, self.version, stats)

    def _save_capture(self, kept: _Kept, part: Part) -> None:
        record = part.entry.record
        if isinstance(record, Captured):
            place = (record.part, part.writer)
            old = kept.captures.get(place)
            if old is None or _stamp(old.entry) < _stamp(part.entry):
                kept.captures[place] = part

    def _save_artifact(self, entry: Entry) -> None:
        record = entry.record
        if isinstance(record, ArtifactLogged):
            place = record.name, record.version
            old = self.artifacts.get(place)
            if old is None or _stamp(entry) < _stamp(old[0]):
                self.artifacts[place] = entry, self.version

    def _save_mark(self, mark: Mark) -> None:
        place = mark.kind, mark.scope, mark.key
        old = self.marks.get(place)
        begun = mark.time if old is None else min(old[1], mark.time)
        stamp = mark.time, mark.writer, mark.seq
        if old is None or (old[0].time, old[0].writer, old[0].seq) < stamp:
            self.marks[place] = mark, begun, self.version
        elif begun != old[1]:
            self.marks[place] = old[0], begun, self.version

    # -- what series see -------------------------------------------------------------------

    def works(self, runs: Collection[str]) -> dict[str, Work]:
        """Writers and key sets of runs."""
        return {run: self.run(run).held.work for run in runs}

    def key_ids(self, names: Collection[str]) -> dict[str, int]:
        """Ids of those keys that any run has."""
        return {name: self.ids[name] for name in names if name in self.ids}

    def in_range(
        self, places: Sequence[Place], low: int | None, high: int | None
    ) -> dict[Place, list[Piece]]:
        """Pieces of key sets that may hold steps in a range."""
        return {
            (n, writer, keyset): [
                piece
                for piece in self.pieces(n, writer, keyset, 0)
                if (low is None or piece.high is None or piece.high >= low)
                and (high is None or piece.low is None or piece.low <= high)
            ]
            for n, writer, keyset in places
        }

    def read_pyramid(self, run: str, piece: Piece) -> bytes | memoryview:
        """The statistics per bucket of a piece that has some."""
        del run
        return piece.pyramid or b""

    def _of(self, n: int) -> _Kept:
        return list(self.kept.values())[n - 1]

    def run(self, run: str) -> _Kept:
        """A run that is here."""
        kept = self.kept.get(run)
        if kept is None or is_ghost(kept.held.work.writers):
            raise NotFoundError(f"there is no run {run!r}")
        return kept


class MemoryStore:
    """A :class:`notabene.store.base.Store` that forgets everything when it is closed."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._epoch = new_id()
        self._book = _Book()

    # -- the protocol ----------------------------------------------------------------------

    def apply(self, batches: Iterable[Batch], *, seen: int = 0) -> None:
        """Take in frames of journals; see the protocol."""
        with self._lock:
            counts: dict[int, Count] = {}
            Applying(self._book, counts, now_us(), seen).apply(list(batches))

    def changes(self, cursor: str = "") -> ChangeSet:
        """What changed since a cursor; see the protocol."""
        with self._lock:
            here = f"{self._epoch}:{self._book.version}"
            epoch, _, after = cursor.partition(":")
            if not cursor or epoch != self._epoch or not after.isdigit():
                return ChangeSet(here, reload=bool(cursor))
            return ChangeSet(here, False, tuple(self._changed(int(after))))

    def _changed(self, after: int) -> list[Change]:
        found: dict[tuple[ChangeKind, str], int] = {}
        points: dict[tuple[ChangeKind, str], int] = {}
        for run in self._infos():
            points["run", run.id] = run.points
            version = self._book.kept[run.id].held.version
            found["run", run.id] = version
            found["project", run.project] = max(found.get(("project", run.project), 0), version)
        for (name, _), (_, version) in self._book.artifacts.items():
            found["artifact", name] = max(found.get(("artifact", name), 0), version)
        for (kind, scope, _), (_, _, version) in self._book.marks.items():
            what: ChangeKind = "project" if kind in OF_PROJECTS else "artifact"
            place = what, scope
            found[place] = max(found.get(place, 0), version)
        return [
            Change(kind=kind, id=name, version=version, points=points.get((kind, name), 0))
            for (kind, name), version in sorted(found.items())
            if version > after
        ]

    def _infos(self) -> list[RunInfo]:
        now = now_us()
        return [
            self._info(run, now)
            for run, kept in self._book.kept.items()
            if not is_ghost(kept.held.work.writers)
        ]

    def _info(self, run: str, now: int) -> RunInfo:
        held = self._book.kept[run].held
        table = unpack(held.stats) if held.stats else Table.empty()
        names = [self._book.names[number] for number in table.ids.tolist()]
        return run_info(run, held.work.cells, held.work.writers, table, names, now)

    def projects(self) -> list[Project]:
        """All projects by name; see the protocol."""
        with self._lock:
            found: dict[str, Project] = {}
            for run in self._infos():
                if not run.deleted:
                    _add(found, run.project, run.created, run.updated, run)
            for (kind, scope, _), (mark, begun, _) in self._book.marks.items():
                if kind == "note":
                    _add(found, scope, begun, mark.time)
            return [found[name] for name in sorted(found)]

    def run(self, ref: str) -> RunInfo:
        """The run that a reference names; see the protocol."""
        with self._lock:
            infos = self._infos()
            candidates = [
                Candidate(n, run.id, run.project, run.name, run.created, run.deleted)
                for n, run in enumerate(infos)
            ]
            return infos[resolve(ref, candidates)]

    def runs(
        self,
        where: Expr | None = None,
        order: Sequence[Order] = (),
        *,
        deleted: bool | None = False,
        archived: bool | None = False,
    ) -> RunSet:
        """The runs that fit a search; see the protocol."""

        def load() -> list[RunInfo]:
            with self._lock:
                return self._infos()

        return ListRunSet(load, restricted(where, deleted, archived), tuple(order))

    def find(self, fact: str, value: JSON) -> list[RunInfo]:
        """Runs with a captured fact of this value; see the protocol."""
        wanted = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        return self.runs(Test(Field("fact", fact), "in", (wanted,)), archived=None).page()

    def series(
        self, runs: Sequence[str], keys: Sequence[str], window: Window | None = None
    ) -> list[Series]:
        """Metrics of runs on one grid; see the protocol."""
        with self._lock:
            return answer(self._book, runs, keys, window or Window())

    def values(self, run: str, keys: Sequence[str] = ()) -> list[LoggedValue]:
        """Logged values that are no numbers; see the protocol."""
        with self._lock:
            kept = self._book.run(run)
            encode = msgspec.msgpack.encode
            rows = [
                (
                    v.writer,
                    v.seq,
                    v.record.key,
                    v.record.step,
                    v.time,
                    v.record.kind,
                    encode(v.record.value),
                )
                for v in kept.values.values()
                if not keys or v.record.key in keys
            ]
            return shown_values(kept.held.work, rows)

    def snapshot(self, run: str) -> list[Capture]:
        """All that was captured around a run; see the protocol."""
        with self._lock:
            kept = self._book.run(run)
            rows = [
                (part, number, of.entry.time, of.entry.seq, of.entry.record.data)
                for (part, number), of in kept.captures.items()
                if isinstance(of.entry.record, Captured)
            ]
            return shown_captures(kept.held.work, rows)

    def artifact(self, ref: str) -> ArtifactVersion:
        """The version that a reference names; see the protocol."""
        parsed = parse_artifact(ref)
        return choose_version(parsed, self.artifacts(parsed.name, deleted=True))

    def artifacts(self, name: str = "", *, deleted: bool = False) -> list[ArtifactVersion]:
        """Versions by name and number; see the protocol."""
        with self._lock:
            artifacts = self._book.artifacts
            versions = [
                _version_of(entry)
                for (of, _), (entry, _) in sorted(artifacts.items(), key=lambda item: item[0])
                if not name or of == name
            ]
            cells = [
                (kind, scope, key, mark.value)
                for (kind, scope, key), (mark, _, _) in self._book.marks.items()
            ]
            return marked(versions, cells, deleted=deleted)

    def links(
        self, *, run: str = "", artifact: str = "", version: int | None = None
    ) -> list[ArtifactEdge]:
        """Which runs made or read which versions; see the protocol."""
        with self._lock:
            found = [
                edge
                for of, kept in self._book.kept.items()
                for edge in edges_of(of, kept.held.work.cells)
                if (not run or of == run)
                and (not artifact or edge.name == artifact)
                and (version is None or edge.version == version)
            ]
        return sorted(found, key=lambda e: (e.time, e.run, e.direction, e.name, e.version, e.role))

    def notes(self, project: str) -> list[Note]:
        """The diary of a project; see the protocol."""
        with self._lock:
            rows = [
                (key, begun, mark.value)
                for (kind, scope, key), (mark, begun, _) in self._book.marks.items()
                if kind == "note" and scope == project
            ]
        return diary(project, rows)

    def views(self, project: str | None = None) -> list[View]:
        """Views that people saved; see the protocol."""
        with self._lock:
            rows = [
                (scope, key, begun, mark.value)
                for (kind, scope, key), (mark, begun, _) in self._book.marks.items()
                if kind == "view" and project in (None, scope)
            ]
        return shown_views(rows)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._book.kept.clear()


def _copy(value: _T, kind: Any) -> _T:
    """A copy of a state that shares nothing with it."""
    copied: _T = msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind)
    return copied


def _stamp(entry: Entry) -> tuple[int, str, int]:
    return entry.time, entry.writer, entry.seq


def _version_of(entry: Entry) -> ArtifactVersion:
    record = entry.record
    assert isinstance(record, ArtifactLogged)
    return ArtifactVersion(
        name=record.name,
        version=record.version,
        type=record.type,
        digest=record.digest,
        size=record.size,
        files=record.files,
        created=entry.time,
        run=entry.run,
        metadata=record.metadata,
        description=record.description,
    )


def _add(
    found: dict[str, Project], name: str, begun: int, newest: int, run: RunInfo | None = None
) -> None:
    old = found.get(name) or Project(name=name, runs=0, running=0, created=begun, updated=newest)
    found[name] = Project(
        name=name,
        runs=old.runs + (run is not None),
        running=old.running + (run is not None and run.status == "running"),
        created=min(old.created, begun),
        updated=max(old.updated, newest),
    )
