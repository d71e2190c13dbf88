"""Save what a damaged journal still holds, before the damage and behind it.

A new journal ``<name>.repaired.journal`` is written beside the damaged one, with all frames
that verify, and synced; then the damaged one is moved to the store's trash. Nothing is ever
written over. Sequences that are lost stay visible as a hole, which ``verify`` names; where the
writer's ring or another of its files holds them, nothing is lost at all. For a sealed file the
journals that it was made from lie in the trash for a week: they come back where it lost something.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from notabene._ids import new_id
from notabene.errors import ConflictError, FormatError
from notabene.journal.chain import RING, lock
from notabene.journal.file import fresh_header
from notabene.journal.folder import FORMAT_FILE, JOURNAL, RECOVERED, SEALED
from notabene.journal.reader import JournalReader, Keysets, Points, decode_frame, slots_of
from notabene.journal.recover import ring_folder, write_whole
from notabene.journal.rows import slots
from notabene.journal.segment import (
    FRAME_MAGIC,
    FRAME_OVERHEAD,
    Frame,
    Header,
    decode_header,
    encode_frame,
    encode_header,
    encode_record_section,
    encode_section,
)
from notabene.journal.verify import Ranges, holes_in, ranges_of, scan, verify
from notabene.model.records import KeysDefined, WriterStarted, encode_record

_SIZE = struct.Struct("<4sI")
_CRC = struct.Struct("<I")
_ONES = 0xFFFFFFFF
ENOUGH = 50
"""Frames that are asked for the seed of their checksum when the header cannot tell."""


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair did.

    Attributes:
        path: The journal it was asked to repair.
        repaired: The journal that holds what could be saved; None where nothing was wrong.
        trash: Where the damaged one lies now; None where nothing was wrong.
        before: Frames saved from before the damage.
        behind: Frames saved from behind it.
        again: Names of journals that came back, from which the file was sealed.
        holes: For each writer the sequences that are in none of them.
    """

    path: Path
    repaired: Path | None = None
    trash: Path | None = None
    before: int = 0
    behind: int = 0
    again: tuple[str, ...] = ()
    holes: dict[str, Ranges] = {}

    def sentence(self) -> str:
        """One line for people."""
        if self.repaired is None:
            return f"{self.path}: nothing to repair"
        lost = sum(last - first + 1 for ranges in self.holes.values() for first, last in ranges)
        rest = f"{lost:,} rows or records are missing" if lost else "nothing is missing in between"
        back = f"{', '.join(self.again)} came back from the trash; " if self.again else ""
        return (
            f"{self.path}: {self.before:,} frames from before the damage and {self.behind:,} "
            f"from behind it are in {self.repaired.name}; {back}{rest}; the damaged file lies in "
            f"{self.trash}"
        )


def repair(path: Path) -> Repair:
    """Repair one journal file.

    Raises:
        FormatError: A newer notabene wrote it, or nothing in it can be read.
        ConflictError: Its writer is at work.
        OSError: The folder cannot be written to.
    """
    if verify(path).damage is None:
        return Repair(path=path)
    if _at_work(path):
        raise ConflictError(
            f"the writer of {path} is at work", hint="repair it when the run has ended"
        )
    data = path.read_bytes()
    header, start = _header_of(path, data)
    before, _, behind = scan(memoryview(data), header, start)
    saved = [*before, *behind]
    if len(header.file_id) == _CRC.size:  # guessed: it does not know the rank
        header = msgspec.structs.replace(header, ranks=(_rank_in(saved),) * len(header.writers))
    fresh = fresh_header(header)
    out = [encode_header(fresh), _names(path, fresh, saved)]
    out += [_copied(frame, fresh) for frame in saved]
    target = _beside(path)
    write_whole(b"".join(out), target)
    holes = _holes(header, saved)
    again = _sealed_from(path) if holes else {}
    if again:
        holes = _holes(header, [*saved, *(frame for found in again.values() for frame in found)])
    return Repair(
        path=path,
        repaired=target,
        trash=_to_trash(path),
        before=len(before),
        behind=len(behind),
        again=tuple(again),
        holes=holes,
    )


