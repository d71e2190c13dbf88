"""What can happen: the record types, the only thing that is ever written.

A journal is a sequence of records; every table, cache and page is a projection of them.
Records travel as MessagePack, tagged with their type name; unknown fields are ignored and
unknown types are kept as bytes (:class:`Unknown`), so that older readers open newer journals
of the same format.

An :class:`Entry` is a record with its identity ``(writer, sequence)`` and its hybrid logical
time. Cells that can change (a tag, a name, a config value ...) are decided by the largest
``(time, writer, sequence)``, so any order of arrival gives the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec

JSON = Any
"""A value of JSON: None, bool, int, float, str, list or dict with text keys."""

Status = Literal["running", "finished", "failed", "stopped", "killed", "lost"]
EndStatus = Literal["finished", "failed", "stopped", "killed"]
Verdict = Literal["supported", "refuted", "unclear"]
Level = Literal["info", "warning", "error"]

STATUSES: tuple[str, ...] = ("running", "finished", "failed", "stopped", "killed", "lost")
VERDICTS: tuple[str, ...] = ("supported", "refuted", "unclear")
LEVELS: tuple[str, ...] = ("info", "warning", "error")


def kebab(name: str) -> str:
    """``RunCreated`` -> ``run-created``: the tag a record bears on disk."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


class Record(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="record", tag=kebab
):
    """Base of all records."""


class RunCreated(Record, frozen=True):
    """A run exists. Several writers (ranks) may say so; the earliest creation stands,
    and each attribute given is a cell like any other."""

    project: str
    name: str = ""
    group: str = ""
    parent: str = ""
    hypothesis: str = ""
    tags: dict[str, str] = {}
    user: str = ""
    source: str = ""
    """What made the run: ``sdk``, ``command``, ``mlflow``, ``wandb`` or an importer's name."""
    number: int = 0
    """Its number in the project, given once; 0 where none could be had. The first one stands."""


class WriterStarted(Record, frozen=True):
    """A process began to write to the run. First record of every run journal.

    ``replaces`` names the writers whose later points this one hides (resume): per key and
    rank, their points with a step at or above the first step that this writer logs for it.
    """

    host: str = ""
    boot: str = ""
    pid: int = 0
    pid_start: int = 0
    user: str = ""
    rank: int = 0
    world: int = 1
    role: Literal["main", "rank", "worker", "door", "import", "recovery"] = "main"
    """``main`` and ``rank`` decide the status of the run; the others only add to it."""
    replaces: tuple[str, ...] = ()
    version: str = ""
    """Version of notabene that writes."""


class WriterFinished(Record, frozen=True):
    """The writer's last word."""

    status: EndStatus = "finished"
    exit_code: int | None = None
    reason: str = ""
    """One line: ``ValueError: bad learning rate``, ``SIGTERM``, ``stop request``."""
    traceback: str = ""
    last_lines: str = ""
    """The end of the console, for runs that did not finish well."""
    took_us: int = 0
    """Time since the writer began, by a clock that nobody sets; 0 where it is not known."""


class StatusSeen(Record, frozen=True):
    """Somebody else saw how a writer ended: a parent its exit code, a recovery its death."""

    writer: str
    """The writer that ended; empty for the run as a whole."""
    status: EndStatus
    exit_code: int | None = None
    reason: str = ""


class Heartbeat(Record, frozen=True):
    """The writer is alive; sent when nothing else was written for a while (30 s)."""

    cpu_us: int = 0
    """CPU time that notabene's own threads and calls took so far in this process."""


class KeysDefined(Record, frozen=True):
    """Names for the columns of the rows that follow from this writer.

    ``id`` is a number per writer, from 1; rows and blocks refer to it.
    """

    id: int
    keys: tuple[str, ...]


class ConfigChanged(Record, frozen=True):
    """Config cells. Keys are paths, written with dots: ``model.depth``.

    A dot, or a backslash, inside one name of the path is written with a backslash before it.
    """

    set: dict[str, JSON] = {}
    removed: tuple[str, ...] = ()


