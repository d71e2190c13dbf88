"""Statistics of metrics as tables: measured from rows, merged over writers, packed.

A :class:`Table` has one row per key with the fields of :mod:`notabene.journal.stats`. What it
says must not depend on the pieces in which points arrive: sums are carried as a pair of
float64 (error-free transformation, Knuth's TwoSum), of equal minima the one at the smallest
step stands, and of equal (step, time) the writer that is merged last.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from notabene.errors import FormatError
from notabene.journal.block import F64, I64
from notabene.journal.stats import FIELDS
from notabene.store.pieces import Rows

DTYPE = np.dtype([(name, {"q": "<i8", "d": "<f8"}[code]) for name, code in FIELDS])
ROW_BYTES = DTYPE.itemsize
_COUNT = struct.Struct("<I")
_PLACES = {name: index for index, (name, _) in enumerate(FIELDS)}

Stats = npt.NDArray[np.void]


class Table(msgspec.Struct):
    """Statistics of some keys.

    Attributes:
        ids: Ids of the keys, rising, shape (k,), uint32.
        rows: One row of :data:`DTYPE` per key, shape (k,).
        low: What the sums are short of, shape (k,); the sum is ``rows["sum"] + low``.
    """

    ids: npt.NDArray[np.uint32]
    rows: Stats
    low: F64

    @classmethod
    def empty(cls) -> Table:
        """No keys at all."""
        return cls(np.zeros(0, np.uint32), np.zeros(0, DTYPE), np.zeros(0))

    @classmethod
    def of(cls, ids: npt.NDArray[np.uint32], rows: Stats) -> Table:
        """Rows in any order of keys."""
        if len(ids) > 1 and not bool((ids[1:] > ids[:-1]).all()):
            order = np.argsort(ids, kind="stable")
            ids, rows = ids[order], rows[order]
        return cls(ids, rows, np.zeros(len(ids)))

    def take(self, mask: npt.NDArray[np.bool_]) -> Table:
        """The keys that a mask chooses."""
        return Table(self.ids[mask], self.rows[mask], self.low[mask])

    def sums(self) -> F64:
        """The sums, rounded once; shape (k,)."""
        high = self.rows["sum"]
        return np.where(np.isfinite(high) & np.isfinite(self.low), high + self.low, high)

    def means(self) -> F64:
        """Means over finite values, NaN where there is none; shape (k,)."""
        rows = self.rows
        count = rows["n"] - rows["nan"] - rows["posinf"] - rows["neginf"]
        with np.errstate(all="ignore"):
            return np.where(count > 0, self.sums() / np.maximum(count, 1), np.nan)


def measure(ids: npt.NDArray[np.uint32], rows: Rows) -> Table:
    """Statistics of rows of one key set.

    Args:
        ids: Ids of the columns, shape (k,).
        rows: Decoded rows, n >= 1.
    """
    steps, times, values = rows.steps, rows.times, rows.values
    if len(steps) > 1:
        rising = (steps[1:] > steps[:-1]) | ((steps[1:] == steps[:-1]) & (times[1:] >= times[:-1]))
        if not rising.all():
            order = np.lexsort((times, steps))
            steps, times, values = steps[order], times[order], values[order]
    out = np.zeros(values.shape[1], DTYPE)
    finite = np.isfinite(values)
    clean = bool(finite.all())
    out["n"] = len(steps)
    if not clean:
        out["nan"] = np.isnan(values).sum(axis=0)
        out["posinf"] = (values == np.inf).sum(axis=0)
        out["neginf"] = (values == -np.inf).sum(axis=0)
    _extremes(out, steps, values, finite, clean)
    out["sum"], low = exact_sum(values if clean else np.where(finite, values, 0.0))
    out["first"], out["first_step"], out["first_time"] = values[0], steps[0], times[0]
    out["last"], out["last_step"], out["last_time"] = values[-1], steps[-1], times[-1]
    out["max_time"] = times.max()
    order = np.argsort(ids, kind="stable")
    return Table(ids[order], out[order], low[order])


def _extremes(
    out: Stats, steps: I64, values: F64, finite: npt.NDArray[np.bool_], clean: bool
) -> None:
    columns = np.arange(values.shape[1])
    some = True if clean else finite.any(axis=0)
    for name, worst, pick in (("min", np.inf, np.argmin), ("max", -np.inf, np.argmax)):
        at = pick(values if clean else np.where(finite, values, worst), axis=0)
        out[name] = np.where(some, values[at, columns], np.nan)
        out[f"{name}_step"] = np.where(some, steps[at], 0)


def exact_sum(values: F64) -> tuple[F64, F64]:
    """Sums over the first axis as ``(high, low)``, to about twice the digits of float64."""
    low = np.zeros(values.shape[1])
    with np.errstate(all="ignore"):
        while len(values) > 1:
            half = len(values) // 2
            a, b, rest = values[:half], values[half : 2 * half], values[2 * half :]
            total, error = _two_sum(a, b)
            low = low + error.sum(axis=0)
            values = np.concatenate((total, rest)) if len(rest) else total
    return values[0].copy(), np.where(np.isfinite(low), low, 0.0)


def _two_sum(a: F64, b: F64) -> tuple[F64, F64]:
    """``a + b`` and the error of that sum (Knuth, TAOCP 2, 4.2.2, theorem B)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def merge(tables: Sequence[Table]) -> Table:
    """Statistics of several pieces or writers taken together; the order breaks ties of last."""
    tables = [table for table in tables if len(table.ids)]
    if not tables:
        return Table.empty()
    if len(tables) == 1:
        return tables[0]
    ids = np.unique(np.concatenate([table.ids for table in tables]))
    out = Table(ids, np.zeros(len(ids), DTYPE), np.zeros(len(ids)))
    out.rows["min"] = out.rows["max"] = np.nan
    for table in tables:
        _take_in(out, table)
    return out


