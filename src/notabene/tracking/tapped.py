"""Whether a run has a TensorBoard tap, and what makes it; loads nothing before it is wanted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notabene.settings import Settings
    from notabene.tracking.run import Run
    from notabene.tracking.tensorboard import Tap


def tap_for(
    run: Run,
    settings: Settings,
    wanted: bool | str | os.PathLike[str] | None,
    replaces: tuple[str, ...],
    joined: bool,
    program: bool,
) -> Callable[[], Tap] | None:
    """What makes the tap of a run; None where it has none.

    Args:
        run: The run.
        settings: For whether ``notabene run`` follows event files.
        wanted: As ``init(tensorboard=)`` was given.
        replaces: Writers whose later points a resumed run stands in for.
        joined: The run is that of the ``notabene run`` around this program: that one follows.
        program: The run is that of ``notabene run``, whose program is another process.
    """
    followed = settings["tensorboard"] and settings["observe"]
    if wanted is None:
        wanted = bool(program and followed)
    if not wanted or run.path is None or (joined and followed):
        return None
    path, folders = run.path, [] if wanted is True else [Path(wanted)]

    def make() -> Tap:
        from notabene.tracking.tensorboard import Tap

        if not program:
            return Tap(run, wrap=True, folders=folders, replaces=replaces)
        from notabene.tracking.observing import FOLDER

        return Tap(run, folders=folders, seen=path / FOLDER, replaces=replaces)

    return make