class MetricDefined(Record, frozen=True):
    """How a metric is to be read. ``key`` may end in ``*`` to mean all with that prefix."""

    key: str
    x: str = ""
    goal: Literal["", "min", "max"] = ""
    unit: str = ""
    summary: Literal["", "last", "min", "max", "mean", "best", "first", "none"] = ""


class Summarised(Record, frozen=True):
    """Running statistics of a writer since its start, for the keys that changed.

    ``stats`` is what :mod:`notabene.journal.stats` packs: one row of statistics per key,
    cumulative, so the newest row of a key (by sequence) replaces the earlier ones.
    Covers the writer's rows up to and including sequence ``upto``.
    """

    keys: tuple[str, ...]
    stats: bytes
    upto: int


class SummaryChanged(Record, frozen=True):
    """Summary values set by the user; they stand above what is computed from points."""

    set: dict[str, JSON] = {}
    removed: tuple[str, ...] = ()


class ValueLogged(Record, frozen=True):
    """A value that is no number: text, image, audio, video, table, histogram, html, figure.

    ``value`` is the JSON of :mod:`notabene.model.values`; its bytes lie in the blob store
    under the digests it names.
    """

    key: str
    step: int
    kind: str
    value: dict[str, JSON]


class TagsChanged(Record, frozen=True):
    """Tag cells. A plain tag has an empty text as its value."""

    set: dict[str, str] = {}
    removed: tuple[str, ...] = ()


class NoteWritten(Record, frozen=True):
    """A note on a run, or on a project where ``project`` is given. Empty text takes it back."""

    id: str
    text: str
    author: str = ""
    project: str = ""


class ViewSaved(Record, frozen=True):
    """A view of a project under a name: which runs, columns and charts are shown.

    ``state`` never changes under an id, so that a link shows what it showed when it was shared;
    a later record gives another name, or takes the view back.
    """

    id: str
    project: str
    """Empty for a view of all projects."""
    name: str
    page: str
    """Which page it is of: ``runs``, ``charts`` ..."""
    state: str
    """What stands after ``?`` in its address."""
    author: str = ""
    deleted: bool = False


class HypothesisStated(Record, frozen=True):
    """What the run is meant to show."""

    text: str


class Concluded(Record, frozen=True):
    """What the run showed."""

    text: str
    verdict: Literal["", "supported", "refuted", "unclear"] = ""
    author: str = ""


class Renamed(Record, frozen=True):
    """A new name, group or project of the run; None leaves one as it is."""

    name: str | None = None
    group: str | None = None
    project: str | None = None


class RunDeleted(Record, frozen=True):
    """The run is in the trash (for 30 days), or out of it again."""

    deleted: bool = True


class RunArchived(Record, frozen=True):
    """The run is put aside, or back: kept, but not listed by default."""

    archived: bool = True


class Captured(Record, frozen=True):
    """One part of what surrounded the run: code, environment, hardware, process, data ...

    Decided per part and writer rank by time, so a later, fuller capture replaces the first.
    """

    part: str
    data: dict[str, JSON]
    """Instead of more than 256 KiB, ``{"whole": digest}`` of content that holds it as JSON."""
    facts: dict[str, JSON] = {}
    """Searchable scalars, by full name: ``git.commit``, ``env.python``, ``gpu.name``."""


class ArtifactLogged(Record, frozen=True):
    """The run made a version of an artifact, or made content that a version already held."""

    name: str
    version: int
    type: str
    digest: str
    """Digest of the manifest."""
    size: int
    files: int
    aliases: tuple[str, ...] = ()
    metadata: dict[str, JSON] = {}
    description: str = ""
    step: int | None = None
    logged: int = 0
    """When, µs, among all loggings of the name: decides about ``latest``; 0: the record's time."""


class ArtifactUsed(Record, frozen=True):
    """The run read a version of an artifact: an input edge of its lineage."""

    name: str
    version: int
    digest: str
    role: str = ""


