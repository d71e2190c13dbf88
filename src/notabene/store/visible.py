"""Which of the logged values and captures of several writers are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from notabene.model.entities import LoggedValue
from notabene.store.base import Capture
from notabene.store.counting import successors
from notabene.store.state import Work


def shown_captures(work: Work, rows: Iterable[Any]) -> list[Capture]:
    """Of each part and rank the capture that came last.

    Args:
        work: The run.
        rows: ``(part, writer, time, seq, data)``.
    """
    latest: dict[tuple[str, int], tuple[tuple[int, str, int], Any]] = {}
    for part, number, time, seq, data in rows:
        writer = work.writers.all[number]
        place, stamp = (part, writer.rank), (time, writer.id, seq)
        if place not in latest or latest[place][0] < stamp:
            latest[place] = stamp, data
    return [Capture(*place, latest[place][0][0], latest[place][1]) for place in sorted(latest)]


def shown_values(work: Work, rows: Iterable[Any]) -> list[LoggedValue]:
    """Values without those that a resume replaced, by key, step and time.

    Args:
        work: The run.
        rows: ``(writer, seq, key, step, time, kind, MessagePack of the value)``.
    """
    listed = list(rows)
    first: dict[tuple[int, str], tuple[int, int]] = {}
    for writer, seq, key, step, *_ in listed:
        here = (seq, step)
        first[writer, key] = min(first.get((writer, key), here), here)
    replaced = successors(work.writers)
    out = []
    for writer, seq, key, step, time, kind, value in listed:
        del seq
        later = [first[new, key][1] for new in replaced.get(writer, ()) if (new, key) in first]
        if later and step >= min(later):
            continue
        out.append(
            LoggedValue(
                run=work.id,
                key=key,
                step=step,
                time=time,
                rank=work.writers.all[writer].rank,
                kind=kind,
                value=msgspec.msgpack.decode(value),
            )
        )
    return sorted(out, key=lambda v: (v.key, v.step, v.time, v.rank))
