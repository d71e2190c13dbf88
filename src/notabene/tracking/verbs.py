"""The plain verbs that people know from other trackers, as thin words over ``Run``'s own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from notabene._ids import new_id
from notabene.errors import UsageError
from notabene.model.records import LEVELS, AlertRaised, Captured, ValueLogged
from notabene.tracking.guard import guarded
from notabene.tracking.media import Figure, Image, Media, Table, Text

if TYPE_CHECKING:
    from notabene.tracking.artifact import Artifact
    from notabene.tracking.run import Run


class Verbs:
    """Mixin of :class:`~notabene.tracking.run.Run`."""

    def log_param(self: Run, key: str, value: Any) -> None:
        """Set one config value: ``log_param("lr", 0.1)``. A dot in the key nests."""
        self.config[key] = value

    def log_params(self: Run, params: Mapping[str, Any]) -> None:
        """Set several config values."""
        self.config.update(params)

    def log_metric(self: Run, key: str, value: Any, *, step: int | None = None) -> None:
        """Log one number; without ``step`` it gets the next one of this key.

        Raises:
            UsageError: The key is no text.
        """
        if step is None:
            step = self._steps.get(key, -1) + 1
        if isinstance(step, int):
            self._steps[key] = step
        self.log({key: value}, step=step)

    def log_metrics(self: Run, metrics: Mapping[str, Any], *, step: int | None = None) -> None:
        """The same as :meth:`log`."""
        self.log(metrics, step=step)

    def log_text(self: Run, key: str, text: str, *, step: int | None = None) -> None:
        """Log a text at a step."""
        self._log_media(key, Text(text), step)

    def log_image(
        self: Run, key: str, image: Any, *, step: int | None = None, caption: str | None = None
    ) -> None:
        """Log an image: path, bytes, array (HW, HWC, CHW) or a PIL image.

        Raises:
            UsageError: It is none of these.
        """
        value = image if isinstance(image, Image) else Image(image, caption=caption)
        self._log_media(key, value, step)

    def log_table(
        self: Run,
        key: str,
        table: Any = None,
        *,
        columns: Iterable[str] | None = None,
        data: Any = None,
        step: int | None = None,
    ) -> None:
        """Log a table: a Table, a data frame, or ``columns`` and ``data`` (rows).

        Raises:
            UsageError: The rows do not fit the columns.
        """
        if isinstance(table, Table):
            value = table
        elif table is not None and data is None:
            value = Table(dataframe=table) if columns is None else Table(list(columns), table)
        else:
            value = Table(None if columns is None else list(columns), data)
        self._log_media(key, value, step)

    def log_figure(self: Run, key: str, figure: Any, *, step: int | None = None) -> None:
        """Log a figure of matplotlib or plotly.

        Raises:
            UsageError: It is neither.
        """
        self._log_media(key, figure if isinstance(figure, Figure) else Figure(figure), step)

    def _log_media(self: Run, key: str, value: Media, step: int | None) -> None:
        if not self.active:
            self._log_after_end(1)
            return
        writer = self._ensure_writer()
        if writer is not None:
            self.put_value(key, value, self._whole_step(writer, step))

    @guarded
    def put_value(self: Run, key: str, value: Media, step: int) -> None:
        """Keep a value that is no number: bytes first, then the record that names them."""
        from notabene.tracking.keys import metric_name

        encoded = value.encode()
        if encoded.blobs:
            self.keep_blobs(encoded.blobs)
        name = metric_name(key, self.guard.note)
        self.record(ValueLogged(key=name, step=step, kind=encoded.kind, value=encoded.value))

    def log_code_version(self: Run, version: str | None = None, **details: Any) -> None:
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

        data = {"version": version or "", **plain(details)}
        self.record(Captured(part="code_version", data=data, facts={"code.version": version or ""}))

    def log_artifact(
        self: Run,
        source: str | PathLike[str] | Artifact,
        *,
        name: str | None = None,
        type: str = "file",
        aliases: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> Artifact:
        """Keep a file or a folder as the next version of a named artifact.

        Content that the newest version already holds gives no new version.

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
            aliases=tuple(aliases),
            metadata=metadata,
            description=description,
        )

    def log_artifacts(
        self: Run,
        folder: str | PathLike[str],
        *,
        name: str | None = None,
        type: str = "file",
        aliases: Iterable[str] = (),
    ) -> Artifact:
        """Keep a folder; the same as :meth:`log_artifact`."""
        return self.log_artifact(folder, name=name, type=type, aliases=aliases)

    def use_artifact(self: Run, ref: str | Artifact, *, role: str = "") -> Artifact:
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

    def alert(
        self: Run,
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
            raise UsageError(f"the level {level!r} is unknown; it is one of {', '.join(LEVELS)}")
        if not isinstance(title, str) or not title.strip():
            raise UsageError("an alert needs a title")
        self.record(
            AlertRaised(id=new_id(), title=title[:1000], text=str(text)[:65_536], level=level)
        )
