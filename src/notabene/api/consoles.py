"""What runs printed: the console files of a run's folder, as lines."""

from __future__ import annotations

import contextlib
from pathlib import Path

from notabene.api.digests import journal_files
from notabene.capture.playback import ConsoleReader, Line, Position, fold_updates
from notabene.errors import FormatError
from notabene.journal.segment import read_header


def read_console(
    run_dir: Path, *, tail: int | None = None, rank: int | None = None, writer: str | None = None
) -> list[Line]:
    """Lines of a run's processes, in order of time where there are several.

    Args:
        run_dir: The run's folder.
        tail: Only the last so many.
        rank: Of which rank; None for the lowest that printed.
        writer: Of which process alone.
    """
    chosen = chosen_readers(run_dir, rank, writer)
    if tail is not None:
        found = [line for reader in chosen.values() for line in reader.tail(max(0, tail))]
    else:
        found = [line for reader in chosen.values() for line in reader.read()]
    if len(chosen) > 1:
        found.sort(key=lambda line: line.time)
    return found if tail is None else found[len(found) - min(tail, len(found)) :]


def chosen_readers(
    run_dir: Path, rank: int | None, writer: str | None = None
) -> dict[str, ConsoleReader]:
    """Consoles of one rank (None for the lowest that printed), or of one process, by writer."""
    readers = ConsoleReader.all(run_dir)
    if writer is not None:
        return {name: reader for name, reader in readers.items() if name == writer}
    if len(readers) < 2:
        return readers
    ranks = ranks_of(run_dir)
    wanted = rank if rank is not None else min(ranks.get(name, 0) for name in readers)
    return {name: reader for name, reader in readers.items() if ranks.get(name, 0) == wanted}


def ranks_of(run_dir: Path) -> dict[str, int]:
    """The rank of each process that wrote to a run."""
    found: dict[str, int] = {}
    for path in journal_files(run_dir):
        with contextlib.suppress(OSError, EOFError, FormatError):
            header, _ = read_header(path)
            found.update(zip(header.writers, header.ranks, strict=False))
    return found


class Follower:
    """A console while it grows.

    Args:
        run_dir: The run's folder.
        tail: Lines to begin with.
        rank: As for :func:`read_console`.
    """

    def __init__(self, run_dir: Path, *, tail: int = 20, rank: int | None = None) -> None:
        self._run_dir = run_dir
        self._tail: int | None = max(0, tail)
        self._rank = rank
        self._places: dict[str, Position] = {}

    def read(self) -> list[Line]:
        """What is new since the last call; the first one gives the last lines.

        A line that changed since (a progress bar) comes again, with its stream and number.
        """
        found: list[Line] = []
        for name, reader in chosen_readers(self._run_dir, self._rank, None).items():
            lines, self._places[name] = reader.follow(self._places.get(name, Position()))
            found += fold_updates(lines)
        found.sort(key=lambda line: line.time)
        if self._tail is not None:
            found = found[len(found) - min(self._tail, len(found)) :]
            self._tail = None
        return found
