"""The one watch of a process: it collects events, and hands them on."""

from __future__ import annotations

import atexit
import os
import sys
from _thread import RLock
from time import monotonic, time_ns  # the module's own will be wrappers

from notabene.capture.watch.spill import Spill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

    from notabene.capture.watch.replay import Replay

    Event = tuple[Any, ...]

WATCH = "NOTABENE_WATCH"
"""Names the folder in which child processes leave what they saw."""
_TEMPORARY = "/tmp"  # noqa: S108  # a folder of our own is made in it, for us alone
FULL = 200_000
"""Events kept in all; what comes after is counted."""
AT_ONCE = 256
LOOK = 8
BATCH = 64
AFTER = 0.1
"""A child process writes its first events one by one, since it may be killed at any moment, and
those that follow in batches, or when the last were written so many seconds ago, which is looked
at each time some have come; its end writes the rest."""

NEAR = 256
"""Up to so many bytes of code, to count the lines takes less time than an audit event."""

KEPT_FILE = 8 << 20
KEPT = 64 << 20
"""Bytes of one file, and of all, that are kept before the program writes over what it read."""
_REGULAR = 0o100000


class Unwatched:
    """What is told of files, where nobody listens."""

    def ignore(self, prefix: str) -> None:
        """Do not report files below a folder."""

    def forget(self) -> None:
        """In a forked child: what the parent read is read anew here."""

    def ready(self, path: object, frame: FrameType | None) -> None:
        """A native reader was given a path."""

    def opened_natively(self, path: object, frame: FrameType | None) -> None:
        """A native writer was given a path."""

    def given(self, path: str, where: tuple[str, int], mtime: int) -> None:
        """A file was named to a program that is about to be started."""

    def sift(self, names: list[Any], folder: str) -> None:
        """Leave out what is no data, of names that were taken as they came."""


class Untaken:
    """The standard input, where somebody types, or there is none.

    Attributes:
        whole: Whether its end was seen.
        secret: A password was asked for, which comes this way where there is no terminal.
    """

    whole = False
    secret = False

    def digest(self) -> str:
        """Of what was read so far; empty for nothing."""
        return ""


LINES = 4
"""From so many lines at once many files may come, each of which is one event for all of them."""


class Flood:
    """An event of files that were read from one line of the user's, from which more may come.

    Data sets are many files. That they are opened from the same line is seen by the frame if it is
    that of the main program, whose locals live on anyway while it is held here; in the first lines
    of a function of a file, where lines are counted fast, by the module and the line; elsewhere by
    the code, and a look at that raises an audit event.

    Attributes:
        names: Of the files.
        flags: With which they are opened.
        folder: In which the first lies; nothing in it is noise.
        at: Where in its code the line is.
        frame: The main program's, if the line is there.
        module, line: Where the function is that the line is in.
        code: What the line is in, where it is neither.
        until: When that ends, as :func:`time.monotonic` tells; 0: it is over.
    """

    __slots__ = ("at", "code", "flags", "folder", "frame", "line", "module", "names", "until")

    def __init__(
        self, names: list[str], flags: int, folder: str, frame: FrameType, line: int
    ) -> None:
        code, module = frame.f_code, frame.f_globals
        main = code.co_name == "<module>" and module.get("__name__") == "__main__"
        at = frame.f_lasti
        # Cells of a notebook are one module, and their lines are counted anew in each.
        near = at < NEAR and code.co_filename == module.get("__file__")
        self.frame = frame if main else None
        self.module: dict[str, Any] | None = module if near and not main else None
        self.code: CodeType | None = None if near or main else code
        self.at, self.line, self.until = at, line, monotonic() + AFTER
        self.names, self.flags, self.folder = names, flags, folder


