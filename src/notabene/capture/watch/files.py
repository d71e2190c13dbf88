"""Files that are opened, listed, renamed, or looked for in vain.

Opening is seen by an audit hook (PEP 578), which libraries written in C pass by; for those there
are :mod:`.readers` and the preload shim. What raises no audit event is seen in :mod:`.os_calls`.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from time import monotonic

from notabene.capture.watch.core import Flood, Unwatched, folder, quietly
from notabene.capture.watch.places import (
    NOWHERE,
    WATCH,
    caller_of,
    direct,
    in_its_file,
    line_above,
    line_behind,
    place,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from notabene.capture.watch.core import Watch

    Args = tuple[Any, ...]

PARTS_OF_PYTHON = (".pyc", ".so", ".pyd", ".pyi", ".pth", "pyvenv.cfg", ".dylib")
_SYSTEM = (
    "/proc/ /sys/ /dev/ /etc/ /lib/ /lib64/ /usr/lib/ /usr/lib64/ /usr/share/ /usr/bin/ "
    "/usr/include/ /usr/libexec/ /run/lock/ /run/systemd/ /run/udev/ /run/nvidia/"
).split()
_SHARED = "/dev/shm/"  # noqa: S108  # data sets are put there
_OF_PYTHON = "lib lib64 bin include share Lib DLLs Scripts conda-meta pyvenv.cfg".split()
_CACHES = (
    "matplotlib fontconfig pip uv notabene mesa_shader_cache nvidia pypoetry node-gyp Python-Eggs"
).split()
"""Folders below ``~/.cache`` whose files are no data; others (huggingface, torch) are."""
_IMPORTERS = ("<frozen importlib._bootstrap_external>", "<frozen zipimport>")
_WRITES = os.O_WRONLY | os.O_RDWR
_DESCRIPTORS = "/proc/self/fd/"


def install(watch: Watch) -> None:
    """Begin to watch files."""
    observer = Files(watch)
    watch.files = observer
    watch.handlers.update(
        {
            "os.listdir": observer.listed,
            "os.scandir": observer.listed,
            "pathlib.Path.glob": observer.path_pattern,
            "pathlib.Path.rglob": observer.path_pattern,
            "os.rename": observer.renamed,
            "os.remove": observer.removed,
            "os.truncate": observer.removed,
            "sqlite3.connect": observer.database,
            "sys.excepthook": lambda args: clean(args[2]),
        }
    )
    pattern = "glob.glob" if sys.version_info < (3, 10) else "glob.glob/2"
    watch.handlers[pattern] = observer.pattern
    sys.addaudithook(_hook(watch, observer))


def _hook(watch: Watch, observer: Files) -> Callable[[str, Args], None]:
    find = watch.handlers.get
    read, within = observer.read, observer.within
    floods, libraries = watch.floods, watch.libraries
    opened, first = observer.opened, observer.first
    caller, getframe, writes, parts = caller_of(), sys._getframe, _WRITES, PARTS_OF_PYTHON

    def hook(event: str, args: Args) -> None:
        try:
            if event == "open":
                path, _, flags = args
                frame = None
                if floods and path not in read:
                    try:
                        frame = caller()
                    except Exception:  # another thread asks
                        frame = getframe(1)
                    above: Any = frame
                    known = floods
                    if libraries and not within and frame.f_globals.get("__file__") in libraries:
                        above = line_behind(frame, libraries)
                        if above is None or type(path) is not str or path.endswith(parts):
                            known = []
                    for flood in known:
                        if flags != flood.flags:
                            continue
                        if above.f_globals is flood.module:
                            # What dataclasses compiles for a module has its globals, not its lines.
                            same = above.f_lineno == flood.line and (
                                above is frame or above.f_lasti == flood.at or in_its_file(above)
                            )
                        else:
                            same = above.f_lasti == flood.at and (
                                above is flood.frame
                                or (flood.code is not None and above.f_code is flood.code)
                            )
                        # No other thread comes between the clock, the end and the names.
                        if same and monotonic() < flood.until:
                            flood.names.append(path)
                            read.add(path)
                            return
                if within or flags & writes:
                    if watch.on:
                        opened(path, flags)
                elif path not in read and watch.on:
                    read.add(path)
                    first(path, flags, frame or getframe(1))
            else:
                handler = find(event)
                if handler is not None and watch.on:
                    handler(args)
        except Exception:
            # The program's own call goes on, whatever we stumbled over.
            return

    return hook


class Files(Unwatched):
    """What this process does with files.

    Attributes:
        read: Paths, as they were given, that were opened for reading.
        within: By thread the folder that a path given to ``os.open`` is relative to.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.read: set[object] = set()
        self.within: dict[int, str] = {}
        self._take = watch.take
        self._ms = watch.ms
        self._noise = _noise()
        self._inherited: set[object] = set()
        self._written: set[object] = set()
        self._missing: set[object] = set()
        self._listed: set[object] = set()
        self._vain = NOWHERE
        self._quiet = ""

    def ignore(self, prefix: str) -> None:
        """Do not report files below a folder: the store, our caches."""
        self._noise += (prefix.rstrip(os.sep) + os.sep,)
        self.watch.end_floods()
        self._quiet = ""

    def forget(self) -> None:
        """In a forked child: what the parent read is read anew here."""
        self._inherited |= self.read
        self.read.clear()
        self.within.clear()
        self._written = set()

    def _is_noise(self, name: str) -> bool:
        return name.startswith(self._noise) and not name.startswith(_SHARED)

    def opened(self, path: object, flags: int) -> None:
        """A file is about to be opened, to be written or by a path relative to a folder."""
        above = self.within.get(get_ident())
        if above:
            path = os.path.join(above, _text(path))
        writing = flags & _WRITES
        if not writing:
            if path not in self.read:
                self.read.add(path)
                self.first(path, flags, sys._getframe(2))
            return
        if path in self._written and (writing == os.O_WRONLY or path in self.read):
            return
        if path in self.read or path in self._inherited:
            self._preserve(path)
        name = _text(path)
        if not name or self._is_noise(name) or name.endswith(PARTS_OF_PYTHON):
            return
        where = place(sys._getframe(2))
        if where is not None:
            self._changed(path, name, where, flags)

    def first(self, path: object, flags: int, frame: FrameType) -> None:
        """A file is about to be read for the first time, and none from this line just before."""
        name = path if type(path) is str else _text(path)
        if not self._quiet or not name.startswith(self._quiet):
            if self._is_noise(name):
                return
            self._quiet = self._calm(name)
        if name.endswith(PARTS_OF_PYTHON):
            if name.endswith(".pyc"):
                self._take(("source", name))
            return
        code = frame.f_code
        if name.endswith(".py") and code.co_filename in _IMPORTERS:
            self._take(("source", name))
            return
        where = place(frame)
        if where is not None and name:
            names, flood = [name], None
            if self._quiet:
                is_his = where[0] == code.co_filename
                line = frame if is_his else self._above(frame, where)
                if line is not None:
                    flood = Flood(names, flags, self._quiet, line, where[1])
            self.watch.take_read(names, where, flood)

    def _above(self, frame: FrameType, where: tuple[str, int]) -> FrameType | None:
        """The frame of the line that a file is opened from, unless it was looked for in vain."""
        line = line_above(frame, self.watch.libraries) if where != self._vain else None
        if line is None:
            self._vain = where
        return line

    def sift(self, names: list[Any], folder: str) -> None:
        """Leave out what is no data, of names that were taken as they came."""
        odd = [
            at
            for at, name in enumerate(names)
            if type(name) is not str or not name.startswith(folder)
        ]
        for at in reversed(odd):  # another thread may be adding to them
            names[at] = name = _text(names[at])
            if not name or self._is_noise(name):
                del names[at]

    def _calm(self, name: str) -> str:
        """The folder of a file, if nothing in it and below it is noise."""
        above = name[: name.rfind(os.sep) + 1]
        noisy = not above or any(prefix.startswith(above) for prefix in self._noise)
        return "" if noisy else above

    def _changed(self, path: object, name: str, where: tuple[str, int], flags: int) -> None:
        # Opened to be changed: what it holds goes in first, or that it is not there.
        goes_in = flags & _WRITES == os.O_RDWR and not flags & (os.O_TRUNC | os.O_EXCL)
        if goes_in and path not in self.read and os.path.lexists(name):
            self.read.add(path)
            self._preserve(path)
            self.watch.take_read([name], where)
        self._written.add(path)
        self._take(("write", name, where[0], where[1], self._ms()))

    def ready(self, path: object, frame: FrameType | None) -> None:
        """A native reader was given a path."""
        name = _text(path)
        if not name or name in self.read or self._is_noise(name):
            return
        self.read.add(name)
        where = place(frame)
        if where is not None:
            self._take(("ready", name, where[0], where[1], self._ms()))

    def given(self, path: str, where: tuple[str, int], mtime: int) -> None:
        """A file was named to a program that is about to be started."""
        if path not in self.read and path not in self._written and not self._is_noise(path):
            self._take(("given", path, where[0], where[1], self._ms(), mtime))

    def opened_natively(self, path: object, frame: FrameType | None) -> None:
        """A native writer was given a path."""
        name = _text(path)
        where = None if self._is_noise(name) else place(frame)
        if where is not None and name and path not in self._written:
            if path in self.read:
                self._preserve(path)
            self._written.add(path)
            self._take(("write", name, where[0], where[1], self._ms()))

    def listed(self, args: Args) -> None:
        """A folder is read."""
        path = args[0] if args else None
        name = "." if path is None else of_descriptor(path) if _is_number(path) else _text(path)
        self._list(name, sys._getframe(2))

    def pattern(self, args: Args) -> None:
        """``glob.glob`` expands a pattern, perhaps in another folder."""
        name = _text(args[0])
        if len(args) > 2 and args[2] is not None:
            name = os.path.join(_text(args[2]), name)
        elif len(args) > 3 and args[3] is not None:
            name = os.path.join(of_descriptor(args[3]), name)
        self._list(name, sys._getframe(2))

    def path_pattern(self, args: Args) -> None:
        """``Path.glob`` expands a pattern."""
        self._list(os.path.join(_text(args[0]), _text(args[1])), sys._getframe(2))

    def _list(self, name: str, frame: FrameType) -> None:
        if not name or name in self._listed or self._is_noise(name):
            return
        where = direct(frame)
        # The import system lists folders all the time.
        if where is None or frame.f_code.co_filename in _IMPORTERS:
            return
        self._listed.add(name)
        self._take(("list", name, where[0], where[1], self._ms()))

    def renamed(self, args: Args) -> None:
        """A file is about to get another name, or to take the place of another."""
        source, target = (
            _under(args[at], args[at + 2]) if len(args) > at + 2 else _text(args[at])
            for at in (0, 1)
        )
        if self._is_noise(target) or place(sys._getframe(2)) is None:
            return
        self._written.discard(args[0])
        for path in (source, target):
            if path in self.read or path in self._inherited:
                self._preserve(path)
        self._take(("move", source, target, self._ms()))

    def removed(self, args: Args) -> None:
        """A file is about to go."""
        path = args[0]
        if len(args) > 1 and _is_number(args[1]) and args[1] >= 0:
            path = _under(path, args[1])
        if path in self.read or path in self._inherited:
            self._preserve(path)

    def _preserve(self, path: object) -> None:
        """Keep what was read of a file before it is written over, renamed or removed."""
        quietly(self.watch.preserve, os.path.abspath(_text(path)))

    def moved(self) -> None:
        """The working folder is another: a relative path seen before was another file."""
        for seen in (self.read, self._inherited, self._written, self._missing, self._listed):
            seen.difference_update([path for path in seen if not _is_absolute(path)])
        self.watch.add("folder", folder())

    def database(self, args: Args) -> None:
        """SQLite opens its files itself."""
        name = _text(args[0])
        if name.startswith("file:"):
            name = name[len("file:") :].partition("?")[0]
        if name and name != ":memory:" and os.path.lexists(name):
            self.ready(name, sys._getframe(2))

    def missed(self, path: object, frame: FrameType, dir_fd: int | None = None) -> None:
        """A file was looked for in vain."""
        if dir_fd is not None:
            path = _under(path, dir_fd)
        if path in self._missing:
            return
        name = _text(path)
        if not name or self._is_noise(name) or name.endswith((".py", ".pyc", ".so")):
            return
        where = direct(frame)
        if where is not None and where[0]:
            self._missing.add(path)
            self._take(("missing", name, where[0], where[1], self._ms()))


