"""What this process prints: sys.stdout and sys.stderr, kept without standing in their way.

The streams stay the objects they are: only their ``write`` is wrapped, on the instance, so that
whoever took hold of one earlier (a logging handler) is heard as well, and ``isatty``,
``encoding``, ``fileno`` and all else are untouched. A write costs an append to a queue;
folding, compressing and the disk are the business of whoever calls :meth:`Console.drain`. No
lock is taken where printing happens, so a signal handler may print at any time.

What C libraries and child processes print to the file descriptors is not heard here;
``notabene run`` hears it (:mod:`notabene.capture.pump`).
"""

from __future__ import annotations

import codecs
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from notabene._ids import now_us
from notabene._lazy import load
from notabene.capture.process import notebook_shell

if TYPE_CHECKING:
    from notabene.capture.transcript import Stream, Transcript

MAX_QUEUE = 4 << 20
"""Characters that may wait for the next drain; beyond it the oldest are dropped and counted."""

MAX_WAITING = 1 << 18
"""The same in a forked child that does not know yet whether its console is kept."""

MAX_WRITE = 1 << 20
_NAMES: tuple[tuple[str, Stream], ...] = (("stdout", "o"), ("stderr", "e"))

Printed = str | bytes
Listener = Callable[[Any, Printed], None]


