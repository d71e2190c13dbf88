"""How what goes into one run differs from what went into another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from notabene.proof.fingerprint import WALK, Tables, is_seed
from notabene.proof.settings import plain

SET = "set"
"""The value of a variable of which is known that it was there, and no more."""


class Difference(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing that differs.

    Attributes:
        kind: ``code``, ``argument``, ``config``, ``seed``, ``constant``, ``data``,
            ``environment``.
        item: Which file, argument, package ...
        a, b: What it was, and what it is; None where there was or is none.
        where: ``file:line``, or empty.
    """

    kind: str = msgspec.field(name="class")
    item: str
    a: Any = None
    b: Any = None
    where: str = ""


def differences(a: Tables, b: Tables) -> list[Difference]:
    """What differs, by kind; nothing for two runs of the same inputs."""
    found: list[Difference] = []
    found += _code(a, b)
    found += _arguments(_effective(a, b), _effective(b, a))
    found += _plain("seed", _effective(a, b, seeds=True), _effective(b, a, seeds=True))
    found += _config(a, b)
    found += _plain("data", *without_moved(a.data, b.data))
    found += environment(a.environment, b.environment)
    return found


def without_moved(
    a: Mapping[str, str], b: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Two tables of data without files that lie elsewhere with the same content."""
    gone = {key: digest for key, digest in a.items() if key not in b and len(digest) == 64}
    come = {key: digest for key, digest in b.items() if key not in a and len(digest) == 64}
    moved = set(gone.values()) & set(come.values())
    left_out = {key for key, digest in (gone | come).items() if digest in moved}
    return (
        {key: digest for key, digest in a.items() if key not in left_out},
        {key: digest for key, digest in b.items() if key not in left_out},
    )


def _effective(one: Tables, other: Tables, *, seeds: bool = False) -> dict[str, str]:
    """Arguments with the defaults; those that only the other run recorded hold for both."""
    defaults = {**other.defaults, **one.defaults}
    found = {name: value for name, value in defaults.items() if is_seed(name) == seeds}
    return {**found, **(one.seeds if seeds else one.arguments)}


def _config(a: Tables, b: Tables) -> Iterator[Difference]:
    """What was logged and is neither an argument nor a constant; of both it must be known."""
    if not a.config or not b.config:
        return
    one, other = own_config(a), own_config(b)
    for name in sorted(one.keys() | other.keys()):
        # What is an argument of one only is told there.
        told = (name not in one and name in a.config) or (name not in other and name in b.config)
        if one.get(name) != other.get(name) and not told:
            kind = "seed" if is_seed(name.rpartition(".")[2]) else "config"
            yield Difference(kind=kind, item=name, a=one.get(name), b=other.get(name))


def own_config(one: Tables) -> dict[str, str]:
    """The config without what an argument or a constant of the same name decides."""
    told = {plain(name) for names in (one.arguments, one.defaults, one.seeds) for name in names}
    told |= {plain(name) for names in one.constants.values() for name in names}
    return {
        name: value
        for name, value in one.config.items()
        if plain(name) not in told and plain(name.rpartition(".")[2]) not in told
    }


def _arguments(a: dict[str, str], b: dict[str, str]) -> Iterator[Difference]:
    """Arguments, and of variables that a line looked for by a pattern those only one run had."""
    for pattern in [name for name in {**a, **b} if name.startswith(WALK)]:
        names = [set(one.pop(pattern, "").split()) for one in (a, b)]
        for name in names[0] - names[1]:
            a.setdefault(f"${name}", SET)
        for name in names[1] - names[0]:
            b.setdefault(f"${name}", SET)
    yield from _plain("argument", a, b)


def _plain(kind: str, a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[Difference]:
    for item in sorted({*a, *b}):
        if a.get(item) != b.get(item):
            yield Difference(kind=kind, item=item, a=a.get(item), b=b.get(item))


def _code(a: Tables, b: Tables) -> Iterator[Difference]:
    for path in sorted({*a.code, *b.code}):
        one, other = a.code.get(path), b.code.get(path)
        if one is None or other is None:
            yield Difference(
                kind="code",
                item=path,
                a=None if one is None else one["sha"][:16],
                b=None if other is None else other["sha"][:16],
            )
        elif one["code"] != other["code"]:
            yield from _changed(path, a, b)


def _changed(path: str, a: Tables, b: Tables) -> Iterator[Difference]:
    """One file: its constants where nothing else changed, else the file."""
    one, other = a.code[path], b.code[path]
    if one.get("without_seeds") and one.get("without_seeds") == other.get("without_seeds"):
        kind = "seed"
    elif one.get("without_constants") == other.get("without_constants", "-"):
        kind = "constant"
    else:
        kind = "code"
    named = list(constants(path, a, b, kind if kind == "seed" else "constant"))
    if kind != "code" and named:
        yield from named
        return
    yield Difference(
        kind="seed" if kind == "seed" else "code",
        item=path,
        a=one["sha"][:16],
        b=other["sha"][:16],
    )
    yield from named


def constants(path: str, a: Tables, b: Tables, kind: str = "constant") -> Iterator[Difference]:
    """Constants of a file whose values differ."""
    before, after = a.constants.get(path, {}), b.constants.get(path, {})
    for name in sorted(before.keys() & after.keys()):
        if before[name][0] != after[name][0]:
            yield Difference(
                kind=kind,
                item=name,
                a=before[name][0],
                b=after[name][0],
                where=f"{path}:{after[name][1]}",
            )


def environment(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    """Packages and variables by name, the rest as it is."""
    for key in sorted({*a, *b}):
        one, other = a.get(key) or None, b.get(key) or None
        if one == other or key == "folder":
            continue
        if isinstance(one or other, Mapping):
            one, other = one or {}, other or {}
            for name in sorted({*one, *other}):
                if one.get(name) != other.get(name):
                    item = name if key in ("packages", "variables") else f"{key}.{name}"
                    yield Difference(
                        kind="environment",
                        item=f"package {name}" if key == "packages" else item,
                        a=one.get(name),
                        b=other.get(name),
                    )
        else:
            yield Difference(kind="environment", item=key, a=one, b=other)
