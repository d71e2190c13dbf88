"""Taking in a source: each run staged, read back, compared, and placed whole.

Killed at any moment, an import leaves whole runs or none of each, and its staging folder, which
the next one removes. Content is stored before what refers to it. A run that was imported before
gets one more journal file, created exclusively: of two imports at once one adds, and the other
finds it added.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from notabene._ids import now_us
from notabene.artifacts.files import is_orphan, storage_error, temp_name
from notabene.artifacts.local import LocalBlobs
from notabene.errors import IntegrityError, NotabeneError
from notabene.importers._base import Found, Report, RunReport, Source, reason_of, writer_id
from notabene.importers.draft import Draft, differing
from notabene.importers.feed import ChangedError, Feed, Interrupted, console_of
from notabene.importers.known import GENERATIONS, Check, Known, columns_of, read_known
from notabene.journal.file import sync_folder
from notabene.journal.folder import JOURNAL, StoreFolder
from notabene.journal.reader import JournalReader

Progress = Callable[[int, int], None]
"""Called with the bytes of the source done and in all."""

STAGING = ".import-"
BATCH = 500
"""Runs that are placed together, after one sync of the disk for all."""
BATCH_BYTES = 256 << 20
BATCH_SECONDS = 5.0
"""What may have to be read again where an import is killed."""
TRIES = 5


def take_in(
    folder: StoreFolder,
    blobs: LocalBlobs,
    source: Source,
    place: str,
    *,
    dry_run: bool = False,
    only: Callable[[Found], bool] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Import all runs of a source, or say what would be imported.

    Args:
        folder: The store.
        blobs: Its content.
        source: Where the runs come from.
        place: Its name for people.
        dry_run: Only list.
        only: Which of the runs.
        progress: Told of the bytes done and in all.

    Raises:
        NotabeneError: The source cannot be listed, or the store cannot be written to.
    """
    begun = time.process_time()
    report = Report(kind=source.kind, source=place, dry_run=dry_run)
    found = [one for one in source.find() if only is None or only(one)]
    taker = _Taker(folder, blobs, source, report, progress, sum(one.size for one in found))
    if dry_run:
        report.runs += [taker.look(one) for one in found]
    elif found:
        taker.take_all(found)
    report.notes += source.notes
    report.cpu = time.process_time() - begun
    return report


class _Staged:
    """A run that is ready to be placed."""

    def __init__(self, found: Found, folder: Path, month: str, report: RunReport) -> None:
        self.found, self.folder, self.month, self.report = found, folder, month, report
        self.size = sum(path.stat().st_size for path in folder.iterdir())


