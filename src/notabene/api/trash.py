"""The trash for runs: folders renamed, so that nothing is lost until it is purged.

What decides whether a run is deleted is the record in the desk journal; where its folder lies
follows. A process that dies between the two leaves a run that is deleted and still in ``runs``:
readers find it in both places, and :func:`tidy` finishes the move.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from notabene._ids import new_id, now_us
from notabene.artifacts.files import storage_error
from notabene.errors import ConflictError
from notabene.journal.file import sync_folder
from notabene.journal.folder import StoreFolder
from notabene.store.files import trash_of

KEEP_DAYS = 30
DAY = 86_400_000_000


def trash_folder(folder: StoreFolder) -> Path:
    """Where the folders of deleted runs lie."""
    return folder.trash / "runs"


def put_away(folder: StoreFolder, run_id: str) -> None:
    """Move a run's folder into the trash; does nothing where it is there already.

    Raises:
        AccessError, TransportError: It cannot be moved.
        ConflictError: Another folder of this id lies in the trash.
    """
    place = folder.find_run_dir(run_id)
    if place is None:
        return
    target = trash_folder(folder) / run_id
    _move(place, target)
    with contextlib.suppress(OSError):
        os.utime(target)  # the 30 days count from here


def bring_back(folder: StoreFolder, run_id: str, created: int) -> bool:
    """Move a run's folder back; gives whether the run has one now.

    Args:
        folder: The store.
        run_id: The run.
        created: When it came to be, µs: names the month.

    Raises:
        AccessError, TransportError: It cannot be moved.
    """
    if folder.find_run_dir(run_id) is not None:
        return True
    source = trash_folder(folder) / run_id
    if not source.is_dir():
        return False
    month = time.strftime("%Y-%m", time.gmtime(created / 1e6))
    _move(source, folder.runs / month / run_id)
    return True


def tidy(folder: StoreFolder, deleted: Iterable[str]) -> list[str]:
    """Finish moves that were broken off; gives the runs whose folders went to the trash."""
    done = []
    for run_id in deleted:
        if folder.find_run_dir(run_id) is not None:
            put_away(folder, run_id)
            done.append(run_id)
    return done


def overdue(folder: StoreFolder, days: float = KEEP_DAYS) -> list[str]:
    """Ids of the runs that have been in the trash for so many days."""
    found: list[str] = []
    before = now_us() - round(days * DAY)
    with contextlib.suppress(FileNotFoundError):
        found = [
            entry.name
            for entry in os.scandir(trash_folder(folder))
            if entry.is_dir() and entry.stat().st_mtime_ns // 1000 < before
        ]
    return sorted(found)


def purge(folder: StoreFolder, run_ids: Iterable[str]) -> None:
    """Remove runs in the trash for good.

    Raises:
        AccessError, TransportError: They cannot be removed.
    """
    for run_id in run_ids:
        source = trash_folder(folder) / run_id
        doomed = folder.trash / f".purged-{new_id()}"
        try:
            # Renamed first: a run is there wholly or not at all, however this ends.
            source.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)
            shutil.rmtree(trash_of(folder, run_id), ignore_errors=True)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise storage_error(error, f"move {source}") from error


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _move(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    except FileNotFoundError:
        if not target.is_dir():  # otherwise another process was faster
            raise
    except OSError as error:
        if target.exists():
            raise ConflictError(
                f"{target} is in the way", hint="remove one of the two folders of this run"
            ) from error
        raise storage_error(error, f"move {source}") from error
    sync_folder(target.parent)
    sync_folder(source.parent)
