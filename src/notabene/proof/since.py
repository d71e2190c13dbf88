"""Findings that only a comparison with an earlier run of the same script can make."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from notabene.proof.findings import UNFIXED, Evidence, Finding, uses
from notabene.proof.fingerprint import ABSENT, STDIN, URL, Tables, keys_of, shown_key
from notabene.proof.repeats import Manifest
from notabene.proof.settings import (
    Logged,
    declarations,
    is_of_surroundings,
    logs,
    plain,
    shown,
)
from notabene.proof.versus import Difference, constants, differences, environment, without_moved

_THREADS = re.compile(r".*(NUM_THREADS|MAX_THREADS)|threads\..*|KMP_\w+")
_LOCALE = re.compile(r"LC_\w+|LANG|LANGUAGE|locale\..*|PYTHONUTF8|PYTHONIOENCODING")
_ZONE = re.compile(r"TZ|zone")
_TIMING = re.compile(
    r"(.*[^a-z])?([a-z]*times?|timestamp|sec|secs|seconds?|minutes|hours|ms|us|ns|speed|throughput"
    r"|elapsed|duration|latency|took|wall|clock|eta|fps|qps|ips|tps|per_?s(ec)?|mem|memory|rss|cpu"
    r"|gpu|util|date)([^a-z].*)?"
)
"""Metrics that tell how fast it went, and on what."""
USES = {
    "threads": "thread_uses",
    "locale": "locale_uses",
    "timezone": "zone_uses",
    "precision": "precision_uses",
}
"""What of the sources says that a program hangs on an aspect of its environment."""
_MODULES = {"scikit-learn": "sklearn", "pyyaml": "yaml", "pillow": "PIL", "opencv-python": "cv2"}
_PRECISION = re.compile(r".*TF32.*|NVIDIA_\w+|JAX_\w*|XLA_\w+|precision\..*|CUBLAS_\w+|NPY_\w+")


def tells_time(metric: str) -> bool:
    """Whether a metric says how fast a run went rather than what came out."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", metric).lower()
    return _TIMING.fullmatch(words) is not None


def aspect(item: str) -> str:
    """Whether an item of the environment is of ``threads``, ``locale``, ...; empty: of none."""
    for pattern, kind in (
        (_THREADS, "threads"),
        (_LOCALE, "locale"),
        (_ZONE, "timezone"),
        (_PRECISION, "precision"),
    ):
        if pattern.fullmatch(item):
            return kind
    return ""


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
    yield from _options(evidence, mine, then)
    yield from _surroundings(evidence, mine, then)
    yield from _data(evidence, mine, then)
    yield from _environment(evidence, mine, then)
    yield from _programs(evidence, mine, then)


def _constants(evidence: Evidence, mine: Tables, then: Tables) -> Iterator[Finding]:
    logged = Logged(evidence.logged)
    aspects = {
        where: kind for kind in ("precision", "threads") for where, _ in uses(evidence, USES[kind])
    }
    for path in sorted(mine.constants.keys() & then.constants.keys()):
        for one in constants(path, then, mine):
            if not logged.has(one.item, one.b):
                yield Finding(
                    kind=aspects.get(one.where, "unlogged-parameter"),
                    what=f"{one.item} was {shown(one.a)}, is {shown(one.b)}, and was not logged",
                    where=one.where,
                    fix=f"log it: config={{'{one.item}': {one.item}}}",
                    recorded=True,
                )


def _options(evidence: Evidence, mine: Tables, then: Tables) -> Iterator[Finding]:
    """Options of a program that logs none by itself: those that are others than before."""
    if logs(evidence):
        return
    declared = declarations(evidence)
    options = {one.name: one for one in evidence.record.parameters.options}
    for one in differences(then, mine):
        if one.kind != "argument" or one.item.startswith("$"):
            continue
        option = options.get(one.item)
        where = declared.get(plain(one.item), "") or (option.where if option else "")
        where = where or next((w for w, _ in uses(evidence, "argv")), "")
        name = f"argument {one.item}" if one.item.isdigit() else f"--{one.item.replace('_', '-')}"
        yield Finding(
            kind="unlogged-parameter",
            what=f"{name} was {shown(one.a)}, is {shown(one.b)}, and the program logs it nowhere",
            where=where,
            fix=f"notabene.init(config={{'{one.item}': …}}), to find runs by it",
            severity="note",
            recorded=True,
        )


def _surroundings(evidence: Evidence, mine: Tables, then: Tables) -> Iterator[Finding]:
    """Variables that everybody has, and that are told only where they are others than before."""
    for variable in evidence.record.parameters.variables:
        if not is_of_surroundings(variable.name) or aspect(variable.name):
            continue  # those are told as they are, and these of the environment
        name = f"${variable.name}"
        a, b = then.arguments.get(name), mine.arguments.get(name)
        if a is not None and b is not None and a != b:
            yield Finding(
                kind="env-read",
                what=f"{name} was {shown(a or 'not set')}, is {shown(b or 'not set')}",
                where=variable.where,
                fix="give it as an option, and log it",
                severity="risk",
                recorded=True,
            )


