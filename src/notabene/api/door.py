"""A store as opened for reading and edits: its folder, index, content and desk."""

from __future__ import annotations

import contextlib
import difflib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self, TypeVar

from notabene.api import given
from notabene.api.digests import journal_files
from notabene.api.runs import RunView
from notabene.artifacts.open import store_blobs
from notabene.artifacts.versions import Versions
from notabene.errors import (
    FormatError,
    NotFoundError,
    RefError,
    TransportError,
    UsageError,
)
from notabene.journal.desk import Desk
from notabene.journal.folder import StoreFolder
from notabene.journal.reader import Batch
from notabene.model.entities import RunInfo
from notabene.model.records import AnyRecord, Entry
from notabene.model.refs import is_run_id
from notabene.query.ast import Field
from notabene.settings import Settings
from notabene.store.base import Store
from notabene.store.local import LocalStore, index_path

T = TypeVar("T")
RunRef = str | RunView
"""A reference to a run (see :mod:`notabene.model.refs`), or a run that was found before."""

FRESH = 0.3
"""Seconds for which what was taken in counts as new enough."""

BUSY = 10.0
"""Seconds for which a busy index is left alone."""

KNOWN = 2000
"""Names of the newest runs among which a mistyped one is looked for."""


class Door:
    """What reading and edits have in common.

    Attributes:
        settings: What holds here and now.
        folder: The store's folder.
        store_path: Its path.
        store: The index, which answers.
        blobs: Content by digest.
        versions: Versions of artifacts.
    """

    def __init__(self, store: str | os.PathLike[str] | None = None) -> None:
        self.settings = Settings({"store": store})
        self.folder = StoreFolder.open(self.settings.store)
        self.store_path: Path = self.folder.root
        self._index = LocalStore(self.folder, index_path(self.folder.root, self.settings.cache))
        self.store: Store = self._index
        self.blobs = store_blobs(self.folder, self.settings.artifacts)
        self.versions = Versions(self.folder.artifacts)
        self._desk = Desk(self.folder)
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all files. Closing twice is fine."""
        self._closed = True
        self._desk.close()
        self.blobs.close()
        self._index.close()

    @property
    def index_path(self) -> Path | None:
        """File of the index; None where it is in memory."""
        return self._index.index_path

    # -- taking in -------------------------------------------------------------------------

    def refresh(self, *, full: bool = False, runs: Sequence[str] = ()) -> None:
        """Take in what is new in the journals; reads do so by themselves every 0.3 s.

        Args:
            full: Look at every folder, not only where something is likely to have changed.
            runs: Look at the folders of these runs (ids) in any case.
        """
        self._require_open()
        with self._lock:
            self._take_in(full=full, runs=runs)

    def _take_in(self, *, full: bool = False, runs: Sequence[str] = ()) -> None:
        self._index.refresh(full=full, runs=runs)
        self._looked = time.monotonic()

    def look(self) -> None:
        """Take in what is new, as each read does: for who asks the store itself."""
        self._fresh()

    def _fresh(self) -> None:
        """Take in what is new, unless that was done just now or the index is busy."""
        self._require_open()
        if time.monotonic() - self._looked <= FRESH:
            return
        with self._lock:
            # Of many who ask at once, one looks.
            if time.monotonic() - self._looked <= FRESH:
                return
            try:
                self._take_in()
            except TransportError:
                # Somebody holds the index (a backup): it answers with what it has.
                self._looked = time.monotonic() + BUSY

    def _require_open(self) -> None:
        if self._closed:
            raise UsageError("this Api was closed", hint="open another: notabene.Api()")

    def _write(self, edits: Sequence[tuple[str, AnyRecord]], *, after: int = 0) -> list[Entry]:
        """Write edits to the desk journal, and let the index know.

        Args:
            edits: The run that a record is about (empty where it is about none), and the record.
            after: Time (µs) of what they override.

        Raises:
            AccessError: The store may only be read.
            TransportError: They could not be kept.
        """
        entries = self._desk.write(edits, after=after)
        batch = Batch("", entries[0].writer, entries[0].seq, entries[-1].seq, tuple(entries))
        # The edits are safe; an index that is busy takes them from the journal later.
        with contextlib.suppress(TransportError):
            self.store.apply([batch])
        return entries

    # -- runs ------------------------------------------------------------------------------

    def _by_id(self, refs: Iterable[RunRef], ask: Callable[[list[str]], T]) -> T:
        """Ask the store something about runs by their ids, which needs no look at the runs.

        References that are no ids are looked up when the store does not know them.

        Raises:
            NotFoundError, RefError: As for :meth:`Api.run`, and from the question.
        """
        self._fresh()
        wanted = given.several(refs, "runs")
        ids = [ref if isinstance(ref, str) else self._id(ref) for ref in wanted]
        try:
            return ask(ids)
        except NotFoundError:
            found = [self._info(ref).id for ref in wanted]
            if found == ids:
                raise
            return ask(found)

    def _id(self, ref: RunRef) -> str:
        return ref.id if isinstance(ref, RunView) else self._info(ref).id

    def _info(self, ref: RunRef) -> RunInfo:
        """The run that a reference names, as it is now.

        Raises:
            NotFoundError: There is none; the hint names near ones.
            RefError: Several have that name, or it is no text.
        """
        self._fresh()
        text = ref if isinstance(ref, str) else getattr(ref, "id", None)
        if not isinstance(text, str) or not text.strip() or not given.encodable(text):
            raise RefError(f"{ref!a} names no run: an id, its last six characters or a name does")
        try:
            return self.store.run(text.strip())
        except NotFoundError as error:
            self._require_readable(text.strip())
            near = self._near(text.strip())
            if not near:
                raise
            shown = " or ".join(map(repr, near))
            raise NotFoundError(error.message, hint=f"did you mean {shown}?") from None

    def _require_readable(self, run_id: str) -> None:
        """A run whose folder is here, and of which nothing can be read, is not simply not there."""
        if not is_run_id(run_id):
            return
        place = self.folder.find_run_dir(run_id, trash=True)
        if place is not None and any(path.stat().st_size for path in journal_files(place)):
            raise FormatError(
                f"nothing in the journals of run {run_id} can be read",
                hint=f"`notabene journal verify {place}` says why",
            )

    def _near(self, ref: str) -> list[str]:
        wanted = [Field("attribute", name) for name in ("name", "project", "id")]
        known = self.store.runs(deleted=None, archived=None).columns(wanted, limit=KNOWN)
        names, projects, ids = (known[field].tolist() for field in wanted)
        whole = [f"{project}/{name}" for project, name in zip(projects, names, strict=True)]
        words = [*names, *ids, *(whole if "/" in ref else ())]
        return difflib.get_close_matches(ref, dict.fromkeys(words), n=3, cutoff=0.7)

    def _place(self, info: RunInfo) -> Path:
        """The folder of a run, which may lie in the trash.

        Raises:
            NotFoundError: It was purged, or moved away by hand.
        """
        place = self.folder.find_run_dir(info.id, trash=True)
        if place is None:
            raise NotFoundError(
                f"the folder of run {info.name!r} is not in {self.folder.root}",
                hint="it was removed for good; its edits and numbers are all that is left",
            )
        return place
