"""What came from what by content alone: files that runs read and wrote, without a declaration.

Built from the small files that each recorded run leaves for its successors (see
:mod:`notabene.proof.repeats`), and from the files of artifacts.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from notabene.proof.fingerprint import shown_key
from notabene.proof.repeats import FOLDER, Repeats, all_of
from notabene.server.notebook import Notebook

FILES = 12
"""So many files of a run are drawn in each direction; those that join it to other runs first."""

DIGEST = 64

NODES = 300
"""So many runs and files are followed."""

Side = Literal["input", "output"]


class FlowNode(msgspec.Struct, frozen=True, kw_only=True):
    """A run, or a file by its content.

    Attributes:
        kind: ``run`` or ``file``.
        id: Id of the run, SHA-256 of the file.
        name: Name of the run, path of the file.
        type: Script of the run; what is to be said of the file.
    """

    kind: Literal["run", "file"]
    id: str
    name: str
    type: str = ""


class FlowEdge(msgspec.Struct, frozen=True, kw_only=True):
    """A run read or wrote a file.

    Attributes:
        run: Id of the run.
        direction: ``input`` or ``output``.
        digest: SHA-256 of the file.
        path: As the run called it.
    """

    run: str
    direction: Side
    digest: str
    path: str


class Flows(msgspec.Struct, frozen=True, kw_only=True):
    """Runs and files around one of them.

    Attributes:
        nodes: The one in question first.
        edges: Which run read and wrote which file.
        hidden: Files of these runs that are left out.
    """

    nodes: list[FlowNode]
    edges: list[FlowEdge]
    hidden: int = 0


class Doer(msgspec.Struct, eq=False, kw_only=True):
    """A run, and what it did to files.

    Attributes:
        id, name, script: Which.
        started: µs.
        reads, writes: Path by the digest of the content.
    """

    id: str
    name: str = ""
    script: str = ""
    started: int
    reads: dict[str, str]
    writes: dict[str, str]


class Contents:
    """Who read and who wrote which content.

    Args:
        runs: All runs of which that is known.
    """

    def __init__(self, runs: Iterable[Doer]) -> None:
        self.runs = {run.id: run for run in runs}
        self.writers: dict[str, list[Doer]] = defaultdict(list)
        self.readers: dict[str, list[Doer]] = defaultdict(list)
        for run in sorted(self.runs.values(), key=lambda one: one.started):
            for digest in run.writes:
                self.writers[digest].append(run)
            for digest in run.reads:
                self.readers[digest].append(run)

    def writer(self, digest: str, reader: Doer | None = None) -> Doer | None:
        """The run that a content came from: the last that wrote it before it was read."""
        found = [
            run
            for run in self.writers.get(digest, ())
            if reader is None or (run.started <= reader.started and run is not reader)
        ]
        return found[-1] if found else None


def contents_of(notebook: Notebook) -> Contents:
    """All that is known, of runs that are here."""
    here = {view.id for view in notebook.api.runs(archived=True)}
    known = {run.id: run for run in _recorded(notebook.api.store_path) if run.id in here}
    for version in notebook.api.store.artifacts():
        if version.run in here:
            run = known.setdefault(
                version.run, Doer(id=version.run, started=version.created, reads={}, writes={})
            )
            for one in notebook.shelf.manifest(version.digest).files:
                run.writes.setdefault(one.digest, f"{version.name}/{one.path}")
    return Contents(known.values())


def _recorded(store: Path) -> Iterator[Doer]:
    for key, manifests in all_of(store):
        repeats = Repeats(store, "")
        repeats.folder = store / FOLDER / key
        memo: dict[str, Any] = {}
        for one in manifests:
            read = repeats.tables_of(one, memo).data.items()
            yield Doer(
                id=one.run,
                name=one.name,
                script=one.script,
                started=one.started,
                reads={digest: shown_key(name) for name, digest in read if _is_file(name, digest)},
                writes={digest: path for path, digest in one.outputs.items()},
            )


def _is_file(key: str, digest: str) -> bool:
    """Whether a data key names one file whose content is known."""
    return len(digest) == DIGEST and not key.startswith(("list ", "set "))


class _Walk:
    """From one run or content to all that it is joined to, the nearest first."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self.nodes: dict[str, FlowNode] = {}
        self.edges: dict[tuple[str, Side, str], FlowEdge] = {}
        self.hidden = 0
        self._waiting: deque[tuple[Doer, frozenset[Side]]] = deque()

    def from_run(self, run: Doer) -> None:
        """Both ways."""
        self._meet(run, frozenset({"input", "output"}))
        self._go()

    def from_content(self, digest: str) -> None:
        """To the run that wrote it last and what lies before, and to its readers."""
        writers, readers = self._contents.writers[digest], self._contents.readers[digest]
        paths = [run.writes[digest] for run in writers] + [run.reads[digest] for run in readers]
        if paths:
            self._file(digest, paths[0])
        for run in writers[-FILES:]:
            self._edge(run, "output", digest)
            self._meet(run, frozenset({"input"}))
        for run in readers[-FILES:]:
            self._edge(run, "input", digest)
            self._meet(run, frozenset({"output"}))
        self.hidden += max(0, len(writers) - FILES) + max(0, len(readers) - FILES)
        self._go()

    def _go(self) -> None:
        while self._waiting:
            run, sides = self._waiting.popleft()
            if "input" in sides:
                self._before(run)
            if "output" in sides:
                self._after(run)

    def _before(self, run: Doer) -> None:
        came = {digest: self._contents.writer(digest, run) for digest in run.reads}
        for digest in self._chosen(came):
            self._edge(run, "input", digest)
            writer = came[digest]
            if writer is not None:
                self._meet(writer, frozenset({"input"}))
                self._edge(writer, "output", digest)

    def _after(self, run: Doer) -> None:
        went = {
            digest: [
                one
                for one in self._contents.readers[digest]
                if self._contents.writer(digest, one) is run
            ]
            for digest in run.writes
        }
        for digest in self._chosen(went):
            self._edge(run, "output", digest)
            for reader in went[digest][:FILES]:
                self._meet(reader, frozenset({"output"}))
                self._edge(reader, "input", digest)
            self.hidden += max(0, len(went[digest]) - FILES)

    def _chosen(self, joined: Mapping[str, Any]) -> list[str]:
        """A few contents of a run: those that join it to another first."""
        found = sorted(joined, key=lambda digest: not joined[digest])
        self.hidden += max(0, len(found) - FILES)
        return found[:FILES]

    def _meet(self, run: Doer, sides: frozenset[Side]) -> None:
        if run.id not in self.nodes and len(self.nodes) < NODES:
            self.nodes[run.id] = FlowNode(kind="run", id=run.id, name=run.name, type=run.script)
            self._waiting.append((run, sides))

    def _edge(self, run: Doer, direction: Side, digest: str) -> None:
        path = (run.reads if direction == "input" else run.writes)[digest]
        self._file(digest, path)
        edge = FlowEdge(run=run.id, direction=direction, digest=digest, path=path)
        self.edges[run.id, direction, digest] = edge

    def _file(self, digest: str, path: str) -> None:
        name = posixpath.basename(path) or path
        self.nodes.setdefault(digest, FlowNode(kind="file", id=digest, name=name, type=path))


def flows_of(contents: Contents, *, run: str = "", digest: str = "") -> Flows:
    """What lies before and behind a run, or a content."""
    walk = _Walk(contents)
    if run in contents.runs:
        walk.from_run(contents.runs[run])
    elif digest:
        walk.from_content(digest)
    edges = [one for one in walk.edges.values() if one.run in walk.nodes]
    return Flows(nodes=list(walk.nodes.values()), edges=edges, hidden=walk.hidden)
