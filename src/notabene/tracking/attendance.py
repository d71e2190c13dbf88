"""What goes on beside a run in its process: console, system metrics, capture, stop requests.

All of it happens on the writer's thread or in a short-lived one; nothing is waited for by the
training thread but :meth:`Attendance.start`, which does only what is cheap.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec

from notabene._ids import host_name, new_writer_id, now_us, process_start
from notabene._lazy import load
from notabene.journal.folder import CONSOLE, JOURNAL
from notabene.journal.mounts import is_container_layer
from notabene.journal.reader import JournalReader
from notabene.journal.recover import sweep
from notabene.model.records import (
    Captured,
    ConsoleNoted,
    StopRequested,
    WriterStarted,
    storable,
)
from notabene.tracking.guard import quietly
from notabene.tracking.writers import open_writer

if TYPE_CHECKING:
    from notabene.capture.cells import Cells
    from notabene.capture.console import Console
    from notabene.capture.launch import Launch
    from notabene.capture.part import Part
    from notabene.capture.snapshot import Capture
    from notabene.journal.writer import Writer
    from notabene.settings import Settings
    from notabene.tracking.observing import Observing
    from notabene.tracking.run import Run
    from notabene.tracking.tensorboard import Tap

LOOK_EVERY = 2.0
"""Seconds between looks for a stop request."""
LONG = 256 << 10
"""Bytes of JSON from which on a part of the record is content of its own."""
CELLS_EVERY = 30.0
"""Seconds between looks at what was executed in a notebook."""


class Attendance:
    """Everything around one run in one process."""

    def __init__(
        self,
        run: Run,
        writer: Writer | None,
        settings: Settings,
        job: Launch | None,
        capture: Capture,
        *,
        quiet: bool,
        continued: bool = False,
        joined: bool = False,
        epoch: int = 0,
        tap: Callable[[], Tap] | None = None,
    ) -> None:
        self._run = run
        self._writer = writer
        self._settings = settings
        self._job = job
        self._capture = capture
        self._quiet = quiet
        self._continued = continued
        self._joined = joined
        """The run was there before this writer."""
        self._began = time.monotonic()
        self._pid = os.getpid()
        self._console: Console | None = None
        self._noted = (0, 0)
        self._next_sample = self._began + min(1.0, settings["system_every"])
        self._next_look = self._began + LOOK_EVERY
        self._next_cells = self._began + CELLS_EVERY
        self._cells: Cells | None = None
        self._sampler: Any = None
        self._sampled = 0
        self._epoch = epoch or now_us()
        self._desk: dict[Path, int] = {}
        self._asked_to_stop = False
        self.on_stop: Callable[[], None] | None = None
        """What a stop request does, instead of a signal to this process."""
        self._capturing: threading.Thread | None = None
        self._over = False
        self._observing: Observing | None = None
        self._parts: dict[str, dict[str, Any]] = {}
        self._make_tap = tap
        self._tap: Tap | None = None

    @classmethod
    def of_worker(cls, run: Run, settings: Settings) -> Attendance:
        """For a worker of a run that another process began: only a writer."""
        from notabene.capture.snapshot import Capture

        return cls(run, None, settings, None, Capture.of(False), quiet=True, joined=True)

    # -- the beginning ---------------------------------------------------------------------

    def start(self) -> None:
        """Begin; costs a few milliseconds, the rest happens on other threads."""
        writer = self._writer
        if writer is None:
            return
        self._say_hello()
        if self._capture.console and self._settings["console"]:
            quietly(self._start_console)
        if self._capture.observes and self._settings["observe"]:
            quietly(self._start_observing)
        writer.ticks.append(self._tick)
        if self._make_tap is not None:
            quietly(self._start_tap)
        self._capturing = threading.Thread(
            target=self._capture_beside, name="notabene-capture", daemon=True
        )
        quietly(self._capturing.start)

    def _start_console(self) -> None:
        from notabene.capture.console import Console

        assert self._run.path is not None
        assert self._writer is not None
        console = Console(
            self._run.path / f"{self._writer.id}{CONSOLE}",
            limit=self._settings["console_limit"] << 20,
            secrets=self._capture.secrets,
        )
        console.start()
        self._console = console

    def _start_tap(self) -> None:
        assert self._make_tap is not None
        self._tap = self._make_tap()
        self._tap.start()

    def _start_observing(self) -> None:
        from notabene.capture.watch import current

        watch = None if self._capture.program else current()
        if watch is None and not self._capture.program:
            return
        from notabene.tracking.observing import Observing

        observing = Observing(self._run, self._capture, self._settings, watch)
        observing.parts_so_far = self._parts
        observing.say = None if self._quiet else (lambda line: _say(f"notabene: {line}"))
        observing.start()
        self._observing = observing

    def _capture_beside(self) -> None:
        quietly(self._capture_all)
        if self._over:  # the run did not wait for us, and what we opened since is ours to close
            quietly(self._close_blobs)

    def _capture_all(self) -> None:
        """Code, environment, hardware ... in the background; then what others left behind."""
        from notabene.capture.snapshot import snapshot

        if self._capture.code and not self._capture.program:
            quietly(self._follow_cells)
        for part in snapshot(self._capture, self._job):
            if self._over:
                return  # nobody takes it any more
            self._keep(part)
        self._run.spent_us += time.thread_time_ns() // 1000
        if self._run.folder is not None:
            sweep(self._run.folder)
        if self._observing is not None:
            quietly(self._observing.follow)

    def _follow_cells(self) -> None:
        load("notabene.capture.cells", "notabene.capture.secrets")
        from notabene.capture.cells import Cells
        from notabene.capture.secrets import Redactor

        self._cells = Cells(Redactor(self._capture.secrets))
        self._keep_cells(end=True)

    def _keep_cells(self, *, end: bool) -> None:
        """Record what was executed in a notebook, where there is one and something came."""
        part = None if self._cells is None else self._cells.part(end=end)
        if part is not None:
            self._keep(part)

    def _keep(self, part: Part) -> None:
        blobs, data = self._run.blobs, storable(part.data)
        self._parts[part.name] = data
        if part.files and blobs is not None:
            files = {storable(path): blobs.put(body) for path, body in part.files.items()}
            data = {**data, "files": files}
        if blobs is not None and len(whole := msgspec.json.encode(data)) > LONG:
            data = {"whole": blobs.put(whole)}
        self._run.record(Captured(part=part.name, data=data, facts=part.facts))

    def _keep_seen(self, observing: Observing) -> None:
        for part in observing.parts():
            self._keep_or_say(part.name, partial(self._keep, part))
        self._keep_or_say("check", lambda: self._keep(observing.judge(self._parts)))

    def _keep_or_say(self, part: str, keep: Callable[[], None]) -> None:
        """Keep a part; where that fails, the record says so, and the others go on."""
        failed = quietly(keep)
        if failed is not None:
            self._run.record(Captured(part=part, data={"failed": _named(failed)}))

    def for_program(self, environ: Mapping[str, str], **given: Any) -> dict[str, str]:
        """The environment for the program that ``notabene run`` starts; see ``Observing``."""
        if self._observing is None:
            return dict(environ)
        return self._observing.for_program(environ, **given)

    def take_inputs(
        self, files: Sequence[Path], frame: FrameType | None, *, snapshot: bool | None
    ) -> bool:
        """Files that are said to be inputs; False where inputs are not recorded."""
        if self._observing is None or not self._capture.data:
            return False
        return self._observing.take_inputs(files, frame, snapshot=snapshot)

    def capture_code(self) -> None:
        """Record the code as it is now (``run.log_code_version()``)."""
        from notabene.capture.snapshot import snapshot_code

        self._keep(snapshot_code(self._capture))
        self._keep_cells(end=True)

    # -- each tick of the writer's thread --------------------------------------------------

    def _tick(self) -> None:
        now = time.monotonic()
        self._drain()
        if self._tap is not None:
            quietly(self._tap.tick)
        every = self._settings["system_every"]
        if every and self._capture.hardware and now >= self._next_sample:
            self._next_sample = now + every
            quietly(self._sample)
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY
            quietly(self._look_for_stop)
        if now >= self._next_cells:
            self._next_cells = now + CELLS_EVERY
            quietly(lambda: self._keep_cells(end=False))

    def _drain(self) -> None:
        if self._console is not None:
            quietly(self._console.drain)

    def _sample(self) -> None:
        if self._sampler is None:
            from notabene.capture.hardware import Sampler

            self._sampler = Sampler()
        values = self._sampler.sample()
        if values and self._writer is not None:
            # Seconds since the run was created, so that a resumed run goes on behind its past.
            self._sampled += len(values)
            self._writer.ring.row_aside(values, max(0, (now_us() - self._epoch) // 1_000_000))

    def _look_for_stop(self) -> None:
        """Edits by people lie on the desk; one of them may ask this run to stop."""
        folder = self._run.folder
        if folder is None or self._asked_to_stop or not folder.desk.is_dir():
            return
        if self._capture.program and self.on_stop is None:
            return  # the program is about to begin: it is the one to end, and is told then
        for entry in os.scandir(folder.desk):
            path = Path(entry.path)
            size = entry.stat().st_size
            start = self._desk.get(path, 0)
            if path.suffix != JOURNAL or size <= start:
                continue
            if path not in self._desk and entry.stat().st_mtime_ns // 1000 < self._started_us:
                self._desk[path] = size
                continue
            reader = JournalReader(path, start=start)
            for batch in reader.all():
                for found in batch.entries:
                    if found.run == self._run.id and isinstance(found.record, StopRequested):
                        self._stop_on_request()
            self._desk[path] = reader.position

    @property
    def _started_us(self) -> int:
        return now_us() - int((time.monotonic() - self._began) * 1e6)

    def _stop_on_request(self) -> None:
        if not self._asked_to_stop:
            self._asked_to_stop = True
            # A shell script's background jobs ignore what Ctrl-C sends.
            ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            how = "SIGTERM" if ignored else "Ctrl-C"
            self._run.guard.note("stop", f"a stop was requested; the run ends as if by {how}")
            if self.on_stop is not None:
                self.on_stop()
            else:
                os.kill(os.getpid(), signal.SIGTERM if ignored else signal.SIGINT)

    # -- workers ---------------------------------------------------------------------------

    def worker_writer(self) -> Writer:
        """A writer for this forked or spawned process, on the same run."""
        run = self._run
        assert run.path is not None
        assert run.folder is not None
        sync = self._settings["sync"] != "never"
        writer = open_writer(run.path, run.id, new_writer_id(), run.rank, run.guard, sync=sync)
        pid = os.getpid()
        writer.record(
            WriterStarted(
                host=host_name(),
                pid=pid,
                pid_start=process_start(pid),
                user=run.user,
                rank=run.rank,
                role="worker",
            )
        )
        run.folder.mark_live(run.id, writer.id)
        self._writer = writer
        if self._console is not None:
            self._console.resume(run.path / f"{writer.id}{CONSOLE}")
            writer.ticks.append(self._drain)
        self._finish_with_multiprocessing()
        return writer

    def _finish_with_multiprocessing(self) -> None:
        """Forked workers leave through ``_exit``: only multiprocessing's own hook is called."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.Finalize(None, self._run.finish, exitpriority=100)

    def forked(self) -> None:
        """In a forked child: the parent's sampler and threads are not ours, nor its files.

        What the child prints is kept once it logs, by a writer of its own.
        """
        self._writer = None
        self._joined = True
        self._sampler = None
        self._capturing = None
        self._observing = None
        self._tap = None
        self._cells = None
        if self._console is not None:
            self._console.forked()

    # -- the end ---------------------------------------------------------------------------

    def stop(self, timeout: float) -> None:
        """Stop what runs beside; the console's end is kept."""
        if self._tap is not None:
            quietly(self._tap.stop)
        observing = self._observing
        if observing is not None:
            observing.stop()
        if self._capturing is not None and self._capturing is not threading.current_thread():
            self._capturing.join(min(1.0, timeout))
        if self._writer is not None:
            ours = (self._tick, self._drain)
            self._writer.ticks[:] = [tick for tick in self._writer.ticks if tick not in ours]
        quietly(lambda: self._keep_cells(end=True))
        if self._joined and observing is None:
            quietly(self._tell_parent)
        if observing is not None and self._writer is not None:
            self._keep_or_say("data", lambda: self._keep_seen(observing))
        console = self._console
        if console is not None and self._writer is None:
            console.stop()  # a forked child that logged nothing: nobody asked to keep it
        elif console is not None:
            console.close(timeout)
            self._run.record(
                ConsoleNoted(bytes=console.bytes, lines=console.lines, dropped=console.dropped)
            )
        self._over = True
        self._close_blobs()

    def _close_blobs(self) -> None:
        blobs = self._run.opened_blobs
        if blobs is not None:
            blobs.close()

    def _tell_parent(self) -> None:
        """Let the ``notabene run`` around this program know what it logged, and of which name."""
        from notabene.capture.watch import current

        watch, writer = current(), self._writer
        if watch is not None and watch.folder and writer is not None:
            logged = self._run.logged() if watch.how != "fork" else {}
            run = self._run
            watch.add("logged", logged, run.headline(), writer.points, run.name, run.project)

    def last_lines(self, most: int = 40) -> str:
        """The end of the console as text."""
        if self._console is None or self._writer is None:
            return ""
        return "\n".join(self._console.last_lines(most))

    def ended(self, kept: bool, seconds: float) -> None:
        """After the writer has closed: markers, the last line, compaction."""
        del seconds
        run = self._run
        if kept and run.folder is not None and self._writer is not None:
            run.folder.unmark_live(run.id, self._writer.id, tell=self._joined)
        if kept and self._may_seal():
            quietly(self._seal)
        if not self._quiet and self._pid == os.getpid() and self._job is not None:
            self._say_goodbye(kept)

    def _may_seal(self) -> bool:
        """Whether the run is this process's alone, and ended well."""
        alone = self._job is not None and self._job.world == 1 and self._pid == os.getpid()
        wanted = bool(self._settings["seal"])
        return alone and wanted and not self._joined and self._run.status == "finished"

    def _seal(self) -> None:
        from notabene.tracking.sealing import seal_at_end

        run, writer = self._run, self._writer
        if run.folder is not None and run.path is not None and writer is not None:
            seal_at_end(run.folder, run.path, run.id, writer.points)

    def _say_hello(self) -> None:
        if self._quiet or self._run.folder is None:
            return
        run, root = self._run, self._run.folder.root
        again = " (continued)" if self._continued else ""
        where = _tilde(root)
        if is_container_layer(root):
            where += ", on this container's own layer: the runs go when the container goes"
        _say(f"notabene: run {run.name} ({run.id[-6:]}) of {run.project}{again}, kept in {where}")

    def _say_goodbye(self, kept: bool) -> None:
        run = self._run
        took = _duration(time.monotonic() - self._began)
        points = 0 if self._writer is None else self._writer.points - self._sampled
        points += 0 if self._observing is None else self._observing.points
        points += 0 if self._tap is None else self._tap.points
        counted = f"{points:,} point{'s' * (points != 1)}"
        text = f"notabene: {run.name} {run.status} after {took}, {counted}"
        if not kept:
            text += "; the last of it waits in its ring and is read from there"
        verdict = None if self._observing is None else self._observing.verdict
        if verdict is not None and not verdict.same_as_before and _at_terminal():
            text += f"; {verdict.line()}; notabene check {run.id[-6:]}"
        elif run.guard.health:
            text += f"; {len(run.guard.health)} remark(s), see notabene show {run.id[-6:]}"
        else:
            text += f"; notabene show {run.id[-6:]}"
        _say(text)


def _tilde(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _at_terminal() -> bool:
    """Whether a person reads what is said."""
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError, OSError):
        return False


def _say(text: str) -> None:
    """One line to the person at the terminal; on stderr, so that pipes stay clean."""
    quietly(lambda: sys.stderr.write(text + "\n"))
