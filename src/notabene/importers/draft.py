"""The journal of an import on its way: items in, frames out, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from notabene._ids import host_name, now_us
from notabene._version import __version__
from notabene.importers._base import F64, I64
from notabene.importers.known import Check
from notabene.journal.columns import ColumnWriter
from notabene.journal.segment import Header, encode_frame, encode_header


class Draft(ColumnWriter):
    """A journal that is being written; nobody reads it before it is in place.

    Args:
        path: The file; must not exist.
        run: Id of the run.
        writer: Id of the writer.
        last: Its last sequence so far.
        keysets: Its largest id of a key set so far.
    """

    def __init__(self, path: Path, run: str, writer: str, last: int = 0, keysets: int = 0) -> None:
        super().__init__(self._keep, last, keysets)
        self.path, self.writer = path, writer
        self.checks: dict[str, Check] = {}
        header = Header(
            file_id=os.urandom(16),
            kind="run",
            writers=(writer,),
            run=run,
            host=host_name(),
            wall=now_us(),
            version=__version__,
        )
        self._seed = header.seed
        self._file = open(path, "xb")  # noqa: SIM115  (closed by close())
        self._file.write(encode_header(header))

    def _keep(self, first: int, last: int, body: bytes) -> None:
        self._file.write(encode_frame(self._seed, first, last, body))

    def column(self, key: str, steps: I64, times: I64, values: F64) -> None:
        """Write points of one key, all of shape (n,), and add them to its checksums.

        Raises:
            OSError: The disk refuses.
        """
        if not len(steps):
            return
        steps, times = np.ascontiguousarray(steps), np.ascontiguousarray(times)
        values = np.ascontiguousarray(values)
        self.checks.setdefault(key, Check()).add(steps, times, values)
        super().column(key, steps, times, values)

    def close(self) -> None:
        """Write what waits, and close the file.

        Raises:
            OSError: The disk refuses.
        """
        if not self._file.closed:
            self.flush()
            self._file.close()

    def discard(self) -> None:
        """Close the file without more, and remove it."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def differing(wanted: dict[str, Check], found: Iterable[tuple[str, Check]]) -> list[str]:
    """Keys whose points, as read back, are not those that were read from the source."""
    there = dict(found)
    return sorted(
        key for key in {*wanted, *there} if wanted.get(key, Check()) != there.get(key, Check())
    )
