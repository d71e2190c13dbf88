"""Whether two folders hold the same run."""

from __future__ import annotations

import math
import shutil

import pytest

from notabene.api.sameness import Sameness, compare, content, spans_of
from notabene.model.records import TagsChanged
from notabene.testing.scribe import Scribe


def write(folder, values, *, writer="w1", encoding="block", cut=1, extra=None):
    """A run's folder with one row per value, in frames of ``cut`` rows."""
    scribe = Scribe("r", writer=writer, encoding=encoding).start(name="x")
    for step, value in enumerate(values):
        scribe.row({"a": value, "b": 1.0}, step)
        if step % cut == cut - 1:
            scribe.cut()
    if extra is not None:
        scribe.record(extra)
    scribe.save(folder)
    return folder


VALUES = [1.0, math.nan, -0.0, math.inf, 5e-324]


@pytest.mark.parametrize("encoding", ["block", "rows", "packed"])
def test_how_it_lies_in_files_does_not_matter(tmp_path, encoding):
    """The same rows in other frames, encodings and files are the same run."""
    one = write(tmp_path / "one", VALUES, cut=1)
    two = write(tmp_path / "two", VALUES, cut=3, encoding=encoding)
    (two / "w1.journal").rename(two / "sealed")
    assert compare(one, two) is Sameness.WITHIN
    assert content(one, spans_of(one)) == content(two, spans_of(two))


def test_twice_in_two_files_counts_once(tmp_path):
    """Frames that stand in two files are the same records."""
    one = write(tmp_path / "one", VALUES)
    two = write(tmp_path / "two", VALUES)
    shutil.copy(two / "w1.journal", two / "w1.1.journal")
    assert compare(one, two) is Sameness.WITHIN
    assert compare(two, one) is Sameness.WITHIN


def test_more_and_less(tmp_path):
    """A folder with later records holds more; the other way round, nothing is new."""
    early = write(tmp_path / "early", VALUES[:3])
    late = write(tmp_path / "late", VALUES)
    assert compare(early, late) is Sameness.MORE
    assert compare(late, early) is Sameness.WITHIN


@pytest.mark.parametrize(
    "changed",
    [[1.0, math.nan, 0.0, math.inf, 5e-324], [1.5, math.nan, -0.0, math.inf, 5e-324]],
    ids=["the sign of zero", "a value"],
)
def test_one_bit_makes_another_run(tmp_path, changed):
    """Other values under the same writer and sequence are another run."""
    one = write(tmp_path / "one", VALUES)
    two = write(tmp_path / "two", changed)
    assert compare(one, two) is Sameness.OTHER


def test_another_record_makes_another_run(tmp_path):
    """Other records under the same writer and sequence are another run."""
    one = write(tmp_path / "one", VALUES, extra=TagsChanged(set={"a": "1"}))
    two = write(tmp_path / "two", VALUES, extra=TagsChanged(set={"a": "2"}))
    assert compare(one, two) is Sameness.OTHER


def test_no_writer_in_common(tmp_path):
    """Runs without a common writer are different, whatever they logged."""
    one = write(tmp_path / "one", VALUES)
    two = write(tmp_path / "two", VALUES, writer="w2")
    assert compare(one, two) is Sameness.OTHER


def test_a_resumed_run_is_the_same_run(tmp_path):
    """A folder with a further writer holds more of the same run."""
    one = write(tmp_path / "one", VALUES)
    two = write(write(tmp_path / "two", VALUES), [9.0], writer="w2")
    assert compare(one, two) is Sameness.MORE
