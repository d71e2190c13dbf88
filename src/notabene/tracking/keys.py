"""Names as people give them: metric keys, nested mappings, tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from notabene.errors import UsageError
from notabene.model.canonical import digest_bytes
from notabene.model.refs import MAX_NAME_BYTES, check_name

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TAG_TEXT = 8192
EMPTY = "(empty)"
"""Name of what was given an empty one."""
MAX_DEPTH = 64
"""Mappings in mappings that become names; deeper ones are kept as text."""


def metric_names(keys: tuple[Any, ...], note: Callable[[str, str], None]) -> tuple[str, ...]:
    """Names to store for the keys of a row.

    A key that is too long, empty or holds control characters is data's fault, not a wrong call:
    it is kept under a shortened, cleaned or made-up name, and noted.

    Raises:
        UsageError: A key is no text.
    """
    return tuple(metric_name(key, note) for key in keys)


def metric_name(key: Any, note: Callable[[str, str], None]) -> str:
    """Name to store for one key; see :func:`metric_names`."""
    if not isinstance(key, str):
        raise no_text(key)
    if not key.strip():
        note("key", f"the name {key[:60]!r} is empty; kept as {EMPTY!r}")
        return EMPTY
    name = key.encode("utf-8", "replace").decode()
    if _CONTROL.search(name):
        name = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name)
        note("key", f"the name {key[:60]!r} holds control characters; kept as {name[:60]!r}")
    size = len(name.encode())
    if size > MAX_NAME_BYTES:
        short = (
            name.encode()[:200].decode("utf-8", "ignore") + "~" + digest_bytes(name.encode())[:8]
        )
        note("key", f"the name {name[:40]!r}... has {size:,} bytes; kept under the first 200")
        name = short
    return name


def no_text(key: Any) -> UsageError:
    """What is said of a key that is no text."""
    return UsageError(
        f"log() takes texts as names, not {type(key).__name__} {key!r}"[:200],
        hint="run.log({'loss': 0.3})",
    )


def flat_items(
    data: Mapping[Any, Any], prefix: str = "", above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Items of nested mappings, the keys joined with a slash.

    A mapping that holds itself, or lies below many others, is given as it is.

    Raises:
        UsageError: A key is no text.
    """
    above = (*above, id(data))
    for key, value in data.items():
        if not isinstance(key, str):
            raise no_text(key)
        name = f"{prefix}{EMPTY}" if prefix and not key.strip() else prefix + key
        nested = isinstance(value, Mapping) and len(above) < MAX_DEPTH and id(value) not in above
        if nested:
            yield from flat_items(value, f"{name if name.strip() else EMPTY}/", above)
        else:
            yield name, value


def tag_cells(tags: Mapping[str, Any] | Iterable[str] | str) -> dict[str, str]:
    """Tags as cells: a plain word has an empty value; ``name=value`` is split.

    Raises:
        UsageError: A tag is no text, too long, or empty.
    """
    if isinstance(tags, str):
        tags = (tags,)
    if isinstance(tags, Mapping):
        pairs = [(k, v) for k, v in tags.items()]
    elif not isinstance(tags, Iterable):
        raise UsageError(
            f"tags are words, or names with values, not {type(tags).__name__} {tags!r}"[:200],
            hint="['baseline'] or {'team': 'vision'}",
        )
    else:
        pairs = []
        for tag in tags:
            if not isinstance(tag, str):
                raise UsageError(f"a tag must be a text, not {type(tag).__name__} {tag!r}"[:200])
            name, _, value = tag.partition("=")
            pairs.append((name, value))
    cells = {}
    for name, value in pairs:
        text = value if isinstance(value, str) else str(value)
        if len(text.encode("utf-8", "replace")) > _TAG_TEXT:
            raise UsageError(
                f"the tag {name!r} has a value of {len(text):,} characters; at most "
                f"{_TAG_TEXT:,} bytes are allowed",
                hint="write a note, or log the text",
            )
        cells[check_name(name, "tag")] = text
    return cells
