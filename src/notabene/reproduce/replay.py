"""The file from which a reproduced run draws what the first one drew."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from notabene.proof.record import Record
from notabene.proof.source.facts import Facts


def replay_of(record: Record, facts: Mapping[str, Facts]) -> dict[str, Any]:
    """What :mod:`notabene.capture.watch.replay` reads.

    Start states of generators, entropy that generators drew, seeds that came from elsewhere than
    the code, and clock values that went into seeds. Nothing else is handed back: the program's
    own draws from the operating system stay what they are, since they may be keys.
    """
    randomness = record.randomness
    draws: dict[str, list[str]] = defaultdict(list)
    seeds: dict[str, list[int]] = defaultdict(list)
    for draw in randomness.draws:
        if draw.value:
            draws[f"{draw.process}|{draw.by}|{_spot(draw.where)}"].append(draw.value)
    strange = _strange_seeds(facts)
    for seed in randomness.seeds:
        value = seed.value
        if isinstance(value, str) and value.lstrip("-").isdigit():
            value = int(value)  # of more than 64 bits
        if _spot(seed.where) in strange and isinstance(value, int):
            seeds[f"{seed.process}|{seed.generator}|{_spot(seed.where)}"].append(value)
    clocks = _clock_lines(facts)
    return {
        "starts": {
            f"{one.process}|{one.name}": one.state for one in randomness.generators if one.state
        },
        "draws": dict(draws),
        "seeds": dict(seeds),
        "clock": {
            _spot(one.where): one.value for one in randomness.clock if _spot(one.where) in clocks
        },
    }


def _spot(where: str) -> str:
    file, _, line = where.rpartition(":")
    return f"{os.path.basename(file)}:{line}"


def _strange_seeds(facts: Mapping[str, Facts]) -> set[str]:
    """Lines where the seed comes from the clock, the system, or cannot be told."""
    return {
        f"{os.path.basename(path)}:{use.line}"
        for path, fact in facts.items()
        for use in fact.seeds
        if use.origin in ("clock", "entropy", "process", "hash", "unknown", "name")
    }


def _clock_lines(facts: Mapping[str, Facts]) -> set[str]:
    """Lines where the clock is read for a value rather than to measure."""
    found: set[str] = set()
    for path, fact in facts.items():
        name = os.path.basename(path)
        found |= {f"{name}:{use.line}" for use in fact.clock_values}
        found |= {f"{name}:{use.line}" for use in fact.seeds if use.origin == "clock"}
        for use in fact.seeds:
            found |= {f"{name}:{line}" for line in getattr(use, "sources", ())}
    return found