def _holes(header: Header, saved: Sequence[Frame]) -> dict[str, Ranges]:
    """What is missing in between; of a sealed file also of what it says it holds."""
    there = ranges_of(saved, header)
    for writer, claimed in header.replaces:
        # A range of nothing on each side makes holes of what is missing at the ends.
        first, last = claimed[0][0], claimed[-1][1]
        there[writer] = ((first - 1, first - 1), *there.get(writer, ()), (last + 1, last + 1))
    return {
        writer: tuple(hole for hole in holes if hole[0] <= hole[1])
        for writer, holes in holes_in(there).items()
        if any(first <= last for first, last in holes)
    }


def _sealed_from(path: Path) -> dict[str, list[Frame]]:
    """Bring the journals back that a sealed file was made from; their frames by name."""
    root = _store_of(path)
    folder = root / "trash" / SEALED / path.parent.name if root and path.name == SEALED else None
    found: dict[str, list[Frame]] = {}
    for old in sorted(folder.iterdir()) if folder and folder.is_dir() else ():
        name = old.name if old.suffix in (JOURNAL, RECOVERED) else f"{old.name}{JOURNAL}"
        data = old.read_bytes()
        with contextlib.suppress(EOFError, FormatError):
            header, start = decode_header(data)
            before, _, behind = scan(memoryview(data), header, start)
            write_whole(data, path.with_name(name))
            found[name] = [*before, *behind]
    return found


def _copied(frame: Frame, header: Header) -> bytes:
    """The same frame with a checksum of the new file."""
    body = b"".join(
        encode_section(kind, bytes(data))  # kinds this version does not know are kept
        for kind, _, data in frame.sections
    )
    writer = header.writers.index(frame.writer)
    return encode_frame(header.seed, frame.first, frame.last, body, writer)


def _at_work(path: Path) -> bool:
    writer = path.name.split(".")[0]
    for place in {path.parent, ring_folder(path) or path.parent}:
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(place / f"{writer}{RING}", os.O_RDONLY)
            try:
                lock(fd)
            except OSError:
                return True
            finally:
                os.close(fd)
    return False


# -- the header ----------------------------------------------------------------------------


def _header_of(path: Path, data: bytes) -> tuple[Header, int]:
    """The header and where the first frame begins; guessed where it is damaged.

    Raises:
        FormatError: It cannot be guessed.
    """
    with contextlib.suppress(EOFError, FormatError):
        return decode_header(data)
    writer, _, rest = path.name.partition(".")
    seed = _seed_of(data)
    if seed is None or not rest:
        raise FormatError(
            f"nothing in {path} can be read",
            hint="its ring, or a copy of the run from elsewhere, may still hold the data",
        )
    recovered = path.suffix == RECOVERED
    header = Header(
        # Any id with the right checksum will do: these four bytes have it.
        file_id=_before(seed, bytes(4)).to_bytes(4, "little"),
        kind="recovered" if recovered else "run",
        writers=(writer, f"{writer}-end") if recovered else (writer,),
        ranks=(0, 0) if recovered else (0,),
        run=path.parent.name,
    )
    return header, data.find(FRAME_MAGIC)


def _seed_of(data: bytes) -> int | None:
    """The start value with which the checksums of the frames come out right.

    CRC-32 can be run backwards, so each frame tells it; two that agree are believed.
    """
    votes: Counter[int] = Counter()
    at = -1
    while (at := data.find(FRAME_MAGIC, at + 1)) >= 0 and votes.total() < ENOUGH:
        if at + FRAME_OVERHEAD > len(data):
            break
        end = at + FRAME_OVERHEAD - _CRC.size + _SIZE.unpack_from(data, at)[1]
        follows = data[end + _CRC.size : end + _CRC.size + len(FRAME_MAGIC)]
        if end + _CRC.size <= len(data) and follows in (b"", FRAME_MAGIC):
            votes[_before(_CRC.unpack_from(data, end)[0], data[at:end])] += 1
    seed, count = votes.most_common(1)[0] if votes else (0, 0)
    return seed if count > 1 else None


