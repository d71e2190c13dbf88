"""Repairing journals: everything that verifies is saved, nothing is written over."""

from __future__ import annotations

import os

import numpy as np
import pytest

from notabene.errors import ConflictError, FormatError
from notabene.journal.block import encode_block
from notabene.journal.chain import Chain, RingMeta
from notabene.journal.folder import StoreFolder
from notabene.journal.reader import JournalReader
from notabene.journal.repair import repair
from notabene.journal.segment import (
    Header,
    Section,
    encode_frame,
    encode_header,
    encode_record_section,
    encode_section,
    read_header,
)
from notabene.journal.verify import records, verify
from notabene.model.records import WriterStarted, encode_record
from tests.unit.journal.journals import names, note, row, ten_rows, write


@pytest.fixture
def run_dir(tmp_path):
    """Folder of a run in a store."""
    return StoreFolder.open(tmp_path / "store", create=True).new_run_dir("run1", 0)


def flip(path, at):
    """Damage one byte."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def steps(path):
    """Steps of the rows in a journal."""
    return [r["step"] for r in records(path, points=True) if "values" in r]


def test_a_good_journal_is_left_alone(run_dir):
    """Where nothing is wrong nothing is done."""
    path = run_dir / "w1.journal"
    ten_rows(path)
    before = path.read_bytes()
    found = repair(path)
    assert (found.repaired, found.trash) == (None, None)
    assert found.sentence() == f"{path}: nothing to repair"
    assert path.read_bytes() == before
    assert os.listdir(run_dir) == ["w1.journal"]


def test_what_stands_behind_the_damage_is_saved(run_dir, tmp_path):
    """Frames before and behind are in the new journal; the damaged one lies in the trash."""
    path = run_dir / "w1.journal"
    at = ten_rows(path)
    flip(path, at[3] + 200)
    damaged = path.read_bytes()
    found = repair(path)
    assert (found.before, found.behind) == (3, 2)
    assert found.holes == {"w1": ((22, 31),)}
    assert found.repaired == run_dir / "w1.repaired.journal"
    assert [s for s in range(2, 52) if s not in steps(found.repaired)] == list(range(22, 32))
    assert found.trash.read_bytes() == damaged
    assert found.trash.is_relative_to(tmp_path / "store" / "trash")
    assert os.listdir(run_dir) == ["w1.repaired.journal"]
    report = verify(found.repaired)
    assert (report.damage, report.kind, report.run) == (None, "run", "run1")
    assert "10 rows or records are missing" in found.sentence()


def test_a_torn_end_is_cut(run_dir):
    """Of a write that did not finish only itself is lost."""
    path = run_dir / "w1.journal"
    ten_rows(path)
    path.write_bytes(path.read_bytes()[:-3])
    found = repair(path)
    assert (found.before, found.behind, found.holes) == (5, 0, {})
    assert steps(found.repaired) == list(range(2, 42))
    assert "nothing is missing in between" in found.sentence()


def test_a_zero_page_costs_the_frames_it_covers(run_dir):
    """A page of zeros in the middle of many frames leaves all others."""
    path = run_dir / "w1.journal"
    at = ten_rows(path, frames=60)
    data = bytearray(path.read_bytes())
    data[8192:12288] = bytes(4096)
    path.write_bytes(data)
    hit = [n for n, (a, b) in enumerate(zip(at, [*at[1:], len(data)], strict=True))
           if a < 12288 and b > 8192]  # fmt: skip
    found = repair(path)
    assert (found.before, found.behind) == (hit[0], len(at) - hit[-1] - 1)
    assert verify(found.repaired).damage is None


def test_a_damaged_header_is_made_anew(run_dir):
    """Without the file's id the checksums themselves tell it; the rank is in the first record."""
    path = run_dir / "w1.journal"
    started = encode_record_section(1, 7, encode_record(WriterStarted(rank=5)))
    rows = encode_section(Section.ROWS, row(3, 0.5))
    write(path, (1, 2, started + names(2, "a")), (3, 3, rows), (4, 4, note(4, "x")), ranks=(5,))
    flip(path, 40)
    found = repair(path)
    header, _ = read_header(found.repaired)
    assert (header.writers, header.ranks, header.run, header.kind) == (("w1",), (5,), "run1", "run")
    assert steps(found.repaired) == [3]
    assert (found.before, found.behind) == (3, 0)


def test_header_and_frames_damaged(run_dir):
    """Also behind a damaged header the first bad frame is not the end."""
    path = run_dir / "w1.journal"
    at = ten_rows(path)
    flip(path, 20)
    flip(path, at[2] + 50)
    found = repair(path)
    assert found.before + found.behind == 5
    assert len(steps(found.repaired)) == 40


@pytest.mark.parametrize("data", [b"", b"notabene", b"junk" * 1000])
def test_what_holds_nothing_is_said(run_dir, data):
    """A file without one readable frame is refused, and stays."""
    path = run_dir / "w1.journal"
    path.write_bytes(data)
    with pytest.raises(FormatError, match="nothing in"):
        repair(path)
    assert path.read_bytes() == data


def test_lost_names_are_found_elsewhere(run_dir):
    """The names of a key set whose definition was lost come from the run's other files."""
    path = run_dir / "w1.journal"
    at = ten_rows(path)
    flip(path, at[0] + 40)
    header = Header(file_id=b"r", kind="recovered", writers=("w1", "w1-end"), ranks=(0, 0))
    data = encode_header(header) + encode_frame(header.seed, 52, 51, names(51, "loss"))
    (run_dir / "w1.recovered").write_bytes(data)
    found = repair(path)
    assert len([r for r in records(found.repaired, points=True) if "loss" in r["values"]]) == 50


