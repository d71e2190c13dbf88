"""What people change: each change is a record in the desk journal, safe when the call returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notabene._ids import new_id, user_name
from notabene.api.door import RunRef
from notabene.api.trash import bring_back, put_away
from notabene.api.views import ViewEdits
from notabene.artifacts.cells import Stamp, read_cells
from notabene.errors import ConflictError, NotFoundError, UsageError
from notabene.journal.folder import artifact_folder
from notabene.model.entities import ArtifactVersion, RunInfo
from notabene.model.records import (
    VERDICTS,
    AliasMoved,
    AnyRecord,
    ArtifactDeleted,
    Captured,
    Concluded,
    HypothesisStated,
    NoteWritten,
    Renamed,
    RunArchived,
    RunDeleted,
    StopRequested,
    TagsChanged,
)
from notabene.model.refs import check_alias, check_name, parse_artifact
from notabene.tracking.keys import tag_cells

MAX_TEXT = 1 << 20


class Edits(ViewEdits):
    """The changes of :class:`notabene.Api`.

    All may be repeated, from any thread and process; of two changes of one thing the later stands.
    """

    def _edit(self, run: RunRef, record: AnyRecord) -> RunInfo:
        info = self._info(run)
        self._write([(info.id, record)], after=info.updated)
        return info

    def record_proof(self, run: RunRef, proof: str, data: Mapping[str, Any]) -> None:
        """Record what a rerun has proven about a run.

        Args:
            run: The run that was rerun.
            proof: ``steps``, ``proven`` or ``differs``.
            data: The verdict, as JSON values.
        """
        self._edit(
            run,
            Captured(part="proof", data={"proof": proof, **data}, facts={"proof": proof}),
        )

    # -- words -----------------------------------------------------------------------------

    def tag(self, run: RunRef, *tags: str | Mapping[str, Any], **values: Any) -> None:
        """Add tags: ``tag(run, "baseline", "team=vision")`` or ``tag(run, team="vision")``.

        Raises:
            UsageError: A tag is no text, or too long, or none is given.
        """
        cells: dict[str, str] = {}
        for one in tags:
            cells |= tag_cells(one)
        cells |= tag_cells(values)
        if not cells:
            raise UsageError("no tag is named", hint="tag(run, 'baseline')")
        self._edit(run, TagsChanged(set=cells))

    def untag(self, run: RunRef, *tags: str) -> None:
        """Take tags away; those that the run has not are taken for done."""
        names = tuple(check_name(tag.partition("=")[0], "tag") for tag in tags)
        if not names:
            raise UsageError("no tag is named", hint="untag(run, 'baseline')")
        self._edit(run, TagsChanged(removed=names))

    def note(self, run: RunRef, text: str, *, id: str | None = None) -> str:
        """Write a note on a run.

        Args:
            run: The run.
            text: What to note; with an ``id`` an empty text takes the note back.
            id: A note that is there, to change it.

        Returns:
            The note's id.
        """
        note_id = id or new_id()
        text = _text(text, "note", empty=id is not None)
        self._edit(run, NoteWritten(id=note_id, text=text, author=user_name()))
        return note_id

    def note_project(self, project: str, text: str, *, id: str | None = None) -> str:
        """Write a note on a project, without a run; as :meth:`note`.

        Returns:
            The note's id.
        """
        name = check_name(project, "project name")
        note_id = id or new_id()
        text = _text(text, "note", empty=id is not None)
        self._fresh()
        newest = max((note.time for note in self.store.notes(name)), default=0)
        record = NoteWritten(id=note_id, text=text, author=user_name(), project=name)
        self._write([("", record)], after=newest)
        return note_id

    def hypothesis(self, run: RunRef, text: str) -> None:
        """Say what a run is meant to show."""
        self._edit(run, HypothesisStated(text=_text(text, "hypothesis", empty=True)))

    def conclude(self, run: RunRef, text: str, verdict: str | None = None) -> None:
        """Write down what a run showed.

        Args:
            run: The run.
            text: What it showed.
            verdict: On its hypothesis: ``supported``, ``refuted`` or ``unclear``.
        """
        if verdict and verdict not in VERDICTS:
            allowed = ", ".join(VERDICTS)
            raise UsageError(f"the verdict {verdict!r} is unknown; allowed are {allowed}")
        text = _text(text, "conclusion")
        word: Any = verdict or ""
        self._edit(run, Concluded(text=text, verdict=word, author=user_name()))

    def withdraw_conclusion(self, run: RunRef) -> None:
        """Take back what was concluded; its record stays in the journal, nobody is shown it."""
        self._edit(run, Concluded(text="", author=user_name()))

    def rename(
        self,
        run: RunRef,
        name: str | None = None,
        *,
        group: str | None = None,
        project: str | None = None,
    ) -> None:
        """Give a run another name, group or project; what is None stays."""
        if name is None and group is None and project is None:
            raise UsageError("no new name is given", hint="rename(run, 'baseline')")
        record = Renamed(
            name=None if name is None else check_name(name, "run name"),
            group=check_name(group, "group") if group else group,
            project=None if project is None else check_name(project, "project name"),
        )
        self._edit(run, record)

    # -- the trash -------------------------------------------------------------------------

    def archive(self, run: RunRef, *, archived: bool = True) -> None:
        """Put a run aside, or back: kept, but not listed by default."""
        self._edit(run, RunArchived(archived=archived))

    def delete(self, run: RunRef, *, force: bool = False) -> None:
        """Move a run to the trash, where it stays for 30 days.

        Args:
            run: The run.
            force: Also a run that is at work.

        Raises:
            ConflictError: The run is at work.
        """
        info = self._info(run)
        if info.status == "running" and not force:
            raise ConflictError(
                f"run {info.name!r} is at work", hint=f"stop it first: notabene stop {info.id[-6:]}"
            )
        # The record first: what lies in the trash without one would count as lost.
        if not info.deleted:
            self._write([(info.id, RunDeleted())], after=info.updated)
        put_away(self.folder, info.id)

    def restore(self, run: RunRef) -> None:
        """Take a run out of the trash, as it was.

        Raises:
            NotFoundError: It was removed for good.
        """
        info = self._info(run)
        if not bring_back(self.folder, info.id, info.created):
            raise NotFoundError(f"run {info.name!r} was removed for good")
        if info.deleted:
            self._write([(info.id, RunDeleted(deleted=False))], after=info.updated)

    def stop(self, run: RunRef) -> None:
        """Ask a run to end as if by Ctrl-C; it looks every few seconds.

        Raises:
            ConflictError: The run is not at work.
        """
        info = self._info(run)
        if info.status not in ("running", "lost"):
            raise ConflictError(f"run {info.name!r} is {info.status}; there is nothing to stop")
        self._write([(info.id, StopRequested(author=user_name()))], after=info.updated)

    # -- artifacts -------------------------------------------------------------------------

    def alias(self, ref: str, alias: str) -> None:
        """Let a word point at a version of an artifact.

        Args:
            ref: ``name:v3``, ``name:alias`` or ``name``.
            alias: Any word but ``latest``, which is computed.

        Raises:
            NotFoundError: There is no such version.
            RefError, UsageError: The word cannot be an alias.
        """
        version = self.versions.resolve(ref)
        self._move(version.name, check_alias(alias), version.version)

    def unalias(self, ref: str, alias: str | None = None) -> None:
        """Take an alias away: ``unalias("model:best")`` or ``unalias("model", "best")``.

        Raises:
            NotFoundError: The artifact has no such alias.
        """
        parsed = parse_artifact(ref)
        word = alias if alias is not None else parsed.alias or "latest"
        if word not in self.versions.aliases(parsed.name):
            raise NotFoundError(f"the artifact {parsed.name!r} has no alias {word!r}")
        self._move(parsed.name, check_alias(word), None)

    def _move(self, name: str, alias: str, version: int | None) -> None:
        if alias == "latest":
            raise UsageError("the alias 'latest' is always the version last logged; it is not set")
        stamp = self._mark(name, AliasMoved(name=name, alias=alias, version=version))
        self.versions.set_alias(name, alias, version, stamp)

    def delete_artifact(self, ref: str) -> ArtifactVersion:
        """Move a version to the trash; its content stays for 30 days.

        Raises:
            NotFoundError: There is no such version.
        """
        version = self.versions.resolve(ref)
        record = ArtifactDeleted(name=version.name, version=version.version)
        self.versions.delete(version.name, version.version, self._mark(version.name, record))
        return version

    def restore_artifact(self, ref: str) -> ArtifactVersion:
        """Take a version out of the trash: ``name:v3``.

        Raises:
            UsageError: The reference names no number.
            NotFoundError: There is no such version.
            ConflictError: It was deleted for good.
        """
        parsed = parse_artifact(ref)
        if parsed.version is None:
            raise UsageError(f"{ref!r} names no version", hint=f"{parsed.name}:v3")
        known = {v.version for v in self.versions.list(parsed.name, deleted=True)}
        if parsed.version not in known:
            raise NotFoundError(f"there is no {parsed} to restore")
        record = ArtifactDeleted(name=parsed.name, version=parsed.version, deleted=False)
        self.versions.restore(parsed.name, parsed.version, self._mark(parsed.name, record))
        return self.versions.get(parsed.name, parsed.version)

    def _mark(self, name: str, record: AnyRecord) -> Stamp:
        """Write a record about an artifact; gives its stamp, later than all that stands there."""
        cells = read_cells(self.folder.artifacts / artifact_folder(name) / "cells")
        newest = max((cell.stamp.time for cell in cells.values()), default=0)
        (entry,) = self._write([("", record)], after=newest)
        return Stamp(entry.time, entry.writer, entry.seq)


def _text(text: Any, what: str, *, empty: bool = False) -> str:
    if not isinstance(text, str) or (not text.strip() and not empty):
        shown = f"{type(text).__name__} {text!r}"[:80]
        raise UsageError(f"a {what} must be a text that is not empty, not {shown}")
    kept = text.encode("utf-8", "replace")
    if len(kept) > MAX_TEXT:
        raise UsageError(
            f"this {what} has {len(text):,} characters; at most {MAX_TEXT:,} bytes are allowed",
            hint="log it as an artifact",
        )
    return kept.decode()
