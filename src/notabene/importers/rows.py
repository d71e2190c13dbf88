"""Rows of tables in several formats; what is broken is named and left out."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from notabene.errors import FormatError, MissingDependencyError
from notabene.importers.columns import cell


class Rows(NamedTuple):
    """A table: names of the columns, rows, and what could not be read."""

    columns: list[str]
    rows: list[dict[str, Any]]
    broken: list[str]


def csv_rows(path: Path) -> Rows:
    """A table in text, separated by what its first line uses most.

    Raises:
        FormatError: It has no first line of names, or is no text.
        OSError: It cannot be read.
    """
    broken: list[str] = []
    rows: list[dict[str, Any]] = []
    with _large_cells(), path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = file.readline()
        file.seek(0)
        separator = max(",;\t", key=first.count)
        lines = csv.reader((line.replace("\0", "") for line in file), delimiter=separator)
        try:
            columns = unique(next(lines))
        except (StopIteration, csv.Error):
            raise FormatError(f"{path} is empty; its first line should name the columns") from None
        while True:
            try:
                cells = next(lines, None)
            except csv.Error as error:
                broken.append(f"line {lines.line_num} ({error})")
                continue
            if cells is None:
                break
            if len(cells) > len(columns):
                broken.append(f"line {lines.line_num} (more cells than columns)")
            elif any(cells):
                rows.append(dict(zip(columns, map(cell, cells), strict=False)))
    return Rows(columns, rows, broken)


@contextlib.contextmanager
def _large_cells() -> Iterator[None]:
    """The csv module's limit is one for the whole process: it is lifted for a moment."""
    before = csv.field_size_limit(1 << 24)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def json_rows(path: Path) -> Rows:
    """Objects of JSON, one per line.

    Raises:
        FormatError: No line holds one.
        OSError: It cannot be read.
    """
    broken: list[str] = []
    rows: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    decode = msgspec.json.Decoder().decode
    with open(path, "rb") as file:
        for n, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                found = decode(line)
            except (msgspec.DecodeError, RecursionError):
                broken.append(f"line {n} (no JSON)")
                continue
            if not isinstance(found, dict):
                broken.append(f"line {n} (no JSON object)")
                continue
            row = dict(flat(found))
            columns.update(dict.fromkeys(row))
            rows.append(row)
    if not rows:
        raise FormatError(f"{path} holds no JSON objects, one per line")
    return Rows(list(columns), rows, broken)


def parquet_rows(path: Path) -> Rows:
    """A Parquet file.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        FormatError: It is none, or damaged.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingDependencyError(
            "reading Parquet needs pyarrow", hint="pip install 'notabene[arrow]'"
        ) from None
    try:
        table = parquet.read_table(path)
    except (ValueError, OSError) as error:
        raise FormatError(f"{path} cannot be read as Parquet: {error}") from error
    columns = unique(table.column_names)
    rows = [dict(flat(row)) for row in table.rename_columns(columns).to_pylist()]
    names = dict.fromkeys(name for row in rows for name in row)
    return Rows(list(names) or columns, rows, [])


def excel_rows(path: Path) -> Rows:
    """The first sheet of a workbook, names in its first row.

    Raises:
        MissingDependencyError: openpyxl is not installed.
        FormatError: It is none, damaged, or empty.
    """
    try:
        import openpyxl
    except ImportError:
        raise MissingDependencyError(
            "reading spreadsheets needs openpyxl",
            hint="pip install 'notabene[excel]', or save the sheet as CSV",
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        lines = [list(line) for line in book.worksheets[0].iter_rows(values_only=True)]
        book.close()
    except (ValueError, OSError, KeyError, IndexError) as error:
        raise FormatError(f"{path} cannot be read as a spreadsheet: {error}") from error
    if not lines:
        raise FormatError(f"{path} is empty; its first row should name the columns")
    columns = unique(["" if name is None else str(name) for name in lines[0]])
    rows = [dict(zip(columns, line, strict=False)) for line in lines[1:]]
    return Rows(columns, [row for row in rows if any(v is not None for v in row.values())], [])


def unique(names: Iterable[str]) -> list[str]:
    """Names of columns, none empty and none twice."""
    out: list[str] = []
    for n, name in enumerate(names, 1):
        name, count = name.strip() or f"column {n}", 1
        while name in out:
            count += 1
            name = f"{name.removesuffix(f' ({count - 1})')} ({count})"
        out.append(name)
    return out


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Nested mappings by dotted names."""
    for key, part in value.items():
        if isinstance(part, dict) and part:
            yield from flat(part, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", part
