"""The one shape of every importer: what a source holds, and what a run of it consists of.

An importer is a class with the four things of :class:`Source`. It knows the foreign format and
nothing of ours but records; everything else is done once, for all of them, by
:func:`notabene.importers.take.take_in`:

    find()       one :class:`Found` per run: cheap, no points are decoded
    read(found)  the run as a stream of :data:`Item`, in bounded memory

    Source ─► Found ─► Item, Item, ... ─► a journal, staged ─► read back, compared ─► in place

**What the importer promises.** The same source gives the same items in the same order, and a
source that has grown gives them with more behind: per metric key the points only grow at the
end. ``Found.run`` and ``Found.started`` come from the source's own identity (:func:`run_id`), so
that they are the same next time. ``Found.state`` differs whenever the source has changed.

**What is done for it.** A run whose ``state`` was imported before is skipped unread. Of one that
has grown, the points that are here already are compared bit by bit and left out, cells (config,
tags, name, ...) are written where their value is new, other records are known by their content.
Where the source no longer begins with what was imported (points were edited, removed, or
replaced by a restart), all its points are written anew by a further writer that hides those of
the one before. What was written is read back from the disk and compared with what was read from
the source, every point to the bit, before the run appears in the store. Many importers may work
on one store at once, and each may be killed at any moment.

**What cannot be carried over** is yielded as :class:`Missed`, one clear sentence each. An error
while reading (``OSError``, ``NotabeneError``, ``ValueError`` ...) ends this run, not the import:
what was read until then is kept, and the report says what stopped it.

Times are µs since 1970 (UTC), sizes bytes. Text may be anything: names are cleaned here.
The shortest complete example is :mod:`notabene.importers.tables`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from notabene._ids import derived_run_id, derived_writer_id
from notabene.errors import NotabeneError
from notabene.model.canonical import digest_bytes
from notabene.model.records import JSON, AnyRecord, EndStatus
from notabene.model.refs import MAX_NAME_BYTES
from notabene.model.values import Encoded

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the person who imports has said.

    Attributes:
        project: Project for all runs; empty where nothing was said.
        mapping: How columns of a table are to be read, as ``column=role``.
        default_project: Project of the settings; comes before what the source says.
    """

    project: str = ""
    mapping: dict[str, str] = {}
    default_project: str = ""


class Found(msgspec.Struct, kw_only=True):
    """A run that a source holds, as listed before anything is decoded.

    Attributes:
        kind: Of the importer: ``tensorboard``.
        where: What the importer finds it again by; shown to people (a path, an id over there).
        run: Id that it has here: see :func:`run_id`.
        name: Name for people.
        project: Project it goes to.
        started: When it began, µs; 0 where nothing tells (then: when it is imported first).
        state: Differs whenever the source has changed; empty: always read.
        group, user, host, hypothesis: Empty where not known.
        parent: Id here of the run above.
        tags: Plain tags have an empty value.
        size: Bytes to be read, 0 where not known.
        points: Points in it, -1 where that is not known without decoding.
        detail: For the importer itself.
    """

    kind: str
    where: str
    run: str
    name: str
    project: str
    started: int = 0
    state: str = ""
    group: str = ""
    parent: str = ""
    user: str = ""
    host: str = ""
    hypothesis: str = ""
    tags: dict[str, str] = {}
    size: int = 0
    points: int = -1
    detail: Any = None


# -- items ---------------------------------------------------------------------------------


class Points(msgspec.Struct, frozen=True):
    """Numbers: rows of some keys on one axis. Any number of rows, any number of times.

    The arrays are kept until they are written: make new ones for the next.

    Attributes:
        keys: Names of the columns; a key always comes in the source's order of its points.
        steps: Shape (n,), int64.
        times: Shape (n,), int64, µs; 0 where not known: then the beginning of the run.
        values: Shape (n, k), float64. A key that a row lacks belongs into other Points.
    """

    keys: tuple[str, ...]
    steps: I64
    times: I64
    values: F64


class Logged(msgspec.Struct, frozen=True):
    """A value that is no number (:mod:`notabene.model.values`), with the bytes it needs."""

    key: str
    step: int
    time: int
    value: Encoded


class Cells(msgspec.Struct, frozen=True, kw_only=True):
    """What the run says of itself now; only what differs from the last import is written.

    Attributes:
        time: When it was set, µs; 0 for the beginning of the run.
        config: By path: ``model.depth`` (:func:`notabene.model.refs.join_path`).
        summary: Values that stand above what is computed from points.
        tags: Plain tags have an empty value.
        name, group: New ones; None leaves what ``Found`` said.
        notes: Text by an id of the source's own.
        whole: Config, summary and tags are all there are: what is missing was removed.
    """

    time: int = 0
    config: dict[str, JSON] = {}
    summary: dict[str, JSON] = {}
    tags: dict[str, str] = {}
    name: str | None = None
    group: str | None = None
    notes: dict[str, str] = {}
    whole: bool = False


