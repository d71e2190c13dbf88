"""Files of W&B as its client writes them, made here: framing and messages."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

BLOCK = 32 * 1024


def framed(records: list[bytes]) -> bytes:
    """A ``.wandb`` file."""
    out = bytearray(b":W&B\xe1\xbe\x00")

    def chunk(kind: int, data: bytes) -> None:
        crc = zlib.crc32(bytes([kind]) + data)
        out.extend(struct.pack("<IHB", crc, len(data), kind) + data)

    for record in records:
        rest, first = record, True
        while True:
            room = BLOCK - len(out) % BLOCK
            if room < 7:
                out.extend(b"\0" * room)
                room = BLOCK
            part, rest = rest[: room - 7], rest[room - 7 :]
            last = not rest
            chunk({(1, 1): 1, (1, 0): 2, (0, 0): 3, (0, 1): 4}[int(first), int(last)], part)
            first = False
            if last:
                break
    return bytes(out)


def varint(number: int) -> bytes:
    """An unsigned number."""
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | bytes | str) -> bytes:
    """A field: a number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def time_of(us: int) -> bytes:
    """A timestamp."""
    return field(1, us // 1_000_000) + field(2, us % 1_000_000 * 1000)


def item(path: tuple[str, ...], value: Any, *, typed: bool = False) -> bytes:
    """An item with its JSON, or with a field of its type."""
    key = field(1, path[0]) if len(path) == 1 else b"".join(field(2, word) for word in path)
    if not typed:
        return key + field(16, json.dumps(value))
    if isinstance(value, bool):
        return key + field(4, int(value))
    if isinstance(value, int):
        return key + field(5, value << 1 if value >= 0 else (-value << 1) - 1)
    if isinstance(value, float):
        return key + varint(6 << 3 | 1) + struct.pack("<d", value)
    return key + field(7, value)


def record(kind: int, body: bytes, number: int = 1) -> bytes:
    """A record as the client has it: with a number before it and its stream behind."""
    return field(1, number) + field(kind, body) + field(200, field(1, "stream"))


def history(step: int, us: int, *, typed: bool = False, **values: Any) -> bytes:
    """A row; ``a__b`` stands for the nested key ``a.b``."""
    own = {"_step": step, "_timestamp": us / 1e6, "_runtime": 1.5}
    items = [item(tuple(key.split("__")) if "__" in key[1:] else (key,), value, typed=typed)
             for key, value in (values | own).items()]  # fmt: skip
    return record(2, b"".join(field(1, one) for one in items) + field(2, field(1, step)))


def run(**texts: Any) -> bytes:
    """What a run says of itself."""
    names = {"id": 1, "entity": 2, "project": 3, "group": 6, "job_type": 7, "name": 8, "notes": 9}
    body = b"".join(field(names[key], value) for key, value in texts.items() if key in names)
    config = b"".join(field(1, item((k,), v)) for k, v in texts.get("config", {}).items())
    tags = b"".join(field(10, tag) for tag in texts.get("tags", ()))
    started = field(17, time_of(texts.get("started", 1_700_000_000_000_000)))
    control = field(16, field(4, "slot"))
    return control + field(17, body + field(4, config) + tags + started)


def folder(root: Path, records: list[bytes], known: str = "abc12345", stamp: str = "1") -> Path:
    """The folder of a run below ``root/wandb``."""
    place = root / "wandb" / f"offline-run-20240101_00000{stamp}-{known}"
    (place / "files").mkdir(parents=True)
    (place / f"run-{known}.wandb").write_bytes(framed(records))
    return place
