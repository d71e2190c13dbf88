"""Files that are opened, listed, renamed, or looked for in vain.

Opening is seen by an audit hook (PEP 578), which libraries written in C pass by; for those there
are :mod:`.readers` and the preload shim. Looking for a file that is not there raises no audit
event, so ``os.stat`` and its likes are wrapped, for misses alone.
"""

from __future__ import annotations

import os
import sys

from .core import folder, quietly
from .places import direct, place

_PARTS_OF_PYTHON = (".pyc", ".so", ".pyd", ".pyi", ".pth", "pyvenv.cfg", ".dylib")
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/usr/", "/etc/", "/run/", "/lib/", "/lib64/")
_CACHES = (
    "matplotlib",
    "fontconfig",
    "pip",
    "uv",
    "notabene",
    "mesa_shader_cache",
    "nvidia",
    "pypoetry",
    "node-gyp",
    "Python-Eggs",
)
"""Folders below ``~/.cache`` whose files are no data; others (huggingface, torch) are."""
_IMPORTERS = ("<frozen importlib._bootstrap_external>", "<frozen zipimport>")


def install(watch):
    """Begin to watch files."""
    observer = _Files(watch)
    watch.files = observer
    handlers = {
        "open": observer.opened,
        "os.listdir": observer.listed,
        "os.scandir": observer.listed,
        "glob.glob": observer.pattern,
        "pathlib.Path.glob": observer.path_pattern,
        "pathlib.Path.rglob": observer.path_pattern,
        "os.rename": observer.renamed,
        "os.remove": observer.removed,
        "os.truncate": observer.removed,
        "sqlite3.connect": observer.database,
    }
    watch.handlers = handlers
    find = handlers.get

    def hook(event, args):
        handler = find(event)
        if handler is not None and watch.on:
            try:
                handler(args)
            except Exception:
                # The program's own call goes on, whatever we stumbled over.
                return

    sys.addaudithook(hook)
    for name in ("stat", "lstat", "access"):
        quietly(_wrap_miss, name, observer)
    for name in ("chdir", "fchdir"):
        quietly(_wrap_move, name, observer)


