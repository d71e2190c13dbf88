"""Cells that any process may change without a lock: aliases of versions, and deletions.

    cells/<key>~<time>~<writer>~<sequence>~<value>

A change is a new file; of a key, the one with the largest (time, writer, sequence) stands, so
any order of arrival gives the same result as the records of the journals do. Who writes one
removes those that it replaces. Values are in the name; the file holds the key in full, which
in the name may be shortened.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from notabene.artifacts.files import create_once
from notabene.errors import UsageError
from notabene.journal.folder import artifact_folder

_WRITER = re.compile(r"[0-9A-Za-z-]{1,64}\Z")
_MAX_TIME = 10**16 - 1
_MAX_SEQUENCE = 10**12 - 1


class Stamp(NamedTuple):
    """When a change was made and by whom, as in the journal's entry: it decides between changes.

    Attributes:
        time: Hybrid logical time in µs.
        writer: Id of the writer.
        seq: Sequence number of the record in that writer.
    """

    time: int
    writer: str = "0"
    seq: int = 0


class Cell(NamedTuple):
    """What stands for a key."""

    key: str
    stamp: Stamp
    value: str


def read_cells(folder: Path) -> dict[str, Cell]:
    """All cells of a folder, by key."""
    found: dict[str, Cell] = {}
    paths: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            cell = _parse(entry.name)
            if cell is not None and (cell.key not in found or found[cell.key] < cell):
                found[cell.key], paths[cell.key] = cell, entry.path
    out = {}
    for name, cell in found.items():
        key = name
        if "~" in name:
            try:
                key = Path(paths[name]).read_text(encoding="utf-8")
            except FileNotFoundError:  # replaced by a newer one since it was listed
                return read_cells(folder)
            except (OSError, UnicodeDecodeError):
                continue
        out[key] = cell._replace(key=key)
    return out


def write_cell(folder: Path, key: str, value: str, stamp: Stamp) -> None:
    """Change a cell; a change that is older than what stands changes nothing.

    Raises:
        UsageError: The stamp cannot be one of a journal.
        OSError: The folder cannot be written to.
    """
    if not _WRITER.match(stamp.writer) or not 0 <= stamp.time <= _MAX_TIME:
        raise UsageError(f"{stamp} is no stamp: time in µs, writer id, sequence number")
    if not 0 <= stamp.seq <= _MAX_SEQUENCE:
        raise UsageError(f"{stamp.seq} is no sequence number")
    short = artifact_folder(key)
    name = f"{short}~{stamp.time:016d}~{stamp.writer}~{stamp.seq:012d}~{value}"
    folder.mkdir(parents=True, exist_ok=True)
    create_once(folder / name, key.encode())
    cells = [c for n in os.listdir(folder) if (c := _parse(n)) and c.key == short]
    newest = max(cells, default=None)
    for cell in cells:
        if cell != newest:
            time, writer, seq = cell.stamp
            old = folder / f"{short}~{time:016d}~{writer}~{seq:012d}~{cell.value}"
            old.unlink(missing_ok=True)


def _parse(name: str) -> Cell | None:
    parts = name.rsplit("~", 4)
    if name.startswith(".") or len(parts) != 5 or not (parts[1].isdigit() and parts[3].isdigit()):
        return None
    key, time, writer, seq, value = parts
    return Cell(key, Stamp(int(time), writer, int(seq)), value)
