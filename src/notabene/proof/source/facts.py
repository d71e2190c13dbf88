"""The facts of one source: what it is as code, and what in it may keep a run from repeating."""

from __future__ import annotations

import ast
from typing import Final

from notabene.proof.source import clocks, declared
from notabene.proof.source.canonical import PARSE_FAILURES, canonical_digests, parse, text_digest
from notabene.proof.source.reading import DEEPEST, Reader
from notabene.proof.source.uses import Constant, Facts, Found, Origin, SeedUse, Use

__all__ = ["VERSION", "Constant", "Facts", "Origin", "SeedUse", "Use", "analyse"]

VERSION: Final = 9
"""Part of the key under which facts are kept; one more when they come to mean something else."""


def analyse(text: str | bytes, *, name: str = "") -> Facts:
    """Tell what a source says by itself. Nothing is imported or run, and nothing is raised.

    Args:
        text: The source; of bytes, a coding line is heeded as Python does.
        name: Its file name, for the message if it fails; nothing else depends on it.
    """
    facts = Facts(lines=len(text.splitlines()))
    try:
        tree = parse(text)
    except PARSE_FAILURES as error:
        facts.failed = _reason(error, name)
        facts.code = facts.code_without_seeds = facts.code_without_constants = text_digest(text)
        return facts
    facts.code, facts.code_without_seeds, facts.code_without_constants = canonical_digests(tree)
    if not any(_told(tree, facts, deepest) for deepest in (DEEPEST, 2)):
        facts.failed = _reason(RecursionError("nested too deeply"), name)
    return facts


def _told(tree: ast.Module, facts: Facts, deepest: int) -> bool:
    """Fill the facts, calls followed so deep; False where Python's own stack did not suffice."""
    found = Found()
    try:
        declared.constants(tree, found)
        clocks.alarms(tree, found)
        Reader(found, deepest).read(tree)
    except RecursionError:
        return False
    finally:
        found.into(facts)
    return True


def _reason(error: BaseException, name: str) -> str:
    line = getattr(error, "lineno", None)
    where = f"{name}:{line}" if name and line else name or (f"line {line}" if line else "")
    message = getattr(error, "msg", None) or str(error) or type(error).__name__
    return f"{where}: {message}" if where else str(message)