class AliasMoved(Record, frozen=True):
    """An alias points at a version of an artifact; None takes the alias away."""

    name: str
    alias: str
    version: int | None


class ArtifactDeleted(Record, frozen=True):
    """A version is in the trash, or out of it again."""

    name: str
    version: int
    deleted: bool = True


class AlertRaised(Record, frozen=True):
    """The run wants to be looked at."""

    id: str
    title: str
    text: str = ""
    level: Level = "warning"


class GapNoted(Record, frozen=True):
    """Data that could not be kept, counted: the promise behind "nothing is lost unseen"."""

    reason: str
    rows: int = 0
    points: int = 0
    bytes: int = 0
    first: int = 0
    """Time of the first loss, µs."""
    last: int = 0


class HealthNoted(Record, frozen=True):
    """Something in the run's record is not as it should be; counted per code."""

    code: str
    message: str
    count: int = 1


class ConsoleNoted(Record, frozen=True):
    """State of the writer's console file: bytes and lines seen, bytes dropped in the middle."""

    bytes: int
    lines: int
    dropped: int = 0


class StopRequested(Record, frozen=True):
    """Somebody asks a running run to end as if by Ctrl-C."""

    author: str = ""


AnyRecord = (
    RunCreated
    | WriterStarted
    | WriterFinished
    | StatusSeen
    | Heartbeat
    | KeysDefined
    | ConfigChanged
    | MetricDefined
    | Summarised
    | SummaryChanged
    | ValueLogged
    | TagsChanged
    | NoteWritten
    | ViewSaved
    | HypothesisStated
    | Concluded
    | Renamed
    | RunDeleted
    | RunArchived
    | Captured
    | ArtifactLogged
    | ArtifactUsed
    | AliasMoved
    | ArtifactDeleted
    | AlertRaised
    | GapNoted
    | HealthNoted
    | ConsoleNoted
    | StopRequested
)


class Unknown(msgspec.Struct, frozen=True):
    """A record of a type this version does not know: kept as it came, ignored by projections."""

    data: bytes


class Entry(msgspec.Struct, frozen=True):
    """A record with its identity and time, as stores and readers pass it.

    Attributes:
        writer: Id of the writer.
        seq: Sequence number in that writer, from 1; given when the record enters the ring.
        time: Hybrid logical time in µs.
        record: What happened.
        run: The run it is about; in desk journals each record names its own.
    """

    writer: str
    seq: int
    time: int
    record: AnyRecord | Unknown
    run: str = ""


_encoder = msgspec.msgpack.Encoder()


@lru_cache(maxsize=1)
def _decode() -> Callable[[bytes | memoryview], AnyRecord]:
    # Made when first used: it takes most of the time of this module, and a process that only
    # writes has no need of it.
    return msgspec.msgpack.Decoder(AnyRecord).decode


def encode_record(record: AnyRecord | Unknown) -> bytes:
    """MessagePack bytes of a record; see :func:`storable` for texts that UTF-8 cannot hold.

    Raises:
        TypeError: It holds something that is no JSON value.
    """
    if isinstance(record, Unknown):
        return record.data
    try:
        return _encoder.encode(record)
    except UnicodeEncodeError:
        return _encoder.encode(storable(record))


def storable(value: Any) -> Any:
    """JSON values whose texts UTF-8 can hold; the value itself where all of it is such.

    A file's name or an argument may hold bytes that are no UTF-8; Python has them as half
    characters, which are written as escapes here: ``\\udce9``.
    """
    try:
        _encoder.encode(value)
    except (UnicodeEncodeError, TypeError):
        return _escaped(value)
    return value


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_escaped(key): _escaped(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(part) for part in value]
    return _escaped(msgspec.to_builtins(value)) if isinstance(value, msgspec.Struct) else value


def decode_record(data: bytes | memoryview) -> AnyRecord | Unknown:
    """The inverse of :func:`encode_record`; never fails on bytes that passed their checksum."""
    try:
        return _decode()(data)
    except msgspec.DecodeError:
        return Unknown(bytes(data))
