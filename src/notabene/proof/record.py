"""The record of a run as one document: all that was captured, by part.

What ``notabene show RUN --record --json`` prints; its JSON schema is published in the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from notabene.model.evidence import Data, Outside, Parameters, Randomness, Sources

SCHEMA = "notabene-record/1"


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All that was captured of a run.

    Attributes:
        schema: ``notabene-record/1``.
        run, project, name, user, status: Which run it is.
        config: Its config, as logged.
        process, code, environment, hardware, notebook: What those parts hold.
        sources, data, randomness, parameters, outside: See :mod:`notabene.model.evidence`.
        check: What was found missing at the end of the run.
        proof: What reruns have proven.
        not_recorded: Parts that are not there, by name, with the reason where one is known.
    """

    schema: str = SCHEMA
    run: str = ""
    project: str = ""
    name: str = ""
    user: str = ""
    status: str = ""
    config: dict[str, Any] = {}
    process: dict[str, Any] = {}
    code: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    hardware: dict[str, Any] = {}
    notebook: dict[str, Any] = {}
    sources: Sources = msgspec.field(default_factory=Sources)
    data: Data = msgspec.field(default_factory=Data)
    randomness: Randomness = msgspec.field(default_factory=Randomness)
    parameters: Parameters = msgspec.field(default_factory=Parameters)
    outside: Outside = msgspec.field(default_factory=Outside)
    check: dict[str, Any] = {}
    proof: dict[str, Any] = {}
    not_recorded: dict[str, str] = {}


SWITCHED_OFF = "switched off, or the run ended before it was written"

_TYPED: dict[str, type[msgspec.Struct]] = {
    "sources": Sources,
    "data": Data,
    "randomness": Randomness,
    "parameters": Parameters,
    "outside": Outside,
}
_PLAIN = ("process", "code", "environment", "hardware", "notebook", "check", "proof")
_EXPECTED = ("process", "code", "environment", "hardware", *_TYPED)


def record_of(parts: Mapping[str, Mapping[str, Any]], **about: Any) -> Record:
    """The document from the parts that were captured.

    Args:
        parts: ``data`` of each part by its name.
        about: Further fields of :class:`Record`.
    """
    record = Record(**about)
    for name in _PLAIN:
        if name in parts:
            setattr(record, name, dict(parts[name]))
    for name, kind in _TYPED.items():
        if name in parts:
            try:
                setattr(record, name, msgspec.convert(parts[name], kind))
            except msgspec.ValidationError as error:
                record.not_recorded[name] = f"what was recorded cannot be read: {error}"
    for name in _EXPECTED:
        if name not in parts:
            record.not_recorded[name] = SWITCHED_OFF
    for name, data in parts.items():
        if "failed" in data:
            record.not_recorded[name] = str(data["failed"])
    return record


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A tree of settings as ``{"optim.lr": 0.1}``; lists are values."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            found.update(flat(value, f"{name}."))
        else:
            found[name] = value
    return found
