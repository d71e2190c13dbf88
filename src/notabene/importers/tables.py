"""Tables: CSV, JSON lines, Parquet and spreadsheets, with a column mapping.

Three shapes are known by their columns:

    a row per step      ``step`` (or ``epoch``, ``iteration`` ...), a column per metric, perhaps
                        ``run``: what loggers to CSV write
    a row per point     ``run``, ``key``, ``step``, ``value``: what ``notabene export --csv`` writes
    a row per run       no step: a sheet of results; settings become config, results metrics

What a column is taken for can be said with ``--map column=role``; the roles are :data:`ROLES`.
A table is held in memory while it is imported. Its runs are known again by its path.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from notabene._ids import user_name
from notabene.errors import FormatError, UsageError
from notabene.importers._base import (
    Cells,
    Ended,
    Found,
    Given,
    Item,
    Missed,
    Passed,
    Points,
    run_id,
)
from notabene.importers.columns import ROLES, guess, is_number, moment, number
from notabene.importers.rows import Rows, csv_rows, excel_rows, json_rows, parquet_rows
from notabene.model.canonical import digest_json
from notabene.model.records import EndStatus

ENDS: dict[str, EndStatus | None] = {
    **dict.fromkeys(("failed", "error", "crashed", "fail"), "failed"),
    **dict.fromkeys(("killed", "oom"), "killed"),
    **dict.fromkeys(("stopped", "cancelled", "canceled", "pruned", "aborted"), "stopped"),
    **dict.fromkeys(("running", "pending"), None),
}
GENERIC = frozenset({"metrics", "log", "logs", "results", "history", "progress", "data"})
"""Names of files that say less than the folder they lie in."""


class Table:
    """A table of any format; the subclasses read their rows.

    Args:
        place: The file.
        given: What the person who imports has said.
    """

    kind: ClassVar[str] = ""
    suffixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, place: Path, given: Given) -> None:
        if place.is_dir():
            raise UsageError(f"{place} is a folder; a {self.kind} table is a file")
        self.place, self.given = place, given
        self.notes: list[str] = []
        for column, role in given.mapping.items():
            if role not in ROLES:
                raise UsageError(
                    f"--map {column}={role}: there is no role {role!r}",
                    hint=f"a column is one of {', '.join(ROLES)}",
                )

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """By its suffix."""
        return place.suffix.lower() in cls.suffixes and place.is_file()

    def rows(self) -> Rows:
        """Column names, and the rows as mappings; in ``broken`` what could not be read."""
        raise NotImplementedError

    # -- what it holds ---------------------------------------------------------------------

    def find(self) -> Iterator[Found]:
        """One run per name in the run column; else one per row, or one."""
        table = self.rows()
        roles = self._roles(table)
        stat = self.place.stat()
        state = digest_json([stat.st_size, stat.st_mtime_ns, roles])[:32]
        single = not any(role == "run" for role in roles.values())
        steps = "step" in roles.values()
        groups = _grouped(table, roles, one=single and steps)
        self.notes += [f"{what} could not be read" for what in table.broken[:20]]
        if len(table.broken) > 20:
            self.notes.append(f"and {len(table.broken) - 20:,} more rows could not be read")
        self._tell(roles)
        size = stat.st_size // max(1, len(groups))
        for label, rows in groups.items():
            started = _first_time(rows, roles)
            alone = single and steps
            identity = f"{self.place.resolve()}\n{'' if alone else label}"
            yield Found(
                kind=self.kind,
                where=str(self.place) if alone else f"{self.place}: {label}",
                run=run_id(self.kind, identity, started),
                name=_named(rows, roles) or (self._stem() if alone else label),
                project=self.given.project
                or self.given.default_project
                or ("imported" if alone else self._stem()),
                started=started,
                state=state,
                group=_text_of(rows, roles, "group"),
                user=user_name(),
                size=size,
                points=_count(rows, roles),
                detail=(roles, rows),
            )

    def _stem(self) -> str:
        stem = self.place.stem
        parent = self.place.resolve().parent.name
        return f"{parent}/{stem}" if stem.lower() in GENERIC and parent else stem

    def _roles(self, table: Rows) -> dict[str, str]:
        for column in self.given.mapping:
            if column not in table.columns:
                near = difflib.get_close_matches(column, table.columns, 1)
                hint = (
                    f"did you mean {near[0]!r}?" if near else f"it has {', '.join(table.columns)}"
                )
                raise UsageError(f"{self.place} has no column {column!r}", hint=hint)
        roles = guess(table.columns, table.rows, self.given.mapping)
        if not table.rows:
            raise FormatError(f"{self.place} holds no rows")
        return roles

    def _tell(self, roles: dict[str, str]) -> None:
        words = []
        for role in ROLES:
            columns = [column for column, of in roles.items() if of == role]
            if columns:
                more = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
                words.append(f"{role}: {', '.join(columns[:8])}{more}")
        self.notes.append(f"columns were read as {'; '.join(words)} (--map column=role changes it)")

    # -- one run ---------------------------------------------------------------------------

    def read(self, found: Found) -> Iterator[Item]:
        """The run's cells and points."""
        roles, rows = found.detail
        of: dict[str, list[str]] = {}
        for column, role in roles.items():
            of.setdefault(role, []).append(column)
        yield _cells(rows, of)
        steps = of.get("step", [])
        times = np.array([_time_of(row, of) for row in rows], np.int64)
        if steps:
            numbers = [number(row.get(steps[0])) for row in rows]
            good = np.array([v is not None and math.isfinite(v) for v in numbers])
            if not good.all():
                yield Missed("rows without a step are not carried over", True, int((~good).sum()))
            axis = np.array([int(v) if v is not None and math.isfinite(v) else 0 for v in numbers])
        else:
            good, axis = np.ones(len(rows), bool), np.zeros(len(rows), np.int64)
        if "key" in of and "value" in of:
            yield from _long(rows, of, good, axis, times)
        else:
            yield from _wide(rows, of.get("metric", []), good, axis, times)
        status = _text_of(rows, roles, "status").lower()
        end = ENDS.get(status, "finished")
        if end is not None:
            yield Ended(0, end, reason="" if end == "finished" else status)
        yield Passed(found.size)


