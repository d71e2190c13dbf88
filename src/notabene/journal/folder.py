"""Where things lie: the layout of a store folder (docs/reference/store-layout.md).

    store/
    ├── format                      version of all below, and the store's own id
    ├── runs/YYYY-MM/<run id>/      all that one run is; can be copied, removed, sent alone
    │   ├── <writer>.journal        one per process that logs; append-only
    │   ├── <writer>.ring, .ring.<n> its ring, where the store is on a local disk
    │   ├── <writer>.recovered      what a dead writer's ring held beyond its journal
    │   ├── <writer>.console.zst    the console
    │   └── sealed                  after the end: one compacted file
    ├── live/<run id>/<writer>      marker while a writer is at work; with ``.ended`` for a
    │                               while after it where readers would not look by themselves
    ├── desk/<host>-<pid>-<writer>.journal   edits by people
    ├── numbers/<project>/<n>       the newest numbers of runs, created exclusively
    ├── artifacts/<name>/v<N>       versions, created exclusively
    ├── repeats/<key>/<run id>      manifests for "already run?"
    ├── blobs/ab/cdef…              content by SHA-256
    └── trash/                      renamed here, kept 30 days

The index (SQLite) is never in here: it is a cache, one per user and store path.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from notabene._ids import host_name, new_id, now_us
from notabene.errors import FormatError, NotFoundError, UsageError
from notabene.model.canonical import digest_bytes

STORE_FORMAT = 1
FORMAT_FILE = "format"
JOURNAL = ".journal"
RECOVERED = ".recovered"
CONSOLE = ".console.zst"
SEALED = "sealed"
ENDED = ".ended"
ENDED_FOR = 3600
"""Seconds for which a marker tells of a writer that has ended."""


class StoreFolder:
    """A store folder. Opening one never writes into it unless it has to be made.

    Safe to use from any thread and process: every file has one writer, and what several may
    create is created exclusively or renamed into place.
    """

    def __init__(self, root: Path, store_id: str) -> None:
        self.root = root
        self.store_id = store_id

    @classmethod
    def open(cls, root: Path | str, *, create: bool = False) -> StoreFolder:
        """Open a store, or make it where ``create`` is set.

        Raises:
            UsageError: The path is a file, is no store, or cannot be written to.
            NotFoundError: There is nothing and ``create`` is not set.
            FormatError: A newer notabene made it, or its ``format`` file is damaged.
        """
        root = Path(root).expanduser().absolute()
        if os.path.exists(root) and not os.path.isdir(root):
            raise UsageError(
                f"the store {root} is a file; a store is a folder", hint="choose another path"
            )
        mark = root / FORMAT_FILE
        try:
            text = mark.read_bytes()
        except FileNotFoundError:
            if not create:
                raise NotFoundError(
                    f"there is no notabene store at {root}",
                    hint="log a run first, or name another with --store or NOTABENE_STORE",
                ) from None
            return cls._create(root)
        except OSError as error:
            raise UsageError(f"the store {root} cannot be read: {error.strerror}") from error
        return cls(root, _check_format(root, text))

    @classmethod
    def _create(cls, root: Path) -> StoreFolder:
        try:
            root.mkdir(parents=True, exist_ok=True)
            found = {p.name for p in root.iterdir() if not p.name.startswith(".format-")}
            # Its mark may have appeared meanwhile: somebody else is making the same store.
            if found and not found & {FORMAT_FILE, "runs", "live", "blobs"}:
                raise UsageError(
                    f"the folder {root} is not empty and is no notabene store",
                    hint="name an empty or a new folder",
                )
            text = msgspec.json.encode({"format": STORE_FORMAT, "id": new_id()})
            # Written aside and linked: several processes may make one store at once.
            draft = root / f".format-{new_id()}"
            draft.write_bytes(text)
            try:
                os.link(draft, root / FORMAT_FILE)
            except FileExistsError:
                pass
            except OSError:  # a file system without hard links
                with contextlib.suppress(FileExistsError), open(root / FORMAT_FILE, "xb") as file:
                    file.write(text)
            finally:
                draft.unlink(missing_ok=True)
            ignore = root / ".gitignore"
            with contextlib.suppress(OSError):  # a convenience: the store is whole without it
                if not ignore.exists():
                    ignore.write_text("*\n")
            return cls(root, _check_format(root, (root / FORMAT_FILE).read_bytes()))
        except OSError as error:
            raise UsageError(
                f"the store {root} cannot be made: {error.strerror}",
                hint="name a folder you may write to with store= or NOTABENE_STORE",
            ) from error

    # -- runs ------------------------------------------------------------------------------

    @property
    def runs(self) -> Path:
        """Folder of all runs."""
        return self.root / "runs"

    def new_run_dir(self, run_id: str, at_us: int) -> Path:
        """Make the folder of a new run; the month is that of its beginning, in UTC.

        Raises:
            FileExistsError: A run of this id exists, in whichever month.
        """
        found = self.find_run_dir(run_id)
        if found is not None:
            raise FileExistsError(str(found))
        month = time.strftime("%Y-%m", time.gmtime(at_us / 1e6))
        path = self.runs / month / run_id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
        return path

    def find_run_dir(self, run_id: str, *, trash: bool = False) -> Path | None:
        """Folder of a run, also in the trash where asked, or None."""
        for month in self.months():
            path = self.runs / month / run_id
            if path.is_dir():
                return path
        if trash:
            path = self.trash / "runs" / run_id
            if path.is_dir():
                return path
        return None

    def months(self) -> list[str]:
        """Names of the month folders, newest first."""
        try:
            return sorted((e.name for e in os.scandir(self.runs) if e.is_dir()), reverse=True)
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            raise FormatError(
                f"{self.runs} is a file, where the store has its runs", hint="move it away"
            ) from None

    def run_dirs(self) -> Iterator[Path]:
        """Folders of all runs, newest month first."""
        for month in self.months():
            for entry in os.scandir(self.runs / month):
                if entry.is_dir():
                    yield Path(entry.path)

    # -- liveness --------------------------------------------------------------------------

    @property
    def live(self) -> Path:
        """Markers of the runs that have a writer at work."""
        return self.root / "live"

    def mark_live(self, run_id: str, writer: str) -> None:
        """Say that a writer is at work on a run; never fails."""
        path = self.live / run_id
        for _ in range(3):
            with contextlib.suppress(OSError):
                path.mkdir(parents=True, exist_ok=True)
                (path / writer).touch()
                return

    def unmark_live(self, run_id: str, writer: str, *, tell: bool = False) -> None:
        """Say that a writer is done; never fails.

        Args:
            run_id: The run.
            writer: Who is done.
            tell: Leave word for a while. A run that was there before the writer is not new, so
                readers who did not look meanwhile would not see what it wrote.
        """
        path = self.live / run_id
        with contextlib.suppress(OSError):
            if tell:
                os.utime(path / writer)
                (path / writer).rename(path / f"{writer}{ENDED}")
            else:
                (path / writer).unlink(missing_ok=True)
                path.rmdir()

    def live_runs(self) -> dict[str, list[str]]:
        """Ids of the runs with markers, and the writers that set them."""
        return self.marked_runs()[0]

    def marked_runs(self) -> tuple[dict[str, list[str]], dict[str, int]]:
        """Runs with writers at work, and runs with writers that have ended: the newest end, ns."""
        live: dict[str, list[str]] = {}
        ended: dict[str, int] = {}
        for run, mark in self._marks():
            if not mark.name.endswith(ENDED):
                live.setdefault(run, []).append(mark.name)
                continue
            with contextlib.suppress(OSError):
                ended[run] = max(ended.get(run, 0), mark.stat().st_mtime_ns)
        return {run: sorted(writers) for run, writers in live.items()}, ended

    def clear_ended(self) -> None:
        """Remove markers of writers that ended long ago; never fails."""
        for run, mark in self._marks():
            with contextlib.suppress(OSError):
                if mark.name.endswith(ENDED) and mark.stat().st_mtime < now_us() / 1e6 - ENDED_FOR:
                    os.unlink(mark.path)
                    (self.live / run).rmdir()

    def _marks(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Markers by run; what is no folder of markers is passed over."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for entry in os.scandir(self.live):
                with contextlib.suppress(OSError):
                    yield from ((entry.name, mark) for mark in list(os.scandir(entry.path)))

    # -- the rest --------------------------------------------------------------------------

    @property
    def desk(self) -> Path:
        """Journals of edits by people."""
        return self.root / "desk"

    def desk_journal(self, writer: str) -> Path:
        """Path of a new desk journal for this process."""
        host = "".join(c if c.isalnum() or c == "-" else "-" for c in host_name())[:60]
        return self.desk / f"{host}-{os.getpid()}-{writer}{JOURNAL}"

    @property
    def blobs(self) -> Path:
        """Content by digest; ``NOTABENE_ARTIFACTS`` puts it elsewhere (see settings)."""
        return self.root / "blobs"

    @property
    def artifacts(self) -> Path:
        """Versions of artifacts."""
        return self.root / "artifacts"

    @property
    def repeats(self) -> Path:
        """Manifests for "already run?"."""
        return self.root / "repeats"

    @property
    def trash(self) -> Path:
        """What was deleted: ``trash/runs/<id>``, ``trash/sealed/...``, kept 30 days."""
        return self.root / "trash"


def artifact_folder(name: str) -> str:
    """Folder name for an artifact's name, which is data and may hold anything.

    Short plain names stay readable; all others get a readable beginning and a digest, so that
    no name is ever a path and two names never share a folder, on any file system.
    """
    plain = all(c in "abcdefghijklmnopqrstuvwxyz0123456789-_." for c in name)
    if plain and 0 < len(name) <= 60 and name[0] != "." and not name.endswith("."):
        return name
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())[:40]
    return f"{safe}~{digest_bytes(name.encode())[:16]}"


def _check_format(root: Path, text: bytes) -> str:
    try:
        data: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        version, store_id = int(data["format"]), str(data["id"])
    except (msgspec.DecodeError, KeyError, ValueError, TypeError) as error:
        raise FormatError(
            f"the file {root / FORMAT_FILE} is damaged",
            hint='write {"format": 1, "id": "anything"} into it',
        ) from error
    if version > STORE_FORMAT:
        raise FormatError(
            f"the store {root} has format {version}; this notabene reads up to {STORE_FORMAT}",
            hint="upgrade notabene",
        )
    return store_id
