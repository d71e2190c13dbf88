"""Reads a run's journals with nothing of notabene: what docs/reference/journal-format.md says.

    python independent_reader.py ~/.notabene/runs/2026-11/<run id>

Needs numpy, pcodec and zstandard for the numbers, and a MessagePack reader (here msgspec's).
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import msgspec
import numpy as np
import zstandard
from pcodec import standalone

FRAME = struct.Struct("<4sIHHQQ")


def frames(data: bytes):
    """Yield the header, then (writer, first, last, body) of each frame up to the first bad one."""
    magic, version, _, size = struct.unpack_from("<8sHHI", data)
    if magic != b"notabene" or version > 1:
        raise ValueError("no journal, or one of a newer format")
    at = 16 + size
    if struct.unpack_from("<I", data, at)[0] != zlib.crc32(data[:at]):
        raise ValueError("the header is damaged")
    header = msgspec.msgpack.decode(data[16:at])
    yield header
    at, seed = at + 4, zlib.crc32(header["file_id"])
    while at + FRAME.size <= len(data):
        magic, size, writer, _, first, last = FRAME.unpack_from(data, at)
        end = at + FRAME.size + size
        if magic != b"\xf5nbF" or end + 4 > len(data):
            return
        if struct.unpack_from("<I", data, end)[0] != zlib.crc32(data[at:end], seed):
            return
        yield header["writers"][writer], first, last, data[at + FRAME.size : end]
        at = end + 4


def rows(data: bytes):
    """Yield (seq, key set, step, time, values) of rows as they lay in the ring."""
    at = 0
    while at < len(data):
        seq, keyset, n, step, time = struct.unpack_from("<QIIqq", data, at)
        yield seq, keyset, step, time, struct.unpack_from(f"<{n}d", data, at + 32)
        at += 40 + 8 * n


def unpacked(data: bytes) -> bytes:
    """The rows of a PACKED section: byte planes back to rows."""
    width, size = struct.unpack_from("<II", data)
    planes = zstandard.ZstdDecompressor().decompress(data[8:], max_output_size=size)
    return np.frombuffer(planes, np.uint8).reshape(width, -1).T.tobytes()


def page(entry: list, data: bytes) -> np.ndarray:
    """The values of one page of a block."""
    codec, kind, count, _, *linear = entry
    kind = f"<{kind}"
    if codec == 0:
        return linear[0] + linear[1] * np.arange(count, dtype=np.int64)
    if codec == 1:
        out = np.empty(count, kind)
        standalone.simple_decompress_into(data, out)
        return out
    if codec == 2:
        width = np.dtype(kind).itemsize
        planes = zstandard.ZstdDecompressor().decompress(data, max_output_size=count * width)
        return np.frombuffer(np.frombuffer(planes, np.uint8).reshape(width, -1).T.tobytes(), kind)
    if codec == 3:
        return np.full(count, np.frombuffer(data, kind, 1)[0])
    raise ValueError(f"unknown codec {codec}")


def block(data: bytes):
    """(steps, times, seqs, values) of a block; values by column, shape (columns, rows)."""
    (size,) = struct.unpack_from("<I", data)
    _, n, columns, *axes, _, wide, entries = msgspec.msgpack.decode(data[4 : 4 + size])
    at, pages = 4 + size, []
    for entry in (*axes, *entries):
        pages.append(page(entry, data[at : at + entry[3]]))
        at += entry[3]
    flat = np.concatenate([p.astype(np.float64) for p in pages[3:]]).reshape(columns, n)
    values = np.empty_like(flat)
    # float32 columns stand first, then the float64 ones, each in the order of the key set.
    values[np.argsort(np.frombuffer(wide, np.uint8), kind="stable") if wide else slice(None)] = flat
    return *pages[:3], values


def read_run(folder: Path):
    """{(writer, seq): (time, record)} and {(writer, key): {seq: (step, time, value)}} of a run."""
    records: dict = {}
    points: dict = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".journal", ".recovered") and path.name != "sealed":
            continue
        parts = frames(path.read_bytes())
        try:
            next(parts)
        except struct.error:  # the process died before the header was whole
            continue
        keysets: dict = {}
        for writer, first, last, body in parts:
            at = 0
            while at < len(body):
                kind, size = struct.unpack_from("<BI", body, at)
                data, at = body[at + 5 : at + 5 + size], at + 5 + size
                if kind == 1:
                    seq, time = struct.unpack_from("<Qq", data)
                    record = msgspec.msgpack.decode(data[16:])
                    if record["record"] == "keys-defined":
                        keysets[writer, record["id"]] = record["keys"]
                    if first <= seq <= last:
                        records[writer, seq] = time, record
                elif kind in (2, 6):
                    plain = data if kind == 2 else unpacked(data)
                    for seq, keyset, step, time, values in rows(plain):
                        for key, value in zip(keysets[writer, keyset], values, strict=True):
                            points.setdefault((writer, key), {})[seq] = step, time, value
                elif kind == 3:
                    steps, times, seqs, values = block(data[4:])
                    keys = keysets[writer, int.from_bytes(data[:4], "little")]
                    for key, column in zip(keys, values, strict=True):
                        found = zip(steps.tolist(), times.tolist(), column.tolist(), strict=True)
                        series = points.setdefault((writer, key), {})
                        series.update(zip(seqs.tolist(), found, strict=True))
    return records, points


if __name__ == "__main__":
    for (writer, key), series in sorted(read_run(Path(sys.argv[1]))[1].items()):
        step, _, value = series[max(series)]
        print(f"{writer} {key}: {len(series)} points, last {value} at step {step}")
