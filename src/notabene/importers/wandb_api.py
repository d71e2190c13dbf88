"""Projects of W&B by its public API, through the library ``wandb`` where it is installed.

Written against the library's documented interface and tried with a stand-in for it, not with
the service itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np

from notabene.errors import AccessError, MissingDependencyError, TransportError, UsageError
from notabene.importers._base import (
    Cells,
    Ended,
    Found,
    Given,
    Item,
    Kept,
    Logged,
    Missed,
    Passed,
    Points,
    Said,
    run_id,
)
from notabene.importers.pictures import words
from notabene.importers.wandb_media import histogram
from notabene.model.canonical import digest_json
from notabene.model.records import Captured, EndStatus
from notabene.model.refs import join_path
from notabene.settings import environment

ROWS = 10_000
STATES: dict[str, EndStatus | None] = {
    "finished": "finished",
    "failed": "failed",
    "crashed": "killed",
    "killed": "stopped",
    "running": None,
    "preempting": None,
    "pending": None,
}


class WandbApi:
    """A project: ``wandb://entity/project``.

    Args:
        url: Its address.
        given: What the person who imports has said.
        api: What to ask; by default ``wandb.Api()``.
    """

    kind: ClassVar[str] = "wandb"

    def __init__(self, url: str | Path, given: Given, api: Any = None) -> None:
        words_of = [word for word in str(url).removeprefix("wandb://").split("/") if word]
        if len(words_of) != 2:
            raise UsageError(f"{url} names no project", hint="wandb://entity/project does")
        self.path = "/".join(words_of)
        self.given, self.api = given, _api() if api is None else api
        self.notes: list[str] = [
            "read by the public API of W&B: tried with a stand-in for it, not with the service"
        ]

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """Never: it is an address."""
        del place
        return False

    def find(self) -> Iterator[Found]:
        """All runs of the project, the oldest first."""
        entity, project = self.path.split("/")
        for run in self._asked(lambda: list(self.api.runs(self.path, order="+created_at"))):
            started = _moment(getattr(run, "created_at", ""))
            marks = [run.state, str(getattr(run, "heartbeat_at", "")), run.lastHistoryStep]
            yield Found(
                kind=self.kind,
                where=f"{self.path}/{run.id}",
                run=run_id(self.kind, f"{entity}/{project}/{run.id}", started),
                name=run.name or run.id,
                project=self.given.project or self.given.default_project or project,
                started=started,
                state=digest_json([str(mark) for mark in marks])[:32],
                group=getattr(run, "group", "") or "",
                size=1000,
                detail=run,
            )

    def read(self, found: Found) -> Iterator[Item]:
        """One run: all its rows, not a sample of them."""
        run = found.detail
        tags = dict.fromkeys(getattr(run, "tags", None) or (), "")
        if job_type := getattr(run, "job_type", ""):
            tags["job_type"] = job_type
        config = dict(_flat(self._asked(lambda: dict(run.config)), ()))
        notes = getattr(run, "notes", None)
        yield Cells(
            time=found.started,
            config={join_path(path): value for path, value in config.items()},
            tags=tags,
            notes={"wandb": notes} if notes else {},
        )
        metadata = getattr(run, "metadata", None) or {}
        yield Said(found.started, Captured(part="wandb", data=_plain(dict(metadata))))
        yield from self._history(run)
        yield from self._artifacts(run)
        status = STATES.get(run.state, "finished")
        if status is not None:
            yield Ended(0, status, reason="" if status == "finished" else run.state)
        yield Passed(found.size)

    def _history(self, run: Any) -> Iterator[Item]:
        columns: dict[str, tuple[list[int], list[int], list[float]]] = {}
        held = 0
        for row in self._asked(lambda: run.scan_history()):
            step = int(row.get("_step") or 0)
            time = int(float(row.get("_timestamp") or 0) * 1e6 + 0.5)
            for path, value in _flat(row, ()):
                key = ".".join(path)
                if path[0] in ("_step", "_timestamp", "_runtime") or value is None:
                    continue
                number = _number(value)
                if number is not None:
                    steps, times, values = columns.setdefault(key, ([], [], []))
                    steps.append(step)
                    times.append(time)
                    values.append(number)
                    held += 1
                elif isinstance(value, str):
                    yield Logged(key, step, time, words(value))
                elif isinstance(value, dict) and value.get("_type") == "histogram":
                    yield Logged(key, step, time, histogram(value))
                else:
                    yield Missed("media of W&B's server are not fetched")
            if held > ROWS:
                yield from _points(columns)
                columns, held = {}, 0
        yield from _points(columns)

    def _artifacts(self, run: Any) -> Iterator[Item]:
        for artifact in self._asked(lambda: list(run.logged_artifacts())):
            if artifact.type in ("run_table", "wandb-history", "job"):
                continue
            with TemporaryDirectory(prefix="notabene-wandb-") as folder:
                top = Path(self._asked(lambda a=artifact, f=folder: a.download(root=f)))
                files = [
                    (p.relative_to(top).as_posix(), p)
                    for p in sorted(top.rglob("*"))
                    if p.is_file()
                ]
                if files:
                    yield Kept(
                        name=artifact.name.split(":")[0],
                        type=artifact.type,
                        files=tuple(files),
                        aliases=tuple(a for a in artifact.aliases if a != "latest"),
                        metadata=_plain(dict(artifact.metadata or {})),
                        description=artifact.description or "",
                    )

    def _asked(self, ask: Any) -> Any:
        """What the library answers; its errors as ours.

        Raises:
            AccessError: The key may not.
            TransportError: It has no answer.
        """
        try:
            return ask()
        except (OSError, ValueError, RuntimeError, LookupError) as error:
            raise _refused(error) from error


def _refused(error: Exception) -> Exception:
    text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    if "401" in text or "403" in text or "permission" in text.lower():
        return AccessError(f"W&B refuses: {text}", hint="set WANDB_API_KEY")
    return TransportError(f"W&B does not answer: {text}")


def _api() -> Any:
    try:
        import wandb
    except ImportError:
        raise MissingDependencyError(
            "projects of W&B's server are read by its own library",
            hint="pip install wandb; folders on this machine need nothing",
        ) from None
    if not environment().get("WANDB_API_KEY"):
        raise AccessError("there is no WANDB_API_KEY", hint="set it to a key of your account")
    return wandb.Api()


def _points(columns: dict[str, tuple[list[int], list[int], list[float]]]) -> Iterator[Item]:
    for key, (steps, times, values) in columns.items():
        table = np.array(values, np.float64).reshape(-1, 1)
        yield Points((key,), np.array(steps, np.int64), np.array(times, np.int64), table)


def _number(value: Any) -> float | None:
    if isinstance(value, bool | int | float):
        return float(value)
    return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(str(value))


def _flat(value: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner and "_type" not in inner:
            yield from _flat(inner, (*path, str(key)))
        else:
            yield (*path, str(key)), inner


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


def _moment(text: str) -> int:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return 0
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp() * 1e6)
