"""What differs between two runs, ranked by what can account for their results."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from notabene.compare.series import Parting
from notabene.proof.fingerprint import ABSENT, URL, Tables, keys_of, shown_key
from notabene.proof.record import Record, flat
from notabene.proof.settings import is_parameter, plain
from notabene.proof.since import USES, aspect
from notabene.proof.source.facts import Facts
from notabene.proof.versus import differences

Explains = Literal["yes", "unlikely", "no"]

_PRIOR = {
    "seed": 0,
    "argument": 1,
    "config": 1,
    "constant": 2,
    "data": 3,
    "network": 3,
    "code": 4,
    "environment": 5,
    "hardware": 6,
}
"""How likely each class is the cause, before anything is rerun."""
_TINY = 1e-5
"""A first relative difference below this looks like numbers that were summed in another order."""
_MEANINGS = ("PYTHONOPTIMIZE", "programs.", "submodules.")
"""What changes what a program means, or is part of it."""
_NUMERIC = ("package numpy", "package torch", "package scipy", "package jax", "package scikit")
MOST_TEXT = 2 << 20


class Item(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One difference.

    Attributes:
        kind: ``config``, ``argument``, ``constant``, ``seed``, ``code``, ``data``,
            ``network``, ``environment`` or ``hardware``; ``class`` in JSON.
        item: Which.
        a, b: What each run had; digests have 16 hex digits; None: none.
        where: ``file:line`` in the second run's code, or empty.
        explains: Whether it can account for what differs in the results.
        note: More about it: ``1 row changed``, ``comments only``, ``not logged``.
    """

    kind: str = msgspec.field(name="class")
    item: str
    a: Any = None
    b: Any = None
    where: str = ""
    explains: Explains = "yes"
    note: str = ""


class Diff(msgspec.Struct, kw_only=True):
    """All that differs.

    Attributes:
        a, b: Ids of the runs.
        differences: The best explanation first.
        results: Metrics that differ, the first to part first; then those that do not.
    """

    a: str
    b: str
    differences: list[Item]
    results: list[Parting]

    @property
    def first_step(self) -> int | None:
        """The first step at which any metric differs; None where none does."""
        steps = [one.first_divergent_step for one in self.results]
        return min((step for step in steps if step is not None), default=None)


class Side(msgspec.Struct, kw_only=True):
    """One run, for a diff: its record and tables, its sources and what they say, by path."""

    record: Record
    tables: Tables
    texts: Mapping[str, bytes]
    facts: Mapping[str, Facts] = {}
    blob: Any = None
    """Gives content by digest, for a look into data; None: no look."""


def diff(a: Side, b: Side, results: list[Parting]) -> Diff:
    """Everything that differs between two runs.

    Args:
        a, b: The runs.
        results: Their metrics, compared.
    """
    results = sorted(results, key=_order)
    found = Diff(a=a.record.run, b=b.record.run, differences=[], results=results)
    items = [*_inputs(a, b), *_config(a, b), *_cosmetic(a, b), *_hardware(a, b)]
    for one in items:
        _judge(one, found, b)
    rank = {"yes": 0, "unlikely": 1, "no": 2}
    found.differences = sorted(
        items, key=lambda one: (rank[one.explains], _PRIOR.get(one.kind, 9), one.item)
    )
    return found


def _order(one: Parting) -> tuple[int, int, str]:
    step = one.first_divergent_step
    return (step is None, 0 if step is None else step, one.metric)


def _inputs(a: Side, b: Side) -> Iterator[Item]:
    for one in differences(a.tables, b.tables):
        if one.kind == "config":
            continue  # told with its values as they were logged
        item = Item(kind=one.kind, item=one.item, a=one.a, b=one.b, where=one.where)
        if one.kind == "data":
            item.a, item.b = _short(one.a), _short(one.b)
            spot = keys_of(b.record).get(one.item) or keys_of(a.record).get(one.item)
            item.item, item.where = spot or (shown_key(one.item), "")
            if one.item.startswith(URL):
                item.kind = "network"
            item.note = _content(a, b, one.a, one.b)
        elif one.kind == "argument" and not one.item.startswith("$"):
            options = [o for o in b.record.parameters.options if o.name == one.item]
            item.where = options[0].where if options else ""
            if not _is_logged(b.record, one.item):
                item.note = "not logged"
        elif one.kind == "argument":
            variables = [v for v in b.record.parameters.variables if f"${v.name}" == one.item]
            item.where = variables[0].where if variables else ""
        elif one.kind == "code":
            item.note = _lines(a, b, one.item)
        yield item


def _short(digest: str | None) -> str | None:
    if digest is None or digest == ABSENT:
        return digest
    return digest[:16]


