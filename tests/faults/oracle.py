"""What must hold after a fault, read by a way round the code under test."""

from __future__ import annotations

import itertools
import os
import struct
from pathlib import Path

from notabene.journal.recover import open_orphan, recover
from tests.faults.workload import value_of
from tests.format.independent_reader import read_run

LONG = os.environ.get("NOTABENE_FAULTS") == "long"
"""Many more rounds of each fault, for the night."""


def rounds(short: int, long: int) -> range:
    """How often to try what depends on chance."""
    return range(long if LONG else short)


def bring_home(folder: Path, *writers: str) -> None:
    """Recover the rings that are left, as the next reader does."""
    for writer in writers or sorted(p.name.split(".")[0] for p in folder.glob("*.ring")):
        orphan = open_orphan(folder, writer)
        if orphan is not None:
            assert recover(orphan, folder) is not None


def series(folder: Path, writer: str, key: str) -> dict[int, float]:
    """Values of a key by step. A step that stands twice is a failure."""
    found: dict[int, float] = {}
    for step, _, value in read_run(folder)[1].get((writer, key), {}).values():
        assert step not in found, f"step {step} of {key} stands twice"
        found[step] = value
    return found


def problems(folder: Path, writer: str, slot: int, acked: int) -> list[str]:
    """What is wrong with the rows that a slot of the workload had acknowledged; [] when nothing is.

    Every acknowledged row must be there with its value. One more row may be: logged, but killed
    before it could be acknowledged. Its value must be right as well.
    """
    points = read_run(folder)[1]
    found: dict[int, float] = {}
    wrong = []
    for (of, key), rows in points.items():
        if of != writer or not key.startswith(f"s{slot}/"):
            continue
        for step, _, value in rows.values():
            if struct.pack("<d", value) != struct.pack("<d", value_of(slot, step)):
                wrong.append(f"{key} at step {step} is {value}")
            if key.endswith("/a"):
                if step in found:
                    wrong.append(f"step {step} stands twice")
                found[step] = value
    missing = [i for i in range(acked) if i not in found]
    if missing:
        wrong.append(f"{len(missing)} of {acked} acknowledged rows are missing, e.g. {missing[:5]}")
    if extra := [i for i in found if i > acked]:
        wrong.append(f"rows that nobody logged: {extra[:5]}")
    return wrong


def times_rise(folder: Path, writer: str) -> bool:
    """Whether time strictly rises with the sequence number over all records and rows."""
    records, points = read_run(folder)
    stamps = {seq: time for (of, seq), (time, _) in records.items() if of == writer}
    for (of, _), rows in points.items():
        if of == writer:
            stamps |= {seq: time for seq, (_, time, _) in rows.items()}
    in_order = [stamps[seq] for seq in sorted(stamps)]
    return all(a < b for a, b in itertools.pairwise(in_order))


def kinds(folder: Path, writer: str) -> list[str]:
    """Types of the records of a writer, in order."""
    found = read_run(folder)[0]
    return [r["record"] for (of, _), (_, r) in sorted(found.items()) if of == writer]
