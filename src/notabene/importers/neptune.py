"""Neptune: what ``neptune-exporter`` left, Parquet files and the files beside them.

    data/<project>/<run>_part_<n>.parquet    one row per attribute or point
    files/<project>/...                      what ``file_value.path`` names

Needs pyarrow. Written after the exporter's published layout, and tried with files of that layout;
the service itself has closed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from notabene.errors import FormatError, MissingDependencyError, UsageError
from notabene.importers._base import (
    Cells,
    Ended,
    Found,
    Given,
    Item,
    Kept,
    Logged,
    Missed,
    Passed,
    Points,
    run_id,
)
from notabene.importers.pictures import media, words
from notabene.importers.wandb_media import histogram
from notabene.model.canonical import digest_json

_PART = re.compile(r"(?P<run>.+)_part_(?P<number>\d+)\.parquet\Z")
_PLAIN = ("int", "float", "string", "bool", "datetime", "string_set")
ROWS = 65_536
GONE = "files that the export names and that are not there are left out"


class Neptune:
    """An export.

    Args:
        place: The folder of data, the one above it, or that of a project.
        given: What the person who imports has said.
    """

    kind: ClassVar[str] = "neptune"

    def __init__(self, place: Path, given: Given) -> None:
        self.runs = _runs(place)
        if not self.runs:
            raise UsageError(
                f"{place} holds no export of Neptune",
                hint="name the folder that neptune-exporter wrote: --data-path",
            )
        self.place, self.given = place, given
        self.notes: list[str] = []
        self._parquet = _pyarrow()

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """By the names of its files."""
        return bool(_runs(place, only_one=True))

    def find(self) -> Iterator[Found]:
        """All runs, the oldest first."""
        found = []
        for parts in self.runs.values():
            try:
                found.append(self._found(parts))
            except FormatError as error:
                self.notes.append(error.message)
        yield from sorted(found, key=lambda one: (one.started, one.where))

    def _found(self, parts: list[Path]) -> Found:
        said: dict[str, Any] = {}
        names = {"project_id", "run_id"}
        for row in self._rows(parts, only="sys/"):
            said[row["attribute_path"]] = _plain(row)
            said.update({name: row[name] for name in names})
        if "run_id" not in said:
            said.update(next(self._rows(parts[:1]), {}))
        project, known = str(said.get("project_id", "")), str(said.get("run_id", parts[0].stem))
        started = _moment(said.get("sys/creation_time"))
        stats = [path.stat() for path in parts]
        return Found(
            kind=self.kind,
            where=f"{project}/{known}",
            run=run_id(self.kind, f"{project}/{known}", started),
            name=str(said.get("sys/name") or known),
            project=self.given.project
            or self.given.default_project
            or project.rpartition("/")[2]
            or "imported",
            started=started,
            state=digest_json([[stat.st_size, stat.st_mtime_ns] for stat in stats])[:32],
            group=str(said.get("sys/group_tags") or "") if said.get("sys/group_tags") else "",
            user=str(said.get("sys/owner") or ""),
            host=str(said.get("sys/hostname") or ""),
            size=sum(stat.st_size for stat in stats),
            detail=(parts, said),
        )

    def read(self, found: Found) -> Iterator[Item]:
        """One run."""
        parts, said = found.detail
        config: dict[str, Any] = {}
        tags: dict[str, str] = {}
        files: list[tuple[str, Path]] = []
        for row in self._rows(parts):
            path, kind = row["attribute_path"], row["attribute_type"]
            if kind in _PLAIN:
                value = _plain(row)
                if path in ("sys/tags", "sys/group_tags"):
                    tags.update(dict.fromkeys(map(str, value or ()), ""))
                elif not path.startswith(("sys/", "monitoring/")):
                    config[path] = value
            elif kind == "file":
                yield from self._file(row, files)
            elif kind not in ("float_series", "int_series"):
                yield from self._value(row)
        yield Cells(time=found.started, config=config, tags=tags, notes=_note(said))
        yield from self._points(parts)
        if files:
            yield Kept(name=f"{found.name}/files", files=tuple(files))
        state = str(said.get("sys/state") or "").lower()
        if state not in ("active", "running"):
            yield Ended(0, "failed" if said.get("sys/failed") else "finished")
        yield Passed(found.size)

    def _points(self, parts: list[Path]) -> Iterator[Item]:
        held: dict[str, tuple[list[int], list[int], list[float]]] = {}
        count = odd = cut = 0
        for row in self._rows(parts):
            if row["attribute_type"] not in ("float_series", "int_series"):
                continue
            number = row.get("float_value")
            number = row.get("int_value") if number is None else number
            if number is None or row["step"] is None:
                odd += 1
                continue
            step = row["step"]
            cut += step != int(step)
            steps, times, values = held.setdefault(row["attribute_path"], ([], [], []))
            steps.append(int(step))
            times.append(_moment(row["timestamp"]))
            values.append(float(number))
            count += 1
            if count >= ROWS:
                yield from _flush(held)
                held, count = {}, 0
        yield from _flush(held)
        if odd:
            yield Missed("points without a step or a number are left out", True, odd)
        if cut:
            yield Missed("steps with decimals are cut to whole ones", False, cut)

    def _value(self, row: dict[str, Any]) -> Iterator[Item]:
        step, time = int(row["step"] or 0), _moment(row["timestamp"])
        if row["attribute_type"] == "string_series":
            yield Logged(row["attribute_path"], step, time, words(row["string_value"] or ""))
        elif row["attribute_type"] == "histogram_series" and row["histogram_value"]:
            value = row["histogram_value"]
            try:
                made = histogram({"bins": value["edges"], "values": value["values"]})
            except (ValueError, TypeError, KeyError):
                yield Missed("histograms that are damaged are left out", True)
                return
            yield Logged(row["attribute_path"], step, time, made)
        elif row["attribute_type"] == "file_series":
            path = self._path(row)
            if path is None:
                yield Missed(GONE, True)
            else:
                yield Logged(row["attribute_path"], step, time, media(path))
        else:
            yield Missed(f"attributes of type {row['attribute_type']} are not carried over")

    def _file(self, row: dict[str, Any], files: list[tuple[str, Path]]) -> Iterator[Item]:
        path = self._path(row)
        if path is None:
            yield Missed(GONE, True)
        elif path.is_file():
            files.append((row["attribute_path"].strip("/"), path))
        else:
            top = row["attribute_path"].strip("/")
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            files += [(f"{top}/{p.relative_to(path).as_posix()}", p) for p in inside]

    def _path(self, row: dict[str, Any]) -> Path | None:
        """A file of the export; never one outside it."""
        name = (row.get("file_value") or {}).get("path") or ""
        for base in (self.place, self.place.parent):
            for top in (base / "files", base):
                path = top / name
                if name and path.exists() and path.resolve().is_relative_to(top.resolve()):
                    return path
        return None

    def _rows(self, parts: list[Path], only: str = "") -> Iterator[dict[str, Any]]:
        for path in parts:
            try:
                with self._parquet.ParquetFile(path) as file:
                    for batch in file.iter_batches(ROWS):
                        for row in batch.to_pylist():
                            if str(row.get("attribute_path") or "").startswith(only):
                                yield row
            except (ValueError, OSError, KeyError) as error:
                raise FormatError(f"{path.name} cannot be read as Parquet: {error}") from error


def _runs(place: Path, *, only_one: bool = False) -> dict[tuple[str, str], list[Path]]:
    """Parts of each run, by the folder of its project and its name there."""
    found: dict[tuple[str, str], list[tuple[int, Path]]] = {}
    for folder in (place, place / "data"):
        for path in _files(folder):
            match = _PART.match(path.name)
            if match is None:
                continue
            key = path.parent.name, match["run"]
            found.setdefault(key, []).append((int(match["number"]), path))
            if only_one:
                break
    return {key: [path for _, path in sorted(some)] for key, some in found.items()}


def _files(folder: Path) -> Iterator[Path]:
    """Files of a folder and of those right below it."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_file():
            yield Path(entry.path)
        elif entry.is_dir():
            try:
                yield from sorted(p for p in Path(entry.path).iterdir() if p.is_file())
            except OSError:
                continue


def _flush(held: dict[str, tuple[list[int], list[int], list[float]]]) -> Iterator[Item]:
    for key, (steps, times, values) in held.items():
        table = np.array(values, np.float64).reshape(-1, 1)
        yield Points((key,), np.array(steps, np.int64), np.array(times, np.int64), table)


def _plain(row: dict[str, Any]) -> Any:
    value: Any = row.get(f"{row['attribute_type']}_value")
    if row["attribute_type"] == "string_set":
        return list(value or ())
    return value.isoformat() if hasattr(value, "isoformat") else value


def _note(said: dict[str, Any]) -> dict[str, str]:
    text = said.get("sys/description")
    return {"neptune": str(text)} if text else {}


def _moment(value: Any) -> int:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return 0
    if not isinstance(value, datetime):
        return 0
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return int(value.timestamp() * 1e6)


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingDependencyError(
            "reading exports of Neptune needs pyarrow", hint="pip install 'notabene[arrow]'"
        ) from None
    return parquet
