"""What stores hold of a run: cells that can change, and the state of its writers.

Cells are decided by the largest ``(time, writer, seq)``; writers say what they covered, how
they ended and whom they replace. Both are small and packed apart, since a busy run changes
the second at each look and the first hardly ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from notabene.errors import FormatError
from notabene.model.records import Entry, Summarised, ValueLogged


class Cell(msgspec.Struct, array_like=True, omit_defaults=True, gc=False):
    """A value and who wrote it when.

    A million of them may be decoded for a table, and none is part of a loop: the garbage
    collector has no need to look through them.
    """

    time: int
    writer: int
    """Number of the writer in the run."""
    seq: int
    value: Any = None
    gone: bool = False
    """Taken away; kept so that an older value that comes late stays away."""


class Cells(msgspec.Struct, omit_defaults=True):
    """What can change in a run, by name."""

    attrs: dict[str, Cell] = {}
    params: dict[str, Cell] = {}
    tags: dict[str, Cell] = {}
    summary: dict[str, Cell] = {}
    facts: dict[str, Cell] = {}
    """By ``number:part`` of writer and capture: ``[writer, facts]``."""
    others: list[int] = []
    """Writers of other ranks than 0, whose facts are not those of the run."""
    defs: dict[str, Cell] = {}
    """Definitions of metrics by ``field:key``."""
    notes: dict[str, Cell] = {}
    """By id: ``[text, author, time of the first version]``."""
    alerts: dict[str, Cell] = {}
    """By id: ``[title, text, level]``."""
    health: dict[str, Cell] = {}
    """By code: ``[message, count]``."""
    gaps: dict[str, list[int]] = {}
    """By reason: ``[rows, points, bytes, first, last]``."""
    edges: dict[str, list[Any]] = {}
    """By what makes them one: ``[time, writer, seq, digest, direction, name, version, role]``."""


class Writer(msgspec.Struct, array_like=True, omit_defaults=True):
    """One process that wrote to the run."""

    id: str
    covered: list[list[int]] = []
    """Closed ranges of sequences that were taken in, rising and apart."""
    rank: int = 0
    role: str = ""
    """Empty until its first record is here; ``desk`` for edits by people."""
    started: int = 0
    host: str = ""
    user: str = ""
    world: int = 1
    replaces: tuple[str, ...] = ()
    ended: list[Any] = []
    """Its last word: ``[time, status, exit code, reason, traceback, last lines,
    time that it took]``; the time is missing in what older versions took in."""
    seen: list[Any] = []
    """What others saw of its end: ``[time, writer, seq, status, exit code, reason]``."""
    cpu: int = 0
    newest: int = 0
    """Time of its newest record or point."""
    tops: dict[int, int] = {}
    """For each key set the last sequence of its rows."""
    measured: bool = True
    """Its statistics take in all rows up to there."""


class Writers(msgspec.Struct, omit_defaults=True):
    """The writers of a run, in the order in which this store met them."""

    all: list[Writer] = []
    created: int = 0
    """Time of the earliest creation; 0 as long as only edits of the run are known."""
    alive: int = 0
    """When the run was last seen to grow."""
    newest: int = 0
    """Time of the newest record, edits by people included."""
    points: int = 0
    counted: int = 0
    """When the statistics of all metrics were last made."""
    sole: int = -1
    """The writer whose statistics are those of the run, so that they are not kept twice."""
    sole_upto: int = 0
    """What that writer's own summary covered; 0 where the store measured its rows itself."""

    def number(self, writer: str) -> int:
        """A writer's number; gives it one where it has none."""
        for number, known in enumerate(self.all):
            if known.id == writer:
                return number
        self.all.append(Writer(writer))
        return len(self.all) - 1


Keysets = dict[int, dict[int, bytes]]
"""For each writer and key set the ids of its keys, as packed uint32."""


class Value(msgspec.Struct, frozen=True):
    """A logged value that is no number."""

    writer: int
    seq: int
    time: int
    record: ValueLogged


class Part(msgspec.Struct, frozen=True):
    """A captured part of what surrounded the run."""

    writer: int
    entry: Entry


OF_PROJECTS = ("note", "view")
"""Kinds of marks that belong to a project, and are shown where they were begun."""


class Mark(msgspec.Struct, frozen=True):
    """A cell that belongs to no run: an alias, a deleted version, when one was logged, a note, a
    saved view."""

    kind: str
    scope: str
    key: str
    time: int
    writer: str
    seq: int
    value: Any


class Shared(msgspec.Struct):
    """Changes that belong to no single run."""

    artifacts: list[Entry] = []
    marks: list[Mark] = []


class Work(msgspec.Struct):
    """A run while records are applied to it."""

    id: str
    cells: Cells
    writers: Writers
    keysets: Keysets
    n: int = 0
    """Number in the store; 0 while it has none."""
    cells_changed: bool = False
    keysets_changed: bool = False
    changed: bool = False
    summaries: dict[int, list[Summarised]] = {}
    values: list[Value] = []
    captures: list[Part] = []


def is_ghost(writers: Writers) -> bool:
    """Whether only edits of the run are known, and nothing of itself."""
    return all(writer.role == "desk" or not writer.covered for writer in writers.all)


_T = TypeVar("_T")
encode = msgspec.msgpack.Encoder().encode


def decoder(kind: type[_T]) -> Callable[[bytes], _T]:
    """Decodes blobs of this index.

    A blob that does not decode is damage, and reported as such.
    """
    decode = msgspec.msgpack.Decoder(kind).decode

    def checked(data: bytes) -> _T:
        try:
            return decode(data)
        except msgspec.DecodeError as error:
            raise FormatError(
                f"the index is damaged: {error}", hint="notabene db rebuild"
            ) from error

    return checked


decode_cells = decoder(Cells)
decode_writers = decoder(Writers)
decode_keysets = decoder(Keysets)
