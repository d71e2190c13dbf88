"""Journals under other names."""

from __future__ import annotations

import msgspec
import pytest

from notabene.api.rewrite import Renaming, header_run, rewrite_journal
from notabene.errors import FormatError
from notabene.journal.reader import JournalReader
from notabene.journal.rows import FILLER
from notabene.journal.segment import find_frame, read_header
from notabene.model.records import (
    AliasMoved,
    ArtifactLogged,
    ArtifactUsed,
    Entry,
    RunCreated,
    TagsChanged,
)
from notabene.testing.scribe import Scribe

RENAMING = Renaming(runs={"old": "new", "up": "above"}, versions={("model", 1): 5})


@pytest.fixture
def journal(tmp_path):
    """A journal of several frames that names runs and versions."""
    scribe = Scribe("old", writer="w1").start(name="x").cut()
    scribe.record(RunCreated(project="p", parent="up"))
    scribe.record(ArtifactLogged(name="model", version=1, type="m", digest="d", size=1, files=1))
    scribe.record(ArtifactUsed(name="data", version=1, digest="e")).cut()
    scribe.row({"a": 1.5}, 0).row({"a": float("nan")}, 1).cut()
    scribe.record(AliasMoved(name="model", alias="gone", version=None))
    scribe.finish()
    return scribe.save(tmp_path)


def records(path):
    """The records of a journal."""
    return [entry.record for batch in JournalReader(path).all() for entry in batch.entries]


def test_names_change_and_nothing_else(journal, tmp_path):
    """Run ids, parents and versions are those of the renaming; all else is as it was."""
    target = tmp_path / "out.journal"
    rewrite_journal(journal, target, RENAMING)
    before, after = records(journal), records(target)
    assert read_header(target)[0].run == header_run(target) == "new"
    assert after[2].parent == "above"
    assert after[3].version == 5
    assert after[4] == before[4]
    assert [r for i, r in enumerate(after) if i not in (2, 3)] == [
        r for i, r in enumerate(before) if i not in (2, 3)
    ]
    points = [
        [p.data for b in JournalReader(path).all() for p in b.points] for path in (journal, target)
    ]
    assert points[0] == points[1] != [[]]
    frames = [
        [(b.writer, b.first, b.last) for b in JournalReader(path).all()]
        for path in (journal, target)
    ]
    assert frames[0] == frames[1]


def test_equal_ones_give_equal_bytes(journal, tmp_path):
    """The same journal under the same names is the same file, and under others another."""
    for name in ("a", "b"):
        rewrite_journal(journal, tmp_path / name, RENAMING)
    rewrite_journal(journal, tmp_path / "c", Renaming(runs={"old": "other"}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    ids = {read_header(path)[0].file_id for path in (journal, tmp_path / "a", tmp_path / "c")}
    assert len(ids) == 3


def test_damage_stays_damage(journal, tmp_path):
    """What is damaged is not made good, and the frames behind it can still be found."""
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0xFF
    journal.write_bytes(data)
    target = tmp_path / "out.journal"
    rewrite_journal(journal, target, RENAMING)
    reader = JournalReader(target)
    good = reader.all()
    assert reader.damage is not None
    assert not reader.damage.torn
    assert len(good) == len(JournalReader(journal).all())
    header, _ = read_header(target)
    view = memoryview(target.read_bytes())
    assert find_frame(view, reader.damage.offset + 1, header) is not None


def test_a_torn_end_is_kept(journal, tmp_path):
    """A journal whose last frame is not finished gives one whose last frame is not finished."""
    data = journal.read_bytes()
    journal.write_bytes(data[:-5])
    rewrite_journal(journal, tmp_path / "out", RENAMING)
    reader = JournalReader(tmp_path / "out")
    assert len(reader.all()) == len(JournalReader(journal).all())
    assert reader.damage.torn


def test_unknown_fields_and_fillers_stay():
    """Fields of a newer version are kept, and what is no record is left alone."""
    data = msgspec.msgpack.encode(
        {"record": "artifact-used", "name": "model", "version": 1, "later": [1, 2]}
    )
    assert msgspec.msgpack.decode(RENAMING.payload(data)) == {
        "record": "artifact-used",
        "name": "model",
        "version": 5,
        "later": [1, 2],
    }
    filler = FILLER.ljust(20, b"\0")
    assert RENAMING.payload(filler) == filler
    strange = msgspec.msgpack.encode({"record": "from-the-future", "version": 1, "name": "model"})
    assert RENAMING.payload(strange) == strange


def test_edits_are_renamed(journal):
    """An edit names the new run, and keeps identity and time."""
    entry = Entry("w", 3, 7, TagsChanged(set={"a": ""}), "old")
    assert RENAMING.entry(entry) == msgspec.structs.replace(entry, run="new")
    assert not Renaming()


def test_files_that_are_none(tmp_path):
    """An empty file stays empty, and what is no journal is refused."""
    (tmp_path / "empty").write_bytes(b"")
    rewrite_journal(tmp_path / "empty", tmp_path / "out", RENAMING)
    assert (tmp_path / "out").read_bytes() == b""
    assert header_run(tmp_path / "empty") is None
    (tmp_path / "half").write_bytes(b"notabene")
    rewrite_journal(tmp_path / "half", tmp_path / "out2", RENAMING)
    assert (tmp_path / "out2").read_bytes() == b""
    (tmp_path / "no").write_bytes(b"something else entirely, and long enough")
    with pytest.raises(FormatError):
        rewrite_journal(tmp_path / "no", tmp_path / "out3", RENAMING)
