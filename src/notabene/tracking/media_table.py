"""Tables: rows or columns from lists, mappings and data frames; cells may be media."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from notabene.errors import UsageError
from notabene.model.records import JSON
from notabene.model.values import (
    TABLE_MIME,
    Blob,
    Column,
    ColumnType,
    Encoded,
    Page,
    TableValue,
    gzipped,
    json_number,
)
from notabene.tracking.arrays import is_a, is_frame, shape_of, to_numpy
from notabene.tracking.media_base import Media, Pack, clean
from notabene.tracking.media_figure import Figure, drawing_of
from notabene.tracking.media_image import Image, is_picture
from notabene.tracking.plain import plain_value

PAGE_ROWS = 10_000
"""Rows of a page; tables of more than ten million rows have larger ones."""
MAX_PAGES = 1024
SHOWN_COLUMNS = 256
_SHOWN_NAME = 250


class Table(Media):
    """Rows of cells under named columns.

    Args:
        columns: Names; default is what the data has, else ``0``, ``1`` ...
        data: Rows (sequences), rows by name (mappings), a mapping of names to columns, an array
            of two axes, or a data frame.
        dataframe: A data frame of pandas or polars, or a table of Arrow; ``columns`` chooses
            some of it.

    Cells are numbers, texts, truth values, times, anything that becomes JSON, or media, images
    of PIL and figures. Types are found per column.

    Raises:
        UsageError: The rows do not fit the columns, or the data is none of these.
    """

    kind = "table"

    def __init__(
        self, columns: Iterable[Any] | None = None, data: Any = None, *, dataframe: Any = None
    ) -> None:
        if isinstance(columns, str):
            raise UsageError(f"columns={columns!r} is one text; a list of names is needed")
        if columns is not None and not isinstance(columns, Iterable):
            raise UsageError(
                f"columns= is a list of names, not {type(columns).__name__}",
                hint="Table(columns=['a', 'b'], data=[[1, 2], [3, 4]])",
            )
        names = None if columns is None else [str(name) for name in columns]
        if dataframe is not None and data is not None:
            raise UsageError("a table is made from data or from a dataframe, not from both")
        if dataframe is not None and not is_frame(dataframe):
            raise UsageError(
                f"dataframe takes a frame of pandas or polars, or a table of Arrow, not "
                f"{type(dataframe).__name__}"
            )
        found, self._cells = _columns(data if dataframe is None else dataframe, names)
        self._names = _unique(found)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._names)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._cells[0]) if self._cells else 0

    def column(self, name: str) -> list[Any]:
        """The cells of a column, as they were given.

        Raises:
            UsageError: There is no such column.
        """
        return list(self._cells[_place(self._names, name)])

    def add_data(self, *row: Any) -> None:
        """Add a row, one argument a cell.

        Raises:
            UsageError: There are not as many as there are columns.
        """
        if not self._names:
            self._names = [str(i) for i in range(len(row))]
            self._cells = [[] for _ in row]
        if len(row) != len(self._names):
            raise _misfit(len(row), self._names)
        for cells, cell in zip(self._cells, row, strict=True):
            cells.append(cell)

    def add_column(self, name: str, data: Iterable[Any]) -> None:
        """Add a column, a cell for each row there is.

        Raises:
            UsageError: There are not as many as rows, or the name is taken.
        """
        cells = _list(data)
        if name in self._names:
            raise UsageError(f"the table has a column {name!r} already")
        if self._names and len(cells) != len(self):
            raise UsageError(f"the column {name!r} has {len(cells):,} cells, not {len(self):,}")
        self._names.append(str(name))
        self._cells.append(cells)

    def encode(self) -> Encoded:
        """Pages of JSON in one blob, and the bytes of all media in another."""
        pack, notes = Pack(), Counter[str]()
        typed = [_typed(cells, pack, notes) for cells in self._cells]
        columns = tuple(
            Column(clean(name), kind) for name, (kind, _) in zip(self._names, typed, strict=True)
        )
        rows = len(self)
        header = {"columns": columns, "rows": rows}
        parts = [gzipped(msgspec.json.encode(header) + b"\n")]
        pages, at, size = [], len(parts[0]), max(PAGE_ROWS, math.ceil(rows / MAX_PAGES))
        for begin in range(0, rows, size):
            cells = [column[begin : begin + size] for _, column in typed]
            parts.append(gzipped(msgspec.json.encode(cells) + b"\n"))
            pages.append(Page(min(size, rows - begin), at, len(parts[-1])))
            at += len(parts[-1])
        blob, packed = Blob.of(b"".join(parts), TABLE_MIME), pack.blob()
        return TableValue(
            file=blob.ref(encoding="gzip"),
            rows=rows,
            width=len(columns),
            columns=tuple(Column(c.name[:_SHOWN_NAME], c.type) for c in columns[:SHOWN_COLUMNS]),
            pages=tuple(pages),
            pack=None if packed is None else packed.ref(),
            apart=pack.refs(),
            notes=tuple(f"{note} in {n:,} cells" for note, n in notes.most_common(20)),
        ).encoded(blob, packed, *pack.apart)


# -- what tables are made from ---------------------------------------------------------------


def _columns(data: Any, names: list[str] | None) -> tuple[list[str], list[list[Any]]]:
    """Names and cells of any kind of data; ``names`` chooses, or names, the columns."""
    if data is None:
        return names or [], [[] for _ in names or []]
    if is_frame(data):
        return _chosen(*_frame(data), names)
    if isinstance(data, Mapping):
        found, cells = [str(key) for key in data], [_list(column) for column in data.values()]
        lengths = {len(column) for column in cells}
        if len(lengths) > 1:
            raise UsageError(f"the columns have {sorted(lengths)} cells; they must have as many")
        return _chosen(found, cells, names)
    if shape_of(data) is not None:
        array = to_numpy(data)
        if array is None or array.ndim != 2:
            raise UsageError(f"an array of the shape {shape_of(data)} is no table; two axes are")
        data = array.tolist()
    rows = _list(data)
    if rows and all(isinstance(row, Mapping) for row in rows):
        found = names or list(dict.fromkeys(str(key) for row in rows for key in row))
        texts = [{str(key): cell for key, cell in row.items()} for row in rows]
        return found, [[row.get(name) for row in texts] for name in found]
    return _rows(rows, names)


def _rows(rows: list[Any], names: list[str] | None) -> tuple[list[str], list[list[Any]]]:
    for row in rows:
        if isinstance(row, str | bytes | Mapping) or not isinstance(row, Iterable):
            raise UsageError(
                f"a row of a table must be a sequence of cells, not {type(row).__name__}",
                hint="Table(columns=['a', 'b'], data=[[1, 2], [3, 4]])",
            )
    lists = [list(row) for row in rows]
    found = names if names is not None else [str(i) for i in range(len(lists[0]) if lists else 0)]
    for row in lists:
        if len(row) != len(found):
            raise _misfit(len(row), found)
    return found, [list(column) for column in zip(*lists, strict=True)] or [[] for _ in found]


def _frame(frame: Any) -> tuple[list[str], list[list[Any]]]:
    if is_a(frame, "pandas", "DataFrame"):
        names = [str(name) for name in frame.columns]
        cells = [_series(frame.iloc[:, i]) for i in range(len(names))]
        index = frame.index
        if type(index).__name__ == "RangeIndex" and index.name is None:
            return names, cells
        labels = [index.get_level_values(i) for i in range(index.nlevels)]
        heads = ["index" if label.name is None else str(label.name) for label in labels]
        return heads + names, [_series(label) for label in labels] + cells
    if is_a(frame, "polars", "DataFrame"):
        return list(frame.columns), [column.to_list() for column in frame.get_columns()]
    return list(frame.schema.names), [column.to_pylist() for column in frame.columns]


def _series(series: Any) -> list[Any]:
    """Cells of a series of pandas, which has NaN for a text or time that is missing."""
    cells: list[Any] = series.tolist()
    if getattr(series.dtype, "kind", "") == "f":
        return cells
    missing = series.isna().tolist()
    return [None if gone else cell for cell, gone in zip(cells, missing, strict=True)]


def _chosen(
    found: list[str], cells: list[list[Any]], names: list[str] | None
) -> tuple[list[str], list[list[Any]]]:
    if names is None:
        return found, cells
    return names, [cells[_place(found, name)] for name in names]


def _place(names: Sequence[str], name: object) -> int:
    if name not in names:
        known = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
        raise UsageError(f"the table has no column {str(name)[:80]!r}", hint=f"it has {known}")
    return names.index(str(name))


def _list(data: Any) -> list[Any]:
    """The parts of a sequence, series or array, as Python has them."""
    for method in ("tolist", "to_list", "to_pylist"):
        if hasattr(data, method):
            found = getattr(data, method)()
            return list(found) if isinstance(found, list) else [found]
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise UsageError(f"a table is made from rows or columns, not from {type(data).__name__}")
    return list(data)


def _unique(names: Iterable[str]) -> list[str]:
    """Names with a number where one comes twice."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
    return out


