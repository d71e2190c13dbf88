"""All rules about one run's record, in one place."""

from __future__ import annotations

from notabene.proof import chance, code, files, settings
from notabene.proof.findings import Evidence, Finding, sort


def findings(evidence: Evidence) -> list[Finding]:
    """What the record of a run alone shows, worst first."""
    found: list[Finding] = []
    for part in (settings, chance, code, files):
        found.extend(part.rules(evidence))
    return sort(found)
