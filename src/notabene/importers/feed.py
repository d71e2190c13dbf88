"""From the items of one run to its journal: what is here already is compared and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from notabene._ids import now_us
from notabene._version import __version__
from notabene.artifacts.cells import Stamp
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.manifest import FileEntry, Reference, make_manifest
from notabene.artifacts.references import references
from notabene.artifacts.versions import LATEST, Versions
from notabene.capture.playback import SUFFIX
from notabene.capture.transcript import Transcript
from notabene.errors import NotabeneError, RefError
from notabene.importers._base import (
    F64,
    I64,
    Cells,
    Ended,
    Found,
    Item,
    Kept,
    Logged,
    Missed,
    Passed,
    Points,
    Printed,
    RunReport,
    Said,
    clean,
    reason_of,
)
from notabene.importers.draft import Draft
from notabene.importers.known import PART, Check, Known, check_of, checks_of, fingerprint
from notabene.journal.folder import StoreFolder
from notabene.journal.numbers import next_number
from notabene.model.canonical import digest_bytes
from notabene.model.records import (
    AliasMoved,
    AnyRecord,
    ArtifactLogged,
    Captured,
    ConfigChanged,
    ConsoleNoted,
    HealthNoted,
    NoteWritten,
    Renamed,
    RunCreated,
    SummaryChanged,
    TagsChanged,
    ValueLogged,
    WriterFinished,
    WriterStarted,
)
from notabene.model.refs import check_alias

CONSOLE_LIMIT = 2 << 30
"""Bytes of a console, compressed: of longer ones the middle is dropped and counted."""
READING = (OSError, NotabeneError, ValueError, TypeError, LookupError, ArithmeticError, EOFError)
"""What damaged data may raise in an importer, or in a library that it reads with."""


def console_of(journal: Path, writer: str) -> Path:
    """Where the console lies of a journal that is being written."""
    return journal.with_name(f"{writer}{SUFFIX}")


class ChangedError(Exception):
    """The source does not begin with what was imported from it."""


class Interrupted(Exception):
    """Nothing of a run could be read; the argument says why, empty where nothing is there."""


class Feed:
    """Writes one run.

    Args:
        folder: The store.
        blobs: Its content.
        kind: Of the importer.
        found: The run.
        step: Told of bytes that were read.
    """

    def __init__(
        self,
        folder: StoreFolder,
        blobs: LocalBlobs,
        kind: str,
        found: Found,
        step: Callable[[int], None],
    ) -> None:
        self._folder, self._blobs, self._kind, self._found = folder, blobs, kind, found
        self._step = step
        self._names: dict[str, str] = {}

    def run(self, known: Known, path: Path, items: Iterator[Item], report: RunReport) -> Draft:
        """Write what is new of a run to a file.

        Raises:
            ChangedError: Points that were imported before differ.
            Interrupted: Nothing could be read.
            NotabeneError, OSError: The store cannot be written to.
        """
        path.unlink(missing_ok=True)
        draft = Draft(path, self._found.run, known.writer, known.last, known.keysets)
        self._draft, self._known, self._report = draft, known, report
        self._began = self._found.started or known.created or now_us()
        known.created = known.created or self._began
        self._newest = self._began
        self._checks = checks_of(known.rows)
        self._skipped: dict[str, Check] = {}
        self._counts = dict.fromkeys(("values", "artifacts"), 0)
        self._ended: Ended | None = None
        self._console: Transcript | None = None
        try:
            whole = self._all(items)
            self._finish(whole)
        except BaseException:
            draft.discard()
            console_of(path, known.writer).unlink(missing_ok=True)
            raise
        report.values, report.artifacts = self._counts["values"], self._counts["artifacts"]
        return draft

    def _all(self, items: Iterator[Item]) -> bool:
        """Write all items; False where reading stopped early."""
        begun = self._known.started
        while True:
            try:
                item = next(items, None)
            except READING as error:
                what = f"it could be read only in part: {reason_of(error)}"
                if not begun:
                    raise Interrupted(f"it could not be read: {reason_of(error)}") from error
                self._missed(Missed(what, damage=True))
                return False
            if item is None:
                if not begun and not self._known.here:
                    raise Interrupted("")
                if not begun:
                    self._begin()
                return True
            if not begun and not isinstance(item, Passed | Missed):
                self._begin()
                begun = True
            _HANDLERS[type(item)](self, item)

    def _begin(self) -> None:
        found, known = self._found, self._known
        started = WriterStarted(
            host=found.host,
            user=found.user,
            role="import",
            replaces=known.replaces,
            version=__version__,
        )
        self._draft.record(self._began, started)
        if known.here:
            return
        known.tags.update(found.tags)
        known.name, known.group = found.name, found.group
        created = RunCreated(
            project=found.project,
            name=found.name,
            group=found.group,
            parent=found.parent,
            hypothesis=found.hypothesis,
            tags=found.tags,
            user=found.user,
            source=self._kind,
            number=next_number(self._folder, found.project),
        )
        self._draft.record(self._began, created)

    # -- items -----------------------------------------------------------------------------

    def _points(self, item: Points) -> None:
        if not len(item.steps):
            return
        times = item.times
        if not times.all():
            times = np.where(times == 0, self._began, times)
        self._newest = max(self._newest, int(times.max()))
        for column, name in enumerate(item.keys):
            key = self._name(name)
            values = np.ascontiguousarray(item.values[:, column])
            at = self._here_already(key, item.steps, times, values) if key in self._checks else 0
            self._draft.column(key, item.steps[at:], times[at:], values[at:])

    def _here_already(self, key: str, steps: I64, times: I64, values: F64) -> int:
        """How many of these points were imported before.

        Raises:
            ChangedError: They were others.
        """
        wanted, have = self._checks[key], self._skipped.setdefault(key, Check())
        at = min(wanted.n - have.n, len(values))
        if at > 0:
            have.add(steps[:at].copy(), times[:at].copy(), values[:at].copy())
            if have.n == wanted.n and have != wanted:
                raise ChangedError(key)
        return at

    def _name(self, name: str) -> str:
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = clean(name)
            if found != name.strip():
                self._missed(
                    Missed("names that are too long or hold control characters are changed")
                )
        return found

    def _logged(self, item: Logged) -> None:
        record = ValueLogged(
            key=self._name(item.key),
            step=item.step,
            kind=item.value.kind,
            value=item.value.value,
        )
        if not self._new(item.time, record):
            return
        for blob in item.value.blobs:
            if blob.data is not None:
                self._blobs.put(blob.data)
            elif blob.path is not None:
                self._blobs.put_file(Path(blob.path))
        self._write(item.time, record)
        self._counts["values"] += 1

    def _said(self, item: Said) -> None:
        if self._new(item.time, item.record):
            self._write(item.time, item.record)

    def _cells(self, item: Cells) -> None:
        known = self._known
        for old, new, record in (
            (known.config, item.config, ConfigChanged),
            (known.summary, item.summary, SummaryChanged),
            (known.tags, item.tags, TagsChanged),
        ):
            self._changed(old, new, record, item)
        said = (item.name or known.name, known.group if item.group is None else item.group)
        if said != (known.name, known.group):
            known.name, known.group = said
            self._write(self._after(item.time), Renamed(name=said[0], group=said[1]))
        for note, text in item.notes.items():
            if known.notes.get(note, "") != text:
                time = self._after(item.time) if note in known.notes else item.time
                known.notes[note] = text
                self._write(time, NoteWritten(id=note, text=text, author=self._found.user))

    def _changed(
        self, old: dict[str, Any], given: dict[str, Any], record: Any, item: Cells
    ) -> None:
        new = {self._name(key): value for key, value in given.items()}
        fresh = {key: value for key, value in new.items() if key not in old}
        other = {k: v for k, v in new.items() if k in old and old[k] != v}
        gone = tuple(sorted(old.keys() - new.keys())) if item.whole else ()
        if fresh:
            self._write(item.time, record(set=fresh))
        if other or gone:
            self._write(self._after(item.time), record(set=other, removed=gone))
        old.update(new)
        for key in gone:
            del old[key]

    def _kept(self, item: Kept) -> None:
        files = []
        for path, content in item.files:
            if isinstance(content, bytes):
                digest, size = self._blobs.put(content), len(content)
            elif self._can_be_read(content):
                info = self._blobs.put_file(content)
                digest, size = info.digest, info.size
            else:
                continue
            files.append(FileEntry(path, digest, size))
        linked: list[Reference] = []
        for path, file in item.links:
            try:
                linked += references(file.absolute().as_uri(), at=path)
            except NotabeneError as error:  # gone, or written at this moment
                self._missed(Missed(f"{file.name} is not linked: {error.message}", True))
        if not files and not linked:
            return
        manifest = make_manifest(files, linked)
        name = clean(item.name).replace(":", "-")
        if (name, manifest.digest) in self._known.artifacts:
            self._aliases(name, self._known.versions[name, manifest.digest], item)
            return
        self._known.artifacts.add((name, manifest.digest))
        self._blobs.put(manifest.encode())
        self._blobs.flush()
        made = Versions(self._folder.artifacts).allocate(
            name,
            type=item.type,
            digest=manifest.digest,
            size=manifest.size,
            files=len(manifest.files),
            run=self._found.run,
            writer=self._draft.writer,
            metadata=item.metadata,
            description=item.description,
        )
        record = ArtifactLogged(
            name=name,
            version=made.version.version,
            type=item.type,
            digest=manifest.digest,
            size=manifest.size,
            files=len(manifest.files),
            metadata=item.metadata,
            description=item.description,
            step=item.step,
            logged=made.logged,
        )
        self._known.versions[name, manifest.digest] = made.version.version
        self._write(item.time or self._newest, record)
        self._counts["artifacts"] += 1
        self._aliases(name, made.version.version, item)

    def _can_be_read(self, path: Path) -> bool:
        """Whether a file of the source is there; that it is not is no fault of the store."""
        try:
            with open(path, "rb"):
                return True
        except OSError as error:
            self._missed(Missed(f"files cannot be read: {(error.strerror or '').lower()}", True))
            return False

    def _aliases(self, name: str, version: int, item: Kept) -> None:
        """Aliases that the version has, where they do not point at it already."""
        for word in item.aliases:
            try:
                alias = check_alias(word)
            except RefError:
                self._missed(Missed("aliases that are no words are left out"))
                continue
            old = self._known.aliases.get((name, alias))
            if old == version or alias == LATEST:
                continue
            self._known.aliases[name, alias] = version
            time = (item.time or self._newest) if old is None else self._after(item.time)
            sequence = self._write(time, AliasMoved(name=name, alias=alias, version=version))
            stamp = Stamp(time, self._draft.writer, sequence)
            Versions(self._folder.artifacts).set_alias(name, alias, version, stamp)

    def _printed(self, item: Printed) -> None:
        if self._console is None:
            place = console_of(self._draft.path, self._known.writer)
            place.unlink(missing_ok=True)
            self._console = Transcript(place, limit=CONSOLE_LIMIT)
        self._console.feed("e" if item.error else "o", item.text, item.time or self._began)
        self._console.flush(item.time or self._began, everything=False)

    def _missed(self, item: Missed) -> None:
        self._report.missed[item.what] = self._report.missed.get(item.what, 0) + item.count
        if item.damage:
            code = f"import-{digest_bytes(item.what.encode())[:6]}"
            record = HealthNoted(code=code, message=item.what, count=item.count)
            if self._new(self._began, record):
                self._write(self._began, record)

    def _end(self, item: Ended) -> None:
        self._ended = item

    def _passed(self, item: Passed) -> None:
        self._step(item.size)

    # -- writing ---------------------------------------------------------------------------

    def _new(self, time: int, record: AnyRecord) -> bool:
        mark = fingerprint(time or self._began, record)
        if mark in self._known.seen:
            return False
        self._known.seen.add(mark)
        return True

    def _write(self, time: int, record: AnyRecord) -> int:
        time = time or self._began
        self._newest = max(self._newest, time)
        return self._draft.record(time, record)

    def _after(self, time: int) -> int:
        """A time for what overrides something that was said before."""
        return max(time, self._newest, self._known.newest) + 1

    def _fewer(self) -> bool:
        """Whether the source has fewer points of some key than were imported before.

        Raises:
            ChangedError: And others as well.
        """
        fewer = False
        for key, wanted in self._checks.items():
            have = self._skipped.get(key, Check())
            if have.n < wanted.n:
                fewer = True
                if have.n and have != check_of(self._known.rows, key, have.n):
                    raise ChangedError(key)
        return fewer

    def _finish(self, whole: bool) -> None:
        """The last words, where there is anything to be said, and the end of the file."""
        known, draft = self._known, self._draft
        if whole and self._fewer():
            self._missed(Missed("the source has fewer points than before: those imported stay"))
        if (console := self._console) is not None:
            console.flush(self._newest, everything=True)
            said = ConsoleNoted(bytes=console.bytes, lines=console.lines, dropped=console.dropped)
            if self._new(self._began, said):
                self._write(self._began, said)
        ended = self._ended
        if ended is not None:
            record = WriterFinished(
                status=ended.status, exit_code=ended.exit_code, reason=ended.reason
            )
            time = ended.time or self._newest
            if known.ended != (time, record):
                self._write(time, record)
        if draft.records or draft.points:
            data = {
                "from": self._kind,
                "where": self._found.where,
                "state": self._found.state if whole else "",
                "missed": self._report.missed,
            }
            after = known.newest + 1 if known.here else 0
            record_of = Captured(part=PART, data=msgspec.to_builtins(data))
            self._write(max(self._newest, after), record_of)
        draft.close()


_HANDLERS: dict[type, Callable[[Feed, Any], None]] = {
    Points: Feed._points,
    Logged: Feed._logged,
    Said: Feed._said,
    Cells: Feed._cells,
    Kept: Feed._kept,
    Printed: Feed._printed,
    Missed: Feed._missed,
    Ended: Feed._end,
    Passed: Feed._passed,
}
