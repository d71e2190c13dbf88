"""TensorBoard: folders of event files, whoever wrote them.

A folder that holds event files is a run. What writers put into folders of their own beside or
below it belongs to it: the session of ``add_hparams``, the lines of ``add_scalars``, ``train``
and ``validation`` of Keras, ``eval`` of estimators.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np

from notabene._ids import now_us
from notabene.errors import NotFoundError, UsageError
from notabene.importers._base import Found, Given, Item, run_id
from notabene.importers.tensorboard_read import Part, read_parts
from notabene.model.canonical import digest_json
from notabene.tfevents.folders import MARK, SIDES, line_of
from notabene.tfevents.frames import EventFile
from notabene.tfevents.proto import WireError
from notabene.tfevents.scan import Scanner, micros

QUIET = 600
"""Seconds without a write after which a run counts as ended."""
LOOK = 64 << 10
"""Bytes of a file that tell what kind of writer it has."""
DEPTH = 64
_NAMED = re.compile(r"tfevents\.(\d{9,11})\.([^/]*)")
GENERIC = frozenset(
    "runs run logs log tb tb_logs tblogs tensorboard lightning_logs events summaries logdir "
    "output outputs checkpoints".split()
)


class Folder(msgspec.Struct):
    """A folder with event files.

    Attributes:
        path: Where it is.
        files: Names of the event files, with size and time of change (ns), by name.
    """

    path: Path
    files: list[tuple[str, int, int]] = []


class TensorBoard:
    """Event files of TensorBoard below a folder, or one such file.

    Args:
        place: The folder or file.
        given: What the person who imports has said.
    """

    kind: ClassVar[str] = "tensorboard"

    def __init__(self, place: Path, given: Given) -> None:
        if place.is_file() and MARK not in place.name:
            raise UsageError(f"{place} is no event file: their names hold {MARK!r}")
        self.place, self.given = place, given
        self.notes: list[str] = []

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """An event file, or a folder with one somewhere below it."""
        if place.is_file():
            return MARK in place.name
        return next(iter(_folders(place, [], only_one=True)), None) is not None

    def find(self) -> Iterator[Found]:
        """One run per folder with event files, parts of others apart.

        Raises:
            NotFoundError: There are no event files.
        """
        troubles: list[str] = []
        if self.place.is_file():
            stat = self.place.stat()
            file = (self.place.name, stat.st_size, stat.st_mtime_ns)
            folders = {self.place.parent: Folder(self.place.parent, [file])}
        else:
            folders = {f.path: f for f in _folders(self.place, troubles)}
        self.notes += troubles[:20]
        if not folders:
            raise NotFoundError(f"there are no event files of TensorBoard below {self.place}")
        runs = _arranged(folders)
        root = self.place.parent if self.place.is_file() else self.place
        taken: set[str] = set()
        found = [self._found(root, path, parts, taken) for path, parts in runs.items()]
        if any(one.detail[1] for one in found):
            self.notes.append(
                "event files do not say how a run ended: what was not written to for "
                f"{QUIET // 60} minutes counts as finished"
            )
        yield from sorted(found, key=lambda one: (one.started, one.name))

    def read(self, found: Found) -> Iterator[Item]:
        """The events of all parts of the run."""
        parts, quiet = found.detail
        return read_parts(parts, quiet=quiet)

    def _found(self, root: Path, path: Path, parts: list[Part], taken: set[str]) -> Found:
        files = [(part, file) for part in parts for file in part.files]
        relative = path.relative_to(root).as_posix() if path != root else ""
        name = relative or path.resolve().name or "run"
        first = parts[0].files[0][0]
        seconds, host = _said(first)
        identity = f"{path.resolve().name}\n{first}"
        run = run_id(self.kind, identity, seconds * 1_000_000)
        if run in taken:  # a copy of a folder, gone on with: its name tells it from the first
            run = run_id(self.kind, f"{identity}\n{relative}", seconds * 1_000_000)
            self.notes.append(f"{name} begins with the same event file as another run")
        taken.add(run)
        newest = max(changed for _, (_, _, changed) in files)
        quiet = now_us() - newest // 1000 > QUIET * 1_000_000
        listed = [[part.prefix, *file] for part, file in files]
        return Found(
            kind=self.kind,
            where=str(path),
            run=run,
            name=name,
            project=self.given.project or self.given.default_project or _project(root, path),
            started=_first_time(parts) or seconds * 1_000_000,
            state=digest_json([listed, quiet])[:32],
            host=host,
            size=sum(size for _, (_, size, _) in files),
            detail=(parts, quiet),
        )


# -- listing -------------------------------------------------------------------------------


def _folders(root: Path, troubles: list[str], *, only_one: bool = False) -> Iterator[Folder]:
    """Folders with event files, each once however links lead to it; never fails."""
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[str, int]] = [(str(root), 0)]
    links: list[tuple[str, int]] = []
    while waiting or links:
        place, depth = waiting.pop() if waiting else links.pop()
        try:
            stat = os.stat(place)
            if (stat.st_dev, stat.st_ino) in seen:
                continue
            seen.add((stat.st_dev, stat.st_ino))
            entries = list(os.scandir(place))
        except OSError as error:
            troubles.append(f"{place} cannot be listed: {(error.strerror or '').lower()}")
            continue
        files = []
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if depth < DEPTH:
                        waiting.append((entry.path, depth + 1))
                elif entry.is_symlink() and entry.is_dir():
                    # Folders themselves first, then what else links lead to.
                    links.append((entry.path, depth + 1))
                elif MARK in entry.name and entry.is_file():
                    status = entry.stat()
                    files.append((entry.name, status.st_size, status.st_mtime_ns))
            except OSError as error:
                troubles.append(f"{entry.path} cannot be read: {(error.strerror or '').lower()}")
        if files:
            yield Folder(Path(place), sorted(files))
            if only_one:
                return


def _arranged(folders: dict[Path, Folder]) -> dict[Path, list[Part]]:
    """Runs by their folder, with all parts of each, the run's own first."""
    below: dict[Path, list[Folder]] = {}
    beside: dict[Path, list[Folder]] = {}
    for path, folder in sorted(folders.items()):
        owner = next((parent for parent in path.parents if parent in folders), None)
        if path.parent not in folders:
            beside.setdefault(path.parent, []).append(folder)
        if owner is not None:
            below.setdefault(owner, []).append(folder)
    belong: dict[Path, tuple[Path, str]] = {}
    for owner, children in below.items():
        for path, prefix in _written_by(owner, children).items():
            belong[path] = owner, prefix
    for parent, some in beside.items():
        children = [child for child in some if child.path not in belong]
        if len(children) > 1 and all(c.path.name.lower() in SIDES for c in children):
            belong |= {c.path: (parent, f"{c.path.name}/") for c in children}
    runs: dict[Path, list[Part]] = {}
    for path, folder in sorted(folders.items()):
        if path not in belong:
            runs.setdefault(path, []).insert(0, Part(path, folder.files))
            continue
        owner, prefix = belong[path]
        while owner in belong:  # a part of a part
            owner, more = belong[owner]
            prefix = more + prefix
        runs.setdefault(owner, []).append(Part(path, folder.files, prefix))
    return runs


