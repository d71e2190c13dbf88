"""Rows of a logged table, read page by page, so that a long one costs what is shown."""

from __future__ import annotations

import msgspec

from notabene.artifacts.base import BlobStore
from notabene.errors import FormatError
from notabene.model.records import JSON
from notabene.model.values import (
    BlobRef,
    Column,
    TableValue,
    gunzipped,
    read_as,
    read_page,
    read_table,
)


class CellPage(msgspec.Struct, frozen=True):
    """Some rows of a table.

    Attributes:
        columns: Names and types.
        rows: How many rows the table has.
        offset: How many lie before these.
        cells: One list per column, each with a cell per row here.
        pack: Where the bytes of media in cells lie that name an ``at``.
    """

    columns: list[Column]
    rows: int
    offset: int
    cells: list[list[JSON]]
    pack: BlobRef | None = None


class _Head(msgspec.Struct):
    columns: tuple[Column, ...]
    rows: int


def read_cells(blobs: BlobStore, value: dict[str, JSON], offset: int, limit: int) -> CellPage:
    """Rows ``offset`` to ``offset + limit`` of a table.

    Args:
        blobs: Where its bytes lie.
        value: The value that was logged.
        offset: How many rows to leave out.
        limit: At most so many rows.

    Raises:
        NotFoundError: Its bytes are not here.
        FormatError: They are damaged.
    """
    table = read_as(TableValue, value)
    end = min(offset + limit, table.rows)
    if not table.pages or offset >= end:
        return _whole(blobs, table, offset, end)
    columns = _columns(blobs, table)
    cells: list[list[JSON]] = [[] for _ in columns]
    at = 0
    for page in table.pages:
        first, at = at, at + page.rows
        if at <= offset or first >= end:
            continue
        line = gunzipped(_part(blobs, table.file.digest, page.at, page.size)).rstrip(b"\n")
        low, high = max(0, offset - first), min(page.rows, end - first)
        for column, part in zip(cells, read_page(columns, line), strict=True):
            column += part[low:high]
    return CellPage(list(columns), table.rows, offset, cells, table.pack)


def _whole(blobs: BlobStore, table: TableValue, offset: int, end: int) -> CellPage:
    if offset >= end:
        columns = _columns(blobs, table)
        return CellPage(list(columns), table.rows, offset, [[] for _ in columns], table.pack)
    data = read_table(blobs.read(table.file.digest))
    cells = [column[offset:end] for column in data.cells]
    return CellPage(list(data.columns), table.rows, offset, cells, table.pack)


def _columns(blobs: BlobStore, table: TableValue) -> tuple[Column, ...]:
    """All columns: the value names the first 256 of them, the file has them all."""
    if table.width == len(table.columns):
        return table.columns
    end = table.pages[0].at if table.pages else table.file.size
    head = gunzipped(_part(blobs, table.file.digest, 0, end)).splitlines()[0]
    try:
        return msgspec.json.decode(head, type=_Head).columns
    except msgspec.MsgspecError as error:
        raise FormatError(f"a table is damaged: {error}") from error


def _part(blobs: BlobStore, digest: str, at: int, size: int) -> bytes:
    """Some bytes of a blob."""
    found = bytearray()
    stream = blobs.stream(digest, at)
    for chunk in stream:
        found += chunk[: size - len(found)]
        if len(found) >= size:
            break
    return bytes(found)
