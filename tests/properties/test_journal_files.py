"""Journal files: cut or damaged anywhere, a prefix is read and the place is named."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.errors import FormatError
from notabene.journal import segment
from notabene.journal.reader import JournalReader
from notabene.journal.repair import repair
from notabene.journal.segment import Frame
from notabene.journal.verify import records, verify
from notabene.journal.writer import Writer
from notabene.model.records import NoteWritten
from tests.unit.journal.journals import header


@lru_cache(maxsize=1)
def sample() -> bytes:
    """A journal of blocks, rows and records, in a good many frames."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w1.journal"
        writer = Writer(
            path, header(), ring_places=[], spill=[], define=tuple, warn=lambda *_: None
        )
        for i in range(120):
            writer.ring.row({"a": i / 3, "b": float(i)}, i)
            if i % 5 == 0:
                writer.ring.record(NoteWritten(id=str(i), text="x" * i))
            if i % 13 == 0 or i == 100:
                writer.flush()
        writer.close(sync=False)
        return path.read_bytes()


@lru_cache(maxsize=1)
def whole() -> tuple[list[dict], list[int]]:
    """All that the sample holds, and where its frames begin; the first is the header's end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w1.journal"
        path.write_bytes(sample())
        reader, at = JournalReader(path), []
        reader.read(1)
        head, start = segment.decode_header(sample())
        for frame in segment.frames(memoryview(sample()), head, start):
            assert isinstance(frame, Frame)
            at.append(frame.offset)
        return list(records(path, points=True)), at


def read(path: Path) -> list[dict]:
    """What is read of a journal; nothing where its header cannot be."""
    try:
        return list(records(path, points=True))
    except FormatError:
        return []


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A place for a journal; each example makes its own there."""
    folder = tmp_path_factory.mktemp("journals") / "run1"
    folder.mkdir()
    return folder / "w1.journal"


@given(cut=st.integers(0, 1 << 20))
def test_a_cut_file_gives_a_prefix(path, cut):
    """Cut anywhere, the frames that are whole are read, and the end is called unfinished."""
    cut %= len(sample()) + 1
    path.write_bytes(sample()[:cut])
    everything, at = whole()
    found = read(path)
    assert found == everything[: len(found)]
    ends = [*at[1:], len(sample())]
    assert verify(path).frames == sum(end <= cut for end in ends)
    if cut not in (at[0], *ends):
        damage = verify(path).damage
        assert damage.torn
        assert damage.offset == max([0, *(a for a in (at[0], *ends) if a <= cut)])


@given(cuts=st.lists(st.integers(0, 1 << 20), max_size=12))
def test_a_growing_file_is_read_once(path, cuts):
    """Read at any moments while it grows by any pieces: everything, in order, once."""
    everything, _ = whole()
    found, reader = [], JournalReader(path)
    for cut in (*sorted(cut % len(sample()) for cut in cuts), len(sample())):
        path.write_bytes(sample()[:cut])
        found += _rows(reader)
    assert found == everything
    assert reader.damage is None


def _rows(reader: JournalReader) -> list[dict]:
    from notabene.journal.verify import _records_of, _rows_of

    found = []
    while batches := reader.read(500):
        for batch in batches:
            found += _records_of(batch)
            for points in batch.points:
                found += _rows_of(points, batch)
    return found


def flipped(at: int, bit: int) -> bytes:
    """The sample with one wrong bit."""
    data = bytearray(sample())
    data[at % len(data)] ^= 1 << bit
    return bytes(data)


@given(at=st.integers(0, 1 << 20), bit=st.integers(0, 7))
def test_a_wrong_bit_anywhere_is_found(path, at, bit):
    """What stands before the bad frame is served; the damage names that frame's first byte."""
    path.write_bytes(flipped(at, bit))
    everything, begins = whole()
    found, report = read(path), verify_or_newer(path)
    assert found == everything[: len(found)]
    if report is None:
        assert at % len(sample()) < 12  # the version of the format
        return
    hit = max([0, *(b for b in begins if b <= at % len(sample()))])
    assert report.damage is not None
    assert report.damage.offset == hit
    assert report.frames == begins.index(hit) if hit else report.frames == 0


def verify_or_newer(path):
    """A report, or None where the damage made it look like a newer format."""
    try:
        return verify(path)
    except FormatError:
        return None


@given(at=st.integers(0, 1 << 20), bit=st.integers(0, 7))
def test_repair_saves_all_other_frames(path, at, bit):
    """After one wrong bit everything but the frame it is in comes back, to the bit."""
    path.write_bytes(flipped(at, bit))
    if verify_or_newer(path) is None:
        return
    everything, begins = whole()
    found = repair(path)
    saved = list(records(found.repaired, points=True))
    found.repaired.unlink()
    found.trash.unlink()
    hit = max([0, *(b for b in begins if b <= at % len(sample()))])
    missing = {r["seq"] for r in everything} - {r["seq"] for r in saved}
    if not hit:  # the header: nothing is lost
        assert saved == everything
        return
    number = begins.index(hit)
    assert (found.before, found.behind) == (number, len(begins) - number - 1)
    between = [range(a, b + 1) for ranges in found.holes.values() for a, b in ranges]
    assert number in (0, len(begins) - 1) or missing <= set(between[0])
    kept = [r for r in everything if r["seq"] not in missing]
    # Names of key sets may have stood in the frame that was hit: then numbers have none.
    assert [r["seq"] for r in saved] == [r["seq"] for r in kept]
    assert [_numbers(r) for r in saved] == [_numbers(r) for r in kept]


def _numbers(row: dict) -> list[float]:
    return list(row.get("values", {}).values())


@given(data=st.binary(max_size=300), at=st.integers(0, 1 << 20))
def test_foreign_bytes_never_verify(path, data, at):
    """Any bytes in place of the file's own are never taken for data."""
    at %= len(sample())
    path.write_bytes(sample()[:at] + data)
    everything, _ = whole()
    assert read(path) == everything[: len(read(path))]


def test_without_checksums_damage_goes_unnoticed(path, monkeypatch):
    """Negative control: a reader that does not check serves wrong values somewhere."""
    everything, begins = whole()

    class Right(int):
        """A checksum that is equal to any other."""

        def __ne__(self, other):
            return False

        __hash__ = int.__hash__

    class Blind:
        """zlib for those who do not want to know."""

        @staticmethod
        def crc32(*_args):
            return Right(0)

    monkeypatch.setattr(segment, "zlib", Blind)
    wrong = 0
    for at in range(begins[0] + 40, len(sample()), 37):
        path.write_bytes(flipped(at, 3))
        try:
            wrong += read(path) != everything[: len(read(path))]
        except Exception:
            wrong += 1
    assert wrong