def _written_by(owner: Path, children: list[Folder]) -> dict[Path, str]:
    """Of the folders below a run's: those that its writers made, and what their keys begin with.

    A prefix that ends in ``=`` stands for the whole name of the only key.
    """
    out: dict[Path, str] = {}
    sessions = []
    for child in children:
        direct = child.path.parent == owner
        if direct and child.path.name.lower() in SIDES:
            out[child.path] = f"{child.path.name}/"
            continue
        session, tags = _beginning(child)
        if session and direct:
            sessions.append(child)
        elif len(tags) == 1:
            tag = next(iter(tags))
            if line := line_of(child.path.relative_to(owner).as_posix(), tag):
                out[child.path] = f"{tag}/{line}="
    # Several sessions below one writer are trials, each a run.
    if len(sessions) == 1:
        out[sessions[0].path] = ""
    return out


def _beginning(folder: Folder) -> tuple[bool, set[str]]:
    """Whether a session of hparams begins here, and the tags at the beginning."""
    tags: set[str] = set()
    for name, _, _ in folder.files[:8]:
        scanner = Scanner()
        try:
            with open(folder.path / name, "rb") as file:
                if b"_hparams_/session_start_info" in file.read(LOOK):
                    return True, tags
            for records in EventFile(folder.path / name, most=LOOK).read():
                scalars, events = scanner.scan(records)
                tags.update(scalars)
                tags.update(value.tag for _, event in events for value in event.values)
                break
        except (OSError, WireError):
            continue
    return False, tags


def _said(name: str) -> tuple[int, str]:
    """Seconds and host that the name of an event file says."""
    match = _NAMED.search(name)
    if match is None:
        return 0, ""
    # <host>.<pid>.<count> behind the time; the host's name may hold dots.
    words = match[2].removesuffix(".v2").split(".")
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    return int(match[1]), ".".join(words)[:250]


def _first_time(parts: list[Part]) -> int:
    """Time of the first event, µs; 0 where none can be read."""
    times = []
    for part in parts:
        for name, size, _ in part.files[:1]:
            if size < 21:
                continue
            try:
                with open(part.path / name, "rb") as file:
                    head = file.read(21)
            except OSError:
                continue
            if head[12] == 9:
                wall = np.array(struct.unpack_from("<d", head, 13))
                times.append(int(micros(wall)[0]))
    return min((time for time in times if time > 0), default=0)


def _project(root: Path, run: Path) -> str:
    """The nearest folder at or above the root whose name says something."""
    place = root.resolve()
    if run == root:
        place = place.parent
    for folder in (place, *place.parents):
        if folder.name and folder.name.lower() not in GENERIC and not folder.name.startswith("."):
            return folder.name
    return "imported"
