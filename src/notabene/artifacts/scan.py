"""What lies in a file or folder that is to be logged: found and judged before a byte is read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from notabene.artifacts.files import storage_error
from notabene.artifacts.manifest import check_path
from notabene.errors import NotFoundError, UsageError

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Found(msgspec.Struct, frozen=True):
    """A file to be logged: its path in the artifact, where it lies, bytes, whether it runs."""

    path: str
    source: Path
    size: int
    executable: bool = False


class Listing(msgspec.Struct, frozen=True):
    """Files and empty folders to be logged."""

    files: tuple[Found, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files, as far as they have not changed since."""
        return sum(f.size for f in self.files)

    def __add__(self, other: Listing) -> Listing:
        return Listing(self.files + other.files, self.folders + other.folders)


def scan(source: Path | str, *, at: str = "", ignore: Iterable[str] = ()) -> Listing:
    """List a file, or a folder with all below it.

    Symbolic links are followed: what they lead to is logged as content. Empty folders are kept.

    Args:
        source: A file or folder.
        at: Path in the artifact; for a file by default its name, for a folder the artifact
            itself.
        ignore: Patterns as of the shell (``*.tmp``) for names or whole paths to leave out.

    Raises:
        NotFoundError: There is nothing at ``source``, or a link in it leads nowhere.
        UsageError: There is a pipe, socket or device, a link that leads back to its own
            folder, or a name that cannot be kept.
        AccessError: A folder cannot be read.
    """
    source = Path(os.path.expanduser(os.fspath(source)))
    at = check_path(at.strip("/")) if at.strip("/") else ""
    try:
        status = source.stat()
    except FileNotFoundError:
        raise NotFoundError(f"there is no file or folder {source}") from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            raise storage_error(error, f"look at {source}") from error
        raise UsageError(f"{str(source)!r} is no path: {error}") from error
    if not stat.S_ISDIR(status.st_mode):
        _check_kind(source, status)
        return Listing((_found(at or check_path(_decoded(source.name)), source, status),))
    files: list[Found] = []
    folders: list[str] = []
    walk = _Walk(tuple(ignore))
    for item in walk.folder(source, at, ((status.st_dev, status.st_ino),)):
        if isinstance(item, Found):
            files.append(item)
        else:
            folders.append(item)
    return Listing(tuple(files), tuple(folders))


class _Walk:
    def __init__(self, ignore: tuple[str, ...]) -> None:
        self.ignore = ignore

    def folder(
        self, folder: Path, at: str, above: tuple[tuple[int, int], ...]
    ) -> Iterator[Found | str]:
        """Files below a folder, and its path where it is empty; ``above`` are its ancestors."""
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda e: e.name)
        except OSError as error:
            raise storage_error(error, f"list the folder {folder}") from error
        if not entries and at:
            yield at
        for entry in entries:
            path = f"{at}/{entry.name}" if at else entry.name
            if any(fnmatchcase(entry.name, p) or fnmatchcase(path, p) for p in self.ignore):
                continue
            source = folder / entry.name
            path = check_path(_decoded(path))
            status = self._stat(entry)
            if not stat.S_ISDIR(status.st_mode):
                _check_kind(source, status)
                yield _found(path, source, status)
                continue
            this = (status.st_dev, status.st_ino)
            if this in above:
                raise UsageError(
                    f"the link {source} leads back to a folder it lies in",
                    hint="remove it, or leave it out with ignore=",
                )
            yield from self.folder(source, path, (*above, this))

    def _stat(self, entry: os.DirEntry[str]) -> os.stat_result:
        try:
            # Not entry.stat(): on Windows it knows neither the number of the file nor its device.
            return os.stat(entry.path)
        except FileNotFoundError:
            if entry.is_symlink():
                raise NotFoundError(
                    f"the link {entry.path} leads nowhere",
                    hint="remove it, or leave it out with ignore=",
                ) from None
            raise NotFoundError(f"{entry.path} vanished while the folder was listed") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise UsageError(
                    f"the link {entry.path} leads in a circle",
                    hint="remove it, or leave it out with ignore=",
                ) from None
            raise storage_error(error, f"look at {entry.path}") from error


def _found(path: str, source: Path, status: os.stat_result) -> Found:
    return Found(path, source, status.st_size, bool(status.st_mode & stat.S_IXUSR))


def _decoded(name: str) -> str:
    if any(0xDC80 <= ord(c) <= 0xDCFF for c in name):
        shown = os.fsencode(name)
        raise UsageError(f"the file name {shown!r} is not in UTF-8", hint="rename the file")
    return name


def _check_kind(source: Path, status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise UsageError(
            f"{source} is {_SPECIAL.get(kind, 'no regular file')}; only files can be logged",
            hint="leave it out with ignore=",
        )