def _take_in(out: Table, table: Table) -> None:
    at = np.searchsorted(out.ids, table.ids)
    old, new = out.rows[at], table.rows
    fresh = old["n"] == 0
    merged = old.copy()
    later = (new["last_step"] > old["last_step"]) | (
        (new["last_step"] == old["last_step"]) & (new["last_time"] >= old["last_time"])
    )
    earlier = (new["first_step"] < old["first_step"]) | (
        (new["first_step"] == old["first_step"]) & (new["first_time"] < old["first_time"])
    )
    _choose(merged, new, later | fresh, ("last", "last_step", "last_time"))
    _choose(merged, new, earlier | fresh, ("first", "first_step", "first_time"))
    for name, better in (("min", new["min"] < old["min"]), ("max", new["max"] > old["max"])):
        step = f"{name}_step"
        tie = (new[name] == old[name]) & (new[step] < old[step])
        known = ~np.isnan(new[name])
        _choose(merged, new, known & (better | tie | np.isnan(old[name])), (name, step))
    for name in ("n", "nan", "posinf", "neginf"):
        merged[name] = old[name] + new[name]
    merged["max_time"] = np.maximum(old["max_time"], new["max_time"])
    with np.errstate(all="ignore"):
        merged["sum"], error = _two_sum(old["sum"], new["sum"])
        low = out.low[at] + table.low + error
    out.rows[at] = merged
    out.low[at] = np.where(np.isfinite(low), low, 0.0)


def _choose(merged: Stats, new: Stats, mask: npt.NDArray[np.bool_], names: tuple[str, ...]) -> None:
    for name in names:
        merged[name] = np.where(mask, new[name], merged[name])


# -- packed --------------------------------------------------------------------------------


