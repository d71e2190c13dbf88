"""Evidence as runs leave it, made by hand: records, facts, manifests and tables."""

from __future__ import annotations

from typing import Any

from notabene.model.canonical import digest_bytes
from notabene.model.evidence import Data, FileRead, Option, Parameters, Source, Sources
from notabene.proof.findings import Evidence
from notabene.proof.fingerprint import Tables, tables
from notabene.proof.record import Record
from notabene.proof.repeats import Manifest
from notabene.proof.source.facts import analyse

ROOT = "/somewhere/project"


def digest(text: str) -> str:
    """The digest of a text, as files and sources have it."""
    return digest_bytes(text.encode())


def evidence_of(
    text: str = "", *, logged: dict[str, Any] | None = None, path: str = "train.py", **parts: Any
) -> Evidence:
    """A run of one script: what it says, what was logged, and the parts that are given."""
    source = Source(path=path, digest=digest(text), script=True, tracked=True)
    parts.setdefault("sources", Sources(root=ROOT, files=[source]))
    parts.setdefault("data", Data(root=ROOT, folder=ROOT))
    return Evidence(Record(run="now", **parts), {path: analyse(text, name=path)}, logged or {})


def tables_of(evidence: Evidence) -> Tables:
    """What went into it."""
    return tables(evidence.record, evidence.facts)


def data_of(*read: FileRead, **more: Any) -> Data:
    """The part ``data`` of a run in the top folder of its project."""
    return Data(root=ROOT, folder=ROOT, read=list(read), **more)


def options_of(source: str = "argparse", **values: Any) -> Parameters:
    """Options with their values, left at their defaults."""
    options = [
        Option(source=source, name=name, value=value, default=value, where="train.py:9")
        for name, value in values.items()
    ]
    return Parameters(options=options)


def manifest_of(run: str = "run1", **about: Any) -> Manifest:
    """One run of a script that ended well."""
    given = {"script": "train.py", "started": 1_000_000, "status": "finished", **about}
    return Manifest(run=run, **given)
