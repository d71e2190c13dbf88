"""Make a writer of a run in this process."""

from __future__ import annotations

import os
from pathlib import Path

from notabene._ids import boot_id, host_name, process_start
from notabene._version import __version__
from notabene.errors import UsageError
from notabene.journal.folder import JOURNAL
from notabene.journal.mounts import is_local, private_folder
from notabene.journal.segment import Header
from notabene.journal.writer import Writer
from notabene.tracking.guard import Guard
from notabene.tracking.keys import metric_names


def open_writer(
    run_dir: Path, run_id: str, writer_id: str, rank: int, guard: Guard, *, sync: bool
) -> Writer:
    """Make a writer of a run in this process, and start its thread.

    Raises:
        UsageError: The journal cannot be made.
    """
    _fill_standard_files()
    pid = os.getpid()
    header = Header(
        file_id=os.urandom(16),
        kind="run",
        writers=(writer_id,),
        ranks=(rank,),
        run=run_id,
        host=host_name(),
        boot=boot_id(),
        pid=pid,
        pid_start=process_start(pid),
        version=__version__,
    )
    own = private_folder(make=True)
    aside = [] if own is None else [own]
    places = [run_dir] if is_local(run_dir) else []
    try:
        writer = Writer(
            run_dir / f"{writer_id}{JOURNAL}",
            header,
            ring_places=[*places, *aside],
            spill=[place / run_id for place in aside],
            define=lambda keys: metric_names(keys, guard.note),
            warn=guard.note,
            sync=sync,
        )
    except OSError as error:
        raise UsageError(
            f"the run's folder {run_dir} cannot be written to: {error.strerror}",
            hint="name another store with store= or NOTABENE_STORE",
        ) from error
    writer.start()
    return writer


def _fill_standard_files() -> None:
    """Open to nothing what is closed of standard input, output and error.

    A daemon may have closed them. Whichever file is opened next takes their numbers, and all that
    a library in C prints would go into it: into the journal.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
