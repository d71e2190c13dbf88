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
from pathlib import Path
from typing import Any

from notabene._ids import now_us
from notabene.capture.secrets import Redactor
from notabene.capture.transcript import DEFAULT_LIMIT, Stream, Transcript

MAX_QUEUE = 4 << 20
"""Characters that may wait for the next drain; beyond it the oldest are dropped and counted."""

MAX_WRITE = 1 << 20
_NAMES: tuple[tuple[str, Stream], ...] = (("stdout", "o"), ("stderr", "e"))

Printed = str | bytes
Listener = Callable[[Stream, Printed], None]


class Console:
    """Keeps what a process prints.

    Threads may print at any time; one thread at a time drains, and one that comes while
    another does goes away again. In a forked child the console is stopped and empty: what
    waits is the parent's to write, and so are its files; the child may make one of its own.

    Args:
        path: The first file, ``<writer>.console.zst``; None keeps the last lines in memory only.
        limit: Bytes that the files may take together; the middle of more is dropped.
        secrets: Further names whose values are hidden.
    """

    def __init__(
        self, path: Path | None, *, limit: int = DEFAULT_LIMIT, secrets: tuple[str, ...] = ()
    ) -> None:
        self._transcript = Transcript(path, limit=limit, redactor=Redactor(secrets))
        self._listener: Listener = self._hear
        self._taps: list[_Tap] = []
        self._clear()

    def _clear(self) -> None:
        self._queue: deque[tuple[Stream, Printed, int]] = deque()
        self._size = 0
        self._lost: dict[Stream, int] = {"o": 0, "e": 0}
        self._lock = threading.Lock()
        self._decoders: dict[Stream, codecs.IncrementalDecoder] = {}

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

    def stop(self) -> None:
        """Stop listening; streams nobody listens to any more are as they were."""
        for tap in self._taps:
            tap.discard(self._listener)
        self._taps = []
        _running.discard(self)

    def drain(self, *, everything: bool = False) -> None:
        """Fold and write what was printed; to be called about each half second.

        Args:
            everything: Also lines that keep changing and are not due yet.
        """
        if self._lock.acquire(blocking=False):
            try:
                self._drain(everything)
            finally:
                self._lock.release()

    def close(self, timeout: float = 1.0) -> None:
        """Stop listening and write what is left, unless another thread is at it for longer than
        ``timeout`` seconds. A second call does nothing."""
        self.stop()
        if self._lock.acquire(timeout=timeout):
            try:
                self._drain(True)
            finally:
                self._lock.release()

    def last_lines(self, most: int = 40) -> list[str]:
        """The last lines, without colours and secrets: at most ``most``, and 200."""
        self.drain(everything=True)
        return self._transcript.last_lines(most)

    def forked(self) -> None:
        """Stop and forget everything, as happens by itself in a forked child."""
        self._clear()
        self.stop()
        self._transcript = Transcript(None)

    def _hear(self, stream: Stream, data: Printed) -> None:
        size = len(data)
        if size > MAX_WRITE:
            self._lost[stream] += size - MAX_WRITE
            data, size = data[-MAX_WRITE:], MAX_WRITE
        self._queue.append((stream, data, now_us()))
        self._size += size
        while self._size > MAX_QUEUE:
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

    Text on its way through the stream passes ``buffer.write`` once more; writers mark it by
    thread, so that only what is written to the buffer directly is heard there.
    """

    def __init__(self, target: Any, stream: Stream) -> None:
        self.target = target
        self._stream = stream
        self._listeners: tuple[Listener, ...] = ()
        self._inside = threading.local()
        self._before: list[tuple[Any, str, Any, Any]] = []

    def add(self, listener: Listener) -> None:
        """Tell a listener of what is written."""
        self._listeners = (*self._listeners, listener)

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
        target, buffer = self.target, getattr(self.target, "buffer", None)
        self._wrap(target, "write", self._text_writer(target.write))
        if buffer is None:
            return
        try:
            self._wrap(buffer, "write", self._bytes_writer(buffer.write))
            self._wrap(target, "flush", self._passing(target.flush))
        except (AttributeError, TypeError):
            return  # then bytes written to the buffer are not heard

    def _wrap(self, target: Any, name: str, wrapper: Callable[..., Any]) -> None:
        before = getattr(target, "__dict__", {}).get(name)
        setattr(target, name, wrapper)
        self._before.append((target, name, before, wrapper))

    def _restore(self) -> bool:
        """Take the wrappers away; False where somebody wrapped them in turn: they stay."""
        if any(vars(target).get(name) is not w for target, name, _, w in self._before):
            return False
        for target, name, before, _ in self._before:
            if before is None:
                delattr(target, name)
            else:
                setattr(target, name, before)
        self._before = []
        return True

    def _text_writer(self, write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def tapped(text: Any, /) -> Any:
            if isinstance(text, str):
                for listener in self._listeners:
                    listener(self._stream, text)
            return passing(text)

        passing = self._passing(write)
        return tapped

    def _bytes_writer(self, write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def tapped(data: Any, /) -> Any:
            if self._listeners and not getattr(self._inside, "depth", 0):
                for listener in self._listeners:
                    listener(self._stream, bytes(data))
            return write(data)

        return tapped

    def _passing(self, method: Callable[..., Any]) -> Callable[..., Any]:
        inside = self._inside

        def passing(*args: Any) -> Any:
            depth = getattr(inside, "depth", 0)
            inside.depth = depth + 1
            try:
                return method(*args)
            finally:
                inside.depth = depth

        return passing


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
