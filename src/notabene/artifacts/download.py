"""An artifact's files into a folder: verified, whole file by whole file, resumable."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from notabene.artifacts.base import SMALL, BlobStore, FileBlobs, Progress, damaged
from notabene.artifacts.draft import UnsteadyError, hash_open
from notabene.artifacts.files import BINARY, clone, storage_error, temp_name, try_lock, write_all
from notabene.artifacts.hashes import HashCache
from notabene.artifacts.manifest import FileEntry, Manifest, Reference
from notabene.artifacts.transfer import Meter, batches, each
from notabene.errors import ConflictError, IntegrityError, NotabeneError, UsageError
from notabene.model.canonical import digest_bytes, new_hasher

_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


class Downloaded(msgspec.Struct, frozen=True):
    """What a download did.

    Attributes:
        path: The folder, absolute.
        written: Files that were written.
        kept: Files that were there already with the same content, and were left alone.
        bytes: Bytes of the files written.
        references: What belongs to the artifact and lies elsewhere; nothing fetched it.
    """

    path: Path
    written: int
    kept: int
    bytes: int
    references: tuple[Reference, ...]


def download(
    store: BlobStore,
    manifest: Manifest,
    target: Path | str,
    *,
    overwrite: bool = False,
    link: bool = False,
    progress: Progress | None = None,
    hashes: HashCache | None = None,
    threads: int = 0,
) -> Downloaded:
    """Bring the files of a manifest into a folder.

    Each file is verified and appears whole. Files that are there with the same content stay
    untouched. After a download broke off, the same call goes on where it stopped.

    Args:
        store: Where the content is.
        manifest: What to bring; ``manifest.below("sub/folder")`` for a part.
        target: The folder; made if need be.
        overwrite: Replace files that are there with other content.
        link: Hard-link large files, read-only, where they cannot be cloned. They are the
            store's own: who forces a write to one damages it for all.
        progress: Told of the bytes done and in all.
        hashes: Spares reading what is there and was read before.
        threads: How many; 0 to choose.

    Raises:
        ConflictError: Something else is in the way, and ``overwrite`` is not set; nothing was
            written.
        NotFoundError: The store lacks content.
        IntegrityError: Content in the store is damaged; other files may have been written.
        UsageError: The target is a file, or a name cannot be used on this system.
        AccessError, TransportError: The target cannot be written to, or its disk is full.
    """
    root = Path(os.path.expanduser(os.fspath(target))).absolute()
    with _writing(root):
        work = _Download(store, root, link=link)
        kept = work.look(manifest, hashes, overwrite=overwrite)
        if hashes is not None:
            hashes.flush()
        wanted = [f for f in manifest.files if f.path not in kept]
        work.make_folders(manifest, wanted)
        work.meter = Meter(sum(f.size for f in wanted), progress)
        each(batches(wanted, lambda f: f.size), work.bring, work.meter, threads)
        work.meter.finish()
    return Downloaded(root, len(wanted), len(kept), work.meter.total, manifest.references)


class _Download:
    def __init__(self, store: BlobStore, root: Path, *, link: bool) -> None:
        self.store, self.root, self.link = store, root, link
        self.meter = Meter(0, None)

    # -- before anything is written --------------------------------------------------------

    def look(self, manifest: Manifest, hashes: HashCache | None, *, overwrite: bool) -> set[str]:
        """Paths that are there already; refuses what would be lost."""
        if self.root.exists() and not self.root.is_dir():
            raise UsageError(f"{self.root} is a file; an artifact is downloaded into a folder")
        kept, clashes = set(), []
        for file in manifest.files:
            _check_here(file.path)
            place = self.root / file.path
            if not os.path.lexists(place):
                continue
            if place.is_dir():
                raise ConflictError(f"there is a folder {place} where a file would be written")
            if _same(place, file, hashes):
                kept.add(file.path)
            else:
                clashes.append(file.path)
        if clashes and not overwrite:
            more = f" and {len(clashes) - 1} more" if len(clashes) > 1 else ""
            raise ConflictError(
                f"{self.root / clashes[0]}{more} would be overwritten by other content",
                hint="choose another folder, overwrite=True, or --overwrite",
            )
        return kept

    def make_folders(self, manifest: Manifest, wanted: list[FileEntry]) -> None:
        """All folders that are needed."""
        parents = {self.root / f.path.rpartition("/")[0] for f in wanted}
        for folder in sorted({self.root, *parents, *(self.root / p for p in manifest.folders)}):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise ConflictError(f"{folder} must be a folder, and is a file") from None

    # -- writing ---------------------------------------------------------------------------

    def bring(self, batch: list[FileEntry]) -> None:
        """Write some files."""
        for file in batch:
            place = self.root / file.path
            if file.size <= SMALL:
                self._bring_small(file, place)
            elif not self._bring_link(file, place):
                self._bring_large(file, place)

    def _bring_small(self, file: FileEntry, place: Path) -> None:
        data = self.store.read(file.digest)
        draft = place.parent / f".{temp_name()}.part"
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, _mode(file))
            try:
                write_all(fd, data)
            finally:
                os.close(fd)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        self.meter.step(len(data))

    def _bring_link(self, file: FileEntry, place: Path) -> bool:
        """A hard link, where asked for; not for programs, for their mode would be everybody's."""
        if not self.link or file.executable or not isinstance(self.store, FileBlobs):
            return False
        source = self.store.path(file.digest)
        draft = place.parent / f".{temp_name()}.part"
        try:
            if source is None:
                return False
            os.link(source, draft)
        except OSError:
            return False
        try:
            fd = os.open(draft, os.O_RDONLY | BINARY)
            try:
                self._verify(file, fd)
            finally:
                os.close(fd)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        return True

    def _bring_large(self, file: FileEntry, place: Path) -> None:
        part, fd = self._part(file, place.parent)
        try:
            self._fill(file, fd)
            part.replace(place)
        except IntegrityError:
            part.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)

    def _part(self, file: FileEntry, folder: Path) -> tuple[Path, int]:
        """An open file to fill, ours alone: where one was begun before, that one."""
        part = folder / f".{file.digest[:16]}-{digest_bytes(file.path.encode())[:8]}.part"
        flags = os.O_RDWR | os.O_CREAT | BINARY
        fd = os.open(part, flags, _mode(file))
        if try_lock(fd) is not False:
            with contextlib.suppress(FileNotFoundError):
                if os.stat(part).st_ino == os.fstat(fd).st_ino:
                    return part, fd
        os.close(fd)  # another process brings, or just brought, the same file to the same place
        part = folder / f".{temp_name()}.part"
        return part, os.open(part, flags | os.O_EXCL, _mode(file))

    def _fill(self, file: FileEntry, fd: int) -> None:
        """Clone or copy the content into a part file, which may hold its beginning already."""
        begun = os.fstat(fd).st_size
        if not begun and isinstance(self.store, FileBlobs):
            source = self.store.path(file.digest)
            if source is not None and _clone_from(source, fd):
                self._verify(file, fd)
                return
        if 0 < begun <= file.size and self._copy(file, fd, begun):
            return
        if not self._copy(file, fd, 0):
            raise self._spoiled(file)

    def _copy(self, file: FileEntry, fd: int, begun: int) -> bool:
        """Go on after ``begun`` bytes; False where the result differs from its digest."""
        hasher, done = new_hasher(), 0
        os.lseek(fd, 0, os.SEEK_SET)
        while done < begun and (chunk := os.read(fd, min(SMALL, begun - done))):
            hasher.update(chunk)
            done += len(chunk)
        self.meter.step(done)
        os.ftruncate(fd, done)
        for chunk in self.store.stream(file.digest, done):
            hasher.update(chunk)
            write_all(fd, chunk)
            done += len(chunk)
            self.meter.step(len(chunk))
        if hasher.hexdigest() == file.digest:
            return True
        self.meter.step(-done)
        return False

    def _verify(self, file: FileEntry, fd: int) -> None:
        try:
            digest, _ = hash_open(fd, self.meter.step)
        except UnsteadyError:
            digest = ""
        if digest != file.digest:
            raise self._spoiled(file)

    def _spoiled(self, file: FileEntry) -> IntegrityError:
        spoiled = self.store.spoiled if isinstance(self.store, FileBlobs) else damaged
        error = spoiled(file.digest)
        return IntegrityError(f"{error.message}; they are the file {file.path!r}", hint=error.hint)


