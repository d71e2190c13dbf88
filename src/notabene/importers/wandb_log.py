"""The framing of ``.wandb`` files: a log of LevelDB with a head of seven bytes.

    file   = ":W&B" · u16 0xBEE1 · u8 version · chunks
    chunk  = u32 CRC-32 of type and data · u16 length · u8 type · data
    type   = 1 whole · 2 first · 3 middle · 4 last part of a record

Chunks do not cross blocks of 32 KiB, counted from the file's first byte; what is left of a block
where no head of a chunk fits is padding. After damage, reading goes on at the next block.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from notabene.errors import FormatError

IDENT = b":W&B"
MAGIC = 0xBEE1
HEAD = 7
BLOCK = 32 * 1024
PIECE = 64 * BLOCK
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4
_CHUNK = struct.Struct("<IHB").unpack_from
_SEEDS = [zlib.crc32(bytes([kind])) for kind in range(256)]
_crc32 = zlib.crc32


class WandbLog:
    """Reads the records of a file; knows what it could not read.

    Args:
        path: The file.

    Attributes:
        passed: Bytes that were read.
        damaged: Blocks in which a chunk does not verify; what stands behind it is skipped.
        lost: Records of which a part is missing.
        torn: The file ends in the middle of a record: it is being written, or was cut.
        version: Of the format, as the file says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.passed = self.damaged = self.lost = self.version = 0
        self.torn = False

    def read(self) -> Iterator[bytes]:
        """All records that verify.

        Raises:
            FormatError: It does not begin as such a file does.
            OSError: It cannot be read.
        """
        with open(self.path, "rb") as file:
            parts: list[bytes] | None = None
            while piece := file.read(PIECE):
                if not self.passed:
                    self._head(piece)
                for at in range(0, len(piece), BLOCK):
                    block = piece[at : at + BLOCK]
                    begin = HEAD if self.passed == 0 and at == 0 else 0
                    for kind, data in self._chunks(block, begin):
                        if kind == WHOLE:
                            self.lost += parts is not None
                            parts = None
                            yield data
                        elif kind == FIRST:
                            self.lost += parts is not None
                            parts = [data]
                        elif parts is None:
                            continue  # its beginning was damaged, and is counted
                        elif kind == MIDDLE:
                            parts.append(data)
                        else:
                            parts.append(data)
                            yield b"".join(parts)
                            parts = None
                    if self._spoilt and parts is not None:
                        self.lost += 1
                        parts = None
                self.passed += len(piece)
            self.torn = self.torn or parts is not None

    def _head(self, data: bytes) -> None:
        if len(data) < HEAD:
            if IDENT.startswith(data[:4]):
                self.torn = True
                return
        elif data[:4] == IDENT and int.from_bytes(data[4:6], "little") == MAGIC:
            self.version = data[6]
            if self.version == 0:
                return
            raise FormatError(
                f"{self.path.name} has version {self.version} of its format; 0 is known",
                hint="a newer notabene may read it",
            )
        raise FormatError(f"{self.path.name} does not begin as files of W&B do")

    def _chunks(self, block: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        self._spoilt = False
        size = len(block)
        while at + HEAD <= size:
            checksum, length, kind = _CHUNK(block, at)
            end = at + HEAD + length
            if not kind and not checksum and not length:
                # Zeros: room that was made before it was written.
                if any(block[at:]):
                    self._spoil()
                elif size < BLOCK:
                    self.torn = True
                return
            if end > size:
                if size < BLOCK:
                    self.torn = True
                else:
                    self._spoil()
                return
            data = block[at + HEAD : end]
            if not WHOLE <= kind <= LAST or _crc32(data, _SEEDS[kind]) != checksum:
                self._spoil()
                return
            yield kind, data
            at = end
        if at < size < BLOCK:
            self.torn = True

    def _spoil(self) -> None:
        self.damaged += 1
        self._spoilt = True
