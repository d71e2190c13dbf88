"""What is seen of a run beside its logging becomes part of its record.

The watch (:mod:`notabene.capture.watch`) collects events in this process and in its children;
here they are gathered, files are hashed and kept, and the parts are recorded.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec

from notabene._ids import host_name, now_us
from notabene._lazy import load
from notabene.capture.cells import cell_files, executed_cells
from notabene.capture.part import Deadline, Part
from notabene.capture.process import (
    program_name,
    script_of,
    script_path,
    words_behind,
    working_folder,
)
from notabene.capture.watch import WATCH
from notabene.settings import environment, export
from notabene.tracking.guard import quietly
from notabene.tracking.names import place_in_program

if TYPE_CHECKING:
    from notabene.capture.observed import Observed
    from notabene.capture.snapshot import Capture
    from notabene.capture.watch import Watch
    from notabene.model.evidence import Parameters, Sources
    from notabene.proof.repeats import Answer, Manifest
    from notabene.settings import Settings
    from notabene.tracking.aside import Aside
    from notabene.tracking.judging import Judge, Verdict
    from notabene.tracking.run import Run

BOOT = Path(__file__).parents[1] / "capture" / "watch" / "boot"
"""Stands first on the PYTHONPATH of watched programs."""
FOLDER = "seen"
EVERY = 0.5
"""Seconds between looks at files that were opened lately."""
_LATER = (
    "hashlib",
    "sqlite3",
    "notabene.artifacts.hashes",
    "notabene.capture.follow",
    "notabene.capture.inputs",
    "notabene.capture.observed",
    "notabene.capture.secrets",
    "notabene.capture.sources",
    "notabene.tracking.aside",
    "notabene.tracking.judging",
)
"""Imported on a background thread while the run goes on."""
AGAIN = "NOTABENE_AGAIN"
"""Set for a program that runs a record again, to prove it or to find a cause."""
MANY = 100
"""Files opened between two looks, from which on another process looks at them."""
MANY_BYTES = 64 << 10
"""Bytes that other processes of the run wrote of what they saw, likewise."""
AT_END = 2.0
"""Seconds that the end of a run may take to hash what was not reached before."""


class Observing:
    """What is seen of one run.

    Args:
        run: It lies in a folder.
        capture: What is wanted.
        settings: For the cache of digests.
        watch: Of this process; None for ``notabene run``, whose program is another process.
    """

    def __init__(self, run: Run, capture: Capture, settings: Settings, watch: Watch | None) -> None:
        assert run.path is not None
        self._run, self._capture, self._settings = run, capture, settings
        self._watch = watch
        self.folder = run.path / FOLDER
        self._words: list[str] = []
        self._tools: _Tools | None = None
        self._aside: Aside | None = None
        self._asked_aside = False
        self._read = 0
        self._stop = threading.Event()
        self._lock = threading.RLock()
        """Held where the thread of :meth:`follow` and the end of the run could meet."""
        self._before = self._outer = ""
        self._hash_drawn = False
        self.native = ""
        self._judging: Judge | None = None
        self._began = now_us()
        self.verdict: Verdict | None = None
        self.answer: Answer | None = None
        self.on_repeat: str = settings["on_repeat"]
        self.say: Callable[[str], None] | None = None
        self.parts_so_far: Mapping[str, Mapping[str, Any]] = {}
        self._parameters: Parameters | None = None
        self._logged: dict[str, Any] = {}
        self._results: dict[str, Any] = {}
        self.points = 0
        self._again = False
        self._nth = 1 if capture.program else place_in_program()

    def start(self) -> None:
        """Have this process and its children leave what they see in the run's folder."""
        self.folder.mkdir(exist_ok=True)
        program = self._capture.program
        self._words = words_behind(program) if program else sys.argv[1:]
        if self._watch is not None and self._run.folder is not None:
            self._watch.files.ignore(str(self._run.folder.root))
            if self._watch.how == "main":
                self._outer = self._watch.folder
                self._watch.spill(str(self.folder), batch=False)
            self._before = environment().get(WATCH, "")
            export(WATCH, str(self.folder))

    def for_program(
        self, environ: Mapping[str, str], *, redirect: Path | None = None, hash_secret: str = ""
    ) -> dict[str, str]:
        """The environment for the program of ``notabene run``.

        A Python in it begins its watch at start-up and has a hash seed that is known; the shim
        sees files that are opened in C.

        Args:
            environ: What it would be.
            redirect: File with paths that are led elsewhere, for a run that is reproduced.
            hash_secret: The secret of hashes to use, likewise.
        """
        from notabene.capture import shim

        found = dict(environ)
        self._again = bool(found.pop(AGAIN, ""))
        found[WATCH] = str(self.folder)
        path = [str(BOOT), *found.get("PYTHONPATH", "").split(os.pathsep)]
        found["PYTHONPATH"] = os.pathsep.join(part for part in path if part)
        if not hash_secret and not found.get("PYTHONHASHSEED", "random").isdigit():
            found["PYTHONHASHSEED"] = str(int.from_bytes(os.urandom(4), "little"))
            self._hash_drawn = True
        library = shim.find(self._settings.cache)
        self.native = library.why
        if library.path is not None:
            root = self._run.folder.root if self._run.folder else self.folder
            skip = [str(root), str(self._settings.cache), sys.prefix, sys.base_prefix]
            skip += filter(None, [found.get("NOTABENE_REPLAY")])
            found |= shim.preload(
                found, library.path, self.folder, skip=skip, map=redirect, hash_secret=hash_secret
            )
        return found

    def follow(self) -> None:
        """Look at files soon after they were opened, until the run ends; on its own thread."""
        load(*_LATER)
        self._name_arguments()
        quietly(self._ask)
        while not self._stop.wait(EVERY):
            quietly(self._look if self._watch is not None else self._is_done_aside)

    def _ask(self) -> None:
        """Say whether this was done before, and let others know that it is done now."""
        if self.on_repeat != "ignore":
            line = self.ask()
            # Who was asked, or wanted the earlier results, was told already.
            told = self.on_repeat == "reuse" and bool(self._capture.program)
            asked = self.on_repeat == "ask"
            told |= asked and self.answer is not None and self.answer.verdict == "duplicate"
            if line and self.say is not None and not told:
                self.say(line)
        with self._lock:
            if not self._stop.is_set():  # else the end of the run is, or was, written down
                self._judge().begin(self._manifest(), self._config())

    def ask(self) -> str:
        """One line about the closest earlier run; empty where there is none."""
        from notabene.proof.fingerprint import environment_table
        from notabene.proof.telling import line_of

        parts = self.parts_so_far
        table = environment_table(parts.get("environment", {}), parts.get("hardware", {}))
        known = table if "environment" in parts else {}
        run = self._run
        self.answer = self._judge().ask(
            environment(), known, config=self._config(), without=run.id, nth=self._nth
        )
        return line_of(self.answer, now_us=now_us(), user=run.user)

    def _config(self) -> dict[str, Any]:
        """What the program has logged so far; of one under ``notabene run`` it is not known."""
        return {} if self._capture.program else self._run.logged()

    def _manifest(self) -> Manifest:
        from notabene.proof.repeats import Manifest

        run = self._run
        return Manifest(
            run=run.id,
            name=run.name,
            project=run.project,
            user=run.user,
            host=host_name(),
            started=self._began,
            nth=self._nth,
        )

    def _name_arguments(self) -> None:
        """The command line by name, while what it names is as the program finds it."""
        from notabene.model.evidence import Parameters
        from notabene.proof.fingerprint import arguments_of
        from notabene.tracking.judging import without_secrets

        redactor = self._ready().redactor
        named = arguments_of(self._words, working_folder())
        arguments, places = without_secrets(named, redactor)
        self._parameters = Parameters(
            words=redactor.argv(self._words),
            arguments=arguments,
            places=places,
        )

    def _look(self) -> None:
        assert self._watch is not None
        events = self._watch.events
        fresh, self._read = events[self._read :], len(events)
        self._watch.end_floods()  # what comes now is a new event
        tools = self._ready()
        tools.shelf.take(event[1] for event in fresh if event[0] == "source")
        tools.shelf.take_loaded()
        tools.shelf.take_cells(executed_cells())
        self._judge().learn(tools.shelf.texts())
        paths: list[str] = []
        for event in fresh:
            if event[0] in ("read", "ready", "given"):
                paths += event[1] if event[0] == "read" else event[1:2]
        self._watch.flush()
        if not self._is_done_aside(len(paths)):
            for path in paths:
                if not self._stop.is_set():
                    tools.inputs.look(os.path.abspath(path))

    def _is_done_aside(self, count: int = 0) -> bool:
        """Whether another process looks at files; it is begun where there are many.

        Args:
            count: Files that were opened here since the last look.
        """
        from notabene.tracking.aside import Aside, Job

        if self._watch is not None and self._watch.folder != str(self.folder):
            return False  # what is seen here is left with another run
        if not self._asked_aside and Aside.can_be() and self._are_many(count):
            self._asked_aside = True
            tools, blobs = self._ready(), self._run.blobs if self._capture.data else None
            job = Job(
                os.getpid(), str(self.folder), str(tools.memory.path), [*self._capture.secrets]
            )
            if blobs is not None:
                job.blobs, job.trash = str(blobs.root), str(blobs.trash.folder)
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                self._aside = Aside(job)
        return self._aside is not None and self._aside.lives

    def _are_many(self, count: int) -> bool:
        own = "" if self._watch is None else self._watch.file
        others = (entry.stat().st_size for entry in os.scandir(self.folder) if entry.name != own)
        return count >= MANY or sum(others) >= MANY_BYTES

    def _ready(self) -> _Tools:
        with self._lock:
            if self._tools is None:
                self._tools = _Tools(self._run, self._capture, self._settings)
            return self._tools

    def take_inputs(
        self, files: Sequence[Path], frame: FrameType | None, *, snapshot: bool | None
    ) -> bool:
        """Files that the program says it reads, though nobody saw it; False: no watch."""
        if self._watch is None:
            return False
        inputs = self._ready().inputs
        for path in files:
            full = os.path.abspath(path)
            inputs.wanted[full] = snapshot
            self._watch.add("wanted", full, snapshot)
            self._watch.files.ready(full, frame)
        return True

    def stop(self) -> None:
        """Let the thread of :meth:`follow` end."""
        self._stop.set()
        if self._watch is not None and environment().get(WATCH) == str(self.folder):
            export(WATCH, self._before)

    def parts(self) -> list[Part]:
        """All that was seen, as parts of the record; the files of the children are removed."""
        from notabene.capture import shim
        from notabene.capture.observed import observe

        tools = self._ready()
        if self._parameters is None:
            self._name_arguments()
        assert self._parameters is not None
        logs, preserved = self._gather()
        aside = self._aside
        if aside is not None:
            if self._watch is not None:
                self._watch.flush()
            aside.ask(AT_END)
        seen = shim.read(self.folder) if self._capture.program else []
        search = environment().get("PATH", "")
        observed = observe(
            logs,
            tools.root,
            tools.redactor,
            seen,
            cells=cell_files(),
            script=tools.script,
            programs=search.split(os.pathsep),
        )
        if aside is not None and (done := aside.answer()) is not None:
            tools.inputs.take(done.seen)
            self._run.spent_us += done.cpu_us
        self.points = observed.points
        self._logged, self._results = observed.logged, observed.results
        if observed.name:
            self._run.name, self._run.project = observed.name, observed.project
        if self._capture.program:
            observed.data.native = "none" if self.native else "shim"
        for content in preserved.values() if self._capture.data else ():
            tools.put(content)
        observed.data.folder = observed.data.folder or working_folder()
        deadline = Deadline(AT_END)
        keep = tools.put if self._capture.data else None
        tools.inputs.fill(observed.data, deadline, preserved, keep)
        tools.inputs.fill_programs(observed.outside.programs, observed.data.folder, search)
        if observed.outside.stdin is not None and self._capture.outside:
            name = observed.stdin_in
            held = self.folder / Path(name).name if name else None
            tools.inputs.fill_stdin(observed.outside.stdin, held)
        observed.parameters.settings += tools.inputs.settings
        observed.randomness.hash_drawn = self._hash_drawn
        observed.parameters.words = self._parameters.words
        observed.parameters.arguments = self._parameters.arguments
        observed.parameters.places = {**_places(observed), **self._parameters.places}
        tools.shelf.take([tools.script] if tools.script else [])
        tools.shelf.take(observed.sources)
        if self._watch is not None:
            tools.shelf.take_loaded()
            tools.shelf.take_cells(executed_cells())
        sources = tools.shelf.part(in_git=tools.in_git, deadline=Deadline(AT_END))
        parts = list(self._made(observed, sources))
        if self._watch is not None and self._watch.folder == str(self.folder):
            self._watch.release(self._outer)
        shutil.rmtree(self.folder, ignore_errors=True)
        return parts

    def judge(self, parts: Mapping[str, Mapping[str, Any]]) -> Part:
        """What is missing in the record, and the file that later runs compare with.

        Args:
            parts: Data of all parts that were captured, by name.
        """
        run, tools = self._run, self._ready()
        manifest = self._manifest()
        manifest.took = (now_us() - self._began) / 1e6
        manifest.status = run.status
        manifest.again = self._again
        manifest.results = {**self._results, **run.headline()}
        texts = tools.shelf.texts()
        config = {**self._logged, **run.config.as_dict()}
        with self._lock:
            self.verdict = self._judge().settle(parts, texts, config, manifest)
        tools.close()
        return self.verdict.part()

    def _judge(self) -> Judge:
        with self._lock:
            if self._judging is None:
                self._judging = self._new_judge()
            return self._judging

    def _new_judge(self) -> Judge:
        from notabene.tracking.judging import Judge

        tools, run = self._ready(), self._run
        assert run.folder is not None
        return Judge(
            run.folder.root,
            tools.script or program_name(self._capture.program),
            root=tools.root,
            folder=working_folder(),
            words=self._words,
            memory=tools.memory,
            cache=self._settings.cache,
            redactor=tools.redactor,
        )

    def _gather(self) -> tuple[list[Any], dict[str, bytes]]:
        """Events of all processes, and what was kept of files that were written over."""
        from notabene.capture.events import left_behind

        logs: list[Any] = []
        preserved: dict[str, bytes] = {}
        own = ""
        if self._watch is not None:
            self._watch.last_words()
            logs.append(list(self._watch.events))
            own = self._watch.file
            preserved.update(self._watch.preserved)
        folders = [(self.folder, own)]
        if self._watch is not None and self._watch.sheltered:
            # Of children that came before the first run.
            folders.insert(0, (Path(self._watch.sheltered), f"{os.getpid()}-"))
        for folder, without in folders:
            left = left_behind(folder, without=without)
            for event in (event for log in left for event in log):
                if event[0] == "kept" and len(event) == 3:
                    with contextlib.suppress(OSError):
                        content = (folder / Path(str(event[2])).name).read_bytes()
                        preserved.setdefault(str(event[1]), content)
            logs += left
        return logs, preserved

    def _made(self, observed: Observed, sources: Sources) -> Iterator[Part]:
        from notabene.capture.inputs import fold

        data = observed.data
        away = fold(data)
        if data.native == "none" and self._watch is not None:
            data.native = "wrappers"
        wanted = self._capture
        if wanted.data:
            if away:
                data.files_kept = self._ready().put(msgspec.json.encode(away))
            yield Part("data", msgspec.to_builtins(data))
        for name, value in (
            ("randomness", observed.randomness),
            ("parameters", observed.parameters),
            ("outside", observed.outside),
        ):
            if getattr(wanted, name):
                yield Part(name, msgspec.to_builtins(value))
        if wanted.code:
            yield Part("sources", msgspec.to_builtins(sources))


