"""What the folders of event files say: which belong together, and how their keys are called."""

from __future__ import annotations

import re

MARK = "tfevents"
"""Stands in the name of every event file."""
MOST_FOLDERS = 5000
"""Below a folder that is followed while a run goes on: it is looked through again and again."""
SIDES = frozenset({"train", "training", "validation", "valid", "val", "eval", "test", "dev"})
"""Folders that writers make for the sides of one training."""
_MOMENT = re.compile(r"\d{9,11}\.\d+\Z")


def is_moment(name: str) -> bool:
    """Whether a folder is named by the time, as ``add_hparams`` names that of a session."""
    return _MOMENT.match(name) is not None


def line_of(folder: str, tag: str) -> str:
    """The line that a folder holds where ``add_scalars`` made it for a tag; else empty.

    Of ``add_scalars("loss", {"train": 0.3})`` torch's folder is ``loss_train``, that of
    tensorboardX ``loss/train``, and the tag in it ``loss``.

    Args:
        folder: Its path from the folder of the writer on, with ``/`` between names.
        tag: The tag in it.
    """
    for start in (tag.replace("/", "_") + "_", tag + "/"):
        if folder.startswith(start):
            return folder[len(start) :]
    return ""