class Console:
    """Keeps what a process prints.

    Threads may print at any time; one thread at a time drains, and one that comes while
    another does goes away again. In a forked child the console is empty: what waits is the
    parent's to write, and so are its files. It listens on, and keeps what it hears once
    :meth:`resume` gives it files of its own.

    Args:
        path: The first file, ``<writer>.console.zst``; None keeps the last lines in memory only.
        limit: Bytes that the files may take together; the middle of more is dropped.
        secrets: Further names whose values are hidden.
    """

    def __init__(
        self, path: Path | None, *, limit: int = 64 << 20, secrets: tuple[str, ...] = ()
    ) -> None:
        self._settings = (path, limit, secrets)
        self._made: Transcript | None = None
        self._waits = False
        """In a forked child, before it has files."""
        self._listener: Listener = self._hear
        self._before_cell = self._renew  # one object, by which IPython finds it again
        self._taps: list[_Tap] = []
        self._clear()

    def _clear(self) -> None:
        self._queue: deque[tuple[Stream, Printed, int]] = deque()
        self._size = 0
        self._lost: dict[Stream, int] = {"o": 0, "e": 0}
        self._lock = threading.Lock()
        self._decoders: dict[Stream, codecs.IncrementalDecoder] = {}

    @property
    def _transcript(self) -> Transcript:
        # Made at the first drain, on its thread: loading what it needs takes milliseconds.
        if self._made is None:
            load("zstandard", "notabene.capture.secrets", "notabene.capture.transcript")
            from notabene.capture.secrets import Redactor
            from notabene.capture.transcript import Transcript

            path, limit, secrets = self._settings
            self._made = Transcript(path, limit=limit, redactor=Redactor(secrets))
        return self._made

    @property
    def bytes(self) -> int:
        """Bytes printed so far, as of the last drain."""
        return self._transcript.bytes

    @property
    def lines(self) -> int:
        """Lines printed so far, folded, as of the last drain."""
        return self._transcript.lines

    @property
    def dropped(self) -> int:
        """Printed bytes that are not kept."""
        return self._transcript.dropped

    def start(self) -> None:
        """Begin to listen; where a stream does not allow it, nothing happens."""
        for name, stream in _NAMES:
            tap = _tap(getattr(sys, name, None), stream)
            if tap is not None and tap not in self._taps:
                tap.add(self._listener)
                self._taps.append(tap)
        _running.add(self)
        self._events("register")

    def stop(self) -> None:
        """Stop listening; streams nobody listens to any more are as they were."""
        for tap in self._taps:
            tap.discard(self._listener)
        if self._taps:
            self._events("unregister")
        self._taps = []
        _running.discard(self)

    def drain(self, *, everything: bool = False) -> None:
        """Fold and write what was printed; to be called about each half second.

        Args:
            everything: Also lines that keep changing and are not due yet.
        """
        self._renew()
        if not self._waits and self._lock.acquire(blocking=False):
            try:
                self._drain(everything)
            finally:
                self._lock.release()

    def close(self, timeout: float = 1.0) -> None:
        """Stop listening and write what is left, unless another thread is at it for longer than
        ``timeout`` seconds. A second call does nothing."""
        self.stop()
        if not self._waits and self._lock.acquire(timeout=timeout):
            try:
                self._drain(True)
            finally:
                self._lock.release()

    def last_lines(self, most: int = 40) -> list[str]:
        """The last lines, without colours and secrets: at most ``most``, and 200."""
        self.drain(everything=True)
        return self._transcript.last_lines(most)

    def forked(self) -> None:
        """Forget what is the parent's, as happens by itself in a forked child."""
        self._clear()
        self._settings, self._made = (None, *self._settings[1:]), None
        self._waits = True

    def resume(self, path: Path) -> None:
        """In a forked child: keep what it prints, and printed since the fork, in these files."""
        self._settings, self._waits = (path, *self._settings[1:]), False

    def _renew(self, *_: object) -> None:
        for tap in self._taps:
            tap.renew()

    def _events(self, what: Literal["register", "unregister"]) -> None:
        """Be called by IPython at the beginning of each cell."""
        events = getattr(notebook_shell(), "events", None)
        if events is not None:
            with suppress(AttributeError, ValueError):  # ValueError: it was not registered
                getattr(events, what)("pre_run_cell", self._before_cell)

    def _hear(self, stream: Stream, data: Printed) -> None:
        size = len(data)
        if size > MAX_WRITE:
            self._lost[stream] += size - MAX_WRITE
            data, size = data[-MAX_WRITE:], MAX_WRITE
        self._queue.append((stream, data, now_us()))
        self._size += size
        while self._size > (MAX_WAITING if self._waits else MAX_QUEUE):
            try:
                dropped, old, _ = self._queue.popleft()
            except IndexError:
                break
            self._size -= len(old)
            self._lost[dropped] += len(old)

    def _drain(self, everything: bool) -> None:
        for _ in range(len(self._queue)):
            try:
                stream, data, time = self._queue.popleft()
            except IndexError:
                break
            self._size -= len(data)
            self._note_lost(stream, time)
            self._transcript.feed(stream, self._text(stream, data), time)
        now = now_us()
        for _, stream in _NAMES:
            self._note_lost(stream, now)
        if not self._queue:
            self._size = 0  # threads may have miscounted it together
        self._transcript.flush(now, everything=everything)

    def _note_lost(self, stream: Stream, time: int) -> None:
        lost = self._lost[stream]
        if lost:
            self._lost[stream] = 0
            self._transcript.skip(stream, lost, time)

    def _text(self, stream: Stream, data: Printed) -> str:
        if isinstance(data, str):
            return data
        decoder = self._decoders.get(stream)
        if decoder is None:
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            self._decoders[stream] = decoder
        return decoder.decode(data)


