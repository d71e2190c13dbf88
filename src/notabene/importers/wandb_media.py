"""Media of W&B's history as values of ours."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import msgspec

from notabene.importers._base import Missed
from notabene.importers.pictures import media, picture, words
from notabene.model.values import (
    TABLE_MIME,
    Blob,
    Column,
    ColumnType,
    Encoded,
    FigureValue,
    HistogramValue,
    Item,
    ListValue,
    Page,
    TableValue,
    gzipped,
    json_number,
)

PAGE_ROWS = 1000
MAX_PAGES = 1024
SHOWN = 256
MOST = 256 << 20
_TYPES: dict[type, ColumnType] = {bool: "bool", int: "int", float: "float", str: "text"}


def value_of(value: Any, files: Path) -> Encoded | Missed:
    """What was logged, as a value.

    Args:
        value: As the history has it.
        files: The folder ``files`` of the run.

    Raises:
        OSError, ValueError, TypeError, LookupError: It is damaged.
    """
    if isinstance(value, str):
        return words(value)
    kind = value.get("_type", "") if isinstance(value, dict) else ""
    if kind == "histogram":
        return histogram(value)
    if kind in ("images/separated", "images"):
        return _several(value, files)
    if not kind or not isinstance(value.get("path"), str):
        return words(json.dumps(value)[:1_000_000])
    path = _inside(files, value["path"])
    if path is None:
        return Missed("media whose files are not in the folder of the run are left out", True)
    caption = str(value.get("caption") or "")
    if kind == "image-file":
        return picture(path, caption, _int(value.get("width")), _int(value.get("height")))
    if kind in ("table-file", "table", "joined-table", "partitioned-table"):
        return table_file(path)
    if kind == "plotly-file":
        blob = Blob.of_file(path, "application/vnd.plotly.v1+json")
        return FigureValue(library="plotly", file=blob.ref(), caption=caption).encoded(blob)
    return media(path, caption)


def histogram(value: dict[str, Any]) -> Encoded:
    """A histogram."""
    counts = tuple(float(count) for count in value.get("values", ()))
    packed = value.get("packedBins")
    if isinstance(packed, dict):
        low, size, count = float(packed["min"]), float(packed["size"]), int(packed["count"])
        edges = tuple(low + size * n for n in range(count + 1))
    else:
        edges = tuple(float(edge) for edge in value.get("bins", ()))
    if len(edges) != len(counts) + 1:
        raise ValueError("a histogram whose edges do not fit its counts")
    return HistogramValue(counts=counts, edges=edges, n=int(sum(counts))).encoded()


def table_file(path: Path) -> Encoded | Missed:
    """A file ``.table.json``."""
    if path.stat().st_size > MOST:
        return Missed(f"tables of over {MOST >> 20} MiB are left out", True)
    found = json.loads(path.read_text("utf-8", "replace"))
    if "data" not in found:
        return Missed("tables that refer to other tables are left out")
    return table([str(name) for name in found.get("columns", ())], found["data"])


def table(names: list[str], rows: list[list[Any]]) -> Encoded:
    """Columns and rows as a table."""
    cells = [[row[n] if n < len(row) else None for row in rows] for n in range(len(names))]
    typed = [_column(column) for column in cells]
    columns = tuple(Column(name, kind) for name, (kind, _) in zip(names, typed, strict=True))
    header = {"columns": columns, "rows": len(rows)}
    parts = [gzipped(msgspec.json.encode(header) + b"\n")]
    pages, at = [], len(parts[0])
    size = max(PAGE_ROWS, math.ceil(len(rows) / MAX_PAGES))
    for begin in range(0, len(rows), size):
        some = [column[begin : begin + size] for _, column in typed]
        parts.append(gzipped(msgspec.json.encode(some) + b"\n"))
        pages.append(Page(min(size, len(rows) - begin), at, len(parts[-1])))
        at += len(parts[-1])
    blob = Blob.of(b"".join(parts), TABLE_MIME)
    return TableValue(
        file=blob.ref(encoding="gzip"),
        rows=len(rows),
        width=len(columns),
        columns=tuple(Column(c.name[:SHOWN], c.type) for c in columns[:SHOWN]),
        pages=tuple(pages),
    ).encoded(blob)


def _column(cells: list[Any]) -> tuple[ColumnType, list[Any]]:
    kinds = {type(cell) for cell in cells} - {type(None)}
    if not kinds:
        return "empty", cells
    if kinds == {int, float} or kinds == {float}:
        return "float", [None if cell is None else json_number(float(cell)) for cell in cells]
    if len(kinds) == 1 and (kind := _TYPES.get(next(iter(kinds)))):
        if kind == "int" and any(cell is not None and cell.bit_length() > 63 for cell in cells):
            return "mixed", [str(cell) for cell in cells]
        return kind, cells
    return ("json" if kinds <= {dict, list} else "mixed"), [_finite(cell) for cell in cells]


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return json_number(value)
    if isinstance(value, dict):
        return {str(key): _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list) else value


def _several(value: dict[str, Any], files: Path) -> Encoded | Missed:
    captions = value.get("captions")
    found = []
    for n, name in enumerate(value.get("filenames", ())):
        path = _inside(files, str(name))
        if path is None:
            return Missed("media whose files are not in the folder of the run are left out", True)
        caption = captions[n] if isinstance(captions, list) and n < len(captions) else ""
        width, height = _int(value.get("width")), _int(value.get("height"))
        found.append(picture(path, str(caption), width, height))
    if not found:
        return Missed("lists of media that name no files are left out")
    blobs = tuple(blob for one in found for blob in one.blobs)
    items = tuple(Item(one.kind, one.value) for one in found)
    return ListValue(count=len(found), items=items).encoded(*blobs)


def _inside(files: Path, name: str) -> Path | None:
    path = files / name
    inside = path.resolve().is_relative_to(files.resolve())
    return path if inside and path.is_file() else None


def _int(value: Any) -> int:
    return int(cast("float", value)) if isinstance(value, int | float) else 0
