"""The code of a run: the commit, what differs from it, and the sources that no commit holds.

With git: commit, branch, remotes, the patch of tracked changes, and the sources that git does
not track, where they were imported or lie beside the script. Without it the sources themselves
are kept, so that a run never needs a repository. The cells of a notebook are a part of their own
(:mod:`notabene.capture.cells`).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from notabene.capture.git import Git, Status, read_head
from notabene.capture.part import Deadline, Part, without_empty
from notabene.capture.process import (
    command_source,
    kind,
    module_name,
    script_of,
    script_path,
    working_folder,
)
from notabene.capture.secrets import Redactor
from notabene.settings import environment, home

MAX_PATCH = 10 << 20
MAX_FILE = 1 << 20
MAX_SOURCES = 8 << 20
MAX_FILES = 500
MAX_BESIDE = 200
"""A folder with more sources than this is no project but a shelf of them."""
_SUFFIXES = (".py", ".pyx")
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})


def code(
    redactor: Redactor,
    deadline: Deadline,
    *,
    program: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Part:
    """The part ``code``.

    Args:
        redactor: Hides secrets in remotes, patches and sources.
        deadline: What is not found by then is left out, and ``data["notes"]`` says so.
        program: The command, where it is not the one of this process.
        environ: The environment; default is that of the process.
    """
    env = environment() if environ is None else environ
    look = _Look(redactor, deadline)
    look.entry(program)
    status = look.repository(Git(look.folder, deadline.within(8.0), env))
    look.sources(status, Git(look.folder, deadline, env))
    part = look.part
    part.data["kept"] = sum(map(len, part.files.values()))
    if redactor.hidden:
        part.data["hidden"] = redactor.hidden
    if look.notes:
        part.data["notes"] = look.notes
    return part


class _Look:
    """One look at the code; its steps run in the order they are written."""

    def __init__(self, redactor: Redactor, deadline: Deadline) -> None:
        self.part = Part("code")
        self.notes: list[str] = []
        self.folder = Path(working_folder() or "/")
        self.script: Path | None = None
        self._foreign = False
        self._redactor = redactor
        self._deadline = deadline

    def entry(self, program: Sequence[str]) -> None:
        """The program itself; its source is kept whether git has it or not."""
        self._foreign = bool(program)
        found = script_of(program) if program else script_path()
        self.script = Path(found) if found else None
        data, fact = self.part.data, self.part.fact
        data["kind"] = "program" if self._foreign else kind()
        fact("code.kind", data["kind"])
        if self.script is not None:
            self.folder = self.script.parent
            data["script"] = self._keep(self.script, f"script/{self.script.name}")
            fact("code.script", str(self.script))
        elif not program and (source := command_source()):  # -c
            text = self._redactor.text(source, code=True).encode("utf-8", "surrogateescape")
            data["script"] = self.part.keep("script/command.py", text[:MAX_FILE])
        name = None if self._foreign else module_name()
        if name:
            data["module"] = name
            fact("code.module", name)

    def repository(self, git: Git) -> Status | None:
        """What git says, or what its files say where it does not."""
        top = git.top()
        if top.failed:
            self._by_hand(top.failed)
            return None
        status, failed = git.status(Path(top.text))
        if failed:
            self._by_hand(failed)
            return None
        time, _, subject = git.ask("log", "-1", "--format=%ct %s").text.partition(" ")
        remotes = {name: self._redactor.text(url) for name, url in git.remotes().items()}
        self.part.data["git"] = without_empty(
            {
                "top": str(status.top),
                "commit": status.commit,
                "branch": status.branch,
                "describe": git.ask("describe", "--tags", "--always").text,
                "subject": self._redactor.text(subject)[:200],
                "time": int(time) if time.isdigit() else None,
                "upstream": status.upstream,
                "ahead": status.ahead,
                "remotes": remotes,
                "submodules": git.submodules(status.top),
                "worktree": (status.top / ".git").is_file() or None,
                "changes": [list(change) for change in status.changes[:MAX_FILES]],
                "patch": self._patch(git, status) if status.changes else None,
            }
        ) | {"dirty": bool(status.changes)}
        self.part.fact("git.commit", status.commit)
        self.part.fact("git.branch", status.branch)
        self.part.fact("git.dirty", bool(status.changes))
        self.part.fact("git.describe", self.part.data["git"].get("describe"))
        origin = remotes.get(status.upstream.partition("/")[0]) or remotes.get("origin")
        self.part.fact("git.remote", origin)
        return status

    def _patch(self, git: Git, status: Status) -> dict[str, Any] | None:
        answer = git.patch(status.commit, MAX_PATCH)
        whole = not answer.failed
        if not whole and (answer.failed != "large" or len(answer.out) >= MAX_PATCH):
            why = f"more than {MAX_PATCH >> 20} MiB" if answer.failed == "large" else answer.failed
            self.notes.append(f"the changes are listed, but their content is not kept ({why})")
            return None
        if not whole:
            self.notes.append("the changes of binary files are listed, but too large to be kept")
        before = self._redactor.hidden
        kept = self.part.keep("patch.diff", self._redactor.source(answer.out))
        return kept | {"whole": whole and self._redactor.hidden == before}

    def _by_hand(self, failed: str) -> None:
        head = read_head(self.folder)
        if head is None:
            return
        why = {
            "missing": "git is not installed here",
            "slow": f"git took too long in {head.top}",
        }.get(failed, f"git does not answer in {head.top}")
        if failed == "error" and not head.own:
            why = f"git refuses {head.top}, which belongs to another user"
        self.notes.append(f"{why}: commit and branch were read from its files")
        self.part.data["git"] = without_empty(
            {"top": str(head.top), "commit": head.commit, "branch": head.branch}
        )
        self.part.fact("git.commit", head.commit)
        self.part.fact("git.branch", head.branch)

    def sources(self, status: Status | None, git: Git) -> None:
        """The sources that no commit holds: imported ones, and those beside the script."""
        loaded = set() if self._foreign else set(imported_sources())
        if status is None:
            top, beside = self.folder, set(self._beside_script())
        else:
            top = status.top
            names = (name for name in status.untracked or () if name.endswith(_SUFFIXES))
            beside = {path for path in (top / n for n in names) if self.folder in path.parents}
            inside = sorted(str(path) for path in loaded if top in path.parents)[:MAX_FILES]
            listed = git.ask("ls-files", "-z", "--full-name", "--", *inside) if inside else None
            loaded -= {top / name for name in listed.text.split("\0")} if listed else set()
        if len(beside) > MAX_BESIDE:
            self.notes.append(f"more than {MAX_BESIDE} sources lie beside the script: not kept")
            beside = set()
        self._keep_sources(top, [*sorted(loaded), *sorted(beside - loaded)])

    def _keep_sources(self, top: Path, wanted: list[Path]) -> None:
        kept: list[dict[str, Any]] = []
        size = 0
        for at, path in enumerate(wanted):
            if path == self.script:
                continue
            if len(kept) >= MAX_FILES or size >= MAX_SOURCES or self._deadline.over():
                self.notes.append(f"{len(wanted) - at:,} more source files are not kept")
                break
            name = path.relative_to(top) if top in path.parents else path.relative_to(path.anchor)
            kept.append(self._keep(path, f"sources/{name.as_posix()}"))
            size += kept[-1].get("size", 0)
        if kept:
            self.part.data["sources"] = kept

    def _beside_script(self) -> Iterator[Path]:
        """Sources in the script's folder; never the whole home folder or the whole disk."""
        if self.script is None or self.folder in (home(), Path(self.folder.anchor)):
            return
        seen = found = 0
        for root, folders, names in os.walk(self.folder):
            here = Path(root)
            folders[:] = [
                name
                for name in folders
                if name not in _SKIPPED
                and not name.startswith(".")
                and not (here / name / "pyvenv.cfg").exists()
            ]
            sources = [here / name for name in names if name.endswith(_SUFFIXES)]
            yield from sources
            seen, found = seen + len(names) + len(folders), found + len(sources)
            if found > MAX_BESIDE or self._deadline.over():
                return
            if seen > 10_000:
                self.notes.append(f"{self.folder} is large; not all of it was looked through")
                return

    def _keep(self, path: Path, name: str) -> dict[str, Any]:
        """Keep a file where it can be read and is not large; say its path in any case."""
        try:
            size = path.stat().st_size
            if size > MAX_FILE:
                return {"path": str(path), "size": size, "note": "too large to be kept"}
            content = path.read_bytes()
        except OSError as error:
            return {"path": str(path), "note": f"not readable: {error.strerror}"}
        return {"path": str(path)} | self.part.keep(name, self._redactor.source(content))


