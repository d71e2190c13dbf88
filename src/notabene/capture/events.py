"""Events that processes left behind, and the words in which the record names places."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

Event = Sequence[Any]

SEEN = ".seen"
"""Suffix of the files in which processes leave their events."""


class Process(msgspec.Struct):
    """The events of one process."""

    pid: int
    key: str
    how: str
    python: str
    events: list[Event]


def left_behind(folder: Path, *, without: str = "") -> list[list[Event]]:
    """Events that processes left in a folder, in the order the processes began.

    Args:
        folder: Where.
        without: How the names of files begin that are not wanted; empty: none.

    A torn last line is left out.
    """
    found: list[tuple[str, list[Event]]] = []
    for path in folder.glob(f"*{SEEN}"):
        if not without or not path.name.startswith(without):
            with contextlib.suppress(OSError):
                found.append((path.stem.rpartition("-")[2], list(lines_of(path.read_bytes()))))
    return [events for _, events in sorted(found, key=lambda one: one[0])]


def lines_of(data: bytes) -> Iterator[Event]:
    """Events in the content of such a file; what is none is left out."""
    for line in data.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, list) and event and isinstance(event[0], str):
            yield event


def process_of(events: list[Event]) -> Process:
    """The process that events are of, which its first one names."""
    first = events[0] if events and events[0][0] == "process" else ("process", "", 0, "", "")
    named = [str(event[1]) for event in events if event[0] == "name"]
    key = named[-1] if named else str(first[1])
    return Process(int(first[2]), key, str(first[3]), str(first[4]), events)


class Paths:
    """Paths as the record names them.

    Args:
        root: Top folder of the project.
        cells: Names of a notebook's cells, by what they are called as files.
    """

    def __init__(self, root: Path, cells: Mapping[str, str] | None = None) -> None:
        self.root = str(root)
        self._cells = cells or {}
        self._inside = self.root.rstrip(os.sep) + os.sep

    def full(self, path: str, folder: str) -> str:
        """An absolute path, without ``..``."""
        return os.path.normpath(os.path.join(folder or self.root, path))

    def short(self, path: str) -> str:
        """Relative to the top folder where it lies inside, else as it is."""
        return self._cells.get(path) or path.removeprefix(self._inside)

    def place(self, file: str, line: int) -> str:
        """``file:line`` of a place."""
        if not file:
            return ""
        full = file if file.startswith("<") or os.path.isabs(file) else os.path.abspath(file)
        return f"{self.short(full)}:{line}"


def fitting(value: Any) -> Any:
    """A value with integers that no record can hold, of more than 64 bits, as text."""
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return str(value)
    if isinstance(value, list):
        return [fitting(one) for one in value]
    if isinstance(value, dict):
        return {key: fitting(one) for key, one in value.items()}
    return value