class _Zstd(threading.local):
    """What packs and unpacks, one for each thread: threads that share one crash, or worse."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=1).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstd = _Zstd()


def pack(table: Table) -> bytes:
    """u32 k · u32 ids[k] · zstandard of the rows, byte planes first; sums rounded."""
    rows = table.rows
    if table.low.any():
        rows = rows.copy()
        rows["sum"] = table.sums()
    planes = np.ascontiguousarray(rows).view(np.uint8).reshape(-1, ROW_BYTES).T.tobytes()
    ids = table.ids.astype("<u4").tobytes()
    return b"".join((_COUNT.pack(len(rows)), ids, _zstd.compress(planes)))


def _planes(data: bytes, count: int) -> bytes:
    """The rows of packed statistics as byte planes: 128 times ``count`` bytes."""
    planes = _zstd.decompress(data[_COUNT.size + 4 * count :])
    if len(planes) != count * ROW_BYTES:
        raise _damaged()
    return planes


def _damaged() -> FormatError:
    return FormatError("the statistics of a run are damaged in the index")


def unpack(data: bytes) -> Table:
    """The inverse of :func:`pack`."""
    if not data:
        return Table.empty()
    ids = np.frombuffer(packed_ids(data), "<u4")
    planes = _planes(data, len(ids))
    rows = np.frombuffer(planes, np.uint8).reshape(ROW_BYTES, -1).T
    table = np.ascontiguousarray(rows).view(DTYPE).reshape(-1)
    return Table(ids.astype(np.uint32), table, np.zeros(len(table)))


def packed_ids(data: bytes) -> bytes:
    """The ids of packed statistics, as bytes, without decoding the rest."""
    if not data:
        return b""
    return data[_COUNT.size : _COUNT.size + 4 * _COUNT.unpack_from(data)[0]]


class Matrices:
    """Statistics of many runs that have the same keys, as one matrix per field.

    Args:
        packed: What :func:`pack` made for each run.
    """

    def __init__(self, packed: Sequence[bytes]) -> None:
        self._count = _COUNT.unpack_from(packed[0])[0] if packed and packed[0] else 0
        begin = _COUNT.size + 4 * self._count
        unpacked = _zstd.decompress
        planes = b"".join([unpacked(data[begin:]) for data in packed]) if self._count else b""
        shape = (len(packed), ROW_BYTES, self._count)
        if len(planes) != shape[0] * shape[1] * shape[2]:
            raise _damaged()
        self._planes = np.frombuffer(planes, np.uint8).reshape(shape)
        self._fields: dict[str, npt.NDArray[Any]] = {}

    def field(self, name: str) -> npt.NDArray[Any]:
        """One field of :data:`DTYPE`, shape (runs, keys)."""
        if name not in self._fields:
            at = _PLACES[name] * 8
            part = np.ascontiguousarray(self._planes[:, at : at + 8, :].transpose(0, 2, 1))
            self._fields[name] = part.view(DTYPE[name]).reshape(len(part), self._count)
        return self._fields[name]


# -- one writer ----------------------------------------------------------------------------


class Base(msgspec.Struct):
    """Statistics of one writer: what it said of itself, and what came after that.

    Attributes:
        said: The newest statistics that the writer gave of each of its keys.
        upto: For each key of ``said`` the last sequence that they cover, shape (k,).
        tail: Statistics of the rows beyond, measured here.
    """

    said: Table
    upto: I64
    tail: Table

    @classmethod
    def empty(cls) -> Base:
        """Nothing said, nothing measured."""
        return cls(Table.empty(), np.zeros(0, np.int64), Table.empty())

    def absorb(self, parts: Sequence[tuple[npt.NDArray[np.uint32], Stats, int]]) -> None:
        """Take in packed records, each ``(ids, rows, upto)``; the tail must be measured anew.

        Statistics are cumulative: of two rows of a key the one with more points is the later
        one, whichever came first here.
        """
        if len(parts) == 1 and not len(self.said.ids):
            ids, rows, upto = parts[0]
            self.said = Table.of(ids, rows)
            self.upto = np.full(len(ids), upto, np.int64)
            return
        ids = np.concatenate([self.said.ids, *(part[0] for part in parts)])
        rows = np.concatenate([self.said.rows, *(part[1] for part in parts)])
        limit = np.concatenate([self.upto, *(np.full(len(i), u, np.int64) for i, _, u in parts)])
        order = np.lexsort((rows["n"], ids))
        ids, rows, limit = ids[order], rows[order], limit[order]
        begins = np.flatnonzero(np.diff(ids.astype(np.int64), prepend=-1))
        ends = np.append(begins[1:], len(ids))[: len(begins)] - 1
        self.said = Table(ids[ends], rows[ends], np.zeros(len(ends)))
        self.upto = np.maximum.reduceat(limit, begins) if len(begins) else limit

    def upto_of(self, ids: npt.NDArray[np.uint32]) -> I64:
        """For each key the last sequence covered, 0 where nothing was said of it."""
        if not len(self.said.ids):
            return np.zeros(len(ids), np.int64)
        at = np.searchsorted(self.said.ids, ids)
        at[at == len(self.said.ids)] = 0
        return np.where(self.said.ids[at] == ids, self.upto[at], 0)

    def table(self) -> Table:
        """All that is known of the writer's rows."""
        return merge((self.said, self.tail))


def pack_base(base: Base) -> bytes:
    """u32 n · packed ``said`` (n bytes) · u32 n · packed ``tail`` · i64 upto[] · f64 low[]."""
    # The parts of the tail's sums are kept apart, so that what is added later rounds but once.
    said = pack(base.said)
    tail = pack(Table(base.tail.ids, base.tail.rows, np.zeros(len(base.tail.ids))))
    return b"".join(
        (
            _COUNT.pack(len(said)),
            said,
            _COUNT.pack(len(tail)),
            tail,
            base.upto.astype("<i8").tobytes(),
            base.tail.low.astype("<f8").tobytes(),
        )
    )


def unpack_base(data: bytes) -> Base:
    """The inverse of :func:`pack_base`."""
    end = _COUNT.size + _COUNT.unpack_from(data)[0]
    said = unpack(data[_COUNT.size : end])
    begin = end + _COUNT.size
    end = begin + _COUNT.unpack_from(data, end)[0]
    tail = unpack(data[begin:end])
    upto = np.frombuffer(data, "<i8", len(said.ids), end).astype(np.int64)
    low = np.frombuffer(data, "<f8", len(tail.ids), end + upto.nbytes).copy()
    return Base(said, upto, Table(tail.ids, tail.rows, low))