def _is_logged(record: Record, name: str) -> bool:
    names = {plain(key) for key in flat(record.config)}
    names |= {plain(key.rpartition(".")[2]) for key in flat(record.config)}
    return plain(name) in names


def _content(a: Side, b: Side, one: str | None, other: str | None) -> str:
    """Which rows of a text file differ, where both contents are kept."""
    if a.blob is None or not one or not other or len(one) != 64 or len(other) != 64:
        return ""
    texts = [a.blob(one), b.blob(other)]
    if any(text is None or len(text) > MOST_TEXT or b"\0" in text for text in texts):
        return ""
    rows = [text.splitlines() for text in texts]
    added = removed = 0
    for line in difflib.unified_diff(
        [str(row) for row in rows[0]], [str(row) for row in rows[1]], n=0, lineterm=""
    ):
        if line.startswith("+") and not line.startswith("+++"):
            added += 1
        elif line.startswith("-") and not line.startswith("---"):
            removed += 1
    changed = min(added, removed)
    said = [f"{changed} row{'s' * (changed != 1)} changed"] if changed else []
    for count, what in ((added - changed, "more"), (removed - changed, "fewer")):
        if count:
            said.append(f"{count} {what}")
    return ", ".join(said)


def _lines(a: Side, b: Side, path: str) -> str:
    if path not in a.texts or path not in b.texts:
        return ""
    pair = [side.texts[path].decode("utf-8", "replace").splitlines() for side in (a, b)]
    changed = sum(
        line[:1] in "+-" and line[:3] not in ("+++", "---")
        for line in difflib.unified_diff(pair[0], pair[1], n=0, lineterm="")
        if line
    )
    return f"{changed} line{'s' * (changed != 1)}"


def _config(a: Side, b: Side) -> Iterator[Item]:
    """What was logged and differs, where it is not an argument that is told already."""
    one, other = flat(a.record.config), flat(b.record.config)
    told = {plain(d.item) for d in differences(a.tables, b.tables) if d.kind != "config"}
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name) and plain(name.rpartition(".")[2]) not in told:
            yield Item(kind="config", item=name, a=one.get(name), b=other.get(name))


def _cosmetic(a: Side, b: Side) -> Iterator[Item]:
    """Sources that differ in what means nothing."""
    for path in sorted(a.tables.code.keys() & b.tables.code.keys()):
        one, other = a.tables.code[path], b.tables.code[path]
        if one["sha"] != other["sha"] and one["code"] == other["code"]:
            yield Item(
                kind="code",
                item=path,
                a=one["sha"][:16],
                b=other["sha"][:16],
                explains="no",
                note="comments and layout only (same syntax tree)",
            )


def _hardware(a: Side, b: Side) -> Iterator[Item]:
    one, other = a.record.process.get("host"), b.record.process.get("host")
    if one != other:
        yield Item(kind="hardware", item="host", a=one, b=other)


def _judge(one: Item, found: Diff, b: Side) -> None:
    """Whether a difference can account for the results."""
    step = found.first_step
    if one.explains == "no":
        return
    if one.kind == "config" and not is_parameter(one.item.rpartition(".")[2]):
        one.explains = "unlikely"
    if step is None:
        one.explains = "no"
        one.note = one.note or "the results are the same"
        return
    if one.kind in ("environment", "hardware"):
        first = next((r for r in found.results if r.first_divergent_step == step), None)
        tiny = first is not None and 0 < first.relative < _TINY
        numeric = one.item.startswith(_NUMERIC) or "THREADS" in one.item
        kind = aspect(one.item)
        one.where = _place_that_uses(kind, b) if kind else one.where
        used = one.where or _used(one, b) or one.item.startswith(_MEANINGS)
        one.explains = "yes" if (tiny and numeric) or used else "unlikely"
        if kind in ("timezone", "locale") and one.explains == "unlikely":
            one.note = one.note or "nothing in the code was seen to ask for it"


def _place_that_uses(kind: str, side: Side) -> str:
    """The first line that hangs on an aspect of the environment; the sums of threads are told by
    how little they change."""
    if kind == "threads":
        return ""
    for path, facts in side.facts.items():
        for use in getattr(facts, USES[kind]):
            return f"{path}:{use.line}"
    return ""


def _used(one: Item, b: Side) -> bool:
    """Whether the program asked for a variable by itself."""
    names = {variable.name for variable in b.record.parameters.variables}
    return one.item in names


def text_diff(a: Side, b: Side, path: str) -> list[str]:
    """Unified diff of one source."""
    pair = [
        side.texts.get(path, b"").decode("utf-8", "replace").splitlines(keepends=False)
        for side in (a, b)
    ]
    return list(difflib.unified_diff(pair[0], pair[1], f"a/{path}", f"b/{path}", lineterm=""))
