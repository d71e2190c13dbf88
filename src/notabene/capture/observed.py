"""From the events of all processes of a run to the parts of its record.

The events are described in :mod:`notabene.capture.watch`. Here they are put together, relative to
the project's top folder, and what is no input of the run is left out: what it wrote before it
read it, what it looked for before it made it. Digests are not made here
(:mod:`notabene.capture.inputs`).
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from notabene.capture.events import Event, Paths, Process, fitting, process_of
from notabene.capture.secrets import HIDDEN, Redactor
from notabene.capture.shim import Seen
from notabene.capture.watch.files import PARTS_OF_PYTHON
from notabene.model.evidence import (
    Clock,
    Data,
    Draw,
    FileMissing,
    FileRead,
    FileWritten,
    Generator,
    Host,
    Listing,
    Option,
    Outside,
    Parameters,
    Program,
    Randomness,
    Reply,
    Seed,
    Settings,
    StandardInput,
    Variable,
    Walk,
)

_NOISE = re.compile(
    r"/(site|dist)-packages/|/lib(64)?/python3|/__pycache__/|/\.git(/|$)|\.(py|pyc|so|pth)$"
    r"|\.so\.|/pyvenv\.cfg$|/\.cache/(matplotlib|fontconfig|pip|uv|notabene)/|/bin/python"
)
"""What the shim sees of Python itself, and of git."""
_PACKAGES = re.compile(r"/(site|dist)-packages/|\.dist-info/|/joblib_memmapping_folder_")
"""What packages read of themselves; which ones there are is in the environment."""
_FOR_A_WHILE = tuple(
    dict.fromkeys(
        os.path.normpath(path) + os.sep
        for path in (tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108
    )
)
MOST_REPLIES = 1000
"""Answers of HTTP that are told one by one."""


ASKED_ABOUT_MACHINES = frozenset(
    "git nvidia-smi rocm-smi hostname uname whoami lscpu nproc date true tput stty clear which pip "
    "ps free df du id notabene uv conda ldconfig ldd file".split()
)
"""Programs whose own files are no input of those who call them."""


def is_of_python(path: str) -> bool:
    """Whether a file that the shim saw belongs to Python itself, to a package or to git."""
    return bool(_NOISE.search(path) or _PACKAGES.search(path))


class Observed(msgspec.Struct):
    """What was seen of a run, by part.

    Attributes:
        data, randomness, parameters, outside: Parts of the record.
        sources: Paths of Python code that was loaded.
        logged: Config that a program under ``notabene run`` logged itself, flat.
        results: Its last values, a few.
        points: Numbers that it logged.
        stdin_in: Name of the file beside the events that holds the standard input, or empty.
        name: What a program that joined the run calls it, or empty.
        project: Its project, likewise.
    """

    data: Data
    randomness: Randomness
    parameters: Parameters
    outside: Outside
    sources: list[str]
    logged: dict[str, Any] = {}
    results: dict[str, Any] = {}
    points: int = 0
    stdin_in: str = ""
    name: str = ""
    project: str = ""


def observe(
    logs: Iterable[Iterable[Event]],
    root: Path,
    redactor: Redactor,
    shim: Iterable[Seen] = (),
    *,
    cells: Mapping[str, str] | None = None,
    script: str = "",
    programs: Sequence[str] = (),
) -> Observed:
    """Put events together.

    Args:
        logs: Events of each process, the program's own first.
        root: Top folder of the project.
        redactor: Hides secrets in values and command lines.
        shim: What the preload shim saw of files, by process.
        cells: Names of a notebook's cells, by what they are called as files.
        script: Absolute path of the program, which is no data where a library reads it again.
        programs: Folders in which programs are looked for.
    """
    processes = [process_of(list(events)) for events in logs]
    look = _Look(Paths(root, cells), redactor, programs)
    if script:
        look.take_script(script)
    for process in processes:
        look.take(process)
    names = {one.pid: one.key for one in processes}
    for seen in shim:
        known = seen.process in names
        if known or os.path.basename(seen.program) not in ASKED_ABOUT_MACHINES:
            look.take_files(seen, names.get(seen.process, "") or ("" if names else "c:program"))
    look.finish(processes)
    return Observed(
        look.data,
        look.randomness,
        look.parameters,
        look.outside,
        look.sources,
        look.logged,
        look.results,
        look.points,
        look.stdin_in,
        look.name,
        look.project,
    )


class _Look:
    """Takes the events of one process after the other."""

    def __init__(self, paths: Paths, redactor: Redactor, programs: Sequence[str]) -> None:
        self.paths = paths
        self._programs = frozenset(programs)
        self.data = Data(root=paths.root)
        self.randomness = Randomness()
        self.parameters = Parameters()
        self.outside = Outside()
        self.sources: list[str] = []
        self.logged: dict[str, Any] = {}
        self.results: dict[str, Any] = {}
        self.points = 0
        self.stdin_in = ""
        self.name = self.project = ""
        self._redactor = redactor
        self._read: dict[str, FileRead] = {}
        self._written: dict[str, FileWritten] = {}
        self._missing: dict[str, FileMissing] = {}
        self._listed: dict[str, Listing] = {}
        self._sources: dict[str, None] = {}
        self._given: dict[str, int] = {}
        """Files that were named to programs, and nobody was seen to read: when they were changed
        before that, ns."""
        self._used: dict[tuple[str, str], str] = {}
        self._walks: list[Variable] = []
        self._folder = ""
        self._process = ""

    def take_script(self, path: str) -> None:
        """The program itself."""
        self._sources[path] = None

    def take(self, process: Process) -> None:
        """The events of one process, in their order."""
        self._process, self._folder = process.key, ""
        handlers: dict[Any, Callable[..., None]] = {
            "folder": self._moved,
            "read": self._opened_all,
            "ready": self._read_natively,
            "given": self._given_to,
            "write": self._wrote,
            "move": self._renamed,
            "missing": self._missed,
            "list": self._looked_through,
            "source": self._loaded,
            "lost": self._lost,
            "variable": self._asked,
            "walk": self._went_through,
            "walked": self._walked,
            "option": self._parsed,
            "settings": self._composed,
            "start": self._started,
            "used": self._drew,
            "seed": self._seeded,
            "draw": self._drew_entropy,
            "clock": self._told_time,
            "processors": self._counted,
            "program": self._ran,
            "host": self._connected,
            "fetched": self._fetched,
            "stdin": self._took,
            "logged": self._logged,
        }
        for event in process.events:
            take = handlers.get(event[0])
            if take is not None:
                # An event of another version may have another shape.
                with contextlib.suppress(TypeError, ValueError):
                    take(*event[1:])

    def take_files(self, seen: Seen, process: str) -> None:
        """What the shim saw of one process, where Python's hooks did not see it."""
        for event in seen.events:
            path = os.path.normpath(event.path)
            if _NOISE.search(path):
                continue
            if event.op in "rb":
                self._given.pop(path, None)
            if event.op in "rb" and path not in self._read and path not in self._written:
                self._read[path] = FileRead(
                    path=self.paths.short(path), process=process, via="shim", ms=event.ms
                )
            if event.op in "wb":
                self._write(path, "", process)
            elif event.op == "v":
                self._move(path, os.path.normpath(event.to))

    def finish(self, processes: Sequence[Process]) -> None:
        """What can only be said of all together."""
        data = self.data
        # A warning, or a traceback, shows lines of the code: that makes it no data.
        data.read = [
            one
            for path, one in self._read.items()
            if path not in self._sources and not self._is_passing(path) and self._is_input(path)
        ]
        data.written = [one for one in self._written.values() if self._is_there(one.path)]
        for path, one in self._missing.items():
            one.made = path in self._written
            if one.made and self._is_passing(path):
                continue
            # A folder that was looked for is one that is made where it is not there.
            if one.made or not os.path.lexists(path):
                data.missing.append(one)
        data.listed = [one for path, one in self._listed.items() if not self._is_passing(path)]
        for generator in self.randomness.generators:
            key = (generator.process, generator.name)
            generator.used, generator.where = key in self._used, self._used.get(key, "")
        told = {one.name for one in self.parameters.variables}
        for variable in self._walks:
            if variable.name not in told:
                told.add(variable.name)
                self.parameters.variables.append(variable)
        for walk in self.parameters.walks:
            walk.names = sorted({one.name for one in self._walks if one.where == walk.where})
        self.sources = list(self._sources)
        self.outside.processes = [
            {"key": one.key, "how": one.how, "python": one.python} for one in processes
        ]

    def _is_passing(self, path: str) -> bool:
        """Whether it was in a folder for temporary files, and is gone: nobody's input."""
        if not path.startswith(_FOR_A_WHILE) or os.path.lexists(path):
            return False
        return not path.startswith(self.data.root.rstrip(os.sep) + os.sep)

    def _is_input(self, path: str) -> bool:
        """Whether the program that a file was named to left it as it was."""
        mtime = self._given.get(path)
        if mtime is None:
            return True
        try:
            return path not in self._written and os.stat(path).st_mtime_ns == mtime
        except OSError:
            return False

    def _is_there(self, path: str) -> bool:
        return os.path.lexists(os.path.join(self.data.root, path))

    def _logged(
        self,
        config: dict[str, Any],
        results: dict[str, Any],
        points: int,
        name: str = "",
        project: str = "",
    ) -> None:
        self.name, self.project = name, project
        self.logged |= config
        self.results |= results
        self.points += points

    # -- files -----------------------------------------------------------------------------

    def _moved(self, path: str) -> None:
        self._folder = path
        self.data.folder = self.data.folder or path

    def _opened_all(self, paths: list[str], file: str, line: int, ms: int) -> None:
        for path in paths:
            if not path.endswith(PARTS_OF_PYTHON):
                self._opened(path, file, line, ms)

    def _opened(self, path: str, file: str, line: int, ms: int, via: Any = "open") -> None:
        full = self.paths.full(path, self._folder)
        if full in self._written or _PACKAGES.search(full):
            return
        if full in self._read:
            if via != "program":
                self._given.pop(full, None)
            return
        self._read[full] = FileRead(
            path=self.paths.short(full),
            given="" if os.path.isabs(path) else "relative",
            where=self.paths.place(file, line),
            process=self._process,
            via=via,
            ms=ms,
        )

    def _read_natively(self, path: str, file: str, line: int, ms: int) -> None:
        self._opened(path, file, line, ms, via="native")

    def _given_to(self, path: str, file: str, line: int, ms: int, mtime: int) -> None:
        full = self.paths.full(path, self._folder)
        if full not in self._read:
            self._opened(path, file, line, ms, via="program")
            self._given[full] = mtime

    def _wrote(self, path: str, file: str, line: int, ms: int) -> None:
        del ms
        full = self.paths.full(path, self._folder)
        self._write(full, self.paths.place(file, line), self._process)

    def _write(self, full: str, where: str, process: str) -> None:
        if full in self._read:
            self._read[full].overwritten = True
        written = FileWritten(path=self.paths.short(full), where=where, process=process)
        self._written.setdefault(full, written)

    def _renamed(self, source: str, target: str, ms: int) -> None:
        del ms
        self._move(*(self.paths.full(path, self._folder) for path in (source, target)))

    def _move(self, old: str, new: str) -> None:
        if new in self._read:
            self._read[new].overwritten = True
        written = self._written.pop(old, None)
        if written is not None:
            written.path = self.paths.short(new)
            self._written[new] = written

    def _missed(self, path: str, file: str, line: int, ms: int) -> None:
        del ms
        full = self.paths.full(path, self._folder)
        if _PACKAGES.search(full) or self._is_a_program(full):
            return
        found = FileMissing(
            path=self.paths.short(full),
            given="" if os.path.isabs(path) else "relative",
            where=self.paths.place(file, line),
        )
        self._missing.setdefault(full, found)

    def _is_a_program(self, path: str) -> bool:
        """Whether something was looked for where programs are, as ``shutil.which`` does."""
        folder = os.path.dirname(path)
        return folder in self._programs and self.paths.short(path) == path

    def _looked_through(self, path: str, file: str, line: int, ms: int) -> None:
        del ms
        full = self.paths.full(path, self._folder)
        if _PACKAGES.search(full):
            return
        found = Listing(
            path=self.paths.short(full),
            given="" if os.path.isabs(path) else "relative",
            where=self.paths.place(file, line),
        )
        self._listed.setdefault(full, found)

    def _loaded(self, path: str) -> None:
        self._sources[self.paths.full(path, self._folder)] = None

    def _lost(self, count: int) -> None:
        self.data.lost += count

    # -- parameters ------------------------------------------------------------------------

    def _went_through(self, pattern: str, file: str, line: int) -> None:
        where = self.paths.place(file, line)
        self.parameters.walks.append(Walk(pattern=pattern, where=where))

    def _walked(self, name: str, value: str | None, file: str, line: int) -> None:
        self._walks.append(self._variable(name, value, file, line))

    def _asked(self, name: str, value: str | None, file: str, line: int) -> None:
        self.parameters.variables.append(self._variable(name, value, file, line))

    def _variable(self, name: str, value: str | None, file: str, line: int) -> Variable:
        if value is not None and self._redactor.is_secret(name, value):
            value = HIDDEN
        where = self.paths.place(file, line)
        text = None if value is None else self._redactor.text(value)
        return Variable(name=name, value=text, where=where)

    def _parsed(
        self, source: str, name: str, value: Any, default: Any, file: str, line: int
    ) -> None:
        if self._process:
            return
        hide = self._redactor
        option = Option(
            source=source,
            name=name,
            value=fitting(hide.value(value, name)),
            default=fitting(hide.value(default, name)),
            where=self.paths.place(file, line),
        )
        options = self.parameters.options
        # A program may parse twice: parse_known_args first, and all of it later.
        options[:] = [one for one in options if (one.source, one.name) != (source, name)]
        options.append(option)

    def _composed(self, source: str, values: Any, file: str, line: int) -> None:
        where = self.paths.place(file, line)
        values = fitting(self._redactor.value(values))
        found = Settings(source=source, values=values, where=where)
        self.parameters.settings.append(found)

    # -- randomness ------------------------------------------------------------------------

    def _started(self, generator: str, state: str) -> None:
        if generator == "hash":
            self.randomness.hash = self.randomness.hash or state
            return
        found = Generator(name=generator, process=self._process, state=state)
        self.randomness.generators.append(found)

    def _drew(self, generator: str, file: str = "", line: int = 0) -> None:
        where = self.paths.place(file, line) if file else ""
        self._used.setdefault((self._process, generator), where)

    def _seeded(self, generator: str, value: Any, file: str, line: int) -> None:
        where = self.paths.place(file, line)
        value = fitting(value)
        seed = Seed(generator=generator, value=value, where=where, process=self._process)
        self.randomness.seeds.append(seed)

    def _drew_entropy(
        self, by: str, bits: int, value: str | None, file: str, line: int, importing: bool = False
    ) -> None:
        draw = Draw(
            by=by,
            bits=bits,
            value=value or "",
            where=self.paths.place(file, line),
            process=self._process,
            importing=importing,
        )
        self.randomness.draws.append(draw)

    def _told_time(self, function: str, value: float, file: str, line: int) -> None:
        found = Clock(function=function, value=value, where=self.paths.place(file, line))
        self.randomness.clock.append(found)

    # -- outside ---------------------------------------------------------------------------

    def _counted(self, file: str, line: int) -> None:
        self.outside.processors.append(self.paths.place(file, line))

    def _ran(self, words: list[str], file: str, line: int) -> None:
        where = self.paths.place(file, line)
        found = Program(words=self._redactor.argv(list(map(str, words))), where=where)
        self.outside.programs.append(found)

    def _connected(self, name: str, port: str, file: str, line: int) -> None:
        where = self.paths.place(file, line)
        self.outside.hosts.append(Host(name=name, port=port, where=where))

    def _fetched(
        self, address: str, status: int, size: int, digest: str, file: str, line: int
    ) -> None:
        reply = Reply(
            address=self._redactor.text(address),
            status=status,
            size=size,
            digest=digest,
            where=self.paths.place(file, line),
            process=self._process,
        )
        if reply not in self.outside.replies and len(self.outside.replies) < MOST_REPLIES:
            self.outside.replies.append(reply)

    def _took(self, size: int, digest: str, path: str, name: str, file: str, line: int) -> None:
        if self._process:
            return  # what one process of the program wrote to the other
        self.outside.stdin = StandardInput(
            size=size,
            digest=digest,
            path=self.paths.short(path) if path else "",
            where=self.paths.place(file, line),
        )
        self.stdin_in = name
