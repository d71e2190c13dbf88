"""Where in a store folder something may be new, found without going through all runs.

What a look costs must not grow with the store. So it goes by the names in ``live/`` and by what
showed life lately, and lists a month's folder only when the folder's time says that a run came
or went, and not even then where the runs in ``live/`` account for it. The times are kept in the
index, for whoever looks next.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import sqlalchemy as sa

from notabene._ids import now_us
from notabene.journal.folder import StoreFolder
from notabene.journal.mounts import is_local
from notabene.store import tables as t
from notabene.store.sqlbase import SqlBase

SCAN_EVERY = 600_000_000
"""µs after which all runs are looked at, for what slips through."""
WATCH = 600_000_000
"""µs for which a run that shows life is looked at without a mark in ``live``."""
SETTLED = 2 * 10**9
"""ns after which the time of a folder says for sure that nothing came since ..."""
SETTLED_FINE = 2 * 10**7
"""... on a local disk whose times are finer than a millisecond: two ticks of a slow kernel."""
LATE = 60 * 10**9
"""ns by which a marker may be seen late, over a network say."""
TRASH = "trash"
"""What stands for the month of runs in the trash."""

_LISTED = "SELECT json_group_array(run) FROM \"file\" WHERE name = '' AND note = ?"


class Month(msgspec.Struct, frozen=True):
    """A folder of runs in which something changed.

    Attributes:
        name: ``2026-11``, or ``trash``.
        path: The folder.
        came: Names of the runs to look at.
        went: Ids of runs that were there.
    """

    name: str
    path: Path
    came: list[str]
    went: list[str]


class Lookout:
    """Says which runs of a store folder are to be looked at.

    Args:
        folder: The store.
        store: Its index.
    """

    def __init__(self, folder: StoreFolder, store: SqlBase) -> None:
        self._folder = folder
        self._store = store
        self._fine = is_local(folder.root)
        self._full = False
        self._marks: dict[str, str] = {}
        self._kept: dict[str, str] = {}
        self._listed: dict[str, set[str]] = {}
        self._live: set[str] = set()
        self._wanted: set[str] = set()
        self._places: dict[str, Path] = {}

    def begin(self, *, full: bool, runs: Iterable[str]) -> bool:
        """Begin a look.

        Args:
            full: Whether all runs are to be looked at though that is not due.
            runs: Runs to look at in any case.

        Returns:
            Whether all runs are to be looked at.
        """
        marked, ended = self._folder.marked_runs()
        before, self._live = self._live, set(marked)
        self._kept = self._load()
        self._marks = dict(self._kept)
        told = int(self._marks.get("told", "0"))
        self._marks["told"] = str(max([told, *ended.values()]))
        # One that had a mark at the last look may have ended since, and have more to say.
        self._wanted = {*before, *self._live, *runs}
        self._wanted.update(run for run, at in ended.items() if at > told - LATE)
        self._full = full or now_us() - int(self._marks.get("scanned", "0")) >= SCAN_EVERY
        if self._full:
            self._listed.clear()
            self._marks["scanned"] = str(now_us())
        return self._full

    def end(self) -> None:
        """Note how far this look came, once all that it found is taken in."""
        if self._marks != self._kept:
            rows = sorted((f"look:{key}", value) for key, value in self._marks.items())
            with self._store.writing() as connection:
                columns = ("key", "value")
                self._store.database.put(connection, t.meta, columns, rows, conflict="update")

    def forget(self) -> None:
        """A look failed: what it listed does not count as taken in."""
        self._listed.clear()

    def missed(self, path: Path) -> None:
        """The folder of a run could not be read, or was empty still: look again."""
        self._listed.get(path.parent.name, set()).discard(path.name)
        self._marks.pop(path.parent.name, None)

    def _load(self) -> dict[str, str]:
        query = "SELECT key, value FROM meta WHERE key BETWEEN 'look:' AND 'look;'"
        with self._store.reading() as connection:
            rows = connection.exec_driver_sql(query).all()
        return {key.removeprefix("look:"): value for key, value in rows}

    # -- folders of runs -------------------------------------------------------------------

    def months(self) -> Iterator[Month]:
        """Folders in which a run came or went, or all; with their runs."""
        for month in self._folder.months():
            path = self._folder.runs / month
            found = self.changed(path, month)
            if self._full:
                yield self._listing(month, path)
            elif found is not None:
                yield self._begun(month, path, found.st_nlink) or self._listing(month, path)
        if self._full:
            yield self._listing(TRASH, self._folder.trash / "runs")

    def _begun(self, month: str, path: Path, links: int) -> Month | None:
        """A month where the runs in ``live`` are all that came, as the count of folders says.

        Each folder is a link to the one above, where a file system counts them.
        """
        known = self._listed.get(month)
        if known is None:
            return None
        came = {run for run in self._live - known if (path / run).is_dir()}
        if not came or links != 2 + len(known) + len(came):
            return None
        known |= came
        return Month(month, path, sorted(came), [])

    def _listing(self, month: str, path: Path) -> Month:
        """A month by the names in it."""
        here, known = names(path), self._listed.get(month)
        if known is None:
            with self._store.reading() as connection:
                listed = connection.exec_driver_sql(_LISTED, (month,)).scalar_one()
            known = set(msgspec.json.decode(listed, type=list[str]))
        if not self._full:
            self._listed[month] = here
        came = here if self._full else here - known
        return Month(month, path, sorted(came), sorted(known - here))

    def changed(self, path: Path, name: str) -> os.stat_result | None:
        """A folder that got or lost a name since the last look; notes its time.

        A time of just now is not noted: what comes in the same tick of the clock must not be
        missed.
        """
        try:
            found = path.stat()
        except OSError:
            return None
        mtime = found.st_mtime_ns
        if self._marks.get(name) == str(mtime):
            return None
        fine = self._fine and mtime % 1_000_000 != 0
        if now_us() * 1000 - mtime > (SETTLED_FINE if fine else SETTLED):
            self._marks[name] = str(mtime)
        return found

    # -- runs at work ----------------------------------------------------------------------

    def at_work(self) -> Iterator[tuple[str, Path]]:
        """Runs that may have grown: marked, marked at the last look, or showing life."""
        r = t.run.c
        # In this form the index of running runs serves it.
        query = sa.select(r.id).where(sa.text("status = 'running'"), r.alive > now_us() - WATCH)
        with self._store.reading() as connection:
            watched = set(connection.execute(query).scalars())
        places, self._places = self._places, {}
        for run in sorted(self._wanted | watched):
            place = places.get(run)
            if place is None or not place.is_dir():
                place = self._folder.find_run_dir(run, trash=True)
            if place is not None:
                self._places[run] = place
                yield run, place


def names(path: Path) -> set[str]:
    """Names in a folder, hidden ones left out; none where it cannot be read."""
    try:
        return {name for name in os.listdir(path) if not name.startswith(".")}
    except OSError:
        return set()
