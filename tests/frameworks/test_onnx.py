"""ONNX models as artifacts."""

from __future__ import annotations

import pytest

import notabene

onnx = pytest.importorskip("onnx")

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from notabene.integrations import onnx as integration


def network(weights: int = 3):
    """y = x @ w, for any number of rows."""
    w = numpy_helper.from_array(np.ones((weights, 1), "float32"), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "line",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", weights])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 1])],
        [w],
    )
    return helper.make_model(
        graph, producer_name="test", opset_imports=[helper.make_opsetid("", 17)]
    )


@pytest.mark.parametrize("most", [integration.MOST, 0])
@pytest.mark.parametrize("as_file", [True, False])
def test_it_comes_back(notebook, tmp_path, monkeypatch, most, as_file):
    """With its signature; one that is too large for a file has its tensors beside it."""
    monkeypatch.setattr(integration, "MOST", most)
    model = network(5000)
    before = model.SerializeToString()
    given = model
    if as_file:
        given = tmp_path / "m.onnx"
        onnx.save_model(model, given, save_as_external_data=True, location="tensors")
        model = onnx.load(given)
        before = model.SerializeToString()
    with notabene.init("p", capture=False):
        kept = integration.save_model(given, note="mine")
    assert model.SerializeToString() == before
    assert ("model.data" in kept.files()) == (most == 0)
    assert kept.ref == "p-line:v1"
    assert (kept.metadata["format"], kept.metadata["safe"]) == ("onnx", True)
    assert (kept.metadata["note"], kept.metadata["opset"]) == ("mine", {"ai.onnx": 17})
    assert kept.metadata["signature"] == {
        "inputs": {"x": {"dtype": "float", "shape": ["rows", 5000]}},
        "outputs": {"y": {"dtype": "float", "shape": ["rows", 1]}},
    }
    again = notabene.load_model("p-line:latest")
    (w,) = again.graph.initializer
    assert numpy_helper.to_array(w).tolist() == [[1.0]] * 5000


def test_no_model_is_said_to_be_none(notebook):
    """Nothing is kept of what ONNX itself refuses."""
    broken = network()
    broken.graph.node[0].op_type = "NoSuchOperator"
    with (
        notabene.init("p", capture=False) as run,
        pytest.raises(onnx.checker.ValidationError, match="NoSuchOperator"),
    ):
        integration.save_model(broken)
    assert notebook.models(run) == []


def test_without_a_run():
    """Where should it go?"""
    with pytest.raises(notabene.UsageError, match="outside a run"):
        integration.save_model(network())
