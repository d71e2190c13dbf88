"""Was this done before? Asked of small files in the store, before anything runs.

    repeats/<key>/<run id>           one run of a script: digests of what went in, how it came out
    repeats/<key>/tables/<digest>    what those digests stand for, once for all runs that share it

The key is that of the script. A thousand earlier runs are a thousand small files, and their
tables are compared once each, not once a run.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from notabene.model.canonical import digest_json
from notabene.proof.fingerprint import PATH, Tables
from notabene.proof.versus import Difference, differences

FOLDER = "repeats"
Verdict = Literal["new", "duplicate", "seed", "environment", "near", "not-fixed"]
NEAR = 3
"""With more differences than this, a run is a new one rather than a near repeat."""

_TABLES = ("code", "constants", "data", "environment", "defaults", "default_places", "signs")
_ENCODER = msgspec.json.Encoder()

T = TypeVar("T")


class Manifest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One run of a script.

    Attributes:
        run, name, project, user, host, script: Which.
        started: µs; ``took``: seconds.
        status: As it ended; ``running`` until then.
        results: Its last or best values, a few.
        arguments, seeds: As in :class:`~notabene.proof.fingerprint.Tables`.
        config: What was logged as config, as in Tables.
        tables: Digests of the tables that are kept beside: code, data, environment, defaults;
            and, of no table, ``meaning``: of the code without comments and layout.
        effective: Digest of the arguments with the defaults.
        fixed: Whether the same inputs must give the same result.
        gaps: Findings that were gaps or risks.
        outputs: ``{path: digest}`` of what it wrote.
        nth: Which run of its program it was, from 1; 0: not known.
        again: It ran a record again, maybe changed, maybe not to the end: that was meant, and it
            is no experiment of its own.
    """

    run: str
    name: str = ""
    project: str = ""
    user: str = ""
    host: str = ""
    script: str = ""
    started: int = 0
    took: float = 0.0
    status: str = "running"
    results: dict[str, Any] = {}
    arguments: dict[str, str] = {}
    seeds: dict[str, str] = {}
    config: dict[str, str] = {}
    tables: dict[str, str] = {}
    effective: str = ""
    fixed: bool = True
    gaps: list[str] = []
    outputs: dict[str, str] = {}
    nth: int = 1
    again: bool = False

    def is_of_one_part(self, nth: int, config: Mapping[str, str]) -> bool:
        """Whether another run is of the same part of the program.

        The runs of one program have the same code and arguments. What tells them apart is which
        one it is, or what they log as config, and of that all must be known.
        """
        return self.nth == nth != 0 or (bool(self.config) and self.config.keys() <= config.keys())


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whether a run was done before.

    Attributes:
        verdict: ``duplicate``: the same inputs, and they fix the result. ``not-fixed``: the same
            inputs, but chance has a say. ``seed``, ``environment``: the same but for that.
            ``near``: a few things differ. ``new``: nothing like it.
        run: The closest earlier run; None for ``new``.
        differs: What differs from it.
        replicates: Runs with the same inputs but for the seed.
        running: It is being run now.
    """

    verdict: Verdict = "new"
    run: Manifest | None = None
    differs: list[Difference] = []
    replicates: list[Manifest] = []
    running: bool = False


class Repeats:
    """The files of one script.

    Args:
        store: Folder of the store.
        script: How the script is called: its path in the project, a module, a program.
    """

    def __init__(self, store: Path, script: str) -> None:
        self.folder = store / FOLDER / digest_json(["script", script])[:16]

    def keep(self, manifest: Manifest, tables: Tables | None = None) -> None:
        """Write a run's file anew, and the tables it names.

        Raises:
            OSError: They cannot be written.
        """
        place = self.folder / "tables"
        place.mkdir(parents=True, exist_ok=True)
        if tables is not None:
            for name, value in _kept(tables).items():
                data = _ENCODER.encode(value)
                manifest.tables[name] = digest_json(value)[:32]
                path = place / manifest.tables[name]
                if not path.exists():
                    _write(path, data)
            meaning = {path: entry["code"] for path, entry in tables.code.items()}
            manifest.tables["meaning"] = digest_json(meaning)[:32]
        _write(self.folder / manifest.run, _ENCODER.encode(manifest))

    def all(self) -> list[Manifest]:
        """All runs of the script, the oldest first; those that ran a record again left out."""
        found: list[Manifest] = []
        decode = msgspec.json.Decoder(Manifest).decode
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if "." not in entry.name and entry.name != "tables":
                    with contextlib.suppress(OSError, msgspec.DecodeError):
                        found.append(decode(Path(entry.path).read_bytes()))
        found = [one for one in found if not one.again]
        return sorted(found, key=lambda one: one.started)

    def tables_of(self, manifest: Manifest, memo: dict[str, Any] | None = None) -> Tables:
        """What went into a run; a table that is gone is empty.

        Args:
            manifest: Of the run.
            memo: Tables read before, by digest, None for what is gone; filled.
        """
        memo = {} if memo is None else memo
        found = Tables(
            arguments=manifest.arguments,
            seeds=manifest.seeds,
            config=manifest.config,
            outputs=manifest.outputs,
        )
        for name in _TABLES:
            digest = manifest.tables.get(name, "")
            if digest and digest not in memo:
                memo[digest] = self._read(digest)
            if digest:
                setattr(found, name, memo[digest] or {})
        return found

    def _read(self, digest: str) -> dict[str, Any] | None:
        with contextlib.suppress(OSError, msgspec.DecodeError):
            value = msgspec.json.decode((self.folder / "tables" / Path(digest).name).read_bytes())
            return value if isinstance(value, dict) else None
        return None


def all_of(store: Path) -> Iterator[tuple[str, list[Manifest]]]:
    """Runs of every script in a store: ``(key, manifests)``, the oldest first."""
    with contextlib.suppress(OSError), os.scandir(store / FOLDER) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.is_dir():
                repeats = Repeats(store, "")
                repeats.folder = Path(entry.path)
                yield entry.name, repeats.all()


def _kept(tables: Tables) -> dict[str, Any]:
    return {name: getattr(tables, name) for name in _TABLES}


def _write(path: Path, data: bytes) -> None:
    """All or nothing, also where several processes write the same file."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.write_bytes(data)
    draft.replace(path)


