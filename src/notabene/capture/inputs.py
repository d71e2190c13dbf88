"""Digests and copies of the files a run read and wrote.

A file is looked at soon after it was opened, on a thread of its own, and what is left at the end
of the run within a time limit. What was not reached has no digest, and says so.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shlex
import shutil
import stat as kinds
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from notabene.capture.events import fitting
from notabene.capture.links import link_of
from notabene.capture.part import FAILURES, Deadline
from notabene.capture.secrets import Redactor, looks_random
from notabene.capture.watch.outside import BEFORE, SHELLS
from notabene.model.canonical import digest_bytes, digest_file
from notabene.model.evidence import (
    Data,
    Entry,
    FileMissing,
    FileRead,
    FileWritten,
    Listing,
    Program,
    Settings,
    StandardInput,
)

KEPT_FILE = 64 << 20
"""Files up to this size are kept with the run."""
KEPT_RUN = 1 << 30
"""All that is kept of one run."""
KEPT_OUTPUT = 16 << 20
KEPT_OUTPUTS = 128 << 20
"""Bytes of one file, and of all, that a run wrote and that are kept: for ``run --reuse``."""
MANY = 1000
MOST = 5000
"""Of a folder with more files than this they are told in one line, and where there are more than
that in all, of the folders with the most."""
FEW = 10
"""A folder with so few files is never one line."""
MOST_LISTED = 100_000
MOST_NAMES = 10_000
"""Names of one folder that are kept."""
_GONE = "not there at the end"
_NO_FILE = "no regular file"
_SETTINGS = 256 << 10
_TEXTS = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".env", ".txt", ".properties")
_CREDENTIALS = (".netrc", "credentials", ".pgpass", "kaggle.json", ".pypirc", ".npmrc")
_KEYS = (".pem", ".key", ".p12", ".pfx", ".jks", ".kdbx")


class Memory(Protocol):
    """Digests of files that were read before."""

    def get(self, stat: os.stat_result) -> str | None:
        """The digest of an unchanged file."""

    def keep(self, stat: os.stat_result, digest: str) -> None:
        """Remember one."""


class Keeper(Protocol):
    """Keeps contents by their digests."""

    def put(self, data: bytes) -> str:
        """Keep bytes; gives their digest."""

    def put_file(self, path: Path) -> Any:
        """Keep a file's content."""

    def touch(self, digests: Iterable[str]) -> set[str]:
        """Keep for longer what is there; gives what is not."""


class Found(msgspec.Struct):
    """What was found of a file."""

    size: int = 0
    mtime: int = 0
    digest: str = ""
    kept: bool = False
    note: str = ""
    executable: bool = False
    sign: tuple[int, ...] = ()


class Seen(msgspec.Struct):
    """What was found of files, by path, and how many bytes of them were kept."""

    found: dict[str, Found]
    kept: int = 0


