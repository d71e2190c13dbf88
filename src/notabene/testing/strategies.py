"""Hypothesis strategies: runs as several processes write them, in any order. Needs hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from notabene.journal.reader import Batch
from notabene.model.records import (
    AliasMoved,
    AnyRecord,
    ArtifactDeleted,
    ArtifactLogged,
    ArtifactUsed,
    Captured,
    Concluded,
    ConfigChanged,
    GapNoted,
    HealthNoted,
    Heartbeat,
    MetricDefined,
    NoteWritten,
    Renamed,
    RunArchived,
    RunDeleted,
    StatusSeen,
    SummaryChanged,
    TagsChanged,
    ValueLogged,
    ViewSaved,
)
from notabene.testing.scribe import START, Scribe

RUNS = ("run1", "run2")
KEYS = ("loss", "val/acc", "x y")
NAMES = ("a", "b", "c")

numbers = st.floats(-1e100, 1e100) | st.sampled_from(
    [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 0.1, 1e16, -1e16, 5e-324]
)
texts = st.sampled_from(["", "x", "é", "nul \0", "'; --"])
names = st.sampled_from(NAMES)
json_values = st.none() | st.booleans() | st.integers(-3, 3) | texts | st.just([1, {"a": None}])
cells = st.dictionaries(names, json_values, max_size=2)
removed = st.lists(names, max_size=2).map(tuple)
rows = st.dictionaries(st.sampled_from(KEYS), numbers, min_size=1)
steps = st.integers(-3, 12)


def _some(record: type, /, **fields: Any) -> st.SearchStrategy[Any]:
    return st.builds(record, **fields)


versions = st.integers(1, 2)
about_runs: st.SearchStrategy[AnyRecord] = st.one_of(
    _some(ConfigChanged, set=cells, removed=removed),
    _some(SummaryChanged, set=cells, removed=removed),
    _some(TagsChanged, set=st.dictionaries(names, texts, max_size=2), removed=removed),
    _some(Renamed, name=st.none() | names, group=st.none() | names, project=st.none() | names),
    _some(NoteWritten, id=names, text=texts),
    _some(Concluded, text=texts, verdict=st.sampled_from(["", "supported", "unclear"])),
    _some(RunDeleted, deleted=st.booleans()),
    _some(RunArchived, archived=st.booleans()),
)
"""Records that processes and people write about a run."""

of_writers: st.SearchStrategy[AnyRecord] = st.one_of(
    _some(Heartbeat, cpu_us=st.integers(0, 10**7)),
    _some(HealthNoted, code=names, message=texts, count=st.integers(1, 3)),
    _some(GapNoted, reason=names, rows=st.integers(0, 3), points=st.integers(0, 9)),
    _some(Captured, part=names, data=cells, facts=cells),
    _some(ValueLogged, key=names, step=steps, kind=st.just("text"), value=cells),
    _some(
        MetricDefined,
        key=st.sampled_from([*KEYS, "val/*", "*"]),
        goal=st.sampled_from(["", "min", "max"]),
        summary=st.sampled_from(["", "best", "none", "mean"]),
    ),
    _some(ArtifactUsed, name=names, version=versions, digest=names, role=names),
    _some(
        ArtifactLogged,
        name=names,
        version=versions,
        type=names,
        digest=names,
        size=st.integers(0, 9),
        files=st.just(1),
        aliases=removed,
        metadata=cells,
    ),
    _some(StatusSeen, writer=st.sampled_from(["", "w0", "w1", "w2"]), status=st.just("killed")),
)
"""Records that only processes write."""

of_nobody: st.SearchStrategy[AnyRecord] = st.one_of(
    _some(NoteWritten, id=names, text=texts, project=names),
    _some(
        ViewSaved,
        id=names,
        project=names,
        name=texts,
        page=names,
        state=texts,
        deleted=st.booleans(),
    ),
    _some(AliasMoved, name=names, alias=names, version=st.none() | versions),
    _some(ArtifactDeleted, name=names, version=versions, deleted=st.booleans()),
)
"""Records that are about no run."""


@st.composite
def scribes(draw: st.DrawFn, number: int) -> Scribe:
    """A process that writes to a run: rows and records, cut into frames here and there."""
    rank = draw(st.integers(0, 1))
    scribe = Scribe(
        draw(st.sampled_from(RUNS)),
        writer=f"w{number}",
        rank=rank,
        time=START + draw(st.integers(0, 3)) * 1000,
        encoding=draw(st.sampled_from(["block", "rows", "packed"])),
    )
    replaces = tuple(f"w{other}" for other in range(number)) if draw(st.booleans()) else ()
    scribe.start(draw(names), draw(names), replaces=replaces, world=draw(st.integers(1, 2)))
    for action in draw(st.lists(st.sampled_from("rrrrrdwcs"), max_size=14)):
        if action == "r":
            scribe.row(draw(rows), draw(steps))
        elif action == "d":
            scribe.record(draw(about_runs))
        elif action == "w":
            scribe.record(draw(of_writers))
        elif action == "c":
            scribe.cut()
        else:
            scribe.summarise()
    if draw(st.booleans()):
        scribe.finish(draw(st.sampled_from(["finished", "failed", "stopped"])))
    return scribe.cut()


@st.composite
def desks(draw: st.DrawFn) -> Scribe:
    """A person who edits runs, artifacts and projects."""
    scribe = Scribe("", writer="desk", time=START + draw(st.integers(0, 20)) * 1000)
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            scribe.record(draw(about_runs), about=draw(st.sampled_from([*RUNS, "ghost"])))
        else:
            scribe.record(draw(of_nobody))
        if draw(st.booleans()):
            scribe.cut()
    return scribe.cut()


@st.composite
def journals(draw: st.DrawFn) -> list[Scribe]:
    """Journals of up to three processes and of a desk."""
    count = draw(st.integers(1, 3))
    return [*(draw(scribes(number)) for number in range(count)), draw(desks())]


@st.composite
def deliveries(draw: st.DrawFn, batches: list[Batch]) -> list[list[Batch]]:
    """The same frames in some order, some of them twice, in several calls."""
    twice = draw(st.lists(st.sampled_from(batches), max_size=4)) if batches else []
    order = draw(st.permutations([*batches, *twice]))
    calls: list[list[Batch]] = [[]]
    for batch in order:
        calls[-1].append(batch)
        if draw(st.integers(0, 2)) == 0:
            calls.append([])
    return calls
