"""The run: what a training program holds in its hand."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from notabene._ids import new_id
from notabene.errors import ConflictError, UsageError
from notabene.journal.folder import StoreFolder
from notabene.journal.ring import MAX_ROW_KEYS, RingFullError, WideRowError
from notabene.journal.writer import Writer
from notabene.model.records import (
    VERDICTS,
    AnyRecord,
    Concluded,
    ConfigChanged,
    EndStatus,
    HealthNoted,
    HypothesisStated,
    MetricDefined,
    NoteWritten,
    Renamed,
    SummaryChanged,
    TagsChanged,
    WriterFinished,
)
from notabene.model.refs import check_name
from notabene.tracking import context
from notabene.tracking.config import Config
from notabene.tracking.guard import TROUBLE, Guard, guarded, quietly
from notabene.tracking.keys import flat_items, tag_cells
from notabene.tracking.media import as_number, as_value
from notabene.tracking.summary import Summary
from notabene.tracking.verbs import Verbs

if TYPE_CHECKING:
    from notabene.artifacts.local import LocalBlobs
    from notabene.model.values import Blob
    from notabene.tracking.lifecycle import Attendance

GOALS = ("min", "max")
SUMMARIES = ("last", "min", "max", "mean", "best", "first", "none")


class Run(Verbs):
    """One experiment being recorded.

    Made by :func:`notabene.init`. A context manager: leaves ``failed`` on an exception. All
    methods may be called from any thread; ``log*`` never wait for a disk or a network, and
    raise only for wrong use. After ``fork`` the child logs into the same run by itself.

    Attributes:
        id: The run's id.
        name: Its name.
        project: Its project.
        config: Nested settings of the experiment; see :class:`Config`.
        summary: One value a key: what a reader should see first.
        path: Folder of the run in the store; None in mode ``disabled``.
        url: Its page, or None where no server is known.
        rank: This process's rank in a distributed job.
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
        self.config = Config({}, on_change=self._config_changed)
        self.summary = Summary(lookup=self._last_value, on_change=self._summary_changed)
        self.attendance: Attendance | None = None
        self.opened_blobs: LocalBlobs | None = None
        self._writer: Writer | None = None
        self._last: dict[str, tuple[int, float]] = {}
        self._steps: dict[str, int] = {}
        self._lock = threading.RLock()
        self._lost_after_end = 0
        self._bind(writer)

    def _bind(self, writer: Writer | None) -> None:
        self._writer = writer
        # The ring's own method, so that a call of log() is two Python calls in all.
        self._row = _nowhere if writer is None else writer.ring.row

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
            return
        self._log_mixed(writer, data, step)

    @guarded
    def _log_mixed(self, writer: Writer, data: Mapping[str, Any], step: Any) -> None:
        """Sort values into numbers and the rest; all of them get one step."""
        at = self._whole_step(writer, step)
        numbers: dict[str, float] = {}
        for key, value in flat_items(data):
            number = as_number(value)
            if number is not None:
                numbers[key] = number
            elif value is None:
                self.guard.note("none", f"log() got None for {key!r}; it was not kept")
            else:
                self._log_value(key, value, at)
        items = list(numbers.items())
        for begin in range(0, len(items), MAX_ROW_KEYS):
            self._put_row(writer, dict(items[begin : begin + MAX_ROW_KEYS]), at)

    def _put_row(self, writer: Writer, numbers: dict[str, float], step: int) -> None:
        try:
            writer.row(numbers, step)
        except WideRowError:
            for key, number in numbers.items():
                writer.row({key: number}, step)

    def _whole_step(self, writer: Writer, step: Any) -> int:
        if step is None:
            return writer.ring.next_step()
        number = as_number(step)
        if number is None or not math.isfinite(number) or abs(number) >= 2**63:
            self.guard.note("step", f"{step!r} is no step; the next free one was taken")
            return writer.ring.next_step()
        if number != int(number):
            self.guard.note("step", f"the step {step!r} is no whole number; cut to {int(number)}")
        at = int(step) if isinstance(step, int) else int(number)
        writer.ring.see_step(at)
        return at

    def _log_value(self, key: str, value: Any, step: int) -> None:
        media = as_value(value)
        if media is None:
            self.guard.note(
                "unknown-value",
                f"log() cannot keep a {type(value).__name__} ({key!r}); its repr was kept as text",
            )
            media = as_value(_short_repr(value))
        if media is not None:
            self.put_value(key, media, step)

    def _log_after_end(self, points: int) -> None:
        self._lost_after_end += points
        self.guard.note(
            "log-after-finish", f"log() was called after run {self.name!r} had finished"
        )

    # -- what the run is -------------------------------------------------------------------

    def record(self, record: AnyRecord) -> bool:
        """Write one record of any type; False when the run is closed or has no room."""
        writer = self._ensure_writer()
        return writer is not None and self.active and writer.record(record)

    def record_stamped(self, record: AnyRecord) -> tuple[int, str, int] | None:
        """Write one record and give its (time, writer, sequence); None when it was not kept."""
        writer = self._ensure_writer()
        return None if writer is None or not self.active else writer.record_stamped(record)

    @property
    def writer_id(self) -> str:
        """Id of this process's writer; empty where there is none."""
        return "" if self._writer is None else self._writer.id

    def keep_blobs(self, blobs: Iterable[Blob]) -> None:
        """Put content into the store; the record that names it comes after."""
        store = self.blobs
        for blob in blobs if store is not None else ():
            if blob.data is not None:
                store.put(blob.data)
            elif blob.path is not None:
                store.put_file(Path(blob.path))

    def define_metric(
        self,
        key: str,
        *,
        x: str | None = None,
        goal: Literal["min", "max"] | None = None,
        unit: str | None = None,
        summary: str | None = None,
    ) -> None:
        """Say how a metric is to be read.

        Args:
            key: The metric; ``val/*`` means all with that beginning.
            x: Metric to draw it over instead of the step.
            goal: Whether less (``min``) or more (``max``) is better; decides ``best``.
            unit: Shown at axes: ``s``, ``%``, ``GB``.
            summary: Which value stands for the run: last (default), min, max, mean, best,
                first or none.

        Raises:
            UsageError: A word that is not allowed.
        """
        key = check_name(key, "metric")
        if goal is not None and goal not in GOALS:
            raise UsageError(f"the goal {goal!r} is unknown; allowed are 'min' and 'max'")
        if summary is not None and summary not in SUMMARIES:
            raise UsageError(f"the summary {summary!r} is unknown; it is one of {SUMMARIES}")
        if summary == "best" and goal is None:
            raise UsageError("summary='best' needs goal='min' or goal='max'")
        self.record(
            MetricDefined(
                key=key,
                x=x or "",
                goal=goal or "",
                unit=unit or "",
                summary=summary or "",  # type: ignore[arg-type]  # checked above
            )
        )

    def set_tags(self, tags: Mapping[str, Any] | Iterable[str] | str) -> None:
        """Add tags: words, or names with values.

        Raises:
            UsageError: A tag is no text.
        """
        self.record(TagsChanged(set=tag_cells(tags)))

    def set_tag(self, name: str, value: Any = "") -> None:
        """Add one tag, with a value or without."""
        self.set_tags({name: value})

    def tag(self, *tags: str) -> None:
        """Add plain tags."""
        self.set_tags(tags)

    def remove_tag(self, *names: str) -> None:
        """Take tags away."""
        self.record(TagsChanged(removed=tuple(check_name(n, "tag") for n in names)))

    def note(self, text: str) -> str:
        """Write a note into the run's page of the notebook; returns its id.

        Raises:
            UsageError: The text is empty or no text.
        """
        note_id = new_id()
        self.record(NoteWritten(id=note_id, text=_text(text, "note"), author=self.user))
        return note_id

    def hypothesis(self, text: str) -> None:
        """State what the run is meant to show."""
        self.record(HypothesisStated(text=_text(text, "hypothesis")))

    def conclude(
        self, text: str, *, verdict: Literal["supported", "refuted", "unclear"] | None = None
    ) -> None:
        """Write down what the run showed.

        Raises:
            UsageError: The text is empty, or the verdict is another word.
        """
        if verdict is not None and verdict not in VERDICTS:
            raise UsageError(
                f"the verdict {verdict!r} is unknown; it is one of {', '.join(VERDICTS)}"
            )
        self.record(
            Concluded(text=_text(text, "conclusion"), verdict=verdict or "", author=self.user)
        )

    def rename(self, name: str) -> None:
        """Give the run another name."""
        self.name = check_name(name, "run name")
        self.record(Renamed(name=self.name))

    @property
    def health(self) -> dict[str, tuple[str, int]]:
        """What went wrong in the record so far: code to (message, how often)."""
        return dict(self.guard.health)

    # -- the end ---------------------------------------------------------------------------

    def finish(
        self,
        status: EndStatus = "finished",
        *,
        reason: str = "",
        exit_code: int | None = None,
        traceback: str = "",
        timeout: float = 5.0,
    ) -> None:
        """End the run; a second call does nothing. Takes at most ``timeout`` seconds.

        Raises:
            UsageError: ``status`` is not finished, failed, stopped or killed.
        """
        if status not in ("finished", "failed", "stopped", "killed"):
            raise UsageError(
                f"a run cannot end as {status!r}; allowed are finished, failed and stopped"
            )
        with self._lock:
            if not self.active:
                return
            self.status = status
            attendance, writer = self.attendance, self._writer
            last_lines = ""
            if attendance is not None:
                quietly(lambda: attendance.stop(timeout / 2))
                last_lines = attendance.last_lines() if status != "finished" else ""
            if writer is not None:
                end = WriterFinished(
                    status=status,
                    exit_code=exit_code,
                    reason=reason[:1000],
                    traceback=traceback[-16_000:],
                    last_lines=last_lines[-16_000:],
                )
                quietly(lambda: writer.record(end))
            self.active = False
            self._row = _closed
            context.leave(self)
            begun = time.monotonic()
            kept = writer is None or writer.close(timeout=timeout)
            if attendance is not None:
                attendance.ended(kept, time.monotonic() - begun)

    def end_run(self, status: EndStatus = "finished") -> None:
        """The same as :meth:`finish`."""
        self.finish(status)

    def __enter__(self) -> Run:
        context.use(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from notabene.tracking.lifecycle import ending_of

        if kind is None or error is None:
            self.finish()
        else:
            self.finish(**ending_of(error, trace))

    def flush(self) -> bool:
        """Bring all that was logged so far into the journal; False when the disk refused."""
        return self._writer is None or self._writer.flush()

    @property
    def blobs(self) -> LocalBlobs | None:
        """Where the run's bytes go; None in mode ``disabled``."""
        if self.opened_blobs is None:
            from notabene.tracking.attendance import blobs_of

            self.opened_blobs = blobs_of(self)
        return self.opened_blobs

    # -- workers ---------------------------------------------------------------------------

    def forked(self) -> None:
        """In a forked child: let go of the parent's writer; the first log makes a new one."""
        self._lock = threading.RLock()
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

    def __reduce__(self) -> tuple[Any, ...]:
        from notabene.tracking.init import attach

        return attach, (str(self.folder.root) if self.folder else "", self.id)

    # -- callbacks -------------------------------------------------------------------------

    def _config_changed(self, changed: dict[str, Any], removed: tuple[str, ...]) -> None:
        for part in _parts(changed):
            self.record(ConfigChanged(set=part))
        if removed:
            self.record(ConfigChanged(removed=removed))

    def _summary_changed(self, changed: dict[str, Any], removed: tuple[str, ...]) -> None:
        for part in _parts(changed):
            self.record(SummaryChanged(set=part))
        if removed:
            self.record(SummaryChanged(removed=removed))

    def _last_value(self, key: str) -> float | None:
        writer = self._writer
        return None if writer is None else writer.last_value(key)

    def report_health(self, code: str, message: str, count: int) -> None:
        """Write a count of the guard into the run's record."""
        if self.active:
            quietly(lambda: self.record(HealthNoted(code=code, message=message, count=count)))

    def __repr__(self) -> str:
        return f"<notabene run {self.project}/{self.name} {self.id} {self.status}>"

    def _repr_html_(self) -> str:
        from notabene.tracking.html import run_html

        return run_html(self)

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


def _nowhere(data: Any, step: Any) -> None:
    """log() of a run in mode ``disabled``: checks the call, keeps nothing."""
    if not isinstance(data, Mapping):
        raise UsageError(f"log() takes a mapping of names to values, not {type(data).__name__}")
    del step


def _closed(data: Any, step: Any) -> None:
    raise ConflictError("the run has finished")


def _forked(data: Any, step: Any) -> None:
    raise ConflictError("this process has no writer yet")


def _text(text: Any, what: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"a {what} must be a text that is not empty, not {_short_repr(text)}")
    return text.encode("utf-8", "replace").decode()


def _short_repr(value: Any) -> str:
    text = ""

    def make() -> None:
        nonlocal text
        text = repr(value)

    if quietly(make) is not None:
        text = f"<{type(value).__name__} whose repr fails>"
    return text if len(text) <= 65_536 else text[:65_536] + "..."


def _parts(cells: dict[str, Any], most: int = 500) -> Iterable[dict[str, Any]]:
    """Cells in pieces that fit into a record each."""
    items, size, part = list(cells.items()), 0, {}
    for key, value in items:
        weight = len(str(value)) + len(key)
        if part and (len(part) >= most or size + weight > 200_000):
            yield part
            part, size = {}, 0
        part[key] = value
        size += weight
    if part:
        yield part
