"""Cells that processes change without a lock."""

from __future__ import annotations

import itertools

import pytest

from notabene.artifacts.cells import Stamp, read_cells, write_cell
from notabene.errors import UsageError


def values(folder) -> dict[str, str]:
    """What stands for each key."""
    return {key: cell.value for key, cell in read_cells(folder).items()}


def test_the_largest_stamp_stands(tmp_path):
    """Whatever the order of arrival, the largest (time, writer, sequence) stands."""
    changes = [
        (Stamp(10, "b", 1), "1"),
        (Stamp(10, "b", 10), "2"),
        (Stamp(10, "a", 99), "3"),
        (Stamp(9, "z", 999), "4"),
    ]
    for n, order in enumerate(itertools.permutations(changes)):
        for stamp, value in order:
            write_cell(tmp_path / str(n), "best", value, stamp)
        assert values(tmp_path / str(n)) == {"best": "2"}


def test_changes_that_meet_are_decided(tmp_path):
    """Where two processes changed a cell at once and neither has tidied up, the later stands."""
    for n in range(8, 30):
        (tmp_path / f"best~{n:016d}~a~000000000001~{n}").write_text("best")
    assert values(tmp_path) == {"best": "29"}


def test_replaced_changes_leave_no_files(tmp_path):
    """However often a cell changes, it takes one file."""
    for n in range(20):
        write_cell(tmp_path, "best", str(n), Stamp(n))
        write_cell(tmp_path, "Prüfstand 3 🚀", str(n), Stamp(n))
    assert values(tmp_path) == {"best": "19", "Prüfstand 3 🚀": "19"}
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("key", ["Best", "best", "bést", "a~b", "x" * 250, "a b", "1~2~3~4~5", "."])
def test_any_text_is_a_key(tmp_path, key):
    """Keys are data: none is a path, and none is taken for another."""
    write_cell(tmp_path, key, "1", Stamp(1))
    write_cell(tmp_path, "other", "2", Stamp(1))
    assert values(tmp_path) == {key: "1", "other": "2"}


def test_writing_twice_is_fine(tmp_path):
    """The same change may be written again, as when a record is applied twice."""
    for _ in range(2):
        write_cell(tmp_path, "best", "1", Stamp(5, "w", 1))
    assert values(tmp_path) == {"best": "1"}


def test_strangers_are_ignored(tmp_path):
    """Files that are no cells do no harm, nor does a folder that is not there."""
    assert read_cells(tmp_path / "none") == {}
    for name in (".DS_Store", "best", "a~b~c~d~e", "best~1~w~1"):
        (tmp_path / name).write_text("")
    assert read_cells(tmp_path) == {}


@pytest.mark.parametrize(
    "stamp", [Stamp(-1), Stamp(10**16), Stamp(1, "a/b"), Stamp(1, ""), Stamp(1, "a", -1)]
)
def test_stamps_are_checked(tmp_path, stamp):
    """A stamp that no journal can have is refused."""
    with pytest.raises(UsageError):
        write_cell(tmp_path, "best", "1", stamp)
