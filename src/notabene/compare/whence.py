"""Where a file came from: the run that wrote it, its code and data, and what made those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec


class Writers:
    """Who wrote which content.

    Args:
        outputs: ``(run, when it began, {path: digest})`` of each run, whatever it wrote.
    """

    def __init__(self, outputs: Iterable[tuple[str, int, Mapping[str, str]]]) -> None:
        self._began: dict[str, int] = {}
        self._runs: dict[str, set[str]] = {}
        for run, began, files in outputs:
            self._began[run] = min(began, self._began.get(run, began))
            for digest in files.values():
                self._runs.setdefault(digest, set()).add(run)

    def of(self, digest: str, reader: str = "") -> list[str]:
        """Ids of the runs that wrote a content, the newest first.

        Args:
            digest: SHA-256 of the content.
            reader: Id of a run that read it: it is left out, and those that began after it
                come last, for what they wrote is not what it read.
        """
        until = self._began.get(reader)
        runs = [(self._began[run], run) for run in self._runs.get(digest, ()) if run != reader]
        runs.sort(reverse=True)
        if until is not None:
            runs.sort(key=lambda one: one[0] > until)
        return [run for _, run in runs]


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
    writers: Writers,
    record_of: Callable[[str], Any],
    *,
    most: int = 200,
) -> list[Origin]:
    """The run that wrote a content and all before it, the nearest first.

    Args:
        digest: SHA-256 of the file.
        writers: Who wrote what.
        record_of: The record of a run.
        most: Runs that are followed at most.
    """
    found: list[Origin] = []
    seen: set[str] = set()
    waiting: list[tuple[str, str, int]] = [(digest, "", 0)]
    while waiting and len(found) < most:
        wanted, before, depth = waiting.pop(0)
        runs = writers.of(wanted, before)
        if not runs or runs[0] in seen:
            continue
        seen.add(runs[0])
        origin = _origin(record_of(runs[0]), wanted, writers, depth, runs[1:])
        found.append(origin)
        waiting += [(one["digest"], runs[0], depth + 1) for one in origin.inputs if one["from"]]
    return found


def _origin(record: Any, digest: str, writers: Writers, depth: int, others: list[str]) -> Origin:
    git = record.code.get("git", {})
    script = next((one.path for one in record.sources.files if one.script), "")
    inputs = []
    for one in record.data.read:
        made_by = writers.of(one.digest, record.run)
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
