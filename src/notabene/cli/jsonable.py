"""The one JSON form of entities, for every verb's ``--json``."""

from __future__ import annotations

import datetime
import math
from typing import Any

import msgspec

TIMES = frozenset({"created", "started", "ended", "updated", "time", "last_time"})


def jsonable(value: Any) -> Any:
    """JSON values only: entities become mappings, NaN and ±Inf become texts.

    Times (whole µs in entities) stay numbers; :func:`iso` gives the readable form that run
    documents carry beside them.
    """
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(v) for v in value]
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {name: jsonable(getattr(value, field)) for name, field in names}
    if hasattr(value, "to_dict"):
        return jsonable(value.to_dict())
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    return str(value)


def iso(stamp: int) -> str | None:
    """UTC time as ISO 8601, or None for 0."""
    if not stamp:
        return None
    moment = datetime.datetime.fromtimestamp(stamp / 1e6, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
