"""What stands in the way of running a run again, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from notabene.proof.record import Record

if TYPE_CHECKING:
    from notabene.proof.source.facts import Facts

Severity = Literal["gap", "risk", "note"]

CLASSES: dict[str, str] = {
    "unlogged-parameter": "an option or constant decided about the run and was not logged",
    "unseeded-randomness": "random numbers came from a generator that nobody seeded",
    "seed-from-clock": "a seed, or a value, came from the clock",
    "os-entropy": "random bytes of the operating system were used",
    "hash-order": "the order of a set, or a hash of text, went into the result",
    "data-content": "data is not what the run before had",
    "data-missing": "a file was looked for that was not there",
    "env-read": "a variable of the environment was read and not logged",
    "code-untracked": "a source file is not in git",
    "code-outside-project": "a source file lies outside the project",
    "code-without-source": "byte code was loaded whose source is not there",
    "submodule-moved": "a git submodule is at another commit than in the run before",
    "file-outside-project": "settings were read from outside the project",
    "input-overwritten": "the run wrote over a file that it had read",
    "input-made-by-other-run": "an input was made by another run",
    "package-version": "packages are of other versions than in the run before",
    "threads": "the number of threads or processors goes into the run",
    "precision": "the precision of numbers is set otherwise than in the run before",
    "locale": "the language settings differ from the run before",
    "timezone": "the time zone differs from the run before",
    "working-folder": "relative paths were read from another folder than in the run before",
    "listing-order": "files were taken in the order the disk gave them",
    "subprocess": "another program took part",
    "network-read": "something was read from the network",
    "clock-controls-length": "the clock decides how long the program works",
    "swallowed-exception": "errors are passed over, and with them items",
    "notebook-order": "cells were not run from top to bottom",
    "numeric-nondeterminism": "equal inputs gave numbers that differ in their last digits",
    "native-reads-not-observed": "libraries read files that could not be seen",
    "not-recorded": "a part of the record is not there",
}
"""Every class of finding, and what it means."""

UNFIXED = frozenset(
    {
        "unseeded-randomness",
        "seed-from-clock",
        "os-entropy",
        "hash-order",
        "listing-order",
        "clock-controls-length",
        "network-read",
        "numeric-nondeterminism",
    }
)
"""With one of these, the same inputs need not give the same result."""

_ORDER: tuple[Severity, ...] = ("gap", "risk", "note")


class Finding(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing, with one way to mend it.

    Attributes:
        kind: One of :data:`CLASSES`; in JSON its name is ``class``.
        what: One clause.
        where: ``file:line``, or empty.
        fix: What to do.
        severity: ``gap``: the run would not repeat, or cannot be told from others; ``risk``: it
            might not; ``note``: worth knowing.
        recorded: The record holds it, so that ``notabene reproduce`` gives it back.
        run: The run it was compared with.
    """

    kind: str = msgspec.field(name="class")
    what: str
    where: str = ""
    fix: str = ""
    severity: Severity = "gap"
    recorded: bool = False
    run: str = ""


class Evidence(NamedTuple):
    """What findings are made from.

    Attributes:
        record: Of the run.
        facts: What its sources say, by their paths in the record.
        logged: Names and values that were logged: the config, flat, and what else bears a name.
    """

    record: Record
    facts: Mapping[str, Facts]
    logged: Mapping[str, Any]


def sort(found: Iterable[Finding]) -> list[Finding]:
    """Worst first; equal ones once."""
    seen: set[tuple[str, str, str]] = set()
    kept: list[Finding] = []
    for one in found:
        key = (one.kind, one.where, one.what)
        if key not in seen:
            seen.add(key)
            kept.append(one)
    order = {name: at for at, name in enumerate(CLASSES)}
    return sorted(kept, key=lambda one: (_ORDER.index(one.severity), order.get(one.kind, 99)))


def state(found: Iterable[Finding]) -> Literal["complete", "gaps"]:
    """Whether the record of a run is complete: no gap, no risk."""
    return "gaps" if any(one.severity != "note" for one in found) else "complete"


def uses(evidence: Evidence, kind: str) -> Iterator[tuple[str, Any]]:
    """``(file:line, use)`` of one kind of fact, in all sources, the script's first."""
    for path, facts in evidence.facts.items():
        for use in getattr(facts, kind):
            yield f"{path}:{use.line}", use
