"""The one shape of all integrations: a library's events become calls of a run.

A library's function is wrapped with a :class:`Recipe`, which says what to log when the function
begins and ends; the :class:`Fit` it is handed takes it to the run. Only the outermost function of
a thread is recorded: what it calls belongs to it. Nothing here raises into the library, draws a
random number that it would draw, or touches what it is given.

This is all of notabene that an integration sees.
"""

from __future__ import annotations

from notabene.integrations._calls import Recipe, apart, chosen, open_fit, put, wrapped_by
from notabene.integrations._care import attempt, save_tensors, simple, subclasses, undisturbed
from notabene.integrations._fit import Fit, begin_run, end_run, reopened
from notabene.integrations._through import through
from notabene.tracking.autolog import Switch, expect
from notabene.tracking.context import current_run, hushed, need_run
from notabene.tracking.describing import described
from notabene.tracking.guard import quietly
from notabene.tracking.media import Histogram
from notabene.tracking.models import Kept, keep

__all__ = [
    "Fit",
    "Histogram",
    "Kept",
    "Recipe",
    "Switch",
    "apart",
    "attempt",
    "begin_run",
    "chosen",
    "current_run",
    "described",
    "end_run",
    "expect",
    "hushed",
    "keep",
    "need_run",
    "open_fit",
    "put",
    "quietly",
    "reopened",
    "save_tensors",
    "simple",
    "subclasses",
    "through",
    "undisturbed",
    "wrapped_by",
]
