"""Sound and moving pictures: samples and frames come back, files are kept as they are."""

from __future__ import annotations

import io
import math
import wave
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from notabene.errors import MissingDependencyError, NotFoundError, UsageError
from notabene.model.values import AudioValue, VideoValue, read_as
from notabene.tracking import media_clip
from notabene.tracking.media_clip import Audio, Video

MP4 = b"\0\0\0\x18ftypisom\0\0\2\0"
FRAMES = np.random.default_rng(1).integers(0, 256, (5, 6, 8, 3), np.uint8)


def sound(audio: Audio) -> tuple[AudioValue, bytes]:
    """What is recorded of a sound, and its bytes."""
    encoded = audio.encode()
    (blob,) = encoded.blobs
    return read_as(AudioValue, encoded.value), blob.data or b""


def film(video: Video) -> tuple[VideoValue, bytes]:
    """What is recorded of a video, and its bytes."""
    encoded = video.encode()
    (blob,) = encoded.blobs
    return read_as(VideoValue, encoded.value), blob.data or b""


def samples_of(data: bytes) -> np.ndarray:
    """Samples of a WAV, with the axes (time, channels)."""
    with wave.open(io.BytesIO(data)) as file:
        raw, size = file.readframes(file.getnframes()), file.getsampwidth()
        kind = {1: "u1", 2: "<i2", 4: "<i4"}[size]
        return np.frombuffer(raw, kind).reshape(-1, file.getnchannels())


@pytest.fixture
def no_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if PyAV were not installed."""
    monkeypatch.setattr(media_clip, "find_spec", lambda _name: None)


class TestAudio:
    """Samples and files."""

    @pytest.mark.parametrize(
        ("samples", "pcm"),
        [
            (np.array([0, 1, -32768], np.int16), [[0], [1], [-32768]]),
            (np.array([[1, 2], [3, 4], [5, 6]], np.int16), [[1, 2], [3, 4], [5, 6]]),
            (np.array([[1, 3, 5], [2, 4, 6]], np.int16), [[1, 2], [3, 4], [5, 6]]),
            (np.array([0.0, 1.0, -1.0, 0.5]), [[0], [32767], [-32767], [16384]]),
            (np.array([1, 2**30], np.int32), [[1], [2**30]]),
            (np.array([0, 255], np.uint8), [[0], [255]]),
            (np.array([5, -5]), [[5], [-5]]),
            ([0.0, 1.0], [[0], [32767]]),
        ],
        ids=["mono", "time-channels", "channels-time", "float", "int32", "uint8", "int64", "list"],
    )
    def test_samples_become_wav(self, samples: Any, pcm: list[list[int]]):
        """Any decoder of WAV finds the samples, in their width, and the rate."""
        value, data = sound(Audio(samples, sample_rate=8000))
        np.testing.assert_array_equal(samples_of(data), pcm)
        assert (value.sample_rate, value.channels) == (8000, len(pcm[0]))
        assert value.seconds == len(pcm) / 8000
        assert value.file.mime == "audio/wav"
        assert (value.clipped, value.nan) == (0, 0)

    def test_what_lies_outside_is_counted(self):
        """Samples beyond full scale are cut, NaN is silence, and both are counted."""
        value, data = sound(Audio(np.array([2.0, -math.inf, math.nan, 0.5]), sample_rate=10))
        assert samples_of(data)[:, 0].tolist() == [32767, -32767, 0, 16384]
        assert (value.clipped, value.nan) == (2, 1)

    @pytest.mark.parametrize("as_bytes", [True, False])
    def test_files_are_kept(self, tmp_path: Path, as_bytes: bool):
        """A file is stored byte for byte; of a WAV rate, channels and length are read."""
        data = sound(Audio(np.zeros((50, 2)), sample_rate=100))[1]
        path = tmp_path / "a.wav"
        path.write_bytes(data)
        value, kept = sound(Audio(data if as_bytes else path, caption="silence"))
        assert kept == data
        assert (value.sample_rate, value.channels, value.seconds) == (100, 2, 0.5)
        assert (value.file.name, value.caption) == ("" if as_bytes else "a.wav", "silence")

    @pytest.mark.parametrize(
        ("head", "name", "mime"),
        [
            (b"fLaC", "a.flac", "audio/flac"),
            (b"ID3\x03", "a.mp3", "audio/mpeg"),
            (b"OggS", "a.opus", "audio/ogg"),
            (b"\x1aE\xdf\xa3", "a.webm", "audio/webm"),
            (b"odd", "a.aac", "audio/aac"),
        ],
    )
    def test_other_files_have_their_type(self, tmp_path: Path, head: bytes, name: str, mime: str):
        """The type is told by the first bytes, else by the name; what is unknown stays zero."""
        (tmp_path / name).write_bytes(head)
        value, _ = sound(Audio(str(tmp_path / name)))
        assert value.file.mime == mime
        assert (value.sample_rate, value.seconds) == (0, 0)

    @pytest.mark.parametrize(
        ("data", "rate", "said"),
        [
            ([0.0], None, "sample_rate=None is no rate"),
            ([0.0], "fast", "is no rate"),
            ([0.0], 0, "is no rate"),
            (np.zeros((2, 3, 4)), 10, r"\(2, 3, 4\) is no sound"),
            (np.zeros((100, 100)), 10, "is no sound"),
            (np.zeros(0), 10, "cannot be made"),
            (3, 10, "cannot be made from a int"),
            ([[1, 2], [3]], 10, "cannot be made|one shape"),
            (b"noise", None, "no audio file"),
        ],
        ids=["no-rate", "text", "zero", "volume", "square", "empty", "int", "ragged", "bytes"],
    )
    def test_what_is_no_sound(self, data: Any, rate: Any, said: str):
        """Everything else is refused at once, saying what is missing or allowed."""
        with pytest.raises(UsageError, match=said):
            Audio(data, sample_rate=rate)

    def test_what_is_not_there(self, tmp_path: Path):
        """A missing file and a file of another kind are refused with their path."""
        with pytest.raises(NotFoundError):
            Audio(tmp_path / "nothing.wav")
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        with pytest.raises(UsageError, match=r"a\.png is no audio file"):
            Audio(tmp_path / "a.png")

    def test_tensors(self):
        """torchaudio's (channels, time) is understood."""
        torch = pytest.importorskip("torch")
        value, data = sound(Audio(torch.zeros(2, 100), sample_rate=50))
        assert (value.channels, value.seconds, samples_of(data).shape) == (2, 2.0, (100, 2))


