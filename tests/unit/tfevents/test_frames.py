"""Reading the framing of event files: whole, growing, cut and damaged ones."""

from __future__ import annotations

import pytest

from notabene.tfevents.frames import EventFile
from tests.unit.tfevents.conftest import event, framed, simple, version

EVENTS = [version(1.0), *(event(float(n), n, simple("a", n)) for n in range(1, 30))]


def payloads(file: EventFile) -> list[bytes]:
    """All records that are there now."""
    return [
        records.data[at:end]
        for records in file.read()
        for at, end in zip(records.starts, records.ends, strict=True)
    ]


def test_reads_what_was_written(tmp_path):
    """All records, in their order."""
    path = tmp_path / "events"
    path.write_bytes(framed(*EVENTS))
    file = EventFile(path)
    assert payloads(file) == EVENTS
    assert (file.damaged, file.torn) == (0, 0)
    assert file.position == path.stat().st_size
    assert payloads(file) == []


@pytest.mark.parametrize("most", [16, 50, 64, 1000])
def test_pieces_of_any_size_give_the_same(tmp_path, most):
    """Records that lie across the border of a piece, or are longer than one."""
    path = tmp_path / "events"
    events = [*EVENTS, event(1.0, 1, simple("x" * 900, 1)), *EVENTS]
    path.write_bytes(framed(*events))
    assert payloads(EventFile(path, most=most)) == events


def test_a_growing_file_is_gone_on_with(tmp_path):
    """Half a record is waited for."""
    path = tmp_path / "events"
    whole = framed(*EVENTS)
    path.write_bytes(whole[:-7])
    file = EventFile(path)
    assert payloads(file) == EVENTS[:-1]
    assert file.torn > 0
    assert file.damaged == 0
    path.write_bytes(whole + framed(event(99.0, 99)))
    assert payloads(file) == [EVENTS[-1], event(99.0, 99)]
    assert file.torn == 0


def test_a_damaged_record_is_left_out(tmp_path):
    """Those before and behind it are read."""
    path = tmp_path / "events"
    parts = [framed(one) for one in EVENTS]
    bad = bytearray(parts[5])
    bad[14] ^= 1
    path.write_bytes(b"".join([*parts[:5], bytes(bad), *parts[6:]]))
    file = EventFile(path)
    assert payloads(file) == EVENTS[:5] + EVENTS[6:]
    assert file.damaged == len(bad)


@pytest.mark.parametrize("most", [64, 1 << 20])
def test_a_damaged_length_is_stepped_over(tmp_path, most):
    """Reading goes on at the next record that verifies."""
    path = tmp_path / "events"
    parts = [framed(one) for one in EVENTS]
    bad = bytearray(parts[5])
    bad[2] ^= 0x7F
    path.write_bytes(b"".join([*parts[:5], bytes(bad), b"rubbish", *parts[6:]]))
    file = EventFile(path, most=most)
    assert payloads(file) == EVENTS[:5] + EVENTS[6:]
    assert file.damaged == len(bad) + len(b"rubbish")


def test_a_file_that_is_none(tmp_path):
    """Anything else gives no records, and says how much of it was no good."""
    path = tmp_path / "events"
    path.write_bytes(b"this is a text about nothing, and it goes on for a while")
    file = EventFile(path)
    assert payloads(file) == []
    assert file.damaged + file.torn == path.stat().st_size
