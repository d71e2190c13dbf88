"""What people have already: runs of other tools, taken into a store.

See :mod:`notabene.importers._base` for the shape of an importer, and
:mod:`notabene.importers.take` for what is done with what it reads.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from notabene.errors import NotFoundError, UsageError
from notabene.importers._base import Given, Report, Source
from notabene.importers.adopt import AdoptedRun, Adopter, Adoption
from notabene.importers.take import take_in

KINDS: dict[str, str] = {
    "mlflow": "mlflow:MLflow",
    "wandb": "wandb:Wandb",
    "neptune": "neptune:Neptune",
    "aim": "aim:Aim",
    "tensorboard": "tensorboard:TensorBoard",
    "hydra": "folders:Hydra",
    "trainer": "folders:Trainer",
    "csv": "tables:Csv",
    "jsonl": "tables:JsonLines",
    "parquet": "tables:Parquet",
    "xlsx": "tables:Excel",
}
"""Where the importer of each kind stands; asked in this order what a place is."""

URLS: dict[str, str] = {
    "http": "mlflow",
    "https": "mlflow",
    "sqlite": "mlflow",
    "wandb": "wandb",
}
"""Which importer opens an address, by its scheme: with ``at(url, given)``."""

__all__ = [
    "KINDS",
    "URLS",
    "AdoptedRun",
    "Adopter",
    "Adoption",
    "Given",
    "Report",
    "Source",
    "importer",
    "is_url",
    "open_source",
    "take_in",
]


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


def is_url(text: str) -> bool:
    """Whether a text is an address, not a path."""
    scheme, colon, _ = text.partition("://")
    return bool(colon) and scheme.isalpha() and len(scheme) > 1


def open_source(place: Path | str, kind: str = "", given: Given | None = None) -> Source:
    """A file, folder or address as what it is.

    Args:
        place: The file or folder; as a text, an address: ``http://host:5000``.
        kind: What it is; empty to look.
        given: What the person who imports has said.

    Raises:
        NotFoundError: It is not there.
        UsageError: It looks like nothing that can be imported, or like several things.
    """
    said = given or Given()
    if isinstance(place, str):
        return _at(place, kind, said)
    if not place.exists():
        raise NotFoundError(f"there is nothing at {place}", hint="name a file or folder")
    if kind:
        return importer(kind)(place, said)
    found = [name for name in KINDS if importer(name).recognises(place)]
    own = [name for name in found if getattr(importer(name), "owns", lambda _: False)(place)]
    if len(found) > 1 and not own:
        raise UsageError(
            f"{place} holds what {' and '.join(found)} wrote",
            hint=f"notabene adopt {place} takes all of it; --from {found[0]} one of them",
        )
    if found:
        return importer((own or found)[0])(place, said)
    raise UsageError(
        f"{place} looks like nothing that can be imported",
        hint=f"say what it is: --from {' | '.join(KINDS)}",
    )


def _at(url: str, kind: str, given: Given) -> Source:
    scheme = url.partition("://")[0].lower()
    name = kind or URLS.get(scheme, "")
    opens = getattr(importer(name), "at", None) if name else None
    if opens is None or URLS.get(scheme) != name:
        words = ", ".join(f"{word}://" for word in URLS)
        raise UsageError(f"nothing imports from {url}", hint=f"addresses begin with {words}")
    source: Source = opens(url, given)
    return source
