"""Seeding everything that draws numbers: ``seed``."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from typing import Any

from notabene.capture.watch import current
from notabene.capture.watch.generators import note_seed
from notabene.capture.watch.later import when_imported
from notabene.errors import UsageError
from notabene.settings import export
from notabene.tracking.context import current_run

MOST = (1 << 32) - 1
"""The largest seed that numpy's global generator takes."""


def seed(value: int | None = None, *, deterministic: bool = False) -> int:
    """Seed ``random``, numpy, torch, TensorFlow and polars, also those that are imported later.

    The seed is logged in the config of the current run, if there is one and it has no ``seed``.

    Args:
        value: 0 to 4,294,967,295; None draws one from the operating system.
        deterministic: Have torch, cuDNN and TensorFlow use only operations whose results do not
            hang on the order in which threads finish; slower, and an error where there is none.

    Returns:
        The seed.

    Raises:
        UsageError: It is no such number.
    """
    if value is None:
        value = int.from_bytes(os.urandom(4), "little")
    if type(value) is not int or not 0 <= value <= MOST:
        raise UsageError(f"{value!r} is no seed; it takes a whole number from 0 to {MOST:,}")
    watch = current()
    if watch is not None:
        value = int(note_seed(watch, "notabene", value, sys._getframe(1)))
    random.seed(value)
    number = value
    calls: dict[str, Callable[[Any], object]] = {
        "numpy.random": lambda module: module.seed(number),
        "torch": lambda module: _torch(module, number, deterministic),
        "polars": lambda module: module.set_random_seed(number),
        "tensorflow": lambda module: _tensorflow(module, number, deterministic),
    }
    if deterministic:
        # Read by cuBLAS when it is first used.
        export("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    for name, call in calls.items():
        when_imported(name, call)
    run = current_run()
    if run is not None and "seed" not in run.config:
        run.config.update({"seed": value})
    return value


def _torch(module: Any, value: int, deterministic: bool) -> None:
    module.manual_seed(value)
    if deterministic:
        module.use_deterministic_algorithms(True)
        module.backends.cudnn.benchmark = False


def _tensorflow(module: Any, value: int, deterministic: bool) -> None:
    module.random.set_seed(value)
    if deterministic:
        module.config.experimental.enable_op_determinism()
