"""When the disk refuses the store: what is no mistake of the caller does not stop the training.

A wrong path or missing rights are mistakes, which ``init`` says. A full, failing or read-only
disk is none: the run is kept in a store in ``$TMPDIR``, or not at all, and the program goes on.
"""

from __future__ import annotations

import errno
from pathlib import Path

from notabene.errors import NotabeneError
from notabene.journal.mounts import private_folder
from notabene.settings import STORE_NAME

MISTAKES = frozenset(
    {
        errno.EACCES,
        errno.EEXIST,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EPERM,
    }
)
"""What a path or rights that are wrong lead to; the caller can mend it."""


def refused(error: BaseException) -> str:
    """What the system said, in its own words; empty where it is the caller's to mend."""
    cause = error.__cause__ if isinstance(error, NotabeneError) else error
    if not isinstance(cause, OSError) or cause.errno is None or cause.errno in MISTAKES:
        return ""
    return cause.strerror or str(cause)


def other_store() -> Path | None:
    """The store in this user's temporary folder; None where there is no such folder."""
    folder = private_folder(make=True)
    return None if folder is None else folder / STORE_NAME