class _Taker:
    def __init__(
        self,
        folder: StoreFolder,
        blobs: LocalBlobs,
        source: Source,
        report: Report,
        progress: Progress | None,
        total: int,
    ) -> None:
        self.folder, self.blobs, self.source, self.report = folder, blobs, source, report
        self._tell, self._total, self._done = progress, total, 0
        self._here = {path.name: path for path in folder.run_dirs()}
        self._trash = _names(folder.trash / "runs")
        self._waiting: list[_Staged] = []
        self._placed = time.monotonic()

    def look(self, found: Found) -> RunReport:
        """What would become of a run."""
        report = _report(found)
        report.points = max(0, found.points)
        place = self._here.get(found.run)
        if found.run in self._trash:
            report.fate = "trash"
        elif place is not None:
            known = read_known(place, self.source.kind, found.run)
            report.fate = "same" if known.mark and known.mark == found.state else "more"
        return report

    def take_all(self, found: list[Found]) -> None:
        """Import runs, one after the other."""
        with _staging(self.folder.root) as staging:
            try:
                for one in found:
                    self.report.runs.append(self._take(one, staging))
                    late = time.monotonic() - self._placed > BATCH_SECONDS
                    if late or len(self._waiting) >= BATCH or self._weight() > BATCH_BYTES:
                        self._place()
            except BaseException:
                # Asked to stop: what is whole already need not be read again.
                with contextlib.suppress(OSError, NotabeneError):
                    self._place()
                raise
            self._place()

    def _weight(self) -> int:
        return sum(staged.size for staged in self._waiting)

    # -- one run ---------------------------------------------------------------------------

    def _take(self, found: Found, staging: Path) -> RunReport:
        report, before = _report(found), self._done
        for _ in range(TRIES):
            if found.run in self._trash:
                report.fate = "trash"
                break
            if self._attempt(found, staging, report):
                break
        else:
            report.fate = "failed"
            report.missed["others import it at the same time: import it again"] = 1
        self._step(before + found.size - self._done)
        return report

    def _attempt(self, found: Found, staging: Path, report: RunReport) -> bool:
        """Try to import a run; False where somebody else was first, and it is to be looked at
        again."""
        place = self._here.get(found.run)
        if place is None:
            return self._new(found, staging, report)
        # Nobody seals a run while a writer is at work on it.
        mine = f"import-{temp_name()[-12:]}"
        self.folder.mark_live(found.run, mine)
        added = False
        try:
            added = self._more(found, place, staging, report)
        finally:
            self.folder.unmark_live(found.run, mine, tell=added)
        return report.fate != "more" or added

    def _new(self, found: Found, staging: Path, report: RunReport) -> bool:
        if any(staged.found.run == found.run for staged in self._waiting):
            self._place()
            return False  # listed twice: the second adds to the first
        known = Known(writer=writer_id(self.source.kind, found.run), created=found.started)
        target = staging / found.run
        target.mkdir()
        draft = self._write(found, known, target / f"{known.writer}{JOURNAL}", report)
        if draft is None:
            shutil.rmtree(target, ignore_errors=True)
            return True
        began = known.created or now_us()
        month = time.strftime("%Y-%m", time.gmtime(min(began, 253402300799_000000) / 1e6))
        self._waiting.append(_Staged(found, target, month, report))
        return True

    def _more(self, found: Found, place: Path, staging: Path, report: RunReport) -> bool:
        """Add what is new to a run that is here; whether anything was added."""
        report.fate = "same"
        try:
            known = read_known(place, self.source.kind, found.run)
        except (OSError, NotabeneError) as error:
            report.fate = "failed"
            report.missed[f"the run is here, but cannot be read: {reason_of(error)}"] = 1
            return False
        if known.mark and known.mark == found.state:
            return False
        staged = staging / f"{found.run}.more"
        staged.unlink(missing_ok=True)
        draft = self._write(found, known, staged, report)
        if draft is None or not (draft.records or draft.points):
            return False
        name = _free(draft, known)
        _sync([staged])
        report.fate = "more"
        added = _link(staged, place / name)
        console = console_of(staged, draft.writer)
        if added and console.exists():
            os.replace(console, console_of(place / name, draft.writer))
            for number in range(GENERATIONS):  # it holds all that those before it held
                older = writer_id(self.source.kind, found.run, number)
                if older == draft.writer:
                    break
                console_of(place / name, older).unlink(missing_ok=True)
        sync_folder(place)
        return added

    def _write(self, found: Found, known: Known, path: Path, report: RunReport) -> Draft | None:
        """Write what is new of a run to a file, and compare it with what was read."""
        draft = self._fed(found, known, path, report)
        if draft is None:
            return None
        wrong = differing(draft.checks, _read_back(path).items())
        if wrong:
            raise IntegrityError(
                f"of {found.where} the points of {wrong[0]!r} are not what was read, once they "
                "were written and read back",
                hint="this is a fault of the disk or of notabene; please report it",
            )
        report.points = draft.points
        return draft

    def _fed(self, found: Found, known: Known, path: Path, report: RunReport) -> Draft | None:
        feed = Feed(self.folder, self.blobs, self.source.kind, found, self._step)
        try:
            try:
                return feed.run(known, path, self.source.read(found), report)
            except ChangedError:
                report.missed.clear()
                fresh = read_known(self._here[found.run], self.source.kind, found.run)
                again = fresh.after(self.source.kind, found.run)
                return feed.run(again, path, self.source.read(found), report)
        except Interrupted as stop:
            report.fate = "failed" if stop.args[0] else "empty"
            if stop.args[0]:
                report.missed[stop.args[0]] = 1
            return None
        except OSError as error:
            raise storage_error(error, f"import into {self.folder.root}") from error

    def _step(self, size: int) -> None:
        self._done += size
        if self._tell is not None and size:
            self._tell(self._done, self._total)

    # -- placing ---------------------------------------------------------------------------

    def _place(self) -> None:
        """Give the staged runs their places."""
        waiting, self._waiting = self._waiting, []
        self._placed = time.monotonic()
        if not waiting:
            return
        try:
            self.blobs.flush()
            _sync([path for staged in waiting for path in staged.folder.iterdir()])
            for staged in waiting:
                self._place_one(staged)
            for month in {staged.month for staged in waiting}:
                sync_folder(self.folder.runs / month)
        except OSError as error:
            raise storage_error(error, f"import into {self.folder.root}") from error

    def _place_one(self, staged: _Staged) -> None:
        run = staged.found.run
        target = self.folder.runs / staged.month / run
        target.parent.mkdir(parents=True, exist_ok=True)
        there = self.folder.find_run_dir(run, trash=True)
        if there is None:
            try:
                staged.folder.rename(target)
            except OSError:
                there = self.folder.find_run_dir(run, trash=True)
                if there is None:
                    raise
        self._here[run] = there or target
        if there is not None:  # another import was first: what it has not is added
            staged.report.points = staged.report.values = staged.report.artifacts = 0
            staged.report.missed.clear()
            again = staged.folder.parent / f"{run}.again"
            again.mkdir(exist_ok=True)
            for _ in range(TRIES):
                if self._attempt(staged.found, again, staged.report):
                    break