def imported_sources(seen: dict[str, int] | None = None) -> Iterator[Path]:
    """Source files of the modules imported so far that belong to no installed package.

    Args:
        seen: Modules that an earlier call looked at, which adds those of this one: a program
            that is asked twice a second tells then only what it imported meanwhile.
    """
    known = {} if seen is None else seen
    loaded: list[tuple[str, object]] = list(sys.modules.items())
    fresh = [(name, module) for name, module in loaded if known.get(name) != id(module)]
    if not fresh:
        return
    installed = tuple(_installed_folders())
    for name, module in fresh:
        known[name] = id(module)
        if not isinstance(module, ModuleType):
            continue
        # Past __getattribute__, with which a lazy module would begin to load itself.
        file = object.__getattribute__(module, "__dict__").get("__file__")
        if not isinstance(file, str) or not file.endswith(_SUFFIXES):
            continue
        path = os.path.abspath(file)
        if not path.startswith(installed) and _SKIPPED.isdisjoint(path.split(os.sep)):
            yield Path(path)


def _installed_folders() -> Iterator[str]:
    """Folders that packages were put in: the standard library's, ours, and those on the path
    where installers left their records (``pip install --target``)."""
    for file in (os.__file__, os.path.dirname(__file__)):
        yield os.path.dirname(file) + os.sep
    for folder in filter(os.path.isdir, sys.path):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            if any(entry.name.endswith(".dist-info") for entry in entries):
                yield os.path.abspath(folder) + os.sep
