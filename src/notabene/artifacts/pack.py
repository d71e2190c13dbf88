"""The pack format: small blobs one after another in one append-only file.

All numbers are little-endian.

    pack    = header record*
    header  = magic[8] "nbpack\\0\\1" · id[16]
    record  = magic[4] · u8 kind · u8[3] 0 · u32 length · u64 time · digest[32] · u32 crc
              · data[length]

The checksum is CRC-32 of the record's header before it, seeded with the file's id, so that
bytes of another file (a pack that was itself logged) never verify; the data is verified by
its digest. Kind 1 is a blob; kind 2, without data, says that a blob, wherever it lies, was
wanted again at that time. A torn tail is ignored; after a damaged header, reading goes on at
the next one that verifies.

A pack has one writer at a time, the one that holds the lock of the file. Its index, made
when the writer is done, is a cache over the records before ``upto``:

    index   = magic[8] "nbpidx\\0\\1" · id[16] · u64 upto · u32 count · u32 crc
              · prefix[8]*count · (digest[32] · u64 offset · u32 length · u64 time)*count

sorted by digest; the prefix is the digest's first 8 bytes as a number, the checksum that of
the header and the prefixes. Rows with offset 0 are touches of blobs that lie elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from notabene.artifacts.files import BINARY, read_at, replace_file
from notabene.errors import FormatError

PACK = ".pack"
INDEX = ".idx"
MAX_LENGTH = 1 << 30
BLOB, TOUCH = 1, 2

_MAGIC = b"nbpack\0\1"
_RECORD_MAGIC = b"\xf5nbB"
_INDEX_MAGIC = b"nbpidx\0\1"
_HEADER = struct.Struct("<8s16s")
_RECORD = struct.Struct("<4sBxxxIQ32s")
_CRC = struct.Struct("<I")
_INDEX_HEADER = struct.Struct("<8s16sQI")
_ROW = struct.Struct("<32sQIQ")
START = _HEADER.size
OVERHEAD = _RECORD.size + _CRC.size
_SEARCH = 1 << 20


class Place(NamedTuple):
    """Where in a pack the bytes of a blob lie; ``offset`` 0 in a touch. ``time`` is in µs."""

    offset: int
    length: int
    time: int


class Record(NamedTuple):
    """A record without its bytes. ``end`` is the offset of what follows it."""

    kind: int
    digest: bytes
    place: Place
    end: int


def new_header() -> tuple[bytes, bytes]:
    """The first bytes of a new pack, and its id."""
    file_id = secrets.token_bytes(16)
    return _HEADER.pack(_MAGIC, file_id), file_id


def read_header(fd: int) -> bytes:
    """The id of an open pack; empty while its header is not yet complete.

    Raises:
        FormatError: It is no pack, or one of a newer version.
    """
    data = read_at(fd, START, 0)
    if len(data) < START:
        return b""
    magic, file_id = _HEADER.unpack(data)
    if magic != _MAGIC:
        raise FormatError("a pack of small blobs is damaged at its beginning or of a newer version")
    return bytes(file_id)


def record_header(file_id: bytes, kind: int, digest: bytes, length: int, time: int) -> bytes:
    """The bytes before a record's data."""
    head = _RECORD.pack(_RECORD_MAGIC, kind, length, time, digest)
    return head + _CRC.pack(zlib.crc32(head, zlib.crc32(file_id)))


def scan(fd: int, file_id: bytes, start: int, end: int) -> Iterator[Record]:
    """Whole records between two offsets; damage in the middle is skipped."""
    seed = zlib.crc32(file_id)
    at = start
    while at + OVERHEAD <= end:
        head = read_at(fd, OVERHEAD, at)
        record = _parse(head, seed, at)
        if record is None:
            at = _next_header(fd, seed, at + 1, end)
        elif record.end > end:
            # Still being written, torn by a kill, or torn and then written on behind.
            at = _next_header(fd, seed, at + OVERHEAD, end)
        else:
            yield record
            at = record.end


