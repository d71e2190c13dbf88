"""From records to what is true of a run: pure, the heart of every store.

Whatever order the frames of a run's journals come in, once or several times, the result is
the same: each sequence of a writer counts once, and cells are decided by their stamps.
"""

from __future__ import annotations

from typing import Any

from notabene.journal.reader import Batch
from notabene.model.records import (
    AlertRaised,
    AliasMoved,
    AnyRecord,
    ArtifactDeleted,
    ArtifactLogged,
    ArtifactUsed,
    Captured,
    Concluded,
    ConfigChanged,
    Entry,
    GapNoted,
    HealthNoted,
    Heartbeat,
    HypothesisStated,
    KeysDefined,
    MetricDefined,
    NoteWritten,
    Renamed,
    RunArchived,
    RunCreated,
    RunDeleted,
    StatusSeen,
    StopRequested,
    Summarised,
    SummaryChanged,
    TagsChanged,
    ValueLogged,
    ViewSaved,
    WriterFinished,
    WriterStarted,
)
from notabene.store.spans import Span, cover, inside
from notabene.store.state import Cell, Mark, Part, Shared, Value, Work, encode


def absorb_batch(work: Work, batch: Batch, shared: Shared) -> tuple[int, list[Span]]:
    """Take in the records of a frame of a run's journal.

    Returns:
        The writer's number, and the ranges of sequences that are new; the rows in them are
        for the caller to add.
    """
    number = work.writers.number(batch.writer)
    writer = work.writers.all[number]
    if batch.last < batch.first:
        return number, []
    spans = cover(writer.covered, batch.first, batch.last)
    if not spans:
        return number, spans
    work.changed = True
    whole = spans[0] == (batch.first, batch.last)
    for entry in batch.entries:
        if whole or inside(spans, entry.seq):
            absorb(work, number, entry, shared)
            writer.newest = max(writer.newest, entry.time)
    return number, spans


def absorb_edit(work: Work, entry: Entry, shared: Shared) -> None:
    """Take in a record about the run from a desk journal."""
    number = work.writers.number(entry.writer)
    writer = work.writers.all[number]
    if cover(writer.covered, entry.seq, entry.seq):
        writer.role = writer.role or "desk"
        work.changed = True
        absorb(work, number, entry, shared)


def absorb(work: Work, number: int, entry: Entry, shared: Shared) -> None:
    """Take in one record that is new."""
    record = entry.record
    work.writers.newest = max(work.writers.newest, entry.time)
    handler = _HANDLERS.get(type(record))
    if handler is not None:
        handler(work, number, entry, record)
    elif isinstance(record, ArtifactLogged | ArtifactUsed):
        _edge(work, entry, record)
        shared.artifacts.append(entry)
    if isinstance(record, ArtifactLogged | AliasMoved | ArtifactDeleted | NoteWritten):
        shared.marks += marks_of(entry)


def marks_of(entry: Entry) -> list[Mark]:
    """Cells outside of any run that a record sets."""
    record = entry.record
    stamp = entry.time, entry.writer, entry.seq
    if isinstance(record, ArtifactLogged):
        name, version, time = record.name, record.version, record.logged or entry.time
        logged = Mark("logged", name, str(version), time, entry.writer, entry.seq, time)
        return [logged, *(Mark("alias", name, a, *stamp, version) for a in record.aliases)]
    if isinstance(record, AliasMoved):
        return [Mark("alias", record.name, record.alias, *stamp, record.version)]
    if isinstance(record, ArtifactDeleted):
        return [Mark("deleted", record.name, str(record.version), *stamp, record.deleted)]
    if isinstance(record, NoteWritten) and record.project:
        value = [record.text, record.author]
        return [Mark("note", record.project, record.id, *stamp, value)]
    if isinstance(record, ViewSaved):
        view = [record.name, record.page, record.state, record.author, record.deleted]
        return [Mark("view", record.project, record.id, *stamp, view)]
    return []


# -- cells ---------------------------------------------------------------------------------


