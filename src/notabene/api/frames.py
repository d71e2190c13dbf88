"""Tables of runs for pandas, Polars and Arrow, made column by column."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from notabene.api import given
from notabene.errors import MissingDependencyError, UsageError
from notabene.query import STATISTICS, parse_field
from notabene.query.ast import Field
from notabene.query.fields import BY_KIND, type_of
from notabene.query.values import cell_of
from notabene.store.base import RunSet

Kind = Literal["float", "int", "bool", "text", "time"]


class Column(NamedTuple):
    """A column with one type.

    Attributes:
        name: ``status``, ``params.lr``, ``metrics.loss``, ``metrics.loss.min`` ...
        kind: What the values are; times are µs since 1970 UTC, 0 where there is none.
        values: An array without gaps, or a list in which None stands for what is absent.
    """

    name: str
    kind: Kind
    values: npt.NDArray[Any] | list[Any]


def name_of(field: Field) -> str:
    """What a field's column is called."""
    if field.kind == "attribute":
        return field.name
    stat = f".{field.stat}" if field.stat not in ("", "last") else ""
    prefix = "" if field.kind == "fact" else f"{BY_KIND[field.kind].name}."
    return f"{prefix}{field.name}{stat}"


def read_columns(
    found: RunSet,
    columns: Iterable[str] | None,
    stats: Sequence[str],
    limit: int | None,
    offset: int,
) -> list[Column]:
    """Columns of runs; see :meth:`notabene.api.runs.Runs.to_pandas`.

    Raises:
        QueryError: A column is no field.
        UsageError: A statistic is unknown.
    """
    stats = given.texts(stats, "stats")
    for stat in stats:
        if stat not in STATISTICS:
            allowed = ", ".join(STATISTICS)
            raise UsageError(f"{stat!r} is no statistic of a metric; allowed are {allowed}")
    if columns is not None:
        fields = [parse_field(text) for text in given.texts(columns, "columns")]
        table = found.columns(fields, limit=limit, offset=offset)
        return [_column(field, table[field]) for field in fields]
    table = found.columns(None, stats=stats, limit=limit, offset=offset)
    return [_column(field, values) for field, values in table.items()]


def _column(field: Field, values: npt.NDArray[Any]) -> Column:
    name = name_of(field)
    if field.kind == "attribute" and type_of(field) == "time":
        return Column(name, "time", values.astype(np.int64))
    if values.dtype != object:
        kinds: dict[str, Kind] = {"f": "float", "b": "bool"}
        return Column(name, kinds.get(values.dtype.kind, "int"), values)
    listed = values.tolist()
    found = set(map(type, listed)) - {type(None)}
    if found and found <= {int, float}:
        if float not in found and all(v is None or -(1 << 63) <= v < 1 << 63 for v in listed):
            return Column(name, "int", listed)
        return Column(name, "float", np.array(listed, np.float64))
    if found == {bool}:
        return Column(name, "bool", listed)
    if not found <= {str}:
        listed = [v if v is None or type(v) is str else _text(v) for v in listed]
    return Column(name, "text", listed)


def _text(value: Any) -> str:
    cell = cell_of(value)
    return "" if cell is None else cell.text


# -- libraries -----------------------------------------------------------------------------


def pandas() -> Any:
    """pandas.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return _library("pandas", "pandas")


def pyarrow(part: str = "") -> Any:
    """pyarrow, or a part of it such as ``parquet``.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return _library(f"pyarrow.{part}" if part else "pyarrow", "arrow")


def _library(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise MissingDependencyError(
            f"this needs {name}, which is not installed",
            hint=f"pip install 'notabene[{extra}]'",
        ) from error


def pandas_time(times: npt.NDArray[np.int64]) -> Any:
    """µs since 1970 as a column of UTC times; 0 is NaT."""
    stamps = times.astype("datetime64[us]")
    stamps[times == 0] = np.datetime64("NaT", "us")
    return pandas().Series(stamps).dt.tz_localize("UTC")


def to_pandas(columns: Sequence[Column]) -> Any:
    """A pandas DataFrame."""
    return pandas().DataFrame({column.name: _pandas(column) for column in columns}, copy=False)


def _pandas(column: Column) -> Any:
    kind, values = column.kind, column.values
    if kind == "time":
        return pandas_time(np.asarray(values))
    if isinstance(values, np.ndarray):
        return values
    full = None not in values
    if kind == "int":
        return np.array(values, np.int64 if full else np.float64)
    if kind == "bool" and full:
        return np.array(values, bool)
    out = np.empty(len(values), object)
    out[:] = values
    return out


def to_polars(columns: Sequence[Column]) -> Any:
    """A Polars DataFrame."""
    polars = _library("polars", "polars")
    types = {
        "float": polars.Float64,
        "int": polars.Int64,
        "bool": polars.Boolean,
        "text": polars.String,
        "time": polars.Int64,
    }
    series = []
    for column in columns:
        one = polars.Series(column.name, column.values, dtype=types[column.kind])
        if column.kind == "time":
            one = one.replace(0, None).cast(polars.Datetime("us", "UTC"))
        series.append(one)
    return polars.DataFrame(series)


def to_arrow(columns: Sequence[Column]) -> Any:
    """A pyarrow Table."""
    arrow = pyarrow()
    types = {
        "float": arrow.float64(),
        "int": arrow.int64(),
        "bool": arrow.bool_(),
        "text": arrow.string(),
        "time": arrow.timestamp("us", tz="UTC"),
    }
    arrays, names = [], []
    for column in columns:
        mask = np.asarray(column.values) == 0 if column.kind == "time" else None
        arrays.append(arrow.array(column.values, types[column.kind], mask=mask))
        names.append(column.name)
    return arrow.table(arrays, names=names)


# -- plain forms ---------------------------------------------------------------------------


def iso(stamp: int) -> str | None:
    """µs since 1970 as UTC in ISO 8601; None for 0."""
    if not stamp:
        return None
    moment = datetime.datetime.fromtimestamp(0, datetime.UTC)
    moment += datetime.timedelta(microseconds=stamp)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def cells_of_csv(column: Column) -> list[Any]:
    """A column as cells of CSV: nothing in them is taken for a formula by a spreadsheet."""
    values: list[Any] = (
        column.values.tolist() if isinstance(column.values, np.ndarray) else column.values
    )
    if column.kind == "time":
        return [iso(value) for value in values]
    if column.kind == "float":
        return ["" if math.isnan(v) else v for v in values]
    return [safe_cell(v) if isinstance(v, str) else v for v in values]


def safe_cell(text: str) -> str:
    """A text with a quote before it where a spreadsheet would run it as a formula (OWASP)."""
    if text[:1] not in ("=", "+", "-", "@", "\t", "\r"):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
