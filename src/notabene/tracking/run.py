"""The run: what a training program holds in its hand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from notabene._ids import new_id
from notabene.errors import UsageError
from notabene.model.records import (
    LEVELS,
    VERDICTS,
    AlertRaised,
    Captured,
    Concluded,
    EndStatus,
    HypothesisStated,
    MetricDefined,
    NoteWritten,
    Renamed,
    TagsChanged,
)
from notabene.model.refs import check_name
from notabene.tracking import context
from notabene.tracking.keys import no_text, tag_cells
from notabene.tracking.recorder import Recorder, short_repr

if TYPE_CHECKING:
    from notabene.tracking.artifact import Artifact

GOALS = ("min", "max")
SUMMARIES = ("last", "min", "max", "mean", "best", "first", "none")


class Run(Recorder):
    """One experiment being recorded.

    Made by :func:`notabene.init`. A context manager: leaves ``failed`` on an exception. All
    methods may be called from any thread; ``log*`` never wait for a disk or a network, and
    raise only for wrong use. After ``fork`` the child logs into the same run by itself.

    Attributes:
        id: The run's id.
        name: Its name.
        project: Its project.
        config: Nested settings of the experiment; see :class:`Config`.
        summary: One value a key: what a reader should see first.
        path: Folder of the run in the store; None in mode ``disabled``.
        url: Its page, or None where no server is known.
        rank: This process's rank in a distributed job.
    """

    def define_metric(
        self,
        key: str,
        *,
        x: str | None = None,
        goal: Literal["min", "max"] | None = None,
        unit: str | None = None,
        summary: str | None = None,
    ) -> None:
        """Say how a metric is to be read.

        Args:
            key: The metric; ``val/*`` means all with that beginning.
            x: Metric to draw it over instead of the step.
            goal: Whether less (``min``) or more (``max``) is better; decides ``best``.
            unit: Shown at axes: ``s``, ``%``, ``GB``.
            summary: Which value stands for the run: last (default), min, max, mean, best,
                first or none.

        Raises:
            UsageError: A word that is not allowed.
        """
        key = check_name(key, "metric")
        if goal is not None and goal not in GOALS:
            raise _unknown("goal", goal, GOALS)
        if summary is not None and summary not in SUMMARIES:
            raise _unknown("summary", summary, SUMMARIES)
        if summary == "best" and goal is None:
            raise UsageError("summary='best' needs goal='min' or goal='max'")
        self.say(
            "define_metric()",
            MetricDefined(
                key=key,
                x=check_name(x, "metric") if x else "",
                goal=goal or "",
                unit=check_name(unit, "metric's unit") if unit else "",
                summary=summary or "",  # type: ignore[arg-type]  # checked above
            ),
        )

    def set_tags(self, tags: Mapping[str, Any] | Iterable[str] | str) -> None:
        """Add tags: words, or names with values.

        Raises:
            UsageError: A tag is no text.
        """
        self.say("set_tags()", TagsChanged(set=tag_cells(tags)))

    def set_tag(self, name: str, value: Any = "") -> None:
        """Add one tag, with a value or without."""
        self.set_tags({name: value})

    def tag(self, *tags: str) -> None:
        """Add plain tags."""
        self.set_tags(tags)

    def remove_tag(self, *names: str) -> None:
        """Take tags away."""
        self.say("remove_tag()", TagsChanged(removed=tuple(check_name(n, "tag") for n in names)))

    def note(self, text: str) -> str:
        """Write a note into the run's page of the notebook; returns its id.

        Raises:
            UsageError: The text is empty or no text.
        """
        note_id = new_id()
        self.say("note()", NoteWritten(id=note_id, text=_text(text, "note"), author=self.user))
        return note_id

    def hypothesis(self, text: str) -> None:
        """State what the run is meant to show."""
        self.say("hypothesis()", HypothesisStated(text=_text(text, "hypothesis")))

    def conclude(
        self, text: str, *, verdict: Literal["supported", "refuted", "unclear"] | None = None
    ) -> None:
        """Write down what the run showed.

        Raises:
            UsageError: The text is empty, or the verdict is another word.
        """
        if verdict is not None and verdict not in VERDICTS:
            raise _unknown("verdict", verdict, VERDICTS)
        self.say(
            "conclude()",
            Concluded(text=_text(text, "conclusion"), verdict=verdict or "", author=self.user),
        )

    def rename(self, name: str) -> None:
        """Give the run another name."""
        self.name = check_name(name, "run name")
        self.say("rename()", Renamed(name=self.name))

    @property
    def health(self) -> dict[str, tuple[str, int]]:
        """What went wrong in the record so far: code to (message, how often)."""
        return dict(self.guard.health)

    def end_run(self, status: EndStatus = "finished") -> None:
        """The same as :meth:`finish`."""
        self.finish(status)

    def __enter__(self) -> Run:
        context.use(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from notabene.tracking.lifecycle import ending_of

        if kind is None or error is None:
            self.finish()
        else:
            self.finish(**ending_of(error, trace))

    def __repr__(self) -> str:
        return f"<notabene run {self.project}/{self.name} {self.id} {self.status}>"

    def _repr_html_(self) -> str:
        from notabene.tracking.html import run_html

        return run_html(self)

    # -- the plain verbs that people know from other trackers

    def log_param(self, key: str, value: Any) -> None:
        """Set one config value: ``log_param("lr", 0.1)``. A dot in the key nests."""
        self.config[key] = value

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Set several config values."""
        self.config.update(params)

    def log_metric(self, key: str, value: Any, *, step: int | None = None) -> None:
        """Log one number; without ``step`` it gets the next one of this key.

        Raises:
            UsageError: The key is no text.
        """
        if not isinstance(key, str):
            raise no_text(key)
        self.log({key: value}, step=self._step_of(key, step))

    def count_from(self, steps: Mapping[str, int]) -> None:
        """Largest steps of metrics before the run was resumed."""
        self._steps.update(steps)

    def _step_of(self, key: str, step: Any) -> int | None:
        """The step of a number logged by itself; None: the next one of its key."""
        writer = self._ensure_writer()
        if writer is None or not self.active:
            return None
        if step is None:
            # What log() gave the key has the run's own steps.
            before = self._steps.get(key, writer.ring.step if writer.ring.knows(key) else -1)
            step = before + 1
        at: int = step if type(step) is int and step < 2**62 else self._whole_step(writer, step)
        self._steps[key] = at
        return at

    def log_metrics(self, metrics: Mapping[str, Any], *, step: int | None = None) -> None:
        """The same as :meth:`log`."""
        self.log(metrics, step=step)

    def log_text(self, key: str, text: str, *, step: int | None = None) -> None:
        """Log a text at a step."""
        from notabene.tracking.media import Text

        self._log_media(key, step, lambda: Text(text))

    def log_image(
        self, key: str, image: Any, *, step: int | None = None, caption: str | None = None
    ) -> None:
        """Log an image: path, bytes, array (HW, HWC, CHW) or a PIL image; others are noted."""
        from notabene.tracking.media import Image

        def make() -> Image:
            return image if isinstance(image, Image) else Image(image, caption=caption)

        self._log_media(key, step, make)

    def log_table(
        self,
        key: str,
        table: Any = None,
        *,
        columns: Iterable[str] | None = None,
        data: Any = None,
        step: int | None = None,
    ) -> None:
        """Log a table: a Table, a data frame, columns by name, or ``columns`` and ``data`` (rows).

        Rows that do not fit the columns are noted, and not kept.
        """
        from notabene.tracking.media import Table

        def make() -> Table:
            if isinstance(table, Table):
                return table
            return Table(columns, table if data is None else data)

        self._log_media(key, step, make)

    def log_figure(self, key: str, figure: Any, *, step: int | None = None) -> None:
        """Log a figure of matplotlib or plotly; what is neither is noted."""
        from notabene.tracking.media import Figure

        def make() -> Figure:
            return figure if isinstance(figure, Figure) else Figure(figure)

        self._log_media(key, step, make)

    def log_code_version(self, version: str | None = None, **details: Any) -> None:
        """Say which version of the code runs; default is the one found by itself (git).

        Args:
            version: A commit, tag or version of your own.
            details: Anything that belongs to it: ``repository="..."``, ``branch="..."``.
        """
        if version is None and not details:
            if self.attendance is not None:
                self.attendance.capture_code()
            return
        from notabene.tracking.config import plain

        word = "" if version is None else str(version)
        data = {"version": word, **plain(details)}
        self.say(
            "log_code_version()",
            Captured(part="code_version", data=data, facts={"code.version": word}),
        )

    def log_artifact(
        self,
        source: str | PathLike[str] | Artifact,
        *,
        name: str | None = None,
        type: str = "file",
        aliases: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> Artifact:
        """Keep a file or a folder as the next version of a named artifact.

        Content that the newest version already holds gives no new version. Where the disk is full
        or fails, the run goes on with a warning, and the artifact has no version.

        Args:
            source: File, folder, or an :class:`Artifact` put together by hand.
            name: Default is the name of the file or folder.
            type: A word of your own: ``model``, ``dataset``, ``file`` ...
            aliases: Words that shall point at this version; ``latest`` does by itself.
            metadata: Anything of JSON to keep with the version.
            description: A sentence for people.

        Raises:
            NotFoundError: There is no such file.
            RefError: The name or an alias cannot be one.
            ConflictError: The run has finished.
        """
        from notabene.tracking.artifact import log_artifact

        return log_artifact(
            self,
            source,
            name=name,
            type=type,
            aliases=aliases,
            metadata=metadata,
            description=description,
        )

    def log_artifacts(
        self,
        folder: str | PathLike[str],
        *,
        name: str | None = None,
        type: str = "file",
        aliases: Iterable[str] = (),
    ) -> Artifact:
        """Keep a folder; the same as :meth:`log_artifact`."""
        return self.log_artifact(folder, name=name, type=type, aliases=aliases)

    def use_artifact(self, ref: str | Artifact, *, role: str = "") -> Artifact:
        """Take a version of an artifact as an input of the run.

        Args:
            ref: ``name``, ``name:v3`` or ``name:alias``.
            role: What it is used as: ``train``, ``init`` ...

        Raises:
            NotFoundError: There is no such version.
            RefError: It is no reference.
        """
        from notabene.tracking.artifact import use_artifact

        return use_artifact(self, ref, role=role)

    def log_data(self, path: str | os.PathLike[str], *, snapshot: bool | None = None) -> int:
        """Count a file, or all files of a folder, among what the run read.

        Files that the program opens are found by themselves; this is for those that cannot be seen,
        and for keeping more of them.

        Args:
            path: File or folder.
            snapshot: True keeps the content whatever its size, False only its digest; default
                keeps files up to 64 MiB, 1 GiB in all.

        Returns:
            How many files.

        Raises:
            NotFoundError: There is none.
            UsageError: It is no path, no regular file, or more than 100,000 files.
        """
        from notabene.tracking.inputs import log_data

        return log_data(self, path, snapshot=snapshot)

    def alert(
        self,
        title: str,
        text: str = "",
        *,
        level: Literal["info", "warning", "error"] = "warning",
    ) -> None:
        """Record something that wants to be seen.

        Raises:
            UsageError: The title is empty or the level another word.
        """
        if level not in LEVELS:
            raise _unknown("level", level, LEVELS)
        self.say(
            "alert()",
            AlertRaised(
                id=new_id(),
                title=_text(title, "title of an alert")[:1000],
                text=str(text)[:65_536],
                level=level,
            ),
        )


def _text(text: Any, what: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"a {what} must be a text that is not empty, not {short_repr(text, 60)}")
    return text.encode("utf-8", "replace").decode()


def _unknown(what: str, given: object, allowed: Iterable[str]) -> UsageError:
    return UsageError(
        f"the {what} {short_repr(given, 60)} is unknown; it is one of {', '.join(allowed)}"
    )