def clean(error: BaseException | None) -> None:
    """Take our own frames out of the traceback that is about to be printed."""
    seen = 0
    while error is not None and seen < 50:
        entry = error.__traceback__
        while entry is not None:
            below = entry.tb_next
            while below is not None and below.tb_frame.f_code.co_filename.startswith(WATCH):
                below = entry.tb_next = below.tb_next
            entry = below
        error = error.__cause__ or error.__context__
        seen += 1


def _text(path: Any) -> str:
    if isinstance(path, int):
        return ""
    name: str | bytes = os.fspath(path)
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def _is_number(value: object) -> bool:
    return isinstance(value, int)


def of_descriptor(number: int) -> str:
    """The path of an open folder or file, where the system tells."""
    try:
        found = os.readlink(_DESCRIPTORS + str(number))
    except (OSError, ValueError):
        return ""
    return found if found.startswith("/") else ""


def _under(path: object, dir_fd: int) -> str:
    """A path relative to an open folder; -1 is the working folder."""
    name = _text(path)
    above = of_descriptor(dir_fd) if dir_fd >= 0 and not os.path.isabs(name) else ""
    return os.path.join(above, name) if above else name


def _is_absolute(path: Any) -> bool:
    return isinstance(path, int) or os.path.isabs(path)


def _noise() -> tuple[str, ...]:
    """Folders whose files belong to Python and the system."""
    home = os.path.expanduser("~")
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    places = {os.path.join(prefix, name) for prefix in prefixes for name in _OF_PYTHON}
    places |= {os.path.join(home, ".cache", name) for name in _CACHES}
    places |= {os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(WATCH.rstrip(os.sep)))}
    found = {place.rstrip(os.sep) + os.sep for place in places if place not in ("", os.sep)}
    return (*_SYSTEM, *sorted(found))