class Said(msgspec.Struct, frozen=True):
    """Any other record, at its time: MetricDefined, Captured, ArtifactUsed, AlertRaised ...

    It is written once per content and time.
    """

    time: int
    record: AnyRecord


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an artifact that the run made.

    Attributes:
        name: The artifact's name; cleaned.
        type: ``model``, ``dataset``, ``file`` or the source's own word.
        files: Path in the artifact, and the file or its bytes.
        links: Path in the artifact, and the file that stays where it is, known by its digest.
        time: When it was logged, µs; 0 for the end of what was read.
    """

    name: str
    type: str = "file"
    files: tuple[tuple[str, Path | bytes], ...] = ()
    links: tuple[tuple[str, Path], ...] = ()
    time: int = 0
    step: int | None = None
    aliases: tuple[str, ...] = ()
    metadata: dict[str, JSON] = {}
    description: str = ""


class Printed(msgspec.Struct, frozen=True):
    """What the program printed, from its beginning: all of it again at each import.

    Attributes:
        text: Any part of it; what follows comes in further items.
        time: When, µs; 0 where not known.
        error: It went to stderr.
    """

    text: str
    time: int = 0
    error: bool = False


class Missed(msgspec.Struct, frozen=True):
    """What could not be carried over: one clear sentence, the same for the same reason.

    Attributes:
        what: ``graphs of the program are not carried over``; goes into the report.
        damage: Data of the run is lost or spoilt: it stands in the run's health as well.
        count: How often.
    """

    what: str
    damage: bool = False
    count: int = 1


class Ended(msgspec.Struct, frozen=True):
    """How and when (0: with its last point) a run ended. One that is still written to has none."""

    time: int
    status: EndStatus = "finished"
    exit_code: int | None = None
    reason: str = ""


class Passed(msgspec.Struct, frozen=True):
    """Progress within a run: so many bytes more of the source were read."""

    size: int


Item = Points | Logged | Cells | Said | Kept | Printed | Missed | Ended | Passed


class Source(Protocol):
    """What an importer is.

    Attributes:
        kind: One lower-case word; becomes ``source`` of its runs.
        notes: Sentences about the source as a whole, for the report; grows while reading.
    """

    kind: ClassVar[str]
    notes: list[str]

    def __init__(self, place: Path, given: Given) -> None:
        """Open a source; cheap.

        Raises:
            UsageError, NotFoundError, FormatError: It cannot be read as this kind.
        """
        ...

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """Whether a file or folder looks like this kind; quick, never fails."""
        ...

    def find(self) -> Iterator[Found]:
        """All runs, the oldest first where that is known."""
        ...

    def read(self, found: Found) -> Iterator[Item]:
        """One run."""
        ...


# -- the report ----------------------------------------------------------------------------

Fate = Literal["new", "more", "same", "empty", "trash", "failed"]


class RunReport(msgspec.Struct, kw_only=True):
    """What became of one run.

    Attributes:
        run: Its id here.
        where: Where it was found.
        fate: ``new``; ``more``: it was here and got what is new; ``same``: it was here and
            nothing was to be added; ``empty``: it holds nothing (yet); ``trash``: it is in the
            trash here, and stays there; ``failed``: nothing of it could be read.
        points, values, artifacts: What was added.
        missed: What could not be carried over, and how often.
    """

    run: str
    name: str
    project: str
    where: str
    started: int = 0
    size: int = 0
    fate: Fate = "new"
    points: int = 0
    values: int = 0
    artifacts: int = 0
    missed: dict[str, int] = {}


class Report(msgspec.Struct, kw_only=True):
    """What an import did, or would do.

    Attributes:
        kind: Of the importer.
        source: What was imported.
        dry_run: Nothing was written.
        runs: One each.
        notes: About the source as a whole.
        cpu: Seconds of CPU time.
    """

    kind: str
    source: str
    dry_run: bool = False
    runs: list[RunReport] = []
    notes: list[str] = []
    cpu: float = 0.0

    def count(self, fate: Fate) -> int:
        """Runs of one fate."""
        return sum(run.fate == fate for run in self.runs)

    def missed(self) -> dict[str, tuple[int, int]]:
        """All that could not be carried over: how often, and in how many runs."""
        out: dict[str, tuple[int, int]] = {}
        for run in self.runs:
            for what, count in run.missed.items():
                times, runs = out.get(what, (0, 0))
                out[what] = times + count, runs + 1
        return out


# -- identities and names ------------------------------------------------------------------


def run_id(kind: str, identity: str, started: int) -> str:
    """The id that a foreign run always has here.

    Args:
        kind: Of the importer.
        identity: What makes it that run over there, wherever its files lie: a run's id, a name
            with a random part. Not a path, which changes when a folder is moved.
        started: When it began, µs, so that ids sort by time; 0 where the source does not say.
    """
    return derived_run_id(started, _bits(f"{kind} run {identity}"))


def writer_id(kind: str, run: str, generation: int = 0) -> str:
    """The id under which an importer writes to a run."""
    return derived_writer_id(_bits(f"{kind} writer {run} {generation}"))


def _bits(text: str) -> int:
    return int(digest_bytes(text.encode("utf-8", "surrogatepass"))[:24], 16)


def clean(name: str, empty: str = "(empty)") -> str:
    """A foreign name as one that can be stored: at most 250 bytes, no control characters."""
    name = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name).strip() or empty
    data = name.encode()
    if len(data) > MAX_NAME_BYTES:
        name = data[:200].decode("utf-8", "ignore") + "~" + digest_bytes(data)[:8]
    return name


def reason_of(error: Exception) -> str:
    """An error as the end of a sentence."""
    if isinstance(error, OSError) and error.strerror:
        name = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror.lower()}{name}"
    if isinstance(error, NotabeneError):
        return error.message
    return f"{type(error).__name__}: {error}".strip(": ")
