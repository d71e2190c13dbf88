"""Numbers and arrays of any library, recognised without importing one.

An array is whatever has a ``shape`` and a ``dtype``: numpy, torch, jax, tensorflow, cupy, mlx
... A library that the caller uses is loaded already, so only its objects' own methods are used.
Nothing here raises for what a value is, waits for another rank, or lets a warning through that
the libraries give for reading a number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from notabene.tracking.guard import TROUBLE

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

_NO_NUMBERS = (str, bytes, bytearray, memoryview, complex, dict, list, tuple, set, frozenset, type)
_NO_KINDS = frozenset("mMSUOc")
"""numpy's kinds of time, text, object and complex."""


def is_a(value: object, library: str, *names: str) -> bool:
    """Whether a value's class, or one it is built on, is so named and of that library."""
    return any(
        cls.__name__ in names and cls.__module__.partition(".")[0] == library
        for cls in type(value).__mro__
    )


def as_number(value: Any) -> float | None:
    """The number that a value is, or None.

    Takes numbers of Python and of any library, and arrays and tensors of one element on any
    device and of any width. Integers beyond the range of float64 become infinite.
    """
    if type(value) is float:
        return value
    try:
        if value is None or isinstance(value, _NO_NUMBERS):
            return None
        if not isinstance(value, int | float) and shape_of(value) is not None:
            value = scalar_of(value)
        return _to_float(value) if hasattr(type(value), "__float__") else None
    except TROUBLE:  # an object that stands for another, which is not there
        return None


def scalar_of(value: Any) -> int | float | None:
    """The Python number in an array of one element or in a library's scalar, or None.

    Whole numbers and truth values stay what they are.
    """
    shape = shape_of(value)
    if shape is None or math.prod(shape) != 1 or is_frame(value):
        return None
    try:
        if getattr(value.dtype, "kind", "") in _NO_KINDS:
            return None
        if is_a(value, "numpy", "MaskedArray") and value.mask.any():
            return math.nan  # what is masked out has no value, whatever lies below the mask
        # torch warns where a number is read from a tensor that has a gradient.
        bare = value.detach() if hasattr(value, "detach") else value
        found = bare.item() if hasattr(bare, "item") else bare.numpy().item()
        if isinstance(found, int | float):
            return found
        # Types that numpy does not know itself (bfloat16) give a scalar of their own.
        return None if isinstance(found, _NO_NUMBERS) else float(found)
    except TROUBLE:
        return None


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Lengths of an array's axes; None for what is no array or has no lengths yet."""
    try:
        if not hasattr(value, "dtype") or isinstance(value, type):
            return None
        return tuple(int(length) for length in value.shape)
    except TROUBLE:
        return None


def is_frame(value: object) -> bool:
    """Whether a value is a table: a frame of pandas or polars, or Arrow's."""
    return (
        is_a(value, "pandas", "DataFrame")
        or is_a(value, "polars", "DataFrame")
        or is_a(value, "pyarrow", "Table", "RecordBatch")
    )


def to_numpy(value: Any) -> Array | None:
    """An array's numbers in memory: shape as it was, kinds b, i, u or f; else None.

    Args:
        value: An array of any library on any device. Nothing of it is changed.
    """
    if shape_of(value) is None:
        return None
    try:
        array = _to_numpy(value)
    except TROUBLE:
        return None
    return array if array.dtype.kind in "biuf" else None


def _to_numpy(value: Any) -> Array:
    import numpy as np

    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        array: Array = np.ma.filled(value.astype(np.float64), np.nan)
    elif isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
    elif is_a(value, "torch", "Tensor"):
        value = value.detach().cpu()
        if "float8" in str(value.dtype) or "bfloat16" in str(value.dtype):
            value = value.float()
        array = value.resolve_conj().resolve_neg().numpy()
    elif is_a(value, "cupy", "ndarray"):
        array = value.get()
    elif hasattr(value, "__array__") or not hasattr(value, "numpy"):
        array = np.asarray(value)
    else:
        array = value.numpy()
    if array.dtype.kind == "V" and "float" in array.dtype.name:
        return array.astype(np.float32)  # bfloat16 and narrower, from ml_dtypes
    return array


def _to_float(value: Any) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except ValueError:  # a signalling NaN of Decimal
        return math.nan if hasattr(value, "is_nan") else None