def test_lost_names_leave_numbers(run_dir):
    """Where no file has the names, the numbers are kept under a name that says so."""
    path = run_dir / "w1.journal"
    axis = np.arange(20)
    block = encode_block(2, axis, axis, axis + 12, np.ones((20, 2)))
    body = encode_section(Section.BLOCK, (2).to_bytes(4, "little") + block)
    rows = encode_section(Section.ROWS, row(2, 0.5))
    at = write(
        path, (1, 1, names(1, "a") + names(1, "b", "c", keyset=2)), (2, 2, rows), (12, 31, body)
    )
    flip(path, at[0] + 40)
    found = repair(path)
    keys = {key for r in records(found.repaired, points=True) for key in r["values"]}
    assert keys == {"unnamed/1.0", "unnamed/2.0", "unnamed/2.1"}
    assert JournalReader(found.repaired).all()[0].entries == ()


def test_nothing_is_written_over(run_dir):
    """A second repair of the same name takes another one."""
    for n in ("", "1"):
        path = run_dir / "w1.journal"
        at = ten_rows(path)
        flip(path, at[1] + 50)
        found = repair(path)
        assert found.repaired.name == f"w1.repaired{n}.journal"
    assert len(list(found.trash.parent.iterdir())) == 2


def test_a_repaired_journal_can_be_repaired(run_dir):
    """Damage to it later is mended the same way."""
    path = run_dir / "w1.journal"
    at = ten_rows(path)
    flip(path, at[1] + 50)
    once = repair(path).repaired
    flip(once, once.stat().st_size - 50)
    twice = repair(once)
    assert twice.repaired.name == "w1.repaired.repaired.journal"
    assert steps(twice.repaired) == list(range(12, 42))


def test_a_writer_at_work_is_left_alone(run_dir):
    """While the owner of the ring lives its journal is not touched."""
    path = run_dir / "w1.journal"
    ten_rows(path, ring=str(run_dir))
    path.write_bytes(path.read_bytes()[:-3])
    owner = Chain([run_dir], RingMeta(writer="w1"))
    with pytest.raises(ConflictError, match="at work"):
        repair(path)
    owner.drop(unlink=False)
    assert repair(path).repaired is not None


def test_outside_a_store_the_damaged_file_stays_beside(tmp_path):
    """A journal that lies anywhere is repaired too; the damaged one gets another name."""
    folder = tmp_path / "sent"
    folder.mkdir()
    path = folder / "w1.journal"
    at = ten_rows(path)
    flip(path, at[1] + 50)
    found = repair(path)
    assert found.trash.name.startswith("w1.journal.damaged-")
    assert sorted(p.suffix for p in folder.glob("*.journal")) == [".journal"]


def test_a_sealed_file_keeps_its_writers(run_dir):
    """Frames of several writers keep them, and what the file replaces."""
    replaces = (("w1", ((1, 2),)), ("w2", ((1, 1),)))
    header = Header(
        file_id=b"i", kind="sealed", writers=("w1", "w2"), ranks=(0, 1), run="run1",
        replaces=replaces,
    )  # fmt: skip
    parts = [encode_header(header)]
    parts += [
        encode_frame(header.seed, n, n, note(n, "x"), writer)
        for n, writer in ((1, 0), (1, 1), (2, 0))
    ]
    path = run_dir / "sealed"
    path.write_bytes(b"".join(parts))
    flip(path, len(parts[0]) + len(parts[1]) + 50)
    found = repair(path)
    assert read_header(found.repaired)[0].replaces == replaces
    assert [(b.writer, b.first) for b in JournalReader(found.repaired).all()] == [
        ("w1", 1), ("w1", 2),
    ]  # fmt: skip


def test_what_a_sealed_file_lost_comes_back_from_the_trash(run_dir):
    """The journals that it was made from are put beside it again; what neither holds is told."""
    header = Header(
        file_id=b"i", kind="sealed", writers=("w1", "w2"), ranks=(0, 0), run="run1",
        replaces=(("w1", ((1, 2),)), ("w2", ((1, 3),))),
    )  # fmt: skip
    parts = [encode_header(header)]
    parts += [
        encode_frame(header.seed, first, last, note(first, "x"), writer)
        for first, last, writer in ((1, 2, 0), (1, 3, 1))
    ]
    path = run_dir / "sealed"
    path.write_bytes(b"".join(parts))
    flip(path, len(parts[0]) + len(parts[1]) + 50)
    trash = run_dir.parents[2] / "trash" / "sealed" / "run1"
    trash.mkdir(parents=True)
    old = Header(file_id=b"j", kind="run", writers=("w2",), run="run1")
    data = encode_header(old) + encode_frame(old.seed, 1, 2, note(1, "y"), 0)
    (trash / "w2.journal").write_bytes(data)
    (trash / "w3.journal").write_bytes(b"no journal")
    found = repair(path)
    assert (found.again, found.holes) == (("w2.journal",), {"w2": ((3, 3),)})
    assert (run_dir / "w2.journal").read_bytes() == data
    assert "w2.journal came back from the trash; 1 rows or records are missing" in found.sentence()