def put(
    work: Work,
    cells: dict[str, Cell],
    name: str,
    number: int,
    entry: Entry,
    value: Any,
    *,
    gone: bool = False,
) -> None:
    """Set a cell, unless something newer stands there."""
    old = cells.get(name)
    if old is not None and old.time >= entry.time:
        writer = work.writers.all[old.writer].id
        if (old.time, writer, old.seq) >= (entry.time, entry.writer, entry.seq):
            return
    cells[name] = Cell(entry.time, number, entry.seq, value, gone)
    work.cells_changed = True


def _created(work: Work, number: int, entry: Entry, record: RunCreated) -> None:
    created = work.writers.created
    work.writers.created = min(created, entry.time) if created else entry.time
    for name in ("project", "name", "group", "parent", "hypothesis", "user", "source"):
        value = getattr(record, name)
        if value:
            put(work, work.cells.attrs, name, number, entry, value)
    for tag, value in record.tags.items():
        put(work, work.cells.tags, tag, number, entry, value)
    if record.number:
        _put_first(work, work.cells.attrs, "number", number, entry, record.number)


def _put_first(
    work: Work, cells: dict[str, Cell], name: str, number: int, entry: Entry, value: Any
) -> None:
    """Set a cell that never changes, unless something older stands there."""
    old = cells.get(name)
    if old is not None:
        there = old.time, work.writers.all[old.writer].id, old.seq
        if there <= (entry.time, entry.writer, entry.seq):
            return
    cells[name] = Cell(entry.time, number, entry.seq, value, False)
    work.cells_changed = True


def _started(work: Work, number: int, entry: Entry, record: WriterStarted) -> None:
    writer = work.writers.all[number]
    writer.role, writer.rank, writer.world = record.role, record.rank, record.world
    writer.host, writer.user, writer.replaces = record.host, record.user, record.replaces
    writer.started = entry.time
    if record.rank and number not in work.cells.others:
        work.cells.others.append(number)
        work.cells_changed = True
    if record.replaces:
        writer.measured = False  # what it hides is to be counted again


def _finished(work: Work, number: int, entry: Entry, record: WriterFinished) -> None:
    ended = [entry.time, record.status, record.exit_code, record.reason]
    old = work.writers.all[number].ended
    if not old or old[0] < entry.time:
        work.writers.all[number].ended = [
            *ended,
            record.traceback,
            record.last_lines,
            record.took_us,
        ]


def _seen(work: Work, number: int, entry: Entry, record: StatusSeen) -> None:
    value = [record.status, record.exit_code, record.reason]
    if not record.writer:
        put(work, work.cells.attrs, "seen", number, entry, value)
        return
    of = work.writers.all[work.writers.number(record.writer)]
    seen = [entry.time, entry.writer, entry.seq]
    if not of.seen or of.seen[:3] < seen:
        of.seen = [*seen, *value]


def _beat(work: Work, number: int, entry: Entry, record: Heartbeat) -> None:
    del entry
    writer = work.writers.all[number]
    writer.cpu = max(writer.cpu, record.cpu_us)


def _config(work: Work, number: int, entry: Entry, record: ConfigChanged) -> None:
    _set_many(work, work.cells.params, number, entry, record.set, record.removed)


def _tags(work: Work, number: int, entry: Entry, record: TagsChanged) -> None:
    _set_many(work, work.cells.tags, number, entry, record.set, record.removed)


def _summary(work: Work, number: int, entry: Entry, record: SummaryChanged) -> None:
    _set_many(work, work.cells.summary, number, entry, record.set, record.removed)


def _set_many(
    work: Work,
    cells: dict[str, Cell],
    number: int,
    entry: Entry,
    values: dict[str, Any],
    removed: tuple[str, ...],
) -> None:
    for key, value in values.items():
        put(work, cells, key, number, entry, value)
    for key in removed:
        if key not in values:
            put(work, cells, key, number, entry, None, gone=True)


def _defined(work: Work, number: int, entry: Entry, record: MetricDefined) -> None:
    for field in ("x", "goal", "unit", "summary"):
        value = getattr(record, field)
        if value:
            put(work, work.cells.defs, f"{field}:{record.key}", number, entry, value)


def _summarised(work: Work, number: int, entry: Entry, record: Summarised) -> None:
    del entry
    work.summaries.setdefault(number, []).append(record)


