"""Findings about code, workers, programs and the network."""

from __future__ import annotations

import os
from collections.abc import Iterator

from notabene.capture.inputs import called
from notabene.proof.findings import Evidence, Finding, uses
from notabene.proof.fingerprint import is_harmless


def rules(evidence: Evidence) -> Iterator[Finding]:
    """Code that would not be there, and help from outside."""
    yield from _sources(evidence)
    yield from _outside(evidence)
    for where, use in uses(evidence, "swallowed"):
        if use.detail != "logged":
            yield Finding(
                kind="swallowed-exception",
                what=f"{use.call}: errors are passed over, and the items with them",
                where=where,
                fix="count and log what was passed over",
                severity="risk",
            )
    yield from _notebook(evidence)


def _sources(evidence: Evidence) -> Iterator[Finding]:
    for source in evidence.record.sources.files:
        kept = bool(source.digest)
        if source.without_source:
            yield Finding(
                kind="code-without-source",
                what=f"{source.path} is byte code without its source",
                where=f"{source.path}:1",
                fix="keep the source beside it",
                recorded=kept,
            )
        elif source.outside:
            yield Finding(
                kind="code-outside-project",
                what=f"{os.path.basename(source.path)} was imported from outside the project",
                where=f"{source.path}:1",
                fix="make it part of the project, or a package",
                severity="risk",
                recorded=kept,
            )
        elif source.tracked is False:
            yield Finding(
                kind="code-untracked",
                what=f"{source.path} is not in git",
                where=f"{source.path}:1",
                fix=f"git add {source.path}",
                severity="risk",
                recorded=kept,
            )


def _outside(evidence: Evidence) -> Iterator[Finding]:
    outside = evidence.record.outside
    for program in outside.programs:
        if not is_harmless(program.words):
            name = os.path.basename(called(program.words))
            yield Finding(
                kind="subprocess",
                what=f"{name} was called",
                where=program.where,
                fix="log its version",
                severity="risk",
                recorded=bool(program.digest),
            )
    for host in outside.hosts:
        port = f":{host.port}" if host.port else ""
        yield Finding(
            kind="network-read",
            what=f"talked to {host.name}{port}",
            where=host.where,
            fix="keep what was read as a file, and log it: notabene.log_data(path)",
        )
    told = {host.where for host in outside.hosts}
    for reply in outside.replies:
        if reply.where not in told:
            told.add(reply.where)
            yield Finding(
                kind="network-read",
                what=f"read {reply.address}",
                where=reply.where,
                fix="keep what was read as a file, and log it: notabene.log_data(path)",
            )
    for place in outside.processors:
        yield Finding(
            kind="threads",
            what="asks how many processors there are",
            where=place,
            fix="make the number an option, and log it",
            severity="risk",
            recorded=True,
        )


def _notebook(evidence: Evidence) -> Iterator[Finding]:
    order = evidence.record.notebook.get("order")
    if order and order != "in order":
        path = evidence.record.notebook.get("path", "notebook")
        yield Finding(
            kind="notebook-order",
            what=f"cells of {os.path.basename(str(path))} were run {order}",
            where=str(path),
            fix="restart the kernel and run all cells",
            severity="note" if order.startswith("more than once") else "risk",
            recorded=True,
        )
