"""What a program holds in memory and trains on: its form, and a digest unless it is too large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from notabene.model.canonical import new_hasher
from notabene.tracking.arrays import is_a, shape_of, to_numpy

MOST = 256 << 20
"""Bytes up to which data are hashed: some tenths of a second."""
SHOWN = 200
"""Columns that a signature names."""


def described(data: Any) -> dict[str, Any]:
    """Type, shape, dtypes, names of columns and digest of an array, a frame or a list.

    Equal data have equal digests, whatever they are held in contiguously or not; data of more
    than 256 MiB have none. Nothing is changed, and nothing is loaded that the program has not.
    """
    out: dict[str, Any] = {"type": f"{type(data).__module__.split('.')[0]}.{type(data).__name__}"}
    shape = shape_of(data)
    if shape is None and isinstance(data, list | tuple):
        out["shape"] = [len(data)]
    elif shape is not None:
        out["shape"] = list(shape)
    if hasattr(data, "columns") and hasattr(data, "dtypes"):
        names, kinds = [str(name) for name in data.columns], [str(kind) for kind in data.dtypes]
        out["columns"] = dict(list(zip(names, kinds, strict=True))[:SHOWN])
    elif getattr(data, "dtype", None) is not None:
        out["dtype"] = str(data.dtype)
    digest = digest_of(data)
    if digest:
        out["sha256"] = digest
    return out


def digest_of(data: Any) -> str:
    """SHA-256 of the content; empty where it is too large, or of a kind that has no bytes."""
    hasher, left = new_hasher(), MOST
    for piece in _pieces(data):
        if piece is None:
            return ""
        left -= len(piece)
        if left < 0:
            return ""
        hasher.update(piece)
    return str(hasher.hexdigest())


def _pieces(data: Any) -> Iterable[Any]:
    if is_a(data, "pandas", "DataFrame") or is_a(data, "pandas", "Series"):
        yield from _of_pandas(data)
    elif is_a(data, "scipy.sparse", "spmatrix") or hasattr(data, "tocsr"):
        matrix = data.tocsr()
        yield repr((matrix.shape, str(matrix.dtype))).encode()
        for part in (matrix.data, matrix.indices, matrix.indptr):
            yield from _of_array(part)
    elif isinstance(data, list | tuple):
        yield repr(data).encode() if len(data) <= 1_000_000 else None
    elif shape_of(data) is not None:
        yield from _of_array(to_numpy(data))
    else:
        yield None


def _of_array(array: Any) -> Iterable[Any]:
    if array is None or array.nbytes > MOST:
        yield None
    elif array.dtype.hasobject:
        yield repr(array.tolist()).encode() if array.size <= 1_000_000 else None
    else:
        import numpy as np

        yield repr((array.shape, array.dtype.str)).encode()
        yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _of_pandas(data: Any) -> Iterable[Any]:
    from pandas.util import hash_pandas_object

    size = data.memory_usage(deep=False)
    if int(getattr(size, "sum", lambda: size)()) > MOST:
        yield None
        return
    yield repr(
        list(getattr(data, "columns", [data.name if hasattr(data, "name") else ""]))
    ).encode()
    yield from _of_array(hash_pandas_object(data).to_numpy())
