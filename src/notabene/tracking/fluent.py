"""The same verbs without a run in hand: they act on the current one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from notabene.errors import UsageError
from notabene.tracking.context import current_run, last_run, need_run
from notabene.tracking.init import init

if TYPE_CHECKING:
    from notabene.model.records import EndStatus
    from notabene.tracking.artifact import Artifact
    from notabene.tracking.config import Config
    from notabene.tracking.run import Run
    from notabene.tracking.summary import Summary


def start_run(project: str | None = None, **kwargs: Any) -> Run:
    """The same as :func:`notabene.init`."""
    return init(project, **kwargs)


def log(data: Mapping[str, Any], *, step: int | None = None) -> None:
    """Log values of one step to the current run; see :meth:`notabene.Run.log`.

    Raises:
        UsageError: There is no run, ``data`` is no mapping, or a key is no text.
    """
    _run_to_log("log").log(data, step=step)


def _run_to_log(verb: str) -> Run:
    """The current run; after the last one it is that one, which notes what comes too late."""
    return current_run() or last_run() or need_run(verb)  # type: ignore[return-value]  # all are


def finish(status: EndStatus = "finished") -> None:
    """End the current run; does nothing where there is none."""
    run = current_run()
    if run is not None:
        run.finish(status)


def end_run(status: EndStatus = "finished") -> None:
    """The same as :func:`finish`."""
    finish(status)


def log_param(key: str, value: Any) -> None:
    """Set one config value of the current run."""
    need_run("log_param").log_param(key, value)


def log_params(params: Mapping[str, Any]) -> None:
    """Set several config values of the current run."""
    need_run("log_params").log_params(params)


def log_metric(key: str, value: Any, *, step: int | None = None) -> None:
    """Log one number; without ``step`` it gets the next one of this key."""
    _run_to_log("log_metric").log_metric(key, value, step=step)


def log_metrics(metrics: Mapping[str, Any], *, step: int | None = None) -> None:
    """Log several numbers of one step."""
    _run_to_log("log_metrics").log(metrics, step=step)


def log_text(key: str, text: str, *, step: int | None = None) -> None:
    """Log a text."""
    _run_to_log("log_text").log_text(key, text, step=step)


def log_image(key: str, image: Any, *, step: int | None = None, caption: str | None = None) -> None:
    """Log an image."""
    _run_to_log("log_image").log_image(key, image, step=step, caption=caption)


def log_table(
    key: str,
    table: Any = None,
    *,
    columns: Iterable[str] | None = None,
    data: Any = None,
    step: int | None = None,
) -> None:
    """Log a table."""
    _run_to_log("log_table").log_table(key, table, columns=columns, data=data, step=step)


def log_figure(key: str, figure: Any, *, step: int | None = None) -> None:
    """Log a figure of matplotlib or plotly."""
    _run_to_log("log_figure").log_figure(key, figure, step=step)


def log_code_version(version: str | None = None, **details: Any) -> None:
    """Say which version of the code runs; default is the one found by itself."""
    need_run("log_code_version").log_code_version(version, **details)


def log_artifact(
    source: str | PathLike[str] | Artifact,
    *,
    name: str | None = None,
    type: str = "file",
    aliases: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    description: str = "",
) -> Artifact:
    """Keep a file or folder as the next version of a named artifact."""
    return need_run("log_artifact").log_artifact(
        source,
        name=name,
        type=type,
        aliases=aliases,
        metadata=metadata,
        description=description,
    )


def log_artifacts(
    folder: str | PathLike[str],
    *,
    name: str | None = None,
    type: str = "file",
    aliases: Iterable[str] = (),
) -> Artifact:
    """Keep a folder as the next version of a named artifact."""
    return need_run("log_artifacts").log_artifacts(folder, name=name, type=type, aliases=aliases)


def use_artifact(ref: str | Artifact, *, role: str = "") -> Artifact:
    """Take a version of an artifact as an input of the current run."""
    return need_run("use_artifact").use_artifact(ref, role=role)


def log_data(path: str | os.PathLike[str], *, snapshot: bool | None = None) -> int:
    """Count a file, or all files of a folder, among what the current run read."""
    return need_run("log_data").log_data(path, snapshot=snapshot)


def use_data(path: str | os.PathLike[str], *, snapshot: bool | None = None) -> Path:
    """The same as :func:`log_data`, where the path is used at once.

        rows = open(notabene.use_data("train.csv"))

    Returns:
        The path.
    """
    log_data(path, snapshot=snapshot)
    return Path(path)


def set_tag(name: str, value: Any = "") -> None:
    """Add one tag, with a value or without."""
    need_run("set_tag").set_tag(name, value)


def set_tags(tags: Mapping[str, Any] | Iterable[str] | str) -> None:
    """Add tags."""
    need_run("set_tags").set_tags(tags)


def note(text: str) -> str:
    """Write a note into the current run's page of the notebook; returns its id."""
    return need_run("note").note(text)


def conclude(
    text: str, *, verdict: Literal["supported", "refuted", "unclear"] | None = None
) -> None:
    """Write down what the current run showed."""
    need_run("conclude").conclude(text, verdict=verdict)


def alert(
    title: str, text: str = "", *, level: Literal["info", "warning", "error"] = "warning"
) -> None:
    """Record something that wants to be seen."""
    need_run("alert").alert(title, text, level=level)


def define_metric(
    key: str,
    *,
    x: str | None = None,
    goal: Literal["min", "max"] | None = None,
    unit: str | None = None,
    summary: str | None = None,
) -> None:
    """Say how a metric of the current run is to be read."""
    need_run("define_metric").define_metric(key, x=x, goal=goal, unit=unit, summary=summary)


class _Current:
    """``notabene.config`` and ``notabene.summary``: those of the current run."""

    def __init__(self, which: str) -> None:
        object.__setattr__(self, "_which", which)

    def _target(self) -> Any:
        run = current_run()
        which = object.__getattribute__(self, "_which")
        if run is None:
            raise UsageError(
                f"notabene.{which} was used outside a run", hint="call notabene.init() first"
            )
        return getattr(run, which)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target(), name, value)

    def __getitem__(self, key: str) -> Any:
        return self._target()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._target()[key] = value

    def __contains__(self, key: object) -> bool:
        return key in self._target()

    def __iter__(self) -> Any:
        return iter(self._target())

    def __len__(self) -> int:
        return len(self._target())

    def __repr__(self) -> str:
        return repr(self._target())


config: Config = _Current("config")  # type: ignore[assignment]  # stands in for it
summary: Summary = _Current("summary")  # type: ignore[assignment]  # stands in for it
