"""What people have already: runs of other tools, taken into a store.

See :mod:`notabene.importers._base` for the shape of an importer, and
:mod:`notabene.importers.take` for what is done with what it reads.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from notabene.errors import NotFoundError, UsageError
from notabene.importers._base import Given, Report, Source
from notabene.importers.take import take_in

KINDS: dict[str, str] = {
    "tensorboard": "tensorboard:TensorBoard",
    "csv": "tables:Csv",
    "jsonl": "tables:JsonLines",
    "parquet": "tables:Parquet",
    "xlsx": "tables:Excel",
}
"""Where the importer of each kind stands; asked in this order what a place is."""

__all__ = ["KINDS", "Given", "Report", "Source", "importer", "open_source", "take_in"]


def importer(kind: str) -> type[Source]:
    """The importer of a kind.

    Raises:
        UsageError: There is none.
    """
    place = KINDS.get(kind)
    if place is None:
        raise UsageError(
            f"nothing imports {kind!r}", hint=f"there are importers for {', '.join(KINDS)}"
        )
    module, _, name = place.partition(":")
    found: type[Source] = getattr(import_module(f"notabene.importers.{module}"), name)
    return found


def open_source(place: Path, kind: str = "", given: Given | None = None) -> Source:
    """A file or folder as what it is.

    Args:
        place: The file or folder.
        kind: What it is; empty to look.
        given: What the person who imports has said.

    Raises:
        NotFoundError: It is not there.
        UsageError: It looks like nothing that can be imported.
    """
    if not place.exists():
        raise NotFoundError(f"there is nothing at {place}", hint="name a file or folder")
    if kind:
        return importer(kind)(place, given or Given())
    for name in KINDS:
        found = importer(name)
        if found.recognises(place):
            return found(place, given or Given())
    raise UsageError(
        f"{place} looks like nothing that can be imported",
        hint=f"say what it is: --from {' | '.join(KINDS)}",
    )
