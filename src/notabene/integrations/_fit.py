"""A fit on its way into a run."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notabene.integrations._care import simple, undisturbed
from notabene.tracking.autolog import Switch, version_of
from notabene.tracking.context import current_run
from notabene.tracking.describing import described
from notabene.tracking.init import attach, init
from notabene.tracking.models import Kept, keep

if TYPE_CHECKING:
    from notabene.tracking.run import Run

_fits: weakref.WeakKeyDictionary[Run, int] = weakref.WeakKeyDictionary()
_begun: weakref.WeakKeyDictionary[Run, int] = weakref.WeakKeyDictionary()
"""Runs that were begun for a fit, and in which thread."""
_beginning = threading.RLock()
"""Held until it is known whose a new run is: another thread may find it before that."""


def _after_fork() -> None:
    global _beginning
    _beginning = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Fit:
    """One fit on its way into a run.

    Attributes:
        run: The run: the current one, or one of its own.
        own: Whether it was begun for this fit, and ends with it.
        prefix: Before all names: empty for the first fit of a run, then ``fit2/`` ...
        signature: What it is given to learn from, by name.
        state: For the recipe to keep something in.
    """

    def __init__(self, switch: Switch, run: Run, *, own: bool) -> None:
        self.switch, self.run, self.own = switch, run, own
        number = _fits[run] = _fits.get(run, 0) + 1
        self.prefix = "" if number == 1 else f"fit{number}/"
        self.signature: dict[str, Any] = {}
        self.state: dict[str, Any] = {}

    @classmethod
    def begin(cls, switch: Switch, **options: Any) -> Fit:
        """In the current run, or in a new one, of these options of ``init``."""
        here = threading.get_ident()
        with _beginning:
            run = current_run()
            if run is not None and _begun.get(run, here) == here:
                return cls(switch, run, own=False)
            if run is not None:
                # The run of a fit in another thread may end before this one does.
                options.setdefault("parent", "")
            run = begin_run(switch.name, **options)
            _begun[run] = here
            return cls(switch, run, own=True)

    def params(self, values: Mapping[str, Any], section: str = "") -> None:
        """Settings, into the config; one that the user set otherwise is not written over."""
        cells = {str(key): simple(value) for key, value in values.items()}
        where = [part for part in (self.prefix.strip("/"), section) if part]
        if not where:
            known = self.run.config
            taken = {k: v for k, v in cells.items() if k in known and known[k] != v}
            known.update({k: v for k, v in cells.items() if k not in taken})
            cells, where = taken, [self.switch.name]
        for part in reversed(where):
            cells = {part: cells}
        if any(cells.values()):
            self.run.config.update(cells)

    def metrics(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Numbers; without a step each gets the next one of its name."""
        named = {f"{self.prefix}{key}": value for key, value in values.items()}
        if step is not None:
            self.run.log(named, step=step)
            return
        for key, value in named.items():
            self.run.log_metric(key, value)

    def curve(self, key: str, values: Sequence[Any]) -> None:
        """A list of numbers that the library kept, one a step."""
        for step, value in enumerate(values):
            self.run.log({f"{self.prefix}{key}": float(value)}, step=step)

    def table(self, key: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Columns of one length."""
        cells = {name: [simple(cell) for cell in column] for name, column in columns.items()}
        self.run.log_table(f"{self.prefix}{key}", data=cells)

    def importance(self, names: Sequence[Any], weights: Sequence[Any]) -> None:
        """How much each feature matters, most first."""
        pairs = sorted(zip(names, weights, strict=True), key=lambda pair: -float(pair[1]))
        columns = {"feature": [str(n) for n, _ in pairs], "importance": [w for _, w in pairs]}
        self.table("feature_importance", columns)

    def inputs(self, given: Mapping[str, Any], *names: str) -> None:
        """What a fit is given to learn from: its form and digest; what is None is not there."""
        for name in names:
            data = given.get(name)
            if data is not None:
                self.signature[name] = data if isinstance(data, dict) else described(data)
        self.params(self.signature, "input")

    def model(
        self, model: Any, save: Callable[[Any, Path], Kept], *, name: str = "", **facts: Any
    ) -> None:
        """Keep a model as an artifact, where models are wanted; it bears its own name, if it has
        one that is not made up, or that of its class.
        """
        if not self.switch.models:
            return
        kind = type(model)
        known = {
            "library": self.switch.name,
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "version": version_of(self.switch.name),
            "signature": self.signature,
        }
        given = getattr(model, "name", None)
        if not isinstance(given, str) or re.fullmatch(rf"{kind.__name__.lower()}(_\d+)?", given):
            given = kind.__name__
        with undisturbed():
            keep(self.run, name or given, lambda folder: save(model, folder), {**known, **facts})

    def end(self, error: BaseException | None = None) -> None:
        """Of a run of its own: finished, or failed with this error."""
        if self.own:
            end_run(self.run, error)


def begin_run(library: str, **options: Any) -> Run:
    """A run for a library, tagged with its name."""
    return init(**{"tags": {"autolog": library}, **options})


def end_run(run: Run, error: BaseException | None = None) -> None:
    """Finished, or failed with an error as its cause."""
    trace = None if error is None else error.__traceback__
    run.__exit__(None if error is None else type(error), error, trace)


@contextlib.contextmanager
def reopened(run: Run) -> Iterator[Run]:
    """A run that may have ended: one more writer puts something beside what it holds."""
    if run.active:
        yield run
        return
    if run.folder is None:
        again: Run | None = init(mode="disabled")
    else:
        again = attach(str(run.folder.root), run.id)
    if again is None:  # the run was removed meanwhile
        yield run
        return
    try:
        yield again
    finally:
        again.finish()
