"""Ranges of sequence numbers: what of a writer is known, and what of a frame is new."""

from __future__ import annotations

Span = tuple[int, int]
"""A closed range of sequence numbers."""


def cover(covered: list[list[int]], first: int, last: int) -> list[Span]:
    """Note a closed range as covered; gives the parts of it that were not covered before."""
    if not covered or first > covered[-1][1]:  # the usual case: it goes on at the end
        if covered and first == covered[-1][1] + 1:
            covered[-1][1] = last
        else:
            covered.append([first, last])
        return [(first, last)]
    fresh: list[Span] = []
    at = first
    for begin, end in covered:
        if end < at:
            continue
        if begin > last:
            break
        if begin > at:
            fresh.append((at, begin - 1))
        at = end + 1
    if at <= last:
        fresh.append((at, last))
    covered[:] = _joined(sorted([*covered, *([a, b] for a, b in fresh)]))
    return fresh


def _joined(ranges: list[list[int]]) -> list[list[int]]:
    out: list[list[int]] = []
    for begin, end in ranges:
        if out and begin <= out[-1][1] + 1:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([begin, end])
    return out


def inside(spans: list[Span], seq: int) -> bool:
    """Whether a sequence lies in one of the ranges."""
    return any(first <= seq <= last for first, last in spans)
