"""Text in the language of databases that draws random numbers."""

from __future__ import annotations

import re
from typing import Final

from notabene.proof.source.uses import Found, SeedUse

_DRAWS: Final = re.compile(
    r"order\s+by\s+(?P<order>(?:random|rand|newid)\s*\(\s*\))"
    r"|\b(?P<sample>using\s+sample|tablesample)\b"
    r"|^\s*(?:select\b|with\b.+?\bas\s*\(|insert\s+into\b|create\s+\w+\s).*?"
    r"\b(?P<call>(?:random|rand|randomblob|gen_random_uuid|newid)\s*\(\s*\d*\s*\))",
    re.IGNORECASE | re.DOTALL,
)
_SEEDED: Final = re.compile(
    r"\brepeatable\b|\bsample\b.*\(\s*\w+\s*,\s*\d+\s*\)|\brand\s*\(\s*\d+\s*\)",
    re.IGNORECASE | re.DOTALL,
)
_SEEDS: Final = re.compile(r"\bsetseed\s*\(", re.IGNORECASE)


def look(text: str, line: int, found: Found) -> None:
    """Note what a text that is written out does with randomness, if a database is given it."""
    if _SEEDS.search(text):
        found.seed("seeds", SeedUse(line, "setseed", generator="sql", origin="literal"))
    drawn = _DRAWS.search(text)
    if drawn is not None and not _SEEDED.search(text):
        call = next(word for word in drawn.groups() if word)
        found.seed("unseeded", SeedUse(line, " ".join(call.split()), generator="sql"))