def _misfit(cells: int, names: Sequence[str]) -> UsageError:
    return UsageError(f"a row has {cells:,} cells, but the table has {len(names):,} columns")


# -- cells -----------------------------------------------------------------------------------

_NUMBER_OR_TEXT: dict[type, ColumnType] = {bool: "bool", int: "int", float: "float", str: "text"}
_MISSING = frozenset({"NaTType", "NAType"})
"""What pandas has for a cell without a value."""


def _typed(cells: list[Any], pack: Pack, notes: Counter[str]) -> tuple[ColumnType, list[JSON]]:
    """The type of a column, and its cells as JSON."""
    kinds = set(map(type, cells)) - {type(None)}
    if len(kinds) != 1 or not kinds <= {bool, float, str}:
        pairs = [_cell(cell, pack, notes) for cell in cells]
        found = {kind for kind, _ in pairs} - {"empty"}
        cells = [cell for _, cell in pairs]
    else:
        found = {_NUMBER_OR_TEXT[kind] for kind in kinds}
    kind = _common(found)
    if kind == "float":
        if kinds == {float} and None not in cells and all(map(math.isfinite, cells)):
            return kind, cells
        return kind, [None if cell is None else json_number(float(cell)) for cell in cells]
    if kind == "text":
        return kind, [None if cell is None else clean(cell) for cell in cells]
    return kind, [_finite(cell) for cell in cells] if kind in ("json", "mixed") else cells


