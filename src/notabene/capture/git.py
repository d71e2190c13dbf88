"""Asking git about a folder without changing it, and without git's help where it has none.

Every question is one short program with its own time limit: no lock is taken, no hook, file
system monitor, pager, external diff or prompt is started, and a process group of its own keeps
a Ctrl-C meant for the training away from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from notabene.capture.part import Deadline
from notabene.settings import environment

_QUIET = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_DROPPED = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_TRACE",
)
_SAFE = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.quotePath=false",
    "-c", "diff.external=",
    "-c", "diff.autoRefreshIndex=false",
    "-c", "submodule.recurse=false",
)  # fmt: skip
_DIFF = (
    "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--submodule=short",
    "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip


class Answer(NamedTuple):
    """What git said: its output, and why that is not all: ``missing``, ``error``, ``slow``,
    ``large`` or, where all went well, an empty text."""

    out: bytes
    failed: str = ""

    @property
    def text(self) -> str:
        """The output as text, without the end of the last line."""
        return self.out.decode("utf-8", "surrogateescape").rstrip("\n")


class Change(NamedTuple):
    """A tracked file that differs from the commit: git's two letters for it, and its path."""

    state: str
    path: str


class Status(msgspec.Struct, kw_only=True):
    """State of a work tree.

    Attributes:
        top: Its top folder.
        commit: Full id of the commit; empty before the first one.
        branch: Name of the branch; empty where none is checked out.
        upstream: The branch it follows.
        ahead: Commits that the upstream has not.
        changes: Tracked files that differ from the commit.
        untracked: Files that are not tracked and not ignored; None where asking took too long.
    """

    top: Path
    commit: str = ""
    branch: str = ""
    upstream: str = ""
    ahead: int = 0
    changes: list[Change] = []
    untracked: list[str] | None = None


