"""Records of runs, what is missing in them, and how they differ."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from notabene.api.reading import Reading
from notabene.errors import NotabeneError, NotFoundError
from notabene.model.canonical import digest_file
from notabene.model.evidence import FileRead
from notabene.proof.findings import Evidence, Finding, state
from notabene.proof.fingerprint import tables
from notabene.proof.record import Record, flat, record_of
from notabene.proof.repeats import FOLDER, Manifest, Repeats
from notabene.proof.review import review

if TYPE_CHECKING:
    from notabene.api.door import RunRef
    from notabene.compare.diff import Diff, Side
    from notabene.compare.repeated import Group
    from notabene.compare.waste import Waste
    from notabene.compare.whence import Origin, Writers
    from notabene.compare.why import Why
    from notabene.proof.source.facts import Facts


class Check(msgspec.Struct, kw_only=True):
    """Whether a run's record is complete, and what reruns have proven.

    Attributes:
        run: Its id.
        record: ``complete`` or ``gaps``.
        proof: ``untested``, ``steps``, ``proven`` or ``differs``.
        grade: ``proven``, ``complete`` or ``gaps``: the two in one word.
        findings: Worst first.
    """

    run: str
    record: str
    proof: str
    grade: str
    findings: list[Finding]


class Proofs(Reading):
    """The questions of :class:`notabene.Api` about what runs rest on."""

    def record(self, run: RunRef) -> Record:
        """All that was captured of a run, as one document.

        Raises:
            NotFoundError: There is no such run.
        """
        view = self.run(run)
        return record_of(
            self.captured(view),
            run=view.id,
            project=view.project,
            name=view.name,
            user=view.user,
            status=view.status,
            config=dict(view.config),
        )

    def sources(self, run: RunRef) -> dict[str, bytes]:
        """Python sources of a run as they were kept, by path, the script's first."""
        found: dict[str, bytes] = {}
        for source in self.record(run).sources.files:
            content = self.content(source.digest)
            if content is not None and not source.without_source:
                found[source.path] = content
        return found

    def check_run(self, run: RunRef) -> Check:
        """Look a run's record through again, also against the run before of the same script."""
        record = self.record(run)
        evidence = Evidence(record, self.facts_of(record), flat(record.config))
        repeats, manifest = self._repeats(record)
        found = review(evidence, tables(record, evidence.facts), repeats, manifest).findings
        proof = str(record.proof.get("proof", "untested"))
        complete = state(found)
        return Check(
            run=record.run,
            record=complete,
            proof=proof,
            grade="proven" if proof == "proven" else complete,
            findings=found,
        )

    def diff(self, a: RunRef, b: RunRef) -> Diff:
        """What differs between two runs, and in which metrics they part.

        Raises:
            NotFoundError: One of them is not there.
        """
        from notabene.compare.diff import diff

        one, other = self.side(a), self.side(b)
        return diff(one, other, self.partings(one.record.run, other.record.run))

    def why(self, a: RunRef, b: RunRef, *, metric: str | None = None) -> Why:
        """Why two runs differ, from the runs that exist.

        Args:
            a, b: The runs.
            metric: What is to be explained; default is the one that parts first.
        """
        from notabene.compare.why import Why, from_runs, sentence
        from notabene.proof.telling import headline_key
        from notabene.proof.versus import differences

        one, other = self.side(a), self.side(b)
        partings = self.partings(one.record.run, other.record.run)
        parted = [p for p in partings if p.first_divergent_step is not None]
        parted.sort(key=lambda p: (p.first_divergent_step or 0, p.metric))
        name = metric or headline_key({p.metric: 0.0 for p in parted})
        chosen = next((p for p in partings if p.metric == name), None)
        repeats, _ = self._repeats(one.record)
        memo: dict[str, Any] = {}
        runs = [(m, repeats.tables_of(m, memo)) for m in repeats.all()[-500:]]
        found = Why(
            a=one.record.run,
            b=other.record.run,
            metric=name,
            value_a=chosen.a if chosen else None,
            value_b=chosen.b if chosen else None,
            first_step=chosen.first_divergent_step if chosen else None,
            causes=from_runs(differences(one.tables, other.tables), name, runs, one.record.run),
        )
        found.answer = sentence(found)
        return found

    def side(self, run: RunRef) -> Side:
        """A run as :func:`notabene.compare.diff.diff` takes it."""
        from notabene.compare.diff import MOST_TEXT, Side

        record = self._unfolded(run)
        facts = self.facts_of(record)
        return Side(
            record=record,
            tables=tables(record, facts),
            facts=facts,
            texts=self.sources(run),
            blob=lambda digest: self.content(digest, most=MOST_TEXT),
        )

    def _unfolded(self, run: RunRef) -> Record:
        """A record with each file of the folders that are told in one line, where still known."""
        record = self.record(run)
        content = self.content(record.data.files_kept)
        if content is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                record.data.read += msgspec.json.decode(content, type=list[FileRead])
                record.data.sets = []
        return record

    def partings(self, a: RunRef, b: RunRef, *, upto: int | None = None) -> list[Any]:
        """Their metrics compared, step by step; system metrics do not count."""
        from notabene.compare.series import part

        one, other = self._curves(a), self._curves(b)
        return [
            part(key, one.get(key), other.get(key), upto=upto) for key in sorted({*one, *other})
        ]

    def _curves(self, run: RunRef) -> dict[str, Any]:
        from notabene.compare.series import Curve

        keys = [key for key in self.keys(run) if not key.startswith("system/")]
        found: dict[str, Any] = {}
        for key in keys:
            history = self.history(run, key)
            found[key] = Curve(history.steps, history.values)
        return found

    def facts_of(self, record: Record) -> dict[str, Facts]:
        """What the sources of a recorded run say by themselves, by path."""
        from notabene.proof.memory import SourceMemory

        memory = SourceMemory(self.settings.cache / "sources.sqlite")
        return memory.facts(self.sources(record.run))

    def content(self, digest: str, *, most: int | None = None) -> bytes | None:
        """Kept content by its digest; None where it is not here, or larger than ``most`` bytes."""
        if not digest:
            return None
        try:
            if most is not None and self.blobs.size(digest) > most:
                return None
            return self.blob(digest)
        except NotabeneError:
            return None

    def _repeats(self, record: Record) -> tuple[Repeats, Manifest | None]:
        script = next((one.path for one in record.sources.files if one.script), "")
        repeats = Repeats(self.store_path, script)
        # A run without a script is kept under the name of its program.
        for folder in [repeats.folder, *(self.store_path / FOLDER).glob("*")]:
            if (folder / record.run).is_file():
                repeats.folder = folder
                break
        found = [one for one in repeats.all() if one.run == record.run]
        return repeats, found[0] if found else None

    # -- over many runs --------------------------------------------------------------------

    def repeated(self, project: str | None = None) -> list[Group]:
        """Experiments that were done more than once, the costliest first.

        Args:
            project: Only of this one.
        """
        from notabene.compare.repeated import groups_of
        from notabene.proof.repeats import all_of

        here = {view.id for view in self.runs(project=project, archived=True)}
        manifests = [one for _, found in all_of(self.store_path) for one in found]
        return groups_of(one for one in manifests if one.run in here)

    def waste(self, project: str | None = None) -> Waste:
        """How much work came to nothing: repeats, failures by cause, time after divergence.

        Args:
            project: Only of this one; one that nobody knows has no runs.
        """
        from notabene.compare.waste import waste_of

        views = list(self.runs(project=project, archived=True))
        return waste_of(project or "", views, self.repeated(project))

    def whence(self, path: str | os.PathLike[str]) -> list[Origin]:
        """The run that wrote a file, by its content, and the runs that its inputs came from.

        Raises:
            NotFoundError: There is no such file, or no run wrote this content.
        """
        try:
            digest = digest_file(Path(path))
        except OSError as error:
            raise NotFoundError(f"{os.fspath(path)} cannot be read: {error.strerror}") from None
        origins = self.origins(digest)
        if not origins:
            raise NotFoundError(
                f"no run in {self.store_path} wrote the content of {os.fspath(path)}",
                hint="it was changed since, or written by a program that was not recorded",
            )
        return origins

    def origins(self, digest: str) -> list[Origin]:
        """As :meth:`whence`, of content by its SHA-256; nothing where no run wrote it."""
        from notabene.compare.whence import whence

        return whence(digest, self.writers(), self._unfolded)

    def writers(self) -> Writers:
        """Which run wrote which content."""
        from notabene.compare.whence import Writers
        from notabene.proof.repeats import all_of

        outputs = [
            (one.run, one.started, one.outputs)
            for _, found in all_of(self.store_path)
            for one in found
        ]
        return Writers([*outputs, *self._logged_files()])

    def _logged_files(self) -> Iterator[tuple[str, int, dict[str, str]]]:
        """Files of artifact versions, as written by the run that logged them."""
        for version in self.artifacts():
            if version.run:
                manifest = self.artifact(f"{version.name}:v{version.version}").manifest
                files = {one.path: one.digest for one in manifest.files}
                yield version.run, version.created, files
