"""Runs as tables for other programs: all points in long form, and a line per run."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from notabene._ids import new_id
from notabene.api import frames
from notabene.api.runs import Runs
from notabene.artifacts.files import storage_error
from notabene.errors import ConflictError, NotabeneError, UsageError
from notabene.journal.block import F64, I64
from notabene.model.entities import RunInfo
from notabene.store.base import Store, Window

ROWS = 1 << 20
KEYS_AT_ONCE = 64
POINTS = ("run", "key", "step", "time", "value", "rank")


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """What was written.

    Attributes:
        points: The table of points: run, key, step, time (UTC), value, rank.
        runs: The table of runs: id, name ..., params, tags, last values of metrics.
        count: How many points.
    """

    points: Path
    runs: Path
    count: int


class Piece(NamedTuple):
    """Points of one series."""

    run: str
    key: str
    rank: int
    steps: I64
    times: I64
    values: F64


def pieces(store: Store, infos: Sequence[RunInfo]) -> Iterator[Piece]:
    """All points of runs, series by series; those that a resumed run replaced are left out."""
    for info in infos:
        keys = sorted(info.metrics)
        for at in range(0, len(keys), KEYS_AT_ONCE):
            for rank in range(info.ranks):
                window = Window(ranks=rank)
                for series in store.series([info.id], keys[at : at + KEYS_AT_ONCE], window):
                    points = series.points
                    if points is not None and len(points.values):
                        yield Piece(
                            info.id, series.key, rank, points.steps, points.times, points.values
                        )


def places_of(path: Path, suffix: str, *, overwrite: bool) -> tuple[Path, Path]:
    """Where the two tables go: ``name.csv`` and ``name-runs.csv``.

    A name that has a suffix keeps it.

    Raises:
        ConflictError: One is there already, and ``overwrite`` is not set.
        UsageError: The folder is not there.
    """
    path = path if path.suffix else path.with_name(path.name + suffix)
    runs = path.with_name(f"{path.stem}-runs{path.suffix}")
    if not path.parent.is_dir():
        raise UsageError(f"{path} lies in a folder that is not there")
    for place in (path, runs):
        if place.exists() and not overwrite:
            raise ConflictError(f"{place} exists already", hint="choose another name, or overwrite")
    return path, runs


def write_parquet(
    store: Store, infos: Sequence[RunInfo], runs: Runs, path: Path, *, overwrite: bool
) -> Tables:
    """See :meth:`notabene.Api.export_parquet`."""
    arrow, parquet = frames.pyarrow(), frames.pyarrow("parquet")
    points, table = places_of(path, ".parquet", overwrite=overwrite)
    named = arrow.dictionary(arrow.int32(), arrow.string())
    types = (named, named, arrow.int64(), arrow.timestamp("us", tz="UTC"), arrow.float64())
    schema = arrow.schema(list(zip(POINTS, (*types, arrow.int32()), strict=True)))
    count = 0
    with _draft(points) as draft, parquet.ParquetWriter(draft, schema) as writer:
        for batch in _batches(pieces(store, infos)):
            columns = [
                _dictionary(arrow, [piece.run for piece in batch], batch),
                _dictionary(arrow, [piece.key for piece in batch], batch),
                np.concatenate([piece.steps for piece in batch]),
                arrow.array(np.concatenate([piece.times for piece in batch]), types[3]),
                np.concatenate([piece.values for piece in batch]),
                np.repeat(np.array([p.rank for p in batch], np.int32), _sizes(batch)),
            ]
            rows = arrow.table(columns, schema=schema)
            writer.write_table(rows)
            count += rows.num_rows
    with _draft(table) as draft:
        parquet.write_table(runs.to_arrow(), draft)
    return Tables(points=points, runs=table, count=count)


def _batches(found: Iterator[Piece]) -> Iterator[list[Piece]]:
    """Series gathered to about a million rows; large ones cut."""
    batch: list[Piece] = []
    rows = 0
    for whole in found:
        for at in range(0, len(whole.values), ROWS):
            cut = slice(at, at + ROWS)
            arrays = (whole.steps[cut], whole.times[cut], whole.values[cut])
            batch.append(Piece(whole.run, whole.key, whole.rank, *arrays))
            rows += len(arrays[0])
            if rows >= ROWS:
                yield batch
                batch, rows = [], 0
    if batch:
        yield batch


def _sizes(batch: Sequence[Piece]) -> list[int]:
    return [len(piece.values) for piece in batch]


def _dictionary(arrow: Any, names: list[str], batch: Sequence[Piece]) -> Any:
    known = {name: at for at, name in enumerate(dict.fromkeys(names))}
    codes = np.repeat(np.array([known[name] for name in names], np.int32), _sizes(batch))
    return arrow.DictionaryArray.from_arrays(codes, list(known))


def write_csv(
    store: Store, infos: Sequence[RunInfo], runs: Runs, path: Path, *, overwrite: bool
) -> Tables:
    """See :meth:`notabene.Api.export_csv`."""
    points, table = places_of(path, ".csv", overwrite=overwrite)
    count = 0
    with _draft(points) as draft, open(draft, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(POINTS)
        for piece in pieces(store, infos):
            run, key = frames.safe_cell(piece.run), frames.safe_cell(piece.key)
            # NaN and the infinities are written as such: nan, inf, -inf.
            writer.writerows(
                (run, key, step, frames.iso(time), value, piece.rank)
                for step, time, value in zip(
                    piece.steps.tolist(), piece.times.tolist(), piece.values.tolist(), strict=True
                )
            )
            count += len(piece.values)
    columns = runs.table()
    with _draft(table) as draft, open(draft, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([frames.safe_cell(column.name) for column in columns])
        writer.writerows(zip(*map(frames.cells_of_csv, columns), strict=True))
    return Tables(points=points, runs=table, count=count)


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A file beside, which gets its name when all went well."""
    draft = path.parent / f".{path.name[:100]}.{new_id()}.part"
    try:
        yield draft
        draft.replace(path)
    except NotabeneError:
        raise
    except OSError as error:
        raise storage_error(error, f"write {path}") from error
    finally:
        draft.unlink(missing_ok=True)
