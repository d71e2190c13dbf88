"""What may be typed next: for query bars and shells."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from notabene.errors import QueryError
from notabene.query import fields
from notabene.query.ast import Field
from notabene.query.parser import CONTAINERS, Parser
from notabene.query.scanner import Want
from notabene.query.text import write_field

MAX_SUGGESTIONS = 50

_NUMERIC = ("<", "<=", ">", ">=", "=", "!=")
_TEXTUAL = ("=", "!=", "like", "ilike", "in (", "not in (", "not like")
_NULL = ("is null", "is not null")
OPERATORS: dict[fields.Type, tuple[str, ...]] = {
    "text": (*_TEXTUAL, *_NULL),
    "choice": ("=", "!=", "in (", "not in (", *_NULL),
    "number": (*_NUMERIC, "between", *_NULL),
    "duration": (*_NUMERIC, "between", *_NULL),
    "time": (*_NUMERIC, "between", *_NULL),
    "bool": ("=", "!="),
    "any": (*_TEXTUAL, "<", "<=", ">", ">=", "between", *_NULL),
}
"""What makes sense, by the type of the field."""

VALUES: dict[fields.Type, tuple[str, ...]] = {
    "bool": ("true", "false"),
    "time": ("today", "yesterday", "'7d ago'", "'30d ago'"),
    "duration": ("60s", "10m", "1h", "1d"),
}
"""What is often compared with."""

_GROWS = re.compile(r"[\w./:@+\-'\"`]\Z")

Keys = Mapping[str, Iterable[str]]
"""Keys that exist, by the kind of the field: ``{"metric": ["loss", "val/acc"]}``."""


class Suggestion(NamedTuple):
    """Something that may stand in the text from ``start`` to the cursor.

    Attributes:
        text: What to put there.
        start: Column of its first character.
        doc: One line that explains it, or an empty text.
    """

    text: str
    start: int
    doc: str = ""


def complete(text: str, cursor: int | None = None, keys: Keys | None = None) -> list[Suggestion]:
    """What may stand at the cursor, at most 50 suggestions; none where nothing is known.

    Args:
        text: The query as far as it has been written.
        cursor: Column of the cursor, by default the end.
        keys: Keys that exist, to be offered behind their prefixes.
    """
    return _complete(text, cursor, keys or {}, lambda parser: parser.query(), ("and", "or", ")"))


def complete_order(
    text: str, cursor: int | None = None, keys: Keys | None = None
) -> list[Suggestion]:
    """The same for the keys to sort by."""
    return _complete(text, cursor, keys or {}, lambda parser: parser.order([]), ("asc", "desc"))


def _complete(
    text: str,
    cursor: int | None,
    keys: Keys,
    read: Callable[[Parser], object],
    joiners: tuple[str, ...],
) -> list[Suggestion]:
    before = text[:cursor]
    try:
        parser = Parser(before)
    except QueryError:
        return []
    # It need not be finished: what could stand where is known.
    with contextlib.suppress(QueryError):
        read(parser)
    # A word that ends at the cursor may still grow; after all else the next one begins.
    grows = _GROWS.search(before) is not None
    want = [w for w in parser.scan.wants if w.at < len(before) or not grows][-1]
    begun = before[want.at :].lower()
    offered = _offered(want, keys, joiners)
    found = [Suggestion(t, want.at, doc) for t, doc in offered if t.lower().startswith(begun)]
    return [s for s in found if s.text.lower() != begun][:MAX_SUGGESTIONS]


def _offered(want: Want, keys: Keys, joiners: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if want.what == "joiner":
        yield from ((word, "") for word in joiners)
    elif want.what == "container":
        yield from ((prefix.name, prefix.doc) for prefix in CONTAINERS)
    elif want.what == "operator" and want.field is not None:
        yield from ((op, "") for op in OPERATORS[fields.type_of(want.field)])
    elif want.what == "value" and want.field is not None:
        yield from _values(want.field)
    else:
        yield from _names(keys)


def _values(field: Field) -> Iterator[tuple[str, str]]:
    if field.kind == "attribute":
        choices = fields.BY_NAME[field.name].choices
        yield from ((form, "") for word in choices for form in (word, f"'{word}'"))
    yield from ((value, "") for value in VALUES.get(fields.type_of(field), ()))


def _names(keys: Keys) -> Iterator[tuple[str, str]]:
    yield from ((a.name, a.doc) for a in fields.ATTRIBUTES)
    for prefix in fields.PREFIXES:
        yield f"{prefix.name}.", prefix.doc
        yield from ((f"{prefix.name}.{key}", prefix.doc) for key in prefix.keys)
    for prefix in fields.PREFIXES:
        if prefix is not fields.BY_KIND[prefix.kind]:
            continue
        for key in keys.get(prefix.kind, ()):
            name = write_field(Field(prefix.kind, key))
            yield name, ""
            if prefix.kind == "metric":
                yield from ((f"{name}.{stat}", doc) for stat, doc in fields.STATISTICS.items())
