"""Many blobs at once: into a store, and from one store to another.

Parallel, in bounded memory, and resumable: what the target has by digest is not sent again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from notabene.artifacts.base import CHUNK, BlobInfo, BlobStore, FileBlobs, Progress
from notabene.artifacts.draft import steady
from notabene.artifacts.files import storage_error
from notabene.artifacts.hashes import HashCache
from notabene.artifacts.manifest import (
    FileEntry,
    Manifest,
    Reference,
    make_manifest,
    save_manifest,
)
from notabene.artifacts.scan import Found, Listing
from notabene.errors import ConflictError, NotabeneError

T = TypeVar("T")

BATCH_FILES = 64
BATCH_BYTES = 8 << 20
"""Small files are handed to threads in batches of at most these."""

ALONE = 4 << 20
"""Bytes in all up to which no thread is started."""


class Stopped(Exception):
    """Another thread failed, or the user gave up."""


class Meter:
    """Adds up the bytes that threads have done, and tells one listener.

    Args:
        total: Bytes in all, as far as known.
        progress: Is called with (done, total), one call at a time, about 200 times in all.
    """

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self.done = total, 0
        self.stopped = threading.Event()
        self._progress, self._told, self._every = progress, 0, max(total // 200, 1)
        self._lock = threading.Lock()

    def step(self, count: int) -> None:
        """So many bytes more.

        Raises:
            Stopped: The work is to end.
        """
        if self.stopped.is_set():
            raise Stopped
        with self._lock:
            self.done += count
            if self._progress is not None and self.done - self._told >= self._every:
                self._told = self.done
                self._progress(min(self.done, self.total), self.total)

    def finish(self) -> None:
        """All is done."""
        if self._progress is not None and self._told != self.total:
            self._progress(self.total, self.total)


def each(items: Sequence[T], work: Callable[[T], None], meter: Meter, threads: int) -> None:
    """Call ``work`` for each item, in several threads; the first error ends all and is raised.

    Args:
        items: In the order in which they are begun.
        work: Reports its bytes to the meter.
        meter: Its ``total`` tells whether threads are worth it.
        threads: How many; 0 for one per core and two that wait for the disk, at most 8.
    """
    threads = threads or min(8, (os.cpu_count() or 1) + 2)
    if len(items) < 2 or threads < 2 or (meter.total <= ALONE and len(items) < BATCH_FILES):
        for item in items:
            work(item)
        return
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    with ThreadPoolExecutor(threads, thread_name_prefix="notabene-transfer") as pool:
        try:
            waiting = {pool.submit(work, item) for item in items}
            done, _ = wait(waiting, return_when=FIRST_EXCEPTION)
            for future in sorted(done, key=lambda f: isinstance(f.exception(), Stopped)):
                future.result()
        except BaseException:
            meter.stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


def batches(items: Iterable[T], size: Callable[[T], int]) -> list[list[T]]:
    """Items in groups of some megabytes, so that handing over costs little."""
    out: list[list[T]] = []
    room = 0
    for item in items:
        if not out or room < size(item) or len(out[-1]) == BATCH_FILES:
            out.append([])
            room = BATCH_BYTES
        out[-1].append(item)
        room -= size(item)
    return out


class Added(msgspec.Struct, frozen=True):
    """What :func:`add` stored: the manifest, and the digest under which it is kept."""

    manifest: Manifest
    digest: str


def add(
    store: BlobStore,
    listing: Listing,
    *,
    references: Iterable[Reference] = (),
    progress: Progress | None = None,
    hashes: HashCache | None = None,
    threads: int = 0,
    move: bool = False,
) -> Added:
    """Keep files and the manifest that lists them; safe from power loss when it returns.

    Repeating it after it broke off stores only what is missing.

    Args:
        store: Where to.
        listing: The files, from :func:`~notabene.artifacts.scan.scan`.
        references: What else belongs to the artifact.
        progress: Told of the bytes done and in all.
        hashes: Spares reading what was read before and has not changed.
        threads: How many; 0 to choose.
        move: The caller gives the files up: where they lie on the store's file system they are
            renamed into it, without a copy.

    Raises:
        UsageError: Two files have one path.
        NotFoundError, AccessError: A file is gone, or cannot be read.
        ConflictError: A file changed each time it was read.
        TransportError: The store's disk is full or fails; what was stored stays.
    """
    meter = Meter(listing.size, progress)
    entries: list[FileEntry] = []

    def work(batch: list[Found]) -> None:
        for found in batch:
            digest, size = _add_file(store, found, meter, hashes, move=move)
            entries.append(FileEntry(found.path, digest, size, found.executable))

    make_manifest((FileEntry(f.path, "0" * 64, 0) for f in listing.files), references)
    try:
        each(batches(listing.files, lambda f: f.size), work, meter, threads)
    finally:
        if hashes is not None:
            hashes.flush()
    manifest = make_manifest(entries, references, listing.folders)
    digest = save_manifest(store, manifest)
    store.flush()
    meter.finish()
    return Added(manifest, digest)


def _add_file(
    store: BlobStore, found: Found, meter: Meter, hashes: HashCache | None, *, move: bool
) -> tuple[str, int]:
    try:
        before = os.stat(found.source)
    except OSError as error:
        raise storage_error(error, f"read {found.source}") from error
    if hashes is not None and not move:
        known = hashes.get(before)
        if known is not None and not store.touch([known]):
            meter.step(before.st_size)
            return known, before.st_size
    if isinstance(store, FileBlobs):
        info = store.put_file(found.source, progress=meter.step, move=move)
    else:
        info = _send_file(store, found.source, meter, move=move)
    if hashes is not None and not move:
        try:
            after = os.stat(found.source)
        except OSError:
            return info.digest, info.size
        if after.st_ino == before.st_ino and steady(before, after, info.size):
            hashes.keep(after, info.digest)
    return info.digest, info.size


def _send_file(store: BlobStore, path: Path, meter: Meter, *, move: bool) -> BlobInfo:
    def chunks() -> Iterator[bytes]:
        with open(path, "rb", buffering=0) as file:
            before, size = os.fstat(file.fileno()), 0
            while chunk := file.read(CHUNK):
                size += len(chunk)
                yield chunk
                meter.step(len(chunk))
            if not steady(before, os.fstat(file.fileno()), size):
                raise ConflictError(f"the file {path} changed while it was read")

    try:
        info = store.put_chunks(chunks())
        if move:
            path.unlink()
    except OSError as error:
        if isinstance(error, NotabeneError):
            raise
        raise storage_error(error, f"read {path}") from error
    return info


def copy_blobs(
    source: BlobStore,
    target: BlobStore,
    blobs: dict[str, int],
    *,
    progress: Progress | None = None,
    threads: int = 0,
) -> int:
    """Copy content from one store to another, verified; gives how many blobs were sent.

    Args:
        source: Where from.
        target: Where to; what it has is not sent.
        blobs: Digest and size of each.
        progress: Told of the bytes done and in all.
        threads: How many; 0 to choose.

    Raises:
        NotFoundError: The source lacks one.
        IntegrityError: One is damaged; it was not stored.
    """
    absent = target.touch(blobs)
    meter = Meter(sum(blobs[d] for d in absent), progress)

    def work(batch: list[str]) -> None:
        for digest in batch:
            target.put_chunks(_metered(source.stream(digest), meter), expect=digest)

    each(batches(sorted(absent), blobs.__getitem__), work, meter, threads)
    target.flush()
    meter.finish()
    return len(absent)


def _metered(chunks: Iterable[bytes], meter: Meter) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        meter.step(len(chunk))