def _report(found: Found) -> RunReport:
    return RunReport(
        run=found.run,
        name=found.name,
        project=found.project,
        where=found.where,
        started=found.started,
        size=found.size,
    )


def _read_back(path: Path) -> dict[str, Check]:
    """Checksums of the points of a journal file that has just been written."""
    checks: dict[str, Check] = {}
    reader = JournalReader(path)
    while batches := reader.read():
        for batch in batches:
            if batch.points:
                spans = [(batch.first, batch.last)]
                row = batch.points, spans, reader.keysets[batch.writer]
                for key, _, steps, times, values in columns_of(row):
                    checks.setdefault(key, Check()).add(steps, times, values)
    if reader.damage is not None:
        raise IntegrityError(f"{path} is damaged right after it was written")
    return checks


@contextlib.contextmanager
def _staging(root: Path) -> Iterator[Path]:
    """A folder to write to, removed at the end; what dead imports left goes first."""
    for old in root.glob(f"{STAGING}*"):
        with contextlib.suppress(OSError):
            if is_orphan(old.name.removeprefix(STAGING), old.stat().st_mtime):
                shutil.rmtree(old, ignore_errors=True)
    place = root / f"{STAGING}{temp_name()}"
    try:
        place.mkdir(mode=0o700)
    except OSError as error:
        raise storage_error(error, f"write to {root}") from error
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _free(draft: Draft, known: Known) -> str:
    """Name of the file for what is new.

    It follows from the first sequence, so that of two imports one has it. A file that bears it
    already, and held nothing that could be read, is left as it is.
    """
    tail, n = "" if draft.first == 1 else f".{draft.first}", 1
    while (name := f"{draft.writer}{tail}{JOURNAL}") in known.files:
        n += 1
        tail = f".{draft.first}-{n}"
    return name


def _link(path: Path, target: Path) -> bool:
    """Give a file a name that nobody has; False where somebody has it."""
    try:
        os.link(path, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if target.exists():
            return False
        path.rename(target)
    return True


def _sync(paths: list[Path]) -> None:
    """Have the disk confirm files; of many with one call for all."""
    if len(paths) > 8 and hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _names(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()
