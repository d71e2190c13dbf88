"""ONNX: models in the form that all libraries can export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from notabene.integrations._base import Kept, keep, need_run

VERSIONS = ("1.16", "2")
MOST = 1 << 30
"""Bytes of a model above which its tensors lie in a file beside it: a file holds 2 GiB at most."""


def save_model(model: Any, name: str | None = None, *, run: Any = None, **facts: Any) -> Any:
    """Keep a model as an artifact, with the shapes of its inputs and outputs.

    Args:
        model: An ``onnx.ModelProto``, or the path of an ``.onnx`` file; tensors that lie in files
            beside it come along.
        name: Default is the name of its graph.
        run: Which run made it; default is the current one.
        facts: What else to keep beside it.

    Returns:
        The artifact; ``notabene.load_model`` gives the ``ModelProto``.

    Raises:
        UsageError: There is no run.
        onnx.checker.ValidationError: It is no model.
    """
    run = run or need_run("integrations.onnx.save_model")
    if not isinstance(model, onnx.ModelProto):
        model = onnx.load(model)
    known = {
        "library": "onnx",
        "class": "onnx.ModelProto",
        "version": onnx.__version__,
        "opset": {one.domain or "ai.onnx": one.version for one in model.opset_import},
        "producer": " ".join(filter(None, [model.producer_name, model.producer_version])),
        "signature": {
            "inputs": {one.name: _described(one) for one in model.graph.input},
            "outputs": {one.name: _described(one) for one in model.graph.output},
        },
    }
    return keep(
        run, name or model.graph.name or "onnx", lambda folder: _save(model, folder),
        {**known, **facts},
    )  # fmt: skip


def load(path: Path, card: dict[str, Any], *, trust: bool) -> Any:
    """The model; it holds operators and numbers, and no code."""
    return onnx.load(path)


def _save(model: Any, folder: Path) -> Kept:
    path = folder / "model.onnx"
    if model.ByteSize() <= MOST:
        onnx.checker.check_model(model)
        onnx.save_model(model, path)
    else:
        own = onnx.ModelProto()
        own.CopyFrom(model)  # its tensors are taken out of it
        onnx.save_model(own, path, save_as_external_data=True, location="model.data")
        onnx.checker.check_model(path)
    return Kept(path.name, "onnx")


def _described(value: Any) -> dict[str, Any]:
    tensor = value.type.tensor_type
    sizes = [size.dim_param or size.dim_value for size in tensor.shape.dim]
    return {"dtype": onnx.TensorProto.DataType.Name(tensor.elem_type).lower(), "shape": sizes}
