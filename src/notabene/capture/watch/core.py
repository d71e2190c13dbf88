"""The one watch of a process: it collects events, and hands them on."""

from __future__ import annotations

import os
import sys
import threading
import time

FULL = 200_000
"""Events kept in all; what comes after is counted."""
AT_ONCE = 256
BATCH = 64
"""A child process writes its first events one by one, since it may be killed at any moment, and
those that follow in batches; its end writes the rest."""

KEPT_FILE = 8 << 20
KEPT = 64 << 20
"""Bytes of one file, and of all, that are kept before the program writes over what it read."""

_watch = None


class Watch:
    """Events of this process in the order they came.

    Attributes:
        events: See the package's docstring.
        lost: Events that came after the first 200,000.
        key: Which process this is: empty for the first, then ``f1``, ``f1.f2`` for forked ones,
            ``mp:1`` for those of multiprocessing: equal when the program is run again.
        on: Whether anything is observed now.
    """

    def __init__(self, how="main"):
        self.events = []
        self.lost = 0
        self.key = ""
        self.how = how
        self.on = False
        self.replay = None
        self.preserved = {}
        self._preserved = 0
        self.after_fork = []
        self.drawing = False
        self.began = time.monotonic()
        self.pid = os.getpid()
        self._fd = -1
        self._file = self._folder = ""
        self._written = 0
        self._batch = False
        self._ends = []
        self._said = set()
        self._lock = threading.RLock()

    # -- collecting ------------------------------------------------------------------------

    def add(self, *event):
        """Take an event."""
        if len(self.events) >= FULL:
            self.lost += 1
            return
        self.events.append(event)
        if self._batch:
            count = len(self.events)
            if count - self._written >= (1 if count <= AT_ONCE else BATCH):
                self.flush()

    def ms(self):
        """Milliseconds since the watch began."""
        return int((time.monotonic() - self.began) * 1000)

    def at_end(self, call):
        """Have something called when the process ends, for the last events."""
        self._ends.append(call)

    def process_key(self):
        """The key; of a spawned worker its place in multiprocessing's tree, once it has one."""
        module = sys.modules.get("multiprocessing.process")
        if module is not None and self.how == "spawn":
            identity = getattr(module.current_process(), "_identity", ())
            if identity:
                return "mp:" + ".".join(map(str, identity))
        return self.key

    def preserve(self, path):
        """Keep a file's content as it is now, once; too large ones are let go."""
        size = os.stat(path).st_size
        if path in self.preserved or size > KEPT_FILE or self._preserved + size > KEPT:
            return
        with open(path, "rb") as file:
            self.preserved[path] = file.read()
        self._preserved += size
        if self.how != "main" and self._folder:
            name = f"{os.getpid()}-{time.time_ns()}.kept"
            with open(os.path.join(self._folder, name), "wb") as file:
                file.write(self.preserved[path])
            self.add("kept", path, name)

    # -- handing on ------------------------------------------------------------------------

    def spill(self, folder, batch=True):
        """Write events to a file of this process in a folder.

        Args:
            folder: It exists.
            batch: Write by itself each time some have come; else at :meth:`flush` alone.
        """
        with self._lock:
            self.files.ignore(os.path.dirname(folder))
            self._folder = folder
            self._batch = batch
            self._written = 0
            self._open()

    def release(self, folder=""):
        """Write no more to the file of :meth:`spill`; go on in another folder, where one is named."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd, self._folder, self._batch = -1, "", False
        if folder and os.path.isdir(folder):
            self.spill(folder, batch=False)

    @property
    def folder(self):
        """Where events are written, or empty."""
        return self._folder

    @property
    def file(self):
        """Name of the file that events are written to, or empty."""
        return self._file if self._fd >= 0 else ""

    def _open(self):
        if not self._folder:
            return
        self._file = f"{os.getpid()}-{time.time_ns()}.seen"
        path = os.path.join(self._folder, self._file)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._fd = os.open(path, flags, 0o600)
        except OSError:
            self._fd = -1

    def flush(self):
        """Write what is new; a line of JSON per event. Never raises."""
        with self._lock:
            fresh, self._written = self.events[self._written :], len(self.events)
            if self._fd < 0 or not fresh:
                return
            import json  # late: it takes longer than all the rest of the start

            text = "".join(_line(json, event) for event in fresh)
            data = memoryview(text.encode("utf-8", "surrogateescape"))
            try:
                while data:
                    data = data[os.write(self._fd, data) :]
            except OSError:
                self._fd = -1

    def last_words(self):
        """Have all that is only known at the end said now; what was said before is not again."""
        mark, batch = len(self.events), self._batch
        self._batch = False
        for call in list(self._ends):
            quietly(call)
        self._batch = batch
        fresh = self.events[mark:]
        self.events[mark:] = [event for event in fresh if repr(event) not in self._said]
        self._said.update(map(repr, fresh))

    def end(self):
        """The last events of this process, written."""
        self.last_words()
        if self.how == "spawn":
            self.add("name", self.process_key())
        if self.lost:
            self.events.append(("lost", self.lost))
        self.flush()

    # -- processes -------------------------------------------------------------------------

    def forked(self, number):
        """In a forked child: its own events, in a file of its own."""
        self._lock = threading.RLock()
        self.key = f"{self.key}.f{number}".lstrip(".")
        self.events = []
        self.lost = self._written = 0
        self.preserved = {}
        self.pid = os.getpid()
        self.how = "fork"
        self._batch = bool(self._folder)
        self._said = set()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._open()
        self.introduce()

    def introduce(self):
        """Say which process this is."""
        version = "{}.{}.{}".format(*sys.version_info[:3])
        self.add("process", self.key, self.pid, self.how, version)
        self.add("folder", folder())


def folder():
    """The working folder; empty where it was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _line(json, event):
    try:
        return json.dumps(event, ensure_ascii=True, default=repr) + "\n"
    except (TypeError, ValueError):
        return ""


def quietly(call, *args):
    """Call something for us in the user's process: whatever it raises is ours to swallow."""
    try:
        return call(*args)
    except Exception:
        return None


def current():
    """The watch of this process, or None where nothing is watched."""
    return _watch


def start(how="main", key=""):
    """Begin to watch this process; a second call changes nothing.

    Args:
        how: ``main`` where ``import notabene`` began it, ``boot`` where the interpreter was
            started under ``notabene run``, ``spawn`` for a worker of a watched process.
        key: Which process this is; empty for the program itself.

    Returns:
        The watch.
    """
    global _watch
    if _watch is not None:
        return _watch
    watch = _watch = Watch(how)
    watch.key = "s" if how == "spawn" else key
    # Not `from . import chance`: that imports the topmost package as well, which is not wanted
    # where only this one was loaded (see boot/sitecustomize.py).
    from .chance import install as chance
    from .files import install as files
    from .options import install as options
    from .outside import install as outside
    from .processes import install as processes
    from .readers import install as readers
    from .replay import load
    from .surroundings import install as surroundings

    load(watch)
    watch.introduce()
    watch.on = True
    for install in (processes, files, outside, surroundings, chance, options, readers):
        quietly(install, watch)
    return watch
