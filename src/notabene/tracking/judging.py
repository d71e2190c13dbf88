"""Was it done before, and is its record complete? Asked at the start and at the end of a run."""

from __future__ import annotations

import os
import stat as kinds
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from notabene._ids import now_us, user_name
from notabene.capture.environment import selected_variables, set_since
from notabene.capture.inputs import digest_names, names_in, sign_of
from notabene.capture.part import Part
from notabene.capture.process import notebook_shell
from notabene.capture.watch import current
from notabene.errors import ConflictError
from notabene.journal.folder import StoreFolder
from notabene.model.canonical import digest_bytes, digest_file
from notabene.model.records import storable
from notabene.proof.findings import UNFIXED, Evidence, Finding, state
from notabene.proof.fingerprint import (
    ABSENT,
    PATH,
    STDIN,
    UNREAD,
    URL,
    Tables,
    arguments_of,
    config_table,
    counts,
    effective,
    is_seed,
    numerics,
    tables,
    value_of,
    where_is,
)
from notabene.proof.memory import SourceMemory
from notabene.proof.record import flat, record_of
from notabene.proof.repeats import Answer, Manifest, Now, Repeats, ask
from notabene.proof.review import review
from notabene.proof.source.cells import is_cell
from notabene.tracking.names import place_in_program

if TYPE_CHECKING:
    from notabene.artifacts.hashes import HashCache
    from notabene.capture.secrets import Redactor
    from notabene.settings import Settings

LARGE = 256 << 20
"""A file larger than this is not hashed before a run begins; one that was hashed before counts."""