def unexplained(
    evidence: Evidence,
    found: Iterable[Finding],
    mine: tuple[Tables, Mapping[str, Any]],
    then: tuple[Tables, Mapping[str, Any]],
) -> Iterator[Finding]:
    """Equal inputs with other results, where nothing that was found accounts for it.

    Args:
        evidence: Of the run.
        found: All other findings.
        mine, then: Tables and results of this run and of the one before.
    """
    if any(one.kind in UNFIXED for one in found) or differences(then[0], mine[0]):
        return
    for key in sorted(mine[1].keys() & then[1].keys()):
        a, b = then[1][key], mine[1][key]
        numbers = all(isinstance(x, int | float) and math.isfinite(x) for x in (a, b))
        if not numbers or a == b or tells_time(key):
            continue
        relative = abs(a - b) / max(abs(a), abs(b))
        yield Finding(
            kind="numeric-nondeterminism",
            what=f"equal inputs gave {key} {a!r} and {b!r} (relative {relative:.0e})",
            where=next((where for where, _ in uses(evidence, "thread_uses")), ""),
            fix="add up in a fixed order, or with one thread",
            severity="gap",
        )
        return


def _data(evidence: Evidence, mine: Tables, then: Tables) -> Iterator[Finding]:
    places = keys_of(evidence.record)
    moved = mine.environment.get("folder") != then.environment.get("folder")
    before, now = without_moved(then.data, mine.data)
    for key in sorted(before.keys() | now.keys()):
        a, b = before.get(key), now.get(key)
        if a == b or {a, b} <= {None, ABSENT}:
            continue
        name, where = places.get(key, (shown_key(key), ""))
        if key.startswith(URL):
            if a is not None and b is not None:
                yield Finding(
                    kind="network-read",
                    what=f"{name} sent something else than before",
                    where=where,
                    fix="keep what was read as a file, and log it: notabene.log_data(path)",
                )
            continue
        if key.startswith("list ") and a is not None and b is not None:
            yield _changed(f"{name} holds other files than before", where)
        elif a in (None, ABSENT) and b not in (None, ABSENT):
            yield _changed(f"{name} is read, and was not before", where)
            if b in then.outputs.values():
                yield _made_by(name, where)
        elif b == ABSENT:
            continue  # told as a file that was looked for and not there
        elif b is None:
            yield _changed(f"{name} was read before, and is not now", where)
        elif b in then.outputs.values():
            yield _made_by(name, where)
        else:
            fix = "keep it in a file, and give that: < data.csv" if name == STDIN else NAME_IT
            yield _changed(f"{name} has another content than before", where, fix)
        if moved and key.startswith("./"):
            yield Finding(
                kind="working-folder",
                what=f"{name} was read from another working folder",
                where=where,
                fix="name data by the script's place: Path(__file__).parent",
                severity="risk",
                recorded=True,
            )


NAME_IT = "give data that changes a new name, or log it: notabene.log_data(path)"


def _changed(what: str, where: str, fix: str = NAME_IT) -> Finding:
    return Finding(
        kind="data-content",
        what=what,
        where=where,
        fix=fix,
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


def _environment(evidence: Evidence, mine: Tables, then: Tables) -> Iterator[Finding]:
    packages: list[Difference] = []
    for one in environment(then.environment, mine.environment):
        if one.item.startswith("package "):
            packages.append(one)
            continue
        kind = aspect(one.item)
        if kind:
            where = next((w for w, _ in uses(evidence, USES[kind])), "")
            yield _environment_finding(kind, one, where)
        elif one.item == "PYTHONOPTIMIZE":
            yield _environment_finding("env-read", one)
        elif one.item.startswith("submodules."):
            path = one.item.partition(".")[2]
            yield _environment_finding("submodule-moved", one, _inside(evidence, path))
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
            where=_imports(evidence, [one.item[8:] for one in packages]),
            fix="keep a lock file: uv lock",
            severity="risk",
            recorded=True,
        )


def _inside(evidence: Evidence, folder: str) -> str:
    """The first source inside a folder."""
    inside = (
        one.path for one in evidence.record.sources.files if one.path.startswith(f"{folder}/")
    )
    return next((f"{path}:1" for path in inside), "")


def _imports(evidence: Evidence, packages: list[str]) -> str:
    """The first line that imports one of some packages."""
    names = {plain(_MODULES.get(name, name)) for name in packages}
    for where, use in uses(evidence, "imports"):
        if plain(use.call.partition(".")[0]) in names:
            return where
    return ""


def _environment_finding(kind: str, one: Difference, where: str = "") -> Finding:
    return Finding(
        kind=kind,
        what=f"{one.item} was {shown(one.a)}, is {shown(one.b)}",
        where=where,
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
                (
                    one.where
                    for one in evidence.record.outside.programs
                    if os.path.basename(one.path) == name
                ),
                "",
            )
            yield Finding(
                kind="subprocess",
                what=f"{name} is another version than before",
                where=where,
                fix="log its version",
                recorded=True,
            )


def nearest(manifests: Iterable[Manifest], mine: Manifest) -> Manifest | None:
    """The run to compare with: the last one before of the same part of the script that ended
    well, and if none did, the last one of which is known what went in."""
    earlier = [
        one
        for one in manifests
        if one.run != mine.run
        and one.started <= mine.started
        and one.tables
        and (one.nth == mine.nth != 0 or (one.config and one.config == mine.config))
    ]
    well = [one for one in earlier if one.status == "finished"]
    found = well or earlier
    return found[-1] if found else None
