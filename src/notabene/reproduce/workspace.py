"""A folder in which a run finds what it found: its code, its data, and nothing else.

    DIR/files      what the run loaded and read, under its absolute paths: so that ``..`` leads on
    DIR/project    a link to the project's top folder in it
    DIR/stdin      what it read from a pipe

The program goes on using the paths it used: under ``notabene reproduce`` the preload shim leads
them here, and where there is no shim the paths on the command line are changed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from notabene.capture.inputs import without_magic
from notabene.model.canonical import digest_file
from notabene.model.evidence import Entry, FileRead, Listing
from notabene.proof.record import Record

Content = Callable[[str], bytes | None]


class Missing(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something without which the run cannot be reproduced.

    Attributes:
        what: ``data``, ``code``, ``environment`` or ``command``.
        item: Which.
        why: Why it is not there.
        last_seen: A run that had it.
    """

    what: str
    item: str
    why: str = ""
    last_seen: str = ""


class Workspace:
    """Puts the files of a record into a folder.

    Args:
        record: Of the run.
        folder: Where; empty or not there yet.
        content: Gives kept content by digest; None where it is gone.
    """

    def __init__(self, record: Record, folder: Path, content: Content) -> None:
        self.record = record
        self.folder = folder
        self.missing: list[Missing] = []
        self.linked = 0
        self.placed = 0
        self.content = content
        self.stdin: Path | None = None
        """What the program is given as its standard input."""
        self._root = record.data.root or record.sources.root
        self.files = folder / "files"
        self.top = self.files / self._root.strip(os.sep) if self._root else folder / "project"
        self.redirects: dict[str, str] = {}
        self._times: dict[Path, int] = {}
        self._executable = {self.where(one.path) for one in record.data.read if one.executable}

    def where(self, path: str) -> Path:
        """Where a path of the record lies in the workspace; no path leads out of it."""
        if not self._root and not os.path.isabs(path):
            # Of ".." nothing is left.
            return self.top / os.path.normpath(os.path.join(os.sep, path)).lstrip(os.sep)
        full = os.path.normpath(os.path.join(self._root, path))
        return self.files / full.lstrip(os.sep)

    def fill(self) -> None:
        """Place all files; what cannot be had is in :attr:`missing`."""
        self.top.mkdir(parents=True, exist_ok=True)
        shown = self.folder / "project"
        if not shown.exists():
            shown.symlink_to(self.top.relative_to(self.folder))
        self._sources()
        self._data()
        self._standard_input()
        self._folders()
        for place, mtime in self._times.items():  # now that nothing more is put into them
            os.utime(place, ns=(mtime, mtime))
        self._redirect()

    @property
    def cwd(self) -> Path:
        """The working folder of the run."""
        folder = self.record.data.folder or str(self.record.process.get("cwd", "")) or self._root
        place = self.where(folder) if folder != self._root else self.top
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _sources(self) -> None:
        for source in self.record.sources.files:
            if source.cell:
                continue  # one script is made of all
            content = self.content(source.digest) if source.digest else None
            if content is None:
                self.missing.append(Missing(what="code", item=source.path, why=source.note))
            else:
                self._write(self.where(source.path), content)
        for kept in self._beside():
            place, content = self.where(kept[0]), self.content(kept[1])
            if content is not None and not place.exists():
                self._write(place, content)

    def _beside(self) -> list[tuple[str, str]]:
        """Sources that lay beside the script, from the part ``code``."""
        code = self.record.code
        files = code.get("files", {})
        found = []
        for one in (*code.get("sources", ()), code.get("script") or {}):
            digest = files.get(one.get("file", ""))
            if digest and one.get("path"):
                found.append((one["path"], digest))
        return found

    def _data(self) -> None:
        written = {one.path for one in self.record.data.written}
        for one in [*self.record.data.read, *self._of_sets()]:
            place = self.where(one.path)
            if place.exists():
                continue
            content = self.content(one.digest) if one.kept else None
            original = one.path if os.path.isabs(one.path) else os.path.join(self._root, one.path)
            if content is not None:
                self._write(place, content)
                with contextlib.suppress(OSError):
                    os.utime(place, ns=(one.mtime * 1000, one.mtime * 1000))
            elif self._is_still_there(one, original):
                place.parent.mkdir(parents=True, exist_ok=True)
                if one.overwritten or one.path in written:
                    shutil.copy2(original, place)  # through a link the original would change
                    self.placed += 1
                else:
                    place.symlink_to(original)
                    self.linked += 1
            elif one.note != "no regular file":
                why = "it is gone" if not os.path.exists(original) else "it has changed since"
                self.missing.append(Missing(what="data", item=one.path, why=one.note or why))

    def _standard_input(self) -> None:
        given = self.record.outside.stdin
        if given is None:
            return
        if given.path:
            place = self.where(given.path)
            self.stdin = place if place.exists() else None  # else missing as a file that was read
            return
        content = self.content(given.digest) if given.kept else None
        if content is None:
            why = given.note or "it is gone"
            self.missing.append(Missing(what="data", item="the standard input", why=why))
            return
        self.stdin = self.folder / "stdin"
        self.stdin.write_bytes(content)

    @staticmethod
    def _is_still_there(one: FileRead, path: str) -> bool:
        """Whether the original has the content, or a data system vouches for it."""
        if not os.path.isfile(path):
            return False
        return bool(one.link) or (bool(one.digest) and digest_file(Path(path)) == one.digest)

    def _of_sets(self) -> list[FileRead]:
        kept = self.record.data.files_kept
        content = self.content(kept) if kept else None
        if content is None:
            return []
        return list(msgspec.json.decode(content, type=list[FileRead]))

    def _folders(self) -> None:
        """Folders that the run wrote into, or listed, were there."""
        made = {one.path for one in self.record.data.missing}
        for one in self.record.data.written:
            folder = os.path.dirname(one.path)
            if folder and folder not in made:
                self.where(folder).mkdir(parents=True, exist_ok=True)
        for listing in self.record.data.listed:
            folder = without_magic(listing.path)
            if folder == listing.path or listing.kept:
                self.where(folder).mkdir(parents=True, exist_ok=True)
            self._names(folder, listing)

    def _names(self, folder: str, listing: Listing) -> None:
        """What the run found in a folder and did not read: names, with nothing in them."""
        content = self.content(listing.kept) if listing.kept else None
        for one in msgspec.json.decode(content, type=list[Entry]) if content else ():
            place = self.where(os.path.join(folder, one.name))
            if one.folder:
                place.mkdir(parents=True, exist_ok=True)
                self._times[place] = one.mtime * 1000
                continue
            if os.path.lexists(place):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "xb") as file:
                file.truncate(one.size)
            os.utime(place, ns=(one.mtime * 1000, one.mtime * 1000))

    def _redirect(self) -> None:
        """Where the paths of the run lead."""
        if self._root:
            self.redirects[self._root] = str(self.top)
        # An environment inside the project, or a folder that was listed, stays where it is.
        for kept in interpreters(str(self.record.process.get("executable", ""))):
            self.redirects[kept] = kept
        paths = [one.path for one in self.record.data.read]
        paths += [one.path for one in self.record.sources.files]
        for path in filter(os.path.isabs, paths):
            self.redirects[path] = str(self.where(path))
        for gone in self.record.data.missing:
            if os.path.isabs(gone.path) and not gone.made:
                self.redirects[gone.path] = "-"
        for listing in self.record.data.listed:
            if os.path.isabs(listing.path) and not _is_system(listing.path):
                self.redirects[listing.path] = str(self.where(listing.path))

    def import_path(self) -> list[str]:
        """Folders for ``PYTHONPATH``: those of the run, each behind what is kept of it.

        Sources from outside the project lie in the workspace; where the program finds their
        folder by itself and it is gone, they are found here.
        """
        given = str(self.record.environment.get("variables", {}).get("PYTHONPATH", ""))
        folders = [path for path in given.split(os.pathsep) if os.path.isabs(path)]
        outside = [one.path for one in self.record.sources.files if os.path.isabs(one.path)]
        tops = [_import_top(path, set(outside)) for path in outside]
        found: list[str] = []
        for folder in folders:
            kept = any(path.startswith(folder.rstrip(os.sep) + os.sep) for path in outside)
            found += [str(self.where(folder))] * kept
            found.append(folder)
        return list(dict.fromkeys([*found, *(str(self.where(top)) for top in tops)]))

    def rewrite(self, word: str) -> str:
        """A word of the command line, with the path in it led into the workspace."""
        name, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
        for old in sorted(self.redirects, key=len, reverse=True):
            new = self.redirects[old]
            if new not in ("-", old) and (value == old or value.startswith(old + os.sep)):
                return f"{name}{equals}{new}{value[len(old) :]}"
        return word

    def _write(self, place: Path, content: bytes) -> None:
        if place.is_dir():
            return  # a record that nobody of ours wrote
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        if place in self._executable:
            place.chmod(0o755)
        self.placed += 1


def interpreters(executable: str) -> list[str]:
    """Folders of this Python, and of one of which the executable is known."""
    found = [sys.prefix, sys.base_prefix]
    if os.path.isabs(executable) and len(Path(executable).parts) > 3:
        found.append(str(Path(executable).parents[1]))
    return [folder for folder in dict.fromkeys(found) if not _is_system(folder)]


def _is_system(folder: str) -> bool:
    """Whether a folder holds the system's own libraries: it cannot lead elsewhere."""
    return any(
        own == folder.rstrip(os.sep) or own.startswith(folder.rstrip(os.sep) + os.sep)
        for own in ("/usr/lib", "/usr/local/lib", "/lib", "/etc", "/proc", "/dev", "/sys")
    )


def _import_top(path: str, sources: set[str]) -> str:
    """The folder that must be on the path for a source to be imported."""
    folder = os.path.dirname(path)
    while os.path.join(folder, "__init__.py") in sources:
        folder = os.path.dirname(folder)
    return folder
