"""Images: files as they are, arrays as PNG."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from notabene.errors import UsageError
from notabene.model.values import Blob, Encoded, ImageValue, Mask
from notabene.tracking.arrays import is_a, to_numpy
from notabene.tracking.media_base import Media, existing, file_blob, short, sniff
from notabene.tracking.media_png import png
from notabene.tracking.plain import plain_value

if TYPE_CHECKING:
    from notabene.tracking.arrays import Array
    from notabene.tracking.media_png import Pixels

_INLINE_BOXES = 16_384
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_CHANNELS = {mode: count for count, mode in _MODES.items()}
_AS_THEY_ARE = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
"""Modes of PIL that a PNG can hold; others become RGB first."""


class Image(Media):
    """An image.

    Args:
        data: A path, the bytes of a file, an image of PIL, or an array of any library with the
            axes (height, width), (height, width, channels) or (channels, height, width) and 1
            to 4 channels. Whole numbers are 0 to 255 (uint16: to 65,535), floats 0 to 1, truth
            values black and white; what lies outside is cut to the range and counted.
        caption: A line below it.
        mode: ``L``, ``LA``, ``RGB`` or ``RGBA``: what the channels are. Images of PIL are
            converted to it, in arrays it says which axis holds the channels.
        boxes: Boxes to draw, any JSON; kept as given.
        masks: Class maps by name: an array (height, width) of whole numbers, or a mapping with
            ``mask_data`` and ``class_labels``.

    Raises:
        NotFoundError: The file is not there.
        UsageError: The data is no image.
    """

    kind = "image"

    def __init__(
        self,
        data: Any,
        *,
        caption: str | None = None,
        mode: str | None = None,
        boxes: Any = None,
        masks: Mapping[str, Any] | None = None,
    ) -> None:
        self.caption, self.mode, self.boxes = short(caption), mode, boxes
        self._data: Any = data
        if isinstance(data, bytes | bytearray):
            if not sniff(data[:64]).startswith("image/"):
                raise UsageError("those bytes are no PNG, JPEG, GIF, WebP, BMP, TIFF, AVIF or SVG")
        elif isinstance(data, str | os.PathLike):
            self._data = existing(data)
            if not _mime_of(self._data).startswith("image/"):
                raise UsageError(f"the file {self._data} is no image")
        elif not is_picture(data):
            self._data = _axes(_array(data), mode, prefer_first=is_a(data, "torch", "Tensor"))
        self._masks = {str(k): _mask(str(k), v) for k, v in (masks or {}).items()}

    def encode(self) -> Encoded:
        """Files and bytes as they are; all else as PNG."""
        picture = self._picture()
        masks, blobs = {}, [picture.blob]
        for name, (pixels, labels) in self._masks.items():
            blob = Blob.of(png(pixels), "image/png")
            blobs.append(blob)
            masks[name] = Mask(file=blob.ref(), labels=labels)
        boxes, boxes_file = _boxes(self.boxes)
        return ImageValue(
            file=picture.blob.ref(name=picture.name),
            width=picture.width,
            height=picture.height,
            mode=picture.mode,
            caption=self.caption,
            boxes=boxes,
            boxes_file=None if boxes_file is None else boxes_file.ref(),
            masks=masks,
            clipped=picture.clipped,
            nan=picture.nan,
        ).encoded(*blobs, boxes_file)

    def _picture(self) -> _Picture:
        data = self._data
        if isinstance(data, Path):
            blob = file_blob(data, _mime_of(data))
            head = blob.data if blob.data is not None else _head(data, 65_536)
            return _Picture(blob, *_size(head), name=data.name)
        if isinstance(data, bytes | bytearray):
            return _Picture(Blob.of(bytes(data), sniff(data[:64])), *_size(data))
        if is_picture(data):
            return _from_pil(data, self.mode)
        pixels, clipped, nan = to_pixels(data)
        height, width, channels = pixels.shape
        mode = "I;16" if pixels.dtype.itemsize == 2 and channels == 1 else _MODES[channels]
        blob = Blob.of(png(pixels), "image/png")
        return _Picture(blob, width, height, mode, clipped=clipped, nan=nan)


class _Picture(NamedTuple):
    blob: Blob
    width: int = 0
    height: int = 0
    mode: str = ""
    name: str = ""
    clipped: int = 0
    nan: int = 0


def is_picture(value: object) -> bool:
    """Whether a value is an image of PIL."""
    return is_a(value, "PIL", "Image")


def to_pixels(array: Array) -> tuple[Pixels, int, int]:
    """Numbers as pixels: floats times 255, cut to the range.

    Args:
        array: Any shape; kinds b, i, u or f.

    Returns:
        Pixels of the same shape (uint8, or uint16 of uint16), how many values were cut, and
        how many were NaN.
    """
    import numpy as np

    if array.dtype == np.uint8 or array.dtype == np.uint16:
        return array.copy(), 0, 0
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255), 0, 0
    nan = 0
    if array.dtype.kind == "f":
        missing = np.isnan(array)
        nan = int(missing.sum())
        with np.errstate(over="ignore"):
            array = np.round(np.where(missing, 0, array) * array.dtype.type(255))
    cut = np.clip(array, 0, 255)
    return cut.astype(np.uint8), int((cut != array).sum()), nan


def _array(data: Any) -> Array:
    if isinstance(data, list | tuple):
        import numpy as np

        try:
            data = np.asarray(data)
        except ValueError:
            raise UsageError("the rows of an image must have one length") from None
    array = to_numpy(data)
    if array is None:
        raise UsageError(
            f"Image() cannot be made from a {type(data).__name__}; it takes a path, bytes, an "
            "image of PIL or an array of numbers"
        )
    return array


def _axes(array: Array, mode: str | None, *, prefer_first: bool) -> Array:
    """A view with the axes (height, width, channels).

    Raises:
        UsageError: It has other axes, or not the channels that ``mode`` asks for.
    """
    shape = array.shape
    wanted = range(1, 5) if mode is None else (_CHANNELS.get(mode, 0),)
    if array.ndim == 2 and 1 in wanted and array.size:
        return array[:, :, None]
    if array.ndim == 3 and array.size:
        places = [axis for axis in (0, 2) if shape[axis] in wanted]
        if prefer_first:
            places.reverse()
        if places:
            return array if places[-1] == 2 else array.transpose(1, 2, 0)
    if array.ndim == 4:
        raise UsageError(
            f"an array of the shape {shape} is several images",
            hint="log a list: [notabene.Image(one) for one in batch]",
        )
    if mode is not None and mode not in _CHANNELS:
        raise UsageError(f"the mode {mode!r} is unknown; it is one of {', '.join(_CHANNELS)}")
    raise UsageError(
        f"an array of the shape {shape} is no image{f' of mode {mode}' if mode else ''}: "
        "(height, width), (height, width, channels) or (channels, height, width) is"
    )


def _mask(name: str, mask: Any) -> tuple[Pixels, dict[str, str]]:
    import numpy as np

    labels: Any = {}
    if isinstance(mask, Mapping):
        labels = mask.get("class_labels") or {}
        mask = mask.get("mask_data")
    array = None if mask is None else _array(mask)
    if array is None or array.ndim != 2 or array.dtype.kind not in "biu" or not array.size:
        raise UsageError(f"the mask {name!r} is no array (height, width) of whole numbers")
    if not isinstance(labels, Mapping):
        raise UsageError(f"the class_labels of the mask {name!r} are no mapping of class to name")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65_535:
        raise UsageError(f"the mask {name!r} has classes from {low} to {high}; 0 to 65535 can be")
    grey = array[:, :, None]
    pixels: Pixels = grey.astype(np.uint8) if high < 256 else grey.astype(np.uint16)
    return pixels, {str(k): str(v) for k, v in labels.items()}


def _boxes(boxes: Any) -> tuple[Any, Blob | None]:
    """Boxes as JSON: inline where they are short, else as a blob."""
    if boxes is None:
        return None, None
    value = plain_value(boxes)
    data = msgspec.json.encode(value)
    if len(data) <= _INLINE_BOXES:
        return value, None
    return None, Blob.of(data, "application/json")


def _from_pil(image: Any, mode: str | None) -> _Picture:
    if mode is not None:
        image = image.convert(mode)
    elif image.mode not in _AS_THEY_ARE:
        image = image.convert("RGB")
    out = io.BytesIO()
    # What the image was loaded with (camera, place, comments) is no part of the picture.
    image.save(out, format="PNG", exif=b"", icc_profile=None, pnginfo=None)
    width, height = image.size
    return _Picture(Blob.of(out.getvalue(), "image/png"), width, height, image.mode)


def _mime_of(path: Path) -> str:
    return sniff(_head(path, 64), path.suffix)


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _size(data: bytes | bytearray) -> tuple[int, int]:
    """Width and height in pixels from the head of a PNG, GIF, BMP, WebP or JPEG; else zeros."""
    try:
        mime = sniff(data[:64])
        if mime == "image/png":
            return struct.unpack_from(">II", data, 16)
        if mime == "image/gif":
            return struct.unpack_from("<HH", data, 6)
        if mime == "image/bmp":
            width, height = struct.unpack_from("<ii", data, 18)
            return width, abs(height)
        if mime == "image/webp":
            return _webp_size(data)
        if mime == "image/jpeg":
            return _jpeg_size(data)
    except struct.error:
        pass
    return 0, 0


def _webp_size(data: bytes | bytearray) -> tuple[int, int]:
    form = bytes(data[12:16])
    if form == b"VP8X":
        width, height = data[24:27], data[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_size(data: bytes | bytearray) -> tuple[int, int]:
    at = 2
    while at < len(data):
        mark, kind, length = struct.unpack_from(">BBH", data, at)
        if mark != 0xFF:
            break
        # A start of frame: C0 to CF but the three that are tables.
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length
    return 0, 0
