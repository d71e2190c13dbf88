"""All Python code that a run loaded: what the script imported, and what code it read as code.

Unlike the part ``code``, which says how the work tree differs from a commit, this one holds the
content of each file, so that the run can be put together again when the work tree is gone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.util import source_from_cache
from pathlib import Path

from notabene.capture.code import imported_sources
from notabene.capture.events import Paths
from notabene.capture.git import Git
from notabene.capture.part import Deadline
from notabene.capture.secrets import Redactor
from notabene.model.evidence import Source, Sources

MOST_FILES = 2000
MOST_BYTES = 32 << 20
MOST_OF_ONE = 2 << 20
_PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class SourceShelf:
    """Keeps sources as they were when they were loaded: each is read once, soon after.

    Args:
        root: Top folder of the project.
        put: Keeps bytes in the blob store; the answer is their digest.
        redactor: Hides secrets in what is kept.
        script: Absolute path of the program.
    """

    def __init__(
        self, root: Path, put: Callable[[bytes], str], redactor: Redactor, *, script: str = ""
    ) -> None:
        self._paths = Paths(root)
        self._script = script
        self._put, self._redactor = put, redactor
        self._found: dict[str, Source] = {}
        self._texts: dict[str, bytes] = {}
        self._size = 0
        self._modules: dict[str, int] = {}
        self._own = str(Path(__file__).resolve().parents[1]) + os.sep
        self._standard = os.path.dirname(os.__file__) + os.sep
        self.notes: list[str] = []

    def take(self, paths: Iterable[str]) -> None:
        """Read and keep files that were not before.

        Args:
            paths: Absolute; byte code stands for its source where that is there.
        """
        for path in paths:
            source = _source_of(path)
            if source in self._found or self._is_installed(source):
                continue
            if len(self._found) >= MOST_FILES or self._size >= MOST_BYTES:
                self.notes.append(f"{source} and more are not kept: too many")
                return
            self._found[source] = self._look(source, script=source == self._script)

    def take_loaded(self) -> None:
        """The modules of this process, and the files that site and its likes were made of."""
        self.take(str(path) for path in imported_sources(self._modules))
        for name in ("sitecustomize", "usercustomize"):
            file = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(file, str):
                self.take([file])

    def take_cells(self, cells: Mapping[str, str]) -> None:
        """The cells of a notebook that were executed, by name: together they are the program."""
        for name, source in cells.items():
            if name not in self._found and len(self._found) < MOST_FILES:
                text = self._redactor.text(source, code=True)
                content = text.encode("utf-8", "surrogatepass")
                found = Source(path=name, script=True, cell=True, size=len(content))
                if text != source:
                    found.note = "secrets in it are hidden"
                self._found[name] = self._kept(found, content)

    def _kept(self, found: Source, content: bytes) -> Source:
        self._size += len(content)
        found.digest = self._put(content)
        if not found.without_source:
            self._texts[found.path] = content
        return found

    def _is_installed(self, path: str) -> bool:
        if any(part in path for part in _PACKAGES) or path.startswith(self._own):
            return True
        return path.startswith(self._standard) and "customize" not in os.path.basename(path)

    def _look(self, path: str, *, script: bool) -> Source:
        short = self._paths.short(path)
        found = Source(path=short, script=script, outside=os.path.isabs(short))
        found.without_source = path.endswith(".pyc")
        try:
            found.size = os.stat(path).st_size
            if found.size > MOST_OF_ONE:
                found.note = "too large to be kept"
                return found
            content = Path(path).read_bytes()
        except OSError as error:
            found.note = f"not readable: {error.strerror}"
            return found
        kept = content if found.without_source else self._redactor.source(content)
        if kept != content:
            found.note = "secrets in it are hidden"
        return self._kept(found, kept)

    def texts(self) -> dict[str, bytes]:
        """Content of the files, by their paths in the record, the script's first."""
        first = sorted(self._found.values(), key=lambda one: not one.script)
        return {one.path: self._texts[one.path] for one in first if one.path in self._texts}

    def part(self, *, in_git: bool, deadline: Deadline) -> Sources:
        """What was kept, and which of it git holds."""
        root = Path(self._paths.root)
        files = sorted(self._found.values(), key=lambda one: (not one.script, one.path))
        inside = [one for one in files if not one.outside]
        if in_git and inside:
            names = [one.path for one in inside if not one.cell]
            answer = Git(root, deadline).ask("ls-files", "-z", "--", *names)
            held = set(answer.text.split("\0"))
            for one in inside if names and not answer.failed else ():
                one.tracked = one.path in held or self._in_submodule(one.path)
        return Sources(root=str(root), files=files, notes=self.notes)

    def _in_submodule(self, path: str) -> bool:
        folder = Path(self._paths.root, path).parent
        while str(folder) != self._paths.root and folder != folder.parent:
            if (folder / ".git").exists():
                return True
            folder = folder.parent
        return False


def _source_of(path: str) -> str:
    """The source that byte code was made from, where it is there."""
    if path.endswith(".pyc"):
        try:
            source = source_from_cache(path)
        except (ValueError, NotImplementedError):
            source = path[:-1]
        return source if os.path.exists(source) else path
    return path


def project_top(script: str | None, folder: str) -> tuple[Path, bool]:
    """Top folder of the project, and whether git knows it.

    The repository that the script lies in, else the script's own folder, else the working folder.
    """
    start = Path(os.path.normpath(script)).parent if script else Path(folder or os.sep)
    for parent in (start, *start.parents):
        if (parent / ".git").exists():
            return parent, True
    return start, False