class Watch:
    """Events of this process in the order they came.

    Attributes:
        events: See the package's docstring.
        floods: Many files that one line opens one after the other are one event.
        libraries: Files of the modules through which lines have opened files so far.
        lost: Events that came after the first 200,000.
        key: Which process this is: empty for the first, then ``f1``, ``f1.f2`` for forked ones,
            ``mp:1`` for those of multiprocessing: equal when the program is run again.
        on: Whether anything is observed now.
        files: Takes what is told of files.
        drawing: Whether a generator draws entropy now, which it tells of itself.
        handlers: What is called for an audit event.
        preserved: Content of files as it was before the program wrote over them, by path.
        taken: What is known of the standard input.
        sheltered: The folder of :meth:`shelter`, or empty.
    """

    def __init__(self, how: str = "main") -> None:
        self.events: list[Event] = []
        self.floods: list[Flood] = []
        self.libraries: set[object] = set()
        self.lost = 0
        self.key = ""
        self.how = how
        self.on = False
        self.replay: Replay | None = None
        self.taken = Untaken()
        self.preserved: dict[str, bytes] = {}
        self.files: Unwatched = Unwatched()
        self.handlers: dict[str, Callable[[tuple[Any, ...]], None]] = {}
        self.after_fork: list[Callable[[], None]] = []
        self.when_named: list[Callable[[], None]] = []
        self.drawing = False
        self.began = monotonic()
        self.pid = os.getpid()
        self._kept = 0
        self._spill = Spill()
        self.sheltered = ""
        self._written = 0
        self._batch = False
        self._due = FULL + 1
        self._more = 0
        self._tail: tuple[Event, int] | None = None
        self._ends: list[Callable[[], None]] = []
        self._said: set[str] = set()
        self._named = ""
        self._lock = RLock()

    # -- collecting ------------------------------------------------------------------------

    def add(self, *event: object) -> None:
        """Take an event."""
        self.take(event)

    def take(self, event: Event) -> None:
        """Take an event, given as a tuple."""
        if self.floods:
            self.end_floods()
        self._append(event)

    def _append(self, event: Event) -> None:
        self.events.append(event)
        if len(self.events) >= self._due:
            self._reached()

    def take_read(
        self, names: list[str], where: tuple[str, int], flood: Flood | None = None
    ) -> None:
        """A file is read.

        Args:
            names: It alone.
            where: The line.
            flood: Of the same names, where more may come.
        """
        # The first events of a child are written one by one.
        if flood is not None and not (self._batch and len(self.events) < AT_ONCE):
            self._begin(flood)
        # The flood is there first: who takes events and then ends the floods has all their names,
        # whichever thread comes in between.
        self._append(("read", names, where[0], where[1], self.ms()))

    def _begin(self, flood: Flood) -> None:
        """More files may come from its line; that of others whose time is over ends."""
        now = monotonic()
        for old in [old for old in self.floods if old.until <= now]:
            self._end(old)
        if len(self.floods) >= LINES:
            self._end(self.floods[0])
        self.floods.append(flood)

    def end_floods(self) -> None:
        """The next file is another event; those of the last ones count as many."""
        for flood in list(self.floods):
            self._end(flood)

    def _end(self, flood: Flood) -> None:
        flood.until = 0.0  # before all else, for other threads
        try:
            self.floods.remove(flood)
        except ValueError:  # another thread was faster
            return
        self.files.sift(flood.names, flood.folder)
        self._more += len(flood.names) - 1
        self._due = min(self._due, FULL - self._more + 1)

    def _reached(self) -> None:
        """As many events as were waited for: write them, or let go of the last one."""
        count, most = len(self.events), FULL - self._more
        if count > most:
            self.lost += count - max(most, 0)
            del self.events[max(most, 0) :]
            self.end_floods()
        elif self._batch:
            # The clock is asked now and then.
            behind = count - self._written
            if count <= AT_ONCE or behind >= BATCH or self._spill.idle() > AFTER:
                self.flush()
        self._wait()

    def _wait(self) -> None:
        """Say at which count of events there is something to do again."""
        count = len(self.events)
        step = FULL if not self._batch else 1 if count < AT_ONCE else LOOK
        self._due = min(count + step, FULL - self._more + 1)

    def ms(self) -> int:
        """Milliseconds since the watch began."""
        return int((monotonic() - self.began) * 1000)

    def at_end(self, call: Callable[[], None]) -> None:
        """Have something called when the process ends, for the last events."""
        self._ends.append(call)

    def process_key(self) -> str:
        """The key; of a spawned worker its place in multiprocessing's tree, once it has one."""
        return self._named or self.key

    def name(self, key: str) -> None:
        """A worker of multiprocessing learns its place among the others."""
        if key and key != self._named:
            self._named = key
            self.add("name", key)
            for call in self.when_named:
                quietly(call)

    def preserve(self, path: str) -> None:
        """Keep a file's content as it is now, once; too large ones are let go."""
        if path in self.preserved:
            return
        found = os.stat(path)
        size = found.st_size
        if found.st_mode & 0o170000 != _REGULAR or size > KEPT_FILE or self._kept + size > KEPT:
            return
        with open(path, "rb") as file:
            self.preserved[path] = file.read(KEPT_FILE)
        self._kept += size
        if self.how != "main" and self.folder:
            name = self.beside(self.preserved[path])
            if name:
                self.add("kept", path, name)

    def beside(self, content: bytes) -> str:
        """Leave bytes in a file of their own beside the events, and say its name."""
        return self._spill.beside(content)

    # -- handing on ------------------------------------------------------------------------

    def spill(self, folder: str, batch: bool = True) -> None:
        """Write events to a file of this process in a folder.

        Args:
            folder: It exists.
            batch: Write by itself each time some have come; else at :meth:`flush` alone.
        """
        with self._lock:
            self.files.ignore(os.path.dirname(folder))
            self._batch = batch
            self._written = 0
            self._spill.begin(folder)
            self._wait()

    def release(self, folder: str = "") -> None:
        """Write no more to the file of :meth:`spill`; go on in another folder, if one is named."""
        with self._lock:
            self._spill.stop()
            self._batch = False
            self._wait()
        if folder and os.path.isdir(folder):
            self.spill(folder, batch=False)

    def shelter(self) -> None:
        """Have children leave their events in a folder of their own, where no run is there yet."""
        if self.folder or not self.on or self.how != "main":
            return
        top = os.path.join(os.environ.get("TMPDIR") or _TEMPORARY, f"notabene-{time_ns()}")
        os.mkdir(top, 0o700)
        self.sheltered = os.path.join(top, "seen")
        os.mkdir(self.sheltered)
        self.spill(self.sheltered, batch=False)
        os.environ[WATCH] = self.sheltered
        atexit.register(quietly, self.leave_shelter)

    def leave_shelter(self) -> None:
        """Remove it, at the end of the process that made it."""
        if self.sheltered and self.pid == os.getpid():
            folder, self.sheltered = self.sheltered, ""
            self._spill.stop()
            for name in os.listdir(folder):
                os.remove(os.path.join(folder, name))
            os.rmdir(folder)
            os.rmdir(os.path.dirname(folder))

    @property
    def folder(self) -> str:
        """Where events are written, or empty."""
        return self._spill.folder

    @property
    def file(self) -> str:
        """Name of the file that events are written to, or empty."""
        return self._spill.file

    def flush(self) -> None:
        """Write what is new; a line of JSON per event. Never raises."""
        with self._lock:
            fresh, self._written = self.events[self._written :], len(self.events)
            self.end_floods()
            if self._tail is not None:
                # Another thread may just have been adding to the last event.
                (kind, names, *rest), known = self._tail
                if len(names) > known:
                    fresh.insert(0, (kind, names[known:], *rest))
                self._tail = None
            if fresh:
                last = fresh[-1]
                self._tail = (last, len(last[1])) if last[0] == "read" else None
                quietly(self._spill.write, fresh)

    def last_words(self) -> None:
        """Have all that is only known at the end said now; what was said before is not again."""
        mark, batch = len(self.events), self._batch
        self._batch = False
        self._wait()
        for call in list(self._ends):
            quietly(call)
        fresh = self.events[mark:]
        self.events[mark:] = [event for event in fresh if repr(event) not in self._said]
        self._batch = batch
        self._wait()
        self._said.update(map(repr, fresh))

    def end(self) -> None:
        """The last events of this process, written."""
        if not self.on:
            return
        self.last_words()
        if self.lost:
            self.events.append(("lost", self.lost))
            self.lost = 0
        self.flush()

    # -- processes -------------------------------------------------------------------------

    def forked(self, number: int) -> None:
        """In a forked child: its own events, in a file of its own."""
        self._lock = RLock()
        self.key = f"{self.process_key()}.f{number}".lstrip(".")
        self._named = ""
        self.events = []
        self.sheltered = ""
        self.floods.clear()
        self._tail = None
        self.lost = self._written = self._kept = self._more = 0
        self.preserved = {}
        self.pid = os.getpid()
        self.how = "fork"
        self._said = set()
        self.drawing = False
        folder = self.folder
        self._spill.stop()
        self._batch = bool(folder)
        if folder:
            self._spill.begin(folder)
        self._wait()
        self.introduce()

    def introduce(self) -> None:
        """Say which process this is."""
        version = "{}.{}.{}".format(*sys.version_info[:3])
        self.add("process", self.key, self.pid, self.how, version)
        self.add("folder", folder())


class _One:
    """The watch of this process."""

    watch: Watch | None = None


stat_of, _lstat = os.stat, os.lstat
"""Before they are wrapped: what we look for is no business of the program's."""


def is_there(path: str) -> bool:
    """Whether there is something at a path."""
    try:
        _lstat(path)
    except (OSError, ValueError):
        return False
    return True


def folder() -> str:
    """The working folder; empty where it was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def quietly(call: Callable[..., Any], *args: object) -> Any:
    """Call something for us in the user's process: whatever it raises is ours to swallow."""
    try:
        return call(*args)
    except Exception:
        return None


def current() -> Watch | None:
    """The watch of this process, or None where nothing is watched."""
    return _One.watch


def make(how: str) -> Watch:
    """The watch of this process, made."""
    watch = _One.watch = Watch(how)
    return watch
