"""Event files: all that is written comes back, whatever happens to the file."""

from __future__ import annotations

import contextlib
import struct
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from notabene.tfevents.frames import EventFile
from notabene.tfevents.proto import Value, WireError, read_event, read_tensor
from notabene.tfevents.scan import Scanner
from notabene.tfevents.values import hparams_of, value_of
from tests.unit.tfevents.conftest import event, framed, simple, version

TAGS = st.sampled_from(["a", "b", "loss/train", "ab", "x" * 130, "ä"])
STEPS = st.one_of(st.integers(0, 300), st.integers(-(1 << 63), (1 << 63) - 1))
FLOATS = st.floats(width=32)
POINTS = st.lists(st.tuples(TAGS, STEPS, FLOATS, st.floats(0, 2e9)), max_size=60)


def written(points) -> list[bytes]:
    """Events of points."""
    return [version(1.0), *(event(wall, s, simple(tag, v)) for tag, s, v, wall in points)]


def read(data: bytes, most: int = 1 << 20):
    """Points by tag, and the file."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "events"
        path.write_bytes(data)
        file, scanner = EventFile(path, most=most), Scanner()
        found: dict[str, list[tuple[int, bytes]]] = {}
        for records in file.read():
            scalars, _ = scanner.scan(records)
            for tag, part in scalars.items():
                pairs = zip(part.steps.tolist(), part.values.tolist(), strict=True)
                found.setdefault(tag, []).extend((s, struct.pack("<f", v)) for s, v in pairs)
        return found, file


def expected(points):
    """The same from what was written."""
    found: dict[str, list[tuple[int, bytes]]] = {}
    for tag, step, value, _ in points:
        found.setdefault(tag, []).append((step, struct.pack("<f", value)))
    return found


@given(POINTS, st.sampled_from([16, 64, 200, 1 << 20]))
def test_round_trip(points, most):
    """Steps and values to the bit, in pieces of any size."""
    found, file = read(framed(*written(points)), most)
    assert found == expected(points)
    assert (file.damaged, file.torn) == (0, 0)


@given(POINTS, st.data())
def test_cut_at_any_byte(points, data):
    """What stands whole before the cut is read, and nothing else."""
    events = written(points)
    whole = framed(*events)
    at = data.draw(st.integers(0, len(whole)))
    sizes = [len(framed(one)) for one in events]
    left = sum(1 for n in range(len(sizes)) if sum(sizes[: n + 1]) <= at)
    found, file = read(whole[:at])
    assert found == expected(points[: max(0, left - 1)])
    assert file.damaged == 0
    assert file.torn == at - sum(sizes[:left])


@given(POINTS.filter(lambda points: len(points) > 2), st.data())
def test_flipped_bits(points, data):
    """A flipped bit costs the record that it is in, and no other is changed."""
    events = written(points)
    whole = bytearray(framed(*events))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    at, hit = 0, 0
    for n, one in enumerate(events):
        if at <= bit // 8 < at + len(framed(one)):
            hit = n
        at += len(framed(one))
    rest = [point for n, point in enumerate(points) if n != hit - 1]
    found, file = read(bytes(whole))
    assert found == expected(rest)
    assert file.damaged + file.torn == len(framed(events[hit]))


@given(st.binary(max_size=200))
def test_bytes_that_are_no_messages(data):
    """They raise one error, and nothing else."""
    for call in (read_event, read_tensor):
        with contextlib.suppress(WireError):
            call(data, 0, len(data))
    for kind in ("histogram", "image", "audio", "tensor"):
        for plugin in ("", "histograms", "images", "audio", "text"):
            with contextlib.suppress(WireError):
                value_of(data, Value(kind=kind, start=0, end=len(data)), plugin)
    with contextlib.suppress(WireError):
        hparams_of(data)
