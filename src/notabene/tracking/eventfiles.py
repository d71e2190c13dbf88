"""Event files that grow: found by what processes say they open, or in folders."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notabene.capture.watch import current
from notabene.tfevents.folders import MARK, MOST_FOLDERS
from notabene.tracking.guard import quietly

if TYPE_CHECKING:
    from notabene.tfevents.frames import Records


class EventFiles:
    """The event files of a run.

    Args:
        folders: Folders to look into.
        seen: Folder in which the processes of ``notabene run`` leave which files they open.
    """

    def __init__(self, folders: Iterable[Path], seen: Path | None) -> None:
        self._folders = [Path(folder).absolute() for folder in folders]
        self._written_to: dict[str, None] = {}
        self._seen = seen
        self._open: dict[str, Any] = {}
        self._at: dict[str, int] = {}
        self._cwd: dict[str, str] = {}
        self._events = 0
        for path in self._listed():
            # What was there before the run is not its own.
            quietly(partial(self._add, path, None))

    def take_folder(self, folder: str) -> None:
        """A folder where a file is about to be made; what lies in it now is not the run's."""
        folder = os.path.abspath(folder)
        if folder not in self._written_to:
            for path in _marked(folder):
                quietly(partial(self._add, path, None))
            self._written_to[folder] = None

    def take_written(self, without: set[str]) -> None:
        """Files that this process opened, as the watch saw."""
        watch = current()
        if watch is None:
            return
        fresh, self._events = watch.events[self._events :], len(watch.events)
        for event in fresh:
            if event[0] == "write" and MARK in os.path.basename(str(event[1])):
                path = os.path.abspath(str(event[1]))
                if path not in without:
                    self._add(path, 0)

    def read(self, without: set[str]) -> Iterable[tuple[Path, Records]]:
        """What is new in the files."""
        for path in self._listed():
            self._add(path, 0)
        self._look_at_processes()
        for name, file in list(self._open.items()):
            if name in without:
                continue
            got: list[Records] = []
            quietly(partial(_read_into, got, file))
            yield from ((file.path, records) for records in got)

    def _add(self, path: str, position: int | None) -> None:
        """Follow a file from a position on, or from where it ends now."""
        from notabene.tfevents.frames import EventFile

        if path not in self._open:
            at = os.path.getsize(path) if position is None else position
            self._open[path] = EventFile(Path(path), at)

    def _listed(self) -> Iterable[str]:
        """Files that are there, the first that were made first: their names say when."""
        for folder in self._folders:
            found = [
                os.path.join(place, name)
                for place, _, names in islice(os.walk(folder), MOST_FOLDERS)
                for name in names
                if MARK in name
            ]
            yield from sorted(found, key=lambda path: (os.path.basename(path), path))
        for made in list(self._written_to):
            yield from _marked(made)

    def _look_at_processes(self) -> None:
        """New lines in what the processes of ``notabene run`` leave behind."""
        if self._seen is None:
            return
        names: list[str] = []
        quietly(lambda: names.extend(os.listdir(self._seen)))
        for name in names:
            text = self._fresh(os.path.join(self._seen, name))
            if name.endswith(".seen"):
                for line in text.splitlines():
                    if MARK.encode() not in line and not line.startswith(b'["folder"'):
                        continue
                    quietly(partial(self._said, name, line))
            elif MARK.encode() in text:
                for record in text.split(b"\0"):
                    path = os.fsdecode(record.split(b"\t", 2)[-1])
                    if record[:1] in (b"w", b"b") and MARK in os.path.basename(path):
                        self._add(os.path.normpath(path), 0)

    def _said(self, name: str, line: bytes) -> None:
        event = json.loads(line)
        if event[0] == "folder":
            self._cwd[name] = str(event[1])
        elif event[0] == "write" and MARK in os.path.basename(str(event[1])):
            path = os.path.join(self._cwd.get(name) or os.getcwd(), str(event[1]))
            self._add(os.path.normpath(path), 0)

    def _fresh(self, path: str) -> bytes:
        """Whole lines or records that are new in a file."""
        at = self._at.get(path, 0)
        try:
            with open(path, "rb") as file:
                file.seek(at)
                text = file.read()
        except OSError:
            return b""
        end = max(text.rfind(b"\n"), text.rfind(b"\0")) + 1
        self._at[path] = at + end
        return text[:end]


def _marked(folder: str) -> list[str]:
    """Event files that lie in a folder itself."""
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder) if MARK in name]
    except OSError:
        return []


def _read_into(got: list[Records], file: Any) -> None:
    got.extend(file.read())
