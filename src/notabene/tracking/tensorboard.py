"""The TensorBoard tap: what a program writes for TensorBoard arrives in its run as well.

    SummaryWriter ─► add_event ─► its own file                       the program, unchanged
                         └──────► Tap.heard ─► the tap's own journal  (classes we know, wrapped)
    any writer ────► event file ─► followed as it grows ─► the same   (all others)

An event is taken from one of the two: files of wrapped writers are not followed. What the
program logs under the same name itself is its own business, and left out here. Nothing is done
in the program's own calls but to note the event's bytes; decoding is the writer's thread's.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notabene._ids import boot_id, host_name, new_writer_id, now_us, process_start
from notabene._version import __version__
from notabene.journal.file import JournalFile
from notabene.journal.folder import JOURNAL
from notabene.journal.reader import JournalReader
from notabene.journal.segment import Header
from notabene.model.records import (
    ConfigChanged,
    KeysDefined,
    ValueLogged,
    WriterFinished,
    WriterStarted,
)
from notabene.model.refs import join_path
from notabene.tfevents.folders import SIDES, is_moment, line_of
from notabene.tracking.eventfiles import EventFiles
from notabene.tracking.guard import quietly
from notabene.tracking.keys import metric_name
from notabene.tracking.summaries import listeners, wrap_writers

if TYPE_CHECKING:
    from notabene.journal.columns import ColumnWriter
    from notabene.tfevents.frames import Records
    from notabene.tfevents.proto import Event
    from notabene.tfevents.scan import Scanner
    from notabene.tracking.run import Run

HOLD = 3.0
"""Seconds for which a new name waits, to see whether the program logs it itself."""
EVERY = 1.0
"""Seconds between looks at files."""
MOST = 256 << 20
"""Bytes of events that wait at most: what is beyond is counted, and lies in the event file."""


class Tap:
    """Takes over what is written for TensorBoard while a run goes on.

    Threads: :meth:`heard` from any; the rest from one at a time. Forks: the child's writers are
    not listened to.

    Args:
        run: It lies in a folder.
        wrap: Listen to the writers of this process, and follow other files it writes.
        folders: Folders to follow, whoever writes there.
        seen: Folder in which the processes of ``notabene run`` leave which files they open.
        replaces: Writers whose later points the tap's hide, where the run is resumed.
    """

    def __init__(
        self,
        run: Run,
        *,
        wrap: bool = False,
        folders: Iterable[Path] = (),
        seen: Path | None = None,
        replaces: tuple[str, ...] = (),
    ) -> None:
        self._run, self._replaces = run, replaces
        self._wrap = wrap
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._heard: deque[tuple[str, bytes]] = deque()
        self._waiting = self._late = 0
        """Bytes that were heard of and not yet decoded; events for which there was no room."""
        self._keys = Keys()
        self._scanners: dict[str, Scanner] = {}
        self._files = EventFiles(folders, seen)
        self._known_files: set[str] = set()
        """Files of wrapped writers."""
        self._journal: _Journal | None = None
        self._held: dict[str, tuple[float, list[Any]]] = {}
        """Names that wait: since when, and their points."""
        self._released: set[str] = set()
        self._own = _OwnKeys(run, replaces)
        self._next_look = 0.0
        self._events = 0
        self._twice: set[str] = set()

    @property
    def points(self) -> int:
        """Points that were taken over so far."""
        return 0 if self._journal is None else self._journal.columns.points

    def start(self) -> None:
        """Begin to listen."""
        if self._wrap:
            wrap_writers()
            listeners.append(self)

    def heard(self, writer: Any, event: Any) -> None:
        """A wrapped writer was given an event."""
        if os.getpid() != self._pid:
            return
        folder = str(writer.get_logdir())
        inner = getattr(writer, "_ev_writer", writer)
        file = getattr(inner, "_file_name", "")
        if file:
            self._known_files.add(os.path.abspath(file))
        payload = event.SerializeToString()
        if self._waiting + len(payload) > MOST:
            self._late += 1
            return
        self._waiting += len(payload)
        self._heard.append((folder, payload))

    def written_to(self, folder: str) -> None:
        """A writer in C++ was made: its file is followed."""
        if os.getpid() == self._pid:
            self._files.take_folder(folder)

    def tick(self) -> None:
        """Take over what came since the last time."""
        with self._lock:
            self._drain()
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + EVERY
                self._follow()
                self._release(now)
                self._flush()

    def stop(self) -> None:
        """Take over what is left, and end."""
        if self in listeners:
            listeners.remove(self)
        writer = self._run.writer
        if writer is not None:
            writer.flush(1.0)  # what the program logged itself is seen in the journal
        with self._lock:
            self._drain()
            self._follow()
            self._release(float("inf"))
            self._flush()
            if self._journal is not None:
                self._journal.close()
        if self._late:
            self._run.report_health(
                "tensorboard-late",
                "events for TensorBoard came faster than they could be taken over: they lie in "
                "the event file, and `notabene import` brings them",
                self._late,
            )
        if self._twice:
            some = ", ".join(sorted(self._twice)[:5])
            self._run.report_health(
                "tensorboard-twice",
                f"the program logs {some} itself: what it gave TensorBoard of that is left out",
                len(self._twice),
            )

    # -- what comes ------------------------------------------------------------------------

    def _drain(self) -> None:
        if not self._heard:
            return
        payloads: dict[str, list[bytes]] = {}
        while self._heard:
            folder, payload = self._heard.popleft()
            self._waiting -= len(payload)
            payloads.setdefault(folder, []).append(payload)
        for folder, parts in payloads.items():
            self._take(folder, _records(parts))

    def _follow(self) -> None:
        if self._wrap:
            self._files.take_written(self._known_files)
        for path, records in self._files.read(self._known_files):
            self._take(str(path.parent), records)

    def _take(self, folder: str, records: Records) -> None:
        from notabene.tfevents.scan import Scanner

        scanner = self._scanners.setdefault(folder, Scanner())
        scalars, events = scanner.scan(records)
        for tag, points in scalars.items():
            self._points(folder, tag, points.steps, points.times, points.values)
        for _, event in events:
            quietly(partial(self._event, folder, records.data, event, scanner))

    def _event(self, folder: str, data: bytes, event: Event, scanner: Scanner) -> None:
        import numpy as np

        from notabene.tfevents.scan import micros
        from notabene.tfevents.values import hparams_of, value_of

        at = int(micros(np.array([event.wall]))[0]) or now_us()
        for value in event.values:
            plugin = scanner.plugins.get(value.tag, value.plugin)
            if plugin == "hparams":
                self._config(at, *hparams_of(value.content))
                continue
            found = value_of(data, value, plugin)
            if isinstance(found, float):
                steps, times = np.array([event.step]), np.array([at])
                self._points(folder, value.tag, steps, times, np.array([found]))
            elif not isinstance(found, str):
                self._run.keep_blobs(found.blobs)
                key = self._name(folder, value.tag)
                record = ValueLogged(key=key, step=event.step, kind=found.kind, value=found.value)
                self._writing().record(at, record)

    def _config(self, at: int, what: str, said: dict[str, Any]) -> None:
        if what != "start":
            return
        have = self._run.config
        new = {join_path((k,)): v for k, v in said["params"].items() if k not in have}
        if new:
            self._writing().record(at, ConfigChanged(set=new))

    def _name(self, folder: str, tag: str) -> str:
        return metric_name(self._keys.name(folder, tag), lambda *_: None)

    # -- names that the program logs itself --------------------------------------------------

    def _points(self, folder: str, tag: str, steps: Any, times: Any, values: Any) -> None:
        key = self._name(folder, tag)
        if key in self._released and key not in self._own.keys:
            self._writing().column(key, steps, times, values)
        else:
            _, parts = self._held.setdefault(key, (time.monotonic(), []))
            parts.append((steps, times, values))

    def _release(self, now: float) -> None:
        self._own.look("" if self._journal is None else self._journal.name)
        for key in [key for key, (since, _) in self._held.items() if now - since >= HOLD]:
            _, parts = self._held.pop(key)
            if key in self._own.keys:
                self._twice.add(key)
                continue
            self._released.add(key)
            for part in parts:
                self._writing().column(key, *part)

    # -- the journal -------------------------------------------------------------------------

    def _writing(self) -> ColumnWriter:
        if self._journal is None:
            self._journal = _Journal(self._run, self._replaces)
        return self._journal.columns

    def _flush(self) -> None:
        if self._journal is not None:
            self._journal.columns.flush()


def _records(payloads: list[bytes]) -> Records:
    """Events that were heard of, as if they had been read from a file."""
    from notabene.tfevents.frames import Records

    ends = list(accumulate(map(len, payloads)))
    return Records(b"".join(payloads), [0, *ends[:-1]], ends, 0, ends[-1])


class Keys:
    """Names for the tags of several folders in one run.

    The first folder's tags keep their names. Those of others bear the folder's name, but for
    what ``add_hparams`` and ``add_scalars`` put into folders of their own.
    """

    def __init__(self) -> None:
        self._main = ""
        self._prefix: dict[str, str] = {}

    def name(self, folder: str, tag: str) -> str:
        """The name of a tag."""
        folder = os.path.abspath(folder)
        base = os.path.basename(folder)
        if base.lower() in SIDES:
            return f"{base}/{tag}"
        self._main = self._main or folder
        if folder == self._main:
            return tag
        if folder.startswith(self._main + os.sep):
            if is_moment(base):
                return tag
            below = os.path.relpath(folder, self._main).replace(os.sep, "/")
            if line := line_of(below, tag):
                return f"{tag}/{line}"
        return f"{base}/{tag}"


class _Journal:
    """The tap's own writer of the run: its points have times already."""

    def __init__(self, run: Run, replaces: tuple[str, ...]) -> None:
        from notabene.journal.columns import ColumnWriter

        assert run.path is not None
        assert run.folder is not None
        self._run = run
        self.writer = new_writer_id()
        self.name = f"{self.writer}{JOURNAL}"
        pid = os.getpid()
        header = Header(
            file_id=b"",
            kind="run",
            writers=(self.writer,),
            ranks=(run.rank,),
            run=run.id,
            host=host_name(),
            boot=boot_id(),
            pid=pid,
            pid_start=process_start(pid),
            version=__version__,
        )
        self._file = JournalFile(run.path / self.name, header, [run.path])
        self.columns = ColumnWriter(self._file.append)
        run.folder.mark_live(run.id, self.writer)
        started = WriterStarted(
            host=host_name(),
            pid=pid,
            pid_start=process_start(pid),
            user=run.user,
            rank=run.rank,
            role="worker",
            replaces=replaces,
            version=__version__,
        )
        self.columns.record(now_us(), started)

    def close(self) -> None:
        """The last word."""
        assert self._run.folder is not None
        self.columns.record(now_us(), WriterFinished())
        self.columns.flush()
        quietly(self._file.sync)
        self._file.close()
        self._run.folder.unmark_live(self._run.id, self.writer, tell=True)


class _OwnKeys:
    """Names that the program logs to the run by itself, in whichever process."""

    def __init__(self, run: Run, without: tuple[str, ...]) -> None:
        assert run.path is not None
        self._folder, self._rank = run.path, run.rank
        self._without = {f"{writer}{JOURNAL}" for writer in without}
        """Journals of before the run was resumed."""
        self._readers: dict[str, JournalReader] = {}
        self.keys: set[str] = set()

    def look(self, without: str) -> None:
        """Read what is new in the journals of our rank, but for one."""
        for entry in os.scandir(self._folder):
            if not entry.name.endswith(JOURNAL) or entry.name in (without, *self._without):
                continue
            reader = self._readers.setdefault(entry.name, JournalReader(Path(entry.path)))
            if entry.stat().st_size <= reader.position:
                continue
            batches = reader.all()
            if reader.header is not None and self._rank not in reader.header.ranks:
                continue
            for batch in batches:
                for found in batch.entries:
                    if isinstance(found.record, KeysDefined):
                        self.keys.update(found.record.keys)
