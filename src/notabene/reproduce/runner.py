"""Starting a recorded run again, as a child of itself, and comparing what comes out."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from notabene._ids import new_run_id
from notabene.compare.series import Parting
from notabene.errors import UsageError
from notabene.model.evidence import FileWritten
from notabene.proof.fingerprint import Spelled, spelled
from notabene.proof.record import Record
from notabene.reproduce.environment import Interpreter, interpreter_for
from notabene.reproduce.replay import replay_of
from notabene.reproduce.workspace import Missing, Workspace
from notabene.settings import environment
from notabene.tracking.observing import AGAIN

if TYPE_CHECKING:
    from notabene.api import Api

Verdict = Literal["bit-exact", "within-tolerance", "different", "cannot", "untested"]
Say = Callable[[str], None]

TOLERANCE = 1e-6
"""Largest relative difference that counts as the same, where none is given."""
STOP_AFTER = "NOTABENE_STOP_AFTER"
REPLAY = "NOTABENE_REPLAY"


class Options(msgspec.Struct, kw_only=True):
    """How to reproduce.

    Attributes:
        steps: Only the first so many steps; None: all.
        dry_run: Only say what is there and what is missing.
        threads: Threads of numeric libraries; None: as recorded.
        allow_env: Use the present environment though it differs.
        folder: The folder to work in, which stays; None: one that is removed.
        tolerance: Relative.
        sets: Arguments to change, for ``rerun``.
    """

    steps: int | None = None
    dry_run: bool = False
    threads: int | None = None
    allow_env: bool = False
    folder: Path | None = None
    tolerance: float = TOLERANCE
    sets: dict[str, str] = {}


class Reproduction(msgspec.Struct, kw_only=True):
    """How it came out.

    Attributes:
        verdict: ``bit-exact``, ``within-tolerance``, ``different`` or ``cannot``; ``untested``
            where all is there and nothing was run (``dry_run``).
        compared: Values that were compared.
        first_difference: ``{"metric", "step", "recorded", "now", "relative", "ulps"}`` or None.
        missing: What there is not.
        run: Id of the rerun; empty where there was none.
        cause: The likely cause of a difference, in words.
        environment: In words.
        original: Id of the run that was reproduced.
    """

    verdict: Verdict
    compared: int = 0
    first_difference: dict[str, Any] | None = None
    missing: list[Missing] = []
    run: str = ""
    cause: str = ""
    environment: str = ""
    original: str = ""
    worst: float = 0.0


def reproduce(api: Api, ref: str, options: Options, say: Say) -> Reproduction:
    """Run a run again from its record and compare.

    Args:
        api: Of the store.
        ref: Which run.
        options: How.
        say: Takes lines for people.

    Raises:
        ReproductionError: The environment cannot be had.
    """
    record = api.record(ref)
    with _folder(options.folder) as folder:
        workspace = Workspace(record, folder, api.content)
        command = _command(workspace, options)
        workspace.fill()
        _say_inputs(say, record, workspace)
        missing = list(workspace.missing)
        if command is None:
            missing.append(Missing(what="command", item="the command line", why="not recorded"))
        for one in missing:
            one.last_seen = _last_seen(api, record, one)
        if missing and not options.dry_run:
            return Reproduction(verdict="cannot", missing=missing, original=record.run)
        interpreter = interpreter_for(
            record,
            api.settings.cache,
            allow=options.allow_env or options.dry_run,
            build=not options.dry_run,
        )
        say(f"environment  {interpreter.said}")
        if options.dry_run:
            verdict: Verdict = "cannot" if missing else "untested"
            return Reproduction(
                verdict=verdict,
                missing=missing,
                environment=interpreter.said,
                original=record.run,
            )
        assert command is not None
        run = _start(api, record, workspace, interpreter, command, options, say)
        return judge(api, record, run, options, interpreter)


def rerun_of(api: Api, record: Record, options: Options, say: Say) -> str:
    """Run a record, which may be a changed one, and give the id of the new run.

    Returns:
        An empty text where something is missing.
    """
    with _folder(options.folder) as folder:
        workspace = Workspace(record, folder, api.content)
        command = _command(workspace, options)
        workspace.fill()
        if command is None or workspace.missing:
            return ""
        interpreter = interpreter_for(record, api.settings.cache, allow=True, build=False)
        return _start(api, record, workspace, interpreter, command, options, say)


@contextlib.contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        if given.exists() and any(given.iterdir()):
            raise UsageError(f"{given} is not empty", hint="name a new folder with --in")
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="notabene-reproduce-")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _command(workspace: Workspace, options: Options) -> list[str] | None:
    """The words behind the interpreter; for a foreign program all words."""
    record = workspace.record
    process = record.process
    words = changed(record.parameters.words, options.sets)
    kind = process.get("kind", "")
    if kind == "program":
        argv = [str(word) for word in process.get("argv", ())]
        if not argv:
            return None
        at = len(argv) - len(record.parameters.words)
        head = argv[:at]
        if _is_python(head[0]):
            return ["", *map(_in(workspace), head[1:]), *words]
        return [*map(_in(workspace), head), *words]
    script = next((one for one in record.sources.files if one.script), None)
    if kind == "module" and process.get("module"):
        return ["", "-m", str(process["module"]), *words]
    if kind == "notebook":
        return _notebook(workspace)
    if script is not None:
        return ["", str(workspace.where(script.path)), *words]
    source = record.code.get("script") or {}
    digest = record.code.get("files", {}).get(source.get("file", ""))
    content = workspace.content(digest) if digest else None
    if kind == "command" and content is not None:
        return ["", "-c", content.decode("utf-8", "surrogateescape"), *words]
    return None


def _notebook(workspace: Workspace) -> list[str] | None:
    """The cells in the order they were run, as one script; magics and shell lines are left out."""
    notebook = workspace.record.notebook
    digest = notebook.get("files", {}).get(notebook.get("file", ""))
    content = workspace.content(digest) if digest else None
    if content is None:
        return None
    lines: list[str] = []
    for cell in msgspec.json.decode(content):
        for line in str(cell.get("source", "")).splitlines():
            left_out = line.lstrip()[:1] in ("%", "!")
            lines.append(f"# {line}" if left_out else line)
        lines.append("")
    path = workspace.top / "notebook.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    return ["", str(path)]


def _in(workspace: Workspace) -> Callable[[str], str]:
    root = workspace.record.data.root

    def place(word: str) -> str:
        if os.path.isabs(word) and root and word.startswith(root + os.sep):
            return str(workspace.where(word))
        return word

    return place


def _is_python(word: str) -> bool:
    return os.path.basename(word).startswith(("python", "pypy"))


def changed(words: Sequence[str], sets: Mapping[str, str | None]) -> list[str]:
    """A command line with other values for some arguments.

    Args:
        words: The command line.
        sets: Values by the names that :func:`~notabene.proof.fingerprint.arguments_of` gives,
            positions by number; None: without it.

    Raises:
        UsageError: It has no argument at a position.
    """
    found = list(words)
    for name, value in sets.items():
        plain = name.lstrip("-+").replace("-", "_")
        spots = [one for one in spelled(found) if one.name == plain]
        if not spots:
            if plain.isdigit():
                raise UsageError(f"the command line has no argument {plain}")
            if value is not None:
                flag = f"--{name.lstrip('-').replace('_', '-')}"
                found += [flag] if value == "true" else [flag, value]
            continue
        spot = spots[-1]
        found[spot.at : spot.at + spot.words] = _respelled(found[spot.at], spot, value)
    return found


def _respelled(word: str, spot: Spelled, value: str | None) -> list[str]:
    """One argument with another value, in the form that it has."""
    is_flag = spot.words == 1 and not spot.name.isdigit() and "=" not in word
    if value is None or (is_flag and value.lower() in ("false", "no", "off", "0", "none")):
        return []
    if is_flag:
        return [word] if value.lower() in ("true", "yes", "on", "1") else [word, value]
    if spot.words == 2:
        return [word, value]
    return [value] if spot.name.isdigit() else [f"{word.partition('=')[0]}={value}"]


def _start(
    api: Api,
    record: Record,
    workspace: Workspace,
    interpreter: Interpreter,
    command: list[str],
    options: Options,
    say: Say,
) -> str:
    """Run the program under ``notabene run``; the answer is the new run's id."""
    folder = workspace.folder
    replay = folder / "replay.json"
    replay.write_text(json.dumps(replay_of(record, api.facts_of(record))))
    words = [interpreter.path if word == "" else word for word in command]
    environ, unset = _environ(record, options)
    environ[REPLAY] = str(replay)
    if options.steps is not None or not options.sets:
        environ[AGAIN] = "1"
    environ["PYTHONPATH"] = os.pathsep.join(workspace.import_path())
    if options.steps is not None:
        environ[STOP_AFTER] = str(options.steps - 1)
    shim = _shim(api, workspace, record)
    if not shim:
        words = [workspace.rewrite(word) for word in words]
    say(f"files  {'led into the workspace' if shim else 'by changed paths'}")
    run = new_run_id()
    asked = folder / "environment.json"
    asked.write_text(json.dumps({"set": environ, "unset": unset, **shim}))
    patterns = [str(one) for one in record.process.get("patterns", ())]
    line = [
        sys.executable, "-m", "notabene", "--store", str(api.store_path), "run",
        "--id", run, "-p", record.project, "--name", f"{record.name} again",
        "--parent", record.run, "-t", f"reproduces={record.run}", "--environment", str(asked),
        *(word for one in patterns for word in ("--metrics", one)),
        "--", *words,
    ]  # fmt: skip
    env = {k: v for k, v in environment().items() if k not in ("NOTABENE_RUN_ID", "NOTABENE_NAME")}
    env["NOTABENE_QUIET"] = "1"
    with open(folder / "output.txt", "wb") as output, contextlib.ExitStack() as stack:
        given = workspace.stdin
        done = subprocess.run(
            line,
            cwd=workspace.cwd,
            env=env,
            stdin=stack.enter_context(open(given, "rb")) if given is not None else None,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    say(f"rerun  {run[-6:]}, exit code {done.returncode}")
    api.refresh()
    return run


def _environ(record: Record, options: Options) -> tuple[dict[str, str], list[str]]:
    """Variables as recorded: those numbers hang on, and those the program asked for."""
    found: dict[str, str] = {}
    unset: list[str] = []
    known = record.environment.get("variables", {})
    before = record.environment.get("variables_before", {})  # what the program then set itself
    unset += [name for name, value in before.items() if value is None]
    for name, value in {**known, **before}.items():
        if value is not None and not str(name).startswith(
            ("SLURM_", "LD_", "VIRTUAL_ENV", "CONDA", "PYTHONPATH")
        ):
            found[str(name)] = str(value)
    for variable in record.parameters.variables:
        if variable.value is None:
            unset.append(variable.name)
        elif "[hidden]" not in variable.value:
            found[variable.name] = variable.value
    secret = record.randomness.hash
    if secret.isdigit():
        found["PYTHONHASHSEED"] = secret
    if options.threads is not None:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            found[name] = str(options.threads)
    # Who runs it and where stays, but for what the program asked for.
    keep = {"HOME", "PATH", "USER", "LOGNAME", "SHELL", "PWD", "TMPDIR", "HOSTNAME"}
    keep -= {v.name for v in record.parameters.variables} & {"USER", "LOGNAME", "HOSTNAME"}
    found = {k: v for k, v in found.items() if k not in keep and not k.startswith("NOTABENE_")}
    return found, [name for name in unset if name not in keep]


def _shim(api: Api, workspace: Workspace, record: Record) -> dict[str, str]:
    """Have the preload shim lead the program's paths into the workspace, where there is one."""
    from notabene.capture import shim

    if shim.find(api.settings.cache).path is None:
        return {}
    table = workspace.folder / "map.txt"
    instead = {old: None if new == "-" else new for old, new in workspace.redirects.items()}
    ours = (str(api.store_path), str(api.settings.cache), str(workspace.folder))
    instead.update({own: own for own in ours})
    shim.write_map(table, instead)
    secret = record.randomness.hash
    given = {"map": str(table)}
    if secret.startswith("secret:"):
        given["hash"] = secret.removeprefix("secret:")
    return given


def _say_inputs(say: Say, record: Record, workspace: Workspace) -> None:
    git = record.code.get("git", {})
    commit = str(git.get("commit", ""))[:7]
    kept = sum(1 for one in record.sources.files if one.digest)
    say(f"code  {kept} file{'s' * (kept != 1)}" + (f", commit {commit}" if commit else ""))
    wanted = len(record.data.read)
    gone = sum(1 for one in workspace.missing if one.what == "data")
    say(f"data  {wanted - gone} of {wanted} files by content")
    draws = sum(1 for one in record.randomness.draws if one.value)
    states = sorted({one.name for one in record.randomness.generators if one.state})
    told = ", ".join(states) + (f", {draws} draws of entropy" if draws else "")
    say(f"randomness  {told or 'none was seen'}")


def _last_seen(api: Api, record: Record, one: Missing) -> str:
    """A later or earlier run that read the same content, and keeps it."""
    digests = {read.path: read.digest for read in record.data.read}
    wanted = digests.get(one.item, "")
    if not wanted:
        return ""
    for view in api.runs(project=record.project, limit=200):
        if view.id != record.run:
            data = api.captured(view).get("data", {})
            for read in data.get("read", ()):
                if read.get("digest") == wanted:
                    return view.id
    return ""


def judge(
    api: Api, record: Record, run: str, options: Options, interpreter: Interpreter | None
) -> Reproduction:
    """Compare a rerun with its original."""
    upto = None if options.steps is None else options.steps - 1
    partings = api.partings(record.run, run, upto=upto)
    found = Reproduction(
        verdict="bit-exact",
        compared=sum(one.compared for one in partings),
        run=run,
        original=record.run,
        environment="" if interpreter is None else interpreter.said,
    )
    parted = [one for one in partings if one.first_divergent_step is not None]
    if parted:
        _differs(found, parted, options, interpreter)
    elif not found.compared:
        _by_outputs(api, record, run, found)
    return found


def _differs(
    found: Reproduction,
    parted: list[Parting],
    options: Options,
    interpreter: Interpreter | None,
) -> None:
    first = min(parted, key=lambda one: (one.first_divergent_step, one.metric))
    found.first_difference = {
        "metric": first.metric,
        "step": first.first_divergent_step,
        "recorded": first.first_a,
        "now": first.first_b,
        "relative": first.relative,
        "ulps": first.ulps,
    }
    whole = all(one.first_a is not None and one.first_b is not None for one in parted)
    found.worst = max((one.worst for one in parted), default=0.0)
    near = whole and found.worst <= options.tolerance
    found.verdict = "within-tolerance" if near else "different"
    if first.first_a is None or first.first_b is None:
        found.cause = "one of the runs ended earlier, or logged something else"
    elif 0 < first.relative < 1e-5:
        found.cause = "numeric nondeterminism: sums in another order (threads, GPU atomics)"
        if options.threads is not None:
            found.cause += f"; this rerun had {options.threads} threads"
    elif interpreter is not None and interpreter.differs:
        names = ", ".join(list(interpreter.differs)[:3])
        found.cause = f"the environment differs: {names}"
    else:
        found.cause = "something that is not in the record: notabene check shows what is not"


def _by_outputs(api: Api, record: Record, run: str, found: Reproduction) -> None:
    """Runs without metrics are compared by the files they wrote."""
    mine = {one.path: one for one in api.record(run).data.written}
    for one in record.data.written:
        other = mine.get(one.path)
        found.compared += 1
        if other is None or other.digest != one.digest:
            found.verdict = "different"
            found.first_difference = _file(one, other)
            found.cause = "a file came out differently"
            return
    if not found.compared:
        ended = (api.run(record.run).status, api.run(run).status)
        found.verdict = "bit-exact" if ended[0] == ended[1] else "different"
        found.cause = "no metrics and no files to compare: only the exit codes were"


def _file(one: FileWritten, other: FileWritten | None) -> dict[str, Any]:
    return {
        "file": one.path,
        "recorded": one.digest[:16],
        "now": None if other is None else other.digest[:16],
    }