def _common(found: set[ColumnType]) -> ColumnType:
    """The type that holds cells of all these types."""
    if not found:
        return "empty"
    if len(found) == 1:
        return next(iter(found))
    return "float" if found == {"int", "float"} else "mixed"


def _cell(cell: Any, pack: Pack, notes: Counter[str]) -> tuple[ColumnType, JSON]:
    """Type and JSON of one cell."""
    if cell is None or type(cell).__name__ in _MISSING:
        return "empty", None
    if type(cell) is str:
        return "text", clean(cell)
    if isinstance(cell, datetime.date):
        return "time", cell.isoformat()
    media = _media(cell)
    if media is not None:
        return "media", pack.add(media.encode())
    said: list[str] = []
    value = plain_value(cell, said)
    notes.update(said)
    return _NUMBER_OR_TEXT.get(type(value), "json"), value


def _media(cell: Any) -> Media | None:
    """What is plainly a picture or other media; texts and arrays stay cells."""
    if type(cell) in (bool, int, float) or isinstance(cell, Media):
        return cell if isinstance(cell, Media) else None
    if is_picture(cell):
        return Image(cell)
    return None if drawing_of(cell) is None else Figure(cell)


def _finite(value: JSON) -> JSON:
    """JSON with the non-finite as texts, which JSON itself would lose."""
    if isinstance(value, float):
        return json_number(value)
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list) else value
