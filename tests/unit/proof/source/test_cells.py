"""Cells of a notebook are looked at together, and told of each by its own lines."""

from __future__ import annotations

from notabene.proof.memory import SourceMemory

IMPORTS = b"import numpy as np\nimport torch"
SETUP = b"\nlr = 0.1\nseed = 3\nnp.random.seed(seed)"
TRAINING = b"for step in range(3):\n    rows = np.random.permutation(10)"


def facts(tmp_path, *cells: bytes, first: int = 1):
    """Facts of cells that were executed in this order."""
    texts = {f"cell {number}": text for number, text in enumerate(cells, first)}
    return SourceMemory(tmp_path / "sources.sqlite").facts(texts)


def test_a_cell_uses_what_one_before_it_imported(tmp_path):
    """Draws and seeds are found in the cells that make them, at their own lines."""
    found = facts(tmp_path, IMPORTS, SETUP, TRAINING)
    assert [(use.call, use.line) for use in found["cell 3"].unseeded] == [
        ("np.random.permutation", 2)
    ]
    assert [use.line for use in found["cell 2"].seeds] == [4]
    assert [use.line for use in found["cell 1"].imports] == [1, 2]
    assert not found["cell 1"].unseeded


def test_constants_stand_where_they_are_written(tmp_path):
    """A constant of the third line of its cell says so."""
    found = facts(tmp_path, IMPORTS, SETUP, TRAINING)
    assert [(c.name, c.value, c.line) for c in found["cell 2"].constants] == [
        ("lr", 0.1, 2),
        ("seed", 3, 3),
    ]


def test_digests_are_of_the_cell_alone(tmp_path):
    """What one cell means is not what another says: only the changed one has another digest."""
    one = facts(tmp_path, IMPORTS, SETUP, TRAINING)
    other = facts(tmp_path, IMPORTS + b"\n# a remark", SETUP.replace(b"0.1", b"0.2"), TRAINING)
    same = [name for name in one if one[name].code == other[name].code]
    assert same == ["cell 1", "cell 3"]


def test_order_is_that_of_execution(tmp_path):
    """``cell 10`` comes after ``cell 9``."""
    found = facts(tmp_path, IMPORTS, TRAINING, first=9)
    assert [use.call for use in found["cell 10"].unseeded] == ["np.random.permutation"]


def test_a_cell_that_is_no_python_hides_nothing(tmp_path):
    """It is left out, and says itself that it failed."""
    found = facts(tmp_path, IMPORTS, b"for :", TRAINING)
    assert found["cell 2"].failed
    assert [use.call for use in found["cell 3"].unseeded] == ["np.random.permutation"]


def test_files_are_left_as_they_are(tmp_path):
    """A module beside the notebook is not a part of it."""
    texts = {"helper.py": TRAINING, "cell 1": IMPORTS, "cell 2": TRAINING}
    found = SourceMemory(tmp_path / "sources.sqlite").facts(texts)
    assert not found["helper.py"].unseeded
    assert found["cell 2"].unseeded