class _Tap:
    """The wrapped methods of one stream object, and who listens to them.

    Others wrap ``write`` as well, and put back what they found: IPython does so around each
    cell. Therefore wrappers are put on top again where they are missing (:meth:`renew`), and
    what passes two of ours, or a buffer after its stream, is known by thread and heard once.
    """

    def __init__(self, target: Any, stream: Stream) -> None:
        self.target = target
        self._stream = stream
        self._listeners: tuple[Listener, ...] = ()
        self._passing = threading.local()
        self._layers = 0
        self._installed: list[tuple[Any, str, Any, Any]] = []

    def add(self, listener: Listener) -> None:
        """Tell a listener of what is written."""
        self._listeners = (*self._listeners, listener)
        self.renew()

    def discard(self, listener: Listener) -> None:
        """Tell it no more, and give the stream back when nobody listens."""
        self._listeners = tuple(x for x in self._listeners if x != listener)
        if not self._listeners and self._restore():
            _taps.pop(id(self.target), None)

    def install(self) -> None:
        """Wrap the methods.

        Raises:
            AttributeError: The object does not allow it.
            TypeError: Likewise.
        """
        self._wrap(self.target, "write", self._text_writer)
        buffer = getattr(self.target, "buffer", None)
        if buffer is None:
            return
        try:
            self._wrap(buffer, "write", self._bytes_writer)
            self._wrap(self.target, "flush", self._flusher)
        except (AttributeError, TypeError):
            return  # then bytes written to the buffer are not heard

    def renew(self) -> None:
        """Put the wrapper of ``write`` on top again, where somebody took it away or wrapped it."""
        if self._listeners and not self._on_top(self.target, "write"):
            with suppress(AttributeError, TypeError):
                self._wrap(self.target, "write", self._text_writer)

    def _wrap(self, target: Any, name: str, make: Callable[[Any], Any]) -> None:
        before = getattr(target, "__dict__", {}).get(name)
        wrapper = make(getattr(target, name))
        wrapper.tap = self
        setattr(target, name, wrapper)
        # The first one, which may stay below those of others, and the newest.
        same = [x for x in self._installed if x[0] is target and x[1] == name]
        self._installed = [x for x in self._installed if x not in same[1:]]
        self._installed.append((target, name, before, wrapper))

    def _on_top(self, target: Any, name: str) -> bool:
        return getattr(vars(target).get(name), "tap", None) is self

    def _restore(self) -> bool:
        """Take the wrappers away; False where somebody wrapped them in turn: they stay, mute."""
        left = []
        for target, name, before, wrapper in reversed(self._installed):
            if vars(target).get(name) is not wrapper:
                left.append((target, name, before, wrapper))
            elif before is None:
                delattr(target, name)
            else:
                setattr(target, name, before)
        self._installed = left[::-1]
        return not left

    def _text_writer(self, write: Callable[[Any], Any]) -> Any:
        passing = self._passing
        self._layers += 1
        layer = self._layers

        def tapped(text: Any, /) -> Any:
            outer = getattr(passing, "what", None)
            # A signal handler's text comes from the top again, the same text from a layer below.
            again = outer is not None and outer[1] is text and layer < outer[0]
            if isinstance(text, str) and not again:
                for listener in self._listeners:
                    listener(self._stream, text)
            passing.what = (layer, text)
            try:
                return write(text)
            finally:
                passing.what = outer

        return tapped

    def _bytes_writer(self, write: Callable[[Any], Any]) -> Any:
        def tapped(data: Any, /) -> Any:
            if self._listeners and getattr(self._passing, "what", None) is None:
                for listener in self._listeners:
                    listener(self._stream, bytes(data))
            return write(data)

        return tapped

    def _flusher(self, flush: Callable[[], Any]) -> Any:
        passing = self._passing

        def flushed() -> Any:
            outer = getattr(passing, "what", None)
            passing.what = outer or (0, None)
            try:
                return flush()
            finally:
                passing.what = outer

        return flushed


_taps: dict[int, _Tap] = {}
_running: weakref.WeakSet[Console] = weakref.WeakSet()


def _tap(target: Any, stream: Stream) -> _Tap | None:
    """The tap of a stream object, made at first use; None where it cannot be wrapped."""
    if target is None:
        return None
    tap = _taps.get(id(target))
    if tap is None:
        tap = _Tap(target, stream)
        try:
            tap.install()
        except (AttributeError, TypeError):
            return None
        _taps[id(target)] = tap
    return tap


def _after_fork() -> None:
    for console in list(_running):
        console.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
