"""One run of W&B as items, in bounded memory."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from notabene.importers._base import (
    Cells,
    Ended,
    Item,
    Kept,
    Logged,
    Missed,
    Passed,
    Points,
    Printed,
    Said,
)
from notabene.importers.wandb_log import WandbLog
from notabene.importers.wandb_media import value_of
from notabene.importers.wandb_proto import (
    ALERT,
    ARTIFACT,
    CONFIG,
    ENVIRONMENT,
    EXIT,
    HISTORY,
    METRIC,
    OUTPUT,
    OUTPUT_RAW,
    RUN,
    STATS,
    SUMMARY,
    USE_ARTIFACT,
    Artifact,
    Changes,
    Entry,
    Run,
    loads,
    outer,
    read_artifact,
    read_changes,
    read_environment,
    read_exit,
    read_metric,
    read_output,
    read_run,
    read_stats,
    read_texts,
)
from notabene.importers.wandb_rows import OWN, Odd, Rows, nested, path_of, raw_items
from notabene.importers.yaml_lite import read_yaml
from notabene.model.canonical import digest_bytes, md5_file
from notabene.model.records import JSON, AlertRaised, Captured, EndStatus, MetricDefined
from notabene.model.refs import join_path
from notabene.tfevents.proto import WireError

LEVELS = {"INFO": "info", "WARN": "warning", "ERROR": "error"}
KNOWN = {"config.yaml", "wandb-summary.json", "wandb-metadata.json", "output.log",
         "requirements.txt", "conda-environment.yaml"}  # fmt: skip
ODD = (OSError, ValueError, TypeError, LookupError)
SYSTEM = "system/"


class Part(msgspec.Struct):
    """A folder of a run: each resumption has its own.

    Attributes:
        path: The folder ``run-<time>-<id>``.
        log: Its ``.wandb`` file; None where it is gone.
    """

    path: Path
    log: Path | None


def read_parts(parts: list[Part], name: str) -> Iterator[Item]:
    """All that the folders of a run hold."""
    run = _Reader(name)
    for number, part in enumerate(parts):
        yield from run.read(part, last=number == len(parts) - 1)
    yield from run.rest(parts)


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = Rows()
        self.stats: dict[str, tuple[list[int], list[int], list[float]]] = {}
        self.samples = 0
        self.config: dict[tuple[str, ...], JSON] = {}
        self.raw: dict[bytes, bytes | None] = {}
        self.summary: dict[tuple[str, ...], bytes | None] = {}
        self.place: dict[str, Any] = {}
        self.used: list[str] = []
        self.missed: dict[tuple[str, bool], int] = {}
        self.run = Run()
        self.exit: int | None = None
        self.newest = 0
        self.printed = False
        self.started = 0

    def miss(self, what: str, count: int = 1, *, damage: bool = False) -> None:
        self.missed[what, damage] = self.missed.get((what, damage), 0) + count

    def read(self, part: Part, *, last: bool) -> Iterator[Item]:
        """One folder."""
        self.files = part.path / "files"
        self.exit, self.printed = None, False
        if part.log is not None:
            log, done = WandbLog(part.log), 0
            for data in log.read():
                try:
                    yield from self._record(data)
                except (WireError, *ODD):
                    self.miss("records that cannot be understood are left out", damage=True)
                if self.rows.full():
                    yield from self.rows.points()
                if log.passed > done:
                    yield Passed(log.passed - done)
                    done = log.passed
            yield Passed(log.passed - done)
            self._look_at(log, last=last)
        else:
            self.miss("folders without a .wandb file hold no history", damage=True)
        yield from self.rows.points()
        yield from self._system()
        self.summary.update((path_of(name), raw) for name, raw in self.raw.items())
        self._from_files(last=last)
        if not self.printed:
            yield from self._output_log()

    def _look_at(self, log: WandbLog, *, last: bool) -> None:
        if log.damaged:
            what = "blocks of the .wandb file that are damaged are left out"
            self.miss(what, log.damaged, damage=True)
        if log.lost:
            self.miss("records of which a part is missing are left out", log.lost, damage=True)
        if log.torn and (self.exit is not None or not last):
            self.miss("the .wandb file ends in the middle of a record", damage=True)

    # -- records ---------------------------------------------------------------------------

    def _record(self, data: bytes) -> Iterator[Item]:
        kind, start, end = outer(data)
        if kind == HISTORY:
            step, time, odd = self.rows.add(data, start, end)
            if odd:
                yield from self._values(step, time, odd)
        elif kind == SUMMARY:
            self._summarise(data, start, end)
        elif kind in (OUTPUT_RAW, OUTPUT):
            said = read_output(data, start, end)
            self.printed = True
            self.newest = max(self.newest, said.time)
            yield Printed(said.line, said.time, said.error)
        elif kind == STATS:
            self._sample(*read_stats(data, start, end))
        elif kind == CONFIG:
            self._configure(read_changes(data, start, end))
        elif kind == RUN:
            self._run(read_run(data, start, end))
        elif kind == ENVIRONMENT:
            self.place.update(read_environment(data, start, end))
        elif kind == EXIT:
            self.exit = read_exit(data, start, end)
        elif kind == USE_ARTIFACT:
            texts = read_texts(data, start, end)
            self.used.append(texts.get(3) or texts.get(1, ""))
        else:
            yield from self._rare(kind, data, start, end)

    def _rare(self, kind: int, data: bytes, start: int, end: int) -> Iterator[Item]:
        if kind == METRIC:
            metric = read_metric(data, start, end)
            if metric.name and (metric.x or metric.goal or metric.summary):
                goal: Any = metric.goal
                summary: Any = metric.summary
                record = MetricDefined(
                    key=metric.name,
                    x="" if metric.x == "_step" else metric.x,
                    goal=goal,
                    summary=summary,
                )
                yield Said(self.started, record)
        elif kind == ALERT:
            texts = read_texts(data, start, end)
            mark = digest_bytes("\n".join([str(self.rows.step), *texts.values()]).encode())[:16]
            level: Any = LEVELS.get(texts.get(3, ""), "warning")
            record_of = AlertRaised(
                id=mark, title=texts.get(1, ""), text=texts.get(2, ""), level=level
            )
            yield Said(self.rows.time or self.started, record_of)
        elif kind == ARTIFACT:
            yield from self._artifact(read_artifact(data, start, end))

    def _run(self, run: Run) -> None:
        if run.config is not None:
            self._configure(run.config)
        if self.run.id:
            for name in ("group", "job_type", "name", "notes", "tags", "sweep"):
                if value := getattr(run, name):
                    setattr(self.run, name, value)
        else:
            self.run = run
        self.started = self.started or run.started

    def _configure(self, changes: Changes) -> None:
        for item in changes.update:
            if item.value is not None and item.path[0] != "_wandb":
                self._put(item.path, loads(item.value))
        for item in changes.remove:
            for path in [p for p in self.config if p[: len(item.path)] == item.path]:
                del self.config[path]

    def _put(self, path: tuple[str, ...], value: JSON) -> None:
        for old in [p for p in self.config if p[: len(path)] == path]:
            del self.config[old]
        if isinstance(value, dict) and value:
            for name, inner in value.items():
                self._put((*path, str(name)), inner)
        else:
            self.config[path] = value

    def _summarise(self, data: bytes, start: int, end: int) -> None:
        """The summary is written with every row: its keys stay bytes until the end."""
        others = False
        for name, raw, _, _ in raw_items(data, start, end):
            if name:
                self.raw[name] = raw
            else:
                others = True
        if others:
            for item in read_changes(data, start, end, updates=False).remove:
                for known in [n for n in self.raw if path_of(n)[: len(item.path)] == item.path]:
                    del self.raw[known]

    def _sample(self, time: int, items: list[Any]) -> None:
        self.newest = max(self.newest, time)
        for item in items:
            with contextlib.suppress(ValueError):
                number = float(item.value or b"")
                key = SYSTEM + ".".join(item.path)
                steps, times, values = self.stats.setdefault(key, ([], [], []))
                steps.append(self.samples)
                times.append(time)
                values.append(number)
        self.samples += 1

    def _system(self) -> Iterator[Item]:
        for key, (steps, times, values) in self.stats.items():
            table = np.array(values, np.float64).reshape(-1, 1)
            yield Points((key,), np.array(steps, np.int64), np.array(times, np.int64), table)
        self.stats = {}

    def _values(self, step: int, time: int, odd: list[Odd]) -> Iterator[Item]:
        """What is no number: media as a whole, all else one by one."""
        tops: dict[str, list[Odd]] = {}
        for path, value in odd:
            tops.setdefault(path[0], []).append((path, value))
        for top, pairs in tops.items():
            tree = nested(pairs)[top]
            whole = isinstance(tree, dict) and "_type" in tree
            for path, value in [((top,), tree)] if whole else pairs:
                try:
                    found = value_of(value, self.files)
                except ODD:
                    self.miss("values that are damaged are left out", damage=True)
                    continue
                if isinstance(found, Missed):
                    self.miss(found.what, damage=found.damage)
                else:
                    yield Logged(".".join(path), step, time, found)

    # -- artifacts -------------------------------------------------------------------------

    def _artifact(self, artifact: Artifact) -> Iterator[Item]:
        if artifact.type in ("run_table", "wandb-history", "job"):
            return
        entries = artifact.entries or self._manifest(artifact.manifest)
        files = []
        for entry in entries:
            path = Path(entry.local) if entry.local else None
            if entry.ref:
                self.miss("references of artifacts to other places are not carried over")
            elif path is None or not _is_it(path, entry):
                what = "files of artifacts that are not on this machine are left out"
                self.miss(what, damage=not entry.local)
            else:
                files.append((entry.path, path))
        if files:
            metadata = json.loads(artifact.metadata) if artifact.metadata else {}
            yield Kept(
                name=artifact.name,
                type=artifact.type or "file",
                files=tuple(files),
                time=self.rows.time,
                aliases=tuple(a for a in artifact.aliases if a != "latest"),
                metadata=metadata if isinstance(metadata, dict) else {},
                description=artifact.description,
            )

    def _manifest(self, name: str) -> list[Entry]:
        if not name:
            return []
        try:
            found = json.loads(Path(name).read_text("utf-8"))["contents"]
            return [
                Entry(path, e.get("digest", ""), e.get("ref", ""), 0, e.get("local_path", ""))
                for path, e in found.items()
            ]
        except ODD:
            self.miss("artifacts whose list of files is gone are left out", damage=True)
            return []

    # -- files beside the record -----------------------------------------------------------

    def _from_files(self, *, last: bool) -> None:
        """What W&B writes beside at the end, where the record lacks it."""
        if not self.config:
            with contextlib.suppress(*ODD):
                for key, cell in read_yaml(self.files / "config.yaml").items():
                    if key not in ("_wandb", "wandb_version") and isinstance(cell, dict):
                        self._put((key,), cell.get("value"))
        if not self.summary and last:
            with contextlib.suppress(*ODD):
                text = (self.files / "wandb-summary.json").read_text("utf-8", "replace")
                for key, value in json.loads(text).items():
                    self.summary[(key,)] = json.dumps(value).encode()
        if not self.place:
            with contextlib.suppress(*ODD):
                text = (self.files / "wandb-metadata.json").read_text("utf-8", "replace")
                found = json.loads(text)
                self.place = found if isinstance(found, dict) else {}

    def _output_log(self) -> Iterator[Item]:
        with contextlib.suppress(OSError), open(self.files / "output.log", "rb") as file:
            while piece := file.readline(1 << 20):
                yield Printed(piece.decode("utf-8", "replace"))

    def rest(self, parts: list[Part]) -> Iterator[Item]:
        """What is known at the end."""
        run, time = self.run, self.started
        if not (run.id or self.rows.last or self.config or self.printed):
            for (what, damage), count in self.missed.items():
                yield Missed(what, damage, count)
            return
        tags = dict.fromkeys(run.tags, "")
        if run.job_type:
            tags["job_type"] = run.job_type
        if run.sweep:
            tags["sweep"] = run.sweep
        yield Cells(
            time=time,
            config={join_path(path): value for path, value in self.config.items()},
            summary=self._summary(),
            tags=tags,
            name=run.name or None,
            group=run.group or None,
            notes={"wandb": run.notes} if run.notes else {},
        )
        yield Said(time, self._captured())
        yield from self._saved(parts)
        for (what, damage), count in self.missed.items():
            yield Missed(what, damage, count)
        if self.exit is not None:
            status: EndStatus = "failed" if self.exit else "finished"
            end = max(self.newest, self.rows.time)
            yield Ended(end, status, exit_code=self.exit)

    def _summary(self) -> dict[str, JSON]:
        """What the points do not say already."""
        out: dict[str, JSON] = {}
        for path, raw in self.summary.items():
            name = ".".join(path)
            if path[0] in ("_wandb", *OWN) or raw is None:
                continue
            with contextlib.suppress(ValueError):
                value = loads(raw)
                last = self.rows.last.get(name)
                if isinstance(value, dict) and "_type" in value:
                    continue
                if isinstance(value, dict | list):
                    value = json.loads(json.dumps(value), parse_constant=str)
                if last is None or not _same(value, last):
                    out[name] = value
        media = {p[0] for p in self.summary if p[-1] == "_type"}
        return {k: v for k, v in out.items() if k.split(".")[0] not in media}

    def _captured(self) -> Captured:
        place, run = self.place, self.run
        facts = {
            "git.commit": run.commit or place.get("git.commit") or _git(place, "commit"),
            "git.remote": run.remote or place.get("git.remote") or _git(place, "remote"),
            "process.script": place.get("program"),
            "host.name": run.host or place.get("host"),
            "user.name": place.get("username"),
            "env.python": str(place.get("python") or "").removeprefix("CPython ") or None,
            "env.os": place.get("os"),
            "gpu.name": place.get("gpu_type") or place.get("gpu"),
            "gpu.count": place.get("gpu_count"),
        }
        data: dict[str, JSON] = {"run_id": run.id, "entity": run.entity, "project": run.project}
        data["environment"] = place
        if self.used:
            data["used_artifacts"] = self.used
        with contextlib.suppress(OSError):
            text = (self.files / "requirements.txt").read_text("utf-8", "replace")
            data["requirements"] = text.splitlines()
        good = {name: value for name, value in facts.items() if value and _is_plain(value)}
        return Captured(part="wandb", data=data, facts=good)

    def _saved(self, parts: list[Part]) -> Iterator[Item]:
        """Files that the program saved with the run."""
        found: dict[str, Path] = {}
        for part in parts:
            top = part.path / "files"
            for path in sorted(top.rglob("*")):
                name = path.relative_to(top).as_posix()
                if name in KNOWN or name.startswith("media/") or not path.is_file():
                    continue
                if "tfevents" in path.name:
                    continue  # TensorBoard's own, which its importer reads
                if path.is_symlink() and not path.resolve().is_relative_to(top.resolve()):
                    self.miss("saved files that are links to elsewhere are left out")
                    continue
                found[name] = path
        if found:
            yield Kept(name=f"{self.name}/files", files=tuple(found.items()))


def _git(place: dict[str, Any], name: str) -> Any:
    git = place.get("git")
    return git.get(name) if isinstance(git, dict) else None


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int)


def _same(value: Any, last: float) -> bool:
    if isinstance(value, bool | int | float):
        number = float(value)
        return number == last or (number != number and last != last)
    return False


def _is_it(path: Path, entry: Entry) -> bool:
    """Whether a file is the one that was logged: what a record names is never taken on trust."""
    try:
        return base64.b64encode(md5_file(path)).decode() == entry.digest
    except OSError:
        return False
