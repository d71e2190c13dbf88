"""Deleted content: kept aside with a tombstone, brought back whole, removed for good later.

    trash/
    ├── <id>.json       tombstone: what went, when, why; outlives the removal
    ├── ab/cdef…        a blob, as it lay
    └── packs/          packs that were rewritten without what was deleted

Reads look here as well, so that a reference to deleted content works until it is removed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from notabene._ids import new_id, now_us
from notabene.artifacts.files import BINARY, replace_file, try_lock
from notabene.artifacts.pack import INDEX, TOUCH, Pack, Place
from notabene.artifacts.packs import Packs, Places
from notabene.errors import ConflictError, NotFoundError
from notabene.model.canonical import digest_bytes

FOREVER = 1 << 62

TOUCH_KEPT = 60 * 86_400_000_000
"""Age in µs from which a touch spares nothing any more."""


class DeadPack(msgspec.Struct, frozen=True):
    """A pack that was rewritten: its file name, and the digests that it alone still holds."""

    name: str
    dead: tuple[str, ...]


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What one deletion took.

    Attributes:
        id: Name of the deletion, for :meth:`Trash.restore`.
        time: When, in µs since 1970.
        reason: Why, in words.
        loose: Digests of the blobs that lay in files of their own.
        packs: The packs that were rewritten.
        bytes: How many bytes of content went.
        restored: When it was undone; 0 if it was not.
        purged: When the bytes were removed for good; 0 if they were not.
    """

    id: str
    time: int
    reason: str = ""
    loose: tuple[str, ...] = ()
    packs: tuple[DeadPack, ...] = ()
    bytes: int = 0
    restored: int = 0
    purged: int = 0

    @property
    def digests(self) -> set[str]:
        """All digests that went."""
        return {*self.loose, *(d for pack in self.packs for d in pack.dead)}


