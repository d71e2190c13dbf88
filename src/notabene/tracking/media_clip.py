"""Sound and moving pictures: files as they are, arrays as WAV, MP4 or animated PNG."""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notabene.errors import MissingDependencyError, UsageError
from notabene.model.values import AudioValue, Blob, Encoded, VideoValue
from notabene.tracking.arrays import as_number, is_a, to_numpy
from notabene.tracking.media_base import Media, existing, file_blob, short, sniff
from notabene.tracking.media_image import to_pixels
from notabene.tracking.media_png import animated_png

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from notabene.tracking.arrays import Array
    from notabene.tracking.media_png import Pixels

MAX_ANIMATION = 64 << 20
"""Bytes of pixels that an animated PNG may have: it is large, and slow to make."""


class Audio(Media):
    """Sound.

    Args:
        data: A path, the bytes of a file, or samples: an array of any library, or a list. The
            shorter axis of two is the channels. Floats are -1 to 1 and what lies outside is
            cut and counted; int16, int32 and uint8 are kept as they are.
        sample_rate: Samples per second and channel; needed for samples.
        caption: A line below it.

    Raises:
        NotFoundError: The file is not there.
        UsageError: The data is no sound, or the rate is missing.
    """

    kind = "audio"

    def __init__(
        self, data: Any, *, sample_rate: float | None = None, caption: str | None = None
    ) -> None:
        self.caption = short(caption)
        self._rate = 0
        source = _source(data, "audio")
        if source is not None:
            self._data: Any = source
            return
        rate = as_number(sample_rate)
        if rate is None or not 1 <= rate < 2**31:
            raise UsageError(
                f"sample_rate={sample_rate!r} is no rate; samples need one, in hertz",
                hint="Audio(samples, sample_rate=16_000)",
            )
        self._rate, self._data = round(rate), _samples(data)

    def encode(self) -> Encoded:
        """Files and bytes as they are, samples as WAV."""
        if isinstance(self._data, bytes | Path):
            blob, name = _as_it_is(self._data, "audio")
            rate, channels, frames = _wave_facts(self._data)
            return AudioValue(
                file=blob.ref(name=name),
                sample_rate=rate,
                channels=channels,
                seconds=frames / rate if rate else 0.0,
                caption=self.caption,
            ).encoded(blob)
        import wave

        samples, clipped, nan = _to_pcm(self._data)
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(samples.dtype.itemsize)
            file.setframerate(self._rate)
            file.writeframes(samples.tobytes())
        blob = Blob.of(out.getvalue(), "audio/wav")
        return AudioValue(
            file=blob.ref(),
            sample_rate=self._rate,
            channels=samples.shape[1],
            seconds=len(samples) / self._rate,
            caption=self.caption,
            clipped=clipped,
            nan=nan,
        ).encoded(blob)


class Video(Media):
    """Moving pictures.

    Args:
        data: A path, the bytes of a file, or frames: an array of any library, or a list, with
            the axes (time, height, width), (time, height, width, channels) or (time, channels,
            height, width); values as in :class:`Image`. Frames become MP4 where PyAV is
            installed; without it a PNG with animation, up to 64 MiB of pixels.
        fps: Frames per second, for frames.
        caption: A line below it.

    Raises:
        NotFoundError: The file is not there.
        UsageError: The data is no video.
        MissingDependencyError: There are more frames than an animated PNG may have.
    """

    kind = "video"

    def __init__(self, data: Any, *, fps: float = 24, caption: str | None = None) -> None:
        self.caption = short(caption)
        source = _source(data, "video")
        self._data: Any = source
        if source is not None:
            return
        rate = as_number(fps)
        if rate is None or not 0.02 <= rate <= 600:
            raise UsageError(f"fps={fps!r} is not allowed; 0.02 to 600 frames per second are")
        self._fps, self._data = rate, _frames(data)
        if find_spec("av") is None and self._data.size > MAX_ANIMATION:
            raise MissingDependencyError(
                f"these frames have {self._data.size >> 20:,} MiB of pixels; more than "
                f"{MAX_ANIMATION >> 20} need PyAV, which is not installed",
                hint="pip install av, or give the path of a video",
            )

    def encode(self) -> Encoded:
        """Files and bytes as they are; frames as MP4 or animated PNG."""
        if isinstance(self._data, bytes | Path):
            blob, name = _as_it_is(self._data, "video")
            return VideoValue(file=blob.ref(name=name), caption=self.caption).encoded(blob)
        frames = _Frames(self._data)
        count, height, width, _ = self._data.shape
        if find_spec("av") is not None:
            blob = Blob.of(_mp4(frames, (height, width), self._fps), "video/mp4")
        else:
            blob = Blob.of(animated_png(frames, count, self._fps), "image/apng")
        return VideoValue(
            file=blob.ref(),
            width=width,
            height=height,
            frames=count,
            fps=self._fps,
            caption=self.caption,
            clipped=frames.clipped,
            nan=frames.nan,
        ).encoded(blob)


