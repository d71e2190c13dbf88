"""What ``init`` is given, looked at before anything is written: a wrong call leaves no run."""

from __future__ import annotations

import os
from itertools import islice
from typing import Any, Literal

from notabene.errors import UsageError
from notabene.model.refs import check_name, check_run_id
from notabene.tracking.inputs import path_of
from notabene.tracking.recorder import short_repr


def check_names(**names: Any) -> None:
    """Names of a project, run or group; None and an empty text leave the choice to us.

    Raises:
        RefError: One cannot be a name.
    """
    for what, given in names.items():
        if given is not None and given != "":
            check_name(given, what.replace("_", " "))


def check_texts(**texts: Any) -> None:
    """Texts for people.

    Raises:
        UsageError: One is no text.
    """
    for what, given in texts.items():
        if given is not None and not isinstance(given, str):
            raise UsageError(f"{what}= must be a text, not {type(given).__name__} {given!r}"[:200])


def check_resume(resume: Any) -> Literal["never", "allow", "must"]:
    """What to do when the run is there; True is ``allow``, False ``never``.

    Raises:
        UsageError: It is something else.
    """
    if isinstance(resume, bool):
        return "allow" if resume else "never"
    if not isinstance(resume, str) or resume not in ("never", "allow", "must"):
        raise UsageError(
            f"resume={short_repr(resume, 60)} is unknown; allowed are 'never', 'allow' and 'must'"
        )
    return resume  # type: ignore[return-value]  # one of the three


def check_parent(parent: Any) -> str | None:
    """Id of the run that is to stand above; None where it is not given, empty for none at all.

    Raises:
        UsageError: It is neither a run nor an id.
    """
    found = getattr(parent, "id", parent)
    return found if found is None or found == "" else check_run_id(found)


def check_tensorboard(tensorboard: Any) -> None:
    """Whether to take over what is written for TensorBoard, or a folder to follow.

    Raises:
        UsageError: It is something else, no folder, or one with too many below it.
    """
    if tensorboard is None or isinstance(tensorboard, bool):
        return
    if not isinstance(tensorboard, str | os.PathLike) or os.path.isfile(tensorboard):
        what = f"{type(tensorboard).__name__} {tensorboard!r}"
        raise UsageError(
            f"tensorboard= is True, False or a folder of event files, not {what}"[:200],
            hint="tensorboard=True",
        )
    from notabene.tfevents.folders import MOST_FOLDERS

    folder = path_of(tensorboard)
    if sum(1 for _ in islice(os.walk(folder), MOST_FOLDERS + 1)) > MOST_FOLDERS:
        raise UsageError(
            f"tensorboard={str(folder)!r} holds more than {MOST_FOLDERS:,} folders, too "
            "many to follow"[:300],
            hint="name the folder that the event files are written to",
        )


def check_capture(capture: Any) -> None:
    """What to capture.

    Raises:
        UsageError: It is neither a bool nor a Capture.
    """
    if isinstance(capture, bool):
        return
    from notabene.capture.snapshot import Capture

    if not isinstance(capture, Capture):
        raise UsageError(
            f"capture= is True, False or a Capture, not {type(capture).__name__} {capture!r}"[:200],
            hint="capture=notabene.Capture(console=False)",
        )