class Git:
    """Questions about the repository that a folder belongs to.

    Args:
        folder: Any folder in it.
        deadline: No question is asked after it, nor an answer waited for.
        environ: The environment; default is that of the process.
    """

    def __init__(
        self, folder: Path, deadline: Deadline, environ: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self._deadline = deadline
        given = environment() if environ is None else environ
        self._environ = {k: v for k, v in given.items() if k not in _DROPPED} | _QUIET

    def ask(self, *words: str, seconds: float = 5.0, limit: int = 16 << 20) -> Answer:
        """One question.

        Args:
            words: The words after ``git``.
            seconds: Time limit.
            limit: Longest answer in bytes; a longer one is cut there.
        """
        import subprocess
        import threading

        if self._deadline.over():
            return Answer(b"", "slow")
        try:
            process = subprocess.Popen(
                ["git", *_SAFE, "-C", str(self.folder), *words],  # noqa: S607  (the user's git)
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environ,
                process_group=0 if os.name == "posix" else None,
            )
        except OSError:
            return Answer(b"", "missing")
        timer = threading.Timer(min(seconds, self._deadline.left()), process.kill)
        timer.daemon = True
        timer.start()
        out = process.stdout.read(limit + 1) if process.stdout else b""
        if len(out) > limit:
            process.kill()
        slow = not timer.is_alive()
        timer.cancel()
        process.communicate()
        if len(out) > limit:
            return Answer(out[:limit], "large")
        if process.returncode:
            return Answer(out, "slow" if slow else "error")
        return Answer(out)

    def top(self) -> Answer:
        """Top folder of the work tree; ``error`` where there is none."""
        return self.ask("rev-parse", "--show-toplevel")

    def status(self, top: Path) -> tuple[Status, str]:
        """State of the work tree, and why it is not all there (as in :class:`Answer`)."""
        words = ("status", "--porcelain=v2", "--branch", "-z", "--ignore-submodules=none")
        answer = self.ask(*words, "--untracked-files=all", seconds=3.0)
        if not answer.failed:
            return _parse_status(top, answer, untracked=True), ""
        answer = self.ask(*words, "--untracked-files=no")
        return _parse_status(top, answer, untracked=False), answer.failed

    def patch(self, commit: str, limit: int) -> Answer:
        """Changes of tracked files against a commit, or against nothing where there is none.

        Binary files are part of it where all fits in ``limit`` bytes.
        """
        base = commit or self.ask("hash-object", "-t", "tree", "--stdin").text
        answer = self.ask(*_DIFF, "--binary", base, "--", limit=limit)
        if answer.failed != "large":
            return answer
        plain = self.ask(*_DIFF, base, "--", limit=limit)
        return Answer(plain.out, "large")

    def remotes(self) -> dict[str, str]:
        """Addresses of the remotes by name."""
        answer = self.ask("config", "-z", "--get-regexp", r"^remote\..*\.url$")
        pairs = (item.partition("\n") for item in answer.text.split("\0") if item)
        return {key[len("remote.") : -len(".url")]: url for key, _, url in pairs}

    def submodules(self, top: Path) -> list[dict[str, str]]:
        """Path, commit and state (``""``, ``moved``, ``absent``, ``conflict``) of each."""
        if not (top / ".gitmodules").is_file():
            return []
        found = []
        for line in self.ask("submodule", "status", "--recursive").text.splitlines():
            commit, _, rest = line[1:].partition(" ")
            state = {"+": "moved", "-": "absent", "U": "conflict"}.get(line[0], "")
            path = rest.rpartition(" (")[0] or rest
            found.append({"path": path, "commit": commit, "state": state})
        return found


def _parse_status(top: Path, answer: Answer, *, untracked: bool) -> Status:
    found = Status(top=top, untracked=[] if untracked else None)
    items = iter(answer.text.split("\0"))
    for item in items:
        kind, _, rest = item.partition(" ")
        if kind == "#":
            _parse_head(found, rest)
        elif kind == "?" and found.untracked is not None:
            found.untracked.append(rest)
        elif kind in ("1", "2", "u"):
            # Fields before the path: 8 for a change, 9 for a rename, 10 for a conflict.
            fields = rest.split(" ", {"1": 7, "2": 8, "u": 9}[kind])
            found.changes.append(Change(fields[0], fields[-1]))
            if kind == "2":
                next(items, None)  # the path it had before
    return found


def _parse_head(found: Status, line: str) -> None:
    key, _, value = line.partition(" ")
    if key == "branch.oid" and value != "(initial)":
        found.commit = value
    elif key == "branch.head" and value != "(detached)":
        found.branch = value
    elif key == "branch.upstream":
        found.upstream = value
    elif key == "branch.ab":
        found.ahead = int(value.split()[0])


class Head(NamedTuple):
    """What the files of a repository say without git: where it is, its commit and branch."""

    top: Path
    commit: str
    branch: str
    own: bool
    """Whether it belongs to this user; git refuses to look at others'."""


def read_head(folder: Path) -> Head | None:
    """Commit and branch as the files say, where git is missing or refuses; None outside of any."""
    for top in (folder, *folder.parents):
        mark = top / ".git"
        try:
            if mark.is_file():  # a worktree or a submodule
                where = mark.read_text().partition("gitdir:")[2].strip()
                git_dir = top / where
            elif (mark / "HEAD").is_file():
                git_dir = mark
            else:
                continue
            text = (git_dir / "HEAD").read_text().strip()
            common = git_dir / "commondir"
            shared = git_dir / common.read_text().strip() if common.is_file() else git_dir
            own = not hasattr(os, "geteuid") or mark.stat().st_uid == os.geteuid()
        except (OSError, UnicodeDecodeError):
            return None
        if not text.startswith("ref: "):
            return Head(top, text, "", own)
        ref = text.removeprefix("ref: ")
        return Head(top, _read_ref(shared, ref), ref.removeprefix("refs/heads/"), own)
    return None


def _read_ref(git_dir: Path, ref: str) -> str:
    try:
        return (git_dir / ref).read_text().strip()
    except OSError:
        pass
    try:
        lines = (git_dir / "packed-refs").read_text().splitlines()
    except OSError:
        return ""
    return next((line[: -len(ref) - 1] for line in lines if line.endswith(f" {ref}")), "")