class _Tools:
    """What is only needed once something is to be looked at; made on a background thread."""

    def __init__(self, run: Run, capture: Capture, settings: Settings) -> None:
        load(*_LATER)
        from notabene.artifacts.hashes import HashCache
        from notabene.capture.inputs import Inputs
        from notabene.capture.secrets import Redactor
        from notabene.capture.sources import SourceShelf, project_top

        script = script_of(capture.program) if capture.program else script_path()
        self.script = os.path.normpath(script) if script else ""
        self.root, self.in_git = project_top(script, working_folder())
        self.redactor = Redactor(capture.secrets)
        self.memory = HashCache(settings.cache / "hashes.sqlite")
        self._blobs = run.blobs
        # Of what is not wanted nothing is kept either.
        self.inputs = Inputs(self.memory, run.blobs if capture.data else None, self.redactor)
        self.shelf = SourceShelf(self.root, self.put, self.redactor, script=self.script)

    def put(self, content: bytes) -> str:
        """Keep bytes by their digest."""
        if self._blobs is None:
            from notabene.model.canonical import digest_bytes

            return digest_bytes(content)
        return self._blobs.put(content)

    def close(self) -> None:
        """Write what was learned of files."""
        self.memory.close()


def _places(observed: Observed) -> dict[str, str]:
    """Options that the command line does not name and whose values are paths."""
    found: dict[str, str] = {}
    for option in observed.parameters.options:
        if isinstance(option.value, str) and 0 < len(option.value) < 4096:
            path = os.path.normpath(os.path.join(observed.data.folder, option.value))
            if os.path.exists(path):
                found[option.name] = path
    return found
