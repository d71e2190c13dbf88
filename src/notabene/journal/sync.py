"""Have the disk confirm a journal, in a thread of its own: a disk may hang for minutes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from notabene.journal.file import JournalFile

SYNC_EVERY = 5.0
"""Seconds between syncs: what power loss may cost."""
MUCH = 8 << 20
"""Bytes after which a sync does not wait for its time."""
MOST_DOUBLINGS = 7


class Syncer:
    """Brings one journal to the disk when it is time, and tells when the disk does not confirm.

    The thread starts with the first sync; where none can be had, the caller does it.

    Args:
        file: The journal.
        warn: Called with a code and a sentence.
        every: Seconds between syncs; 0 leaves them to the system.
    """

    def __init__(
        self, file: JournalFile, warn: Callable[[str, str], None], *, every: float = SYNC_EVERY
    ) -> None:
        self.failures = 0
        """Syncs that failed since the last good one."""
        self._file = file
        self._warn = warn
        self.every = every
        self._last = time.monotonic()
        self._changed = threading.Condition()
        self._asked = self._begun = self._done = 0
        self._stopped = False
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Ask for a sync if it is time for one; called each tick."""
        if not (self.every and self._file.unsynced):
            return
        waited = time.monotonic() - self._last
        # A disk that does not confirm is asked less and less often.
        due = waited >= self.every * 2 ** min(self.failures, MOST_DOUBLINGS)
        if due or (self._file.unsynced > MUCH and not self.failures):
            self.ask()

    def ask(self) -> None:
        """Ask for a sync of what was appended so far."""
        with self._changed:
            self._last = time.monotonic()
            if self._asked > self._begun:
                return  # the next one has not begun: it will do
            self._asked += 1
            self._changed.notify_all()
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._work, name="notabene-sync", daemon=True)
            try:
                thread.start()
            except (RuntimeError, MemoryError):
                pass
            else:
                self._thread = thread
                return
            wanted = self._begun = self._asked
        self._sync()
        with self._changed:
            self._done = wanted

    def wait(self, timeout: float) -> bool:
        """Wait until what was asked for is done; False when the time was up or the disk failed."""
        with self._changed:
            wanted = self._asked
            done = self._changed.wait_for(lambda: self._done >= wanted, max(0.0, timeout))
        return done and not self.failures

    def stop(self) -> None:
        """Let the thread end when it has done what was asked for."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """In a forked child: the thread is the parent's."""
        self._changed = threading.Condition()
        self._done = self._begun = self._asked
        self.every = 0.0
        self._thread = None

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._asked == self._begun and not self._stopped:
                    self._changed.wait()
                if self._asked == self._begun:
                    return
                wanted = self._begun = self._asked
            self._sync()
            with self._changed:
                self._done = wanted
                self._changed.notify_all()

    def _sync(self) -> None:
        for last_try in (False, True):
            try:
                self._file.sync()
            except OSError as error:
                if last_try:
                    self.failures += 1
                    self._warn(
                        "sync",
                        f"the disk does not confirm writes ({os.strerror(error.errno or 0)}): "
                        "this run is not safe against power loss",
                    )
            else:
                self.failures = 0
                return
