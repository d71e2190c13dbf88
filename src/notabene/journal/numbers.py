"""Numbers of runs within their project, as people see them: given once, for good.

    numbers/<digest of the project's name>/<n>

Whoever creates the file ``n`` has the number ``n``. Only the newest files are kept, so that a
folder of ten thousand runs is listed as quickly as one of ten.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from notabene.journal.folder import StoreFolder
from notabene.model.canonical import digest_bytes

KEEP = 64
"""Files that stay."""

SAFE = KEEP // 2
"""A number this far below the newest may have been given before, and its file removed."""

TRIES = 100


def numbers_folder(folder: StoreFolder, project: str) -> Path:
    """Where the numbers of a project are given."""
    name = digest_bytes(project.encode("utf-8", "surrogatepass"))[:32]
    return folder.root / "numbers" / name


def next_number(folder: StoreFolder, project: str) -> int:
    """The next number in a project, which no other run gets; 0 where none can be had.

    Never fails: a run does without a number rather than not begin.
    """
    place = numbers_folder(folder, project)
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        for _ in range(TRIES):
            taken = _taken(place)
            number = max(taken, default=0) + 1
            try:
                os.close(os.open(place / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
            except FileExistsError:
                continue
            # Between the look and the file, others may have given so many numbers that this one
            # was given before and its file removed.
            if max(_taken(place), default=number) < number + SAFE:
                _tidy(place, taken, number)
                return number
    return 0


def _taken(place: Path) -> list[int]:
    return [int(name) for name in os.listdir(place) if name.isdigit()]


def _tidy(place: Path, taken: list[int], number: int) -> None:
    """Remove old files, some at a time: most calls remove none."""
    if len(taken) >= 2 * KEEP:
        for old in taken:
            if old <= number - KEEP:
                with contextlib.suppress(OSError):
                    (place / str(old)).unlink()
