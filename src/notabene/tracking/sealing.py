"""The owner's sealing: a run that ends is compacted at once, where that costs next to nothing.

Else it is left to readers: the command line, within the time of a call, and the web interface.
Encoding is bounded, since only runs of a middling size are taken, and waited for: a process must
not end in the middle of it. The disk's confirmation is not bounded, so it is given a moment, and
then left to a thread; if the process ends before the disk answers, nothing has happened.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from notabene.journal.folder import StoreFolder
from notabene.tracking.guard import quietly

FEWEST, MOST = 2_000, 100_000
"""Points: with fewer nobody gains by it, with more it may cost over 25 ms."""
DISK_WITHIN = 0.05
"""Seconds that the end of a run waits for the disk."""
ENCODE_WITHIN = 2.0
"""Seconds after which a machine is so busy that sealing is given up."""


def seal_at_end(folder: StoreFolder, run_dir: Path, run: str, points: int) -> None:
    """Seal a run that this process alone wrote and has ended, if it is cheap; never fails.

    Args:
        folder: The store.
        run_dir: The run's folder.
        run: Its id.
        points: Points of the run.
    """
    # Blocks need numpy: a process that did well without it is not made to load it.
    if not FEWEST <= points <= MOST or "numpy" not in sys.modules:
        return
    written = threading.Event()

    def work() -> None:
        from notabene.store.seal import seal_run

        deadline = time.monotonic() + ENCODE_WITHIN
        seal_run(folder, run_dir, run, deadline=deadline, written=written.set)

    def surely() -> None:
        quietly(work)
        written.set()

    thread = threading.Thread(target=surely, name="notabene-seal", daemon=True)
    if quietly(thread.start) is None:
        written.wait(2 * ENCODE_WITHIN)
        thread.join(DISK_WITHIN)
