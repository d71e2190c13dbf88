"""The ring: a copy of its files at any moment holds every acknowledged row."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.journal import drain
from notabene.journal import ring as ring_module
from notabene.journal import rows as rows_module
from notabene.journal.recover import open_orphan, recover
from notabene.journal.rows import HEAD, ROW_BYTES, Slot, record_size
from notabene.journal.verify import records
from notabene.journal.writer import Writer
from notabene.model.records import NoteWritten
from tests.unit.journal.journals import header

KEYS = st.sampled_from([("a",), ("a", "b"), ("c",), tuple(f"k{i}" for i in range(20)), ()])
MOVES = st.one_of(
    KEYS,
    st.integers(0, 700),  # a record of so many characters
    st.sampled_from(["flush", "prepare", "copy"]),
)


@pytest.fixture(scope="module")
def small():
    """Segments are small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ring_module, "FIRST_SEGMENT", 4096)
        patch.setattr(ring_module, "LARGEST_SEGMENT", 4096)
        yield


def begin(folder: Path) -> Writer:
    """A writer that writes only when it is told to."""
    return Writer(
        folder / "w1.journal", header(), ring_places=[folder], spill=[], define=tuple,
        warn=lambda *_: None,
    )  # fmt: skip


def copied(folder: Path, name: str) -> Path:
    """A copy of the run's folder, as a kill at this moment would leave it."""
    target = folder.parent / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    return target


def found_in(folder: Path) -> dict[int, tuple]:
    """``{sequence: what}`` after recovery, from all files of the run."""
    orphan = open_orphan(folder, "w1")
    if orphan is not None:
        assert recover(orphan, folder) is not None
    found: dict[int, tuple] = {}
    for path in (folder / "w1.journal", folder / "w1.recovered"):
        if path.exists():
            for r in records(path, points=True):
                if r["writer"] == "w1" and r.get("record") != "summarised":
                    what = (r["step"], r["values"]) if "values" in r else (r["record"], r["data"])
                    assert found.setdefault(r["seq"], what) == what
    return found


@given(moves=st.lists(MOVES, max_size=120))
def test_a_copy_at_any_moment_holds_all(tmp_path_factory, small, moves):
    """Whatever was logged, carried over or retired before: nothing is missing, nothing is wrong."""
    folder = tmp_path_factory.mktemp("run1") / "live"
    folder.mkdir()
    writer, wanted, copies = begin(folder), {}, []
    known: set[tuple[str, ...]] = set()
    for n, move in enumerate([*moves, "copy"]):
        if isinstance(move, tuple):
            if move not in known:
                known.add(move)
                ident = len(known)
                wanted[writer.ring.seq + 1] = "keys-defined", {"id": ident, "keys": move}
            data = {key: n + i / 7 for i, key in enumerate(move)}
            writer.ring.row(data, n)
            wanted[writer.ring.seq] = n, data
        elif isinstance(move, int):
            seq = writer.ring.record(NoteWritten(id="n", text="x" * move))
            wanted[seq] = "note-written", {"id": "n", "text": "x" * move}
        elif move == "flush":
            assert writer.flush()
        elif move == "prepare":
            writer.ring.prepare(1.0)
        else:
            copies.append((copied(folder, f"copy{n}"), dict(wanted)))
    for copy, then in copies:
        assert found_in(copy) == then
    writer.close(sync=False)
    assert found_in(folder) == wanted


@st.composite
def torn_rows(draw):
    """Values of rows, and where in the last one the process is killed."""
    widths = st.integers(0, 6)
    rows = draw(st.lists(st.lists(st.floats(), min_size=1, max_size=6), min_size=1, max_size=8))
    rows[-1] = draw(st.lists(st.floats(), min_size=(w := draw(widths)), max_size=w))
    return rows, draw(st.integers(0, 40 + 8 * len(rows[-1]) - 1))


def torn(folder: Path, rows: list[list[float]], cut: int, *, behind: int = 0) -> list[tuple]:
    """Rows that recovery finds when a slot was written only up to a byte.

    It is the last slot, or the one before so many others: those of calls that came in between.
    """
    writer, at = begin(folder), []
    named = [{f"k{j}": value for j, value in enumerate(row)} for row in rows]
    for keys in {tuple(row) for row in named}:
        writer.ring._define(keys)
    for i, row in enumerate(named):
        at.append(writer.ring._at)
        writer.ring.row(row, i)
    start, end = (*at, writer.ring._at)[len(rows) - 1 - behind :][:2]
    writer.ring._buffer[start + cut : end] = bytes(end - start - cut)
    writer.ring.close(unlink=False)
    writer.file.close()
    found = found_in(folder)
    return [what for _, what in sorted(found.items()) if isinstance(what[0], int)]


def same(found: list[tuple], rows: list[list[float]], hit: int) -> bool:
    """Whether the rows found are those logged, to the bit; the one that was hit may be missing."""
    bits = {step: struct.pack(f"<{len(v)}d", *v.values()) for step, v in found}
    wanted = {i: struct.pack(f"<{len(row)}d", *row) for i, row in enumerate(rows)}
    return {hit: wanted[hit], **bits} == wanted


@given(torn_rows())
def test_a_torn_row_is_never_taken(tmp_path_factory, case):
    """Killed at any byte of the last row, that row is whole or not there."""
    rows, cut = case
    found = torn(tmp_path_factory.mktemp("run1"), rows, cut)
    assert same(found, rows, len(rows) - 1)


@given(torn_rows())
def test_a_torn_row_does_not_hide_those_behind_it(tmp_path_factory, case):
    """A nested call that was completed is there, though the call around it was killed."""
    rows, cut = case
    found = torn(tmp_path_factory.mktemp("run1"), [*rows, [1.0], [2.0, 3.0]], cut, behind=2)
    assert same(found, [*rows, [1.0], [2.0, 3.0]], len(rows) - 1)


def test_without_the_sequence_at_its_end_a_torn_row_is_taken(tmp_path, monkeypatch):
    """Negative control: with that guard off, a row cut in its values is served with wrong ones."""

    def careless(data, at):
        """Takes what a head promises."""
        if at + HEAD.size > len(data):
            return None
        seq, keyset, count = HEAD.unpack_from(data, at)
        size = ROW_BYTES + 8 * count if keyset else record_size(count)
        return Slot(seq, keyset, at, size, count) if seq and at + size <= len(data) else None

    monkeypatch.setattr(drain, "read_slot", careless)
    monkeypatch.setattr(rows_module, "read_slot", careless)
    rows, results = [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]], []
    for cut in range(33, 48):
        folder = tmp_path / str(cut)
        folder.mkdir()
        results.append(same(torn(folder, rows, cut, behind=1), rows, 1))
    assert not all(results)
