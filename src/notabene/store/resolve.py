"""Which run a reference names: the grammar of :mod:`notabene.model.refs`, for all stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from notabene._ids import SHORT_ID_LENGTH
from notabene.errors import NotFoundError, RefError
from notabene.model.refs import shown

LAST = "@last"
SHOWN = 5


class Candidate(NamedTuple):
    """A run that a reference may name."""

    n: int
    id: str
    project: str
    name: str
    created: int
    deleted: bool


def resolve(ref: str, candidates: Iterable[Candidate]) -> int:
    """Number of the run that a reference names.

    Tried in this order: the id, its last characters (six or more), its beginning, the name,
    ``project/name``; the first that names anything decides. Runs in the trash count only where
    no other fits. ``@last`` is the newest run, ``project/@last`` the newest of a project.

    Args:
        ref: As the user wrote it.
        candidates: At least all runs that it could name.

    Raises:
        NotFoundError: It names none.
        RefError: It names several.
    """
    ref = ref.removeprefix("run:")
    rows = list(candidates)
    project, _, name = ref.rpartition("/")
    if name == LAST:
        newest = [c for c in rows if not c.deleted and (not project or c.project == project)]
        if newest:
            return max(newest, key=lambda c: (c.created, c.id)).n
        raise NotFoundError(f"there is no run in project {project!r}" if project else "no runs yet")
    rules: list[Callable[[Candidate], bool]] = [
        lambda c: c.id == ref,
        lambda c: len(ref) >= SHORT_ID_LENGTH and c.id.endswith(ref),
        lambda c: bool(ref) and c.id.startswith(ref),
        lambda c: c.name == ref,
        # A project's name and a run's name may both hold slashes.
        lambda c: ref == f"{c.project}/{c.name}",
    ]
    for deleted in (False, True):
        for rule in rules:
            found = [c for c in rows if c.deleted is deleted and rule(c)]
            if len(found) == 1:
                return found[0].n
            if found:
                raise _several(ref, found)
    raise NotFoundError(
        f"there is no run {shown(ref)}",
        hint="`notabene ls` lists the runs, with --deleted also the trash",
    )


def _several(ref: str, found: list[Candidate]) -> RefError:
    newest = sorted(found, key=lambda c: (c.created, c.id), reverse=True)
    ids = ", ".join(c.id[-SHORT_ID_LENGTH:] for c in newest[:SHOWN])
    more = ", ..." if len(found) > SHOWN else ""
    return RefError(f"{ref!r} names {len(found)} runs", hint=f"name one of {ids}{more}")