def _same(place: Path, file: FileEntry, hashes: HashCache | None) -> bool:
    try:
        stat = place.stat()
        if stat.st_size != file.size:
            return False
        known = hashes.get(stat) if hashes is not None else None
        if known is None:
            fd = os.open(place, os.O_RDONLY | BINARY | getattr(os, "O_NONBLOCK", 0))
            try:
                known, _ = hash_open(fd, lambda _count: None)
            finally:
                os.close(fd)
            if hashes is not None:
                hashes.keep(stat, known)
    except (OSError, UnsteadyError):
        return False
    return known == file.digest


def _clone_from(source: Path, fd: int) -> bool:
    try:
        source_fd = os.open(source, os.O_RDONLY | BINARY)
    except OSError:
        return False
    try:
        return clone(source_fd, fd)
    finally:
        os.close(source_fd)


def _mode(file: FileEntry) -> int:
    return 0o777 if file.executable else 0o666


def _check_here(path: str) -> None:
    """Refuse names that Windows would take for something else."""
    if os.name != "nt":
        return
    for part in path.split("/"):
        if any(c in '<>:"|?*' for c in part) or part.split(".")[0].casefold() in _RESERVED:
            raise UsageError(f"the file {path!r} cannot have this name on Windows")


@contextlib.contextmanager
def _writing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, NotabeneError):
            raise
        if error.errno == errno.EEXIST:
            raise ConflictError(f"{error.filename} is in the way") from error
        raise storage_error(error, f"download to {root}") from error