def _grouped(table: Rows, roles: dict[str, str], *, one: bool) -> dict[str, list[dict[str, Any]]]:
    """The rows of each run, by its label."""
    if one:
        return {"": table.rows}
    column = next((c for c, role in roles.items() if role == "run"), None)
    name = next((c for c, role in roles.items() if role == "name"), None)
    steps = "step" in roles.values()
    groups: dict[str, list[dict[str, Any]]] = {}
    for n, row in enumerate(table.rows, 1):
        label = str(row.get(column or name or "") or f"row {n}")
        if not steps and label in groups:
            label = f"{label} (row {n})"
        groups.setdefault(label, []).append(row)
    return groups


def _cells(rows: list[dict[str, Any]], of: dict[str, list[str]]) -> Cells:
    def last(columns: list[str]) -> dict[str, Any]:
        out = {}
        for column in columns:
            values = [row[column] for row in rows if row.get(column) is not None]
            if values:
                out[column.removeprefix("config.").removeprefix("params.")] = values[-1]
        return out

    tags: dict[str, str] = {}
    for column, value in last(of.get("tag", [])).items():
        if column.lower() in ("tag", "tags"):
            tags.update((word.strip(), "") for word in str(value).split(",") if word.strip())
        else:
            tags[column] = str(value)
    notes = {f"table-{column}": str(value) for column, value in last(of.get("note", [])).items()}
    return Cells(
        config=last(of.get("config", [])),
        summary=last(of.get("summary", [])),
        tags=tags,
        notes=notes,
    )


def _wide(
    rows: list[dict[str, Any]], columns: list[str], good: Any, axis: Any, times: Any
) -> Iterator[Item]:
    for column in columns:
        values = [number(row.get(column)) for row in rows]
        there = good & np.array([value is not None for value in values])
        texts = sum(
            value is None and row.get(column) is not None
            for value, row in zip(values, rows, strict=True)
        )
        if texts:
            what = f"cells of the column {column!r} that are no numbers are not carried over"
            yield Missed(what, count=texts)
        table = np.array([math.nan if value is None else value for value in values])
        name = column.removeprefix("metrics.").removeprefix("summary.")
        yield Points((name,), axis[there], times[there], table[there].reshape(-1, 1))


def _long(
    rows: list[dict[str, Any]], of: dict[str, list[str]], good: Any, axis: Any, times: Any
) -> Iterator[Item]:
    key, value = of["key"][0], of["value"][0]
    places: dict[str, list[int]] = {}
    odd = 0
    for n, row in enumerate(rows):
        if good[n] and row.get(key) is not None and is_number(row.get(value)):
            places.setdefault(str(row[key]), []).append(n)
        elif good[n]:
            odd += 1
    if odd:
        yield Missed("rows without a key or a number are not carried over", True, odd)
    for name, chosen in places.items():
        table = np.array([[number(rows[n][value])] for n in chosen], np.float64)
        yield Points((name,), axis[chosen], times[chosen], table)


def _count(rows: list[dict[str, Any]], roles: dict[str, str]) -> int:
    if "key" in roles.values():
        return len(rows)
    metrics = [column for column, role in roles.items() if role == "metric"]
    return sum(is_number(row.get(column)) for row in rows for column in metrics)


def _named(rows: list[dict[str, Any]], roles: dict[str, str]) -> str:
    return _text_of(rows, roles, "name") or _text_of(rows, roles, "run")


def _text_of(rows: list[dict[str, Any]], roles: dict[str, str], role: str) -> str:
    column = next((c for c, of in roles.items() if of == role), None)
    values = [row[column] for row in rows if column and row.get(column) is not None]
    return str(values[-1]) if values else ""


def _first_time(rows: list[dict[str, Any]], roles: dict[str, str]) -> int:
    column = next((c for c, role in roles.items() if role == "time"), None)
    if column is None:
        return 0
    return next((time for row in rows if (time := moment(row.get(column)))), 0)


def _time_of(row: dict[str, Any], of: dict[str, list[str]]) -> int:
    return moment(row.get(of["time"][0])) if "time" in of else 0


class Csv(Table):
    """Values separated by commas, semicolons or tabs, the names in the first line."""

    kind = "csv"
    suffixes = (".csv", ".tsv")

    def rows(self) -> Rows:
        """See :class:`Table`."""
        return csv_rows(self.place)


class JsonLines(Table):
    """A JSON object per line; nested ones by dotted names."""

    kind = "jsonl"
    suffixes = (".jsonl", ".ndjson")

    def rows(self) -> Rows:
        """See :class:`Table`."""
        return json_rows(self.place)


class Parquet(Table):
    """A Parquet file; needs pyarrow."""

    kind = "parquet"
    suffixes = (".parquet", ".pq")

    def rows(self) -> Rows:
        """See :class:`Table`."""
        return parquet_rows(self.place)


class Excel(Table):
    """The first sheet of a workbook; needs openpyxl."""

    kind = "xlsx"
    suffixes = (".xlsx", ".xlsm")

    def rows(self) -> Rows:
        """See :class:`Table`."""
        return excel_rows(self.place)
