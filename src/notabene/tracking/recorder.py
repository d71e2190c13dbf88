"""The part of a run that writes: the way of a number, the end, workers."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notabene._ids import steady_us
from notabene.errors import ConflictError, TransportError, UsageError
from notabene.journal.folder import StoreFolder
from notabene.journal.ring import MAX_ROW_KEYS, RingFullError, WideRowError
from notabene.journal.writer import Writer
from notabene.model.records import (
    AnyRecord,
    ConfigChanged,
    EndStatus,
    HealthNoted,
    Heartbeat,
    SummaryChanged,
    ValueLogged,
    WriterFinished,
)
from notabene.settings import Settings
from notabene.tracking import context
from notabene.tracking.arrays import as_number
from notabene.tracking.config import Config
from notabene.tracking.guard import TROUBLE, Guard, guarded, quietly
from notabene.tracking.keys import flat_items
from notabene.tracking.names import untell_children
from notabene.tracking.plain import flatten, text_of
from notabene.tracking.summary import Summary

if TYPE_CHECKING:
    from notabene.artifacts.local import LocalBlobs
    from notabene.model.values import Blob
    from notabene.tracking.attendance import Attendance
    from notabene.tracking.media import Media

GOALS = ("min", "max")
SUMMARIES = ("last", "min", "max", "mean", "best", "first", "none")


class Recorder:
    """Takes what a program logs to one run and brings it to the run's journal.

    :class:`~notabene.tracking.run.Run` adds the verbs; its text says what is promised.
    """

    url: str | None = None

    def __init__(
        self,
        *,
        id: str,
        name: str,
        project: str,
        writer: Writer | None,
        folder: StoreFolder | None,
        path: Path | None,
        guard: Guard,
        rank: int = 0,
        user: str = "",
    ) -> None:
        self.id = id
        self.name = name
        self.project = project
        self.path = path
        self.rank = rank
        self.user = user
        self.folder = folder
        self.guard = guard
        self.outer = context.current_run()
        self.active = True
        self.status: str = "running"
        self.spent_us = 0
        """CPU time taken beside the writer's threads: beginning, capture."""
        self.config = Config(on_change=self._config_changed, on_note=guard.note)
        self.summary = Summary(lookup=self._last_value, on_change=self._summary_changed)
        self.attendance: Attendance | None = None
        self.opened_blobs: LocalBlobs | None = None
        self._opening = threading.Lock()
        self._writer: Writer | None = None
        self._last: dict[str, tuple[int, float]] = {}
        self._steps: dict[str, int] = {}
        self._lock = threading.RLock()
        self._lost_after_end = 0
        self._bind(writer)

    def _bind(self, writer: Writer | None) -> None:
        self._writer = writer
        self._began = steady_us()
        # The ring's own method, so that a call of log() is two Python calls in all.
        self._row: Callable[[Any, Any], None] = _nowhere if writer is None else writer.ring.row

    # -- logging ---------------------------------------------------------------------------

    def log(self, data: Mapping[str, Any], *, step: int | None = None) -> None:
        """Log values of one step; about a microsecond for numbers.

        Args:
            data: Values by key. Numbers and whatever has ``__float__`` (scalars of torch,
                numpy, jax) become points of a series. Nested mappings become keys with a
                slash. ``Image``, ``Table``, figures, texts ... are kept with the step.
            step: The step; default is one above the largest step logged so far by this
                process. It may go back: nothing is refused because it is late.

        Raises:
            UsageError: ``data`` is no mapping, or a key is no text.
        """
        try:
            self._row(data, step)
        except TROUBLE as error:
            self._log_slowly(data, step, error)

    @property
    def writer(self) -> Writer | None:
        """What brings rows home; None where nothing is recorded."""
        return self._writer

    def replace_row(self, row: Callable[[Any, Any], None]) -> None:
        """Have rows of numbers taken by something else, in this process."""
        self._row = row

    def _log_slowly(self, data: Any, step: Any, error: Exception) -> None:
        """All that is not a plain row of numbers in an open run."""
        if not isinstance(data, Mapping):
            raise UsageError(
                f"log() takes a mapping of names to values, not {type(data).__name__}",
                hint="run.log({'loss': 0.3})",
            )
        if isinstance(error, UsageError):
            raise error
        if not self.active:
            self._log_after_end(len(data))
            return
        writer = self._ensure_writer()
        if writer is None:
            return
        if isinstance(error, RingFullError):
            writer.row_when_full(data, step, str(error))
        elif isinstance(error, WideRowError):
            self._log_wide(writer, data, step)
        else:
            self._log_mixed(writer, data, step)

    @guarded
    def _log_wide(self, writer: Writer, data: Mapping[str, Any], step: Any) -> None:
        """More keys than one slot takes: pieces of one step, each as fast as any row."""
        at, items = self._whole_step(writer, step), iter(data.items())
        while piece := dict(islice(items, MAX_ROW_KEYS)):
            try:
                writer.row(piece, at)
            except TROUBLE:
                self._log_mixed(writer, piece, at)

    @guarded
    def _log_mixed(self, writer: Writer, data: Mapping[str, Any], step: Any) -> None:
        """Sort values into numbers and the rest; all of them get one step."""
        given = [(key, value, as_number(value)) for key, value in flat_items(data)]
        at = self._whole_step(writer, step)
        items = iter({key: number for key, _, number in given if number is not None}.items())
        while piece := dict(islice(items, MAX_ROW_KEYS)):
            writer.row(piece, at)
        # What is said of the others may raise, where warnings are errors: the numbers are home.
        for key, value, number in given:
            if number is not None:
                if isinstance(value, int) and math.isinf(number):
                    self.guard.note("large", f"{key!r} is beyond float64; kept as {number}")
            elif value is None:
                self.guard.note("none", f"log() got None for {key!r}; it was not kept")
            else:
                self._log_value(key, value, at)

    def _whole_step(self, writer: Writer, step: Any) -> int:
        if step is None:
            return writer.ring.next_step()
        number = as_number(step)
        if number is None or not math.isfinite(number) or abs(number) >= 2**63:
            self.guard.note(
                "step", f"{short_repr(step, 60)} is no step; the next free one was taken"
            )
            return writer.ring.next_step()
        if number != int(number):
            self.guard.note("step", f"the step {step!r} is no whole number; cut to {int(number)}")
        at = int(step) if isinstance(step, int) else int(number)
        writer.ring.see_step(at)
        return at

    def _log_value(self, key: str, value: Any, step: int) -> None:
        from notabene.tracking.media import as_value

        media = as_value(value)
        if media is None:
            self.guard.note(
                "unknown-value",
                f"log() cannot keep a {type(value).__name__} ({key!r}); its repr was kept as text",
            )
            media = as_value(text_of(value))
        if media is not None:
            self.put_value(key, media, step)

    def _log_after_end(self, count: int, what: str = "log()") -> None:
        self._lost_after_end += count
        self.guard.note(
            f"{what.removesuffix('()')}-after-finish",
            f"{what} was used after run {self.name!r} had finished; nothing was kept",
        )

    # -- what the run is -------------------------------------------------------------------

    def record(self, record: AnyRecord) -> bool:
        """Write one record of any type; False when the run is closed or has no room."""
        writer = self._ensure_writer()
        return writer is not None and self.active and writer.record(record)

    def say(self, what: str, record: AnyRecord) -> None:
        """Write what a call says about the run; one that comes too late is counted and noted."""
        if self.active:
            self.record(record)
        else:
            self._log_after_end(1, what)

    def record_stamped(self, record: AnyRecord) -> tuple[int, str, int] | None:
        """Write one record and give its (time, writer, sequence); None when it was not kept."""
        writer = self._ensure_writer()
        return None if writer is None or not self.active else writer.record_stamped(record)

    @property
    def writer_id(self) -> str:
        """Id of this process's writer; empty where there is none."""
        return "" if self._writer is None else self._writer.id

    def keep_blobs(self, blobs: Iterable[Blob]) -> None:
        """Put content into the store; the record that names it comes after.

        Raises:
            NotabeneError: It could not be kept; never a UsageError, since log() may raise that
                for a wrong call alone.
        """
        store = self.blobs
        if store is None:
            return
        try:
            for blob in blobs:
                if blob.data is not None:
                    store.put(blob.data)
                elif blob.path is not None:
                    store.put_file(Path(blob.path))
        except UsageError as error:
            raise TransportError(error.message, hint=error.hint) from error

    # -- the end ---------------------------------------------------------------------------

    def finish(
        self,
        status: EndStatus = "finished",
        *,
        reason: str = "",
        exit_code: int | None = None,
        traceback: str = "",
        last_lines: str = "",
        timeout: float = 5.0,
    ) -> None:
        """End the run; a second call does nothing. Takes at most ``timeout`` seconds.

        Raises:
            UsageError: ``status`` is not finished, failed, stopped or killed, or ``exit_code`` is
                no number.
        """
        if status not in ("finished", "failed", "stopped", "killed"):
            raise UsageError(
                f"a run cannot end as {short_repr(status, 60)}; allowed are finished, failed and "
                "stopped"
            )
        if exit_code is not None and not isinstance(exit_code, int):
            raise UsageError(f"exit_code={short_repr(exit_code, 60)} is no whole number")
        with self._lock:
            if not self.active:
                return
            self.status = status
            attendance, writer = self.attendance, self._writer
            if attendance is not None:
                quietly(lambda: attendance.stop(timeout / 2))
                if status != "finished" and not last_lines:
                    last_lines = attendance.last_lines()
            if writer is not None:
                end = WriterFinished(
                    status=status,
                    exit_code=exit_code,
                    reason=str(reason or "")[:1000],
                    traceback=str(traceback or "")[-16_000:],
                    last_lines=str(last_lines or "")[-16_000:],
                    took_us=steady_us() - self._began,
                )
                quietly(lambda: writer.record(Heartbeat(cpu_us=writer.cpu_us + self.spent_us)))
                quietly(lambda: writer.record(end))
            self.active = False
            self._row = _closed
            context.leave(self)
            untell_children(self.id)
            begun = time.monotonic()
            kept = writer is None or writer.close(timeout=timeout)
            if attendance is not None:
                attendance.ended(kept, time.monotonic() - begun)

    def flush(self) -> bool:
        """Bring all that was logged so far into the journal; False when the disk refused."""
        return self._writer is None or self._writer.flush()

    @property
    def blobs(self) -> LocalBlobs | None:
        """Where the run's bytes go; None in mode ``disabled``."""
        if self.opened_blobs is None and self.folder is not None:
            from notabene.artifacts.open import store_blobs

            with self._opening:  # threads that capture come at once; a second one would stay open
                if self.opened_blobs is None:
                    self.opened_blobs = store_blobs(self.folder, Settings().artifacts)
        return self.opened_blobs

    def let_others_in(self, stack: ExitStack, patience: float) -> None:
        """In a signal handler that ends the process, before another thread ends the run.

        The call that was interrupted may be in the ring, where the end is to be written.
        """
        if self._writer is not None:
            stack.enter_context(self._writer.ring.interrupted(patience))

    # -- workers ---------------------------------------------------------------------------

    def forked(self) -> None:
        """In a forked child: let go of the parent's writer; the first log makes a new one."""
        self._lock = threading.RLock()
        self._opening = threading.Lock()
        if self._writer is not None:
            self._writer.abandon()
            self._bind(None)
            self._row = _forked
        if self.attendance is not None:
            self.attendance.forked()

    def become_worker(self) -> None:
        """Write to the run from a process that did not begin it, from the first log on."""
        self._row = _forked

    def _ensure_writer(self) -> Writer | None:
        if self._writer is None and self._row is _forked and self.attendance is not None:
            with self._lock:
                if self._writer is None:
                    quietly(self._join_as_worker)
        return self._writer

    def _join_as_worker(self) -> None:
        assert self.attendance is not None
        self._bind(self.attendance.worker_writer())

    # -- callbacks -------------------------------------------------------------------------

    def _config_changed(self, changed: dict[str, Any], removed: tuple[str, ...]) -> None:
        for part in _parts(self._without_secrets(changed)):
            self.say("config", ConfigChanged(set=part))
        if removed:
            self.say("config", ConfigChanged(removed=removed))

    def _without_secrets(self, cells: dict[str, Any]) -> dict[str, Any]:
        """Config for the record: what is named like a password stays in the process."""
        from notabene.capture.secrets import HIDDEN, Redactor

        redactor, out = Redactor(), dict(cells)
        for key, value in cells.items():
            if redactor.is_secret(key.rpartition(".")[2], value):
                out[key] = HIDDEN
                text = f"the config value {key!r} is not recorded: it is named like a secret"
                self.guard.note("secret", text, mild=True)
        return out

    def _summary_changed(self, changed: dict[str, Any], removed: tuple[str, ...]) -> None:
        for part in _parts(changed):
            self.say("summary", SummaryChanged(set=part))
        if removed:
            self.say("summary", SummaryChanged(removed=removed))

    def _last_value(self, key: str) -> float | None:
        writer = self._writer
        return None if writer is None else writer.last_value(key)

    def headline(self, most: int = 8) -> dict[str, Any]:
        """A few results by name: what was set in the summary, and last values of metrics."""
        found: dict[str, Any] = dict(self.summary.as_dict())
        if self._writer is not None:
            for key, value in self._writer.last_values().items():
                if not key.startswith("system/"):
                    found.setdefault(key, value)
        return dict(list(found.items())[:most])

    def logged(self) -> dict[str, Any]:
        """The config as the record has it, flat."""
        return self._without_secrets(flatten(self.config.as_dict()))

    def report_health(self, code: str, message: str, count: int) -> None:
        """Write a count of the guard into the run's record."""
        if self.active:
            quietly(lambda: self.record(HealthNoted(code=code, message=message, count=count)))

    def require_active(self, verb: str) -> None:
        """Refuse a call that says what the run is, once it is over.

        Raises:
            ConflictError: The run has finished.
        """
        if not self.active:
            raise ConflictError(
                f"{verb}() was called after run {self.name!r} had finished",
                hint="resume it with notabene.init(id=..., resume='must')",
            )

    def _log_media(self, key: str, step: int | None, make: Callable[[], Media]) -> None:
        """Keep what ``make`` makes; what cannot be made is data's fault, and noted."""
        if not self.active:
            self._log_after_end(1)
            return
        writer = self._ensure_writer()
        if writer is None:
            return
        try:
            value = make()
        except TROUBLE as error:
            self.guard.note("unknown-value", f"{key!r} was not kept: {error}", error=error)
        else:
            self.put_value(key, value, self._whole_step(writer, step))

    @guarded
    def put_value(self, key: str, value: Media, step: int) -> None:
        """Keep a value that is no number: bytes first, then the record that names them."""
        from notabene.tracking.keys import metric_name

        encoded = value.encode()
        if encoded.blobs:
            self.keep_blobs(encoded.blobs)
        name = metric_name(key, self.guard.note)
        self.record(ValueLogged(key=name, step=step, kind=encoded.kind, value=encoded.value))


def _nowhere(data: Any, _step: Any) -> None:
    """log() of a run in mode ``disabled``: checks the call, keeps nothing."""
    if not isinstance(data, Mapping):
        raise UsageError(f"log() takes a mapping of names to values, not {type(data).__name__}")


def _closed(_data: Any, _step: Any) -> None:
    raise ConflictError("the run has finished")


def _forked(_data: Any, _step: Any) -> None:
    raise ConflictError("this process has no writer yet")


def short_repr(value: Any, most: int = 65_536) -> str:
    """``repr`` of anything, cut at so many characters; never fails."""
    text = ""

    def make() -> None:
        nonlocal text
        text = repr(value)

    if quietly(make) is not None:
        text = f"<{type(value).__name__} whose repr fails>"
    return text if len(text) <= most else text[:most] + "..."


def _parts(cells: dict[str, Any], most: int = 500) -> Iterable[dict[str, Any]]:
    """Cells in pieces that fit into a record each."""
    size, part = 0, dict[str, Any]()
    for key, value in cells.items():
        weight = len(str(value)) + len(key)
        if part and (len(part) >= most or size + weight > 200_000):
            yield part
            part, size = {}, 0
        part[key] = value
        size += weight
    if part:
        yield part
