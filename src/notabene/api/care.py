"""Moving runs in and out, and keeping a store in order."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from notabene.api import given
from notabene.api.archive import Progress
from notabene.api.bundle import Bundle, Exported
from notabene.api.digests import Referenced, follow_lists, referenced_by
from notabene.api.door import RunRef
from notabene.api.edits import Edits
from notabene.api.imports import Imported, import_bundle
from notabene.api.reading import Reading
from notabene.api.runs import Runs, RunView
from notabene.api.tables import Tables, write_csv, write_parquet
from notabene.api.trash import KEEP_DAYS, overdue, purge, size_of, tidy, trash_folder
from notabene.artifacts import gc
from notabene.artifacts.keep import surplus
from notabene.errors import NotFoundError, UsageError
from notabene.importers import (
    Adopter,
    Adoption,
    Given,
    Report,
    importer,
    is_url,
    open_source,
    take_in,
)
from notabene.model.entities import ArtifactVersion, Project
from notabene.model.refs import check_name
from notabene.query.ast import Field, Test
from notabene.store.seal import Sealed
from notabene.store.verify import CheckReport, RebuildReport

What = RunRef | Project | Iterable[RunRef]
"""A run, ``project:<name>``, a project, or several runs."""


class GcReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection did, or would do.

    Attributes:
        applied: Whether it was done.
        id: Names what was done, so that it can be undone; empty for a dry run.
        count: Pieces of content that went, or came back.
        bytes: Their bytes, with those of purged runs.
        runs: Runs that were removed for good.
        kept: How many pieces of content stay, by reason.
        missing: Digests that versions refer to and the store lacks.
    """

    applied: bool
    id: str = ""
    count: int = 0
    bytes: int = 0
    runs: tuple[str, ...] = ()
    kept: dict[str, int] = {}
    missing: tuple[str, ...] = ()