class _Frames:
    """Frames as pixels, one at a time; counts what had to be cut."""

    def __init__(self, array: Array) -> None:
        self._array = array
        self.clipped = self.nan = 0

    def __iter__(self) -> Iterator[Pixels]:
        for frame in self._array:
            pixels, clipped, nan = to_pixels(frame)
            self.clipped += clipped
            self.nan += nan
            yield pixels


_FITS = {
    "audio": ("audio/", "video/"),
    "video": ("video/", "audio/ogg", "image/gif", "image/png", "image/apng", "image/webp"),
}


def _source(data: Any, what: str) -> bytes | Path | None:
    """Bytes or a file of this kind; None where the data is something else.

    Raises:
        NotFoundError: The file is not there.
        UsageError: It is of another kind.
    """
    if isinstance(data, bytes | bytearray):
        if not sniff(data[:64]).startswith(_FITS[what]):
            raise UsageError(f"those bytes are no {what} file of a kind that is known")
        return bytes(data)
    if not isinstance(data, str | os.PathLike):
        return None
    path = existing(data)
    with path.open("rb") as file:
        head = file.read(64)
    if not sniff(head, path.suffix).startswith(_FITS[what]):
        raise UsageError(f"the file {path} is no {what} file of a kind that is known")
    return path


def _as_it_is(source: bytes | Path, what: str) -> tuple[Blob, str]:
    """A file's or given bytes as a blob, and the file's name."""
    if isinstance(source, bytes):
        return Blob.of(source, _mime(source[:64], "", what)), ""
    with source.open("rb") as file:
        mime = _mime(file.read(64), source.suffix, what)
    return file_blob(source, mime), source.name


def _mime(head: bytes, suffix: str, what: str) -> str:
    # Ogg, MP4 and WebM hold sound as well as pictures; the caller knows which.
    family, _, form = sniff(head, suffix).partition("/")
    return f"{family if family == 'image' else what}/{form}"


def _wave_facts(source: bytes | Path) -> tuple[int, int, int]:
    """Sample rate, channels and frames of a WAV; zeros for all else."""
    import wave

    try:
        with wave.open(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
            return file.getframerate(), file.getnchannels(), file.getnframes()
    except (wave.Error, EOFError):
        return 0, 0, 0


def _as_array(data: Any, what: str) -> Array:
    if isinstance(data, list | tuple):
        import numpy as np

        try:
            data = np.asarray([part if to_numpy(part) is None else to_numpy(part) for part in data])
        except ValueError:
            raise UsageError(f"the parts of {what} must have one shape") from None
    array = to_numpy(data)
    if array is None or not array.size:
        raise UsageError(
            f"{what} cannot be made from a {type(data).__name__}; a path, bytes or an array of "
            "numbers are allowed"
        )
    return array


def _samples(data: Any) -> Array:
    """Samples with the axes (time, channels)."""
    array = _as_array(data, "audio")
    if array.ndim == 1:
        return array[:, None]
    if array.ndim == 2 and min(array.shape) <= 64:
        return array.T if array.shape[0] < array.shape[1] else array
    raise UsageError(
        f"an array of the shape {array.shape} is no sound: (time), (time, channels) or "
        "(channels, time) is"
    )


def _frames(data: Any) -> Array:
    """Frames with the axes (time, height, width, channels)."""
    array = _as_array(data, "video")
    if array.ndim == 3:
        return array[:, :, :, None]
    if array.ndim == 4:
        first = is_a(data, "torch", "Tensor")
        for axis in (1, 3) if first else (3, 1):
            if 1 <= array.shape[axis] <= 4:
                return array.transpose(0, 2, 3, 1) if axis == 1 else array
    raise UsageError(
        f"an array of the shape {array.shape} is no video: (time, height, width), (time, height, "
        "width, channels) or (time, channels, height, width) is"
    )


def _to_pcm(samples: Array) -> tuple[npt.NDArray[np.integer[Any]], int, int]:
    """Samples as WAV has them, how many were cut, and how many were NaN."""
    import numpy as np

    if samples.dtype in (np.int16, np.int32, np.uint8):
        return samples.astype(samples.dtype.newbyteorder("<")), 0, 0
    nan = 0
    if samples.dtype.kind == "f":
        missing = np.isnan(samples)
        nan = int(missing.sum())
        samples = np.round(np.where(missing, 0, samples).astype(np.float64) * 32_767)
    cut = np.clip(samples, -32_767, 32_767)
    return cut.astype("<i2"), int((cut != samples).sum()), nan


def _mp4(frames: _Frames, size: tuple[int, int], fps: float) -> bytes:
    """H.264 in MP4, by PyAV; odd widths and heights grow by a pixel, which the form asks for.

    The encoder gives equal bytes nearly always, but does not promise it.
    """
    from fractions import Fraction

    import numpy as np

    av = importlib.import_module("av")
    height, width = size
    edges = ((0, height % 2), (0, width % 2), (0, 0))
    out = io.BytesIO()
    with av.open(out, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "18"}
        for pixels in frames:
            colour: Array = (
                pixels[:, :, :3] if pixels.shape[2] > 2 else pixels[:, :, :1].repeat(3, 2)
            )
            if colour.dtype.itemsize == 2:
                colour = colour >> 8
            even = np.pad(colour.astype(np.uint8), edges, mode="edge")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())
    return out.getvalue()