@pytest.mark.usefixtures("no_pyav")
class TestVideo:
    """Frames without PyAV, and files."""

    @pytest.mark.parametrize(
        ("frames", "shape"),
        [
            (FRAMES, (8, 6, 5)),
            (FRAMES.transpose(0, 3, 1, 2), (8, 6, 5)),
            (FRAMES[..., 0], (8, 6, 5)),
            (list(FRAMES), (8, 6, 5)),
            (FRAMES / 255, (8, 6, 5)),
        ],
        ids=["THWC", "TCHW", "THW", "list", "float"],
    )
    def test_frames_become_an_animation(self, frames: Any, shape: tuple[int, int, int]):
        """Frames of all layouts come back from the animated PNG, each as it was."""
        image = pytest.importorskip("PIL.Image")
        value, data = film(Video(frames, fps=10))
        assert (value.width, value.height, value.frames, value.fps) == (*shape, 10)
        assert value.file.mime == "image/apng"
        grey = isinstance(frames, np.ndarray) and frames.ndim == 3
        with image.open(io.BytesIO(data)) as read:
            for index, frame in enumerate(FRAMES):
                read.seek(index)
                seen = np.asarray(read.convert("L" if grey else "RGB"))
                np.testing.assert_array_equal(seen, frame[..., 0] if grey else frame)

    def test_what_lies_outside_is_counted(self):
        """Values beyond the range and NaN are counted over all frames."""
        frames = np.zeros((2, 2, 2))
        frames[:, 0, 0], frames[1, 1, 1] = 2.0, math.nan
        value, _ = film(Video(frames))
        assert (value.clipped, value.nan) == (2, 1)

    def test_too_many_frames_need_pyav(self, monkeypatch: pytest.MonkeyPatch):
        """What is too large for an animated PNG says which library would do."""
        monkeypatch.setattr(media_clip, "MAX_ANIMATION", 100)
        with pytest.raises(MissingDependencyError, match="pip install av"):
            Video(FRAMES)

    @pytest.mark.parametrize("as_bytes", [True, False])
    def test_files_are_kept(self, tmp_path: Path, as_bytes: bool):
        """A file is stored byte for byte."""
        path = tmp_path / "a.mp4"
        path.write_bytes(MP4)
        value, data = film(Video(MP4 if as_bytes else path, caption="run"))
        assert data == MP4
        assert (value.file.mime, value.caption, value.frames) == ("video/mp4", "run", 0)

    @pytest.mark.parametrize(
        ("head", "mime"),
        [(b"GIF89a", "image/gif"), (b"\x1aE\xdf\xa3", "video/webm"), (b"OggS", "video/ogg")],
    )
    def test_bytes_have_their_type(self, head: bytes, mime: str):
        """The type is told by the first bytes; Ogg and WebM given as a video are one."""
        assert film(Video(head))[0].file.mime == mime

    @pytest.mark.parametrize(
        ("data", "fps", "said"),
        [
            (FRAMES, 0, "fps=0"),
            (FRAMES, "fast", "fps='fast'"),
            (FRAMES, math.nan, "fps=nan"),
            (np.zeros((2, 3)), 10, r"\(2, 3\) is no video"),
            (np.zeros((2, 7, 8, 9)), 10, "is no video"),
            ([np.zeros((2, 2)), np.zeros((3, 3))], 10, "one shape"),
            (3, 10, "cannot be made from a int"),
            (b"noise", 10, "no video file"),
        ],
        ids=["zero", "text", "nan", "matrix", "channels", "ragged", "int", "bytes"],
    )
    def test_what_is_no_video(self, data: Any, fps: Any, said: str):
        """Everything else is refused at once, saying what is allowed."""
        with pytest.raises(UsageError, match=said):
            Video(data, fps=fps)


@pytest.mark.skipif(find_spec("av") is None, reason="PyAV is not installed")
@pytest.mark.parametrize(
    "frames", [FRAMES, FRAMES[:, :5, :7, 0], FRAMES[:, :, :, :1].astype(np.uint16) * 256]
)
def test_frames_become_mp4_where_pyav_is(frames: np.ndarray):
    """With PyAV there is an MP4 of as many frames, its sides even."""
    import av

    value, data = film(Video(frames, fps=10))
    assert value.file.mime == "video/mp4"
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(decoded) == len(frames)
    assert decoded[0].shape == (value.height + value.height % 2, value.width + value.width % 2, 3)