def _value(work: Work, number: int, entry: Entry, record: ValueLogged) -> None:
    work.values.append(Value(number, entry.seq, entry.time, record))


def _note(work: Work, number: int, entry: Entry, record: NoteWritten) -> None:
    if record.project:
        return
    old = work.cells.notes.get(record.id)
    begun = entry.time if old is None else min(old.value[2], entry.time)
    put(work, work.cells.notes, record.id, number, entry, [record.text, record.author, begun])
    cell = work.cells.notes[record.id]
    if cell.value[2] != begun:
        cell.value[2] = begun
        work.cells_changed = True


def _attr(name: str, field: str) -> Any:
    def handle(work: Work, number: int, entry: Entry, record: AnyRecord) -> None:
        put(work, work.cells.attrs, name, number, entry, getattr(record, field))

    return handle


def _concluded(work: Work, number: int, entry: Entry, record: Concluded) -> None:
    value = [record.text, record.verdict, record.author]
    put(work, work.cells.attrs, "conclusion", number, entry, value)


def _renamed(work: Work, number: int, entry: Entry, record: Renamed) -> None:
    for name in ("name", "group", "project"):
        value = getattr(record, name)
        if value is not None:
            put(work, work.cells.attrs, name, number, entry, value)


def _captured(work: Work, number: int, entry: Entry, record: Captured) -> None:
    work.captures.append(Part(number, entry))
    # By writer, since its rank may be known only later.
    value = [entry.writer, record.facts]
    put(work, work.cells.facts, f"{number}:{record.part}", number, entry, value)


def _alert(work: Work, number: int, entry: Entry, record: AlertRaised) -> None:
    value = [record.title, record.text, record.level]
    put(work, work.cells.alerts, record.id, number, entry, value)


def _gap(work: Work, number: int, entry: Entry, record: GapNoted) -> None:
    del number
    first, last = record.first or entry.time, record.last or entry.time
    old = work.cells.gaps.get(record.reason, [0, 0, 0, first, last])
    work.cells.gaps[record.reason] = [
        old[0] + record.rows,
        old[1] + record.points,
        old[2] + record.bytes,
        min(old[3], first),
        max(old[4], last),
    ]
    work.cells_changed = True


def _health(work: Work, number: int, entry: Entry, record: HealthNoted) -> None:
    old = work.cells.health.get(record.code)
    count = record.count + (0 if old is None else old.value[1])
    put(work, work.cells.health, record.code, number, entry, [record.message, count])
    work.cells.health[record.code].value[1] = count
    work.cells_changed = True


def _edge(work: Work, entry: Entry, record: ArtifactLogged | ArtifactUsed) -> None:
    made = isinstance(record, ArtifactLogged)
    role = "" if isinstance(record, ArtifactLogged) else record.role
    place = ["output" if made else "input", record.name, record.version, role]
    edge = [entry.time, entry.writer, entry.seq, record.digest, *place]
    name = encode(place).hex()
    if name not in work.cells.edges or edge < work.cells.edges[name]:
        work.cells.edges[name] = edge
        work.cells_changed = True


_HANDLERS: dict[type, Any] = {
    RunCreated: _created,
    WriterStarted: _started,
    WriterFinished: _finished,
    StatusSeen: _seen,
    Heartbeat: _beat,
    ConfigChanged: _config,
    TagsChanged: _tags,
    SummaryChanged: _summary,
    MetricDefined: _defined,
    Summarised: _summarised,
    ValueLogged: _value,
    NoteWritten: _note,
    HypothesisStated: _attr("hypothesis", "text"),
    Concluded: _concluded,
    Renamed: _renamed,
    RunDeleted: _attr("deleted", "deleted"),
    RunArchived: _attr("archived", "archived"),
    Captured: _captured,
    AlertRaised: _alert,
    GapNoted: _gap,
    HealthNoted: _health,
    StopRequested: _attr("stop", "author"),
}

IGNORED = (KeysDefined, ViewSaved)
"""Known, and of no meaning to a run: the reader has given the names to the rows already, and
a view is a mark of its project."""
