"""Values of ``log`` that are no numbers, and how they are recognised.

    str                                   Text
    image of PIL                          Image
    figure or axes of matplotlib,
    pyplot itself, figure of plotly       Figure
    frame of pandas or polars, Arrow      Table
    array or series of several numbers,
    list of numbers                       Histogram
    Path of an image, sound, video, page  Image, Audio, Video, Html
    list of any of these                  a list of values

No library is imported to recognise its objects.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from notabene.errors import UsageError
from notabene.model.values import ITEMS_MIME, Blob, Encoded, Item, ListValue, gzipped
from notabene.tracking.arrays import as_number, is_a, is_frame, shape_of
from notabene.tracking.guard import TROUBLE
from notabene.tracking.media_base import MIMES, File, Html, Media, Pack, Text
from notabene.tracking.media_clip import Audio, Video
from notabene.tracking.media_figure import Figure, drawing_of
from notabene.tracking.media_histogram import Histogram
from notabene.tracking.media_image import Image, is_picture
from notabene.tracking.media_table import Table

__all__ = [
    "Audio",
    "Figure",
    "File",
    "Histogram",
    "Html",
    "Image",
    "Media",
    "MediaList",
    "Table",
    "Text",
    "Video",
    "as_number",
    "as_value",
]

_INLINE_ITEMS = 32_768

_OF_FAMILY: dict[str, Callable[[Path], Media]] = {
    "audio": Audio,
    "html": Html,
    "image": Image,
    "video": Video,
}


class MediaList(Media):
    """Several values under one name and step: the images of a batch, say.

    Args:
        values: Media, or anything that is recognised as such.

    Raises:
        UsageError: One of them is not.
    """

    kind = "list"

    def __init__(self, values: Any) -> None:
        found = [(value, as_value(value)) for value in values]
        for value, media in found:
            if media is None:
                raise UsageError(f"a list of values cannot hold a {type(value).__name__}")
        self.values = tuple(media for _, media in found if media is not None)

    def encode(self) -> Encoded:
        """Short lists inline, each item with blobs of its own; long ones as two blobs."""
        encoded = [media.encode() for media in self.values]
        items = tuple(Item(one.kind, one.value) for one in encoded)
        if len(msgspec.msgpack.encode(items)) <= _INLINE_ITEMS:
            blobs = itertools.chain.from_iterable(one.blobs for one in encoded)
            return ListValue(count=len(items), items=items).encoded(*blobs)
        pack = Pack()
        packed = [pack.add(one) for one in encoded]
        blob, bytes_ = Blob.of(gzipped(msgspec.json.encode(packed)), ITEMS_MIME), pack.blob()
        return ListValue(
            count=len(items),
            file=blob.ref(encoding="gzip"),
            pack=None if bytes_ is None else bytes_.ref(),
            apart=pack.refs(),
        ).encoded(blob, bytes_, *pack.apart)


def as_value(value: Any) -> Media | None:
    """What ``log`` keeps for something that is no number, or None; never raises."""
    try:
        if isinstance(value, Media):
            return value
        if isinstance(value, str):
            return Text(value)
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return _of_sequence(value)
        return _of_path(value) if isinstance(value, Path) else _of_library(value)
    except TROUBLE:
        return None


def _of_library(value: Any) -> Media | None:
    if is_picture(value):
        return Image(value)
    if drawing_of(value) is not None:
        return Figure(value)
    if is_frame(value):
        return Table(dataframe=value)
    if shape_of(value) is None:
        return None
    try:
        return Histogram(value)
    except UsageError:
        if is_a(value, "pandas", "Series") or is_a(value, "polars", "Series"):
            return Table(dataframe=value.to_frame())
        return None


def _of_sequence(values: list[Any] | tuple[Any, ...]) -> Media | None:
    if all(as_number(value) is not None for value in values):
        return Histogram(values) if values else None
    if any(isinstance(value, list | tuple) for value in values):
        return None
    return MediaList(values)


def _of_path(path: Path) -> Media | None:
    """A file by the ending of its name; the path as text where that says nothing."""
    mime = MIMES.get(path.suffix.lower(), "")
    family = "html" if mime == "text/html" else mime.partition("/")[0]
    if family not in _OF_FAMILY or not path.is_file():
        return Text(path)
    return _OF_FAMILY[family](path)