class Care(Reading, Edits):
    """Export, import and housekeeping of :class:`notabene.Api`."""

    # -- out and in ------------------------------------------------------------------------

    def export(
        self,
        what: What,
        path: str | os.PathLike[str],
        *,
        inputs: bool = False,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Exported:
        """Write runs, with all that belongs to them, into one file for :meth:`import_`.

        In it are journals and consoles, what people wrote about the runs, the artifact versions
        they made with their aliases, and all content these refer to. Equal runs give equal bytes.

        Args:
            what: A run, several, a project (``project:digits``), or what ``runs()`` found.
            path: The file; gets the suffix ``.notabene`` where it has none.
            inputs: Also the versions that the runs read.
            overwrite: Replace a file that is there.
            progress: Told of the bytes done and in all.

        Raises:
            NotFoundError: There is no such run, or nothing to export.
            ConflictError: The file is there already.
            AccessError, TransportError: It cannot be written.
        """
        ids, projects = self._chosen(what)
        self.refresh()  # brings home what dead writers left in their rings
        bundle = Bundle(self.folder, self.blobs, ids, projects, inputs=inputs)
        return bundle.write(given.path(path, "path"), overwrite=overwrite, progress=progress)

    def import_(
        self,
        path: str | os.PathLike[str],
        *,
        new_ids: bool = False,
        progress: Progress | None = None,
    ) -> Imported:
        """Take in what :meth:`export` wrote; doing it again changes nothing.

        The whole file is verified before anything is placed. A run that is here already is
        skipped, or completed where the file holds more of it; versions of artifacts whose number
        is taken get the next one.

        Args:
            path: The file.
            new_ids: Runs whose id another run has here get a new one.
            progress: Told of the bytes read and in all.

        Raises:
            FormatError: It is no bundle, not complete, or holds what no bundle has.
            IntegrityError: It is damaged.
            ConflictError: Another run has the id of one of its runs, and ``new_ids`` is not set.
            AccessError, TransportError: The store cannot be written to.
        """
        done = import_bundle(
            self.folder, self.blobs, given.path(path, "path"), new_ids=new_ids, progress=progress
        )
        self.refresh(runs=(*done.imported, *done.updated))
        return done

    def import_from(
        self,
        path: str | os.PathLike[str],
        *,
        kind: str = "",
        project: str = "",
        mapping: Mapping[str, str] | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        """Take in runs of another tool; doing it again adds only what is new there.

        Every point is compared with what was read before a run appears. What cannot be carried
        over stands in the report.

        Args:
            path: A file, folder or address: event files of TensorBoard, a store of MLflow, its
                server, folders of W&B, a table ...
            kind: What it is; empty to look.
            project: Project of all runs; by default what the source says.
            mapping: For tables, what a column is: ``{"lr": "config"}``.
            dry_run: Only say what would be imported.
            progress: Told of the bytes read and in all.

        Raises:
            NotFoundError: There is nothing at the path.
            UsageError: It looks like nothing that can be imported, or is not of that kind.
            FormatError: It cannot be read as what it is.
            MissingDependencyError: Reading it needs a library that is not installed.
            AccessError, TransportError: The store cannot be written to.
        """
        wanted = check_name(project, "project name") if project else ""
        default = self.settings["project"] or ""
        said = Given(project=wanted, mapping=dict(mapping or {}), default_project=default)
        if isinstance(path, str) and is_url(path):
            place: Path | str = path
        else:
            place = given.path(path, "path")
        source = open_source(place, kind, said)
        report = take_in(
            self.folder, self.blobs, source, str(place), dry_run=dry_run, progress=progress
        )
        if not dry_run:
            self.refresh(runs=[run.run for run in report.runs if run.fate in ("new", "more")])
        return report

    def adopt(
        self,
        folder: str | os.PathLike[str],
        *,
        project: str = "",
        dry_run: bool = False,
        ask: Callable[[Adoption], bool] | None = None,
        progress: Progress | None = None,
    ) -> Adoption:
        """Take in all runs below a folder, whoever wrote them, each once.

        What several tools saw of one run is put together; checkpoints are linked by their
        digest, not copied. Doing it again adds only what is new there.

        Args:
            folder: Where to look.
            project: Project of all runs; by default what each tool says.
            dry_run: Only say what is there.
            ask: Called with what is there; where it gives False, nothing is taken in.
            progress: Told of the bytes read and in all.

        Raises:
            NotFoundError: There is no such folder.
            UsageError: It is a file.
            AccessError, TransportError: The store cannot be written to.
        """
        place = given.path(folder, "folder")
        if not place.exists():
            raise NotFoundError(f"there is nothing at {place}", hint="name a folder")
        if not place.is_dir():
            raise UsageError(f"{place} is a file", hint=f"notabene import {place}")
        wanted = check_name(project, "project name") if project else ""
        said = Given(project=wanted, default_project=self.settings["project"] or "")
        adopter = Adopter(place, said, importer, self.folder)
        told = adopter.tell()
        if dry_run or (ask is not None and not ask(told)):
            return told
        done = adopter.take(self.blobs, progress)
        self.refresh(runs=[run.run for run in done.runs if run.fate in ("new", "more")])
        return done

    def export_parquet(
        self, what: What, path: str | os.PathLike[str], *, overwrite: bool = False
    ) -> Tables:
        """Write all points as a Parquet table, and the runs as another beside it.

        Args:
            what: As for :meth:`export`.
            path: ``name.parquet``; the runs go to ``name-runs.parquet``.
            overwrite: Replace files that are there.

        Raises:
            MissingDependencyError: pyarrow is not installed.
            ConflictError: A file is there already.
            AccessError, TransportError: They cannot be written.
        """
        runs = self._runs_of(what)
        infos = [view.info for view in runs]
        return write_parquet(self.store, infos, runs, given.path(path, "path"), overwrite=overwrite)

    def export_csv(
        self, what: What, path: str | os.PathLike[str], *, overwrite: bool = False
    ) -> Tables:
        """Write all points as CSV, and the runs beside it; as :meth:`export_parquet`.

        Numbers are written so that they read back to the bit; texts that a spreadsheet would run
        as a formula get a quote before them.
        """
        runs = self._runs_of(what)
        infos = [view.info for view in runs]
        return write_csv(self.store, infos, runs, given.path(path, "path"), overwrite=overwrite)

    def _chosen(self, what: What) -> tuple[list[str], tuple[str, ...]]:
        """Ids of the runs, and names of the projects that are meant as a whole."""
        if isinstance(what, str) and what.startswith("project:"):
            return self._of_project(what.removeprefix("project:"))
        if isinstance(what, Project):
            return self._of_project(what.name)
        if isinstance(what, Runs):
            ids = what.ids
        else:
            several = [what] if isinstance(what, RunView) else given.several(what, "runs")
            ids = [self._info(run).id for run in several]
        if not ids:
            raise NotFoundError("there is no run to export", hint="`notabene ls` lists the runs")
        return ids, ()

    def _of_project(self, name: str) -> tuple[list[str], tuple[str, ...]]:
        self.diary(name)  # says so where there is no such project
        return self.runs(project=name, archived=True).ids, (name,)

    def _runs_of(self, what: What) -> Runs:
        if isinstance(what, Runs):
            return what
        ids, _ = self._chosen(what)
        expr = Test(Field("attribute", "id"), "in", tuple(ids))
        return Runs(self, self.store.runs(expr, deleted=None, archived=None))

    # -- order -----------------------------------------------------------------------------

    def check(self) -> CheckReport:
        """Verify the index against the journals, and summaries against their points."""
        return self._index.check()

    def seal(self, *, seconds: float = 0.2) -> list[Sealed]:
        """Compact the journals of runs that have ended, as far as the time goes.

        Smaller files, and charts that decode nothing. Any reader may do it: the command line
        does at the end of a call. Whatever is broken off is left as it was.

        Args:
            seconds: Time to spend at most.

        Returns:
            What was compacted.
        """
        return self._index.seal(budget=given.number(seconds, "seconds", least=0))

    def rebuild(self) -> RebuildReport:
        """Make the index anew from the journals.

        Raises:
            TransportError: Another process is at work on it.
        """
        return self._index.rebuild()

    def gc(
        self,
        *,
        apply: bool = False,
        undo: bool | str = False,
        purge: bool = False,
        alone: bool = False,
        min_age_days: float = KEEP_DAYS,
    ) -> GcReport:
        """Remove content that nothing refers to any more: into the trash, for 30 days.

        Args:
            apply: Do it; otherwise only say what would go.
            undo: Bring back what the last collection took, or the one of this id.
            purge: Instead: remove for good what has been in the trash for 30 days, runs included.
            alone: Where content lies outside of the store (``NOTABENE_ARTIFACTS``): no other store
                uses that folder.
            min_age_days: Content stored or used within these days stays in any case, since a
                record that refers to it may be on its way.

        Raises:
            UsageError: Other stores may use the content, and ``alone`` is not set.
            FormatError: A journal or manifest is damaged, so that it cannot be told what is
                needed; nothing was removed.
            ConflictError: Another process is at it.
            NotFoundError: There is nothing to undo.
        """
        min_age_days = given.number(min_age_days, "min_age_days", least=0)
        if undo:
            return self._undo(undo)
        elsewhere = self.settings.artifacts
        if apply and elsewhere is not None and not alone:
            raise UsageError(
                f"the content lies in {elsewhere}, where other stores may need it",
                hint="say that none does: alone=True, or --alone",
            )
        self.refresh(full=True)
        if apply:
            tidy(self.folder, self.store.runs(deleted=True, archived=None).ids())
        return self._purge(apply=apply) if purge else self._collect(min_age_days, apply=apply)

    def _collect(self, min_age_days: float, *, apply: bool) -> GcReport:
        needed = self._referenced()
        plan = gc.plan(
            self.blobs,
            self.versions,
            needed.content,
            manifests=needed.manifests,
            min_age_days=min_age_days,
        )
        kept = {
            "referenced": plan.referenced.blobs,
            "young": plan.young.blobs,
            "packed": plan.packed.blobs,
        }
        missing = plan.missing
        if not apply or not (plan.goes.blobs or plan.packs or plan.missing):
            return GcReport(
                applied=apply,
                count=plan.goes.blobs,
                bytes=plan.goes.bytes,
                kept=kept,
                missing=missing,
            )
        done = gc.apply(self.blobs, plan)
        return GcReport(
            applied=True,
            id=done.id,
            count=len(done.digests),
            bytes=done.bytes,
            kept=kept,
            missing=missing,
        )

    def _referenced(self) -> Referenced:
        """What any run refers to, those in the trash included."""
        needed = Referenced()
        for place in list(self.folder.run_dirs()):
            referenced_by(place, needed, strict=True)
        with contextlib.suppress(FileNotFoundError):
            for place in sorted(trash_folder(self.folder).iterdir()):
                if place.is_dir():
                    referenced_by(place, needed, strict=True)
        follow_lists(needed, self.blobs, strict=True)
        return needed

    def _undo(self, which: bool | str) -> GcReport:
        open_ones = [t for t in self.blobs.trash.tombstones() if not t.restored and not t.purged]
        if which is True and not open_ones:
            raise NotFoundError("there is no collection to undo")
        chosen = max(open_ones, key=lambda t: t.time).id if which is True else str(which)
        done = gc.undo(self.blobs, chosen)
        return GcReport(applied=True, id=done.id, count=len(done.digests), bytes=done.bytes)

    def _purge(self, *, apply: bool) -> GcReport:
        runs = tuple(overdue(self.folder))
        size = sum(size_of(trash_folder(self.folder) / run) for run in runs)
        if not apply:
            due = self._overdue_content()
            return GcReport(applied=False, count=due[0], bytes=size + due[1], runs=runs)
        purge(self.folder, runs)
        self.refresh(full=True)
        needed = self._referenced()
        stones = gc.purge(
            self.blobs, self.versions, needed.content, manifests=needed.manifests, days=KEEP_DAYS
        )
        return GcReport(
            applied=True,
            count=sum(len(stone.digests) for stone in stones),
            bytes=size + sum(stone.bytes for stone in stones),
            runs=runs,
        )

    def _overdue_content(self) -> tuple[int, int]:
        from notabene._ids import now_us

        before = now_us() - round(KEEP_DAYS * gc.DAY)
        due = [
            stone
            for stone in self.blobs.trash.tombstones()
            if stone.time < before and not stone.restored and not stone.purged
        ]
        return sum(len(stone.digests) for stone in due), sum(stone.bytes for stone in due)

    def keep_artifacts(
        self,
        name: str,
        *,
        last: int | None = None,
        best: int | None = None,
        metric: str | None = None,
        goal: Literal["min", "max"] = "max",
        apply: bool = False,
    ) -> list[ArtifactVersion]:
        """Keep the last n or the best k versions of an artifact; the others go to the trash.

        Versions with an alias, or that a run read, stay in any case.

        Args:
            name: The artifact.
            last: Keep so many of the newest.
            best: Keep so many of the best, by ``metric`` of the run that made a version.
            metric: The metric.
            goal: Whether large or small values are good.
            apply: Do it; otherwise only say what would go.

        Returns:
            The versions that went, or would go, the oldest first.

        Raises:
            UsageError: Neither ``last`` nor ``best`` is given, or ``best`` without ``metric``.
            NotFoundError: There is no such artifact.
        """
        if best is not None and not metric:
            raise UsageError("best= needs metric=: by which values are they compared?")
        self._fresh()
        versions = self.artifacts(name)
        if not versions:
            self.versions.resolve(name)
        edges = self.store.links(artifact=name)
        used = {edge.version for edge in edges if edge.direction == "input"}
        values = self._values_of(versions, metric) if metric else {}
        gone = surplus(versions, last=last, best=best, values=values, goal=goal, used=used)
        for version in gone if apply else ():
            self.delete_artifact(version.ref)
        return list(gone)

    def _values_of(self, versions: Iterable[ArtifactVersion], metric: str) -> dict[int, float]:
        found = {}
        for version in versions:
            with contextlib.suppress(NotFoundError):
                summary = self.store.run(version.run).metrics.get(metric)
                if summary is not None:
                    found[version.version] = summary.value
        return found
