"""This process: command line, folder, parent, user, host, session, and how it was launched."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from notabene._ids import boot_id, host_name, process_start, user_name
from notabene.capture.launch import Launch, launch
from notabene.capture.part import Part, without_empty
from notabene.capture.secrets import Redactor
from notabene.model.canonical import digest_bytes
from notabene.settings import environment

Kind = Literal["script", "module", "command", "notebook", "interactive", "program"]
_SOURCES = frozenset({".py", ".sh", ".R", ".r", ".jl", ".lua", ".pl", ".rb", ".js", ".ts", ".m"})
MAX_WORDS = 500
MAX_WORD = 4096


def process(
    redactor: Redactor,
    started: Launch | None = None,
    environ: Mapping[str, str] | None = None,
    program: Sequence[str] = (),
) -> Part:
    """The part ``process``; reads a few files of the kernel and runs nothing.

    Args:
        redactor: Hides secrets in the command lines.
        started: What :func:`notabene.capture.launch.launch` found, if it was asked already.
        environ: The environment; default is that of the process.
        program: The command, where it is not the one of this process.
    """
    env = environment() if environ is None else environ
    started = launch(env) if started is None else started
    script = script_of(program) if program else script_path()
    argv = redactor.argv(_cut(program or sys.argv))
    part = Part("process")
    part.data = without_empty(
        {
            "argv": argv,
            "command": None if program else redactor.argv(_cut(sys.orig_argv)),
            "executable": sys.executable,
            "cwd": working_folder(),
            "kind": "program" if program else kind(),
            "script": script,
            "module": None if program else module_name(),
            "pid": os.getpid(),
            "pid_start": process_start(os.getpid()),
            "parent": _parent(redactor),
            "user": user_name(),
            "host": host_name(),
            "boot": boot_id(),
            "terminal": _terminal(env),
            "launch": started.to_dict(),
        }
    )
    if redactor.hidden:
        part.data["hidden"] = redactor.hidden
    _facts(part, started, argv)
    return part


def _facts(part: Part, started: Launch, argv: Sequence[str]) -> None:
    part.fact("process.command", " ".join(argv)[:1000])
    part.fact("process.cwd", part.data.get("cwd"))
    part.fact("process.kind", part.data.get("kind"))
    part.fact("process.script", part.data.get("script"))
    part.fact("host.name", part.data.get("host"))
    part.fact("user.name", part.data.get("user"))
    part.fact("launch.launcher", started.launcher)
    part.fact("launch.scheduler", started.scheduler)
    part.fact("launch.job", started.job)
    part.fact("launch.array_task", started.array_task)
    if started.world > 1:
        part.fact("launch.world", started.world)


def kind() -> Kind:
    """What runs in this process: a script, a module (``-m``), a command (``-c``), a notebook,
    a prompt, or a program that holds an interpreter."""
    if notebook_shell() is not None:
        return "notebook"
    if hasattr(sys, "ps1"):
        return "interactive"
    option = _option()
    if option == "-m":
        return "module"
    if option == "-c":
        return "command"
    return "script" if script_path() else "program"


def notebook_shell() -> Any | None:
    """IPython's shell where a notebook or IPython runs in this process, else None."""
    found = sys.modules.get("IPython")
    ask = getattr(found, "get_ipython", None)
    return ask() if callable(ask) else None


def script_path() -> str | None:
    """Absolute path of the file that is ``__main__``, or None."""
    main = sys.modules.get("__main__")
    # At the end of a script the interpreter takes __file__ away before exit handlers run.
    file = getattr(main, "__file__", None) or getattr(
        getattr(main, "__loader__", None), "path", None
    )
    if not isinstance(file, str) or not file or "<" in file:
        return None
    path = Path(working_folder()) / file
    return str(path) if path.is_file() else None


def script_of(program: Sequence[str]) -> str | None:
    """Absolute path of the source file that a command runs, or None: the first word that is
    one, or the program itself where it is a script."""
    for word in program:
        path = Path(working_folder()) / word
        if path.suffix in _SOURCES and path.is_file():
            return os.path.normpath(path)
    try:
        with open(Path(working_folder()) / program[0], "rb") as file:
            return file.name if file.read(2) == b"#!" else None
    except OSError:
        return None


def words_behind(program: Sequence[str]) -> list[str]:
    """Words of a command that belong to its script rather than to the interpreter."""
    script = script_of(program)
    for at, word in enumerate(program):
        if script and os.path.abspath(word) == script:
            return list(program[at + 1 :])
    return list(program[1:])


def program_name(program: Sequence[str]) -> str:
    """What runs where it is no script: a program's name, a module, a command, a notebook.

    Programs of one name are compared, so a command bears the digest of its source, and what is
    typed at a prompt or comes by standard input, whose source nobody sees, is like nothing else.
    """
    if program:
        return os.path.basename(program[0])
    name, source = module_name() or kind(), command_source()
    if source is not None:
        return f"{name} {digest_bytes(source.encode('utf-8', 'surrogateescape'))[:12]}"
    if name in ("program", "interactive"):
        return f"{name} {boot_id()} {os.getpid()} {process_start(os.getpid())}"
    return name


def module_name() -> str | None:
    """Name of the module started with ``-m``, or None."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    name = getattr(spec, "name", None)
    if not isinstance(name, str) or _option() != "-m":
        return None
    return name.removesuffix(".__main__")


def command_source() -> str | None:
    """The program given with ``-c``, or None."""
    words = sys.orig_argv
    at = words.index("-c") + 1 if _option() == "-c" else len(words)
    return words[at] if at < len(words) else None


def working_folder() -> str:
    """The working folder; empty where it was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _option() -> str:
    """``-m`` or ``-c`` where the interpreter was started so; else an empty text."""
    skip = False
    for word in sys.orig_argv[1:]:
        if skip:
            skip = False
        elif word in ("-m", "-c"):
            return word
        elif word in ("-W", "-X", "--check-hash-based-pycs"):
            skip = True
        elif not word.startswith("-") or word == "-":
            break
    return ""


def _parent(redactor: Redactor) -> dict[str, Any]:
    pid = os.getppid()
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        words = []
    command = [os.fsdecode(word) for word in words if word]
    return without_empty({"pid": pid, "command": redactor.argv(_cut(command))})


def _terminal(env: Mapping[str, str]) -> dict[str, Any]:
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    found = {name: _is_terminal(stream) for name, stream in streams.items()}
    return without_empty(
        {
            "streams": [name for name, yes in found.items() if yes],
            "term": env.get("TERM"),
            "program": env.get("TERM_PROGRAM"),
            "ssh": "SSH_CONNECTION" in env or None,
            "multiplexer": next((n for n in ("TMUX", "STY") if n in env), None),
            "editor": "vscode" if "VSCODE_PID" in env or "VSCODE_CWD" in env else None,
        }
    )


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


def _cut(words: Sequence[str]) -> list[str]:
    kept = [w if len(w) <= MAX_WORD else f"{w[:MAX_WORD]}…" for w in words[:MAX_WORDS]]
    left = len(words) - len(kept)
    return [*kept, f"… and {left:,} more"] if left else kept