class Trash:
    """The trash of a folder of blobs.

    Args:
        folder: Where it lies; on the same file system as the blobs.
        root: The folder of the blobs.
        packs: Their packs.
    """

    def __init__(self, folder: Path, root: Path, packs: Packs) -> None:
        self.folder, self.root, self.packs = folder, root, packs
        self._dead_packs = Packs(folder / "packs")

    # -- looking ---------------------------------------------------------------------------

    def find(self, digest: str) -> tuple[Places, Path | None]:
        """Where deleted content lies: in packs, or in a file."""
        path = _place(self.folder, digest)
        if path.exists():
            return [], path
        self._dead_packs.refresh()
        return self._dead_packs.find(bytes.fromhex(digest), look=False), None

    def tombstones(self) -> list[Tombstone]:
        """All deletions, the newest first."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self.folder):
                if name.endswith(".json") and not name.startswith("."):
                    with contextlib.suppress(OSError, msgspec.MsgspecError):
                        data = (self.folder / name).read_bytes()
                        found.append(msgspec.json.decode(data, type=Tombstone))
        return sorted(found, key=lambda t: (t.time, t.id), reverse=True)

    def get(self, id: str) -> Tombstone:
        """The deletion of this id.

        Raises:
            NotFoundError: There is none.
        """
        for tombstone in self.tombstones():
            if tombstone.id == id:
                return tombstone
        raise NotFoundError(f"there is no collection {id!r} to undo")

    def _save(self, tombstone: Tombstone) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(self.folder / f"{tombstone.id}.json", msgspec.json.encode(tombstone))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | BINARY, 0o666)
        try:
            if try_lock(fd) is False:
                raise ConflictError(
                    f"another process is cleaning up {self.root}", hint="try again when it is done"
                )
            yield
        finally:
            os.close(fd)

    # -- putting away ----------------------------------------------------------------------

    def put_away(
        self,
        loose: Iterable[str],
        packs: Mapping[str, Iterable[str]],
        *,
        before: int = FOREVER,
        reason: str = "",
    ) -> Tombstone:
        """Move content into the trash.

        Args:
            loose: Digests of blobs in files of their own.
            packs: For each pack to be rewritten, by file name, the digests to leave out.
                A pack that somebody writes to is left as it is.
            before: Spare what was touched at or after this time (µs), also if that happens
                while this is at work.
            reason: Words for the tombstone.

        Raises:
            ConflictError: Another process is at it.
            OSError: The disk fails; what was done until then can be restored.
        """
        with self._alone():
            tombstone = Tombstone(
                id=new_id(),
                time=now_us(),
                reason=reason,
                loose=tuple(loose),
                packs=tuple(DeadPack(name, tuple(dead)) for name, dead in packs.items()),
            )
            self._save(tombstone)  # first, so that a crash half-way can be undone
            gone, size = self._move_loose(tombstone.loose, before)
            rewritten, count = self._rewrite_all(tombstone.packs, before)
            tombstone = msgspec.structs.replace(
                tombstone, loose=gone, packs=rewritten, bytes=size + count
            )
            self._save(tombstone)
            return tombstone

    def _move_loose(self, digests: tuple[str, ...], before: int) -> tuple[tuple[str, ...], int]:
        gone, size = [], 0
        for digest in digests:
            source, target = _place(self.root, digest), _place(self.folder, digest)
            if not _move(source, target):
                continue
            stat = target.stat()
            if stat.st_mtime_ns // 1000 >= before:  # wanted again just now
                _move(target, source)
                continue
            gone.append(digest)
            size += stat.st_size
        return tuple(gone), size

    def _rewrite_all(
        self, packs: tuple[DeadPack, ...], before: int
    ) -> tuple[tuple[DeadPack, ...], int]:
        """Rewrite packs without their dead; gives those that were, and the bytes that went."""
        self.packs.close()  # our own pack may be among them
        done, size = [], 0
        with contextlib.ExitStack() as locks:
            # All are locked first, so that what lives in one is not moved into the next.
            held = {p.name: locks.enter_context(self.packs.locked(p.name)) for p in packs}
            used = {d for p in packs if held[p.name] is None for d in p.dead}
            for dead in packs:
                pack = held[dead.name]
                if pack is not None:
                    keys = {bytes.fromhex(d) for d in dead.dead if d not in used}
                    gone = self._rewrite(pack, keys, set(held), before)
                    if gone is not None:
                        size += sum(place.length for place in gone.values())
                        done.append(DeadPack(dead.name, tuple(k.hex() for k in gone)))
        return tuple(done), size

    def _rewrite(
        self, pack: Pack, dead: set[bytes], doomed: set[str], before: int
    ) -> dict[bytes, Place] | None:
        """Copy what lives into another pack; gives what does not, None where nothing was done."""
        gone: dict[bytes, Place] = {}
        for key, place in pack.merged().items():
            if key in dead and place.time < before:
                gone[key] = place
            elif place.offset == 0:
                if now_us() - place.time < TOUCH_KEPT:
                    self.packs.append(key, b"", place.time, kind=TOUCH)
            elif not self._carry(pack, key, place, doomed):
                return None  # damaged: left alone, so that nothing more is lost
        self.packs.flush()
        for path in (pack.path, pack.path.with_suffix(INDEX)):
            _move(path, self.folder / "packs" / path.name)
        self.packs.refresh()
        for key in self.packs.touched_since(before, gone):  # wanted again just now
            self._revive(key)
            gone.pop(key)
        return {key: place for key, place in gone.items() if place.offset}

    def _carry(self, pack: Pack, key: bytes, place: Place, doomed: set[str]) -> bool:
        data = pack.read(place)
        if digest_bytes(data) != key.hex():
            return False
        for other, at in self.packs.find(key, look=False):
            if other.path.name not in doomed and other.read(at) == data:
                if place.time > at.time:
                    self.packs.append(key, b"", place.time, kind=TOUCH)
                return True
        self.packs.append(key, data, place.time)
        return True

    # -- and back --------------------------------------------------------------------------

    def revive(self, digest: str) -> bool:
        """Bring one deleted blob back; False where it is not in the trash."""
        return self._bring_back(digest) or self._revive(bytes.fromhex(digest))

    def _bring_back(self, digest: str) -> bool:
        source, target = _place(self.folder, digest), _place(self.root, digest)
        if target.exists():  # stored anew since; its time is the newer one
            source.unlink(missing_ok=True)
            return True
        return _move(source, target)

    def _revive(self, key: bytes) -> bool:
        if self.packs.find(key):
            return True
        self._dead_packs.refresh()
        for pack, place in self._dead_packs.find(key, look=False):
            with contextlib.suppress(FileNotFoundError):  # purged just now
                data = pack.read(place)
                if digest_bytes(data) == key.hex():
                    self.packs.append(key, data)
                    return True
        return False

    def restore(self, id: str) -> Tombstone:
        """Undo a deletion: all that it took lies again where it lay.

        Raises:
            NotFoundError: There is no such deletion.
            ConflictError: Its content was removed for good, or another process is at it.
        """
        with self._alone():
            tombstone = self.get(id)
            if tombstone.purged:
                raise ConflictError(f"what deletion {id} took was removed for good")
            self._restore(tombstone)
            tombstone = msgspec.structs.replace(tombstone, restored=now_us())
            self._save(tombstone)
            return tombstone

    def _restore(self, tombstone: Tombstone) -> None:
        for digest in tombstone.loose:
            self._bring_back(digest)
        for pack in tombstone.packs:
            for name in (Path(pack.name).with_suffix(INDEX).name, pack.name):
                _move(self.folder / "packs" / name, self.packs.folder / name)
        self.packs.refresh()
        self._dead_packs.refresh()

    def purge(self, before: int, spare: Callable[[str], bool]) -> list[Tombstone]:
        """Remove for good what was deleted before a time.

        Args:
            before: Deletions before this time (µs) are concerned.
            spare: Says of a digest whether something refers to it; a deletion that took any
                such content is restored instead.

        Raises:
            ConflictError: Another process is at it.
        """
        done = []
        with self._alone():
            all_stones = [t for t in self.tombstones() if not t.purged and not t.restored]
            newer = {d for t in all_stones if t.time >= before for d in t.loose}
            for tombstone in all_stones:
                if tombstone.time >= before:
                    continue
                wanted = {d for d in tombstone.digests if spare(d)}
                if not all(self.revive(digest) for digest in wanted):
                    continue  # what is wanted cannot be read now: keep all of it
                for digest in set(tombstone.loose) - newer - wanted:
                    _place(self.folder, digest).unlink(missing_ok=True)
                for pack in tombstone.packs:
                    for name in (pack.name, Path(pack.name).with_suffix(INDEX).name):
                        (self.folder / "packs" / name).unlink(missing_ok=True)
                tombstone = msgspec.structs.replace(tombstone, purged=now_us())
                self._save(tombstone)
                done.append(tombstone)
            self.packs.flush()
        return done


def _place(root: Path, digest: str) -> Path:
    return root / digest[:2] / digest[2:]


def _move(source: Path, target: Path) -> bool:
    """Rename; False where the source is not there."""
    try:
        source.replace(target)
    except FileNotFoundError:
        if not source.exists():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    return True
