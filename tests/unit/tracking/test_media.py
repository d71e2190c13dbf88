"""What log() makes of anything: each kind is recognised, and nothing raises."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.errors import UsageError
from notabene.model.values import ListValue, digests_in, gunzipped, read_as
from notabene.tracking.media import (
    Audio,
    Figure,
    Histogram,
    Html,
    Image,
    Media,
    MediaList,
    Table,
    Text,
    Video,
    as_value,
)


class Failing:
    """Everything one may ask of it fails."""

    dtype = "float32"

    @property
    def shape(self) -> tuple[int, ...]:
        """Fails."""
        raise RuntimeError("no")


@pytest.fixture(scope="module", autouse=True)
def fonts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Matplotlib keeps its fonts open: let it open them before a test counts open files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", str(tmp_path_factory.mktemp("matplotlib")))
        matplotlib = pytest.importorskip("matplotlib.figure")
        matplotlib.Figure().add_subplot().figure.savefig(io.BytesIO())


RECOGNISED: list[tuple[Any, type[Media]]] = [
    ("text", Text),
    ("", Text),
    (np.arange(3), Histogram),
    (np.zeros((2, 2), np.float16), Histogram),
    ([1, 2.5, True], Histogram),
    ((1, 2), Histogram),
    ([np.float32(1), np.float32(2)], Histogram),
    (["a", "b"], MediaList),
    ([np.arange(3), np.arange(2)], MediaList),
    ([Text("a"), Image(np.zeros((2, 2)))], MediaList),
]


@pytest.mark.parametrize(
    ("value", "kind"),
    RECOGNISED,
    ids=[f"{i}-{type(v).__name__}" for i, (v, _) in enumerate(RECOGNISED)],
)
def test_plain_values_are_recognised(value: Any, kind: type[Media]):
    """Texts, arrays of several numbers and lists have their kind, and can be encoded."""
    media = as_value(value)
    assert type(media) is kind
    assert media is not None
    assert msgspec.msgpack.encode(media.encode().value)


def test_media_are_what_they_are():
    """A value that is media already is taken as it is."""
    image = Image(np.zeros((2, 2)))
    assert as_value(image) is image


def test_libraries_are_recognised():
    """Pictures, figures and frames of the usual libraries have their kind."""
    image = pytest.importorskip("PIL.Image")
    plotly = pytest.importorskip("plotly.graph_objects")
    figure = pytest.importorskip("matplotlib.figure").Figure()
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    arrow = pytest.importorskip("pyarrow")
    for value, kind in [
        (image.new("L", (2, 2)), Image),
        (figure, Figure),
        (figure.add_subplot(), Figure),
        (plotly.Figure(), Figure),
        (pandas.DataFrame({"a": [1]}), Table),
        (polars.DataFrame({"a": [1]}), Table),
        (arrow.table({"a": [1]}), Table),
        (pandas.Series([1, 2]), Histogram),
        (polars.Series([1, 2]), Histogram),
        (pandas.Series(["a", "b"]), Table),
        (polars.Series(["a", "b"]), Table),
        ([image.new("L", (2, 2))] * 2, MediaList),
    ]:
        media = as_value(value)
        assert type(media) is kind, value
        assert media is not None
        assert media.encode().kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", Image),
        ("a.wav", Audio),
        ("a.mp4", Video),
        ("a.html", Html),
        ("a.pt", Text),
        ("none.png", Text),
    ],
)
def test_paths_of_media(tmp_path: Path, name: str, kind: type[Media]):
    """A path of a picture, sound, video or page is that; any other path is its text."""
    if not name.startswith("none"):
        (tmp_path / name).write_bytes(b"content")
    media = as_value(tmp_path / name)
    assert type(media) is kind
    if isinstance(media, Text):
        assert media.text == str(tmp_path / name)


@pytest.mark.parametrize(
    "value",
    [
        None, b"bytes", 1j, {1}, {"a": 1}, object(), [], [[1], [2]], ["a", 1], ["a", None],
        range(3), np.array(["a"]), np.zeros(2, complex), Failing(), [Failing()], len, Path,
    ],
    ids=lambda v: type(v).__name__ + str(v)[:9].replace("<", ""),
)  # fmt: skip
def test_what_is_not_recognised(value: Any):
    """Anything else is None, never an error: log() keeps its text."""
    assert as_value(value) is None


@given(st.recursive(st.none() | st.floats() | st.text() | st.binary(), st.lists, max_leaves=5))
def test_recognition_never_raises(value: Any):
    """Whatever is logged, it is recognised and can be encoded, or it is not."""
    media = as_value(value)
    assert media is None or media.encode().kind


def test_tensors_and_arrays_of_jax():
    """Arrays of frameworks are histograms; what has no numbers yet is not recognised."""
    torch = pytest.importorskip("torch")
    media = as_value(torch.tensor([1.0, math.nan], requires_grad=True))
    assert media is not None
    assert media.encode().value["nan"] == 1
    assert as_value(torch.empty(3, device="meta")) is None


class TestLists:
    """Several values under one name."""

    def test_short_lists_stand_inline(self):
        """Items keep their kind and order; their blobs are the list's."""
        pixels = [np.full((2, 2), i, np.uint8) for i in range(3)]
        encoded = MediaList([Image(p, caption=str(i)) for i, p in enumerate(pixels)]).encode()
        value = read_as(ListValue, encoded.value)
        assert value.count == 3
        assert [item.kind for item in value.items] == ["image"] * 3
        assert [item.value["caption"] for item in value.items] == ["0", "1", "2"]
        assert {blob.digest for blob in encoded.blobs} == set(digests_in(encoded.value))

    def test_long_lists_are_two_blobs(self):
        """Items beyond what a record should hold are in a blob, their bytes in a pack."""
        images = [Image(np.full((2, 2), i % 256, np.uint8), caption="x" * 100) for i in range(500)]
        encoded = MediaList([*images, "text"]).encode()
        value = read_as(ListValue, encoded.value)
        assert (value.count, value.items) == (501, ())
        assert len(encoded.blobs) == 2
        assert set(digests_in(encoded.value)) == {blob.digest for blob in encoded.blobs}
        items = msgspec.json.decode(gunzipped(encoded.blobs[0].data or b""))
        assert items[-1] == {"kind": "text", "value": {"text": "text", "chars": 4}}
        place, pack = items[7]["value"]["file"], encoded.blobs[1].data or b""
        assert pack[place["at"] : place["at"] + place["size"]] == images[7].encode().blobs[0].data

    def test_what_is_no_media_is_refused(self):
        """A list that one makes oneself says what it cannot hold."""
        with pytest.raises(UsageError, match="cannot hold a object"):
            MediaList([Text("a"), object()])
