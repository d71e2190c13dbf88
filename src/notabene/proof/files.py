"""Findings about the files that went in."""

from __future__ import annotations

import os
from collections.abc import Iterator

from notabene.proof.findings import Evidence, Finding
from notabene.proof.record import SWITCHED_OFF

_SETTINGS = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".env", ".properties")


def rules(evidence: Evidence) -> Iterator[Finding]:
    """Inputs that might not be there again."""
    data = evidence.record.data
    for missing in data.missing:
        yield Finding(
            kind="data-missing",
            what=f"{missing.path} was looked for and not there" + _made(missing.made),
            where=missing.where,
            fix="decide by an option instead, and log it",
            severity="risk",
            recorded=True,
        )
    for one in data.read:
        if one.overwritten:
            yield Finding(
                kind="input-overwritten",
                what=f"{one.path} was read, and written over later",
                where=one.where,
                fix="write to another file",
                recorded=one.kept,
            )
        if os.path.isabs(one.path) and is_settings(one.path) and not named(evidence, one.path):
            yield Finding(
                kind="file-outside-project",
                what=f"settings were read from {short(one.path)}",
                where=one.where,
                fix="keep them in the project, or name the file in an option",
                severity="risk",
                recorded=one.kept,
            )
        if not one.digest and one.note and not one.link and "regular" not in one.note:
            yield Finding(
                kind="data-content",
                what=f"{one.path} has no digest: {one.note}",
                where=one.where,
                fix="keep inputs unchanged while a run reads them",
                severity="risk",
            )
    if data.unseen:
        yield Finding(
            kind="native-reads-not-observed",
            what=f"{', '.join(data.unseen)} may read files that could not be seen",
            fix="start it with: notabene run -- python …",
            severity="note",
        )
    for name, why in evidence.record.not_recorded.items():
        if why != SWITCHED_OFF:
            yield Finding(
                kind="not-recorded",
                what=f"{name} could not be recorded: {why}",
                fix="see notabene doctor",
                severity="risk",
            )


def _made(made: bool) -> str:
    return "; the run made it, so that the next one finds it" if made else ""


def is_settings(path: str) -> bool:
    """Whether a file holds settings, by its name."""
    name = os.path.basename(path)
    return name.endswith(_SETTINGS) or (name.startswith(".") and "." not in name[1:])


def named(evidence: Evidence, path: str) -> bool:
    """Whether the command line or an option names a file, or a folder it lies in."""
    folder = evidence.record.data.folder
    texts = [str(option.value) for option in evidence.record.parameters.options]
    texts += [word.rpartition("=")[2] for word in evidence.record.parameters.words]
    for text in texts:
        full = os.path.normpath(os.path.join(folder, os.path.expanduser(text))) if text else ""
        if full and (path == full or path.startswith(full.rstrip(os.sep) + os.sep)):
            return True
    return False


def short(path: str) -> str:
    """A path with ``~`` for the home folder."""
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path.startswith(home + os.sep) else path
