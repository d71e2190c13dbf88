"""The watch begins with ``import notabene``: much that a run hangs on happens before ``init``."""

from __future__ import annotations

import os
import sys

from notabene.capture.watch import WATCH, Watch, current, start

_WORKERS = ("--multiprocessing-fork", "multiprocessing.forkserver")
"""On the command line of a worker of multiprocessing, or of the server that forked it."""
_OFF = frozenset({"", "0", "false", "no", "off"})


def begin() -> None:
    """Begin to watch this process, unless it is our own or nobody wants it.

    A worker that another process spawned leaves what it sees in the folder that one named.
    """
    environ = os.environ
    if environ.get("NOTABENE_OBSERVE", "1").lower() in _OFF or _is_ours():
        return
    if environ.get("NOTABENE_MODE") == "disabled" or current() is not None:
        return
    spawned = any(word in one for word in _WORKERS for one in sys.orig_argv)
    watch: Watch = start("spawn" if spawned else "main")
    folder = environ.get(WATCH, "").partition(os.pathsep)[0]
    if spawned and folder:
        watch.spill(folder)


def _is_ours() -> bool:
    """Whether the program of this process is notabene itself."""
    program = os.path.basename(sys.argv[0]) if sys.argv else ""
    words = sys.orig_argv
    as_module = "-m" in words and words[words.index("-m") + 1 :][:1] == ["notabene"]
    return program in ("notabene", "notabene.exe") or as_module
