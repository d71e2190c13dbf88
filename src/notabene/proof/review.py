"""A run's record looked through: by itself, and beside the run before of the same script."""

from __future__ import annotations

import msgspec

from notabene.proof.findings import Evidence, Finding, sort
from notabene.proof.fingerprint import Tables
from notabene.proof.repeats import Manifest, Repeats
from notabene.proof.rules import findings
from notabene.proof.since import nearest, since, unexplained


class Review(msgspec.Struct):
    """What was found, worst first, and the run it was compared with."""

    findings: list[Finding]
    before: Manifest | None = None


def review(evidence: Evidence, mine: Tables, repeats: Repeats, manifest: Manifest | None) -> Review:
    """Everything that is to be said of a run's record.

    Args:
        evidence: Of the run.
        mine: Its tables.
        repeats: Of its script.
        manifest: Its own; None: it is compared with no other.
    """
    found = findings(evidence)
    before = None if manifest is None else nearest(repeats.all(), manifest)
    if manifest is None or before is None:
        return Review(found)
    then = repeats.tables_of(before)
    found = sort([*found, *since(evidence, mine, before, then)])
    rest = unexplained(evidence, found, (mine, manifest.results), (then, before.results))
    named = [msgspec.structs.replace(one, run=before.run) for one in rest]
    return Review(sort([*found, *named]), before)
