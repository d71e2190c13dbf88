"""Where a file came from: the run that wrote it, its code and data, and what made those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

Producers = Mapping[str, list[str]]
"""Ids of the runs that wrote a content, by digest, the newest first."""


class Origin(msgspec.Struct, kw_only=True):
    """One run on the way to a file.

    Attributes:
        run, name, project, user: Which.
        made: The file as the run called it.
        code: ``{"commit", "dirty", "script"}``.
        inputs: Files it read: ``{"path", "digest", "from": id of the run that made it}``.
        depth: 0 for the run that wrote the file, 1 for those that made its inputs ...
        others: Runs that wrote the same content.
    """

    run: str
    name: str = ""
    project: str = ""
    user: str = ""
    made: str = ""
    code: dict[str, Any] = {}
    inputs: list[dict[str, Any]] = []
    depth: int = 0
    others: list[str] = []


def whence(
    digest: str,
    producers: Producers,
    record_of: Callable[[str], Any],
    *,
    most: int = 200,
) -> list[Origin]:
    """The run that wrote a content and all before it, the nearest first.

    Args:
        digest: SHA-256 of the file.
        producers: Who wrote what.
        record_of: The record of a run.
        most: Runs that are followed at most.
    """
    found: list[Origin] = []
    seen: set[str] = set()
    waiting: list[tuple[str, str, int]] = [(digest, "", 0)]
    while waiting and len(found) < most:
        wanted, before, depth = waiting.pop(0)
        runs = makers(wanted, producers, before)
        if not runs or runs[0] in seen:
            continue
        seen.add(runs[0])
        origin = _origin(record_of(runs[0]), wanted, producers, depth, runs[1:])
        found.append(origin)
        waiting += [(one["digest"], runs[0], depth + 1) for one in origin.inputs if one["from"]]
    return found


def makers(digest: str, producers: Producers, reader: str) -> list[str]:
    """Who wrote a content, the likeliest to have given it to a reader first.

    Ids sort by time: what a later run wrote was not what an earlier one read.
    """
    runs = [run for run in producers.get(digest, ()) if run != reader]
    return sorted(runs, key=lambda run: bool(reader) and run > reader)


def _origin(
    record: Any, digest: str, producers: Producers, depth: int, others: list[str]
) -> Origin:
    git = record.code.get("git", {})
    script = next((one.path for one in record.sources.files if one.script), "")
    inputs = []
    for one in record.data.read:
        made_by = makers(one.digest, producers, record.run)
        inputs.append(
            {"path": one.path, "digest": one.digest, "from": made_by[0] if made_by else ""}
        )
    made = next((one.path for one in record.data.written if one.digest == digest), "")
    return Origin(
        run=record.run,
        name=record.name,
        project=record.project,
        user=record.user,
        made=made,
        code={
            "commit": git.get("commit", ""),
            "dirty": bool(git.get("dirty")),
            "script": script,
        },
        inputs=inputs,
        depth=depth,
        others=others,
    )


def producers_of(outputs: Iterable[tuple[str, int, Mapping[str, str]]]) -> dict[str, list[str]]:
    """Who wrote what.

    Args:
        outputs: ``(run, when it began, {path: digest})`` of each run.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for run, began, files in outputs:
        for digest in set(files.values()):
            found.setdefault(digest, []).append((began, run))
    return {
        digest: [run for _, run in sorted(runs, reverse=True)] for digest, runs in found.items()
    }
