"""Data that a run is told to have read: ``log_data``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from notabene.errors import NotFoundError, UsageError
from notabene.tracking.recorder import short_repr

if TYPE_CHECKING:
    from notabene.tracking.run import Run

MOST = 100_000


def log_data(run: Run, path: str | os.PathLike[str], *, snapshot: bool | None = None) -> int:
    """Take files as inputs of a run, as if it had opened them here.

    Returns:
        How many files.

    Raises:
        NotFoundError: There is no such file or folder.
        UsageError: It is neither; or more than 100,000 files; or ``snapshot`` is no choice.
    """
    if snapshot not in (None, True, False):
        raise UsageError(f"snapshot={snapshot!r} is unknown; allowed are True, False and None")
    place = path_of(path)
    if not place.exists():
        raise NotFoundError(f"there is no file or folder {place}")
    files = [place] if place.is_file() else sorted(one for one in place.rglob("*") if one.is_file())
    if not place.is_file() and not place.is_dir():
        raise UsageError(f"{place} is neither a file nor a folder")
    if len(files) > MOST:
        raise UsageError(
            f"{place} holds {len(files):,} files, more than {MOST:,}",
            hint="log the folders in it one by one, or the file that lists them",
        )
    attendance = run.attendance
    if attendance is None or not attendance.take_inputs(files, _user_frame(), snapshot=snapshot):
        run.guard.note("data", "log_data() is not recorded: observe or the capture of data is off")
    return len(files)


def path_of(given: object) -> Path:
    """A file or folder as somebody named it; ``~`` is the home folder.

    Raises:
        UsageError: It is no text that a path can be, or an address.
    """
    try:
        name = os.fsencode(given)  # type: ignore[arg-type]  # what it is not is told below
    except (TypeError, UnicodeEncodeError):
        name = b"\0"
    if b"\0" in name:
        what = f"{type(given).__name__} {short_repr(given, 60)}"
        raise UsageError(f"a path of a file or folder is needed, not {what}")
    if b"://" in name and not os.path.exists(name):
        raise UsageError(
            f"{os.fsdecode(name)} is an address, no file or folder",
            hint="Artifact(...).add_reference(address) keeps what stays where it is",
        )
    return Path(os.path.expanduser(os.fsdecode(name)))


def _user_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("notabene."):
        frame = frame.f_back
    return frame