def _parse(head: bytes, seed: int, at: int) -> Record | None:
    if len(head) < OVERHEAD or not head.startswith(_RECORD_MAGIC):
        return None
    if zlib.crc32(head[: _RECORD.size], seed) != _CRC.unpack_from(head, _RECORD.size)[0]:
        return None
    _, kind, length, time, digest = _RECORD.unpack_from(head)
    if length > MAX_LENGTH:
        return None
    place = Place(at + OVERHEAD if kind == BLOB else 0, length, time)
    return Record(kind, digest, place, at + OVERHEAD + length)


def _next_header(fd: int, seed: int, at: int, end: int) -> int:
    """Offset of the first header at or after ``at`` that verifies, or ``end``."""
    while at < end:
        data = read_at(fd, min(_SEARCH, end - at), at)
        if not data:
            return end
        found = data.find(_RECORD_MAGIC)
        while found >= 0:
            head = data[found : found + OVERHEAD]
            if len(head) < OVERHEAD:
                head = read_at(fd, OVERHEAD, at + found)
            if _parse(head, seed, at + found):
                return at + found
            found = data.find(_RECORD_MAGIC, found + 1)
        # A magic may lie across the border of two pieces.
        at += max(len(data) - len(_RECORD_MAGIC) + 1, 1)
    return end


class Index:
    """Where the blobs of one pack are, up to an offset: the sidecar file, searched by bisection.

    Only eight bytes a blob are held in memory; rows are read when asked for.
    """

    def __init__(self, path: Path, upto: int, prefixes: array[int]) -> None:
        self.path, self.upto, self._prefixes = path, upto, prefixes

    @classmethod
    def load(cls, path: Path, file_id: bytes) -> Index | None:
        """The index of the pack with this id; None where there is none that can be used."""
        try:
            with open(path, "rb") as file:
                header = file.read(_INDEX_HEADER.size)
                checksum = file.read(_CRC.size)
                if len(checksum) < _CRC.size:
                    return None
                magic, of, upto, count = _INDEX_HEADER.unpack(header)
                prefixes = file.read(8 * count)
        except OSError:
            return None
        if magic != _INDEX_MAGIC or of != file_id or len(prefixes) < 8 * count:
            return None
        if zlib.crc32(prefixes, zlib.crc32(header)) != _CRC.unpack(checksum)[0]:
            return None
        return cls(path, upto, _numbers(prefixes))

    @staticmethod
    def save(path: Path, file_id: bytes, upto: int, rows: list[tuple[bytes, Place]]) -> None:
        """Write an index over all records before ``upto``.

        Raises:
            OSError: It cannot be written; what was there stands.
        """
        rows.sort()
        prefixes = b"".join(digest[7::-1] for digest, _ in rows)
        header = _INDEX_HEADER.pack(_INDEX_MAGIC, file_id, upto, len(rows))
        checksum = _CRC.pack(zlib.crc32(prefixes, zlib.crc32(header)))
        body = b"".join(_ROW.pack(digest, *place) for digest, place in rows)
        replace_file(path, header + checksum + prefixes + body)

    def find(self, digest: bytes) -> Place | None:
        """The place of a blob, or its last touch."""
        prefix = int.from_bytes(digest[:8], "big")
        at = bisect_left(self._prefixes, prefix)
        while at < len(self._prefixes) and self._prefixes[at] == prefix:
            for found, place in self._rows(at, 1):
                if found == digest:
                    return place
            at += 1
        return None

    def rows(self) -> Iterator[tuple[bytes, Place]]:
        """All rows."""
        for at in range(0, len(self._prefixes), 4096):
            yield from self._rows(at, 4096)

    def _rows(self, first: int, count: int) -> list[tuple[bytes, Place]]:
        offset = _INDEX_HEADER.size + _CRC.size + 8 * len(self._prefixes) + _ROW.size * first
        whole = _INDEX_HEADER.size + _CRC.size + (8 + _ROW.size) * len(self._prefixes)
        with open(self.path, "rb") as file:
            if os.fstat(file.fileno()).st_size != whole:
                raise OSError(errno.ESTALE, "the index was made anew")
            file.seek(offset)
            data = file.read(_ROW.size * min(count, len(self._prefixes) - first))
        return [(row[0], Place(*row[1:])) for row in _ROW.iter_unpack(data)]