class _Files:
    def __init__(self, watch):
        self._add = watch.add
        self._ms = watch.ms
        self._watch = watch
        self._noise = _noise()
        self._read = set()
        self._written = set()
        self._missing = set()
        self._listed = set()

    def ignore(self, prefix):
        """Do not report files below a folder: the store, our caches."""
        self._noise += (prefix.rstrip(os.sep) + os.sep,)

    def forget(self):
        """In a forked child: what the parent read is read anew here."""
        self._read, self._written = set(), set()

    def opened(self, args):
        path, _, flags = args
        writing = flags & 3
        if not writing:
            if path in self._read:
                return
            self._read.add(path)
        elif path in self._written and (writing == 1 or path in self._read):
            return
        elif path in self._read:
            self._preserve(path)
        name = _text(path)
        if name.startswith(self._noise):
            return
        if name.endswith(_PARTS_OF_PYTHON):
            if name.endswith(".pyc"):
                self._add("source", name)
            return
        frame = sys._getframe(2)
        if name.endswith(".py") and frame.f_code.co_filename in _IMPORTERS:
            self._add("source", name)
            return
        where = place(frame)
        if where is None or not name:
            return
        changed = writing == 2 and not flags & os.O_TRUNC and path not in self._read
        if changed:  # opened to be changed: what it holds goes in first
            self._read.add(path)
            self._preserve(path)
        if changed or not writing:
            self._add("read", name, where[0], where[1], self._ms())
        if writing:
            self._written.add(path)
            self._add("write", name, where[0], where[1], self._ms())

    def ready(self, path, frame):
        """A native reader was given a path."""
        name = _text(path)
        if not name or name in self._read or name.startswith(self._noise):
            return
        self._read.add(name)
        where = place(frame)
        if where is not None:
            self._add("ready", name, where[0], where[1], self._ms())

    def opened_natively(self, path, frame):
        """A native writer was given a path."""
        name = _text(path)
        where = None if name.startswith(self._noise) else place(frame)
        if where is not None and name and path not in self._written:
            self._written.add(path)
            self._add("write", name, where[0], where[1], self._ms())

    def listed(self, args):
        name = _text(args[0]) if args and args[0] is not None else "."
        self._list(name, sys._getframe(2))

    def pattern(self, args):
        self._list(_text(args[0]), sys._getframe(2))

    def path_pattern(self, args):
        self._list(os.path.join(_text(args[0]), _text(args[1])), sys._getframe(2))

    def _list(self, name, frame):
        if name in self._listed or name.startswith(self._noise):
            return
        where = direct(frame)
        # The import system lists folders all the time.
        if where is None or frame.f_code.co_filename in _IMPORTERS:
            return
        self._listed.add(name)
        self._add("list", name, where[0], where[1], self._ms())

    def renamed(self, args):
        source, target = _text(args[0]), _text(args[1])
        if target.startswith(self._noise) or place(sys._getframe(2)) is None:
            return
        self._written.discard(args[0])
        for path in (args[0], args[1]):
            if path in self._read:
                self._preserve(path)
        self._add("move", source, target, self._ms())

    def removed(self, args):
        if args[0] in self._read:
            self._preserve(args[0])

    def _preserve(self, path):
        """Keep what was read of a file before it is written over, renamed or removed."""
        quietly(self._watch.preserve, os.path.abspath(_text(path)))

    def moved(self):
        """The working folder is another: a relative path seen before was another file."""
        for seen in (self._read, self._written, self._missing, self._listed):
            seen.difference_update([path for path in seen if not _absolute(path)])
        self._add("folder", folder())

    def database(self, args):
        name = _text(args[0])
        if name and name != ":memory:" and not name.startswith("file:"):
            self.ready(name, sys._getframe(2))

    def missed(self, path, frame):
        """A file was looked for in vain."""
        if path in self._missing:
            return
        name = _text(path)
        if not name or name.startswith(self._noise) or name.endswith((".py", ".pyc", ".so")):
            return
        where = direct(frame)
        if where is not None and where[0]:
            self._missing.add(path)
            self._add("missing", name, where[0], where[1], self._ms())


def _text(path):
    if isinstance(path, int):
        return ""
    name = os.fspath(path)
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def _absolute(path):
    return isinstance(path, int) or os.path.isabs(path)


def _noise():
    """Folders whose files belong to Python and the system."""
    home = os.path.expanduser("~")
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__)}
    places |= {os.path.join(home, ".cache", name) for name in _CACHES}
    places.add(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    found = {place.rstrip(os.sep) + os.sep for place in places if place not in ("", os.sep)}
    return (*_SYSTEM, *sorted(found))


def _wrap_miss(name, observer):
    real = getattr(os, name)

    if name == "access":

        def wrapper(path, mode, **options):
            there = real(path, mode, **options)
            if not there and observer._watch.on:
                quietly(observer.missed, path, sys._getframe(1))
            return there
    else:

        def wrapper(path, **options):
            try:
                return real(path, **options)
            except (FileNotFoundError, NotADirectoryError):
                if observer._watch.on:
                    quietly(observer.missed, path, sys._getframe(1))
                raise

    _put(name, real, wrapper)


def _wrap_move(name, observer):
    real = getattr(os, name)

    def wrapper(path):
        real(path)
        if observer._watch.on:
            quietly(observer.moved)

    _put(name, real, wrapper)


def _put(name, real, wrapper):
    """Put a wrapper in the place of a function of ``os``."""
    wrapper.__name__ = wrapper.__qualname__ = name
    wrapper.__doc__ = real.__doc__
    wrapper.__wrapped__ = real
    # What os says of the function itself must stay true of ours.
    for known in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks"):
        members = getattr(os, known, None)
        if members is not None and real in members:
            members.add(wrapper)
    setattr(os, name, wrapper)
