"""Values of summaries that are no scalars, as values of ours.

The old messages (``histo``, ``image``, ``audio``) and the tensors that the plugins write in
their place give the same.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from notabene.model.values import (
    INLINE_TEXT,
    AudioValue,
    Blob,
    Encoded,
    FileValue,
    HistogramValue,
    ImageValue,
    Item,
    ListValue,
    TextValue,
)
from notabene.tfevents.proto import Tensor, Value, WireError, fields, read_tensor, text

F64 = npt.NDArray[np.float64]
BEGINNING = 512
"""Characters of a long text that stand in the value itself."""
NPY = "application/vnd.numpy"
_HISTOGRAMS = ("histograms", "distributions")


def value_of(data: bytes, value: Value, plugin: str) -> Encoded | float | str:
    """A value as ours, a number where it is a scalar after all, or why it cannot be carried over.

    Args:
        data: The bytes it stands in.
        value: As located by :func:`notabene.tfevents.proto.read_value`.
        plugin: Name of the plugin of its tag, where known.

    Raises:
        WireError: It is damaged.
    """
    if value.kind == "scalar":
        return float(struct.unpack_from("<f", data, value.start)[0])
    if value.kind == "histogram":
        return _histogram(data, value.start, value.end)
    if value.kind == "image":
        return _image(data, value.start, value.end)
    if value.kind == "audio":
        return _audio(data, value.start, value.end)
    if value.kind == "tensor":
        return _tensor(read_tensor(data, value.start, value.end), plugin)
    return "values of a kind that TensorBoard does not show are not carried over"


def _tensor(tensor: Tensor, plugin: str) -> Encoded | float | str:
    if plugin == "images" and tensor.strings:
        return _several([_picture(content) for content in tensor.strings[2:]])
    if plugin == "audio" and tensor.strings:
        clips = tensor.strings[::2] if len(tensor.shape) == 2 else tensor.strings
        return _several([_clip(content) for content in clips])
    if tensor.array is None:
        return _text(tensor)
    if plugin in _HISTOGRAMS and tensor.array.ndim == 2 and tensor.array.shape[1] == 3:
        return _buckets(tensor.array.astype(np.float64))
    if tensor.array.size == 1 and plugin in ("", "scalars"):
        return float(tensor.array.reshape(-1)[0])
    file = io.BytesIO()
    np.save(file, tensor.array, allow_pickle=False)
    blob = Blob.of(file.getvalue(), NPY)
    shape = " × ".join(map(str, tensor.shape)) or "one number"
    caption = f"tensor, {shape}, {tensor.array.dtype}" + (f", of {plugin}" if plugin else "")
    return FileValue(file=blob.ref(name="tensor.npy"), caption=caption).encoded(blob)


def _several(items: Sequence[Encoded]) -> Encoded | str:
    if not items:
        return "values that are empty are not carried over"
    if len(items) == 1:
        return items[0]
    parts = tuple(Item(item.kind, item.value) for item in items)
    blobs = [blob for item in items for blob in item.blobs]
    return ListValue(count=len(items), items=parts).encoded(*blobs)


# -- texts ---------------------------------------------------------------------------------


def _text(tensor: Tensor) -> Encoded:
    words = [part.decode("utf-8", "replace") for part in tensor.strings]
    if len(tensor.shape) == 2 and tensor.shape[1] > 0:
        width = tensor.shape[1]
        lines = [" | ".join(words[at : at + width]) for at in range(0, len(words), width)]
    else:
        lines = words
    whole = "\n".join(lines)
    if len(whole.encode()) <= INLINE_TEXT:
        return TextValue(text=whole, chars=len(whole)).encoded()
    blob = Blob.of(whole.encode(), "text/plain")
    return TextValue(text=whole[:BEGINNING], file=blob.ref(), chars=len(whole)).encoded(blob)


# -- histograms ----------------------------------------------------------------------------


def _histogram(data: bytes, at: int, end: int) -> Encoded:
    numbers = dict.fromkeys(range(1, 6), 0.0)
    limits: list[float] = []
    counts: list[float] = []
    for number, start, stop, kind in fields(data, at, end):
        if number in numbers and kind == 1:
            numbers[number] = struct.unpack_from("<d", data, start)[0]
        elif number in (6, 7) and kind in (1, 2):
            if (stop - start) % 8:
                raise WireError("a histogram that is cut short")
            (limits if number == 6 else counts).extend(np.frombuffer(data[start:stop], "<f8"))
    low, high, n, total, squares = (numbers[k] for k in range(1, 6))
    if len(limits) != len(counts):
        raise WireError("a histogram with more limits than counts")
    edges = np.array([low, *limits[:-1], high] if limits else [])
    mean = total / n if n else 0.0
    spread = None if not n else math.sqrt(max(0.0, squares / n - mean * mean))
    return _distribution(edges, np.array(counts), n, low, high, mean if n else None, spread)


def _buckets(table: F64) -> Encoded:
    counts = table[:, 2]
    edges = np.append(table[:, 0], table[-1:, 1])
    filled = np.flatnonzero(counts)
    low = float(table[filled[0], 0]) if len(filled) else None
    high = float(table[filled[-1], 1]) if len(filled) else None
    return _distribution(edges, counts, float(counts.sum()), low, high, None, None)


def _distribution(
    edges: F64,
    counts: F64,
    n: float,
    low: float | None,
    high: float | None,
    mean: float | None,
    spread: float | None,
) -> Encoded:
    """Counts and rising edges: empty buckets at both ends go, some of which begin beyond the
    least value or end before the largest."""
    filled = np.flatnonzero(counts)
    if not (np.isfinite(counts).all() and not np.isnan(edges).any()):
        filled = filled[:0]
    if len(filled):
        first, last = int(filled[0]), int(filled[-1]) + 1
        edges, counts = edges[first : last + 1], counts[first:last]
        edges = np.maximum.accumulate(edges)
    else:
        edges = counts = np.zeros(0)

    def sane(value: float | None) -> float | None:
        return value if value is not None and math.isfinite(value) else None

    biggest = float(np.finfo(np.float64).max)
    return HistogramValue(
        counts=tuple(counts.tolist()),
        edges=tuple(np.clip(edges, -biggest, biggest).tolist()),
        n=int(n) if math.isfinite(n) else 0,
        min=sane(low) if len(filled) else None,
        max=sane(high) if len(filled) else None,
        mean=sane(mean),
        std=sane(spread),
    ).encoded()


# -- pictures and sound --------------------------------------------------------------------

_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
    (b"BM", "image/bmp"),
)


def _picture(content: bytes, width: int = 0, height: int = 0) -> Encoded:
    mime = next((m for magic, m in _MAGIC if content.startswith(magic)), "application/octet-stream")
    if mime == "image/png" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
    blob = Blob.of(content, mime)
    return ImageValue(file=blob.ref(), width=width, height=height).encoded(blob)


def _image(data: bytes, at: int, end: int) -> Encoded:
    sizes, content = {1: 0, 2: 0}, b""
    for number, start, stop, kind in fields(data, at, end):
        if number in sizes and kind == 0:
            sizes[number] = start
        elif number == 4 and kind == 2:
            content = data[start:stop]
    return _picture(content, sizes[2], sizes[1])


def _clip(content: bytes, rate: float = 0, channels: int = 0, frames: int = 0) -> Encoded:
    if content.startswith(b"RIFF") and len(content) >= 44 and not rate:
        channels, rate = struct.unpack_from("<HI", content, 22)
        bits = struct.unpack_from("<H", content, 34)[0] or 16
        frames = (len(content) - 44) * 8 // max(1, bits * channels)
    mime = "audio/wav" if content.startswith(b"RIFF") else "application/octet-stream"
    blob = Blob.of(content, mime)
    rate = rate if math.isfinite(rate) and 0 < rate < 1e9 else 0
    return AudioValue(
        file=blob.ref(),
        sample_rate=int(rate),
        channels=channels,
        seconds=frames / rate if rate else 0.0,
    ).encoded(blob)


def _audio(data: bytes, at: int, end: int) -> Encoded:
    rate, numbers, content = 0.0, {2: 0, 3: 0}, b""
    for number, start, stop, kind in fields(data, at, end):
        if number == 1 and kind == 5:
            rate = struct.unpack_from("<f", data, start)[0]
        elif number in numbers and kind == 0:
            numbers[number] = start
        elif number == 4 and kind == 2:
            content = data[start:stop]
    return _clip(content, rate, numbers[2], numbers[3])


# -- settings ------------------------------------------------------------------------------

Started = dict[str, Any]


def hparams_of(content: bytes) -> tuple[str, Started]:
    """What the hparams plugin says of a tag: ``("start", ...)``, ``("end", ...)`` or ``("", ...)``.

    A start has ``params``, ``group``, ``time`` (µs); an end ``status`` and ``time``; an
    experiment ``metrics``, the tags of its metrics.

    Raises:
        WireError: It is damaged.
    """
    for number, start, stop, kind in fields(content, 0, len(content)):
        if number == 3 and kind == 2:
            return "start", _session(content, start, stop)
        if number == 4 and kind == 2:
            found: Started = {"status": 0, "time": 0}
            for inner, begin, last, how in fields(content, start, stop):
                if inner == 1 and how == 0:
                    found["status"] = begin
                elif inner == 2 and how == 1:
                    found["time"] = _seconds(content, begin)
                del last
            return "end", found
    return "", {}


def _session(content: bytes, at: int, end: int) -> Started:
    found: Started = {"params": {}, "group": "", "time": 0, "url": ""}
    for number, start, stop, kind in fields(content, at, end):
        if number == 1 and kind == 2:
            key, value = "", None
            for inner, begin, last, how in fields(content, start, stop):
                if inner == 1 and how == 2:
                    key = text(content, begin, last)
                elif inner == 2 and how == 2:
                    value = _struct_value(content, begin, last)
            found["params"][key] = value
        elif number == 3 and kind == 2:
            found["url"] = text(content, start, stop)
        elif number == 4 and kind == 2:
            found["group"] = text(content, start, stop)
        elif number == 5 and kind == 1:
            found["time"] = _seconds(content, start)
    return found


def _struct_value(content: bytes, at: int, end: int) -> Any:
    for number, start, stop, kind in fields(content, at, end):
        if number == 2 and kind == 1:
            value = struct.unpack_from("<d", content, start)[0]
            if not math.isfinite(value):
                return str(value)
            return int(value) if value == int(value) and abs(value) < 1 << 53 else value
        if number == 3 and kind == 2:
            return text(content, start, stop)
        if number == 4 and kind == 0:
            return bool(start)
    return None


def _seconds(content: bytes, at: int) -> int:
    value = struct.unpack_from("<d", content, at)[0]
    return round(value * 1e6) if math.isfinite(value) and abs(value) < 1e11 else 0