_TABLE = [zlib.crc32(bytes([i]), _ONES) ^ _ONES for i in range(256)]
_BY_TOP = {entry >> 24: i for i, entry in enumerate(_TABLE)}


def _before(crc: int, data: bytes) -> int:
    """The start value from which ``zlib.crc32(data, start)`` is ``crc``."""
    state = crc ^ _ONES
    for byte in reversed(data):
        i = _BY_TOP[state >> 24]
        state = ((state ^ _TABLE[i]) << 8 & _ONES) | (i ^ byte)
    return state ^ _ONES


def _rank_in(saved: Iterable[Frame]) -> int:
    """The rank that a writer's first record names."""
    for frame in saved:
        for entry in decode_frame(frame, "", 0, {}, "").entries:
            if isinstance(entry.record, WriterStarted):
                return entry.record.rank
    return 0


# -- names that stood in the damaged part --------------------------------------------------


def _names(path: Path, header: Header, saved: list[Frame]) -> bytes:
    """Frames that cover nothing and name the key sets whose definition was lost."""
    keysets: Keysets = {}
    needed: dict[tuple[str, int], int] = {}
    for frame in saved:
        for points in decode_frame(frame, header.run, 0, keysets, "").points:
            for keyset, count in _keysets_of(points):
                needed[frame.writer, keyset] = count
    lost = {key: n for key, n in needed.items() if key[1] not in keysets.get(key[0], {})}
    elsewhere = _names_elsewhere(path) if lost else {}
    out = []
    for (writer, keyset), count in lost.items():
        unnamed = tuple(f"unnamed/{keyset}.{i}" for i in range(count))
        keys = elsewhere.get(writer, {}).get(keyset, unnamed)
        body = encode_record_section(0, 0, encode_record(KeysDefined(id=keyset, keys=keys)))
        out.append(encode_frame(header.seed, 1, 0, body, header.writers.index(writer)))
    return b"".join(out)


def _keysets_of(points: Points) -> set[tuple[int, int]]:
    """``(id, number of keys)`` of the key sets that rows refer to."""
    if points.encoding == "block":
        from notabene.journal.block import Block

        return {(points.keyset, Block(points.data).columns)}
    return {(slot.keyset, slot.count) for slot in slots(slots_of(points))}


def _names_elsewhere(path: Path) -> Keysets:
    """Key sets that the other files of the run name."""
    keysets: Keysets = {}
    for other in path.parent.iterdir():
        if other != path and other.suffix in (JOURNAL, RECOVERED):
            reader = JournalReader(other, keysets=keysets)
            with contextlib.suppress(OSError, FormatError):
                while reader.read():
                    pass
    return keysets


# -- files ---------------------------------------------------------------------------------


def _beside(path: Path) -> Path:
    """A free name in the same folder that readers of the run take for a journal."""
    stem = path.name.removesuffix(JOURNAL)
    tries = (f"{stem}.repaired{i or ''}{JOURNAL}" for i in range(1000))
    return next(found for name in tries if not (found := path.with_name(name)).exists())


def _to_trash(path: Path) -> Path:
    """Move a damaged file into the store's trash; beside itself where it is in no store."""
    root = _store_of(path)
    target = path.with_name(f"{path.name}.damaged-{new_id()}")
    if root is not None:
        folder = root / "trash" / "journals" / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{path.name}-{new_id()}"
    path.rename(target)
    return target


def _store_of(path: Path) -> Path | None:
    return next((p for p in path.absolute().parents if (p / FORMAT_FILE).is_file()), None)
