"""The cells of a notebook: each is a source of its own, and all together are one program.

What a cell means hangs on those before it: they import what it uses. So the cells are looked at
as one text, and what is found is told of the cell where it stands, by its own lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from notabene.proof.source.facts import analyse
from notabene.proof.source.uses import SEEDS, USES, Facts

_CELL = re.compile(r"cell ([0-9]+)\Z")


def is_cell(path: str) -> bool:
    """Whether a source is a cell, by its name."""
    return _CELL.match(path) is not None


def together(facts: Mapping[str, Facts], texts: Mapping[str, bytes]) -> dict[str, Facts]:
    """Facts of the cells among some sources, as parts of one program.

    Args:
        facts: What each source says by itself, by path.
        texts: Their content.

    Returns:
        For each cell what it says by itself, with the places found in the whole.
    """
    cells = sorted((int(match[1]), path) for path in facts if (match := _CELL.match(path)))
    # One that is no Python ended with an error when it was run.
    names = [path for _, path in cells if not facts[path].failed]
    if len(names) < 2:
        return {}
    lines = [texts[name].decode("utf-8", "replace").split("\n") for name in names]
    whole = analyse("\n".join("\n".join(of) for of in lines), name="cells")
    if whole.failed:
        return {}
    found, begin = {}, 0
    for name, of in zip(names, lines, strict=True):
        found[name] = _part(facts[name], whole, begin, begin + len(of))
        begin += len(of)
    return found


def _part(own: Facts, whole: Facts, begin: int, end: int) -> Facts:
    """A cell's facts: places of the whole in the lines ``begin < line <= end``."""
    lists: dict[str, list[Any]] = {
        kind: [
            msgspec.structs.replace(one, line=one.line - begin)
            for one in getattr(whole, kind)
            if begin < one.line <= end
        ]
        for kind in ("constants", *SEEDS, *USES)
    }
    return msgspec.structs.replace(own, **lists)