class Now(msgspec.Struct, kw_only=True):
    """A run that is about to begin.

    Attributes:
        arguments, seeds: Of its command line.
        environment: What of its table is known.
        config: What is logged so far; empty where nothing is known.
        nth: As in :class:`Manifest`.
        code_of: The entry for a source that an earlier run loaded, as it is now; None: gone.
        data_of: The digest for a data key of an earlier run, as it is now; ``absent``, empty.
        variable: The value of an argument that begins with ``$``; empty: not set.
    """

    arguments: dict[str, str]
    seeds: dict[str, str]
    environment: dict[str, Any]
    config: dict[str, str] = {}
    nth: int = 1
    code_of: Callable[[str, Mapping[str, str]], dict[str, str] | None]
    data_of: Callable[[str, Tables], str]
    variable: Callable[[str], str]


def ask(repeats: Repeats, now: Now, *, alive: Callable[[str], bool], without: str = "") -> Answer:
    """Compare a run that is about to begin with all earlier ones of its script.

    Args:
        repeats: Of the script.
        now: The run.
        alive: Whether a run that is said to be running is.
        without: A run that does not count: the new one itself.
    """
    memo: dict[str, Any] = {}
    current: dict[tuple[str, str], dict[str, Any]] = {}
    best: tuple[tuple[int, ...], Answer] | None = None
    replicates: list[Manifest] = []
    for manifest in reversed(repeats.all()):
        if manifest.run == without:
            continue
        if manifest.status == "running":
            if not alive(manifest.run):
                continue
        elif manifest.status != "finished":
            continue
        then = repeats.tables_of(manifest, memo)
        if manifest.status == "finished" and not _is_whole(manifest, memo):
            continue
        if not manifest.is_of_one_part(now.nth, now.config):
            continue
        found = differences(then, _now_tables(then, manifest, now, current))
        verdict = _verdict(manifest, found)
        if verdict in ("seed", "duplicate", "not-fixed") and manifest.status == "finished":
            replicates.append(manifest)
        answer = Answer(
            verdict=verdict, run=manifest, differs=found, running=manifest.status == "running"
        )
        rank = (_RANK[verdict], len(found), int(answer.running))
        if best is None or rank < best[0]:
            best = (rank, answer)
    if best is None or best[1].verdict == "new":
        return Answer()
    best[1].replicates = replicates
    return best[1]


def _is_whole(manifest: Manifest, memo: Mapping[str, Any]) -> bool:
    """Whether all that went into a run is known: what is not known cannot be called the same."""
    kept = [manifest.tables[name] for name in _TABLES if name in manifest.tables]
    return "code" in manifest.tables and all(memo.get(digest) is not None for digest in kept)


_RANK: dict[str, int] = {
    "duplicate": 0,
    "not-fixed": 1,
    "seed": 2,
    "environment": 3,
    "near": 4,
    "new": 5,
}


def _verdict(manifest: Manifest, found: list[Difference]) -> Verdict:
    kinds = {one.kind for one in found}
    if not kinds:
        return "duplicate" if manifest.fixed else "not-fixed"
    if kinds == {"seed"}:
        return "seed"
    if kinds == {"environment"}:
        return "environment"
    return "near" if len(found) <= NEAR else "new"


def _now_tables(
    then: Tables, manifest: Manifest, now: Now, current: dict[tuple[str, str], dict[str, Any]]
) -> Tables:
    """The tables of the run that begins, as far as an earlier one says what to look at."""
    code_key = ("code", manifest.tables.get("code", ""))
    if code_key not in current:
        found = {path: now.code_of(path, entry) for path, entry in then.code.items()}
        current[code_key] = {path: entry for path, entry in found.items() if entry is not None}
    data_key = ("data", manifest.tables.get("data", ""))
    if data_key not in current:
        seen = {key: now.data_of(key, then) for key in then.data}
        current[data_key] = {key: digest for key, digest in seen.items() if digest}
    arguments, seeds = dict(now.arguments), dict(now.seeds)
    for table, names in ((arguments, then.arguments), (seeds, then.seeds)):
        for name in names:
            if name.startswith("$"):
                value = now.variable(name)
                is_place = names[name] == PATH and os.path.exists(value)
                table[name] = PATH if is_place else value
    # Of a run that goes on only the arguments are known: what is not known does not differ.
    environment = {**then.environment, **now.environment} if manifest.tables else {}
    return Tables(
        code=current[code_key],
        constants=_constants(current[code_key]),
        data=current[data_key],
        arguments=arguments,
        seeds=seeds,
        environment=environment,
        # More may be logged later: what is not there yet does not differ.
        config={**then.config, **now.config} if now.config else {},
    )


def _constants(code: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    return {path: entry["constants"] for path, entry in code.items() if "constants" in entry}
