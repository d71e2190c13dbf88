"""What can be asked of the runs that a search finds: counted by column, not run by run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from notabene.api import Api
from notabene.model.records import JSON
from notabene.query.ast import Expr, Field, FieldKind, Test, all_of
from notabene.query.fields import ATTRIBUTES, type_of
from notabene.query.text import write_field
from notabene.store.base import RunSet

DISTINCT = 1000
SAMPLE = 20
LONGEST = 250
"""Characters of a sample value."""

NEWEST = 20
"""So many runs say what goal and unit their metrics have."""

KINDS: tuple[FieldKind, ...] = ("param", "metric", "tag", "summary", "fact")
_ABSENT: tuple[JSON, ...] = ("", None)


class Sample(msgspec.Struct, frozen=True):
    """A value, and how many runs have it."""

    value: JSON
    count: int


class FieldCard(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be asked for or shown.

    Attributes:
        field: As the search language writes it: ``params.lr``, ``metrics."val/acc"``.
        kind: ``attribute``, ``param``, ``metric``, ``tag``, ``summary`` or ``fact``.
        key: The key as it was logged.
        type: ``number``, ``text``, ``bool``, ``time``, ``choice``, ``duration`` or ``any``.
        runs: How many runs have it.
        distinct: How many different values, counted up to 1,000; 0 for metrics.
        sample: The most frequent values.
        goal: Of a metric, as the newest runs define it.
        unit: Of a metric, as the newest runs define it.
    """

    field: str
    kind: str
    key: str
    type: str
    runs: int
    distinct: int = 0
    sample: list[Sample] = []
    goal: str = ""
    unit: str = ""


def fields_of(api: Api, project: str, where: Expr, *, archived: bool) -> list[FieldCard]:
    """All fields of the runs that fit, attributes first."""
    api.look()
    parts = [where]
    if project:
        parts.insert(0, Test(Field("attribute", "project"), "in", (project,)))
    found = api.store.runs(all_of(*parts), archived=None if archived else False)
    attributes = [Field("attribute", attribute.name) for attribute in ATTRIBUTES]
    table = found.columns(attributes)
    cards = [_card(f, _attribute(f, table[f].tolist())) for f in attributes]
    everything = found.columns(kinds=KINDS)
    own = [field for field in everything if field.kind != "attribute"]
    metrics = _metrics(found, [field for field in own if field.kind == "metric"])
    for field in sorted(own, key=lambda f: (KINDS.index(f.kind), f.name)):
        if field.kind == "metric":
            cards.append(metrics[field.name])
        else:
            cards.append(_card(field, [v for v in everything[field].tolist() if v is not None]))
    return [card for card in cards if card.runs]


def _attribute(field: Field, values: list[Any]) -> list[Any]:
    """What is there; times that are not known are 0."""
    if type_of(field) == "time":
        return [value for value in values if value]
    return [value for value in values if value not in _ABSENT]


def _metrics(found: RunSet, fields: Sequence[Field]) -> dict[str, FieldCard]:
    counts = found.columns([Field("metric", field.name, "n") for field in fields]) if fields else {}
    about = {
        key: metric
        for info in reversed(found.page(NEWEST))
        for key, metric in info.metrics.items()
        if metric.goal or metric.unit
    }
    out = {}
    for field, values in counts.items():
        metric = about.get(field.name)
        out[field.name] = FieldCard(
            field=write_field(Field("metric", field.name)),
            kind="metric",
            key=field.name,
            type="number",
            runs=int((values == values).sum()),
            goal=metric.goal if metric else "",
            unit=metric.unit if metric else "",
        )
    return out


def _card(field: Field, values: list[Any]) -> FieldCard:
    tally, types = _tally(values)
    kind = type_of(field) if field.kind == "attribute" else _type(types)
    return FieldCard(
        field=write_field(field),
        kind=field.kind,
        key=field.name,
        type=str(kind),
        runs=len(values),
        distinct=min(len(tally), DISTINCT),
        sample=[Sample(value, count) for (_, value), count in tally.most_common(SAMPLE)],
    )


def _tally(values: list[Any]) -> tuple[Counter[tuple[type, Any]], set[type]]:
    """How often each value comes, by type as well: True and 1 are not the same in a config."""
    types = set(map(type, values))
    tally: Counter[tuple[type, Any]] = Counter()
    for kind in types:
        some = values if len(types) == 1 else [v for v in values if type(v) is kind]
        if kind is str:
            some = [str(text)[:LONGEST] for text in some]
        elif kind not in (int, float, bool):
            some = [msgspec.json.encode(value).decode()[:LONGEST] for value in some]
        tally.update({(kind, value): count for value, count in Counter(some).items()})
    return tally, types


def _type(types: set[type]) -> str:
    names = {bool: "bool", int: "number", float: "number", str: "text"}
    known = {names[kind] for kind in types if kind in names}
    return known.pop() if len(known) == 1 else "any"
