"""The classes and functions that write for TensorBoard, wrapped where they are loaded.

Those in Python give each event to a run's tap as they write it. Those of TensorFlow write in C++:
of them the tap learns the folder, and follows the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Protocol

from notabene.capture.watch.later import when_imported
from notabene.tracking.guard import quietly


class Listener(Protocol):
    """What is told of writers: a run's tap."""

    def heard(self, writer: Any, event: Any) -> None:
        """A writer was given an event."""

    def written_to(self, folder: str) -> None:
        """A writer was made whose file lies in this folder."""


listeners: list[Listener] = []
"""The last one is told."""
_wrapped: set[str] = set()


def wrap_writers() -> None:
    """Have the writers we know tell the newest listener, now or when they are imported."""
    for name, wrap in _WRITERS.items():
        if name not in _wrapped:
            _wrapped.add(name)
            when_imported(name, wrap)


def _tell(call: Callable[[Listener], None]) -> None:
    if listeners:
        quietly(partial(call, listeners[-1]))


def _event_writer(module: Any) -> None:
    """``EventFileWriter`` of TensorBoard, which torch uses as well, and of tensorboardX."""
    real = module.EventFileWriter.add_event

    @wraps(real)
    def add_event(self: Any, event: Any, *args: Any, **options: Any) -> Any:
        result = real(self, event, *args, **options)
        _tell(lambda listener: listener.heard(self, event))
        return result

    module.EventFileWriter.add_event = add_event


def _summary_writer(module: Any) -> None:
    """The operation behind ``tf.summary.create_file_writer``, by whatever name that was taken."""
    real = module.create_summary_file_writer

    @wraps(real)
    def create_summary_file_writer(writer: Any, logdir: Any, *args: Any, **options: Any) -> Any:
        # In a graph the folder is known when that is run, and not here.
        _tell(lambda listener: listener.written_to(os.fsdecode(logdir.numpy())))
        return real(writer, logdir, *args, **options)

    module.create_summary_file_writer = create_summary_file_writer


def _graph_writer(module: Any) -> None:
    """``tf.compat.v1.summary.FileWriter``."""
    real = module.EventFileWriter.__init__

    @wraps(real)
    def __init__(self: Any, logdir: Any, *args: Any, **options: Any) -> None:
        _tell(lambda listener: listener.written_to(os.fsdecode(logdir)))
        real(self, logdir, *args, **options)

    module.EventFileWriter.__init__ = __init__


_WRITERS: dict[str, Callable[[Any], None]] = {
    "tensorboard.summary.writer.event_file_writer": _event_writer,
    "tensorboardX.event_file_writer": _event_writer,
    "tensorflow.python.ops.gen_summary_ops": _summary_writer,
    "tensorflow.python.summary.writer.event_file_writer": _graph_writer,
}
