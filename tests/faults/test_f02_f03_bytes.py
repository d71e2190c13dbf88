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