def _numbers(data: bytes) -> array[int]:
    numbers = array("Q")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


class Pack:
    """One pack as a reader sees it: the index, and what was appended since it was made.

    Holds no file open. ``refresh`` takes in what the writer has added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file_id = b""
        self.index: Index | None = None
        self.seen = START
        self.fresh: dict[bytes, Place] = {}
        self.trusts_index = True

    def refresh(self, size: int) -> None:
        """Read the headers of records before ``size`` that were not yet seen.

        Raises:
            OSError: The file is gone or cannot be read.
            FormatError: It is no pack.
        """
        if size <= self.seen:
            return
        fd = os.open(self.path, os.O_RDONLY | BINARY)
        try:
            if not self.file_id:
                self.file_id = read_header(fd)
                if not self.file_id:
                    return
            if self.seen == START and self.trusts_index:
                index = Index.load(self.path.with_suffix(INDEX), self.file_id)
                if index is not None and index.upto <= size:
                    self.index, self.seen = index, index.upto
            for record in scan(fd, self.file_id, self.seen, size):
                self.note(record.digest, record.place, record.end)
        finally:
            os.close(fd)

    def note(self, digest: bytes, place: Place, end: int) -> None:
        """Take notice of a record."""
        known = self.fresh.get(digest)
        if place.offset == 0 and known is not None:
            place = known._replace(time=max(known.time, place.time))
        self.fresh[digest] = place
        self.seen = max(self.seen, end)

    def find(self, digest: bytes) -> Place | None:
        """Where a blob lies, or None; its time may be newer in :meth:`touched`."""
        place = self.fresh.get(digest)
        if place is not None and place.offset:
            return place
        place = self._indexed(digest)
        return place if place is not None and place.offset else None

    def _indexed(self, digest: bytes) -> Place | None:
        """What the index says; where it is gone or was made anew, what the pack itself says."""
        if self.index is None:
            return None
        try:
            return self.index.find(digest)
        except OSError:
            self.forget()
            with contextlib.suppress(OSError, FormatError):
                self.refresh(self.path.stat().st_size)
            return self.fresh.get(digest)

    def time(self, digest: bytes) -> int:
        """When a blob was last wanted as far as this pack knows, in µs; 0 where it does not."""
        place = self.fresh.get(digest)
        if place is None:
            place = self._indexed(digest)
        return place.time if place is not None else 0

    def forget(self) -> None:
        """Start anew: from now on read the pack itself, not its index."""
        self.trusts_index = False
        self.index, self.seen, self.fresh = None, START, {}

    def rows(self) -> Iterator[tuple[bytes, Place]]:
        """All blobs and touches; a digest may come twice, once from the index."""
        if self.index is not None:
            yield from self.index.rows()
        yield from self.fresh.items()

    def merged(self) -> dict[bytes, Place]:
        """Each digest once, with its place (offset 0 where it lies elsewhere) and newest time."""
        out: dict[bytes, Place] = {}
        for digest, place in self.rows():
            known = out.get(digest)
            if known is not None:
                at = place if place.offset else known
                place = at._replace(time=max(known.time, place.time))
            out[digest] = place
        return out

    def read(self, place: Place) -> bytes:
        """The bytes at a place, as they are."""
        fd = os.open(self.path, os.O_RDONLY | BINARY)
        try:
            return read_at(fd, place.length, place.offset)
        finally:
            os.close(fd)
