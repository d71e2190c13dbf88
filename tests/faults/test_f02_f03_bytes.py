"""F02, F03: SIGKILL at each byte of the first 4 KiB of the journal; then the run goes on."""

from __future__ import annotations

import pytest

from notabene.journal.recover import open_orphan, recover
from notabene.journal.verify import verify
from tests.faults.oracle import LONG, kinds, problems
from tests.faults.workload import Counters, log_rows, make_writer

STEP = 1 if LONG else 29


@pytest.mark.parametrize("first", range(1, 4097, 1024))
def test_killed_at_each_byte(finish, folder, first):
    """The file opens, all frames before the byte are read, and the ring holds the rest."""
    done = finish("at_byte", first, first + 1024, STEP)
    assert done.stdout == '{"done": true}\n', done.stderr
    for place in folder.iterdir():
        k = int(place.name[1:])
        journal = place / "w1.journal"
        assert journal.stat().st_size == k
        report = verify(journal)
        assert report.damage is None or report.damage.torn
        counters = Counters(place / "counters")
        (acked, *_) = counters.all()
        counters.close()
        orphan = open_orphan(place, "w1")
        if orphan is None:  # killed before there was a ring: then nothing was acknowledged
            assert acked == 0
            continue
        assert recover(orphan, place) is not None
        if report.damage is not None and report.damage.offset == 0:
            journal.unlink()  # half a header, which the oracle's reader does not expect
        assert problems(place, "w1", 0, acked) == []


def test_without_the_ring_the_torn_frame_is_lost(finish, folder):
    """F02, negative control: what was half written when the kill came is in the ring alone."""
    assert finish("at_byte", 3000, 3001, 1).returncode == 0
    place = folder / "k3000"
    counters = Counters(place / "counters")
    acked = counters.all()[0]
    counters.close()
    assert problems(place, "w1", 0, acked) != []


def test_who_writes_on_behind_a_torn_end_is_not_read(finish, folder, tmp_path):
    """F03, negative control: frames behind half a frame, in the same file, are out of reach."""
    assert finish("at_byte", 2000, 2001, 1).returncode == 0
    counters = Counters(tmp_path / "more")
    (tmp_path / "w2").mkdir()
    writer = make_writer(tmp_path / "w2", "w2")
    log_rows(writer, counters, 1, 300)
    assert writer.close()
    counters.close()
    torn = folder / "k2000" / "w1.journal"
    before = verify(torn).rows
    torn.write_bytes(torn.read_bytes() + (tmp_path / "w2" / "w2.journal").read_bytes())
    report = verify(torn)
    assert report.rows == before
    assert report.damage is not None


def test_a_run_goes_on_after_a_torn_end(finish, folder, tmp_path):
    """A new writer has a file of its own: nothing of the torn one is mixed with it."""
    assert finish("at_byte", 2000, 2001, 1).returncode == 0
    place = folder / "k2000"
    counters = Counters(tmp_path / "more")
    writer = make_writer(place, "w2")
    log_rows(writer, counters, 1, 300)
    assert writer.close()
    counters.close()
    before = Counters(place / "counters")
    acked = before.all()[0]
    before.close()
    recover(open_orphan(place, "w1"), place)
    assert problems(place, "w1", 0, acked) == []
    assert problems(place, "w2", 1, 300) == []
    assert kinds(place, "w1-end") == ["status-seen"]
    assert verify(place / "w2.journal").good
