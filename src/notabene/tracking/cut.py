"""Ending a rerun early: ``notabene reproduce --steps N`` needs no more than the first N steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from notabene.settings import environment

if TYPE_CHECKING:
    from notabene.tracking.run import Run

VARIABLE = "NOTABENE_STOP_AFTER"


def cut_short(run: Run) -> None:
    """Have a run end by itself, where the variable names the last step that is wanted.

    The program is left by ``SystemExit`` from the ``log()`` of the step after it.
    """
    last = environment().get(VARIABLE, "")
    writer = run.writer
    if not last.lstrip("-").isdigit() or writer is None:
        return
    row, limit = writer.ring.row, int(last)

    def limited(data: Any, step: Any) -> None:
        at = writer.ring.step + 1 if step is None else step
        if isinstance(at, int) and at > limit:
            run.finish()
            raise SystemExit(0)
        row(data, step)

    run.replace_row(limited)