class Inputs:
    """Looks at files, and remembers what it found.

    Args:
        memory: What was hashed before.
        keeper: Keeps contents; None: nothing is kept.
        redactor: Knows what may not be kept.
        keep_file, keep_run: Bytes of one file, and of all files of a run, that are kept.
    """

    def __init__(
        self,
        memory: Memory,
        keeper: Keeper | None,
        redactor: Redactor,
        *,
        keep_file: int = KEPT_FILE,
        keep_run: int = KEPT_RUN,
    ) -> None:
        self._memory = memory
        self._keeper = keeper
        self._redactor = redactor
        self._keep_file, self._keep_run = keep_file, keep_run
        self._kept = self._outputs = 0
        self._found: dict[str, Found] = {}
        self._links: dict[str, dict[str, str]] = {}
        self.settings: list[Settings] = []
        self.wanted: dict[str, bool | None] = {}
        """Files that are to be kept whatever their size, or not at all."""

    @property
    def seen(self) -> Seen:
        """What was found so far, for :meth:`take` of another."""
        return Seen(self._found, self._kept)

    def take(self, seen: Seen) -> None:
        """What another process found of files that were not looked at here."""
        self._found = seen.found | self._found
        self._kept += seen.kept

    def look(self, path: str, *, keep: bool = True, deadline: Deadline | None = None) -> Found:
        """What a file is; the first look at it stands, with a remark where it changed since."""
        before = self._found.get(path)
        try:
            status = os.stat(path)
        except OSError as error:
            return before or Found(note=f"{_GONE}: {error.strerror}")
        sign = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        if before is not None and (before.digest or before.note):
            if before.sign != sign and not before.note:
                before.note = "changed while the run went on"
            return before
        found = Found(status.st_size, status.st_mtime_ns // 1000, sign=sign)
        found.executable = bool(status.st_mode & 0o100)
        if deadline is not None and deadline.over():
            return found
        self._found[path] = found
        if not kinds.S_ISREG(status.st_mode):
            found.note = _NO_FILE
            return found
        try:
            self._identify(path, status, found, keep=keep)
        except FAILURES as error:
            found.note = f"not readable: {error}"
        return found

    def _identify(self, path: str, status: os.stat_result, found: Found, *, keep: bool) -> None:
        name = os.path.basename(path)
        if name in _CREDENTIALS or name.endswith(_KEYS) or name.startswith("id_"):
            found.note = "looks like a secret: neither kept nor hashed"
            return
        small = found.size <= self._keep_file and self._kept + found.size <= self._keep_run
        wanted = self.wanted.get(path)
        keep = keep and self._keeper is not None and (small if wanted is None else wanted)
        known = self._memory.get(status)
        settings, content = name.endswith(_TEXTS), None
        if found.size <= _SETTINGS and (settings or not known):
            content = _read(path)
        if content is not None and settings:
            text = content.decode("utf-8", "replace")
            values = (line.partition("=")[2].strip("\"' ") for line in text.splitlines())
            secret = name.startswith(".env") and any(map(looks_random, values))
            if secret or self._redactor.text(text) != text:
                found.note, keep = "holds a secret: not kept", False
        found.digest = known or (digest_file(path) if content is None else digest_bytes(content))
        if not known:
            self._memory.keep(status, found.digest)
        if keep:
            found.digest = self._keep(path, known, content)
            found.kept = True
            self._kept += found.size

    def _keep(self, path: str, known: str | None, content: bytes | None = None) -> str:
        """Keep a file, and give the digest of what was kept.

        One that has not changed since it was kept before is not read again.
        """
        keeper = self._keeper
        assert keeper is not None
        if known and not keeper.touch([known]):
            return known
        kept: str = keeper.put_file(Path(path)).digest if content is None else keeper.put(content)
        return kept

    # -- the parts -------------------------------------------------------------------------

    def fill(
        self,
        data: Data,
        deadline: Deadline,
        preserved: dict[str, bytes],
        keep: Callable[[bytes], str] | None = None,
    ) -> None:
        """Complete what was seen of files.

        Args:
            data: The part, with absolute or relative paths; filled.
            deadline: Files not looked at by then stay without a digest.
            preserved: Content of files that the run read and later wrote over, by path.
            keep: Keeps bytes, and gives their digest; None: names in folders are not kept.
        """
        full = {one.path: os.path.join(data.root, one.path) for one in data.read}
        written = {os.path.join(data.root, one.path) for one in data.written}
        # Small files first: they are the many, and the settings.
        for one in sorted(data.read, key=lambda one: self._size(full[one.path])):
            self._fill_read(one, full[one.path], deadline, preserved)
        folders = [
            one for one in data.read if one.note == _NO_FILE and os.path.isdir(full[one.path])
        ]
        for one in folders:
            data.read.remove(one)
            data.read += self._inside(one, full[one.path], data.root, deadline)
        _put_aside_misses(data)
        for out in data.written:
            self._fill_written(out, os.path.join(data.root, out.path), deadline)
        for listing in data.listed:
            _fill_listing(listing, data.root, written, keep)
        data.pending = sum(not (one.digest or one.note) for one in data.read)
        self._read_settings(data)

    def _size(self, path: str) -> int:
        found = self._found.get(path)
        if found is not None:
            return found.size
        with contextlib.suppress(OSError):
            return os.stat(path).st_size
        return 0

    def _fill_read(
        self, one: FileRead, path: str, deadline: Deadline, preserved: dict[str, bytes]
    ) -> None:
        content = preserved.get(path)
        if content is not None:
            one.size, one.digest = len(content), digest_bytes(content)
            one.kept = True
            return
        found = self.look(path, deadline=deadline)
        one.size, one.mtime, one.digest = found.size, found.mtime, found.digest
        one.kept, one.note, one.executable = found.kept, found.note, found.executable
        one.link = link_of(path, self._links)

    def _inside(self, one: FileRead, path: str, root: str, deadline: Deadline) -> list[FileRead]:
        """The files of a folder that a native reader was given."""
        found: list[FileRead] = []
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                full = os.path.join(folder, name)
                inside = f"{one.path}/{os.path.relpath(full, path)}"
                more = msgspec.structs.replace(one, path=inside)
                self._fill_read(more, full, deadline, {})
                found.append(more)
                if len(found) >= MOST_LISTED:
                    return found
        del root
        return found

    def _fill_written(self, one: FileWritten, path: str, deadline: Deadline) -> None:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            one.size = status.st_size
            if not kinds.S_ISREG(status.st_mode):
                one.note = _NO_FILE
            elif not deadline.over():
                known = self._memory.get(status)
                one.digest = known or digest_file(path)
                if not known:
                    self._memory.keep(status, one.digest)
                self._keep_output(one, path, one.digest)

    def _keep_output(self, one: FileWritten, path: str, known: str) -> None:
        small = one.size <= KEPT_OUTPUT and self._outputs + one.size <= KEPT_OUTPUTS
        if small and self._keeper is not None:
            with contextlib.suppress(*FAILURES):
                one.digest = self._keep(path, known)
                one.kept = True
                self._outputs += one.size

    def fill_programs(self, programs: Iterable[Program], folder: str, path: str) -> None:
        """Which files the programs are that were started.

        Args:
            programs: Filled.
            folder: Working folder of the run.
            path: Its variable PATH.
        """
        for one in programs:
            name = called(one.words)
            found = shutil.which(os.path.join(folder, name) if os.sep in name else name, path=path)
            if found:
                one.path = os.path.normpath(found)
                with contextlib.suppress(*FAILURES):
                    status = os.stat(found)
                    known = self._memory.get(status)
                    one.digest = known or digest_file(found)
                    if not known:
                        self._memory.keep(status, one.digest)

    def fill_stdin(self, one: StandardInput, path: Path | None) -> None:
        """Keep what was read from the standard input.

        Args:
            one: Filled; what is a file is kept as that.
            path: The file that holds it; None: there is none.
        """
        if one.path or self._keeper is None:
            return
        if path is None:
            one.note = "not kept: longer than 8 MiB, or a password was asked for"
            return
        with contextlib.suppress(*FAILURES):
            text = path.read_bytes()[:_SETTINGS].decode("utf-8", "replace")
            if self._redactor.text(text) != text or looks_random(text.strip()):
                one.note = "holds a secret: not kept"
                return
            self._keeper.put_file(path)
            one.kept = True

    def _read_settings(self, data: Data) -> None:
        for one in data.read:
            suffix = os.path.splitext(one.path)[1].lower()
            if one.size <= _SETTINGS and suffix in (".json", ".yaml", ".yml", ".toml", ".ini"):
                with contextlib.suppress(*FAILURES):
                    values = parse_settings(Path(data.root, one.path).read_text("utf-8"), suffix)
                    if isinstance(values, dict) and values:
                        hidden = fitting(self._redactor.value(values))
                        self.settings.append(
                            Settings(source=one.path, values=hidden, where=one.where)
                        )


def called(words: Sequence[str]) -> str:
    """The program that a command line starts: behind ``sh -c``, ``env``, ``NAME=value``."""
    left = list(words)
    if len(left) > 2 and os.path.basename(left[0]) in SHELLS and left[1].startswith("-"):
        left = [left[2]]
    if len(left) == 1 and not os.path.exists(left[0]):
        try:
            left = shlex.split(left[0])
        except ValueError:
            left = left[0].split()
    while left and (os.path.basename(left[0]) in BEFORE or re.fullmatch(r"\w+=.*", left[0])):
        left.pop(0)
    return left[0] if left else ""


def _put_aside_misses(data: Data) -> None:
    """What could not be opened was looked for in vain."""
    known = {one.path for one in data.missing}
    kept: list[FileRead] = []
    for one in data.read:
        if one.digest or not one.note.startswith(_GONE):
            kept.append(one)
        elif one.path not in known:
            data.missing.append(FileMissing(path=one.path, given=one.given, where=one.where))
    data.read = kept


def parse_settings(text: str, suffix: str) -> Any:
    """The values in a config file as JSON has them; None for what has another form."""
    if suffix == ".json":
        return msgspec.json.decode(text)
    if suffix == ".toml":
        import tomllib

        return msgspec.to_builtins(tomllib.loads(text), str_keys=True)
    if suffix == ".ini":
        import configparser

        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
        return {section: dict(parser.items(section)) for section in parser.sections()}
    try:
        import yaml  # type: ignore[import-untyped]  # an optional library without stubs
    except ImportError:
        return None
    return msgspec.to_builtins(yaml.safe_load(text), str_keys=True)


def fold(data: Data) -> list[FileRead]:
    """Tell folders of which very many files were read in one line each.

    Returns:
        The files that were folded away, for a blob of their own.
    """
    folders: dict[str, list[FileRead]] = {}
    for one in data.read:
        folders.setdefault(os.path.dirname(one.path), []).append(one)
    away: list[FileRead] = []
    left = len(data.read)
    for folder, files in sorted(folders.items(), key=lambda one: (-len(one[1]), one[0])):
        if len(files) > MANY or (left > MOST and len(files) > FEW):
            left -= len(files)
            files.sort(key=lambda one: one.path)
            text = "".join(f"{os.path.basename(one.path)}\0{one.digest}\n" for one in files)
            data.sets.append(
                {
                    "path": folder,
                    "files": len(files),
                    "size": sum(one.size for one in files),
                    "digest": digest_bytes(text.encode("utf-8", "surrogateescape")),
                    "sign": sign_of(os.path.join(data.root, folder)),
                    "where": files[0].where,
                    "pending": sum(not (one.digest or one.note) for one in files),
                }
            )
            away += files
    gone = set(map(id, away))
    data.read = [one for one in data.read if id(one) not in gone]
    return away


def _fill_listing(
    listing: Listing, root: str, written: Iterable[str], keep: Callable[[bytes], str] | None
) -> None:
    """What a folder or pattern gives now, without what the run itself put there."""
    path = os.path.join(root, listing.path)
    names = names_in(path, written)
    if names is None:
        return
    listing.entries = len(names)
    listing.digest = digest_names(names)
    if keep is not None and 0 < len(names) <= MOST_NAMES:
        base = without_magic(path)
        entries = [_entry(base, name) for name in names]
        listing.kept = keep(msgspec.json.encode(entries))


def _entry(base: str, name: str) -> Entry:
    try:
        status = os.stat(os.path.join(base, name))
    except OSError:
        return Entry(name=name)  # a link to nowhere
    folder = kinds.S_ISDIR(status.st_mode)
    size = 0 if folder else status.st_size
    return Entry(name=name, size=size, mtime=status.st_mtime_ns // 1000, folder=folder)


def without_magic(path: str) -> str:
    """A path, of a pattern the folder that it looks into."""
    while glob.has_magic(path):
        path = os.path.dirname(path)
    return path


def names_in(path: str, without: Iterable[str]) -> list[str] | None:
    """Names that a folder or pattern gives, in order; None where there is no such folder.

    Args:
        path: Absolute; a pattern has ``*``, ``?`` or ``[``.
        without: Absolute paths that do not count.
    """
    try:
        if glob.has_magic(path):
            found = glob.glob(path, recursive=True)[:MOST_LISTED]
        else:
            found = [entry.path for entry in os.scandir(path)][:MOST_LISTED]
    except OSError:
        return None
    base, left_out = without_magic(path), set(without)
    return sorted(
        os.path.relpath(name, base)
        for name in found
        if name not in left_out and os.path.basename(name) != "__pycache__"
    )


def digest_names(names: Iterable[str]) -> str:
    """Digest of names in order."""
    return digest_bytes("\n".join(names).encode("utf-8", "surrogateescape"))


def sign_of(folder: str) -> str:
    """Digest of names, sizes and times of a folder's files: whether any was touched."""
    lines: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file():
                status = entry.stat()
                lines.append(f"{entry.name}\0{status.st_size}\0{status.st_mtime_ns}")
    return digest_names(sorted(lines))


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.readall()