class Judge:
    """Knows one script's earlier runs.

    Args:
        store: Folder of the store.
        script: Absolute path of the program, or its name.
        root: Top folder of the project.
        folder: Working folder.
        words: Command line behind the script.
        memory: Digests of files.
        cache: Folder for what can be made anew.
        redactor: Hides secrets, in sources as in what is kept.
    """

    def __init__(
        self,
        store: Path,
        script: str,
        *,
        root: Path,
        folder: str,
        words: list[str],
        memory: HashCache,
        cache: Path,
        redactor: Redactor,
    ) -> None:
        self.root, self.folder = str(root), folder
        self.script = storable(os.path.relpath(script, root) if os.path.isabs(script) else script)
        self.repeats = Repeats(store, self.script)
        self._store = store
        self._memory, self._redactor = memory, redactor
        self._sources = SourceMemory(cache / "sources.sqlite")
        self._learned = 0
        self._environ: Mapping[str, str] = {}
        self.arguments, self.places = without_secrets(arguments_of(words, folder), redactor)

    # -- at the start ----------------------------------------------------------------------

    def ask(
        self,
        environ: Mapping[str, str],
        environment: dict[str, Any],
        *,
        config: Mapping[str, Any] | None = None,
        without: str = "",
        nth: int = 1,
    ) -> Answer:
        """Whether this was done before.

        Args:
            environ: Variables of the run.
            environment: Its table; empty: not compared.
            config: What it logs, flat; None: not known.
            without: The run itself.
            nth: Which run of its program it is; 0: not known.

        In a notebook the answer is always ``new``: nobody knows which cells will come.
        """
        self._environ = environ
        if notebook_shell() is not None:
            return Answer()
        now = Now(
            arguments={k: v for k, v in self.arguments.items() if counts(k) and not is_seed(k)},
            seeds={k: v for k, v in self.arguments.items() if is_seed(k)},
            environment={"variables": self._variables(environ), **environment},
            config=self._config(config or {}),
            nth=nth,
            code_of=self._code_of,
            data_of=self._data_of,
            variable=lambda name: value_of(name, environ),
        )
        return ask(self.repeats, now, alive=self._is_alive, without=without)

    def _config(self, config: Mapping[str, Any]) -> dict[str, str]:
        """A config, flat, as it may be kept."""
        hide = self._redactor.value
        hidden = {k: hide(v, k.rpartition(".")[2]) for k, v in config.items()}
        kept: dict[str, str] = storable(config_table(hidden))
        return kept

    def _variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Those that numbers hang on, as they were when the program began."""
        now = selected_variables(environ, self._redactor)
        then = {**now, **set_since(now, self._redactor)}
        return numerics({k: v for k, v in then.items() if v is not None})

    def _is_alive(self, run: str) -> bool:
        return run in StoreFolder(self._store, "").live_runs()

    def _code_of(self, path: str, then: Mapping[str, str]) -> dict[str, Any] | None:
        if is_cell(path):
            return dict(then)  # made by the program, whose own inputs are compared
        try:
            content = Path(self.root, path).read_bytes()
        except OSError:
            return None
        content = content if path.endswith(".pyc") else self._redactor.source(content)
        if digest_bytes(content) == then.get("sha"):
            return dict(then)
        facts = self._sources.facts({path: content})[path]
        return {
            "sha": digest_bytes(content),
            "code": facts.code,
            "without_seeds": facts.code_without_seeds,
            "without_constants": facts.code_without_constants,
            "constants": {one.name: [one.value, one.line] for one in facts.constants},
        }

    def _data_of(self, key: str, then: Tables) -> str:
        if key == STDIN:
            return standard_input()
        if key.startswith(URL):
            return then.data[key]  # nobody knows before; with it a result is not fixed
        kind, _, name = key.partition(" ") if key.startswith(("list ", "set ")) else ("", "", key)
        places = {
            given: os.path.normpath(os.path.join(self.folder, path))
            for given, path in then.default_places.items()
            if given not in self.arguments
        }
        places |= self.places
        for given, value in then.arguments.items():
            if given.startswith("$") and value == PATH and self._environ.get(given[1:]):
                place = os.path.join(self.folder, self._environ[given[1:]])
                places[given] = os.path.normpath(place)
        path = where_is(name, self.root, self.folder, places)
        if kind == "list" and path:
            # What the run then wrote into the folder afterwards is found there now.
            names = names_in(path, ())
            return "" if names is None else digest_names(names)
        if not path or not os.path.lexists(path):
            return ABSENT if then.data[key] == ABSENT else ""
        if kind == "set":
            return then.data[key] if sign_of(path) == then.signs.get(name) else "changed"
        try:
            status = os.stat(path)
        except OSError:
            return ""
        if then.data[key].startswith("size:"):
            return f"size:{status.st_size}:{status.st_mtime_ns // 1000}"
        known = self._memory.get(status)
        if known is None and status.st_size <= LARGE and os.path.isfile(path):
            known = digest_file(Path(path))
            self._memory.keep(status, known)
        return known or "not hashed yet"

    def learn(self, texts: Mapping[str, bytes]) -> None:
        """Analyse sources while there is time; what was analysed before costs nothing."""
        if len(texts) != self._learned:
            self._learned = len(texts)
            self._sources.facts(texts)

    # -- at the end ------------------------------------------------------------------------

    def begin(self, manifest: Manifest, config: Mapping[str, Any]) -> None:
        """Let others know that the run goes on, with what it logs, flat."""
        manifest.script = self.script
        manifest.config = self._config(config)
        counted = {k: v for k, v in self.arguments.items() if counts(k)}
        manifest.arguments = {k: v for k, v in counted.items() if not is_seed(k)}
        manifest.seeds = {k: v for k, v in counted.items() if is_seed(k)}
        self.repeats.keep(manifest)

    def settle(
        self,
        parts: Mapping[str, Mapping[str, Any]],
        texts: Mapping[str, bytes],
        config: Mapping[str, Any],
        manifest: Manifest,
    ) -> Verdict:
        """Look a run's record through, and keep its manifest.

        Args:
            parts: Data of the parts by name.
            texts: The sources, by their paths in the record.
            config: What was logged.
            manifest: Who, when, and how it ended.
        """
        record = record_of(storable(parts), run=manifest.run, project=manifest.project)
        facts = self._sources.facts(storable(texts))
        mine = tables(record, facts)
        mine.config = self._config(flat(config))
        seen = review(Evidence(record, facts, flat(config)), mine, self.repeats, manifest)
        found, before = seen.findings, seen.before
        manifest.script = self.script
        manifest.arguments, manifest.seeds = mine.arguments, mine.seeds
        manifest.config = mine.config
        manifest.outputs = mine.outputs
        manifest.effective = effective(mine)
        manifest.fixed = not any(one.kind in UNFIXED for one in found)
        manifest.gaps = sorted({f"{f.kind} {f.where}" for f in found if f.severity != "note"})
        self.repeats.keep(manifest, mine)
        return Verdict(found, before is not None and before.gaps == manifest.gaps)


def standard_input() -> str:
    """Digest of this program's standard input, or of that of the one it is about to start.

    Returns:
        ``not read yet`` for a pipe that was not read to its end, empty where there is nothing.
    """
    watch = current()
    if watch is not None and watch.taken.whole:
        return watch.taken.digest()
    try:
        number = sys.stdin.fileno()
        status = os.fstat(number)
        if kinds.S_ISREG(status.st_mode) and status.st_size <= LARGE:
            return digest_bytes(os.pread(number, status.st_size, 0))
    except (OSError, ValueError, AttributeError):  # closed, or of a notebook, or there is none
        return ""
    is_pipe = kinds.S_ISFIFO(status.st_mode) or kinds.S_ISSOCK(status.st_mode)
    return UNREAD if is_pipe else ""


def without_secrets(
    named: tuple[dict[str, str], dict[str, str]], redactor: Redactor
) -> tuple[dict[str, str], dict[str, str]]:
    """Arguments and paths by name, as they may be kept and shown."""
    arguments, places = named
    hidden = {name: str(redactor.value(value, name)) for name, value in arguments.items()}
    return storable(hidden), places


class Verdict(msgspec.Struct):
    """What was found at the end of a run, and whether the run before had the same gaps."""

    findings: list[Finding]
    same_as_before: bool = False

    def part(self) -> Part:
        """As a part of the record."""
        gaps = [one for one in self.findings if one.severity != "note"]
        part = Part(
            "check",
            {"record": state(self.findings), "findings": msgspec.to_builtins(self.findings)},
        )
        part.fact("record", state(self.findings))
        part.fact("record.gaps", len(gaps))
        return part

    def line(self) -> str:
        """For the last line at a terminal."""
        gaps = [one for one in self.findings if one.severity != "note"]
        if not gaps:
            return "record complete"
        count = f"{len(gaps)} gap{'s' * (len(gaps) != 1)} in the record"
        where = f" ({gaps[0].where})" if gaps[0].where else ""
        return f"{count}, first: {gaps[0].what}{where}"


def ask_for_command(
    command: tuple[str, ...], settings: Settings, config: Mapping[str, Any] | None = None
) -> Answer:
    """Whether a command was run before, without running anything.

    Args:
        command: As it would be given to ``notabene run``; empty: the program of this process.
        settings: For the store and the cache.
        config: What it is known to log, flat.
    """
    from notabene.artifacts.hashes import HashCache
    from notabene.capture.process import (
        program_name,
        script_of,
        script_path,
        words_behind,
        working_folder,
    )
    from notabene.capture.secrets import Redactor
    from notabene.capture.sources import project_top
    from notabene.settings import environment

    script, folder = script_of(command) if command else script_path(), working_folder()
    root, _ = project_top(script, folder)
    with HashCache(settings.cache / "hashes.sqlite") as memory:
        judge = Judge(
            settings.store,
            os.path.normpath(script) if script else program_name(command),
            root=root,
            folder=folder,
            words=words_behind(command) if command else sys.argv[1:],
            memory=memory,
            cache=settings.cache,
            redactor=Redactor(),
        )
        nth = 1 if command else place_in_program()
        return judge.ask(environment(), {}, config=config, nth=nth)


def refuse_repeat(settings: Settings, config: Mapping[str, Any]) -> None:
    """Keep a script from doing again what was done, as the setting ``on_repeat`` says.

    Raises:
        ConflictError: It was done before, and is not to be done again.
    """
    from notabene.proof.telling import line_of

    answer = ask_for_command((), settings, config)
    if answer.verdict != "duplicate":
        return
    line = line_of(answer, now_us=now_us(), user=user_name())
    if settings["on_repeat"] == "ask":
        # Without a person at the terminal nobody is asked, and it goes on.
        if not (sys.stdin and sys.stdin.isatty()):
            return
        sys.stderr.write(f"notabene: {line}. Run it again? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise ConflictError(line, hint="NOTABENE_ON_REPEAT=warn runs it again")
