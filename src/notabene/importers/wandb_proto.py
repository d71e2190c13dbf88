"""The messages in ``.wandb`` files, as far as they are read."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from notabene.tfevents.proto import WireError, fields, signed, text, varint

HISTORY, SUMMARY, OUTPUT, CONFIG, STATS, ARTIFACT, TENSORBOARD, ALERT = 2, 3, 4, 5, 7, 8, 9, 10
METRIC, OUTPUT_RAW, RUN, EXIT, USE_ARTIFACT, ENVIRONMENT = 12, 13, 17, 18, 25, 26
BESIDE = frozenset({16, 19, 200})
"""Fields that any record may have."""


def outer(data: bytes) -> tuple[int, int, int]:
    """Which record it is, and where it begins and ends.

    Raises:
        WireError: It is none.
    """
    try:
        at = 0
        if data[:1] == b"\x08":
            _, at = varint(data, 1)
        key, begin = varint(data, at)
        if key & 7 == 2 and key >> 3 not in BESIDE:
            size, begin = varint(data, begin)
            if begin + size <= len(data):
                return key >> 3, begin, begin + size
    except IndexError:
        raise WireError("cut short") from None
    for number, start, end, kind in fields(data, 0, len(data)):
        if kind == 2 and number not in BESIDE:
            return number, start, end
    return 0, 0, 0


def loads(data: bytes) -> Any:
    """A value of JSON, with NaN and Infinity as W&B writes them.

    Raises:
        ValueError: It is none.
    """
    return json.loads(data.decode("utf-8", "surrogatepass"))


def moment(data: bytes, start: int, end: int) -> int:
    """A timestamp, µs."""
    seconds = nanos = 0
    for number, value, _, kind in fields(data, start, end):
        if kind == 0 and number == 1:
            seconds = signed(value)
        elif kind == 0 and number == 2:
            nanos = signed(value)
    return seconds * 1_000_000 + nanos // 1000


class Item(msgspec.Struct):
    """A key, in parts, with its value as JSON; None where it has none."""

    path: tuple[str, ...]
    value: bytes | None


def read_item(data: bytes, start: int, end: int) -> Item:
    """An item of a config, a summary or statistics."""
    key, nested, value = "", [], None
    for number, begin, stop, kind in fields(data, start, end):
        if kind == 2 and number == 1:
            key = text(data, begin, stop)
        elif kind == 2 and number == 2:
            nested.append(text(data, begin, stop))
        elif kind == 2 and number == 16:
            value = data[begin:stop]
    return Item(tuple(nested) or (key,), value)


class Changes(msgspec.Struct):
    """Items that are set, and those that are removed."""

    update: list[Item] = []
    remove: list[Item] = []


def read_changes(data: bytes, start: int, end: int, *, updates: bool = True) -> Changes:
    """A change of the config or the summary; only what is removed where nothing else is asked."""
    found = Changes()
    for number, begin, stop, kind in fields(data, start, end):
        if kind == 2 and (number == 2 or (number == 1 and updates)):
            target = found.update if number == 1 else found.remove
            target.append(read_item(data, begin, stop))
    return found


class Run(msgspec.Struct):
    """What a run says of itself."""

    id: str = ""
    entity: str = ""
    project: str = ""
    group: str = ""
    job_type: str = ""
    name: str = ""
    notes: str = ""
    tags: list[str] = []
    sweep: str = ""
    host: str = ""
    started: int = 0
    remote: str = ""
    commit: str = ""
    resumed: bool = False
    config: Changes | None = None
    starting_step: int = 0


_RUN_TEXTS = {
    1: "id",
    2: "entity",
    3: "project",
    6: "group",
    7: "job_type",
    8: "name",
    9: "notes",
    12: "sweep",
    13: "host",
}


def read_run(data: bytes, start: int, end: int) -> Run:
    """A run."""
    run = Run()
    for number, begin, stop, kind in fields(data, start, end):
        if kind == 2 and number in _RUN_TEXTS:
            setattr(run, _RUN_TEXTS[number], text(data, begin, stop))
        elif kind == 2 and number == 10:
            run.tags.append(text(data, begin, stop))
        elif kind == 2 and number == 4:
            run.config = read_changes(data, begin, stop)
        elif kind == 2 and number == 17:
            run.started = moment(data, begin, stop)
        elif kind == 0 and number == 18:
            run.resumed = bool(begin)
        elif kind == 0 and number == 14:
            run.starting_step = signed(begin)
        elif kind == 2 and number == 21:
            run.remote, run.commit = _pair(data, begin, stop)
    return run


def _pair(data: bytes, start: int, end: int) -> tuple[str, str]:
    found = {n: text(data, b, e) for n, b, e, kind in fields(data, start, end) if kind == 2}
    return found.get(1, ""), found.get(2, "")


_PLACE = {1: "os", 2: "python", 4: "docker", 6: "program", 7: "code_path", 8: "code_path_local",
          10: "email", 11: "root", 12: "host", 13: "username", 14: "executable",
          18: "gpu_type", 25: "cuda_version"}  # fmt: skip
_COUNTS = {16: "cpu_count", 17: "cpu_count_logical", 19: "gpu_count"}


def read_environment(data: bytes, start: int, end: int) -> dict[str, Any]:
    """What surrounded the run, by the names that W&B has for it."""
    found: dict[str, Any] = {}
    for number, begin, stop, kind in fields(data, start, end):
        if kind == 2 and number in _PLACE:
            found[_PLACE[number]] = text(data, begin, stop)
        elif kind == 0 and number in _COUNTS:
            found[_COUNTS[number]] = begin
        elif kind == 2 and number == 5:
            found.setdefault("args", []).append(text(data, begin, stop))
        elif kind == 2 and number == 9:
            found["git.remote"], found["git.commit"] = _pair(data, begin, stop)
    return found


class Output(msgspec.Struct):
    """A piece of what was printed."""

    time: int = 0
    error: bool = True
    line: str = ""


def read_output(data: bytes, start: int, end: int) -> Output:
    """A piece of the console; of stderr where nothing is said."""
    found = Output()
    for number, begin, stop, kind in fields(data, start, end):
        if kind == 0 and number == 1:
            found.error = begin == 0
        elif kind == 2 and number == 2:
            found.time = moment(data, begin, stop)
        elif kind == 2 and number == 3:
            found.line = text(data, begin, stop)
    return found


def read_stats(data: bytes, start: int, end: int) -> tuple[int, list[Item]]:
    """The time of a sample of the system, and what was measured."""
    time, items = 0, []
    for number, begin, stop, kind in fields(data, start, end):
        if kind == 2 and number == 2:
            time = moment(data, begin, stop)
        elif kind == 2 and number == 3:
            items.append(read_item(data, begin, stop))
    return time, items


class Metric(msgspec.Struct):
    """How a metric is to be read."""

    name: str = ""
    x: str = ""
    summary: str = ""
    goal: str = ""


_SUMMARIES = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 8: "first"}


def read_metric(data: bytes, start: int, end: int) -> Metric:
    """A definition of a metric."""
    found = Metric()
    for number, begin, stop, kind in fields(data, start, end):
        if kind == 2 and number in (1, 2):
            found.name = text(data, begin, stop)
        elif kind == 2 and number == 4:
            found.x = text(data, begin, stop)
        elif kind == 2 and number == 7:
            for inner, value, _, how in fields(data, begin, stop):
                if how == 0 and value and inner in _SUMMARIES:
                    found.summary = _SUMMARIES[inner]
        elif kind == 0 and number == 8:
            found.goal = {1: "min", 2: "max"}.get(begin, "")
    return found


class Entry(msgspec.Struct):
    """A file of an artifact; the digest is MD5, as base64."""

    path: str = ""
    digest: str = ""
    ref: str = ""
    size: int = 0
    local: str = ""


class Artifact(msgspec.Struct):
    """An artifact that was logged."""

    type: str = ""
    name: str = ""
    description: str = ""
    metadata: str = ""
    aliases: list[str] = []
    entries: list[Entry] = []
    manifest: str = ""


_ARTIFACT = {4: "type", 5: "name", 7: "description", 8: "metadata"}


def read_artifact(data: bytes, start: int, end: int) -> Artifact:
    """An artifact."""
    found = Artifact()
    for number, begin, stop, kind in fields(data, start, end):
        if kind == 2 and number in _ARTIFACT:
            setattr(found, _ARTIFACT[number], text(data, begin, stop))
        elif kind == 2 and number == 11:
            found.aliases.append(text(data, begin, stop))
        elif kind == 2 and number == 12:
            for inner, first, last, how in fields(data, begin, stop):
                if how == 2 and inner == 4:
                    found.entries.append(_entry(data, first, last))
                elif how == 2 and inner == 5:
                    found.manifest = text(data, first, last)
    return found


def _entry(data: bytes, start: int, end: int) -> Entry:
    found = Entry()
    names = {1: "path", 2: "digest", 3: "ref", 6: "local"}
    for number, begin, stop, kind in fields(data, start, end):
        if kind == 2 and number in names:
            setattr(found, names[number], text(data, begin, stop))
        elif kind == 0 and number == 4:
            found.size = begin
    return found


def read_texts(data: bytes, start: int, end: int) -> dict[int, str]:
    """The texts of a message, by their number."""
    return {n: text(data, b, e) for n, b, e, kind in fields(data, start, end) if kind == 2}


def read_exit(data: bytes, start: int, end: int) -> int:
    """The exit code."""
    code = 0
    for number, value, _, kind in fields(data, start, end):
        if kind == 0 and number == 1:
            code = signed(value)
    return code
