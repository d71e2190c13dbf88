"""What is said of data in memory."""

from __future__ import annotations

import numpy as np
import pytest

from notabene.tracking import describing
from notabene.tracking.describing import described, digest_of


def test_an_array_has_a_form_and_a_digest():
    """Type, shape and dtype; equal content has an equal digest however it lies in memory."""
    array = np.arange(12.0).reshape(3, 4)
    found = described(array)
    assert found["type"] == "numpy.ndarray"
    assert (found["shape"], found["dtype"]) == ([3, 4], "float64")
    assert found["sha256"] == digest_of(np.asfortranarray(array)) == digest_of(array[::1])
    assert digest_of(array) != digest_of(array.T)
    assert digest_of(array) != digest_of(array.astype("f4"))


def test_a_frame_has_named_columns():
    """Names and dtypes, and a digest that follows the values."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    found = described(frame)
    assert list(found["columns"]) == ["a", "b"]
    assert found["sha256"] == digest_of(frame.copy())
    assert found["sha256"] != digest_of(frame.rename(columns={"a": "c"}))
    assert found["sha256"] != digest_of(frame.assign(a=[1, 3]))
    assert len(described(frame["a"])["sha256"]) == 64


def test_sparse_matrices_have_a_digest():
    """Of what is in them."""
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.random(20, 5, 0.2, random_state=0)
    assert digest_of(matrix) == digest_of(matrix.tocsr()) != digest_of(matrix * 2)


def test_large_data_have_none(monkeypatch):
    """Hashing is not to be waited for."""
    monkeypatch.setattr(describing, "MOST", 100)
    assert "sha256" not in described(np.zeros(100))
    assert "sha256" in described(np.zeros(10))


@pytest.mark.parametrize(
    "data", [None, object(), iter([1]), {"a": 1}, np.array([object()]), [[1, 2], [3, 4]], "text"]
)
def test_anything_is_described(data):
    """Nothing raises, and nothing is consumed."""
    assert described(data)["type"]
