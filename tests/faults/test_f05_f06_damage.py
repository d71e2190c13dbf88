"""F05, F06: bits flip anywhere, pages become zero: the rest is served, the place is named."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

from notabene.api import Api
from notabene.errors import FormatError
from notabene.journal import segment
from notabene.journal.folder import StoreFolder
from notabene.journal.repair import repair
from notabene.journal.verify import records, verify
from notabene.testing.scribe import Scribe
from tests.faults.oracle import rounds, series
from tests.faults.workload import Counters, log_rows, make_writer, value_of


@pytest.fixture
def journal(folder, tmp_path):
    """A journal of 2,000 rows in some forty frames."""
    counters = Counters(tmp_path / "counters")
    writer = make_writer(folder)
    for _ in range(40):
        log_rows(writer, counters, 0, 0)
        for i in range(counters.all()[0], counters.all()[0] + 50):
            writer.row({"s0/a": value_of(0, i)}, i)
            counters.set(0, i + 1)
        writer.flush()
    assert writer.close()
    counters.close()
    return folder / "w1.journal"


def good_rows(path):
    """Rows that are served; each must have its value."""
    found = {}
    for r in records(path, points=True):
        if "values" in r:
            ((_, value),) = r["values"].items()
            assert value == value_of(0, r["step"])
            found[r["step"]] = value
    return found


def test_a_bit_that_flips_is_named(journal):
    """A prefix is served with right values, and the sentence names the byte of the bad frame."""
    whole, draw = journal.read_bytes(), random.Random(5)
    begin = segment.read_header(journal)[1]
    for _ in rounds(150, 3000):
        at = draw.randrange(begin, len(whole))
        damaged = bytearray(whole)
        damaged[at] ^= 1 << draw.randrange(8)
        journal.write_bytes(damaged)
        found = good_rows(journal)
        assert sorted(found) == list(range(len(found)))
        report = verify(journal)
        assert report.damage is not None
        assert report.damage.offset <= at
        assert f"damaged at byte {report.damage.offset:,}" in report.sentence()
        assert report.rows == len(found)


@pytest.mark.parametrize("numpy", [True, False])
def test_bytes_that_rot_after_they_were_taken_in(folder, tmp_path, numpy):
    """A chart of them names the file and the place, and never shows another number."""
    value = np.random.default_rng(5).normal(size=400)
    scribe = Scribe("run1", encoding="block" if numpy else "packed").start()
    for i in range(400):
        scribe.row({"a": float(value[i]), "b": i / 3}, i)
    path = StoreFolder.open(tmp_path / "store", create=True).runs / "2023-11" / "run1"
    scribe.finish().save(path)
    (journal,) = path.iterdir()
    whole, draw, named = journal.read_bytes(), random.Random(5), 0
    with Api(tmp_path / "store") as api:
        assert len(api.history("run1", "a").steps) == 400
    for _ in rounds(60, 600):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        before = journal.stat()
        journal.write_bytes(damaged)
        os.utime(journal, ns=(before.st_atime_ns, before.st_mtime_ns))
        with Api(tmp_path / "store") as api:
            try:
                found = api.history("run1", "a")
            except FormatError as error:
                named += journal.name in str(error)
            else:
                assert found.values.tolist() == value.tolist()
    assert named


def test_a_page_of_zeros_is_stepped_over_by_repair(journal):
    """What stands behind a zero page is brought back by one command; the rest is named."""
    whole = journal.read_bytes()
    page = len(whole) // 2 // 4096 * 4096
    journal.write_bytes(whole[:page] + bytes(1024) + whole[page + 1024 :])
    before = len(good_rows(journal))
    done = repair(journal)
    after = good_rows(done.repaired)
    assert len(after) > before
    ((hole,),) = done.holes.values()
    lost = hole[1] - hole[0] + 1
    assert len(after) == 2000 - lost
    assert verify(done.repaired).damage is None
    assert len(series(journal.parent, "w1", "s0/a")) == 2000 - lost


def test_a_reader_that_does_not_check_serves_wrong_values(journal, monkeypatch):
    """Negative control: without checksums a flipped bit comes through as a number."""

    class Right(int):
        """Equal to any checksum."""

        __hash__ = int.__hash__

        def __ne__(self, _other):
            return False

    class Blind:
        """zlib for those who do not want to know."""

        crc32 = staticmethod(lambda *_args: Right())

    whole = journal.read_bytes()
    begin = segment.read_header(journal)[1]
    monkeypatch.setattr(segment, "zlib", Blind)
    wrong = 0
    for at in range(begin + 60, len(whole), 211):
        damaged = bytearray(whole)
        damaged[at] ^= 8
        journal.write_bytes(damaged)
        try:
            good_rows(journal)
        except Exception:
            wrong += 1
    assert wrong
