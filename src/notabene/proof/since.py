"""Findings that only a comparison with an earlier run of the same script can make."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from notabene.proof.findings import Evidence, Finding
from notabene.proof.fingerprint import ABSENT, Tables, keys_of, shown_key
from notabene.proof.repeats import Manifest
from notabene.proof.settings import Logged, shown
from notabene.proof.versus import Difference, constants, environment

_THREADS = re.compile(r".*(NUM_THREADS|MAX_THREADS)|threads\..*|KMP_\w+")
_LOCALE = re.compile(r"LC_\w+|LANG|LANGUAGE|locale\..*|PYTHONUTF8|PYTHONIOENCODING")
_ZONE = re.compile(r"TZ|zone")
_PRECISION = re.compile(r".*TF32.*|NVIDIA_\w+|JAX_\w*|XLA_\w+|precision\..*|CUBLAS_\w+|NPY_\w+")


def since(evidence: Evidence, mine: Tables, before: Manifest, then: Tables) -> Iterator[Finding]:
    """What is other than in an earlier run, where it was not decided by what was logged.

    Args:
        evidence: Of the run.
        mine: Its tables.
        before: The earlier run.
        then: The earlier run's tables.
    """
    for one in _all(evidence, mine, then):
        yield msgspec.structs.replace(one, run=before.run)


def _all(evidence: Evidence, mine: Tables, then: Tables) -> Iterator[Finding]:
    yield from _constants(evidence, mine, then)
    yield from _data(evidence, mine, then)
    yield from _environment(mine, then)
    yield from _programs(evidence, mine, then)


def _constants(evidence: Evidence, mine: Tables, then: Tables) -> Iterator[Finding]:
    logged = Logged(evidence.logged)
    for path in mine.constants.keys() & then.constants.keys():
        for one in constants(path, then, mine):
            if not logged.has(one.item, one.b):
                yield Finding(
                    kind="unlogged-parameter",
                    what=f"{one.item} was {shown(one.a)}, is {shown(one.b)}, and was not logged",
                    where=one.where,
                    fix=f"log it: config={{'{one.item}': {one.item}}}",
                    recorded=True,
                )


def _data(evidence: Evidence, mine: Tables, then: Tables) -> Iterator[Finding]:
    places = keys_of(evidence.record)
    moved = mine.environment.get("folder") != then.environment.get("folder")
    for key in sorted(mine.data.keys() | then.data.keys()):
        a, b = then.data.get(key), mine.data.get(key)
        if a == b:
            continue
        name, where = places.get(key, (shown_key(key), ""))
        if key.startswith("list ") and a is not None and b is not None:
            yield _changed(f"{name} holds other files than before", where)
        elif a in (None, ABSENT) and b not in (None, ABSENT):
            yield _changed(f"{name} is read, and was not before", where)
            if b in then.outputs.values():
                yield _made_by(name, where)
        elif b in (None, ABSENT):
            yield _changed(f"{name} was read before, and is not now", where)
        elif b in then.outputs.values():
            yield _made_by(name, where)
        else:
            yield _changed(f"{name} has another content than before", where)
        if moved and key.startswith("./"):
            yield Finding(
                kind="working-folder",
                what=f"{name} was read from another working folder",
                where=where,
                fix="name data by the script's place: Path(__file__).parent",
                severity="risk",
                recorded=True,
            )


def _changed(what: str, where: str) -> Finding:
    return Finding(
        kind="data-content",
        what=what,
        where=where,
        fix="give data that changes a new name, or log it: notabene.log_data(path)",
        recorded=True,
    )


def _made_by(name: str, where: str) -> Finding:
    return Finding(
        kind="input-made-by-other-run",
        what=f"{name} was written by the run before",
        where=where,
        fix="log it as an artifact and use it by name, or begin in an empty folder",
        recorded=True,
    )


def _environment(mine: Tables, then: Tables) -> Iterator[Finding]:
    packages: list[Difference] = []
    for one in environment(then.environment, mine.environment):
        if one.item.startswith("package "):
            packages.append(one)
            continue
        for pattern, kind in (
            (_THREADS, "threads"),
            (_LOCALE, "locale"),
            (_ZONE, "timezone"),
            (_PRECISION, "precision"),
        ):
            if pattern.fullmatch(one.item):
                yield _environment_finding(kind, one)
                break
        else:
            if one.item.startswith("submodules"):
                yield _environment_finding("submodule-moved", one)
            elif one.item == "python":
                yield _environment_finding("package-version", one)
    if packages:
        first = ", ".join(
            f"{one.item[8:]} {one.a or 'none'} → {one.b or 'none'}" for one in packages[:3]
        )
        more = f" and {len(packages) - 3} more" if len(packages) > 3 else ""
        yield Finding(
            kind="package-version",
            what=f"packages differ: {first}{more}",
            fix="keep a lock file: uv lock",
            severity="risk",
            recorded=True,
        )


def _environment_finding(kind: str, one: Difference) -> Finding:
    return Finding(
        kind=kind,
        what=f"{one.item} was {shown(one.a)}, is {shown(one.b)}",
        fix="set it in the program, or log it",
        severity="risk",
        recorded=True,
    )


def _programs(evidence: Evidence, mine: Tables, then: Tables) -> Iterator[Finding]:
    before: Mapping[str, str] = then.environment.get("programs", {})
    now: Mapping[str, str] = mine.environment.get("programs", {})
    for name in sorted(before.keys() & now.keys()):
        if before[name] != now[name]:
            where = next(
                (one.where for one in evidence.record.outside.programs if name in one.words[0]), ""
            )
            yield Finding(
                kind="subprocess",
                what=f"{name} is another version than before",
                where=where,
                fix="log its version",
                recorded=True,
            )


def nearest(manifests: Iterable[Manifest], mine: Manifest) -> Manifest | None:
    """The run to compare with: the last one before of the same script that ended well, and if
    none did, the last one."""
    earlier = [one for one in manifests if one.run != mine.run and one.started <= mine.started]
    well = [one for one in earlier if one.status == "finished"]
    found = well or earlier
    return found[-1] if found else None
